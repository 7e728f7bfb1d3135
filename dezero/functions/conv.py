"""Knows the convolution family: convolution, its transpose, and the windows that both are made of.

Convolution is linear in the image and linear in the filters, and so are its gradients: the gradient of each of
``Conv2d``, ``Deconv2d`` and ``Conv2dGradW`` is made of the other two. That is why they differentiate to any order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import get_deconv_outsize
from ..core import Function, Variable, constant
from ..kernels import conv as kernels
from ..kernels.im2col import Pair, col2im_array, im2col_array, outsize
from .arithmetic import check_precision
from .formula import Formula, apply
from .linalg import linear
from .reduction import broadcast_to
from .shape import reshape, transpose


class Im2col(Function):
    """col = the windows of x, laid out;  gx = gcol added back up."""

    def __init__(self, kernel_size: Pair, stride: Pair, pad: Pair, to_matrix: bool):
        self.args = kernel_size, stride, pad, to_matrix

    def forward(self, x):
        return im2col_array(x, *self.args)

    def backward(self, gcol):
        return Col2im(self.inputs[0].shape, *self.args)(gcol)


class Col2im(Function):
    """x = the windows in col, added up where they overlap;  gcol = the windows of gx."""

    def __init__(self, x_shape: tuple[int, ...], kernel_size: Pair, stride: Pair, pad: Pair, to_matrix: bool):
        self.x_shape = x_shape
        self.args = kernel_size, stride, pad, to_matrix

    def forward(self, col):
        return col2im_array(col, self.x_shape, *self.args)

    def backward(self, gx):
        return Im2col(*self.args)(gx)


class Conv2d(Formula):
    """y = sum of each window of x times W, plus b;  gx = Deconv2d(gy, W), gW = Conv2dGradW(x, gy), gb = sum of gy."""

    def __init__(self, stride: Pair, pad: Pair):
        self.stride = stride
        self.pad = pad

    def forward(self, x, W, b=None):
        return kernels.conv2d(x, W, b, self.stride, self.pad)

    def gradients(self, gy, y, x, W, b=None):
        wants_x, wants_W = self.needs_grad[:2]
        gx = apply(Deconv2d(self.stride, self.pad, x.shape[2:]), gy, W) if wants_x else None
        gW = apply(Conv2dGradW(W.shape[2:], self.stride, self.pad), x, gy) if wants_W else None
        if b is None:
            return gx, gW
        return gx, gW, apply(ChannelSum(), gy) if self.needs_grad[2] else None


class Deconv2d(Formula):
    """y = windows of W, each times a pixel of x, added up, plus b;  gx = Conv2d(gy, W), gW = Conv2dGradW(gy, x)."""

    def __init__(self, stride: Pair, pad: Pair, outsize: Pair):
        self.stride = stride
        self.pad = pad
        self.outsize = outsize

    def forward(self, x, W, b=None):
        return kernels.deconv2d(x, W, b, self.stride, self.pad, self.outsize)

    def gradients(self, gy, y, x, W, b=None):
        wants_x, wants_W = self.needs_grad[:2]
        gx = apply(Conv2d(self.stride, self.pad), gy, W) if wants_x else None
        gW = apply(Conv2dGradW(W.shape[2:], self.stride, self.pad), gy, x) if wants_W else None
        if b is None:
            return gx, gW
        return gx, gW, apply(ChannelSum(), gy) if self.needs_grad[2] else None


class Conv2dGradW(Function):
    """gW = sum of all windows of x, each times its gy;  gx = Deconv2d(gy, ggW), ggy = Conv2d(x, ggW)."""

    def __init__(self, kernel_size: Pair, stride: Pair, pad: Pair):
        self.kernel_size = kernel_size
        self.stride = stride
        self.pad = pad

    def forward(self, x, gy):
        return kernels.conv2d_weight(x, gy, self.kernel_size, self.stride, self.pad)

    def backward(self, ggW):
        x, gy = self.inputs
        wants_x, wants_gy = self.needs_grad
        gx = Deconv2d(self.stride, self.pad, (x.shape[2], x.shape[3]))(gy, ggW) if wants_x else None
        return gx, Conv2d(self.stride, self.pad)(x, ggW) if wants_gy else None


class ChannelSum(Function):
    """y = x summed over images and pixels, one number for each channel;  gx = gy at every pixel."""

    def forward(self, x):
        return kernels.channel_sum(x)

    def backward(self, gy):
        return broadcast_to(reshape(gy, (1, -1, 1, 1)), self.inputs[0].shape)


def im2col(x: Any, kernel_size: Any, stride: Any = 1, pad: Any = 0, to_matrix: bool = True) -> Variable:
    """The windows that a kernel sees as it moves over images, laid out one after the other.

    Args:
        x: Variable or array, (N, C, H, W).
        kernel_size: Integer or (KH, KW), in pixels.
        stride: Integer or (SH, SW), from one window to the next.
        pad: Integer or (PH, PW), zeros on each side.
        to_matrix: One row for each window, with C * KH * KW columns.

    Returns:
        Variable (N*OH*OW, C*KH*KW), or (N, C, KH, KW, OH, OW) without ``to_matrix``; OH = (H + 2 PH - KH) // SH + 1.

    Raises:
        ValueError: ``x`` has not four axes, or the sizes do not fit.

    Example:
        >>> im2col(np.arange(9.0).reshape(1, 1, 3, 3), 2)
        variable([[0. 1. 3. 4.]
                  [1. 2. 4. 5.]
                  [3. 4. 6. 7.]
                  [4. 5. 7. 8.]])
    """
    x = as_images(x, "im2col")
    return Im2col(*check_windows("im2col", x.shape, kernel_size, stride, pad), to_matrix)(x)


def col2im(
    x: Any, input_shape: Any, kernel_size: Any, stride: Any = 1, pad: Any = 0, to_matrix: bool = True
) -> Variable:
    """Adds windows up to images: each pixel becomes the sum of what the windows have for it.

    Args:
        x: Variable or array as ``im2col`` gives it, (N*OH*OW, C*KH*KW) or (N, C, KH, KW, OH, OW).
        input_shape: Of the images, (N, C, H, W).
        kernel_size: Integer or (KH, KW), in pixels.
        stride: Integer or (SH, SW), from one window to the next.
        pad: Integer or (PH, PW); what falls on the padding is dropped.
        to_matrix: Whether ``x`` is a matrix.

    Returns:
        Variable (N, C, H, W).

    Raises:
        ValueError: The sizes do not fit.

    Example:
        >>> col2im(np.ones((4, 4)), (1, 1, 3, 3), 2)
        variable([[[[1. 2. 1.]
                    [2. 4. 2.]
                    [1. 2. 1.]]]])
    """
    input_shape = tuple(input_shape)
    if len(input_shape) != 4:
        raise ValueError(f"col2im: input_shape (N, C, H, W) is wanted, got {input_shape}.")
    kernel, stride, pad = check_windows("col2im", input_shape, kernel_size, stride, pad)
    (N, C, *size), (KH, KW) = input_shape, kernel
    OH, OW = outsize((size[0], size[1]), kernel, stride, pad)
    wanted = (N * OH * OW, C * KH * KW) if to_matrix else (N, C, KH, KW, OH, OW)
    if tuple(x.shape) != wanted:
        raise ValueError(f"col2im: images {input_shape} have windows {wanted}, got x {tuple(x.shape)}.")
    return Col2im(input_shape, kernel, stride, pad, to_matrix)(x)


def conv2d(x: Any, W: Any, b: Any = None, stride: Any = 1, pad: Any = 0) -> Variable:
    """Convolution: the sum over each window of an image times each filter (which is not flipped), plus a bias.

    Args:
        x: Variable or array, (N, C, H, W).
        W: Variable or array, the filters, (OC, C, KH, KW).
        b: Variable or array, (OC,), or None.
        stride: Integer or (SH, SW), in pixels from one window to the next.
        pad: Integer or (PH, PW), zeros on each side.

    Returns:
        Variable (N, OC, OH, OW) with OH = (H + 2 PH - KH) // SH + 1.

    Raises:
        ValueError: The shapes do not fit, or the kernel is larger than the padded image.
        TypeError: float16 would meet a wider float.

    Example:
        >>> x = np.arange(16.0).reshape(1, 1, 4, 4)
        >>> conv2d(x, np.ones((1, 1, 3, 3)), np.array([0.5]))
        variable([[[[45.5 54.5]
                    [81.5 90.5]]]])
    """
    x, W, b = _operands("conv2d", x, W, b)
    _check_filters("conv2d", x, W, b, in_axis=1, out_axis=0)
    _, stride, pad = check_windows("conv2d", x.shape, W.shape[2:], stride, pad)
    return Conv2d(stride, pad)(x, W) if b is None else Conv2d(stride, pad)(x, W, b)


def conv2d_simple(x: Any, W: Any, b: Any = None, stride: Any = 1, pad: Any = 0) -> Variable:
    """``conv2d`` put together from ``im2col`` and a matrix product, as a reader would first write it."""
    x, W, b = _operands("conv2d_simple", x, W, b)
    _check_filters("conv2d_simple", x, W, b, in_axis=1, out_axis=0)
    kernel, stride, pad = check_windows("conv2d_simple", x.shape, W.shape[2:], stride, pad)
    N, OC = len(x), len(W)
    OH, OW = outsize(x.shape[2:], kernel, stride, pad)
    col = im2col(x, kernel, stride, pad)  # (N*OH*OW, C*KH*KW)
    y = linear(col, transpose(reshape(W, (OC, -1))), b)  # (N*OH*OW, OC)
    return transpose(reshape(y, (N, OH, OW, OC)), (0, 3, 1, 2))  # (N, OC, OH, OW)


def deconv2d(x: Any, W: Any, b: Any = None, stride: Any = 1, pad: Any = 0, outsize: Any = None) -> Variable:
    """Transposed convolution: every pixel puts down the filters, times its value, and what overlaps is added.

    It takes ``conv2d``'s result back to the size of its image; as a layer it enlarges images.

    Args:
        x: Variable or array, (N, C, H, W).
        W: Variable or array, the filters, (C, OC, KH, KW).
        b: Variable or array, (OC,), or None.
        stride: Integer or (SH, SW), in pixels of the result from one pixel of ``x`` to the next.
        pad: Integer or (PH, PW), cut off on each side of the result.
        outsize: Integer or (OH, OW). With a stride, several sizes have H x W windows; None takes the smallest.

    Returns:
        Variable (N, OC, OH, OW) with OH = SH (H - 1) + KH - 2 PH, unless ``outsize`` says otherwise.

    Raises:
        ValueError: The shapes do not fit, or ``outsize`` is not the smallest size or up to SH - 1 (SW - 1) more.
        TypeError: float16 would meet a wider float.

    Example:
        >>> deconv2d(np.array([[[[1.0, 2.0]]]]), np.ones((1, 1, 2, 2)), stride=2)
        variable([[[[1. 1. 2. 2.]
                    [1. 1. 2. 2.]]]])
    """
    x, W, b = _operands("deconv2d", x, W, b)
    _check_filters("deconv2d", x, W, b, in_axis=0, out_axis=1)
    stride, pad = _sizes("deconv2d", "stride", stride, 1), _sizes("deconv2d", "pad", pad, 0)
    size = _deconv_size(x, W, stride, pad, outsize)
    return Deconv2d(stride, pad, size)(x, W) if b is None else Deconv2d(stride, pad, size)(x, W, b)


def _deconv_size(x: Variable, W: Variable, stride: Pair, pad: Pair, wanted: Any) -> Pair:
    """The (OH, OW) of a transposed convolution, ``wanted`` if it is not None."""
    least = [get_deconv_outsize(*sizes) for sizes in zip(x.shape[2:], W.shape[2:], stride, pad)]
    if min(least) < 1:
        raise ValueError(
            f"deconv2d: pad {pad} leaves nothing of the result (x {x.shape}, W {W.shape}, stride {stride})."
        )
    if wanted is None:
        return least[0], least[1]
    size = _sizes("deconv2d", "outsize", wanted, 1)
    most = [n + s - 1 for n, s in zip(least, stride)]
    if not all(low <= n <= high for low, n, high in zip(least, size, most)):
        raise ValueError(
            f"deconv2d: outsize must be from {tuple(least)} to {tuple(most)}, got {size}"
            f" (x {x.shape}, W {W.shape}, stride {stride}, pad {pad})."
        )
    return size


# ---- what the convolution family asks of its arguments


def as_images(x: Any, who: str) -> Variable:
    """``x`` as a Variable (N, C, H, W), or an error in the name of ``who``."""
    x = x if isinstance(x, Variable) else constant(x, who)
    if x.ndim != 4:
        raise ValueError(f"{who}: x (N, C, H, W) is wanted, got shape {x.shape}.")
    return x


def check_windows(who: str, shape: Any, kernel_size: Any, stride: Any, pad: Any) -> tuple[Pair, Pair, Pair]:
    """Kernel, stride and padding as pairs, or an error where no window of the kernel fits the images."""
    kernel, stride, pad = (
        _sizes(who, name, value, least)
        for name, value, least in (("kernel_size", kernel_size, 1), ("stride", stride, 1), ("pad", pad, 0))
    )
    H, W = shape[2] + 2 * pad[0], shape[3] + 2 * pad[1]
    if kernel[0] > H or kernel[1] > W:
        raise ValueError(
            f"{who}: kernel {kernel} is larger than the padded image {(H, W)} (x {tuple(shape)}, pad {pad})."
        )
    return kernel, stride, pad


def _sizes(who: str, name: str, value: Any, least: int) -> Pair:
    parts = value if isinstance(value, (tuple, list)) else (value, value)
    if len(parts) != 2 or not all(isinstance(n, (int, np.integer)) and n >= least for n in parts):
        raise ValueError(f"{who}: {name} must be an integer from {least} on, or two of them, got {value!r}.")
    return int(parts[0]), int(parts[1])


def _operands(who: str, x: Any, W: Any, b: Any) -> tuple[Variable, Variable, Variable | None]:
    """Images, filters and bias as Variables of dtypes that may meet."""
    x = as_images(x, who)
    W = W if isinstance(W, Variable) else constant(W, who)
    b = b if b is None or isinstance(b, Variable) else constant(b, who)
    for other in (W, b):
        if other is not None and other.data.dtype != x.data.dtype:
            check_precision(x.data.dtype, other.data.dtype, who)
    return x, W, b


def _check_filters(who: str, x: Variable, W: Variable, b: Variable | None, in_axis: int, out_axis: int) -> None:
    if W.ndim != 4:
        layout = "(OC, C, KH, KW)" if in_axis else "(C, OC, KH, KW)"
        raise ValueError(f"{who}: W {layout} is wanted, got shape {W.shape}.")
    if x.shape[1] != W.shape[in_axis]:
        raise ValueError(
            f"{who}: x has {x.shape[1]} channels but W wants {W.shape[in_axis]} (x {x.shape}, W {W.shape})."
        )
    if b is not None and b.shape != (W.shape[out_axis],):
        raise ValueError(f"{who}: b has shape {b.shape}, but W {W.shape} gives {W.shape[out_axis]} channels.")
