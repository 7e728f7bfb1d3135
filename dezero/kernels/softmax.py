"""Knows softmax on arrays, its logarithm, the logarithm of the sum it divides by, and its cross entropy with labels."""

from __future__ import annotations

import math
from functools import cache
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
_NARROWEST, _WIDEST = 64, 1024  # columns of a block: short pieces of rows take longer, many numbers leave the cache
_BLOCKS = 4  # at least, where columns are many: so that there are some for each thread
_WIDE = 128  # columns, from where on a row is long enough by itself
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
    return _by_loop("softmax_gradient", axis, y, gy)


def log_softmax(x: Any, axis: int) -> Any:
    """x - log(sum(e^x))."""
    y = _by_loop("log_softmax", axis, x)
    return x - logsumexp(x, axis) if y is None else y


def log_softmax_gradient(gy: Any, y: Any, axis: int) -> Any:
    """gy - e^y sum(gy) by a compiled loop; None where there is none for these arrays."""
    return _by_loop("log_softmax_gradient", axis, y, gy)


def logsumexp(x: Any, axis: int) -> Any:
    """``arrays.logsumexp(x, axis)``, up to the rounding."""
    loops = _loops(axis, x)
    if loops is not None:
        y = np.empty(arrays.keepdims_shape(x.shape, (axis,)), x.dtype)
        _run(loops.logsumexp, axis, (x,), (y,))
        return y
    if not _is_fast(x, axis):
        return arrays.logsumexp(x, axis)
    y = np.empty((*x.shape[:-1], 1), x.dtype)
    rows, ys = _rows(x), y.reshape(-1, 1)

    def work(start: int, stop: int) -> None:
        total, top = _exponentials(rows[start:stop], np.empty_like(rows[start:stop]))
        ys[start:stop] = _log_total(total, top)

    _by_rows(work, rows)
    return y


def logsumexp_gradient(gy: Any, x: Any, y: Any, axis: int) -> Any:
    """gy e^(x - y) by a compiled loop, for gy and y with length 1 along ``axis``; None where there is none."""
    loops = _loops(axis, x, gy, y)
    if loops is None:
        return None
    gx = np.empty_like(x)
    _run(loops.logsumexp_gradient, axis, (x, gx), (gy, y))
    return gx


def label_losses(x: Any, t: Any) -> tuple[Any, Any]:
    """-log(softmax(x)[t]) for each sample, and what ``label_gradient`` wants to be kept.

    Args:
        x: Scores (N, C, ...).
        t: Labels from 0 to C - 1, int64, in a row: (N ...,).
    """
    loops = _loops(1, x) if type(t) is np.ndarray and t.dtype == np.int64 and t.flags.c_contiguous else None
    if loops is not None:
        losses, tops, totals = np.empty(len(t), x.dtype), np.empty(len(t), x.dtype), np.empty(len(t))
        _run(loops.label_losses, 1, (x,), (t, losses, tops, totals))
        return losses, (tops, totals)
    if x.ndim > 2:
        return label_losses(_classes_last(x), t)
    p, log_total = _softmax(x, 1)
    return log_total[:, 0] - x[get_array_module(x).arange(len(x)), t], p


def label_gradient(x: Any, t: Any, kept: Any, scale: Any) -> Any:
    """(softmax(x) - one-hot) scale, (N, C, ...).

    Args:
        x, t: As for ``label_losses``.
        kept: What that returned: the tops and sums of the samples, from which a loop has softmax(x) in no time, or
            softmax(x), (N ..., C).
        scale: A number, or (N ...,).
    """
    is_number = not getattr(scale, "ndim", 0)
    loops = _loops(1, x) if isinstance(kept, tuple) else None
    if loops is not None:
        gx = np.empty_like(x)
        scales = np.full(len(t), scale, x.dtype) if is_number else np.ascontiguousarray(scale, x.dtype)
        _run(loops.label_gradient, 1, (x, gx), (t, *kept, scales))
        return gx
    if x.ndim > 2:
        gx = label_gradient(_classes_last(x), t, kept, scale)
        xp = get_array_module(x)
        return xp.moveaxis(gx.reshape(len(x), *x.shape[2:], x.shape[1]), -1, 1)  # (N, C, ...)
    p = softmax(x, 1) if isinstance(kept, tuple) else kept
    gx = p * (scale if is_number else scale[:, None])
    gx[get_array_module(x).arange(len(x)), t] -= scale
    return gx


def _classes_last(x: Any) -> Any:
    """(N, C, ...) as rows of C classes, (N ..., C)."""
    return get_array_module(x).moveaxis(x, 1, -1).reshape(-1, x.shape[1])


# --- by loops ---------------------------------------------------------------------------------------------------


def _by_loop(name: str, axis: int, x: Any, *others: Any) -> Any:
    """What the loop ``name`` makes of ``x`` and the others, an array like ``x``; None where none serves them."""
    loops = _loops(axis, x, *others)
    if loops is None:
        return None
    out = np.empty_like(x)
    _run(getattr(loops, name), axis, (x, *others, out))
    return out


def _loops(axis: Any, x: Any, *others: Any) -> Any:
    """The loops, where they serve these arrays: over rows, or over columns if ``axis`` is not the last."""
    if type(x) is not np.ndarray or x.size < _LEAST_FOR_LOOPS or not isinstance(axis, int):
        return None
    return loops_for("softmax" if _after(axis, x) == 1 else "softmax_columns", x, *others)


def _run(loop: Any, axis: int, wholes: tuple[Any, ...], each: tuple[Any, ...] = ()) -> None:
    """Calls ``loop`` with arrays of one shape, and with those that have one element for each row or column of them."""
    x, C, B = wholes[0], wholes[0].shape[axis], _after(axis, wholes[0])
    if B == 1:
        rows = [*[a.reshape(-1, C) for a in wholes], *[a.reshape(-1) for a in each]]
        if x.size < 2 * _LOOP_WORTH_A_THREAD:
            loop(*rows)
        else:
            run_in_parts(lambda i, j: loop(*[a[i:j] for a in rows]), len(rows[0]), -(-_LOOP_WORTH_A_THREAD // C))
        return
    A, R = x.size // (C * B), _rows_as_one(C, B)
    given = [*[a.reshape(A, C // R, R * B) for a in wholes], *[a.reshape(A, B) for a in each]]
    width = R * B if R > 1 else min(_WIDEST, max(_NARROWEST, -(-A * B // _BLOCKS) // _NARROWEST * _NARROWEST))
    blocks = A * -(-R * B // width)
    run_in_parts(lambda i, j: loop(*given, B, width, i, j), blocks, -(-_LOOP_WORTH_A_THREAD * blocks // x.size))


def _after(axis: int, x: Any) -> int:
    """How many elements lie between neighbours along ``axis``."""
    return 1 if axis == x.ndim - 1 else math.prod(x.shape[axis + 1 :])


@cache
def _rows_as_one(C: int, B: int) -> int:
    """How many rows of few columns are taken as one wide row: a divisor of C."""
    return next(R for R in range(max(1, min(C, _WIDE // B)), 0, -1) if C % R == 0)


# --- in NumPy ---------------------------------------------------------------------------------------------------


def _rows(x: Any) -> Any:
    return x.reshape(-1, x.shape[-1])


def _by_rows(work: Any, rows: Any) -> None:
    """Calls ``work`` with the rows from one to another."""
    run_in_parts(work, len(rows), -(-_WORTH_A_THREAD // rows.shape[1]))


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

    _by_rows(work, rows)
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
