"""Knows how to convolve in groups: each group of an image's channels with filters of its own.

NumPy arrays take one group after the other, or all at once where a group is one channel, or few and compiled loops are
there; others take the reference, a stack of matrix products. With one group this is ``conv``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..cuda import get_array_module
from . import conv, depthwise, meetings
from .compiled import loops_for
from .conv import channel_sum  # noqa: F401  # with the rest, for those who take their kernels from here
from .im2col import ONE, Pair, col2im_array, im2col_array, outsize
from .meetings import Axis, lanes, vector
from .parallel import run_in_parts
from .pixels import new_images

# Measured on ResNeXt shapes.
_LEAST, _MOST = 4, 64  # channels of a group, in and out, for the compiled loops
_WORTH_A_THREAD = 1 << 20  # products
_PIXELS = 128  # to sum up for one place of a filter before the next
_ROWS = 1 << 10  # to add up in the precision of the numbers, before the sums are added up in double precision


def conv2d(x: Any, W: Any, b: Any, stride: Pair, pad: Pair, dilation: Pair = ONE, groups: int = 1) -> Any:
    """``conv.conv2d`` for each group of channels.

    Args:
        x: Array (N, C, H, W).
        W: Array (OC, C / groups, KH, KW).
        b: Array (OC,), or None.
        stride: (SH, SW).
        pad: (PH, PW), of zeros.
        dilation: (DH, DW).
        groups: How many; it divides C and OC.

    Returns:
        Array (N, OC, OH, OW).
    """
    if groups == 1:
        return conv.conv2d(x, W, b, stride, pad, dilation)
    if get_array_module(x) is not np:
        return conv2d_reference(x, W, b, stride, pad, dilation, groups)
    if _is_depthwise(W.shape[1], len(W) // groups, groups):
        return depthwise.conv2d(x, W, b, stride, pad, dilation, groups)
    size = outsize(x.shape[2:], W.shape[2:], stride, pad, dilation)
    if loops := _loops(x, W, len(W) // groups, groups):
        dtype, (x, filters, b) = conv.to_compute(x, W, b)
        axes = map(meetings.seen, x.shape[2:], size, W.shape[2:], stride, pad, dilation)
        filters = filters.reshape(groups, -1, *W.shape[1:]).transpose(0, 3, 4, 2, 1)  # (G, KH, KW, C/G, OC/G)
        return _convolved(loops, x, filters, b, *axes).astype(dtype, copy=False)
    y = np.empty((len(x), *size, len(W)), np.result_type(x, W)).transpose(0, 3, 1, 2)
    for ins, outs in _parts(groups, x.shape[1], len(W)):
        y[:, outs] = conv.conv2d(x[:, ins], W[outs], None if b is None else b[outs], stride, pad, dilation)
    return y


def deconv2d(x: Any, W: Any, b: Any, stride: Pair, pad: Pair, size: Pair, dilation: Pair = ONE, groups: int = 1) -> Any:
    """``conv.deconv2d`` for each group of channels.

    Args:
        x: Array (N, C, H, W).
        W: Array (C, OC / groups, KH, KW).
        b: Array (OC,), or None.
        stride: (SH, SW), between windows.
        pad: (PH, PW), the margin that is cut off.
        size: (OH, OW), on which H x W windows fit.
        dilation: (DH, DW).
        groups: How many; it divides C and OC.

    Returns:
        Array (N, OC, OH, OW).
    """
    if groups == 1:
        return conv.deconv2d(x, W, b, stride, pad, size, dilation)
    if get_array_module(x) is not np:
        return deconv2d_reference(x, W, b, stride, pad, size, dilation, groups)
    if _is_depthwise(W.shape[1], len(W) // groups, groups):
        return depthwise.deconv2d(x, W, b, stride, pad, size, dilation, groups)
    OC = W.shape[1] * groups
    if loops := _loops(x, W, W.shape[1], groups):
        dtype, (x, filters, b) = conv.to_compute(x, W, b)
        axes = map(meetings.given, x.shape[2:], size, W.shape[2:], stride, pad, dilation)
        filters = filters.reshape(groups, -1, *W.shape[1:]).transpose(0, 3, 4, 1, 2)  # (G, KH, KW, C/G, OC/G)
        return _convolved(loops, x, filters, b, *axes).astype(dtype, copy=False)
    y = np.empty((len(x), *size, OC), np.result_type(x, W)).transpose(0, 3, 1, 2)
    for ins, outs in _parts(groups, len(W), OC):
        y[:, outs] = conv.deconv2d(x[:, ins], W[ins], None if b is None else b[outs], stride, pad, size, dilation)
    return y


def conv2d_weight(x: Any, gy: Any, kernel: Pair, stride: Pair, pad: Pair, dilation: Pair = ONE, groups: int = 1) -> Any:
    """``conv.conv2d_weight`` for each group of channels.

    Args:
        x: Array (N, C, H, W).
        gy: Array (N, OC, OH, OW).
        kernel: (KH, KW).
        stride: (SH, SW).
        pad: (PH, PW), of zeros.
        dilation: (DH, DW).
        groups: How many; it divides C and OC.

    Returns:
        Array (OC, C / groups, KH, KW).
    """
    if groups == 1:
        return conv.conv2d_weight(x, gy, kernel, stride, pad, dilation)
    if get_array_module(x) is not np:
        return conv2d_weight_reference(x, gy, kernel, stride, pad, dilation, groups)
    C, OC = x.shape[1], gy.shape[1]
    if _is_depthwise(C // groups, OC // groups, groups):
        return depthwise.conv2d_weight(x, gy, kernel, stride, pad, dilation, groups)
    if loops := _loops(x, gy, OC // groups, groups):
        dtype, (x, gy) = conv.to_compute(x, gy)
        return _weighed(loops, x, gy, kernel, stride, pad, dilation, groups).astype(dtype, copy=False)
    gW = np.empty((OC, C // groups, *kernel), np.result_type(x, gy))
    for ins, outs in _parts(groups, C, OC):
        gW[outs] = conv.conv2d_weight(x[:, ins], gy[:, outs], kernel, stride, pad, dilation)
    return gW


def _is_depthwise(ins: int, outs: int, groups: int) -> bool:
    """Whether a group is one channel, of the image or of the result, and the other side is no wide one.

    Few groups of many filters are better off with matrix products.
    """
    return min(ins, outs) == 1 and max(ins, outs) <= groups


def _parts(groups: int, C: int, OC: int) -> Iterator[tuple[slice, slice]]:
    """The channels of each group, in the image and in the result."""
    ins, outs = C // groups, OC // groups
    for g in range(groups):
        yield slice(g * ins, (g + 1) * ins), slice(g * outs, (g + 1) * outs)


# ---- compiled loops, for groups of few channels


def _loops(x: Any, other: Any, outs: int, groups: int) -> Any:
    """The loops, where Numba is installed and groups are neither too small for a register nor enough for a product."""
    dtype, empty = np.result_type(x, other), np.empty(0, np.float32)
    if not (_LEAST <= x.shape[1] // groups <= _MOST and _LEAST <= outs <= _MOST):
        return None
    return loops_for("grouped", empty if dtype == np.float16 else np.empty(0, dtype))


def _convolved(loops: Any, x: Any, W: Any, b: Any, down: Axis, across: Axis) -> Any:
    """``x`` (N, C, H, W) with the filters (G, KH, KW, C/G, OC/G): (N, OC, OH, OW)."""
    N, (G, KH, KW, ins, outs) = len(x), W.shape
    y = new_images((N, G * outs, down.size, across.size), x.dtype)
    b = np.zeros(G * outs, x.dtype) if b is None else np.require(b, requirements=["C", "W"])
    vectors = vector(x), np.require(W, requirements=["C", "W"]).reshape(-1), b, vector(y)
    sizes = down.length, across.length, KH, KW, down.size, across.size, G, outs
    plan = (*down.steps, *across.steps, *across.apart), down.meets, across.meets, across.groups
    convolve = loops.convolve(ins, _lanes(x, outs))
    least = _WORTH_A_THREAD // (across.size * W.size)
    run_in_parts(lambda start, stop: convolve(*vectors, sizes, *plan, start, stop), N * down.size, max(1, least))
    return y


def _weighed(loops: Any, x: Any, gy: Any, kernel: Pair, stride: Pair, pad: Pair, dilation: Pair, groups: int) -> Any:
    """The gradient of ``gy`` (N, OC, OH, OW) by the filters: (OC, C/G, KH, KW)."""
    (N, C, H, Wd), (_, OC, OH, OW) = x.shape, gy.shape
    ins, outs = C // groups, OC // groups
    V = _lanes(x, outs)
    fours, parts = [min(c, ins - 4) for c in range(0, ins, 4)], [min(o, outs - V) for o in range(0, outs, V)]
    vectors, sizes = (vector(x), vector(gy)), (H, Wd, *kernel, OH, OW, groups, ins, outs)
    down = meetings.seen(H, OH, kernel[0], stride[0], pad[0], dilation[0]).meets
    across = meetings.ends(Wd, OW, kernel[1], stride[1], pad[1], dilation[1])
    plan = (dilation[0], stride[1]), down, across, max(1, _PIXELS // OW)
    weigh = loops.weigh(V)
    totals: dict[int, Any] = {}

    def work(start: int, stop: int) -> None:
        total = np.zeros((groups, *kernel, len(fours), len(parts), 4, V))
        for first in range(start, stop, _ROWS):
            part = np.zeros(total.size, x.dtype)
            weigh(*vectors, part, sizes, *plan, first, min(first + _ROWS, stop))
            total += part.reshape(total.shape)
        totals[start] = total

    run_in_parts(work, N * OH, max(1, _WORTH_A_THREAD // (OW * OC * ins * kernel[0] * kernel[1])))
    total = sum(totals[start] for start in sorted(totals))
    gW = np.empty((groups, *kernel, ins, outs), x.dtype)
    for a, c in enumerate(fours):
        for k, o in enumerate(parts):
            gW[..., c : c + 4, o : o + V] = total[:, :, :, a, k]
    return gW.transpose(0, 4, 3, 1, 2).reshape(OC, ins, *kernel)


def _lanes(x: Any, outs: int) -> int:
    """How many results of a group to keep in a register."""
    return next(V for V in (16, 8, 4) if min(outs, lanes(x)) >= V)


# ---- the reference, for any array module


def conv2d_reference(x: Any, W: Any, b: Any, stride: Pair, pad: Pair, dilation: Pair, groups: int) -> Any:
    """``conv2d`` as a stack of matrix products, one for each image and group."""
    N, (OC, _, *kernel) = len(x), W.shape
    size = outsize(x.shape[2:], kernel, stride, pad, dilation)
    y = W.reshape((groups, OC // groups, -1)) @ _windows(x, kernel, stride, pad, dilation, groups)
    y = y.reshape((N, OC, *size))
    return y if b is None else y + b.reshape((1, OC, 1, 1))


def deconv2d_reference(x: Any, W: Any, b: Any, stride: Pair, pad: Pair, size: Pair, dilation: Pair, groups: int) -> Any:
    """``deconv2d`` as a stack of matrix products, one for each image and group."""
    (N, C, H, Wd), (_, outs, *kernel) = x.shape, W.shape
    OC = outs * groups
    taps = W.reshape((groups, C // groups, -1)).transpose((0, 2, 1))  # (G, OC/G*KH*KW, C/G)
    col = taps @ x.reshape((N, groups, C // groups, H * Wd))
    col = col.reshape((N, OC, *kernel, H, Wd))
    y = col2im_array(col, (N, OC, *size), kernel, stride, pad, to_matrix=False, dilation=dilation)
    return y if b is None else y + b.reshape((1, OC, 1, 1))


def conv2d_weight_reference(x: Any, gy: Any, kernel: Pair, stride: Pair, pad: Pair, dilation: Pair, groups: int) -> Any:
    """``conv2d_weight`` as a stack of matrix products, one for each image and group."""
    N, OC, OH, OW = gy.shape
    col = _windows(x, kernel, stride, pad, dilation, groups)
    gW = gy.reshape((N, groups, OC // groups, OH * OW)) @ col.transpose((0, 1, 3, 2))
    return gW.sum(axis=0).reshape((OC, x.shape[1] // groups, *kernel))


def _windows(x: Any, kernel: Any, stride: Pair, pad: Pair, dilation: Pair, groups: int) -> Any:
    """The windows of each image and group as a matrix, one column each: (N, G, C/G*KH*KW, OH*OW)."""
    col = im2col_array(x, tuple(kernel), stride, pad, to_matrix=False, dilation=dilation)
    N, C, KH, KW, OH, OW = col.shape
    return col.reshape((N, groups, C // groups * KH * KW, OH * OW))
