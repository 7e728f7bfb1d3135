"""Knows the ops that change the shape of an array, the order of its elements or their type, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import normalize_axes
from ..core import Function, Variable, as_operand
from ..cuda import get_array_module
from .formula import Formula, apply


class Reshape(Formula):
    """y = x in another shape;  gx = gy in x's shape."""

    def __init__(self, shape: tuple[int, ...]):
        self.shape = shape

    def forward(self, x):
        return x.reshape(self.shape)

    def gradients(self, gy, y, x):
        return gy.reshape(x.shape)


def reshape(x: Any, shape: Any) -> Variable:
    """The elements of ``x`` in another shape.

    Args:
        x: Variable or array.
        shape: Integer or sequence of them; one may be -1, meaning what is left.

    Returns:
        Variable of shape ``shape``.

    Raises:
        ValueError: ``shape`` holds another number of elements.

    Example:
        >>> reshape(np.arange(4.0), (2, -1))
        variable([[0. 1.]
                  [2. 3.]])
    """
    x = as_operand(x, "reshape")
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if x.shape == shape:
        return x
    known = math.prod(shape)  # but for its sign, where one is unknown
    fits = x.size == known if -1 not in shape else known and x.size % known == 0
    if not fits or shape.count(-1) > 1:
        raise ValueError(f"reshape: {tuple(x.shape)} has {x.size} elements and cannot become {shape}.")
    return Reshape(shape)(x)


class Transpose(Formula):
    """y = x with its axes in another order;  gx = gy with them put back."""

    def __init__(self, axes: tuple[int, ...] | None):
        self.axes = axes

    def forward(self, x):
        return x.transpose(self.axes)

    def gradients(self, gy, y, x):
        if self.axes is None:
            return gy.transpose()
        return gy.transpose(tuple(sorted(range(len(self.axes)), key=self.axes.__getitem__)))


def transpose(x: Any, axes: Sequence[int] | None = None) -> Variable:
    """``x`` with its axes in another order.

    Args:
        x: Variable or array.
        axes: For each axis of the result, the axis of ``x`` it comes from; None reverses them.

    Returns:
        Variable; its data is a view of ``x``.

    Raises:
        ValueError: ``axes`` is no permutation of the axes of ``x``.

    Example:
        >>> transpose(np.ones((2, 3, 4)), (2, 0, 1)).shape
        (4, 2, 3)
    """
    x = as_operand(x, "transpose")
    if axes is not None:
        ndim = x.ndim
        given, axes = axes, tuple(int(a) % ndim if -ndim <= a < ndim else int(a) for a in axes)
        if sorted(axes) != list(range(ndim)):
            raise ValueError(f"transpose: axes {tuple(given)} are no order of the {ndim} axes of x, {tuple(x.shape)}.")
    return Transpose(axes)(x)


def expand_dims(x: Any, axis: int) -> Variable:
    """``x`` with a new axis of length 1 before ``axis``; -1 puts it last, as in NumPy.

    Args:
        x: Variable or array.
        axis: Where the new axis is in the result.

    Raises:
        ValueError: ``axis`` is out of range.

    Example:
        >>> expand_dims(np.ones(3), -1).shape
        (3, 1)
    """
    x = as_operand(x, "expand_dims")
    if not -x.ndim - 1 <= axis <= x.ndim:
        raise ValueError(f"expand_dims: axis {axis} does not fit a result with {x.ndim + 1} dimensions.")
    at = axis % (x.ndim + 1)
    return reshape(x, (*x.shape[:at], 1, *x.shape[at:]))


def flatten(x: Any) -> Variable:
    """Joins all axes of ``x`` but the first: (N, ...) becomes (N, D).

    Args:
        x: Variable or array with at least one axis.

    Example:
        >>> flatten(np.ones((2, 3, 4))).shape
        (2, 12)
    """
    x = as_operand(x, "flatten")
    if not x.ndim:
        raise ValueError("flatten: x needs a first axis to keep, got a 0-d array.")
    return reshape(x, (x.shape[0], math.prod(x.shape[1:])))


def squeeze(x: Any, axis: Any = None) -> Variable:
    """``x`` without its axes of length 1.

    Args:
        x: Variable or array.
        axis: The axis or axes to drop; None drops every one of length 1.

    Raises:
        ValueError: An axis is longer than 1 or out of range.

    Example:
        >>> squeeze(np.ones((1, 3, 1))).shape, squeeze(np.ones((1, 3, 1)), axis=0).shape
        ((3,), (3, 1))
    """
    x = as_operand(x, "squeeze")
    if axis is None:
        return reshape(x, [n for n in x.shape if n != 1])
    axes = normalize_axes(axis, x.ndim, "squeeze")
    if any(x.shape[i] != 1 for i in axes):
        raise ValueError(f"squeeze: only an axis of length 1 can go, but axis {axis} of {x.shape} has more.")
    return reshape(x, [n for i, n in enumerate(x.shape) if i not in axes])


def swapaxes(x: Any, axis1: int, axis2: int) -> Variable:
    """``x`` with two axes in each other's place.

    Args:
        x: Variable or array.
        axis1: One axis.
        axis2: The other.

    Raises:
        ValueError: An axis is out of range.

    Example:
        >>> swapaxes(np.ones((2, 3, 4)), 0, -1).shape
        (4, 3, 2)
    """
    x = as_operand(x, "swapaxes")
    (i,), (j,) = normalize_axes(axis1, x.ndim, "swapaxes"), normalize_axes(axis2, x.ndim, "swapaxes")
    order = list(range(x.ndim))
    order[i], order[j] = j, i
    return transpose(x, order)


def moveaxis(x: Any, source: Any, destination: Any) -> Variable:
    """``x`` with some axes in other places; the rest keep their order.

    Args:
        x: Variable or array.
        source: The axis, or several of them, to move.
        destination: Where each is in the result.

    Raises:
        ValueError: An axis is out of range or named twice, or there are not as many destinations as sources.

    Example:
        >>> moveaxis(np.ones((2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    x = as_operand(x, "moveaxis")
    sources = normalize_axes(source, x.ndim, "moveaxis")
    places = normalize_axes(destination, x.ndim, "moveaxis")
    if len(sources) != len(places):
        raise ValueError(f"moveaxis: as many destinations as sources are wanted, got {source} and {destination}.")
    order = [i for i in range(x.ndim) if i not in sources]
    for place, axis in sorted(zip(places, sources)):
        order.insert(place, axis)
    return transpose(x, order)


class Flip(Formula):
    """y = x backwards along axes;  gx = gy backwards."""

    def __init__(self, axes: tuple[int, ...]):
        self.axes = axes

    def forward(self, x):
        return x[tuple([slice(None, None, -1 if i in self.axes else None) for i in range(x.ndim)])]

    def gradients(self, gy, y, x):
        return apply(Flip(self.axes), gy)


def flip(x: Any, axis: Any = None) -> Variable:
    """``x`` backwards along ``axis``.

    Args:
        x: Variable or array.
        axis: Axis or tuple of axes; None turns all.

    Returns:
        Variable; its data is a view of ``x``.

    Raises:
        ValueError: ``axis`` is out of range or names an axis twice.

    Example:
        >>> flip(np.array([1.0, 2.0, 3.0]))
        variable([3. 2. 1.])
    """
    x = as_operand(x, "flip")
    return Flip(normalize_axes(axis, x.ndim, "flip"))(x)


class Roll(Formula):
    """y = x shifted along axes, what leaves at one end entering at the other;  gx = gy shifted back."""

    def __init__(self, shifts: tuple[int, ...], axes: tuple[int, ...]):
        self.shifts = shifts
        self.axes = axes

    def forward(self, x):
        return get_array_module(x).roll(x, self.shifts, self.axes)

    def gradients(self, gy, y, x):
        return apply(Roll(tuple([-n for n in self.shifts]), self.axes), gy)


def roll(x: Any, shift: Any, axis: Any = None) -> Variable:
    """``x`` shifted along ``axis``; what leaves at the end enters at the beginning.

    Args:
        x: Variable or array.
        shift: By how many places, negative ones to the front; a sequence has one for each axis.
        axis: Axis or sequence of them; None shifts the flattened ``x`` and restores the shape.

    Raises:
        ValueError: ``axis`` is out of range or names an axis twice, or there are not as many shifts as axes.

    Example:
        >>> roll(np.array([1.0, 2.0, 3.0]), 1)
        variable([3. 1. 2.])
    """
    x = as_operand(x, "roll")
    if axis is None:
        return reshape(roll(reshape(x, -1), shift, 0), x.shape)
    axes = normalize_axes(axis, x.ndim, "roll")
    shifts = tuple(shift) if isinstance(shift, (tuple, list)) else (shift,) * len(axes)
    if len(shifts) != len(axes):
        raise ValueError(f"roll: one shift for each axis is wanted, got shift {shift} for axis {axis}.")
    return Roll(tuple([int(n) for n in shifts]), axes)(x)


class Pad(Formula):
    """y = x with a number around it;  gx = gy without its margins."""

    def __init__(self, widths: list[tuple[int, int]], value: Any):
        self.widths = widths
        self.value = value

    def forward(self, x):
        return get_array_module(x).pad(x, self.widths, mode="constant", constant_values=self.value)

    def gradients(self, gy, y, x):
        return gy[tuple([slice(before, before + n) for (before, _), n in zip(self.widths, x.shape)])]


class Extend(Function):
    """y = x[index] along an axis, where index goes on beyond both ends;  gx: see ``Fold``."""

    def __init__(self, index: list[int], before: int, axis: int):
        self.index = index
        self.before = before  # how many come before x itself
        self.axis = axis

    def forward(self, x):
        xp = get_array_module(x)
        return x.take(xp.asarray(np.array(self.index)), axis=self.axis)

    def backward(self, gy):
        return Fold(self.index, self.before, self.axis, self.inputs[0].shape[self.axis])(gy)


class Fold(Function):
    """y = the middle of x along an axis, the margins added where ``Extend`` took them from;  gx = gy extended."""

    def __init__(self, index: list[int], before: int, axis: int, n: int):
        self.index = index
        self.before = before
        self.axis = axis
        self.n = n

    def forward(self, x):
        lead, before, after = (slice(None),) * self.axis, self.before, self.before + self.n
        y = x[(*lead, slice(before, after))].copy()
        for i in (*range(before), *range(after, len(self.index))):
            y[(*lead, self.index[i])] += x[(*lead, i)]
        return y

    def backward(self, gy):
        return Extend(self.index, self.before, self.axis)(gy)


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Variable:
    """``x`` with margins around it, as ``np.pad``.

    Args:
        x: Variable or array.
        pad_width: Width of the margins, in elements: an integer for all; (before, after) for every axis; or a pair
            for each axis, ((before, after), ...).
        mode: What fills them: "constant", a number; "edge", the outermost element; "reflect", the elements behind
            it, mirrored at it.
        constant_values: The number, or numbers in the forms of ``pad_width``. They get no gradient.

    Returns:
        Variable.

    Raises:
        ValueError: ``mode`` is another word, the widths are negative or do not fit the axes of ``x``, or an empty axis
            has no edge.

    Example:
        >>> pad(np.array([1.0, 2.0, 3.0]), 1), pad(np.array([1.0, 2.0, 3.0]), (2, 1), mode="reflect")
        (variable([0. 1. 2. 3. 0.]), variable([3. 2. 1. 2. 3. 2.]))
    """
    x = as_operand(x, "pad")
    widths = _pad_widths(pad_width, x.ndim)
    if mode == "constant":
        return Pad(widths, constant_values)(x) if widths else x
    if mode not in ("edge", "reflect"):
        raise ValueError(f'pad: mode must be "constant", "edge" or "reflect", got {mode!r}.')
    for axis, (before, after) in enumerate(widths):
        n = x.shape[axis]
        if before or after:
            if not n:
                raise ValueError(f'pad: axis {axis} of x {x.shape} is empty, so mode "{mode}" has nothing to repeat.')
            reach = range(-before, n + after)
            index = [min(max(i, 0), n - 1) if mode == "edge" else _mirrored(i, n) for i in reach]
            x = Extend(index, before, axis)(x)
    return x


def _mirrored(i: int, n: int) -> int:
    """Where ``i`` lies in a room of length ``n`` with mirrors at both ends."""
    i %= 2 * (n - 1) or 1
    return i if i < n else 2 * (n - 1) - i


def _pad_widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    """The margins before and after each axis, from any of NumPy's forms."""
    try:
        widths = np.broadcast_to(np.asarray(pad_width), (ndim, 2)).tolist()
    except ValueError:
        raise ValueError(f"pad: pad_width {pad_width!r} does not fit an array with {ndim} dimensions.") from None
    if any(not isinstance(n, int) or n < 0 for pair in widths for n in pair):
        raise ValueError(f"pad: pad_width must be integers, none negative, got {pad_width!r}.")
    return [(before, after) for before, after in widths]


class Cast(Function):
    """y = x in another dtype;  gx = gy in x's dtype."""

    def __init__(self, dtype: Any):
        self.dtype = dtype

    def forward(self, x):
        return x.astype(self.dtype)

    def backward(self, gy):
        return cast(gy, self.inputs[0].dtype)


def cast(x: Any, dtype: Any) -> Variable:
    """``x`` with elements of another type; also ``v.astype(dtype)``.

    Args:
        x: Variable or array.
        dtype: NumPy dtype of the result.

    Example:
        >>> cast(np.array([1.5]), np.float32).dtype
        dtype('float32')
    """
    x = as_operand(x, "cast")
    return x if x.dtype == dtype else Cast(np.dtype(dtype))(x)
