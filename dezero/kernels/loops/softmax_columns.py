"""Knows softmax, its logarithm and its cross entropy with labels as loops over columns, which lie side by side.

An array (A, C, B) is summed along C. What belongs to a column, such as its sum, is a number in a short vector, so that
the compiler takes many columns at once. With few of them R rows count as one: the array is given as (A, C/R, R B), the
sum of a column is found in R parts, and once these are added up, all R places get it.

A block is ``width`` columns of one of the A matrices. Each loop does those from ``start`` up to ``stop``.
"""

from __future__ import annotations

import math

import numpy as np

from . import elementary
from .jit import formula, loop
from .softmax import LEAST, MOST, log_total, minus

_FEW = 64  # rows that are added up in their own precision; the sums of them in float64


@loop
def softmax(x, p, B, width, start, stop):
    """p = e^(x - top) / total of each column."""
    number = x.dtype.type
    factors = np.empty(width, x.dtype)
    tops, totals = np.empty(width, x.dtype), np.empty(width)
    for block in range(start, stop):
        a, lo, hi = _place(block, x.shape[2], width)
        _find_tops_and_totals(x[a], p[a], lo, hi, B, tops, totals)
        for j in range(hi - lo):
            factors[j] = number(1 / totals[j])
        for c in range(x.shape[1]):
            ps = p[a][c][lo:hi]
            for j in range(len(ps)):
                ps[j] *= factors[j]


@loop
def softmax_gradient(y, gy, gx, B, width, start, stop):
    """gx = y (gy - sum(gy y))."""
    means = np.empty(width, y.dtype)
    for block in range(start, stop):
        a, lo, hi = _place(block, y.shape[2], width)
        _dots(gy[a], y[a], lo, hi, B, means)
        for c in range(y.shape[1]):
            gys, ys, gxs = gy[a][c][lo:hi], y[a][c][lo:hi], gx[a][c][lo:hi]
            for j in range(len(ys)):
                gxs[j] = ys[j] * (gys[j] - means[j])


@loop
def log_softmax(x, y, B, width, start, stop):
    """y = x - top - log(total)."""
    number = x.dtype.type
    logs = np.empty(width, x.dtype)
    tops, totals, spare = np.empty(width, x.dtype), np.empty(width), np.empty((1, x.shape[2]), x.dtype)
    for block in range(start, stop):
        a, lo, hi = _place(block, x.shape[2], width)
        _find_tops_and_totals(x[a], spare, lo, hi, B, tops, totals)
        for j in range(hi - lo):
            logs[j] = number(elementary.log(totals[j]))
        for c in range(x.shape[1]):
            xs, ys = x[a][c][lo:hi], y[a][c][lo:hi]
            for j in range(len(xs)):
                ys[j] = minus(xs[j], tops[j], logs[j])


@loop
def log_softmax_gradient(y, gy, gx, B, width, start, stop):
    """gx = gy - e^y sum(gy)."""
    sums = np.empty(width, y.dtype)
    for block in range(start, stop):
        a, lo, hi = _place(block, y.shape[2], width)
        _sums(gy[a], gy[a], lo, hi, B, sums)
        for c in range(y.shape[1]):
            gys, ys, gxs = gy[a][c][lo:hi], y[a][c][lo:hi], gx[a][c][lo:hi]
            for j in range(len(ys)):
                gxs[j] = gys[j] - elementary.exp(ys[j]) * sums[j]


@loop
def logsumexp(x, y, B, width, start, stop):
    """y = top + log(total), (A, B); infinite where that is."""
    tops, totals, spare = np.empty(width, x.dtype), np.empty(width), np.empty((1, x.shape[2]), x.dtype)
    for block in range(start, stop):
        a, lo, hi = _place(block, x.shape[2], width)
        _find_tops_and_totals(x[a], spare, lo, hi, B, tops, totals)
        ys = y[a][lo : min(hi, B)]
        for j in range(len(ys)):
            ys[j] = log_total(tops[j], totals[j])


@loop
def logsumexp_gradient(x, gx, gy, y, B, width, start, stop):
    """gx = gy e^(x - y), gy and y (A, B); 0 where both are -inf."""
    zero = x.dtype.type(0)
    g, shifts = np.empty(width, x.dtype), np.empty(width, x.dtype)
    for block in range(start, stop):
        a, lo, hi = _place(block, x.shape[2], width)
        for j in range(hi - lo):
            b = (lo + j) % B
            g[j], shifts[j] = gy[a, b], y[a, b] if y[a, b] != -math.inf else zero
        for c in range(x.shape[1]):
            xs, gxs = x[a][c][lo:hi], gx[a][c][lo:hi]
            for j in range(len(xs)):
                gxs[j] = g[j] * elementary.exp(xs[j] - shifts[j])


@loop
def label_losses(x, t, losses, tops, totals, B, width, start, stop):
    """-log(softmax(x)[t]) of each column, and what its gradient needs: all of them (A, B)."""
    top, total, spare = np.empty(width, x.dtype), np.empty(width), np.empty((1, x.shape[2]), x.dtype)
    R = x.shape[2] // B
    for block in range(start, stop):
        a, lo, hi = _place(block, x.shape[2], width)
        _find_tops_and_totals(x[a], spare, lo, hi, B, top, total)
        for j in range(min(hi, B) - lo):
            b = lo + j
            score = x[a, t[a, b] // R, t[a, b] % R * B + b]
            losses[a, b] = (top[j] - score) + elementary.log(total[j])
            tops[a, b], totals[a, b] = top[j], total[j]


@loop
def label_gradient(x, gx, t, tops, totals, scale, B, width, start, stop):
    """gx = (softmax(x) - one-hot) scale."""
    number = x.dtype.type
    top, factors = np.empty(width, x.dtype), np.empty(width, x.dtype)
    R = x.shape[2] // B
    for block in range(start, stop):
        a, lo, hi = _place(block, x.shape[2], width)
        for j in range(hi - lo):
            b = (lo + j) % B
            top[j], factors[j] = tops[a, b], number(scale[a, b] / totals[a, b])
        for c in range(x.shape[1]):
            xs, gxs = x[a][c][lo:hi], gx[a][c][lo:hi]
            for j in range(len(xs)):
                gxs[j] = elementary.exp(xs[j] - top[j]) * factors[j]
        for b in range(lo, min(hi, B)):
            gx[a, t[a, b] // R, t[a, b] % R * B + b] -= scale[a, b]


@formula
def _place(block, columns, width):
    """The matrix a block belongs to, its first column, and the one after its last."""
    each = -(-columns // width)
    lo = block % each * width
    return block // each, lo, min(columns, lo + width)


@loop
def _find_tops_and_totals(x, e, lo, hi, B, tops, totals):
    """What to subtract from each column before exp, and the sums; ``e`` gets e^(x - top), or all rows of it in turn."""
    tops, totals = tops[: hi - lo], totals[: hi - lo]
    few = np.empty(len(tops), x.dtype)
    tops[:] = 0
    _add_exponentials(x, e, lo, hi, tops, totals, few)
    _add_parts(totals, B)
    extreme = False
    for j in range(len(totals)):
        extreme |= (totals[j] < LEAST) | (totals[j] > MOST)
    if extreme:
        _find_tops(x, lo, hi, B, totals, tops, few)
        _add_exponentials(x, e, lo, hi, tops, totals, few)
        _add_parts(totals, B)


@loop
def _add_exponentials(x, e, lo, hi, tops, totals, few):
    totals[:] = 0
    for first in range(0, len(x), _FEW):
        few[:] = 0
        for c in range(first, min(first + _FEW, len(x))):
            xs, es = x[c][lo:hi], e[min(c, len(e) - 1)][lo:hi]
            for j in range(len(xs)):
                power = elementary.exp(xs[j] - tops[j])
                es[j] = power
                few[j] += power
        for j in range(len(few)):
            totals[j] += few[j]


@loop
def _find_tops(x, lo, hi, B, totals, tops, largest):
    """The largest number of each column whose sum is extreme; 0 of the others, which then stay what they are."""
    largest[:] = -math.inf
    for c in range(len(x)):
        xs = x[c][lo:hi]
        for j in range(len(xs)):
            largest[j] = xs[j] if xs[j] > largest[j] else largest[j]
    for j in range(len(tops)):
        if totals[j] < LEAST or totals[j] > MOST:
            tops[j] = largest[j]
            for part in range(j % B, len(tops), B):
                tops[j] = max(tops[j], largest[part])


@formula
def _add_parts(sums, B):
    """Of a column in R parts, B places apart, all get the sum."""
    for j in range(min(B, len(sums))):
        for part in range(j + B, len(sums), B):
            sums[j] += sums[part]
        for part in range(j + B, len(sums), B):
            sums[part] = sums[j]


def _sums_of(term):
    """The loop that sums up term(x, y) of each column."""

    @loop
    def add_up(x, y, lo, hi, B, sums):
        few, totals = np.empty(hi - lo, x.dtype), np.zeros(hi - lo)
        for first in range(0, len(x), _FEW):
            few[:] = 0
            for c in range(first, min(first + _FEW, len(x))):
                xs, ys = x[c][lo:hi], y[c][lo:hi]
                for j in range(len(xs)):
                    few[j] += term(xs[j], ys[j])
            for j in range(len(few)):
                totals[j] += few[j]
        _add_parts(totals, B)
        for j in range(len(totals)):
            sums[j] = totals[j]

    return add_up


@formula
def _product(x, y):
    return x * y


@formula
def _first(x, y):
    return x


_dots, _sums = _sums_of(_product), _sums_of(_first)
