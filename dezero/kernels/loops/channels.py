"""Knows what normalizations do with channels as loops: these are the columns of a matrix, or its rows.

What a loop adds up, it adds up for a block of rows at a time, or of a row at a time: few numbers are lost in a large
sum, and the result does not depend on who computes which block. ``start`` and ``stop`` say which blocks are computed.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from .jit import inline, loop
from .vectors import add, load, multiply_add, store, zeros

_STRETCH = 4096  # numbers that are added up in the precision of the array


# Channels are columns. A sample has so many ``rows``, in blocks of ``step``; a batch counts as one sample. What belongs
# to channels has a row for each sample.


@inline
def _block(k, rows, step):
    """The sample of the ``k``-th block, its first row and the one behind its last."""
    blocks = -(-rows // step)
    n = k // blocks
    first = n * rows + k % blocks * step
    return n, first, min(first + step, (n + 1) * rows)


@cache
def sums_of_columns(V: int) -> Any:
    """The loop that adds up V columns at a time in registers: they are one row, or several strips, V or wider.

    Of each column it takes the sums of g and of g h, where g = gy + to_gy and h = x + to_x.
    """

    @loop
    def sums_of_columns(gy, x, to_gy, to_x, rows, step, totals, products, start, stop):
        width = x.shape[1]
        gs, xs = gy.reshape(-1), x.reshape(-1)
        for k in range(start, stop):
            n, first, last = _block(k, rows, step)
            for strip in range(0, width, V):
                j = min(strip, width - V)
                to_g, to_h = load(to_gy[n], j, V), load(to_x[n], j, V)
                total = product = zeros(x, V)
                for i in range(first * width + j, last * width, width):
                    g = add(load(gs, i, V), to_g)
                    total = add(total, g)
                    product = multiply_add(g, add(load(xs, i, V), to_h), product)
                store(totals[k], j, total)
                store(products[k], j, product)

    return sums_of_columns


@loop
def sums_of_columns_by_row(gy, x, to_gy, to_x, rows, step, totals, products, start, stop):
    """The same sums, in memory: rows are read from end to end, as they come fastest from beyond the cache."""
    zero = x.dtype.type(0)
    for k in range(start, stop):
        n, first, last = _block(k, rows, step)
        to_g, to_h, total, product = to_gy[n], to_x[n], totals[k], products[k]
        total[:] = zero
        product[:] = zero
        for i in range(first, last):
            gi, xi = gy[i], x[i]
            for j in range(len(xi)):
                g = gi[j] + to_g[j]
                total[j] += g
                product[j] += g * (xi[j] + to_h[j])


@loop
def normalize_columns(x, centre, scale, shift, rows, step, y, start, stop):
    for k in range(start, stop):
        n, first, last = _block(k, rows, step)
        c, a, b = centre[n], scale[n], shift[n]
        for i in range(first, last):
            xi, yi = x[i], y[i]
            for j in range(len(xi)):
                yi[j] = (xi[j] - c[j]) * a[j] + b[j]


@loop
def gradient_of_columns(gy, x, centre, scale, slope, shift, rows, step, gx, start, stop):
    for k in range(start, stop):
        n, first, last = _block(k, rows, step)
        c, a, s, b = centre[n], scale[n], slope[n], shift[n]
        for i in range(first, last):
            gi, xi, gxi = gy[i], x[i], gx[i]
            for j in range(len(xi)):
                gxi[j] = gi[j] * a[j] + (xi[j] - c[j]) * s[j] + b[j]


# Channels are rows, one sample's behind the other's. What belongs to channels is (samples C,) or (C,).


@loop
def sums_of_rows(gy, x, to_gy, to_x, totals, products, start, stop):
    zero = x.dtype.type(0)
    for i in range(start, stop):
        gi, xi, to_g, to_h = gy[i], x[i], to_gy[i % len(to_x)], to_x[i % len(to_x)]
        total, product = 0.0, 0.0
        for low in range(0, len(xi), _STRETCH):
            gs, xs, t, p = gi[low : low + _STRETCH], xi[low : low + _STRETCH], zero, zero
            for j in range(len(xs)):
                g = gs[j] + to_g
                t += g
                p += g * (xs[j] + to_h)
            total += t
            product += p
        totals[i], products[i] = total, product


@loop
def normalize_rows(x, centre, scale, shift, y, start, stop):
    for i in range(start, stop):
        which = i % len(centre)
        xi, yi, c, a, b = x[i], y[i], centre[which], scale[which], shift[which]
        for j in range(len(xi)):
            yi[j] = (xi[j] - c) * a + b


@loop
def gradient_of_rows(gy, x, centre, scale, slope, shift, gx, start, stop):
    for i in range(start, stop):
        which = i % len(centre)
        gi, xi, gxi, c, a, s, b = gy[i], x[i], gx[i], centre[which], scale[which], slope[which], shift[which]
        for j in range(len(xi)):
            gxi[j] = gi[j] * a + (xi[j] - c) * s + b
