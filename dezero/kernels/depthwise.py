"""Knows how to convolve each channel with a filter of its own, on a CPU: one multiplication and addition per place.

Where a group of channels has one channel on one side, no matrix product is left to do. The image is kept with the
channels last in memory, (N, H, W, C), where a filter's numbers for all channels, written out for a row of pixels, meet
long stretches of it. A group of one channel and several filters is the channel, as often as there are filters; the way
back adds up what belongs to one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .conv import image_blocks, to_compute
from .im2col import ONE, Pair, cropped, outsize, reach, tap_slices
from .pixels import as_pixels, block_size, row_of

_WORKSPACE = 256 << 10  # bytes of products at a time: the image, the result and these fit into the cache


def conv2d(x: Any, W: Any, b: Any, stride: Pair, pad: Pair, dilation: Pair, groups: int) -> Any:
    """``grouped.conv2d`` where a group has one channel of ``x``, or one of the result."""
    dtype, (x, W, b) = to_compute(x, W, b)
    ins, outs = W.shape[1], W.shape[0] // groups
    y = _multiply_and_add(_repeated(x, outs), W, stride, pad, dilation)
    return _finished(_joined(y, ins), b, dtype)


def deconv2d(x: Any, W: Any, b: Any, stride: Pair, pad: Pair, size: Pair, dilation: Pair, groups: int) -> Any:
    """``grouped.deconv2d`` where a group has one channel of ``x``, or one of the result."""
    dtype, (x, W, b) = to_compute(x, W, b)
    ins, outs = W.shape[0] // groups, W.shape[1]
    RH, RW = reach(W.shape[2:], dilation)
    unpad = RH - 1 - pad[0], RW - 1 - pad[1]
    if stride == ONE and min(unpad) >= 0:
        y = _multiply_and_add(_repeated(x, outs), W[:, :, ::-1, ::-1], ONE, unpad, dilation)
    else:
        y = _spread(_repeated(x, outs), W, stride, pad, size, dilation)
    return _finished(_joined(y, ins), b, dtype)


def conv2d_weight(x: Any, gy: Any, kernel: Pair, stride: Pair, pad: Pair, dilation: Pair, groups: int) -> Any:
    """``grouped.conv2d_weight`` where a group has one channel of ``x``, or one of ``gy``."""
    dtype, (x, gy) = to_compute(x, gy)
    ins, outs = x.shape[1] // groups, gy.shape[1] // groups
    gy = as_pixels(_repeated(gy, ins))  # (N, OH, OW, C)
    C = gy.shape[3]
    gW = np.zeros((kernel[0] * kernel[1], C), x.dtype)
    for part, seen, terms in _blocks(gy, _repeated(x, outs), kernel, stride, pad, dilation):
        ones = np.ones(part.size // C, x.dtype)
        for k, place in enumerate(seen):
            np.multiply(place, part, out=terms)
            gW[k] += ones @ terms.reshape(-1, C)  # ``sum`` would add row by row, at an eighth of the speed
    return gW.T.reshape(groups * outs, ins, *kernel).astype(dtype)


def _multiply_and_add(x: Any, W: Any, stride: Pair, pad: Pair, dilation: Pair) -> Any:
    """Each channel of ``x`` (N, C, H, W) convolved with its own filter of ``W``: (N, OH, OW, C)."""
    N, C, *size = x.shape
    OH, OW = outsize((size[0], size[1]), W.shape[2:], stride, pad, dilation)
    y = np.empty((N, OH, OW, C), x.dtype)
    taps = _rows_of_taps(W, OW)
    for part, seen, terms in _blocks(y, x, W.shape[2:], stride, pad, dilation):
        np.multiply(seen[0], taps[0], out=part)
        for tap, place in zip(taps[1:], seen[1:]):
            np.multiply(place, tap, out=terms)
            part += terms
    return y


def _spread(x: Any, W: Any, stride: Pair, pad: Pair, size: Pair, dilation: Pair) -> Any:
    """Each pixel of ``x`` (N, C, H, W) times its channel's filter of ``W``, added up where it falls: (N, OH, OW, C)."""
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
    return cropped(y, pad).transpose(0, 2, 3, 1)


def _finished(y: Any, b: Any, dtype: Any) -> Any:
    """``y`` (N, H, W, C) with the bias, as (N, C, H, W) of ``dtype``."""
    if b is not None:
        y += row_of(b, y.shape[2])
    return y.astype(dtype, copy=False).transpose(0, 3, 1, 2)


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
    """``y`` (N, H, W, C) with every ``count`` channels in a row added up."""
    if count == 1:
        return y
    total = y[..., ::count].copy()
    for k in range(1, count):
        total += y[..., k::count]
    return total
