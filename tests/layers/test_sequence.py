"""StackedRNN, StackedLSTM and StackedGRU: whole sequences through several layers, in one or both directions."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import dezero.functions as F
from dezero import test_mode
from dezero.core import Variable
from dezero.cuda import as_numpy
from dezero.layers import GRU, LSTM, RNN, StackedGRU, StackedLSTM, StackedRNN
from dezero.testing import check_grads
from strict_device import no_sync

EACH = pytest.mark.parametrize("layer_type", [StackedRNN, StackedLSTM, StackedGRU])
T, N, I, H = 4, 3, 2, 5


def sequences(dtype=np.float32):
    return np.random.default_rng(0).standard_normal((T, N, I)).astype(dtype)


def states(state):
    return state if isinstance(state, tuple) else (state,)


def stirred(layer):
    """The layer with biases that are not all alike, for what forgets one to show."""
    rng = np.random.default_rng(1)
    for name, p in layer.named_params():
        if "/b" in name:
            p.data += rng.standard_normal(p.shape).astype(p.dtype)
    return layer


@EACH
@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_outputs_and_state_have_the_documented_shapes_and_stay_on_the_device(layer_type, n_layers, bidirectional, xp):
    layer = layer_type(H, n_layers, bidirectional)
    with no_sync():
        ys, state = layer(xp.asarray(sequences()))
        F.sum(ys).backward()
    D = 1 + bidirectional
    assert ys.shape == (T, N, D * H)
    assert all(s.shape == (n_layers * D, N, H) for s in states(state))
    for p in layer.params():
        assert type(p.data) is type(p.grad.data) is xp.ndarray
        assert p.grad.dtype == p.dtype == ys.dtype == np.float32


def test_parameters_are_named_by_layer_and_direction():
    names = [name for name, _ in StackedLSTM(H, 2, bidirectional=True).named_params()]
    assert names == [f"{sub}/{p}" for sub in ("l0", "l0_back", "l1", "l1_back") for p in ("Wx", "Wh", "b")]
    assert [name for name, _ in StackedGRU(H).named_params()] == ["l0/Wx", "l0/Wh", "l0/bx", "l0/bh"]
    assert [name for name, _ in StackedRNN(H).named_params()] == ["l0/Wx", "l0/Wh", "l0/b"]


def test_a_stacked_rnn_is_the_books_rnn_layers_step_by_step():
    layer = stirred(StackedRNN(H, 2, in_size=I, dtype=np.float64))
    below, above = RNN(H, in_size=I, dtype=np.float64), RNN(H, in_size=H, dtype=np.float64)
    for step, weights in ((below, layer.l0), (above, layer.l1)):
        step.x2h.W.data, step.x2h.b.data, step.h2h.W.data = weights.Wx.data, weights.b.data, weights.Wh.data
    xs = sequences(np.float64)
    expected = np.stack([above(below(x)).data for x in xs])
    np.testing.assert_allclose(layer(xs)[0].data, expected, rtol=1e-12)


def test_a_stacked_lstm_is_the_books_lstm_step_by_step():
    layer, step = stirred(StackedLSTM(H, in_size=I, dtype=np.float64)), LSTM(H, in_size=I, dtype=np.float64)
    for k, gate in enumerate("ifuo"):
        block = slice(k * H, (k + 1) * H)
        of_x, of_h = getattr(step, f"x2{gate}"), getattr(step, f"h2{gate}")
        of_x.W.data, of_x.b.data = layer.l0.Wx.data[:, block], layer.l0.b.data[block]
        of_h.W.data = layer.l0.Wh.data[:, block]
    xs = sequences(np.float64)
    ys, (h, c) = layer(xs)
    np.testing.assert_allclose(ys.data, np.stack([step(x).data for x in xs]), rtol=1e-12)
    np.testing.assert_allclose(h.data[0], step.h.data, rtol=1e-12)
    np.testing.assert_allclose(c.data[0], step.c.data, rtol=1e-12)


def test_a_stacked_gru_is_the_gru_step_by_step():
    layer, step = StackedGRU(H, in_size=I, dtype=np.float64), GRU(H, in_size=I, dtype=np.float64)
    layer.l0.bh.data[2 * H :] = step.h2n.b.data[:] = np.arange(H)
    for k, gate in enumerate("rzn"):
        block = slice(k * H, (k + 1) * H)
        getattr(step, f"x2{gate}").W.data = layer.l0.Wx.data[:, block]
        getattr(step, f"h2{gate}").W.data = layer.l0.Wh.data[:, block]
    xs = sequences(np.float64)
    np.testing.assert_allclose(layer(xs)[0].data, np.stack([step(x).data for x in xs]), rtol=1e-12)


@EACH
def test_the_state_handed_over_carries_on_with_its_past_or_detached(layer_type):
    layer, xs = layer_type(H, 2), sequences()
    first, second = Variable(xs[:2]), Variable(xs[2:])
    _, state = layer(first)
    ys, _ = layer(second, state)
    np.testing.assert_allclose(ys.data, layer(xs)[0].data[2:], rtol=1e-5, atol=1e-6)
    F.sum(ys).backward()
    assert np.abs(first.grad.data).max() > 0
    first.cleargrad()
    cut = tuple(s.detach() for s in states(state))
    F.sum(layer(second, cut if layer_type is StackedLSTM else cut[0])[0]).backward()
    assert first.grad is None


@EACH
def test_it_remembers_nothing_by_itself_and_takes_any_batch_size(layer_type):
    layer, xs = layer_type(H), sequences()
    before = layer(xs)[0].data
    assert layer(xs[:2, :1])[0].shape == (2, 1, H)
    np.testing.assert_array_equal(layer(xs)[0].data, before)


@EACH
def test_a_state_of_another_batch_size_is_refused(layer_type):
    layer = layer_type(H)
    _, state = layer(sequences())
    with pytest.raises(
        ValueError, match=r"h must be \(1, 2, 5\), one \(N, H\) for each layer and direction, got \(1, 3"
    ):
        layer(sequences()[:, :2], state)


@EACH
@pytest.mark.parametrize("bidirectional", [False, True])
def test_lengths_and_mask_give_each_sequence_what_it_gets_alone(layer_type, bidirectional):
    layer, xs, lengths = (
        stirred(layer_type(H, 2, bidirectional, in_size=I, dtype=np.float64)),
        sequences(float),
        [4, 1, 2],
    )
    ys, state = layer(xs, lengths=lengths)
    masked, _ = layer(xs, mask=np.arange(T)[:, None] < np.array(lengths))
    np.testing.assert_array_equal(ys.data, masked.data)
    for n, length in enumerate(lengths):
        alone, last = layer(xs[:length, n : n + 1])
        np.testing.assert_allclose(ys.data[:length, n], alone.data[:, 0], rtol=1e-12)
        for a, b in zip(states(state), states(last)):
            np.testing.assert_allclose(a.data[:, n], b.data[:, 0], rtol=1e-12)


@EACH
def test_second_derivatives_by_input_and_weights_match_finite_differences(layer_type):
    layer = stirred(layer_type(2, 2, bidirectional=True, in_size=I, dtype=np.float64))

    def f(xs, Wh, b):
        layer.l1_back.Wh = Wh
        setattr(layer.l0, name, b)
        return layer(xs, lengths=[3, 1])[0]

    name = "bh" if layer_type is StackedGRU else "b"
    rng = np.random.default_rng(0)
    b, Wh = getattr(layer.l0, name).data, layer.l1_back.Wh.data
    check_grads(f, rng.standard_normal((3, 2, I)), Wh, b)


@EACH
def test_dropout_between_layers_is_for_train_mode(layer_type):
    layer, xs = layer_type(H, 2, dropout=0.5), sequences()
    layer(xs)
    assert not np.array_equal(layer(xs)[0].data, layer(xs)[0].data)
    with test_mode():
        assert np.array_equal(layer(xs)[0].data, layer(xs)[0].data)


def test_relu_may_take_the_place_of_tanh():
    layer, xs = StackedRNN(H, activation="relu"), sequences() * 100
    ys = layer(xs)[0].data
    assert ys.min() == 0 and ys.max() > 1


@EACH
def test_weights_start_with_variance_1_over_fan_in_and_biases_at_0(layer_type):
    layer = layer_type(300, 2, bidirectional=True, in_size=200)
    for name, p in layer.named_params():
        if "/W" in name:
            assert abs(p.data.std() * np.sqrt(len(p.data)) - 1) < 0.02
        elif layer_type is not StackedLSTM:
            assert not p.data.any()
    assert layer.l0_back.Wx.shape[0] == 200 and layer.l1.Wx.shape[0] == 600 and layer.l1.Wh.shape[0] == 300


def test_the_forget_gate_alone_starts_open():
    assert StackedLSTM(2).l0.b.data.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    assert StackedLSTM(2, forget_bias=0).l0.b.data.tolist() == [0] * 8


def test_each_gate_starts_by_itself_where_an_initialiser_is_given():
    layer = StackedGRU(H, in_size=I, dtype=np.float64, W_init="orthogonal")
    for k in range(3):
        block = layer.l0.Wh.data[:, k * H : (k + 1) * H]
        np.testing.assert_allclose(block @ block.T, np.eye(H), atol=1e-12)


@EACH
def test_the_same_seed_gives_the_same_weights_with_and_without_in_size(layer_type):
    np.random.seed(0)
    known = layer_type(H, 2, in_size=I)
    np.random.seed(0)
    lazy = layer_type(H, 2)
    assert all(p.data is None for name, p in lazy.named_params() if "/W" in name)
    np.testing.assert_array_equal(known(sequences())[0].data, lazy(sequences())[0].data)


@EACH
def test_weights_go_through_a_file_into_a_layer_that_waits_for_its_sizes(layer_type, tmp_path):
    layer, xs = stirred(layer_type(H, 2, bidirectional=True)), sequences()
    expected = layer(xs)[0].data
    layer.save_weights(tmp_path / "weights.npz")
    fresh = layer_type(H, 2, bidirectional=True)
    fresh.load_weights(tmp_path / "weights.npz")
    np.testing.assert_array_equal(fresh(xs)[0].data, expected)
    with pytest.raises(ValueError, match=r"l0/Wh has shape \(5, \d+\) in the file, \(4, \d+\) in the model"):
        layer_type(4, 2, bidirectional=True).load_weights(tmp_path / "weights.npz")


@EACH
def test_it_pickles_and_deep_copies(layer_type):
    layer, xs = layer_type(H, 2), sequences()
    expected = layer(xs)[0].data
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(twin(xs)[0].data, expected)


@EACH
def test_it_moves_to_the_gpu_and_back(gpu, layer_type):
    layer, xs = layer_type(H, 2, bidirectional=True), sequences()
    layer.to_gpu()
    ys, _ = layer(gpu.asarray(xs))
    assert type(ys.data) is gpu.ndarray
    on_gpu = as_numpy(ys)
    layer.to_cpu()
    np.testing.assert_allclose(layer(xs)[0].data, on_gpu, rtol=1e-5, atol=1e-6)


@EACH
def test_sizes_options_and_input_are_checked(layer_type):
    name = layer_type.__name__
    with pytest.raises(ValueError, match=f"{name}: hidden_size must be an integer above 0, got 0"):
        layer_type(0)
    with pytest.raises(ValueError, match=f"{name}: n_layers must be an integer above 0, got 0"):
        layer_type(1, 0)
    with pytest.raises(ValueError, match=f"{name}: in_size must be an integer above 0, got 0"):
        layer_type(1, in_size=0)
    with pytest.raises(ValueError, match=f"{name}: dropout must lie between 0 and 1, got 2"):
        layer_type(1, dropout=2)
    with pytest.raises(ValueError, match=f"{name}: dtype must be a floating point type"):
        layer_type(1, dtype=int)
    with pytest.raises(ValueError, match=f"{name}: W_init: there is no initialiser 'best'"):
        layer_type(1, W_init="best")
    with pytest.raises(TypeError, match=f"{name}: x must be a Variable or an array, got float"):
        layer_type(1)(1.0)
    with pytest.raises(ValueError, match=rf"{name}: xs \(T, N, I\) is wanted, got \(3, 2\)"):
        layer_type(1)(np.zeros((3, 2)))
    layer = layer_type(1, in_size=2)
    with pytest.raises(ValueError, match=r"Wx must be \(3, \d\) for x \(4, 3, 3\) and Wh \(1, \d\), got \(2, \d\)"):
        layer(np.zeros((4, 3, 3), np.float32))


def test_the_lstms_state_must_be_a_pair_and_the_rnns_activation_known():
    with pytest.raises(ValueError, match=r"StackedLSTM: state must be the pair \(h, c\), got Variable"):
        StackedLSTM(H)(sequences(), Variable(np.zeros((1, N, H), np.float32)))
    with pytest.raises(ValueError, match='StackedRNN: activation must be "tanh" or "relu", got \'elu\''):
        StackedRNN(H, activation="elu")


@EACH
def test_its_picture_in_words_shows_what_it_was_made_with(layer_type):
    words = repr(layer_type(H, 2, bidirectional=True, dropout=0.5, in_size=I)).splitlines()
    assert words[0] == f"{layer_type.__name__}(5, n_layers=2, bidirectional=True, dropout=0.5, in_size=2"
    assert words[1].strip().startswith("(l0): RecurrentWeights(2 -> 5)")
    assert words[3].strip().startswith("(l1): RecurrentWeights(10 -> 5)")
