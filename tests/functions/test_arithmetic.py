from __future__ import annotations

import operator

import numpy as np
import pytest

from dezero import Variable, grad
from dezero import functions as F
from dezero.cuda import as_numpy
from dezero.testing import check_grads

x = np.random.default_rng(0).standard_normal((3, 4))
OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


@pytest.mark.parametrize("f", OPERATORS)
@pytest.mark.parametrize("number", [2, 0.5, np.float64(0.5), np.int64(3)])
@pytest.mark.parametrize("shape", [(), (2, 3)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_an_operator_with_a_number_keeps_the_dtype_on_either_side(f, number, shape, dtype, xp):
    v = Variable(xp.asarray(np.full(shape, 1.5, dtype)))
    for y in (f(v, number), f(number, v)):
        v.cleargrad()
        y.backward()
        assert y.dtype == v.grad.dtype == dtype and y.shape == v.grad.shape == shape


@pytest.mark.parametrize("f", OPERATORS)
def test_float16_and_float32_do_not_meet_silently(f):
    half, single = Variable(np.ones(2, np.float16)), Variable(np.ones(2, np.float32))
    for a, b in ((half, single), (single, half), (half, single.data), (single.data, half)):
        with pytest.raises(TypeError, match=r"float(16|32) and float(16|32) do not meet silently. Cast one of them"):
            f(a, b)


def test_float32_and_float64_meet_in_float64_and_each_gets_a_gradient_of_its_own():
    single, double = Variable(np.ones(2, np.float32)), Variable(np.ones(2))
    (single * double).backward()
    assert single.grad.dtype == np.float32 and double.grad.dtype == np.float64


def test_a_broadcast_operand_gets_a_gradient_of_its_own_shape():
    x, y = Variable(np.ones((2, 1))), Variable(np.ones(3))
    (x * y).backward()
    assert x.grad.data.tolist() == [[3.0], [3.0]] and y.grad.data.tolist() == [2.0, 2.0, 2.0]


def test_a_product_of_a_variable_with_itself_differentiates_three_times():
    check_grads(lambda x: x * x, x, order=3)
    check_grads(lambda x: x / (x * x + 1), x, order=3)


def test_numbers_on_the_left_of_minus_and_over_differentiate_three_times():
    check_grads(lambda x: 1 - x, x, order=3)
    check_grads(lambda x: 2 / x, np.abs(x) + 0.5, order=3)


@pytest.mark.parametrize("x", [0.0, 0, 2, np.inf])
def test_power_zero_has_gradient_zero_everywhere(x):
    v = Variable(np.array([x]))
    (v**0).backward()
    assert v.grad.data.tolist() == [0.0]


def test_the_third_derivative_of_the_square_is_zero_at_zero():
    v = Variable(np.array([0.0, 1.0]))
    g = v**2
    for expected in ([0.0, 2.0], [2.0, 2.0], [0.0, 0.0], [0.0, 0.0]):
        g = grad(g, v, create_graph=True)
        assert g.data.tolist() == expected


@pytest.mark.parametrize("c", [1, 2, 3, 4, 5])
def test_a_whole_power_of_zero_has_every_derivative(c):
    v, factor = Variable(np.zeros(1)), 1
    y = v**c
    for n in range(1, c + 2):
        y = grad(y, v, create_graph=True)
        factor *= c - n + 1
        assert y.data.tolist() == [factor if n == c else 0.0]


@pytest.mark.parametrize("c", [0, 1, 2, 3, 4])
def test_an_integer_base_works(c):
    v = Variable(np.array([2, 3]))
    y = v**c
    y.backward()
    assert y.dtype == np.int64 and y.data.tolist() == [2**c, 3**c]
    assert v.grad.data.tolist() == [c * 2 ** max(c - 1, 0), c * 3 ** max(c - 1, 0)]


@pytest.mark.parametrize("c", [-1, -2, 0.5, np.int64(-1)])
def test_an_integer_base_to_a_negative_or_broken_power_gives_floats(c):
    v = Variable(np.array([2, 4]))
    y = v**c
    y.backward()
    np.testing.assert_allclose(y.data, [2.0**c, 4.0**c])
    np.testing.assert_allclose(v.grad.data, [c * 2.0 ** (c - 1), c * 4.0 ** (c - 1)])


def test_integers_to_the_power_of_integers_have_a_backward():
    x, c = Variable(np.array([2, 3, 0])), Variable(np.array([0, 2, 1]))
    y = x**c
    y.backward()
    assert y.data.tolist() == [1, 9, 0] and x.grad.data.tolist() == [0.0, 6.0, 1.0]
    np.testing.assert_allclose(c.grad.data, [np.log(2), 9 * np.log(3), 0])


def test_a_number_to_the_power_of_a_variable_differentiates_three_times():
    check_grads(lambda x: 2**x, x, order=3)
    v = Variable(np.array([1, 2]))
    (2**v).backward()
    np.testing.assert_allclose(v.grad.data, np.log(2) * np.array([2, 4]))


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


def test_the_third_and_fourth_power_are_products_which_numpy_takes_a_hundred_times_as_long_for():
    x = np.random.default_rng(0).standard_normal(1000)
    assert ((Variable(x) ** 3).data == x * x * x).all()
    assert ((Variable(x) ** 4).data == x * x * (x * x)).all()


@pytest.mark.parametrize(
    ("one", "other"), [("bool", "float16"), ("int64", "float16"), ("int16", "float32"), ("int16", "int32")]
)
def test_half_precision_is_kept_apart_from_floats_only(one, other):
    a, b = np.ones(2, one), np.ones(2, other)
    assert F.mul(a, b).dtype == F.mul(b, a).dtype == np.result_type(a, b)


def test_a_power_computes_no_gradient_that_nobody_asked_for(monkeypatch):
    x, c = np.array([2.0, 3.0]), np.array([3.0, 2.0])
    for inputs, wanted in (((Variable(x), c), [True, False]), ((x, Variable(c)), [False, True])):
        y = F.pow(*inputs)
        assert [gx is not None for gx in y.creator.backward(Variable(np.ones(2)))] == wanted


def test_a_variable_exponent_of_zero_has_the_right_mixed_derivative():
    x, c = Variable(np.array([2.0, 4.0])), Variable(np.zeros(2))
    gx = grad(x**c, x, create_graph=True)
    assert gx.data.tolist() == [0.0, 0.0] and grad(gx, c).data.tolist() == [0.5, 0.25]
