from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dezero import Variable
from dezero import functions as F
from dezero.testing import check_grads
from ops import Op, check_derivatives, check_dtype, check_gradients_on_device, check_value, each

rng = np.random.default_rng(0)


def normal(*shape):
    return rng.standard_normal(shape)


SHAPES = [
    ((3, 4), (4, 2)),
    ((4,), (4,)),
    ((4,), (4, 2)),
    ((3, 4), (4,)),
    ((2, 3, 4), (4, 5)),
    ((2, 3, 4), (2, 4, 5)),
    ((2, 1, 3, 4), (5, 4, 2)),
    ((4,), (5, 4, 2)),
    ((5, 3, 4), (4,)),
]
OPS = [
    *(Op(f"matmul {s} {t}", F.matmul, (normal(*s), normal(*t)), np.matmul) for s, t in SHAPES),
    Op("@", lambda x, W: x @ W, (normal(3, 4), normal(4, 2)), np.matmul),
    Op("method dot", lambda x, W: x.dot(W), (normal(3, 4), normal(4, 2)), np.matmul),
    Op("method matmul", lambda x, W: x.matmul(W), (normal(3, 4), normal(4, 2)), np.matmul),
    Op("linear", F.linear, (normal(3, 4), normal(4, 2), normal(2)), lambda x, W, b: x @ W + b),
    Op("linear without b", F.linear, (normal(3, 4), normal(4, 2)), lambda x, W: x @ W),
    Op("linear of a stack", F.linear, (normal(2, 3, 4), normal(4, 2), normal(2)), lambda x, W, b: x @ W + b),
    Op("linear of a vector", F.linear, (normal(4), normal(4, 2), normal(2)), lambda x, W, b: x @ W + b),
    Op("linear of nothing", F.linear, (normal(0, 4), normal(4, 2), normal(2)), lambda x, W, b: x @ W + b),
    Op("linear_simple", F.linear_simple, (normal(3, 4), normal(4, 2), normal(2)), lambda x, W, b: x @ W + b),
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
    check_dtype(op, xp)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_matmul_follows_numpy_for_any_stack(data):
    batch = data.draw(st.lists(st.integers(1, 3), max_size=2))
    m, k, n = (data.draw(st.integers(1, 3)) for _ in range(3))

    def leading():
        dims = [data.draw(st.sampled_from([1, d])) for d in batch]
        return dims[data.draw(st.integers(0, len(dims))) :]

    x, W = normal(*leading(), m, k), normal(*leading(), k, n)
    np.testing.assert_allclose(F.matmul(x, W).data, np.matmul(x, W))
    check_grads(F.matmul, x, W, order=1)


def test_an_array_on_the_left_of_at_gives_a_variable():
    x, W = normal(3, 4), Variable(normal(4, 2))
    y = x @ W
    assert isinstance(y, Variable)
    np.testing.assert_array_equal(y.data, x @ W.data)


def test_linear_gives_no_gradient_to_data():
    x, W, b = normal(3, 4), Variable(normal(4, 2)), Variable(normal(2))
    y = F.linear(x, W, b)
    y.backward()
    assert y.creator.inputs[0].grad is None and W.grad.shape == (4, 2) and b.grad.shape == (2,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: F.matmul(normal(2, 3), normal(4, 5)),
            r"matmul: x has 3 columns but W has 4 rows \(x \(2, 3\), W \(4, 5\)\)",
        ),
        (
            lambda: F.matmul(np.array(1.0), normal(4, 5)),
            r"matmul: both operands need an axis, got x \(\) and W \(4, 5\)",
        ),
        (lambda: F.matmul(normal(2, 3, 4), normal(3, 4, 5)), "matmul: the leading axes do not broadcast"),
        (
            lambda: F.linear(normal(2, 3), normal(4, 5)),
            r"linear: x \(..., I\) and W \(I, O\) are wanted, got x \(2, 3\)",
        ),
        (
            lambda: F.linear(normal(2, 4), normal(4, 5), normal(4)),
            r"linear: b has shape \(4,\), but W \(4, 5\) gives 5",
        ),
    ],
)
def test_what_does_not_fit_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()
