"""Knows how to convolve in groups: each group of an image's channels with filters of its own.

NumPy arrays take one group after the other, or all at once where a group is one channel; others take the reference, a
stack of matrix products. With one group this is ``conv``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..cuda import get_array_module
from . import conv, depthwise
from .conv import channel_sum  # noqa: F401  # with the rest, for those who take their kernels from here
from .im2col import ONE, Pair, col2im_array, im2col_array, outsize


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
