"""For whatever shapes and axes are drawn: reductions are NumPy's, and gradients are their formulas, or derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dezero import Variable, grad
from dezero import functions as F
from dezero.testing import check_grads

DRAWN = settings(max_examples=60, deadline=None)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=1, max_side=4)


def normal(data, shape):
    return np.random.default_rng(data.draw(st.integers(0, 99))).standard_normal(shape)


def draw_axis(data, ndim):
    """None, one axis or several, some of them counted from the end."""
    if not ndim or data.draw(st.integers(0, 3)) == 0:
        return None
    axes = data.draw(hnp.valid_tuple_axes(ndim, min_size=1))
    return axes[0] if len(axes) == 1 and data.draw(st.booleans()) else axes


def kept(y, x, axis):
    """A reduced array with the axes it lost, as length 1."""
    axes = range(x.ndim) if axis is None else [a % x.ndim for a in np.atleast_1d(axis)]
    return y.reshape([1 if i in axes else n for i, n in enumerate(x.shape)])


def log_sum(x, **options):
    return np.log(np.exp(x).sum(**options))


def length(x, **options):
    return np.sqrt((x * x).sum(**options))


# name -> what NumPy says, and the gradient by each element, from x, the result (kept) and the number of elements
REDUCTIONS = {
    "sum": (np.sum, lambda x, y, n: np.ones_like(x)),
    "average": (np.mean, lambda x, y, n: np.full_like(x, 1 / n)),
    "max": (np.max, lambda x, y, n: (x == y) * 1.0),
    "min": (np.min, lambda x, y, n: (x == y) * 1.0),
    "prod": (np.prod, lambda x, y, n: y / x),
    "logsumexp": (log_sum, lambda x, y, n: np.exp(x - y)),
    "norm": (length, lambda x, y, n: x / y),
}


@pytest.mark.parametrize("name", REDUCTIONS)
@DRAWN
@given(data=st.data())
def test_a_reduction_is_numpys_and_its_gradient_is_its_formula(name, data):
    x = normal(data, data.draw(SHAPES))
    axis, keepdims = draw_axis(data, x.ndim), data.draw(st.booleans())
    reference, slope = REDUCTIONS[name]
    v = Variable(x)
    options = {"axis": axis, "keepdims": keepdims}
    y = F.norm(v, 2, **options) if name == "norm" else getattr(F, name)(v, **options)
    expected = reference(x, **options)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y.data, expected, rtol=1e-9, atol=1e-12)
    weights = normal(data, y.shape)
    (gx,) = grad([(y * weights).sum()], [v])
    n = x.size // max(y.size, 1)
    np.testing.assert_allclose(
        gx.data, kept(weights, x, axis) * slope(x, kept(expected, x, axis), n), rtol=1e-7, atol=1e-9
    )


@pytest.mark.parametrize("name", ["var", "std"])
@DRAWN
@given(data=st.data())
def test_variance_and_deviation_are_numpys_and_their_gradients_are_their_formulas(name, data):
    x = normal(data, data.draw(SHAPES))
    axis, keepdims = draw_axis(data, x.ndim), data.draw(st.booleans())
    n = x.size // np.sum(x, axis=axis).size
    ddof = data.draw(st.sampled_from([0, 0.5] + [1] * (n > 1)))
    v = Variable(x)
    y = getattr(F, name)(v, axis, ddof, keepdims)
    expected = getattr(np, name)(x, axis=axis, ddof=ddof, keepdims=keepdims)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y.data, expected, rtol=1e-9, atol=1e-14)
    weights = normal(data, y.shape)
    slope = (x - x.mean(axis=axis, keepdims=True)) / (n - ddof)
    if name == "var":
        slope = slope * 2
    elif n > 1:
        slope = slope / kept(expected, x, axis)
    (gx,) = grad([(y * weights).sum()], [v])
    np.testing.assert_allclose(gx.data, kept(weights, x, axis) * slope, rtol=1e-7, atol=1e-9)


@DRAWN
@given(st.data())
def test_a_product_differentiates_three_times_wherever_zeros_are(data):
    x = normal(data, data.draw(hnp.array_shapes(max_dims=3, max_side=5)))
    x[data.draw(hnp.arrays(bool, x.shape))] = 0
    axis = draw_axis(data, x.ndim)
    np.testing.assert_allclose(F.prod(x, axis).data, x.prod(axis=axis), rtol=1e-12)
    check_grads(lambda x: F.prod(x, axis), x, order=3)


@DRAWN
@given(st.data(), st.sampled_from([0.5, 1, 1.5, 2, 2.5, 3, 6, np.inf]))
def test_a_norm_is_that_of_the_definition_and_its_gradient_points_along_it(data, p):
    x = normal(data, data.draw(SHAPES))
    axis = draw_axis(data, x.ndim)
    v = Variable(x)
    y = F.norm(v, p, axis)
    sizes = np.abs(x)
    expected = sizes.max(axis=axis) if p == np.inf else (sizes**p).sum(axis=axis) ** (1 / p)
    np.testing.assert_allclose(y.data, expected, rtol=1e-9)
    (gx,) = grad([y], [v])
    np.testing.assert_allclose((gx.data * x).sum(axis=axis), y.data, rtol=1e-9)  # as f(t x) = t f(x)


@DRAWN
@given(st.data())
def test_cumsum_is_numpys_and_its_gradient_sums_from_the_end(data):
    x = normal(data, data.draw(hnp.array_shapes(max_dims=3, max_side=4, min_side=0)))
    axis = data.draw(st.sampled_from([None, *range(-x.ndim, x.ndim)]))
    v = Variable(x)
    y = F.cumsum(v, axis)
    np.testing.assert_array_equal(y.data, np.cumsum(x, axis))
    weights = normal(data, y.shape)
    (gx,) = grad([(y * weights).sum()], [v])
    back = np.flip(np.cumsum(np.flip(weights, axis or 0), axis or 0), axis or 0)
    np.testing.assert_allclose(gx.data, back.reshape(x.shape), rtol=1e-12, atol=1e-12)


@DRAWN
@given(st.data())
def test_broadcast_to_and_sum_to_are_each_others_gradient(data):
    drawn = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=1, base_shape=(2, 3, 4), max_dims=3))
    shape = drawn.input_shapes[0]
    if np.broadcast_shapes(shape, (2, 3, 4)) != (2, 3, 4):
        shape = (3, 1)
    x, z = normal(data, shape), normal(data, (2, 3, 4))
    v, w = Variable(x), Variable(z)
    y, s = F.broadcast_to(v, z.shape), F.sum_to(w, shape)
    np.testing.assert_array_equal(y.data, np.broadcast_to(x, z.shape))
    np.testing.assert_allclose((s.data * x).sum(), (y.data * z).sum(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(grad(y, v, Variable(z)).data, s.data, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(grad(s, w, Variable(x)).data, y.data)
    copies = z.size // x.size
    np.testing.assert_allclose(F.sum_to(y, shape).data, x * copies, rtol=1e-12)
