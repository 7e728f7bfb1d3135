"""Knows how to change arrays in place: as a compiled loop, or piece by piece, so that each piece stays in the cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from .compiled import loops_for
from .parallel import run_in_parts

_PIECE = 1 << 19  # bytes of each array at a time: less, and threads wait for each other between NumPy's calls
_WORTH_A_THREAD = 1 << 22  # bytes of all arrays, for a loop that goes over them once
Rule = TypeVar("Rule", bound=Callable[..., object])
_FEW = 1 << 13  # elements; of no more NumPy makes two passes while a loop is being called


def compiled_as(loop: str) -> Callable[[Rule], Rule]:
    """Marks a rule: the function ``loop`` of ``loops/updates.py`` does the same.

    Where a subclass has a rule of its own, that one is not marked, and runs as it is written.
    """

    def mark(rule: Rule) -> Rule:
        rule.loop = loop  # type: ignore[attr-defined]
        return rule

    return mark


def in_one_pass(numbers: tuple[float, ...], rule: Callable[..., object], *arrays: Any) -> None:
    """Does ``rule(*arrays)`` as ``in_pieces`` does, or in one pass by the loop that the rule is marked with.

    Args:
        numbers: What the loop takes after the arrays.
        rule: As ``in_pieces`` takes it, or a ``partial`` of that.
        *arrays: What the rule works on.

    Example:
        >>> @compiled_as("average")
        ... def halve(mean, x):
        ...     mean += 0.5 * (x - mean)
        >>> mean = np.zeros(3)
        >>> in_one_pass((0.5,), halve, mean, np.ones(3))
        >>> mean
        array([0.5, 0.5, 0.5])
    """
    if len(arrays) == 2 and arrays[0].size <= _FEW:
        rule(*arrays)
        return
    loop = getattr(getattr(rule, "func", rule), "loop", None)
    loops = loop and loops_for("updates", *arrays)
    shape = arrays[0].shape
    if not loops or any(a is not None and a.shape != shape for a in arrays):
        in_pieces(rule, *arrays)
        return
    compiled, given = getattr(loops, str(loop)), [float(number) for number in numbers]
    vectors = [a if a is None else a.reshape(-1) for a in arrays]  # (n,)
    n = arrays[0].size
    least = _WORTH_A_THREAD // (len(arrays) * arrays[0].itemsize)
    if n < 2 * least:
        compiled(*vectors, *given)
    else:
        run_in_parts(lambda i, j: compiled(*[v if v is None else v[i:j] for v in vectors], *given), n, least)


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
