"""Knows which call of which layer ran which Function. It knows layers by their hooks alone: they live above."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import Any

from ..core import Variable


class Call:
    """One call of a layer.

    Attributes:
        layer: The layer.
        name: Its path in the model.
        kind: Its class.
        parent: The call that it happened in; None for the outermost.
        number: Which call of this layer it is, from 1.
        output_shape: Shape of the result, a list of them for several, None where there is none.
        params: Numbers in the layer's parameters.
    """

    def __init__(self, layer: Any, name: str, parent: Call | None, number: int):
        self.layer, self.name, self.kind = layer, name, type(layer).__name__
        self.parent, self.number = parent, number
        self.output_shape: Any = None
        self.params = 0


class Calls:
    """Follows the calls of a model and of the layers in it, between ``with record_layers(model) as calls:``.

    It holds every Function that it saw, so it keeps their graph alive.

    Attributes:
        owner: Function -> the innermost ``Call`` that ran it; None for one that ran outside the model.
    """

    def __init__(self, model: Any):
        self.model = model
        self.owner: dict[Any, Call | None] = {}
        self._numbers: Counter[Any] = Counter()
        self._running: list[Call] = []
        self._handles: list[Any] = []
        self._names: dict[int, tuple[Any, str]] = {}  # id() of a Variable or array -> that, and its name

    def __enter__(self) -> Calls:
        self._follow(self.model.named_layers())
        return self

    def __exit__(self, *exc_info: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._running.clear()
        for path, p in self.model.named_params():
            self._names[id(p)] = p, path.rpartition("/")[2]

    def run(self, *inputs: Any) -> Any:
        """Calls the model, also one that overrides ``__call__``, for which hooks are not called."""
        try:
            self._follow((path, layer) for path, layer in self.model.named_layers() if layer is not self.model)
            self._begins(self.model, "", inputs, {})
            output = self.model(*inputs)
            self._ends(self.model, inputs, output)
        finally:
            self.__exit__()
        return output

    def count(self, layer: Any) -> int:
        """How often a layer was called."""
        return self._numbers[layer]

    def name_of(self, variable: Any) -> str | None:
        """What a Variable without a name is called in the model: a parameter, or an argument of its ``forward``."""
        for known in (variable, variable.data):
            if id(known) in self._names and self._names[id(known)][0] is known:
                return self._names[id(known)][1]
        return None

    def _follow(self, layers: Any) -> None:
        for path, layer in layers:

            def begins(layer: Any, inputs: Any, options: Any, path: str = path) -> None:
                self._begins(layer, path, inputs, options)

            self._handles.append(layer.register_forward_pre_hook(begins, with_kwargs=True))
            self._handles.append(layer.register_forward_hook(self._ends))

    def _begins(self, layer: Any, path: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
        self._claim((inputs, options))  # what was computed before belongs to the call around
        if layer is self.model:
            self._note_arguments(inputs, options)
        self._numbers[layer] += 1
        parent = self._running[-1] if self._running else None
        self._running.append(Call(layer, path, parent, self._numbers[layer]))

    def _ends(self, layer: Any, inputs: tuple[Any, ...], output: Any) -> None:
        self._claim(output)
        call = self._running.pop()
        shapes = [tuple(y.shape) for y in _variables(output)]
        call.output_shape = shapes[0] if len(shapes) == 1 else shapes or None
        call.params = sum(p.data.size for p in layer.params() if p.data is not None)

    def _claim(self, results: Any) -> None:
        """Notes that the Functions behind ``results`` that are new ran in the innermost call."""
        call = self._running[-1] if self._running else None
        waiting = [y.creator for y in _variables(results)]
        while waiting:
            f = waiting.pop()
            if f is not None and f not in self.owner:
                self.owner[f] = call
                waiting.extend(x.creator for x in f.inputs)

    def _note_arguments(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
        for name, value in [*zip(argument_names(self.model, len(inputs)), inputs), *options.items()]:
            if hasattr(value, "shape"):
                self._names[id(value)] = value, name


def record_layers(model: Any) -> Calls:
    """Notes which layer runs what, so that a picture can show it. For ``with``.

    Args:
        model: The Layer or Model that is going to be called in the block, once or more.

    Returns:
        What ``get_dot_graph(..., layers=)`` and ``build_graph`` take.

    Raises:
        TypeError: ``model`` is no Layer.

    Example:
        >>> model, x, t = models.MLP((3, 2)), np.ones((4, 2), np.float32), np.array([0, 1, 1, 0])
        >>> with record_layers(model) as calls:
        ...     loss = F.softmax_cross_entropy(model(x), t)
        >>> dezero.utils.plot_dot_graph(loss, to_file="step.dot", layers=calls, depth=1, gradients=1)
    """
    if not (hasattr(model, "named_layers") and hasattr(model, "register_forward_hook")):
        raise TypeError(f"record_layers: a Layer or a Model is wanted, got {type(model).__name__}.")
    return Calls(model)


def argument_names(model: Any, n: int) -> list[str]:
    """The names of the first ``n`` positional arguments of a model's ``forward``."""
    try:
        parameters = list(inspect.signature(model.forward).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [*names, *(f"input {i}" for i in range(len(names) + 1, n + 1))][:n]


def _variables(value: Any) -> list[Variable]:
    """The Variables in ``value``, in tuples, lists and dicts too."""
    if isinstance(value, Variable):
        return [value]
    values = value.values() if isinstance(value, dict) else value if isinstance(value, (tuple, list)) else ()
    return [x for v in values for x in _variables(v)]
