"""Knows how to sum along axes at the speed of memory: as products with ones, which BLAS computes on all cores.

NumPy goes along short rows at a fraction of that speed: to sum (768, 65) along either axis takes it four times as long.
"""

from __future__ import annotations

import math
from itertools import groupby
from typing import Any

import numpy as np

from .. import arrays
from .compiled import loops_for
from .parallel import run_in_parts

_LEAST = 1 << 14  # elements; for fewer NumPy is as fast
_WORTH_A_THREAD = 1 << 17  # elements of a cumulative sum
_LONGEST = 4096  # NumPy adds up a row in pairs, and so keeps digits that BLAS loses on longer ones


def sum_along(x: Any, axes: tuple[int, ...], keepdims: bool = False) -> Any:
    """``x.sum(axes, keepdims=keepdims)``, up to the rounding.

    Args:
        x: Array.
        axes: The axes to sum over, from 0 to ``x.ndim - 1``, each once.
        keepdims: Keep those axes with length 1.

    Example:
        >>> sum_along(np.ones((9000, 3)), (0,))
        array([9000., 9000., 9000.])
    """
    if len(axes) == x.ndim:
        return x.sum(keepdims=True) if keepdims else sum_all(x)
    if type(x) is not np.ndarray or x.size < _LEAST or x.dtype.char not in "fd":
        return x.sum(axis=axes, keepdims=keepdims)
    in_memory = sorted(range(x.ndim), key=lambda axis: -x.strides[axis])
    kept = [axis for axis in in_memory if axis not in axes]
    rows = x.transpose(in_memory)
    if kept != sorted(kept) or not rows.flags.c_contiguous:
        return x.sum(axis=axes, keepdims=keepdims)
    groups = groupby((axis for axis in in_memory if x.shape[axis] > 1), axes.__contains__)
    y = _sum_groups(rows, [(summed, math.prod(x.shape[axis] for axis in group)) for summed, group in groups])
    shape = arrays.keepdims_shape(x.shape, axes) if keepdims else tuple([x.shape[axis] for axis in kept])
    return y if y.shape == shape else y.reshape(shape)


def sum_all(x: Any) -> Any:
    """``x.sum()``, up to the rounding."""
    loops = loops_for("sums", x) if x.size >= _LEAST else None
    return x.sum() if loops is None else x.dtype.type(loops.total(x.reshape(-1)))


def cumsum(x: Any, axis: int, from_end: bool = False) -> Any:
    """``x.cumsum(axis)``; or what is summed up from the other end.

    Args:
        x: Array.
        axis: From 0 to ``x.ndim - 1``.
        from_end: Begin with the last element.

    Example:
        >>> cumsum(np.array([1.0, 2.0, 3.0]), 0, from_end=True)
        array([6., 5., 3.])
    """
    loops = loops_for("sums", x) if x.size >= _LEAST else None
    if loops is None:
        if not from_end:
            return x.cumsum(axis=axis)
        turned = (slice(None),) * axis + (slice(None, None, -1),)
        return x[turned].cumsum(axis=axis)[turned]
    y = np.empty_like(x)
    K = math.prod(x.shape[axis + 1 :])
    x3, y3 = x.reshape(-1, x.shape[axis], K), y.reshape(-1, x.shape[axis], K)  # (M, n, K)
    work = loops.cumsum_from_end if from_end else loops.cumsum
    run_in_parts(lambda i, j: work(x3[i:j], y3[i:j]), len(x3), -(-_WORTH_A_THREAD * len(x3) // x.size))
    return y


def sum_rows(x: Any) -> Any:
    """``x.sum(axis=0)``, up to the rounding, of a matrix: an array, or whatever else has a ``sum``."""
    if type(x) is np.ndarray and x.size >= _LEAST >> 3 and x.dtype.char in "fd" and x.flags.c_contiguous:
        return _ones(len(x), x) @ x
    return x.sum(axis=0)


def mean_along(x: Any, axes: tuple[int, ...], keepdims: bool = False) -> Any:
    """``x.mean(axes, keepdims=keepdims)``, up to the rounding."""
    if type(x) is not np.ndarray or x.dtype.char not in "fd" or not x.size:
        return x.mean(axis=axes, keepdims=keepdims)
    return sum_along(x, axes, keepdims) / x.dtype.type(math.prod([x.shape[axis] for axis in axes]))


def sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """``arrays.sum_to(x, shape)``, up to the rounding."""
    wide = (1,) * (x.ndim - len(shape)) + shape  # shape with x's number of axes
    if x.size < _LEAST or len(wide) != x.ndim or any(n not in (1, m) for n, m in zip(wide, x.shape)):
        return arrays.sum_to(x, shape)
    return sum_along(x, tuple([i for i, n in enumerate(wide) if n != x.shape[i]])).reshape(shape)


def _sum_groups(x: np.ndarray, groups: list[tuple[bool, int]]) -> Any:
    """Sums ``x``, whose elements lie in memory one behind the other, over some of the axes they are laid out in.

    Args:
        x: Array; its own shape does not count.
        groups: For each of those axes, the slowest first, whether to sum over it, and its length.
    """
    last_is_summed, n = groups[-1]
    if last_is_summed and len(groups) > 1 and n <= _LONGEST:
        x = x.reshape(-1, n) @ _ones(n, x)
        groups = groups[:-1]
    x = x.reshape([n for _, n in groups])
    summed = [is_summed for is_summed, _ in groups]
    if summed == [True, False]:
        return _ones(len(x), x) @ x
    if summed == [False, True, False] and x.size >= _LEAST * len(x):
        return _ones(x.shape[1], x) @ x
    return x.sum(axis=tuple([i for i, is_summed in enumerate(summed) if is_summed]))


def _ones(n: int, x: np.ndarray) -> np.ndarray:
    return np.ones(n, x.dtype)
