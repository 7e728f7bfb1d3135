"""Batch norm in few passes: the same as the references, whatever the mean, the sizes and the memory order."""

from __future__ import annotations

import numpy as np
import pytest

from batches import as_last, batch
from dezero.kernels import batchnorm, channels, parallel
from dezero.kernels.channels import in_order_of

SHAPES = [(40, 128), (4099, 3), (8, 16, 9, 11), (3, 5, 50, 40), (2, 5000, 1, 2), (6, 7, 200), (2, 4, 8, 10, 12)]


def results(x, prefix=""):
    """All that is computed for ``x``, fast or by the references."""
    f = {name: getattr(batchnorm, name + prefix) for name in ("moments", "normalize", "sums", "input_gradient")}
    rng = np.random.default_rng(1)
    gy, (gamma, beta) = rng.standard_normal(x.shape), rng.standard_normal((2, x.shape[1]))
    gy, gamma, beta = in_order_of(x, gy.astype(x.dtype)), gamma.astype(x.dtype), beta.astype(x.dtype)
    mean, var = f["moments"](x)
    inv_std = (var + 1e-5) ** -0.5
    total, products = f["sums"](gy, x, mean, inv_std)
    y = f["normalize"](x, mean, inv_std, gamma, beta)
    return mean, var, y, total, products, f["input_gradient"](gy, x, mean, inv_std, gamma, total, products)


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("offset", [0.0, 1.0, 300.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_fast_way_finds_what_the_reference_finds(small_blocks, way, shape, offset, last):
    x = batch(shape, offset, last=last)
    for found, wanted in zip(results(x), results(x, "_reference")):
        assert found.dtype == x.dtype
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9 * abs(wanted).max())


@pytest.mark.parametrize("in_cache", [0, 1 << 30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(70, 64), (70, 128), (33, 32, 2, 3), (9, 100, 3, 5), (41, 150), (67, 65), (97, 31)])
def test_columns_of_any_width_are_added_up(small_blocks, way, monkeypatch, shape, dtype, in_cache):
    monkeypatch.setattr(channels, "_IN_CACHE", in_cache)
    x, tolerance = batch(shape, 1.0, dtype), 1e-4 if dtype == np.float32 else 1e-10
    for found, wanted in zip(results(x), results(x.astype(float), "_reference")):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * abs(wanted).max())


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("offset", [0.0, 3.9, 4.1, 100.0, 10000.0])
def test_single_precision_is_as_good_as_that_of_x_however_far_its_mean(way, offset, last):
    x = batch((16, 32, 24, 24), offset, np.float32, last)
    rounding = 1e-5 + 1e-6 * offset
    for found, wanted in zip(results(x), results(x.astype(np.float64), "_reference")):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wanted, rtol=rounding, atol=rounding * abs(wanted).max())


@pytest.mark.parametrize("last", [True, False])
def test_a_channel_of_equal_numbers_has_variance_zero(way, last):
    x = np.full((8, 16, 12, 12), 1234.567, np.float32)
    mean, var = batchnorm.moments(as_last(x) if last else x)
    assert mean.tolist() == x[0, :, 0, 0].tolist()
    assert var.tolist() == [0] * 16


@pytest.mark.parametrize("number", [1e10, 3e15, 1e18])
def test_no_variance_is_below_zero(way, number):
    for x in (as_last(np.full((8, 16, 12, 12), number, np.float32)), np.full((8, 16, 15, 13), number, np.float32)):
        assert (batchnorm.moments(x)[1] >= 0).all()


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_what_is_not_a_number_spoils_its_channel_alone(way, number):
    for x in (batch((8, 16, 20, 20)), batch((8, 16, 20, 20), last=False)):
        x[3, 5, 7, 9] = number
        mean, var, y, _, products, gx = results(x)
        for v in (mean, var, products, y[3, :, 7, 9], gx[3, :, 7, 9]):
            assert np.flatnonzero(~np.isfinite(v)).tolist() == [5]


def test_the_result_does_not_depend_on_the_number_of_threads(small_blocks, monkeypatch, way):
    x = batch((16, 8, 20, 20), dtype=np.float32)
    shared = results(x)
    monkeypatch.setattr(parallel, "threads", lambda: 1)
    for found, wanted in zip(shared, results(x), strict=True):
        assert found.tobytes() == wanted.tobytes()


def test_results_lie_in_memory_as_x_does(way):
    for x in (batch((8, 16, 20, 20)), batch((8, 16, 20, 20), last=False)):
        _, _, y, _, _, gx = results(x)
        assert y.strides == gx.strides == x.strides
