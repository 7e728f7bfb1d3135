"""Knows the ops that put arrays together and take them apart: concat, stack, split, repeat, tile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import normalize_axes
from ..core import Function, Variable, as_operand
from ..cuda import get_array_module
from .arithmetic import check_precision
from .formula import Formula
from .indexing import get_item


class Concat(Formula):
    """y = the xs one after the other along an axis;  each gx = its own stretch of gy."""

    def __init__(self, axis: int):
        self.axis = axis

    def forward(self, *xs):
        return get_array_module(xs[0]).concatenate(xs, axis=self.axis)

    def gradients(self, gy, y, *xs):
        gxs, start = [], 0
        for x, wanted in zip(xs, self.needs_grad):
            stop = start + x.shape[self.axis]
            stretch = (slice(None),) * self.axis + (slice(start, stop),)
            gxs.append(gy[stretch] if wanted else None)
            start = stop
        return tuple(gxs)


def concat(xs: Sequence[Any], axis: int = 0) -> Variable:
    """The arrays ``xs`` one after the other along ``axis``.

    Args:
        xs: Sequence of Variables or arrays with equal shapes but for ``axis``.
        axis: The axis they are joined along.

    Returns:
        Variable as long along ``axis`` as all ``xs`` together.

    Raises:
        ValueError: ``xs`` is empty, or the shapes do not fit.
        TypeError: float16 would meet a wider float.

    Example:
        >>> concat([np.zeros((1, 2)), np.ones((2, 2))]).shape
        (3, 2)
    """
    xs = list(xs)
    shapes = _shapes(xs, "concat")
    ndim = len(shapes[0])
    if not -ndim <= axis < ndim:
        raise ValueError(f"concat: axis {axis} does not fit arrays with {ndim} dimensions.")
    axis = int(axis) % ndim
    if len({(len(s), s[:axis], s[axis + 1 :]) for s in shapes}) > 1:
        raise ValueError(f"concat: shapes must agree but for axis {axis}, got {', '.join(map(str, shapes))}.")
    return Concat(axis)(*xs)


def _shapes(xs: list[Any], who: str) -> list[tuple[int, ...]]:
    """The shapes of what is to be joined.

    Raises:
        ValueError: There is nothing.
        TypeError: float16 would meet a wider float.
    """
    if not xs:
        raise ValueError(f"{who}: at least one array is wanted, got none.")
    floats = sorted({x.dtype for x in xs if x.dtype.kind == "f"}, key=lambda dtype: dtype.itemsize)
    if len(floats) > 1:
        check_precision(floats[0], floats[-1], who)
    return [tuple(x.shape) for x in xs]


class Stack(Formula):
    """y = the xs side by side along a new axis;  each gx = its own slice of gy."""

    def __init__(self, axis: int):
        self.axis = axis

    def forward(self, *xs):
        return get_array_module(xs[0]).stack(xs, axis=self.axis)

    def gradients(self, gy, y, *xs):
        lead = (slice(None),) * self.axis
        return tuple([gy[(*lead, i)] if wanted else None for i, wanted in enumerate(self.needs_grad)])


def stack(xs: Sequence[Any], axis: int = 0) -> Variable:
    """The arrays ``xs`` side by side along a new axis.

    Args:
        xs: Sequence of Variables or arrays of one shape.
        axis: Where the new axis is in the result.

    Returns:
        Variable with one axis more, as long as there are ``xs``.

    Raises:
        ValueError: ``xs`` is empty, the shapes differ, or ``axis`` is out of range.
        TypeError: float16 would meet a wider float.

    Example:
        >>> stack([np.array([1.0, 2.0]), np.array([3.0, 4.0])], axis=1)
        variable([[1. 3.]
                  [2. 4.]])
    """
    xs = list(xs)
    shapes = _shapes(xs, "stack")
    if len(set(shapes)) > 1:
        raise ValueError(f"stack: shapes must agree, got {', '.join(map(str, shapes))}. concat joins unequal lengths.")
    ndim = len(shapes[0]) + 1
    if not -ndim <= axis < ndim:
        raise ValueError(f"stack: axis {axis} does not fit a result with {ndim} dimensions.")
    return Stack(int(axis) % ndim)(*xs)


class Split(Function):
    """ys = x cut at bounds along an axis;  gx = the gys one after the other."""

    def __init__(self, bounds: list[int], axis: int):
        self.bounds = bounds
        self.axis = axis

    def forward(self, x):
        lead = (slice(None),) * self.axis
        return tuple([x[(*lead, slice(a, b))] for a, b in zip(self.bounds, self.bounds[1:])])

    def backward(self, *gys):
        return Concat(self.axis)(*gys)


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Variable]:
    """Cuts ``x`` into pieces along ``axis``, as ``np.split``.

    Args:
        x: Variable or array.
        indices_or_sections: How many pieces of equal length; or a sequence of the indices where to cut, in order:
            [2, 3] gives x[:2], x[2:3] and x[3:].
        axis: The axis to cut.

    Returns:
        List of Variables. Their data are views of ``x``. Pieces that nobody uses need not be kept.

    Raises:
        ValueError: The pieces would not be of equal length, the indices are not in order, or ``axis`` is out of range.

    Example:
        >>> split(np.arange(6.0), 3)
        [variable([0. 1.]), variable([2. 3.]), variable([4. 5.])]
        >>> split(np.arange(6.0), [1, 4])
        [variable([0.]), variable([1. 2. 3.]), variable([4. 5.])]
    """
    x = as_operand(x, "split")
    (axis,) = normalize_axes(axis, x.ndim, "split")
    ys = Split(_bounds(indices_or_sections, x.shape[axis], axis), axis)(x)
    return ys if isinstance(ys, list) else [ys]


def _bounds(indices_or_sections: Any, n: int, axis: int) -> list[int]:
    """Where the pieces of an axis of length ``n`` begin and end: from 0 to ``n``."""
    if isinstance(indices_or_sections, (int, np.integer)):
        sections = int(indices_or_sections)
        if sections < 1 or n % sections:
            raise ValueError(
                f"split: axis {axis} with {n} elements has no {sections} pieces of equal length. A list of indices"
                " cuts it anywhere."
            )
        return [i * n // sections for i in range(sections + 1)]
    indices = [int(i) for i in indices_or_sections]
    bounds = [0, *(slice(i).indices(n)[1] for i in indices), n]  # as slices count: from the end, and not beyond it
    if bounds != sorted(bounds):
        raise ValueError(f"split: indices must be in order for an axis with {n} elements, got {indices}.")
    return bounds


class Unstack(Function):
    """ys = the slices of x along an axis, which goes;  gx = the gys side by side."""

    def __init__(self, axis: int):
        self.axis = axis

    def forward(self, x):
        lead = (slice(None),) * self.axis
        return tuple([x[(*lead, i)] for i in range(x.shape[self.axis])])

    def backward(self, *gys):
        return Stack(self.axis)(*gys)


def unstack(x: Any, axis: int = 0) -> list[Variable]:
    """The slices of ``x`` along ``axis``, which they do not have any more: ``stack`` undone.

    Args:
        x: Variable or array.
        axis: The axis to take apart.

    Returns:
        List of Variables, as many as ``axis`` is long. Those that nobody uses need not be kept.

    Raises:
        ValueError: ``axis`` is out of range.

    Example:
        >>> unstack(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=1)
        [variable([1. 3.]), variable([2. 4.])]
    """
    x = as_operand(x, "unstack")
    (axis,) = normalize_axes(axis, x.ndim, "unstack")
    if not x.shape[axis]:
        return []
    ys = Unstack(axis)(x)
    return ys if isinstance(ys, list) else [ys]


class Repeat(Formula):
    """y = each element of x some times in a row along an axis;  gx = gy summed over each row."""

    def __init__(self, repeats: int, axis: int):
        self.repeats = repeats
        self.axis = axis

    def forward(self, x):
        return get_array_module(x).repeat(x, self.repeats, axis=self.axis)

    def gradients(self, gy, y, x):
        after = self.axis + 1
        return gy.reshape((*x.shape[:after], self.repeats, *x.shape[after:])).sum(axis=after)


def repeat(x: Any, repeats: Any, axis: int | None = None) -> Variable:
    """Each element of ``x`` several times in a row, as ``np.repeat``.

    Args:
        x: Variable or array.
        repeats: How often: an integer, or a list (or NumPy array) of them, one for each element along ``axis``.
        axis: The axis that grows; None flattens ``x`` first.

    Returns:
        Variable.

    Raises:
        TypeError: ``repeats`` are no integers.
        ValueError: A repeat is negative, they are not as many as elements, or ``axis`` is out of range.

    Example:
        >>> repeat(np.array([1.0, 2.0]), 2), repeat(np.array([1.0, 2.0]), [1, 3])
        (variable([1. 1. 2. 2.]), variable([1. 2. 2. 2.]))
    """
    x = as_operand(x, "repeat")
    if axis is None:
        x, axis = x.reshape(-1), 0
    (axis,) = normalize_axes(axis, x.ndim, "repeat")
    counts, n = np.asarray(repeats), x.shape[axis]
    if counts.dtype.kind not in "iu" and counts.size:
        raise TypeError(f"repeat: repeats must be integers, got {counts.dtype}.")
    if counts.ndim > 1 or counts.size not in (1, n) or (counts < 0).any():
        raise ValueError(f"repeat: an integer or {n} of them are wanted, none negative, got {repeats!r}.")
    if counts.size == 1:
        return Repeat(int(counts.reshape(())), axis)(x)
    return get_item(x, (slice(None),) * axis + (np.repeat(np.arange(n), counts.astype(int)),))


class Tile(Formula):
    """y = x laid side by side along each axis;  gx = the sum over the copies in gy."""

    def __init__(self, reps: tuple[int, ...]):
        self.reps = reps

    def forward(self, x):
        return get_array_module(x).tile(x, self.reps)

    def gradients(self, gy, y, x):
        ndim = len(self.reps)
        lengths = (*(1,) * (ndim - x.ndim), *x.shape)
        pairs = tuple([n for both in zip(self.reps, lengths) for n in both])  # (r0, n0, r1, n1, ...)
        return gy.reshape(pairs).sum(axis=tuple(range(0, 2 * ndim, 2))).reshape(x.shape)


def tile(x: Any, reps: Any) -> Variable:
    """``x`` laid side by side, as ``np.tile``.

    Args:
        x: Variable or array.
        reps: How often along each axis, an integer or a sequence. One integer is for the last axis; where there are
            more than axes, ``x`` gets new ones in front.

    Returns:
        Variable.

    Raises:
        ValueError: A number is negative.

    Example:
        >>> tile(np.array([1.0, 2.0]), 2), tile(np.array([1.0]), (2, 1)).shape
        (variable([1. 2. 1. 2.]), (2, 1))
    """
    x = as_operand(x, "tile")
    given = (reps,) if isinstance(reps, (int, np.integer)) else reps
    counts = tuple(int(r) for r in given)
    if any(r < 0 for r in counts):
        raise ValueError(f"tile: reps must not be negative, got {counts}.")
    return Tile((1,) * (x.ndim - len(counts)) + counts)(x)
