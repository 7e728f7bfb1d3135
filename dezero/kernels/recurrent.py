"""Knows the recurrent layers on bare arrays: forward through a sequence, and back through time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from ..cuda import get_array_module

_BLOCK = 1 << 14  # numbers of one gate whose derivatives are computed at a time, so that they stay in the cache


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
        xp, (T, N, _), (H, GH) = get_array_module(x), x.shape, Wh.shape
        G = GH // H
        scale = xp.full((G, 1, 1), 0.5, x.dtype)
        scale[self.tanh_gate] = 1
        self._allot(xp, state, (T, N, H), x.dtype)
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
        gs = self._back_through_time(xp, Wh, gys, [g.copy() for g in gstate], ga, gu)
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

    def differentiate(self, xp, steps, out) -> None:
        """Writes what ``step_back`` multiplies by, (number of steps, n_slopes, N, H), for some steps, a slice."""
        raise NotImplementedError(f"{type(self).__name__} has no differentiate.")

    def step_back(self, xp, slopes, kept, gs, WhT, ga, gu, wide) -> None:
        """Goes back through one step: fills ``ga`` and ``gu``, and turns ``gs`` from after the step to before it.

        ``wide`` (G, N, H) is free to use.
        """
        raise NotImplementedError(f"{type(self).__name__} has no step_back.")


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

    def __init__(self, mask: Any = None, reverse: bool = False, activation: str = "tanh"):
        super().__init__(mask, reverse)
        self.activation = activation

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

    So one product, of a stack, gives all gates, and one the gradients of all weights, z^T ga. P is used once and not
    kept: copying the weights takes little of the time, and they may change before the next step.
    """

    z: Any  # (N, K)
    gates: Any  # (G, N, H)

    def forward(self, x: Any, h: Any, c: Any, weights: Sequence[Any]) -> tuple[Any, Any]:
        """c after the step and the gate o, (N, H) each. ``h`` and ``c`` are None where there is no state yet.

        Args:
            weights: Wx, b and Wh of each gate in turn; without Wh where there is no state.
        """
        xp = get_array_module(x)
        ones = xp.ones((len(x), 1), x.dtype)
        self.z = xp.concatenate((x, ones) if h is None else (x, ones, h), axis=1)
        P = xp.concatenate([W if W.ndim == 2 else W[None] for W in weights])  # (G K, H)
        self.gates = a = xp.matmul(self.z, P.reshape(-1, self.z.shape[1], P.shape[1]))
        sigmoids = a[:-1]
        sigmoids *= 0.5
        xp.tanh(a, out=a)
        _from_tanh_to_sigmoid(sigmoids)
        *f, i, o, u = a
        new_c = i * u
        if f:
            new_c += f[0] * c
        return new_c, o

    def backward(
        self, x: Any, c: Any, weights: Sequence[Any], gc: Any, go: Any, needs: Sequence[bool]
    ) -> tuple[Any, Any, Any, list[Any]]:
        """The gradients of x, h, c and the weights; None without a state, and for what ``needs`` does not ask for.

        Args:
            x: As given to ``forward``, and so ``c`` and ``weights``.
            gc: Gradient of c after the step.
            go: Gradient of o.
            needs: Whether the gradients of x, h and of any weight are wanted.
        """
        xp, a, I = get_array_module(x), self.gates, x.shape[1]
        *f, i, o, u = a
        ga = a * a  # becomes the gradient of z P
        xp.subtract(a[:-1], ga[:-1], out=ga[:-1])  # s - s^2 of a sigmoid
        xp.subtract(1, ga[-1], out=ga[-1])  # 1 - u^2 of the tanh
        *gf, gi, g_o, gu = ga
        g_o *= go
        gi *= gc * u
        gu *= gc * i
        if f:
            gf[0] *= gc * c
        n = 3 if f else 2  # weights of a gate
        gx = _back_to_input(xp, ga, weights[::n]) if needs[0] else None
        gh = _back_to_input(xp, ga, weights[2::n]) if needs[1] else None
        gweights: list[Any] = [None] * len(weights)
        if needs[2]:
            for k, gP in enumerate(xp.matmul(self.z.T, ga)):  # (K, H)
                gweights[n * k : n * k + n] = [gP[:I], gP[I], gP[I + 1 :]][:n]
        return gx, gh, gc * f[0] if f else None, gweights


def _back_to_input(xp: Any, ga: Any, Ws: Sequence[Any]) -> Any:
    """The sum of ga W^T over all gates: what arrives at the input that each W multiplied."""
    G, N, H = ga.shape
    gaT = xp.ascontiguousarray(ga.transpose(0, 2, 1))  # (G, H, N): BLAS is faster where it need not transpose
    products = xp.matmul(xp.concatenate(Ws).reshape(G, -1, H), gaT)  # (G, K, N)
    return xp.ascontiguousarray(products.sum(axis=0).T)  # (N, K)
