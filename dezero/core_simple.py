"""The framework as the book has it at the end of step 22, put into a package: first derivatives, in one file.

The idea: a ``Variable`` is a box for an array. A ``Function`` takes Variables and makes new ones, and each of
these remembers it as its creator. From a result to its creator, on to that one's inputs, and so on back to
the start: along this way ``backward`` carries the gradient, each Function multiplying it by its derivative.

Gradients are plain arrays here and shapes do not broadcast. ``dezero.Variable`` lifts both limits.

Steps 1 to 22 of the tutorial build it, one idea after the other. Without its docstrings and type hints this is, line
by line, the framework in ``steps/step22.py``.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

import numpy as np


class _Config(threading.local):
    enable_backprop = True  # remember creators?


Config = _Config()  # each thread sees its own


@contextmanager
def using_config(name: str, value: Any) -> Iterator[None]:
    """Sets a switch of ``Config`` inside a ``with`` block; the old value comes back however it ends."""
    old = getattr(Config, name)
    setattr(Config, name, value)
    try:
        yield
    finally:
        setattr(Config, name, old)


def no_grad() -> Any:
    """``with no_grad():`` computes without remembering how, which saves memory."""
    return using_config("enable_backprop", False)


class Variable:
    """A box for an array, with room for its gradient.

    Example:
        >>> x = Variable(np.array(3.0))
        >>> y = x**2 + 1
        >>> y.backward()
        >>> y, x.grad
        (variable(10.0), array(6.))
    """

    __array_priority__ = 200  # in ``array + variable`` it is the Variable that adds ...
    __array_ufunc__ = None  # ... and ``np.sin(variable)`` is an error, not an array of objects

    def __init__(self, data: Any, name: str | None = None):
        if data is not None and not isinstance(data, np.ndarray):
            got = type(data).__name__
            raise TypeError(f"Variable needs a NumPy array, got {got}. Wrap it: Variable(np.array({data!r})).")
        self.data: Any = data
        self.name = name
        self.grad: Any = None
        self.creator: Function | None = None
        self.generation = 0
        self.from_no_grad = False

    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    size = property(lambda self: self.data.size)
    dtype = property(lambda self: self.data.dtype)

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return "variable(" + str(self.data).replace("\n", "\n" + " " * 9) + ")"

    def set_creator(self, func: Function) -> None:
        self.creator = func
        self.generation = func.generation + 1

    def cleargrad(self) -> None:
        """Forgets the gradient. Without this the next ``backward`` adds to it."""
        self.grad = None

    def backward(self, retain_grad: bool = False) -> None:
        """Adds to the ``grad`` of each leaf (a Variable without a creator) the derivative of this one by it.

        Starts from ``self.grad``, or from ones where that is None. With ``retain_grad`` the Variables on the
        way keep their gradients too.
        """
        if self.from_no_grad:
            raise RuntimeError("backward: this Variable was computed under no_grad(), so it has no graph.")
        start = np.ones_like(self.data) if self.grad is None else self.grad
        self.grad = None
        grads: dict[Any, Any] = {self: start}  # those of this walk; what an older one left does not count
        for f in _functions_behind(self):
            ys = [ref() for ref in f.outputs]  # None for one that nobody kept
            gys = [grads.pop(y, zeros) for y, zeros in zip(ys, f.zeros)]
            for y, gy in zip(ys, gys):
                if y is not None:
                    y.grad = gy.copy() if retain_grad else None
            for x, gx in zip(f.inputs, f.checked_backward(*gys)):
                if gx is not None:
                    grads[x] = as_array(grads[x] + gx) if x in grads else gx  # every use of x adds
        for x, gx in grads.items():  # only leaves are left; a + b gives both the same array, so copy
            x.grad = gx.copy() if x.grad is None else as_array(x.grad + gx)


def _functions_behind(y: Variable) -> list[Function]:
    """The Functions that led to ``y``, each once, and each after all that used its outputs."""
    found: dict[Function, None] = {}  # a set that keeps its order
    variables = [y]
    while variables:
        f = variables.pop().creator
        if f is not None and f not in found:
            found[f] = None
            variables.extend(f.inputs)
    return sorted(found, key=lambda f: f.generation, reverse=True)


class Function:
    """What makes new Variables. A subclass says how: ``forward(*xs)`` and its derivative ``backward(*gys)``.

    Both get arrays and return an array or a tuple of them, ``backward`` one gradient per input, or None.
    ``backward`` finds the input Variables in ``self.inputs``, and the first output as ``self.outputs[0]()``.

    Example:
        >>> class Square(Function):
        ...     def forward(self, x):
        ...         return x**2
        ...
        ...     def backward(self, gy):
        ...         return 2 * self.inputs[0].data * gy
        >>> x = Variable(np.array(3.0))
        >>> Square()(x).backward()
        >>> x.grad
        array(6.)
    """

    generation = 0
    inputs: Sequence[Variable] = ()
    outputs: Sequence[weakref.ref[Variable]] = ()  # weak: they hold this Function, and a circle is freed late
    zeros: Sequence[np.ndarray] = ()  # the gradient of an output that nobody uses

    def __call__(self, *inputs: Any) -> Any:
        f = copy(self) if self.outputs else self  # a second call must not overwrite what the first remembers
        variables = [as_variable(x) for x in inputs]
        ys = f.forward(*[x.data for x in variables])
        outputs = [Variable(as_array(y)) for y in (ys if isinstance(ys, tuple) else (ys,))]
        if Config.enable_backprop:
            f.generation = max((x.generation for x in variables), default=0)
            f.inputs = variables
            f.outputs = [weakref.ref(y) for y in outputs]
            f.zeros = [np.broadcast_to(y.dtype.type(0), y.shape) for y in outputs]  # one number each
        for y in outputs:
            y.from_no_grad = not Config.enable_backprop
            if Config.enable_backprop:
                y.set_creator(f)
        return outputs if len(outputs) > 1 else outputs[0]

    def checked_backward(self, *gys: np.ndarray) -> list[Any]:
        """``backward``, as a list of gradients that fit the inputs."""
        gxs = self.backward(*gys)
        gxs = gxs if isinstance(gxs, tuple) else (gxs,)
        who = f"{type(self).__name__}.backward"
        if len(gxs) != len(self.inputs):
            raise RuntimeError(f"{who} returned {len(gxs)} gradients for {len(self.inputs)} inputs.")
        for i, (x, gx) in enumerate(zip(self.inputs, gxs)):
            if isinstance(gx, Variable):
                raise TypeError(f"{who}: gradient {i} is a Variable. Use arrays: self.inputs[{i}].data.")
            if gx is not None and np.shape(gx) != x.shape:
                raise RuntimeError(f"{who}: gradient {i} has shape {np.shape(gx)}, but input {i} {x.shape}.")
        return [gx if gx is None else _of_dtype(x.dtype, gx) for x, gx in zip(self.inputs, gxs)]

    def forward(self, *xs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward(self, *xs).")

    def backward(self, *gys: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no backward(self, *gys).")


def as_array(x: Any) -> np.ndarray:
    """``x`` as an array. ``np.array(2.0) * 3`` is a NumPy scalar, which is none."""
    return np.asarray(x)


def _of_dtype(dtype: np.dtype, gx: Any) -> np.ndarray:
    """``gx`` as an array; that of a float32 input is float32, whatever it met on the way."""
    return np.asarray(gx, dtype=dtype if dtype.kind == "f" else None)


def as_variable(obj: Any) -> Variable:
    """``obj`` as a Variable; a Variable stays as it is."""
    return obj if isinstance(obj, Variable) else Variable(obj)


_NUMBER = (int, float, np.generic, np.ndarray)  # a 0-d array is one


def _operand(x: Any, other: Any) -> Variable:
    """``x`` as a Variable to compute with ``other``; a number takes the shape and dtype of ``other``."""
    if isinstance(x, _NUMBER) and np.ndim(x) == 0 and isinstance(other, (Variable, np.ndarray)):
        x = np.full(other.shape, x, dtype=np.result_type(other.dtype, x))
    return as_variable(x)


def _apply(f: Function, x0: Any, x1: Any) -> Variable:
    x0, x1 = _operand(x0, x1), _operand(x1, x0)
    if x0.shape != x1.shape:
        who = type(f).__name__
        raise ValueError(f"{who}: shapes {x0.shape} and {x1.shape} differ; only dezero.Variable broadcasts.")
    return f(x0, x1)


class Add(Function):
    """y = x0 + x1;  dy/dx0 = dy/dx1 = 1."""

    def forward(self, x0, x1):
        return x0 + x1

    def backward(self, gy):
        return gy, gy


class Mul(Function):
    """y = x0 x1;  dy/dx0 = x1, dy/dx1 = x0."""

    def forward(self, x0, x1):
        return x0 * x1

    def backward(self, gy):
        x0, x1 = self.inputs
        return gy * x1.data, gy * x0.data


class Neg(Function):
    """y = -x;  dy/dx = -1."""

    def forward(self, x):
        return -x

    def backward(self, gy):
        return -gy


class Sub(Function):
    """y = x0 - x1;  dy/dx0 = 1, dy/dx1 = -1."""

    def forward(self, x0, x1):
        return x0 - x1

    def backward(self, gy):
        return gy, -gy


class Div(Function):
    """y = x0 / x1;  dy/dx0 = 1 / x1, dy/dx1 = -x0 / x1^2."""

    def forward(self, x0, x1):
        return x0 / x1

    def backward(self, gy):
        x0, x1 = self.inputs
        return gy / x1.data, -gy * x0.data / x1.data**2


class Pow(Function):
    """y = x^c;  dy/dx = c x^(c - 1)."""

    def __init__(self, c):
        self.c = c

    def forward(self, x):
        return x**self.c

    def backward(self, gy):
        x, c = self.inputs[0].data, self.c
        return gy * c * x ** (c - 1) if c != 0 else np.zeros_like(x)  # 0 * inf at x = 0


def add(x0, x1):
    return _apply(Add(), x0, x1)


def mul(x0, x1):
    return _apply(Mul(), x0, x1)


def neg(x):
    return Neg()(x)


def sub(x0, x1):
    return _apply(Sub(), x0, x1)


def rsub(x0, x1):
    return sub(x1, x0)


def div(x0, x1):
    return _apply(Div(), x0, x1)


def rdiv(x0, x1):
    return div(x1, x0)


def pow(x, c):
    if not isinstance(c, _NUMBER):
        raise TypeError(f"pow: the exponent must be a number here, got {type(c).__name__}.")
    x = as_variable(x)
    return Pow(np.asarray(c, dtype=np.result_type(x.dtype, c)))(x)  # float32 stays float32


def setup_variable() -> None:
    """Gives Variable its operators. The r-versions serve ``2 - x``, where the left side is no Variable."""
    plain = {"add": add, "sub": sub, "mul": mul, "truediv": div, "neg": neg, "pow": pow}
    swapped = {"radd": add, "rsub": rsub, "rmul": mul, "rtruediv": rdiv}
    for name, operator in (plain | swapped).items():
        setattr(Variable, f"__{name}__", operator)


setup_variable()
