"""Knows what a picture of a graph shows on request, its colours, and how text gets into it safely."""

from __future__ import annotations

import html
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from .. import cuda
from .structure import Node

PAGE = 1000  # more nodes than these no one can read: a picture of more folds by itself
FEW = 6  # numbers of an array that are written out

_SPECIAL = {"\\": "\\\\", '"': '\\"', "&": "&amp;", "\n": "\\n", "\r": "\\n", "\t": " "}
_UNSHOWABLE = [*range(0x20), *range(0x7F, 0xA0), 0xFFFE, 0xFFFF]  # a picture cannot hold these, and SVG must not
_ESCAPES = str.maketrans({**{chr(c): f"\\\\x{c:02x}" for c in _UNSHOWABLE}, **_SPECIAL})
_SPELT = str.maketrans({**{chr(c): f"\\x{c:02x}" for c in _UNSHOWABLE}, "\n": "\n", "\t": " "})


@dataclass(frozen=True)
class Look:
    """What a picture shows besides the book's: keyword arguments of ``plot_dot_graph``, ``Model.plot`` and the like.

    With none of them a picture is the book's: orange Variables, light-blue Functions. ``layers``, ``depth`` and
    ``compact`` ask for that of a network: Variables on the way are arrows with their shape (and their dtype where it
    is another than most have), parameters and constants are small and at the side.

    Attributes:
        layers: What ``record_layers`` gave: Functions stand in nested boxes, one for each call of a layer.
            ``Model.plot`` finds this by itself.
        depth: How many levels of boxes are open; 0 is the whole model as one box. Deeper ones, and those without other
            boxes in them, are one node each. All are open where None.
        compact: Variables on the way are arrows, also without layers.
        repeats: Draw layers that follow each other and look the same once, with their number.
        parameters: Draw parameters and constants of open boxes, in the look of a network.
        gradients: Also draw the gradients up to this order, by all leaves, each order in a colour of its own; or the
            gradients themselves, for each order one or a list of them, computed with ``create_graph=True``.
        values: Also show numbers: those of a small array, else min, mean and max. NaN and infinity are red. Where it
            is None, a page (html) tells them when pointed at; where it is False, it does not.
        limit: Beyond this many nodes the picture folds by itself, and says so. None for never, which only DOT text is
            for; that of ``get_dot_graph`` and of files of text is None, that of pictures 1000.

    Raises:
        TypeError: An option is unknown.
        ValueError: One is out of range, or ``depth`` is given without ``layers``.

    Example:
        >>> x = Variable(np.array([1.0, 2.0]), "x")
        >>> print(dezero.utils.get_dot_graph(F.tanh(x), compact=True, values=True))  # doctest: +ELLIPSIS
        digraph g {
        ...
    """

    layers: Any = None
    depth: int | None = None
    compact: bool = False
    repeats: bool = True
    parameters: bool = True
    gradients: Any = 0
    values: bool | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("depth", 0), ("limit", 1)):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
                raise ValueError(f"{name} must be an integer of {least} or more, or None, got {value!r}.")
        if isinstance(self.gradients, int) and self.gradients < 0:
            raise ValueError(f"gradients must be 0 or more orders, or a list of gradients, got {self.gradients!r}.")
        if self.depth is not None and self.layers is None:
            raise ValueError("depth folds layers. Give layers=calls too (see record_layers), or use Model.plot.")
        if self.layers is not None and not hasattr(self.layers, "owner"):
            raise TypeError(f"layers must be what record_layers gives, got {type(self.layers).__name__}.")

    @property
    def is_of_a_network(self) -> bool:
        """Whether Variables on the way are arrows."""
        return self.compact or self.layers is not None


def look(who: str, options: dict[str, Any]) -> Look:
    """The ``Look`` that keyword arguments of ``who`` ask for."""
    known = [f.name for f in fields(Look)]
    for name in options:
        if name not in known:
            raise TypeError(f"{who} has no option {name!r}; there are: {', '.join(known)}.")
    try:
        return Look(**options)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{who}: {error}") from None


class Colors(NamedTuple):
    """Those of one order of gradients."""

    variable: str
    function: str
    folded: str
    box: str
    line: str


_COLORS = [
    Colors("orange", "lightblue", "#c5ddf4", "#f3f7fc", "#5b84ad"),
    Colors("#d5efc3", "#a3d977", "#cbe8b0", "#f5fbf0", "#5d9433"),
    Colors("#e6dbf8", "#c4a7ea", "#dccbf4", "#f9f6fd", "#7d55b5"),
    Colors("#fbd9d3", "#f2a497", "#f8cbc3", "#fdf5f3", "#b9503d"),
    Colors("#cdeeee", "#84d0d0", "#b6e3e3", "#f0fafa", "#2f8a8a"),
    Colors("#fbefb5", "#ecd35c", "#f6e48f", "#fdfaec", "#9c8412"),
    Colors("#fbd8ea", "#f0a3cb", "#f6c2de", "#fdf5f9", "#b54a84"),
    Colors("#e6d8cb", "#c7a88b", "#d8c2ae", "#faf6f2", "#80603f"),
    Colors("#dcdfe4", "#adb3bd", "#c9cdd4", "#f6f7f8", "#5f6672"),
]
RED = "#d62728"
GREY = "#8a8f98"


def colors(order: int) -> Colors:
    """Those of an order: that of the result itself is 0. From 9 on those of 1 to 8 come again."""
    return _COLORS[order] if order < len(_COLORS) else _COLORS[1 + (order - 1) % (len(_COLORS) - 1)]


def quoted(text: str) -> str:
    """``text`` as it must stand between quotes in DOT in order to be shown as it is."""
    return _writable(text).translate(_ESCAPES)


def marked_up(text: str) -> str:
    """``text`` as it must stand in a label between < and > in DOT in order to be shown as it is."""
    spelt = _writable(text).replace("\r", "\n").translate(_SPELT)
    return html.escape(spelt).replace("\\", "&#92;&#92;").replace("\n", "<br/>")  # dot reads \N as a name


def _writable(text: str) -> str:
    """``text`` without a lone half of a surrogate pair, which no file can hold, and with one kind of newline."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\r\n", "\n")


def facts(node: Node, values: bool | None) -> tuple[str, bool]:
    """The numbers of a Variable, where they are asked for and there are any, and whether one is NaN or infinite."""
    data = node.subject.data
    if not values or data is None or not data.size or data.dtype.kind not in "biuf":
        return "", False
    array = cuda.as_numpy(data)
    if array.size <= FEW:
        text = " ".join(_number(v) for v in array.ravel().tolist())
        return text, array.dtype.kind == "f" and not bool(abs(array).max() < float("inf"))
    if array.dtype.kind == "b":
        return f"{array.mean():.0%} true", False
    wide = array.astype("float64")
    with np.errstate(invalid="ignore"):
        low, high = wide.min(), wide.max()
    finite = bool(abs(low) < float("inf") and abs(high) < float("inf"))
    if not finite:
        odd = wide.size - int((abs(wide) < float("inf")).sum())
        return f"{odd:,} of {wide.size:,} NaN or infinite", True
    return f"min {_number(low)}  mean {_number(wide.mean())}  max {_number(high)}", False


def _number(value: Any) -> str:
    return str(value) if isinstance(value, (bool, int)) else f"{float(value):.4g}"


def shape_text(shape: Any) -> str:
    """A shape, or several."""
    return ", ".join(map(str, shape)) if isinstance(shape, list) else str(shape)


def ordinal(n: int) -> str:
    """1st, 2nd, 3rd …"""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}th" if n % 100 in (11, 12, 13) else f"{n}{ending}"


def caption(orders: int, notice: str, legend: str = "") -> str:
    """What stands below a picture: which colour is which order, what was folded, and a legend that is a table.

    Empty where there is nothing.
    """
    parts = []
    if orders:
        names = ["result", *(f"{ordinal(n)} gradient" for n in range(1, orders + 1))]
        marks = [f'<font color="{colors(n).function}">&#9632;</font> {name}' for n, name in enumerate(names)]
        parts += [" &#160; ".join(marks[i : i + 5]) for i in range(0, len(marks), 5)]
    if notice:
        parts.append(f'<font color="{RED}">{marked_up(notice)}</font>')
    text = "<br/>".join(parts)
    if legend:
        rows = "".join(f"<tr><td>{row}</td></tr>" for row in (legend, *parts))
        text = f'<table border="0" cellborder="0">{rows}</table>'
    if not text:
        return ""
    return f'graph [label=<{text}>, labelloc=b, fontname="sans-serif", fontsize=12]'
