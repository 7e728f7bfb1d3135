from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable
from dezero import functions as F
from dezero.core import grad
from dezero.cuda import as_numpy
from dezero.functions import conv as conv_module
from dezero.testing import check_grads
from registry.conv import conv, conv_weight, deconv

rng = np.random.default_rng(0)
x = rng.standard_normal((2, 3, 5, 6))
W, b = rng.standard_normal((4, 3, 2, 3)), rng.standard_normal(4)
W_up, b_up = rng.standard_normal((3, 2, 3, 2)), rng.standard_normal(2)
W_each, b_each = rng.standard_normal((6, 1, 2, 3)), rng.standard_normal(6)
s, W_s = rng.standard_normal((2, 3, 7)), rng.standard_normal((3, 3, 2))

WAYS = [
    pytest.param(W, {}, id="plain"),
    pytest.param(W, {"stride": 2, "pad": (1, 2)}, id="stride and pad"),
    pytest.param(W, {"dilation": (2, 1), "pad": 1}, id="dilated"),
    pytest.param(W_each, {"groups": 3}, id="depthwise"),
    pytest.param(W_each, {"groups": 3, "stride": (1, 2), "pad": 2, "dilation": 2}, id="depthwise, every option"),
]


# ---- the second derivative, through the weight gradient


@pytest.mark.parametrize("filters, how", WAYS)
def test_second_derivative_of_conv2d_through_the_weight_gradient_is_made_of_convolutions(filters, how):
    """y is bilinear in x and W: the gradient of <gW, ggW> by x is deconv2d(gy, ggW), by gy it is conv2d(x, ggW)."""
    vx, vW = Variable(x), Variable(filters)
    y = F.conv2d(vx, vW, **how)
    gy, ggW = Variable(rng.standard_normal(y.shape)), rng.standard_normal(filters.shape)
    gW = grad(y, vW, gy, create_graph=True)
    gx, ggy = grad((gW * ggW).sum(), [vx, gy])
    np.testing.assert_allclose(gW.data, conv_weight(x, gy.data, filters.shape[2:], **how), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(gx.data, deconv(gy.data, ggW, outsize=(5, 6), **how), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ggy.data, conv(x, ggW, **how), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("filters, how", WAYS)
def test_second_derivative_of_deconv2d_through_the_weight_gradient_is_made_of_convolutions(filters, how):
    """The gradient of <gW, ggW> by x is conv2d(gy, ggW), by gy it is deconv2d(x, ggW)."""
    vx = Variable(rng.standard_normal((2, len(filters), 4, 5)))
    vW = Variable(filters)
    y = F.deconv2d(vx, vW, **how)
    gy, ggW = Variable(rng.standard_normal(y.shape)), rng.standard_normal(filters.shape)
    gW = grad(y, vW, gy, create_graph=True)
    gx, ggy = grad((gW * ggW).sum(), [vx, gy])
    np.testing.assert_allclose(gW.data, conv_weight(gy.data, vx.data, filters.shape[2:], **how), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(gx.data, conv(gy.data, ggW, **how), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ggy.data, deconv(vx.data, ggW, **how), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("f, filters", [(F.conv2d, W), (F.deconv2d, W_up)])
def test_fourth_derivative_of_a_squared_convolution(f, filters):
    check_grads(lambda x, W: f(x, W, stride=2) ** 2, x[:1, :, :3, :3], filters, order=4, rtol=1e-5)


@pytest.mark.parametrize("f", [F.conv2d, F.deconv2d])
def test_third_derivative_of_a_squared_depthwise_convolution(f):
    W = rng.standard_normal((3, 1, 2, 2))
    check_grads(lambda x, W: f(x, W, groups=3, dilation=(1, 2)) ** 2, x[:1, :, :3, :3], W, order=3, rtol=1e-5)


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

    filters = Variable(W)
    y = F.conv2d(x, filters, Variable(b))
    monkeypatch.setattr(conv_module.kernels, "deconv2d", refuse)
    y.backward(create_graph=create_graph)
    assert filters.grad.shape == W.shape


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
    np.testing.assert_allclose(y.data, conv(x, W, b, 2, 1), rtol=1e-10, atol=1e-12)


def test_conv2d_takes_integer_images():
    image = rng.integers(0, 256, (1, 3, 5, 5)).astype(np.uint8)
    y = F.conv2d(image, W.astype(np.float32))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.data, conv(image, W), rtol=1e-4)


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
    np.testing.assert_allclose(v.grad.data, deconv(np.ones((2, 4, 4, 4)), W), rtol=1e-10, atol=1e-12)
    v.grad.data += 1
    vW.grad.data += 1


def test_deconv2d_takes_a_dilated_conv2d_back_too():
    for size in (9, 10, 11):
        y = F.conv2d(np.ones((1, 3, size, size)), np.ones((2, 3, 3, 3)), stride=3, dilation=2)
        assert F.deconv2d(y, np.ones((2, 3, 3, 3)), stride=3, dilation=2, outsize=size).shape == (1, 3, size, size)


def test_a_size_that_is_asked_for_may_be_more_than_nothing():
    """With stride 3 an image of one pixel has one window, pad or no pad; the smallest such image has none."""
    y = F.conv2d(np.ones((1, 1, 1, 1)), np.ones((1, 1, 1, 1)), stride=3, pad=1)
    assert F.deconv2d(y, np.ones((1, 1, 1, 1)), stride=3, pad=1, outsize=1).shape == (1, 1, 1, 1)


def test_a_result_may_be_cut_down_to_one_pixel():
    assert F.deconv2d(x, W_up, pad=3).shape == (2, 2, 1, 1)


def test_an_op_by_itself_has_the_defaults_of_its_function():
    stride, pad = (1, 2), (1, 0)
    y = conv_module.Conv2d(stride, pad)(x, W)
    assert np.array_equal(y.data, F.conv2d(x, W, None, stride, pad).data)
    up = conv_module.Deconv2d(stride, pad, (5, 12))(x, W_up)
    assert np.array_equal(up.data, F.deconv2d(x, W_up, None, stride, pad).data)
    gW = conv_module.Conv2dGradW((2, 3), stride, pad)(x, y)
    np.testing.assert_allclose(gW.data, conv_weight(x, y.data, (2, 3), stride, pad), rtol=1e-10, atol=1e-12)
    col = conv_module.Im2col((2, 3), stride, pad, True)(x)
    assert np.array_equal(col.data, F.im2col(x, (2, 3), stride, pad).data)
    back = conv_module.Col2im(x.shape, (2, 3), stride, pad, True)(col)
    assert np.array_equal(back.data, F.col2im(col, x.shape, (2, 3), stride, pad).data)


def test_output_pad_is_another_way_to_say_outsize():
    by_size = F.deconv2d(x, W_up, stride=(2, 3), outsize=(12, 19))
    by_more = F.deconv2d(x, W_up, stride=(2, 3), output_pad=(1, 2))
    assert np.array_equal(by_size.data, by_more.data)
    assert F.deconv2d(x, W_up, stride=3, output_pad=1).shape == (2, 2, 16, 18)


def test_groups_are_convolutions_beside_each_other():
    x, W, b = rng.standard_normal((2, 6, 5, 5)), rng.standard_normal((9, 2, 3, 3)), rng.standard_normal(9)
    y = F.conv2d(x, W, b, groups=3)
    for g in range(3):
        ins, outs = slice(2 * g, 2 * g + 2), slice(3 * g, 3 * g + 3)
        np.testing.assert_allclose(y.data[:, outs], conv(x[:, ins], W[outs], b[outs]), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("size", [5, 6, 7, 8])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
def test_same_makes_as_many_windows_as_there_are_strides(size, stride, kernel):
    y = F.conv2d(np.ones((1, 1, size, 6)), np.ones((1, 1, kernel, 2)), stride=stride, pad="same")
    assert y.shape[2:] == (-(-size // stride), -(-6 // stride))


def test_an_odd_zero_of_same_goes_below_and_to_the_right():
    y = F.conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), pad="same")
    assert y.data[0, 0].tolist() == [[4, 4, 2], [4, 4, 2], [2, 2, 1]]


def test_conv1d_keeps_the_dtype_of_integers_times_floats():
    y = F.conv1d(np.arange(6).reshape(1, 1, 6), np.ones((1, 1, 2)))
    assert y.data.tolist() == [[[1, 3, 5, 7, 9]]]
    assert y.dtype == np.float64


# ---- errors


@pytest.mark.parametrize(
    "call, error, message",
    [
        (
            lambda: F.conv2d(x, W, dilation=5),
            ValueError,
            r"conv2d: kernel \(2, 3\) with dilation \(5, 5\) is larger than the padded image \(5, 6\)",
        ),
        (lambda: F.conv2d(x, W, dilation=0), ValueError, "conv2d: dilation must be an integer from 1 on.* got 0"),
        (
            lambda: F.conv2d(x, W, pad="full"),
            ValueError,
            """conv2d: pad must be an integer, two of them, "same" or "valid", got 'full'""",
        ),
        (
            lambda: F.deconv2d(x, W_up, pad="same"),
            ValueError,
            "deconv2d: pad must be an integer from 0 on.* got 'same'",
        ),
        (
            lambda: F.conv2d(x, W[:3, :1], groups=2),
            ValueError,
            r"conv2d: groups 2 does not divide the 3 OC of W \(3, 1, 2, 3\)",
        ),
        (
            lambda: F.deconv2d(x, W_up, groups=2),
            ValueError,
            r"deconv2d: groups 2 does not divide the 3 C of W \(3, 2, 3, 2\)",
        ),
        (lambda: F.conv2d(x, W, groups=0), ValueError, "conv2d: groups must be an integer from 1 on, got 0"),
        (
            lambda: F.conv2d(x, W, groups=2),
            ValueError,
            r"conv2d: x has 3 channels but W wants 6 \(x \(2, 3, 5, 6\), W \(4, 3, 2, 3\), groups 2\)",
        ),
        (
            lambda: F.deconv2d(x, W_up, stride=2, outsize=12, output_pad=1),
            ValueError,
            "deconv2d: outsize 12 and output_pad 1 say the same thing. Give one of them.",
        ),
        (
            lambda: F.deconv2d(x, W_up, stride=(2, 1), output_pad=1),
            ValueError,
            r"deconv2d: output_pad must be below the stride \(2, 1\), got 1",
        ),
        (lambda: F.deconv2d(x, W_up, output_pad=-1), ValueError, "deconv2d: output_pad must be an integer from 0 on"),
        (lambda: F.conv1d(x, W), ValueError, r"conv1d: x \(N, C, L\) is wanted, got shape \(2, 3, 5, 6\)"),
        (lambda: F.conv1d(s, W), ValueError, r"conv1d: W \(OC, C, K\) is wanted, got shape \(4, 3, 2, 3\)"),
        (
            lambda: F.conv1d(s, W_s, stride=(1, 2)),
            ValueError,
            r"conv1d: stride must be an integer from 1 on, got \(1, 2",
        ),
        (lambda: F.conv1d(s, W_s, pad=-1), ValueError, "conv1d: pad must be an integer from 0 on, got -1"),
        (lambda: F.conv1d(s, W_s, dilation=7), ValueError, "conv1d: kernel .* is larger than the padded image"),
        (lambda: F.conv1d(s, W_s, stride=0), ValueError, "conv1d: stride must be an integer from 1 on, got 0"),
        (lambda: F.conv1d(s, W_s, dilation=0), ValueError, "conv1d: dilation must be an integer from 1 on, got 0"),
        (lambda: F.conv1d(s, W_s, groups=0), ValueError, "conv1d: groups must be an integer from 1 on, got 0"),
        (lambda: F.conv1d(s[:, :2], W_s), ValueError, "conv1d: x has 2 channels but W wants 3"),
        (lambda: F.conv1d(s, W[:, :, 0, 0]), ValueError, r"conv1d: W \(OC, C, K\) is wanted, got shape \(4, 3\)"),
        (lambda: F.deconv1d(s, W_s, stride=0), ValueError, "deconv1d: stride must be an integer from 1 on, got 0"),
        (lambda: F.deconv1d(s, W_s, dilation=0), ValueError, "deconv1d: dilation must be an integer from 1 on, got 0"),
        (lambda: F.deconv1d(s, W_s, pad=-1), ValueError, "deconv1d: pad must be an integer from 0 on, got -1"),
        (lambda: F.deconv1d(s, W_s, output_pad=-1), ValueError, "deconv1d: output_pad must be an .* 0 on, got -1"),
        (lambda: F.deconv1d(s, W_s, outsize=0), ValueError, "deconv1d: outsize must be an integer from 1 on, got 0"),
        (lambda: F.deconv1d(s, W_s, groups=0), ValueError, "deconv1d: groups must be an integer from 1 on, got 0"),
        (lambda: F.deconv1d(s, W_s[:2]), ValueError, "deconv1d: x has 3 channels but W wants 2"),
        (
            lambda: F.deconv2d(x, W_up, stride=(1, 2), output_pad=1),
            ValueError,
            r"deconv2d: output_pad must be below the stride \(1, 2\), got 1",
        ),
        (
            lambda: F.deconv2d(x, W_up, stride=(3, 2), output_pad=(0, 3)),
            ValueError,
            r"deconv2d: output_pad must be below the stride \(3, 2\), got \(0, 3\)",
        ),
        (
            lambda: F.deconv2d(x, W_up, stride=(2, 3), output_pad=(3, 0)),
            ValueError,
            r"deconv2d: output_pad must be below the stride \(2, 3\), got \(3, 0\)",
        ),
        (
            lambda: F.deconv2d(x, W_up, stride=2, outsize=(11, 14), output_pad=(0, 1)),
            ValueError,
            r"deconv2d: outsize \(11, 14\) and output_pad \(0, 1\) say the same thing",
        ),
        (lambda: F.deconv2d(x, W_up[:, :, :2], pad=(3, 0)), ValueError, r"deconv2d: pad \(3, 0\) leaves nothing"),
        (lambda: F.deconv2d(x, W_up[..., :1], pad=(0, 3)), ValueError, r"deconv2d: pad \(0, 3\) leaves nothing"),
        (lambda: F.deconv2d(x, W_up, outsize=(6, 7)), ValueError, r"outsize must be from \(7, 7\) to \(7, 7\)"),
        (lambda: F.deconv2d(x, W_up, outsize=(7, 6)), ValueError, r"outsize must be from \(7, 7\) to \(7, 7\)"),
        (lambda: F.deconv2d(x, W_up, outsize=(8, 7)), ValueError, r"outsize must be from \(7, 7\) to \(7, 7\)"),
        (lambda: F.deconv1d(x, W), ValueError, r"deconv1d: x \(N, C, L\) is wanted"),
        (lambda: F.deconv1d(s, W), ValueError, r"deconv1d: W \(C, OC, K\) is wanted"),
        (lambda: F.deconv1d(s, W_s, outsize=(1, 8)), ValueError, "deconv1d: outsize must be an integer from 1 on, got"),
        (
            lambda: F.deconv1d(s, W_s, outsize=9),
            ValueError,
            r"deconv1d: outsize must be from \(1, 8\) to \(1, 8\), got",
        ),
        (
            lambda: F.deconv1d(s, W_s, output_pad=1),
            ValueError,
            r"deconv1d: output_pad must be below the stride \(1, 1\)",
        ),
        (lambda: F.im2col(x, 2, dilation=6), ValueError, r"im2col: kernel \(2, 2\) with dilation \(6, 6\) is larger"),
        (lambda: F.col2im(np.ones((4, 4)), (1, 1, 3, 3), 2, dilation=0), ValueError, "col2im: dilation must be"),
        (lambda: F.conv2d(x[0], W), ValueError, r"conv2d: x \(N, C, H, W\) is wanted, got shape \(3, 5, 6\)"),
        (lambda: F.conv2d(x, W[0]), ValueError, r"conv2d: W \(OC, C, KH, KW\) is wanted, got shape \(3, 2, 3\)"),
        (lambda: F.deconv2d(x, W_up[0]), ValueError, r"deconv2d: W \(C, OC, KH, KW\) is wanted, got shape \(2, 3, 2\)"),
        (
            lambda: F.conv2d(x[:, :2], W),
            ValueError,
            r"conv2d: x has 2 channels but W wants 3 \(x \(2, 2, 5, 6\), W \(4, 3, 2, 3\)\)\.$",
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
        (lambda: F.conv2d(x[None], W), ValueError, r"conv2d: x \(N, C, H, W\) is wanted, got shape \(1, 2, 3, 5, 6\)"),
        (
            lambda: F.conv2d(x, W[None]),
            ValueError,
            r"conv2d: W \(OC, C, KH, KW\) is wanted, got shape \(1, 4, 3, 2, 3\)",
        ),
        (lambda: F.conv2d(x, W[:, :2]), ValueError, "conv2d: x has 3 channels but W wants 2"),
        (
            lambda: F.conv2d(x, W[:2], b),
            ValueError,
            r"conv2d: b has shape \(4,\), but W \(2, 3, 2, 3\) gives 2 channels",
        ),
        (lambda: F.conv2d(x, W, b[:, None]), ValueError, r"conv2d: b has shape \(4, 1\)"),
        (
            lambda: F.col2im(np.ones((4, 4)), (1, 1, 1, 3, 3), 2),
            ValueError,
            r"col2im: input_shape \(N, C, H, W\) is wanted, got \(1, 1, 1, 3, 3\)",
        ),
        (lambda: F.col2im(np.ones((4, 3)), (1, 1, 3, 3), 2), ValueError, r"windows \(4, 4\), got x \(4, 3\)"),
        (lambda: F.conv2d(x[..., :2], W), ValueError, r"conv2d: kernel \(2, 3\) is larger .* image \(5, 2\)"),
        (lambda: F.conv2d(x, W, pad=(0, -1)), ValueError, r"conv2d: pad must be .* got \(0, -1\)"),
        (lambda: F.conv2d(x, W, stride=(0, 1)), ValueError, r"conv2d: stride must be .* got \(0, 1\)"),
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
        (
            lambda: F.im2col(x, (9, 3), pad=(1, 2)),
            ValueError,
            r"larger than the padded image \(7, 10\) \(x \(2, 3, 5, 6\)",
        ),
        (
            lambda: F.im2col(x, (3, 11), pad=(2, 1)),
            ValueError,
            r"larger than the padded image \(9, 8\) .*, pad \(2, 1\)",
        ),
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
