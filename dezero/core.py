"""The engine: Variables, the Functions that connect them, and the walk that carries gradients back.

A ``Function`` called on Variables computes with their arrays and, where a gradient may be wanted, notes where
its outputs came from. So every result holds the graph that made it::

    x ──> Function ──> y          y.creator is the Function, Function.inputs is [x]

``y.backward()`` walks this graph from ``y`` to the leaves, the last Function first, and multiplies the
gradient by each Function's derivative. With ``create_graph=True`` the walk itself is recorded, so a gradient is
a Variable like any other and can be differentiated again.

Variable gets its operators (``x + y``) and methods (``x.sum()``) from ``functions/operators.py``, because they
are Functions, and Functions are built on this module.
"""

from __future__ import annotations

import copy
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from . import cuda
from .arrays import as_array
from .config import Config, using_config
from .cuda import get_array_module, is_array


class Variable:
    """An array and its place in a computation graph.

    Args:
        data: NumPy or CuPy array, or None for data that comes later.
        name: Shown in graph pictures.
        requires_grad: Whether ``backward()`` shall compute a gradient for it.

    Attributes:
        grad: The gradient, a Variable with the shape of ``data``; None until ``backward()`` came by.
        creator: The Function that made this Variable; None for one made by a user, a leaf.
        generation: Steps from the leaves; a Function's outputs are one generation above its inputs.

    Raises:
        TypeError: ``data`` is neither an array nor None.

    Example:
        >>> x = Variable(np.array(3.0))
        >>> y = x * x + 1
        >>> y.backward()
        >>> x.grad
        variable(6.0)
    """

    __slots__ = ("__weakref__", "creator", "data", "generation", "grad", "name", "requires_grad")
    __array_priority__ = 200  # in ``array + variable`` it is the Variable that adds

    data: Any
    name: str | None
    grad: Variable | None
    creator: Function | None
    generation: int
    requires_grad: bool

    numpy_functions: ClassVar[dict[Any, Callable[..., Any]]] = {}  # NumPy's -> ours; see functions/operators.py

    def __init__(self, data: Any, name: str | None = None, requires_grad: bool = True):
        if data is not None and not is_array(data):
            raise TypeError(
                f"{type(self).__name__} needs a NumPy or CuPy array, got {type(data).__name__}."
                f" Wrap it first: {type(self).__name__}(np.array({data!r}))."
            )
        self.data = data
        self.name = name
        self.grad = None
        self.creator = None
        self.generation = 0
        self.requires_grad = requires_grad

    # ---- what it looks like

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return self.data.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.data.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.data.size

    @property
    def dtype(self) -> Any:
        """Type of the elements."""
        return self.data.dtype

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        if self.data is None:
            return "variable(None)"
        text = str(cuda.as_numpy(self.data)).replace("\n", "\n" + " " * 9)
        return f"variable({text})"

    # ---- as a number or an array; nothing computed this way has a gradient

    def item(self) -> Any:
        """The only element, as a Python number. Waits for the GPU if it is there."""
        return self.data.item()

    def __float__(self) -> float:
        return float(self.data)

    def __int__(self) -> int:
        return int(self.data)

    def __bool__(self) -> bool:
        return bool(self.data)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.data, dtype=dtype) if copy else np.asarray(self.data, dtype=dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs and ufunc in self.numpy_functions:
            return self.numpy_functions[ufunc](*inputs)
        if method == "__call__" and kwargs.keys() == {"out"} and all(is_array(out) for out in kwargs["out"]):
            return ufunc(*[_data(x) for x in inputs], **kwargs)  # x.data -= lr * x.grad: arrays have no graph
        raise _no_numpy(ufunc)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function in self.numpy_functions:
            return self.numpy_functions[function](*args, **kwargs)
        raise _no_numpy(function)

    def __lt__(self, other: Any) -> Any:
        return self.data < _data(other)

    def __le__(self, other: Any) -> Any:
        return self.data <= _data(other)

    def __gt__(self, other: Any) -> Any:
        return self.data > _data(other)

    def __ge__(self, other: Any) -> Any:
        return self.data >= _data(other)

    def __eq__(self, other: Any) -> Any:
        return self.data == _data(other)

    def __ne__(self, other: Any) -> Any:
        return self.data != _data(other)

    __hash__ = object.__hash__  # graphs and optimizers keep Variables by identity

    # ---- its place in the graph

    def set_creator(self, function: Function) -> None:
        """Notes that ``function`` made this Variable."""
        self.creator = function
        self.generation = function.generation + 1

    def unchain(self) -> None:
        """Forgets the Function that made this Variable, which becomes a leaf."""
        self.creator = None

    def unchain_backward(self) -> None:
        """Cuts the graph behind this Variable: everything it was computed from becomes a leaf.

        So does what else the same Functions returned: the memory c of an LSTM beside its state h.
        """
        functions = [] if self.creator is None else [self.creator]
        while functions:
            for x in functions.pop().inputs:
                f = x.creator
                if f is not None:
                    functions.append(f)
                    x.unchain()
                    for ref in f.outputs:
                        y = ref()
                        if y is not None:
                            y.unchain()

    def detach(self) -> Variable:
        """The same data as a constant: shares the array, has no graph and gets no gradient."""
        return Variable(self.data, self.name, requires_grad=False)

    def cleargrad(self) -> None:
        """Forgets the gradient."""
        self.grad = None

    def backward(self, retain_grad: bool = False, create_graph: bool = False, retain_graph: bool = True) -> None:
        """Adds the derivative of this Variable by each leaf to that leaf's ``grad``.

        Starts from ``self.grad``, or from ones where that is None. For an array of more than one element this is
        the derivative of the sum of the elements, weighted by ``self.grad``.

        Args:
            retain_grad: Also leave each intermediate Variable its gradient (that of this walk). Otherwise
                intermediate gradients go as soon as they were used, and that of this Variable with them.
            create_graph: Record the walk, so that the gradients can be differentiated again.
            retain_graph: Keep the graph for another walk or a picture. With False the walk lets go of each
                Function's inputs once they were used: the memory of a training step falls while it runs.

        Raises:
            RuntimeError: There is no graph to walk, or a Function on the way returned wrong gradients.

        Note:
            The walk reads the arrays that the forward pass used. Do not change them in place in between
            (``x.data += 1``); ``using_config("detect_inplace", True)`` around both finds where it happens.
        """
        if self.creator is None and not self.requires_grad:
            raise RuntimeError(
                "backward: this Variable has no graph behind it. It was computed under no_grad(), or from inputs"
                " that need no gradient, or it is a gradient from a backward() without create_graph=True."
            )
        seed = _ones_like(self) if self.grad is None else as_variable(self.grad)
        if self.creator is None:
            self.grad = seed
            return
        with using_config("enable_backprop", create_graph):
            walk = _Walk([self], [seed], create_graph)
            walk.run(_reachable([self]), retain_grad=retain_grad, release=not (retain_graph or create_graph))
            for x, gx in walk.leaves():
                x.grad = gx if x.grad is None else x.grad + gx

    # ---- where it lives

    def to_cpu(self) -> None:
        """Moves the data, and the gradient if there is one, to the host."""
        self._move(cuda.as_numpy)

    def to_gpu(self) -> None:
        """Moves the data, and the gradient if there is one, to the GPU."""
        self._move(cuda.as_cupy)

    def _move(self, convert: Callable[[Any], Any]) -> None:
        if self.data is not None:
            self.data = convert(self.data)
        if self.grad is not None:
            self.grad._move(convert)

    def __getstate__(self) -> tuple[Any, ...]:
        return self.data, self.name, self.grad, self.requires_grad  # a copy is a leaf: the graph stays behind

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.data, self.name, self.grad, self.requires_grad = state
        self.creator, self.generation = None, 0

    if TYPE_CHECKING:  # given to the class by functions/operators.py

        def __add__(self, other: Any) -> Variable: ...
        def __radd__(self, other: Any) -> Variable: ...
        def __sub__(self, other: Any) -> Variable: ...
        def __rsub__(self, other: Any) -> Variable: ...
        def __mul__(self, other: Any) -> Variable: ...
        def __rmul__(self, other: Any) -> Variable: ...
        def __truediv__(self, other: Any) -> Variable: ...
        def __rtruediv__(self, other: Any) -> Variable: ...
        def __pow__(self, other: Any) -> Variable: ...
        def __rpow__(self, other: Any) -> Variable: ...
        def __matmul__(self, other: Any) -> Variable: ...
        def __rmatmul__(self, other: Any) -> Variable: ...
        def __neg__(self) -> Variable: ...
        def __abs__(self) -> Variable: ...
        def __getitem__(self, slices: Any) -> Variable: ...
        def __iter__(self) -> Iterator[Variable]: ...
        def reshape(self, *shape: Any) -> Variable: ...
        def transpose(self, *axes: Any) -> Variable: ...
        def sum(self, axis: Any = None, keepdims: bool = False) -> Variable: ...
        def mean(self, axis: Any = None, keepdims: bool = False) -> Variable: ...
        def var(self, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Variable: ...
        def std(self, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Variable: ...
        def prod(self, axis: Any = None, keepdims: bool = False) -> Variable: ...
        def cumsum(self, axis: int | None = None) -> Variable: ...
        def max(self, axis: Any = None, keepdims: bool = False) -> Variable: ...
        def min(self, axis: Any = None, keepdims: bool = False) -> Variable: ...
        def argmax(self, axis: int | None = None, keepdims: bool = False) -> Variable: ...
        def argmin(self, axis: int | None = None, keepdims: bool = False) -> Variable: ...
        def squeeze(self, axis: Any = None) -> Variable: ...
        def swapaxes(self, axis1: int, axis2: int) -> Variable: ...
        def repeat(self, repeats: Any, axis: int | None = None) -> Variable: ...
        def matmul(self, W: Any) -> Variable: ...
        def dot(self, W: Any) -> Variable: ...
        def astype(self, dtype: Any) -> Variable: ...
        @property
        def T(self) -> Variable: ...


class Parameter(Variable):
    """A Variable that training changes. Layers find it by its class, and optimizers update it.

    Example:
        >>> Parameter(np.zeros(2), name="b")
        variable([0. 0.])
    """

    __slots__ = ()


class Buffer(Variable):
    """State of a Layer that is saved with the weights but not trained, such as a running mean."""

    __slots__ = ()

    def __init__(self, data: Any, name: str | None = None):
        super().__init__(data, name, requires_grad=False)


def as_variable(obj: Any) -> Variable:
    """``obj`` as a Variable; a Variable stays as it is.

    Args:
        obj: Variable or array.

    Raises:
        TypeError: Anything else.

    Example:
        >>> as_variable(np.array(2.0))
        variable(2.0)
    """
    return obj if isinstance(obj, Variable) else Variable(obj)


def constant(obj: Any, who: str) -> Variable:
    """An array or a number that ``who`` computes with and that gets no gradient."""
    if type(obj) is not np.ndarray and not is_array(obj):
        if not isinstance(obj, (int, float, np.generic)):
            raise TypeError(f"{who} works on Variables, arrays and numbers, got {type(obj).__name__}.")
        obj = np.asarray(obj)
    return _variable(obj, requires_grad=False)


def as_operand(x: Any, who: str) -> Variable:
    """``x`` as ``who`` computes with it: a Variable stays one, an array or a number is a constant."""
    if not isinstance(x, Variable):
        return constant(x, who)
    if x.data is None:
        raise TypeError(_no_data(x, who))
    return x


def _variable(data: Any, requires_grad: bool) -> Variable:
    """A Variable around what is known to be an array: ``Variable(data)`` without the questions."""
    v = _new(Variable)
    v.data = data
    v.name = v.grad = v.creator = None
    v.generation = 0
    v.requires_grad = requires_grad
    return v


def _ones_like(v: Variable) -> Variable:
    """The gradient of ``v`` by itself."""
    data = v.data
    if type(data) is np.ndarray and not data.shape:
        return _variable(np.array(1, data.dtype), requires_grad=False)  # in a quarter of the time of np.ones_like
    return _variable(get_array_module(data).ones_like(data), requires_grad=False)


_new, _ref = object.__new__, weakref.ref  # looked up once, not at every op


def _no_numpy(function: Any) -> TypeError:
    name = function.__name__
    return TypeError(
        f"np.{name}, called so, does not work on a Variable. Take a function of dezero.functions, or"
        f" np.{name} of v.data where no gradient is needed."
    )


def _no_data(v: Variable, who: str) -> str:
    name = f" {v.name}" if v.name else ""
    return f"{who}: the {type(v).__name__}{name} has no data yet. Give it some, as in v.data = np.array(1.0)."


def _data(x: Any) -> Any:
    return x.data if isinstance(x, Variable) else x


class Function:
    """An operation on arrays that knows its derivative. A new one is a subclass with two methods.

    ``forward(self, *xs)`` gets arrays and returns an array, or a tuple of them.
    ``backward(self, *gys)`` gets the gradient of each output as a Variable, and returns that of each input
    (one Variable, or a tuple; None for an input that has no gradient). What it computes with Variables can be
    differentiated again. It finds its inputs in ``self.inputs``, its outputs as ``self.outputs[0]()``.

    Attributes:
        inputs: The input Variables, once the call was recorded.
        outputs: Weak references to the output Variables, so that a graph holds its past but not its future.
        needs_grad: For each input, whether anybody asked for its gradient. Worth a look before a costly one.
        generation: That of the youngest input.

    Example:
        >>> class Cube(Function):
        ...     def forward(self, x):
        ...         return x * x * x
        ...
        ...     def backward(self, gy):
        ...         (x,) = self.inputs
        ...         return gy * x * x * 3
        >>> x = Variable(np.array(2.0))
        >>> Cube()(x).backward()
        >>> x.grad
        variable(12.0)
    """

    inputs: Sequence[Variable] = ()
    outputs: Sequence[Callable[[], Any]] = ()
    needs_grad: Sequence[bool] = ()
    generation: int = 0
    takes_numbers: bool = False  # instead of arrays without axes, with which operators take thrice as long
    _released: bool = False  # whether a walk let go of the inputs
    _specs: list[tuple[tuple[int, ...], Any]] | None = None  # shape and dtype of each output, if several
    _fingerprints: list[int] | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "backward" in vars(cls) and "array_backward" not in vars(cls):
            cls.array_backward = Function.array_backward  # type: ignore[method-assign]  # a new formula, not an inherited shortcut

    def __call__(self, *inputs: Any) -> Any:
        if self.outputs:  # called before: that call's place in the graph must stay
            return self._another()(*inputs)
        numbers = self.takes_numbers
        xs: list[Variable] = []
        arrays, needs, generation = [], [], 0
        for x in inputs:
            if not isinstance(x, Variable):
                x = constant(x, type(self).__name__)
            xs.append(x)
            data = x.data
            if data is None:
                raise TypeError(_no_data(x, type(self).__name__))
            arrays.append(data[()] if numbers and not data.shape else data)
            needs.append(x.requires_grad)
            if x.generation > generation:
                generation = x.generation
        ys = self.forward(*arrays)
        recorded = True in needs and Config.enable_backprop
        if recorded:
            self.inputs = xs
            self.needs_grad = tuple(needs)  # which the garbage collector need not look into
            self.generation = generation
        if type(ys) is tuple:
            return self._outputs(ys, xs, recorded)
        y = _variable(ys if type(ys) is np.ndarray else self._as_array(ys, xs), recorded)
        if recorded:
            y.creator = self
            y.generation = generation + 1
            self.outputs = (_ref(y),)
            if Config.detect_inplace:
                self._take_fingerprints((*xs, y))
        return y

    def forward(self, *xs: Any) -> Any:
        """Computes the outputs: arrays in, an array or a tuple of arrays out."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(self, *xs).")

    def backward(self, *gys: Any) -> Any:
        """Computes the gradients of the inputs from those of the outputs: Variables in, Variables out."""
        raise NotImplementedError(f"{type(self).__name__} has no backward(self, *gys).")

    def array_backward(self, *gys: Any) -> Any:
        """``backward`` on bare arrays, for a walk that is not recorded. An op may have a shorter way."""
        gxs = self.backward(*[_variable(gy, False) for gy in gys])
        return [_data(gx) for gx in gxs] if isinstance(gxs, (tuple, list)) else _data(gxs)

    def fit_gradient(self, i: int, gx: Any, shape: tuple[int, ...]) -> Any:
        """Brings a gradient of the wrong shape to that of input ``i``, where the op knows how."""
        raise RuntimeError(
            f"{type(self).__name__}.backward: gradient {i} has shape {tuple(gx.shape)}, but input {i} has shape"
            f" {tuple(shape)}. Undo broadcasting with sum_to(gx, x.shape)."
        )

    def _outputs(self, ys: tuple[Any, ...], xs: list[Variable], recorded: bool) -> Any:
        """What ``__call__`` returns where forward returned a tuple: a list, or what is alone in it."""
        outputs = [_variable(self._as_array(y, xs), recorded) for y in ys]
        if recorded:
            for y in outputs:
                y.set_creator(self)
            self.outputs = [_ref(y) for y in outputs]
            self._specs = [(y.data.shape, y.data.dtype) for y in outputs]
            if Config.detect_inplace:
                self._take_fingerprints((*xs, *outputs))
        return outputs if len(outputs) > 1 else outputs[0]

    def _as_array(self, y: Any, xs: list[Variable]) -> Any:
        """What forward returned; of 0-d results NumPy makes scalars, which become arrays again."""
        if isinstance(y, np.generic):
            return np.asarray(y)
        if is_array(y):
            return y
        if not isinstance(y, (int, float)):
            name = type(self).__name__
            raise TypeError(f"{name}.forward returned {type(y).__name__}; an array or a tuple of arrays is wanted.")
        return as_array(y, get_array_module(xs[0].data) if xs else np)

    def _take_fingerprints(self, variables: Sequence[Variable]) -> None:
        self._fingerprints = [_fingerprint(v.data) for v in variables]

    def _another(self) -> Function:
        function = copy.copy(self)
        for name in ("inputs", "outputs", "needs_grad", "generation", "_released", "_specs", "_fingerprints"):
            vars(function).pop(name, None)
        return function


class Copy(Function):
    """y = x in an array of its own."""

    def forward(self, x: Any) -> Any:
        return x.copy(order="K")

    def backward(self, gy: Any) -> Any:
        return gy


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> Any:
    """The derivative of ``outputs`` by ``inputs``, returned; no Variable's ``grad`` is read or written.

    Only what lies between the two is computed.

    Args:
        outputs: Variable or sequence of them. Several are summed.
        inputs: Variable or sequence of them, leaves or intermediate results.
        grad_outputs: For each output its weights, of its shape; ones where None.
        create_graph: Record the walk, so that the gradients can be differentiated again.
        allow_unused: Return None for an input that no output depends on.

    Returns:
        A Variable for a Variable, a list for a sequence; each with the shape of its input.

    Raises:
        ValueError: An input that no output depends on, unless ``allow_unused``.
        RuntimeError: As ``Variable.backward``.

    Example:
        >>> x = Variable(np.array(2.0))
        >>> y = x**3
        >>> gx = grad(y, x, create_graph=True)
        >>> gx, grad(gx, x)
        (variable(12.0), variable(12.0))
    """
    ys, xs = _as_list(outputs), _as_list(inputs)
    weights = [None] * len(ys) if grad_outputs is None else _as_list(grad_outputs)
    if len(weights) != len(ys):
        raise ValueError(f"grad: {len(ys)} outputs, but {len(weights)} grad_outputs.")
    seeds = [_ones_like(y) if w is None else as_variable(w) for y, w in zip(ys, weights)]
    between = _between(_reachable(ys), set(xs))
    with using_config("enable_backprop", create_graph):
        walk = _Walk(ys, seeds, create_graph, wanted=frozenset(xs))
        walk.run(list(between), needs=between)
    found = [walk.gradient(x) for x in xs]
    missing = [i for i, gx in enumerate(found) if gx is None]
    if missing and not allow_unused:
        raise ValueError(f"grad: no output depends on input {missing[0]}. allow_unused=True gives None for it.")
    return found[0] if isinstance(inputs, Variable) else found


def _as_list(x: Any) -> list[Any]:
    return list(x) if isinstance(x, (tuple, list)) else [x]


def _reachable(outputs: Iterable[Variable]) -> list[Function]:
    """Every Function behind ``outputs``, inputs before what was computed from them."""
    found: dict[Function, None] = {y.creator: None for y in outputs if y.creator is not None}
    stack = list(found)
    while stack:
        f = stack.pop()
        if f._released:
            raise RuntimeError(
                f"backward: the graph behind {type(f).__name__} was released by backward(retain_graph=False)."
                " Compute it again, or keep it with retain_graph=True."
            )
        for x in f.inputs:
            creator = x.creator
            if creator is not None and creator not in found:
                found[creator] = None
                stack.append(creator)
    return sorted(found, key=attrgetter("generation"))


def _between(functions: list[Function], inputs: set[Variable]) -> dict[Function, Sequence[bool]]:
    """Of ``functions`` those that lead from ``inputs`` on, each with the inputs of its own that count."""
    leading: dict[Function, Sequence[bool]] = {}
    for f in functions:
        needs = [x.requires_grad and (x in inputs or x.creator in leading) for x in f.inputs]
        if True in needs:
            leading[f] = needs
    return leading


class _Walk:
    """One walk from results back to inputs. It keeps its gradients to itself, so no earlier walk can leak in.

    In a plain walk gradients are arrays, or NumPy's numbers where they have no axes; when the walk is recorded they
    are Variables. One that arrives at a leaf, or at a Variable that was asked for, is made private: an array of its
    own that nobody else holds.

    ``Config.enable_backprop`` says ``recorded`` too, as long as the walk lasts.
    """

    def __init__(
        self,
        outputs: list[Variable],
        seeds: list[Variable],
        recorded: bool,
        wanted: frozenset[Variable] = frozenset(),
    ):
        self.recorded = recorded
        self.wanted = wanted
        self.grads: dict[Variable, Any] = {}
        self.owned: set[Variable] = set()  # whose gradient is a sum made here: adding to it in place is safe
        for i, (y, seed) in enumerate(zip(outputs, seeds)):
            if seed.shape != y.shape:
                raise RuntimeError(
                    f"backward: the gradient of output {i} has shape {seed.shape}, but the output {y.shape}."
                )
            gy = Copy()(seed) if y in wanted or y in self.grads else seed
            if y in self.grads:
                gy = as_variable(self.grads[y]) + gy
            self.grads[y] = gy if recorded else gy.data

    def run(
        self,
        functions: list[Function],
        needs: dict[Function, Sequence[bool]] | None = None,
        retain_grad: bool | None = None,
        release: bool = False,
    ) -> None:
        """Takes ``functions`` from the last to the first.

        Args:
            functions: Those to walk through, first to last; emptied on the way, so that each can go.
            needs: For each Function the inputs that count; all that need a gradient, where None.
            retain_grad: Whether the outputs keep their gradients. None touches no ``grad``.
            release: Let go of each Function's inputs.
        """
        grads, wanted = self.grads, self.wanted
        while functions:
            f = functions.pop()
            if len(f.outputs) == 1:  # nearly always, so it goes the shortest way
                y = f.outputs[0]()  # held here, as f's backward may want to read it
                gy = grads.get(y) if y in wanted else grads.pop(y, None)
                if gy is not None:
                    self._through(f, (gy,), f.needs_grad if needs is None else needs[f])
                if y is not None and retain_grad is not None:
                    y.grad = self.as_gradient(gy) if retain_grad and gy is not None else None
            else:
                outputs = [y() for y in f.outputs]
                gys = self._output_gradients(f, outputs)
                if gys is not None:
                    self._through(f, gys, f.needs_grad if needs is None else needs[f])
                if retain_grad is not None:
                    self._settle(outputs, gys if retain_grad else None)
            if release:
                f.inputs, f._released = (), True

    def leaves(self) -> Iterator[tuple[Variable, Variable]]:
        """The leaves that were reached, each with its gradient."""
        for x in self.grads:
            if x.creator is None:
                yield x, self.as_gradient(self.grads[x], private=True)

    def gradient(self, x: Variable) -> Variable | None:
        """The gradient of ``x``, or None where the walk did not get there."""
        return self.as_gradient(self.grads[x], private=True) if x in self.grads else None

    def as_gradient(self, g: Any, private: bool = False) -> Variable:
        """A gradient of this walk as the Variable that a user gets to see."""
        if self.recorded:
            g.requires_grad = True  # also where it is constant: its own derivative is zero, not an error
            return g
        if isinstance(g, np.generic):
            return _variable(np.asarray(g), requires_grad=False)
        return _variable(g if private else g.copy(order="K"), requires_grad=False)

    def _settle(self, outputs: list[Variable | None], gys: list[Any] | None) -> None:
        """Leaves outputs their gradients, or None."""
        for i, y in enumerate(outputs):
            if y is not None:
                y.grad = None if gys is None else self.as_gradient(gys[i])

    def _output_gradients(self, f: Function, outputs: list[Any]) -> list[Any] | None:
        """What arrived at the outputs of ``f``; zeros for an output that nobody used, None if nobody used any."""
        gys, unused = [], False
        for y in outputs:
            gy = self.grads.get(y) if y in self.wanted else self.grads.pop(y, None)
            unused = unused or gy is None
            gys.append(gy)
        return self._with_zeros(f, gys) if unused else gys

    def _with_zeros(self, f: Function, gys: list[Any]) -> list[Any] | None:
        like = next((_data(gy) for gy in gys if gy is not None), None)
        if like is None:
            return None
        xp = get_array_module(like)
        for i, (shape, dtype) in enumerate(f._specs or ()):
            if gys[i] is None:
                gys[i] = (
                    _variable(xp.zeros(shape, dtype), requires_grad=False) if self.recorded else xp.zeros(shape, dtype)
                )
        return gys

    def _through(self, f: Function, gys: Sequence[Any], needs: Sequence[bool]) -> None:
        """Carries the gradients of ``f``'s outputs to its inputs."""
        if f._fingerprints is not None:
            _check_unchanged(f, f._fingerprints)
        inputs, grads, recorded = f.inputs, self.grads, self.recorded
        gxs = self._gradients(f, gys, needs)
        if type(gxs) is not tuple:
            gxs = tuple(gxs) if isinstance(gxs, list) else (gxs,)
        if len(gxs) != len(inputs):
            name = type(f).__name__
            raise RuntimeError(
                f"{name}.backward returned {len(gxs)} gradients, but {name} has {len(inputs)} inputs."
                " Return one for each, None where there is none."
            )
        for i, x in enumerate(inputs):
            gx = gxs[i]
            if gx is None or not needs[i]:
                continue
            if recorded and not isinstance(gx, Variable):
                raise RuntimeError(
                    f"{type(f).__name__}.backward: gradient {i} is {type(gx).__name__}, no Variable. Compute it with"
                    " Variables to differentiate it again (create_graph=True)."
                )
            array, data = gx.data if recorded else gx, x.data
            if array.shape != data.shape or array.dtype is not data.dtype:
                gx = self._fitted(f, i, x, gx)
            before = grads.get(x)
            if before is None:
                if x.creator is None or x in self.wanted:
                    gx = self._private(gx, f, gys, gxs[:i])
                grads[x] = gx
            elif x in self.owned:
                before += gx
            else:
                grads[x] = total = before + gx
                if not recorded and not isinstance(total, np.generic):
                    self.owned.add(x)

    def _gradients(self, f: Function, gys: Sequence[Any], needs: Sequence[bool]) -> Any:
        backward = f.backward if self.recorded else f.array_backward
        if not f.takes_numbers:
            gys = [np.asarray(gy) if isinstance(gy, np.generic) else gy for gy in gys]
        if needs is f.needs_grad:
            return backward(*gys)
        asked, f.needs_grad = f.needs_grad, needs
        try:
            return backward(*gys)
        finally:
            f.needs_grad = asked

    def _fitted(self, f: Function, i: int, x: Variable, gx: Any) -> Any:
        """``gx`` with the shape and dtype that a gradient of ``x`` has, or an error that names the culprit."""
        if gx.shape != x.data.shape:
            gx = f.fit_gradient(i, gx, x.data.shape)
        if gx.dtype != x.data.dtype and x.data.dtype.kind == "f":
            gx = gx.astype(x.data.dtype)  # an input of lower precision, mixed with one of higher
        return gx if self.recorded else as_array(gx, get_array_module(x.data))

    def _private(self, gx: Any, f: Function, gys: Sequence[Any], others: Sequence[Any]) -> Any:
        """``gx``, or a copy where its array is a view, or is held elsewhere: by a careless backward, say."""
        if isinstance(gx, np.generic):
            return gx
        if self.recorded:
            held = gx.data.base is not None or _is_held(gx.data, f, [_data(g) for g in (*gys, *others)])
            return Copy()(gx) if held else gx
        return gx.copy(order="K") if gx.base is not None or _is_held(gx, f, (*gys, *others)) else gx


def _is_held(array: Any, f: Function, gradients: Iterable[Any]) -> bool:
    """Whether ``array`` is that of an input or an output of ``f``, or one of ``gradients``."""
    for g in gradients:
        if g is array:
            return True
    for x in f.inputs:
        if x.data is array:
            return True
    for ref in f.outputs:
        y = ref()
        if y is not None and y.data is array:
            return True
    return False


def _fingerprint(array: Any) -> int:
    return zlib.crc32(cuda.as_numpy(array).tobytes())


def _check_unchanged(f: Function, fingerprints: list[int]) -> None:
    """Raises where an array that ``f`` read or wrote in the forward pass is no longer the same."""
    inputs = f.inputs
    for i, before in enumerate(fingerprints):
        kind, k = ("input", i) if i < len(inputs) else ("output", i - len(inputs))
        v = inputs[k] if kind == "input" else f.outputs[k]()
        if v is not None and _fingerprint(v.data) != before:
            raise RuntimeError(
                f"{type(f).__name__}.backward: {kind} {k} was changed in place after the forward pass."
                " Its gradient would be wrong; change a copy instead."
            )
