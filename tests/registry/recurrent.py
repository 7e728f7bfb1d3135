"""The rows of ``dezero.functions.recurrent``."""

from __future__ import annotations

from typing import Any

import numpy as np

from dezero import functions as F

from .rows import Lazy, Row, case

torch = Lazy("torch")
rng = np.random.default_rng(0)
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
BIASES = {"rnn": 1, "lstm": 1, "gru": 2}
STATES = {"rnn": 1, "lstm": 2, "gru": 1}
T, N, I, H = 4, 3, 2, 3
LENGTHS = np.array([2, 4, 1])
HOLES = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]], dtype=bool)  # no beginnings of sequences only
NO_REVERSE = "nn.LSTM and its like go forwards, or both ways"
NO_HOLES = "a packed sequence has no holes"


# ---- the reference: one sequence, one number at a time where it matters


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def one_step(kind, x, state, Wx, Wh, b=0, bh=0, activation="tanh"):
    """The states after a step: the textbook's formulas."""
    h, *c = state
    if kind == "rnn":
        a = x @ Wx + h @ Wh + b
        return [np.tanh(a) if activation == "tanh" else np.maximum(a, 0)]
    if kind == "lstm":
        i, f, g, o = np.split(x @ Wx + h @ Wh + b, 4, axis=-1)
        c = sigmoid(f) * c[0] + sigmoid(i) * np.tanh(g)
        return [sigmoid(o) * np.tanh(c), c]
    (xr, xz, xn), (hr, hz, hn) = np.split(x @ Wx + b, 3, axis=-1), np.split(h @ Wh + bh, 3, axis=-1)
    z = sigmoid(xz + hz)
    return [(1 - z) * np.tanh(xn + sigmoid(xr + hr) * hn) + z * h]


def one_sequence(kind, xs, state, weights, live, reverse, activation):
    """Outputs and last states of one sequence alone, which skips the steps that are not ``live``."""
    ys = np.zeros((len(xs), len(state[0])))
    for t in [t for t in range(len(xs)) if live[t]][:: -1 if reverse else 1]:
        state = one_step(kind, xs[t], state, *weights, activation=activation)
        ys[t] = state[0]
    return ys, state


def reference(kind):
    def run(x, *args, mask=None, lengths=None, reverse=False, layers=1, directions=1, activation="tanh"):
        states, weights = args[: STATES[kind]], parts(kind, args[STATES[kind] :])
        live = np.ones(x.shape[:2], bool) if mask is None else mask
        live = np.array([[t < n for n in lengths] for t in range(len(x))]) if lengths is not None else live
        lasts = []
        for k in range(layers):
            both = []
            for d in range(directions):
                s = k * directions + d
                ys, last = np.zeros((*x.shape[:2], states[0].shape[2])), [state[s].copy() for state in states]
                for n in range(x.shape[1]):
                    first = [state[s, n] for state in states]
                    ys[:, n], after = one_sequence(
                        kind, x[:, n], first, weights[s], live[:, n], reverse != (d == 1), activation
                    )
                    for state, new in zip(last, after):
                        state[n] = new
                both.append(ys)
                lasts.append(last)
            x = np.concatenate(both, axis=2)
        return (x, *[np.stack(state) for state in zip(*lasts)])

    return run


# ---- ours and PyTorch's, with the weights of all layers one after the other


def parts(kind, arrays):
    n = 2 + BIASES[kind]
    return [arrays[i : i + n] for i in range(0, len(arrays), n)]


def ours(kind):
    def run(x, *args, layers=1, directions=1, **kwargs):
        states, weights = args[: STATES[kind]], parts(kind, args[STATES[kind] :])
        nested = [[weights[k * directions + d] for d in range(directions)] for k in range(layers)]
        return getattr(F, kind)(x, nested, *states, **kwargs)

    return run


def pytorchs(kind):
    def run(x, *args, lengths=None, layers=1, directions=1, activation="tanh"):
        t: Any = torch.get()
        states, weights = args[: STATES[kind]], parts(kind, args[STATES[kind] :])
        options = {"nonlinearity": activation} if kind == "rnn" else {}
        module = getattr(t.nn, kind.upper())(
            x.shape[2], states[0].shape[2], layers, bidirectional=directions == 2, dtype=t.float64, **options
        )
        params = {}
        for s, (Wx, Wh, b, *bh) in enumerate(weights):
            name = f"l{s // directions}" + ("_reverse" if s % directions else "")
            params |= {f"weight_ih_{name}": Wx.T, f"weight_hh_{name}": Wh.T}
            params |= {f"bias_ih_{name}": b, f"bias_hh_{name}": bh[0] if bh else t.zeros_like(b)}
        given = x if lengths is None else t.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        state = states[0] if len(states) == 1 else states
        ys, last = t.func.functional_call(module, params, (given, state))
        if lengths is not None:
            ys, _ = t.nn.utils.rnn.pad_packed_sequence(ys, total_length=len(x))
        return (ys, *(last if isinstance(last, tuple) else [last]))

    return run


def pytorchs_cell(kind):
    def run(x, *args, activation="tanh"):
        states, (Wx, Wh, *biases) = args[: STATES[kind]], args[STATES[kind] :]
        biases = [*biases, *[torch.zeros(len(Wx.T), dtype=x.dtype)] * (2 - len(biases))]
        cell = getattr(torch, f"rnn_{activation}_cell" if kind == "rnn" else f"{kind}_cell")
        return cell(x, states if kind == "lstm" else states[0], Wx.T, Wh.T, *biases)

    return run


# ---- the cases


def arrays(kind, layers=1, directions=1, T=T, N=N, I=I, H=H, biases=True):
    G = GATES[kind] * H
    found = [rng.standard_normal((T, N, I))]
    found += [rng.standard_normal((layers * directions, N, H)) for _ in range(STATES[kind])]
    for s in range(layers * directions):
        rows = I if s < directions else H * directions
        found += [rng.standard_normal((rows, G)) * 0.7, rng.standard_normal((H, G)) * 0.7]
        found += [rng.standard_normal(G) for _ in range(BIASES[kind] if biases else 0)]
    return found


def sequence_cases(kind):
    return [
        case(*arrays(kind), name="one layer"),
        case(*arrays(kind, T=1), name="one step"),
        case(*arrays(kind, N=0), name="no sequence", order=1),
        case(*arrays(kind, N=1, I=3, H=1), name="one unit"),
        case(*arrays(kind), name="reverse", reverse=True, no_torch=NO_REVERSE),
        case(*arrays(kind, directions=2), name="bidirectional", directions=2),
        case(*arrays(kind, 2), name="two layers", layers=2),
        case(*arrays(kind, 2, 2), name="two layers, bidirectional", layers=2, directions=2),
        case(*arrays(kind), name="lengths", lengths=LENGTHS),
        case(
            *arrays(kind), name="lengths with 0", lengths=LENGTHS - 1, no_torch="a packed sequence has a step at least"
        ),
        case(*arrays(kind, 2, 2), name="lengths, two layers, bidirectional", lengths=LENGTHS, layers=2, directions=2),
        case(*arrays(kind), name="a mask with holes", mask=HOLES, no_torch=NO_HOLES),
        case(*arrays(kind), name="a mask with holes, reverse", mask=HOLES, reverse=True, no_torch=NO_HOLES),
    ]


def cell_arrays(kind, **sizes):
    n, found = STATES[kind], arrays(kind, T=1, **sizes)
    return [*[v[0] for v in found[: 1 + n]], *found[1 + n :]]


def cell_cases(kind):
    return [
        case(*cell_arrays(kind), name="one step", order=3),
        case(*cell_arrays(kind, biases=False), name="no bias"),
        case(*cell_arrays(kind, N=1, I=1, H=1), name="one unit"),
        case(*cell_arrays(kind, N=0), name="no row", order=1),
    ]


def one_cell(kind):
    def run(x, *args, **kwargs):
        n = STATES[kind]
        return one_step(kind, x, args[:n], *args[n:], **kwargs)

    return run


RELU = {"activation": "relu"}
ROWS = [
    Row(
        "rnn",
        reference("rnn"),
        pytorchs("rnn"),
        [*sequence_cases("rnn"), case(*arrays("rnn"), name="relu", **RELU)],
        call=ours("rnn"),
    ),
    Row("lstm", reference("lstm"), pytorchs("lstm"), sequence_cases("lstm"), call=ours("lstm")),
    Row("gru", reference("gru"), pytorchs("gru"), sequence_cases("gru"), call=ours("gru")),
    Row(
        "rnn_cell",
        one_cell("rnn"),
        pytorchs_cell("rnn"),
        [*cell_cases("rnn"), case(*cell_arrays("rnn"), name="relu", **RELU)],
    ),
    Row("lstm_cell", one_cell("lstm"), pytorchs_cell("lstm"), cell_cases("lstm")),
    Row("gru_cell", one_cell("gru"), pytorchs_cell("gru"), cell_cases("gru")),
]
