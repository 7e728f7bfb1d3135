"""Knows attention as loops over tiles of scores, some queries by some keys, which never leave the cache.

No weights are kept. The way there takes the softmax of a row of tiles in one go: it sums up e^(score - shift), with a
shift of 0, which does for most rows. Where the sum is too large or too small to be safe, the shift becomes the largest
score so far, and what was summed up until then shrinks (Milakov and Gimelshein, 2018; Dao et al., 2022). The way back
makes the weights of a tile again, from the shift of each query and the sum of its exponentials.

Arrays are (A, T, B, D): A B matrices, each a head, of which the B of one A lie side by side. So a layer's heads can be
taken where they are, and so can a plain stack, with B = 1.
"""

from __future__ import annotations

import numpy as np

from . import elementary
from .jit import add_product, has_product, loop

QUERIES = 32  # of a tile
_FEW = 16  # queries, for which it is not worth while to transpose the keys
_LEAST, _MOST = 1e-6, 1e20  # of a sum of exponentials that needs no other shift

__all__ = ["QUERIES", "attend", "attend_gradients", "has_product"]


@loop
def attend(q, k, v, mask, dropout, heads, scale, causal, keys, y, shift, share, start, stop):
    """y = p v for the blocks of queries from ``start`` to ``stop``; those of the first head come first.

    Args:
        q, k, v: Arrays (A, T, B, D), (A, S, B, D) and (A, S, B, E).
        mask: Added to the scores, (N or 1, H or 1, T or 1, S) where N H = A B; without elements for none.
        dropout: Factors of the weights, (N, H, T, S); without elements for none.
        heads: H.
        scale, causal: As in ``Limits``.
        keys: Of a tile.
        y: For the result, (A, T, B, E).
        shift, share: For the way back, (A B, T): what is subtracted from the scores, and 1 / (sum of exponentials).
    """
    (_, T, B, D), S = q.shape, k.shape[1]
    k_T = np.empty((-(-S // keys), D, keys), q.dtype)
    s, p = np.empty((QUERIES, keys), q.dtype), np.empty((QUERIES, keys), q.dtype)
    totals = np.empty(QUERIES, q.dtype)  # of the exponentials of a tile
    one, zero = s.dtype.type(1), s.dtype.type(0)
    blocks, ready = -(-T // QUERIES), -1
    for block in range(start, stop):
        head = block // blocks
        n, h = head // B, head % B
        if head != ready and T > _FEW:
            _transpose(k, n, h, k_T)
            ready = head
        a = block % blocks * QUERIES
        b = min(a + QUERIES, T)
        last = min(b, S) if causal else S
        for i in range(a, b):
            shift[head, i], share[head, i] = zero, zero
            y[n, i, h][:] = zero
        for c in range(0, last, keys):
            d = min(c + keys, last)
            k_Tc = k_T[c // keys, :, : d - c] if T > _FEW else k[n, c:d, h].T
            add_product(q[n, a:b, h], k_Tc, s[: b - a, : d - c], scale, zero)
            _limit(s, mask, heads, causal, head, a, b, c, d)
            _exponentials(s, p, shift[head], totals, a, b)
            for i in range(a, b):
                total = share[head, i] + totals[i - a]
                if not _LEAST <= total <= _MOST:
                    total = _shifted(s[i - a], p[i - a], y[n, i, h], shift[head], share[head], i, total)
                share[head, i] = total
            _drop(p, dropout, heads, head, a, b, c, d)
            add_product(p[: b - a, : d - c], v[n, c:d, h], y[n, a:b, h], one, one)
        for i in range(a, b):
            part, yi = share[head, i], y[n, i, h]
            part = one / part if part != zero else zero  # 0 for a query that may look nowhere
            share[head, i] = part
            for j in range(len(yi)):
                yi[j] *= part


@loop
def attend_gradients(
    q, k, v, mask, dropout, heads, scale, causal, keys, y, shift, share, gy, groups, gq, gk, gv, gs, start, stop
):
    """The gradients for the groups from ``start`` to ``stop``; those before ``gy`` are the arguments of ``attend``.

    Args:
        gy: Array (A, T, B, E).
        groups: Into how many the blocks of queries of a head are dealt out. The first A B of all are one of each head.
        gq: To fill, as q; without elements where not wanted.
        gk, gv: To fill, (groups A, S, B, D or E), to be summed over the groups; without elements where not wanted.
        gs: Of the scores, zeros (N, H, T, S); without elements where not wanted.
    """
    (A, T, B, D), (S, E) = q.shape, v.shape[1::2]
    tiles = -(-S // keys)
    k_T, v_T = np.empty((tiles, D, keys), q.dtype), np.empty((tiles, E, keys), q.dtype)
    p, gp = np.empty((QUERIES, keys), q.dtype), np.empty((QUERIES, keys), q.dtype)
    same = np.empty(QUERIES, q.dtype)  # of all gp of a query: sum(gy y)
    one, zero = p.dtype.type(1), p.dtype.type(0)
    wants_scores = gq.size + gk.size + gs.size > 0
    for group in range(start, stop):
        first, head = group // (A * B), group % (A * B)
        n, h = head // B, head % B
        to = first * A + n
        if T > _FEW:
            _transpose(k, n, h, k_T)
            _transpose(v, n, h, v_T)
        mine = -(-(T - first * QUERIES) // (groups * QUERIES))  # blocks of queries
        for block in range(mine - 1, -1, -1):  # the last of them see all that any may see
            a = (block * groups + first) * QUERIES
            b = min(a + QUERIES, T)
            last = min(b, S) if causal else S
            keep = one
            if block == mine - 1:
                keep = zero
                for j in range(last, S):
                    if gk.size:
                        gk[to, j, h][:] = zero
                    if gv.size:
                        gv[to, j, h][:] = zero
            for i in range(a, b):
                total, gyi, yi = zero, gy[n, i, h], y[n, i, h]
                for j in range(E):
                    total += gyi[j] * yi[j]
                same[i - a] = total
            for c in range(0, last, keys):
                d = min(c + keys, last)
                pt, gpt = p[: b - a, : d - c], gp[: b - a, : d - c]
                k_Tc = k_T[c // keys, :, : d - c] if T > _FEW else k[n, c:d, h].T
                v_Tc = v_T[c // keys, :, : d - c] if T > _FEW else v[n, c:d, h].T
                add_product(q[n, a:b, h], k_Tc, pt, scale, zero)
                _limit(p, mask, heads, causal, head, a, b, c, d)
                _weights(p, shift[head], share[head], a, b)
                if wants_scores:
                    add_product(gy[n, a:b, h], v_Tc, gpt, one, zero)
                    _drop(gp, dropout, heads, head, a, b, c, d)
                    for i in range(a, b):
                        pi, gpi, sum_i = p[i - a], gp[i - a], same[i - a]
                        for j in range(d - c):
                            gpi[j] = pi[j] * (gpi[j] - sum_i)
                if gv.size:
                    _drop(p, dropout, heads, head, a, b, c, d)
                    add_product(pt.T, gy[n, a:b, h], gv[to, c:d, h], one, keep)
                if gq.size:
                    add_product(gpt, k[n, c:d, h], gq[n, a:b, h], scale, zero if c == 0 else one)
                if gk.size:
                    add_product(gpt.T, q[n, a:b, h], gk[to, c:d, h], scale, keep)
                if gs.size:
                    for i in range(a, b):
                        gs[head // heads, head % heads, i, c:d] = gp[i - a, : d - c]


@loop
def _transpose(k, n, h, k_T):
    """One head in tiles: OpenBLAS multiplies small matrices with these nearly twice as fast."""
    keys = k_T.shape[2]
    for j in range(k.shape[1]):
        kj, tile = k[n, j, h], k_T[j // keys]
        for i in range(len(kj)):
            tile[i, j % keys] = kj[i]


@loop
def _limit(s, mask, heads, causal, head, a, b, c, d):
    """Adds the mask to the scores of a tile, and makes those -inf of keys that come too late, or that are none."""
    if mask.size:
        mn, mh, mt = min(head // heads, mask.shape[0] - 1), min(head % heads, mask.shape[1] - 1), mask.shape[2] - 1
        for i in range(a, b):
            si, row = s[i - a], mask[mn, mh, min(i, mt)]
            for j in range(d - c):
                si[j] += row[c + j]
    if (causal and d > a + 1) or d - c < s.shape[1]:
        for i in range(a, b):
            si = s[i - a]
            for j in range(max(0, min(d, i + 1) - c if causal else d - c), len(si)):
                si[j] = -np.inf


@loop
def _drop(p, dropout, heads, head, a, b, c, d):
    if dropout.size:
        for i in range(a, b):
            pi, row = p[i - a], dropout[head // heads, head % heads, i]
            for j in range(d - c):
                pi[j] *= row[c + j]


@loop
def _exponentials(s, p, shift, totals, a, b):
    """e^(score - shift) of a tile, and the sum for each of its queries."""
    for i in range(a, b):
        si, pi, shift_i, total = s[i - a], p[i - a], shift[i], s.dtype.type(0)
        for j in range(len(si)):
            e = elementary.exp(si[j] - shift_i)
            pi[j] = e
            total += e
        totals[i - a] = total


@loop
def _shifted(s, p, y, shift, share, i, total):
    """Finds a better shift for query i of a tile, with exponentials p of it; returns their sum with those before."""
    largest, zero = s.dtype.type(-np.inf), s.dtype.type(0)
    for j in range(len(s)):
        if s[j] > largest:
            largest = s[j]
    if largest == -np.inf:  # nothing to be seen here
        return total
    if share[i] > zero:
        largest = max(largest, shift[i])
        shrink = np.exp(shift[i] - largest)
        share[i] *= shrink
        for j in range(len(y)):
            y[j] *= shrink
    shift[i], total = largest, zero
    for j in range(len(s)):
        p[j] = np.exp(s[j] - largest)
        total += p[j]
    return share[i] + total


@loop
def _weights(s, shift, share, a, b):
    """Makes of scores the weights that they had."""
    for i in range(a, b):
        si, shift_i, share_i = s[i - a], shift[i], share[i]
        for j in range(len(si)):
            si[j] = elementary.exp(si[j] - shift_i) * share_i
