"""Knows linear maps of the rows and the columns of images where each result is made of a few neighbours only.

A compiled loop takes a row of the result at a time; NumPy and other array modules one place of all rows.

Such a map of an axis is a matrix that is nearly empty: ``Taps`` are what it has in each row. Its transpose is one more.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..cuda import get_array_module
from .compiled import loops_for
from .parallel import run_in_parts
from .pixels import has_channels_last

_WORTH_A_THREAD = 1 << 17  # products
_WIDE = 16  # numbers of a pixel from which on it is taken as a vector of its own


class Taps(NamedTuple):
    """A linear map of an axis: y[o] = sum over t of weights[t, o] * x[places[t, o]].

    Attributes:
        places: Integers (T, O), on the host.
        weights: Floats (T, O), on the host; None where all are 1.
        length: That of x.
    """

    places: np.ndarray
    weights: np.ndarray | None
    length: int


def transposed(taps: Taps) -> Taps:
    """The map whose matrix is the transpose: it adds up, for each element of x, what the map made of it."""
    weights = np.ones(taps.places.shape) if taps.weights is None else taps.weights
    t, o = np.nonzero(weights)
    i = taps.places[t, o]
    order = np.argsort(i, kind="stable")
    t, o, i = t[order], o[order], i[order]
    first = np.searchsorted(i, np.arange(taps.length))
    rank = np.arange(len(i)) - first[i]  # the how-manieth of its i
    shape = int(rank.max(initial=0)) + 1, taps.length
    places, back = np.empty(shape, int), np.zeros(shape)
    places[:] = o[first.clip(max=len(o) - 1)]  # what has weight 0 is a neighbour, should it be infinite
    places[rank, i], back[rank, i] = o, weights[t, o]
    return Taps(places, back, taps.places.shape[1])


def resample(x: Any, rows: Taps, columns: Taps) -> Any:
    """Maps the rows and the columns of images.

    Args:
        x: Array (N, C, H, W), of floats unless the weights are 1.
        rows: From H to OH.
        columns: From W to OW.

    Returns:
        Array (N, C, OH, OW), in the memory order of ``x``; it is summed in single precision at least.
    """
    work = x.astype(np.float32) if x.dtype == np.float16 else x
    if loops := loops_for("resample", np.empty(0, work.dtype)) if type(work) is np.ndarray and x.size else None:
        y = _in_loops(loops, work, rows, columns)
    elif has_channels_last(x):
        y = _along(_along(work.transpose((0, 2, 3, 1)), rows, 1), columns, 2).transpose((0, 3, 1, 2))
    else:
        y = _along(_along(work, rows, 2), columns, 3)
    return y.astype(x.dtype) if x.dtype == np.float16 else y


def _in_loops(loops: Any, x: Any, rows: Taps, columns: Taps) -> Any:
    last = has_channels_last(x)
    pixels = np.require(x.transpose((0, 2, 3, 1)) if last else x, requirements=["C", "W"])
    A, H, Wd, B = pixels.shape if last else (len(x) * x.shape[1], *x.shape[2:], 1)
    OH, OW = rows.places.shape[1], columns.places.shape[1]
    wide = B if B >= _WIDE else 0
    y = np.empty((A, OH, OW, B), x.dtype)
    maps = *_as_table(rows, 1, x.dtype), *_as_table(columns, 1 if wide else B, x.dtype)
    pixels, out = pixels.reshape(A, H, Wd * B), y.reshape(A * OH, OW * B)
    least = max(1, _WORTH_A_THREAD // max(1, Wd * B * len(rows.places) + OW * B * len(columns.places)))
    run_in_parts(lambda start, stop: loops.resample(pixels, *maps, out, wide, start, stop), A * OH, least)
    return y.transpose((0, 3, 1, 2)) if last else y.reshape(*x.shape[:2], OH, OW)


def _as_table(taps: Taps, B: int, dtype: Any) -> tuple[Any, Any]:
    """The places and weights (T, O*B) where each pixel has B numbers."""
    weights = np.ones(taps.places.shape) if taps.weights is None else taps.weights
    places = taps.places[..., None] * B + np.arange(B)
    return places.reshape(len(places), -1), np.repeat(weights, B, axis=1).astype(dtype)


def _along(x: Any, taps: Taps, axis: int) -> Any:
    xp = get_array_module(x)
    places = xp.asarray(taps.places)
    y = xp.take(x, places[0], axis=axis)
    if taps.weights is None:
        return y
    weights = xp.asarray(taps.weights.astype(x.dtype)).reshape((*places.shape, *(1,) * (x.ndim - axis - 1)))
    y *= weights[0]
    for place, weight in zip(places[1:], weights[1:]):
        seen = xp.take(x, place, axis=axis)
        seen *= weight
        y += seen
    return y
