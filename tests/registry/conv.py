"""The rows of ``dezero.functions.conv``, and convolution as plain loops, which other tests compare with too."""

from __future__ import annotations

import warnings

import numpy as np

from dezero import Variable
from dezero import functions as F

from .rows import Lazy, Row, case, edge

T = Lazy("torch.nn.functional")
rng = np.random.default_rng(0)


# ---- plain loops


def sizes(value, axes=2):
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * axes


def margins(size, kernel, stride, pad, dilation):
    """How many zeros there are before and after each axis."""
    if pad == "valid":
        return [(0, 0)] * len(size)
    if pad != "same":
        return [(p, p) for p in sizes(pad, len(size))]
    total = [
        max((int(np.ceil(n / s)) - 1) * s + d * (k - 1) + 1 - n, 0)
        for n, k, s, d in zip(size, kernel, stride, dilation)
    ]
    return [(t // 2, t - t // 2) for t in total]


def window(stride, kernel, dilation, *at):
    """The index, along each axis, of what a window sees."""
    return tuple(slice(i * s, i * s + d * (k - 1) + 1, d) for i, s, k, d in zip(at, stride, kernel, dilation))


def conv(x, W, b=None, stride=1, pad=0, dilation=1, groups=1):
    """One window, one filter at a time, over any number of axes."""
    axes = x.ndim - 2
    stride, dilation, kernel = sizes(stride, axes), sizes(dilation, axes), W.shape[2:]
    around = np.pad(x, [(0, 0), (0, 0), *margins(x.shape[2:], kernel, stride, pad, dilation)])
    count = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(around.shape[2:], kernel, stride, dilation)]
    y = np.zeros((len(x), len(W), *count))
    ins, outs = W.shape[1], len(W) // groups
    for n, o, *at in np.ndindex(*y.shape):
        g = o // outs
        seen = around[(n, slice(g * ins, (g + 1) * ins), *window(stride, kernel, dilation, *at))]
        y[(n, o, *at)] = (seen * W[o]).sum() + (0 if b is None else b[o])
    return y


def deconv(x, W, b=None, stride=1, pad=0, outsize=None, dilation=1, groups=1, output_pad=0):
    """One pixel at a time puts its filters down, over any number of axes."""
    axes = x.ndim - 2
    stride, pad, dilation, more = (sizes(v, axes) for v in (stride, pad, dilation, output_pad))
    kernel, (ins, outs) = W.shape[2:], (len(W) // groups, W.shape[1])
    sharp = zip(x.shape[2:], kernel, stride, pad, dilation, more)
    size = [s * (n - 1) + d * (k - 1) + 1 - 2 * p + m for n, k, s, p, d, m in sharp]
    size = size if outsize is None else sizes(outsize, axes)
    y = np.zeros((len(x), outs * groups, *(n + 2 * p for n, p in zip(size, pad))))
    for n, c, *at in np.ndindex(*x.shape):
        g = c // ins
        y[(n, slice(g * outs, (g + 1) * outs), *window(stride, kernel, dilation, *at))] += x[(n, c, *at)] * W[c]
    y = y[(..., *(slice(p, p + n) for p, n in zip(pad, size)))]
    return y + (0 if b is None else b.reshape(-1, *(1,) * axes))


def conv_weight(x, gy, kernel, stride=1, pad=0, dilation=1, groups=1):
    """The gradient of ``conv`` by its filters, one window at a time."""
    axes = x.ndim - 2
    stride, dilation = sizes(stride, axes), sizes(dilation, axes)
    around = np.pad(x, [(0, 0), (0, 0), *margins(x.shape[2:], kernel, stride, pad, dilation)])
    ins, outs = x.shape[1] // groups, gy.shape[1] // groups
    gW = np.zeros((gy.shape[1], ins, *kernel))
    for n, o, *at in np.ndindex(*gy.shape):
        g = o // outs
        seen = around[(n, slice(g * ins, (g + 1) * ins), *window(stride, kernel, dilation, *at))]
        gW[o] += seen * gy[(n, o, *at)]
    return gW


def im2col(img, kernel_size, stride=1, pad=0, to_matrix=True, dilation=1):
    kernel, stride, pad, dilation = sizes(kernel_size), sizes(stride), sizes(pad), sizes(dilation)
    around = np.pad(img, [(0, 0), (0, 0), *((p, p) for p in pad)])
    count = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(around.shape[2:], kernel, stride, dilation)]
    col = np.zeros((*img.shape[:2], *kernel, *count))
    for at in np.ndindex(*count):
        col[(..., *at)] = around[(slice(None), slice(None), *window(stride, kernel, dilation, *at))]
    return as_matrix(col) if to_matrix else col


def as_matrix(col):
    N, C, KH, KW, OH, OW = col.shape
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(N * OH * OW, C * KH * KW)


def col2im(col, shape, kernel_size, stride=1, pad=0, to_matrix=True, dilation=1):
    kernel, stride, pad, dilation = sizes(kernel_size), sizes(stride), sizes(pad), sizes(dilation)
    N, C, H, W = shape
    around = np.zeros((N, C, H + 2 * pad[0], W + 2 * pad[1]))
    count = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(around.shape[2:], kernel, stride, dilation)]
    if to_matrix:
        col = col.reshape(N, *count, C, *kernel).transpose(0, 3, 4, 5, 1, 2)
    for at in np.ndindex(*count):
        around[(slice(None), slice(None), *window(stride, kernel, dilation, *at))] += col[(..., *at)]
    return around[:, :, pad[0] : pad[0] + H, pad[1] : pad[1] + W]


# ---- PyTorch's


def torch_conv(x, W, b=None, stride=1, pad=0, dilation=1, groups=1):
    """Where PyTorch has no "same", with a stride, the margin is put around before."""
    axes = x.ndim - 2
    f = T.conv2d if axes == 2 else T.conv1d
    if pad == "same" and sizes(stride, axes) != (1,) * axes:
        around = margins(x.shape[2:], W.shape[2:], sizes(stride, axes), pad, sizes(dilation, axes))
        x, pad = T.pad(x, [n for margin in reversed(around) for n in margin]), 0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Using padding='same' with even kernel")
        return f(x, W, b, stride, pad, dilation, groups)


def torch_deconv(x, W, b=None, stride=1, pad=0, outsize=None, dilation=1, groups=1, output_pad=0):
    axes = x.ndim - 2
    f = T.conv_transpose2d if axes == 2 else T.conv_transpose1d
    if outsize is not None:
        plain = f(x, W, b, stride, pad, 0, groups, dilation).shape[2:]
        output_pad = tuple(n - m for n, m in zip(sizes(outsize, axes), plain))
    return f(x, W, b, stride, pad, output_pad, groups, dilation)


def torch_im2col(x, kernel_size, stride=1, pad=0, to_matrix=True, dilation=1):
    (N, C, H, Wd), (KH, KW) = x.shape, sizes(kernel_size)
    col = T.unfold(x, kernel_size, dilation, pad, stride)  # (N, C*KH*KW, windows)
    if to_matrix:
        return col.transpose(1, 2).reshape(-1, C * KH * KW)
    (SH, SW), (PH, PW), (DH, DW) = sizes(stride), sizes(pad), sizes(dilation)
    OH, OW = (H + 2 * PH - DH * (KH - 1) - 1) // SH + 1, (Wd + 2 * PW - DW * (KW - 1) - 1) // SW + 1
    return col.reshape(N, C, KH, KW, OH, OW)


def torch_col2im(col, shape, kernel_size, stride=1, pad=0, to_matrix=True, dilation=1):
    N, C, H, Wd = shape
    KH, KW = sizes(kernel_size)
    col = col.reshape(N, -1, C * KH * KW).transpose(1, 2) if to_matrix else col.reshape(N, C * KH * KW, -1)
    return T.fold(col, (H, Wd), kernel_size, dilation, pad, stride)


# ---- the ways to call them

x, x4 = rng.standard_normal((2, 3, 5, 6)), rng.standard_normal((2, 4, 5, 4))
W, b = rng.standard_normal((4, 3, 2, 3)), rng.standard_normal(4)
W1, W33 = rng.standard_normal((4, 3, 1, 1)), rng.standard_normal((2, 3, 3, 3))
W_up, b_up = rng.standard_normal((3, 2, 3, 2)), rng.standard_normal(2)
x_large, W_large = rng.standard_normal((2, 9, 5, 5)), rng.standard_normal((9, 8, 3, 3))
s, Ws, bs = rng.standard_normal((2, 4, 9)), rng.standard_normal((6, 2, 3)), rng.standard_normal(6)

PLAIN = [
    case(x, W, b, name="plain"),
    case(x, W, name="no bias", order=3),
    case(x, W, b, name="stride 2", stride=2),
    case(x, W, b, name="pad 1", pad=1),
    case(x, W, b, name="stride and pad of two sizes", stride=(2, 1), pad=(1, 2)),
    case(x, W, b, name="stride larger than the kernel", stride=(3, 4)),
    case(x, W, b, name="pad larger than the kernel", pad=(3, 4)),
    case(np.zeros((0, 3, 5, 6)), W, b, name="no images"),
]
DILATED = [
    case(x, W33, name="dilation 2", dilation=2),
    case(x, W, b, name="dilation of two sizes", dilation=(3, 2), pad=(1, 0), stride=(1, 2)),
    case(x, W, b, name="dilation and stride", dilation=(1, 2), stride=2, pad=2),
]
GROUPED = [
    case(x4, rng.standard_normal((6, 2, 2, 3)), rng.standard_normal(6), name="2 groups", groups=2),
    case(x4, rng.standard_normal((2, 2, 2, 2)), name="2 groups of one filter", groups=2, stride=2),
    case(x4, rng.standard_normal((4, 1, 3, 2)), rng.standard_normal(4), name="depthwise", groups=4, pad=1),
    case(x, rng.standard_normal((6, 1, 2, 2)), name="depthwise, two filters each", groups=3, stride=(2, 1)),
    case(x, rng.standard_normal((3, 1, 3, 3)), name="depthwise, order 3", order=3, groups=3),
    case(x, rng.standard_normal((3, 1, 2, 2)), name="depthwise, dilated", groups=3, dilation=(2, 3), pad=(0, 1)),
    case(x4[:, :2], rng.standard_normal((6, 1, 2, 2)), name="two channels, three filters each", groups=2),
]
NAMED = [
    case(x, W, b, name="valid", pad="valid", stride=2),
    case(x, W33, name="same", pad="same"),
    case(x, W, b, name="same, an even kernel", pad="same"),
    case(x4, rng.standard_normal((2, 4, 2, 4)), name="same, twice an even kernel", pad="same"),
    case(x, W33, name="same, stride 2", pad="same", stride=2),
    case(x, W33, name="same, stride of two sizes", pad="same", stride=(3, 2)),
    case(x, W, b, name="same, dilated", pad="same", dilation=(3, 2)),
    case(x, W1, b, name="same, stride larger than the kernel", pad="same", stride=4),
]
CONV2D = [
    *PLAIN,
    case(x, W1, b, name="1x1"),
    case(x, W1, b, name="1x1 stride 2", stride=2),
    case(x[:, :, :2, :3], W, b, name="one window"),
    *DILATED,
    *GROUPED,
    *NAMED,
]
CONV1D = [
    case(s, rng.standard_normal((3, 4, 2)), rng.standard_normal(3), name="plain"),
    case(s, rng.standard_normal((3, 4, 2)), name="no bias", order=3),
    case(s, Ws, bs, name="every option", stride=2, pad=1, dilation=3, groups=2),
    case(s, rng.standard_normal((8, 1, 3)), name="depthwise, two filters each", groups=4, pad=2),
    case(s, Ws, bs, name="same", pad="same", groups=2),
    case(s, rng.standard_normal((2, 4, 4)), name="same, stride 2", pad="same", stride=2),
    case(s, rng.standard_normal((2, 4, 9)), name="one window", pad="valid"),
    case(np.zeros((0, 4, 9)), Ws, bs, name="no images", groups=2),
]
DECONV2D = [
    case(x, W_up, b_up, name="plain"),
    case(x, W_up, name="no bias", order=3, stride=2),
    case(x, W_up, b_up, name="stride 2", stride=2),
    case(x, W_up, b_up, name="stride and pad of two sizes", stride=(2, 3), pad=(1, 2)),
    case(x, W_up, b_up, name="stride larger than the kernel", stride=(4, 3)),
    case(x, W_up, b_up, name="pad of two sizes", pad=(2, 1)),
    case(x, W_up, b_up, name="outsize one larger", stride=(2, 3), outsize=(12, 19)),
    case(x, W_up, b_up, name="output_pad", stride=(2, 3), output_pad=(1, 2)),
    case(x, W_up, b_up, name="output_pad and pad", stride=2, pad=1, output_pad=(0, 1)),
    case(x_large, W_large, name="many channels", stride=2, pad=1),
    case(x_large, W_large, name="many channels, stride 1", pad=1),
    case(np.zeros((0, 3, 5, 6)), W_up, b_up, name="no images", stride=2),
    case(x, W_up, b_up, name="dilation 2", dilation=2),
    case(x, W_up, b_up, name="dilation, stride and pad", dilation=(1, 3), stride=2, pad=(1, 2)),
    case(x4, rng.standard_normal((4, 3, 2, 2)), rng.standard_normal(6), name="2 groups", groups=2, stride=2),
    case(x4, rng.standard_normal((4, 1, 3, 3)), rng.standard_normal(4), name="depthwise", groups=4, pad=1),
    case(x4, rng.standard_normal((4, 1, 3, 2)), name="depthwise, stride 2", groups=4, stride=2, pad=1, output_pad=1),
    case(x4, rng.standard_normal((4, 1, 3, 2)), name="depthwise, pad larger than the kernel", groups=4, pad=(1, 2)),
    case(x, rng.standard_normal((3, 2, 2, 2)), name="depthwise, two filters each", groups=3, dilation=2),
]
DECONV1D = [
    case(s, rng.standard_normal((4, 2, 3)), rng.standard_normal(2), name="plain"),
    case(s, rng.standard_normal((4, 2, 3)), rng.standard_normal(4), name="groups, stride 2", stride=2, groups=2, pad=1),
    case(s, rng.standard_normal((4, 1, 3)), name="outsize", stride=3, outsize=28, dilation=1),
    case(s, rng.standard_normal((4, 1, 3)), name="output_pad", stride=3, output_pad=2, dilation=2),
    case(s, rng.standard_normal((4, 1, 2)), name="depthwise", groups=4, order=3),
]
IM2COL = [
    case(x, kernel_size=2),
    case(x, kernel_size=(2, 3), stride=(1, 2), pad=(1, 0)),
    case(x, kernel_size=(3, 2), stride=2, pad=1, to_matrix=False),
    case(x, kernel_size=(2, 3), dilation=(3, 2), pad=1),
    case(x, kernel_size=2, dilation=2, stride=(1, 3), to_matrix=False),
    case(np.zeros((0, 2, 3, 3)), kernel_size=2, no_torch="PyTorch unfolds no batch of none"),
]
c6, c24 = rng.standard_normal((6, 4)), rng.standard_normal((2, 1, 2, 3, 2, 4))
COL2IM = [
    case(c6, input_shape=(1, 1, 4, 3), kernel_size=2),
    case(c24, input_shape=(2, 1, 5, 4), kernel_size=(2, 3), stride=(2, 1), pad=(0, 1), to_matrix=False),
    case(c6, input_shape=(1, 1, 4, 5), kernel_size=2, dilation=(1, 3)),
    case(c6, input_shape=(1, 1, 5, 3), kernel_size=2, dilation=(2, 1)),
    case(np.zeros((0, 4)), input_shape=(0, 1, 4, 3), kernel_size=2, no_torch="PyTorch folds no batch of none"),
]


def on_arrays(f):
    """Calls what takes and gives arrays."""
    return lambda x, *args, **kwargs: Variable(f(x.data, *args, **kwargs), requires_grad=False)


def values(cases):
    """The same cases under the names of arguments that the helpers on arrays have, none of them left out."""
    for c in cases:
        kwargs = {"stride": 1, "pad": 0, **c.kwargs}
        if "input_shape" in kwargs:
            kwargs["img_shape"] = kwargs.pop("input_shape")
        yield edge(*c.xs, **kwargs, no_torch=c.no_torch)


def of_shape(f, name):
    """``f``, with the name that the shape of the images has elsewhere."""
    return lambda col, **kwargs: f(col, kwargs.pop(name), **kwargs)


ON_ARRAYS = "Works on arrays; im2col and col2im are the functions of Variables."

ROWS = [
    Row("conv2d", conv, torch_conv, CONV2D),
    Row("conv2d_simple", conv, torch_conv, PLAIN[:-1]),
    Row("conv1d", conv, torch_conv, CONV1D),
    Row("deconv2d", deconv, torch_deconv, DECONV2D),
    Row("deconv1d", deconv, torch_deconv, DECONV1D),
    Row("im2col", im2col, torch_im2col, IM2COL),
    Row("col2im", of_shape(col2im, "input_shape"), of_shape(torch_col2im, "input_shape"), COL2IM),
    Row(
        "im2col_array",
        im2col,
        torch_im2col,
        list(values(IM2COL)),
        order=0,
        why=ON_ARRAYS,
        call=on_arrays(F.im2col_array),
    ),
    Row(
        "col2im_array",
        of_shape(col2im, "img_shape"),
        of_shape(torch_col2im, "img_shape"),
        list(values(COL2IM)),
        order=0,
        why=ON_ARRAYS,
        call=on_arrays(F.col2im_array),
    ),
]
