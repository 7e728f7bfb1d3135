"""Knows how to change large arrays in place piece by piece: each piece stays in the cache, and threads share them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .parallel import run_in_parts

_PIECE = 1 << 19  # bytes of each array at a time: less, and threads wait for each other between NumPy's calls


def in_pieces(rule: Callable[..., object], *arrays: Any) -> None:
    """Does ``rule(*arrays)``, which changes some of the arrays in place, each element by those at its place alone.

    On large arrays of one shape ``rule`` is called with one piece after the other, so that its second pass finds in the
    cache what the first one left there, and what it computes in between takes the memory of a piece. On all others
    it is called once with the arrays as they are: on small and broadcast ones, on those of a GPU.

    Args:
        rule: Takes the arrays, or the same piece of each as vectors. It runs on several threads at a time.
        *arrays: What it works on. None is None in every piece.

    Example:
        >>> def average(mean, x):
        ...     mean += 0.5 * (x - mean)
        >>> mean = np.zeros(1_000_000)
        >>> in_pieces(average, mean, np.ones(1_000_000))
        >>> mean[-1].item()
        0.5
    """
    first = arrays[0]
    if first.nbytes < 2 * _PIECE or type(first) is not np.ndarray or not _have_equal_layouts(first, arrays):
        rule(*arrays)
        return
    flat = [a if a is None else a.reshape(-1) for a in arrays]
    step = _PIECE // first.itemsize
    left = [slice(i, i + step) for i in range(0, first.size, step)]

    def work(start: int, stop: int) -> None:
        while left:
            try:
                piece = left.pop()  # whoever is free takes one: the other core may be at work for BLAS
            except IndexError:  # another thread took the last one
                return
            rule(*[a if a is None else a[piece] for a in flat])

    run_in_parts(work, len(left), 1)


def _have_equal_layouts(first: np.ndarray, arrays: tuple[Any, ...]) -> bool:
    """Whether all are NumPy's, of one shape, and lie in memory row by row."""
    return all(a is None or (type(a) is np.ndarray and a.shape == first.shape and a.flags.c_contiguous) for a in arrays)
