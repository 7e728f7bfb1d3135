"""Normalisation in few passes: the same as the references, whatever the mean, the sizes and the memory order."""

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


def standardized(x, groups=None, prefix="", gamma=True, centred=True, eps=1e-5):
    """All that is computed for the rows of ``x``, or for groups of channels."""
    C = x.shape[1] if groups else x.shape[-1]
    view = (x.size // C, C) if groups is None else (len(x), groups, C // groups, x.size // len(x) // C)
    axes, along = ((1,), (1, -1)) if groups is None else ((2, 3), (1, groups, -1, 1))
    rng = np.random.default_rng(1)
    gy = rng.standard_normal(x.shape).astype(x.dtype)
    scale, shift = rng.standard_normal((2, C)).astype(x.dtype)
    scale, shift = (scale.reshape(along), shift.reshape(along)) if gamma else (None, None)
    forward, backward = (getattr(kernels, f"standardize{name}{prefix}") for name in ("", "_gradients"))
    y, mean, inv_std = forward(x, view, axes, scale, shift, eps, centred)
    gx, *others = backward(gy, x, view, axes, mean, inv_std, scale, centred)
    return y, mean, inv_std, gx, *[g.reshape(-1) for g in others if g is not None]


def assert_close(found, wanted, tolerance):
    """What ``standardized`` found: inv_std magnifies what rounding leaves where a difference of equals is 0."""
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == found[0].dtype and a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(abs(b).max(), wanted[2].max()))


@pytest.fixture
def small_blocks(monkeypatch):
    """So that small arrays have many blocks and several threads."""
    small = {"_FEW": 1, "_FEW_IN_ROWS": 1, "_WORTH_A_THREAD": 1, "_BLOCK": 1 << 10, "_WIDTH": 1 << 8}
    for name, n in (small | {"_LOOP_BLOCK": 1 << 9, "_LOOP_WIDTH": 1 << 7}).items():
        monkeypatch.setattr(kernels, name, n)
    monkeypatch.setattr(parallel, "threads", lambda: 3)
    parallel._waiting.cache_clear()
    yield
    parallel._waiting.cache_clear()


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("offset", [0.0, 1.0, 300.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_fast_way_finds_what_the_reference_finds(small_blocks, way, shape, offset, last):
    x = batch(shape, offset, last=last)
    for found, wanted in zip(results(x), results(x, "_reference")):
        assert found.dtype == x.dtype
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9 * abs(wanted).max())


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
    mean, var = kernels.moments(as_last(x) if last else x)
    assert mean.tolist() == x[0, :, 0, 0].tolist()
    assert var.tolist() == [0] * 16


@pytest.mark.parametrize("number", [1e10, 3e15, 1e18])
def test_no_variance_is_below_zero(way, number):
    for x in (as_last(np.full((8, 16, 12, 12), number, np.float32)), np.full((8, 16, 15, 13), number, np.float32)):
        assert (kernels.moments(x)[1] >= 0).all()


def test_what_is_not_a_number_spoils_its_channel_alone(way):
    for x in (batch((8, 16, 20, 20)), batch((8, 16, 20, 20), last=False)):
        x[3, 5, 7, 9] = np.nan
        mean, var, y, _, products, gx = results(x)
        for v in (mean, var, products, y[3, :, 7, 9], gx[3, :, 7, 9]):
            assert np.flatnonzero(np.isnan(v)).tolist() == [5]


def test_the_result_does_not_depend_on_the_number_of_threads(small_blocks, monkeypatch, way):
    x = batch((16, 8, 20, 20), dtype=np.float32)
    shared = (*results(x), *standardized(x.reshape(16, -1)), *standardized(x, 4))
    monkeypatch.setattr(parallel, "threads", lambda: 1)
    for found, wanted in zip(shared, (*results(x), *standardized(x.reshape(16, -1)), *standardized(x, 4)), strict=True):
        assert found.tobytes() == wanted.tobytes()


def test_results_lie_in_memory_as_x_does(way):
    for x in (batch((8, 16, 20, 20)), batch((8, 16, 20, 20), last=False)):
        _, _, y, _, _, gx = results(x)
        assert y.strides == gx.strides == x.strides
        y, _, _, gx, *_ = standardized(x, 4)
        assert y.strides == gx.strides == x.strides


ROWS = [(1, 1), (1, 700), (700, 1), (7, 13, 5), (33, 128), (129, 31), (3, 9001), (4, 6, 2, 17)]
GROUPS = [
    ((5, 6, 7, 9), 3),
    ((1, 4, 1, 1), 2),
    ((3, 8, 40), 1),
    ((2, 12, 33, 31), 12),
    ((9, 5, 2, 3, 4), 5),
    ((40, 6), 2),
]


@pytest.mark.parametrize("gamma", [True, False])
@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", ROWS)
def test_rows_come_out_as_by_the_reference(small_blocks, way, shape, dtype, centred, gamma):
    x = np.random.default_rng(0).standard_normal(shape) + 0.5
    wanted = standardized(x.astype(dtype).astype(float), None, "_reference", gamma, centred)
    assert_close(standardized(x.astype(dtype), None, "", gamma, centred), wanted, 2e-5 if dtype == np.float32 else 1e-9)


@pytest.mark.parametrize("gamma", [True, False])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "groups"), GROUPS)
def test_groups_come_out_as_by_the_reference(small_blocks, way, shape, groups, dtype, last, gamma):
    x = batch(shape, 0.5, dtype, last)
    wanted = standardized(x.astype(float), groups, "_reference", gamma)
    assert_close(standardized(x, groups, "", gamma), wanted, 2e-5 if dtype == np.float32 else 1e-9)


@pytest.mark.parametrize("offset", [3.9, 4.1, 100.0, 10000.0])
@pytest.mark.parametrize(("shape", "groups"), [((64, 300), None), ((8, 16, 24, 24), 4)])
def test_rows_and_groups_far_from_zero_keep_the_digits_that_x_has(way, shape, groups, offset):
    for last in (True, False):
        x = batch(shape, offset, np.float32, last and groups is not None)
        wanted = standardized(x.astype(float), groups, "_reference")
        assert_close(standardized(x, groups), wanted, 1e-5 + 1e-6 * offset)


def test_rows_of_other_layouts_come_out_the_same(way):
    x = np.random.default_rng(0).standard_normal((60, 40))
    wanted = standardized(x)
    wide = np.zeros((60, 80))
    wide[:, ::2] = x
    fixed = x.copy()
    fixed.flags.writeable = False
    for other in (np.asfortranarray(x), wide[:, ::2], fixed):
        assert_close(standardized(other), wanted, 1e-12)


def test_what_is_not_a_number_spoils_its_row_alone(way):
    x = np.random.default_rng(0).standard_normal((60, 40)).astype(np.float32)
    x[7, 3] = x[9, 5] = np.nan
    y, _, _, gx, *_ = standardized(x)
    for found in (y, gx):
        assert np.flatnonzero(~np.isfinite(found).all(axis=1)).tolist() == [7, 9]


@pytest.mark.parametrize("x", [0.0, 1e-12, 5.0])
def test_equal_numbers_stay_finite_whatever_eps(way, x):
    found = standardized(np.full((64, 32), x, np.float32), eps=1e-30)
    assert all(np.isfinite(v).all() for v in found)


def test_nothing_that_is_given_changes(way):
    for groups, x in ((None, np.ones((60, 40))), (4, batch((8, 16, 20, 20))), (4, batch((8, 16, 20, 20), last=False))):
        before = x.copy()
        for found in standardized(x, groups):
            assert not np.shares_memory(found, x)
        assert np.array_equal(x, before)
