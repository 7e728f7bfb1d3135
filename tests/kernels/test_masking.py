"""Masking: some elements stay, zeros take the place of the others."""

from __future__ import annotations

import numpy as np
import pytest

from dezero.cuda import as_numpy
from dezero.kernels import masking
from dezero.kernels.masking import keep_above_zero, keep_where, keep_where_above_zero, scale_by


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32])
def test_what_is_not_kept_is_zero_whatever_it_was(xp, dtype):
    bad = [1, 2] if dtype is np.int32 else [np.nan, np.inf]
    x = xp.asarray(np.array([*bad, -3, 4], dtype))
    kept = keep_where(xp.asarray(np.array([False, False, True, False])), x)
    assert kept.dtype == dtype
    assert as_numpy(kept).tolist() == [0, 0, -3, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_arrays_too(dtype, way):
    rng = np.random.default_rng(0)
    for shape in ((513,), (40, 17), (7, 90_001)):
        x = rng.standard_normal(shape).astype(dtype)
        x.flat[3::50] = np.nan
        for condition in (rng.random(shape) < 0.5, rng.random(shape[::-1]).T < 0.5, rng.integers(0, 2, shape)):
            assert np.array_equal(keep_where(condition, x), np.where(condition, x, 0), equal_nan=True)


SHAPES = [(), (0,), (5,), (40, 17), (6, 5, 9, 7), (7, 90_001)]


def seen(x):
    """``x`` in several memory orders, one of them with gaps."""
    yield x
    yield x.T.copy().T
    yield np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_in_blocks_the_same_is_kept_as_at_once(shape, dtype, way, monkeypatch):
    monkeypatch.setattr(masking, "_BLOCK", 16 if len(shape) > 2 else 1 << 14)
    monkeypatch.setattr(masking, "_LEAST", 16)
    rng = np.random.default_rng(0)
    for x in seen(rng.standard_normal(shape).astype(dtype)):
        y = keep_above_zero(x)
        assert np.array_equal(y, masking.keep_above_zero_reference(x))
        assert np.shape(y) == shape
        for gy in seen(rng.standard_normal(shape).astype(dtype)):
            kept = keep_where_above_zero(gy, y)
            assert np.array_equal(kept, masking.keep_where_above_zero_reference(gy, y))
            assert kept.dtype == dtype


def test_what_is_kept_lies_in_memory_as_it_did(way, monkeypatch):
    monkeypatch.setattr(masking, "_BLOCK", 16)
    monkeypatch.setattr(masking, "_LEAST", 16)
    x = np.random.default_rng(0).standard_normal((4, 6, 7, 9)).transpose(0, 3, 1, 2)
    assert keep_above_zero(x).strides == keep_where_above_zero(x.copy(), x).strides == x.strides


def test_above_zero_nan_stays_and_minus_zero_is_not_above(xp):
    x = xp.asarray(np.array([np.nan, -0.0, 0.0, -1.0, 2.0]))
    y = as_numpy(keep_above_zero(x))
    assert np.isnan(y[0])
    assert y[1:].tolist() == [0, 0, 0, 2]
    assert as_numpy(keep_where_above_zero(xp.ones(5), x)).tolist() == [0, 0, 0, 0, 1]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5,), (7, 9), (1, 40), (6, 5, 9, 7), (6, 1, 9, 7), (1, 1, 33)])
def test_a_mask_of_elements_or_of_channels_scales_them(shape, dtype, way, monkeypatch):
    monkeypatch.setattr(masking, "_SCALED_WORTH_A_THREAD", 8)
    rng = np.random.default_rng(0)
    for x in seen(rng.standard_normal(shape).astype(dtype)):
        for wide in (x.shape, (*x.shape[:2], *[1] * (x.ndim - 2))):
            mask = 2 * (rng.random(wide) < 0.5).astype(dtype)
            y = scale_by(mask, x)
            assert np.array_equal(y, x * mask) and y.dtype == dtype
