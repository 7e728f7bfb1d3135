"""Attention by pieces, NumPy's or compiled, against attention in a few lines: every limit, layout and precision."""

from __future__ import annotations

import numpy as np
import pytest

from dezero import using_config
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


@pytest.fixture(autouse=True)
def _in_both_ways(way):
    """All tests run by pieces in NumPy, and by tiles in compiled loops."""


def limits_of(kind, lead, T, S, dtype):
    rng = np.random.default_rng(1)
    shape = (*lead, T, S)
    hidden = np.where(rng.random(shape[-2:]) < 0.3, -np.inf, 0.0).astype(dtype)
    hidden[0] = -np.inf  # a query that may look nowhere
    ones = (1,) * len(lead)
    return {
        "free": Limits(0.3),
        "causal": Limits(0.3, causal=True),
        "hidden": Limits(0.3, hidden=hidden),
        "mask": Limits(0.3, mask=rng.standard_normal((T, S)).astype(dtype), causal=True),
        "dropout": Limits(0.3, dropout=(rng.random(shape) < 0.8).astype(dtype), causal=True),
        "large": Limits(100.0, hidden=hidden, causal=True),
        "padding": Limits(
            0.3, hidden=np.where(rng.random((*lead[:1], *ones[1:], 1, S)) < 0.3, -np.inf, 0.0).astype(dtype)
        ),
        "mask of each": Limits(0.3, mask=rng.standard_normal(shape).astype(dtype), hidden=hidden),
        "mask of queries": Limits(0.3, mask=rng.standard_normal((*ones, T, 1)).astype(dtype)),
    }[kind]


KINDS = ["free", "causal", "hidden", "mask", "dropout", "large", "padding", "mask of each", "mask of queries"]


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("lead", "T", "S", "D", "E"),
    [
        ((), 150, 150, 8, 8),
        ((2, 3), 130, 70, 4, 6),
        ((3,), 70, 140, 5, 3),
        ((1, 5), 64, 64, 8, 8),
        ((4, 2), 1, 90, 3, 3),
        ((2, 1, 2), 33, 65, 1, 129),
    ],
)
def test_by_pieces_it_is_the_same(lead, T, S, D, E, kind, kept, monkeypatch):
    if not kept:
        monkeypatch.setattr(kernel, "_KEPT", 0)
    monkeypatch.setattr(kernel, "_PIECE", 1 << 13)
    monkeypatch.setattr(kernel, "_LEAST", 1)
    monkeypatch.setattr(kernel, "_LEAST_TILES", 1)
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


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("far", [30.0, -30.0, 300.0, -300.0])
def test_scores_that_climb_or_fall_from_key_to_key_by_far(far, order, monkeypatch):
    q, k, v, gy = stacks((2,), 40, 300, 1, 4, np.float64)
    q[:], k[:] = 1, far + order * np.linspace(0, 100, 300)[:, None]
    limits = Limits(1.0, hidden=np.where(np.arange(300) % 3, 0.0, -np.inf))
    for a, b in zip(*both(monkeypatch, q, k, v, gy, limits)):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "layout", ["features apart", "positions backwards", "read-only", "heads and positions swapped"]
)
def test_any_layout_in_memory_is_taken(layout, monkeypatch):
    q, k, v, gy = stacks((2, 3), 70, 80, 4, 4, np.float64)
    if layout == "features apart":
        q, k = (np.repeat(a, 2, axis=-1)[..., ::2] for a in (q, k))
    elif layout == "positions backwards":
        k, v = k[..., ::-1, :], v[..., ::-1, :]
    elif layout == "read-only":
        for a in (q, v, gy):
            a.flags.writeable = False
    else:
        q, v = np.ascontiguousarray(q), np.ascontiguousarray(v)
    for a, b in zip(*both(monkeypatch, q, k, v, gy, Limits(0.5, causal=True))):
        np.testing.assert_allclose(b, a, rtol=1e-11, atol=1e-11)


def test_the_tiles_keep_two_numbers_for_each_query_and_no_weights(way):
    q, k, v, _ = stacks((2, 3), 100, 100, 4, 4, np.float32)
    _, seen = attend(q, k, v, Limits(1.0))
    if way == "compiled" and isinstance(seen, kernel._Sums):  # where NumPy runs on OpenBLAS
        assert seen.shift.shape == seen.share.shape == (6, 100)
    else:
        assert sum(p.size for p in seen[0]) == 6 * 100 * 100


def test_the_way_back_is_that_of_the_way_there_whatever_the_switch_says_then():
    q, k, v, gy = stacks((2, 3), 70, 70, 4, 4, np.float64)
    y, seen = attend(q, k, v, Limits(1.0))
    expected = attend_gradients(gy, y, seen, q, k, v, Limits(1.0), ALL)
    for switch in (True, False):
        with using_config("numba", switch):
            for a, b in zip(attend_gradients(gy, y, seen, q, k, v, Limits(1.0), ALL), expected):
                assert np.array_equal(a, b)


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
    kept = [seen.shift, seen.share] if isinstance(seen, kernel._Sums) else seen[0]
    before = [a.copy() for a in kept]
    first = attend_gradients(gy, y, seen, q, k, v, limits, ALL)
    for a, b in zip(first, attend_gradients(gy, y, seen, q, k, v, limits, ALL)):  # a graph may be walked twice
        assert np.array_equal(a, b)
    assert all(np.array_equal(a, b) for a, b in zip(before, kept))
