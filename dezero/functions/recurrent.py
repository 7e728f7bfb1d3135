"""Knows the recurrent ops: RNN, LSTM and GRU, each for one step and for a whole sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..core import Function, Variable, as_operand, constant
from ..cuda import get_array_module, is_array
from ..kernels import recurrent as kernels
from .activation import relu, sigmoid
from .arithmetic import check_precision
from .dropout import dropout as drop
from .elementwise import tanh
from .formula import differentiate
from .joining import concat
from .linalg import linear, matmul
from .shape import cast, reshape


class Recurrent(Function):
    """One layer in one direction: (x, states before, Wx, Wh, biases) -> (outputs, states after).

    With x (T, N, I) over a whole sequence. With x (N, I) it is a single step, which has no outputs beside its states.
    A subclass knows the plain formula of a step; the kernel does the same in few passes over memory.
    """

    kernel: ClassVar[type[kernels.Recurrence]]
    tape: Any  # the kernel of the last call, with what it keeps
    n_gates: ClassVar[int]
    state_names: ClassVar[tuple[str, ...]] = ("h",)
    bias_names: ClassVar[tuple[str, ...]] = ("b",)

    def __init__(self, mask: Any = None, reverse: bool = False, **options: Any):
        self.mask = mask
        self.reverse = reverse
        self.options = options

    def forward(self, x, *args):
        self.tape = self.kernel(self.mask, self.reverse, **self.options)
        state, weights = self.split(args)
        if x.ndim == 3:
            return self.tape.forward(x, state, *weights)
        after = self.tape.forward(x[None], state, *weights)[1:]
        return after if len(after) > 1 else after[0]

    def gradients(self, gys: Sequence[Any], needs: Sequence[bool], x: Any, *args: Any) -> list[Any]:
        """The gradients of x, states and weights, on arrays; None for one that ``needs`` does not ask for."""
        state, (Wx, Wh, *_) = self.split(args)
        if x.ndim == 3:
            return self.tape.backward(x, state, Wx, Wh, gys[0], gys[1:], needs)
        gx, *others = self.tape.backward(x[None], state, Wx, Wh, None, gys, needs)
        return [None if gx is None else gx[0], *others]

    def array_backward(self, *gys):
        return self.gradients(gys, self.needs_grad, *[x.data for x in self.inputs])

    def backward(self, *gys):
        wanted = [i for i, need in enumerate(self.needs_grad) if need]
        found = RecurrentGrad(self, self.needs_grad)(*self.inputs, *gys)
        gxs: list[Any] = [None] * len(self.inputs)
        for i, gx in zip(wanted, found if isinstance(found, list) else [found]):
            gxs[i] = gx
        return tuple(gxs)

    def formula(self, x, *args):
        """The op in Variables, step by step: what its derivatives of second and higher order come from."""
        state, weights = self.split(args)
        if x.ndim == 2:
            return self.step(x, *state, *weights)
        xs = _unstack(x)
        ys = list(xs)
        for t in self.tape.steps(len(xs)):
            new = self.step(xs[t], *state, *weights)
            ys[t] = new[0]
            if self.mask is not None:
                live = self.mask[t][:, None].astype(x.dtype)
                new = tuple([s * live + old * (1 - live) for s, old in zip(new, state)])
                ys[t] = ys[t] * live
            state = new
        return (_stack(ys), *state)

    def split(self, args: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """The inputs after x: the states, and the weights."""
        n = len(self.state_names)
        return args[:n], args[n:]

    def step(self, x, *args):
        """The states (N, H) after a step: a tuple, in Variables."""
        raise NotImplementedError(f"{type(self).__name__} has no step(self, x, *states, Wx, Wh, *biases).")


class RecurrentGrad(Function):
    """The gradients of a recurrent op by those of its inputs that need one, from its inputs and gys."""

    def __init__(self, op: Recurrent, needs: Sequence[bool]):
        self.op = op
        self.needs = tuple(needs)

    def forward(self, *args):
        n = len(self.needs)
        gxs = self.op.gradients(args[n:], self.needs, *args[:n])
        return tuple([gx for gx, need in zip(gxs, self.needs) if need])

    def backward(self, *ggs):
        return tuple(differentiate(self.formula, self.inputs, ggs))

    def formula(self, *args):
        gxs = differentiate(self.op.formula, args[: len(self.needs)], args[len(self.needs) :])
        return tuple([gx for gx, need in zip(gxs, self.needs) if need])


class Steps(Function):
    """y0, y1, ... = the rows of x;  gx = the gys one above the other."""

    def forward(self, x):
        return tuple([x[t] for t in range(len(x))])

    def backward(self, *gys):
        return _stack(gys)


def _unstack(x: Variable) -> list[Variable]:
    """(T, ...) as T Variables (...)."""
    xs = Steps()(x)
    return xs if isinstance(xs, list) else [xs]


def _stack(xs: Sequence[Variable]) -> Variable:
    """T Variables (...) as one, (T, ...)."""
    return concat([reshape(x, (1, *x.shape)) for x in xs])


class Masked(Function):
    """y = x where the mask is True, 0 elsewhere;  gx = the same of gy."""

    def __init__(self, mask: Any):
        self.mask = mask

    def forward(self, x):
        return get_array_module(x).where(self.mask, x, x.dtype.type(0))

    def backward(self, gy):
        return Masked(self.mask)(gy)


class RNN(Recurrent):
    """h <- tanh(x Wx + h Wh + b), or with relu instead."""

    kernel = kernels.RNN
    n_gates = 1

    def step(self, x, h, Wx, Wh, b):
        activation = {"tanh": tanh, "relu": relu}[self.options["activation"]]
        return (activation(linear(x, Wx, b) + matmul(h, Wh)),)


class LSTM(Recurrent):
    """i, f, g, o = x Wx + h Wh + b, tanh of g and sigmoid of the others;  c <- f c + i g, h <- o tanh(c)."""

    kernel = kernels.LSTM
    n_gates = 4
    state_names = ("h", "c")

    def step(self, x, h, c, Wx, Wh, b):
        i, f, g, o = _split(linear(x, Wx, b) + matmul(h, Wh), 4)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(c), c


class GRU(Recurrent):
    """r, z = sigmoid(x Wx + bx + h Wh + bh), n = tanh(x Wx + bx + r (h Wh + bh));  h <- (1 - z) n + z h."""

    kernel = kernels.GRU
    n_gates = 3
    bias_names = ("bx", "bh")

    def step(self, x, h, Wx, Wh, bx, bh):
        (ar, az, an), (ur, uz, un) = _split(linear(x, Wx, bx), 3), _split(linear(h, Wh, bh), 3)
        z = sigmoid(az + uz)
        n = tanh(an + sigmoid(ar + ur) * un)
        return (n + z * (h - n),)


class GRUStep(GRU):
    """The same with weights of its own for each gate: (x, h, then Wx of r, z, n, Wh of each, bx of each, bh of n)."""

    def forward(self, x, h, *weights):
        return super().forward(x, h, *self.packed(weights, get_array_module(x).concatenate))

    def gradients(self, gys, needs, x, h, *weights):
        wanted = (*needs[:2], *[any(needs[k : k + n]) for k, n in ((2, 3), (5, 3), (8, 3), (11, 1))])
        packed = self.packed(weights, get_array_module(x).concatenate)
        gx, gh, *packs, gbh = super().gradients(gys, wanted, x, h, *packed)
        H = h.shape[1]
        gweights = [None if g is None else g[..., k * H : (k + 1) * H] for g in packs for k in range(3)]
        return [gx, gh, *gweights, None if gbh is None else gbh[2 * H :]]

    def formula(self, x, h, *weights):
        return super().formula(x, h, *self.packed(weights, concat))

    def packed(self, weights: Sequence[Any], join: Any) -> list[Any]:
        """Wx, Wh, bx and bh with all gates side by side."""
        *others, bh = weights
        packs = [join(others[k : k + 3], axis=-1) for k in (0, 3, 6)]
        none = get_array_module(bh).zeros(2 * len(bh), bh.dtype)
        return [*packs, join([none, bh], axis=0)]


class LSTMStep(Recurrent):
    """c <- f c + i u, h <- o tanh(c), with sigmoid(f, i, o) and tanh(u) of x Wx + b + h Wh of each gate's own weights.

    (x, h, c, then Wx, b, Wh of each gate) -> (h, c). ``has_state=False`` is for the first step, which has no h, c
    and Wh, and no gate f, as there is nothing to forget.
    """

    def __init__(self, has_state: bool):
        super().__init__()
        self.has_state = has_state

    def forward(self, *args):
        self.tape = kernels.LSTMStep()
        x, h, c, weights = self.parts(args)
        return self.tape.forward(x, h, c, weights)

    def gradients(self, gys, needs, *args):
        x, h, c, weights = self.parts(args)
        wanted = (needs[0], self.has_state and needs[1], any(needs[-len(weights) :]))
        gx, gh, gc, gweights = self.tape.backward(x, h, c, weights, *gys, wanted)
        return [gx, gh, gc, *gweights] if self.has_state else [gx, *gweights]

    def formula(self, *args):
        x, h, c, weights = self.parts(args)
        if not self.has_state:
            i, o, u = [linear(x, *weights[k : k + 2]) for k in (0, 2, 4)]
            c = sigmoid(i) * tanh(u)
            return sigmoid(o) * tanh(c), c
        f, i, o, u = [linear(x, *weights[k : k + 2]) + matmul(h, weights[k + 2]) for k in (0, 3, 6, 9)]
        c = sigmoid(f) * c + sigmoid(i) * tanh(u)
        return sigmoid(o) * tanh(c), c

    def parts(self, args: Sequence[Any]) -> tuple[Any, Any, Any, Sequence[Any]]:
        """x, h, c and the weights."""
        return (*args[:3], args[3:]) if self.has_state else (args[0], None, None, args[1:])


def lstm_step(x: Any, state: Sequence[Any], weights: Sequence[Any]) -> tuple[Variable, Variable]:
    """One step of an LSTM whose gates f, i, o, u have weights of their own, as ``layers.LSTM`` has them.

    Args:
        x: Variable or array (N, I).
        state: h and c before the step, Variables (N, H); none at the first step.
        weights: Wx (I, H), b (H,) and Wh (H, H) of each gate in turn; at the first step Wx and b of i, o and u.

    Returns:
        h and c after the step, Variables (N, H).
    """
    h, c = LSTMStep(bool(state))(x, *state, *weights)
    return h, c


def gru_step(x: Any, h: Any, weights: Sequence[Any]) -> Variable:
    """One step of a GRU whose gates r, z, n have weights of their own, as ``layers.GRU`` has them.

    Args:
        x: Variable or array (N, I).
        h: State before the step, Variable (N, H).
        weights: Wx (I, H) of each gate, Wh (H, H) of each, bx (H,) of each, and bh (H,) of n.

    Returns:
        h after the step, Variable (N, H).
    """
    return GRUStep()(x, h, *weights)


def _split(a: Variable, n: int) -> list[Variable]:
    """(N, n H) as n Variables (N, H)."""
    H = a.shape[1] // n
    return [a[:, k * H : (k + 1) * H] for k in range(n)]


# ---- one step


def rnn_cell(x: Any, h: Any, Wx: Any, Wh: Any, b: Any = None, activation: str = "tanh") -> Variable:
    """One step of a simple recurrent network: tanh(x Wx + h Wh + b).

    Args:
        x: Variable or array (N, I).
        h: State before the step, Variable or array (N, H); zeros where None.
        Wx: Variable or array (I, H).
        Wh: Variable or array (H, H).
        b: Variable or array (H,), or None.
        activation: "tanh" or "relu".

    Returns:
        The state after the step, Variable (N, H).

    Raises:
        ValueError: The shapes do not fit, or ``activation`` is another.

    Example:
        >>> x, h, W = np.array([[1.0]]), np.array([[2.0]]), np.array([[0.5]])
        >>> rnn_cell(x, h, W, W, activation="relu")
        variable([[1.5]])

    Source: Elman, Finding Structure in Time, 1990.
    """
    f = RNN(activation=_activation(activation, "rnn_cell"))
    return f(*_step_inputs(f, "rnn_cell", x, (h,), Wx, Wh, b))


def lstm_cell(x: Any, h: Any, c: Any, Wx: Any, Wh: Any, b: Any = None) -> tuple[Variable, Variable]:
    """One step of a recurrent network with a memory c that gates guard.

    ::

        i, f, g, o = x Wx + h Wh + b        side by side in this order, H columns each
        c <- sigmoid(f) c + sigmoid(i) tanh(g)
        h <- sigmoid(o) tanh(c)

    Args:
        x: Variable or array (N, I).
        h: State before the step, Variable or array (N, H); zeros where None.
        c: Memory before the step, Variable or array (N, H); zeros where None.
        Wx: Variable or array (I, 4H).
        Wh: Variable or array (H, 4H).
        b: Variable or array (4H,), or None.

    Returns:
        h and c after the step, Variables (N, H).

    Raises:
        ValueError: The shapes do not fit.

    Example:
        >>> x, h, c = np.ones((2, 3)), np.zeros((2, 1)), np.ones((2, 1))
        >>> h, c = lstm_cell(x, h, c, np.zeros((3, 4)), np.zeros((1, 4)))
        >>> c
        variable([[0.5]
                  [0.5]])

    Source: Hochreiter and Schmidhuber, 1997; the forget gate: Gers et al., 2000.
    """
    f = LSTM()
    h, c = f(*_step_inputs(f, "lstm_cell", x, (h, c), Wx, Wh, b))
    return h, c


def gru_cell(x: Any, h: Any, Wx: Any, Wh: Any, bx: Any = None, bh: Any = None) -> Variable:
    """One step of a recurrent network whose state gates guard.

    ::

        r, z = sigmoid(x Wx + bx + h Wh + bh)      r, z, n side by side in this order, H columns each
        n = tanh(x Wx + bx + r (h Wh + bh))
        h <- (1 - z) n + z h

    The reset gate r comes after the product with Wh, as in cuDNN and PyTorch, so that one product serves all three.

    Args:
        x: Variable or array (N, I).
        h: State before the step, Variable or array (N, H); zeros where None.
        Wx: Variable or array (I, 3H).
        Wh: Variable or array (H, 3H).
        bx: Bias that goes to x Wx, Variable or array (3H,), or None.
        bh: Bias that goes to h Wh, Variable or array (3H,), or None.

    Returns:
        The state after the step, Variable (N, H).

    Raises:
        ValueError: The shapes do not fit.

    Example:
        >>> x, h = np.ones((2, 3)), np.ones((2, 1))
        >>> gru_cell(x, h, np.zeros((3, 3)), np.zeros((1, 3)))
        variable([[0.5]
                  [0.5]])

    Source: Cho et al., 2014; with the reset gate after the product: Chung et al., 2014.
    """
    f = GRU()
    return f(*_step_inputs(f, "gru_cell", x, (h,), Wx, Wh, bx, bh))


# ---- whole sequences


def rnn(
    x: Any,
    weights: Sequence[Any],
    h: Any = None,
    mask: Any = None,
    lengths: Any = None,
    reverse: bool = False,
    dropout: float = 0.0,
    rng: Any = None,
    activation: str = "tanh",
) -> tuple[Variable, Variable]:
    """Simple recurrent layers over whole sequences: ``rnn_cell`` at every step, each layer and direction as one op.

    Args:
        x: Variable or array (T, N, I): T steps of N sequences.
        weights: As in ``lstm``; Wx (I, H), Wh (H, H), b (H,).
        h: State of all S layers and directions before the first step, as in ``lstm``; zeros where None.
        mask: As in ``lstm``.
        lengths: As in ``lstm``.
        reverse: As in ``lstm``.
        dropout: As in ``lstm``.
        rng: As in ``lstm``.
        activation: "tanh" or "relu".

    Returns:
        The outputs of the last layer (T, N, H), or (T, N, 2H) where it is bidirectional, and the last state (S, N, H).

    Raises:
        ValueError: The shapes do not fit, or an option is out of range.

    Example:
        >>> ys, h = rnn(np.ones((3, 2, 1)), (np.ones((1, 1)), np.ones((1, 1))), activation="relu")
        >>> ys.data[:, 0, 0].tolist(), h.shape
        ([1.0, 2.0, 3.0], (1, 2, 1))

    Source: Elman, Finding Structure in Time, 1990.
    """
    options = {"activation": _activation(activation, "rnn")}
    ys, h = _run(RNN, options, "rnn", x, weights, (h,), mask, lengths, reverse, dropout, rng)
    return ys, h


def lstm(
    x: Any,
    weights: Sequence[Any],
    h: Any = None,
    c: Any = None,
    mask: Any = None,
    lengths: Any = None,
    reverse: bool = False,
    dropout: float = 0.0,
    rng: Any = None,
) -> tuple[Variable, Variable, Variable]:
    """LSTM layers over whole sequences: ``lstm_cell`` at every step, each layer and direction as one op.

    Sequences of different lengths share a batch with ``lengths`` or ``mask``. Beyond its end the state of a sequence
    stays as it is and its output is 0, so the last state is that after its own last step, and the backward direction
    begins at its own end. What x holds there does not matter.

    Args:
        x: Variable or array (T, N, I): T steps of N sequences.
        weights: (Wx, Wh, b) of one layer, or a list with an entry for each layer: (Wx, Wh, b), or the pair of a
            bidirectional layer, [(Wx, Wh, b), (Wx, Wh, b)], forward and backward. Wx is (I, 4H), Wh (H, 4H), b (4H,)
            or left out, each a Variable or an array. A layer after another reads its outputs: I is H there, or 2H.
        h: State of all S layers and directions before the first step, Variable or array (S, N, H), in the order of
            ``weights``; zeros where None.
        c: Memory, as ``h``.
        mask: Array (T, N) of booleans, True where a sequence goes on, or None.
        lengths: Instead of ``mask``: the number of steps of each sequence, (N,) integers from 0 to T.
        reverse: Go through the sequences backwards; the second direction of a pair then goes forwards.
        dropout: Share of the elements between two layers that drop in train mode, from 0 to 1.
        rng: Generator for dropout; the array module's global one where None.

    Returns:
        The outputs of the last layer (T, N, H), or (T, N, 2H) with the two directions side by side where it is
        bidirectional; then the last h and the last c, (S, N, H).

    Raises:
        ValueError: The shapes do not fit, or an option is out of range.

    Example:
        >>> layer = (np.ones((3, 8)), np.ones((2, 8)), np.zeros(8))
        >>> ys, h, c = lstm(np.ones((5, 4, 3)), [layer], lengths=[5, 1, 2, 3])
        >>> ys.shape, h.shape, float(ys.data[1:, 1].sum()), bool((h.data[0, 1] == ys.data[0, 1]).all())
        ((5, 4, 2), (1, 4, 2), 0.0, True)

    Note:
        PyTorch's ``weight_ih_l0`` is Wx transposed, ``weight_hh_l0`` is Wh transposed, b is the sum of its two biases.

    Source: Hochreiter and Schmidhuber, 1997; both directions: Schuster and Paliwal, 1997.
    """
    ys, h, c = _run(LSTM, {}, "lstm", x, weights, (h, c), mask, lengths, reverse, dropout, rng)
    return ys, h, c


def gru(
    x: Any,
    weights: Sequence[Any],
    h: Any = None,
    mask: Any = None,
    lengths: Any = None,
    reverse: bool = False,
    dropout: float = 0.0,
    rng: Any = None,
) -> tuple[Variable, Variable]:
    """GRU layers over whole sequences: ``gru_cell`` at every step, each layer and direction as one op.

    Args:
        x: Variable or array (T, N, I): T steps of N sequences.
        weights: As in ``lstm``, but with two biases, (Wx, Wh, bx, bh); Wx (I, 3H), Wh (H, 3H), bx and bh (3H,).
        h: State of all S layers and directions before the first step, as in ``lstm``; zeros where None.
        mask: As in ``lstm``.
        lengths: As in ``lstm``.
        reverse: As in ``lstm``.
        dropout: As in ``lstm``.
        rng: As in ``lstm``.

    Returns:
        The outputs of the last layer (T, N, H), or (T, N, 2H) where it is bidirectional, and the last state (S, N, H).

    Raises:
        ValueError: The shapes do not fit, or an option is out of range.

    Example:
        >>> layer = (np.ones((3, 6)), np.ones((2, 6)))
        >>> ys, h = gru(np.ones((5, 4, 3)), [[layer, layer]])
        >>> ys.shape, h.shape
        ((5, 4, 4), (2, 4, 2))

    Source: Cho et al., 2014.
    """
    ys, h = _run(GRU, {}, "gru", x, weights, (h,), mask, lengths, reverse, dropout, rng)
    return ys, h


def _run(
    op: type[Recurrent],
    options: dict[str, Any],
    who: str,
    x: Any,
    weights: Sequence[Any],
    states: Sequence[Any],
    mask: Any,
    lengths: Any,
    reverse: bool,
    dropout: float,
    rng: Any,
) -> tuple[Variable, ...]:
    """The outputs and the last states of one layer upon the other."""
    if not 0 <= dropout <= 1:
        raise ValueError(f"{who}: dropout must lie between 0 and 1, got {dropout!r}.")
    ys = as_operand(x, who)
    if ys.ndim != 3 or not ys.shape[0]:
        raise ValueError(f"{who}: x (T, N, I) with at least one step is wanted, got {ys.shape}.")
    layers = _layers(weights, op, who)
    mask = _mask(mask, lengths, ys, who)
    if mask is not None:
        ys = Masked(mask[:, :, None])(ys)
    firsts = iter(_first_states(op, states, ys, layers, who))
    lasts = []
    for k, directions in enumerate(layers):
        below = drop(ys, dropout, rng) if k else ys
        outputs = []
        for d, arrays in enumerate(directions):
            f = op(mask, reverse != (d == 1), **options)
            y, *last = f(*_inputs(f, who, below, next(firsts), *arrays))
            outputs.append(y)
            lasts.append(last)
        ys = outputs[0] if len(outputs) == 1 else concat(outputs, axis=2)
    return (ys, *[_stack(states) for states in zip(*lasts)])


def _layers(weights: Any, op: type[Recurrent], who: str) -> list[list[list[Any]]]:
    """For each layer and direction the weights, None for a bias that was left out."""
    wanted = ("Wx", "Wh", *op.bias_names)
    given = [weights] if _is_one(weights) else list(weights)
    layers = [[w] if _is_one(w) else list(w) for w in given]
    if not layers or not all(1 <= len(directions) <= 2 for directions in layers):
        raise ValueError(f"{who}: weights must hold one or more layers with one or two directions each.")
    for arrays in (a for directions in layers for a in directions):
        if not 2 <= len(arrays) <= len(wanted):
            raise ValueError(f"{who}: a layer has ({', '.join(wanted)}), got {len(arrays)} arrays.")
    return [
        [[None if v is None else as_operand(v, who) for v in arrays] for arrays in directions] for directions in layers
    ]


def _is_one(weights: Any) -> bool:
    """Whether ``weights`` are those of one layer in one direction, not a list of such."""
    return len(weights) > 0 and (isinstance(weights[0], Variable) or is_array(weights[0]))


def _mask(mask: Any, lengths: Any, x: Variable, who: str) -> Any:
    """The mask (T, N) on the device of x, or None."""
    xp, (T, N, _) = get_array_module(x.data), x.shape
    if lengths is None:
        if mask is None:
            return None
        mask = xp.asarray(mask.data if isinstance(mask, Variable) else mask)
        if mask.shape != (T, N) or mask.dtype.kind != "b":
            raise ValueError(f"{who}: mask must be booleans (T, N) = {(T, N)}, got {mask.dtype} {mask.shape}.")
        return mask
    if mask is not None:
        raise ValueError(f"{who}: mask and lengths say the same. Give one of them.")
    lengths = lengths.data if isinstance(lengths, Variable) else lengths
    on_host = not is_array(lengths) or isinstance(lengths, np.ndarray)
    lengths = np.asarray(lengths) if on_host else lengths
    fits = lengths.shape == (N,) and (lengths.dtype.kind in "iu" or not N)
    if not fits or (on_host and N and not 0 <= lengths.min() <= lengths.max() <= T):  # a look at a GPU's would wait
        raise ValueError(f"{who}: lengths must be {N} integers from 0 to {T}, one for each sequence, got {lengths}.")
    return xp.arange(T)[:, None] < xp.asarray(lengths)


def _first_states(
    op: type[Recurrent], states: Sequence[Any], x: Variable, layers: list[Any], who: str
) -> list[tuple[Any, ...]]:
    """For each layer and direction the states before the first step, None for one that is zero."""
    Whs = [arrays[1] for directions in layers for arrays in directions]
    wanted = (len(Whs), x.shape[1], *Whs[0].shape[:1])
    if any(Wh.shape[:1] != Whs[0].shape[:1] for Wh in Whs):
        sizes = ", ".join(str(Wh.shape) for Wh in Whs)
        raise ValueError(f"{who}: all layers must have one hidden size, got Wh {sizes}.")
    columns = []
    for name, state in zip(op.state_names, states):
        if state is not None and tuple(state.shape) != wanted:
            raise ValueError(
                f"{who}: {name} must be {wanted}, one (N, H) for each layer and direction, got {tuple(state.shape)}."
            )
        columns.append([None] * len(Whs) if state is None else _unstack(as_operand(state, who)))
    return list(zip(*columns))


def _step_inputs(f: Recurrent, who: str, x: Any, states: Sequence[Any], Wx: Any, Wh: Any, *biases: Any) -> list[Any]:
    """The inputs of one step, checked."""
    x, Wx, Wh = (as_operand(v, who) for v in (x, Wx, Wh))
    if x.ndim != 2:
        raise ValueError(f"{who}: x (N, I) is wanted, got {x.shape}.")
    return _inputs(f, who, x, states, Wx, Wh, *biases)


def _inputs(
    f: Recurrent, who: str, x: Variable, states: Sequence[Any], Wx: Any, Wh: Any, *biases: Any
) -> list[Variable]:
    """The inputs of one op: of one dtype, with zeros for what is None. Raises where a shape does not fit."""
    xp, G = get_array_module(x.data), f.n_gates
    if Wh.ndim != 2 or Wh.shape[1] != G * Wh.shape[0]:
        raise ValueError(f"{who}: Wh must be (H, {'' if G == 1 else G}H), got {Wh.shape}.")
    N, I, H = *x.shape[-2:], Wh.shape[0]
    biases = (*biases, *[None] * (len(f.bias_names) - len(biases)))
    names = ("Wx", *f.state_names, *f.bias_names)
    shapes = ((I, G * H), *[(N, H)] * len(states), *[(G * H,)] * len(biases))
    found = []
    for name, v, shape in zip(names, (Wx, *states, *biases), shapes):
        v = constant(xp.zeros(shape, Wh.dtype), who) if v is None else as_operand(v, who)
        if v.shape != shape:
            raise ValueError(f"{who}: {name} must be {shape} for x {x.shape} and Wh {Wh.shape}, got {v.shape}.")
        found.append(v)
    n = 1 + len(states)
    return _of_one_dtype([x, *found[1:n], found[0], Wh, *found[n:]], who)


def _of_one_dtype(vs: list[Variable], who: str) -> list[Variable]:
    dtype = np.result_type(np.float16, *[v.dtype for v in vs])  # integers become floats
    for v in vs:
        check_precision(v.dtype, dtype, who)
    return [cast(v, dtype) for v in vs]


def _activation(name: str, who: str) -> str:
    if name not in ("tanh", "relu"):
        raise ValueError(f'{who}: activation must be "tanh" or "relu", got {name!r}.')
    return name
