"""Knows the recurrent layers on bare arrays: forward through a sequence, and back through time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from ..cuda import get_array_module
from .compiled import loops_for
from .parallel import run_in_parts

_BLOCK = 1 << 14  # numbers of one gate whose derivatives are computed at a time, so that they stay in the cache
_OF_ONE_THREAD = 1 << 19  # multiplications of a product that OpenBLAS does not share among its threads
_LEAST_ROWS = 8  # of such a product; with fewer it is better to let OpenBLAS share larger ones
_WORTH_A_THREAD = 1 << 22  # multiplications


class Recurrence:
    """One layer in one direction over a whole sequence. Keeps what the way back needs.

    The weights of all G gates lie side by side: Wx (I, G H), Wh (H, G H), and biases (G H,). The products with x, and
    on the way back those that give the gradients of x and of the weights, are one for all steps. What is left to a
    step is the product with h, and gates that are computed in memory allotted before the first step. There the gates
    lie one behind the other, (G, N, H): each by itself is contiguous, and so is each product.

    As sigmoid(a) = (1 + tanh(a / 2)) / 2, one tanh serves all gates. The weights of a sigmoid's gate are halved once,
    before the first step.

    On the way back a step multiplies what arrives by the derivatives of the gates. These depend on the values
    alone, so they are computed beforehand, for several steps at a time.

    Where loops can be compiled, one goes through all steps (``loops/recurrent.py``), and several threads go through
    some sequences of the batch each.

    A subclass knows one step, its derivatives, and the way back through it. H, N, T, I: sizes of state, batch,
    sequence, input.

    Args:
        mask: (T, N) booleans, False where a sequence is over: there the state stays and the output is 0. None where
            all are equally long.
        reverse: Go from the last step to the first.
    """

    n_kept: ClassVar[int]  # arrays (N, H) that a step keeps beside the states
    n_slopes: ClassVar[int]  # arrays (N, H) of derivatives by step
    tanh_gate: ClassVar[int]  # the one that is no sigmoid
    loop: ClassVar[str]  # the name of its loop
    has_inner_bias = False  # whether a bias of its own goes to h Wh, so that it has gradients of its own

    def __init__(self, mask: Any = None, reverse: bool = False):
        self.mask = None if mask is None else mask[:, :, None]  # (T, N, 1)
        self.reverse = reverse
        self.before: list[Any] = []  # each (T, N, H): the state before each step
        self.after: list[Any] = []  # and after it, in the same memory
        self.kept: Any = None  # (T, n_kept, N, H)

    def steps(self, T: int) -> Iterator[int]:
        """The steps in the order in which they are taken."""
        return iter(range(T - 1, -1, -1) if self.reverse else range(T))

    def forward(self, x: Any, state: Sequence[Any], Wx: Any, Wh: Any, *biases: Any) -> tuple[Any, ...]:
        """The outputs (T, N, H) and the last value of each state (N, H)."""
        xp, (T, N, _), H = get_array_module(x), x.shape, len(Wh)
        self._allot(xp, state, (T, N, H), x.dtype)
        loops = _loops(self.kept, *self.before, Wh, *biases)
        if loops is None:
            self._through_time(xp, x, Wx, Wh, *biases)
        else:
            self._through_time_in_loops(loops, x, Wx, Wh, *biases)
        ys = self.after[0] if self.mask is None else self.after[0] * self.mask
        return (ys, *[s[0 if self.reverse else -1].copy() for s in self.after])

    def _allot(self, xp: Any, state: Sequence[Any], shape: tuple[int, ...], dtype: Any) -> None:
        """Memory for what is kept, and for the states, which begin with ``state``."""
        T, N, H = shape
        self.kept = xp.empty((T, self.n_kept, N, H), dtype)
        self.before, self.after = [], []
        for first in state:
            s = xp.empty((T + 1, N, H), dtype)
            s[-1 if self.reverse else 0] = first
            self.before.append(s[1:] if self.reverse else s[:-1])
            self.after.append(s[:-1] if self.reverse else s[1:])

    def _through_time(self, xp: Any, x: Any, Wx: Any, Wh: Any, *biases: Any) -> None:
        """Fills ``after`` and ``kept``."""
        T, H = len(x), len(Wh)
        G = Wh.shape[1] // H
        scale = xp.full((G, 1, 1), 0.5, x.dtype)
        scale[self.tanh_gate] = 1
        Wxb = xp.concatenate((Wx, biases[0][None]))  # (I + 1, G H)
        Wxb.reshape(-1, G, H)[...] *= scale[:, 0]
        xs = _by_step(_with_ones(xp, x) @ Wxb, T, G)  # (T, G, N, H)
        Wh = _by_gate(Wh, G).copy()  # (G, H, H)
        Wh *= scale
        inner = [_by_gate(b[None], G) * scale for b in biases[1:]]  # (G, 1, H)
        for t in self.steps(T):
            before, after = [s[t] for s in self.before], [s[t] for s in self.after]
            self.step(xp, self.kept[t], xs[t], before, after, Wh, *inner)
            if self.mask is not None:
                for new, old in zip(after, before):
                    new[...] = xp.where(self.mask[t], new, old)

    def _through_time_in_loops(self, loops: Any, x: Any, Wx: Any, Wh: Any, *biases: Any) -> None:
        """The same, compiled."""
        (T, N, H), G = self.before[0].shape, Wh.shape[1] // len(Wh)
        Wxb = _by_gate(np.concatenate((Wx, biases[0][None])), G)  # (G, I + 1, H)
        xs = np.matmul(_with_ones(np, x), Wxb).reshape(G, T, N, H)
        live, before, after = self._live(), tuple(self.before), tuple(self.after)
        options, run = (*biases[1:], *self.loop_options()), getattr(loops, self.loop)
        _share_batch(
            lambda i, j: run(xs, Wh, live, before, after, self.kept, *options, self.reverse, i, j), self.before[0], G
        )

    def _live(self) -> Any:
        """The mask as the loops want it, (T, N)."""
        T, N, _ = self.before[0].shape
        return np.ones((T, N), bool) if self.mask is None else np.ascontiguousarray(self.mask[:, :, 0])

    def loop_options(self) -> tuple[Any, ...]:
        """What its loops want to know beside arrays."""
        return ()

    def step(self, xp, kept, x, before, after, Wh, *inner_bias) -> None:
        """Takes one step: from ``x`` (G, N, H), which is x Wx + b, and the states before it to those after it."""
        raise NotImplementedError(f"{type(self).__name__} has no step.")

    def backward(
        self, x: Any, state: Sequence[Any], Wx: Any, Wh: Any, gys: Any, gstate: Sequence[Any], needs: Sequence[bool]
    ) -> list[Any]:
        """The gradients of x, of each first state, Wx, Wh and each bias; None for one that ``needs`` does not ask for.

        Args:
            x: As given to ``forward``, and so ``state``, ``Wx``, ``Wh``.
            gys: Gradient of the outputs (T, N, H), or None.
            gstate: Gradient of the last value of each state (N, H).
            needs: For each input, biases too, whether its gradient is wanted.
        """
        xp, (T, N, H), GH = get_array_module(x), self.before[0].shape, Wh.shape[1]
        ga = xp.empty((T * N, GH), x.dtype)  # of x Wx + b
        gu = xp.empty_like(ga) if self.has_inner_bias else ga  # of h Wh
        gs = [g.copy() for g in gstate]
        loops = _loops(*gs, Wh, self.kept, ga, *self.before)
        if loops is None:
            gs = self._back_through_time(xp, Wh, gys, gs, ga, gu)
        else:
            self._back_through_time_in_loops(loops, Wh, gys, gs, ga, gu)
        needs_x, needs_Wx, needs_Wh, *needs_b = needs[0], *needs[1 + len(state) :]
        gx = (ga @ Wx.T).reshape(x.shape) if needs_x else None
        gWh = self.before[0].reshape(T * N, H).T @ gu if needs_Wh else None
        gWxb: Any = _with_ones(xp, x).T @ ga if needs_Wx or needs_b[0] else None  # (I + 1, G H)
        gWx = gWxb[:-1] if needs_Wx else None
        gbs = [gWxb[-1] if needs_b[0] else None]
        if self.has_inner_bias:
            gbs.append(gu.sum(axis=0) if needs_b[1] else None)
        return [gx, *gs, gWx, gWh, *gbs]

    def _back_through_time(self, xp: Any, Wh: Any, gys: Any, gs: list[Any], ga: Any, gu: Any) -> list[Any]:
        """Fills ``ga`` and ``gu``, and returns the gradients of the first states, given those of the last."""
        (T, N, H), G = self.before[0].shape, ga.shape[1] // Wh.shape[0]
        WhT = xp.ascontiguousarray(_by_gate(Wh, G).transpose(0, 2, 1))  # (G, H, H)
        gas, gus = _by_step(ga, T, G), _by_step(gu, T, G)
        wide = xp.empty((G, N, H), ga.dtype)
        live = None if self.mask is None else self.mask.astype(ga.dtype)
        n = min(T, max(1, _BLOCK // max(1, N * H)))
        memory, block = xp.empty((n, self.n_slopes, N, H), ga.dtype), range(0)
        for t in reversed(list(self.steps(T))):
            if t not in block:
                block = range(t - t % n, min(t - t % n + n, T))
                slopes = memory[: len(block)]
                self.differentiate(xp, slice(block.start, block.stop), slopes)
            if gys is not None:
                gs[0] += gys[t] if live is None else gys[t] * live[t]
            if live is not None:
                stays = [g * (1 - live[t]) for g in gs]
                gs = [g * live[t] for g in gs]
            self.step_back(xp, slopes[t - block.start], self.kept[t], gs, WhT, gas[t], gus[t], wide)
            if live is not None:
                gs = [g + rest for g, rest in zip(gs, stays)]
        return gs

    def _back_through_time_in_loops(self, loops: Any, Wh: Any, gys: Any, gs: list[Any], ga: Any, gu: Any) -> None:
        """The same, compiled; ``gs`` become the gradients of the first states in place."""
        (T, N, H), G = self.before[0].shape, ga.shape[1] // len(Wh)
        WhT = np.ascontiguousarray(Wh.T).reshape(G, H, H)
        gys = np.zeros((T, N, H), ga.dtype) if gys is None else np.ascontiguousarray(gys, ga.dtype)
        arrays = gys, WhT, self._live(), tuple(self.before), tuple(self.after), self.kept, tuple(gs)
        gas, gus, products = ga.reshape(T, N, G, H), gu.reshape(T, N, G, H), np.empty((G, N, H), ga.dtype)
        options, run = self.loop_options(), getattr(loops, self.loop + "_back")
        _share_batch(lambda i, j: run(*arrays, gas, gus, products, *options, self.reverse, i, j), self.before[0], G)

    def differentiate(self, xp, steps, out) -> None:
        """Writes what ``step_back`` multiplies by, (number of steps, n_slopes, N, H), for some steps, a slice."""
        raise NotImplementedError(f"{type(self).__name__} has no differentiate.")

    def step_back(self, xp, slopes, kept, gs, WhT, ga, gu, wide) -> None:
        """Goes back through one step: fills ``ga`` and ``gu``, and turns ``gs`` from after the step to before it.

        ``wide`` (G, N, H) is free to use.
        """
        raise NotImplementedError(f"{type(self).__name__} has no step_back.")


def _loops(*arrays: Any) -> Any:
    """The compiled loops, where they serve these arrays; otherwise None."""
    loops = loops_for("recurrent", *arrays)
    return loops if loops is not None and loops.has_product() else None


def _share_batch(run: Callable[[int, int], None], states: Any, G: int) -> None:
    """Calls ``run(start, stop)`` for all rows of a batch, on several threads where the products are small.

    OpenBLAS shares a large product among threads of its own, which serve one caller at a time. So each of ours takes
    so few rows at once that it does not.
    """
    T, N, H = states.shape
    rows = _OF_ONE_THREAD // max(1, H * H)
    if rows < _LEAST_ROWS:
        rows, least = N, N
    else:
        least = -(-_WORTH_A_THREAD // max(1, T * G * H * H))

    def some(start: int, stop: int) -> None:
        parts = -(-(stop - start) // max(1, rows))
        for k in range(parts):
            run(start + (stop - start) * k // parts, start + (stop - start) * (k + 1) // parts)

    if states.size:
        run_in_parts(some, N, least)


def _with_ones(xp: Any, x: Any) -> Any:
    """(T, N, I) as (T N, I + 1): beside the numbers that the weights multiply a 1 for the bias."""
    T, N, I = x.shape
    return xp.concatenate((x.reshape(T * N, I), xp.ones((T * N, 1), x.dtype)), axis=1)


def _by_gate(W: Any, G: int) -> Any:
    """(K, G H) as a view (G, K, H)."""
    return W.reshape(len(W), G, -1).transpose(1, 0, 2)


def _by_step(a: Any, T: int, G: int) -> Any:
    """(T N, G H) as a view (T, G, N, H)."""
    return a.reshape(T, len(a) // T, G, a.shape[1] // G).transpose(0, 2, 1, 3)


class RNN(Recurrence):
    """h <- tanh(x Wx + h Wh + b), or with relu instead."""

    n_kept = 0
    n_slopes = 1
    tanh_gate = 0
    loop = "rnn"

    def __init__(self, mask: Any = None, reverse: bool = False, activation: str = "tanh"):
        super().__init__(mask, reverse)
        self.activation = activation

    def loop_options(self):
        return (self.activation == "relu",)

    def step(self, xp, kept, x, before, after, Wh):
        (h,), (new_h,) = before, after
        xp.matmul(h, Wh[0], out=new_h)
        new_h += x[0]
        if self.activation == "tanh":
            xp.tanh(new_h, out=new_h)
        else:
            xp.maximum(new_h, 0, out=new_h)

    def differentiate(self, xp, steps, out):
        h, slope = self.after[0][steps], out[:, 0]
        if self.activation == "tanh":
            _one_minus_square(xp, h, out=slope)
        else:
            slope[...] = h > 0

    def step_back(self, xp, slopes, kept, gs, WhT, ga, gu, wide):
        (gh,) = gs
        xp.multiply(slopes, gh, out=ga)
        xp.matmul(ga[0], WhT[0], out=gh)


class LSTM(Recurrence):
    """i, f, g, o = x Wx + h Wh + b, tanh of g and sigmoid of the others;  c <- f c + i g, h <- o tanh(c)."""

    n_kept = 5  # i, f, g, o, tanh(c)
    n_slopes = 5
    tanh_gate = 2
    loop = "lstm"

    def step(self, xp, kept, x, before, after, Wh):
        (h, c), (new_h, new_c), gates = before, after, kept[:4]
        xp.matmul(h, Wh, out=gates)
        gates += x
        xp.tanh(gates, out=gates)
        _from_tanh_to_sigmoid(kept[:2])
        i, f, g, o, tanh_c = kept
        _from_tanh_to_sigmoid(o)
        xp.multiply(f, c, out=new_c)
        new_c += xp.multiply(i, g, out=tanh_c)
        xp.tanh(new_c, out=tanh_c)
        xp.multiply(o, tanh_c, out=new_h)

    def differentiate(self, xp, steps, out):
        """By the sums in i, f and g: of c. By that in o: of h. And of h by c."""
        i, f, g, o, tanh_c = self.kept[steps].transpose(1, 0, 2, 3)
        c, h = self.before[1][steps], self.after[0][steps]
        by_i, by_f, by_g, by_o, by_c = out.transpose(1, 0, 2, 3)
        ig, fc, spare = by_i, by_f, by_c
        xp.multiply(i, g, out=ig)
        xp.multiply(f, c, out=fc)
        xp.subtract(i, xp.multiply(ig, g, out=by_g), out=by_g)  # i (1 - g^2)
        xp.subtract(ig, xp.multiply(ig, i, out=spare), out=by_i)  # i (1 - i) g
        xp.subtract(fc, xp.multiply(fc, f, out=spare), out=by_f)  # f (1 - f) c
        xp.subtract(h, xp.multiply(h, o, out=by_o), out=by_o)  # o (1 - o) tanh(c)
        xp.subtract(o, xp.multiply(h, tanh_c, out=by_c), out=by_c)  # o (1 - tanh(c)^2)

    def step_back(self, xp, slopes, kept, gs, WhT, ga, gu, wide):
        gh, gc = gs
        gc += xp.multiply(gh, slopes[4], out=wide[0])
        xp.multiply(slopes[:3], gc, out=ga[:3])
        xp.multiply(slopes[3], gh, out=ga[3])
        gc *= kept[1]  # f
        xp.matmul(ga, WhT, out=wide)
        wide.sum(axis=0, out=gh)


class GRU(Recurrence):
    """r, z = sigmoid(x Wx + bx + h Wh + bh), n = tanh(x Wx + bx + r (h Wh + bh));  h <- (1 - z) n + z h."""

    n_kept = 4  # r, z, n, and what r multiplies
    n_slopes = 3
    tanh_gate = 2
    loop = "gru"
    has_inner_bias = True

    def step(self, xp, kept, x, before, after, Wh, bh):
        (h,), (new_h,) = before, after
        r, z, n, u = kept
        products = xp.matmul(h, Wh)  # (3, N, H)
        products += bh
        rz = kept[:2]
        xp.add(x[:2], products[:2], out=rz)
        xp.tanh(rz, out=rz)
        _from_tanh_to_sigmoid(rz)
        u[...] = products[2]
        xp.multiply(r, u, out=n)
        n += x[2]
        xp.tanh(n, out=n)
        xp.subtract(h, n, out=new_h)
        new_h *= z
        new_h += n

    def differentiate(self, xp, steps, out):
        """Of the new h by each gate."""
        kept, h = self.kept[steps], self.before[0][steps]
        rz, z, n, u = kept[:, :2], kept[:, 1], kept[:, 2], kept[:, 3]
        by_r, by_z, by_n = out.transpose(1, 0, 2, 3)
        xp.multiply(rz, rz, out=out[:, :2])
        xp.subtract(rz, out[:, :2], out=out[:, :2])
        _one_minus_square(xp, n, out=by_n)
        by_n -= by_n * z
        by_r *= u
        by_r *= by_n
        by_z *= h - n

    def step_back(self, xp, slopes, kept, gs, WhT, ga, gu, wide):
        (gh,) = gs
        xp.multiply(slopes, gh, out=ga)
        gu[:2] = ga[:2]
        xp.multiply(ga[2], kept[0], out=gu[2])
        gh *= kept[1]  # z
        gh += xp.matmul(gu, WhT, out=wide).sum(axis=0)


def _from_tanh_to_sigmoid(a: Any) -> None:
    """Makes sigmoid(a) of tanh(a / 2)."""
    a *= 0.5
    a += 0.5


def _one_minus_square(xp: Any, y: Any, out: Any) -> None:
    """The derivative of tanh, from its value."""
    xp.multiply(y, y, out=out)
    xp.subtract(1, out, out=out)


class LSTMStep:
    """One step of an LSTM whose gates have weights of their own: Wx (I, H), b (H,) and Wh (H, H) each.

    The gates come in the order f, i, o, u. Without a state before the step, i, o, u are left, and no Wh.

    ::

        z = [x 1 h]                                    (N, K), K = I + 1 + H
        P = Wx, b and Wh one above the other, by gate  (G, K, H)
        f, i, o = sigmoid(z P),  u = tanh(z P)         (G, N, H)
        c <- f c + i u
        h <- o tanh(c)

    So one product, of a stack, gives all gates, and one the gradients of all weights, z^T ga. P is used once and not
    kept: copying the weights takes little of the time, and they may change before the next step.
    """

    gates: Any  # (G, N, H)
    tanh_c: Any  # (N, H), of c after the step

    def forward(self, x: Any, h: Any, c: Any, weights: Sequence[Any]) -> tuple[Any, Any]:
        """h and c after the step, (N, H) each. Those before it are None where there is no state yet.

        Args:
            weights: Wx, b and Wh of each gate in turn; without Wh where there is no state.
        """
        loops = None if h is None else _loops(x, h, c, *weights)
        return self._forward(x, h, c, weights) if loops is None else self._forward_in_a_loop(loops, x, h, c, weights)

    def _forward(self, x: Any, h: Any, c: Any, weights: Sequence[Any]) -> tuple[Any, Any]:
        xp, z = get_array_module(x), _side_by_side(x, h)
        P = xp.concatenate([W if W.ndim == 2 else W[None] for W in weights])  # (G K, H)
        self.gates = a = xp.matmul(z, P.reshape(-1, z.shape[1], P.shape[1]))
        sigmoids = a[:-1]
        sigmoids *= 0.5
        xp.tanh(a, out=a)
        _from_tanh_to_sigmoid(sigmoids)
        *f, i, o, u = a
        new_c = i * u
        if f:
            new_c += f[0] * c
        self.tanh_c = xp.tanh(new_c)
        return o * self.tanh_c, new_c

    def _forward_in_a_loop(self, loops: Any, x: Any, h: Any, c: Any, weights: Sequence[Any]) -> tuple[Any, Any]:
        self.gates, self.tanh_c = np.empty((4, *c.shape), c.dtype), np.empty_like(c)
        new_h, new_c = np.empty_like(c), np.empty_like(c)
        Wx, b, Wh = tuple(weights[::3]), tuple(weights[1::3]), tuple(weights[2::3])
        loops.lstm_step(x, h, c, Wx, b, Wh, self.gates, self.tanh_c, new_h, new_c)
        return new_h, new_c

    def backward(
        self, x: Any, h: Any, c: Any, weights: Sequence[Any], gh: Any, gc: Any, needs: Sequence[bool]
    ) -> tuple[Any, Any, Any, list[Any]]:
        """The gradients of x, h, c and the weights; None without a state, and for what ``needs`` does not ask for.

        Args:
            x: As given to ``forward``, and so ``h``, ``c`` and ``weights``.
            gh: Gradient of h after the step.
            gc: Gradient of c after it.
            needs: Whether the gradients of x, h and of any weight are wanted.
        """
        loops = None if h is None else _loops(x, h, c, *weights, gh, gc, self.gates)
        arrays = x, h, c, weights, gh, gc, needs
        gx, gh, gc, gP = self._backward(*arrays) if loops is None else self._backward_in_a_loop(loops, *arrays)
        n = 2 if h is None else 3  # weights of a gate
        gweights: list[Any] = [None] * len(weights)
        if gP is not None:
            I = x.shape[1]
            for k, g in enumerate(gP):  # (K, H)
                gweights[n * k : n * k + n] = [g[:I], g[I], g[I + 1 :]][:n]
        return gx, gh, gc, gweights

    def _backward(
        self, x: Any, h: Any, c: Any, weights: Sequence[Any], gh: Any, gc: Any, needs: Sequence[bool]
    ) -> tuple[Any, Any, Any, Any]:
        """The gradients of x, h and c, and of all weights in one array (G, K, H)."""
        xp, a, t = get_array_module(x), self.gates, self.tanh_c
        *f, i, o, u = a
        by_c = xp.multiply(t, t)
        xp.subtract(1, by_c, out=by_c)
        by_c *= o
        by_c *= gh
        gc = xp.add(by_c, gc, out=by_c)  # in all
        ga = a * a  # becomes the gradient of z P
        xp.subtract(a[:-1], ga[:-1], out=ga[:-1])  # s - s^2 of a sigmoid
        xp.subtract(1, ga[-1], out=ga[-1])  # 1 - u^2 of the tanh
        *gf, gi, go, gu = ga
        go *= gh * t
        gi *= gc * u
        gu *= gc * i
        if f:
            gf[0] *= gc * c
        n = 3 if f else 2  # weights of a gate
        gx = _back_to_input(xp, ga, weights[::n]) if needs[0] else None
        gh = _back_to_input(xp, ga, weights[2::n]) if needs[1] else None
        gP = xp.matmul(_side_by_side(x, h).T, ga) if needs[2] else None
        return gx, gh, gc * f[0] if f else None, gP

    def _backward_in_a_loop(
        self, loops: Any, x: Any, h: Any, c: Any, weights: Sequence[Any], gh: Any, gc: Any, needs: Sequence[bool]
    ) -> tuple[Any, Any, Any, Any]:
        (N, I), H = x.shape, h.shape[1]
        K = I + 1 + H
        gx, old_gh, old_gc = np.empty_like(x), np.empty_like(h), np.empty_like(h)
        gP = np.empty((4, K, H), x.dtype) if needs[2] else np.empty((4, 0, H), x.dtype)
        free = [np.empty(shape, x.dtype) for shape in ((N, K), (4, N, H), (H, N), (I, N), (H, N))]
        Wx, Wh = tuple(weights[::3]), tuple(weights[2::3])
        arrays = x, h, c, Wx, Wh, self.gates, self.tanh_c, gh, gc
        loops.lstm_step_back(*arrays, tuple(needs), *free, gP, gx, old_gh, old_gc)
        return gx if needs[0] else None, old_gh if needs[1] else None, old_gc, gP if needs[2] else None


def _side_by_side(x: Any, h: Any) -> Any:
    """[x 1 h], or [x 1] where there is no h."""
    xp = get_array_module(x)
    ones = xp.ones((len(x), 1), x.dtype)
    return xp.concatenate((x, ones) if h is None else (x, ones, h), axis=1)


def _back_to_input(xp: Any, ga: Any, Ws: Sequence[Any]) -> Any:
    """The sum of ga W^T over all gates: what arrives at the input that each W multiplied."""
    G, N, H = ga.shape
    gaT = xp.ascontiguousarray(ga.transpose(0, 2, 1))  # (G, H, N): BLAS is faster where it need not transpose
    products = xp.matmul(xp.concatenate(Ws).reshape(G, -1, H), gaT)  # (G, K, N)
    return xp.ascontiguousarray(products.sum(axis=0).T)  # (N, K)
