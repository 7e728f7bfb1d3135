"""rnn, lstm and gru beyond the registry: unequal lengths, what is checked, and how the op behaves in a graph."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import dezero
from dezero import Variable, grad
from dezero import functions as F
from dezero.cuda import as_numpy
from dezero.functions.recurrent import GRU, LSTM, RNN, LSTMStep, RecurrentGrad, gru_step, lstm_step
from dezero.kernels import recurrent as kernels
from dezero.testing import check_grads
from strict_device import no_sync

KINDS = {"rnn": (1, 1, 1), "lstm": (4, 2, 1), "gru": (3, 1, 2)}  # gates, states, biases
each_kind = pytest.mark.parametrize("kind", KINDS)
T, N, I, H = 5, 3, 2, 4
LENGTHS = [2, 5, 1]


def some(kind, seed=0, layers=1, directions=1, dtype=np.float64):
    """x, the weights by layer and direction, and the first states."""
    rng = np.random.default_rng(seed)
    gates, states, biases = KINDS[kind]

    def draw(*shape):
        return rng.standard_normal(shape).astype(dtype)

    weights = [
        [
            (draw(directions * H if k else I, gates * H), draw(H, gates * H), *[draw(gates * H) for _ in range(biases)])
            for _ in range(directions)
        ]
        for k in range(layers)
    ]
    return draw(T, N, I), weights, [draw(layers * directions, N, H) for _ in range(states)]


def call(kind, x, weights, states=(), **options):
    return getattr(F, kind)(x, weights, *states, **options)


def cell(kind, x, states, weights):
    new = getattr(F, kind + "_cell")(x, *states, *weights)
    return list(new) if isinstance(new, tuple) else [new]


# ---- one op and its steps


@each_kind
def test_a_sequence_is_the_cell_step_by_step(kind, xp):
    x, [[weights]], states = some(kind)
    on_device = [tuple(map(xp.asarray, weights)), *map(xp.asarray, states)]
    ys, *last = call(kind, xp.asarray(x), on_device[0], on_device[1:])
    step = [s[0] for s in on_device[1:]]
    for t in range(T):
        step = cell(kind, xp.asarray(x[t]), step, on_device[0])
        np.testing.assert_allclose(as_numpy(ys)[t], as_numpy(step[0]), rtol=1e-12)
    for a, b in zip(last, step):
        np.testing.assert_allclose(as_numpy(a)[0], as_numpy(b), rtol=1e-12)


@each_kind
def test_a_layer_is_one_op_for_the_whole_sequence_and_a_cell_is_one_op(kind):
    x, [[weights]], states = some(kind)
    op = {"rnn": RNN, "lstm": LSTM, "gru": GRU}[kind]
    v = Variable(x)
    ys = call(kind, v, weights, states)[0]
    assert type(ys.creator) is op
    assert ys.creator.inputs[0] is v
    assert type(cell(kind, v[0], [s[0] for s in states], weights)[0].creator) is op


@each_kind
def test_two_halves_with_the_state_handed_on_are_the_whole(kind):
    x, weights, states = some(kind, layers=2)
    whole = call(kind, x, weights, states)
    first = call(kind, x[:2], weights, states)
    second = call(kind, x[2:], weights, first[1:])
    np.testing.assert_allclose(np.concatenate([first[0].data, second[0].data]), whole[0].data, rtol=1e-12)
    for a, b in zip(second[1:], whole[1:]):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-12)


@each_kind
def test_a_state_left_out_is_zero(kind):
    x, weights, states = some(kind, layers=2, directions=2)
    for a, b in zip(call(kind, x, weights), call(kind, x, weights, [s * 0 for s in states])):
        np.testing.assert_array_equal(a.data, b.data)
    step = cell(kind, x[0], [None] * len(states), weights[0][0])
    for a, b in zip(step, cell(kind, x[0], [s[0] * 0 for s in states], weights[0][0])):
        np.testing.assert_array_equal(a.data, b.data)


@each_kind
def test_weights_of_one_layer_may_come_alone_in_a_list_or_by_direction(kind):
    x, [[weights]], _ = some(kind)
    expected = call(kind, x, weights)[0].data
    for given in ([weights], [[weights]], ((weights,),), [list(weights)], [Variable(w) for w in weights]):
        np.testing.assert_array_equal(call(kind, x, given)[0].data, expected)


@each_kind
def test_biases_left_out_are_zero(kind):
    x, [[(Wx, Wh, *bs)]], _ = some(kind)
    expected = call(kind, x, (Wx, Wh, *[b * 0 for b in bs]))[0].data
    np.testing.assert_array_equal(call(kind, x, (Wx, Wh))[0].data, expected)
    np.testing.assert_array_equal(call(kind, x, (Wx, Wh, None))[0].data, expected)


# ---- unequal lengths


@each_kind
@pytest.mark.parametrize(("layers", "directions"), [(1, 1), (2, 2)])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("as_mask", [False, True])
def test_a_masked_batch_is_each_sequence_alone_in_values_and_gradients(kind, layers, directions, reverse, as_mask, xp):
    x, weights, states = some(kind, 0, layers, directions)
    lengths = xp.asarray(np.array(LENGTHS))
    option = {"mask": xp.arange(T)[:, None] < lengths} if as_mask else {"lengths": lengths}

    def on_device():
        return [[tuple(Variable(xp.asarray(w)) for w in ws) for ws in layer] for layer in weights]

    vx, vw, vs = Variable(xp.asarray(x)), on_device(), [Variable(xp.asarray(s)) for s in states]
    with no_sync():
        ys, *last = call(kind, vx, vw, vs, reverse=reverse, **option)
        (ys * ys).sum().backward()
    total = on_device()
    for n, length in enumerate(LENGTHS):
        alone = Variable(xp.asarray(x[:length, n : n + 1]))
        firsts = [Variable(xp.asarray(s[:, n : n + 1])) for s in states]
        ys_alone, *last_alone = call(kind, alone, total, firsts, reverse=reverse)
        (ys_alone * ys_alone).sum().backward()
        np.testing.assert_allclose(as_numpy(ys)[:length, n], as_numpy(ys_alone)[:, 0], rtol=1e-12)
        assert not as_numpy(ys)[length:, n].any()
        for a, b in zip(last, last_alone):
            np.testing.assert_allclose(as_numpy(a)[:, n], as_numpy(b)[:, 0], rtol=1e-12)
        np.testing.assert_allclose(as_numpy(vx.grad)[:length, n], as_numpy(alone.grad)[:, 0], rtol=1e-9, atol=1e-14)
        assert not as_numpy(vx.grad)[length:, n].any()
        for a, b in zip(vs, firsts):
            np.testing.assert_allclose(as_numpy(a.grad)[:, n], as_numpy(b.grad)[:, 0], rtol=1e-9, atol=1e-14)
    for ours, summed in zip([ws for layer in vw for ws in layer], [ws for layer in total for ws in layer]):
        for a, b in zip(ours, summed):
            np.testing.assert_allclose(as_numpy(a.grad), as_numpy(b.grad), rtol=1e-9, atol=1e-13)


@each_kind
def test_the_last_state_is_that_of_each_sequences_own_last_step(kind):
    x, weights, _ = some(kind)
    ys, h, *_ = call(kind, x, weights, lengths=LENGTHS)
    for n, length in enumerate(LENGTHS):
        assert (h.data[0, n] == ys.data[length - 1, n]).all()


@each_kind
def test_what_lies_beyond_the_end_does_not_matter_not_even_nan(kind):
    x, weights, _ = some(kind, directions=2)
    clean = call(kind, x, weights, lengths=LENGTHS)[0].data
    for n, length in enumerate(LENGTHS):
        x[length:, n] = np.nan
    v = Variable(x)
    ws = [[tuple(map(Variable, w)) for w in weights[0]]]
    ys = call(kind, v, ws, lengths=LENGTHS)[0]
    np.testing.assert_array_equal(ys.data, clean)
    gx, gWx = grad(ys, [v, ws[0][0][0]], create_graph=True)
    (ggx,) = grad((gx * gx).sum() + (gWx * gWx).sum(), [v])
    assert np.isfinite(gx.data).all() and np.isfinite(gWx.data).all() and np.isfinite(ggx.data).all()


@each_kind
def test_a_sequence_of_length_0_keeps_its_first_state(kind):
    x, weights, states = some(kind)
    ys, *last = call(kind, x, weights, states, lengths=[0, 5, 5])
    assert not ys.data[:, 0].any()
    for after, before in zip(last, states):
        np.testing.assert_array_equal(after.data[:, 0], before[:, 0])


def test_lengths_that_are_all_full_change_nothing():
    x, weights, _ = some("lstm")
    for a, b in zip(F.lstm(x, weights, lengths=[T] * N), F.lstm(x, weights)):
        np.testing.assert_array_equal(a.data, b.data)


# ---- several layers


@each_kind
def test_reverse_is_the_sequence_turned_round(kind):
    x, weights, states = some(kind, layers=2)
    ys, *last = call(kind, x, weights, states, reverse=True)
    turned, *last_turned = call(kind, x[::-1], weights, states)
    np.testing.assert_allclose(ys.data, turned.data[::-1], rtol=1e-12)
    for a, b in zip(last, last_turned):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-12)


@each_kind
def test_dropout_falls_between_layers_only_and_in_train_mode_only(kind):
    x, weights, _ = some(kind, layers=2)
    plain = call(kind, x, weights)[0].data
    with dezero.test_mode():
        np.testing.assert_array_equal(call(kind, x, weights, dropout=0.5)[0].data, plain)
    one = call(kind, x, weights[:1], dropout=0.5)[0]
    np.testing.assert_array_equal(one.data, call(kind, x, weights[:1])[0].data)
    dropped = F.dropout(one, 0.5, rng=np.random.default_rng(7))
    expected = call(kind, dropped, weights[1:])[0].data
    found = call(kind, x, weights, dropout=0.5, rng=np.random.default_rng(7))[0].data
    np.testing.assert_array_equal(found, expected)


@each_kind
def test_all_may_drop_between_layers(kind):
    x, weights, _ = some(kind, layers=2)
    dropped = call(kind, x, weights, dropout=1.0)[0].data
    np.testing.assert_array_equal(dropped, call(kind, np.zeros((T, N, H)), weights[1:])[0].data)


@each_kind
def test_a_batch_may_have_no_sequences_with_lengths_or_without(kind):
    x, weights, states = some(kind)
    none = [s[:, :0] for s in states]
    for options in ({}, {"lengths": []}, {"mask": np.ones((T, 0), bool)}):
        ys, h, *_ = call(kind, x[:, :0], weights, none, **options)
        assert (ys.shape, h.shape) == ((T, 0, H), (1, 0, H))


# ---- gradients


@each_kind
def test_third_derivatives_through_time_match_finite_differences(kind):
    x, [[weights]], states = some(kind)

    def f(x, *args):
        ys, *last = call(kind, x, args[len(states) :], args[: len(states)], lengths=[3, 2])
        return F.concat([ys, *last])

    small = [x[:3, :2], *[s[:, :2] for s in states]]
    check_grads(f, *small, *[w * 0.5 for w in weights], order=3, step=1e-3, rtol=1e-5)


@each_kind
@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_do_not_depend_on_how_many_steps_are_differentiated_at_a_time(kind, lengths, reverse, monkeypatch):
    x, [[weights]], states = some(kind)
    found = []
    monkeypatch.setattr(dezero.config.Config, "numba", False)  # loops take one step at a time
    for steps in (1, 2, T):
        monkeypatch.setattr(kernels, "_BLOCK", steps * N * H)
        vs = [Variable(v) for v in (x, *states, *weights)]
        before, layer = vs[1 : 1 + len(states)], vs[1 + len(states) :]
        ys, *last = call(kind, vs[0], layer, [s.reshape(1, N, H) for s in before], lengths=lengths, reverse=reverse)
        gs = grad([ys, *last], vs, [Variable(np.cos(np.arange(y.size)).reshape(y.shape)) for y in (ys, *last)])
        found.append([g.data for g in gs])
    for gs in found[1:]:
        for a, b in zip(gs, found[0]):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@each_kind
def test_gradients_nobody_asked_for_are_not_computed(kind):
    x, [[weights]], states = some(kind)
    Wh = Variable(weights[1])
    ys = call(kind, x, (weights[0], Wh, *weights[2:]), states)[0]
    gWh = grad(ys, Wh, create_graph=True)
    assert type(gWh.creator) is RecurrentGrad
    assert [ref() is gWh for ref in gWh.creator.outputs] == [True]
    full = [Variable(w) for w in weights]
    np.testing.assert_allclose(gWh.data, grad(call(kind, x, full, states)[0], full[1]).data, rtol=1e-12)


@each_kind
def test_a_second_walk_over_the_same_graph_gives_the_same_gradients(kind):
    x, [[weights]], states = some(kind)
    ws = [Variable(w) for w in weights]
    ys, *last = call(kind, x, ws, [Variable(s) for s in states])
    total = ys.sum() + sum((s * s).sum() for s in last)
    first, second = grad(total, ws), grad(total, ws)
    for a, b in zip(first, second):
        np.testing.assert_array_equal(a.data, b.data)
    recorded = grad(total, ws, create_graph=True)
    for a, b in zip(first, recorded):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-12)


@each_kind
def test_gradients_own_their_memory_and_inputs_stay_as_they_were(kind):
    x, [[weights]], states = some(kind)
    arrays = [x, *states, *weights]
    before = [a.copy() for a in arrays]
    vs = [Variable(a) for a in arrays]
    n = 1 + len(states)
    with dezero.detect_inplace():
        ys, *last = call(kind, vs[0], vs[n:], vs[1:n])
        (ys.sum() + sum(s.sum() for s in last)).backward()
    for a, b in zip(arrays, before):
        np.testing.assert_array_equal(a, b)
    held = [*arrays, ys.data, *[s.data for s in last]]
    gradients = [v.grad.data for v in vs]
    for i, g in enumerate(gradients):
        others = [*held, *gradients[:i], *gradients[i + 1 :]]
        assert not any(np.shares_memory(g, other) for other in others)
    assert not any(np.shares_memory(s.data, ys.data) for s in last)


@each_kind
def test_a_graph_goes_without_the_garbage_collector_also_after_a_recorded_walk(kind):
    x, [[weights]], _ = some(kind)
    gc.disable()
    try:
        Wx = Variable(weights[0])
        ys = call(kind, x, (Wx, *weights[1:]))[0]
        gWx = grad(ys, Wx, create_graph=True)
        (gWx * gWx).sum().backward()
        ops = [weakref.ref(ys.creator), weakref.ref(gWx.creator)]
        del ys, gWx
        assert [op() for op in ops] == [None, None]
    finally:
        gc.enable()


@each_kind
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_values_and_gradients_are_those_of_pytorchs_module(kind, layers, directions, lengths):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    gates, n_states, _ = KINDS[kind]
    torch.manual_seed(0)
    module = getattr(torch.nn, kind.upper())(I, H, layers, bidirectional=directions == 2, dtype=torch.float64)
    x, _, states = some(kind, 0, layers, directions)
    tx, ts = torch.tensor(x, requires_grad=True), [torch.tensor(s, requires_grad=True) for s in states]
    pack, pad = torch.nn.utils.rnn.pack_padded_sequence, torch.nn.utils.rnn.pad_packed_sequence
    given = tx if lengths is None else pack(tx, lengths, enforce_sorted=False)
    theirs, last = module(given, tuple(ts) if n_states > 1 else ts[0])
    theirs = theirs if lengths is None else pad(theirs, total_length=T)[0]
    results = [theirs, *(last if n_states > 1 else [last])]

    names = [f"l{k}" + ("_reverse" if d else "") for k in range(layers) for d in range(directions)]
    params = dict(module.named_parameters())
    weights = []
    for name in names:
        Wx, Wh, bx, bh = (
            params[f"{part}_{name}"].detach().numpy() for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        biases = [bx, bh] if kind == "gru" else [bx + bh]
        weights.append([Variable(w.copy()) for w in (Wx.T, Wh.T, *biases)])
    vx, vs = Variable(x), [Variable(s) for s in states]
    nested = [weights[k * directions : (k + 1) * directions] for k in range(layers)]
    ours = call(kind, vx, nested, vs, lengths=lengths)

    rng = np.random.default_rng(1)
    gys = [rng.standard_normal(y.shape) for y in ours]
    for y, e in zip(ours, results):
        np.testing.assert_allclose(y.data, e.detach().numpy(), rtol=1e-8, atol=1e-12)
    sum((e * torch.tensor(gy)).sum() for e, gy in zip(results, gys)).backward()
    sum(((y * gy).sum() for y, gy in zip(ours, gys)), start=Variable(np.zeros(()))).backward()
    for v, t in zip([vx, *vs], [tx, *ts]):
        np.testing.assert_allclose(v.grad.data, t.grad.numpy(), rtol=1e-8, atol=1e-12)
    for name, (Wx, Wh, b, *bh) in zip(names, weights):
        np.testing.assert_allclose(Wx.grad.data, params[f"weight_ih_{name}"].grad.numpy().T, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(Wh.grad.data, params[f"weight_hh_{name}"].grad.numpy().T, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(b.grad.data, params[f"bias_ih_{name}"].grad.numpy(), rtol=1e-8, atol=1e-12)
        for found in bh:
            np.testing.assert_allclose(found.grad.data, params[f"bias_hh_{name}"].grad.numpy(), rtol=1e-8, atol=1e-12)


# ---- dtypes


@each_kind
def test_float32_data_and_float64_weights_give_float64_and_each_its_own_gradient(kind):
    x, [[weights]], _ = some(kind)
    v, ws = Variable(x.astype(np.float32)), [Variable(w) for w in weights]
    ys = call(kind, v, ws)[0]
    assert ys.dtype == np.float64
    ys.sum().backward()
    assert (v.grad.dtype, ws[0].grad.dtype) == (np.float32, np.float64)


@each_kind
def test_integer_data_becomes_the_dtype_that_numpy_gives_it(kind):
    x, [[weights]], _ = some(kind)
    assert call(kind, x.astype(np.int8), [w.astype(np.float32) for w in weights])[0].dtype == np.float32


@each_kind
def test_float16_and_float32_do_not_meet_silently(kind):
    x, [[weights]], _ = some(kind)
    with pytest.raises(TypeError, match=f"{kind}: float16 and float32 do not meet silently"):
        call(kind, x.astype(np.float16), [w.astype(np.float32) for w in weights])


# ---- what does not fit


W = (np.zeros((2, 16)), np.zeros((4, 16)), np.zeros(16))
X = np.zeros((5, 3, 2))
MISFITS = {
    "no sequence": (X[0], W, {}, r"lstm: x \(T, N, I\) with at least one step is wanted, got \(3, 2\)"),
    "no step": (X[:0], W, {}, r"lstm: x \(T, N, I\) with at least one step is wanted, got \(0, 3, 2\)"),
    "no layer": (X, [], {}, "lstm: weights must hold one or more layers with one or two directions each"),
    "three directions": (X, [[W, W, W]], {}, "lstm: weights must hold one or more layers with one or two directions"),
    "more than a sequence": (X[None], W, {}, r"lstm: x \(T, N, I\) .* is wanted, got \(1, 5, 3, 2\)"),
    "no direction": (X, [[]], {}, "lstm: weights must hold one or more layers with one or two directions each"),
    "too few arrays": (X, W[:1], {}, r"lstm: a layer has \(Wx, Wh, b\), got 1 arrays"),
    "too many arrays": (X, (*W, W[2]), {}, r"lstm: a layer has \(Wx, Wh, b\), got 4 arrays"),
    "Wh": (X, (W[0], W[1][:3]), {}, r"lstm: Wh must be \(H, 4H\), got \(3, 16\)"),
    "Wh too narrow": (X, (W[0], np.zeros((5, 16))), {}, r"lstm: Wh must be \(H, 4H\), got \(5, 16\)"),
    "Wx too tall": (X, (np.zeros((3, 16)), W[1]), {}, r"lstm: Wx must be \(2, 16\) .*, got \(3, 16\)"),
    "b too long": (X, (*W[:2], np.zeros(17)), {}, r"lstm: b must be \(16,\) .*, got \(17,\)"),
    "h of a smaller batch": (X, W, {"h": np.zeros((1, 2, 4))}, r"lstm: h must be \(1, 3, 4\), .* got \(1, 2, 4\)"),
    "mask too long": (X, W, {"mask": np.ones((6, 3), bool)}, r"lstm: mask must be booleans .*, got bool \(6, 3\)"),
    "too many lengths": (X, W, {"lengths": [1, 1, 1, 1]}, "lstm: lengths must be 3 integers from 0 to 5"),
    "lengths much too long": (X, W, {"lengths": [1, 2, 9]}, "lstm: lengths must be 3 integers from 0 to 5"),
    "hidden sizes that grow": (
        X,
        [(np.zeros((2, 4)), np.zeros((1, 4))), (np.zeros((1, 16)), W[1])],
        {},
        r"lstm: all layers must have one hidden size, got Wh \(1, 4\), \(4, 16\)",
    ),
    "Wh of one axis": (X, (W[0], W[2]), {}, r"lstm: Wh must be \(H, 4H\), got \(16,\)"),
    "Wh of three axes": (X, (W[0], W[1][..., None]), {}, r"lstm: Wh must be \(H, 4H\), got \(4, 16, 1\)"),
    "Wx": (X, [W, W], {}, r"lstm: Wx must be \(4, 16\) for x \(5, 3, 4\) and Wh \(4, 16\), got \(2, 16\)"),
    "b": (X, (*W[:2], np.zeros(4)), {}, r"lstm: b must be \(16,\) for x \(5, 3, 2\) and Wh \(4, 16\), got \(4,\)"),
    "hidden sizes": (
        X,
        [W, (np.zeros((4, 4)), np.zeros((1, 4)))],
        {},
        r"lstm: all layers must have one hidden size, got Wh \(4, 16\), \(1, 4\)",
    ),
    "h": (
        X,
        W,
        {"h": np.zeros((3, 4))},
        r"lstm: h must be \(1, 3, 4\), one \(N, H\) for each layer and direction, got",
    ),
    "c": (X, W, {"c": np.zeros((2, 3, 4))}, r"lstm: c must be \(1, 3, 4\), .* got \(2, 3, 4\)"),
    "mask's shape": (
        X,
        W,
        {"mask": np.ones((3, 5), bool)},
        r"lstm: mask must be booleans \(T, N\) = \(5, 3\), got bool",
    ),
    "mask's dtype": (X, W, {"mask": np.ones((5, 3))}, r"lstm: mask must be booleans \(T, N\) = \(5, 3\), got float64"),
    "lengths too long": (X, W, {"lengths": [1, 2, 6]}, "lstm: lengths must be 3 integers from 0 to 5, one for each"),
    "lengths for each step": (X, W, {"lengths": [[1, 2, 3]]}, "lstm: lengths must be 3 integers from 0 to 5"),
    "lengths below 0": (X, W, {"lengths": [1, 2, -1]}, "lstm: lengths must be 3 integers from 0 to 5"),
    "too few lengths": (X, W, {"lengths": [1, 2]}, "lstm: lengths must be 3 integers from 0 to 5"),
    "lengths in floats": (X, W, {"lengths": [1.0, 2.0, 3.0]}, "lstm: lengths must be 3 integers from 0 to 5"),
    "both": (X, W, {"lengths": [1, 1, 1], "mask": np.ones((5, 3), bool)}, "lstm: mask and lengths say the same"),
    "dropout below 0": (X, W, {"dropout": -0.5}, "lstm: dropout must lie between 0 and 1, got -0.5"),
    "dropout": (X, W, {"dropout": 1.5}, "lstm: dropout must lie between 0 and 1, got 1.5"),
}


@pytest.mark.parametrize(("x", "weights", "options", "message"), MISFITS.values(), ids=MISFITS)
def test_what_does_not_fit_is_an_error_that_says_so(x, weights, options, message):
    with pytest.raises(ValueError, match=message):
        F.lstm(x, weights, **options)


def test_what_does_not_fit_a_cell_is_an_error_that_says_so():
    h, (Wx, Wh, b) = np.zeros((3, 4)), W
    with pytest.raises(ValueError, match=r"lstm_cell: x \(N, I\) is wanted, got \(5, 3, 2\)"):
        F.lstm_cell(X, h, h, Wx, Wh, b)
    with pytest.raises(ValueError, match=r"lstm_cell: x \(N, I\) is wanted, got \(2,\)"):
        F.lstm_cell(X[0, 0], h, h, Wx, Wh, b)
    with pytest.raises(
        ValueError, match=r"lstm_cell: c must be \(3, 4\) for x \(3, 2\) and Wh \(4, 16\), got \(1, 4\)"
    ):
        F.lstm_cell(X[0], h, h[:1], Wx, Wh, b)
    with pytest.raises(ValueError, match=r"gru_cell: Wh must be \(H, 3H\), got \(4, 16\)"):
        F.gru_cell(X[0], h, Wx, Wh)
    with pytest.raises(ValueError, match=r"rnn_cell: Wh must be \(H, H\), got \(4, 16\)"):
        F.rnn_cell(X[0], h, Wx, Wh)
    with pytest.raises(TypeError, match="rnn_cell works on Variables, arrays and numbers, got list"):
        F.rnn_cell([[1.0]], h, Wx, Wh)


@pytest.mark.parametrize("f", [F.rnn, lambda *args, **kwargs: F.rnn_cell(args[0][0], None, *args[1], **kwargs)])
def test_an_unknown_activation_is_an_error(f):
    with pytest.raises(ValueError, match=r'rnn(_cell)?: activation must be "tanh" or "relu", got \'sigmoid\''):
        f(X, (np.zeros((2, 1)), np.zeros((1, 1))), activation="sigmoid")


# ---- a graph that is cut


def test_the_graph_of_a_cell_goes_when_it_is_cut_behind_a_loss_of_h_alone():
    x, [[weights]], states = some("lstm")
    Wx, (h, c) = Variable(weights[0]), [Variable(s[0]) for s in states]
    gc.disable()
    try:
        cells, losses = [], []
        for t in range(3):  # backpropagation through time, cut after each step
            h, c = F.lstm_cell(x[t], h, c, Wx, *weights[1:])
            cells.append(weakref.ref(h.creator))
            losses.append((h * h).sum())
            Wx.cleargrad()
            losses[-1].backward()
            losses[-1].unchain_backward()
            assert h.creator is c.creator is None
        assert [cell() for cell in cells] == [None] * 3
    finally:
        gc.enable()
    alone = Variable(weights[0])
    again, _ = F.lstm_cell(x[2], *before_the_last(x, weights, states), alone, *weights[1:])
    (again * again).sum().backward()
    np.testing.assert_allclose(Wx.grad.data, alone.grad.data, rtol=1e-12)


def before_the_last(x, weights, states):
    """h and c after two steps, as arrays."""
    h, c = (s[0] for s in states)
    for t in range(2):
        h, c = (v.data for v in F.lstm_cell(x[t], h, c, *weights))
    return h, c


# ---- a step with weights for each gate


def some_step(has_state, dtype=np.float64):
    """x, the states and the weights by gate; and x, states and weights of the same step as ``lstm_cell`` takes it."""
    rng = np.random.default_rng(0)

    def draw(*shape):
        return rng.standard_normal(shape).astype(dtype)

    x, state = draw(N, I), [draw(N, H), draw(N, H)]
    gates = {gate: (draw(I, H), draw(H), draw(H, H)) for gate in "fiou"}
    Wx, b, Wh = (np.concatenate([gates[gate][k] for gate in "ifuo"], axis=-1) for k in range(3))
    if has_state:
        return x, state, [w for gate in "fiou" for w in gates[gate]], (x, *state, Wx, Wh, b)
    return x, [], [w for gate in "iou" for w in gates[gate][:2]], (x, None, None, Wx, Wh, b)


@pytest.mark.parametrize("has_state", [True, False])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_a_step_with_weights_for_each_gate_is_that_of_the_cell(has_state, dtype):
    x, state, weights, packed = some_step(has_state, dtype)
    for y, expected in zip(lstm_step(Variable(x), state, weights), F.lstm_cell(*packed)):
        assert y.dtype == dtype
        np.testing.assert_allclose(y.data, expected.data, rtol=10 * np.finfo(dtype).eps, atol=10 * np.finfo(dtype).eps)


@pytest.mark.parametrize("has_state", [True, False])
def test_third_derivatives_of_a_step_with_weights_for_each_gate_match_finite_differences(has_state):
    x, state, weights, _ = some_step(has_state)

    def f(x, *args):
        return F.concat(list(lstm_step(x, args[: len(state)], args[len(state) :])))

    check_grads(f, x, *state, *[w * 0.5 for w in weights], order=3, step=1e-3, rtol=1e-5)


@pytest.mark.parametrize("has_state", [True, False])
@pytest.mark.parametrize("of_h", [True, False])
def test_a_step_has_the_gradients_of_its_formula_and_leaves_its_inputs(has_state, of_h):
    x, state, weights, _ = some_step(has_state)
    vs = [Variable(v) for v in (x, *state, *weights)]
    copies = [v.data.copy() for v in vs]
    h, c = lstm_step(vs[0], vs[1 : 1 + len(state)], vs[1 + len(state) :])
    y, seed = (h, Variable(np.cos(np.arange(N * H)).reshape(N, H))) if of_h else (c, Variable(np.ones((N, H))))
    found = grad(y, vs, seed, allow_unused=True)
    h, c = LSTMStep(has_state).formula(*vs)
    expected = grad(h if of_h else c, vs, seed, allow_unused=True)
    for v, copy, a, b in zip(vs, copies, found, expected):
        np.testing.assert_array_equal(v.data, copy)
        np.testing.assert_allclose(a.data, 0 if b is None else b.data, rtol=1e-12, atol=1e-14)
        assert not any(np.may_share_memory(a.data, other) for other in copies)


@pytest.mark.parametrize("wanted", ["x", "h", "c", "a weight"])
def test_a_step_computes_the_gradients_that_somebody_asked_for(wanted):
    x, state, weights, _ = some_step(True)
    k = {"x": 0, "h": 1, "c": 2, "a weight": 5}[wanted]
    every = [Variable(v) for v in (x, *state, *weights)]
    expected = grad(lstm_step(every[0], every[1:3], every[3:])[0], every[k])
    only = [Variable(v.data, requires_grad=i == k) for i, v in enumerate(every)]
    y = lstm_step(only[0], only[1:3], only[3:])[0]
    np.testing.assert_allclose(grad(y, only[k]).data, expected.data, rtol=1e-12)
    gx = grad(y, only[k], create_graph=True)
    np.testing.assert_allclose(gx.data, expected.data, rtol=1e-12)


def test_a_step_of_a_gru_with_weights_for_each_gate_is_that_of_the_cell_to_the_third_derivative():
    rng = np.random.default_rng(0)
    shapes = [(N, I), (N, H), *[(I, H)] * 3, *[(H, H)] * 3, *[(H,)] * 4]
    arrays = [rng.standard_normal(shape) * 0.5 for shape in shapes]
    x, h, *weights = arrays
    Wx, Wh, bx = (np.concatenate(weights[k : k + 3], axis=-1) for k in (0, 3, 6))
    bh = np.concatenate([np.zeros(2 * H), weights[9]])
    expected = F.gru_cell(x, h, Wx, Wh, bx, bh)
    np.testing.assert_allclose(gru_step(Variable(x), Variable(h), weights).data, expected.data, rtol=1e-12)
    small = [a[:2] for a in arrays[:2]]
    check_grads(lambda x, h, *weights: gru_step(x, h, weights), *small, *arrays[2:], order=3, step=1e-3, rtol=1e-5)
    for k in range(len(arrays)):
        only = [Variable(a, requires_grad=i == k) for i, a in enumerate(arrays)]
        every = [Variable(a) for a in arrays]
        found, wanted = (grad(gru_step(*vs[:2], vs[2:]), vs[k]) for vs in (only, every))
        np.testing.assert_allclose(found.data, wanted.data, rtol=1e-12)
