"""Knows depthwise convolution as loops that keep the sums of four pixels, for as many channels as fit, in registers.

Images have the channels last, as vectors. What each row (or column) of the result meets is arithmetic: its m-th meeting
is of the row ``first + m * step`` of the image and the place ``place + m * step of places`` of the filter.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from .jit import inline, loop
from .vectors import load, multiply_add, store


@inline
def _one(x, i, to_column, W, w, to_place, count, s, V):
    """One pixel's sum with what it meets in one row."""
    for _ in range(count):
        s = multiply_add(load(W, w, V), load(x, i, V), s)
        i += to_column
        w += to_place
    return s


@inline
def _four(x, i, dx, to_column, W, w, to_place, count, s0, s1, s2, s3, V):
    """The sums of four pixels with what they meet in one row: each number of the filter is read once."""
    for _ in range(count):
        tap = load(W, w, V)
        s0, s1 = multiply_add(tap, load(x, i, V), s0), multiply_add(tap, load(x, i + dx, V), s1)
        s2, s3 = multiply_add(tap, load(x, i + 2 * dx, V), s2), multiply_add(tap, load(x, i + 3 * dx, V), s3)
        i += to_column
        w += to_place
    return s0, s1, s2, s3


@inline
def _four_neighbours(x, i, to_column, W, w, to_place, count, s0, s1, s2, s3, V):
    """``_four`` where what a pixel meets now, the one before meets next: each number of the image is read once too."""
    x0, x1, x2 = load(x, i, V), load(x, i + to_column, V), load(x, i + 2 * to_column, V)
    i += 3 * to_column
    for _ in range(count):
        tap, x3 = load(W, w, V), load(x, i, V)
        s0, s1 = multiply_add(tap, x0, s0), multiply_add(tap, x1, s1)
        s2, s3 = multiply_add(tap, x2, s2), multiply_add(tap, x3, s3)
        x0, x1, x2 = x1, x2, x3
        i += to_column
        w += to_place
    return s0, s1, s2, s3


@cache
def convolve(V: int, row: int) -> Any:
    """The loop for V channels at a time.

    Where ``row`` is not 0, what a pixel meets now, the one before meets next, and most pixels meet so many columns: the
    compiler then writes them out.

    y = b + the sum over all places that a filter meets of W there times x there, for the rows from ``start`` to
    ``stop`` of all N * OH.

    Args of the loop:
        x, W, b, y: (N, H, Wd, C), (KH, KW, C), (C,) and (N, OH, OW, C), as vectors.
        sizes: H, Wd, KW, OH, OW, C.
        steps: From one meeting to the next: rows of x, rows of W, columns of x, columns of W. From one pixel of a group
            to the next: columns of y, columns of x.
        down, across: (OH, 3) and (OW, 3), of the first meeting the row or column of the image, the place in the filter,
            and how many meetings there are.
        groups: (G, 2), a column, and whether it and three more, with as many meetings, make a group.
    """

    @loop
    def convolve(x, W, b, y, sizes, steps, down, across, groups, start, stop):
        H, Wd, KW, OH, OW, C = sizes
        to_row, to_places, to_column, to_place = steps[0] * Wd * C, steps[1] * KW * C, steps[2] * C, steps[3] * C
        dy, dx = steps[4] * C, steps[5] * C
        for r in range(start, stop):
            first_row, k, rows = down[r % OH]
            for j, is_group in groups:
                first_column, l, columns = across[j]
                at = ((r // OH * H + first_row) * Wd + first_column) * C
                place, out = (k * KW + l) * C, (r * OW + j) * C
                for part in range(0, C, V):
                    c = min(part, C - V)
                    s0 = load(b, c, V)
                    i, w = at + c, place + c
                    if is_group:
                        s1, s2, s3 = s0, s0, s0
                        for _ in range(rows):
                            if row > 0 and columns == row:  # with no columns the four would be read from beyond x
                                s0, s1, s2, s3 = _four_neighbours(
                                    x, i, to_column, W, w, to_place, row, s0, s1, s2, s3, V
                                )
                            else:
                                s0, s1, s2, s3 = _four(x, i, dx, to_column, W, w, to_place, columns, s0, s1, s2, s3, V)
                            i += to_row
                            w += to_places
                        store(y, out + c + dy, s1)
                        store(y, out + c + 2 * dy, s2)
                        store(y, out + c + 3 * dy, s3)
                    else:
                        for _ in range(rows):
                            s0 = _one(x, i, to_column, W, w, to_place, columns, s0, V)
                            i += to_row
                            w += to_places
                    store(y, out + c, s0)

    return convolve


@cache
def weigh(V: int, neighbours: bool) -> Any:
    """The loop for the gradient by the filters, V channels at a time.

    ``neighbours`` says that what a place of the filter meets now, the one before meets next.

    gW = the sum of gy times what a place of the filter met, added to ``gW`` for the rows from ``start`` to ``stop``.

    Args of the loop:
        x, gy: (N, H, Wd, C) and (N, OH, OW, C), as vectors.
        gW: (KH, KW, B, V) as a vector: B registers of V channels, of which the last ends with the last channel.
        sizes: H, Wd, KW, OH, OW, C.
        steps: From one meeting to the next: rows of x, columns of x. From one pixel to the next: columns of x.
        down: (OH, 3), of the first meeting the row of the image, the place in the filter, and how many there are.
        ends: (KW + 3, 3), for each place in a row, and three more to the right, the first pixel that meets a column,
            the first that no longer does, and the column that pixel 0 would meet.
    """

    @loop
    def weigh(x, gy, gW, sizes, steps, down, ends, start, stop):
        H, Wd, KW, OH, OW, C = sizes
        B = (C + V - 1) // V
        to_place, to_pixel = steps[1] * C, steps[2] * C
        for r in range(start, stop):
            first_row, k, rows = down[r % OH]
            for m in range(rows):
                row = (r // OH * H + first_row + m * steps[0]) * Wd * C
                for block in range(B):
                    c = min(block * V, C - V)
                    of_gy, to_gW = r * OW * C + c, ((k + m) * KW * B + block) * V
                    for l in range(0, KW, 4):
                        first, last = ends[l, 0], max(ends[l, 0], ends[l + 3, 1])
                        few = min(4, KW - l)
                        g, i = of_gy + first * C, row + c + ends[l, 2] * C + first * to_pixel
                        s0 = load(gW, to_gW, V)
                        s1 = load(gW, to_gW + min(1, few - 1) * B * V, V)
                        s2 = load(gW, to_gW + min(2, few - 1) * B * V, V)
                        s3 = load(gW, to_gW + min(3, few - 1) * B * V, V)
                        if neighbours and first < last:
                            x0, x1, x2 = load(x, i, V), load(x, i + to_place, V), load(x, i + 2 * to_place, V)
                            i += 3 * to_place
                            for _ in range(first, last):
                                pixel, x3 = load(gy, g, V), load(x, i, V)
                                s0, s1 = multiply_add(pixel, x0, s0), multiply_add(pixel, x1, s1)
                                s2, s3 = multiply_add(pixel, x2, s2), multiply_add(pixel, x3, s3)
                                x0, x1, x2 = x1, x2, x3
                                i += to_pixel
                                g += C
                        else:
                            for _ in range(first, last):
                                pixel = load(gy, g, V)
                                s0 = multiply_add(pixel, load(x, i, V), s0)
                                s1 = multiply_add(pixel, load(x, i + to_place, V), s1)
                                s2 = multiply_add(pixel, load(x, i + 2 * to_place, V), s2)
                                s3 = multiply_add(pixel, load(x, i + 3 * to_place, V), s3)
                                i += to_pixel
                                g += C
                        if few > 3:
                            store(gW, to_gW + 3 * B * V, s3)
                        if few > 2:
                            store(gW, to_gW + 2 * B * V, s2)
                        if few > 1:
                            store(gW, to_gW + B * V, s1)
                        store(gW, to_gW, s0)
                        for place in range(l, l + few):
                            s = load(gW, to_gW, V)
                            begin, end, column = ends[place]
                            g, i = of_gy, row + c + column * C
                            for j in range(begin, min(first, end)):
                                s = multiply_add(load(gy, g + j * C, V), load(x, i + j * to_pixel, V), s)
                            for j in range(max(last, begin), end):
                                s = multiply_add(load(gy, g + j * C, V), load(x, i + j * to_pixel, V), s)
                            store(gW, to_gW, s)
                            to_gW += B * V

    return weigh
