"""Knows how to pool: the maximum or mean of each window, which pixel won it, and the way back; no window is laid out.

A maximum or a sum over a window is one over its rows of those over its columns, so it takes KH + KW passes over shifted
views of the image instead of KH * KW.

``more`` are the rows below and columns to the right that windows see beyond the padding, where their number was
rounded up.

Compiled loops (``loops/pooling.py``) go from window to window instead, where images have the channels last in memory.
Other large NumPy arrays are taken a few images at a time, which stay in the cache, and shared among threads; the rest
whole, which is the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from ..cuda import get_array_module
from .compiled import loops_for
from .im2col import NONE, Pair, cropped, outsize, padded, tap_slices
from .masking import keep_where
from .parallel import run_in_parts
from .pixels import as_pixels, has_channels_last, new_images

_BLOCK = 1 << 18  # elements of images to take at a time, if an image has not more
_WORTH_A_THREAD = 1 << 18  # elements


def max_pool(x: Any, kernel: Pair, stride: Pair, pad: Pair, more: Pair = NONE) -> Any:
    """The largest element of each window of ``x`` (N, C, H, W); the padding is smaller than any. (N, C, OH, OW)"""
    loops = _loops(x)
    if loops:
        y = new_images((*x.shape[:2], *_count(x, kernel, stride, pad, more)), x.dtype)
        pixels, out = _pixels(x), _pixels(y)
        _share(lambda n: loops.max_pool(pixels[n], out[n], (*kernel, *stride, *pad)), x)
        return y
    if _is_large(x):
        y = np.empty_like(x, shape=(*x.shape[:2], *_count(x, kernel, stride, pad, more)))
        _by_images(lambda n: _max_pool(x[n], kernel, stride, pad, more, y[n]), x)
        return y
    return _max_pool(x, kernel, stride, pad, more)


def _max_pool(x: Any, kernel: Pair, stride: Pair, pad: Pair, more: Pair, out: Any = None) -> Any:
    x = padded(x, pad, _lowest(x.dtype), more)
    maximum = get_array_module(x).maximum
    return _fold(maximum, _fold(maximum, x, 2, kernel[0], stride[0]), 3, kernel[1], stride[1], out)


def mean_pool(x: Any, kernel: Pair, stride: Pair, pad: Pair, more: Pair = NONE, with_pad: bool = True) -> Any:
    """The mean of each window of ``x`` (N, C, H, W). (N, C, OH, OW)

    The padding counts as zeros, unless ``with_pad`` is False; what a window sees beyond it never counts.
    """
    if x.dtype.kind != "f":
        x = x.astype(np.float64)
    loops = _loops(x)
    if loops:
        size = _count(x, kernel, stride, pad, more)
        shares = _shares(x, size, x.shape[2:], kernel, stride, pad, more, with_pad)
        y = new_images((*x.shape[:2], *size), x.dtype)
        pixels, out = _pixels(x), _pixels(y)
        _share(lambda n: loops.mean_pool(pixels[n], out[n], shares, (*kernel, *stride, *pad)), x)
        return y
    if _is_large(x):
        y = np.empty_like(x, shape=(*x.shape[:2], *_count(x, kernel, stride, pad, more)))
        _by_images(lambda n: _mean_pool(x[n], kernel, stride, pad, more, with_pad, y[n]), x)
        return y
    return _mean_pool(x, kernel, stride, pad, more, with_pad)


def _mean_pool(x: Any, kernel: Pair, stride: Pair, pad: Pair, more: Pair, with_pad: bool, out: Any = None) -> Any:
    size = x.shape[2], x.shape[3]
    x = padded(x, pad, 0, more)
    add = get_array_module(x).add
    y = _fold(add, _fold(add, x, 2, kernel[0], stride[0]), 3, kernel[1], stride[1])
    counted = _counted(y, size, kernel, stride, pad, more, with_pad)
    return y / counted if out is None else np.divide(y, counted, out=out)


def spread_mean(
    gy: Any, size: Pair, kernel: Pair, stride: Pair, pad: Pair, more: Pair = NONE, with_pad: bool = True
) -> Any:
    """Gives each pixel of an image of ``size`` (H, W) its share of every window's ``gy``: ``mean_pool`` transposed."""
    loops = _loops(gy)
    if loops and gy.shape[1] % loops.V == 0:
        shares = _shares(gy, gy.shape[2:], size, kernel, stride, pad, more, with_pad)
        gx = new_images((*gy.shape[:2], *size), gy.dtype)
        pixels, into = _pixels(gy), _pixels(gx)
        _share(lambda n: loops.spread_mean(pixels[n], into[n], shares, (*kernel, *stride, *pad)), gx)
        return gx
    if not _is_large(gy, gy.shape[0] * gy.shape[1] * size[0] * size[1]):
        return cropped(_spread_mean(gy, size, kernel, stride, pad, more, with_pad), pad, more)
    gx = np.empty_like(gy, shape=(*gy.shape[:2], *size))

    def spread(n: slice) -> None:
        gx[n] = cropped(_spread_mean(gy[n], size, kernel, stride, pad, more, with_pad), pad, more)

    _by_images(spread, gx)
    return gx


def _spread_mean(gy: Any, size: Pair, kernel: Pair, stride: Pair, pad: Pair, more: Pair, with_pad: bool) -> Any:
    """What ``spread_mean`` is, with the padding and what is beyond it."""
    H, W = size[0] + 2 * pad[0] + more[0], size[1] + 2 * pad[1] + more[1]
    gy = gy / _counted(gy, size, kernel, stride, pad, more, with_pad)
    gx = _unfold(gy, 3, W, kernel[1], stride[1])
    return _unfold(gx, 2, H, kernel[0], stride[0])


def _shares(like: Any, count: Any, size: Any, *how: Any) -> Any:
    """What the sum of each of ``count`` (OH, OW) windows is to be multiplied with, (OH * OW,)."""
    windows = np.empty((1, 1, *count), like.dtype)
    shares = np.empty(count, like.dtype)
    shares[...] = 1 / _counted(windows, size, *how)
    return shares.reshape(-1)


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


def max_pool_gradient(gy: Any, x: Any, y: Any, kernel: Pair, stride: Pair, pad: Pair, more: Pair = NONE) -> Any:
    """Adds each window's ``gy`` to the first pixel of ``x`` in it that is its maximum ``y``.

    The same as ``send_to_winners`` to those of ``find_winners``, without keeping which these are.
    """
    alone = _are_side_by_side(x, y, kernel, stride)
    loops = _loops(x)
    if loops and gy.dtype == x.dtype and (alone or x.shape[1] % loops.V == 0):
        given, place = [as_pixels(gy), _pixels(x), as_pixels(y)], (*kernel, *stride, *pad)
        gx = new_images(x.shape, x.dtype)
        into = _pixels(gx)
        _share(lambda n: loops.max_pool_gradient(*[a[n] for a in given], into[n], place, alone), x)
        return gx
    if not alone and (loops := loops_for("pooling", gy, x, y)):
        gx = np.empty_like(x)
        planes = [a.reshape(len(a) * a.shape[1], *a.shape[2:]) for a in (gy, x, y, gx)]  # (N*C, H, W)
        _share(
            lambda n: loops.max_pool_gradient_of_planes(*[a[n] for a in planes], (*kernel, *stride, *pad)), planes[1]
        )
        return gx
    if not _is_large(x) or x.dtype.itemsize > 8 or gy.dtype != x.dtype:
        return send_to_winners(
            gy, find_winners(x, y, kernel, stride, pad, more), x.shape[2:], kernel, stride, pad, more
        )
    gx = np.empty_like(x)
    _by_images(lambda n: _send_to_maxima(gx[n], gy[n], x[n], y[n], kernel, stride, pad, more), x)
    return gx


def _send_to_maxima(gx: Any, gy: Any, x: Any, y: Any, kernel: Pair, stride: Pair, pad: Pair, more: Pair) -> None:
    """Writes what ``max_pool_gradient`` is to ``gx``.

    Goes by the bits, as ``keep_where`` does. What a pixel won is taken out of ``left``, so the next cannot win it too;
    the last one gets what nobody won.
    """
    count, bits = y.shape[2:], f"i{x.dtype.itemsize}"
    x = padded(x, pad, _lowest(x.dtype), more)
    side_by_side = _are_side_by_side(x, y, kernel, stride)
    into = gx if pad == more == NONE else np.empty_like(x)
    if not side_by_side:
        into[...] = 0
    left, here = np.empty_like(y), np.empty_like(y)
    left[...] = gy
    equal, mask = np.empty_like(y, bool), np.empty_like(y, bits)
    left_bits, won = left.view(bits), mask.view(x.dtype)
    *taps, last = zip(tap_slices(x, kernel, stride, count), tap_slices(into, kernel, stride, count))
    for seen, to in taps:
        np.copyto(here, seen)  # one step more, but the next is twice as fast without gaps
        np.equal(here, y, out=equal)
        np.copyto(mask, equal)
        np.negative(mask, out=mask)
        mask &= left_bits
        left_bits ^= mask
        _put(won, to, side_by_side)
    _put(left, last[1], side_by_side)
    if into is not gx:
        gx[...] = cropped(into, pad, more)


def _are_side_by_side(x: Any, y: Any, kernel: Pair, stride: Pair) -> bool:
    """Whether each pixel of ``x`` is in exactly one window."""
    return kernel == stride and all(n * k == size for n, k, size in zip(y.shape[2:], kernel, x.shape[2:]))


def _put(x: Any, to: Any, alone: bool) -> None:
    """Writes ``x`` to ``to``, or adds it where it is not ``alone`` in writing there."""
    if alone:
        to[...] = x
    else:
        to += x


def find_winning_pixels(x: Any, rows: Any, columns: Any) -> Any:
    """Where the largest element of each window is, for windows of uneven sizes.

    Args:
        x: Array (N, C, H, W).
        rows: Integers (KH, OH) on the host: the rows that each window sees; it may see its last one again.
        columns: Integers (KW, OW), the same.

    Returns:
        Integers (N, C, OH, OW): row * W + column, of several that are equally large the first; of NaN, if there is any.
    """
    xp = get_array_module(x)
    if has_channels_last(x):
        x, (down, across) = x.transpose((0, 2, 3, 1)), (1, 2)  # take wants them in the order of memory
    else:
        down, across = 2, 3
    strips = [xp.take(x, xp.asarray(row), axis=down) for row in rows]
    tops = strips[0]
    for strip in strips[1:]:
        tops = xp.maximum(tops, strip)
    y = xp.take(tops, xp.asarray(columns[0]), axis=across)
    for column in columns[1:]:
        xp.maximum(y, xp.take(tops, xp.asarray(column), axis=across), out=y)
    winners = xp.zeros(y.shape, np.min_scalar_type(len(rows) * len(columns)))
    found = xp.zeros(y.shape, bool)
    has_nan = bool((y != y).any())
    for strip, column in list(product(strips, columns))[:-1]:
        seen = xp.take(strip, xp.asarray(column), axis=across)
        found |= (seen == y) | (seen != seen) if has_nan else seen == y
        winners += ~found  # one further, as long as it was not found
    if down == 1:
        winners = winners.transpose((0, 3, 1, 2))
    rows, columns, KW = xp.asarray(rows), xp.asarray(columns), len(columns)
    i, j = xp.arange(rows.shape[1])[:, None], xp.arange(columns.shape[1])
    return rows[winners // KW, i] * x.shape[across] + columns[winners % KW, j]


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


def _fold(ufunc: Any, x: Any, axis: int, kernel: int, stride: int, out: Any = None) -> Any:
    """Joins, with ``ufunc``, the elements of every window along one axis of ``x``; in ``out``, if that is given."""
    first, *others = _shifted(x, axis, (x.shape[axis] - kernel) // stride + 1, kernel, stride)
    if not others:
        if out is None:
            return first
        out[...] = first
        return out
    y = ufunc(first, others[0], out=out) if out is not None else ufunc(first, others[0])
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


def _count(x: Any, kernel: Pair, stride: Pair, pad: Pair, more: Pair) -> Pair:
    """How many windows there are, down and across (OH, OW)."""
    return outsize((x.shape[2] + more[0], x.shape[3] + more[1]), kernel, stride, pad)


def _is_large(x: Any, size: int | None = None) -> bool:
    """Whether to take a few images at a time: of ``x``, or of as many elements as are given."""
    is_worth_it = (x.size if size is None else size) >= _BLOCK
    return type(x) is np.ndarray and x.dtype.kind == "f" and is_worth_it and len(x) > 1


def _by_images(work: Callable[[slice], object], x: Any) -> None:
    """Calls ``work`` with slices that make up all images of ``x``, on several threads."""
    size = x.size // len(x)
    step = max(1, _BLOCK // size)

    def some(start: int, stop: int) -> None:
        for i in range(start, stop, step):
            work(slice(i, min(i + step, stop)))

    run_in_parts(some, len(x), -(-_WORTH_A_THREAD // size))


def _loops(x: Any) -> Any:
    """The compiled loops, where they serve images ``x``: with the channels last in memory, and a register of them."""
    loops = loops_for("pooling", _pixels(x)) if type(x) is np.ndarray and x.size else None
    return loops if loops and x.shape[1] >= loops.V else None


def _pixels(x: Any) -> Any:
    return x.transpose((0, 2, 3, 1))


def _share(work: Callable[[slice], object], x: Any) -> None:
    """Calls ``work`` with slices that make up all images of ``x``, one for each thread."""
    run_in_parts(lambda i, j: work(slice(i, j)), len(x), -(-_WORTH_A_THREAD // max(1, x[:1].size)))
