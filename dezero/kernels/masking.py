"""Knows how to keep some elements of an array and put zeros in place of the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cuda import get_array_module
from .compiled import loops_for
from .parallel import run_in_parts

_BLOCK = 1 << 17  # elements to take at a time: what is computed in between stays in the cache
_WORTH_A_THREAD = 2  # blocks
_LOOP_WORTH_A_THREAD = 1 << 20  # elements
_SCALED_WORTH_A_THREAD = 1 << 19  # elements
_LEAST = 1 << 13  # elements; for fewer the references are as fast


def keep_where(condition: Any, x: Any) -> Any:
    """``x`` where ``condition``, 0 elsewhere."""
    if type(x) is np.ndarray and x.dtype.kind == "f" and x.dtype.itemsize <= 8:
        loops = _loops(condition, x)
        if loops is None:
            return _keep_where(condition, x)
        y = np.empty_like(x)
        _run(loops.keep_where, condition.reshape(-1), x.reshape(-1), y.reshape(-1))
        return y
    return get_array_module(x).where(condition, x, 0)


def _loops(condition: Any, x: np.ndarray) -> Any:
    """The loops, where they serve both."""
    is_mask = type(condition) is np.ndarray and condition.dtype == bool and condition.shape == x.shape
    if not is_mask or x.size < _LEAST or not condition.flags.carray:
        return None
    return loops_for("masking", x)


def _keep_where(condition: np.ndarray, x: np.ndarray) -> np.ndarray:
    """``keep_where`` on the bits, five times as fast: all ones or all zeros, and the number."""
    bits = f"i{x.dtype.itemsize}"
    mask = condition.astype(bits)
    np.negative(mask, out=mask)
    mask &= x.view(bits)
    return mask.view(x.dtype)


def scale_by(mask: Any, x: Any) -> Any:
    """``x * mask``, for a mask of the shape of ``x``, or with length 1 along the last axes."""
    if type(x) is not np.ndarray or x.size < 2 * _SCALED_WORTH_A_THREAD or len(mask) != len(x):
        return x * mask
    y = np.empty(x.shape, np.result_type(x, mask))
    loops = loops_for("masking", x, mask, y) if _is_of_rows(mask, x) else None
    if loops is None:
        least = -(-_SCALED_WORTH_A_THREAD * len(x) // x.size)
        run_in_parts(lambda i, j: np.multiply(x[i:j], mask[i:j], out=y[i:j]), len(x), least)
        return y
    factors = mask.reshape(-1)
    rows, out = x.reshape(len(factors), -1), y.reshape(len(factors), -1)
    least = -(-_SCALED_WORTH_A_THREAD // rows.shape[1])
    run_in_parts(lambda i, j: loops.scale_rows(rows[i:j], factors[i:j], out[i:j]), len(rows), least)
    return y


def _is_of_rows(mask: np.ndarray, x: np.ndarray) -> bool:
    """Whether ``mask`` has one element for each of some long rows of ``x``."""
    k = max((axis + 1 for axis, n in enumerate(mask.shape) if n > 1), default=0)
    return mask.ndim == x.ndim and mask.shape[:k] == x.shape[:k] and mask.size <= x.size >> 4


def keep_above_zero(x: Any) -> Any:
    """``x`` where it is above 0, 0 elsewhere, in the memory order of ``x``; NaN stays."""
    memory = _memory(x)
    if memory is None:
        return keep_above_zero_reference(x)
    y = np.empty_like(x)
    out = y.ravel("K")
    loops = loops_for("masking", memory, out)
    if loops is not None:
        _run(loops.keep_above_zero, memory, out)
        return y

    def work(start: int, stop: int) -> None:
        zeros = np.zeros(min(_BLOCK, memory.size), x.dtype)  # NumPy is twice as fast with these as with one number
        for block in _blocks(start, stop, memory.size):
            part = memory[block]
            np.maximum(part, zeros[: part.size], out=out[block])

    _by_blocks(work, memory.size)
    return y


def keep_above_zero_reference(x: Any) -> Any:
    """``keep_above_zero`` for any array module."""
    return get_array_module(x).maximum(x, x.dtype.type(0))


def keep_where_above_zero(x: Any, y: Any) -> Any:
    """``x`` where ``y`` is above 0, 0 elsewhere, in the memory order of ``y`` if that has the same dtype."""
    memory = _memory(y) if x.dtype == y.dtype and x.shape == y.shape else None
    if memory is None:
        return keep_where_above_zero_reference(x, y)
    if x.strides != y.strides:  # NumPy is slow where the orders of two operands differ
        ordered = np.empty_like(y)
        ordered[...] = x
        x = ordered
    kept = np.empty_like(y)
    given, out = x.ravel("K"), kept.ravel("K")
    loops = loops_for("masking", given, memory, out)
    if loops is not None:
        _run(loops.keep_where_above_zero, given, memory, out)
        return kept
    if out.size <= 4 * _BLOCK:
        return keep_where_above_zero_reference(x, y)  # whose temporary arrays stay in the cache

    def work(start: int, stop: int) -> None:
        above = np.empty(min(_BLOCK, memory.size), bool)
        ones = np.empty(above.size, y.dtype)
        for block in _blocks(start, stop, memory.size):
            part = memory[block]
            a, one = above[: part.size], ones[: part.size]
            np.greater(part, 0, out=a)
            np.copyto(one, a)
            np.multiply(given[block], one, out=out[block])

    _by_blocks(work, memory.size)
    return kept


def keep_where_above_zero_reference(x: Any, y: Any) -> Any:
    """``keep_where_above_zero`` for any array module."""
    return x * (y > 0).astype(y.dtype)


def _run(loop: Any, *vectors: Any) -> None:
    run_in_parts(lambda i, j: loop(*[v[i:j] for v in vectors]), vectors[0].size, _LOOP_WORTH_A_THREAD)


def _memory(x: Any) -> Any:
    """The elements of ``x`` in a row, as they lie in memory; None where they are few, or do not lie in one stretch."""
    if type(x) is not np.ndarray or x.size < _LEAST or x.dtype.kind != "f":
        return None
    row = x.ravel("K")
    return row if np.may_share_memory(row, x) else None


def _by_blocks(work: Any, size: int) -> None:
    """Calls ``work(start, stop)`` with the numbers of the blocks to do."""
    run_in_parts(work, -(-size // _BLOCK), _WORTH_A_THREAD)


def _blocks(start: int, stop: int, size: int) -> Any:
    """What the blocks from ``start`` up to ``stop`` hold."""
    return (slice(k * _BLOCK, min((k + 1) * _BLOCK, size)) for k in range(start, stop))
