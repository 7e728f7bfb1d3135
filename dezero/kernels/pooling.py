"""Knows how to pool: the maximum or mean of each window, which pixel won it, and the way back; no window is laid out.

A maximum or a sum over a window is one over its rows of those over its columns, so it takes KH + KW passes over shifted
views of the image instead of KH * KW.

``more`` are the rows below and columns to the right that windows see beyond the padding, where their number was
rounded up.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cuda import get_array_module
from .im2col import NONE, Pair, cropped, padded, tap_slices
from .masking import keep_where


def max_pool(x: Any, kernel: Pair, stride: Pair, pad: Pair, more: Pair = NONE) -> Any:
    """The largest element of each window of ``x`` (N, C, H, W); the padding is smaller than any. (N, C, OH, OW)"""
    x = padded(x, pad, _lowest(x.dtype), more)
    maximum = get_array_module(x).maximum
    return _fold(maximum, _fold(maximum, x, 2, kernel[0], stride[0]), 3, kernel[1], stride[1])


def mean_pool(x: Any, kernel: Pair, stride: Pair, pad: Pair, more: Pair = NONE, with_pad: bool = True) -> Any:
    """The mean of each window of ``x`` (N, C, H, W). (N, C, OH, OW)

    The padding counts as zeros, unless ``with_pad`` is False; what a window sees beyond it never counts.
    """
    size = x.shape[2], x.shape[3]
    x = padded(x if x.dtype.kind == "f" else x.astype(np.float64), pad, 0, more)
    add = get_array_module(x).add
    y = _fold(add, _fold(add, x, 2, kernel[0], stride[0]), 3, kernel[1], stride[1])
    return y / _counted(y, size, kernel, stride, pad, more, with_pad)


def spread_mean(
    gy: Any, size: Pair, kernel: Pair, stride: Pair, pad: Pair, more: Pair = NONE, with_pad: bool = True
) -> Any:
    """Gives each pixel of an image of ``size`` (H, W) its share of every window's ``gy``: ``mean_pool`` transposed."""
    H, W = size[0] + 2 * pad[0] + more[0], size[1] + 2 * pad[1] + more[1]
    gy = gy / _counted(gy, size, kernel, stride, pad, more, with_pad)
    gx = _unfold(gy, 3, W, kernel[1], stride[1])
    return cropped(_unfold(gx, 2, H, kernel[0], stride[0]), pad, more)


def _counted(y: Any, size: Pair, kernel: Pair, stride: Pair, pad: Pair, more: Pair, with_pad: bool) -> Any:
    """How many elements each window counts: a number where all count the same, else (OH, OW) of the dtype of ``y``."""
    if more == NONE and (with_pad or pad == NONE):
        return kernel[0] * kernel[1]
    xp = get_array_module(y)
    lengths = []
    for n, count, k, s, p in zip(size, y.shape[2:], kernel, stride, pad):
        start = xp.arange(count) * s - p
        low, high = (-p, n + p) if with_pad else (0, n)
        lengths.append(xp.minimum(start + k, high) - xp.maximum(start, low))
    return (lengths[0].reshape((-1, 1)) * lengths[1]).astype(y.dtype)


def find_winners(x: Any, y: Any, kernel: Pair, stride: Pair, pad: Pair, more: Pair = NONE) -> Any:
    """Where in each window of ``x`` its maximum ``y`` is: the first such place, counted row by row.

    Returns:
        Array (N, C, OH, OW) of the smallest unsigned integers that can count to KH * KW.
    """
    xp = get_array_module(x)
    x = padded(x, pad, _lowest(x.dtype), more)
    winners = xp.zeros_like(y, dtype=np.min_scalar_type(kernel[0] * kernel[1]))
    found = xp.zeros_like(y, dtype=bool)
    for seen in list(tap_slices(x, kernel, stride, y.shape[2:]))[:-1]:
        found |= seen == y
        winners += ~found  # one further, as long as it was not found
    return winners


def send_to_winners(gy: Any, winners: Any, size: Pair, kernel: Pair, stride: Pair, pad: Pair, more: Pair = NONE) -> Any:
    """Adds each window's ``gy`` to the pixel that won it, in an image of ``size`` (H, W)."""
    (N, C, *count), xp = gy.shape, get_array_module(gy)
    H, W = size[0] + 2 * pad[0] + more[0], size[1] + 2 * pad[1] + more[1]
    side_by_side = kernel == stride and count[0] * stride[0] == H and count[1] * stride[1] == W
    gx = (xp.empty_like if side_by_side else xp.zeros_like)(winners, gy.dtype, shape=(N, C, H, W))
    gy = _in_order_of(winners, gy)
    for k, seen in enumerate(tap_slices(gx, kernel, stride, count)):
        won = keep_where(winners == k, gy)
        if side_by_side:
            seen[...] = won
        else:
            seen += won
    return cropped(gx, pad, more)


def take_from_winners(gx: Any, winners: Any, kernel: Pair, stride: Pair, pad: Pair, more: Pair = NONE) -> Any:
    """For each window the element of ``gx`` (N, C, H, W) that won it: ``send_to_winners`` transposed."""
    y = get_array_module(gx).zeros_like(winners, gx.dtype)
    for k, seen in enumerate(tap_slices(padded(gx, pad, 0, more), kernel, stride, winners.shape[2:])):
        y += keep_where(winners == k, seen)
    return y


def _lowest(dtype: Any) -> Any:
    """What no element of ``dtype`` is below."""
    return -np.inf if dtype.kind == "f" else int(np.iinfo(dtype).min)


def _fold(ufunc: Any, x: Any, axis: int, kernel: int, stride: int) -> Any:
    """Joins, with ``ufunc``, the elements of every window along one axis of ``x``."""
    first, *others = _shifted(x, axis, (x.shape[axis] - kernel) // stride + 1, kernel, stride)
    if not others:
        return first
    y = ufunc(first, others[0])
    for seen in others[1:]:
        ufunc(y, seen, out=y)
    return y


def _unfold(y: Any, axis: int, length: int, kernel: int, stride: int) -> Any:
    """Adds what ``y`` has for a window to all its elements, along one axis that has ``length`` of them."""
    shape = (*y.shape[:axis], length, *y.shape[axis + 1 :])
    x = get_array_module(y).zeros_like(y, shape=shape)
    for seen in _shifted(x, axis, y.shape[axis], kernel, stride):
        seen += y
    return x


def _shifted(x: Any, axis: int, count: int, kernel: int, stride: int) -> list[Any]:
    """For each place in the kernel, along one axis, a view of what all ``count`` windows have there."""
    reach = stride * (count - 1) + 1
    indices = [(slice(None),) * axis + (slice(k, k + reach, stride),) for k in range(kernel)]
    return [x[index] for index in indices]


def _in_order_of(like: Any, x: Any) -> Any:
    """``x`` in the memory order of ``like``: NumPy is slow where the orders of two operands differ."""
    if x.strides == tuple(s * x.itemsize // like.itemsize for s in like.strides):
        return x
    y = get_array_module(x).empty_like(like, x.dtype)
    y[...] = x
    return y
