"""Knows which call of which layer a Function ran in, while a record runs."""

from __future__ import annotations

import contextlib
import copy
import threading
import weakref
from collections import Counter
from collections.abc import Iterable
from typing import Any

from ..graph.calls import Call as LayerCall
from ..graph.calls import Calls, argument_names


class RunningLayers(Calls):
    """Follows the layers of a model as ``record_layers`` does, but keeps neither graphs nor inputs alive.

    It need not find out afterwards what ran in a layer: the record asks at the start of each call of a Function.

    Args:
        model: The Layer or Model.

    Raises:
        TypeError: It is no Layer.
    """

    def __init__(self, model: Any):
        if not (hasattr(model, "named_layers") and hasattr(model, "register_forward_hook")):
            raise TypeError(f"profile: layers must be a Layer or a Model, got {type(model).__name__}.")
        super().__init__(model)
        self._ran: weakref.WeakKeyDictionary[Any, LayerCall | None] = weakref.WeakKeyDictionary()
        self._arguments: dict[int, tuple[Any, str]] = {}  # id() of what the model was called with -> that, its name
        self._thread = 0

    def __enter__(self) -> RunningLayers:
        self._thread = threading.get_ident()
        super().__enter__()
        return self

    def of(self, function: Any, call: Any) -> tuple[LayerCall | None, int]:
        """The call of a layer that a call of ``function`` belongs to, and how many layers are running.

        A backward belongs to the layer of its forward, and what it calls with it.
        """
        depth = len(self._running)
        if call.phase == "backward":
            return self._ran.get(function), depth
        if call.parent is not None and call.parent._depth == depth:
            within = call.parent._within
        else:
            within = self._running[-1] if self._running else None
        self._ran[function] = within
        return within, depth

    def owners(self, functions: Iterable[Any]) -> Owners:
        """Which call of which layer ran each of these Functions, as a picture wants to know it."""
        return Owners(self, {f: self._ran[f] for f in functions if f in self._ran})

    def name_of(self, variable: Any) -> str | None:
        for known in (variable, variable.data):
            if known is not None and id(known) in self._arguments and self._arguments[id(known)][0]() is known:
                return self._arguments[id(known)][1]
        return super().name_of(variable)

    # ---- what the hooks of the layers call

    def _begins(self, layer: Any, path: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
        if threading.get_ident() == self._thread:
            if layer is self.model:  # what a call that raised has left
                self._running.clear()
            super()._begins(layer, path, inputs, options)

    def _ends(self, layer: Any, inputs: tuple[Any, ...], output: Any) -> None:
        if threading.get_ident() == self._thread and any(call.layer is layer for call in self._running):
            while self._running[-1].layer is not layer:
                self._running.pop()
            super()._ends(layer, inputs, output)

    def _claim(self, results: Any) -> None:
        """Nothing: see ``of``."""

    def _note_arguments(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
        self._arguments.clear()
        for name, value in [*zip(argument_names(self.model, len(inputs)), inputs), *options.items()]:
            if hasattr(value, "shape"):
                with contextlib.suppress(TypeError):  # a NumPy scalar
                    self._arguments[id(value)] = weakref.ref(value), name


class Owners:
    """What ``Look.layers`` takes: the calls of layers behind one result, numbered from 1 among themselves.

    Attributes:
        owner: Function -> the innermost call that it ran in.
    """

    def __init__(self, layers: RunningLayers, ran: dict[Any, LayerCall | None]):
        self.model, self.name_of = layers.model, layers.name_of
        self._copies: dict[LayerCall, LayerCall] = {}
        self.owner = {f: self._copy(call) for f, call in ran.items()}
        self._counts: Counter[Any] = Counter()
        for call in sorted(self._copies.values(), key=lambda call: call.number):
            self._counts[call.layer] += 1
            call.number = self._counts[call.layer]

    def count(self, layer: Any) -> int:
        """How often a layer was called."""
        return self._counts[layer]

    def _copy(self, call: LayerCall | None) -> LayerCall | None:
        if call is None:
            return None
        if call not in self._copies:
            self._copies[call] = copied = copy.copy(call)
            copied.parent = self._copy(call.parent)
        return self._copies[call]
