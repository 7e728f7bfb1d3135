"""Knows the recurrent layers as loops over a whole sequence, for some sequences of the batch: rows start to stop.

What belongs to one sequence depends on no other, so each thread takes rows of its own, from the first step to the last.
All loops forward take the same arguments, and so do all loops back::

    xs             (G, T, N, H)   x Wx + b by gate
    Wh, WhT        (H, G H), (G, H, H)
    live           (T, N)         False where a sequence is over: there its state stays
    before, after  (T, N, H)      each state before and after each step
    kept           (T, K, N, H)   what the way back needs
    gs             (N, H)         gradient of each state: at first after the last step, in the end before the first
    ga, gu         (T, N, G, H)   gradients of x Wx + b and of h Wh; one array where they are the same
    products       (G, N, H)      free to use
"""

from __future__ import annotations

from . import elementary
from .jit import add_product, has_product, inline, loop, product

__all__ = [
    "gru",
    "gru_back",
    "has_product",
    "lstm",
    "lstm_back",
    "lstm_step",
    "lstm_step_back",
    "rnn",
    "rnn_back",
]


@loop
def _sigmoid_of_sum(x, a):
    for j in range(len(a)):
        a[j] = elementary.sigmoid(a[j] + x[j])


@loop
def _sigmoid(a):
    for j in range(len(a)):
        a[j] = elementary.sigmoid(a[j])


@loop
def _tanh(a):
    for j in range(len(a)):
        a[j] = elementary.tanh(a[j])


@loop
def _transpose(a, out):
    """In squares that stay in the cache."""
    M, N = a.shape
    for m in range(0, M, 16):
        for n in range(N):
            for k in range(m, min(m + 16, M)):
                out[n, k] = a[k, n]


@loop
def _tanh_of_sum(x, a):
    for j in range(len(a)):
        a[j] = elementary.tanh(a[j] + x[j])


@inline
def _multiply_by_gate(h, Wh, gate, out):
    H = len(Wh)
    product(h, Wh[:, gate * H : (gate + 1) * H], out)


@inline
def _keep(live, start, stop, before, after):
    """Where a sequence is over, its state after the step is that before it."""
    for n in range(start, stop):
        if not live[n]:
            after[n] = before[n]


@inline
def _add_products(gu, WhT, live, products, gh, start, stop):
    """gh += gu WhT summed over the gates, where a sequence goes on."""
    for k in range(len(WhT)):
        product(gu[start:stop, k], WhT[k], products[k, start:stop])
    for n in range(start, stop):
        if live[n]:
            g = gh[n]
            for k in range(len(WhT)):
                p = products[k, n]
                for j in range(len(g)):
                    g[j] += p[j]


# ---- RNN


@loop
def rnn(xs, Wh, live, before, after, kept, relu, reverse, start, stop):
    T = len(live)
    for step in range(T):
        t = T - 1 - step if reverse else step
        h, new_h = before[0][t], after[0][t]
        product(h[start:stop], Wh, new_h[start:stop])
        x, y = xs[0, t, start:stop].reshape(-1), new_h[start:stop].reshape(-1)
        if relu:
            for j in range(len(y)):
                a = y[j] + x[j]
                y[j] = y.dtype.type(0) if a <= 0 else a  # NaN stays
        else:
            _tanh_of_sum(x, y)
        _keep(live[t], start, stop, h, new_h)


@loop
def rnn_back(gys, WhT, live, before, after, kept, gs, ga, gu, products, relu, reverse, start, stop):
    T, _, _, H = ga.shape
    one, gh = ga.dtype.type(1), gs[0]
    for step in range(T):
        t = step if reverse else T - 1 - step
        for n in range(start, stop):
            if not live[t, n]:
                ga[t, n] = 0
                continue
            y, gy, g, a = after[0][t, n], gys[t, n], gh[n], ga[t, n, 0]
            if relu:
                for j in range(H):
                    a[j] = g[j] + gy[j] if y[j] > 0 else ga.dtype.type(0)
            else:
                for j in range(H):
                    a[j] = (g[j] + gy[j]) * (one - y[j] * y[j])
            g[:] = 0
        _add_products(gu[t], WhT, live[t], products, gh, start, stop)


# ---- LSTM


@loop
def _lstm_states(i, f, g, o, c, tanh_c, new_h, new_c):
    for j in range(len(c)):
        new_c[j] = f[j] * c[j] + i[j] * g[j]
    for j in range(len(c)):
        tanh_c[j] = elementary.tanh(new_c[j])
    for j in range(len(c)):
        new_h[j] = o[j] * tanh_c[j]


@loop
def lstm(xs, Wh, live, before, after, kept, reverse, start, stop):
    T = len(live)
    for step in range(T):
        t = T - 1 - step if reverse else step
        h, c, new_h, new_c = before[0][t], before[1][t], after[0][t], after[1][t]
        for k in range(4):
            _multiply_by_gate(h[start:stop], Wh, k, kept[t, k, start:stop])
        i, f = kept[t, 0, start:stop].reshape(-1), kept[t, 1, start:stop].reshape(-1)
        g, o = kept[t, 2, start:stop].reshape(-1), kept[t, 3, start:stop].reshape(-1)
        _sigmoid_of_sum(xs[0, t, start:stop].reshape(-1), i)
        _sigmoid_of_sum(xs[1, t, start:stop].reshape(-1), f)
        _tanh_of_sum(xs[2, t, start:stop].reshape(-1), g)
        _sigmoid_of_sum(xs[3, t, start:stop].reshape(-1), o)
        c_row, tanh_c = c[start:stop].reshape(-1), kept[t, 4, start:stop].reshape(-1)
        _lstm_states(i, f, g, o, c_row, tanh_c, new_h[start:stop].reshape(-1), new_c[start:stop].reshape(-1))
        _keep(live[t], start, stop, h, new_h)
        _keep(live[t], start, stop, c, new_c)


@loop
def lstm_back(gys, WhT, live, before, after, kept, gs, ga, gu, products, reverse, start, stop):
    T, _, _, H = ga.shape
    one, gh, gc = ga.dtype.type(1), gs[0], gs[1]
    for step in range(T):
        t = step if reverse else T - 1 - step
        for n in range(start, stop):
            if not live[t, n]:
                ga[t, n] = 0
                continue
            i, f, g, o, tanh_c = kept[t, 0, n], kept[t, 1, n], kept[t, 2, n], kept[t, 3, n], kept[t, 4, n]
            gi, gf, gg, go = ga[t, n, 0], ga[t, n, 1], ga[t, n, 2], ga[t, n, 3]
            gy, gy_h, gy_c, c = gys[t, n], gh[n], gc[n], before[1][t, n]
            for j in range(H):  # loops of their own: to write to one array only is what the compiler likes
                gy_h[j] += gy[j]
            for j in range(H):
                gy_c[j] += gy_h[j] * o[j] * (one - tanh_c[j] * tanh_c[j])
            for j in range(H):
                gi[j] = gy_c[j] * g[j] * (i[j] * (one - i[j]))
            for j in range(H):
                gf[j] = gy_c[j] * c[j] * (f[j] * (one - f[j]))
            for j in range(H):
                gg[j] = gy_c[j] * i[j] * (one - g[j] * g[j])
            for j in range(H):
                go[j] = gy_h[j] * tanh_c[j] * (o[j] * (one - o[j]))
            for j in range(H):
                gy_c[j] *= f[j]
            gy_h[:] = 0
        _add_products(gu[t], WhT, live[t], products, gh, start, stop)


# ---- GRU


@loop
def gru(xs, Wh, live, before, after, kept, bh, reverse, start, stop):
    T, H = len(live), len(Wh)
    for step in range(T):
        t = T - 1 - step if reverse else step
        h, new_h = before[0][t], after[0][t]
        for k, to in enumerate((0, 1, 3)):
            _multiply_by_gate(h[start:stop], Wh, k, kept[t, to, start:stop])
        for k, to in enumerate((0, 1, 3)):
            b = bh[k * H : (k + 1) * H]
            for n in range(start, stop):
                u = kept[t, to, n]
                for j in range(H):
                    u[j] += b[j]
        r, z = kept[t, 0, start:stop].reshape(-1), kept[t, 1, start:stop].reshape(-1)
        m, u = kept[t, 2, start:stop].reshape(-1), kept[t, 3, start:stop].reshape(-1)
        _sigmoid_of_sum(xs[0, t, start:stop].reshape(-1), r)
        _sigmoid_of_sum(xs[1, t, start:stop].reshape(-1), z)
        for j in range(len(m)):
            m[j] = r[j] * u[j]
        _tanh_of_sum(xs[2, t, start:stop].reshape(-1), m)
        old, new = h[start:stop].reshape(-1), new_h[start:stop].reshape(-1)
        for j in range(len(m)):
            new[j] = m[j] + z[j] * (old[j] - m[j])
        _keep(live[t], start, stop, h, new_h)


@loop
def gru_back(gys, WhT, live, before, after, kept, gs, ga, gu, products, reverse, start, stop):
    T, _, _, H = ga.shape
    one, gh = ga.dtype.type(1), gs[0]
    for step in range(T):
        t = step if reverse else T - 1 - step
        for n in range(start, stop):
            if not live[t, n]:
                ga[t, n] = 0
                gu[t, n] = 0
                continue
            r, z, m, u = kept[t, 0, n], kept[t, 1, n], kept[t, 2, n], kept[t, 3, n]
            gr, gz, gm, gu_m = ga[t, n, 0], ga[t, n, 1], ga[t, n, 2], gu[t, n, 2]
            gy, gy_h, h = gys[t, n], gh[n], before[0][t, n]
            for j in range(H):
                gy_h[j] += gy[j]
            for j in range(H):
                gm[j] = gy_h[j] * (one - m[j] * m[j]) * (one - z[j])
            for j in range(H):
                gz[j] = gy_h[j] * (h[j] - m[j]) * (z[j] * (one - z[j]))
            for j in range(H):
                gr[j] = gm[j] * u[j] * (r[j] * (one - r[j]))
            for j in range(H):
                gu_m[j] = gm[j] * r[j]
            for j in range(H):
                gy_h[j] *= z[j]
            gu[t, n, 0] = gr
            gu[t, n, 1] = gz
        _add_products(gu[t], WhT, live[t], products, gh, start, stop)


# ---- one step of an LSTM whose gates f, i, o, u have weights of their own, a tuple of four each


@loop
def lstm_step(x, h, c, Wx, b, Wh, gates, tanh_c, new_h, new_c):
    one = x.dtype.type(1)
    for k in range(4):
        a = gates[k]
        a[:] = b[k]
        add_product(x, Wx[k], a, one, one)
        add_product(h, Wh[k], a, one, one)
    _sigmoid(gates[:3].reshape(-1))
    _tanh(gates[3].reshape(-1))
    f, i, o, u = gates[0].reshape(-1), gates[1].reshape(-1), gates[2].reshape(-1), gates[3].reshape(-1)
    _lstm_states(i, f, u, o, c.reshape(-1), tanh_c.reshape(-1), new_h.reshape(-1), new_c.reshape(-1))


@loop
def lstm_step_back(x, h, c, Wx, Wh, gates, tanh_c, gh, gc, needs, z, ga, gaT, gxT, ghT, gP, gx, old_gh, old_gc):
    """Fills gx (N, I), old_gh, old_gc (N, H) and gP (4, I + 1 + H, H), the gradients of Wx, b and Wh of each gate.

    ``needs`` says of x, h and the weights whether theirs are wanted. All between it and gP is free to use:
    z (N, I + 1 + H), ga (4, N, H), gaT (H, N), gxT (I, N), ghT (H, N).
    """
    (N, I), one = x.shape, x.dtype.type(1)
    f, i, o, u = gates[0].reshape(-1), gates[1].reshape(-1), gates[2].reshape(-1), gates[3].reshape(-1)
    gf, gi, go, gu = ga[0].reshape(-1), ga[1].reshape(-1), ga[2].reshape(-1), ga[3].reshape(-1)
    t, gy_h, gy_c, old_c, g = tanh_c.reshape(-1), gh.reshape(-1), gc.reshape(-1), c.reshape(-1), old_gc.reshape(-1)
    for j in range(len(g)):
        g[j] = gy_c[j] + gy_h[j] * o[j] * (one - t[j] * t[j])
    for j in range(len(g)):
        gf[j] = g[j] * old_c[j] * (f[j] * (one - f[j]))
    for j in range(len(g)):
        gi[j] = g[j] * u[j] * (i[j] * (one - i[j]))
    for j in range(len(g)):
        go[j] = gy_h[j] * t[j] * (o[j] * (one - o[j]))
    for j in range(len(g)):
        gu[j] = g[j] * i[j] * (one - u[j] * u[j])
    for j in range(len(g)):
        g[j] *= f[j]
    if needs[0] or needs[1]:
        for k in range(4):  # BLAS is faster where it need not transpose a weight
            keep = x.dtype.type(k > 0)
            _transpose(ga[k], gaT)
            if needs[0]:
                add_product(Wx[k], gaT, gxT, one, keep)
            if needs[1]:
                add_product(Wh[k], gaT, ghT, one, keep)
        if needs[0]:
            _transpose(gxT, gx)
        if needs[1]:
            _transpose(ghT, old_gh)
    if needs[2]:
        for n in range(N):
            z[n, :I] = x[n]
            z[n, I] = one
            z[n, I + 1 :] = h[n]
        for k in range(4):
            add_product(z.T, ga[k], gP[k], one, x.dtype.type(0))
