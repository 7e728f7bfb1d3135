"""Knows sums as loops: of a vector, of products and of squares, and along the middle axis of three."""

from __future__ import annotations

from .jit import formula, loop

_BLOCK = 4096  # elements that are added up in their own precision; their sums in double


@loop
def total(x):
    """The sum of a vector, in float64."""
    found = 0.0
    for start in range(0, len(x), _BLOCK):
        xs, s = x[start : start + _BLOCK], x.dtype.type(0)
        for i in range(len(xs)):
            s += xs[i]
        found += s
    return found


@formula
def dot(x, y):
    """The sum of x y, in float64."""
    found = 0.0
    for start in range(0, len(x), _BLOCK):
        xs, ys, s = x[start : start + _BLOCK], y[start : start + _BLOCK], x.dtype.type(0)
        for i in range(len(xs)):
            s += xs[i] * ys[i]
        found += s
    return found


@formula
def squares(x, centre):
    """The sum of (x - centre)^2, in float64."""
    found = 0.0
    for start in range(0, len(x), _BLOCK):
        xs, s = x[start : start + _BLOCK], x.dtype.type(0)
        for i in range(len(xs)):
            s += (xs[i] - centre) * (xs[i] - centre)
        found += s
    return found


@loop
def cumsum(x, y):
    """y[:, i] = x[:, 0] + ... + x[:, i], of (M, n, K)."""
    for m in range(len(x)):
        xm, ym = x[m], y[m]  # (n, K)
        if x.shape[2] == 1:
            s = x.dtype.type(0)
            for i in range(len(xm)):
                s += xm[i, 0]
                ym[i, 0] = s
        else:
            ym[0] = xm[0]
            for i in range(1, len(xm)):
                before, xi, yi = ym[i - 1], xm[i], ym[i]  # (K,)
                for k in range(len(xi)):
                    yi[k] = before[k] + xi[k]


@loop
def cumsum_from_end(x, y):
    """y[:, i] = x[:, i] + ... + x[:, -1], of (M, n, K)."""
    last = x.shape[1] - 1
    for m in range(len(x)):
        xm, ym = x[m], y[m]  # (n, K)
        if x.shape[2] == 1:
            s = x.dtype.type(0)
            for i in range(last, -1, -1):
                s += xm[i, 0]
                ym[i, 0] = s
        else:
            ym[last] = xm[last]
            for i in range(last - 1, -1, -1):
                after, xi, yi = ym[i + 1], xm[i], ym[i]  # (K,)
                for k in range(len(xi)):
                    yi[k] = after[k] + xi[k]
