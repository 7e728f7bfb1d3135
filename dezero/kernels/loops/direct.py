"""Knows convolution with few channels as loops that copy no window: they keep the sums of some pixels in registers.

What some rows of the result are made of is cut out of the image, together with its margin of zeros, and stays in the
cache: (P, height, width) as a vector. P is C where the image lies in planes, (N, C, H, W). Otherwise it is 1, and the C
numbers of a pixel lie side by side. A window has each of its K numbers at one of ``offsets`` from its first. A register
has V results; OC results are B times V, of which the last end with OC.

``frame`` is what is cut out: (band, SH, PH, left, height, width), for how many rows of the result at a time, the stride
and the padding in rows, and how many zeros come before each row.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from .jit import loop
from .vectors import add, filled, load, multiply_add, store, zeros

LANES = 16  # numbers to copy at a time


@cache
def convolve(V: int) -> Any:
    """The loop for y = windows of x times W, plus b, for the rows from ``start`` to ``stop`` of all N * OH.

    Args of the loop:
        x: (N, P, H, L).
        W, b, y: (B, K, V), (OC,) and (N, OH, OW, OC), as vectors. OW is at least 4.
        offsets: (K,).
        step: From a window to the next, in numbers.
        sizes: OH, OW, OC.
        frame: See above.
        memory: For what is cut out. Zeros, of which the margins stay so.
    """

    @loop
    def convolve(x, W, b, y, offsets, step, sizes, frame, memory, start, stop):
        OH, OW, OC = sizes
        band, SH, _, _, _, width = frame
        row = start
        while row < stop:
            rows = min(band, stop - row, OH - row % OH)
            cut_out(x[row // OH], row % OH, frame, memory)
            for part in range(0, OC, V):
                o = min(part, OC - V)
                bias = load(b, o, V)
                for r in range(rows):
                    for four in range(0, OW, 4):
                        j = min(four, OW - 4)
                        window, w = r * SH * width + j * step, part * len(offsets)
                        s0, s1, s2, s3 = bias, bias, bias, bias
                        for offset in offsets:
                            i, tap = window + offset, load(W, w, V)
                            s0 = multiply_add(tap, filled(memory, i, V), s0)
                            s1 = multiply_add(tap, filled(memory, i + step, V), s1)
                            s2 = multiply_add(tap, filled(memory, i + 2 * step, V), s2)
                            s3 = multiply_add(tap, filled(memory, i + 3 * step, V), s3)
                            w += V
                        out = ((row + r) * OW + j) * OC + o
                        for s in s0, s1, s2, s3:
                            store(y, out, s)
                            out += OC
            row += rows

    return convolve


@cache
def weigh(V: int) -> Any:
    """The loop that adds windows of x times gy to ``gW``, for the rows from ``start`` to ``stop`` of all N * OH.

    Args of the loop:
        x: (N, P, H, L).
        gy, gW: (N, OH, OW, OC) and (B, A, 8, V), as vectors, for A times eight numbers of a window.
        offsets: (8 A,).
        step, sizes, frame, memory: As for ``convolve``.
    """

    @loop
    def weigh(x, gy, gW, offsets, step, sizes, frame, memory, start, stop):
        OH, OW, OC = sizes
        band, SH, _, _, _, width = frame
        row = start
        while row < stop:
            rows = min(band, stop - row, OH - row % OH)
            cut_out(x[row // OH], row % OH, frame, memory)
            to = 0
            for part in range(0, OC, V):
                first = row * OW * OC + min(part, OC - V)
                for k in range(0, len(offsets), 8):
                    k0, k1, k2, k3 = offsets[k], offsets[k + 1], offsets[k + 2], offsets[k + 3]
                    k4, k5, k6, k7 = offsets[k + 4], offsets[k + 5], offsets[k + 6], offsets[k + 7]
                    s0 = zeros(gy, V)  # not what gW has: long sums lose digits
                    s1, s2, s3, s4, s5, s6, s7 = s0, s0, s0, s0, s0, s0, s0
                    for r in range(rows):
                        i, pixel = r * SH * width, first + r * OW * OC
                        for _ in range(OW):
                            given = load(gy, pixel, V)
                            s0 = multiply_add(given, filled(memory, i + k0, V), s0)
                            s1 = multiply_add(given, filled(memory, i + k1, V), s1)
                            s2 = multiply_add(given, filled(memory, i + k2, V), s2)
                            s3 = multiply_add(given, filled(memory, i + k3, V), s3)
                            s4 = multiply_add(given, filled(memory, i + k4, V), s4)
                            s5 = multiply_add(given, filled(memory, i + k5, V), s5)
                            s6 = multiply_add(given, filled(memory, i + k6, V), s6)
                            s7 = multiply_add(given, filled(memory, i + k7, V), s7)
                            i += step
                            pixel += OC
                    for s in s0, s1, s2, s3, s4, s5, s6, s7:
                        store(gW, to, add(load(gW, to, V), s))
                        to += V
            row += rows

    return weigh


@loop
def cut_out(image, row, frame, memory):
    """Copies to ``memory`` what the rows of the result from ``row`` on are made of, zeros where there is no image."""
    P, H, L = image.shape
    _, SH, PH, left, height, width = frame
    numbers = image.reshape(-1)
    at = left
    for p in range(P):
        for h in range(row * SH - PH, row * SH - PH + height):
            if not 0 <= h < H:
                for i in range(L):
                    memory[at + i] = 0
            elif L < LANES:
                for i in range(L):
                    memory[at + i] = numbers[(p * H + h) * L + i]
            else:
                for start in range(0, L, LANES):
                    i = min(start, L - LANES)  # the last may overlap those before
                    store(memory, at + i, load(numbers, (p * H + h) * L + i, LANES))
            at += width
