from __future__ import annotations

import math

import numpy as np
import pytest

from dezero import Variable, grad
from dezero import functions as F
from dezero.cuda import as_numpy
from dezero.functions.elementwise import Step, Within

x = np.random.default_rng(0).standard_normal((3, 4))

# name, NumPy's function of the same meaning, its points
UFUNCS = [
    *((getattr(np, name), x) for name in "sin cos tan sinh cosh tanh arctan exp expm1 square sign floor ceil".split()),
    *((getattr(np, name), np.abs(x) + 0.1) for name in "sqrt log log1p log2 log10 reciprocal".split()),
    *((getattr(np, name), np.tanh(x)) for name in ("arcsin", "arccos")),
]
NAMES = [f.__name__ for f, _ in UFUNCS] + ["abs", "erf", "round"]
FLAT = [F.sign, F.floor, F.ceil, F.round]


@pytest.mark.parametrize(("ufunc", "x"), [pytest.param(f, x, id=f.__name__) for f, x in UFUNCS])
def test_numpys_function_of_a_variable_is_ours_with_a_gradient(ufunc, x):
    v = Variable(x)
    y = ufunc(v)
    assert isinstance(y, Variable) and y.creator is not None
    np.testing.assert_allclose(y.data, ufunc(x), rtol=1e-15)
    assert type(y.creator) is type(getattr(F, ufunc.__name__)(v).creator)


def test_numpys_roundings_of_a_variable_are_round():
    v = Variable(np.array([0.5, 1.26, -2.5]))
    for f in (np.round, np.around, np.rint):
        assert f(v).data.tolist() == [0.0, 1.0, -2.0]
    assert np.round(v, 1).data.tolist() == [0.5, 1.3, -2.5] and np.round(v, decimals=-1).data.tolist() == [0, 0, 0]


def test_pythons_abs_of_a_variable_is_ours():
    v = Variable(np.array([-2.0, 3.0]))
    y = abs(v)
    y.backward()
    assert y.data.tolist() == [2.0, 3.0] and v.grad.data.tolist() == [-1.0, 1.0]


@pytest.mark.parametrize("name", NAMES)
def test_integers_give_floats_where_numpy_does_and_have_a_backward(name, xp):
    v = Variable(xp.asarray(np.array([1, 1], np.int64)))
    y = getattr(F, name)(v)
    whole = name in ("square", "sign", "abs", "floor", "ceil", "round")
    assert y.dtype == np.float64 or (whole and y.dtype == np.int64)
    with np.errstate(divide="ignore"):  # of arcsin at 1
        y.backward()
    assert type(v.grad.data) is xp.ndarray and v.grad.shape == (2,)


def test_the_reciprocal_of_an_integer_is_no_integer():
    assert F.reciprocal(np.array([2, 4])).data.tolist() == [0.5, 0.25]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_0d_input_keeps_its_dtype(name, dtype):
    v = Variable(np.array(0.5, dtype))
    y = getattr(F, name)(v)
    y.backward()
    assert y.dtype == v.grad.dtype == dtype and y.shape == v.grad.shape == ()


@pytest.mark.parametrize("f", FLAT)
def test_a_step_has_a_gradient_of_zeros_and_that_one_has_too(f, xp):
    v = Variable(xp.asarray(np.array([-1.5, 0.0, 0.3, 2.7])))
    first = grad(f(v), v, create_graph=True)
    second = grad(first, v, create_graph=True)
    third = grad(second, v)
    for g in (first, second, third):
        assert type(g.data) is xp.ndarray and as_numpy(g).tolist() == [0.0] * 4


@pytest.mark.parametrize("f", FLAT)
def test_the_gradient_of_a_step_is_zero_even_where_infinity_arrives(f):
    v = Variable(np.array([0.5, -0.5]))
    y = f(v)
    assert grad(y, v, Variable(np.array([np.inf, np.nan]))).data.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("f", [F.abs, lambda x: F.clip(x, -1, 1), F.relu, F.leaky_relu])
def test_the_second_derivative_of_straight_pieces_is_zero_not_an_error(f):
    v = Variable(np.array([-2.0, 0.5]))
    first = grad(f(v), v, create_graph=True)
    assert grad(first, v).data.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", NAMES)
def test_nan_stays_nan(name):
    assert np.isnan(getattr(F, name)(np.array([np.nan])).data).all()


def test_round_takes_halves_to_the_even_digit(xp):
    y = F.round(xp.asarray(np.array([-1.5, -0.5, 0.5, 1.5, 2.5])))
    assert as_numpy(y).tolist() == [-2.0, -0.0, 0.0, 2.0, 2.0]


def test_the_gradient_of_abs_at_zero_is_zero():
    v = Variable(np.array([0.0, -2.0]))
    F.abs(v).backward()
    assert v.grad.data.tolist() == [0.0, -1.0]


def test_log1p_and_expm1_keep_all_digits_near_zero(xp):
    tiny = xp.asarray(np.array([1e-20, -1e-20]))
    assert as_numpy(F.log1p(tiny)).tolist() == as_numpy(F.expm1(tiny)).tolist() == [1e-20, -1e-20]


def test_the_slope_of_arcsin_keeps_its_digits_near_one():
    v = Variable(np.array([1 - 2.0**-50]))
    F.arcsin(v).backward()
    assert v.grad.item() == pytest.approx(1 / math.sqrt(2.0**-50 * (2 - 2.0**-50)), rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_erf_is_flat_far_out_to_any_order_without_overflow(dtype, xp):
    v = Variable(xp.asarray(np.array([-1e4, 1e4], dtype)))
    y = F.erf(v)
    first = grad(y, v, create_graph=True)
    second = grad(first, v)
    assert as_numpy(y).tolist() == [-1.0, 1.0]
    assert as_numpy(first).tolist() == as_numpy(second).tolist() == [0.0, 0.0]


def test_the_gradient_of_clip_passes_on_the_bounds():
    v = Variable(np.array([-2.0, -1.0, 0.0, 1.0, 2.0]))
    F.clip(v, -1, 1).backward()
    assert v.grad.data.tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize(("bounds", "expected"), [((None, 0.5), [-2.0, 0.5]), ((0.5, None), [0.5, 2.0])])
def test_clip_takes_one_bound_alone(xp, bounds, expected):
    v = Variable(xp.asarray(np.array([-2.0, 2.0])))
    y = F.clip(v, *bounds)
    y.backward()
    assert as_numpy(y).tolist() == expected
    assert as_numpy(v.grad).tolist() == [float(y == x) for y, x in zip(expected, (-2.0, 2.0))]


def test_bounds_of_numpy_and_0d_leave_clip_its_dtype():
    for v in (np.ones(2, np.float32), np.array(0.5, np.float32)):
        assert F.clip(v, np.float64(0.0), 0.7).dtype == np.float32


def test_clip_of_integers_has_a_backward():
    v = Variable(np.array([-3, 0, 3]))
    y = F.clip(v, -1, 1)
    y.backward()
    assert y.data.tolist() == [-1, 0, 1] and v.grad.data.tolist() == [0, 1, 0]


def test_clip_wants_a_bound_and_in_order():
    with pytest.raises(ValueError, match="clip: x_min or x_max must be a number, got None for both"):
        F.clip(x, None, None)
    with pytest.raises(ValueError, match="clip: x_min must not be above x_max, got 2 and 1"):
        F.clip(x, 2, 1)
    assert F.clip(np.array([-2.0, 3.0]), 1, 1).data.tolist() == [1.0, 1.0]


def test_sin_refuses_what_is_no_array():
    with pytest.raises(TypeError, match="Sin works on Variables, arrays and numbers, got list"):
        F.sin([1.0])


def test_what_stands_for_a_derivative_is_1_where_it_should_be():
    x = np.array([-1.0, 0.0, 1.0])
    assert Step()(x).data.tolist() == [0.0, 0.0, 1.0]
    assert Within(0, None)(x).data.tolist() == [0.0, 1.0, 1.0]
    assert Within(None, 0)(x).data.tolist() == [1.0, 1.0, 0.0]
    assert Within(-0.5, 0.5)(x).data.tolist() == [0.0, 1.0, 0.0]
