"""Knows convolution as loops over images: copy some windows, or add some up, and a matrix product while they are near.

Images lie with their channels last, (N, H, W, C). The windows of some rows of one image, or of a part of one row, make
a matrix (windows, K) with K = KH * KW * C. It is written into ``memory`` and is small enough to stay in the cache of
one core.

``place`` is (KH, KW, SH, SW, PH, PW, DH, DW): the kernel, the stride, the padding and the dilation. ``block`` is how
many rows of windows to take at a time, and how many of each: all of them, or some of one row.
"""

from __future__ import annotations

from .jit import add_product, formula, has_product, inline, loop, product
from .vectors import load, store

__all__ = ["conv2d", "conv2d_weight", "deconv2d", "has_product"]

V = 16  # numbers to copy at a time


@loop
def conv2d(x, taps, b, y, block, place, memory, start, stop):
    """y = windows of x times taps (K, OC), plus b (OC,), for rows ``start`` to ``stop`` of the N * OH of ``y``."""
    _, OH, OW, OC = y.shape
    K = len(taps)
    pixels = y.reshape(-1, OC)
    row = start
    while row < stop:
        rows = _band(OH, block, row, stop)
        image, top = x[row // OH], row % OH
        for left in range(0, OW, block[1]):
            width = min(block[1], OW - left)
            M = rows * width
            out = pixels[row * OW + left : row * OW + left + M]
            for i in range(M):
                pixel = out[i]
                for c in range(OC):
                    pixel[c] = b[c]
            cols = memory[: M * K]
            if x.shape[3] == 1:
                _copy_planes(image, cols, top, left, width, place)
                add_product(cols.reshape(K, M).T, taps, out, 1, 1)
            else:
                _copy_windows(image, cols, top, left, width, place)
                add_product(cols.reshape(M, K), taps, out, 1, 1)
        row += rows


@loop
def conv2d_weight(x, gy, gW, block, place, memory, start, stop):
    """Adds the transposed windows of x times gy to ``gW`` (K, OC), for rows ``start`` to ``stop`` of N * OH."""
    _, OH, OW, OC = gy.shape
    K = len(gW)
    pixels = gy.reshape(-1, OC)
    row = start
    while row < stop:
        rows = _band(OH, block, row, stop)
        image, top = x[row // OH], row % OH
        for left in range(0, OW, block[1]):
            width = min(block[1], OW - left)
            M = rows * width
            given = pixels[row * OW + left : row * OW + left + M]
            cols = memory[: M * K]
            if x.shape[3] == 1:
                _copy_planes(image, cols, top, left, width, place)
                add_product(cols.reshape(K, M), given, gW, 1, 1)
            else:
                _copy_windows(image, cols, top, left, width, place)
                add_product(cols.reshape(M, K).T, given, gW, 1, 1)
        row += rows


@loop
def deconv2d(gy, taps, gx, block, place, memory, start, stop):
    """Adds up, in ``gx``, the windows gy times taps (OC, K) that each pixel gives, for images ``start`` to ``stop``."""
    _, OH, OW, OC = gy.shape
    _, H, W, C = gx.shape
    K = taps.shape[1]
    pixels, rows_of_gx = gy.reshape(-1, OC), gx.reshape(-1, W * C)
    for i in range(start * H, stop * H):
        row_of_gx = rows_of_gx[i]
        for j in range(W * C):
            row_of_gx[j] = 0
    row = start * OH
    while row < stop * OH:
        rows = _band(OH, block, row, stop * OH)
        for left in range(0, OW, block[1]):
            width = min(block[1], OW - left)
            M = rows * width
            cols = memory[: M * K].reshape(M, K)
            product(pixels[row * OW + left : row * OW + left + M], taps, cols)
            _add_windows(cols, gx[row // OH], row % OH, left, width, place)
        row += rows


@inline
def _band(OH, block, row, stop):
    """How many rows to take from ``row`` of N * OH on: they lie in one image."""
    return min(block[0], stop - row, OH - row % OH)


@inline
def _stretches(C, place):
    """A window's row as stretches of contiguous numbers: how many, of how many, how far apart."""
    _, KW, _, _, _, _, _, DW = place
    return (1, KW * C, 0) if DW == 1 else (KW, C, DW * C)


@formula
def _copy(x, i, y, j, count):
    """y[j : j + count] = x[i : i + count], V numbers or more; the last V may overlap those before."""
    last = count - V
    k = 0
    while k < last:
        store(y, j + k, load(x, i + k, V))
        k += V
    store(y, j + last, load(x, i + last, V))


@loop
def _copy_windows(image, cols, top, left, width, place):
    """The windows of ``image`` (H, W, C) one after the other, ``width`` of each row from (``top``, ``left``) on."""
    H, W, C = image.shape
    KH, _, SH, SW, PH, PW, DH, _ = place
    pieces, length, apart = _stretches(C, place)
    pixels = image.reshape(-1)
    at = 0
    for i in range(len(cols) // (width * KH * pieces * length)):
        for j in range(left, left + width):
            edge = (j * SW - PW) * C
            for k in range(KH):
                h = (top + i) * SH - PH + k * DH
                for p in range(pieces):
                    start = edge + p * apart
                    first, last = (max(0, -start), min(length, W * C - start)) if 0 <= h < H else (0, 0)
                    if last - first >= V:
                        for c in range(first):
                            cols[at + c] = 0
                        _copy(pixels, h * W * C + start + first, cols, at + first, last - first)
                        for c in range(last, length):
                            cols[at + c] = 0
                    else:
                        for c in range(length):
                            cols[at + c] = pixels[h * W * C + start + c] if first <= c < last else 0
                    at += length


@loop
def _add_windows(cols, image, top, left, width, place):
    """``_copy_windows`` the other way round: adds the windows to the image."""
    H, W, C = image.shape
    KH, _, SH, SW, PH, PW, DH, _ = place
    pieces, length, apart = _stretches(C, place)
    pixels = image.reshape(H, W * C)
    stretches = cols.reshape(-1, length)
    at = 0
    for i in range(len(stretches) // (width * KH * pieces)):
        for j in range(left, left + width):
            edge = (j * SW - PW) * C
            for k in range(KH):
                h = (top + i) * SH - PH + k * DH
                for p in range(pieces):
                    start = edge + p * apart
                    first, last = max(0, -start), min(length, W * C - start)
                    if 0 <= h < H and first < last:
                        given = stretches[at, first:last]
                        to = pixels[h, start + first : start + last]
                        for c in range(last - first):
                            to[c] += given[c]
                    at += 1


@loop
def _copy_planes(image, cols, top, left, width, place):
    """The same windows of an image (H, W, 1) as a matrix (K, M): what all windows have at one place in the kernel."""
    H, W, _ = image.shape
    KH, KW, SH, SW, PH, PW, DH, DW = place
    pixels = image.reshape(-1)
    rows = len(cols) // (width * KH * KW)
    at = 0
    for k in range(KH):
        for p in range(KW):
            start = left * SW + p * DW - PW
            first = min(width, max(0, -(start // SW)))  # window that has this place in the image
            last = max(first, min(width, (W - start + SW - 1) // SW))
            wide = SW == 1 and last - first >= V
            for i in range(rows):
                h = (top + i) * SH - PH + k * DH
                if not 0 <= h < H:
                    for j in range(width):
                        cols[at + j] = 0
                elif wide:
                    for j in range(first):
                        cols[at + j] = 0
                    _copy(pixels, h * W + start + first, cols, at + first, last - first)
                    for j in range(last, width):
                        cols[at + j] = 0
                else:
                    for j in range(width):
                        cols[at + j] = pixels[h * W + start + j * SW] if first <= j < last else 0
                at += width
