from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable
from dezero import functions as F
from dezero.core import grad
from dezero.cuda import as_numpy
from dezero.functions import conv as conv_module
from dezero.testing import check_grads
from ops import Op, check_derivatives, check_dtype, check_gradients_on_device, check_value, each

rng = np.random.default_rng(0)


def both(value):
    return value if isinstance(value, tuple) else (value, value)


def naive_conv2d(x, W, b=None, stride=1, pad=0):
    """One window, one filter at a time."""
    (SH, SW), (PH, PW) = both(stride), both(pad)
    (N, C, H, Wd), (OC, _, KH, KW) = x.shape, W.shape
    around = np.zeros((N, C, H + 2 * PH, Wd + 2 * PW))
    around[:, :, PH : PH + H, PW : PW + Wd] = x
    y = np.zeros((N, OC, (H + 2 * PH - KH) // SH + 1, (Wd + 2 * PW - KW) // SW + 1))
    for n, o, i, j in np.ndindex(*y.shape):
        window = around[n, :, i * SH : i * SH + KH, j * SW : j * SW + KW]
        y[n, o, i, j] = (window * W[o]).sum() + (0 if b is None else b[o])
    return y


def naive_deconv2d(x, W, b=None, stride=1, pad=0, outsize=None):
    """One pixel at a time puts its filters down."""
    (SH, SW), (PH, PW) = both(stride), both(pad)
    (N, _, H, Wd), (_, OC, KH, KW) = x.shape, W.shape
    OH, OW = both(outsize) if outsize else (SH * (H - 1) + KH - 2 * PH, SW * (Wd - 1) + KW - 2 * PW)
    y = np.zeros((N, OC, OH + 2 * PH, OW + 2 * PW))
    for n, c, i, j in np.ndindex(*x.shape):
        y[n, :, i * SH : i * SH + KH, j * SW : j * SW + KW] += x[n, c, i, j] * W[c]
    return y[:, :, PH : PH + OH, PW : PW + OW] + (0 if b is None else b.reshape(1, -1, 1, 1))


def naive_im2col(x, kernel, stride=1, pad=0):
    """(N, C, KH, KW, OH, OW), by convolving with filters that pick one pixel."""
    KH, KW = both(kernel)
    N, C = x.shape[:2]
    pick = np.eye(C * KH * KW).reshape(-1, C, KH, KW)
    y = naive_conv2d(x, pick, None, stride, pad)
    return y.reshape(N, C, KH, KW, *y.shape[2:])


def as_matrix(col):
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(-1, col.shape[1] * col.shape[2] * col.shape[3])


x = rng.standard_normal((2, 3, 5, 6))
W, b = rng.standard_normal((4, 3, 2, 3)), rng.standard_normal(4)
W1 = rng.standard_normal((4, 3, 1, 1))
W_up, b_up = rng.standard_normal((3, 2, 3, 2)), rng.standard_normal(2)
x_large, W_large = rng.standard_normal((2, 9, 5, 5)), rng.standard_normal((9, 8, 3, 3))

WAYS = {
    "plain": {},
    "stride 2": {"stride": 2},
    "pad 1": {"pad": 1},
    "stride and pad of two sizes": {"stride": (2, 1), "pad": (1, 2)},
    "stride larger than the kernel": {"stride": (3, 4)},
    "pad larger than the kernel": {"pad": (3, 4)},
}
CONVS = [
    Op(f"{f.__name__} {name}", lambda *a, f=f, h=how: f(*a, **h), (x, W, b), lambda *a, h=how: naive_conv2d(*a, **h))
    for f in (F.conv2d, F.conv2d_simple)
    for name, how in WAYS.items()
]
DECONVS = [
    Op(f"deconv2d {name}", lambda *a, h=how: F.deconv2d(*a, **h), xs, lambda *a, h=how: naive_deconv2d(*a, **h))
    for name, how, xs in [
        ("plain", {}, (x, W_up, b_up)),
        ("stride 2", {"stride": 2}, (x, W_up, b_up)),
        ("stride and pad of two sizes", {"stride": (2, 3), "pad": (1, 2)}, (x, W_up, b_up)),
        ("stride larger than the kernel", {"stride": (4, 3)}, (x, W_up, b_up)),
        ("pad 1", {"pad": (2, 1)}, (x, W_up, b_up)),
        ("outsize one larger", {"stride": (2, 3), "outsize": (12, 19)}, (x, W_up, b_up)),
        ("no bias", {"stride": 2}, (x, W_up)),
        ("of many channels", {"stride": 2, "pad": 1}, (x_large, W_large)),
        ("of many channels, stride 1", {"pad": 1}, (x_large, W_large)),
    ]
]
WINDOWS = [
    Op("im2col", lambda x: F.im2col(x, 2), (x,), lambda x: as_matrix(naive_im2col(x, 2))),
    Op(
        "im2col of two sizes",
        lambda x: F.im2col(x, (2, 3), (1, 2), (1, 0)),
        (x,),
        lambda x: as_matrix(naive_im2col(x, (2, 3), (1, 2), (1, 0))),
    ),
    Op(
        "im2col not as a matrix",
        lambda x: F.im2col(x, (3, 2), 2, 1, to_matrix=False),
        (x,),
        lambda x: naive_im2col(x, (3, 2), 2, 1),
    ),
    Op(
        "col2im",
        lambda c: F.col2im(c, (1, 1, 4, 3), 2),
        (rng.standard_normal((6, 4)),),
        lambda c: naive_deconv2d(c.T.reshape(1, 4, 3, 2), np.eye(4).reshape(4, 1, 2, 2)),
    ),
    Op(
        "col2im not from a matrix",
        lambda c: F.col2im(c, (2, 1, 5, 4), (2, 3), (2, 1), (0, 1), to_matrix=False),
        (rng.standard_normal((2, 1, 2, 3, 2, 4)),),
        lambda c: naive_deconv2d(c.reshape(2, 6, 2, 4), np.eye(6).reshape(6, 1, 2, 3), None, (2, 1), (0, 1), (5, 4)),
    ),
]
OPS = [
    *CONVS,
    Op("conv2d without a bias", F.conv2d, (x, W), naive_conv2d, 3),
    Op("conv2d_simple without a bias", F.conv2d_simple, (x, W), naive_conv2d),
    Op("conv2d 1x1", F.conv2d, (x, W1, b), naive_conv2d),
    Op("conv2d 1x1 stride 2", lambda *a: F.conv2d(*a, stride=2), (x, W1, b), lambda *a: naive_conv2d(*a, stride=2)),
    Op("conv2d of one pixel", F.conv2d, (x[:, :, :2, :3], W, b), naive_conv2d),
    *DECONVS,
    *WINDOWS,
]


@each(OPS)
def test_value_is_that_of_plain_loops(op, xp):
    check_value(op, xp)


@each(OPS)
def test_derivatives_match_finite_differences(op):
    check_derivatives(op)


@each(OPS)
def test_gradients_stay_on_the_device(op, xp):
    check_gradients_on_device(op, xp)


@each(OPS)
def test_float32_stays_float32(op, xp):
    check_dtype(op, xp, (np.float16, np.float32, np.float64))


# ---- the second derivative, through the weight gradient


def test_second_derivative_of_conv2d_by_the_weights_is_made_of_convolutions():
    """y is bilinear in x and W: the gradient of <gW, ggW> by x is deconv2d(gy, ggW), by gy it is conv2d(x, ggW)."""
    vx, vW, gy = Variable(x), Variable(W), Variable(rng.standard_normal((2, 4, 4, 4)))
    ggW = rng.standard_normal(W.shape)
    gW = grad(F.conv2d(vx, vW), vW, gy, create_graph=True)
    gx, ggy = grad((gW * ggW).sum(), [vx, gy])
    np.testing.assert_allclose(gx.data, naive_deconv2d(gy.data, ggW), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ggy.data, naive_conv2d(x, ggW), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("f, filters", [(F.conv2d, W), (F.deconv2d, W_up)])
def test_fourth_derivative_of_a_squared_convolution(f, filters):
    check_grads(lambda x, W: f(x, W, stride=2) ** 2, x[:1, :, :3, :3], filters, order=4, rtol=1e-5)


@pytest.mark.parametrize("f, filters, bias", [(F.conv2d, W, b), (F.deconv2d, W_up, b_up)])
def test_a_recorded_walk_gives_the_same_gradients(f, filters, bias):
    vs = [Variable(a) for a in (x, filters, bias)]
    y = f(*vs, stride=2, pad=1)
    plain = grad(y, vs)
    for g, h in zip(plain, grad(y, vs, create_graph=True)):
        np.testing.assert_allclose(g.data, h.data, rtol=1e-12, atol=1e-12)


# ---- nothing is computed that nobody asked for


@pytest.mark.parametrize("create_graph", [False, True])
def test_the_data_of_the_first_layer_gets_no_gradient(monkeypatch, create_graph):
    def refuse(*args):
        raise AssertionError("the gradient of the data was computed")

    y = F.conv2d(x, Variable(W), Variable(b))
    monkeypatch.setattr(conv_module.kernels, "deconv2d", refuse)
    y.backward(create_graph=create_graph)


@pytest.mark.parametrize("f, filters, bias", [(F.conv2d, W, b), (F.deconv2d, W_up, b_up)])
def test_frozen_filters_get_no_gradient(monkeypatch, f, filters, bias):
    def refuse(*args):
        raise AssertionError("the gradient of the filters was computed")

    monkeypatch.setattr(conv_module.kernels, "conv2d_weight", refuse)
    vx = Variable(x)
    f(vx, Variable(filters, requires_grad=False), Variable(bias, requires_grad=False)).backward()
    assert vx.grad.shape == x.shape


# ---- the edges


def test_conv2d_takes_arrays_and_sizes_of_any_integer_type():
    y = F.conv2d(x, W, b, stride=np.int64(2), pad=[1, np.int32(1)])
    np.testing.assert_allclose(y.data, naive_conv2d(x, W, b, 2, 1), rtol=1e-10, atol=1e-12)


def test_conv2d_takes_integer_images():
    image = rng.integers(0, 256, (1, 3, 5, 5)).astype(np.uint8)
    y = F.conv2d(image, W.astype(np.float32))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.data, naive_conv2d(image, W), rtol=1e-4)


def test_rows_at_the_end_that_no_window_reaches_get_no_gradient():
    v = Variable(np.ones((1, 1, 6, 7)))
    F.conv2d(v, np.ones((1, 1, 2, 2)), stride=(4, 3)).backward()
    seen = np.zeros((6, 7))
    for i in (0, 4):
        for j in (0, 3):
            seen[i : i + 2, j : j + 2] = 1
    assert np.array_equal(v.grad.data[0, 0], seen)


def test_deconv2d_takes_conv2d_back_to_the_size_of_its_image():
    for size in (7, 8):
        y = F.conv2d(np.ones((1, 3, size, size)), np.ones((2, 3, 3, 3)), stride=2, pad=1)
        assert F.deconv2d(y, np.ones((2, 3, 3, 3)), stride=2, pad=1, outsize=size).shape == (1, 3, size, size)


def test_gradients_from_an_expanded_array_do_not_disturb():
    """The gradient of a sum is a read-only view without a memory of its own."""
    v, vW = Variable(x), Variable(W)
    F.conv2d(v, vW).sum().backward()
    np.testing.assert_allclose(v.grad.data, naive_deconv2d(np.ones((2, 4, 4, 4)), W), rtol=1e-10, atol=1e-12)
    v.grad.data += 1
    vW.grad.data += 1


# ---- errors


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: F.conv2d(x[0], W), ValueError, r"conv2d: x \(N, C, H, W\) is wanted, got shape \(3, 5, 6\)"),
        (lambda: F.conv2d(x, W[0]), ValueError, r"conv2d: W \(OC, C, KH, KW\) is wanted, got shape \(3, 2, 3\)"),
        (lambda: F.deconv2d(x, W_up[0]), ValueError, r"deconv2d: W \(C, OC, KH, KW\) is wanted, got shape \(2, 3, 2\)"),
        (
            lambda: F.conv2d(x[:, :2], W),
            ValueError,
            r"conv2d: x has 2 channels but W wants 3 \(x \(2, 2, 5, 6\), W \(4,",
        ),
        (lambda: F.deconv2d(x, W), ValueError, r"deconv2d: x has 3 channels but W wants 4"),
        (
            lambda: F.conv2d(x, W, b[:3]),
            ValueError,
            r"conv2d: b has shape \(3,\), but W \(4, 3, 2, 3\) gives 4 channels",
        ),
        (
            lambda: F.deconv2d(x, W_up, b),
            ValueError,
            r"deconv2d: b has shape \(4,\), but W \(3, 2, 3, 2\) gives 2 chan",
        ),
        (
            lambda: F.conv2d(x[:, :, :1], W),
            ValueError,
            r"conv2d: kernel \(2, 3\) is larger than the padded image \(1, 6\)",
        ),
        (
            lambda: F.conv2d(x, W, stride=0),
            ValueError,
            "conv2d: stride must be an integer from 1 on, or two of them, got 0",
        ),
        (lambda: F.conv2d(x, W, stride=1.5), ValueError, "conv2d: stride must be an integer from 1 on.* got 1.5"),
        (
            lambda: F.conv2d(x, W, pad=-1),
            ValueError,
            "conv2d: pad must be an integer from 0 on, or two of them, got -1",
        ),
        (lambda: F.conv2d(x, W, pad=(1, 2, 3)), ValueError, r"conv2d: pad must be .* or two of them, got \(1, 2, 3\)"),
        (lambda: F.deconv2d(x, W_up, stride=()), ValueError, r"deconv2d: stride must be .* got \(\)"),
        (lambda: F.deconv2d(x, W_up, pad=4), ValueError, r"deconv2d: pad \(4, 4\) leaves nothing of the result"),
        (
            lambda: F.deconv2d(x, W_up, stride=2, outsize=(11, 14)),
            ValueError,
            r"deconv2d: outsize must be from \(11, 12\) to \(12, 13\), got \(11, 14\)",
        ),
        (lambda: F.deconv2d(x, W_up, outsize=8), ValueError, r"deconv2d: outsize must be from \(7, 7\) to \(7, 7\)"),
        (lambda: F.conv2d("image", W), TypeError, "conv2d works on Variables, arrays and numbers, got str"),
        (lambda: F.conv2d(x.astype(np.float16), W), TypeError, "conv2d: float16 and float64 do not meet silently"),
        (lambda: F.conv2d_simple(x, W[:, :2]), ValueError, "conv2d_simple: x has 3 channels but W wants 2"),
        (lambda: F.im2col(x[0], 2), ValueError, r"im2col: x \(N, C, H, W\) is wanted"),
        (lambda: F.im2col(x, 7), ValueError, r"im2col: kernel \(7, 7\) is larger than the padded image \(5, 6\)"),
        (lambda: F.im2col(x, 0), ValueError, "im2col: kernel_size must be an integer from 1 on"),
        (lambda: F.col2im(np.ones((4, 4)), (3, 3), 2), ValueError, r"col2im: input_shape \(N, C, H, W\) is wanted"),
        (
            lambda: F.col2im(np.ones((4, 5)), (1, 1, 3, 3), 2),
            ValueError,
            r"col2im: images \(1, 1, 3, 3\) have windows \(4, 4\), got x \(4, 5\)",
        ),
    ],
)
def test_errors_say_what_was_given_and_what_is_wanted(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---- another's word for it


@pytest.mark.parametrize("how", [{}, {"stride": 2, "padding": 1}, {"stride": (1, 3), "padding": (2, 0)}])
def test_first_and_second_derivatives_are_those_of_pytorch(how):
    torch = pytest.importorskip("torch")
    ours = {"stride": how.get("stride", 1), "pad": how.get("padding", 0)}
    for f, g, filters, bias in [
        (F.conv2d, torch.nn.functional.conv2d, W, b),
        (F.deconv2d, torch.nn.functional.conv_transpose2d, W_up, b_up),
    ]:
        vs = [Variable(a) for a in (x, filters, bias)]
        ts = [torch.tensor(a, requires_grad=True) for a in (x, filters, bias)]
        y, t = f(*vs, **ours) ** 3, g(*ts, **how) ** 3
        np.testing.assert_allclose(y.data, t.detach().numpy(), rtol=1e-9, atol=1e-9)
        first, t_first = grad(y, vs, create_graph=True), torch.autograd.grad(t.sum(), ts, create_graph=True)
        total = sum(((p * p).sum() for p in first[1:]), (first[0] * first[0]).sum())
        second, t_second = grad(total, vs), torch.autograd.grad(sum((p * p).sum() for p in t_first), ts)
        for p, q in zip([*first, *second], [*t_first, *t_second]):
            np.testing.assert_allclose(as_numpy(p), q.detach().numpy(), rtol=1e-8, atol=1e-8)
