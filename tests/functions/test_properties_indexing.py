"""For whatever shapes and indices are drawn: picking, joining and sorting are NumPy's, and gradients go back."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dezero import Variable, grad
from dezero import functions as F
from dezero.testing import check_grads

DRAWN = settings(max_examples=60, deadline=None)
SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)


def normal(data, shape):
    return np.random.default_rng(data.draw(st.integers(0, 99))).standard_normal(shape)


def check_get_item(x, index, data):
    v = Variable(x)
    y = F.get_item(v, index)
    expected = np.asarray(x[index])
    assert y.shape == expected.shape
    np.testing.assert_array_equal(y.data, expected)
    weights = normal(data, y.shape)
    (gx,) = grad([(y * weights).sum()], [v])
    added = np.zeros_like(x)
    np.add.at(added, index, weights)
    np.testing.assert_allclose(gx.data, added, rtol=1e-12, atol=1e-12)
    check_grads(lambda x: F.get_item(x, index) ** 2, x)


@DRAWN
@given(st.data())
def test_get_item_with_basic_indices_is_numpys_and_its_gradient_is_added_there(data):
    x = normal(data, data.draw(SHAPES))
    check_get_item(x, data.draw(hnp.basic_indices(x.shape, allow_newaxis=True, allow_ellipsis=True)), data)


@DRAWN
@given(st.data())
def test_get_item_with_integer_arrays_is_numpys_and_its_gradient_is_added_there(data):
    x = normal(data, data.draw(SHAPES))
    result = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
    index = data.draw(hnp.integer_array_indices(x.shape, result_shape=result))
    spared = data.draw(st.integers(0, x.ndim - 1))  # an axis that a slice takes, or none
    if data.draw(st.booleans()) and x.ndim > 1:
        index = (*index[:spared], slice(None), *index[spared + 1 :])
    check_get_item(x, index, data)


@DRAWN
@given(st.data())
def test_get_item_with_masks_is_numpys_and_its_gradient_is_added_there(data):
    x = normal(data, data.draw(SHAPES))
    n = data.draw(st.integers(1, x.ndim))
    check_get_item(x, data.draw(hnp.arrays(bool, x.shape[:n])), data)


@DRAWN
@given(st.data())
def test_take_along_axis_is_numpys_and_its_gradient_is_added_there(data):
    x = normal(data, data.draw(SHAPES))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    shape = [data.draw(st.sampled_from([1, n])) for n in x.shape]
    shape[axis] = data.draw(st.integers(0, 5))
    indices = data.draw(hnp.arrays(int, tuple(shape), elements=st.integers(-x.shape[axis], x.shape[axis] - 1)))
    v = Variable(x)
    y = F.take_along_axis(v, indices, axis)
    expected = np.take_along_axis(x, indices, axis)
    np.testing.assert_array_equal(y.data, expected)
    weights = normal(data, y.shape)
    (gx,) = grad([(y * weights).sum()], [v])
    grid = list(np.ogrid[tuple(slice(n) for n in x.shape)])
    grid[axis] = indices
    added = np.zeros_like(x)
    np.add.at(added, tuple(grid), weights)
    np.testing.assert_allclose(gx.data, added, rtol=1e-12, atol=1e-12)


@DRAWN
@given(st.data())
def test_gather_and_scatter_add_are_each_others_gradient(data):
    x = normal(data, data.draw(SHAPES))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    shape = [data.draw(st.integers(0, n)) for n in x.shape]
    shape[axis] = data.draw(st.integers(0, 5))
    indices = data.draw(hnp.arrays(int, tuple(shape), elements=st.integers(-x.shape[axis], x.shape[axis] - 1)))
    src = normal(data, tuple(shape))
    v, w = Variable(x), Variable(src)
    picked, added = F.gather(v, indices, axis), F.scatter_add(np.zeros_like(x), indices, w, axis)
    for place in np.ndindex(*shape):
        source = list(place)
        source[axis] = indices[place]
        assert picked.data[place] == x[tuple(source)]
    np.testing.assert_allclose(added.data, grad(picked, v, Variable(src)).data, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(grad(added, w, Variable(x)).data, picked.data)
    np.testing.assert_allclose(added.data.sum(), src.sum(), rtol=1e-9, atol=1e-12)


@DRAWN
@given(st.data())
def test_split_undoes_concat_and_its_gradient_joins(data):
    x = normal(data, data.draw(SHAPES))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    cuts = sorted(data.draw(st.lists(st.integers(0, x.shape[axis] + 1), max_size=3)))
    v = Variable(x)
    parts = F.split(v, cuts, axis)
    for found, expected in zip(parts, np.split(x, cuts, axis), strict=True):
        np.testing.assert_array_equal(found.data, expected)
    whole = F.concat(parts, axis)
    np.testing.assert_array_equal(whole.data, x)
    weights = normal(data, x.shape)
    np.testing.assert_array_equal(grad(whole, v, Variable(weights)).data, weights)
    slices = F.unstack(v, axis)
    np.testing.assert_array_equal(F.stack(slices, axis).data, x)
    np.testing.assert_array_equal(grad(F.stack(slices, axis), v, Variable(weights)).data, weights)


@DRAWN
@given(st.data())
def test_what_moves_elements_keeps_their_inner_product_with_the_gradient(data):
    """Each of these is linear and moves or copies elements: y is NumPy's, and gy . y = gx . x."""
    x = normal(data, data.draw(SHAPES))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    other = data.draw(st.integers(-x.ndim, x.ndim - 1))
    n = data.draw(st.integers(0, 3))
    counts = data.draw(st.lists(st.integers(0, 3), min_size=x.shape[axis], max_size=x.shape[axis]))
    widths = [(data.draw(st.integers(0, 3)), data.draw(st.integers(0, 3))) for _ in x.shape]
    calls = [
        ("repeat", (n, axis)),
        ("repeat", (counts, axis)),
        ("tile", (tuple(data.draw(st.lists(st.integers(0, 2), max_size=5))),)),
        ("flip", (axis,)),
        ("roll", (data.draw(st.integers(-9, 9)), data.draw(st.sampled_from([None, axis])))),
        ("pad", (widths, "constant")),
        ("pad", (widths, "edge")),
        ("moveaxis", (axis, other)),
        ("swapaxes", (axis, other)),
    ]
    if all(max(w) < m for w, m in zip(widths, x.shape)):  # beyond, NumPy's versions differ
        calls.append(("pad", (widths, "reflect")))
    for name, args in calls:
        v = Variable(x)
        y = getattr(F, name)(v, *args)
        np.testing.assert_array_equal(y.data, getattr(np, name)(x, *args))
        gy = normal(data, y.shape)
        gx = grad(y, v, Variable(gy)).data
        np.testing.assert_allclose((gx * x).sum(), (gy * y.data).sum(), rtol=1e-9, atol=1e-9)


@DRAWN
@given(st.data())
def test_sort_and_topk_are_numpys_and_gradients_go_back_in_place(data):
    shape = data.draw(SHAPES)
    x = data.draw(hnp.arrays(float, shape, elements=st.integers(-3, 3)))  # with many ties
    axis, descending = data.draw(st.integers(-x.ndim, x.ndim - 1)), data.draw(st.booleans())
    expected = np.argsort(-x if descending else x, axis=axis, kind="stable")
    v = Variable(x)
    values, indices = F.sort(v, axis, descending)
    np.testing.assert_array_equal(indices.data, expected)
    np.testing.assert_array_equal(values.data, np.take_along_axis(x, expected, axis))
    weights = normal(data, shape)
    back = np.zeros(shape)
    np.put_along_axis(back, expected, weights, axis)
    np.testing.assert_array_equal(grad(values, v, Variable(weights)).data, back)

    k = data.draw(st.integers(0, shape[axis]))
    first, where = F.topk(v, k, axis, largest=descending)
    np.testing.assert_array_equal(where.data, np.take(expected, range(k), axis))
    np.testing.assert_array_equal(first.data, np.take(values.data, range(k), axis))
