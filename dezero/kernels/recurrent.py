"""Knows the recurrent layers on bare arrays: forward through a sequence, and back through time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..cuda import get_array_module


class Recurrence:
    """One layer in one direction over a whole sequence. Keeps what the way back needs.

    The weights of all G gates lie side by side: Wx (I, G H), Wh (H, G H), and biases (G H,). The products with x, and
    on the way back those that give the gradients of x and of the weights, are one for all steps. What is left to a
    step is one product with h, and gates that are computed in memory allotted before the first step.

    A subclass knows one step, and the way back through it. H, N, T, I: sizes of state, batch, sequence, input.

    Args:
        mask: (T, N) booleans, False where a sequence is over: there the state stays and the output is 0. None where
            all are equally long.
        reverse: Go from the last step to the first.
    """

    saves_more = False  # whether a step keeps an array (N, H) beside gates and states
    has_inner_bias = False  # whether a bias of its own goes to h Wh, so that it has gradients of its own

    def __init__(self, mask: Any = None, reverse: bool = False):
        self.mask = None if mask is None else mask[:, :, None]  # (T, N, 1)
        self.reverse = reverse
        self.gates: Any = None  # (T, N, G H)
        self.states: list[Any] = []  # each (T, N, H): the state after each step
        self.saved: Any = None  # (T, N, H)

    def steps(self, T: int) -> Iterator[int]:
        """The steps in the order in which they are taken."""
        return iter(range(T - 1, -1, -1) if self.reverse else range(T))

    def forward(self, x: Any, state: Sequence[Any], Wx: Any, Wh: Any, *biases: Any) -> tuple[Any, ...]:
        """The outputs (T, N, H) and the last value of each state (N, H)."""
        xp, (T, N, I), (H, GH) = get_array_module(x), x.shape, Wh.shape
        self.gates = xp.empty((T, N, GH), x.dtype)
        xp.matmul(x.reshape(T * N, I), Wx, out=self.gates.reshape(T * N, GH))
        self.gates += biases[0]
        self.states = self.allot_states(xp, len(state), (T, N, H))
        self.saved = xp.empty((T, N, H), x.dtype) if self.saves_more else self.gates
        wide = xp.empty((N, GH), x.dtype)
        before = list(state)
        for t in self.steps(T):
            after = [s[t] for s in self.states]
            self.step(xp, self.gates[t], self.saved[t], before, after, Wh, wide, *biases[1:])
            if self.mask is not None:
                for new, old in zip(after, before):
                    new[...] = xp.where(self.mask[t], new, old)
            before = after
        ys = self.states[0] if self.mask is None else self.states[0] * self.mask
        return (ys, *[s.copy() for s in before])

    def allot_states(self, xp: Any, n: int, shape: tuple[int, ...]) -> list[Any]:
        """Memory for the values of ``n`` states after each step."""
        return [xp.empty(shape, self.gates.dtype) for _ in range(n)]

    def step(self, xp, a, saved, before, after, Wh, wide, *inner_bias) -> None:
        """Takes one step. ``a`` (N, G H) holds x Wx + b and becomes the gates; ``wide`` (N, G H) is free to use."""
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
        xp, (T, N, H) = get_array_module(x), self.states[0].shape
        ga = xp.empty(self.gates.shape, x.dtype)  # of x Wx + b
        gu = xp.empty(self.gates.shape, x.dtype) if self.has_inner_bias else ga  # of h Wh
        wide, narrow = xp.empty(self.gates.shape[1:], x.dtype), xp.empty((N, H), x.dtype)
        live = None if self.mask is None else self.mask.astype(x.dtype)
        gs = [g.copy() for g in gstate]
        order = list(self.steps(T))
        for t, previous in zip(order[::-1], [*order[-2::-1], None]):
            before = list(state) if previous is None else [s[previous] for s in self.states]
            if gys is not None:
                gs[0] += gys[t] if live is None else gys[t] * live[t]
            if live is not None:
                stays = [g * (1 - live[t]) for g in gs]
                gs = [g * live[t] for g in gs]
            after = [s[t] for s in self.states]
            self.step_back(xp, self.gates[t], self.saved[t], before, after, gs, Wh, ga[t], gu[t], wide, narrow)
            if live is not None:
                gs = [g + rest for g, rest in zip(gs, stays)]
        needs_x, needs_Wx, needs_Wh, *needs_b = needs[0], *needs[1 + len(state) :]
        gbs = [g.sum(axis=(0, 1)) if need else None for g, need in zip((ga, gu), needs_b)]
        gx = _input_gradient(xp, x, Wx, ga) if needs_x else None
        gWx = _rows(x).T @ _rows(ga) if needs_Wx else None
        gWh = self._gradient_of_Wh(state[0], gu) if needs_Wh else None
        return [gx, *gs, gWx, gWh, *gbs]

    def step_back(self, xp, a, saved, before, after, gs, Wh, ga, gu, wide, narrow) -> None:
        """Goes back through one step: fills ``ga`` and ``gu``, and turns ``gs`` from after the step to before it."""
        raise NotImplementedError(f"{type(self).__name__} has no step_back.")

    def _gradient_of_Wh(self, h0: Any, gu: Any) -> Any:
        """h^T gu with h before each step: what was after the one before it, and ``h0`` first of all."""
        hs = self.states[0]
        first, later, earlier = (
            (-1, slice(None, -1), slice(1, None)) if self.reverse else (0, slice(1, None), slice(-1))
        )
        gWh = h0.T @ gu[first]
        if len(hs) > 1:
            gWh += _rows(hs[earlier]).T @ _rows(gu[later])
        return gWh


def _rows(x: Any) -> Any:
    """(T, N, K) as (T N, K)."""
    T, N, K = x.shape
    return x.reshape(T * N, K)


def _input_gradient(xp: Any, x: Any, Wx: Any, ga: Any) -> Any:
    gx = xp.empty(x.shape, x.dtype)
    xp.matmul(_rows(ga), Wx.T, out=_rows(gx))
    return gx


def _sigmoid(xp: Any, a: Any) -> None:
    """In place: (1 + tanh(a / 2)) / 2."""
    a *= 0.5
    xp.tanh(a, out=a)
    a *= 0.5
    a += 0.5


def _one_minus_square(xp: Any, y: Any, out: Any) -> Any:
    """The derivative of tanh, from its value."""
    xp.multiply(y, y, out=out)
    return xp.subtract(1, out, out=out)


class RNN(Recurrence):
    """h <- tanh(x Wx + h Wh + b), or with relu instead."""

    def __init__(self, mask: Any = None, reverse: bool = False, activation: str = "tanh"):
        super().__init__(mask, reverse)
        self.activation = activation

    def allot_states(self, xp, n, shape):
        return [self.gates]  # the only gate is the state

    def step(self, xp, a, saved, before, after, Wh, wide):
        a += xp.matmul(before[0], Wh, out=wide)
        if self.activation == "tanh":
            xp.tanh(a, out=a)
        else:
            xp.maximum(a, 0, out=a)

    def step_back(self, xp, a, saved, before, after, gs, Wh, ga, gu, wide, narrow):
        (gh,) = gs
        if self.activation == "tanh":
            _one_minus_square(xp, a, out=ga)
            ga *= gh
        else:
            xp.multiply(gh, a > 0, out=ga)
        xp.matmul(ga, Wh.T, out=gh)


class LSTM(Recurrence):
    """i, f, g, o = x Wx + h Wh + b, tanh of g and sigmoid of the others;  c <- f c + i g, h <- o tanh(c)."""

    saves_more = True  # tanh(c)

    def allot_states(self, xp, n, shape):
        H = shape[2]
        self.half = xp.full(4 * H, 0.5, self.gates.dtype)
        self.half[2 * H : 3 * H] = 1  # g
        self.shift = 1 - self.half
        return super().allot_states(xp, n, shape)

    def step(self, xp, a, saved, before, after, Wh, wide):
        (h, c), (new_h, new_c), tanh_c = before, after, saved
        a += xp.matmul(h, Wh, out=wide)
        a *= self.half  # one tanh for all four, as sigmoid(x) = (1 + tanh(x / 2)) / 2
        xp.tanh(a, out=a)
        a *= self.half
        a += self.shift
        i, f, g, o = _split(a, 4)
        xp.multiply(f, c, out=new_c)
        new_c += xp.multiply(i, g, out=tanh_c)
        xp.tanh(new_c, out=tanh_c)
        xp.multiply(o, tanh_c, out=new_h)

    def step_back(self, xp, a, saved, before, after, gs, Wh, ga, gu, wide, narrow):
        (gh, gc), c, tanh_c = gs, before[1], saved
        i, f, g, o = _split(a, 4)
        gi, gf, gg, go = _split(ga, 4)
        _one_minus_square(xp, tanh_c, out=narrow)
        narrow *= o
        narrow *= gh
        gc += narrow
        xp.multiply(gc, g, out=gi)
        xp.multiply(gc, c, out=gf)
        xp.multiply(gc, i, out=gg)
        xp.multiply(gh, tanh_c, out=go)
        xp.multiply(a, a, out=wide)  # the derivatives: s - s^2 of a sigmoid, 1 - g^2 of the tanh
        xp.subtract(a, wide, out=wide)
        _one_minus_square(xp, g, out=_split(wide, 4)[2])
        ga *= wide
        gc *= f
        xp.matmul(ga, Wh.T, out=gh)


class GRU(Recurrence):
    """r, z = sigmoid(x Wx + bx + h Wh + bh), n = tanh(x Wx + bx + r (h Wh + bh));  h <- (1 - z) n + z h."""

    saves_more = True  # what r multiplies
    has_inner_bias = True

    def step(self, xp, a, saved, before, after, Wh, wide, bh):
        (h,), (new_h,), H = before, after, Wh.shape[0]
        u = xp.matmul(h, Wh, out=wide)
        u += bh
        rz, n = a[:, : 2 * H], a[:, 2 * H :]
        rz += u[:, : 2 * H]
        _sigmoid(xp, rz)
        saved[...] = u[:, 2 * H :]
        n += xp.multiply(a[:, :H], saved, out=new_h)
        xp.tanh(n, out=n)
        xp.subtract(h, n, out=new_h)
        new_h *= a[:, H : 2 * H]
        new_h += n

    def step_back(self, xp, a, saved, before, after, gs, Wh, ga, gu, wide, narrow):
        (gh,), h, H = gs, before[0], Wh.shape[0]
        (r, z, n), (gr, gz, gn) = _split(a, 3), _split(ga, 3)
        xp.subtract(1, z, out=gn)
        gn *= gh
        gn *= _one_minus_square(xp, n, out=narrow)
        xp.multiply(gn, saved, out=gr)
        xp.subtract(h, n, out=gz)
        gz *= gh
        rz, slope = a[:, : 2 * H], wide[:, : 2 * H]
        xp.multiply(rz, rz, out=slope)
        xp.subtract(rz, slope, out=slope)
        ga[:, : 2 * H] *= slope
        gu[...] = ga
        gu[:, 2 * H :] *= r
        gh *= z
        gh += xp.matmul(gu, Wh.T, out=narrow)


def _split(a: Any, n: int) -> list[Any]:
    """(N, n H) as n views (N, H)."""
    H = a.shape[1] // n
    return [a[:, k * H : (k + 1) * H] for k in range(n)]
