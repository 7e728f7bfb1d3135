"""Knows softmax on arrays, its logarithm, the logarithm of the sum it divides by, and its cross entropy with labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arrays
from ..cuda import get_array_module
from .compiled import loops_for
from .parallel import run_in_parts
from .sums import sum_along

_LEAST = 1 << 12  # elements; for fewer the reference is as fast
_LEAST_FOR_LOOPS = 1 << 9
_WORTH_A_THREAD = 1 << 17  # elements
_LOOP_WORTH_A_THREAD = 1 << 18  # elements
_CALM = 20.0  # numbers between this and its negative need no shift before exp


def softmax(x: Any, axis: int) -> Any:
    """e^x / sum(e^x).

    Args:
        x: Array, floating point.
        axis: The axis to sum over, from 0 to ``x.ndim - 1``.
    """
    p = _by_loop("softmax", axis, x)
    if p is not None:
        return p
    return _softmax(x, axis)[0]


def softmax_reference(x: Any, axis: int) -> tuple[Any, Any]:
    """``softmax`` as every array module computes it, and log(sum(e^x))."""
    xp = get_array_module(x)
    top = x.max(axis=axis, keepdims=True)
    p = xp.exp(x - top)
    total = p.sum(axis=axis, keepdims=True)
    p /= total
    return p, xp.log(total) + top


def softmax_gradient(gy: Any, y: Any, axis: int) -> Any:
    """y (gy - sum(gy y)) by a compiled loop; None where there is none for these arrays."""
    return _by_loop("softmax_gradient", axis, y, gy, y)


def log_softmax(x: Any, axis: int) -> Any:
    """x - log(sum(e^x))."""
    y = _by_loop("log_softmax", axis, x)
    return x - logsumexp(x, axis) if y is None else y


def log_softmax_gradient(gy: Any, y: Any, axis: int) -> Any:
    """gy - e^y sum(gy) by a compiled loop; None where there is none for these arrays."""
    return _by_loop("log_softmax_gradient", axis, y, gy, y)


def logsumexp(x: Any, axis: int) -> Any:
    """``arrays.logsumexp(x, axis)``, up to the rounding."""
    loops = _loops(axis, x)
    if loops is None and not _is_fast(x, axis):
        return arrays.logsumexp(x, axis)
    y = np.empty((*x.shape[:-1], 1), x.dtype)
    rows, ys = x.reshape(-1, x.shape[-1]), y.reshape(-1)

    def work(start: int, stop: int) -> None:
        if loops:
            loops.logsumexp(rows[start:stop], ys[start:stop])
            return
        total, top = _exponentials(rows[start:stop], np.empty_like(rows[start:stop]))
        ys[start:stop] = _log_total(total, top)[:, 0]

    _by_rows(work, rows, _LOOP_WORTH_A_THREAD if loops else _WORTH_A_THREAD)
    return y


def logsumexp_gradient(gy: Any, x: Any, y: Any, axis: int) -> Any:
    """gy e^(x - y) by a compiled loop, for gy and y with length 1 along ``axis``; None where there is none."""
    loops = _loops(axis, x, gy, y)
    if loops is None:
        return None
    gx = np.empty_like(x)
    gys, xs, ys, gxs = gy.reshape(-1), _rows(x), y.reshape(-1), _rows(gx)
    _by_rows(lambda i, j: loops.logsumexp_gradient(gys[i:j], xs[i:j], ys[i:j], gxs[i:j]), xs)
    return gx


def label_losses(x: Any, t: Any) -> tuple[Any, Any]:
    """-log(softmax(x)[t]) for each row, and what ``label_gradient`` wants to be kept.

    Args:
        x: Scores (N, C).
        t: Labels (N,), int64, from 0 to C - 1.
    """
    xp = get_array_module(x)
    loops = _loops(1, x)
    if loops is not None and type(t) is np.ndarray and t.dtype == np.int64 and t.flags.c_contiguous:
        losses, tops, totals = np.empty(len(x), x.dtype), np.empty(len(x), x.dtype), np.empty(len(x))
        _by_rows(lambda i, j: loops.label_losses(x[i:j], t[i:j], losses[i:j], tops[i:j], totals[i:j]), x)
        return losses, (tops, totals)
    p, log_total = _softmax(x, 1)
    return log_total[:, 0] - x[xp.arange(len(x)), t], p


def label_gradient(x: Any, t: Any, kept: Any, scale: Any) -> Any:
    """(softmax(x) - one-hot) scale, (N, C).

    Args:
        x, t: As for ``label_losses``.
        kept: What that returned: the tops and sums of the rows, from which a loop has softmax(x) in no time, or
            softmax(x).
        scale: A number, or (N,).
    """
    if isinstance(kept, tuple):
        scales = np.empty(len(x), x.dtype)
        scales[...] = scale
        loops = _loops(1, x)
        if loops is not None:
            gx = np.empty_like(x)
            each = (x, t, *kept, scales, gx)
            _by_rows(lambda i, j: loops.label_gradient(*[a[i:j] for a in each]), x)
            return gx
        kept = softmax(x, 1)
    xp, is_number = get_array_module(x), not getattr(scale, "ndim", 0)
    gx = kept * (scale if is_number else scale[:, None])
    gx[xp.arange(len(x)), t] -= scale
    return gx


def _by_loop(name: str, axis: int, like: Any, *arrays: Any) -> Any:
    """The result of the loop ``name`` over the rows of ``arrays``, an array like ``like``; None where none serves."""
    given = arrays or (like,)
    loops = _loops(axis, *given)
    if loops is None:
        return None
    loop, out = getattr(loops, name), np.empty_like(like)
    each = [_rows(a) for a in (*given, out)]
    _by_rows(lambda i, j: loop(*[a[i:j] for a in each]), each[0])
    return out


def _loops(axis: int, x: Any, *others: Any) -> Any:
    """The loops, where they serve these arrays: enough numbers, to be summed along the last axis."""
    if type(x) is not np.ndarray or axis != x.ndim - 1 or x.size < _LEAST_FOR_LOOPS:
        return None
    return loops_for("softmax", x, *others)


def _rows(x: Any) -> Any:
    return x.reshape(-1, x.shape[-1])


def _by_rows(work: Any, rows: Any, least: int | None = None) -> None:
    """Calls ``work`` with the rows from one to another, of at least so many elements."""
    run_in_parts(work, len(rows), -(-(least or _LOOP_WORTH_A_THREAD) // rows.shape[1]))


def _is_fast(x: Any, axis: int) -> bool:
    return (
        type(x) is np.ndarray
        and x.size >= _LEAST
        and x.dtype.char in "fd"
        and axis == x.ndim - 1
        and x.flags.c_contiguous
    )


def _softmax(x: Any, axis: int) -> tuple[Any, Any]:
    """``softmax_reference``, in few passes of NumPy where that takes ``x``."""
    if not _is_fast(x, axis):
        return softmax_reference(x, axis)
    p, log_total = np.empty_like(x), np.empty((*x.shape[:-1], 1), x.dtype)
    rows, ps, logs = _rows(x), _rows(p), log_total.reshape(-1, 1)

    def work(start: int, stop: int) -> None:
        total, top = _exponentials(rows[start:stop], ps[start:stop])
        ps[start:stop] *= 1 / total
        logs[start:stop] = _log_total(total, top)

    _by_rows(work, rows, _WORTH_A_THREAD)
    return p, log_total


def _exponentials(x: Any, out: Any) -> tuple[Any, Any]:
    """Writes e^(x - top) to ``out``; returns its sum for each row, and ``top``, which is 0 where no x is large."""
    top: Any = 0.0
    if x.min() > -_CALM and x.max() < _CALM:
        np.exp(x, out=out)
    else:
        top = x.max(axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):  # infinity minus infinity: such a row has no softmax
            np.subtract(x, top, out=out)
        np.exp(out, out=out)
    return sum_along(out, (1,), keepdims=True), top


def _log_total(total: Any, top: Any) -> Any:
    return np.where(np.isinf(top), top, np.log(total) + top)  # of infinite numbers the sum of e^(x - top) is none
