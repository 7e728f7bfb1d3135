"""Knows how to keep some numbers of a vector and put zeros in place of the others, or scale whole rows, as loops."""

from __future__ import annotations

from .jit import loop


@loop
def keep_where(condition, x, y):
    zero = x.dtype.type(0)
    for i in range(len(x)):
        y[i] = x[i] if condition[i] else zero


@loop
def keep_where_above_zero(x, y, kept):
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for i in range(len(x)):
        kept[i] = x[i] * (one if y[i] > zero else zero)


@loop
def keep_above_zero(x, y):
    zero = x.dtype.type(0)
    for i in range(len(x)):
        y[i] = zero if x[i] <= zero else x[i]


@loop
def scale_rows(x, factors, y):
    for n in range(len(x)):
        xs, ys, factor = x[n], y[n], factors[n]
        for i in range(len(xs)):
            ys[i] = xs[i] * factor
