"""Knows how to convolve 3 x 3 filters with a quarter of the multiplications, by Winograd's minimal filtering.

A tile of 4 x 4 results comes from 6 x 6 numbers d of the image. Convolution multiplies polynomials, and a product of
polynomials is known from its values at a few points. B takes a tile, and G a filter w, to their values at six points
down and six across; there one product each is left, 36 for the 9 * 16 of the plain way; A reads the results off:

    y = A [(B d B^T) * (G w G^T)] A^T

Summed over the channels, the 36 products are matrix products of all tiles with all filters. A, B and G are applied as
matrix products too, as the reference at the end of this module does it for one tile. Read backwards, the same form is
the gradient by the filters: gw = G^T [(B d B^T) * (A^T gy A)] G.

Where Numba is installed, tiles are transformed by compiled loops (``loops/winograd.py``), which hold a line of six
numbers in registers.

The points are small fractions, for the sake of precision: the rounding error is four times that of the plain sum, in
float32 some 1.5e-6 for results around 1. What is infinite or NaN reaches all results of its tiles.

Source: Winograd, Arithmetic Complexity of Computations, 1980; Lavin and Gray, 2016.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .compiled import loops_for
from .im2col import Pair
from .parallel import run_in_parts
from .pixels import as_pixels, block_size, new_images, row_of

_POINTS = (0.0, 2 / 3, -2 / 3, 3 / 2, -3 / 2)  # and infinity. 0, 1, -1, 2, -2 double the error
_TILE, _SEEN = 4, 6  # results of a tile, and numbers of the image that they come from, across or down
_WORKSPACE = 8 << 20  # bytes of transformed tiles at a time: enough for matrix products of a good size
_CACHE = 512 << 10  # bytes
_FILTERS = 12 << 20  # bytes of transformed filters at a time, where they are needed but once
_LANES = 16  # channels that the loops take at a time
_APART = 16  # numbers between two of the 36 matrices: a power of two apart, all would want one place in the cache
_WORTH_A_THREAD = 1 << 14  # tiles times channels, of a loop


def conv2d(x: Any, W: Any, b: Any, pad: Pair) -> Any:
    """``conv.conv2d`` of NumPy arrays with float filters (OC, C, 3, 3), stride and dilation 1."""
    return _convolve(x, W, b, pad, turned=False)


def deconv2d(x: Any, W: Any, pad: Pair) -> Any:
    """``conv.deconv2d`` of NumPy arrays with float filters (C, OC, 3, 3), stride and dilation 1, ``pad`` up to 2."""
    return _convolve(x, W, None, (2 - pad[0], 2 - pad[1]), turned=True)


def conv2d_weight(x: Any, gy: Any, pad: Pair) -> Any:
    """``conv.conv2d_weight`` of NumPy arrays for filters (OC, C, 3, 3), stride and dilation 1."""
    x, gy = as_pixels(x), as_pixels(gy)
    A, B, G = matrices(x.dtype)
    (N, OH, OW, OC), C = gy.shape, x.shape[3]
    TH, TW = _tiles(OH), _tiles(OW)
    total = np.zeros((_SEEN**2, OC, C), x.dtype)
    part = np.empty_like(total)
    n, rows = _block_size(N, TH, TW, C, OC, x.itemsize)
    V, Q = _memory(n * rows * TW, C, x.dtype), _memory(n * rows * TW, OC, x.dtype)
    for k, (images, down) in enumerate(_blocks(N, TH, n, rows)):
        v = _transformed(x[images], down, TW, pad, B, V)
        q = _transformed(gy[images], down, TW, (0, 0), A.T, Q)
        np.matmul(q.transpose(0, 2, 1), v, out=part if k else total)
        if k:
            total += part
    return (total.reshape(len(total), -1).T @ np.kron(G, G)).reshape(OC, C, 3, 3)


def pays(N: int, C: int, OC: int, size: Pair) -> bool:
    """Whether it is faster than to copy windows, for results of ``size``: not for few channels, or few tiles.

    Compares nanoseconds as measured in float32. A step of a matrix product takes 0.012, to copy a number of a window
    0.25. To transform takes 21 for what a tile has of a channel, and back 14; for a filter 20.
    """
    pixels, tiles = N * size[0] * size[1], N * _tiles(size[0]) * _tiles(size[1])
    plain = pixels * 9 * C * (0.012 * OC + 0.25)
    return min(C, OC) >= 16 and tiles * (36 * 0.012 * C * OC + 21 * C + 14 * OC) + 20 * C * OC < plain


@lru_cache
def matrices(dtype: Any) -> tuple[Any, Any, Any]:
    """A (4, 6), B (6, 6) and G (6, 3), after Toom and Cook. The last column or rows are for the point at infinity."""
    n, p = len(_POINTS), np.array(_POINTS)
    A, B, G = np.zeros((_TILE, n + 1)), np.zeros((n + 1, n + 1)), np.zeros((n + 1, 3))
    for j in range(n):
        others = np.delete(p, j)
        A[:, j] = p[j] ** np.arange(_TILE)
        G[j] = p[j] ** np.arange(3) / np.prod(p[j] - others)
        B[j, :n] = np.poly(others)[::-1]
    A[-1, n] = G[n, -1] = 1
    B[n] = np.poly(p)[::-1]
    return A.astype(dtype), B.astype(dtype), G.astype(dtype)


def _convolve(x: Any, W: Any, b: Any, pad: Pair, turned: bool) -> Any:
    x = as_pixels(x)
    A, B, _ = matrices(x.dtype)
    (N, H, Wd, C), OC = x.shape, W.shape[1 if turned else 0]
    OH, OW = H + 2 * pad[0] - 2, Wd + 2 * pad[1] - 2
    TH, TW = _tiles(OH), _tiles(OW)
    y = new_images((N, OC, OH, OW), x.dtype)
    pixels = y.transpose(0, 2, 3, 1)
    n, rows = _block_size(N, TH, TW, C, OC, x.itemsize)
    V, M = _memory(n * rows * TW, C, x.dtype), _memory(n * rows * TW, OC, x.dtype)
    at_once = max(1, _FILTERS // (_SEEN**2 * C * x.itemsize)) if (n, rows) == (N, TH) else OC  # filters
    U = None if at_once < OC else _transformed_filters(W, slice(None), turned)
    for images, down in _blocks(N, TH, n, rows):
        v = _transformed(x[images], down, TW, pad, B, V)  # (36, T, C)
        m = _matrices(M, v.shape[1], OC)
        for k in range(0, OC, at_once):
            part = slice(k, k + at_once)
            np.matmul(v, _transformed_filters(W, part, turned) if U is None else U, out=m[:, :, part])
        _read_off(M, pixels[images], down, TW, A, b)
    return y


def _block_size(N: int, TH: int, TW: int, C: int, OC: int, itemsize: int) -> tuple[int, int]:
    """Images and rows of tiles at a time: with many filters more, as each block reads all of them."""
    filters, row = (_SEEN**2 * n * itemsize for n in (C * OC, TW * (C + OC)))
    return block_size(N, TH, row, min(max(_WORKSPACE, 2 * filters), 3 * _WORKSPACE))


def _transformed_filters(W: Any, part: slice, turned: bool) -> Any:
    """G w G^T for ``part`` of the filters, (36, C, OC); ``turned`` by half a circle where W is (C, OC, 3, 3)."""
    _, _, G = matrices(W.dtype)
    GG = np.kron(G, G)  # (36, 9)
    if turned:
        return (GG[:, ::-1] @ W[:, part].reshape(-1, 9).T).reshape(len(GG), len(W), -1)
    return (GG @ W[part].reshape(-1, 9).T).reshape(len(GG), -1, W.shape[1]).transpose(0, 2, 1)


def _transformed(x: Any, down: slice, TW: int, pad: Pair, B: Any, memory: Any) -> Any:
    """B d B^T for the rows ``down`` of tiles of ``x`` (n, H, W, C), in ``memory``: (36, tiles, C).

    A tile is as high and wide as ``B`` (6, K) has columns, and starts 4 pixels after the one before.
    """
    (N, _, _, C), K, TH = x.shape, B.shape[1], down.stop - down.start
    V = _matrices(memory, N * TH * TW, C)
    loops = _loops(x, memory)
    if loops:
        vectors = x.reshape(-1), _apart(memory, N * TH * TW, C)
        _by_loop(loops.see, (*vectors, K), x.shape, TH, TW, (_TILE * down.start - pad[0], -pad[1]))
        return V
    sixes = V.reshape(_SEEN, _SEEN, -1, C)
    first = 0
    for images, part in _pieces(N, TH, TW * C * x.itemsize):
        n, th = images.stop - images.start, part.stop - part.start
        top = _TILE * (down.start + part.start) - pad[0]
        columns = _columns(x[images], top, _TILE * (th - 1) + K, TW, pad[1], K)
        half = np.matmul(B, columns.reshape(K, -1)).reshape(_SEEN, n, -1, TW * C)  # (6, n, H, TW*C)
        s = half.strides
        tiles = as_strided(half, (_SEEN, n, th, K, TW * C), (s[0], s[1], _TILE * s[2], s[2], s[3]))
        out = sixes[:, :, first : first + n * th * TW]
        np.matmul(B, tiles, out=out.reshape(_SEEN, _SEEN, n, th, -1).transpose(1, 2, 3, 0, 4))
        first += n * th * TW
    return V


def _columns(x: Any, top: int, height: int, TW: int, left: int, K: int) -> Any:
    """For each of the K columns of a tile, what all tiles have there: (K, n, height, TW, C).

    The first row is ``top`` of ``x`` (n, H, W, C), the first column ``left`` before the image; zeros all around it.
    """
    n, H, W, C = x.shape
    y = np.zeros((K, n, height, TW, C), x.dtype)
    start, stop = max(0, top), min(H, top + height)
    for k in range(K):
        first = max(0, -((k - left) // _TILE))  # tile that has its column k in the image
        pixels = x[:, start:stop, _TILE * first + k - left :: _TILE][:, :, : TW - first]
        y[k, :, start - top : stop - top, first : first + pixels.shape[2]] = pixels
    return y


def _read_off(memory: Any, y: Any, down: slice, TW: int, A: Any, b: Any) -> None:
    """Writes A m A^T + b, for each tile m in ``memory``, to the rows ``down`` of tiles of ``y`` (n, OH, OW, OC)."""
    N, _, OW, OC = y.shape
    TH = down.stop - down.start
    loops = _loops(y, b)
    if loops:
        b = np.zeros(OC, y.dtype) if b is None else b
        products = _apart(memory, N * TH * TW, OC)
        _by_loop(loops.read_off, (products, b, y.reshape(-1)), y.shape, TH, TW, (_TILE * down.start, 0))
        return
    M = _matrices(memory, N * TH * TW, OC)
    sixes, seen = M.reshape(_SEEN, _SEEN, -1, OC), y[:, _TILE * down.start : _TILE * down.stop]
    first = 0
    for images, part in _pieces(N, TH, TW * OC * y.itemsize):
        n, th = images.stop - images.start, part.stop - part.start
        m = sixes[:, :, first : first + n * th * TW]
        first += n * th * TW
        half = np.matmul(A, m.transpose(1, 0, 2, 3).reshape(_SEEN, _SEEN, -1))  # (6, 4, tiles*OC)
        tiles = np.matmul(A, half.transpose(1, 0, 2)).reshape(_TILE, _TILE, n, th, TW, OC)
        for i in range(_TILE):
            for j in range(_TILE):
                to = seen[images, _TILE * part.start + i : _TILE * part.stop : _TILE, j::_TILE]
                to[...] = tiles[i, j, :, : to.shape[1], : to.shape[2]]
    if b is not None:
        seen += row_of(b, OW)


def _loops(x: Any, other: Any) -> Any:
    """The loops, where they serve ``x`` with its channels last, and ``other``."""
    loops = loops_for("winograd", x, other)
    return loops if loops and x.shape[-1] >= _LANES else None


def _by_loop(loop: Any, given: Any, shape: Any, TH: int, TW: int, first: Pair) -> None:
    """Runs a loop over TH rows of TW tiles in each image of ``shape`` (n, H, W, C), from the pixel ``first`` on."""
    n, H, W, C = shape
    dtype = given[0].dtype
    sizes, numbers = (H, W, C, TH, TW, *first), _numbers(dtype)

    def work(start: int, stop: int) -> None:
        loop(*given, sizes, numbers, np.empty(2 * _SEEN**2 * _LANES, dtype), start, stop)

    run_in_parts(work, n * TH, -(-_WORTH_A_THREAD // (TW * C)))


@lru_cache
def _numbers(dtype: Any) -> Any:
    """What the loops make of the points p, -p, q and -q, in their order."""
    p, q = _POINTS[1], _POINTS[3]
    return np.array([p, p**2, p**3, -p, -(p**2), q, q**2, q**3, -q, -(q**2), -(p**2 + q**2), -1], dtype)


def _apart(memory: Any, tiles: int, channels: int) -> Any:
    """The part of ``memory`` that has 36 matrices (tiles, channels), and a little between them."""
    return memory[: _SEEN**2 * (tiles * channels + _APART)]


def _matrices(memory: Any, tiles: int, channels: int) -> Any:
    """The matrices in ``memory``: (36, tiles, channels)."""
    rows = _apart(memory, tiles, channels).reshape(_SEEN**2, -1)
    return rows[:, : tiles * channels].reshape(_SEEN**2, tiles, channels)


def _pieces(N: int, TH: int, row_bytes: int) -> Iterator[tuple[slice, slice]]:
    """``_blocks`` of a block, so small that what is between two of its steps stays in the cache."""
    return _blocks(N, TH, *block_size(N, TH, _SEEN * _TILE * row_bytes, _CACHE))


def _blocks(N: int, TH: int, n: int, rows: int) -> Iterator[tuple[slice, slice]]:
    """Which images and which rows of tiles to take at a time."""
    for i in range(0, N, n):
        for top in range(0, TH, rows):
            yield slice(i, min(i + n, N)), slice(top, min(top + rows, TH))


def _memory(tiles: int, channels: int, dtype: Any) -> Any:
    return np.empty(_SEEN**2 * (tiles * channels + _APART), dtype)


def _tiles(n: int) -> int:
    return -(-n // _TILE)


# ---- the reference, for one tile of one channel


def tile_reference(d: Any, w: Any) -> Any:
    """The results (4, 4) of a filter ``w`` (3, 3) on ``d`` (6, 6), as the formula says."""
    A, B, G = matrices(d.dtype)
    return A @ ((B @ d @ B.T) * (G @ w @ G.T)) @ A.T
