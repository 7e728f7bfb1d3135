"""Knows pooling: the maximum or the mean of each window of an image."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Function, Variable
from ..cuda import get_array_module
from ..kernels import pooling as kernels
from ..kernels.im2col import Pair, im2col_array
from .conv import as_images, check_windows, im2col
from .formula import Formula, apply
from .shape import get_item, reshape, transpose


class Pooling(Function):
    """y = the largest x of each window;  gx = gy at the pixel that is it, the first such in the window."""

    def __init__(self, kernel_size: Pair, stride: Pair, pad: Pair):
        self.args = kernel_size, stride, pad

    def forward(self, x):
        return kernels.max_pool(x, *self.args)

    def backward(self, gy):
        return self._gradient()(gy)

    def array_backward(self, gy):
        return self._gradient().forward(gy)

    def _gradient(self) -> PoolingGrad:
        x, y = self.inputs[0].data, self.outputs[0]().data
        return PoolingGrad(kernels.find_winners(x, y, *self.args), x.shape[2:], *self.args)


class PoolingGrad(Function):
    """gx = each window's gy, added at the pixel that won the window;  ggy = ggx at that pixel."""

    def __init__(self, winners: Any, size: Pair, *args: Pair):
        self.winners = winners
        self.size = size
        self.args = args

    def forward(self, gy):
        return kernels.send_to_winners(gy, self.winners, self.size, *self.args)

    def backward(self, ggx):
        return PoolingGather(self.winners, *self.args)(ggx)


class PoolingGather(Function):
    """y = x at the pixel that won each window, which another array decided;  gx = gy at that pixel."""

    def __init__(self, winners: Any, *args: Pair):
        self.winners = winners
        self.args = args

    def forward(self, x):
        return kernels.take_from_winners(x, self.winners, *self.args)

    def backward(self, gy):
        _, _, H, W = self.inputs[0].shape
        return PoolingGrad(self.winners, (H, W), *self.args)(gy)


class AveragePooling(Formula):
    """y = the mean of each window of x;  gx = gy / (KH KW), added at every pixel of its window."""

    def __init__(self, kernel_size: Pair, stride: Pair, pad: Pair):
        self.args = kernel_size, stride, pad

    def forward(self, x):
        return kernels.mean_pool(x, *self.args)

    def gradients(self, gy, y, x):
        return apply(AveragePoolingGrad(x.shape[2:], *self.args), gy)


class AveragePoolingGrad(Function):
    """gx = gy / (KH KW), added at every pixel of its window;  ggy = the mean of each window of ggx."""

    def __init__(self, size: Pair, *args: Pair):
        self.size = size
        self.args = args

    def forward(self, gy):
        return kernels.spread_mean(gy, self.size, *self.args)

    def backward(self, ggx):
        return AveragePooling(*self.args)(ggx)


def pooling(x: Any, kernel_size: Any, stride: Any = 1, pad: Any = 0) -> Variable:
    """Max pooling: the largest element of each window.

    Where several elements of a window are equally large, the gradient goes to the first of them, row by row.

    Args:
        x: Variable or array, (N, C, H, W).
        kernel_size: Integer or (KH, KW), in pixels.
        stride: Integer or (SH, SW), from one window to the next.
        pad: Integer or (PH, PW), on each side; smaller than the kernel. The padding never is the largest.

    Returns:
        Variable (N, C, OH, OW) with OH = (H + 2 PH - KH) // SH + 1.

    Raises:
        ValueError: ``x`` has not four axes, or the sizes do not fit.

    Example:
        >>> pooling(np.arange(16.0).reshape(1, 1, 4, 4), 2, 2)
        variable([[[[ 5.  7.]
                    [13. 15.]]]])
    """
    x, args = _checked("pooling", x, kernel_size, stride, pad, has_winner=True)
    return Pooling(*args)(x)


def pooling_simple(x: Any, kernel_size: Any, stride: Any = 1, pad: Any = 0) -> Variable:
    """``pooling`` put together from ``im2col`` and indexing, as a reader would first write it."""
    x, (kernel, stride, pad) = _checked("pooling_simple", x, kernel_size, stride, pad, has_winner=True)
    col = im2col(x, kernel, stride, pad, to_matrix=False)  # (N, C, KH, KW, OH, OW)
    if any(pad):
        col = col + _minus_infinity_on_padding(x.data, kernel, stride, pad)
    N, C, KH, KW, OH, OW = col.shape
    col = reshape(transpose(col, (0, 1, 4, 5, 2, 3)), (N * C * OH * OW, KH * KW))
    winners = col.data.argmax(axis=1)
    row = get_array_module(x.data).arange(len(winners))
    return reshape(get_item(col, (row, winners)), (N, C, OH, OW))


def _minus_infinity_on_padding(x: Any, kernel: Pair, stride: Pair, pad: Pair) -> Any:
    """(1, 1, KH, KW, OH, OW): -inf where a window sees padding, 0 where it sees the image."""
    xp = get_array_module(x)
    image = im2col_array(xp.ones((1, 1, *x.shape[2:]), x.dtype), kernel, stride, pad, to_matrix=False)
    return xp.where(image == 0, -np.inf, 0.0).astype(x.dtype)


def average_pooling(x: Any, kernel_size: Any, stride: Any = 1, pad: Any = 0) -> Variable:
    """Average pooling: the mean of each window. The padding counts as zeros, so every sum is divided by KH * KW.

    Args:
        x: Variable or array, (N, C, H, W).
        kernel_size: Integer or (KH, KW), in pixels.
        stride: Integer or (SH, SW), from one window to the next.
        pad: Integer or (PH, PW), zeros on each side.

    Returns:
        Variable (N, C, OH, OW) with OH = (H + 2 PH - KH) // SH + 1.

    Raises:
        ValueError: ``x`` has not four axes, or the sizes do not fit.

    Example:
        >>> average_pooling(np.arange(16.0).reshape(1, 1, 4, 4), 2, 2)
        variable([[[[ 2.5  4.5]
                    [10.5 12.5]]]])
    """
    x, args = _checked("average_pooling", x, kernel_size, stride, pad, has_winner=False)
    return AveragePooling(*args)(x)


def _checked(
    who: str, x: Any, kernel_size: Any, stride: Any, pad: Any, has_winner: bool
) -> tuple[Variable, tuple[Pair, Pair, Pair]]:
    x = as_images(x, who)
    kernel, stride, pad = check_windows(who, x.shape, kernel_size, stride, pad)
    if has_winner and (pad[0] >= kernel[0] or pad[1] >= kernel[1]):
        raise ValueError(f"{who}: pad {pad} must be smaller than kernel {kernel}, or windows see nothing but padding.")
    return x, (kernel, stride, pad)
