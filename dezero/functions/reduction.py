"""Knows the ops that sum, average or pick the extreme along axes, and broadcasting, which sum undoes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arrays
from ..arrays import keepdims_shape, normalize_axes
from ..core import Function, Variable, as_variable
from ..cuda import get_array_module

Axis = Any  # None, an integer, or a tuple of them


def reshape_sum_backward(gy: Variable, x_shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Variable:
    """Gives the gradient of a reduction its reduced axes back, with length 1, so that it broadcasts to ``x_shape``.

    Args:
        gy: Gradient of the reduction's result.
        x_shape: Shape of what was reduced.
        axis: The axes that were reduced; None means all.
        keepdims: Whether the result has them already.
    """
    if keepdims:
        return gy
    return gy.reshape(keepdims_shape(x_shape, normalize_axes(axis, len(x_shape), "sum")))


class Sum(Function):
    """y = sum of x along axes;  gx = gy broadcast back."""

    def __init__(self, axis: Axis, keepdims: bool):
        self.axis = axis
        self.keepdims = keepdims

    def forward(self, x):
        return x.sum(axis=self.axis, keepdims=self.keepdims)

    def backward(self, gy):
        (x,) = self.inputs
        return broadcast_to(reshape_sum_backward(gy, x.shape, self.axis, self.keepdims), x.shape)


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Variable:
    """Sum of the elements along ``axis``.

    Args:
        x: Variable or array of any shape.
        axis: Axis or tuple of axes to sum over; None sums all.
        keepdims: Keep the summed axes with length 1.

    Returns:
        Variable without the axes summed over (0-d for ``axis=None``).

    Raises:
        ValueError: ``axis`` is out of range or names an axis twice.

    Example:
        >>> sum(np.ones((2, 3)), axis=0)
        variable([2. 2. 2.])
    """
    return Sum(_checked_axis(axis, x, "sum"), keepdims)(x)


def _checked_axis(axis: Axis, x: Any, who: str) -> Axis:
    return None if axis is None else normalize_axes(axis, _ndim(x), who)


def _ndim(x: Any) -> int:
    """Number of axes of a Variable, array or scalar."""
    return x.ndim if hasattr(x, "ndim") else np.ndim(x)


class SumTo(Function):
    """y = x summed down to a shape that broadcasts to x's;  gx = gy broadcast to x's shape."""

    def __init__(self, shape: tuple[int, ...]):
        self.shape = shape

    def forward(self, x):
        return arrays.sum_to(x, self.shape)

    def backward(self, gy):
        return broadcast_to(gy, self.inputs[0].shape)


def sum_to(x: Any, shape: tuple[int, ...]) -> Variable:
    """Sums ``x`` down to ``shape``, the reverse of ``broadcast_to``.

    Args:
        x: Variable or array.
        shape: A shape that broadcasts to ``x.shape``.

    Returns:
        Variable of shape ``shape``.

    Raises:
        ValueError: ``shape`` does not broadcast to ``x.shape``.

    Example:
        >>> sum_to(np.ones((2, 3)), (1, 3))
        variable([[2. 2. 2.]])
    """
    shape = tuple(shape)
    return as_variable(x) if x.shape == shape else SumTo(shape)(x)


class BroadcastTo(Function):
    """y = x repeated along axes of length 1;  gx = gy summed over them."""

    def __init__(self, shape: tuple[int, ...]):
        self.shape = shape

    def forward(self, x):
        return get_array_module(x).broadcast_to(x, self.shape)

    def backward(self, gy):
        return sum_to(gy, self.inputs[0].shape)


def broadcast_to(x: Any, shape: tuple[int, ...]) -> Variable:
    """Repeats ``x`` along axes of length 1, and along new leading axes, up to ``shape``.

    Args:
        x: Variable or array.
        shape: Shape of the result, by NumPy's broadcasting rule.

    Returns:
        Variable of shape ``shape``; its data is a read-only view of ``x``.

    Raises:
        ValueError: ``x`` does not broadcast to ``shape``.

    Example:
        >>> broadcast_to(np.array([1.0, 2.0]), (2, 2))
        variable([[1. 2.]
                  [1. 2.]])
    """
    shape = tuple(shape)
    if x.shape == shape:
        return as_variable(x)
    lead = len(shape) - x.ndim
    if lead < 0 or any(n not in (1, m) for n, m in zip(x.shape, shape[lead:])):
        raise ValueError(f"broadcast_to: {tuple(x.shape)} does not broadcast to {shape}.")
    return BroadcastTo(shape)(x)


def average(x: Any, axis: Axis = None, keepdims: bool = False) -> Variable:
    """Mean of the elements along ``axis``; also called ``mean``.

    Args:
        x: Variable or array of any shape, floating point.
        axis: Axis or tuple of axes to average over; None averages all.
        keepdims: Keep the averaged axes with length 1.

    Returns:
        Variable without the axes averaged over.

    Raises:
        ValueError: ``axis`` is out of range or names an axis twice.

    Example:
        >>> average(np.array([[1.0, 2.0], [3.0, 6.0]]), axis=0)
        variable([2. 4.])
    """
    x = as_variable(x)
    y = sum(x, axis, keepdims)
    return y / (x.size // y.size if y.size else 1)


mean = average


class Max(Function):
    """y = the largest x along axes;  gx = gy where x is y, shared evenly among equals."""

    def __init__(self, axis: Axis, keepdims: bool):
        self.axis = axis
        self.keepdims = keepdims

    def forward(self, x):
        return x.max(axis=self.axis, keepdims=self.keepdims)

    def backward(self, gy):
        (x,), y = self.inputs, self.outputs[0]()
        axes = normalize_axes(self.axis, x.ndim, "max")
        best = x.data == y.data.reshape(keepdims_shape(x.shape, axes))
        share = best / best.sum(axis=axes, keepdims=True).astype(x.dtype)
        gy = reshape_sum_backward(gy, x.shape, self.axis, self.keepdims)
        return gy * share.astype(x.dtype)


class Min(Max):
    """y = the smallest x along axes;  gx = gy where x is y, shared evenly among equals."""

    def forward(self, x):
        return x.min(axis=self.axis, keepdims=self.keepdims)


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Variable:
    """The largest element along ``axis``. Where several are equal, each gets an equal share of the gradient.

    Args:
        x: Variable or array with at least one element along ``axis``.
        axis: Axis or tuple of axes; None takes all.
        keepdims: Keep those axes with length 1.

    Returns:
        Variable without those axes.

    Raises:
        ValueError: ``axis`` is out of range, names an axis twice, or has no elements.

    Example:
        >>> max(np.array([[1.0, 5.0], [7.0, 3.0]]), axis=1)
        variable([5. 7.])
    """
    return Max(_checked_axis(axis, x, "max"), keepdims)(x)


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Variable:
    """The smallest element along ``axis``. Where several are equal, each gets an equal share of the gradient.

    Args:
        x: Variable or array with at least one element along ``axis``.
        axis: Axis or tuple of axes; None takes all.
        keepdims: Keep those axes with length 1.

    Returns:
        Variable without those axes.

    Raises:
        ValueError: ``axis`` is out of range, names an axis twice, or has no elements.

    Example:
        >>> min(np.array([[1.0, 5.0], [7.0, 3.0]]), axis=1)
        variable([1. 3.])
    """
    return Min(_checked_axis(axis, x, "min"), keepdims)(x)


def max_backward_shape(x: Any, axis: Axis) -> tuple[int, ...]:
    """Shape of ``x`` with the axes of ``axis`` (None means all) kept as length 1."""
    return keepdims_shape(x.shape, normalize_axes(axis, x.ndim, "max"))
