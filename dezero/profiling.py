"""Knows where the time and the memory of a computation go: a record of every call of a Function while one looks.

While a profile runs, ``Function.__call__`` and the two steps of the backward walk are replaced by versions that read
the clock; when the last one ends they are put back. So a program that does not profile pays nothing, not even a test.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import numpy as np

from .core import Function, Variable, _Walk
from .cuda import get_array_module, is_array
from .graph import Picture

_FOLD_ABOVE = 500  # boxes and leaves; a picture of more takes long to lay out, and nobody reads it
_COLD, _HOT = (0xFF, 0xFF, 0xFF), (0xF4, 0x6A, 0x4A)  # black letters can be read on both, and on all in between


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
    _start: float = field(default=0.0, repr=False)
    _inside: float = field(default=0.0, repr=False)  # time of the calls made in it


@dataclass(frozen=True, slots=True)
class Row:
    """What a table says about the Functions of one class; times in seconds.

    Attributes:
        function: Name of the class.
        count: Forward calls.
        forward: Time in them.
        backward: Time of the backward walks in these Functions.
        total: Both.
        share: Of the wall time, 0 to 1.
        held: Bytes of outputs that the graph keeps: those of recorded calls.
        backward_count: How often a backward walk came through.
    """

    function: str
    count: int
    forward: float
    backward: float
    total: float
    share: float
    held: int
    backward_count: int


class Table:
    """What ``Profile.table`` gives: text when printed, numbers when asked.

    Attributes:
        rows: One ``Row`` per class, sorted, the first ``top`` of them.
        rest: A ``Row`` for all others together; None where there are none.
        totals: A ``Row`` for all Functions.
        outside: Seconds of wall time that were spent outside Functions.
        wall: Seconds inside the ``with`` block.
    """

    def __init__(self, rows: list[Row], rest: Row | None, totals: Row, wall: float):
        self.rows, self.rest, self.totals = rows, rest, totals
        self.wall, self.outside = wall, wall - totals.total

    def __str__(self) -> str:
        head = "function,count,forward ms,backward ms,total ms,share,held".split(",")
        body = [_cells(row) for row in (*self.rows, *([] if self.rest is None else [self.rest]))]
        foot = [
            _cells(self.totals),
            ["outside", "", "", "", _ms(self.outside), _percent(_share(self.outside, self.wall)), ""],
            ["wall time", "", "", "", _ms(self.wall), _percent(_share(self.wall, self.wall)), ""],
        ]
        widths = [max(map(len, column)) for column in zip(head, *body, *foot)]
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        top, *lines = [_line(cells, widths) for cells in (head, *body)]
        lines = [top, rule, *lines, *([rule] if body else []), *[_line(cells, widths) for cells in foot]]
        return "\n".join(lines)

    __repr__ = __str__


def _row(name: str, calls: list[Call], wall: float) -> Row:
    ahead = [call for call in calls if call.phase == "forward"]
    back = [call for call in calls if call.phase == "backward"]
    forward, backward = (sum([call.seconds for call in phase]) for phase in (ahead, back))
    return Row(
        function=name,
        count=len(ahead),
        forward=forward,
        backward=backward,
        total=forward + backward,
        share=_share(forward + backward, wall),
        held=sum([call.nbytes for call in ahead if call.recorded]),
        backward_count=len(back),
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *numbers = cells
    return "  ".join([first.ljust(widths[0]), *map(str.rjust, numbers, widths[1:])]).rstrip()


def _cells(row: Row) -> list[str]:
    times = [_ms(row.forward), _ms(row.backward), _ms(row.total)]
    return [row.function, str(row.count), *times, _percent(row.share), _size(row.held)]


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3f}"


def _percent(share: float) -> str:
    return f"{share * 100:.1f}%"


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def _size(nbytes: float) -> str:
    if nbytes < 1024:
        return f"{nbytes} B"
    for unit in ("KiB", "MiB", "GiB"):
        nbytes /= 1024
        if nbytes < 1024 or unit == "GiB":
            break
    return f"{nbytes:.1f} {unit}"


_SORTED_BY: dict[str, Callable[[Row], Any]] = {
    "total": lambda row: -row.total,
    "forward": lambda row: -row.forward,
    "backward": lambda row: -row.backward,
    "count": lambda row: -row.count,
    "held": lambda row: -row.held,
    "function": lambda row: row.function,
}


class Profile:
    """Records every call of a Function inside a ``with`` block. Made by ``dezero.profile()``, which says it all.

    Attributes:
        calls: A ``Call`` for each, in the order in which they ended: one made inside another comes first.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter):
        self.calls: list[Call] = []
        self._clock = clock
        self._open: list[Call] = []  # the calls that are running, the innermost last
        self._earlier = 0.0  # wall time of the blocks that are over
        self._since: float | None = None  # when this block began
        self._among: list[Profile] = []  # the profiles of the thread that is being recorded
        self._devices: set[Any] = set()  # array modules with a GPU that were seen

    def __repr__(self) -> str:
        return f"Profile({len(self.calls)} calls, {_ms(self._wall())} ms)"

    def __enter__(self) -> Profile:
        if self._since is not None:
            raise RuntimeError("profile: this one runs already. Make another with dezero.profile(); they nest.")
        self._among = _here.profiles
        self._among.append(self)
        _hooks.need()
        self._since = self._clock()
        return self

    def __exit__(self, *exc_info: object) -> None:
        try:
            for module in self._devices:
                _synchronise(module)  # after a failed kernel this raises as well
        finally:
            self._earlier, self._since = self._wall(), None
            self._among.remove(self)
            _hooks.release()

    def table(self, sort: str = "total", top: int | None = None) -> Table:
        """Sums up the calls: a row for each class of Functions, a row for all, and what was spent outside.

        The columns are those of ``Row``. ``held`` is what the graph keeps of the outputs; what a Function keeps
        besides them (a mask, say) is not in it, nor are outputs under ``no_grad()``, which nobody needs later.

        Args:
            sort: ``"total"``, ``"forward"``, ``"backward"``, ``"count"`` or ``"held"``, the largest first; or
                ``"function"``, by name.
            top: How many rows at most; the others become one. All, where None.

        Raises:
            ValueError: There is no such column, or ``top`` is below 1.

        Example:
            >>> x, W = Variable(np.ones((4, 3))), Parameter(np.ones((3, 2)))
            >>> with dezero.profile() as p:
            ...     F.sum(x @ W).backward()
            >>> print(p.table())  # doctest: +SKIP
            function       count  forward ms  backward ms  total ms   share  held
            ---------------------------------------------------------------------
            MatMul             1       0.013        0.025     0.038   33.6%  64 B
            Sum                1       0.016        0.010     0.026   23.0%   8 B
            ---------------------------------------------------------------------
            all Functions      2       0.029        0.035     0.064   56.6%  72 B
            outside                                           0.049   43.4%
            wall time                                         0.113  100.0%
            >>> [(row.function, row.count, row.held) for row in p.table(sort="held").rows]
            [('MatMul', 1, 64), ('Sum', 1, 8)]
        """
        if sort not in _SORTED_BY:
            raise ValueError(f"table: sort is {sort!r}, but one of these is wanted: {', '.join(_SORTED_BY)}.")
        if top is not None and top < 1:
            raise ValueError(f"table: top must be at least 1, got {top}.")
        wall = self._wall()
        groups: dict[str, list[Call]] = {}
        for call in self.calls:
            groups.setdefault(call.function, []).append(call)
        rows = [_row(name, calls, wall) for name, calls in sorted(groups.items())]
        rows.sort(key=_SORTED_BY[sort])  # equal ones stay in the order of their names
        hidden = [] if top is None else rows[top:]
        others = [call for row in hidden for call in groups[row.function]]
        rest = _row(f"({len(hidden)} more)", others, wall) if hidden else None
        return Table(rows[:top], rest, _row("all Functions", self.calls, wall), wall)

    def plot(self, output: Any, to_file: Any = "profile.png") -> Picture | None:
        """Draws the Functions that led to ``output``, the more of the time one took, the redder.

        A box says the Function's class, its forward and backward time and its share of what is in the picture. Calls
        of Functions that are not in it count for the one that made them. Leaves and ``output`` are ellipses; other
        Variables are the arrows between boxes, with their shape. Above 500 boxes and leaves, the Functions of one
        class become one box, and the caption says so.

        Args:
            output: Variable, or a list or tuple of them; computed while the profile ran.
            to_file: Path of the picture; its ending says the kind, as for ``plot_dot_graph``. None for no file.

        Returns:
            Where ``to_file`` is None, a ``Picture``, which a notebook shows.

        Raises:
            TypeError: ``output`` is something else.
            Exception: As ``plot_dot_graph``: unknown ending, missing folder, no ``dot``.

        Example:
            >>> x = Variable(np.ones(3), "x")
            >>> with dezero.profile() as p:
            ...     y = F.sum(F.exp(x))
            >>> p.plot(y, to_file="profile.dot")
            >>> (tmp / "profile.dot").exists()
            True
        """
        outputs = output if isinstance(output, (list, tuple)) else [output]
        for y in outputs:
            if not isinstance(y, Variable):
                raise TypeError(f"plot draws a Variable, or a list of them, got {type(y).__name__}.")
        picture = Picture(_dot_text(outputs, self.calls))
        if to_file is None:
            return picture
        picture.save(to_file)
        return None

    def _wall(self) -> float:
        return self._earlier if self._since is None else self._earlier + self._clock() - self._since

    # ---- called by the hooks

    def _begin(self, function: Function, phase: str) -> Call:
        call = Call(type(function).__name__, phase, self._open[-1] if self._open else None)
        call._subject = weakref.ref(function)
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


def profile(clock: Callable[[], float] = time.perf_counter) -> Profile:
    """Records where time and memory go inside a ``with`` block: for every call of a Function, and per class of them.

    ``p.table()`` prints what was found, ``p.plot(y)`` colours the graph by it, ``p.calls`` has it call by call.

    - Times are a call's own. That of the Functions it calls is theirs, so the sum counts nothing twice; the rest of
      the block (optimizer, data, Python between the calls, the profile's bookkeeping) is ``outside``.
    - Forward time is that of calling a Function, backward time that of carrying gradients from its outputs to its
      inputs, adding them up included, and including whatever Functions its ``backward`` makes use of.
    - A walk that is recorded (``create_graph=True``) makes a graph of its own. What it calls are forward calls of
      *those* Functions; what is left is backward time of the Function that is differentiated. The walk through the
      gradient's graph then is backward time of both.
    - On a GPU the host waits for the device before and after each call, so that a time is that of its kernels and of
      starting them. The program is slower while it is watched, most where kernels are small. The first call also
      compiles its kernels: profile a second one.
    - Only the thread that entered the block is recorded. Blocks nest, each with a profile of its own; a profile
      entered again adds up. A call that raises is not recorded.
    - A profile that does not run costs nothing. One that does keeps its list of calls, but no graph and no array.
      Enter it around many steps rather than at each: entering makes Python forget what it cached about Functions.

    Args:
        clock: Gives the time in seconds.

    Example:
        >>> x = Variable(np.ones((2, 3)))
        >>> with dezero.profile() as p:
        ...     F.sum(F.exp(x)).backward()
        >>> [(call.function, call.phase, call.shapes) for call in p.calls]
        [('Exp', 'forward', ((2, 3),)), ('Sum', 'forward', ((),)),
         ('Sum', 'backward', ((2, 3),)), ('Exp', 'backward', ((2, 3),))]
    """
    return Profile(clock)


# ---- how it gets to see the calls


class _Here(threading.local):
    """What this thread measures: the profiles that run in it, and the calls under way, the outermost first."""

    def __init__(self) -> None:
        self.profiles: list[Profile] = []
        self.running: list[_Measured] = []

    def look_away(self) -> bool:
        """Whether what happens now is not to be recorded by itself."""
        return not self.profiles or (len(self.running) > 0 and self.running[-1].whole)


class _Hooks:
    """Puts the measuring versions of the engine's methods in place for as long as a profile runs in any thread."""

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


class _Measured:
    """Measures what happens in its ``with`` block, for every profile of this thread.

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
        profiles = list(_here.profiles)
        _wait(self.given, profiles)  # for what was asked of the device before
        self.calls = [(p, p._begin(function, phase)) for p in profiles]

    def __enter__(self) -> _Measured:
        _here.running.append(self)
        return self

    def __exit__(self, kind: Any, *error: object) -> None:
        _here.running.pop()
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
        if _here.look_away() or self.outputs:  # one used again has a copy of it make the call, which comes by here
            return original(self, *inputs)
        with _Measured(self, "forward", inputs) as measured:
            measured.results = original(self, *inputs)
        return measured.results

    return call


def _measuring_through(original: Any) -> Any:
    @wraps(original)
    def through(self: _Walk, f: Function, gys: list[Any], needs: Sequence[bool]) -> None:
        if _here.look_away():
            return original(self, f, gys, needs)
        with _Measured(f, "backward", (*gys, *f.inputs), whole=not self.recorded):
            original(self, f, gys, needs)

    return through


def _measuring_gradients(original: Any) -> Any:
    @wraps(original)
    def gradients(self: _Walk, f: Function, gys: list[Any], needs: Sequence[bool]) -> Any:
        gxs = original(self, f, gys, needs)
        if _here.running and _here.running[-1].function is f:
            _here.running[-1].results = gxs
        return gxs

    return gradients


_here = _Here()
_hooks = _Hooks(
    (Function, "__call__", _measuring_call),
    (_Walk, "_through", _measuring_through),
    (_Walk, "_gradients", _measuring_gradients),
)


def _wait(arrays: Iterable[Any], profiles: list[Profile]) -> None:
    """Waits for the GPU that an array is on, until it has done what it was asked to."""
    for x in arrays:
        module = get_array_module(x)
        if module is not np and hasattr(module, "cuda"):
            for p in profiles:
                p._devices.add(module)
            _synchronise(module)
            return


def _synchronise(module: Any) -> None:
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


# ---- the picture


@dataclass(eq=False, slots=True)
class _Box:
    """A Function in the picture, or all of one class."""

    name: str
    forward: float = 0.0
    backward: float = 0.0
    functions: int = 0

    @property
    def total(self) -> float:
        return self.forward + self.backward


def _dot_text(outputs: Sequence[Variable], calls: list[Call]) -> str:
    """The picture in DOT: a box per Function, an arrow per Variable between two."""
    functions = _functions_behind(outputs)
    leaves = {x: None for x in (*(x for f in functions for x in f.inputs), *outputs) if x.creator is None}
    folded = len(functions) + len(leaves) + len(outputs) > _FOLD_ABOVE
    box_of = _boxes(functions, calls, folded)
    boxes = {box: f"f{i}" for i, box in enumerate(dict.fromkeys(box_of.values()))}
    places = {f: boxes[box] for f, box in box_of.items()}
    times = [box.total for box in boxes]
    whole, most = sum(times), max(times, default=0.0)
    caption = f"{_ms(whole)} ms of {_ms(sum(call.seconds for call in calls))} ms in Functions"
    if folded:
        caption += f"; {len(functions)} Functions, those of one class in one box"
    lines = [
        f'graph [label="{caption}", labelloc=t, fontname="sans-serif"]',
        'node [fontname="sans-serif", style=filled, color="#888888"]',
        'edge [fontname="sans-serif", fontsize=10, color="#666666"]',
    ]
    for box, place in boxes.items():
        lines.append(f'{place} [label="{_box_label(box, whole)}", shape=box, fillcolor="{_heat(box, most)}"]')
    lines += _arrows_between_classes(functions, places) if folded else _arrows(functions, outputs, places, leaves)
    return "digraph g {\n" + "".join(f"  {line}\n" for line in lines) + "}"


def _functions_behind(outputs: Sequence[Variable]) -> list[Function]:
    """Every Function behind ``outputs``, once."""
    found: dict[Function, None] = {y.creator: None for y in outputs if y.creator is not None}
    waiting = list(found)
    while waiting:
        for x in waiting.pop().inputs:
            if x.creator is not None and x.creator not in found:
                found[x.creator] = None
                waiting.append(x.creator)
    return list(found)


def _boxes(functions: list[Function], calls: list[Call], folded: bool) -> dict[Function, _Box]:
    """For each Function its box, with the times of the calls that belong to it."""
    boxes: dict[Function, _Box] = {}
    of_class: dict[str, _Box] = {}
    for f in functions:
        name = type(f).__name__
        boxes[f] = of_class.setdefault(name, _Box(name)) if folded else _Box(name)
        boxes[f].functions += 1
    for call in calls:
        shown: Call | None = call
        while shown is not None and (subject := shown._subject()) not in boxes:
            shown = shown.parent
        if shown is not None:
            box = boxes[subject]
            setattr(box, shown.phase, getattr(box, shown.phase) + call.seconds)
    return boxes


def _box_label(box: _Box, whole: float) -> str:
    many = f" ({box.functions} times)" if box.functions > 1 else ""
    times = f"forward {_ms(box.forward)} ms\\nbackward {_ms(box.backward)} ms"
    return f"{_quoted(box.name)}{many}  {_percent(_share(box.total, whole))}\\n{times}"


def _heat(box: _Box, most: float) -> str:
    """The colour of a box: white for no time, red for the most."""
    t = _share(box.total, most)
    return "#" + "".join(f"{round(cold + (hot - cold) * t):02x}" for cold, hot in zip(_COLD, _HOT))


def _arrows(
    functions: list[Function], outputs: Sequence[Variable], places: dict[Function, str], leaves: Iterable[Variable]
) -> Iterator[str]:
    leaf_places = {x: f"x{i}" for i, x in enumerate(leaves)}
    for x, place in leaf_places.items():
        yield f'{place} [label="{_label(x)}", fillcolor="#eeeeee"]'
    for f in functions:
        for x in f.inputs:
            if x.creator is None:
                yield f"{leaf_places[x]} -> {places[f]}"
            else:
                yield f'{places[x.creator]} -> {places[f]} [label=" {_label(x)}"]'
    for i, y in enumerate(dict.fromkeys(outputs)):
        if y.creator is not None:
            yield f'y{i} [label="{_label(y)}", fillcolor="#eeeeee"]'
            yield f"{places[y.creator]} -> y{i}"


def _arrows_between_classes(functions: list[Function], places: dict[Function, str]) -> Iterator[str]:
    arrows = Counter((places[x.creator], places[f]) for f in functions for x in f.inputs if x.creator is not None)
    for (source, target), n in arrows.items():
        yield f'{source} -> {target} [label="{n}"]'


def _label(x: Variable) -> str:
    shape = "None" if x.data is None else str(tuple(x.shape))
    return _quoted(f"{x.name} {shape}" if x.name is not None else shape)


def _quoted(text: str) -> str:
    """``text`` as it must stand between quotes in DOT in order to be shown as it is."""
    visible = "".join([c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text])
    return visible.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
