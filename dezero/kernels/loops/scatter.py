"""Knows how to add rows up by their number, as a loop."""

from __future__ import annotations

from .jit import loop


@loop
def add_rows(rows, ids, y, start, stop):
    """y = 0, then y[ids[i]] += rows[i] in turn, for the rows of y from ``start`` to ``stop``; -1 is the last."""
    y[start:stop] = 0
    for i in range(len(ids)):
        k = ids[i] if ids[i] >= 0 else ids[i] + len(y)
        if start <= k < stop:
            to, row = y[k], rows[i]
            for j in range(len(row)):
                to[j] += row[j]
