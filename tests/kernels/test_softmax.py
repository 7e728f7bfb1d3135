"""Softmax and the logarithm of its sum against the reference: numbers of any size, layouts, precisions."""

from __future__ import annotations

import numpy as np
import pytest

from dezero import arrays
from dezero.kernels.softmax import _is_fast, logsumexp, softmax, softmax_reference


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 3e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0, 1e30])
@pytest.mark.parametrize("shape", [(900, 700), (3, 40, 50), (4097, 1), (1, 5000)])
def test_on_large_arrays_it_is_what_the_reference_is(shape, scale, dtype, tolerance):
    x = (scale * np.random.default_rng(0).standard_normal(shape)).astype(dtype)
    before = x.copy()
    assert _is_fast(x, x.ndim - 1)
    for axis in range(x.ndim):
        p, log_total = softmax(x, axis)
        expected = softmax_reference(x, axis)
        assert p.dtype == log_total.dtype == dtype and log_total.shape == expected[1].shape
        np.testing.assert_allclose(p, expected[0], rtol=20 * tolerance, atol=1e-30)
        np.testing.assert_allclose(log_total, expected[1], rtol=tolerance, atol=20 * tolerance)
        np.testing.assert_allclose(logsumexp(x, axis), arrays.logsumexp(x, axis), rtol=tolerance, atol=20 * tolerance)
    assert np.array_equal(x, before)


def test_minus_infinity_has_no_weight_and_nan_spreads_along_its_row():
    x = np.zeros((100, 100), np.float32)
    x[0, 3], x[1, 3] = -np.inf, np.nan
    p, log_total = softmax(x, 1)
    assert p[0, 3] == 0 and log_total[0, 0] == pytest.approx(np.log(99))
    assert np.isnan(p[1]).all() and np.isfinite(p[2:]).all()


def test_other_layouts_and_types_are_left_to_the_reference():
    x = np.ones((100, 100), np.float32)
    assert _is_fast(x, 1)
    for other, axis in ((x, 0), (x.T[:, :50], 1), (x.astype(np.float16), 1), (x[:5, :5], 1), ([1.0], 0)):
        assert not _is_fast(other, axis)
    assert softmax(x.astype(np.float16), 1)[0].dtype == np.float16
