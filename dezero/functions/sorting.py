"""Knows the ops that order elements: sort, the largest few, and where the largest and the smallest are."""

from __future__ import annotations

from typing import Any

from ..arrays import normalize_axes
from ..core import Variable, as_operand, constant
from ..cuda import get_array_module
from .indexing import take_along
from .reduction import check_not_empty


def sort(x: Any, axis: int = -1, descending: bool = False) -> tuple[Variable, Variable]:
    """The elements in order along ``axis``, and where they were.

    Equal elements stay in the order they have in ``x``, also with ``descending``. NaN counts as the largest.

    Args:
        x: Variable or array.
        axis: The axis to sort along.
        descending: Largest first.

    Returns:
        ``values``, a Variable with the shape of ``x``, whose gradients go back to where each value came from; and
        ``indices``, integers with values = take_along_axis(x, indices, axis). They have no gradient.

    Raises:
        ValueError: ``axis`` is out of range.

    Example:
        >>> values, indices = sort(np.array([3.0, 1.0, 2.0]))
        >>> values, indices
        (variable([1. 2. 3.]), variable([1 2 0]))
    """
    x = as_operand(x, "sort")
    (axis,) = normalize_axes(axis, x.ndim, "sort")
    return _taken(x, _order(x.data, axis, descending), axis, "sort")


def topk(x: Any, k: int, axis: int = -1, largest: bool = True) -> tuple[Variable, Variable]:
    """The ``k`` largest elements along ``axis``, the largest first, and where they were.

    Of equal elements those that come first in ``x`` count as larger, or as smaller with ``largest=False``: they are
    taken first. NaN counts as the largest.

    Args:
        x: Variable or array.
        k: How many.
        axis: The axis to pick along.
        largest: False gives the smallest ones, the smallest first.

    Returns:
        ``values``, a Variable as long as ``k`` along ``axis``, whose gradients go back to where each value came from;
        and ``indices``, integers with values = take_along_axis(x, indices, axis). They have no gradient.

    Raises:
        ValueError: ``axis`` is out of range, or ``k`` is negative or above its length.

    Example:
        >>> values, indices = topk(np.array([3.0, 1.0, 4.0, 1.5]), 2)
        >>> values, indices
        (variable([4. 3.]), variable([2 0]))
    """
    x = as_operand(x, "topk")
    (axis,) = normalize_axes(axis, x.ndim, "topk")
    n = x.shape[axis]
    if not 0 <= k <= n:
        raise ValueError(f"topk: k must be from 0 to {n}, the length of axis {axis} of x {x.shape}, got {k}.")
    return _taken(x, _order(x.data, axis, largest)[(slice(None),) * axis + (slice(k),)], axis, "topk")


def _order(x: Any, axis: int, descending: bool) -> Any:
    """The indices that sort ``x``, equal elements in the order they have."""
    xp = get_array_module(x)
    if not descending:
        return xp.argsort(x, axis=axis, kind="stable")
    turned = (slice(None),) * axis + (slice(None, None, -1),)
    return x.shape[axis] - 1 - xp.argsort(x[turned], axis=axis, kind="stable")[turned]


def _taken(x: Variable, order: Any, axis: int, who: str) -> tuple[Variable, Variable]:
    return take_along(x, order, axis, who, unique=True), constant(order, who)


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Variable:
    """Where the largest element is along ``axis``: the first of them, where several are equal.

    Args:
        x: Variable or array with at least one element along ``axis``.
        axis: The axis; None counts through the flattened ``x``.
        keepdims: Keep that axis with length 1, or all of them.

    Returns:
        Variable of integers. They have no gradient.

    Raises:
        ValueError: ``axis`` is out of range or has no elements.

    Example:
        >>> argmax(np.array([[1.0, 5.0], [7.0, 3.0]]), axis=1)
        variable([1 0])
    """
    return _extreme(x, axis, keepdims, "argmax")


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Variable:
    """Where the smallest element is along ``axis``; all else is as in ``argmax``."""
    return _extreme(x, axis, keepdims, "argmin")


def _extreme(x: Any, axis: int | None, keepdims: bool, who: str) -> Variable:
    x = as_operand(x, who)
    if axis is not None:
        if isinstance(axis, (tuple, list)):
            raise ValueError(f"{who}: one axis or None is wanted, got {axis!r}.")
        (axis,) = normalize_axes(axis, x.ndim, who)
    check_not_empty(x, axis, who)
    return constant(getattr(x.data, who)(axis=axis, keepdims=keepdims), who)
