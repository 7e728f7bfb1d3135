"""Softmax and its relatives against the reference: numbers of any size, layouts, precisions, in NumPy and compiled."""

from __future__ import annotations

import numpy as np
import pytest

from dezero import arrays, using_config
from dezero.kernels import softmax as kernels
from dezero.kernels.softmax import _is_fast, logsumexp, softmax, softmax_reference

SHAPES = [(900, 700), (3, 40, 50), (4097, 1), (1, 5000), (37, 129), (700,), (2, 5, 3, 7, 9), (3, 67, 1100), (2, 500, 2)]
inf, nan = np.inf, np.nan


def in_rows(shape, dtype, scale):
    x = np.random.default_rng(0).standard_normal(shape)
    return (scale * x).astype(dtype)


@pytest.fixture(autouse=True)
def threads_for_little_work(monkeypatch):
    monkeypatch.setattr(kernels, "_LOOP_WORTH_A_THREAD", 1 << 14)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 3e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0, 1e4, 1e30])
@pytest.mark.parametrize("shape", SHAPES)
def test_on_large_arrays_it_is_what_the_reference_is(shape, scale, dtype, tolerance, way):
    x = in_rows(shape, dtype, scale)
    before = x.copy()
    for axis in range(x.ndim):
        p, log_total = softmax(x, axis), logsumexp(x, axis)
        expected = softmax_reference(x, axis)
        assert p.dtype == log_total.dtype == dtype and log_total.shape == expected[1].shape
        np.testing.assert_allclose(p, expected[0], rtol=20 * tolerance, atol=1e-30)
        np.testing.assert_allclose(log_total, expected[1], rtol=tolerance, atol=20 * tolerance)
        np.testing.assert_allclose(log_total, arrays.logsumexp(x, axis), rtol=tolerance, atol=20 * tolerance)
        y = kernels.log_softmax(x, axis)
        np.testing.assert_allclose(y, x - expected[1], rtol=tolerance, atol=max(scale, 1) * 20 * tolerance)
    assert np.array_equal(x, before)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 3e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_gradients_of_loops_are_what_the_formulas_are(shape, dtype, tolerance, way):
    x, gy = in_rows(shape, dtype, 3.0), np.random.default_rng(1).standard_normal(shape).astype(dtype)
    for axis in range(x.ndim):
        p, log_total = softmax_reference(x, axis)
        g = gy.max(axis=axis, keepdims=True)
        found = (
            kernels.softmax_gradient(gy, p, axis),
            kernels.log_softmax_gradient(gy, np.log(p), axis),
            kernels.logsumexp_gradient(g, x, log_total, axis),
        )
        if way != "compiled":
            assert found == (None, None, None)
            return
        wanted = (
            p * (gy - (p * gy).sum(axis=axis, keepdims=True)),
            gy - p * gy.sum(axis=axis, keepdims=True),
            g * p,
        )
        for got, want in zip(found, wanted):
            assert got.dtype == dtype
            np.testing.assert_allclose(got, want, rtol=20 * tolerance, atol=20 * tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 3e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])
@pytest.mark.parametrize("shape", [(900, 700), (4097, 1), (1, 5000), (37, 129), (3, 7), (0, 5)])
def test_losses_of_labels_and_their_gradient(shape, scale, dtype, tolerance, way):
    rng = np.random.default_rng(0)
    N, C = shape
    x, t = (scale * rng.standard_normal(shape)).astype(dtype), rng.integers(0, C, N)
    for weights in (0.25, rng.random(N).astype(dtype)):
        losses, kept = kernels.label_losses(x, t)
        gx = kernels.label_gradient(x, t, kept, weights)
        assert losses.dtype == gx.dtype == dtype
        p, log_total = softmax_reference(x, 1) if N else (x, x[:, :1])
        np.testing.assert_allclose(losses, log_total[:, 0] - x[np.arange(N), t], rtol=tolerance, atol=scale * tolerance)
        want = p.copy()
        want[np.arange(N), t] -= 1
        want *= weights if isinstance(weights, float) else weights[:, None]
        np.testing.assert_allclose(gx, want, rtol=20 * tolerance, atol=20 * tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 3e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("scale", [1.0, 1e4])
@pytest.mark.parametrize("shape", [(3, 21, 40, 50), (40, 12, 7), (2, 300, 1), (5, 7, 2000), (2, 3, 4), (2, 5, 0)])
def test_labels_of_pixels_are_as_those_of_rows(shape, scale, dtype, tolerance, way):
    rng = np.random.default_rng(0)
    x = (scale * rng.standard_normal(shape)).astype(dtype)
    rows = np.moveaxis(x, 1, -1).reshape(-1, shape[1])
    t, weights = rng.integers(0, shape[1], len(rows)), rng.random(len(rows)).astype(dtype)
    channels_last = np.moveaxis(np.moveaxis(x, 1, -1).copy(), -1, 1)
    for given in (x, channels_last):
        losses, kept = kernels.label_losses(given, t)
        np.testing.assert_allclose(losses, kernels.label_losses(rows, t)[0], rtol=tolerance, atol=scale * tolerance)
        for w in (0.25, weights):
            gx = kernels.label_gradient(given, t, kept, w)
            want = kernels.label_gradient(rows, t, kernels.label_losses(rows, t)[1], w)
            assert losses.dtype == gx.dtype == dtype and gx.shape == shape
            found = np.moveaxis(gx, 1, -1).reshape(want.shape)
            np.testing.assert_allclose(found, want, rtol=20 * tolerance, atol=20 * tolerance)


def test_losses_with_loops_may_have_their_gradient_without():
    x, t = in_rows((40, 50), np.float64, 1.0), np.arange(40)
    losses, kept = kernels.label_losses(x, t)
    gx = kernels.label_gradient(x, t, kept, 2.0)
    with using_config("numba", False):
        np.testing.assert_allclose(kernels.label_gradient(x, t, kept, 2.0), gx, rtol=1e-13)


def along(axis, x):
    """Rows, or as columns, of which there are many or few."""
    return x if axis == 1 else np.ascontiguousarray(x.T)


@pytest.mark.parametrize("axis", [0, 1])
def test_minus_infinity_has_no_weight_and_nan_spreads_along_its_row(axis, way):
    for n in (100, 11):
        x = np.zeros((n, 100), np.float32)
        x[0, 3], x[1, 3] = -inf, nan
        x = along(axis, x)
        p, log_total = softmax(x, axis), logsumexp(x, axis)
        p, log_total = (p, log_total) if axis else (p.T, log_total.T)
        assert p[0, 3] == 0 and log_total[0, 0] == pytest.approx(np.log(99))
        assert np.isnan(p[1]).all() and np.isfinite(p[2:]).all()


@pytest.mark.parametrize("axis", [0, 1])
def test_infinite_rows_are_what_pytorch_has(axis, way):
    for n in (100, 11):
        x = np.ones((n, 100))
        x[0], x[1, 2], x[2], x[2, 7], x[3, :50] = -inf, inf, inf, nan, -inf
        x = along(axis, x)
        log_total = logsumexp(x, axis).ravel()
        np.testing.assert_allclose(log_total[:4], [-inf, inf, nan, np.log(50) + 1])
        np.testing.assert_allclose(arrays.logsumexp(x, axis).ravel(), log_total)
        with np.errstate(invalid="ignore"):
            p, y = softmax(x, axis), kernels.log_softmax(x, axis)
        p, y = (p, y) if axis else (p.T, y.T)
        assert np.isnan(p[:3]).all() and np.isfinite(p[3:]).all()
        assert np.isnan(y[0]).all() and np.isnan(y[2]).all() and (y[3, :50] == -inf).all() and np.isfinite(y[4:]).all()


def test_other_layouts_and_types_are_left_to_the_reference():
    x = np.ones((100, 100), np.float32)
    assert _is_fast(x, 1)
    for other, axis in ((x, 0), (x.T[:, :50], 1), (x.astype(np.float16), 1), (x[:5, :5], 1), ([1.0], 0)):
        assert not _is_fast(other, axis)
    assert softmax(x.astype(np.float16), 1).dtype == np.float16
