"""Knows attention on arrays: the weights of the keys, the mean of the values, and the gradients of both.

``attend`` and ``attend_gradients`` say it in a few lines, for every array module. On the host, where the arrays are
large, the work goes by pieces: some matrices of the stack and some queries at a time, so that scores become weights
where they lie, keys that come after the last query of a piece are left out, and threads take a piece each. Where all
weights together are large they are not kept but computed again, from the sum that each query's exponentials had.

Where Numba is installed, the pieces are tiles that ``loops/attention.py`` works on, and no weights are ever kept.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..cuda import get_array_module
from .compiled import loops_for
from .parallel import run_in_parts, threads

_QUERIES = 64  # of a matrix at a time
_PIECE = 1 << 18  # scores at a time
_LEAST = 1 << 16  # scores that are worth a thread
_FEWEST = 1 << 13  # scores that are worth pieces
_KEPT = 1 << 22  # weights that are kept for the way back
_CALM = 20.0  # scores between this and its negative need no shift before exp

# Up to these sizes OpenBLAS computes a product on the thread that asks for it, and so on all threads that do at once;
# larger ones it would share out itself, one after the other.
_GEMM = 1 << 18
_GEMV = 9216

_TILE = 64  # keys of a tile, at most
_FEWEST_IN_LOOPS = 1 << 10  # scores that are worth tiles
_LEAST_TILES = 1 << 14  # scores in tiles that are worth a thread


class Limits:
    """What is added to the scores, what hides some of them, and what the weights are multiplied with.

    Args:
        scale: Of the product of a query and a key.
        mask: Floats added to the scores, broadcasts to (..., T, S), or None.
        hidden: 0 where a query may look and -inf where it may not, broadcasts likewise, or None.
        causal: Whether query i may look at the keys 0 to i alone.
        dropout: Factor of each weight, (..., T, S), or None.
    """

    def __init__(self, scale: float, mask: Any = None, hidden: Any = None, causal: bool = False, dropout: Any = None):
        self.scale, self.mask, self.hidden, self.causal, self.dropout = scale, mask, hidden, causal, dropout


def attend(q: Any, k: Any, v: Any, limits: Limits) -> tuple[Any, Any]:
    """softmax(scale q k^T + mask) v.

    Args:
        q: Array (..., T, D) of float32 or float64.
        k: Array (..., S, D).
        v: Array (..., S, E).
        limits: What the scores are limited by.

    Returns:
        Array (..., T, E), laid out in memory as ``q``, and what ``attend_gradients`` wants to see again.
    """
    if _is_large_on_host(q, k, v, _FEWEST_IN_LOOPS) and (loops := _loops(q.dtype)):
        return _Tiles(q, k, v, limits, loops).attend()
    if _is_large_on_host(q, k, v, _FEWEST):
        return _Pieces(q, k, v, limits).attend()
    p = _weights(q, k, limits)
    return _dropped(p, limits) @ v, p


def attend_gradients(
    gy: Any, y: Any, seen: Any, q: Any, k: Any, v: Any, limits: Limits, wanted: tuple[bool, ...]
) -> tuple[Any, Any, Any, Any]:
    """The gradients of q, k, v and the scores, None for those not wanted; of broadcast ones before they are summed.

    gv = p^T gy;  gs = p (gy v^T - sum(gy y));  gq = scale gs k;  gk = scale gs^T q.
    """
    if isinstance(seen, _Sums):
        return _Tiles(q, k, v, limits, seen.loops).gradients(gy, y, seen, wanted)
    if isinstance(seen, tuple):
        return _Pieces(q, k, v, limits).gradients(gy, y, seen, wanted)
    gq = gk = gv = gs = None
    p, scale = seen, limits.scale
    if wanted[2]:
        gv = _dropped(p, limits).swapaxes(-1, -2) @ gy
    if wanted[0] or wanted[1] or wanted[3]:
        gs = _dropped(gy @ v.swapaxes(-1, -2), limits)  # (..., T, S)
        gs -= (gy * y).sum(axis=-1, keepdims=True)
        gs *= p
        gq = gs @ k * scale if wanted[0] else None
        gk = gs.swapaxes(-1, -2) @ q * scale if wanted[1] else None
    return gq, gk, gv, gs if wanted[3] else None


def _weights(q: Any, k: Any, limits: Limits) -> Any:
    """softmax(scale q k^T + mask), (..., T, S); zeros for a query that may look nowhere."""
    xp = get_array_module(q)
    s = (q * limits.scale) @ k.swapaxes(-1, -2)
    if limits.mask is not None:
        s += limits.mask
    if limits.hidden is not None:
        s += limits.hidden
    if limits.causal:
        s += triangle(s)
    s -= largest(s)
    p = xp.exp(s, out=s)
    p /= xp.maximum(p.sum(axis=-1, keepdims=True), 1.0)  # 1 or more, but where a query may look nowhere
    return p


def _dropped(p: Any, limits: Limits) -> Any:
    return p if limits.dropout is None else p * limits.dropout


def triangle(s: Any) -> Any:
    """For scores (..., T, S): 0 where a key comes no later than the query, -inf where it does, (T, S)."""
    xp, (T, S) = get_array_module(s), s.shape[-2:]
    return xp.where(xp.tri(T, S, 0, bool), 0.0, -np.inf).astype(s.dtype)


def largest(s: Any) -> Any:
    """The largest score of each query, (..., T, 1); a finite number where there is none."""
    if not s.shape[-1]:
        return s.sum(axis=-1, keepdims=True)
    xp = get_array_module(s)
    return xp.maximum(s.max(axis=-1, keepdims=True), float(np.finfo(s.dtype).min))


def _is_large_on_host(q: Any, k: Any, v: Any, fewest: int) -> bool:
    """Whether to work by pieces: from so many scores on. Broadcast stacks, which are rare, are left to ``@``."""
    T, S, lead = q.shape[-2], k.shape[-2], q.shape[:-2]
    return (
        type(q) is type(k) is type(v) is np.ndarray
        and q.dtype == k.dtype == v.dtype
        and lead == k.shape[:-2] == v.shape[:-2]
        and math.prod(lead) * T * S >= fewest
        and q.shape[-1] * v.shape[-1] > 0
    )


def _loops(dtype: Any) -> Any:
    """The compiled loops, if there are any for ``dtype``."""
    loops = loops_for("attention", np.empty(0, dtype))
    return loops if loops is not None and loops.has_product() else None


class _Sums:
    """What the tiles need for the way back.

    Args:
        loops: The loops of the way there, whatever the switches say on the way back.
        shift: What is subtracted from the scores of each query of each head before exp, (heads, T).
        share: 1 / (sum of the exponentials), or 0 where there are none, likewise.
    """

    def __init__(self, loops: Any, shift: Any, share: Any):
        self.loops, self.shift, self.share = loops, shift, share


class _Tiles:
    """Stacks of matrices as compiled loops want them, (A, T, B, D): views, where the heads of a layer are given."""

    def __init__(self, q: Any, k: Any, v: Any, limits: Limits, loops: Any):
        self.inputs, self.limits, self.loops, self.dtype = (q, k, v), limits, loops, q.dtype
        self.lead, self.T, self.S = q.shape[:-2] or (1,), q.shape[-2], k.shape[-2]
        self.heads = self.lead[-1]
        self.side_by_side = q.ndim > 2 and q.strides[-3] < q.strides[-2]
        self.none = np.empty((0, 0, 0, 0), q.dtype)

    def attend(self) -> tuple[Any, Any]:
        (q, _, v), n = self.inputs, math.prod(self.lead)
        y, seen = self._empty(q, v.shape[-1]), _Sums(self.loops, *np.empty((2, n, self.T), self.dtype))
        arguments = (*self._arguments(), self._rows(y), seen.shift, seen.share)
        blocks = -(-self.T // self.loops.QUERIES)
        least = -(-_LEAST_TILES // (min(self.T, self.loops.QUERIES) * self.S))
        run_in_parts(lambda i, j: self.loops.attend(*arguments, i, j), n * blocks, least)
        return y, seen

    def gradients(self, gy: Any, y: Any, seen: _Sums, wanted: tuple[bool, ...]) -> tuple[Any, Any, Any, Any]:
        n, groups = math.prod(self.lead), self._groups()
        scores = np.zeros((*self.lead, self.T, self.S), self.dtype) if wanted[3] else None
        gs = self.none if scores is None else scores.reshape(-1, self.heads, self.T, self.S)
        gxs = [self._empty(x, x.shape[-1]) if wants else None for x, wants in zip(self.inputs, wanted)]
        gq, gk, gv = (self.none if gx is None else self._rows(gx) for gx in gxs)
        parts = [np.empty((groups * len(g), *g.shape[1:]), g.dtype) if groups > 1 else g for g in (gk, gv)]
        shared = (*self._arguments(), self._rows(y), seen.shift, seen.share)
        arguments = (*shared, self._rows(gy), groups, gq, *parts, gs)
        least = -(-_LEAST_TILES * groups // (self.T * self.S))
        run_in_parts(lambda i, j: self.loops.attend_gradients(*arguments, i, j), n * groups, least)
        for g, part in zip((gk, gv), parts):
            if part is not g:
                part.reshape(groups, *g.shape).sum(axis=0, out=g)
        if scores is not None and self.inputs[0].ndim == 2:
            scores = scores[0]
        return gxs[0], gxs[1], gxs[2], scores

    def _groups(self) -> int:
        """Of queries, each of which a thread may take with sums for the keys of its own: where heads are few."""
        n, blocks = math.prod(self.lead), -(-self.T // self.loops.QUERIES)
        return 1 if n % threads() == 0 or n >= 4 * threads() else min(threads(), blocks)

    def _arguments(self) -> tuple[Any, ...]:
        q, k, v = self.inputs
        width = max(q.shape[-1], v.shape[-1])
        keys = max(16, min(_TILE, _GEMM // (self.loops.QUERIES * width), _GEMV // width))
        keys = min(keys, -(-self.S // 16) * 16)
        limits, of = self.limits, self.dtype.type
        mask = limits.hidden if limits.mask is None else limits.mask
        if limits.mask is not None and limits.hidden is not None:
            mask = limits.mask + limits.hidden
        rows = (self._rows(x) for x in (q, k, v))
        return *rows, *map(self._spread, (mask, limits.dropout)), self.heads, of(limits.scale), limits.causal, keys

    def _rows(self, a: Any) -> Any:
        """(..., H, T, D) -> (A, T, B, D)"""
        if self.side_by_side:
            a = a.swapaxes(-2, -3)
            a = a.reshape(-1, *a.shape[-3:])
        else:
            a = a.reshape(-1, a.shape[-2], 1, a.shape[-1])
        return a if a.flags.carray else a.copy()

    def _empty(self, x: Any, width: int) -> Any:
        """An array of the shape of ``x`` but for its last axis, of which ``_rows`` is a view."""
        if not self.side_by_side:
            return np.empty((*x.shape[:-1], width), self.dtype)
        *lead, H, T, _ = x.shape
        return np.empty((*lead, T, H, width), self.dtype).swapaxes(-2, -3)

    def _spread(self, a: Any) -> Any:
        """What broadcasts to (..., H, T, S) -> (N or 1, H or 1, T or 1, S)"""
        if a is None:
            return self.none
        *lead, H, T, _ = (1,) * (len(self.lead) + 2 - a.ndim) + a.shape
        if math.prod(lead) > 1:
            lead = list(self.lead[:-1])
        a = np.broadcast_to(a, (*lead, H, T, self.S)).reshape(-1, H, T, self.S).astype(self.dtype, copy=False)
        return a if a.flags.carray else a.copy()


class _Pieces:
    """Stacks of matrices as seen by the threads: the longest of the leading axes comes first, and is shared out."""

    def __init__(self, q: Any, k: Any, v: Any, limits: Limits):
        self.lead, self.limits, self.inputs = q.shape[:-2], limits, (q, k, v)
        self.T, self.S = q.shape[-2], k.shape[-2]
        self.q, self.k, self.v = self._stacked(q), self._stacked(k), self._stacked(v)
        full = (*self.lead, self.T, self.S)
        self.mask, self.hidden, self.dropout = (
            None if a is None else self._stacked(np.broadcast_to(a, full))
            for a in (limits.mask, limits.hidden, limits.dropout)
        )
        self.queries = list(_ranges(self.T, _QUERIES))
        width = max(q.shape[-1], v.shape[-1])
        self.step = max(16, min(_GEMM // (_QUERIES * width), _GEMV // max(_QUERIES, width)))  # keys at a time

    def _stacked(self, a: Any) -> Any:
        if not self.lead:
            return a[None]
        return np.moveaxis(a, self.lead.index(max(self.lead)), 0)

    def _keys(self, last: int) -> int:
        """How many keys the queries before ``last`` may see."""
        return min(last, self.S) if self.limits.causal else self.S

    def _share(self, work: Any) -> None:
        """Calls ``work`` with slices of the stack, on several threads."""
        each = self.q[0, ..., 0].size * self.S  # scores of one matrix, or of several along the other leading axes
        step = max(1, _PIECE * self.T // (each * min(self.T, _QUERIES)))

        def in_steps(start: int, stop: int) -> None:
            for i in range(start, stop, step):
                work(slice(i, min(i + step, stop)))

        run_in_parts(in_steps, len(self.q), -(-_LEAST // each))

    def attend(self) -> tuple[Any, Any]:
        q, _, v = self.inputs
        y = _empty_like(q, v.shape[-1])
        ys, kept, sums = self._stacked(y), None, None
        if math.prod(self.lead) * self.T * self.S <= _KEPT:
            kept = [np.empty((*self.q.shape[:-2], b - a, self._keys(b)), q.dtype) for a, b in self.queries]
        else:
            sums = np.empty((*self.q.shape[:-1], 1), q.dtype)

        def work(part: slice) -> None:
            k_T = _transposed(self.k[part])
            for i, (a, b) in enumerate(self.queries):
                p = self._first_weights(k_T, part, a, b, None if kept is None else kept[i][part], sums)
                if self.dropout is not None:
                    p = p * self.dropout[part, ..., a:b, : p.shape[-1]]
                _values(p, self.v[part], ys[part, ..., a:b, :], self.step)

        self._share(work)
        return y, (kept, sums)

    def _first_weights(self, k_T: Any, part: slice, a: int, b: int, out: Any, sums: Any) -> Any:
        """The weights of the queries a to b; the logarithm of what they were divided by goes to ``sums``, if any."""
        s = self._scores(self._scaled(part, a, b), k_T, part, a, b, out)
        calm = s.min() > -_CALM and s.max() < _CALM
        self._hide(s, part, a, b)
        top = 0.0
        if not calm:
            top = largest(s)
            s -= top
        p = np.exp(s, out=s)
        total = np.empty((*p.shape[:-1], 1), p.dtype)
        _values(p, np.ones((p.shape[-1], 1), p.dtype), total, self.step)  # several times as fast as sum
        blind = total == 0
        if sums is not None:
            sums[part, ..., a:b, :] = np.where(blind, np.inf, np.log(total + blind) + top)
        p *= 1 / (total + blind)
        return p

    def _same_weights(self, q: Any, k_T: Any, part: slice, a: int, b: int, sums: Any) -> Any:
        """The weights that the queries a to b had."""
        s = self._scores(q, k_T, part, a, b)
        self._hide(s, part, a, b)
        s -= sums[part, ..., a:b, :]
        return np.exp(s, out=s)

    def _scaled(self, part: slice, a: int, b: int) -> Any:
        return self.q[part, ..., a:b, :] * self.limits.scale

    def _scores(self, q: Any, k_T: Any, part: slice, a: int, b: int, out: Any = None) -> Any:
        n = self._keys(b)
        s = np.empty((*q.shape[:-1], n), q.dtype) if out is None else out
        _scores(q, k_T, s, self.step)
        if self.mask is not None:
            s += self.mask[part, ..., a:b, :n]
        return s

    def _hide(self, s: Any, part: slice, a: int, b: int) -> None:
        """Makes -inf of the scores that the queries a to b may not have."""
        n = s.shape[-1]
        if self.hidden is not None:
            s += self.hidden[part, ..., a:b, :n]
        if self.limits.causal and a < n:
            s[..., a:] += triangle(s[..., a:])

    def gradients(self, gy: Any, y: Any, seen: Any, wanted: tuple[bool, ...]) -> tuple[Any, Any, Any, Any]:
        kept, sums = seen
        gxs = [_empty_like(x, x.shape[-1]) if wants else None for x, wants in zip(self.inputs, wanted)]
        gq, gk, gv = (None if gx is None else self._stacked(gx) for gx in gxs)
        scores = np.zeros((*self.lead, self.T, self.S), y.dtype) if wanted[3] else None
        gmask = None if scores is None else self._stacked(scores)
        gys, ys = self._stacked(gy), self._stacked(y)

        def work(part: slice) -> None:
            for gx in (gk, gv):
                if gx is not None:
                    gx[part, ..., self._keys(self.T) :, :] = 0  # of keys that nobody may see
            k_T = _transposed(self.k[part]) if kept is None else None
            v_T = _transposed(self.v[part])
            for i, (a, b) in reversed([*enumerate(self.queries)]):  # the last of them see all that any may see
                g, q, first = gys[part, ..., a:b, :], self._scaled(part, a, b), b == self.T
                p = self._same_weights(q, k_T, part, a, b, sums) if kept is None else kept[i][part]
                dropout = None if self.dropout is None else self.dropout[part, ..., a:b, : p.shape[-1]]
                if gv is not None:
                    _to_keys(p if dropout is None else p * dropout, g, gv[part], self.step, first)
                if gq is None and gk is None and gmask is None:
                    continue
                gs = np.empty_like(p)
                _scores(g, v_T, gs, self.step)
                if dropout is not None:
                    gs *= dropout
                gs -= np.einsum("...i,...i->...", g, ys[part, ..., a:b, :])[..., None]
                gs *= p
                if gmask is not None:
                    gmask[part, ..., a:b, : p.shape[-1]] = gs
                if gk is not None:
                    _to_keys(gs, q, gk[part], self.step, first)
                if gq is not None:
                    _values(gs, self.k[part], gq[part, ..., a:b, :], self.step)
                    gq[part, ..., a:b, :] *= self.limits.scale

        self._share(work)
        return gxs[0], gxs[1], gxs[2], scores


def _transposed(k: Any) -> Any:
    """k^T in an array of its own: OpenBLAS multiplies small matrices with it nearly twice as fast as with a view."""
    return np.ascontiguousarray(k.swapaxes(-1, -2))


def _scores(q: Any, k_T: Any, out: Any, step: int) -> None:
    """q k^T for as many keys as ``out`` has columns, ``step`` at a time."""
    for c, d in _ranges(out.shape[-1], step):
        np.matmul(q, k_T[..., c:d], out=out[..., c:d])


def _values(p: Any, v: Any, out: Any, step: int) -> None:
    """p v, summed over ``step`` keys at a time."""
    for c, d in _ranges(p.shape[-1], step):
        if c == 0:
            np.matmul(p[..., c:d], v[..., c:d, :], out=out)
        else:
            out += np.matmul(p[..., c:d], v[..., c:d, :])


def _to_keys(p: Any, q: Any, out: Any, step: int, first: bool) -> None:
    """p^T q for each key that p has a column for, written to ``out`` at the first call and added at others."""
    for c, d in _ranges(p.shape[-1], step):
        if first:
            np.matmul(p[..., c:d].swapaxes(-1, -2), q, out=out[..., c:d, :])
        else:
            out[..., c:d, :] += np.matmul(p[..., c:d].swapaxes(-1, -2), q)


def _ranges(n: int, step: int) -> Any:
    """0 to n as pairs of a start and an end, ``step`` apart."""
    return ((i, min(i + step, n)) for i in range(0, n, step))


def _empty_like(x: Any, width: int) -> Any:
    """An array of the shape of ``x`` but for its last axis, with the axes in the same order in memory."""
    axes = sorted(range(x.ndim - 1), key=lambda axis: -x.strides[axis])
    y = np.empty([*(x.shape[a] for a in axes), width], x.dtype)
    return y.transpose(*(axes.index(a) for a in range(x.ndim - 1)), x.ndim - 1)
