from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable
from dezero import functions as F
from dezero.cuda import as_numpy
from dezero.functions.reduction import max_backward_shape
from ops import Op, check_derivatives, check_dtype, check_gradients_on_device, check_value, each

rng = np.random.default_rng(0)
x = rng.standard_normal((2, 3, 4))

AXES = [None, 0, -1, 1, (0, 2), (-1, -3), np.int64(1)]
REDUCTIONS = [(F.sum, np.sum), (F.average, np.mean), (F.max, np.max), (F.min, np.min)]
OPS = [
    Op(
        f"{f.__name__} axis {axis} keepdims {keepdims}",
        lambda x, f=f, axis=axis, keepdims=keepdims: f(x, axis=axis, keepdims=keepdims),
        (x,),
        lambda x, f=reference, axis=axis, keepdims=keepdims: f(x, axis=axis, keepdims=keepdims),
    )
    for f, reference in REDUCTIONS
    for axis in AXES
    for keepdims in (False, True)
] + [
    Op("method sum", lambda x: x.sum(axis=1), (x,), lambda x: x.sum(axis=1)),
    Op("method mean", lambda x: x.mean(axis=1), (x,), lambda x: x.mean(axis=1)),
    Op("method max", lambda x: x.max(axis=1, keepdims=True), (x,), lambda x: x.max(axis=1, keepdims=True)),
    Op("method min", lambda x: x.min(), (x,), np.min),
    Op("sum of 0-d", F.sum, (np.array(3.0),), np.sum),
    Op("sum of nothing", F.sum, (np.ones((0, 3)),), np.sum),
    Op("sum_to (3, 1)", lambda x: F.sum_to(x, (3, 1)), (x,), lambda x: x.sum(axis=(0, 2)).reshape(3, 1)),
    Op("sum_to ()", lambda x: F.sum_to(x, ()), (x,), np.sum),
    Op("sum_to itself", lambda x: F.sum_to(x, x.shape), (x,), lambda x: x),
    Op("sum_to (1, 4)", lambda x: F.sum_to(x, (1, 4)), (x,), lambda x: x.sum(axis=(0, 1)).reshape(1, 4)),
    Op(
        "broadcast_to",
        lambda x: F.broadcast_to(x, (2, 3, 4)) * np.arange(4.0),
        (x[:1, :, :1],),
        lambda x: np.broadcast_to(x, (2, 3, 4)) * np.arange(4.0),
    ),
]


@each(OPS)
def test_value_is_that_of_numpy(op, xp):
    if not (op.name == "broadcast_to" and xp is not np):  # its factor lives on the host
        check_value(op, xp)


@each(OPS)
def test_derivatives_match_finite_differences(op):
    check_derivatives(op)


@each([op for op in OPS if op.name != "broadcast_to"])
def test_gradients_stay_on_the_device(op, xp):
    check_gradients_on_device(op, xp)


@each([op for op in OPS if op.name != "broadcast_to"])
def test_float32_stays_float32(op, xp):
    check_dtype(op, xp, (np.float16, np.float32, np.float64))


@pytest.mark.parametrize("f", [F.max, F.min])
def test_ties_share_the_gradient_evenly(f, xp):
    x = Variable(xp.asarray(np.array([[1.0, 1.0, 1.0, 1.0], [0.0, 2.0, 0.0, 2.0]])))
    f(x, axis=1).backward()
    rows = as_numpy(x.grad)
    assert rows.sum(axis=1).tolist() == [1.0, 1.0]
    assert rows[0].tolist() == [0.25] * 4
    assert sorted(rows[1]) == [0.0, 0.0, 0.5, 0.5]


def test_broadcast_to_and_sum_to_undo_each_other():
    x = Variable(np.ones((3, 1)))
    y = F.broadcast_to(x, (2, 3, 4))
    assert y.shape == (2, 3, 4)
    y.backward()
    assert x.grad.data.tolist() == [[8.0]] * 3


def test_max_backward_shape_keeps_reduced_axes():
    assert max_backward_shape(x, (0, -1)) == (1, 3, 1)
    assert max_backward_shape(x, None) == (1, 1, 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.sum(x, axis=3), "sum: axis 3 does not fit an array with 3 dimensions"),
        (lambda: F.sum(x, axis=(0, -3)), r"sum: axis \(0, -3\) does not fit"),
        (lambda: F.max(x, axis=-4), "max: axis -4 does not fit"),
        (lambda: F.min(x, axis=5), "min: axis 5 does not fit"),
        (lambda: F.average(x, axis=5), "axis 5 does not fit"),
        (lambda: F.sum_to(x, (2, 2)), r"sum_to: \(2, 3, 4\) cannot be summed to \(2, 2\)"),
        (lambda: F.sum_to(x, (1, 2, 3, 4)), "sum_to: .* does not broadcast to it"),
        (lambda: F.broadcast_to(x, (3, 4)), r"broadcast_to: \(2, 3, 4\) does not broadcast to \(3, 4\)"),
        (lambda: F.broadcast_to(x, (2, 3, 5)), r"does not broadcast to \(2, 3, 5\)"),
    ],
)
def test_what_does_not_fit_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()
