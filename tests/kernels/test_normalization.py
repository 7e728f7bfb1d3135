"""Batch normalisation in few passes: the same as its reference, whatever the mean, the sizes and the memory order."""

from __future__ import annotations

import numpy as np
import pytest

from dezero.kernels import normalization as kernels
from dezero.kernels import parallel

SHAPES = [(40, 128), (4099, 3), (8, 16, 9, 11), (3, 5, 50, 40), (2, 5000, 1, 2), (6, 7, 200), (2, 4, 8, 10, 12)]


def batch(shape, offset=0.0, dtype=np.float64, last=True):
    """Channels with means about ``offset``, last in memory or not."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape) + offset + rng.standard_normal((shape[1], *(1 for _ in shape[2:])))
    return as_last(x.astype(dtype)) if last else x.astype(dtype)


def as_last(x):
    order = (0, *range(2, x.ndim), 1)
    return np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))


def results(x, prefix=""):
    """All that is computed for ``x``, fast or by the references."""
    f = {name: getattr(kernels, name + prefix) for name in ("moments", "normalize", "sums", "input_gradient")}
    rng = np.random.default_rng(1)
    gy, (gamma, beta) = rng.standard_normal(x.shape), rng.standard_normal((2, x.shape[1]))
    gy, gamma, beta = kernels.in_order_of(x, gy.astype(x.dtype)), gamma.astype(x.dtype), beta.astype(x.dtype)
    mean, var = f["moments"](x)
    inv_std = (var + 1e-5) ** -0.5
    total, products = f["sums"](gy, x, mean, inv_std)
    y = f["normalize"](x, mean, inv_std, gamma, beta)
    return mean, var, y, total, products, f["input_gradient"](gy, x, mean, inv_std, gamma, total, products)


@pytest.fixture
def small_blocks(monkeypatch):
    """So that small arrays have many blocks and several threads."""
    monkeypatch.setattr(kernels, "_FEW", 1)
    monkeypatch.setattr(kernels, "_BLOCK", 1 << 10)
    monkeypatch.setattr(kernels, "_WIDTH", 1 << 8)
    monkeypatch.setattr(parallel, "threads", lambda: 3)
    parallel._waiting.cache_clear()
    kernels._pixels_in_a_row.cache_clear()
    yield
    parallel._waiting.cache_clear()
    kernels._pixels_in_a_row.cache_clear()


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("offset", [0.0, 1.0, 300.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_fast_way_finds_what_the_reference_finds(small_blocks, shape, offset, last):
    x = batch(shape, offset, last=last)
    for found, wanted in zip(results(x), results(x, "_reference")):
        assert found.dtype == x.dtype
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9 * abs(wanted).max())


@pytest.mark.parametrize("offset", [0.0, 3.9, 4.1, 100.0, 10000.0])
def test_single_precision_is_as_good_as_that_of_x_however_far_its_mean(offset):
    x = batch((16, 32, 24, 24), offset, np.float32)
    rounding = 1e-5 + 1e-6 * offset
    for found, wanted in zip(results(x), results(x.astype(np.float64), "_reference")):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wanted, rtol=rounding, atol=rounding * abs(wanted).max())


def test_a_channel_of_equal_numbers_has_variance_zero():
    x = as_last(np.full((8, 16, 12, 12), 1234.567, np.float32))
    mean, var = kernels.moments(x)
    assert mean.tolist() == x[0, :, 0, 0].tolist()
    assert var.tolist() == [0] * 16


def test_the_result_does_not_depend_on_the_number_of_threads(small_blocks, monkeypatch):
    x = batch((16, 8, 20, 20), dtype=np.float32)
    shared = results(x)
    monkeypatch.setattr(parallel, "threads", lambda: 1)
    for found, wanted in zip(shared, results(x)):
        assert found.tobytes() == wanted.tobytes()


def test_results_lie_in_memory_as_x_does():
    for x in (batch((8, 16, 20, 20)), batch((8, 16, 20, 20), last=False)):
        _, _, y, _, _, gx = results(x)
        assert y.strides == gx.strides == x.strides
