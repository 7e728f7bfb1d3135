"""Knows the ops that pick elements by index, and those that put them back, adding where an index comes twice."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays import normalize_axes
from ..core import Function, Variable, as_operand
from ..cuda import get_array_module, is_array
from ..kernels.scatter import add_rows


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
        if is_array(self.slices) and self.slices.dtype.kind in "iu" and math.prod(self.in_shape[1:]) > 1:
            ids = self.slices.ravel()
            return add_rows(gy.reshape((len(ids), *self.in_shape[1:])), ids, self.in_shape)
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
    x = as_operand(x, "get_item")
    return GetItem(_index(slices, get_array_module(x.data)))(x)


def _index(slices: Any, xp: Any) -> Any:
    if isinstance(slices, tuple):
        return tuple([_index(s, xp) for s in slices])
    if isinstance(slices, Variable):
        slices = slices.data
    if isinstance(slices, list):
        slices = np.asarray(slices, dtype=None if slices else int)
    return xp.asarray(slices) if is_array(slices) else slices


class Gather(Function):
    """y = the elements of x at places, counted through x in memory order;  gx = zeros with gy added at places."""

    def __init__(self, places: Any, unique: bool = False):
        self.places = places
        self.unique = unique  # whether no place comes twice: then adding is writing, which is faster

    def forward(self, x):
        return x.take(self.places)

    def backward(self, gy):
        return Scatter(self.places, self.inputs[0].shape, self.unique)(gy)


class Scatter(Function):
    """y = zeros with x added at places, as often as they come;  gx = gy at places."""

    def __init__(self, places: Any, shape: tuple[int, ...], unique: bool = False):
        self.places = places
        self.shape = shape
        self.unique = unique

    def forward(self, x):
        xp = get_array_module(x)
        y = xp.zeros(math.prod(self.shape), x.dtype)
        places, x = self.places.ravel(), x.ravel()  # NumPy adds fastest in one dimension
        if self.unique:
            y[places] = x
        else:
            xp.add.at(y, places, x)
        return y.reshape(self.shape)

    def backward(self, gy):
        return Gather(self.places, self.unique)(gy)


def take_along_axis(x: Any, indices: Any, axis: int | None) -> Variable:
    """Picks along ``axis`` with an index of its own for every place on the other axes, as ``np.take_along_axis``.

    Args:
        x: Variable or array.
        indices: Integer array, Variable or list with as many axes as ``x``, broadcasting with it on all but ``axis``.
            Negative ones count from the end.
        axis: The axis the indices are for; None takes from the flattened ``x``.

    Returns:
        Variable; an element picked twice gets both gradients.

    Raises:
        IndexError: An index is out of range. On a GPU that would take a wait to find out: there an index counts
            modulo the length of the axis.
        TypeError: ``indices`` are no integers.
        ValueError: The shapes do not fit.

    Example:
        >>> take_along_axis(np.array([[1.0, 5.0], [7.0, 3.0]]), np.array([[1], [0]]), axis=1)
        variable([[5.]
                  [7.]])
    """
    x = as_operand(x, "take_along_axis")
    if axis is None:
        x, axis = x.reshape(-1), 0
    return take_along(x, indices, axis, "take_along_axis")


def take_along(x: Variable, indices: Any, axis: int, who: str, unique: bool = False) -> Variable:
    """``take_along_axis`` for who knows whether the indices are ``unique``."""
    indices, axis = _checked_indices(indices, x, axis, who)
    fits = [n in (1, m) or m == 1 for n, m in zip(indices.shape, x.shape)]
    if not all(ok or i == axis for i, ok in enumerate(fits)):
        raise ValueError(
            f"{who}: indices {tuple(indices.shape)} do not broadcast with x {tuple(x.shape)} beside axis {axis}."
        )
    return Gather(_places(indices, x.shape, axis, x.shape), unique)(x)


def gather(x: Any, indices: Any, axis: int = 0) -> Variable:
    """Picks along ``axis`` with an index of its own for every place of the result.

    y[i, j, k] = x[indices[i, j, k], j, k] for axis 0, and likewise for the others.

    Args:
        x: Variable or array.
        indices: Integer array, Variable or list with as many axes as ``x``, nowhere longer than it but along
            ``axis``. Negative ones count from the end.
        axis: The axis the indices are for.

    Returns:
        Variable with the shape of ``indices``; an element picked twice gets both gradients.

    Raises:
        IndexError: An index is out of range. On a GPU that would take a wait to find out: there an index counts
            modulo the length of the axis.
        TypeError: ``indices`` are no integers.
        ValueError: The shapes do not fit.

    Example:
        >>> gather(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1, 0]]))
        variable([[3. 2.]])
    """
    x = as_operand(x, "gather")
    indices, axis = _checked_indices(indices, x, axis, "gather")
    _check_not_longer(indices.shape, x.shape, axis, "gather", "x")
    return Gather(_places(indices, x.shape, axis, indices.shape))(x)


def scatter_add(x: Any, indices: Any, src: Any, axis: int = 0) -> Variable:
    """Adds ``src`` to ``x`` at ``indices`` along ``axis``: what ``gather`` picks from is where this puts.

    y = x, then y[indices[i, j, k], j, k] += src[i, j, k] for axis 0, and likewise for the others.

    Args:
        x: Variable or array; it stays as it is.
        indices: Integer array, Variable or list with as many axes as ``x``, nowhere longer than it but along
            ``axis``. Negative ones count from the end; repeated ones add up.
        src: Variable or array, nowhere shorter than ``indices``; what is longer is not used.
        axis: The axis the indices are for.

    Returns:
        Variable with the shape of ``x``; both ``x`` and ``src`` get gradients.

    Raises:
        IndexError: An index is out of range. On a GPU that would take a wait to find out: there an index counts
            modulo the length of the axis.
        TypeError: ``indices`` are no integers, or float16 would meet a wider float.
        ValueError: The shapes do not fit.

    Example:
        >>> scatter_add(np.zeros(3), np.array([2, 0, 2]), np.array([1.0, 2.0, 3.0]))
        variable([2. 0. 4.])
    """
    x, src = as_operand(x, "scatter_add"), as_operand(src, "scatter_add")
    indices, axis = _checked_indices(indices, x, axis, "scatter_add")
    _check_not_longer(indices.shape, x.shape, axis, "scatter_add", "x")
    if src.ndim != x.ndim:
        raise ValueError(f"scatter_add: src {src.shape} needs as many axes as x {x.shape}.")
    _check_not_longer(indices.shape, src.shape, None, "scatter_add", "src")
    if src.shape != indices.shape:
        src = get_item(src, tuple([slice(n) for n in indices.shape]))
    return x + Scatter(_places(indices, x.shape, axis, indices.shape), x.shape)(src)


def _checked_indices(indices: Any, x: Variable, axis: int, who: str) -> tuple[Any, int]:
    """``indices`` as int64 on the device of ``x``, and ``axis`` counted from 0."""
    xp = get_array_module(x.data)
    if isinstance(indices, Variable):
        indices = indices.data
    if not is_array(indices):
        indices = np.asarray(indices)
    if indices.dtype.kind not in "iu" and indices.size:
        raise TypeError(f"{who}: indices must be integers, got {indices.dtype}.")
    if indices.ndim != x.ndim:
        raise ValueError(f"{who}: indices {tuple(indices.shape)} need as many axes as x {tuple(x.shape)}.")
    (axis,) = normalize_axes(axis, x.ndim, who)
    indices, n = xp.asarray(indices, np.int64), x.shape[axis]
    if indices.size and (not n or (xp is np and (indices.min() < -n or indices.max() >= n))):
        raise IndexError(
            f"{who}: an index is out of range for axis {axis} of x {tuple(x.shape)}, which has {n} elements."
        )
    return indices, axis


def _check_not_longer(shape: tuple[int, ...], limits: tuple[int, ...], axis: int | None, who: str, name: str) -> None:
    if any(n > limit and i != axis for i, (n, limit) in enumerate(zip(shape, limits))):
        but = "" if axis is None else f" but along axis {axis}"
        raise ValueError(f"{who}: indices {tuple(shape)} must be nowhere longer than {name} {tuple(limits)}{but}.")


def _places(indices: Any, shape: tuple[int, ...], axis: int, extent: tuple[int, ...]) -> Any:
    """Where in an array of ``shape``, counted in memory order, each index points to.

    Each index means ``axis``; on another axis it points to where it stands itself, from 0 to ``extent``.
    """
    xp, ndim = get_array_module(indices), len(shape)
    steps = [math.prod(shape[i + 1 :]) for i in range(ndim)]
    rows: Any = 0
    for i in range(ndim):
        if i != axis:
            rows = rows + (xp.arange(extent[i]) * steps[i]).reshape([-1 if j == i else 1 for j in range(ndim)])
    return indices % shape[axis] * steps[axis] + rows
