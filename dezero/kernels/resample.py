"""Knows linear maps of the rows and the columns of images where each result is made of a few neighbours only.

A compiled loop takes a row of the result at a time; NumPy and other array modules one place of all rows.

Such a map of an axis is a matrix that is nearly empty: ``Taps`` are what it has in each row. Its transpose is one more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, NamedTuple

import numpy as np

from ..cuda import get_array_module
from . import sums
from .compiled import loops_for
from .parallel import run_in_parts
from .pixels import has_channels_last, new_images

_WORTH_A_THREAD = 1 << 20  # products
_FASTER = 4  # so many times as fast are they where pixels are taken as vectors


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


def _once(make: Callable[..., Any]) -> Callable[..., Any]:
    """``make(taps, *more)``, made once for maps with the same numbers: each call of an op has its map built anew."""

    @lru_cache(maxsize=256)
    def known(places: bytes, weights: bytes | None, T: int, length: int, *more: Any) -> Any:
        as_table = np.frombuffer(places, np.int64).reshape(T, -1)
        return make(Taps(as_table, None if weights is None else np.frombuffer(weights).reshape(T, -1), length), *more)

    @wraps(make)
    def find(taps: Taps, *more: Any) -> Any:
        places, weights = taps.places.astype(np.int64, copy=False), taps.weights
        numbers = None if weights is None else weights.astype(np.float64, copy=False).tobytes()
        return known(places.tobytes(), numbers, len(places), taps.length, *more)

    return find


@_once
def transposed(taps: Taps) -> Taps:
    """The map whose matrix is the transpose: it adds up, for each element of x, what the map made of it."""
    weights = _weights(taps)
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
    if x.dtype.kind == "f" and _is_mean(rows) and _is_mean(columns):
        y = sums.mean_along(work, (2, 3), True)
    elif loops := loops_for("resample", np.empty(0, work.dtype)) if type(work) is np.ndarray and x.size else None:
        y = _in_loops(loops, work, rows, columns)
    elif has_channels_last(x):
        y = _along(_along(work.transpose((0, 2, 3, 1)), rows, 1), columns, 2).transpose((0, 3, 1, 2))
    else:
        y = _along(_along(work, rows, 2), columns, 3)
    return y.astype(x.dtype) if x.dtype == np.float16 else y


def _in_loops(loops: Any, x: Any, rows: Taps, columns: Taps) -> Any:
    N, C, H, W = x.shape
    OH, OW = rows.places.shape[1], columns.places.shape[1]
    if has_channels_last(x):
        y = new_images((N, C, OH, OW), x.dtype)
        pixels, out, A, B = x.transpose((0, 2, 3, 1)), y.transpose((0, 2, 3, 1)), N, C
    else:
        y = np.empty((N, C, OH, OW), x.dtype)
        pixels, out, A, B = x, y, N * C, 1
    are_wide = loops.V <= B
    if not are_wide and H == W == 1:
        rows, columns, OH, OW = _ONE, _flattened(rows, columns), 1, OH * OW
    pixels, out = np.require(pixels, requirements=["C", "W"]).reshape(A, H, W * B), out.reshape(A * OH, OW * B)
    tables = *_table(rows, W * B, 1, x.dtype), *_table(columns, B, 1 if are_wide else B, x.dtype)
    work = loops.resample_pixels if are_wide else loops.resample_numbers
    products = W * B * len(rows.places) + OW * B * len(columns.places)  # for a row of the result
    least = (_WORTH_A_THREAD if are_wide else _WORTH_A_THREAD // _FASTER) // max(1, products)
    sizes = OH, OW
    run_in_parts(lambda start, stop: work(pixels, *tables, out, sizes, start, stop), A * OH, max(1, least))
    return y


@_once
def _table(taps: Taps, step: int, B: int, dtype: Any) -> tuple[Any, Any]:
    """Places and weights, (T, O*B) as vectors: ``step`` numbers make a place, of which the first B are told apart."""
    places = taps.places[..., None] * step + np.arange(B)  # (T, O, B)
    weights = np.repeat(_weights(taps), B, axis=1)
    return places.ravel(), weights.astype(dtype).ravel()


def _flattened(rows: Taps, columns: Taps) -> Taps:
    """Of one pixel a row of all that are made of it."""
    weights = np.outer(_weights(rows).sum(axis=0), _weights(columns).sum(axis=0)).reshape(1, -1)
    return Taps(np.zeros(weights.shape, np.int64), weights, 1)


@_once
def _is_mean(taps: Taps) -> bool:
    """Whether all of an axis becomes its mean."""
    each = np.full((taps.length, 1), 1 / taps.length)
    return np.array_equal(taps.places, np.arange(taps.length)[:, None]) and np.allclose(_weights(taps), each, 1e-15)


def _weights(taps: Taps) -> Any:
    return np.ones(taps.places.shape) if taps.weights is None else taps.weights


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


_ONE = Taps(np.zeros((1, 1), np.int64), None, 1)  # the map of an axis of one element to itself
