"""Knows how to add rows up by their number: the gradient of picking rows, some of them several times."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..cuda import get_array_module
from .compiled import loops_for
from .parallel import run_in_parts

_WORTH_A_THREAD = 1 << 20  # numbers to write or to add
_SMALLEST = 1 << 12  # numbers; fewer are added as fast in NumPy


def add_rows(rows: Any, ids: Any, shape: tuple[int, ...]) -> Any:
    """zeros(shape) with each of ``rows`` added at its id; on the host always in the same order.

    Args:
        rows: Array (M, *shape[1:]).
        ids: Integers (M,), from -shape[0] to shape[0] - 1.
        shape: (V, ...).

    Returns:
        Array of ``shape``.
    """
    xp = get_array_module(rows)
    if rows.size >= _SMALLEST and (loops := _loops(rows)):
        M, D = len(ids), math.prod(shape[1:])
        y, ids = np.empty((shape[0], D), rows.dtype), np.require(ids, np.int64, ["C", "W"])
        rows = np.require(rows, requirements=["C", "W"]).reshape(M, D)
        least = _WORTH_A_THREAD * shape[0] // (rows.size + y.size + 1)
        run_in_parts(lambda start, stop: loops.add_rows(rows, ids, y, start, stop), shape[0], max(1, least))
        return y.reshape(shape)
    y = xp.zeros(shape, rows.dtype)
    if xp is np:
        _add_sorted(rows, ids, y)
    else:
        xp.add.at(y, ids, rows)
    return y


def _loops(rows: Any) -> Any:
    return loops_for("scatter", np.empty(0, rows.dtype)) if type(rows) is np.ndarray else None


def _add_sorted(rows: Any, ids: Any, y: Any) -> None:
    """Adds the rows sorted by id, so that equal ones are one stretch: several times faster than ``np.add.at``."""
    if not ids.size:
        return
    ids = ids.astype(np.int64)
    ids[ids < 0] += len(y)
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    starts = np.flatnonzero(np.concatenate(([True], ids[1:] != ids[:-1])))
    if len(starts) == len(ids):
        y[ids] = rows[order]  # each id once, as positions are
    else:
        y[ids[starts]] = np.add.reduceat(rows[order], starts, axis=0)
