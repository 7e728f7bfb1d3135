"""Knows softmax, its logarithm and its cross entropy with labels as loops over the rows of a matrix.

Of most rows e^x neither overflows nor vanishes: its sum tells. Only the others are gone through once more, to subtract
their largest number before exp.
"""

from __future__ import annotations

import math

import numpy as np

from . import elementary
from .jit import exact, formula, loop

_BLOCK = 1024  # elements of a row that are summed up in their own precision; the sums of the blocks in float64
_LEAST, _MOST = 1e-6, 1e30  # of a sum of e^x that needs no shift
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
def softmax_gradient(gy, y, gx):
    """gx = y (gy - sum(gy y))."""
    for n in range(len(y)):
        gys, ys, gxs = gy[n], y[n], gx[n]
        mean = _dot(gys, ys)
        for c in range(len(ys)):
            gxs[c] = ys[c] * (gys[c] - mean)


@loop
def log_softmax(x, y):
    """y = x - top - log(total)."""
    number = x.dtype.type
    for n in range(len(x)):
        xs, ys = x[n], y[n]
        top, total = _top_and_total(xs, ys)
        log_total = number(math.log(total))
        for c in range(len(xs)):
            ys[c] = _minus(xs[c], top, log_total)


@loop
def log_softmax_gradient(gy, y, gx):
    """gx = gy - e^y sum(gy)."""
    for n in range(len(y)):
        gys, ys, gxs = gy[n], y[n], gx[n]
        total = _sum(gys)
        for c in range(len(ys)):
            gxs[c] = gys[c] - elementary.exp(ys[c]) * total


@loop
def logsumexp(x, y):
    """y = top + log(total); infinite where that is."""
    spare = np.empty_like(x[0])
    for n in range(len(x)):
        y[n] = _log_total(*_top_and_total(x[n], spare))


@loop
def logsumexp_gradient(gy, x, y, gx):
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
        losses[n] = (top - x[n, t[n]]) + math.log(total)
        tops[n], totals[n] = top, total


@loop
def label_gradient(x, t, tops, totals, scale, gx):
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
    if total < _LEAST or total > _MOST:
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
def _log_total(top, total):
    return top if abs(top) == math.inf else type(top)(top + math.log(total))


@exact
def _minus(x, top, log_total):
    return (x - top) - log_total  # in this order: both may be large


@formula
def _sum(xs):
    total = 0.0
    for start in range(0, len(xs), _BLOCK):
        x = xs[start : start + _BLOCK]
        of_block = xs.dtype.type(0)
        for c in range(len(x)):
            of_block += x[c]
        total += of_block
    return xs.dtype.type(total)


@formula
def _dot(xs, ys):
    total = 0.0
    for start in range(0, len(xs), _BLOCK):
        x, y = xs[start : start + _BLOCK], ys[start : start + _BLOCK]
        of_block = xs.dtype.type(0)
        for c in range(len(x)):
            of_block += x[c] * y[c]
        total += of_block
    return xs.dtype.type(total)
