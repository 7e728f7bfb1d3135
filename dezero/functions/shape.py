"""Knows the ops that move elements without computing: reshape, transpose, indexing, joining, casting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import Function, Variable, as_variable
from ..cuda import get_array_module, is_array
from .formula import Formula


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
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if x.shape == shape:
        return as_variable(x)
    known = math.prod(n for n in shape if n != -1)
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
    if axes is not None:
        ndim = x.ndim
        given, axes = axes, tuple(int(a) % ndim if -ndim <= a < ndim else int(a) for a in axes)
        if sorted(axes) != list(range(ndim)):
            raise ValueError(f"transpose: axes {tuple(given)} are no order of the {ndim} axes of x, {tuple(x.shape)}.")
    return Transpose(axes)(x)


class GetItem(Function):
    """y = x[slices];  gx = zeros with gy added at slices."""

    def __init__(self, slices: Any):
        self.slices = slices

    def forward(self, x):
        return x[self.slices]

    def backward(self, gy):
        return GetItemGrad(self.slices, self.inputs[0].shape)(gy)


class GetItemGrad(Function):
    """gx = zeros with gy added at slices, as often as they name a place;  ggy = ggx[slices]."""

    def __init__(self, slices: Any, in_shape: tuple[int, ...]):
        self.slices = slices
        self.in_shape = in_shape

    def forward(self, gy):
        xp = get_array_module(gy)
        gx = xp.zeros(self.in_shape, gy.dtype)
        if _may_repeat(self.slices):
            xp.add.at(gx, self.slices, gy)
        else:
            gx[self.slices] = gy
        return gx

    def backward(self, ggx):
        return get_item(ggx, self.slices)


def _may_repeat(slices: Any) -> bool:
    """Whether an index may name one element twice: only integer arrays do."""
    parts = slices if isinstance(slices, tuple) else (slices,)
    return any(is_array(p) and p.dtype.kind in "iu" for p in parts)


def get_item(x: Any, slices: Any) -> Variable:
    """``x[slices]``, with all of NumPy's indexing: integers, slices, None, ``...``, arrays of integers or booleans.

    Args:
        x: Variable or array.
        slices: The index. A Variable or a list in it counts as an array.

    Returns:
        Variable with the elements picked; one picked twice gets both gradients.

    Raises:
        IndexError: The index does not fit ``x``.

    Example:
        >>> get_item(np.arange(6.0).reshape(2, 3), (slice(None), [0, 0, 2]))
        variable([[0. 0. 2.]
                  [3. 3. 5.]])
    """
    x = as_variable(x)
    return GetItem(_index(slices, get_array_module(x.data)))(x)


def _index(slices: Any, xp: Any) -> Any:
    if isinstance(slices, tuple):
        return tuple([_index(s, xp) for s in slices])
    if isinstance(slices, Variable):
        slices = slices.data
    if isinstance(slices, list):
        slices = np.asarray(slices, dtype=None if slices else int)
    return xp.asarray(slices) if is_array(slices) else slices


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
    x = as_variable(x)
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
    if not x.ndim:
        raise ValueError("flatten: x needs a first axis to keep, got a 0-d array.")
    return reshape(x, (x.shape[0], math.prod(x.shape[1:])))


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

    Example:
        >>> concat([np.zeros((1, 2)), np.ones((2, 2))]).shape
        (3, 2)
    """
    xs = list(xs)
    shapes = [tuple(x.shape) for x in xs]
    if not xs:
        raise ValueError("concat: at least one array is wanted, got none.")
    ndim = len(shapes[0])
    if not -ndim <= axis < ndim:
        raise ValueError(f"concat: axis {axis} does not fit arrays with {ndim} dimensions.")
    axis %= ndim
    if any(len(s) != ndim or s[:axis] + s[axis + 1 :] != shapes[0][:axis] + shapes[0][axis + 1 :] for s in shapes):
        raise ValueError(f"concat: shapes must agree but for axis {axis}, got {', '.join(map(str, shapes))}.")
    return Concat(axis)(*xs)


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
    return as_variable(x) if x.dtype == dtype else Cast(np.dtype(dtype))(x)
