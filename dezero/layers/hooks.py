"""Knows hooks: a user's functions that a layer calls before and after its forward, and when gradients come back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..core import Function, Variable, as_variable


class Hooks:
    """The hooks of one layer: of each kind, by handle, in the order in which they came."""

    def __init__(self) -> None:
        self.before: dict[Handle, tuple[Callable[..., Any], bool]] = {}
        self.after: dict[Handle, tuple[Callable[..., Any], bool]] = {}
        self.backward: dict[Handle, Callable[..., Any]] = {}

    def __bool__(self) -> bool:
        return bool(self.before or self.after or self.backward)


class Handle:
    """Takes one hook out again: with ``remove()``, or at the end of a ``with`` block.

    Example:
        >>> layer = L.Linear(2)
        >>> with layer.register_forward_hook(lambda layer, inputs, y: print(y.shape)):
        ...     _ = layer(np.ones((1, 3), np.float32))
        (1, 2)
        >>> _ = layer(np.ones((1, 3), np.float32))
    """

    def __init__(self, hooks: dict[Handle, Any], hook: Any, changed: Callable[[], None]):
        self._hooks = hooks
        self._changed = changed
        hooks[self] = hook
        changed()

    def remove(self) -> None:
        """Takes the hook out; it is called no more, not even in the backward pass of an earlier call."""
        self._hooks.pop(self, None)
        self._changed()

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.remove()


def call_with_hooks(layer: Any, hooks: Hooks, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``layer.forward(*args, **kwargs)`` with all hooks around it."""
    for hook, with_kwargs in list(hooks.before.values()):
        changed = hook(layer, args, kwargs) if with_kwargs else hook(layer, args)
        if changed is not None:
            args, kwargs = changed if with_kwargs else (_as_tuple(changed), kwargs)
    passage = _Passage(layer, hooks.backward) if hooks.backward else None
    if passage is not None:
        args = passage.enter(args)
    outputs = layer.forward(*args, **kwargs)
    for hook, with_kwargs in list(hooks.after.values()):
        changed = hook(layer, args, kwargs, outputs) if with_kwargs else hook(layer, args, outputs)
        outputs = outputs if changed is None else changed
    return outputs if passage is None else passage.leave(outputs)


def _as_tuple(x: Any) -> tuple[Any, ...]:
    return x if isinstance(x, tuple) else (x,)


# ---- gradients on their way back


class _Passage:
    """One call of a layer that has backward hooks: all gradients leave through one gate and enter by another.

    ``HookedInputs`` stands before the layer, ``HookedOutputs`` after it. The walk comes by the latter first, which
    notes the gradients of the outputs; at the former the hooks get them together with those of the inputs.
    """

    def __init__(self, layer: Any, hooks: dict[Handle, Callable[..., Any]]):
        self.layer = layer
        self.hooks = hooks
        self.of_inputs: list[int] = []  # the places of those that take a gradient
        self.of_outputs: list[int] = []
        self.n_inputs = self.n_outputs = 0
        self.grad_output: tuple[Variable | None, ...] | None = None

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """``args``, with the gate behind those that take a gradient."""
        self.n_inputs, self.of_inputs = len(args), _places(args)
        return tuple(_through(HookedInputs(self), args, self.of_inputs))

    def leave(self, outputs: Any) -> Any:
        """``outputs`` (one, a tuple, a list or a dict of them), with the gate before those that take a gradient."""
        values = list(outputs.values()) if isinstance(outputs, dict) else outputs
        single = not isinstance(values, (tuple, list))
        items = [values] if single else list(values)
        self.n_outputs, self.of_outputs = len(items), _places(items)
        items = _through(HookedOutputs(self), items, self.of_outputs)
        if single:
            return items[0]
        if isinstance(outputs, dict):
            return dict(zip(outputs, items))
        return type(outputs)(*items) if hasattr(outputs, "_fields") else type(outputs)(items)

    def note(self, gys: tuple[Variable, ...]) -> None:
        """The gradients of the outputs came by."""
        self.grad_output = _spread(gys, self.of_outputs, self.n_outputs)
        if not self.of_inputs:  # nothing that a hook could change: all that it may do is look
            self.call_hooks(())

    def call_hooks(self, gxs: tuple[Variable | None, ...]) -> tuple[Variable | None, ...]:
        """The gradients of the inputs as the hooks leave them."""
        grad_output, self.grad_output = self.grad_output, None
        if grad_output is None:  # a second derivative may reach the inputs without coming by the outputs
            return gxs
        grad_input = _spread(gxs, self.of_inputs, self.n_inputs)
        for hook in list(self.hooks.values()):
            changed = hook(self.layer, grad_input, grad_output)
            if changed is not None:
                grad_input = self._checked(_as_tuple(changed))
        return tuple(grad_input[i] for i in self.of_inputs)

    def _checked(self, gxs: tuple[Any, ...]) -> tuple[Variable | None, ...]:
        if len(gxs) != self.n_inputs:
            raise RuntimeError(
                f"{type(self.layer).__name__}: a backward hook returned {len(gxs)} gradients, but the layer was called"
                f" with {self.n_inputs} inputs. Return one for each, or None to leave all as they are."
            )
        return tuple(None if gx is None else as_variable(gx) for gx in gxs)


def _places(values: Iterable[Any]) -> list[int]:
    """Where there are Variables that take a gradient."""
    return [i for i, x in enumerate(values) if isinstance(x, Variable) and x.requires_grad and x.dtype.kind == "f"]


def _through(gate: Function, values: Iterable[Any], places: list[int]) -> list[Any]:
    """``values``, those at ``places`` sent through ``gate``."""
    values = list(values)
    if places:
        passed = gate(*[values[i] for i in places])
        for i, x in zip(places, passed if isinstance(passed, list) else [passed]):
            values[i] = x
    return values


def _spread(values: Iterable[Any], places: list[int], n: int) -> tuple[Any, ...]:
    """``values`` at their places among ``n``, None at all others."""
    spread = dict(zip(places, values))
    return tuple(spread.get(i) for i in range(n))


class HookedInputs(Function):
    """ys = xs;  gxs = gys as the hooks of the layer leave them."""

    def __init__(self, passage: _Passage):
        self.passage = passage

    def forward(self, *xs):
        return xs

    def backward(self, *gys):
        return self.passage.call_hooks(gys)


class HookedOutputs(Function):
    """ys = xs;  gxs = gys, which the hooks of the layer get to see."""

    def __init__(self, passage: _Passage):
        self.passage = passage

    def forward(self, *xs):
        return xs

    def backward(self, *gys):
        self.passage.note(gys)
        return gys
