"""Knows the products of matrices: the product itself, its relatives, and the affine map of a linear layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import normalize_axes
from ..core import Function, Variable, as_operand
from ..kernels.products import affine, product
from ..kernels.sums import sum_rows
from .arithmetic import check_precision
from .einsum import Einsum, einsum
from .formula import Formula
from .reduction import sum_to
from .shape import expand_dims, reshape, transpose


def as_rows(x: Any) -> Any:
    """(..., n) as a matrix (N, n); a view where that is possible."""
    return x if x.ndim == 2 else x.reshape((math.prod(x.shape[:-1]), x.shape[-1]))


def from_rows(y: Any, x_shape: tuple[int, ...]) -> Any:
    """(N, m) with the leading axes of ``x_shape`` back: (..., m)."""
    return y if len(x_shape) == 2 else y.reshape((*x_shape[:-1], y.shape[1]))


class MatMul(Formula):
    """y = x W for a matrix W and each row of x;  gx = gy W^T, gW = x^T gy."""

    def forward(self, x, W):
        return from_rows(product(as_rows(x), W), x.shape)

    def gradients(self, gy, y, x, W):
        wants_x, wants_W = self.needs_grad
        gy = as_rows(gy)
        gx = from_rows(product(gy, W.T), x.shape) if wants_x else None
        return gx, product(as_rows(x).T, gy) if wants_W else None


class StackedMatMul(Function):
    """y = x W for vectors and for stacks of matrices, as ``np.matmul`` has them."""

    def forward(self, x, W):
        return x @ W

    def backward(self, gy):
        x, W = self.inputs
        x2, W2 = x, W
        if W.ndim == 1:  # a vector on the right counts as one column, on the left as one row
            gy, W2 = expand_dims(gy, -1), expand_dims(W, -1)
        if x.ndim == 1:
            gy, x2 = expand_dims(gy, -2), expand_dims(x, 0)
        gx = gW = None
        if self.needs_grad[0]:
            gx = reshape(sum_to(matmul(gy, swap_last(W2)), x2.shape), x.shape)
        if self.needs_grad[1]:
            gW = reshape(sum_to(matmul(swap_last(x2), gy), W2.shape), W.shape)
        return gx, gW


def swap_last(x: Variable) -> Variable:
    """Each matrix of a stack transposed."""
    return transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def matmul(x: Any, W: Any) -> Variable:
    """Matrix product, as ``np.matmul``: vectors, matrices, and stacks of matrices whose leading axes broadcast.

    Args:
        x: Variable or array, (..., M, K) or (K,).
        W: Variable or array, (..., K, N) or (K,).

    Returns:
        Variable (..., M, N), without the axis of an operand that was a vector.

    Raises:
        ValueError: An operand is 0-d, or the shapes do not fit.

    Example:
        >>> matmul(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
        variable([[11.]])
    """
    x, W = _array_operands(x, W, "matmul")
    if not (x.ndim and W.ndim):
        raise ValueError(f"matmul: both operands need an axis, got x {x.shape} and W {W.shape}. Use * for a number.")
    rows = W.shape[-2] if W.ndim > 1 else W.shape[0]
    if x.shape[-1] != rows:
        raise ValueError(f"matmul: x has {x.shape[-1]} columns but W has {rows} rows (x {x.shape}, W {W.shape}).")
    if W.ndim == 2 and x.ndim > 1:
        return MatMul()(x, W)
    if any(m != n and 1 not in (m, n) for m, n in zip(x.shape[-3::-1], W.shape[-3::-1])):
        raise ValueError(f"matmul: the leading axes do not broadcast (x {x.shape}, W {W.shape}).")
    return StackedMatMul()(x, W)


def _array_operands(x: Any, W: Any, who: str) -> tuple[Variable, Variable]:
    x = as_operand(x, who)
    W = as_operand(W, who)
    check_precision(x.data.dtype, W.data.dtype, who)
    return x, W


class Linear(Formula):
    """y = x W + b for each row of x;  gx = gy W^T, gW = x^T gy, gb = sum of gy's rows."""

    def forward(self, x, W, b=None):
        y = product(as_rows(x), W) if b is None else affine(as_rows(x), W, b)
        return from_rows(y, x.shape)

    def gradients(self, gy, y, x, W, b=None):
        needs, gy = self.needs_grad, as_rows(gy)
        gx = from_rows(product(gy, W.T), x.shape) if needs[0] else None
        gW = product(as_rows(x).T, gy) if needs[1] else None
        return (gx, gW) if b is None else (gx, gW, sum_rows(gy) if needs[2] else None)


def linear(x: Any, W: Any, b: Any = None) -> Variable:
    """Affine map of the last axis: x W + b.

    Args:
        x: Variable or array, (..., I).
        W: Variable or array, (I, O).
        b: Variable or array, (O,), or None.

    Returns:
        Variable (..., O).

    Raises:
        ValueError: The shapes do not fit.

    Example:
        >>> linear(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([0.5]))
        variable([[11.5]])
    """
    x, W = _array_operands(x, W, "linear")
    if W.ndim != 2 or not x.ndim or x.shape[-1] != W.shape[0]:
        raise ValueError(f"linear: x (..., I) and W (I, O) are wanted, got x {x.shape} and W {W.shape}.")
    if b is None:
        return Linear()(x, W)
    if b.shape != W.shape[1:]:
        raise ValueError(f"linear: b has shape {b.shape}, but W {W.shape} gives {W.shape[1]} outputs.")
    return Linear()(x, W, b)


def linear_simple(x: Any, W: Any, b: Any = None) -> Variable:
    """``linear`` put together from ``matmul`` and ``+``, as a reader would first write it."""
    y = matmul(x, W)
    return y if b is None else y + b


def tensordot(x0: Any, x1: Any, axes: int | Sequence[Any] = 2) -> Variable:
    """Product of two arrays summed over pairs of axes, as ``np.tensordot``.

    Args:
        x0: Variable or array.
        x1: Variable or array.
        axes: How many axes to sum over, the last of ``x0`` with the first of ``x1``; or those of ``x0`` and those of
            ``x1``, two integers or two sequences of them.

    Returns:
        Variable with the other axes of ``x0``, then those of ``x1``.

    Raises:
        ValueError: ``axes`` do not fit, or two that are summed over differ in length.

    Example:
        >>> tensordot(np.ones((2, 3, 4)), np.ones((4, 3, 5)), axes=([1, 2], [1, 0])).shape
        (2, 5)
    """
    x0, x1 = _array_operands(x0, x1, "tensordot")
    axes0, axes1 = _paired_axes(axes, x0, x1)
    if len(axes0) != len(axes1) or any(x0.shape[i] != x1.shape[j] for i, j in zip(axes0, axes1)):
        raise ValueError(f"tensordot: axes {axes!r} do not pair equal lengths (x0 {x0.shape}, x1 {x1.shape}).")
    indices0 = [chr(ord("a") + i) for i in range(x0.ndim)]
    indices1 = [chr(ord("a") + x0.ndim + i) for i in range(x1.ndim)]
    for i, j in zip(axes0, axes1):
        indices1[j] = indices0[i]
    out = [k for k in indices0 if k not in indices1] + [k for k in indices1 if k not in indices0]
    sizes = dict(zip(indices0 + indices1, x0.shape + x1.shape))
    return Einsum(("".join(indices0), "".join(indices1)), "".join(out), sizes)(x0, x1)


def _paired_axes(axes: Any, x0: Variable, x1: Variable) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if isinstance(axes, (int, np.integer)):
        if not 0 <= axes <= min(x0.ndim, x1.ndim):
            raise ValueError(f"tensordot: {axes} axes cannot be summed over (x0 {x0.shape}, x1 {x1.shape}).")
        return tuple(range(x0.ndim - int(axes), x0.ndim)), tuple(range(int(axes)))
    if len(axes) != 2:
        raise ValueError(f"tensordot: axes must be a number, or those of x0 and those of x1, got {axes!r}.")
    return normalize_axes(axes[0], x0.ndim, "tensordot"), normalize_axes(axes[1], x1.ndim, "tensordot")


def outer(x0: Any, x1: Any) -> Variable:
    """Every element of ``x0`` times every one of ``x1``, as ``np.outer``.

    Args:
        x0: Variable or array of M elements; its shape does not count.
        x1: Variable or array of N elements.

    Returns:
        Variable (M, N).

    Example:
        >>> outer(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
        variable([[3. 4.]
                  [6. 8.]])
    """
    x0, x1 = _array_operands(x0, x1, "outer")
    return einsum("i,j->ij", x0.reshape(x0.size), x1.reshape(x1.size))


def bilinear(x0: Any, x1: Any, W: Any, b: Any = None) -> Variable:
    """A number for each pair of rows and each output: y_o = x0 W_o x1 + b_o.

    Args:
        x0: Variable or array (..., I).
        x1: Variable or array (..., J), with the same leading axes.
        W: Variable or array (O, I, J).
        b: Variable or array (O,), or None.

    Returns:
        Variable (..., O).

    Raises:
        ValueError: The shapes do not fit.

    Example:
        >>> bilinear(np.array([[1.0, 2.0]]), np.array([[3.0]]), np.ones((1, 2, 1)))
        variable([[9.]])
    """
    x0, x1 = _array_operands(x0, x1, "bilinear")
    W = as_operand(W, "bilinear")
    if not (x0.ndim and x1.ndim) or W.shape[1:] != (*x0.shape[-1:], *x1.shape[-1:]) or x0.shape[:-1] != x1.shape[:-1]:
        raise ValueError(
            "bilinear: x0 (..., I), x1 (..., J) and W (O, I, J) are wanted,"
            f" got x0 {x0.shape}, x1 {x1.shape} and W {W.shape}."
        )
    if b is not None and tuple(b.shape) != W.shape[:1]:
        raise ValueError(f"bilinear: b has shape {tuple(b.shape)}, but W {W.shape} gives {W.shape[0]} outputs.")
    y = einsum("...i,oij,...j->...o", x0, W, x1)
    return y if b is None else y + b
