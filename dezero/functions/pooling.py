"""Knows pooling: the maximum or the mean of each window of an image."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import Function, Variable, as_operand
from ..cuda import get_array_module
from ..kernels import pooling as kernels
from ..kernels.im2col import NONE, Pair, im2col_array
from ..kernels.resample import Taps
from .conv import as_images, as_integer, as_pair, check_fit, im2col, window_sizes, with_rows, without_rows
from .formula import Formula, apply
from .indexing import get_item
from .interpolation import Interpolate
from .reduction import average
from .shape import reshape, transpose


class Pooling(Function):
    """y = the largest x of each window;  gx = gy at the pixel that is it, the first such in the window."""

    def __init__(self, kernel_size: Pair, stride: Pair, pad: Pair, more: Pair = NONE):
        self.args = kernel_size, stride, pad, more

    def forward(self, x):
        return kernels.max_pool(x, *self.args)

    def backward(self, gy):
        (x,), y = self.inputs, self.outputs[0]()
        winners = kernels.find_winners(x.data, y.data, *self.args)
        return PoolingGrad(winners, x.data.shape[2:], *self.args)(gy)

    def array_backward(self, gy):
        return kernels.max_pool_gradient(gy, self.inputs[0].data, self.outputs[0]().data, *self.args)


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
        (x,) = self.inputs
        return PoolingGrad(self.winners, x.data.shape[2:], *self.args)(gy)


class AveragePooling(Formula):
    """y = the mean of each window of x;  gx = gy / (number of elements), added at every pixel of its window."""

    def __init__(self, kernel_size: Pair, stride: Pair, pad: Pair, more: Pair = NONE, with_pad: bool = True):
        self.args = kernel_size, stride, pad, more, with_pad

    def forward(self, x):
        return kernels.mean_pool(x, *self.args)

    def gradients(self, gy, y, x):
        return apply(AveragePoolingGrad(x.shape[2:], *self.args), gy)


class AveragePoolingGrad(Function):
    """gx = gy / (number of elements), added at every pixel of its window;  ggy = the mean of each window of ggx."""

    def __init__(self, size: Pair, *args: Any):
        self.size = size
        self.args = args

    def forward(self, gy):
        return kernels.spread_mean(gy, self.size, *self.args)

    def backward(self, ggx):
        return AveragePooling(*self.args)(ggx)


class AdaptiveAveragePooling(Interpolate):
    """y = R x Q^T on every channel: R and Q take the mean of each stretch of rows, of columns;  gx = R^T gy Q."""


def pooling(x: Any, kernel_size: Any, stride: Any = 1, pad: Any = 0, ceil_mode: bool = False) -> Variable:
    """Max pooling: the largest element of each window.

    Where several elements of a window are equally large, the gradient goes to the first of them, row by row.

    Args:
        x: Variable or array, (N, C, H, W).
        kernel_size: Integer or (KH, KW), in pixels.
        stride: Integer or (SH, SW), from one window to the next.
        pad: Integer or (PH, PW), on each side; smaller than the kernel. The padding never is the largest.
        ceil_mode: Round the number of windows up: the last one may reach beyond the padding, but begins before it.

    Returns:
        Variable (N, C, OH, OW) with OH = (H + 2 PH - KH) // SH + 1, or rounded up.

    Raises:
        ValueError: ``x`` has not four axes, or the sizes do not fit.

    Example:
        >>> pooling(np.arange(16.0).reshape(1, 1, 4, 4), 2, 2)
        variable([[[[ 5.  7.]
                    [13. 15.]]]])
        >>> pooling(np.arange(4.0).reshape(1, 1, 1, 4), (1, 3), 2, ceil_mode=True)
        variable([[[[2. 3.]]]])
    """
    x = as_images(x, "pooling")
    return Pooling(*_checked("pooling", x, kernel_size, stride, pad, ceil_mode))(x)


def pooling1d(x: Any, kernel_size: int, stride: int = 1, pad: int = 0, ceil_mode: bool = False) -> Variable:
    """Max pooling along one axis: ``pooling`` on images of one row.

    Args:
        x: Variable or array, (N, C, L).
        kernel_size: Elements in a window.
        stride: Steps from one window to the next.
        pad: On each side; smaller than the kernel.
        ceil_mode: Round the number of windows up, as in ``pooling``.

    Returns:
        Variable (N, C, OL) with OL = (L + 2 pad - kernel_size) // stride + 1, or rounded up.

    Raises:
        ValueError: ``x`` has not three axes, or the sizes do not fit.

    Example:
        >>> pooling1d(np.array([[[3.0, 1.0, 2.0, 4.0]]]), 2, 2)
        variable([[[3. 4.]]])
    """
    x = with_rows(as_images(x, "pooling1d", "L"))
    args = _checked("pooling1d", x, *_in_a_row("pooling1d", kernel_size, stride, pad), ceil_mode)
    return without_rows(Pooling(*args)(x))


def pooling_simple(x: Any, kernel_size: Any, stride: Any = 1, pad: Any = 0) -> Variable:
    """``pooling`` put together from ``im2col`` and indexing, as a reader would first write it."""
    x = as_images(x, "pooling_simple")
    kernel, stride, pad, _ = _checked("pooling_simple", x, kernel_size, stride, pad)
    col = im2col(x, kernel, stride, pad, to_matrix=False)  # (N, C, KH, KW, OH, OW)
    if any(pad):
        col = col + _minus_infinity_on_padding(x.data, kernel, stride, pad)
    N, C, KH, KW, OH, OW = col.shape
    col = reshape(transpose(col, (0, 1, 4, 5, 2, 3)), (N * C * OH * OW, KH * KW))
    return reshape(_largest_of_rows(col), (N, C, OH, OW))


def _largest_of_rows(x: Variable) -> Variable:
    """The largest element of each row of a matrix, (rows,); the first such gets the gradient."""
    winners = x.data.argmax(axis=1)
    row = get_array_module(x.data).arange(len(winners))
    return get_item(x, (row, winners))


def _minus_infinity_on_padding(x: Any, kernel: Pair, stride: Pair, pad: Pair) -> Any:
    """(1, 1, KH, KW, OH, OW): -inf where a window sees padding, 0 where it sees the image."""
    xp = get_array_module(x)
    image = im2col_array(xp.ones((1, 1, *x.shape[2:]), x.dtype), kernel, stride, pad, to_matrix=False)
    return xp.where(image == 0, -np.inf, 0.0).astype(x.dtype)


def average_pooling(
    x: Any,
    kernel_size: Any,
    stride: Any = 1,
    pad: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Variable:
    """Average pooling: the mean of each window.

    The padding counts as zeros, so every sum is divided by KH * KW. What a window sees beyond the padding, with
    ``ceil_mode``, does not count.

    Args:
        x: Variable or array, (N, C, H, W).
        kernel_size: Integer or (KH, KW), in pixels.
        stride: Integer or (SH, SW), from one window to the next.
        pad: Integer or (PH, PW), zeros on each side.
        ceil_mode: Round the number of windows up: the last one may reach beyond the padding, but begins before it.
        count_include_pad: With False the padding does not count: the mean is that of the pixels of ``x`` in a window.
            Then the padding is smaller than the kernel.

    Returns:
        Variable (N, C, OH, OW) with OH = (H + 2 PH - KH) // SH + 1, or rounded up.

    Raises:
        ValueError: ``x`` has not four axes, or the sizes do not fit.

    Example:
        >>> average_pooling(np.arange(16.0).reshape(1, 1, 4, 4), 2, 2)
        variable([[[[ 2.5  4.5]
                    [10.5 12.5]]]])
        >>> average_pooling(np.ones((1, 1, 1, 4)), (1, 2), 2, (0, 1))
        variable([[[[0.5 1.  0.5]]]])
    """
    x = as_images(x, "average_pooling")
    args = _checked("average_pooling", x, kernel_size, stride, pad, ceil_mode, may_miss=count_include_pad)
    return AveragePooling(*args, count_include_pad)(x)


def average_pooling1d(
    x: Any,
    kernel_size: int,
    stride: int = 1,
    pad: int = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Variable:
    """Average pooling along one axis: ``average_pooling`` on images of one row.

    Args:
        x: Variable or array, (N, C, L).
        kernel_size: Elements in a window.
        stride: Steps from one window to the next.
        pad: Zeros on each side.
        ceil_mode: Round the number of windows up, as in ``average_pooling``.
        count_include_pad: Whether the padding counts, as in ``average_pooling``.

    Returns:
        Variable (N, C, OL) with OL = (L + 2 pad - kernel_size) // stride + 1, or rounded up.

    Raises:
        ValueError: ``x`` has not three axes, or the sizes do not fit.

    Example:
        >>> average_pooling1d(np.array([[[3.0, 1.0, 2.0, 4.0]]]), 2, 2)
        variable([[[2. 3.]]])
    """
    who = "average_pooling1d"
    x = with_rows(as_images(x, who, "L"))
    args = _checked(who, x, *_in_a_row(who, kernel_size, stride, pad), ceil_mode, may_miss=count_include_pad)
    return without_rows(AveragePooling(*args, count_include_pad)(x))


def global_max_pooling(x: Any) -> Variable:
    """The largest element of each channel; of several the first, row by row, gets the gradient.

    Args:
        x: Variable or array, (N, C, H, W) or (N, C, L).

    Returns:
        Variable (N, C).

    Raises:
        ValueError: ``x`` has other axes, or no pixels.

    Example:
        >>> global_max_pooling(np.arange(8.0).reshape(1, 2, 2, 2))
        variable([[3. 7.]])
    """
    x = _whole_images("global_max_pooling", x)
    (N, C), pixels = x.shape[:2], math.prod(x.shape[2:])
    return reshape(_largest_of_rows(reshape(x, (N * C, pixels))), (N, C))


def global_average_pooling(x: Any) -> Variable:
    """The mean of each channel.

    Args:
        x: Variable or array, (N, C, H, W) or (N, C, L).

    Returns:
        Variable (N, C).

    Raises:
        ValueError: ``x`` has other axes, or no pixels.

    Example:
        >>> global_average_pooling(np.arange(8.0).reshape(1, 2, 2, 2))
        variable([[1.5 5.5]])
    """
    x = _whole_images("global_average_pooling", x)
    return average(x, axis=tuple(range(2, x.ndim)))


def adaptive_max_pooling(x: Any, outsize: Any) -> Variable:
    """Max pooling with as many windows as are asked for, spread evenly: floor(i H / OH) up to ceil((i + 1) H / OH).

    Where several elements of a window are equally large, the gradient goes to the first of them, row by row.

    Args:
        x: Variable or array, (N, C, H, W).
        outsize: Integer or (OH, OW).

    Returns:
        Variable (N, C, OH, OW).

    Raises:
        ValueError: ``x`` has not four axes or no pixels, or ``outsize`` is not above 0.

    Example:
        >>> adaptive_max_pooling(np.arange(5.0).reshape(1, 1, 1, 5), (1, 2))
        variable([[[[2. 4.]]]])
    """
    x, (OH, OW) = _adaptive("adaptive_max_pooling", x, outsize)
    N, C, H, W = x.shape
    if H % OH == 0 and W % OW == 0:
        kernel = H // OH, W // OW
        return Pooling(kernel, kernel, NONE)(x)
    winners = kernels.find_winning_pixels(x.data, _stretches(H, OH).places, _stretches(W, OW).places)
    xp = get_array_module(winners)
    pixels = reshape(x, (N * C, H * W))
    y = get_item(pixels, (xp.arange(N * C)[:, None], winners.reshape((N * C, OH * OW))))
    return reshape(y, (N, C, OH, OW))


def adaptive_average_pooling(x: Any, outsize: Any) -> Variable:
    """Average pooling with as many windows as are asked for, spread evenly: floor(i H / OH) up to ceil((i + 1) H / OH).

    Args:
        x: Variable or array, (N, C, H, W).
        outsize: Integer or (OH, OW).

    Returns:
        Variable (N, C, OH, OW).

    Raises:
        ValueError: ``x`` has not four axes or no pixels, or ``outsize`` is not above 0.

    Example:
        >>> adaptive_average_pooling(np.arange(5.0).reshape(1, 1, 1, 5), (1, 2))
        variable([[[[1. 3.]]]])
    """
    x, (OH, OW) = _adaptive("adaptive_average_pooling", x, outsize)
    H, W = x.shape[2:]
    if x.data.dtype.kind != "f":
        x = x.astype(np.float64)
    return AdaptiveAveragePooling(_stretches(H, OH), _stretches(W, OW))(x)


def _stretches(length: int, count: int) -> Taps:
    """The mean of each of ``count`` stretches of an axis; a shorter stretch has its last element again, at weight 0."""
    start = np.arange(count) * length // count
    stop = -(-np.arange(1, count + 1) * length // count)
    k = np.arange((stop - start).max())[:, None]
    return Taps(np.minimum(start + k, stop - 1), (start + k < stop) / (stop - start), length)


# ---- what pooling asks of its arguments


def _checked(
    who: str, x: Variable, kernel_size: Any, stride: Any, pad: Any, ceil_mode: bool = False, may_miss: bool = False
) -> tuple[Pair, Pair, Pair, Pair]:
    """Kernel, stride, padding and what the last windows see beyond it, as pairs.

    Unless they ``may_miss``, all windows see something of the image.
    """
    kernel, stride, pad = window_sizes(who, kernel_size, stride, pad)
    H, W = x.shape[2:]
    more = _beyond((H, W), kernel, stride, pad) if ceil_mode else NONE
    check_fit(who, x.shape, kernel, pad, more=more)
    if not may_miss and (pad[0] >= kernel[0] or pad[1] >= kernel[1]):
        raise ValueError(f"{who}: pad {pad} must be smaller than kernel {kernel}, or windows see nothing but padding.")
    return kernel, stride, pad, more


def _beyond(size: Pair, kernel: Pair, stride: Pair, pad: Pair) -> Pair:
    """What the last windows see below and to the right of the padding, where their number is rounded up."""
    more = []
    for n, k, s, p in zip(size, kernel, stride, pad):
        last = -(-(n + 2 * p - k) // s) * s  # where the last window begins
        if last >= n + p:
            last -= s
        more.append(max(0, last + k - n - 2 * p))
    return more[0], more[1]


def _in_a_row(who: str, kernel_size: Any, stride: Any, pad: Any) -> tuple[Pair, Pair, Pair]:
    """The sizes for images of one row."""
    kernel, step = as_integer(who, "kernel_size", kernel_size, 1), as_integer(who, "stride", stride, 1)
    return (1, kernel), (1, step), (0, as_integer(who, "pad", pad, 0))


def _whole_images(who: str, x: Any) -> Variable:
    x = as_operand(x, who)
    if x.ndim not in (3, 4) or 0 in x.shape[2:]:
        raise ValueError(f"{who}: x (N, C, H, W) or (N, C, L) with pixels is wanted, got shape {x.shape}.")
    return x


def _adaptive(who: str, x: Any, outsize: Any) -> tuple[Variable, Pair]:
    x = as_images(x, who)
    if 0 in x.shape[2:]:
        raise ValueError(f"{who}: x (N, C, H, W) has no pixels, its shape is {x.shape}.")
    return x, as_pair(who, "outsize", outsize, 1)
