"""Knows how a tree of layers reads as text: what each is, what it owns, and how many numbers there are to train."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..core import Parameter, Variable


def describe(layer: Any) -> str:
    """``layer`` and all that is in it as text. Never raises: what cannot be read is shown as it is."""
    try:
        seen: dict[int, str] = {id(layer): "the whole"}
        text = _described(layer, "", seen)
        return f"{text}\n{_total(layer)}" if "\n" in text else text
    except Exception as error:  # a half-built layer, or a user's extra_repr
        return f"<{type(layer).__name__}, which cannot be described: {error}>"


def settings(layer: Any) -> str:
    """What ``layer`` was made with: the arguments of its constructor that it keeps under their own names.

    Plain values only, and none that is the default.
    """
    from inspect import Parameter as Argument
    from inspect import signature

    words = []
    for argument in signature(type(layer).__init__).parameters.values():
        value = vars(layer).get(argument.name, Argument.empty)
        text = None if value is Argument.empty else _plain(value)
        if text is not None and text != _plain(argument.default):
            words.append(text if argument.default is Argument.empty else f"{argument.name}={text}")
    return ", ".join(words)


def window_text(kernel_size: Any, stride: Any, pad: Any) -> str:
    """The sizes of windows that move over images: ``5x5, stride 1, pad 2``. No padding goes without saying."""
    return f"{by(kernel_size)}, stride {by(stride, one=True)}" + (
        "" if pad in (0, (0, 0)) else f", pad {by(pad, one=True)}"
    )


def by(size: Any, one: bool = False) -> str:
    """``5x3``, or where both are the same and ``one`` will do, ``5``."""
    lengths = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    return str(lengths[0]) if one and len(set(lengths)) == 1 else "x".join(map(str, lengths))


def _plain(value: Any) -> str | None:
    """The text of a plain value, of a tuple of them or of a function; None for anything else."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    if isinstance(value, tuple) and all(_plain(v) is not None for v in value):
        return f"({', '.join(str(_plain(v)) for v in value)})"
    return _name_of(value) if callable(value) and not hasattr(value, "_members") else None


def _name_of(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)


class _Line(NamedTuple):
    """One entry of a layer: the name (``blocks/3``), and its text."""

    name: str
    text: str


def _described(layer: Any, prefix: str, seen: dict[int, str]) -> str:
    """The text of one layer, without the name that its owner gives it."""
    own: list[str] = []
    lines: list[_Line] = []
    count: int | None = 0
    for name, value in layer._members():
        if isinstance(value, Parameter):
            if at := _seen_at(value, seen):
                own.append(f"{name} {at}")
                continue
            seen[id(value)] = prefix + name
            own.append(f"{name} {shape_text(layer, name, value)}")
            count = None if count is None or value.data is None else count + value.data.size
        elif isinstance(value, Variable):
            continue
        elif not hasattr(value, "_members"):
            lines.append(_Line(name, _name_of(value)))
        elif at := _seen_at(value, seen):
            lines.append(_Line(name, at))
        else:
            seen[id(value)] = prefix + name
            lines.append(_Line(name, _described(value, f"{prefix}{name}/", seen)))
    head = f"{type(layer).__name__}({layer.extra_repr()}"
    tail = ")" + (f"  {', '.join(own)}: {'?' if count is None else f'{count:,}'}" if own else "")
    if not lines:
        return head + tail
    rows = "\n".join(f"({line.name}): {line.text}" for line in _folded(lines))
    return head + "\n  " + rows.replace("\n", "\n  ") + "\n" + tail


def _seen_at(value: Any, seen: dict[int, str]) -> str | None:
    return f"the same as {seen[id(value)]}" if id(value) in seen else None


def shape_text(layer: Any, name: str, value: Any) -> str:
    """The shape of a parameter of ``layer``, with a question mark for each length that is not known yet."""
    shape = layer._expected(name)[0] if value.data is None else value.data.shape
    return "(?)" if shape is None else str(tuple(shape)).replace("None", "?")


def _folded(lines: list[_Line]) -> Iterator[_Line]:
    """``lines``, those that are numbered one after the other and have the same text as one with their count."""
    start = 0
    while start < len(lines):
        end = start + 1
        while end < len(lines) and lines[end].text == lines[start].text and _follows(lines[end - 1], lines[end]):
            end += 1
        name, text = lines[start]
        if end - start > 1:
            name, text = f"{name}-{_number(lines[end - 1])[1]}", f"{end - start} x {text}"
        yield _Line(name, text)
        start = end


def _number(line: _Line) -> tuple[str, int]:
    found = re.fullmatch(r"(.*?)(\d+)", line.name)
    return (found[1], int(found[2])) if found else (line.name, -1)


def _follows(before: _Line, line: _Line) -> bool:
    (stem, i), (other, j) = _number(before), _number(line)
    return stem == other and i >= 0 and j == i + 1


def _total(layer: Any) -> str:
    """How many numbers there are to train, as far as they are known."""
    params = list(layer.params())
    n = sum(p.data.size for p in params if p.data is not None)
    waiting = sum(p.data is None for p in params)
    if waiting:
        return f"{n:,} parameters, not counting {waiting} arrays that the first call makes"
    return f"{n:,} parameters"
