"""Knows linear maps of the rows and the columns of images as loops: a row of the result at a time.

Its rows are added up first, into one row that stays in the cache, and then the columns of that. Tables (T, O) say, as
vectors, from which T numbers on each of O results is made, and their weights. ``x`` is (A, H, n), A images of H rows of
n numbers, ``y`` (A*OH, m), ``sizes`` are OH and OW; ``start`` and ``stop`` are of all A*OH rows.
"""

from __future__ import annotations

import numpy as np

from .jit import formula, loop
from .vectors import filled, load, multiply_add, store, zeros

V = 16


@formula
def _add_up_pixels(x, first, places, weights, O, start, stop, y, at, B):
    """The pixels of ``y`` from ``at`` on = the results from ``start`` to ``stop``, of B numbers each.

    Places count from ``first`` on. B is V or more; where V does not divide it, the last register overlaps the one
    before.
    """
    T, zero = len(places) // O, zeros(x, V)
    for block in range(0, B, 2 * V):
        b, c = min(block, B - V), min(block + V, B - V)
        for j in range(start, stop):
            weight, i, k = filled(weights, j, V), first + places[j], at + (j - start) * B
            s0, s1 = multiply_add(weight, load(x, i + b, V), zero), multiply_add(weight, load(x, i + c, V), zero)
            for t in range(1, T):
                weight, i = filled(weights, t * O + j, V), first + places[t * O + j]
                s0, s1 = multiply_add(weight, load(x, i + b, V), s0), multiply_add(weight, load(x, i + c, V), s1)
            store(y, k + b, s0)
            store(y, k + c, s1)


@formula
def _add_up_rows(x, first, places, weights, O, o, y):
    """y = the o-th of O rows: the sum of its weights times as many numbers of ``x`` from ``first`` + its places on."""
    for t in range(len(places) // O):
        place, weight = first + places[t * O + o], weights[t * O + o]
        seen = x[place : place + len(y)]
        if t == 0:
            for i in range(len(y)):
                y[i] = weight * seen[i]
        else:
            for i in range(len(y)):
                y[i] += weight * seen[i]


@formula
def _add_up_numbers(x, places, weights, y):
    """y = for each number the sum of its weights times those of ``x`` at its places."""
    m = len(y)
    if len(places) == m:
        if len(x) == 1:  # without looking up where: two to three times as fast
            number = x[0]
            for j in range(m):
                y[j] = weights[j] * number
        else:
            for j in range(m):
                y[j] = weights[j] * x[places[j]]
        return
    to_second, second = places[m:], weights[m:]
    for j in range(m):
        y[j] = weights[j] * x[places[j]] + second[j] * x[to_second[j]]
    for t in range(2, len(places) // m):
        to_other, other = places[t * m :], weights[t * m :]
        for j in range(m):
            y[j] += other[j] * x[to_other[j]]


@formula
def _copy(y, first, at, m):
    """Writes m numbers of ``y`` once more, a register at a time: of one vector, the compiler would take one by one."""
    if m < V:
        for j in range(m):
            y[at + j] = y[first + j]
    for block in range(0, m if m >= V else 0, V):
        j = min(block, m - V)
        store(y, at + j, load(y, first + j, V))


@formula
def _is_alone(places, weights, o, OH):
    """Whether row ``o`` of the result is one of x."""
    return len(places) == OH and weights[o] == 1


@formula
def _is_repeated(places, weights, o, OH):
    """Whether row ``o`` of the result is the one before it."""
    return o > 0 and len(places) == OH and places[o] == places[o - 1] and weights[o] == weights[o - 1]


@loop
def resample_pixels(x, rows, row_weights, columns, column_weights, y, sizes, start, stop):
    """For pixels of V numbers or more, which are taken as vectors."""
    (OH, OW), (_, H, n), m = sizes, x.shape, y.shape[1]
    B, x, y, memory = m // OW, x.reshape(-1), y.reshape(-1), np.empty(n, x.dtype)
    for r in range(start, stop):
        first, o, at = r // OH * H * n, r % OH, r * m
        if r > start and _is_repeated(rows, row_weights, o, OH):
            _copy(y, at - m, at, m)
        elif _is_alone(rows, row_weights, o, OH):
            _add_up_pixels(x, first + rows[o], columns, column_weights, OW, 0, OW, y, at, B)
        else:
            _add_up_pixels(x, first, rows, row_weights, OH, o, o + 1, memory, 0, n)
            _add_up_pixels(memory, 0, columns, column_weights, OW, 0, OW, y, at, B)


@loop
def resample_numbers(x, rows, row_weights, columns, column_weights, y, sizes, start, stop):
    """For pixels of fewer numbers: each of a pixel counts as a column of its own."""
    (OH, _), (_, H, n), m = sizes, x.shape, y.shape[1]
    x, y, memory = x.reshape(-1), y.reshape(-1), np.empty(n, x.dtype)
    for r in range(start, stop):
        first, o, at = r // OH * H * n, r % OH, r * m
        if r > start and _is_repeated(rows, row_weights, o, OH):
            _copy(y, at - m, at, m)
        elif _is_alone(rows, row_weights, o, OH):
            row = first + rows[o]
            _add_up_numbers(x[row : row + n], columns, column_weights, y[at : at + m])
        else:
            _add_up_rows(x, first, rows, row_weights, OH, o, memory)
            _add_up_numbers(memory, columns, column_weights, y[at : at + m])
