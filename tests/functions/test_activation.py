from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable
from dezero import functions as F
from dezero.cuda import as_numpy
from ops import Op, check_derivatives, check_dtype, check_gradients_on_device, check_value, each

rng = np.random.default_rng(0)
x, x3, v = rng.standard_normal((3, 4)), rng.standard_normal((2, 3, 2)), rng.standard_normal(5)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis=1):
    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)


OPS = [
    Op("sigmoid", F.sigmoid, (x,), sigmoid, 3),
    Op("sigmoid_simple", F.sigmoid_simple, (x,), sigmoid, 3),
    Op("relu", F.relu, (x,), lambda x: x * (x > 0), 3),
    Op("leaky_relu", F.leaky_relu, (x,), lambda x: np.where(x > 0, x, 0.2 * x), 3),
    Op("leaky_relu 0.5", lambda x: F.leaky_relu(x, 0.5), (x,), lambda x: np.where(x > 0, x, 0.5 * x), 3),
    Op("softmax", F.softmax, (x,), softmax),
    Op("softmax_simple", F.softmax_simple, (x,), softmax),
    Op("log_softmax", F.log_softmax, (x,), lambda x: np.log(softmax(x))),
    *(
        Op(
            f"{f.__name__} axis {axis}",
            lambda x, f=f, a=axis: f(x, axis=a),
            (x3,),
            lambda x, g=g, a=axis: g(softmax(x, a)),
        )
        for f, g in [(F.softmax, np.array), (F.softmax_simple, np.array), (F.log_softmax, np.log)]
        for axis in (0, 1, 2, -1)
    ),
    Op("softmax of a vector", F.softmax, (v,), lambda x: softmax(x, 0)),
    Op("log_softmax of a vector", F.log_softmax, (v,), lambda x: np.log(softmax(x, 0))),
]


@each(OPS)
def test_value_is_that_of_numpy(op, xp):
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


@pytest.mark.parametrize("f", [F.sigmoid, F.relu])
def test_0d_float32_stays_float32(f):
    y = f(Variable(np.array(0.5, np.float32)))
    assert y.dtype == np.float32 and y.shape == ()


def test_sigmoid_and_softmax_stay_finite_for_large_inputs(xp):
    big = xp.asarray(np.array([[-1e4, 0.0, 1e4]]))
    assert as_numpy(F.sigmoid(big)).tolist() == [[0.0, 0.5, 1.0]]
    assert as_numpy(F.softmax(big)).tolist() == [[0.0, 0.0, 1.0]]
    assert as_numpy(F.log_softmax(big)).tolist() == [[-2e4, -1e4, 0.0]]


def test_the_gradient_of_relu_at_zero_is_zero():
    x = Variable(np.array([-1.0, 0.0, 1.0]))
    F.relu(x).backward()
    assert x.grad.data.tolist() == [0.0, 0.0, 1.0]


def test_softmax_of_a_missing_axis_is_an_error():
    with pytest.raises(ValueError, match="softmax: axis 2 does not fit an array with 2 dimensions"):
        F.softmax(x, axis=2)
    with pytest.raises(ValueError, match="log_softmax: axis -3 does not fit"):
        F.log_softmax(x, axis=-3)
