"""Products of matrices against NumPy's, with and without a vector on top."""

from __future__ import annotations

import numpy as np
import pytest

from dezero.kernels.products import affine, product


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7), (200, 1, 90), (0, 3, 4), (3, 0, 4), (129, 65, 257)])
def test_x_W_plus_b(way, shape, dtype):
    (M, K, N), rng = shape, np.random.default_rng(0)
    x, W, b = (rng.standard_normal(size).astype(dtype) for size in ((M, K), (K, N), N))
    before = x.copy(), W.copy(), b.copy()
    y = affine(x, W, b)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, x.astype(float) @ W + b, rtol=1e-4, atol=1e-4 if dtype == np.float32 else 1e-12)
    assert all(np.array_equal(*pair) for pair in zip(before, (x, W, b)))
    np.testing.assert_allclose(product(x, W), x @ W, rtol=1e-6)


def test_any_layout_and_mixed_precision(way):
    rng = np.random.default_rng(0)
    x, W, b = rng.standard_normal((40, 200)).T, rng.standard_normal((90, 40)).T, rng.standard_normal(180)[::2]
    np.testing.assert_allclose(affine(x, W, b), x @ W + b, rtol=1e-12)
    y = affine(x.astype("f"), W.astype("f"), b)
    assert y.dtype == np.float64


def test_nan_and_infinity_stay_in_their_rows(way):
    x, W, b = np.ones((200, 30)), np.ones((30, 100)), np.zeros(100)
    x[3, 4], x[5, 6] = np.nan, np.inf
    y = affine(x, W, b)
    assert np.isnan(y[3]).all() and np.isinf(y[5]).all() and np.isfinite(np.delete(y, [3, 5], axis=0)).all()
