"""Knows Winograd's transforms as loops over tiles, V channels at a time; see ``kernels/winograd.py``.

The points are 0, p, -p, q, -q and infinity. What a line has at p and at -p differs in the sign of its odd part alone:
so two points cost little more than one. ``numbers`` has p and q and what is made of them, in the order below.

Images (n, H, W, C) and transformed tiles (6, 6, T, C) are vectors. ``memory`` has room for a tile that was transformed
in one direction, (6, 6, V), and for one at the border, (6, 6, V).
"""

from __future__ import annotations

from .jit import inline, loop
from .vectors import add, filled, load, multiply_add, store, zeros

V = 16  # no network has fewer channels where this way pays
TILE = 6 * 6 * V

P, P2, P3, MINUS_P, MINUS_P2 = 0, 1, 2, 3, 4
Q, Q2, Q3, MINUS_Q, MINUS_Q2 = 5, 6, 7, 8, 9
MINUS_P2_Q2, MINUS_ONE = 10, 11  # -(p^2 + q^2), -1


@loop
def see(x, v, K, sizes, numbers, memory, start, stop):
    """v = B d B^T for the tiles d (6, 6) of an image x, or A^T d A for tiles (4, 4) of a result: ``K`` is 6 or 4.

    For rows ``start`` to ``stop`` of all n * TH rows of tiles. ``sizes`` is H, W, C, TH, TW, and the row and column of
    the image at which the first tile begins.
    """
    H, W, C, TH, TW, first_row, first_column = sizes
    plane = len(v) // 36
    for r in range(start, stop):
        top = r % TH * 4 + first_row
        for t in range(TW):
            left = t * 4 + first_column
            inside = min(top, left) >= 0 and top + K <= H and left + K <= W
            for part in range(0, C, V):
                c = min(part, C - V)
                at, to = ((r // TH * H + top) * W + left) * C + c, (r * TW + t) * C + c
                if inside:
                    _see_tile(x, at, W * C, C, K, memory, v, to, plane, numbers)
                else:
                    _copy_tile(x, at, W * C, C, K, top, left, H, W, memory)
                    _see_tile(memory, TILE, 6 * V, V, K, memory, v, to, plane, numbers)


@loop
def read_off(m, b, y, sizes, numbers, memory, start, stop):
    """y = A m A^T + b for the transformed tiles m, in rows ``start`` to ``stop`` of all n * TH rows of tiles.

    ``sizes`` is H, W, C, TH, TW of the image y, and its row and column at which the first tile begins.
    """
    H, W, C, TH, TW, first_row, first_column = sizes
    plane = len(m) // 36
    for r in range(start, stop):
        top = r % TH * 4 + first_row
        for t in range(TW):
            left = t * 4 + first_column
            for part in range(0, C, V):
                c = min(part, C - V)
                at, to = (r * TW + t) * C + c, ((r // TH * H + top) * W + left) * C + c
                for l in range(6):
                    y0, y1, y2, y3 = _results(m, at + l * plane, 6 * plane, numbers)
                    store(memory, l * V, y0)
                    store(memory, (6 + l) * V, y1)
                    store(memory, (12 + l) * V, y2)
                    store(memory, (18 + l) * V, y3)
                bias, width = load(b, c, V), min(4, W - left)
                for i in range(min(4, H - top)):
                    y0, y1, y2, y3 = _results(memory, i * 6 * V, V, numbers)
                    out = to + i * W * C
                    store(y, out, add(y0, bias))
                    if width > 1:
                        store(y, out + C, add(y1, bias))
                    if width > 2:
                        store(y, out + 2 * C, add(y2, bias))
                    if width > 3:
                        store(y, out + 3 * C, add(y3, bias))


@inline
def _see_tile(x, at, down, across, K, memory, v, to, plane, numbers):
    if K == 6:
        for j in range(6):
            v0, v1, v2, v3, v4, v5 = _points_of_six(x, at + j * across, down, numbers)
            _put(memory, j * V, 6 * V, v0, v1, v2, v3, v4, v5)
        for k in range(6):
            v0, v1, v2, v3, v4, v5 = _points_of_six(memory, k * 6 * V, V, numbers)
            _put(v, to + k * 6 * plane, plane, v0, v1, v2, v3, v4, v5)
    else:
        for j in range(4):
            v0, v1, v2, v3, v4, v5 = _points_of_four(x, at + j * across, down, numbers)
            _put(memory, j * V, 6 * V, v0, v1, v2, v3, v4, v5)
        for k in range(6):
            v0, v1, v2, v3, v4, v5 = _points_of_four(memory, k * 6 * V, V, numbers)
            _put(v, to + k * 6 * plane, plane, v0, v1, v2, v3, v4, v5)


@inline
def _copy_tile(x, at, down, across, K, top, left, H, W, memory):
    """A tile that is not all in the image, with zeros for the rest."""
    for i in range(K):
        for j in range(K):
            to = TILE + (i * 6 + j) * V
            if 0 <= top + i < H and 0 <= left + j < W:
                store(memory, to, load(x, at + i * down + j * across, V))
            else:
                store(memory, to, zeros(x, V))


@inline
def _put(v, i, step, v0, v1, v2, v3, v4, v5):
    store(v, i, v0)
    store(v, i + step, v1)
    store(v, i + 2 * step, v2)
    store(v, i + 3 * step, v3)
    store(v, i + 4 * step, v4)
    store(v, i + 5 * step, v5)


@inline
def _points_of_six(x, i, step, numbers):
    """B d for a line d of the image."""
    d0, d1, d2 = load(x, i, V), load(x, i + step, V), load(x, i + 2 * step, V)
    d3, d4, d5 = load(x, i + 3 * step, V), load(x, i + 4 * step, V), load(x, i + 5 * step, V)
    minus_p2, minus_q2 = filled(numbers, MINUS_P2, V), filled(numbers, MINUS_Q2, V)
    both = filled(numbers, MINUS_P2_Q2, V)
    even, odd = multiply_add(d2, minus_q2, d4), multiply_add(d1, minus_q2, d3)
    v1 = multiply_add(odd, filled(numbers, P, V), even)
    v2 = multiply_add(odd, filled(numbers, MINUS_P, V), even)
    even, odd = multiply_add(d2, minus_p2, d4), multiply_add(d1, minus_p2, d3)
    v3 = multiply_add(odd, filled(numbers, Q, V), even)
    v4 = multiply_add(odd, filled(numbers, MINUS_Q, V), even)
    return multiply_add(d2, both, add(d4, d0)), v1, v2, v3, v4, multiply_add(d3, both, add(d5, d1))  # as p^2 q^2 = 1


@inline
def _points_of_four(x, i, step, numbers):
    """A^T d for a line d of a result."""
    d0, d1, d2, d3 = load(x, i, V), load(x, i + step, V), load(x, i + 2 * step, V), load(x, i + 3 * step, V)
    p2, q2 = filled(numbers, P2, V), filled(numbers, Q2, V)
    even, odd = multiply_add(d2, p2, d0), multiply_add(d3, p2, d1)
    v1 = multiply_add(odd, filled(numbers, P, V), even)
    v2 = multiply_add(odd, filled(numbers, MINUS_P, V), even)
    even, odd = multiply_add(d2, q2, d0), multiply_add(d3, q2, d1)
    v3 = multiply_add(odd, filled(numbers, Q, V), even)
    v4 = multiply_add(odd, filled(numbers, MINUS_Q, V), even)
    return d0, v1, v2, v3, v4, d3


@inline
def _results(m, i, step, numbers):
    """A m for a line m of products."""
    m0, m1, m2 = load(m, i, V), load(m, i + step, V), load(m, i + 2 * step, V)
    m3, m4, m5 = load(m, i + 3 * step, V), load(m, i + 4 * step, V), load(m, i + 5 * step, V)
    minus = filled(numbers, MINUS_ONE, V)
    even_p, odd_p, even_q, odd_q = add(m1, m2), multiply_add(m2, minus, m1), add(m3, m4), multiply_add(m4, minus, m3)
    y0 = add(add(even_p, even_q), m0)
    y1 = multiply_add(odd_p, filled(numbers, P, V), multiply_add(odd_q, filled(numbers, Q, V), zeros(m, V)))
    y2 = multiply_add(even_p, filled(numbers, P2, V), multiply_add(even_q, filled(numbers, Q2, V), zeros(m, V)))
    y3 = multiply_add(odd_p, filled(numbers, P3, V), multiply_add(odd_q, filled(numbers, Q3, V), m5))
    return y0, y1, y2, y3
