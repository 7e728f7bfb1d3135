"""Knows what a Layer is: something called like a function that owns parameters, and other layers that own more."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Set
from typing import Any, NamedTuple

import numpy as np

from .. import cuda
from ..core import Buffer, Parameter, Variable
from ..cuda import get_array_module
from ..serialization import load_npz, save_npz


class Part(NamedTuple):
    """Something in a tree of layers: where it is (``l1/W``), itself, and the Layer that it belongs to."""

    path: str
    value: Any
    owner: Layer


class _LastCall:
    """What ``layer.inputs`` and ``layer.outputs`` show. A layer's own attribute of that name comes first."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = "_" + name

    def __get__(self, layer: Layer | None, owner: type) -> Any:
        return self if layer is None else vars(layer).get(self.name, [])


class Layer:
    """Something called like a function that owns parameters. A new one is a subclass with a ``forward``.

    Every attribute that is a ``Parameter``, a ``Buffer`` (state that is saved but not trained) or a ``Layer``
    belongs to it, and so does what lies in a list, tuple or dict, nested or not. Their order is that in which
    they were assigned. What is used in two places counts once, under its first name.

    ``forward`` takes and returns anything. Instead of it, ``__call__`` may be overridden.

    Attributes:
        inputs: Weak references to the arguments of the last call, those that can be referenced so.
        outputs: Weak references to its results.

    Example:
        >>> class Affine(Layer):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.W = Parameter(np.ones((2, 1)))
        ...         self.b = Parameter(np.zeros(1))
        ...
        ...     def forward(self, x):
        ...         return F.linear(x, self.W, self.b)
        >>> layer = Affine()
        >>> layer(np.array([[1.0, 2.0]]))
        variable([[3.]])
        >>> [name for name, _ in layer.named_params()]
        ['W', 'b']
    """

    inputs: Any = _LastCall()
    outputs: Any = _LastCall()

    _params: dict[str, None]  # names of the attributes that may hold parts, in the order they were assigned
    _on_gpu = False  # where parameters go that come into being by loading

    def __init__(self) -> None:
        # lists that were assigned before super().__init__() count too
        vars(self)["_params"] = {name: None for name, value in vars(self).items() if _may_hold_parts(value)}

    # ---- what belongs to it

    def __setattr__(self, name: str, value: Any) -> None:
        names = vars(self).get("_params")
        if _may_hold_parts(value):
            if names is not None:
                names[name] = None
            elif any(_parts_in(name, value)):
                raise self._not_set_up(f"it cannot take {name!r} yet")
        else:
            if isinstance(value, (set, frozenset)) and any(isinstance(v, _PARTS) for v in value):
                raise TypeError(
                    f"{type(self).__name__}: {name!r} is a {type(value).__name__} of parameters or layers, which has"
                    " no order. Use a list."
                )
            if names is not None:
                names.pop(name, None)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        vars(self).get("_params", {}).pop(name, None)

    def _attributes(self) -> Iterator[tuple[str, Any]]:
        """The attributes that may hold parts, by name. A subclass may name them otherwise."""
        if "_params" not in vars(self):
            raise self._not_set_up("it does not know its parameters")
        for name in self._params:
            yield name, getattr(self, name)

    def _not_set_up(self, what: str) -> AttributeError:
        kind = type(self).__name__
        return AttributeError(f"{kind} is not set up: {what}. Let {kind}.__init__ begin with super().__init__().")

    def _parts(self) -> list[Part]:
        """All layers, parameters and buffers of the tree, this layer first, each once."""
        found = [Part("", self, self)]
        _gather(self, "", {id(self)}, found)
        if len({path for path, _, _ in found}) != len(found):
            twice = next(path for path, n in Counter(path for path, _, _ in found).items() if n > 1)
            raise ValueError(f"{type(self).__name__}: two parts go by the name {twice}. Rename one.")
        return found

    def params(self) -> Iterator[Parameter]:
        """Every parameter of this layer and of those in it, each once."""
        found: dict[Parameter, None] = {}
        _gather_params(self, {self}, found)
        return iter(found)

    def named_params(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter with its name, the path of attributes that leads to it.

        Example:
            >>> [name for name, _ in models.MLP((3, 1)).named_params()]
            ['l0/W', 'l0/b', 'l1/W', 'l1/b']
        """
        return ((part.path, part.value) for part in self._parts() if isinstance(part.value, Parameter))

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Everything that is saved with the weights but not trained, such as running statistics, with its name."""
        return ((part.path, part.value) for part in self._parts() if isinstance(part.value, Buffer))

    def named_layers(self) -> Iterator[tuple[str, Layer]]:
        """This layer, whose name is empty, and every layer in it with its name."""
        return ((part.path, part.value) for part in self._parts() if isinstance(part.value, Layer))

    def cleargrads(self) -> None:
        """Forgets the gradient of every parameter."""
        for param in self.params():
            param.cleargrad()

    # ---- calling it

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        outputs = self.forward(*args, **kwargs)
        mine = vars(self)
        mine["_inputs"] = _weak_references((*args, *kwargs.values()))
        mine["_outputs"] = _weak_references(outputs if isinstance(outputs, (tuple, list)) else (outputs,))
        return outputs

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Computes the results. To be overridden, with any arguments."""
        raise NotImplementedError(f"{type(self).__name__} has no forward. Define forward(self, x), or __call__.")

    # ---- where it lives

    def to_cpu(self) -> None:
        """Moves all parameters, their gradients, and the layers' state to the host."""
        self._move_all(cuda.as_numpy, on_gpu=False)

    def to_gpu(self) -> None:
        """Moves all parameters, their gradients, and the layers' state to the GPU.

        Parameters that wait for the first call are made where its input is.

        Raises:
            RuntimeError: CuPy is not installed, or finds no GPU.
        """
        cuda.as_cupy(0.0)  # says so at once where there is no GPU, also if nothing is there to be moved yet
        self._move_all(cuda.as_cupy, on_gpu=True)

    def _move_all(self, convert: Callable[[Any], Any], on_gpu: bool) -> None:
        for part in self._parts():
            part.value._move(convert)
            if isinstance(part.value, Layer):
                vars(part.value)["_on_gpu"] = on_gpu

    def _move(self, convert: Callable[[Any], Any]) -> None:
        """Moves what this layer keeps besides parameters, buffers and other layers. Overridden where there is any."""

    # ---- weights in files

    def save_weights(self, path: Any) -> None:
        """Writes all parameters and buffers to one .npz file, under the names of ``named_params()``.

        The model stays where it is, on a GPU too. The path is used as it is. An interrupted save leaves an old
        file whole (``files.atomic_file``).

        Args:
            path: Path of the file; its ending should be ``.npz``.

        Raises:
            ValueError: A parameter has no value yet.
            OSError: The file cannot be written.

        Example:
            >>> model = models.MLP((3, 1))
            >>> _ = model(np.zeros((1, 2), np.float32))
            >>> model.save_weights("mlp.npz")
            >>> model.load_weights("mlp.npz")
        """
        weights = self._weights()
        waiting = [name for name, part in weights.items() if part.value.data is None]
        if waiting:
            raise ValueError(
                f"{type(self).__name__}.save_weights: no value yet for {', '.join(waiting)}. Call the model once on a"
                " batch, or give the input sizes (in_size, in_channels)."
            )
        save_npz(path, {name: part.value for name, part in weights.items()})

    def load_weights(self, path: Any) -> None:
        """Reads all parameters and buffers from an .npz file.

        They stay where they are, on a GPU too. One that has no value yet takes that of the file, which spares the
        first call. Nothing is changed unless everything fits.

        Args:
            path: Path of the file.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is damaged, or names, shapes or dtypes differ: lists every difference.
        """
        arrays, weights = load_npz(path), self._weights()
        differences = [f"{name} is not in the file" for name in weights if name not in arrays]
        differences += [f"{name} is in the file only" for name in arrays if name not in weights]
        for name, part in weights.items():
            if name in arrays:
                differences += _misfit(name, part, arrays[name])
        if differences:
            raise ValueError(f"{type(self).__name__}.load_weights: {path} does not fit:\n  " + "\n  ".join(differences))
        for name, part in weights.items():
            _put(arrays[name], part)

    def _weights(self) -> dict[str, Part]:
        """All parameters and buffers by name."""
        return {part.path: part for part in self._parts() if isinstance(part.value, Variable)}

    def _expected(self, name: str) -> tuple[tuple[int | None, ...] | None, Any]:
        """Shape and dtype that its parameter ``name`` is going to have; None where that is not known yet."""
        return None, None

    # ---- copies

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in vars(self).items() if name not in ("_inputs", "_outputs")}
        if "_params" in state:
            state["_params"] = dict(state["_params"])
        return state


_PARTS = (Parameter, Buffer, Layer)
_MAY_HOLD_PARTS = (*_PARTS, list, dict)


def _may_hold_parts(value: Any) -> bool:
    """Whether ``value`` is, holds or (a list, a dict) may come to hold parameters, buffers or layers."""
    if isinstance(value, tuple):
        return any(_may_hold_parts(v) for v in value)
    return isinstance(value, _MAY_HOLD_PARTS)


def _gather(layer: Layer, prefix: str, seen: set[int], found: list[Part]) -> None:
    """Appends to ``found`` the parts of ``layer`` that are not ``seen`` yet.

    An item of a list that is an attribute of the layer as well goes by the attribute's name.
    """
    attributes = list(layer._attributes())
    for name, value in attributes:
        if isinstance(value, _PARTS):
            parts: Iterable[tuple[str, Any]] = ((prefix + name, value),)
        else:
            parts = _parts_in(prefix + name, value, {id(attribute) for _, attribute in attributes})
        for path, part in parts:
            if id(part) not in seen:
                seen.add(id(part))
                found.append(Part(path, part, part if isinstance(part, Layer) else layer))
                if isinstance(part, Layer):
                    _gather(part, path + "/", seen, found)


def _gather_params(layer: Layer, seen: set[Layer], found: dict[Parameter, None]) -> None:
    """The parameters among what ``_gather`` finds, without asking for names: a training step does this twice."""
    for name, value in layer._attributes():
        for _, part in ((name, value),) if isinstance(value, _PARTS) else _parts_in(name, value):
            if isinstance(part, Parameter):
                found[part] = None
            elif isinstance(part, Layer) and part not in seen:
                seen.add(part)
                _gather_params(part, seen, found)


def _parts_in(path: str, value: Any, skip: Set[int] = frozenset()) -> Iterator[tuple[str, Any]]:
    """``value`` itself if it is a part, or those inside a list, tuple or dict, each with its path.

    Items whose id is in ``skip`` are left out.
    """
    if isinstance(value, _PARTS):
        yield path, value
    elif isinstance(value, (list, tuple, dict)):
        skip = skip | {id(value)}  # a list may hold itself
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            if id(item) not in skip:
                yield from _parts_in(f"{path}/{key}", item, skip)


def _weak_references(values: Iterable[Any]) -> list[weakref.ref[Any]]:
    references = []
    for value in values:
        try:
            references.append(weakref.ref(value))
        except TypeError:  # a number or a string: nothing to refer to
            continue
    return references


def _misfit(name: str, part: Part, array: np.ndarray) -> list[str]:
    """What keeps ``array`` from being the value of ``part``, in words."""
    data = part.value.data
    if data is None:
        shape, dtype = part.owner._expected(name.rpartition("/")[2])
    else:
        shape, dtype = data.shape, data.dtype
    found = []
    if shape is not None and not _fits(array.shape, shape):
        wanted = str(tuple(shape)).replace("None", "any")
        found.append(f"{name} has shape {array.shape} in the file, {wanted} in the model")
    if dtype is not None and array.dtype != dtype:
        found.append(f"{name} is {array.dtype} in the file, {np.dtype(dtype)} in the model")
    return found


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(w is None or n == w for n, w in zip(shape, wanted))


def _put(array: np.ndarray, part: Part) -> None:
    """Makes ``array`` the value of ``part``, on its device and, if it has one, in the memory that it has."""
    v = part.value
    if v.data is not None:
        v.data[...] = get_array_module(v.data).asarray(array)
    else:
        v.data = cuda.as_cupy(array) if part.owner._on_gpu else array
