from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable, grad
from dezero import functions as F
from dezero.cuda import as_numpy

EXTREMES = [pytest.param(F.maximum, np.maximum, id="maximum"), pytest.param(F.minimum, np.minimum, id="minimum")]


@pytest.mark.parametrize(("f", "ufunc"), EXTREMES)
def test_equals_share_the_gradient_evenly(f, ufunc, xp):
    a, b = (Variable(xp.asarray(np.array([1.0, 2.0, 3.0]))) for _ in range(2))
    f(a, b).backward()
    assert as_numpy(a.grad).tolist() == as_numpy(b.grad).tolist() == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(("f", "ufunc"), EXTREMES)
def test_nan_is_passed_on_as_numpy_does_and_its_gradient_too(f, ufunc):
    a, b = np.array([np.nan, 1.0, np.nan, 1.0]), np.array([1.0, np.nan, np.nan, 2.0])
    va, vb = Variable(a), Variable(b)
    y = f(va, vb)
    np.testing.assert_array_equal(y.data, ufunc(a, b))
    y.backward()
    assert va.grad.data.tolist()[:3] == vb.grad.data.tolist()[:3] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(("f", "ufunc"), EXTREMES)
def test_numpys_extremes_of_a_variable_are_ours(f, ufunc):
    v, array = Variable(np.array([1.0, -1.0])), np.array([0.0, 0.0])
    for y in (ufunc(v, array), ufunc(array, v), ufunc(v, 0), ufunc(0.0, v)):
        assert type(y.creator) is type(f(v, 0).creator)
        assert y.data.tolist() == ufunc(v.data, 0).tolist()


@pytest.mark.parametrize(("f", "ufunc"), EXTREMES)
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_numbers_keep_the_dtype_of_the_array(f, ufunc, dtype, xp):
    for shape in ((), (2,)):
        v = Variable(xp.asarray(np.ones(shape, dtype)))
        for number in (0.5, 2, np.float64(0.5)):
            for y in (f(v, number), f(number, v)):
                v.cleargrad()
                y.backward()
                assert y.dtype == v.grad.dtype == dtype


@pytest.mark.parametrize(("f", "ufunc"), EXTREMES)
def test_extremes_of_integers_have_a_backward(f, ufunc):
    a, b = Variable(np.array([1, 2, 3])), Variable(np.array([3, 2, 1]))
    y = f(a, b)
    y.backward()
    assert y.dtype == np.int64 and (a.grad.data + b.grad.data).tolist() == [1.0, 1.0, 1.0]


def test_the_second_derivative_of_an_extreme_is_zero_not_an_error():
    a, b = Variable(np.array([1.0, 2.0])), Variable(np.array([2.0, 1.0]))
    first = grad(F.maximum(a * a, b), a, create_graph=True)
    assert first.data.tolist() == [0.0, 4.0] and grad(first, a, create_graph=True).data.tolist() == [0.0, 2.0]
    straight = grad(F.maximum(a, b), a, create_graph=True)
    assert grad(straight, a).data.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("f", [F.maximum, F.minimum, lambda a, b: F.where(np.array([True, False]), a, b)])
def test_float16_and_float32_do_not_meet_silently(f):
    with pytest.raises(TypeError, match="float16 and float32 do not meet silently. Cast one of them with astype"):
        f(Variable(np.ones(2, np.float16)), Variable(np.ones(2, np.float32)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_where_gives_the_branch_not_taken_gradient_zero_even_if_it_is_no_number(bad, xp):
    a, b = (Variable(xp.asarray(np.array(v))) for v in ([1.0, bad], [bad, 2.0]))
    y = F.where(xp.asarray(np.array([True, False])), a, b)
    y.backward()
    assert as_numpy(y).tolist() == [1.0, 2.0]
    assert as_numpy(a.grad).tolist() == [1.0, 0.0] and as_numpy(b.grad).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("shape", [(2,), (3, 2), ()])
def test_where_gives_zero_even_where_an_infinite_gradient_arrives(shape, xp):
    a = Variable(xp.asarray(np.ones(shape)))
    y = F.where(xp.asarray(np.zeros(shape[-1:], bool)), a, 0.0)
    gx = grad(y, a, Variable(xp.asarray(np.full(shape, np.inf))))
    assert not as_numpy(gx).any()


def test_where_protects_what_comes_before_it_if_it_stands_there_too():
    v = Variable(np.array([0.0, 2.0]))
    F.where(v > 0, F.log(F.where(v > 0, v, 1)), 0).backward()
    assert v.grad.data.tolist() == [0.0, 0.5]


@pytest.mark.parametrize("dtype", [bool, np.int64, np.uint8, np.float32])
def test_a_condition_is_anything_that_is_true_or_not(dtype, xp):
    condition = xp.asarray(np.array([0, 1], dtype))
    for c in (condition, Variable(condition)):
        assert as_numpy(F.where(c, xp.asarray(np.ones(2)), -1)).tolist() == [-1.0, 1.0]


@pytest.mark.parametrize("condition", [True, np.True_, 1, np.array(True)])
def test_a_condition_may_be_a_single_one(condition):
    v = Variable(np.array([1.0, 2.0]))
    y = F.where(condition, v, 0)
    y.backward()
    assert y.data.tolist() == [1.0, 2.0] and v.grad.data.tolist() == [1.0, 1.0]


def test_where_of_two_numbers_stays_on_the_device_of_the_condition(xp):
    condition = xp.asarray(np.array([True, False]))
    y = F.where(condition, 1, 0.5)
    assert type(y.data) is xp.ndarray and as_numpy(y).tolist() == [1.0, 0.5]


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_where_with_a_number_keeps_the_dtype(dtype, xp):
    condition = xp.asarray(np.array([True, False]))
    for shape in ((), (2,)):
        v = Variable(xp.asarray(np.ones(shape, dtype)))
        for y in (F.where(condition, v, 0.5), F.where(condition, 2, v), F.where(condition, v, np.float64(0.5))):
            v.cleargrad()
            y.backward()
            assert y.dtype == v.grad.dtype == dtype and v.grad.shape == shape


def test_numpys_where_of_a_variable_is_ours():
    v = Variable(np.array([1.0, -1.0]))
    for y in (np.where(v > 0, v, 0), np.where(np.array([True, False]), v, np.zeros(2))):
        y.backward()
        assert y.data.tolist() == [1.0, 0.0] and v.grad.data.tolist() == [1.0, 0.0]
        v.cleargrad()


def test_where_of_integers_has_a_backward():
    v = Variable(np.array([1, 2]))
    F.where(np.array([True, False]), v, 0).backward()
    assert v.grad.data.tolist() == [1, 0]


def test_shapes_that_do_not_broadcast_are_an_error():
    with pytest.raises(ValueError, match="broadcast"):
        F.maximum(Variable(np.ones(2)), Variable(np.ones(3)))
    with pytest.raises(ValueError, match="broadcast"):
        F.where(np.ones(3, bool), Variable(np.ones(2)), 0)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_a_list_is_no_operand(name):
    with pytest.raises(TypeError, match=f"{name.capitalize()} works on Variables, arrays and numbers, got list"):
        getattr(F, name)(Variable(np.ones(2)), [1.0, 2.0])
