"""Knows the convolution family: convolution, its transpose, and the windows that both are made of.

Convolution is linear in the image and linear in the filters, and so are its gradients: the gradient of each of
``Conv2d``, ``Deconv2d`` and ``Conv2dGradW`` is made of the other two. That is why they differentiate to any order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import get_deconv_outsize
from ..core import Function, Variable, as_operand
from ..cuda import get_array_module
from ..kernels import grouped as kernels
from ..kernels.im2col import NONE, ONE, Pair, col2im_array, im2col_array, outsize, reach
from .arithmetic import check_precision
from .formula import Formula, apply
from .joining import concat
from .linalg import linear
from .reduction import broadcast_to
from .shape import reshape, transpose


class Im2col(Function):
    """col = the windows of x, laid out;  gx = gcol added back up."""

    def __init__(self, kernel_size: Pair, stride: Pair, pad: Pair, to_matrix: bool, dilation: Pair = ONE):
        self.args = kernel_size, stride, pad, to_matrix, dilation

    def forward(self, x):
        return im2col_array(x, *self.args)

    def backward(self, gcol):
        return Col2im(self.inputs[0].shape, *self.args)(gcol)


class Col2im(Function):
    """x = the windows in col, added up where they overlap;  gcol = the windows of gx."""

    def __init__(
        self,
        x_shape: tuple[int, ...],
        kernel_size: Pair,
        stride: Pair,
        pad: Pair,
        to_matrix: bool,
        dilation: Pair = ONE,
    ):
        self.x_shape = x_shape
        self.args = kernel_size, stride, pad, to_matrix, dilation

    def forward(self, col):
        return col2im_array(col, self.x_shape, *self.args)

    def backward(self, gx):
        return Im2col(*self.args)(gx)


class Conv2d(Formula):
    """y = sum of each window of x times W, plus b;  gx = Deconv2d(gy, W), gW = Conv2dGradW(x, gy), gb = sum of gy."""

    def __init__(self, stride: Pair, pad: Pair, dilation: Pair = ONE, groups: int = 1):
        self.stride, self.pad = stride, pad
        self.spread = dilation, groups

    def forward(self, x, W, b=None):
        return kernels.conv2d(x, W, b, self.stride, self.pad, *self.spread)

    def gradients(self, gy, y, x, W, b=None):
        wants_x, wants_W = self.needs_grad[:2]
        gx = apply(Deconv2d(self.stride, self.pad, x.shape[2:], *self.spread), gy, W) if wants_x else None
        gW = apply(Conv2dGradW(W.shape[2:], self.stride, self.pad, *self.spread), x, gy) if wants_W else None
        if b is None:
            return gx, gW
        return gx, gW, apply(ChannelSum(), gy) if self.needs_grad[2] else None


class Deconv2d(Formula):
    """y = windows of W, each times a pixel of x, added up, plus b;  gx = Conv2d(gy, W), gW = Conv2dGradW(gy, x)."""

    def __init__(self, stride: Pair, pad: Pair, outsize: Pair, dilation: Pair = ONE, groups: int = 1):
        self.stride, self.pad = stride, pad
        self.outsize = outsize
        self.spread = dilation, groups

    def forward(self, x, W, b=None):
        return kernels.deconv2d(x, W, b, self.stride, self.pad, self.outsize, *self.spread)

    def gradients(self, gy, y, x, W, b=None):
        wants_x, wants_W = self.needs_grad[:2]
        gx = apply(Conv2d(self.stride, self.pad, *self.spread), gy, W) if wants_x else None
        gW = apply(Conv2dGradW(W.shape[2:], self.stride, self.pad, *self.spread), gy, x) if wants_W else None
        if b is None:
            return gx, gW
        return gx, gW, apply(ChannelSum(), gy) if self.needs_grad[2] else None


class Conv2dGradW(Function):
    """gW = sum of all windows of x, each times its gy;  gx = Deconv2d(gy, ggW), ggy = Conv2d(x, ggW)."""

    def __init__(self, kernel_size: Pair, stride: Pair, pad: Pair, dilation: Pair = ONE, groups: int = 1):
        self.kernel_size = kernel_size
        self.stride, self.pad = stride, pad
        self.spread = dilation, groups

    def forward(self, x, gy):
        return kernels.conv2d_weight(x, gy, self.kernel_size, self.stride, self.pad, *self.spread)

    def backward(self, ggW):
        x, gy = self.inputs
        wants_x, wants_gy = self.needs_grad
        size = x.shape[2], x.shape[3]
        gx = Deconv2d(self.stride, self.pad, size, *self.spread)(gy, ggW) if wants_x else None
        return gx, Conv2d(self.stride, self.pad, *self.spread)(x, ggW) if wants_gy else None


class ChannelSum(Function):
    """y = x summed over images and pixels, one number for each channel;  gx = gy at every pixel."""

    def forward(self, x):
        return kernels.channel_sum(x)

    def backward(self, gy):
        return broadcast_to(reshape(gy, (1, -1, 1, 1)), self.inputs[0].shape)


def im2col(
    x: Any, kernel_size: Any, stride: Any = 1, pad: Any = 0, to_matrix: bool = True, dilation: Any = 1
) -> Variable:
    """The windows that a kernel sees as it moves over images, laid out one after the other.

    Args:
        x: Variable or array, (N, C, H, W).
        kernel_size: Integer or (KH, KW), in pixels.
        stride: Integer or (SH, SW), from one window to the next.
        pad: Integer or (PH, PW), zeros on each side.
        to_matrix: One row for each window, with C * KH * KW columns.
        dilation: Integer or (DH, DW), pixels of the image from one of the kernel to the next.

    Returns:
        Variable (N*OH*OW, C*KH*KW), or (N, C, KH, KW, OH, OW) without ``to_matrix``; OH is that of ``conv2d``.

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
    dilation = as_pair("im2col", "dilation", dilation, 1)
    return Im2col(*check_windows("im2col", x.shape, kernel_size, stride, pad, dilation), to_matrix, dilation)(x)


def col2im(
    x: Any,
    input_shape: Any,
    kernel_size: Any,
    stride: Any = 1,
    pad: Any = 0,
    to_matrix: bool = True,
    dilation: Any = 1,
) -> Variable:
    """Adds windows up to images: each pixel becomes the sum of what the windows have for it.

    Args:
        x: Variable or array as ``im2col`` gives it, (N*OH*OW, C*KH*KW) or (N, C, KH, KW, OH, OW).
        input_shape: Of the images, (N, C, H, W).
        kernel_size: Integer or (KH, KW), in pixels.
        stride: Integer or (SH, SW), from one window to the next.
        pad: Integer or (PH, PW); what falls on the padding is dropped.
        to_matrix: Whether ``x`` is a matrix.
        dilation: Integer or (DH, DW), pixels of the image from one of the kernel to the next.

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
    dilation = as_pair("col2im", "dilation", dilation, 1)
    kernel, stride, pad = check_windows("col2im", input_shape, kernel_size, stride, pad, dilation)
    (N, C, *size), (KH, KW) = input_shape, kernel
    OH, OW = outsize((size[0], size[1]), kernel, stride, pad, dilation)
    wanted = (N * OH * OW, C * KH * KW) if to_matrix else (N, C, KH, KW, OH, OW)
    if tuple(x.shape) != wanted:
        raise ValueError(f"col2im: images {input_shape} have windows {wanted}, got x {tuple(x.shape)}.")
    return Col2im(input_shape, kernel, stride, pad, to_matrix, dilation)(x)


def conv2d(
    x: Any, W: Any, b: Any = None, stride: Any = 1, pad: Any = 0, dilation: Any = 1, groups: int = 1
) -> Variable:
    """Convolution: the sum over each window of an image times each filter (which is not flipped), plus a bias.

    Args:
        x: Variable or array, (N, C, H, W).
        W: Variable or array, the filters, (OC, C / groups, KH, KW).
        b: Variable or array, (OC,), or None.
        stride: Integer or (SH, SW), in pixels from one window to the next.
        pad: Integer or (PH, PW), zeros on each side; "valid" is 0. "same" makes as many windows as there are
            strides, OH = ceil(H / SH); an odd row of zeros goes below, an odd column to the right.
        dilation: Integer or (DH, DW), pixels of the image from one of the filter to the next.
        groups: Into how many parts the channels fall: the first OC / groups filters see the first C / groups
            channels of ``x``, and so on. As many groups as channels is depthwise convolution.

    Returns:
        Variable (N, OC, OH, OW) with OH = (H + 2 PH - DH (KH - 1) - 1) // SH + 1. On a CPU, 3 x 3 filters between many
        channels take a way with fewer multiplications (``kernels/winograd.py``) and four times the rounding error.

    Raises:
        ValueError: The shapes do not fit, or the kernel is larger than the padded image.
        TypeError: float16 would meet a wider float.

    Example:
        >>> x = np.arange(16.0).reshape(1, 1, 4, 4)
        >>> conv2d(x, np.ones((1, 1, 3, 3)), np.array([0.5]))
        variable([[[[45.5 54.5]
                    [81.5 90.5]]]])
        >>> conv2d(x, np.ones((3, 1, 3, 3)), pad="same").shape
        (1, 3, 4, 4)
    """
    x, W, b = _operands("conv2d", x, W, b)
    _check_filters("conv2d", x, W, b, groups, transposed=False)
    return _convolve("conv2d", x, W, b, stride, pad, dilation, groups)


def conv1d(
    x: Any, W: Any, b: Any = None, stride: int = 1, pad: Any = 0, dilation: int = 1, groups: int = 1
) -> Variable:
    """Convolution along one axis, such as time: ``conv2d`` on images of one row.

    Args:
        x: Variable or array, (N, C, L).
        W: Variable or array, the filters, (OC, C / groups, K).
        b: Variable or array, (OC,), or None.
        stride: Steps from one window to the next.
        pad: Zeros on each side, or "same" or "valid", as in ``conv2d``.
        dilation: Steps of the input from one of the filter to the next.
        groups: Into how many parts the channels fall, as in ``conv2d``.

    Returns:
        Variable (N, OC, OL) with OL = (L + 2 pad - dilation (K - 1) - 1) // stride + 1.

    Raises:
        ValueError: The shapes do not fit, or the kernel is longer than the padded input.
        TypeError: float16 would meet a wider float.

    Example:
        >>> conv1d(np.array([[[1.0, 2.0, 4.0, 8.0]]]), np.array([[[-1.0, 1.0]]]))
        variable([[[1. 2. 4.]]])
    """
    who = "conv1d"
    x, W, b = _operands(who, x, W, b, _1D)
    _check_filters(who, x, W, b, groups, transposed=False)
    strides, dilations = (1, as_integer(who, "stride", stride, 1)), (1, as_integer(who, "dilation", dilation, 1))
    pad = pad if isinstance(pad, str) else (0, as_integer(who, "pad", pad, 0))
    return without_rows(_convolve(who, with_rows(x), with_rows(W), b, strides, pad, dilations, groups))


def _convolve(
    who: str, x: Variable, W: Variable, b: Variable | None, stride: Any, pad: Any, dilation: Any, groups: int
) -> Variable:
    kernel, dilation = W.shape[2:], as_pair(who, "dilation", dilation, 1)
    if isinstance(pad, str):
        x, pad = _padded_by_name(who, x, kernel, as_pair(who, "stride", stride, 1), pad, dilation)
    _, stride, pad = check_windows(who, x.shape, kernel, stride, pad, dilation)
    convolution = Conv2d(stride, pad, dilation, groups)
    return convolution(x, W) if b is None else convolution(x, W, b)


def _padded_by_name(
    who: str, x: Variable, kernel: Any, stride: Pair, name: str, dilation: Pair
) -> tuple[Variable, Pair]:
    """The padding that "valid" or "same" stands for, and ``x`` with what "same" has more on one side than the other."""
    if name == "valid":
        return x, (0, 0)
    if name != "same":
        raise ValueError(f'{who}: pad must be an integer, two of them, "same" or "valid", got {name!r}.')
    (N, C, H, W), (RH, RW) = x.shape, reach(kernel, dilation)
    rows, columns = (max(0, (n - 1) // s * s + r - n) for n, s, r in zip((H, W), stride, (RH, RW)))
    xp = get_array_module(x.data)
    if rows % 2:
        x = concat([x, xp.zeros((N, C, 1, W), x.dtype)], axis=2)  # (N, C, H + 1, W)
    if columns % 2:
        x = concat([x, xp.zeros((N, C, x.shape[2], 1), x.dtype)], axis=3)  # (N, C, H, W + 1)
    return x, (rows // 2, columns // 2)


def conv2d_simple(x: Any, W: Any, b: Any = None, stride: Any = 1, pad: Any = 0) -> Variable:
    """``conv2d`` put together from ``im2col`` and a matrix product, as a reader would first write it."""
    x, W, b = _operands("conv2d_simple", x, W, b)
    _check_filters("conv2d_simple", x, W, b, 1, transposed=False)
    kernel, stride, pad = check_windows("conv2d_simple", x.shape, W.shape[2:], stride, pad)
    N, OC = len(x), len(W)
    OH, OW = outsize(x.shape[2:], kernel, stride, pad)
    col = im2col(x, kernel, stride, pad)  # (N*OH*OW, C*KH*KW)
    y = linear(col, transpose(reshape(W, (OC, -1))), b)  # (N*OH*OW, OC)
    return transpose(reshape(y, (N, OH, OW, OC)), (0, 3, 1, 2))  # (N, OC, OH, OW)


def deconv2d(
    x: Any,
    W: Any,
    b: Any = None,
    stride: Any = 1,
    pad: Any = 0,
    outsize: Any = None,
    dilation: Any = 1,
    groups: int = 1,
    output_pad: Any = 0,
) -> Variable:
    """Transposed convolution: every pixel puts down the filters, times its value, and what overlaps is added.

    It takes ``conv2d``'s result back to the size of its image; as a layer it enlarges images.

    Args:
        x: Variable or array, (N, C, H, W).
        W: Variable or array, the filters, (C, OC / groups, KH, KW).
        b: Variable or array, (OC,), or None.
        stride: Integer or (SH, SW), in pixels of the result from one pixel of ``x`` to the next.
        pad: Integer or (PH, PW), cut off on each side of the result.
        outsize: Integer or (OH, OW). With a stride, several sizes have H x W windows; None takes the smallest.
        dilation: Integer or (DH, DW), pixels of the result from one of the filter to the next.
        groups: Into how many parts the channels fall: the first C / groups channels of ``x`` make the first
            OC / groups of the result, and so on.
        output_pad: Integer or two, rows below and columns to the right that the result has more than the smallest:
            another way to say ``outsize``.

    Returns:
        Variable (N, OC, OH, OW) with OH = SH (H - 1) + DH (KH - 1) + 1 - 2 PH + ``output_pad``, unless ``outsize``
        says otherwise.

    Raises:
        ValueError: The shapes do not fit, ``outsize`` is not the smallest size or up to SH - 1 (SW - 1) more,
            ``output_pad`` is not below the stride, or both are given.
        TypeError: float16 would meet a wider float.

    Example:
        >>> deconv2d(np.array([[[[1.0, 2.0]]]]), np.ones((1, 1, 2, 2)), stride=2)
        variable([[[[1. 1. 2. 2.]
                    [1. 1. 2. 2.]]]])
    """
    x, W, b = _operands("deconv2d", x, W, b)
    _check_filters("deconv2d", x, W, b, groups, transposed=True)
    return _deconvolve("deconv2d", x, W, b, stride, pad, outsize, dilation, groups, output_pad)


def deconv1d(
    x: Any,
    W: Any,
    b: Any = None,
    stride: int = 1,
    pad: int = 0,
    outsize: int | None = None,
    dilation: int = 1,
    groups: int = 1,
    output_pad: int = 0,
) -> Variable:
    """Transposed convolution along one axis: ``deconv2d`` on images of one row.

    Args:
        x: Variable or array, (N, C, L).
        W: Variable or array, the filters, (C, OC / groups, K).
        b: Variable or array, (OC,), or None.
        stride: Steps of the result from one element of ``x`` to the next.
        pad: What is cut off on each side of the result.
        outsize: OL. With a stride, several lengths have L windows; None takes the smallest.
        dilation: Steps of the result from one of the filter to the next.
        groups: Into how many parts the channels fall, as in ``deconv2d``.
        output_pad: How much longer than the smallest the result is: another way to say ``outsize``.

    Returns:
        Variable (N, OC, OL) with OL = stride (L - 1) + dilation (K - 1) + 1 - 2 pad + ``output_pad``, unless
        ``outsize`` says otherwise.

    Raises:
        ValueError: As ``deconv2d``.
        TypeError: float16 would meet a wider float.

    Example:
        >>> deconv1d(np.array([[[1.0, 2.0]]]), np.array([[[1.0, 1.0, 1.0]]]), stride=2)
        variable([[[1. 1. 3. 2. 2.]]])
    """
    who = "deconv1d"
    x, W, b = _operands(who, x, W, b, _1D)
    _check_filters(who, x, W, b, groups, transposed=True)
    strides, dilations = (1, as_integer(who, "stride", stride, 1)), (1, as_integer(who, "dilation", dilation, 1))
    pads, more = (0, as_integer(who, "pad", pad, 0)), (0, as_integer(who, "output_pad", output_pad, 0))
    size = None if outsize is None else (1, as_integer(who, "outsize", outsize, 1))
    y = _deconvolve(who, with_rows(x), with_rows(W), b, strides, pads, size, dilations, groups, more)
    return without_rows(y)


def _deconvolve(
    who: str,
    x: Variable,
    W: Variable,
    b: Variable | None,
    stride: Any,
    pad: Any,
    size: Any,
    dilation: Any,
    groups: int,
    output_pad: Any,
) -> Variable:
    stride, pad = as_pair(who, "stride", stride, 1), as_pair(who, "pad", pad, 0)
    dilation, more = as_pair(who, "dilation", dilation, 1), as_pair(who, "output_pad", output_pad, 0)
    if any(more) and size is not None:
        raise ValueError(f"{who}: outsize {size} and output_pad {output_pad} say the same thing. Give one of them.")
    if more[0] >= stride[0] or more[1] >= stride[1]:
        raise ValueError(f"{who}: output_pad must be below the stride {stride}, got {output_pad}.")
    least = tuple(get_deconv_outsize(*sizes) for sizes in zip(x.shape[2:], W.shape[2:], stride, pad, dilation))
    most = least[0] + stride[0] - 1, least[1] + stride[1] - 1
    wanted = (least[0] + more[0], least[1] + more[1]) if size is None else as_pair(who, "outsize", size, 1)
    if min(wanted) < 1:
        raise ValueError(f"{who}: pad {pad} leaves nothing of the result (x {x.shape}, W {W.shape}, stride {stride}).")
    if not all(low <= n <= high for low, n, high in zip(least, wanted, most)):
        raise ValueError(
            f"{who}: outsize must be from {least} to {most}, got {wanted}"
            f" (x {x.shape}, W {W.shape}, stride {stride}, pad {pad})."
        )
    deconvolution = Deconv2d(stride, pad, wanted, dilation, groups)
    return deconvolution(x, W) if b is None else deconvolution(x, W, b)


# ---- what the convolution family asks of its arguments

_2D, _1D = "HW", "L"  # the axes of an image, and of a sequence


def as_images(x: Any, who: str, axes: str = _2D) -> Variable:
    """``x`` as a Variable (N, C, H, W), or whatever ``axes`` are wanted; else an error in the name of ``who``."""
    x = as_operand(x, who)
    if x.ndim != 2 + len(axes):
        raise ValueError(f"{who}: x (N, C, {', '.join(axes)}) is wanted, got shape {x.shape}.")
    return x


def with_rows(x: Variable) -> Variable:
    """(N, C, L) as images of one row, (N, C, 1, L)."""
    N, C, L = x.shape
    return reshape(x, (N, C, 1, L))


def without_rows(x: Variable) -> Variable:
    """Images of one row (N, C, 1, L) as (N, C, L)."""
    N, C, _, L = x.shape
    return reshape(x, (N, C, L))


def check_windows(
    who: str, shape: Any, kernel_size: Any, stride: Any, pad: Any, dilation: Pair = ONE
) -> tuple[Pair, Pair, Pair]:
    """Kernel, stride and padding as pairs, or an error where no window of the kernel fits the images."""
    kernel, stride, pad = window_sizes(who, kernel_size, stride, pad)
    check_fit(who, shape, kernel, pad, dilation)
    return kernel, stride, pad


def window_sizes(who: str, kernel_size: Any, stride: Any, pad: Any) -> tuple[Pair, Pair, Pair]:
    """Kernel, stride and padding as pairs."""
    kernel, stride = as_pair(who, "kernel_size", kernel_size, 1), as_pair(who, "stride", stride, 1)
    return kernel, stride, as_pair(who, "pad", pad, 0)


def check_fit(who: str, shape: Any, kernel: Pair, pad: Pair, dilation: Pair = ONE, more: Pair = NONE) -> None:
    """Raises where no window of the kernel fits images (N, C, H, W) with ``pad`` and, after it, ``more``."""
    H, W = shape[2] + 2 * pad[0] + more[0], shape[3] + 2 * pad[1] + more[1]
    RH, RW = reach(kernel, dilation)
    if RH > H or RW > W:
        dilated = "" if dilation == ONE else f" with dilation {dilation}"
        raise ValueError(
            f"{who}: kernel {kernel}{dilated} is larger than the padded image {(H, W)} (x {tuple(shape)}, pad {pad})."
        )


def as_pair(who: str, name: str, value: Any, least: int) -> Pair:
    """``value`` for height and width, each at least ``least``, or an error that calls it ``name``."""
    if type(value) is int and value >= least:
        return value, value
    parts = value if isinstance(value, (tuple, list)) else (value, value)
    if len(parts) != 2 or not all(isinstance(n, (int, np.integer)) and n >= least for n in parts):
        raise ValueError(f"{who}: {name} must be an integer from {least} on, or two of them, got {value!r}.")
    return int(parts[0]), int(parts[1])


def as_integer(who: str, name: str, value: Any, least: int) -> int:
    """``value`` as an int that is at least ``least``, or an error that calls it ``name``."""
    if not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{who}: {name} must be an integer from {least} on, got {value!r}.")
    return int(value)


def _operands(who: str, x: Any, W: Any, b: Any, axes: str = _2D) -> tuple[Variable, Variable, Variable | None]:
    """Images, filters and bias as Variables of dtypes that may meet."""
    x = as_images(x, who, axes)
    W = as_operand(W, who)
    b = None if b is None else as_operand(b, who)
    for other in (W, b):
        if other is not None:
            check_precision(x.data.dtype, other.data.dtype, who)
    return x, W, b


def _check_filters(who: str, x: Variable, W: Variable, b: Variable | None, groups: int, transposed: bool) -> None:
    """Raises unless the filters fit the channels of ``x``: those on their second axis, ``transposed`` on the first."""
    channels = ("C", "OC") if transposed else ("OC", "C")
    if W.ndim != x.ndim:
        kernel = ("KH", "KW") if x.ndim == 4 else ("K",)
        raise ValueError(f"{who}: W ({', '.join((*channels, *kernel))}) is wanted, got shape {W.shape}.")
    if groups != 1 and W.shape[0] % as_integer(who, "groups", groups, 1):
        raise ValueError(f"{who}: groups {groups} does not divide the {W.shape[0]} {channels[0]} of W {W.shape}.")
    wanted, OC = (W.shape[0], W.shape[1] * groups) if transposed else (W.shape[1] * groups, W.shape[0])
    if x.shape[1] != wanted:
        grouped = "" if groups == 1 else f", groups {groups}"
        raise ValueError(
            f"{who}: x has {x.shape[1]} channels but W wants {wanted} (x {x.shape}, W {W.shape}{grouped})."
        )
    if b is not None and b.shape != (OC,):
        raise ValueError(f"{who}: b has shape {b.shape}, but W {W.shape} gives {OC} channels.")
