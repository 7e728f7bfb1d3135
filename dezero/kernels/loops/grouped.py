"""Knows convolution in groups of few channels as loops that keep the sums of four pixels in registers.

A register has V results of a group, for one pixel. Images have the channels last, as vectors. What meets is arithmetic,
see ``kernels/meetings.py``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from .jit import loop
from .vectors import add, filled, load, multiply_add, store, zeros


@cache
def convolve(ins: int, V: int) -> Any:
    """The loop for groups of ``ins`` channels, V results at a time.

    y = b + the sum over all places that a filter meets, and over the channels of its group, of W times x there, for the
    rows from ``start`` to ``stop`` of all N * OH.

    Args of the loop:
        x, W, b, y: (N, H, Wd, C), (G, KH, KW, C/G, OC/G), (OC,) and (N, OH, OW, OC), as vectors.
        sizes: H, Wd, KH, KW, OH, OW, G, OC/G.
        steps: From one meeting to the next: rows of x, rows of W, columns of x, columns of W. From one pixel of a group
            of pixels to the next: columns of y, columns of x.
        down, across: (OH, 3) and (OW, 3), of the first meeting the row or column of the image, the place in the filter,
            and how many meetings there are.
        fours: (P, 2), a column, and whether it and three more, with as many meetings, are taken together.
    """

    @loop
    def convolve(x, W, b, y, sizes, steps, down, across, fours, start, stop):
        H, Wd, KH, KW, OH, OW, G, outs = sizes
        C, OC = G * ins, G * outs
        to_row, to_places = steps[0] * Wd * C, steps[1] * KW * ins * outs
        to_column, to_place = steps[2] * C, steps[3] * ins * outs
        dy, dx = steps[4] * OC, steps[5] * C
        last = (ins - 1) * outs
        for r in range(start, stop):
            first_row, k, rows = down[r % OH]
            for g in range(G):
                for part in range(0, outs, V):
                    o = min(part, outs - V)
                    for j, is_four in fours:
                        first_column, l, columns = across[j]
                        at = ((r // OH * H + first_row) * Wd + first_column) * C + g * ins
                        place, out = ((g * KH + k) * KW + l) * ins * outs + o, (r * OW + j) * OC + g * outs + o
                        s0 = load(b, g * outs + o, V)
                        if is_four:
                            s1, s2, s3 = s0, s0, s0
                            for m in range(rows):
                                i, w = at + m * to_row, place + m * to_places
                                for _ in range(columns):
                                    for c in range(ins):
                                        tap = load(W, w + c * outs, V)
                                        s0 = multiply_add(tap, filled(x, i + c, V), s0)
                                        s1 = multiply_add(tap, filled(x, i + c + dx, V), s1)
                                        s2 = multiply_add(tap, filled(x, i + c + 2 * dx, V), s2)
                                        s3 = multiply_add(tap, filled(x, i + c + 3 * dx, V), s3)
                                    i += to_column
                                    w += to_place
                            store(y, out + dy, s1)
                            store(y, out + 2 * dy, s2)
                            store(y, out + 3 * dy, s3)
                        else:  # one pixel's sum in two parts, so that one is added to while the other waits
                            s1 = zeros(x, V)
                            for m in range(rows):
                                i, w = at + m * to_row, place + m * to_places
                                for _ in range(columns):
                                    for c in range(0, ins - 1, 2):
                                        s0 = multiply_add(load(W, w + c * outs, V), filled(x, i + c, V), s0)
                                        s1 = multiply_add(load(W, w + (c + 1) * outs, V), filled(x, i + c + 1, V), s1)
                                    if ins % 2:
                                        s0 = multiply_add(load(W, w + last, V), filled(x, i + ins - 1, V), s0)
                                    i += to_column
                                    w += to_place
                            s0 = add(s0, s1)
                        store(y, out, s0)

    return convolve


@cache
def weigh(V: int) -> Any:
    """The loop for the gradient by the filters, for V results of a group with four of its channels at a time.

    gW = the sum of gy times what a place of the filter met, added to ``gW`` for the rows from ``start`` to ``stop``.

    Args of the loop:
        x, gy: (N, H, Wd, C) and (N, OH, OW, OC), as vectors.
        gW: (G, KH, KW, A, B, 4, V) as a vector: A times four channels and B times V results, of which the last end with
            the group.
        sizes: H, Wd, KH, KW, OH, OW, G, C/G, OC/G.
        steps: From one meeting to the next: rows of x. From one pixel to the next: columns of x.
        down: (OH, 3), of the first meeting the row of the image, the place in the filter, and how many there are.
        ends: (KW, 3), for each place in a row the first pixel that meets a column, the first that no longer does, and
            the column that pixel 0 would meet.
        band: How many rows to take before going to the next place.
    """

    @loop
    def weigh(x, gy, gW, sizes, steps, down, ends, band, start, stop):
        H, Wd, KH, KW, OH, OW, G, ins, outs = sizes
        C, OC, to_pixel = G * ins, G * outs, steps[1] * G * ins
        for top in range(start, stop, band):
            to = 0
            for g in range(G):
                for k in range(KH):
                    for l in range(KW):
                        first, last, column = ends[l]
                        for four in range(0, ins, 4):
                            c = g * ins + min(four, ins - 4)
                            for part in range(0, outs, V):
                                o = g * outs + min(part, outs - V)
                                s0, s1 = load(gW, to, V), load(gW, to + V, V)
                                s2, s3 = load(gW, to + 2 * V, V), load(gW, to + 3 * V, V)
                                for r in range(top, min(stop, top + band)):
                                    row, met, rows = down[r % OH]
                                    if met <= k < met + rows:
                                        row += r // OH * H + (k - met) * steps[0]
                                        i = (row * Wd + column) * C + first * to_pixel + c
                                        out = (r * OW + first) * OC + o
                                        for _ in range(first, last):
                                            pixel = load(gy, out, V)
                                            s0 = multiply_add(filled(x, i, V), pixel, s0)
                                            s1 = multiply_add(filled(x, i + 1, V), pixel, s1)
                                            s2 = multiply_add(filled(x, i + 2, V), pixel, s2)
                                            s3 = multiply_add(filled(x, i + 3, V), pixel, s3)
                                            i += to_pixel
                                            out += OC
                                store(gW, to, s0)
                                store(gW, to + V, s1)
                                store(gW, to + 2 * V, s2)
                                store(gW, to + 3 * V, s3)
                                to += 4 * V

    return weigh
