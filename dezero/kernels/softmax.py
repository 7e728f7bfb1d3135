"""Knows softmax on arrays, and the logarithm of the sum it divides by."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arrays
from ..cuda import get_array_module
from .parallel import run_in_parts
from .sums import sum_along

_LEAST = 1 << 12  # elements; for fewer the reference is as fast
_WORTH_A_THREAD = 1 << 17  # elements
_CALM = 20.0  # numbers between this and its negative need no shift before exp


def softmax(x: Any, axis: int) -> tuple[Any, Any]:
    """e^x / sum(e^x), and log(sum(e^x)).

    Args:
        x: Array, floating point.
        axis: The axis to sum over, from 0 to ``x.ndim - 1``.

    Returns:
        Arrays of the dtype of ``x``: one of its shape, one with length 1 along ``axis``.
    """
    if not _is_fast(x, axis):
        return softmax_reference(x, axis)
    p, log_total = np.empty_like(x), np.empty((*x.shape[:-1], 1), x.dtype)
    rows = x.reshape(-1, x.shape[-1])
    ps, logs = p.reshape(rows.shape), log_total.reshape(-1, 1)

    def work(start: int, stop: int) -> None:
        total, top = _exponentials(rows[start:stop], ps[start:stop])
        ps[start:stop] *= 1 / total
        logs[start:stop] = np.log(total) + top

    run_in_parts(work, len(rows), -(-_WORTH_A_THREAD // rows.shape[1]))
    return p, log_total


def softmax_reference(x: Any, axis: int) -> tuple[Any, Any]:
    """``softmax`` as every array module computes it."""
    xp = get_array_module(x)
    top = x.max(axis=axis, keepdims=True)
    p = xp.exp(x - top)
    total = p.sum(axis=axis, keepdims=True)
    p /= total
    return p, xp.log(total) + top


def logsumexp(x: Any, axis: int) -> Any:
    """``arrays.logsumexp(x, axis)``, up to the rounding."""
    if not _is_fast(x, axis):
        return arrays.logsumexp(x, axis)
    y = np.empty((*x.shape[:-1], 1), x.dtype)
    rows, ys = x.reshape(-1, x.shape[-1]), y.reshape(-1, 1)

    def work(start: int, stop: int) -> None:
        total, top = _exponentials(rows[start:stop], np.empty_like(rows[start:stop]))
        ys[start:stop] = np.log(total) + top

    run_in_parts(work, len(rows), -(-_WORTH_A_THREAD // rows.shape[1]))
    return y


def _is_fast(x: Any, axis: int) -> bool:
    return (
        type(x) is np.ndarray
        and x.size >= _LEAST
        and x.dtype.char in "fd"
        and axis == x.ndim - 1
        and x.flags.c_contiguous
    )


def _exponentials(x: Any, out: Any) -> tuple[Any, Any]:
    """Writes e^(x - top) to ``out``; returns its sum for each row, and ``top``, which is 0 where no x is large."""
    top: Any = 0.0
    if x.min() > -_CALM and x.max() < _CALM:
        np.exp(x, out=out)
    else:
        top = x.max(axis=1, keepdims=True)
        np.subtract(x, top, out=out)
        np.exp(out, out=out)
    return sum_along(out, (1,), keepdims=True), top
