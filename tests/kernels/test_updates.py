"""What is done in pieces is what is done at once, to the bit, in the memory of a piece."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from dezero.kernels import parallel
from dezero.kernels.updates import _PIECE, in_pieces
from strict_device import xp as device

LARGE = 5 * _PIECE // 4 + 3  # float32 elements: two threads' worth and a rest


def momentum(p, g, v):
    v *= 0.9
    v -= g * 0.1
    p += v


def arrays(shape, dtype=np.float32, n=3):
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(dtype) for _ in range(n)]


@pytest.fixture(params=[1, 3])
def threads(request, monkeypatch):
    monkeypatch.setattr(parallel, "threads", lambda: request.param)
    parallel._waiting.cache_clear()
    yield
    parallel._waiting.cache_clear()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (0,), (3, 2), (LARGE,), (7, LARGE // 7), (LARGE // 6, 2, 3)], ids=str)
def test_pieces_together_are_the_whole(threads, shape, dtype):
    ours, theirs = arrays(shape, dtype), arrays(shape, dtype)
    in_pieces(momentum, *ours)
    momentum(*theirs)
    for ours_, theirs_ in zip(ours, theirs):
        assert np.array_equal(ours_, theirs_)
        assert ours_.dtype == dtype


def test_each_element_comes_once(threads):
    (p,) = arrays(LARGE, n=1)
    before, pieces = p.copy(), []

    def rule(p, g):
        pieces.append(p.size)
        p += 1

    in_pieces(rule, p, p)
    assert np.array_equal(p, before + 1)
    assert sum(pieces) == LARGE
    assert len(pieces) >= 3
    assert max(pieces) * p.itemsize <= _PIECE


def test_other_layouts_and_broadcast_arrays_are_done_at_once():
    p, g, v = arrays((1000, LARGE // 1000))
    for others in ([g.T.copy().T, v], [g[:1], v], [g, v[0]], [g, v[::-1]]):
        seen = []
        in_pieces(lambda *given, seen=seen: seen.extend(given), p, *others)
        assert [a is b for a, b in zip(seen, [p, *others])] == [True] * 3


def test_arrays_of_another_module_are_done_at_once():
    p, g = (device.asarray(a) for a in arrays(LARGE, n=2))
    seen = []
    in_pieces(lambda *given: seen.extend(given), p, g)
    assert seen[0] is p and seen[1] is g


def test_none_is_none_in_every_piece():
    (p,) = arrays(LARGE, n=1)
    seen = []
    in_pieces(lambda p, a: seen.append(a), p, None)
    assert set(seen) == {None}
    assert len(seen) > 1


def test_what_a_rule_computes_in_between_takes_little_memory():
    large = arrays(16 * LARGE)
    in_pieces(momentum, *large)
    tracemalloc.start()
    in_pieces(momentum, *large)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < large[0].nbytes / 4


def test_errors_of_a_rule_arrive():
    def rule(p):
        raise ValueError("no such rule")

    with pytest.raises(ValueError, match="no such rule"):
        in_pieces(rule, *arrays(LARGE, n=1))
