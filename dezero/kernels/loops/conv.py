"""Knows convolution as loops over images: copy some windows, or add some up, and a matrix product while they are near.

Images lie with their channels last, (N, H, W, C). The windows of some rows of one image make a matrix (windows, K) with
K = KH * KW * C. It is written into ``memory`` and is small enough to stay in the cache of one core.

``place`` is (KH, KW, SH, SW, PH, PW, DH, DW): the kernel, the stride, the padding and the dilation.
"""

from __future__ import annotations

from .jit import add_product, formula, has_product, inline, loop, product
from .vectors import load, store

__all__ = ["conv2d", "conv2d_weight", "deconv2d", "has_product"]

V = 16  # numbers to copy at a time


@loop
def conv2d(x, taps, b, y, rows, place, memory):
    """y = windows of x times taps (K, OC), plus b (OC,); ``rows`` rows of ``y`` (N, OH, OW, OC) at a time."""
    N, OH, OW, OC = y.shape
    K = len(taps)
    for n in range(N):
        for top in range(0, OH, rows):
            out = y[n, top : min(OH, top + rows)]
            M = len(out) * OW
            out = out.reshape(M, OC)
            for i in range(M):
                pixel = out[i]
                for c in range(OC):
                    pixel[c] = b[c]
            cols = memory[: M * K]
            if x.shape[3] == 1:
                _copy_planes(x[n], cols, top, OW, place)
                add_product(cols.reshape(K, M).T, taps, out, 1, 1)
            else:
                _copy_windows(x[n], cols, top, OW, place)
                add_product(cols.reshape(M, K), taps, out, 1, 1)


@loop
def conv2d_weight(x, gy, gW, rows, place, memory):
    """Adds the transposed windows of x times gy (N, OH, OW, OC) to ``gW`` (K, OC)."""
    N, OH, OW, OC = gy.shape
    K = len(gW)
    for n in range(N):
        for top in range(0, OH, rows):
            given = gy[n, top : min(OH, top + rows)]
            M = len(given) * OW
            cols = memory[: M * K]
            if x.shape[3] == 1:
                _copy_planes(x[n], cols, top, OW, place)
                add_product(cols.reshape(K, M), given.reshape(M, OC), gW, 1, 1)
            else:
                _copy_windows(x[n], cols, top, OW, place)
                add_product(cols.reshape(M, K).T, given.reshape(M, OC), gW, 1, 1)


@loop
def deconv2d(gy, taps, gx, rows, place, memory):
    """Adds up, in ``gx``, the windows gy times taps (OC, K) that each pixel of gy (N, OH, OW, OC) gives."""
    N, OH, OW, OC = gy.shape
    _, H, W, C = gx.shape
    K = taps.shape[1]
    for n in range(N):
        image = gx[n].reshape(H, W * C)
        for i in range(H):
            row = image[i]
            for j in range(len(row)):
                row[j] = 0
        for top in range(0, OH, rows):
            given = gy[n, top : min(OH, top + rows)]
            M = len(given) * OW
            cols = memory[: M * K].reshape(M, K)
            product(given.reshape(M, OC), taps, cols)
            _add_windows(cols, gx[n], top, OW, place)


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
def _copy_windows(image, cols, top, OW, place):
    """The windows of ``image`` (H, W, C), from row ``top`` of them on, one after the other."""
    H, W, C = image.shape
    KH, _, SH, SW, PH, PW, DH, _ = place
    pieces, length, apart = _stretches(C, place)
    pixels = image.reshape(-1)
    at = 0
    for i in range(len(cols) // (OW * KH * pieces * length)):
        for j in range(OW):
            left = (j * SW - PW) * C
            for k in range(KH):
                h = (top + i) * SH - PH + k * DH
                for p in range(pieces):
                    start = left + p * apart
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
def _add_windows(cols, image, top, OW, place):
    """``_copy_windows`` the other way round: adds the windows to the image."""
    H, W, C = image.shape
    KH, _, SH, SW, PH, PW, DH, _ = place
    pieces, length, apart = _stretches(C, place)
    pixels = image.reshape(H, W * C)
    stretches = cols.reshape(-1, length)
    at = 0
    for i in range(len(stretches) // (OW * KH * pieces)):
        for j in range(OW):
            left = (j * SW - PW) * C
            for k in range(KH):
                h = (top + i) * SH - PH + k * DH
                for p in range(pieces):
                    start = left + p * apart
                    first, last = max(0, -start), min(length, W * C - start)
                    if 0 <= h < H and first < last:
                        given = stretches[at, first:last]
                        to = pixels[h, start + first : start + last]
                        for c in range(last - first):
                            to[c] += given[c]
                    at += 1


@loop
def _copy_planes(image, cols, top, OW, place):
    """The same windows of an image (H, W, 1) as a matrix (K, M): what all windows have at one place in the kernel."""
    H, W, _ = image.shape
    KH, KW, SH, SW, PH, PW, DH, DW = place
    pixels = image.reshape(-1)
    rows = len(cols) // (OW * KH * KW)
    at = 0
    for k in range(KH):
        for p in range(KW):
            start = p * DW - PW
            first = min(OW, max(0, -(start // SW)))  # window that has this place in the image
            last = max(first, min(OW, (W - start + SW - 1) // SW))
            wide = SW == 1 and last - first >= V
            for i in range(rows):
                h = (top + i) * SH - PH + k * DH
                if not 0 <= h < H:
                    for j in range(OW):
                        cols[at + j] = 0
                elif wide:
                    for j in range(first):
                        cols[at + j] = 0
                    _copy(pixels, h * W + start + first, cols, at + first, last - first)
                    for j in range(last, OW):
                        cols[at + j] = 0
                else:
                    for j in range(OW):
                        cols[at + j] = pixels[h * W + start + j * SW] if first <= j < last else 0
                at += OW
