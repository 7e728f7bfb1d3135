"""Knows how a picture shows time: what the boxes of a graph say about it, and how red they are."""

from __future__ import annotations

from dataclasses import dataclass

from ..graph.folding import Folds
from ..graph.structure import Graph, Group, Node
from .record import Call
from .table import percent, share

_COLD, _HOT = (0xFF, 0xFF, 0xFF), (0xF4, 0x6A, 0x4A)  # black letters can be read on both, and on all in between
_STEPS = 5  # colours in the legend


@dataclass(eq=False, slots=True)
class _Time:
    forward: float = 0.0
    backward: float = 0.0

    @property
    def total(self) -> float:
        return self.forward + self.backward


class Heat:
    """The time of each box in a picture: of a Function, of a folded layer, and of the open layers around them.

    Args:
        graph: What is drawn.
        folds: How it is folded.
        calls: What a record found. Calls of Functions that are not in the picture count for the one that made them.
    """

    def __init__(self, graph: Graph, folds: Folds, calls: list[Call]):
        self._times: dict[Node | Group, _Time] = {item: _Time() for item in folds.items}
        self._around: dict[Node | Group, _Time] = {}  # of open boxes
        self._whole = _Time()
        for call in calls:
            shown: Call | None = call
            while shown is not None and (place := graph.place(shown._subject())) is None:
                shown = shown.parent
            if shown is not None and place is not None:
                self._add(folds.item(place), shown.phase, call.seconds)
        self._most = max((time.total for time in self._times.values()), default=0.0)
        self._all = sum([call.seconds for call in calls])

    def _add(self, item: Node | Group, phase: str, seconds: float) -> None:
        around = item.group if isinstance(item, Node) else item.parent
        boxes = [self._around.setdefault(group, _Time()) for group in (around.ancestors() if around else ())]
        for time in (self._times[item], self._whole, *boxes):
            setattr(time, phase, getattr(time, phase) + seconds)

    def lines(self, thing: Node | Group) -> list[str]:
        """What a box says below its name."""
        time = self._times.get(thing) or self._around.get(thing, _Time())
        return [
            f"{brief(time.total)} ms  {percent(share(time.total, self._whole.total))}",
            f"forward {brief(time.forward)}, backward {brief(time.backward)}",
        ]

    def seconds(self, thing: Node | Group) -> tuple[float, float]:
        """The forward and the backward time of a box."""
        time = self._times.get(thing, _Time())
        return time.forward, time.backward

    def fill(self, thing: Node | Group) -> str:
        """The colour of a box: white for no time, red for the most that a box took."""
        return _color(share(self._times[thing].total, self._most))

    @property
    def legend(self) -> str:
        """What the colours mean, as the cells of a table in a label of DOT."""
        shares = [i / (_STEPS - 1) for i in range(_STEPS)]
        cells = [f'<td border="1" bgcolor="{_color(t)}">{brief(t * self._most)}</td>' for t in shares]
        text = f"{brief(self._whole.total)} ms of {brief(self._all)} ms in Functions"
        scale = f"<tr><td>time of a box in ms:</td>{''.join(cells)}</tr>"
        rows = f'<tr><td colspan="{_STEPS + 1}">{text}</td></tr>{scale}'
        return f'<table border="0" cellspacing="0" cellpadding="4" color="#b5b9c0">{rows}</table>'


def _color(t: float) -> str:
    return "#" + "".join(f"{round(cold + (hot - cold) * t):02x}" for cold, hot in zip(_COLD, _HOT))


def brief(seconds: float) -> str:
    """Milliseconds, to three digits or whole ones."""
    n = seconds * 1e3
    return f"{n:.3f}" if 0 < n < 1 else f"{n:.2f}" if 0 < n < 10 else f"{n:.1f}" if 0 < n < 100 else f"{n:,.0f}"
