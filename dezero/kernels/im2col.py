"""Knows the windows that a kernel sees as it moves over an image: how to lay them out, and how to add them back up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..arrays import get_conv_outsize, pair
from ..cuda import get_array_module

Pair = tuple[int, int]  # for height and width


ONE = (1, 1)
NONE = (0, 0)


def outsize(size: Pair, kernel: Pair, stride: Pair, pad: Pair, dilation: Pair = ONE) -> Pair:
    """How many windows fit, down and across (OH, OW)."""
    OH, OW = (get_conv_outsize(*sizes) for sizes in zip(size, kernel, stride, pad, dilation))
    return OH, OW


def reach(kernel: Pair, dilation: Pair) -> Pair:
    """Pixels from the first row or column that a kernel sees to the last, both counted."""
    return dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1


def padded(x: Any, pad: Pair, value: Any = 0, more: Pair = NONE) -> Any:
    """``x`` (N, C, H, W) with ``value`` all around it, in the same memory order; ``x`` itself where there is none.

    Args:
        x: Array (N, C, H, W).
        pad: (PH, PW), rows above and below, columns left and right.
        value: What the margin holds.
        more: Further rows below, further columns on the right.
    """
    PH, PW = pad
    if not PH and not PW and more == NONE:
        return x
    N, C, H, W = x.shape
    y = get_array_module(x).full_like(x, value, shape=(N, C, H + 2 * PH + more[0], W + 2 * PW + more[1]))
    y[:, :, PH : PH + H, PW : PW + W] = x
    return y


def cropped(x: Any, pad: Pair, more: Pair = NONE) -> Any:
    """What ``padded`` was given: a view of ``x`` without its margin."""
    PH, PW = pad
    _, _, H, W = x.shape
    return x[:, :, PH : H - PH - more[0], PW : W - PW - more[1]]


def tap_slices(x: Any, kernel: Pair, stride: Pair, size: Pair, dilation: Pair = ONE) -> Iterator[Any]:
    """For each place in the kernel, row by row, a view (N, C, OH, OW) of what all windows of ``x`` have there."""
    (KH, KW), (SH, SW), (OH, OW), (DH, DW) = kernel, stride, size, dilation
    for i in range(0, KH * DH, DH):
        for j in range(0, KW * DW, DW):
            yield x[:, :, i : i + SH * (OH - 1) + 1 : SH, j : j + SW * (OW - 1) + 1 : SW]


def im2col_array(img: Any, kernel_size: Any, stride: Any, pad: Any, to_matrix: bool = True, dilation: Any = 1) -> Any:
    """The windows of a batch of images, laid out one after the other.

    Args:
        img: Array (N, C, H, W).
        kernel_size: Integer or (KH, KW), in pixels.
        stride: Integer or (SH, SW).
        pad: Integer or (PH, PW); the padding is zero.
        to_matrix: One row for each window.
        dilation: Integer or (DH, DW), pixels of the image from one of the kernel to the next.

    Returns:
        A new array (N*OH*OW, C*KH*KW), or (N, C, KH, KW, OH, OW) without ``to_matrix``.

    Example:
        >>> im2col_array(np.arange(4.0).reshape(1, 1, 2, 2), (1, 2), 1, 0)
        array([[0., 1.],
               [2., 3.]])
    """
    kernel, (SH, SW), pad, (DH, DW) = pair(kernel_size), pair(stride), pair(pad), pair(dilation)
    N, C, H, W = img.shape
    OH, OW = outsize((H, W), kernel, (SH, SW), pad, (DH, DW))
    x = padded(img, pad)
    n, c, h, w = x.strides
    as_strided = get_array_module(x).lib.stride_tricks.as_strided
    col = as_strided(x, (N, C, *kernel, OH, OW), (n, c, h * DH, w * DW, h * SH, w * SW))
    if not to_matrix:
        return col.copy()
    return col.transpose((0, 4, 5, 1, 2, 3)).reshape((N * OH * OW, C * kernel[0] * kernel[1]))


def col2im_array(
    col: Any, img_shape: Any, kernel_size: Any, stride: Any, pad: Any, to_matrix: bool = True, dilation: Any = 1
) -> Any:
    """Adds windows up to images, each pixel the sum of what the windows have for it: the transpose of ``im2col_array``.

    Args:
        col: Array (N*OH*OW, C*KH*KW), or (N, C, KH, KW, OH, OW) without ``to_matrix``.
        img_shape: (N, C, H, W).
        kernel_size: Integer or (KH, KW), in pixels.
        stride: Integer or (SH, SW).
        pad: Integer or (PH, PW); what falls on the padding is dropped.
        to_matrix: Whether ``col`` is a matrix.
        dilation: Integer or (DH, DW), pixels of the image from one of the kernel to the next.

    Returns:
        Array (N, C, H, W).

    Example:
        >>> col2im_array(np.ones((2, 2)), (1, 1, 1, 3), (1, 2), 1, 0)
        array([[[[1., 2., 1.]]]])
    """
    kernel, stride, (PH, PW), dilation = pair(kernel_size), pair(stride), pair(pad), pair(dilation)
    N, C, H, W = img_shape
    size = outsize((H, W), kernel, stride, (PH, PW), dilation)
    if to_matrix:
        col = col.reshape((N, *size, C, *kernel)).transpose((0, 3, 4, 5, 1, 2))
    img = get_array_module(col).zeros((N, C, H + 2 * PH, W + 2 * PW), col.dtype)
    for k, seen in enumerate(tap_slices(img, kernel, stride, size, dilation)):
        seen += col[:, :, k // kernel[1], k % kernel[1]]
    return cropped(img, (PH, PW))
