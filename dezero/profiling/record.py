"""Knows the calls of Functions inside a block: how long each took, what memory it gave, in which layer it was."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..core import Function
from ..graph.calls import Call as LayerCall
from .layers import RunningLayers
from .watch import here, hooks, synchronise

Self = TypeVar("Self", bound="Record")


@dataclass(eq=False, slots=True)
class Call:
    """One call of a Function, or one passage of a backward walk through it.

    Attributes:
        function: Name of the Function's class.
        phase: ``"forward"`` or ``"backward"``.
        seconds: Time of its own: without that of the calls made inside it.
        inclusive: Time from start to end.
        nbytes: Memory of its outputs, or of the gradients it gave; 0 for those that share the memory of what came in.
        shapes: Shape of each output or gradient, broadcasting not undone; None for an input that has no gradient.
        recorded: Whether the graph noted it, and so keeps its outputs for a backward walk.
        parent: The call that it was made in; None for an outermost one.
        layer: Path of the innermost layer whose call it belongs to, empty for the model itself; None outside of layers.
    """

    function: str
    phase: str
    parent: Call | None = field(repr=False)
    seconds: float = 0.0
    inclusive: float = 0.0
    nbytes: int = 0
    shapes: tuple[tuple[int, ...] | None, ...] = ()
    recorded: bool = False
    _subject: Callable[[], Any] = field(default=lambda: None, repr=False)  # weak: a record keeps no graph alive
    _within: LayerCall | None = field(default=None, repr=False)
    _depth: int = field(default=0, repr=False)  # how many layers were running when it began
    _start: float = field(default=0.0, repr=False)
    _inside: float = field(default=0.0, repr=False)  # time of the calls made in it

    @property
    def layer(self) -> str | None:
        return None if self._within is None else self._within.name


class Record:
    """The calls of Functions inside a ``with`` block, and how long the block took.

    Args:
        clock: Gives the time in seconds.
        layers: A model, to know which layer each call belongs to; or None.

    Attributes:
        calls: A ``Call`` for each, in the order in which they ended: one made inside another comes first.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter, layers: Any = None):
        self.calls: list[Call] = []
        self._clock = clock
        self._layers = None if layers is None else RunningLayers(layers)
        self._open: list[Call] = []  # the calls that are running, the innermost last
        self._earlier = 0.0  # wall time of the blocks that are over
        self._since: float | None = None  # when this block began
        self._among: list[Any] = []  # the records of the thread that is being recorded
        self._devices: set[Any] = set()  # array modules with a GPU that were seen

    def __enter__(self: Self) -> Self:
        if self._since is not None:
            raise RuntimeError("profile: this one runs already. Make another with dezero.profile(); they nest.")
        if self._layers is not None:
            self._layers.__enter__()
        self._among = here.records
        self._among.append(self)
        hooks.need()
        self._since = self._clock()
        return self

    def __exit__(self, *exc_info: object) -> None:
        try:
            for module in self._devices:
                synchronise(module)  # after a failed kernel this raises as well
        finally:
            self._earlier, self._since = self._wall(), None
            self._among.remove(self)
            hooks.release()
            if self._layers is not None:
                self._layers.__exit__()

    def _wall(self) -> float:
        return self._earlier if self._since is None else self._earlier + self._clock() - self._since

    # ---- called by those who watch (see watch.py)

    def _begin(self, function: Function, phase: str) -> Call:
        call = Call(type(function).__name__, phase, self._open[-1] if self._open else None)
        call._subject = weakref.ref(function)
        if self._layers is not None:
            call._within, call._depth = self._layers.of(function, call)
        self._open.append(call)
        call._start = self._clock()
        return call

    def _end(self, call: Call) -> None:
        """Stops the clock and keeps the call, if the block is not over meanwhile."""
        call.inclusive = self._clock() - call._start
        call.seconds = call.inclusive - call._inside
        self._open.pop()
        if call.parent is not None:
            call.parent._inside += call.inclusive
        if self._since is not None:
            self.calls.append(call)

    def _drop(self, call: Call) -> None:
        """Forgets a call that raised: its own time counts for whoever made it, that of calls inside it does not."""
        self._open.pop()
        if call.parent is not None:
            call.parent._inside += call._inside
