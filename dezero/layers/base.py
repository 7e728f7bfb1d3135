"""Knows what a Layer is: something called like a function that owns parameters, and other layers that own more."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from .. import cuda
from ..config import Config, using_config
from ..core import Buffer, Parameter, Variable
from ..serialization import load_npz, save_npz
from .description import describe, settings
from .hooks import Handle, Hooks, call_with_hooks
from .state import DoesNotFit, Part, Unmatched, put_all

Self = TypeVar("Self", bound="Layer")


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

    ``forward`` takes and returns anything. Instead of it, ``__call__`` may be overridden; hooks are called by
    layers that define ``forward`` alone.

    Attributes:
        inputs: Weak references to the arguments of the last call, those that can be referenced so.
        outputs: Weak references to its results.
        training: Whether a call made now would compute in train mode (see ``train``).

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
    _in_eval = False  # whether eval() marked it
    _hooks: Hooks | None = None
    _is_plain = True  # neither of the two: all that a call asks

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__call__" in vars(cls):
            cls.__call__ = _in_own_mode(cls.__call__)  # type: ignore[method-assign]

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

    def _attributes(self) -> list[tuple[str, Any]]:
        """The attributes that may hold parts, by name. A subclass may name them otherwise."""
        if "_params" not in vars(self):
            raise self._not_set_up("it does not know its parameters")
        return [(name, getattr(self, name)) for name in self._params]

    def _members(self) -> Iterator[tuple[str, Any]]:
        """What belongs to this layer directly, lists and dicts opened, each with its path: ``W``, ``blocks/0``.

        An item of a list that is an attribute as well goes by the attribute's name.
        """
        attributes = self._attributes()
        for name, value in attributes:
            if isinstance(value, (list, tuple, dict)):
                yield from _parts_in(name, value, {id(attribute) for _, attribute in attributes})
            else:
                yield name, value

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
        outputs = self.forward(*args, **kwargs) if self._is_plain else self._call_specially(args, kwargs)
        mine = vars(self)
        mine["_inputs"] = _weak_references((*args, *kwargs.values()))
        mine["_outputs"] = _weak_references(outputs if isinstance(outputs, (tuple, list)) else (outputs,))
        return outputs

    def _call_specially(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """``forward`` in the layer's own mode, with its hooks around it."""
        if self._in_eval and Config.train:
            with using_config("train", False):
                return self._call_specially(args, kwargs)
        if self._hooks:
            return call_with_hooks(self, self._hooks, args, kwargs)
        return self.forward(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Computes the results. To be overridden, with any arguments."""
        raise NotImplementedError(f"{type(self).__name__} has no forward. Define forward(self, x), or __call__.")

    # ---- train mode and test mode

    def train(self: Self, mode: bool = True) -> Self:
        """Takes back what ``eval()`` did, on this layer and on all layers in it.

        A layer computes in train mode if two things hold: the mode around it is train (``Config.train``, which
        ``test_mode()`` switches off), and neither it nor a layer that calls it was put to ``eval()``. So this
        freezes one BatchNorm and nothing else::

            model.train()
            model.bn1.eval()

        Copies keep the mode, weight files do not know it.

        Args:
            mode: False for ``eval()``.

        Returns:
            The layer itself.

        Example:
            >>> model = models.Sequential(L.Linear(2), F.dropout)
            >>> model.eval().training, model.train().training
            (False, True)
        """
        for _, layer in self.named_layers():
            vars(layer)["_in_eval"] = not mode
            layer._note_what_is_special()
        return self

    def eval(self: Self) -> Self:
        """Lets this layer and all layers in it compute in test mode, until ``train()``; returns the layer itself.

        Whatever they call obeys, ``F.dropout`` in a ``forward`` too.
        """
        return self.train(False)

    @property
    def training(self) -> bool:
        """Whether a call made now would compute in train mode."""
        return Config.train and not self._in_eval

    @training.setter
    def training(self, mode: bool) -> None:
        raise AttributeError(f"{type(self).__name__}.training cannot be set. Call train() or eval().")

    def _note_what_is_special(self) -> None:
        vars(self)["_is_plain"] = not (self._in_eval or self._hooks)

    # ---- hooks

    def register_forward_pre_hook(self, hook: Callable[..., Any], *, with_kwargs: bool = False) -> Handle:
        """Lets ``hook(layer, inputs)`` see, and change, the arguments of every call before ``forward`` does.

        Args:
            hook: Gets the tuple of positional arguments. Returns None to leave them, or others: a tuple, or the
                only one.
            with_kwargs: Call ``hook(layer, inputs, kwargs)``, which returns None or both.

        Returns:
            A handle: ``handle.remove()`` takes the hook out, and so does the end of ``with`` around the handle.

        Example:
            >>> layer = L.Linear(2)
            >>> handle = layer.register_forward_pre_hook(lambda layer, inputs: print(inputs[0].shape))
            >>> _ = layer(np.ones((1, 3), np.float32))
            (1, 3)
        """
        return self._add_hook("before", (hook, with_kwargs))

    def register_forward_hook(self, hook: Callable[..., Any], *, with_kwargs: bool = False) -> Handle:
        """Lets ``hook(layer, inputs, output)`` see, and change, what every call returns.

        Args:
            hook: Gets the tuple of positional arguments and what ``forward`` returned. Returns None to leave that,
                or something else in its place.
            with_kwargs: Call ``hook(layer, inputs, kwargs, output)``.

        Returns:
            A handle: ``handle.remove()`` takes the hook out, and so does the end of ``with`` around the handle.

        Example:
            >>> layer = L.Linear(2, in_size=3)
            >>> with layer.register_forward_hook(lambda layer, inputs, y: y - y):
            ...     layer(np.ones((1, 3), np.float32))
            variable([[0. 0.]])
        """
        return self._add_hook("after", (hook, with_kwargs))

    def register_full_backward_hook(self, hook: Callable[..., Any]) -> Handle:
        """Lets ``hook(layer, grad_input, grad_output)`` see, and change, the gradients of every call.

        It is called once the gradients of the inputs are there, which the layer's own parameters need not have by
        then. It must not change a gradient in place. Copies of a layer have none of its hooks.

        Args:
            hook: Gets a tuple with the gradient of each positional argument, None for one that takes none, and a
                tuple with that of each output. Returns None to leave the former, or others in their place.

        Returns:
            A handle: ``handle.remove()`` takes the hook out, and so does the end of ``with`` around the handle.

        Example:
            >>> layer, x = L.Linear(2, in_size=3), Variable(np.ones((1, 3), np.float32))
            >>> with layer.register_full_backward_hook(lambda layer, gxs, gys: gxs[0] - gxs[0]):
            ...     layer(x).backward()
            >>> x.grad
            variable([[0. 0. 0.]])
        """
        return self._add_hook("backward", hook)

    def _add_hook(self, kind: str, hook: Any) -> Handle:
        if self._hooks is None:
            vars(self)["_hooks"] = Hooks()
        return Handle(getattr(self._hooks, kind), hook, self._note_what_is_special)

    # ---- what it looks like

    def __repr__(self) -> str:
        return describe(self)

    def extra_repr(self) -> str:
        """What ``repr`` shows between the brackets. To be overridden.

        As it stands, the arguments of the constructor that the layer keeps under their own names, where they are
        plain values and not the default.
        """
        return settings(self)

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
        save_npz(path, {name: part.value for name, part in self._weights_with_values("save_weights").items()})

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
        try:
            put_all(load_npz(path), self._weights(), "file", strict=True)
        except DoesNotFit as error:
            raise ValueError(f"{type(self).__name__}.load_weights: {path} does not fit:{error}") from None

    def state_dict(self) -> dict[str, np.ndarray]:
        """All parameters and buffers by name, each a copy on the host: the weights as a file would have them.

        Raises:
            ValueError: A parameter has no value yet.

        Example:
            >>> layer = L.Linear(2, in_size=3)
            >>> before = layer.state_dict()
            >>> layer.W.data += 1
            >>> layer.load_state_dict(before)
            Unmatched(missing=[], unexpected=[])
        """
        weights = self._weights_with_values("state_dict")
        return {name: np.array(cuda.as_numpy(part.value)) for name, part in weights.items()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> Unmatched:
        """Copies values of a ``state_dict`` into the parameters and buffers of their names, wherever those are.

        Nothing is changed unless everything fits. One that has no value yet takes that of ``state``.

        Args:
            state: Name -> array on any device, or Variable.
            strict: Whether the names must be the same. Shapes and dtypes must, in any case.

        Returns:
            The names that only one side has: ``missing`` in ``state``, and ``unexpected`` there.

        Raises:
            ValueError: Something differs: lists every difference.

        Example:
            >>> layer = L.Linear(2, in_size=3)
            >>> layer.load_state_dict({"b": np.ones(2, np.float32)}, strict=False)
            Unmatched(missing=['W'], unexpected=[])
        """
        arrays = {name: np.asarray(cuda.as_numpy(value)) for name, value in state.items()}
        try:
            return put_all(arrays, self._weights(), "state", strict)
        except DoesNotFit as error:
            raise ValueError(f"{type(self).__name__}.load_state_dict: the state does not fit:{error}") from None

    def _weights(self) -> dict[str, Part]:
        """All parameters and buffers by name."""
        return {part.path: part for part in self._parts() if isinstance(part.value, Variable)}

    def _weights_with_values(self, who: str) -> dict[str, Part]:
        weights = self._weights()
        waiting = [name for name, part in weights.items() if part.value.data is None]
        if waiting:
            raise ValueError(
                f"{type(self).__name__}.{who}: no value yet for {', '.join(waiting)}. Call the model once on a"
                " batch, or give the input sizes (in_size, in_channels)."
            )
        return weights

    def _expected(self, name: str) -> tuple[tuple[int | None, ...] | None, Any]:
        """Shape and dtype that its parameter ``name`` is going to have; None where that is not known yet."""
        return None, None

    # ---- copies

    def __getstate__(self) -> dict[str, Any]:
        left_behind = ("_inputs", "_outputs", "_hooks")
        state = {name: value for name, value in vars(self).items() if name not in left_behind}
        if "_params" in state:
            state["_params"] = dict(state["_params"])
        if not self._in_eval:
            state.pop("_is_plain", None)
        return state


_PARTS = (Parameter, Buffer, Layer)
_MAY_HOLD_PARTS = (*_PARTS, list, dict)


def _may_hold_parts(value: Any) -> bool:
    """Whether ``value`` is, holds or (a list, a dict) may come to hold parameters, buffers or layers."""
    if isinstance(value, tuple):
        return any(_may_hold_parts(v) for v in value)
    return isinstance(value, _MAY_HOLD_PARTS)


def _in_own_mode(call: Callable[..., Any]) -> Callable[..., Any]:
    """The ``__call__`` that a subclass defines, which then obeys ``eval()`` as ``forward`` does."""

    @wraps(call)
    def obeying(self: Layer, *args: Any, **kwargs: Any) -> Any:
        if self._in_eval and Config.train:
            with using_config("train", False):
                return call(self, *args, **kwargs)
        return call(self, *args, **kwargs)

    return obeying


def _gather(layer: Layer, prefix: str, seen: set[int], found: list[Part]) -> None:
    """Appends to ``found`` the parts of ``layer`` that are not ``seen`` yet."""
    for name, part in layer._members():
        if isinstance(part, _PARTS) and id(part) not in seen:
            seen.add(id(part))
            found.append(Part(prefix + name, part, part if isinstance(part, Layer) else layer))
            if isinstance(part, Layer):
                _gather(part, prefix + name + "/", seen, found)


def _gather_params(layer: Layer, seen: set[Layer], found: dict[Parameter, None]) -> None:
    """The parameters among what ``_gather`` finds, without asking for names: a training step does this twice."""
    for name, value in layer._attributes():
        if isinstance(value, Parameter):
            found[value] = None
            continue
        for part in (value,) if isinstance(value, Layer) else [part for _, part in _parts_in(name, value)]:
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


def _weak_references(values: Sequence[Any]) -> list[weakref.ref[Any]]:
    """To those of ``values`` that can be referred to: not to numbers and strings."""
    try:
        return [weakref.ref(value) for value in values]
    except TypeError:
        return [weakref.ref(value) for value in values if type(value).__weakrefoffset__]
