"""Compiled pooling against NumPy's, on images with the channels last: odd numbers of channels, ties, NaN, rest rows."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dezero import using_config
from dezero.kernels import pooling
from dezero.kernels.compiled import numba_version

pytestmark = pytest.mark.skipif(numba_version() is None, reason="Numba is not installed.")


@st.composite
def cases(draw):
    kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    stride = kernel if draw(st.booleans()) else draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    pad = tuple(draw(st.integers(0, k - 1)) for k in kernel)
    more = tuple(draw(st.integers(0, k - 1 - p)) for k, p in zip(kernel, pad))
    C, dtype = draw(st.sampled_from([16, 17, 32, 39])), draw(st.sampled_from([np.float32, np.float64]))
    N, (H, W) = draw(st.integers(1, 3)), (max(1, k - 2 * p) + draw(st.integers(0, 5)) for k, p in zip(kernel, pad))
    x = np.random.default_rng(draw(st.integers(0, 99))).integers(-2, 3, (N, H, W, C)).astype(dtype)
    return x.transpose(0, 3, 1, 2), (kernel, stride, pad, more)


def both_ways(function, *args):
    with using_config("numba", False):
        wanted = function(*args)
    with mock.patch.object(pooling, "_WORTH_A_THREAD", 1):
        found = function(*args)
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    return found, wanted


@settings(deadline=None, derandomize=True, max_examples=150)
@given(cases(), st.booleans())
def test_the_maximum_and_its_gradient_are_those_of_numpy(case, with_nan):
    x, how = case
    if with_nan:
        x[0, 3, 0, 0] = np.nan
    assert pooling._loops(x) is not None
    y, wanted = both_ways(pooling.max_pool, x, *how)
    np.testing.assert_array_equal(y, wanted)
    gy = np.random.default_rng(0).integers(-9, 9, y.shape).astype(x.dtype)
    before = gy.copy(), x.copy(), y.copy()
    for given_gradient in (gy, np.ascontiguousarray(gy.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)):
        gx, wanted = both_ways(pooling.max_pool_gradient, given_gradient, x, y, *how)
        np.testing.assert_array_equal(gx, wanted)
    for now, then in zip((gy, x, y), before):
        np.testing.assert_array_equal(now, then)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(cases(), st.booleans())
def test_the_mean_and_its_gradient_are_those_of_numpy(case, with_pad):
    x, how = case
    y, wanted = both_ways(pooling.mean_pool, x, *how, with_pad)
    np.testing.assert_allclose(y, wanted, rtol=1e-6, atol=1e-6)
    gx, wanted = both_ways(pooling.spread_mean, y, x.shape[2:], *how, with_pad)
    np.testing.assert_allclose(gx, wanted, rtol=1e-6, atol=1e-6)


def test_few_channels_and_other_orders_of_memory_are_left_to_numpy():
    x = np.ones((2, 8, 8, 16), np.float32).transpose(0, 3, 1, 2)
    assert pooling._loops(x) is not None
    for other in (x[:, :8], np.ascontiguousarray(x), x.astype(np.float16), x.astype(int)):
        assert pooling._loops(other) is None


@settings(deadline=None, derandomize=True, max_examples=100)
@given(cases(), st.booleans())
def test_the_gradient_of_channels_first_goes_where_it_goes_in_numpy(case, with_nan):
    x, how = case
    x = np.ascontiguousarray(x[:, :3])
    if with_nan:
        x[0, 2, 0, 0] = np.nan
    y = pooling.max_pool(x, *how)
    gy = np.random.default_rng(0).integers(-9, 9, y.shape).astype(x.dtype)
    gx, wanted = both_ways(pooling.max_pool_gradient, gy, x, y, *how)
    np.testing.assert_array_equal(gx, wanted)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_and_gradients_own_their_memory(dtype):
    """A leaf copies a gradient that is a view of another array, which takes longer than to compute it."""
    x, how = np.ones((2, 8, 8, 16), dtype).transpose(0, 3, 1, 2), ((2, 2), (2, 2), (0, 0))
    y, mean = pooling.max_pool(x, *how), pooling.mean_pool(x, *how)
    for made in (y, mean, pooling.max_pool_gradient(y, x, y, *how), pooling.spread_mean(y, (8, 8), *how)):
        assert made.base is None
        assert made.strides[1] == made.itemsize


@pytest.mark.parametrize("shape", [(1, 16, 0, 4), (0, 16, 4, 4), (1, 3, 0, 4), (0, 3, 4, 4)])
def test_images_without_pixels_give_what_numpy_gives(shape):
    x, how = np.ones((shape[0], *shape[2:], shape[1])).transpose(0, 3, 1, 2), ((2, 2), (1, 1), (1, 1))
    for image in (x, np.ascontiguousarray(x)):
        y, wanted = both_ways(pooling.max_pool, image, *how)
        np.testing.assert_array_equal(y, wanted)
        gx, wanted = both_ways(pooling.max_pool_gradient, np.ones_like(y), image, y, *how)
        np.testing.assert_array_equal(gx, wanted)
        mean, wanted = both_ways(pooling.mean_pool, image, *how)
        np.testing.assert_array_equal(mean, wanted)
