from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable
from dezero import functions as F
from dezero.cuda import as_numpy
from ops import Op, check_derivatives, check_dtype, check_gradients_on_device, check_value, each

rng = np.random.default_rng(0)
a, b = rng.standard_normal((3, 4)), rng.standard_normal((3, 4))
row, column, scalar = rng.standard_normal(4), rng.standard_normal((3, 1)), np.array(0.7)
positive = np.abs(a) + 0.5

OPS = [
    Op("add", F.add, (a, b), np.add, 3),
    Op("add with a row", F.add, (a, row), np.add, 3),
    Op("add of column and row", F.add, (column, row), np.add, 3),
    Op("add of 0-d", F.add, (scalar, a), np.add, 3),
    Op("mul", F.mul, (a, b), np.multiply, 3),
    Op("mul of column and row", F.mul, (column, row), np.multiply, 3),
    Op("mul by itself", lambda x: F.mul(x, x), (a,), lambda x: x * x, 3),
    Op("neg", F.neg, (a,), np.negative, 3),
    Op("sub", F.sub, (a, row), np.subtract, 3),
    Op("rsub", F.rsub, (a, row), lambda x, y: y - x, 3),
    Op("div", F.div, (a, np.abs(row) + 1), np.divide, 3),
    Op("rdiv", F.rdiv, (positive, row), lambda x, y: y / x, 3),
    Op("number minus x", lambda x: 1 - x, (a,), lambda x: 1 - x, 3),
    Op("number over x", lambda x: 2 / x, (positive,), lambda x: 2 / x, 3),
    Op("pow 3", lambda x: x**3, (a,), lambda x: x**3, 3),
    Op("pow 2", lambda x: x**2, (a,), lambda x: x * x, 3),
    Op("pow 1", lambda x: x**1, (a,), lambda x: x, 3),
    Op("pow 0", lambda x: x**0, (a,), np.ones_like, 3),
    Op("pow -2", lambda x: x**-2, (positive,), lambda x: 1 / (x * x), 3),
    Op("pow 0.5", lambda x: x**0.5, (positive,), np.sqrt, 3),
    Op("pow of Variables", F.pow, (positive, row), np.power, 3),
    Op("number to the power of x", lambda x: 2**x, (a,), np.exp2, 3),
    Op("empty", F.add, (np.ones((0, 3)), np.ones(3)), np.add, 2),
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


def test_a_broadcast_operand_gets_a_gradient_of_its_own_shape():
    x, y = Variable(np.ones((2, 1))), Variable(np.ones(3))
    (x * y).backward()
    assert x.grad.data.tolist() == [[3.0], [3.0]] and y.grad.data.tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("x", [0.0, 0, 2])
def test_power_zero_has_gradient_zero_everywhere(x):
    v = Variable(np.array([x]))
    (v**0).backward()
    assert v.grad.data.tolist() == [0.0]


def test_an_integer_base_works():
    v = Variable(np.array([2, 3]))
    y = v**2
    y.backward()
    assert y.data.tolist() == [4, 9] and v.grad.data.tolist() == [4, 6]


def test_a_variable_exponent_has_no_nan_where_the_base_is_zero():
    x, c = Variable(np.array([0.0, 0.0])), Variable(np.array([0.0, 2.0]))
    (x**c).backward()
    assert x.grad.data.tolist() == [0.0, 0.0] and c.grad.data.tolist() == [0.0, 0.0]


def test_operands_may_be_arrays_and_a_number_of_numpy(xp):
    x = xp.asarray(np.array([1.0, 2.0], np.float32))
    y = F.mul(F.add(x, x), np.float32(3))
    assert as_numpy(y).tolist() == [6.0, 12.0] and y.dtype == np.float32


def test_operands_that_do_not_broadcast_are_an_error():
    with pytest.raises(ValueError, match="broadcast"):
        Variable(np.ones(2)) + Variable(np.ones(3))


def test_a_list_is_no_operand():
    with pytest.raises(TypeError, match="Add works on Variables, arrays and numbers, got list"):
        F.add(Variable(np.ones(2)), [1.0, 2.0])
