from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable, grad
from dezero import functions as F
from dezero.cuda import as_numpy
from dezero.functions.reduction import max_backward_shape
from dezero.testing import check_grads

rng = np.random.default_rng(0)
x = rng.standard_normal((2, 3, 4))


@pytest.mark.parametrize("axis", [None, 1, (0, -1)])
@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "var", "std", "prod"])
def test_a_reduction_is_a_method_and_a_function_of_numpy_too(name, axis, xp):
    v = Variable(xp.asarray(x))
    expected = getattr(np, name)(x, axis=axis, keepdims=True)
    for y in (getattr(v, name)(axis=axis, keepdims=True), getattr(np, name)(v, axis=axis, keepdims=True)):
        assert isinstance(y, Variable) and y.shape == expected.shape
        np.testing.assert_allclose(as_numpy(y), expected, rtol=1e-12)


def test_methods_take_what_numpys_take():
    v = Variable(x)
    np.testing.assert_allclose(v.var(axis=0, ddof=1).data, x.var(axis=0, ddof=1))
    np.testing.assert_allclose(v.std(ddof=1).data, x.std(ddof=1))
    np.testing.assert_allclose(np.var(v, ddof=1).data, x.var(ddof=1))
    np.testing.assert_array_equal(v.cumsum().data, x.cumsum())
    np.testing.assert_array_equal(np.cumsum(v, axis=-2).data, x.cumsum(axis=1))


@pytest.mark.parametrize("f", [F.max, F.min])
def test_ties_share_the_gradient_evenly(f, xp):
    x = Variable(xp.asarray(np.array([[1.0, 1.0, 1.0, 1.0], [0.0, 2.0, 0.0, 2.0]])))
    f(x, axis=1).backward()
    rows = as_numpy(x.grad)
    assert rows.sum(axis=1).tolist() == [1.0, 1.0]
    assert rows[0].tolist() == [0.25] * 4
    assert sorted(rows[1]) == [0.0, 0.0, 0.5, 0.5]


def test_the_largest_absolute_values_share_the_gradient_of_the_norm():
    v = Variable(np.array([2.0, -2.0, 1.0, 0.0]))
    F.norm(v, np.inf).backward()
    assert v.grad.data.tolist() == [0.5, -0.5, 0.0, 0.0]


@pytest.mark.parametrize("f", [F.sum, F.average, F.max, F.min, F.var, F.std, F.prod, F.logsumexp, F.norm])
@pytest.mark.parametrize("axis", [-1, (-1, 0), (2, -3), np.int64(-2), (np.int32(0), 1), [0, 2]])
def test_negative_axes_tuples_and_numpy_integers_are_axes(f, axis):
    v = Variable(x)
    y = f(v, axis=axis)
    (y * y).sum().backward()
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    counted = tuple(int(a) % 3 for a in given)
    assert y.shape == tuple(n for i, n in enumerate(x.shape) if i not in counted)
    np.testing.assert_array_equal(y.data, f(x, axis=counted).data)
    assert v.grad.shape == x.shape


def test_broadcast_to_and_sum_to_undo_each_other():
    x = Variable(np.ones((3, 1)))
    y = F.broadcast_to(x, (2, 3, 4))
    assert y.shape == (2, 3, 4)
    y.backward()
    assert x.grad.data.tolist() == [[8.0]] * 3


def test_broadcast_to_differentiates_where_its_copies_have_different_weights():
    weights = np.arange(4.0)
    check_grads(lambda x: F.broadcast_to(x, (2, 3, 4)) * weights, x[:1, :, :1])


def test_max_backward_shape_keeps_reduced_axes():
    assert max_backward_shape(x, (0, -1)) == (1, 3, 1)
    assert max_backward_shape(x, None) == (1, 1, 1)


def test_the_mean_of_many_half_precision_numbers_does_not_overflow(xp):
    v = Variable(xp.asarray(np.full(100_000, 2, np.float16)))
    y = F.mean(v)
    y.backward()
    assert y.item() == 2.0
    np.testing.assert_allclose(as_numpy(v.grad), 1e-5, rtol=0.01)


def test_variance_keeps_its_digits_beside_a_large_mean(xp):
    v = Variable(xp.asarray(np.array([1e9 + 1, 1e9 + 2, 1e9 + 3])))
    assert F.var(v).item() == pytest.approx(2 / 3, rel=1e-12)
    assert F.std(v, ddof=1).item() == pytest.approx(1.0, rel=1e-12)
    single = Variable(xp.asarray(np.array([4097, 4098, 4099], np.float32)))
    assert F.var(single).item() == pytest.approx(2 / 3, rel=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 1e200])
@pytest.mark.parametrize("n", [1, 3, 10])
def test_the_deviation_of_equal_numbers_is_exactly_zero_and_so_are_its_derivatives(value, n, xp):
    v = Variable(xp.asarray(np.full((2, n), value)))
    y = F.std(v, axis=1)
    g = grad(y, v, create_graph=True)
    assert as_numpy(y).tolist() == [0.0, 0.0]
    assert (as_numpy(g) == 0).all()
    assert (as_numpy(grad(g, v)) == 0).all()


@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 2.5, 3, np.inf])
def test_the_norm_has_no_nan_at_zero_to_the_second_derivative(p, xp):
    for values in (np.zeros(3), np.array([0.0, -2.0, 1.0])):
        v = Variable(xp.asarray(values))
        g = grad(F.norm(v, p), v, create_graph=True)
        (second,) = grad([g.sum()], [v], allow_unused=True)
        assert as_numpy(g)[0] == 0
        assert second is None or np.isfinite(as_numpy(second)).all()
        if not values.any():
            assert (as_numpy(g) == 0).all() and (second is None or (as_numpy(second) == 0).all())


@pytest.mark.parametrize("p", [1, 2, 3.5, np.inf])
def test_the_norm_of_half_precision_numbers_does_not_overflow(p, xp):
    v = Variable(xp.asarray(np.array([3e4, -3e4], np.float16)))
    expected = 3e4 * (1 if p == np.inf else 2 ** (1 / p))
    assert F.norm(v, p).item() == pytest.approx(expected, rel=2e-3)


def test_the_norm_of_infinity_is_infinite():
    assert F.norm(Variable(np.array([np.inf, 1.0]))).item() == np.inf


def test_a_product_with_zeros_has_its_second_derivatives_too():
    v = Variable(np.array([0.0, 3.0, 0.0]))
    g = grad(F.prod(v), v, create_graph=True)
    assert g.data.tolist() == [0.0, 0.0, 0.0]
    assert grad(g[0], v).data.tolist() == [0.0, 0.0, 3.0]
    assert grad(F.prod(Variable(np.array([0.0, 3.0]))), v, allow_unused=True) is None


def test_a_product_of_many_takes_no_square_of_the_memory_for_its_gradient():
    v = Variable(np.full(100_001, -1.0))
    F.prod(v).backward()
    assert (v.grad.data == 1.0).all()


def test_logsumexp_of_minus_infinity_counts_for_nothing(xp):
    v = Variable(xp.asarray(np.array([[-np.inf, 2.0], [-np.inf, -np.inf]])))
    y = F.logsumexp(v, axis=1)
    y.backward()
    assert as_numpy(y).tolist() == [2.0, -np.inf]
    assert as_numpy(v.grad).tolist() == [[0.0, 1.0], [0.0, 0.0]]


def test_logsumexp_is_safe_for_large_numbers_and_infinite_for_infinite_ones(xp):
    y = F.logsumexp(xp.asarray(np.array([[1e4, 1e4], [-1e4, -1e4], [np.inf, 0.0]])), axis=1)
    np.testing.assert_allclose(as_numpy(y), [1e4 + np.log(2), -1e4 + np.log(2), np.inf])


@pytest.mark.parametrize("f", [F.max, F.min, F.logsumexp])
def test_of_no_rows_there_is_nothing_to_reduce_and_nothing_to_complain_about(f, xp):
    assert f(xp.asarray(np.ones((0, 2))), axis=1).shape == (0,)
    assert f(xp.asarray(np.ones((0, 2))), axis=1, keepdims=True).shape == (0, 1)


def test_the_norm_of_nothing_is_zero(xp):
    assert F.norm(xp.asarray(np.ones(0))).item() == 0
    assert as_numpy(F.norm(xp.asarray(np.ones((2, 0))), axis=1, keepdims=True)).tolist() == [[0.0], [0.0]]


def test_a_plain_array_or_number_is_a_constant():
    for f in (F.sum, F.mean, F.max, F.var, F.std, F.prod, F.logsumexp, F.norm, F.cumsum):
        assert not f(x).requires_grad
        assert f(3.0).data.dtype == np.float64


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.sum(x, axis=3), "sum: axis 3 does not fit an array with 3 dimensions"),
        (lambda: F.sum(x, axis=(0, -3)), r"sum: axis \(0, -3\) does not fit"),
        (lambda: F.max(x, axis=-4), "max: axis -4 does not fit"),
        (lambda: F.min(x, axis=5), "min: axis 5 does not fit"),
        (lambda: F.average(x, axis=5), "average: axis 5 does not fit"),
        (lambda: F.var(x, axis=5), "var: axis 5 does not fit"),
        (lambda: F.std(x, axis=(1, 1)), r"std: axis \(1, 1\) does not fit"),
        (lambda: F.prod(x, axis=-4), "prod: axis -4 does not fit"),
        (lambda: F.logsumexp(x, axis=3), "logsumexp: axis 3 does not fit"),
        (lambda: F.cumsum(x, axis=3), "cumsum: axis 3 does not fit"),
        (lambda: F.norm(x, axis=3), "norm: axis 3 does not fit"),
        (lambda: F.norm(x, 0), "norm: ord must be a number above 0, or np.inf, got 0."),
        (lambda: F.norm(x, -np.inf), "norm: ord must be a number above 0, or np.inf, got -inf."),
        (lambda: F.norm(x, "fro"), "norm: ord must be a number above 0, or np.inf, got 'fro'."),
        (
            lambda: F.var(np.ones((2, 1)), 1, ddof=1),
            r"var: more than ddof = 1 elements are wanted, got 1 of x \(2, 1\)",
        ),
        (lambda: F.var(np.ones((2, 1)), 1, ddof=2), r"var: more than ddof = 2 elements are wanted, got 1"),
        (lambda: F.std(np.ones((2, 1)), 1, ddof=1), r"std: more than ddof = 1 elements are wanted, got 1"),
        (lambda: F.max(np.ones((0, 2)), (0, 1)), r"max: x \(0, 2\) has no elements along axis \(0, 1\); at least"),
        (lambda: F.cumsum(x, axis=-4), "cumsum: axis -4 does not fit"),
        (lambda: F.broadcast_to(x, (4, 4)), r"broadcast_to: \(2, 3, 4\) does not broadcast to \(4, 4\)"),
        (lambda: F.broadcast_to(x, (5, 3, 3, 4)), r"does not broadcast to \(5, 3, 3, 4\)"),
        (lambda: F.std(np.ones(0)), r"std: more than ddof = 0 elements are wanted, got 0 of x \(0,\)"),
        (lambda: F.max(np.ones((0, 2)), axis=0), r"max: x \(0, 2\) has no elements along axis 0; at least one is"),
        (lambda: F.min(np.ones(0)), r"min: x \(0,\) has no elements; at least one is wanted"),
        (lambda: F.logsumexp(np.ones((2, 0)), 1), r"logsumexp: x \(2, 0\) has no elements along axis 1"),
        (lambda: F.norm(np.ones(0), np.inf), r"max: x \(0,\) has no elements"),
        (lambda: F.sum_to(x, (2, 2)), r"sum_to: \(2, 3, 4\) cannot be summed to \(2, 2\)"),
        (lambda: F.sum_to(x, (1, 2, 3, 4)), "sum_to: .* does not broadcast to it"),
        (lambda: F.broadcast_to(x, (3, 4)), r"broadcast_to: \(2, 3, 4\) does not broadcast to \(3, 4\)"),
        (lambda: F.broadcast_to(x, (2, 3, 5)), r"does not broadcast to \(2, 3, 5\)"),
    ],
)
def test_what_does_not_fit_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_list_is_an_error():
    with pytest.raises(TypeError, match="sum works on Variables, arrays and numbers, got list"):
        F.sum([1.0, 2.0])
