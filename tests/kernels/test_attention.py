"""Attention by pieces against attention in a few lines: every limit, layout, precision, and what is kept or not."""

from __future__ import annotations

import numpy as np
import pytest

from dezero.kernels import attention as kernel
from dezero.kernels.attention import Limits, attend, attend_gradients

ALL = (True, True, True, True)


def stacks(lead, T, S, D, E, dtype, seed=0):
    """q, k, v and gy as a model has them: the heads lie between the positions and the features."""
    rng = np.random.default_rng(seed)
    for n, width in ((T, D), (S, D), (S, E), (T, E)):
        a = rng.standard_normal((*lead[:-1], n, *lead[-1:], width)).astype(dtype)
        yield a.swapaxes(-2, -3) if lead else a


def both(monkeypatch, q, k, v, gy, limits, wanted=ALL):
    """Result and gradients in a few lines, then by pieces."""
    results = []
    for large in (False, True):
        monkeypatch.setattr(kernel, "_is_large_on_host", lambda *_, large=large: large)
        y, seen = attend(q, k, v, limits)
        results.append((y, *attend_gradients(gy, y, seen, q, k, v, limits, wanted)))
    return results


def limits_of(kind, lead, T, S, dtype):
    rng = np.random.default_rng(1)
    shape = (*lead, T, S)
    hidden = np.where(rng.random(shape[-2:]) < 0.3, -np.inf, 0.0).astype(dtype)
    hidden[0] = -np.inf  # a query that may look nowhere
    return {
        "free": Limits(0.3),
        "causal": Limits(0.3, causal=True),
        "hidden": Limits(0.3, hidden=hidden),
        "mask": Limits(0.3, mask=rng.standard_normal((T, S)).astype(dtype), causal=True),
        "dropout": Limits(0.3, dropout=(rng.random(shape) < 0.8).astype(dtype), causal=True),
        "large": Limits(100.0, hidden=hidden, causal=True),
    }[kind]


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("kind", ["free", "causal", "hidden", "mask", "dropout", "large"])
@pytest.mark.parametrize(
    ("lead", "T", "S", "D", "E"),
    [
        ((), 150, 150, 8, 8),
        ((2, 3), 130, 70, 4, 6),
        ((3,), 70, 140, 5, 3),
        ((1, 5), 64, 64, 8, 8),
        ((4, 2), 1, 90, 3, 3),
    ],
)
def test_by_pieces_it_is_the_same(lead, T, S, D, E, kind, kept, monkeypatch):
    if not kept:
        monkeypatch.setattr(kernel, "_KEPT", 0)
    monkeypatch.setattr(kernel, "_PIECE", 1 << 13)
    monkeypatch.setattr(kernel, "_LEAST", 1)
    for dtype, tolerance in ((np.float64, 1e-11), (np.float32, 3e-4)):
        limits = limits_of(kind, lead, T, S, dtype)
        expected, got = both(monkeypatch, *stacks(lead, T, S, D, E, dtype), limits)
        for a, b in zip(expected, got):
            assert a.shape == b.shape and b.dtype == dtype
            np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance * max(1, abs(a).max()))


def test_the_result_and_the_gradients_lie_in_memory_as_the_heads_of_a_layer_do(monkeypatch):
    q, k, v, gy = stacks((2, 3), 64, 64, 4, 4, np.float32)
    _, got = both(monkeypatch, q, k, v, gy, Limits(1.0))
    for a in got[:4]:
        assert a.swapaxes(1, 2).flags.c_contiguous


def test_only_what_is_wanted_is_computed(monkeypatch):
    for i in range(4):
        wanted = tuple(i == j for j in range(4))
        for ys in both(monkeypatch, *stacks((2,), 70, 70, 4, 4, np.float64), Limits(1.0, causal=True), wanted):
            assert [g is not None for g in ys[1:]] == list(wanted)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3, 1e30])
def test_scores_of_any_size_give_weights_that_sum_to_one(scale):
    q, k, _, _ = stacks((2,), 100, 100, 4, 4, np.float32)
    y, _ = attend(q, k, np.ones((2, 100, 1), np.float32), Limits(scale, causal=True))
    np.testing.assert_allclose(y, 1, rtol=1e-5)


def test_what_is_not_a_number_stays_none():
    q, k, v, _ = stacks((2,), 100, 100, 4, 4, np.float32)
    q[0, 3, 1] = np.nan
    y, _ = attend(q, k, v, Limits(1.0))
    assert np.isnan(y[0, 3]).all() and np.isfinite(y[1]).all() and np.isfinite(y[0, 4:]).all()


def test_inputs_are_only_read():
    arrays = list(stacks((2, 2), 100, 100, 4, 4, np.float32))
    for a in arrays:
        a.flags.writeable = False
    q, k, v, gy = arrays
    limits = limits_of("mask", (2, 2), 100, 100, np.float32)
    y, seen = attend(q, k, v, limits)
    before = [a.copy() for a in seen[0]]
    first = attend_gradients(gy, y, seen, q, k, v, limits, ALL)
    for a, b in zip(first, attend_gradients(gy, y, seen, q, k, v, limits, ALL)):  # a graph may be walked twice
        assert np.array_equal(a, b)
    assert all(np.array_equal(a, b) for a, b in zip(before, seen[0]))
