"""Products inside of loops, against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from dezero.kernels.loops import jit

numba = pytest.importorskip("numba")
pytestmark = pytest.mark.skipif(not jit.has_product(), reason="NumPy runs on no OpenBLAS here.")


@numba.njit(nogil=True)
def products(a, b, out):
    for k in range(len(out)):
        jit.product(a, b[k], out[k])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("M", "K", "N"), [(1, 1, 1), (3, 5, 7), (30, 100, 400), (257, 129, 65)])
def test_a_product_in_a_loop_is_numpys(M, K, N, dtype):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((M, K)).astype(dtype), rng.standard_normal((2, K, N)).astype(dtype)
    out = np.full((2, M, N), np.nan, dtype)
    products(a, b, out)
    np.testing.assert_allclose(out, a @ b, rtol=1e-5 if dtype == np.float32 else 1e-12, atol=1e-4)


def test_rows_may_lie_apart():
    a, b = np.arange(6.0).reshape(2, 3), np.arange(24.0).reshape(1, 3, 8)[:, :, 2:6]
    out = np.full((1, 2, 10), -1.0)
    products(a, b, out[:, :, 3:7])
    assert np.array_equal(out[0, :, 3:7], a @ b[0])
    assert (out[0, :, :3] == -1).all() and (out[0, :, 7:] == -1).all()


def test_in_plain_python_it_is_numpys():
    a, out = np.arange(4.0).reshape(2, 2), np.empty((2, 2))
    jit.product(a, a, out)
    assert np.array_equal(out, a @ a)
