from __future__ import annotations

from contextlib import contextmanager
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dezero.cuda import as_numpy
from dezero.kernels import pooling
from dezero.kernels.im2col import im2col_array


@st.composite
def cases(draw, ties=True):
    """An image with many equal numbers, in some memory order, and a window that fits it."""
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    pad = tuple(draw(st.integers(0, k - 1)) for k in kernel)
    N, C = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    more = tuple(draw(st.integers(0, k - 1 - p)) for k, p in zip(kernel, pad))  # every window sees the image
    H, W = (max(1, k - 2 * p) + draw(st.integers(0, 5)) for k, p in zip(kernel, pad))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x = rng.integers(-2, 3, (N, C, H, W)).astype(float) if ties else rng.standard_normal((N, C, H, W))
    if draw(st.booleans()):
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    return x, (kernel, stride, pad, more)


def windows_of(x, kernel, stride, pad, more, margin, beyond=None):
    """(N, C, OH, OW, KH * KW), with ``margin`` as the padding and what is ``beyond`` it."""
    PH, PW = pad
    around = np.pad(x, ((0, 0), (0, 0), (PH, PH), (PW, PW)), constant_values=margin)
    beyond = margin if beyond is None else beyond
    around = np.pad(around, ((0, 0), (0, 0), (0, more[0]), (0, more[1])), constant_values=beyond)
    col = im2col_array(around, kernel, stride, 0, to_matrix=False).transpose(0, 1, 4, 5, 2, 3)
    return col.reshape(*col.shape[:4], -1)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(cases())
def test_max_pool_takes_the_largest_of_each_window(case):
    x, how = case
    assert np.array_equal(pooling.max_pool(x, *how), windows_of(x, *how, -np.inf).max(axis=-1))


@settings(deadline=None, derandomize=True, max_examples=200)
@given(cases())
def test_the_first_of_equals_wins(case):
    x, how = case
    winners = pooling.find_winners(x, pooling.max_pool(x, *how), *how)
    assert np.array_equal(winners, windows_of(x, *how, -np.inf).argmax(axis=-1))


@settings(deadline=None, derandomize=True, max_examples=200)
@given(cases())
def test_sending_and_taking_are_adjoint(case):
    x, how = case
    y = pooling.max_pool(x, *how)
    winners = pooling.find_winners(x, y, *how)
    rng = np.random.default_rng(0)
    gy, gx = rng.standard_normal(y.shape), rng.standard_normal(x.shape)
    sent = pooling.send_to_winners(gy, winners, x.shape[2:], *how)
    taken = pooling.take_from_winners(gx, winners, *how)
    assert np.array_equal(pooling.take_from_winners(x, winners, *how), y)
    assert sent.shape == x.shape
    np.testing.assert_allclose((sent * gx).sum(), (gy * taken).sum(), rtol=1e-9, atol=1e-9)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(cases(ties=False), st.booleans())
def test_mean_pool_takes_the_mean_of_what_counts(case, with_pad):
    x, how = case
    seen = windows_of(x, *how, 0 if with_pad else np.nan, np.nan)
    y = pooling.mean_pool(x, *how, with_pad)
    np.testing.assert_allclose(y, np.nanmean(seen, axis=-1), rtol=1e-9, atol=1e-12)
    gy = np.random.default_rng(0).standard_normal(y.shape)
    back = pooling.spread_mean(gy, x.shape[2:], *how, with_pad)
    assert back.shape == x.shape
    np.testing.assert_allclose((back * x).sum(), (gy * y).sum(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.float16, np.float32])
def test_the_padding_is_below_every_number(xp, dtype):
    lowest = -np.inf if np.dtype(dtype).kind == "f" else np.iinfo(dtype).min
    x = xp.asarray(np.full((1, 1, 2, 2), lowest, dtype))
    y = pooling.max_pool(x, (2, 2), (1, 1), (1, 1))
    assert y.dtype == dtype
    assert (as_numpy(y) == lowest).all()


def test_a_window_of_more_than_256_pixels_has_one_winner():
    x = np.zeros((1, 1, 20, 20))
    x[0, 0, 19, 18] = 1
    winners = pooling.find_winners(x, np.ones((1, 1, 1, 1)), (20, 20), (1, 1), (0, 0))
    assert winners.item() == 398


@contextmanager
def a_few_images_at_a_time():
    with mock.patch.object(pooling, "_BLOCK", 1), mock.patch.object(pooling, "_WORTH_A_THREAD", 1):
        yield


@settings(deadline=None, derandomize=True, max_examples=200)
@given(cases(), st.sampled_from([np.float16, np.float32, np.float64]))
def test_a_few_images_at_a_time_come_out_as_all_at_once(case, dtype):
    x, how = case[0].astype(dtype), case[1]
    y = pooling.max_pool(x, *how)
    gy = np.random.default_rng(0).integers(-9, 9, y.shape).astype(dtype)
    wanted = pooling.send_to_winners(gy, pooling.find_winners(x, y, *how), x.shape[2:], *how)
    means, spread = pooling.mean_pool(x, *how), pooling.spread_mean(gy, x.shape[2:], *how)
    with a_few_images_at_a_time():
        assert np.array_equal(pooling.spread_mean(gy, x.shape[2:], *how), spread)
        assert np.array_equal(pooling.max_pool(x, *how), y)
        assert np.array_equal(pooling.mean_pool(x, *how), means)
        gx = pooling.max_pool_gradient(gy, x, y, *how)
    assert gx.dtype == dtype
    assert np.array_equal(gx, wanted)


def test_the_last_pixel_of_a_window_with_nan_gets_its_gradient():
    x = np.array([1.0, np.nan, 2.0, 0.0]).reshape(1, 1, 2, 2).repeat(2, axis=0)
    sizes = (2, 2), (2, 2), (0, 0)
    gy = np.full((2, 1, 1, 1), np.inf)
    wanted = pooling.max_pool_gradient(gy, x, pooling.max_pool(x, *sizes), *sizes)
    with a_few_images_at_a_time():
        gx = pooling.max_pool_gradient(gy, x, pooling.max_pool(x, *sizes), *sizes)
    assert gx.tolist() == wanted.tolist() == [[[[0, 0], [0, np.inf]]]] * 2


@settings(deadline=None, derandomize=True, max_examples=100)
@given(cases(), st.integers(1, 7), st.integers(1, 7), st.booleans())
def test_in_uneven_windows_the_first_of_equals_wins_and_nan_over_all(case, OH, OW, with_nan):
    x = case[0]
    N, C, H, W = x.shape
    if with_nan:
        x.flat[:: 1 + x.size // 3] = np.nan
    rows, columns = ([(i * n // k, -(-(i + 1) * n // k)) for i in range(k)] for n, k in ((H, OH), (W, OW)))
    places = [
        np.minimum([list(range(a, a + max(t - s for s, t in spans))) for a, _ in spans], [[b - 1] for _, b in spans]).T
        for spans in (rows, columns)
    ]
    winners = pooling.find_winning_pixels(x, *places)
    assert winners.shape == (N, C, OH, OW)
    for i, (top, bottom) in enumerate(rows):
        for j, (left, right) in enumerate(columns):
            k = x[:, :, top:bottom, left:right].reshape(N, C, -1).argmax(axis=2)
            first = (top + k // (right - left)) * W + left + k % (right - left)
            assert np.array_equal(winners[:, :, i, j], first)
