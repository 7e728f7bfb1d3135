"""Knows the windows that a kernel sees as it moves over an image: how to lay them out, and how to add them back up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..arrays import get_conv_outsize, pair
from ..cuda import get_array_module

Pair = tuple[int, int]  # for height and width


def outsize(size: Pair, kernel: Pair, stride: Pair, pad: Pair) -> Pair:
    """How many windows fit, down and across (OH, OW)."""
    OH, OW = (get_conv_outsize(n, k, s, p) for n, k, s, p in zip(size, kernel, stride, pad))
    return OH, OW


def padded(x: Any, pad: Pair, value: Any = 0) -> Any:
    """``x`` (N, C, H, W) with ``value`` all around it, in the same memory order; ``x`` itself where ``pad`` is zero."""
    PH, PW = pad
    if not PH and not PW:
        return x
    N, C, H, W = x.shape
    y = get_array_module(x).full_like(x, value, shape=(N, C, H + 2 * PH, W + 2 * PW))
    y[:, :, PH : PH + H, PW : PW + W] = x
    return y


def cropped(x: Any, pad: Pair) -> Any:
    """What ``padded`` was given: a view of ``x`` without its margin."""
    PH, PW = pad
    _, _, H, W = x.shape
    return x[:, :, PH : H - PH, PW : W - PW]


def tap_slices(x: Any, kernel: Pair, stride: Pair, size: Pair) -> Iterator[Any]:
    """For each place in the kernel, row by row, a view (N, C, OH, OW) of what all windows of ``x`` have there."""
    (KH, KW), (SH, SW), (OH, OW) = kernel, stride, size
    for i in range(KH):
        for j in range(KW):
            yield x[:, :, i : i + SH * (OH - 1) + 1 : SH, j : j + SW * (OW - 1) + 1 : SW]


def im2col_array(img: Any, kernel_size: Any, stride: Any, pad: Any, to_matrix: bool = True) -> Any:
    """The windows of a batch of images, laid out one after the other.

    Args:
        img: Array (N, C, H, W).
        kernel_size: Integer or (KH, KW), in pixels.
        stride: Integer or (SH, SW).
        pad: Integer or (PH, PW); the padding is zero.
        to_matrix: One row for each window.

    Returns:
        A new array (N*OH*OW, C*KH*KW), or (N, C, KH, KW, OH, OW) without ``to_matrix``.
    """
    kernel, (SH, SW), pad = pair(kernel_size), pair(stride), pair(pad)
    N, C, H, W = img.shape
    OH, OW = outsize((H, W), kernel, (SH, SW), pad)
    x = padded(img, pad)
    n, c, h, w = x.strides
    as_strided = get_array_module(x).lib.stride_tricks.as_strided
    col = as_strided(x, (N, C, *kernel, OH, OW), (n, c, h, w, h * SH, w * SW))
    if not to_matrix:
        return col.copy()
    return col.transpose((0, 4, 5, 1, 2, 3)).reshape((N * OH * OW, -1))


def col2im_array(col: Any, img_shape: Any, kernel_size: Any, stride: Any, pad: Any, to_matrix: bool = True) -> Any:
    """Adds windows up to images, each pixel the sum of what the windows have for it: the transpose of ``im2col_array``.

    Args:
        col: Array (N*OH*OW, C*KH*KW), or (N, C, KH, KW, OH, OW) without ``to_matrix``.
        img_shape: (N, C, H, W).
        kernel_size: Integer or (KH, KW), in pixels.
        stride: Integer or (SH, SW).
        pad: Integer or (PH, PW); what falls on the padding is dropped.
        to_matrix: Whether ``col`` is a matrix.

    Returns:
        Array (N, C, H, W).
    """
    kernel, stride, (PH, PW) = pair(kernel_size), pair(stride), pair(pad)
    N, C, H, W = img_shape
    size = outsize((H, W), kernel, stride, (PH, PW))
    if to_matrix:
        col = col.reshape((N, *size, C, *kernel)).transpose((0, 3, 4, 5, 1, 2))
    img = get_array_module(col).zeros((N, C, H + 2 * PH, W + 2 * PW), col.dtype)
    for k, seen in enumerate(tap_slices(img, kernel, stride, size)):
        seen += col[:, :, k // kernel[1], k % kernel[1]]
    return cropped(img, (PH, PW))
