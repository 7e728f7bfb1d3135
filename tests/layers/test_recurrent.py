"""RNN, LSTM and GRU: the state goes from call to call, with or without its past."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import dezero.functions as F
from dezero.core import Parameter, Variable
from dezero.cuda import as_numpy
from dezero.layers import GRU, LSTM, RNN, Linear
from dezero.testing import check_grads
from strict_device import no_sync

EACH = pytest.mark.parametrize("layer_type", [RNN, LSTM, GRU])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn_by_hand(weights, xs):
    h = 0
    for x in xs:
        h = np.tanh(x @ weights["x2h/W"] + weights["x2h/b"] + (h @ weights["h2h/W"] if np.ndim(h) else 0))
    return h


def lstm_by_hand(weights, xs):
    h = c = np.zeros((len(xs[0]), len(weights["h2f/W"])))
    for x in xs:
        f, i, o, u = (x @ weights[f"x2{k}/W"] + weights[f"x2{k}/b"] + h @ weights[f"h2{k}/W"] for k in "fiou")
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(u)
        h = sigmoid(o) * np.tanh(c)
    return h


def gru_by_hand(weights, xs):
    h = np.zeros((len(xs[0]), len(weights["h2n/W"])))
    for x in xs:
        xr, xz, xn = (x @ weights[f"x2{k}/W"] + weights[f"x2{k}/b"] for k in "rzn")
        r, z = sigmoid(xr + h @ weights["h2r/W"]), sigmoid(xz + h @ weights["h2z/W"])
        n = np.tanh(xn + r * (h @ weights["h2n/W"] + weights["h2n/b"]))
        h = (1 - z) * n + z * h
    return h


BY_HAND = {RNN: rnn_by_hand, LSTM: lstm_by_hand, GRU: gru_by_hand}


def weights_of(layer):
    return {name: as_numpy(p).astype(np.float64) for name, p in layer.named_params()}


@pytest.mark.parametrize(("layer_type", "by_hand"), BY_HAND.items())
@pytest.mark.parametrize("in_size", [None, 3])
def test_three_steps_match_the_formula_with_in_size_and_hidden_size_different(layer_type, by_hand, in_size):
    xs = np.random.default_rng(0).standard_normal((3, 4, 3)).astype(np.float32)
    layer = layer_type(5, in_size=in_size)
    for p in layer.params():
        if p.data is not None:
            p.data += 0.1
    for x in xs:
        h = layer(x)
    assert h is layer.h and h.shape == (4, 5) and h.dtype == np.float32
    assert np.allclose(h.data, by_hand(weights_of(layer), xs), atol=1e-6)


@EACH
def test_steps_on_a_device_stay_there(xp, layer_type):
    xs = np.random.default_rng(0).standard_normal((3, 4, 3)).astype(np.float32)
    layer = layer_type(5)
    with no_sync():
        for x in xs:
            h = layer(xp.asarray(x))
        F.sum(h).backward()
    assert np.allclose(as_numpy(h), BY_HAND[layer_type](weights_of(layer), xs), atol=1e-6)
    assert all(p.grad.dtype == np.float32 for p in layer.params())


def test_sub_layers_have_the_names_of_the_contract():
    rnn, lstm, gru = RNN(2), LSTM(2), GRU(2)
    assert [name for name, _ in rnn.named_params()] == ["x2h/W", "x2h/b", "h2h/W"]
    expected = [f"x2{k}/{p}" for k in "fiou" for p in "Wb"] + [f"h2{k}/W" for k in "fiou"]
    assert [name for name, _ in lstm.named_params()] == expected
    expected = [f"x2{k}/{p}" for k in "rzn" for p in "Wb"] + ["h2r/W", "h2z/W", "h2n/W", "h2n/b"]
    assert [name for name, _ in gru.named_params()] == expected


@EACH
def test_input_sizes_left_out_are_inferred_at_the_first_call(layer_type, tmp_path):
    layer = layer_type(5)
    assert all(p.data is None for name, p in layer.named_params() if name.endswith("W"))
    layer(np.ones((2, 3), np.float32))
    layer.save_weights(tmp_path / "after_one_step.npz")
    fresh = layer_type(5)
    fresh.load_weights(tmp_path / "after_one_step.npz")
    fresh(np.ones((2, 3), np.float32))
    assert np.array_equal(layer.h.data, fresh.h.data)


@EACH
def test_gradients_match_finite_differences_through_time(layer_type):
    rng = np.random.default_rng(0)
    layer = layer_type(2, in_size=3, dtype=np.float64)
    name = {RNN: "h2h", LSTM: "h2f", GRU: "h2n"}[layer_type]

    def f(x, W):
        layer.reset_state()
        getattr(layer, name).W = W
        layer(x)
        layer(x * 0.5)
        return layer(x * x)

    check_grads(f, rng.standard_normal((2, 3)), rng.standard_normal((2, 2)))


def test_the_gru_layer_is_the_op_of_a_step(xp):
    layer, x = GRU(5, in_size=3, dtype=np.float64), np.random.default_rng(0).standard_normal((2, 4, 3))
    layer.h2n.b.data += 0.5
    for p in layer.params():
        p.data = xp.asarray(p.data)
    Wx, bx = (F.concat([getattr(getattr(layer, f"x2{k}"), p) for k in "rzn"], axis=-1) for p in "Wb")
    Wh = F.concat([getattr(layer, f"h2{k}").W for k in "rzn"], axis=1)
    bh = F.concat([layer.h2n.b * 0, layer.h2n.b * 0, layer.h2n.b])
    h = None
    for step in x:
        h = F.gru_cell(xp.asarray(step), h, Wx, Wh, bx, bh)
        assert np.allclose(as_numpy(layer(xp.asarray(step))), as_numpy(h), rtol=1e-12)


@EACH
def test_reset_state_starts_anew(layer_type):
    layer, x = layer_type(5), np.ones((2, 3), np.float32)
    first = layer(x).data.copy()
    assert not np.array_equal(layer(x).data, first)
    layer.reset_state()
    assert layer.h is None
    assert np.array_equal(layer(x).data, first)


@EACH
def test_a_changed_batch_size_is_refused_until_the_state_is_reset(layer_type):
    layer = layer_type(5)
    layer(np.ones((4, 3), np.float32))
    message = (
        rf"{layer_type.__name__}: the state h \(4, 5\) is of another batch size than x \(1, 3\)."
        r" Call reset_state\(\) before a new batch size"
    )
    with pytest.raises(ValueError, match=message):
        layer(np.ones((1, 3), np.float32))
    layer.reset_state()
    assert layer(np.ones((1, 3), np.float32)).shape == (1, 5)


@EACH
def test_the_state_keeps_its_past_so_that_gradients_flow_through_time(layer_type):
    layer, x = layer_type(5), Variable(np.ones((2, 3), np.float32))
    layer(x)
    F.sum(layer(np.ones((2, 3), np.float32))).backward()
    assert np.abs(x.grad.data).max() > 0


@EACH
@pytest.mark.parametrize("cut", ["detach_state", "unchain_backward"])
def test_the_past_of_the_state_is_cut_on_purpose(layer_type, cut):
    layer, x = layer_type(5), Variable(np.ones((2, 3), np.float32))
    h = layer(x)
    if cut == "detach_state":
        layer.detach_state()
        assert np.array_equal(layer.h.data, h.data)
    else:
        F.sum(h).unchain_backward()
    F.sum(layer(np.ones((2, 3), np.float32))).backward()
    assert x.grad is None


@EACH
def test_the_state_goes_with_the_layer_to_the_gpu_and_back(gpu, layer_type):
    x = np.ones((2, 3), np.float32)
    layer = layer_type(5)
    layer(x)
    stays = copy.deepcopy(layer)
    layer.to_gpu()
    assert type(layer.h.data) is gpu.ndarray
    layer(gpu.asarray(x))
    layer.to_cpu()
    assert type(layer.h.data) is np.ndarray
    stays(x)
    assert np.allclose(layer(x).data, stays(x).data, atol=1e-6)


@EACH
def test_a_recurrent_layer_pickles_and_deep_copies_with_its_state(layer_type):
    layer, x = layer_type(5), np.ones((2, 3), np.float32)
    layer(x)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert twin.h.creator is None
        assert twin.h is not layer.h
        assert np.array_equal(twin.h.data, layer.h.data)
    assert np.array_equal(twin(x).data, layer(x).data)


@EACH
def test_the_state_is_no_parameter_unless_it_is_made_one(layer_type):
    layer = layer_type(5)
    layer(np.ones((2, 3), np.float32))
    before = [name for name, _ in layer.named_params()]
    assert not any(name in ("h", "c") for name in before)
    layer.h = Parameter(np.zeros((2, 5), np.float32))
    assert [name for name, _ in layer.named_params()] == [*before, "h"]


def test_a_subclass_may_add_linear_layers_of_its_own():
    class Net(LSTM):
        def __init__(self):
            super().__init__(5)
            self.h2y = Linear(2)
            self.xs = Linear(4)

        def forward(self, x):
            return self.h2y(super().forward(self.xs(x)))

    net = Net()
    assert net(np.ones((3, 7), np.float32)).shape == (3, 2)
    assert (net.xs.W.shape, net.x2f.W.shape, net.h2y.W.shape) == ((7, 4), (4, 5), (5, 2))


@EACH
def test_sizes_and_input_are_checked(layer_type):
    name = layer_type.__name__
    with pytest.raises(ValueError, match=f"{name}: hidden_size must be an integer above 0, got 0"):
        layer_type(0)
    with pytest.raises(TypeError, match=f"{name}: x must be a Variable or an array, got float"):
        layer_type(1)(1.0)
    with pytest.raises(ValueError, match=rf"{name}: x \(N, I\) is wanted, got a 0-d array"):
        layer_type(1)(np.array(1.0))


# ---- the LSTM as one op


def trained_step(layer, xs):
    """The state after some steps and the gradients of the weights, by name; None for one without."""
    layer.cleargrads()
    layer.reset_state()
    total = 0
    for x in xs:
        total = total + F.sum(layer(x) ** 2)
    total.backward()
    return layer.h.data, {name: None if p.grad is None else p.grad.data for name, p in layer.named_params()}


def ops_behind(y):
    """The names of all Functions behind ``y``."""
    waiting, found = [y.creator], {}
    while waiting:
        f = waiting.pop()
        if f is not None and f not in found:
            found[f] = type(f).__name__
            waiting.extend(x.creator for x in f.inputs)
    return set(found.values())


def watched(layer):
    layer.x2o.register_forward_hook(lambda *args: None)


def without_a_bias(layer):
    layer.x2u.b.data[...] = 0
    layer.x2u.b = None


def with_a_linear_of_its_own(layer):
    class Mine(Linear):
        pass

    mine = Mine(5, in_size=3)
    mine.W.data[...] = layer.x2i.W.data
    layer.x2i = mine


def with_a_bias_of_the_state(layer):
    bias = Linear(5, in_size=5)
    bias.W.data[...] = layer.h2o.W.data
    layer.h2o = bias


@pytest.mark.parametrize("change", [watched, without_a_bias, with_a_linear_of_its_own, with_a_bias_of_the_state])
@pytest.mark.parametrize("steps", [1, 3])
def test_an_lstm_is_one_op_unless_its_linears_were_changed_and_computes_the_same(change, steps):
    xs = np.random.default_rng(0).standard_normal((steps, 4, 3)).astype(np.float32)
    layer = LSTM(5, in_size=3)
    h, gradients = trained_step(layer, xs)
    assert ops_behind(layer.h) == {"LSTMStep"}
    change(layer)
    h_by_gates, gradients_by_gates = trained_step(layer, xs)
    assert "Sigmoid" in ops_behind(layer.h) and "LSTMStep" not in ops_behind(layer.h)
    np.testing.assert_allclose(h, h_by_gates, rtol=1e-5, atol=1e-6)
    if steps == 1:
        assert gradients["x2f/W"] is gradients["h2i/W"] is None, "nothing to forget yet, and no state to weigh"
    for name in gradients.keys() & gradients_by_gates.keys():
        a, b = gradients[name], gradients_by_gates[name]
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["x2r", "h2z", "h2n"])
@pytest.mark.parametrize("steps", [1, 3])
def test_a_gru_is_one_op_unless_its_linears_were_changed_and_computes_the_same(name, steps):
    xs = np.random.default_rng(0).standard_normal((steps, 4, 3)).astype(np.float32)
    layer = GRU(5, in_size=3)
    layer.h2n.b.data += 0.5
    h, gradients = trained_step(layer, xs)
    assert "GRUStep" in ops_behind(layer.h) and "Sigmoid" not in ops_behind(layer.h)
    getattr(layer, name).register_forward_hook(lambda *args: None)
    h_by_gates, gradients_by_gates = trained_step(layer, xs)
    assert "Sigmoid" in ops_behind(layer.h) and "GRUStep" not in ops_behind(layer.h)
    np.testing.assert_allclose(h, h_by_gates, rtol=1e-5, atol=1e-6)
    for name, g in gradients.items():
        np.testing.assert_allclose(g, gradients_by_gates[name], rtol=1e-4, atol=1e-5)


@EACH
def test_truncated_backpropagation_frees_the_graph_behind_the_cut(layer_type):
    layer, x = layer_type(5, in_size=3), np.ones((2, 3), np.float32)
    gc.disable()
    try:
        ops = []
        for _ in range(3):
            h = layer(x)
            ops.append(weakref.ref(h.creator))
            loss = F.sum(h * h)
            layer.cleargrads()
            loss.backward()
            loss.unchain_backward()
        assert [op() for op in ops] == [None] * 3
    finally:
        gc.enable()


def test_a_change_of_the_weights_between_two_steps_counts_at_once():
    xs = np.random.default_rng(0).standard_normal((2, 4, 3))
    layer, twin = LSTM(5, in_size=3, dtype=np.float64), LSTM(5, in_size=3, dtype=np.float64)
    for x in xs:
        for p, q in zip(layer.params(), twin.params()):
            p.data += 0.1  # in place, as an optimizer does it
            q.data = p.data.copy()
        layer(x)
        twin.h2o.register_forward_hook(lambda *args: None)  # by gates
        np.testing.assert_allclose(layer.h.data, twin(x).data, rtol=1e-12)


def test_an_lstm_takes_inputs_of_another_dtype_or_with_more_axes():
    layer = LSTM(5, in_size=3)
    x = np.random.default_rng(0).standard_normal((4, 3))
    assert layer(x).dtype == np.float64
    assert layer(x.astype(np.float32)).dtype == np.float64, "the state stays as wide as it was"
    layer.reset_state()
    assert layer(np.ones((2, 4, 3), np.float32)).shape == (2, 4, 5)
    layer.reset_state()
    expected = layer(np.ones((4, 3), np.float32)).data
    layer.reset_state()
    np.testing.assert_allclose(layer(np.ones((4, 3), np.int64)).data, expected, rtol=1e-5)


def test_an_lstm_with_a_weight_of_the_wrong_shape_says_so():
    layer = LSTM(5, in_size=3)
    layer.x2i.W.data = np.ones((2, 5), np.float32)
    with pytest.raises(ValueError, match=r"linear: x \(..., I\) and W \(I, O\) are wanted"):
        layer(np.ones((4, 3), np.float32))


def test_an_lstm_may_be_given_half_a_state_or_one_made_by_hand():
    layer, x = LSTM(5, in_size=3), np.ones((2, 3), np.float32)
    layer.h = Variable(np.ones((2, 5), np.float32))
    layer(x)  # without c
    layer.h, layer.c = np.ones((2, 5), np.float32), np.ones((2, 5), np.float32)
    h = layer(x).data
    layer.h, layer.c = (Variable(np.ones((2, 5), np.float32)) for _ in "hc")
    np.testing.assert_array_equal(layer(x).data, h)


def test_a_batch_of_an_lstm_may_have_no_rows():
    layer = LSTM(5, in_size=3)
    layer(np.ones((0, 3), np.float32))
    h = layer(np.ones((0, 3), np.float32))
    F.sum(h).backward()
    assert h.shape == (0, 5)
    assert not layer.h2f.W.grad.data.any()
