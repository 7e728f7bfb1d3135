from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable
from dezero import functions as F
from ops import Op, check_derivatives, check_dtype, check_gradients_on_device, check_value, each

rng = np.random.default_rng(0)
x, scalar = rng.standard_normal((3, 4)), np.array(0.4)
positive = np.abs(x) + 0.5

OPS = [
    Op("sin", F.sin, (x,), np.sin, 3),
    Op("cos", F.cos, (x,), np.cos, 3),
    Op("tanh", F.tanh, (x,), np.tanh, 3),
    Op("tanh of 0-d", F.tanh, (scalar,), np.tanh, 3),
    Op("exp", F.exp, (x,), np.exp, 3),
    Op("log", F.log, (positive,), np.log, 3),
    Op("sqrt", F.sqrt, (positive,), np.sqrt, 3),
    Op("abs", F.abs, (x,), np.abs, 3),
    Op("abs as Python has it", abs, (x,), np.abs, 3),
    Op("clip", lambda x: F.clip(x, -0.5, 0.8), (x,), lambda x: np.minimum(np.maximum(x, -0.5), 0.8), 3),
    Op("clip from above", lambda x: F.clip(x, None, 0.8), (x,), lambda x: np.minimum(x, 0.8), 3),
    Op("clip from below", lambda x: F.clip(x, -0.5, None), (x,), lambda x: np.maximum(x, -0.5), 3),
    Op("sin of nothing", F.sin, (np.ones((0, 2)),), np.sin),
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


def test_the_gradient_of_abs_at_zero_is_zero():
    v = Variable(np.array([0.0, -2.0]))
    F.abs(v).backward()
    assert v.grad.data.tolist() == [0.0, -1.0]


def test_the_gradient_of_clip_passes_on_the_bounds():
    v = Variable(np.array([-2.0, -1.0, 0.0, 1.0, 2.0]))
    F.clip(v, -1, 1).backward()
    assert v.grad.data.tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]


def test_clip_wants_a_bound_and_in_order():
    with pytest.raises(ValueError, match="clip: x_min or x_max must be a number, got None for both"):
        F.clip(x, None, None)
    with pytest.raises(ValueError, match="clip: x_min must not be above x_max, got 2 and 1"):
        F.clip(x, 2, 1)


def test_sin_refuses_what_is_no_array():
    with pytest.raises(TypeError, match="Sin works on Variables, arrays and numbers, got list"):
        F.sin([1.0])
