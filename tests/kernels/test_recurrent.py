"""Compiled loops of recurrent layers: they compute what NumPy does, for any sizes, masks and directions."""

from __future__ import annotations

import numpy as np
import pytest

from dezero import using_config
from dezero.kernels import recurrent
from dezero.kernels.compiled import numba_version
from dezero.kernels.recurrent import GRU, LSTM, RNN, LSTMStep

KINDS = {
    "rnn": (RNN, 1, 1, 1, {}),  # gates, states, biases, options
    "relu": (RNN, 1, 1, 1, {"activation": "relu"}),
    "lstm": (LSTM, 4, 2, 1, {}),
    "gru": (GRU, 3, 1, 2, {}),
}
SIZES = [(1, 1, 1, 1), (5, 3, 2, 4), (2, 7, 1, 33), (9, 1, 5, 17), (3, 40, 3, 1), (4, 5, 0, 6), (3, 0, 2, 4)]  # T N I H

each_kind = pytest.mark.parametrize("kind", KINDS)
with_loops = pytest.mark.skipif(not numba_version(), reason="Numba is not installed.")


def some(kind, sizes, dtype=np.float64, seed=0):
    """x, the states, the weights, and the gradients of the outputs and of the last states."""
    T, N, I, H = sizes
    _, G, states, biases, _ = KINDS[kind]
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return (rng.standard_normal(shape) * 0.5).astype(dtype)

    state, gstate = [draw(N, H) for _ in range(states)], [draw(N, H) for _ in range(states)]
    weights = [draw(I, G * H), draw(H, G * H), *[draw(G * H) for _ in range(biases)]]
    return draw(T, N, I), state, weights, draw(T, N, H), gstate


def both_ways(kind, numba, x, state, weights, gys, gstate, mask=None, reverse=False, needs=None):
    """Everything a layer returns, forward and back."""
    kernel, _, _, _, options = KINDS[kind]
    with using_config("numba", numba):
        layer = kernel(mask, reverse, **options)
        ys = layer.forward(x, state, *weights)
        needs = [True] * (1 + len(state) + len(weights)) if needs is None else needs
        return [*ys, *layer.backward(x, state, *weights[:2], gys, gstate, needs)]


def assert_same(found, expected, dtype):
    for a, b in zip(found, expected, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert (a.dtype, a.shape) == (dtype, b.shape)
            tolerance = 1e-4 if dtype == np.float32 else 1e-11
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@with_loops
@each_kind
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sizes", SIZES)
def test_loops_compute_what_numpy_does(kind, dtype, sizes):
    T, N = sizes[:2]
    data = some(kind, sizes, dtype)
    masks = [None, np.arange(T)[:, None] < np.random.default_rng(1).integers(0, T + 1, N)]
    for mask in masks:
        for reverse in (False, True):
            found, expected = (both_ways(kind, way, *data, mask, reverse) for way in (True, False))
            assert_same(found, expected, dtype)


@with_loops
@each_kind
def test_loops_go_through_the_batch_in_any_parts(kind, monkeypatch):
    data = some(kind, (4, 23, 2, 5))
    mask = np.arange(4)[:, None] < np.arange(23) % 5
    expected = both_ways(kind, False, *data, mask)
    for of_one_thread, least, worth in ((1 << 19, 16, 1), (25 * 4, 1, 1), (25 * 7, 1, 1 << 30), (1, 2, 1)):
        monkeypatch.setattr(recurrent, "_OF_ONE_THREAD", of_one_thread)
        monkeypatch.setattr(recurrent, "_LEAST_ROWS", least)
        monkeypatch.setattr(recurrent, "_WORTH_A_THREAD", worth)
        assert_same(both_ways(kind, True, *data, mask), expected, np.float64)


@with_loops
@each_kind
def test_loops_take_arrays_of_any_layout(kind):
    x, state, weights, gys, gstate = some(kind, (4, 3, 2, 5))
    expected = both_ways(kind, False, x, state, weights, gys, gstate, np.ones((4, 3), bool))
    weights = [np.asfortranarray(w) for w in weights]
    state, gstate = ([np.asfortranarray(s) for s in group] for group in (state, gstate))
    wide = np.empty((4, 3, 10))
    wide[:, :, 5:] = gys
    mask = np.asfortranarray(np.ones((4, 3), bool))
    x = np.asfortranarray(x)
    assert_same(both_ways(kind, True, x, state, weights, wide[:, :, 5:], gstate, mask), expected, np.float64)
    of_one = some(kind, (4, 3, 2, 1))
    expected = both_ways(kind, False, *of_one)
    x, state, (Wx, Wh, *bs), gys, gstate = of_one
    found = both_ways(kind, True, x, state, [Wx, Wh.T.copy().T, *bs], gys, gstate)  # strides of one row are anything
    assert_same(found, expected, np.float64)


@each_kind
def test_a_sequence_may_go_to_nan_and_no_other_follows(kind, way):
    x, state, weights, gys, gstate = some(kind, (6, 5, 2, 4))
    clean = both_ways(kind, way == "compiled", x, state, weights, gys, gstate)
    x[2, 3] = np.nan
    ys, *rest = both_ways(kind, way == "compiled", x, state, weights, gys, gstate)
    assert np.isnan(ys[2:, 3]).all() and not np.isnan(ys[:2]).any()
    others = [0, 1, 2, 4]
    np.testing.assert_array_equal(ys[:, others], clean[0][:, others])
    gx = rest[len(state)]
    assert np.isnan(gx[2:, 3]).all() or kind == "relu"
    np.testing.assert_array_equal(gx[:, others], clean[1 + len(state)][:, others])


@each_kind
def test_outputs_that_nobody_used_have_no_gradient(kind, way):
    x, state, weights, gys, gstate = some(kind, (3, 2, 2, 4))
    numba = way == "compiled"
    found = both_ways(kind, numba, x, state, weights, None, gstate)
    assert_same(found, both_ways(kind, numba, x, state, weights, gys * 0, gstate), np.float64)


@each_kind
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_long_sequence_of_saturated_gates_stays_finite(kind, dtype, way):
    x, state, weights, gys, gstate = some(kind, (50, 2, 1, 3), dtype)
    if kind == "relu":
        weights[1] *= dtype(0.1)
    found = both_ways(kind, way == "compiled", x * dtype(1e4), state, weights, gys, gstate)
    assert all(np.isfinite(a).all() for a in found)


# ---- a step with weights for each gate


def step_data(sizes, dtype):
    N, I, H = sizes
    rng = np.random.default_rng(0)
    shapes = [(N, I), (N, H), (N, H), *[(I, H), (H,), (H, H)] * 4, (N, H), (N, H)]
    x, h, c, *weights, gh, gc = [(rng.standard_normal(shape) * 0.5).astype(dtype) for shape in shapes]
    return x, h, c, weights, gh, gc


def run_step(numba, x, h, c, weights, gh, gc, needs=(True, True, True)):
    with using_config("numba", numba):
        step = LSTMStep()
        after = step.forward(x, h, c, weights)
        gx, gh, gc, gweights = step.backward(x, h, c, weights, gh, gc, needs)
    return [*after, gx, gh, gc, *gweights]


@with_loops
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sizes", [(1, 1, 1), (3, 2, 4), (30, 1, 100), (7, 5, 33), (17, 40, 3), (0, 2, 3), (2, 0, 3)])
def test_a_step_in_a_loop_is_that_in_numpy(sizes, dtype):
    data = step_data(sizes, dtype)
    assert_same(run_step(True, *data), run_step(False, *data), dtype)


@with_loops
@pytest.mark.parametrize("wanted", range(3))
def test_a_step_in_a_loop_computes_what_is_needed(wanted):
    data, needs = step_data((3, 2, 4), np.float64), [k == wanted for k in range(3)]
    assert_same(run_step(True, *data, needs), run_step(False, *data, needs), np.float64)


@with_loops
def test_the_loops_are_really_taken():
    layer, data = LSTM(), some("lstm", (2, 3, 2, 4))
    taken = []
    loops = recurrent._loops(data[0])

    class Spy:
        def __getattr__(self, name):
            taken.append(name)
            return getattr(loops, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recurrent, "_loops", lambda *arrays: Spy())
        layer.forward(data[0], data[1], *data[2])
        layer.backward(data[0], data[1], *data[2][:2], data[3], data[4], [True] * 6)
        run_step(True, *step_data((3, 2, 4), np.float64))
    assert taken == ["lstm", "lstm_back", "lstm_step", "lstm_step_back"]
