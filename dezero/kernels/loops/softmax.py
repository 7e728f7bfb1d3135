"""Knows softmax, its logarithm and its cross entropy with labels as loops over the rows of a matrix.

Of most rows e^x neither overflows nor vanishes: its sum tells. Only the others are gone through once more, to subtract
their largest number before exp.
"""

from __future__ import annotations

import math

import numpy as np

from . import elementary, sums
from .jit import exact, formula, loop

_BLOCK = 1024  # powers of a row that are summed up in their own precision; the sums of the blocks in float64
LEAST, MOST = 1e-6, 1e30  # of a sum of e^x that needs no shift
_LANES = 16  # as many numbers are compared at once


@loop
def softmax(x, p):
    """p = e^(x - top) / total of each row."""
    number = x.dtype.type
    for n in range(len(x)):
        xs, ps = x[n], p[n]
        _, total = _top_and_total(xs, ps)
        factor = number(1 / total)
        for c in range(len(xs)):
            ps[c] *= factor


@loop
def softmax_gradient(y, gy, gx):
    """gx = y (gy - sum(gy y))."""
    for n in range(len(y)):
        gys, ys, gxs = gy[n], y[n], gx[n]
        mean = y.dtype.type(sums.dot(gys, ys))
        for c in range(len(ys)):
            gxs[c] = ys[c] * (gys[c] - mean)


@loop
def log_softmax(x, y):
    """y = x - top - log(total)."""
    number = x.dtype.type
    for n in range(len(x)):
        xs, ys = x[n], y[n]
        top, total = _top_and_total(xs, ys)
        log = number(elementary.log(total))
        for c in range(len(xs)):
            ys[c] = minus(xs[c], top, log)


@loop
def log_softmax_gradient(y, gy, gx):
    """gx = gy - e^y sum(gy)."""
    for n in range(len(y)):
        gys, ys, gxs = gy[n], y[n], gx[n]
        total = y.dtype.type(sums.total(gys))
        for c in range(len(ys)):
            gxs[c] = gys[c] - elementary.exp(ys[c]) * total


@loop
def logsumexp(x, y):
    """y = top + log(total); infinite where that is."""
    spare = np.empty_like(x[0])
    for n in range(len(x)):
        y[n] = log_total(*_top_and_total(x[n], spare))


@loop
def logsumexp_gradient(x, gx, gy, y):
    """gx = gy e^(x - y); 0 where both are -inf."""
    number = x.dtype.type
    for n in range(len(x)):
        xs, gxs, g = x[n], gx[n], gy[n]
        shift = y[n] if y[n] != -math.inf else number(0)
        for c in range(len(xs)):
            gxs[c] = g * elementary.exp(xs[c] - shift)


@loop
def label_losses(x, t, losses, tops, totals):
    """-log(softmax(x)[t]) of each row, and what its gradient needs."""
    spare = np.empty_like(x[0])
    for n in range(len(x)):
        top, total = _top_and_total(x[n], spare)
        losses[n] = (top - x[n, t[n]]) + elementary.log(total)
        tops[n], totals[n] = top, total


@loop
def label_gradient(x, gx, t, tops, totals, scale):
    """gx = (softmax(x) - one-hot) scale."""
    number = x.dtype.type
    for n in range(len(x)):
        xs, gxs, top = x[n], gx[n], tops[n]
        factor = number(scale[n] / totals[n])
        for c in range(len(xs)):
            gxs[c] = elementary.exp(xs[c] - top) * factor
        gxs[t[n]] -= scale[n]


@formula
def _top_and_total(xs, es):
    """What to subtract from a row before exp, and the sum, in float64; e^(x - top) is written to ``es``."""
    top = xs.dtype.type(0)
    total = _exponentials(xs, top, es)
    if total < LEAST or total > MOST:
        top = _largest(xs)
        total = _exponentials(xs, top, es)
    return top, total


@formula
def _exponentials(xs, top, es):
    total = 0.0
    for start in range(0, len(xs), _BLOCK):
        x, e = xs[start : start + _BLOCK], es[start : start + _BLOCK]
        of_block = xs.dtype.type(0)
        for c in range(len(x)):
            power = elementary.exp(x[c] - top)
            e[c] = power
            of_block += power
        total += of_block
    return total


@loop
def _largest(xs):
    found = np.full(_LANES, -math.inf, xs.dtype)
    whole = len(xs) // _LANES * _LANES
    for start in range(0, whole, _LANES):
        x = xs[start : start + _LANES]
        for c in range(_LANES):
            found[c] = x[c] if x[c] > found[c] else found[c]
    top = found[0]
    for c in range(1, _LANES):
        top = max(top, found[c])
    for c in range(whole, len(xs)):
        top = max(top, xs[c])
    return top


@formula
def log_total(top, total):
    return top if abs(top) == math.inf else type(top)(top + elementary.log(total))


@exact
def minus(x, top, log):
    return (x - top) - log  # in this order: both may be large
