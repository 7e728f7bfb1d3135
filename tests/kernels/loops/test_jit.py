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


@numba.njit(nogil=True)
def added(a, b, out, factor, keep):
    jit.add_product(a, b, out, factor, keep)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("M", "K", "N"), [(1, 1, 1), (1, 7, 1), (3, 1, 7), (1, 5, 4), (33, 65, 17)])
def test_a_product_is_added_whichever_way_its_operands_lie(M, K, N, dtype):
    rng = np.random.default_rng(0)
    factor, keep = dtype(0.3), dtype(2)
    a, b = rng.standard_normal((M, K)).astype(dtype), rng.standard_normal((K, N)).astype(dtype)
    before = rng.standard_normal((M, N)).astype(dtype)
    for one in (a, np.array(a.T).T, np.repeat(a, 2, axis=0)[::2]):
        for other in (b, np.array(b.T).T):
            for function in (added, added.py_func):
                out = np.full((M, N + 2), 7, dtype)
                out[:, 1:-1] = before
                function(one, other, out[:, 1:-1], factor, keep)
                np.testing.assert_allclose(out[:, 1:-1], 2 * before + 0.3 * (a @ b), rtol=1e-4, atol=1e-4)
                assert (out[:, [0, -1]] == 7).all()
                out[:] = np.nan
                function(one, other, out[:, 1:-1], factor, dtype(0))
                np.testing.assert_allclose(out[:, 1:-1], 0.3 * (a @ b), rtol=1e-4, atol=1e-4)


def test_a_single_row_may_have_any_stride():
    a = np.lib.stride_tricks.as_strided(np.arange(3.0), (1, 3), (8, 8))
    b, out = np.arange(12.0).reshape(1, 3, 4), np.empty((1, 1, 4))
    products(a, b, np.lib.stride_tricks.as_strided(out, out.shape, (8, 8, 8)))
    assert np.array_equal(out[0], a @ b[0])


def test_in_plain_python_it_is_numpys():
    a, out = np.arange(4.0).reshape(2, 2), np.empty((2, 2))
    jit.product(a, a, out)
    assert np.array_equal(out, a @ a)


def test_where_nothing_can_be_kept_on_disk_a_loop_is_compiled_all_the_same(monkeypatch):
    njit = numba.njit

    def refuse(*args, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function 'twice': no locator available")
        return njit(*args, **options)

    monkeypatch.setattr(jit.numba, "njit", refuse)

    @jit.loop
    def twice(x):
        for i in range(len(x)):
            x[i] *= 2

    x = np.arange(3.0)
    twice(x)
    assert x.tolist() == [0, 2, 4]
