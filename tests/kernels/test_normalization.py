"""Norms of rows and of groups in few passes: the same as the references, whatever the mean and the memory order."""

from __future__ import annotations

import numpy as np
import pytest

from batches import batch
from dezero.kernels import normalization as kernels
from dezero.kernels import parallel


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


def test_the_result_does_not_depend_on_the_number_of_threads(small_blocks, monkeypatch, way):
    x = batch((16, 8, 20, 20), dtype=np.float32)
    shared = (*standardized(x.reshape(16, -1)), *standardized(x, 4))
    monkeypatch.setattr(parallel, "threads", lambda: 1)
    for found, wanted in zip(shared, (*standardized(x.reshape(16, -1)), *standardized(x, 4)), strict=True):
        assert found.tobytes() == wanted.tobytes()


def test_groups_lie_in_memory_as_x_does(way):
    for x in (batch((8, 16, 20, 20)), batch((8, 16, 20, 20), last=False)):
        y, _, _, gx, *_ = standardized(x, 4)
        assert y.strides == gx.strides == x.strides


@pytest.mark.parametrize("last", [True, False])
def test_a_large_sample_keeps_its_digits(way, last):
    x = batch((1, 64, 200, 200), 3.0, np.float32, last)
    for found, wanted in zip(standardized(x, 4), standardized(x.astype(float), 4, "_reference")):
        np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=2e-6 * abs(wanted).max())
