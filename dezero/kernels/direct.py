"""Knows how to convolve with few channels without copying windows: as compiled loops that sum in registers.

An image is cut into bands of rows that stay in the cache of a core, each with its margin of zeros, so that no window
needs to look where the image ends. Rows are shared among threads, also those of one image.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from .compiled import loops_for
from .im2col import ONE, Pair, outsize, reach
from .meetings import vector
from .parallel import run_in_parts
from .pixels import clipped, new_images

_FOUR, _EIGHT = 4, 8  # pixels of a row, and numbers of a window, whose sums are in registers: so the loops are written
_LANES = 64, 32, 16, 8  # results that a register may have
_REGISTER = 64  # bytes; several make one, and a part of one is as slow as all of it
_READING = 16  # bytes that could be summed while what they are made of is read
_SUMS = 16 * _REGISTER  # there are 32, but not for sums alone

# Measured on images of 8 to 512 pixels a side, of 1 to 128 channels, with filters from 2 x 2 to 11 x 11.
_CACHE = 1 << 17  # bytes of a band
_PIXELS = 1 << 10  # to add up before the sum is added to that of the others: long sums lose digits
_WORTH_A_THREAD = 1 << 22  # products
_CHANNELS, _FILTERS = 64, 128  # of more, BLAS or Winograd make results in less time
_CHANNELS_TO_WEIGH = 16  # of more, the gradient by the filters
_IN_USE = 0.75  # of the sums in registers, or the windows of one channel are copied in less time


def pays(x: Any, filters: tuple[int, ...], size: Pair) -> bool:
    """Whether ``conv2d`` can be had and is the fastest, for ``filters`` (OC, C, KH, KW) and ``size`` (OH, OW)."""
    few = filters[1] <= min(_CHANNELS, 4 * filters[0]) and size[0] > 0 and size[1] >= 2 * _FOUR
    return few and _suit(filters) and _has_loops(x)


def pays_to_weigh(x: Any, filters: tuple[int, ...]) -> bool:
    """Whether ``conv2d_weight`` can be had and is the fastest, for ``filters`` (OC, C, KH, KW)."""
    if filters[1] > _CHANNELS_TO_WEIGH or not _suit(filters) or not _has_loops(x):
        return False
    return filters[1] > 1 or _sums_in_use(filters, x.itemsize) >= _IN_USE


def _suit(filters: tuple[int, ...]) -> bool:
    """Whether results fill a register, and windows are copied otherwise."""
    OC, _, *kernel = filters
    return _LANES[-1] <= OC <= _FILTERS and kernel != [1, 1]


def _sums_in_use(filters: tuple[int, ...], itemsize: int) -> float:
    """The part of the sums in registers, while the filters are weighed, that are wanted."""
    OC, C, KH, KW = filters
    K = C * KH * KW
    return K / _rounded(K, _EIGHT) * OC / _rounded(OC, _lanes(OC, itemsize, _EIGHT))


def _has_loops(x: Any) -> bool:
    return loops_for("direct", np.empty(0, x.dtype)) is not None


def _rounded(n: int, unit: int) -> int:
    """``n``, up to whole units."""
    return -(-n // unit) * unit


def conv2d(x: Any, W: Any, b: Any, stride: Pair, pad: Pair, dilation: Pair = ONE) -> Any:
    """``conv.conv2d`` of NumPy arrays, with at least 8 filters and 4 windows in a row."""
    OC, C, KH, KW = W.shape
    size = outsize(x.shape[2:], (KH, KW), stride, pad, dilation)
    x = _laid_out(x)
    plan = _plan(x.shape[1:], C, size[0], x.itemsize, (KH, KW), stride, pad, dilation)
    b = np.zeros(OC, x.dtype) if b is None else np.require(b, requirements=["C", "W"])
    V = _lanes(OC, x.itemsize, _FOUR)
    columns = W.transpose(2, 3, 1, 0).reshape(-1, OC)  # (K, OC)
    taps = np.stack([columns[:, part] for part in _parts(OC, V)]).reshape(-1)  # (B, K, V)
    y = new_images((len(x), OC, *size), x.dtype)
    convolve, pixels = loops_for("direct", x).convolve(V), vector(y)

    def work(start: int, stop: int) -> None:
        memory = np.zeros(plan.numbers, x.dtype)
        convolve(x, taps, b, pixels, plan.offsets, plan.step, (*size, OC), plan.frame, memory, start, stop)

    run_in_parts(work, len(x) * size[0], -(-_WORTH_A_THREAD // (size[1] * W.size)))
    return y


def conv2d_weight(x: Any, gy: Any, kernel: Pair, stride: Pair, pad: Pair, dilation: Pair = ONE) -> Any:
    """``conv.conv2d_weight`` of NumPy arrays, with at least 8 filters."""
    (N, OC, OH, OW), C = gy.shape, x.shape[1]
    x, pixels = _laid_out(x), vector(gy)
    plan = _plan(x.shape[1:], C, min(OH, -(-_PIXELS // OW)), x.itemsize, kernel, stride, pad, dilation)
    K, V = len(plan.offsets), _lanes(OC, x.itemsize, _EIGHT)
    offsets = np.append(plan.offsets, [0] * (-K % _EIGHT))  # what is found for the last is not used
    parts = list(_parts(OC, V))
    weigh = loops_for("direct", x).weigh(V)
    sums: dict[int, Any] = {}  # what each thread has found, by its first row

    def work(start: int, stop: int) -> None:
        gW = sums[start] = np.zeros(len(parts) * len(offsets) * V, x.dtype)
        memory = np.zeros(plan.numbers, x.dtype)
        weigh(x, pixels, gW, offsets, plan.step, (OH, OW, OC), plan.frame, memory, start, stop)

    run_in_parts(work, N * OH, -(-_WORTH_A_THREAD // (OW * OC * K)))
    gW = np.empty((K, OC), x.dtype)
    total = sum(sums[first] for first in sorted(sums))  # in one order, so always the same
    for part, found in zip(parts, total.reshape(len(parts), -1, V)):
        gW[:, part] = found[:K]
    return gW.reshape(*kernel, C, OC).transpose(3, 2, 0, 1).copy()


def _lanes(OC: int, itemsize: int, sums: int) -> int:
    """How many results a register shall have, so that the sums fit and little is computed or read twice."""
    fitting = [V for V in _LANES if V <= OC and V * itemsize * sums <= _SUMS]
    return min(fitting, key=lambda V: _rounded(OC, V) // V * (max(V * itemsize, _REGISTER) + _READING))


def _parts(OC: int, V: int) -> Iterator[slice]:
    """V results at a time, of which the last may be among those before."""
    for o in range(0, OC, V):
        yield slice(min(o, OC - V), min(o + V, OC))


def _laid_out(x: Any) -> Any:
    """``x`` (N, C, H, W) as planes (N, C, H, W) if it lies so in memory, otherwise as rows of pixels (N, 1, H, W*C)."""
    N, C, H, W = x.shape
    return x if x.flags.carray else vector(x).reshape(N, 1, H, W * C)


class _Plan(NamedTuple):
    """What to cut out of an image, and where the windows are in it, as the loops want to know it.

    Attributes:
        frame: (band, SH, PH, left, height, width).
        offsets: (K,), in the order KH, KW, C.
        step: From a window to the next.
        numbers: That are cut out.
    """

    frame: tuple[int, ...]
    offsets: Any
    step: int
    numbers: int


@lru_cache(maxsize=256)
def _plan(
    image: tuple[int, int, int], C: int, most: int, itemsize: int, kernel: Pair, stride: Pair, pad: Pair, dilation: Pair
) -> _Plan:
    """The plan for an ``image`` (P, H, L) of C channels, for at most so many rows of the result at a time."""
    P, _, L = image
    c = C // P  # numbers from one pixel to the next
    width = L + 2 * pad[1] * c
    band = clipped(_CACHE // (P * width * stride[0] * itemsize), most)
    height = (band - 1) * stride[0] + reach(kernel, dilation)[0]
    down, across = (d * np.arange(k) for d, k in zip(dilation, kernel))
    channels = np.arange(C) * (height * width if P == C else 1)
    offsets = np.add.outer(np.add.outer(down * width, across * c), channels).reshape(-1)  # (KH*KW*C,)
    return _Plan((band, stride[0], pad[0], pad[1] * c, height, width), offsets, stride[1] * c, P * height * width)
