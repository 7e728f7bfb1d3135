"""Knows how to convolve each channel with a filter of its own, on a CPU: one multiplication and addition per place.

Where a group of channels has one channel on one side, no matrix product is left to do. The image is kept with the
channels last in memory, (N, H, W, C), where a filter's numbers for all channels, written out for a row of pixels, meet
long stretches of it. A group of one channel and several filters is the channel, as often as there are filters; the way
back adds up what belongs to one.

Compiled loops take four pixels and a register of channels at a time: ``loops/depthwise.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from . import meetings
from .compiled import loops_for
from .conv import image_blocks, to_compute
from .im2col import ONE, Pair, cropped, outsize, reach, tap_slices
from .meetings import Axis, lanes, vector
from .parallel import run_in_parts
from .pixels import as_pixels, block_size, new_images, row_of

_WORKSPACE = 256 << 10  # bytes of products at a time: the image, the result and these fit into the cache
_WORTH_A_THREAD = 1 << 20  # products
_COMPILED = (3, 5, 7)  # columns of a filter that the compiler writes out; for others it makes a loop
_ROWS = 1 << 10  # to add up in the precision of the numbers, before the sums are added up in double precision


def conv2d(x: Any, W: Any, b: Any, stride: Pair, pad: Pair, dilation: Pair, groups: int) -> Any:
    """``grouped.conv2d`` where a group has one channel of ``x``, or one of the result."""
    dtype, (x, W, b) = to_compute(x, W, b)
    ins, outs = W.shape[1], W.shape[0] // groups
    x = _repeated(x, outs)
    if loops := _loops(x, W):
        size = outsize(x.shape[2:], W.shape[2:], stride, pad, dilation)
        axes = map(meetings.seen, x.shape[2:], size, W.shape[2:], stride, pad, dilation)
        y = _convolved(loops, x, W, *axes)
    else:
        y = _multiply_and_add(x, W, stride, pad, dilation)
    return _finished(_joined(y, ins), b, dtype)


def deconv2d(x: Any, W: Any, b: Any, stride: Pair, pad: Pair, size: Pair, dilation: Pair, groups: int) -> Any:
    """``grouped.deconv2d`` where a group has one channel of ``x``, or one of the result."""
    dtype, (x, W, b) = to_compute(x, W, b)
    ins, outs = W.shape[0] // groups, W.shape[1]
    x = _repeated(x, outs)
    RH, RW = reach(W.shape[2:], dilation)
    unpad = RH - 1 - pad[0], RW - 1 - pad[1]
    if loops := _loops(x, W):
        axes = map(meetings.given, x.shape[2:], size, W.shape[2:], stride, pad, dilation)
        y = _convolved(loops, x, W, *axes)
    elif stride == ONE and min(unpad) >= 0:
        y = _multiply_and_add(x, W[:, :, ::-1, ::-1], ONE, unpad, dilation)
    else:
        y = _spread(x, W, stride, pad, size, dilation)
    return _finished(_joined(y, ins), b, dtype)


def conv2d_weight(x: Any, gy: Any, kernel: Pair, stride: Pair, pad: Pair, dilation: Pair, groups: int) -> Any:
    """``grouped.conv2d_weight`` where a group has one channel of ``x``, or one of ``gy``."""
    dtype, (x, gy) = to_compute(x, gy)
    ins, outs = x.shape[1] // groups, gy.shape[1] // groups
    x, gy = _repeated(x, outs), _repeated(gy, ins)
    if loops := _loops(x, gy):
        gW = _weighed(loops, x, gy, kernel, stride, pad, dilation)
    else:
        gW = _summed_products(x, gy, kernel, stride, pad, dilation)
    return gW.T.reshape(groups * outs, ins, *kernel).astype(dtype)


# ---- in NumPy


def _multiply_and_add(x: Any, W: Any, stride: Pair, pad: Pair, dilation: Pair) -> Any:
    """Each channel of ``x`` (N, C, H, W) convolved with its own filter of ``W``: (N, C, OH, OW)."""
    N, C, *size = x.shape
    OH, OW = outsize((size[0], size[1]), W.shape[2:], stride, pad, dilation)
    y = new_images((N, C, OH, OW), x.dtype)
    taps = _rows_of_taps(W, OW)
    for part, seen, terms in _blocks(y.transpose(0, 2, 3, 1), x, W.shape[2:], stride, pad, dilation):
        np.multiply(seen[0], taps[0], out=part)
        for tap, place in zip(taps[1:], seen[1:]):
            np.multiply(place, tap, out=terms)
            part += terms
    return y


def _spread(x: Any, W: Any, stride: Pair, pad: Pair, size: Pair, dilation: Pair) -> Any:
    """Each pixel of ``x`` (N, C, H, W) times its channel's filter of ``W``, added up where it falls: (N, C, OH, OW)."""
    N, C, H, Wd = x.shape
    x = as_pixels(x)
    y = np.zeros((N, size[0] + 2 * pad[0], size[1] + 2 * pad[1], C), x.dtype).transpose(0, 3, 1, 2)
    taps = _rows_of_taps(W, Wd)
    n, _ = block_size(N, 1, max(1, H * Wd * C * x.itemsize), _WORKSPACE)
    terms = np.empty((n, H, Wd, C), x.dtype)
    for i in range(0, N, n):
        part = x[i : i + n]
        product = terms[: len(part)]
        for tap, seen in zip(taps, tap_slices(y[i : i + n], W.shape[2:], stride, (H, Wd), dilation)):
            np.multiply(part, tap, out=product)
            seen += product.transpose(0, 3, 1, 2)
    return cropped(y, pad)


def _summed_products(x: Any, gy: Any, kernel: Pair, stride: Pair, pad: Pair, dilation: Pair) -> Any:
    """For each place in the kernel what ``x`` (N, C, H, W) has there times ``gy``, summed for each channel: (K, C)."""
    gy = as_pixels(gy)  # (N, OH, OW, C)
    C = gy.shape[3]
    gW = np.zeros((kernel[0] * kernel[1], C), x.dtype)
    for part, seen, terms in _blocks(gy, x, kernel, stride, pad, dilation):
        ones = np.ones(part.size // C, x.dtype)
        for k, place in enumerate(seen):
            np.multiply(place, part, out=terms)
            gW[k] += ones @ terms.reshape(-1, C)  # ``sum`` would add row by row, at an eighth of the speed
    return gW


def _finished(y: Any, b: Any, dtype: Any) -> Any:
    """``y`` (N, C, H, W) with the bias, of ``dtype``."""
    if b is not None:
        pixels = y.transpose(0, 2, 3, 1)
        pixels += row_of(b, y.shape[3])
    return y.astype(dtype, copy=False)


def _blocks(
    y: Any, x: Any, kernel: Pair, stride: Pair, pad: Pair, dilation: Pair
) -> Iterator[tuple[Any, list[Any], Any]]:
    """A part of ``y`` (N, OH, OW, C), for each place in the kernel what its windows see there, and memory for products.

    A part is several images, or some rows of one. All are (n, rows, OW, C).
    """
    N, OH, OW, C = y.shape
    n, rows = block_size(N, OH, max(1, OW * C * y.itemsize), _WORKSPACE)
    terms = np.empty((n, rows, OW, C), y.dtype)
    for i, images in image_blocks(x, n, pad, by_pixel=True):
        for top in range(0, OH, rows):
            part = y[i : i + len(images), top : top + rows]
            below = images[:, top * stride[0] :].transpose(0, 3, 1, 2)
            places = tap_slices(below, kernel, stride, (part.shape[1], OW), dilation)
            yield part, [p.transpose(0, 2, 3, 1) for p in places], terms[: len(part), : part.shape[1]]


def _rows_of_taps(W: Any, width: int) -> list[Any]:
    """For each place in the kernel what all filters have there, (C,), for every pixel of a row."""
    return [row_of(tap, width) for tap in W.reshape(-1, W.shape[2] * W.shape[3]).T]


def _repeated(x: Any, count: int) -> Any:
    """``x`` (N, C, H, W) with every channel ``count`` times in a row."""
    return x if count == 1 else np.repeat(x.transpose(0, 2, 3, 1), count, axis=3).transpose(0, 3, 1, 2)


def _joined(y: Any, count: int) -> Any:
    """``y`` (N, C, H, W) with every ``count`` channels in a row added up."""
    if count == 1:
        return y
    total = y[:, ::count].copy(order="K")
    for k in range(1, count):
        total += y[:, k::count]
    return total


# ---- in compiled loops


def _loops(*arrays: Any) -> Any:
    """The loops, where Numba is installed and the channels fill a register."""
    loops = loops_for("depthwise", *[np.empty(0, a.dtype) for a in arrays])
    return loops if loops and arrays[0].shape[1] >= lanes(arrays[0]) else None


def _convolved(loops: Any, x: Any, W: Any, down: Axis, across: Axis) -> Any:
    """Each channel of ``x`` (N, C, H, W) with its own filter of ``W``: (N, C, OH, OW)."""
    N, C = x.shape[:2]
    y = new_images((N, C, down.size, across.size), x.dtype)
    taps = W.reshape(C, -1).T.ravel()  # (KH*KW*C,)
    vectors = vector(x), taps, np.zeros(C, x.dtype), vector(y)
    sizes = down.length, across.length, across.kernel, down.size, across.size, C
    neighbours = across.steps[0] == across.apart[1]
    convolve = loops.convolve(lanes(x), across.kernel if neighbours and across.kernel in _COMPILED else 0)
    plan = (*down.steps, *across.steps, *across.apart), down.meets, across.meets, across.groups
    least = _WORTH_A_THREAD // max(1, across.size * taps.size)
    run_in_parts(lambda start, stop: convolve(*vectors, sizes, *plan, start, stop), N * down.size, max(1, least))
    return y


def _weighed(loops: Any, x: Any, gy: Any, kernel: Pair, stride: Pair, pad: Pair, dilation: Pair) -> Any:
    """For each place in the kernel what ``x`` (N, C, H, W) has there times ``gy``, summed for each channel: (K, C)."""
    (N, C, H, Wd), (OH, OW) = x.shape, gy.shape[2:]
    V, K = lanes(x), kernel[0] * kernel[1]
    starts = [min(c, C - V) for c in range(0, C, V)]
    vectors, sizes = (vector(x), vector(gy)), (H, Wd, kernel[1], OH, OW, C)
    down = meetings.seen(H, OH, kernel[0], stride[0], pad[0], dilation[0]).meets
    plan = (dilation[0], dilation[1], stride[1]), down, meetings.ends(Wd, OW, kernel[1], stride[1], pad[1], dilation[1])
    weigh = loops.weigh(V, stride[1] == dilation[1])
    totals: dict[int, Any] = {}

    def work(start: int, stop: int) -> None:
        total = np.zeros((K, len(starts), V))
        for first in range(start, stop, _ROWS):
            part = np.zeros(total.size, x.dtype)
            weigh(*vectors, part, sizes, *plan, first, min(first + _ROWS, stop))
            total += part.reshape(total.shape)
        totals[start] = total

    run_in_parts(work, N * OH, max(1, _WORTH_A_THREAD // max(1, OW * C * K)))
    total = sum(totals[start] for start in sorted(totals))
    gW = np.empty((K, C), x.dtype)
    for block, c in enumerate(starts):
        gW[:, c : c + V] = total[:, block]
    return gW
