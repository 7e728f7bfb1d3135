"""Sums as products with ones are NumPy's sums, for every layout and choice of axes, and as exact."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest

from dezero import arrays
from dezero.cuda import as_numpy
from dezero.kernels.sums import cumsum, mean_along, sum_all, sum_along, sum_to
from strict_device import xp as device

SHAPES = [
    (3, 2),
    (600, 65),
    (65, 600),
    (20000, 2),
    (2, 20000),
    (30000, 1),
    (24, 8, 100),
    (3, 100, 300),
    (9, 17, 12, 11),
]


def choices(ndim):
    return [axes for n in range(ndim + 1) for axes in combinations(range(ndim), n)]


def random(shape, dtype=np.float64):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
def test_sums_and_means_are_those_of_numpy(way, shape, keepdims):
    x = random(shape)
    for axes in choices(len(shape)):
        for ours, theirs in ((sum_along, x.sum), (mean_along, x.mean)):
            expected = theirs(axis=axes, keepdims=keepdims)
            y = ours(x, axes, keepdims)
            assert y.shape == expected.shape
            assert np.allclose(y, expected, rtol=1e-12, atol=1e-11)


def test_every_order_in_memory_and_every_order_of_axes():
    shape = (9, 17, 12, 11)
    x = random(shape)
    for order in permutations(range(4)):
        laid_out = np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
        for axes in choices(4):
            assert np.allclose(sum_along(laid_out, axes[::-1]), x.sum(axis=axes), rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x[::2],
        lambda x: x[:, ::-1],
        lambda x: x[:, :50],
        lambda x: np.broadcast_to(x[:1], x.shape),
        lambda x: x.T,
    ],
    ids=["every other", "turned", "cut", "broadcast", "transposed"],
)
def test_views(view):
    x = view(random((600, 65)))
    for axes in choices(2):
        assert np.allclose(sum_along(x, axes), x.sum(axis=axes), rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64, np.uint8, np.bool_])
@pytest.mark.parametrize("ours", [sum_along, mean_along])
def test_the_dtype_is_numpys(way, ours, dtype):
    x = (random((600, 65)) > 0).astype(dtype)
    theirs = {sum_along: x.sum, mean_along: x.mean}[ours]
    for axes in choices(2):
        assert ours(x, axes).dtype == theirs(axis=axes).dtype
        assert np.allclose(ours(x, axes), theirs(axis=axes), rtol=1e-3)


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)], ids=str)
@pytest.mark.parametrize("shape", [(5000, 20), (20, 5000), (3, 1_000_000), (1_000_000, 3)], ids=str)
def test_no_more_digits_are_lost_than_by_numpy(way, shape, axes):
    x = 1 + random(shape, np.float32)
    exact = x.sum(axis=axes, dtype=np.float64)

    def error(y):
        return np.abs(y - exact).max()

    assert error(sum_along(x, axes)) <= 2 * error(x.sum(axis=axes)) + 1e-6 * np.abs(exact).max()


@pytest.mark.parametrize("shape", [(), (65,), (1, 65), (600, 1), (1, 1), (600, 65)], ids=str)
def test_sum_to_is_the_reverse_of_broadcasting(shape):
    x = random((600, 65))
    assert np.allclose(sum_to(x, shape), arrays.sum_to(x, shape), rtol=1e-12, atol=1e-11)
    assert sum_to(x, shape).shape == shape


@pytest.mark.parametrize("shape", [(64,), (2, 65), (1, 600, 65)], ids=str)
def test_sum_to_a_shape_that_does_not_fit_says_so(shape):
    with pytest.raises(ValueError, match="sum_to"):
        sum_to(random((600, 65)), shape)


def test_arrays_without_elements_and_of_one():
    assert sum_along(np.ones((0, 3)), (0,)).tolist() == [0, 0, 0]
    assert sum_along(np.ones((3, 0)), (0,)).shape == (0,)
    assert sum_along(np.array(2.0), ()) == 2
    with pytest.warns(RuntimeWarning):
        assert np.isnan(mean_along(np.ones((0, 3)), (0,))).all()


def test_infinite_and_missing_numbers_stay_in_their_column():
    x = np.ones((3000, 10))
    x[5, 1], x[7, 2] = np.inf, np.nan
    y = sum_along(x, (0,))
    assert y[1] == np.inf and np.isnan(y[2]) and y[3:].tolist() == [3000.0] * 7


def test_other_array_modules_take_their_own_sum():
    x = device.asarray(random((600, 65)))
    for axes in choices(2):
        assert type(sum_along(x, axes)) is type(x.sum(axis=axes))
    assert sum_to(x, (65,)).shape == (65,)


@pytest.mark.parametrize("size", [0, 1, 1 << 14, (1 << 14) + 4097, 1_000_003])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32])
def test_the_sum_of_all(way, size, dtype):
    x = (10 * random(size)).astype(dtype)
    y = sum_all(x)
    assert y.dtype == x.sum().dtype
    assert np.allclose(y, x.sum(), rtol=1e-4)
    if dtype == np.float32:
        exact = x.sum(dtype=np.float64)
        assert abs(y - exact) <= 2 * abs(x.sum() - exact) + 1e-7 * np.abs(x).sum(dtype=np.float64)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_in_the_sum_of_all(way, number):
    x = np.ones(30_001, np.float32)
    x[17] = number
    assert np.array_equal(sum_all(x), number, equal_nan=True)


@pytest.mark.parametrize(
    "shape", [(0, 3), (3, 1), (2, 3, 4), (1 << 15,), (1, 1 << 15), (1 << 15, 1), (300, 7, 41), (7, 5, 9, 101)]
)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-4), (np.float64, 1e-11)])
def test_cumulative_sums_are_those_of_numpy_from_either_end(way, shape, dtype, tolerance):
    x = random(shape).astype(dtype)
    before = x.copy()
    for axis in range(x.ndim):
        y = cumsum(x, axis)
        np.testing.assert_allclose(y, x.cumsum(axis), rtol=tolerance, atol=tolerance)
        turned = np.flip(np.flip(x, axis).cumsum(axis), axis)
        np.testing.assert_allclose(cumsum(x, axis, from_end=True), turned, rtol=tolerance, atol=tolerance)
        assert y.dtype == dtype
    assert np.array_equal(x, before)


def test_cumulative_sums_of_other_arrays(way):
    x = random((200, 300))
    for other in (x.T, x[::2], x[:, ::-1], (10 * x).astype(int), x.astype(np.float16), device.asarray(x)):
        assert np.allclose(as_numpy(cumsum(other, 0)), np.cumsum(as_numpy(other), 0))
        assert cumsum(other, 1).dtype == np.cumsum(as_numpy(other), 1).dtype
