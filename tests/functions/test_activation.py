from __future__ import annotations

import math
from decimal import Decimal, getcontext

import numpy as np
import pytest

from dezero import Variable, grad
from dezero import functions as F
from dezero.cuda import as_numpy

x = np.random.default_rng(0).standard_normal((3, 4))

ACTIVATIONS = {
    **{
        name: getattr(F, name) for name in "sigmoid logsigmoid softplus relu leaky_relu elu selu silu mish gelu".split()
    },
    "hard_sigmoid": F.hard_sigmoid,
    "hard_swish": F.hard_swish,
    "gelu tanh": lambda x: F.gelu(x, "tanh"),
    "softplus 3": lambda x: F.softplus(x, 3.0),
    "elu 0.5": lambda x: F.elu(x, 0.5),
    "prelu": lambda x: F.prelu(x, 0.25),
}
each = pytest.mark.parametrize("f", [pytest.param(f, id=name) for name, f in ACTIVATIONS.items()])

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
FAR_OUT = {  # at -1e4 and 1e4: the value and the slope
    "sigmoid": ([0, 1], [0, 0]),
    "logsigmoid": ([-1e4, 0], [1, 0]),
    "softplus": ([0, 1e4], [0, 1]),
    "softplus 3": ([0, 1e4], [0, 1]),
    "relu": ([0, 1e4], [0, 1]),
    "leaky_relu": ([-2e3, 1e4], [0.2, 1]),
    "prelu": ([-2.5e3, 1e4], [0.25, 1]),
    "elu": ([-1, 1e4], [0, 1]),
    "elu 0.5": ([-0.5, 1e4], [0, 1]),
    "selu": ([-SELU_ALPHA * SELU_SCALE, 1e4 * SELU_SCALE], [0, SELU_SCALE]),
    "silu": ([0, 1e4], [0, 1]),
    "mish": ([0, 1e4], [0, 1]),
    "gelu": ([0, 1e4], [0, 1]),
    "gelu tanh": ([0, 1e4], [0, 1]),
    "hard_sigmoid": ([0, 1], [0, 0]),
    "hard_swish": ([0, 1e4], [0, 1]),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_far_out_the_value_and_all_derivatives_are_right_without_a_warning(name, dtype, xp):
    v = Variable(xp.asarray(np.array([-1e4, 1e4], dtype)))
    y = ACTIVATIONS[name](v)
    plain = grad(y, v)
    first = grad(y, v, create_graph=True)
    second = grad(first, v, create_graph=True)
    third = grad(second, v)
    value, slope = FAR_OUT[name]
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(as_numpy(y).astype(float), value, rtol=2 * eps)
    for g in (plain, first):
        np.testing.assert_allclose(as_numpy(g).astype(float), slope, rtol=2 * eps, atol=2 * eps)
    assert as_numpy(second).tolist() == as_numpy(third).tolist() == [0.0, 0.0]
    assert y.dtype == plain.dtype == second.dtype == dtype


@each
def test_float16_is_as_good_as_half_precision_can_be(f):
    x = np.linspace(-12, 12, 401).astype(np.float16)
    half, double = Variable(x), Variable(x.astype(np.float64))
    y, expected = f(half), f(double)
    np.testing.assert_allclose(y.data, expected.data, rtol=4e-3, atol=2e-3)
    np.testing.assert_allclose(grad(y, half).data, grad(expected, double).data, rtol=1e-2, atol=6e-3)


@each
def test_float32_is_as_good_as_single_precision_can_be(f):
    x = np.linspace(-30, 30, 1001).astype(np.float32)
    single, double = Variable(x), Variable(x.astype(np.float64))
    y, expected = f(single), f(double)
    np.testing.assert_allclose(y.data, expected.data, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(grad(y, single).data, grad(expected, double).data, rtol=1e-6, atol=1e-6)


@each
def test_a_0d_input_keeps_its_dtype(f):
    for dtype in (np.float16, np.float32):
        v = Variable(np.array(0.5, dtype))
        y = f(v)
        y.backward()
        assert y.dtype == v.grad.dtype == dtype and y.shape == v.grad.shape == ()


@each
def test_integers_have_a_value_and_a_backward(f, xp):
    v, floats = (Variable(xp.asarray(np.array([-2, 0, 1, 2], dtype))) for dtype in (np.int64, np.float64))
    y, expected = f(v), f(floats)
    y.backward()
    expected.backward()
    np.testing.assert_allclose(as_numpy(y), as_numpy(expected), rtol=1e-15)
    np.testing.assert_allclose(as_numpy(v.grad), as_numpy(floats.grad), rtol=1e-15)


@each
def test_nan_stays_nan(f):
    assert np.isnan(f(np.array([np.nan])).data).all()


@each
def test_a_plain_walk_and_a_recorded_one_agree(f):
    v = Variable(x * 5)
    y = f(v)
    np.testing.assert_allclose(grad(y, v).data, grad(y, v, create_graph=True).data, rtol=1e-15, atol=1e-300)


@each
def test_no_gradient_shares_memory_with_data(f):
    v = Variable(x.copy())
    y = f(v)
    gy = Variable(np.ones_like(x))
    gx = grad(y, v, gy)
    assert not any(np.shares_memory(gx.data, other) for other in (v.data, y.data, gy.data))


def exactly(name, x):
    """In 60 digits, from the definition."""
    getcontext().prec = 60
    x = Decimal(float(x))
    e = x.exp()
    return {
        "sigmoid": e / (1 + e),
        "logsigmoid": (e / (1 + e)).ln(),
        "softplus": (1 + e).ln(),
        "silu": x * e / (1 + e),
        "mish": x * ((1 + e) ** 2 - 1) / ((1 + e) ** 2 + 1),
    }[name]


@pytest.mark.parametrize("name", ["sigmoid", "logsigmoid", "softplus", "silu", "mish"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_tails_keep_their_digits(name, dtype):
    x = np.array([-80.0, -40.0, -18.0, -1.0, -1e-3, 1e-3, 1.0, 18.0, 40.0], dtype)
    y = getattr(F, name)(x).data.astype(np.float64)
    expected = np.array([float(exactly(name, v)) for v in x])
    np.testing.assert_allclose(y, expected, rtol=4 * np.finfo(dtype).eps)


def test_gelu_by_tanh_is_close_to_gelu():
    points = np.linspace(-6, 6, 1001)
    off = np.abs(F.gelu(points, "tanh").data - F.gelu(points).data)
    assert 1e-4 < off.max() < 5e-4


def test_gelu_is_that_of_the_normal_distribution():
    points = np.linspace(-8, 8, 101)
    expected = [p * (1 + math.erf(p / math.sqrt(2))) / 2 for p in points]
    np.testing.assert_allclose(F.gelu(points).data, expected, rtol=1e-14, atol=1e-15)


def test_a_gated_activation_used_twice_keeps_each_gate_apart():
    f = F.GELU()
    a, b = Variable(np.array([1.0])), Variable(np.array([-2.0]))
    ya, yb = f(a), f(b)
    ya.backward()
    yb.backward()
    for v in (a, b):
        assert v.grad.item() == pytest.approx(grad(F.gelu(v), v).item(), rel=1e-15)


def test_sigmoid_and_softmax_stay_finite_for_large_inputs(xp):
    big = xp.asarray(np.array([[-1e4, 0.0, 1e4]]))
    assert as_numpy(F.sigmoid(big)).tolist() == [[0.0, 0.5, 1.0]]
    assert as_numpy(F.softmax(big)).tolist() == [[0.0, 0.0, 1.0]]
    assert as_numpy(F.log_softmax(big)).tolist() == [[-2e4, -1e4, 0.0]]


@pytest.mark.parametrize("f", [F.softmax, F.log_softmax])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_derivatives_of_softmax_stay_finite_for_large_inputs(f, dtype, xp):
    v = Variable(xp.asarray(np.array([[-1e4, 0.0, 1e4], [1e4, 1e4, -1e4]], dtype)))
    weights = Variable(xp.asarray(np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 2.0]], dtype)))
    first = grad(f(v), v, weights, create_graph=True)
    second = grad(first, v, weights)
    assert np.isfinite(as_numpy(first)).all() and np.isfinite(as_numpy(second)).all()
    assert first.dtype == second.dtype == dtype


@pytest.mark.parametrize("f", [F.softmax, F.log_softmax, F.softmax_simple])
def test_softmax_of_a_vector_is_that_of_one_row(f):
    v = np.array([0.5, -1.0, 2.0])
    expected = f(v[None]).data[0].tolist()
    assert f(v).data.tolist() == f(v, axis=0).data.tolist() == f(v, axis=-1).data.tolist() == expected


@pytest.mark.parametrize("f", [F.softmax, F.log_softmax])
def test_softmax_of_a_list_is_an_error(f):
    with pytest.raises(TypeError, match=f"{f.__name__} works on Variables, arrays and numbers, got list"):
        f([1.0, 2.0])


@pytest.mark.parametrize("f", [F.softmax, F.log_softmax])
def test_softmax_of_integers_is_that_of_floats_and_has_a_backward(f):
    v = Variable(np.array([[1, 2, 3]]))
    y = f(v)
    y.backward()
    assert y.data.tolist() == f(v.data.astype(float)).data.tolist() and v.grad.shape == (1, 3)


def test_masked_scores_of_minus_infinity_get_probability_zero():
    v = Variable(np.array([[0.0, -np.inf, 0.0]]))
    y = F.softmax(v)
    y.backward()
    assert y.data.tolist() == [[0.5, 0.0, 0.5]] and np.isfinite(v.grad.data).all()


def test_the_gradient_of_relu_at_zero_is_zero():
    x = Variable(np.array([-1.0, 0.0, 1.0]))
    F.relu(x).backward()
    assert x.grad.data.tolist() == [0.0, 0.0, 1.0]


def test_the_slope_of_hard_sigmoid_is_zero_on_the_bounds():
    x = Variable(np.array([-3.0, 0.0, 3.0]))
    y = F.hard_sigmoid(x)
    y.backward()
    assert y.data.tolist() == [0.0, 0.5, 1.0] and x.grad.data.tolist() == [0.0, 1 / 6, 0.0]


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (2, 3, 4, 5)])
def test_prelu_has_one_slope_for_each_channel_and_learns_it(shape, xp):
    W = np.array([0.1, 0.2, 0.3], np.float32)
    v, slopes = Variable(xp.asarray(np.full(shape, -2.0, np.float32))), Variable(xp.asarray(W))
    y = F.prelu(v, slopes)
    y.backward()
    per_channel = y.size // 3
    assert y.dtype == slopes.grad.dtype == np.float32
    np.testing.assert_allclose(as_numpy(slopes.grad), [-2.0 * per_channel] * 3)
    np.testing.assert_allclose(as_numpy(v.grad).sum(axis=(0, *range(2, len(shape)))), W * per_channel, rtol=1e-6)


@pytest.mark.parametrize("W", [0.25, np.array(0.25), np.array([0.25]), Variable(np.array([0.25]))])
def test_prelu_takes_one_slope_for_all(W):
    assert F.prelu(np.array([[-4.0, 4.0]]), W).data.tolist() == [[-1.0, 4.0]]


def test_prelu_skips_the_gradient_that_nobody_asked_for():
    v, W = Variable(np.array([-1.0])), Variable(np.array([0.5]), requires_grad=False)
    F.prelu(v, W).backward()
    assert v.grad.data.tolist() == [0.5] and W.grad is None


def test_prelu_refuses_slopes_that_do_not_fit():
    message = r"prelu: W must be one number or one for each channel, axis 1 of x, got \({}\) for x"
    with pytest.raises(ValueError, match=message.format("3,")):
        F.prelu(x, np.ones(3))
    with pytest.raises(ValueError, match=message.format("4,")):
        F.prelu(x[0], np.ones(4))
    with pytest.raises(ValueError, match=message.format("1, 4")):
        F.prelu(x, np.ones((1, 4)))
    with pytest.raises(ValueError, match=message.format("1, 1")):
        F.prelu(x, np.ones((1, 1)))
    with pytest.raises(ValueError, match=message.format("0,")):
        F.prelu(x, np.ones(0))
    with pytest.raises(TypeError, match="prelu: float64 and float16 do not meet silently"):
        F.prelu(x, np.ones(4, np.float16))


def test_options_out_of_range_are_errors():
    for beta in (0, -1.0, math.nan):
        with pytest.raises(ValueError, match=f"softplus: beta must be above 0, got {beta}"):
            F.softplus(x, beta)
    with pytest.raises(ValueError, match=r"elu: alpha must not be below 0, got -0.1"):
        F.elu(x, -0.1)
    with pytest.raises(ValueError, match="gelu: approximate must be 'none' or 'tanh', got 'erf'"):
        F.gelu(x, "erf")


@pytest.mark.parametrize("name", ["softmax", "softmax_simple", "log_softmax"])
def test_softmax_of_a_missing_axis_is_an_error(name):
    f = getattr(F, name)
    with pytest.raises(ValueError, match=f"{name}: axis 2 does not fit an array with 2 dimensions"):
        f(x, axis=2)
    with pytest.raises(ValueError, match=f"{name}: axis -3 does not fit"):
        f(x, axis=-3)
    with pytest.raises(ValueError, match=rf"{name}: axis must be one integer, the axis of the classes, got \(0, 1\)"):
        f(x, axis=(0, 1))
    for vector, axis in ((x[0], 2), (x[0], -2), (x[0, 0], 1), (x[0, 0], 0)):
        with pytest.raises(ValueError, match=f"{name}: axis {axis} does not fit an array with {vector.ndim} dim"):
            f(vector, axis=axis)
    with pytest.raises(ValueError, match=rf"{name}: x \(2, 0\) has no classes along axis 1"):
        f(np.zeros((2, 0)))


@pytest.mark.parametrize("slope", [0, 0.2, 1])
def test_a_slope_from_0_to_1_takes_no_where_which_is_several_times_slower(slope, monkeypatch):
    monkeypatch.setattr(np, "where", None)
    assert F.leaky_relu(np.array([-2.0, 3.0]), slope).data.tolist() == [-2 * slope, 3.0]


def test_mish_in_half_precision_is_the_identity_far_out():
    x = np.array([100.0, 1e4, 6e4], np.float16)
    assert F.mish(x).data.tolist() == x.tolist()
