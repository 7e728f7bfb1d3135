from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable
from dezero import functions as F
from dezero.cuda import as_numpy
from ops import Op, check_derivatives, check_dtype, check_gradients_on_device, check_value, each

rng = np.random.default_rng(0)
x, x3, v = rng.standard_normal((3, 4)), rng.standard_normal((2, 3, 4)), rng.standard_normal(5)
mask = x > 0

OPS = [
    Op("reshape", lambda x: F.reshape(x, (2, 6)), (x,), lambda x: x.reshape(2, 6)),
    Op("reshape with -1", lambda x: x.reshape(-1, 2), (x,), lambda x: x.reshape(-1, 2)),
    Op("reshape to a vector", lambda x: x.reshape(12), (x,), np.ravel),
    Op("transpose", F.transpose, (x3,), np.transpose),
    Op("transpose with axes", lambda x: F.transpose(x, (1, -1, 0)), (x3,), lambda x: x.transpose(1, 2, 0)),
    Op("method transpose", lambda x: x.transpose(0, 2, 1), (x3,), lambda x: x.transpose(0, 2, 1)),
    Op("T", lambda x: x.T, (x,), np.transpose),
    Op("expand_dims -1", lambda x: F.expand_dims(x, -1), (x,), lambda x: np.expand_dims(x, -1)),
    Op("expand_dims 0", lambda x: F.expand_dims(x, 0), (x,), lambda x: np.expand_dims(x, 0)),
    Op("flatten", F.flatten, (x3,), lambda x: x.reshape(2, 12)),
    Op("concat", lambda a, b: F.concat([a, b]), (x, x[:1] * 2), lambda a, b: np.concatenate([a, b])),
    Op("concat axis -1", lambda a, b: F.concat([a, b, a], -1), (x, x * 2), lambda a, b: np.concatenate([a, b, a], 1)),
    Op("cast to itself", lambda x: F.cast(x, x.dtype), (x,), lambda x: x),
    Op("item", lambda x: x[1], (x,), lambda x: x[1]),
    Op("slices", lambda x: x[::-2, 1:3], (x,), lambda x: x[::-2, 1:3]),
    Op("ellipsis and newaxis", lambda x: x[..., None, 1], (x3,), lambda x: x[..., None, 1]),
    Op("list with repeats", lambda x: x[[0, 0, 2]], (x,), lambda x: x[[0, 0, 2]]),
    Op("negative indices", lambda x: x[[-1, 2]], (x,), lambda x: x[[-1, 2]]),
    Op("two lists", lambda x: x[[0, 0, 2], [1, 1, 3]], (x,), lambda x: x[[0, 0, 2], [1, 1, 3]]),
    Op("list and slice", lambda x: x[:, [1, 1]], (x,), lambda x: x[:, [1, 1]]),
    Op(
        "integer array of two axes",
        lambda x: x[np.array([[0, 1], [1, 1]])],
        (v,),
        lambda x: x[np.array([[0, 1], [1, 1]])],
    ),
    Op("boolean mask", lambda x: x[mask], (x,), lambda x: x[mask]),
    Op("Variable index", lambda x: x[Variable(np.array([2, 2]))], (x,), lambda x: x[[2, 2]]),
    Op("one element", lambda x: x[1, 2], (x,), lambda x: x[1, 2]),
    Op("nothing", lambda x: x[[]], (x,), lambda x: x[:0]),
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


def test_an_element_picked_twice_gets_both_gradients(xp):
    x = Variable(xp.asarray(np.zeros((2, 3))))
    x[xp.asarray(np.array([0, 0, 1]))].sum().backward()
    assert as_numpy(x.grad).tolist() == [[2.0] * 3, [1.0] * 3]


def test_reshape_takes_a_tuple_a_list_or_numbers():
    x = Variable(np.arange(6.0))
    assert x.reshape((2, 3)).shape == x.reshape([2, 3]).shape == x.reshape(2, 3).shape == (2, 3)


def test_transpose_takes_a_tuple_numbers_or_nothing():
    x = Variable(np.ones((2, 3, 4)))
    assert x.transpose((1, 0, 2)).shape == x.transpose(1, 0, 2).shape == (3, 2, 4)
    assert x.transpose().shape == x.transpose(None).shape == x.T.shape == (4, 3, 2)


def test_cast_changes_the_dtype_and_casts_the_gradient_back(xp):
    x = Variable(xp.asarray(np.ones(2, np.float32)))
    y = x.astype(np.float64)
    (y * 2).sum().backward()
    assert (y.dtype, x.grad.dtype) == (np.float64, np.float32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.reshape(x, (5, 2)), r"reshape: \(3, 4\) has 12 elements and cannot become \(5, 2\)"),
        (lambda: F.reshape(x, (-1, -1)), r"cannot become \(-1, -1\)"),
        (lambda: F.transpose(x, (0, 0)), r"transpose: axes \(0, 0\) are no order of the 2 axes of x"),
        (lambda: F.expand_dims(x, 4), "expand_dims: axis 4 does not fit a result with 3 dimensions"),
        (lambda: F.flatten(np.array(1.0)), "flatten: x needs a first axis to keep, got a 0-d array"),
        (lambda: F.concat([]), "concat: at least one array is wanted, got none"),
        (lambda: F.concat([x, x], 2), "concat: axis 2 does not fit arrays with 2 dimensions"),
        (lambda: F.concat([x, v]), r"concat: shapes must agree but for axis 0, got \(3, 4\), \(5,\)"),
    ],
)
def test_what_does_not_fit_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_an_index_out_of_range_is_an_error():
    with pytest.raises(IndexError, match="out of bounds"):
        Variable(x)[7]
