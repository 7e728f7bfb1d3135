"""Knows how a record gets to see every call of a Function and every step of a backward walk.

While a record runs, ``Function.__call__`` and two steps of the walk are replaced by versions that measure; when the
last one ends they are put back. So a program that does not profile pays nothing, not even a test.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from ..core import Function, Variable, _Walk
from ..cuda import get_array_module, is_array


class _Here(threading.local):
    """What this thread measures: the records that run in it, and the calls under way, the outermost first.

    A record has ``_begin(function, phase)``, which gives a call, and ``_end(call)`` or ``_drop(call)`` for it.
    """

    def __init__(self) -> None:
        self.records: list[Any] = []
        self.running: list[Measured] = []

    def look_away(self) -> bool:
        """Whether what happens now is not to be recorded by itself."""
        return not self.records or (len(self.running) > 0 and self.running[-1].whole)


class _Hooks:
    """Puts the measuring versions of the engine's methods in place for as long as a record runs in any thread."""

    def __init__(self, *hooks: tuple[type, str, Callable[[Any], Any]]):
        self.hooks = hooks
        self.users = 0
        self.originals: list[Any] = []
        self.lock = threading.Lock()

    def need(self) -> None:
        with self.lock:
            self.users += 1
            if self.users == 1:
                self.originals = [vars(owner)[name] for owner, name, _ in self.hooks]
                for (owner, name, measuring), original in zip(self.hooks, self.originals):
                    setattr(owner, name, measuring(original))

    def release(self) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                for (owner, name, _), original in zip(self.hooks, self.originals):
                    setattr(owner, name, original)


class Measured:
    """Measures what happens in its ``with`` block, for every record of this thread.

    Args:
        function: The Function at work.
        phase: ``"forward"`` or ``"backward"``.
        given: Variables and arrays that it works on.
        whole: Whether the Functions it calls are part of it: they are in no graph.

    Attributes:
        results: What it gave: to be set in the block.
    """

    def __init__(self, function: Function, phase: str, given: Iterable[Any], whole: bool = False):
        self.function, self.whole = function, whole
        self.results: Any = None
        self.given = [_array_in(x) for x in given]
        records = list(here.records)
        _wait(self.given, records)  # for what was asked of the device before
        self.calls = [(p, p._begin(function, phase)) for p in records]

    def __enter__(self) -> Measured:
        here.running.append(self)
        return self

    def __exit__(self, kind: Any, *error: object) -> None:
        here.running.pop()
        done = False
        results = [_array_in(y) for y in _as_tuple(self.results)]
        try:
            if kind is None:
                _wait((*results, *self.given), [p for p, _ in self.calls])
                done = True
        finally:
            for p, call in reversed(self.calls):
                if done:
                    p._end(call)
                else:
                    p._drop(call)
        if done:
            self._describe(results)

    def _describe(self, results: list[Any]) -> None:
        """Notes what was given, once the clock stands. What shares memory with what came in takes none."""
        old = {id(_owner(x)) for x in self.given if is_array(x)}
        new = {id(y): y.nbytes for y in results if is_array(y) and id(_owner(y)) not in old}
        for _, call in self.calls:
            call.shapes = tuple([None if y is None else tuple(y.shape) for y in results])
            call.nbytes = sum(new.values())
            call.recorded = call.phase == "forward" and bool(self.function.outputs)


def _measuring_call(original: Any) -> Any:
    @wraps(original)
    def call(self: Function, *inputs: Any) -> Any:
        if here.look_away() or self.outputs:  # one used again has a copy of it make the call, which comes by here
            return original(self, *inputs)
        with Measured(self, "forward", inputs) as measured:
            measured.results = original(self, *inputs)
        return measured.results

    return call


def _measuring_through(original: Any) -> Any:
    @wraps(original)
    def through(self: _Walk, f: Function, gys: list[Any], needs: Sequence[bool]) -> None:
        if here.look_away():
            return original(self, f, gys, needs)
        with Measured(f, "backward", (*gys, *f.inputs), whole=not self.recorded):
            original(self, f, gys, needs)

    return through


def _measuring_gradients(original: Any) -> Any:
    @wraps(original)
    def gradients(self: _Walk, f: Function, gys: list[Any], needs: Sequence[bool]) -> Any:
        gxs = original(self, f, gys, needs)
        if here.running and here.running[-1].function is f:
            here.running[-1].results = gxs
        return gxs

    return gradients


here = _Here()
hooks = _Hooks(
    (Function, "__call__", _measuring_call),
    (_Walk, "_through", _measuring_through),
    (_Walk, "_gradients", _measuring_gradients),
)


def _wait(arrays: Iterable[Any], records: list[Any]) -> None:
    """Waits for the GPU that an array is on, until it has done what it was asked to."""
    for x in arrays:
        module = get_array_module(x)
        if module is not np and hasattr(module, "cuda"):
            for p in records:
                p._devices.add(module)
            synchronise(module)
            return


def synchronise(module: Any) -> None:
    module.cuda.Device().synchronize()


def _owner(array: Any) -> Any:
    """The array that a view looks into."""
    while is_array(array.base):
        array = array.base
    return array


def _array_in(x: Any) -> Any:
    return x.data if isinstance(x, Variable) else x


def _as_tuple(x: Any) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, (tuple, list)) else (x,)
