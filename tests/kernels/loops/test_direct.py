"""Convolution without copies against the reference: every kernel, stride, padding and dilation, in both precisions."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dezero import using_config
from dezero.kernels import conv, direct
from dezero.kernels.compiled import numba_version

pytestmark = pytest.mark.skipif(numba_version() is None, reason="Numba is not installed.")


def pixels(a):
    """``a`` (N, H, W, C) under the shape (N, C, H, W)."""
    return a.transpose(0, 3, 1, 2)


@st.composite
def cases(draw):
    """Images in planes and with the channels last; bands of one row to all, for one thread or two."""
    N, C, OC = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 3, 5, 17])), draw(st.sampled_from([8, 11, 16, 70]))
    kernel = draw(st.sampled_from([(1, 2), (2, 1), (3, 3), (5, 5), (2, 4)]))
    stride = draw(st.sampled_from([(1, 1), (1, 1), (2, 2), (1, 2), (3, 1)]))
    pad = draw(st.sampled_from([(0, 0), (1, 1), (2, 1), (0, 3)]))
    dilation = draw(st.sampled_from([(1, 1), (1, 1), (2, 2), (3, 1), (1, 2)]))
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    windows = draw(st.integers(1, 9)), draw(st.integers(4, 19))
    rest = draw(st.integers(0, 1))
    H, W = (max(1, (n - 1) * s + r - 2 * p + rest) for n, s, r, p in zip(windows, stride, reach, pad))
    OH, OW = ((n + 2 * p - r) // s + 1 for n, p, r, s in zip((H, W), pad, reach, stride))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    x, gy = (rng.standard_normal((N, *s)).astype(dtype) for s in ((H, W, C), (OH, OW, OC)))
    x, gy = pixels(x), pixels(gy)
    if draw(st.booleans()):
        x, gy = np.ascontiguousarray(x), np.ascontiguousarray(gy)
    filters, b = rng.standard_normal((OC, C, *kernel)).astype(dtype), rng.standard_normal(OC).astype(dtype)
    return x, filters, b if draw(st.booleans()) else None, gy, (stride, pad, dilation), draw(st.sampled_from([1, 2000]))


def assert_close(found, wanted):
    tolerance = {"rtol": 1e-4, "atol": 2e-4} if wanted.dtype == np.float32 else {"rtol": 1e-9, "atol": 1e-11}
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, **tolerance)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(cases())
def test_the_loops_equal_the_reference(case):
    x, W, b, gy, how, few = case
    before = [a.copy() for a in (x, W, gy)]
    with (
        mock.patch.object(direct, "_CACHE", few),
        mock.patch.object(direct, "_PIXELS", few),
        mock.patch.object(direct, "_WORTH_A_THREAD", few),
    ):
        direct._plan.cache_clear()
        if gy.shape[3] >= 4:
            assert_close(direct.conv2d(x, W, b, *how), conv.conv2d_reference(x, W, b, *how))
        gW = direct.conv2d_weight(x, gy, W.shape[2:], *how)
    direct._plan.cache_clear()
    assert_close(gW, conv.conv2d_weight_reference(x, gy, W.shape[2:], *how))
    assert gW.base is None
    assert all(np.array_equal(a, b) for a, b in zip(before, (x, W, gy)))


@pytest.mark.parametrize("pad, dilation", [((0, 0), (1, 1)), ((1, 1), (1, 1)), ((2, 1), (1, 2))])
def test_the_gradient_by_the_image_is_a_convolution_with_the_filters_flipped(pad, dilation):
    rng = np.random.default_rng(0)
    W, b = rng.standard_normal((3, 16, 3, 3)), rng.standard_normal(16)
    x = rng.standard_normal((2, 3, 40, 40))
    size = tuple(n + 2 * d - 2 * p for n, p, d in zip((40, 40), pad, dilation))
    with mock.patch.object(direct, "conv2d", side_effect=direct.conv2d) as called:
        y = conv.deconv2d(x, W, b, (1, 1), pad, size, dilation)
    assert called.called
    assert_close(y, conv.deconv2d_reference(x, W, b, (1, 1), pad, size, dilation))


def test_a_gradient_that_grows_much_is_added_up_instead():
    x, W = np.ones((2, 3, 8, 8)), np.ones((3, 16, 5, 5))
    with mock.patch.object(direct, "conv2d", side_effect=AssertionError):
        y = conv.deconv2d(x, W, None, (1, 1), (0, 0), (12, 12))
    assert_close(y, conv.deconv2d_reference(x, W, None, (1, 1), (0, 0), (12, 12)))


def test_what_is_outside_of_an_image_is_zero_whatever_the_image_before_had_there():
    x = np.full((2, 3, 8, 8), np.nan, np.float32)
    x[1] = 1
    W = np.ones((8, 3, 5, 5), np.float32)
    y = direct.conv2d(x, W, None, (1, 1), (2, 2))
    assert np.isnan(y[0]).all()
    assert_close(y[1:], conv.conv2d_reference(x[1:], W, None, (1, 1), (2, 2)))


def test_an_infinite_pixel_reaches_the_windows_that_see_it_alone():
    x = np.ones((1, 2, 9, 12), np.float32)
    x[0, 0, 4, 4] = np.inf
    y = direct.conv2d(x, np.ones((8, 2, 3, 3), np.float32), None, (1, 1), (1, 1))
    seen = np.zeros((9, 12), bool)
    seen[3:6, 3:6] = True
    assert (np.isinf(y[0]) == seen).all()


def test_a_long_sum_of_single_precision_keeps_its_digits():
    x = np.random.default_rng(0).random((4, 1, 200, 200)).astype(np.float32)
    gy = np.ones((4, 8, 198, 198), np.float32)
    gW = direct.conv2d_weight(x, gy, (3, 3), (1, 1), (0, 0))
    exact = conv.conv2d_weight_reference(x.astype(float), gy.astype(float), (3, 3), (1, 1), (0, 0))
    np.testing.assert_allclose(gW, exact, rtol=2e-6)


def test_two_threads_give_the_same_gradient_every_time():
    rng = np.random.default_rng(0)
    x, gy = (rng.standard_normal((32, c, 12, 12)).astype(np.float32) for c in (3, 32))
    first = direct.conv2d_weight(x, gy, (5, 5), (1, 1), (2, 2))
    assert all(np.array_equal(direct.conv2d_weight(x, gy, (5, 5), (1, 1), (2, 2)), first) for _ in range(5))


def test_they_are_taken_between_few_channels():
    x, size = np.ones((2, 3, 8, 8), np.float32), (8, 8)
    assert direct.pays(x, (16, 3, 3, 3), size)
    assert direct.pays_to_weigh(x, (16, 3, 3, 3))
    assert not direct.pays(x, (16, 3, 1, 1), size)
    assert not direct.pays(x, (4, 3, 3, 3), size)
    assert not direct.pays(x, (256, 256, 3, 3), size)
    assert not direct.pays(x, (16, 3, 3, 3), (8, 3))
    assert not direct.pays_to_weigh(x, (16, 64, 3, 3))
    assert not direct.pays(x.astype(int), (16, 3, 3, 3), size)
    with using_config("numba", False):
        assert not direct.pays(x, (16, 3, 3, 3), size)
        assert not direct.pays_to_weigh(x, (16, 3, 3, 3))


def test_a_batch_of_none_gives_none():
    x, gy = np.ones((0, 3, 8, 8)), np.ones((0, 16, 8, 8))
    assert direct.conv2d(x, np.ones((16, 3, 3, 3)), None, (1, 1), (1, 1)).shape == (0, 16, 8, 8)
    assert not direct.conv2d_weight(x, gy, (3, 3), (1, 1), (1, 1)).any()
