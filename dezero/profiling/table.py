"""Knows how to sum calls up in a table: by class of Function, or by layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..graph.calls import Call as LayerCall
from .record import Call


@dataclass(frozen=True, slots=True)
class Row:
    """What a table says about the Functions of one class, or those that one layer ran; times in seconds.

    Attributes:
        name: Of the class; or path of the layer (``res2/a``), empty for the model, None for what no layer ran.
        kind: Of a layer, its class.
        calls: Of a layer, how often it was called.
        count: Forward calls of Functions.
        forward: Time in them.
        backward: Time of the backward walks in these Functions.
        total: Both.
        share: Of the wall time, 0 to 1.
        held: Bytes of outputs that the graph keeps: those of recorded calls.
        backward_count: How often a backward walk came through.
    """

    name: str | None
    kind: str | None
    calls: int | None
    count: int
    forward: float
    backward: float
    total: float
    share: float
    held: int
    backward_count: int

    @property
    def function(self) -> str | None:
        """The name, where it is that of a class."""
        return self.name

    @property
    def title(self) -> str:
        """What the table calls it: ``conv1: Conv2d`` for a layer."""
        if self.kind is None:
            return "(in no layer)" if self.name is None else self.name
        return f"{self.name}: {self.kind}" if self.name else self.kind


class Table:
    """What ``Profile.table`` gives: text when printed, numbers when asked.

    Attributes:
        rows: One ``Row`` for each class or layer, sorted, the first ``top`` of them.
        rest: A ``Row`` for all others together; None where there are none.
        totals: A ``Row`` for all Functions.
        outside: Seconds of wall time that were spent outside Functions.
        wall: Seconds inside the ``with`` block.
    """

    def __init__(self, rows: list[Row], rest: Row | None, totals: Row, wall: float, by: str = "function"):
        self.rows, self.rest, self.totals, self.by = rows, rest, totals, by
        self.wall, self.outside = wall, wall - totals.total

    def __str__(self) -> str:
        columns = ["layer", "calls", "Functions"] if self.by == "layer" else ["function", "count"]
        head = [*columns, "forward ms", "backward ms", "total ms", "share", "held"]
        body = [self._cells(row) for row in (*self.rows, *([] if self.rest is None else [self.rest]))]
        blank = [""] * (len(columns) + 1)
        foot = [
            self._cells(self.totals),
            ["outside", *blank, ms(self.outside), percent(share(self.outside, self.wall)), ""],
            ["wall time", *blank, ms(self.wall), percent(share(self.wall, self.wall)), ""],
        ]
        widths = [max(map(len, column)) for column in zip(head, *body, *foot)]
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        top, *lines = [_line(cells, widths) for cells in (head, *body)]
        lines = [top, rule, *lines, *([rule] if body else []), *[_line(cells, widths) for cells in foot]]
        return "\n".join(lines)

    __repr__ = __str__

    def _cells(self, row: Row) -> list[str]:
        counts = [str(row.count)]
        if self.by == "layer":
            counts.insert(0, "" if row.calls is None else str(row.calls))
        times = [ms(row.forward), ms(row.backward), ms(row.total)]
        return [row.title, *counts, *times, percent(row.share), _size(row.held)]


_SORTED_BY: dict[str, Callable[[Row], Any]] = {
    "total": lambda row: -row.total,
    "forward": lambda row: -row.forward,
    "backward": lambda row: -row.backward,
    "count": lambda row: -row.count,
    "held": lambda row: -row.held,
}


def sum_up(calls: list[Call], wall: float, by: str, sort: str, top: int | None, depth: int | None) -> Table:
    """The table; see ``Profile.table``."""
    if by not in ("function", "layer"):
        raise ValueError(f"table: by is {by!r}, but one of these is wanted: function, layer.")
    known = [*_SORTED_BY, by]
    if sort not in known:
        raise ValueError(f"table: sort is {sort!r}, but one of these is wanted: {', '.join(known)}.")
    if top is not None and top < 1:
        raise ValueError(f"table: top must be at least 1, got {top}.")
    if depth is not None and (by != "layer" or depth < 0):
        raise ValueError(f'table: depth goes with by="layer" and must be at least 0, got depth={depth}, by={by!r}.')
    groups = _by_layer(calls, depth) if by == "layer" else _by_function(calls)
    rows = {key: _row(*key, members, wall, depth) for key, members in groups.items()}
    keys = list(rows)  # where two are equal, and where the sort is by name, they stay in this order
    if sort in _SORTED_BY:
        keys.sort(key=lambda key: _SORTED_BY[sort](rows[key]))
    hidden = [] if top is None else keys[top:]
    others = [call for key in hidden for call in groups[key]]
    rest = _row(f"({len(hidden)} more)", None, others, wall) if hidden else None
    totals = _row("all Functions", None, calls, wall)
    return Table([rows[key] for key in keys[:top]], rest, totals, wall, by)


_Groups = dict[tuple[Any, Any], list[Call]]  # by name and kind


def _by_function(calls: list[Call]) -> _Groups:
    groups: _Groups = {}
    for call in calls:
        groups.setdefault((call.function, None), []).append(call)
    return dict(sorted(groups.items()))


def _by_layer(calls: list[Call], depth: int | None) -> _Groups:
    """The calls of each layer in the order in which the layers came; deeper ones with that at ``depth`` around them."""
    groups: _Groups = {}
    for call in calls:
        layer = _around(call._within, depth)
        groups.setdefault((None, None) if layer is None else (layer.name, layer.kind), []).append(call)
    return groups


def _around(layer: LayerCall | None, depth: int | None) -> LayerCall | None:
    """The call of a layer that stands for this one in a table to ``depth``."""
    if layer is None or depth is None:
        return layer
    path = [layer]
    while path[-1].parent is not None:
        path.append(path[-1].parent)
    return path[-1 - min(depth, len(path) - 1)]


def _row(name: str | None, kind: str | None, calls: list[Call], wall: float, depth: int | None = None) -> Row:
    ahead = [call for call in calls if call.phase == "forward"]
    back = [call for call in calls if call.phase == "backward"]
    forward, backward = (sum([call.seconds for call in phase]) for phase in (ahead, back))
    return Row(
        name=name,
        kind=kind,
        calls=None if kind is None else len({_around(call._within, depth) for call in calls}),
        count=len(ahead),
        forward=forward,
        backward=backward,
        total=forward + backward,
        share=share(forward + backward, wall),
        held=sum([call.nbytes for call in ahead if call.recorded]),
        backward_count=len(back),
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *numbers = cells
    return "  ".join([first.ljust(widths[0]), *map(str.rjust, numbers, widths[1:])]).rstrip()


def ms(seconds: float) -> str:
    """Milliseconds, to the microsecond."""
    return f"{seconds * 1e3:.3f}"


def percent(share: float) -> str:
    """A share of 0 to 1 in percent."""
    return f"{share * 100:.1f}%"


def share(part: float, whole: float) -> float:
    """How much of ``whole`` a part is, 0 to 1; 0 of nothing."""
    return part / whole if whole > 0 else 0.0


def _size(nbytes: float) -> str:
    if nbytes < 1024:
        return f"{nbytes} B"
    for unit in ("KiB", "MiB", "GiB"):
        nbytes /= 1024
        if nbytes < 1024 or unit == "GiB":
            break
    return f"{nbytes:.1f} {unit}"
