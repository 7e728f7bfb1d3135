"""Knows the ops on matrices: the product, and the affine map of a linear layer."""

from __future__ import annotations

from typing import Any

from ..core import Function, Variable, constant
from .arithmetic import check_precision
from .formula import Formula
from .reduction import sum_to
from .shape import expand_dims, reshape, transpose


class MatMul(Formula):
    """y = x W for two matrices;  gx = gy W^T, gW = x^T gy."""

    def forward(self, x, W):
        return x @ W

    def gradients(self, gy, y, x, W):
        wants_x, wants_W = self.needs_grad
        return gy @ W.T if wants_x else None, x.T @ gy if wants_W else None


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
            gx = reshape(sum_to(matmul(gy, _swap(W2)), x2.shape), x.shape)
        if self.needs_grad[1]:
            gW = reshape(sum_to(matmul(_swap(x2), gy), W2.shape), W.shape)
        return gx, gW


def _swap(x: Variable) -> Variable:
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
    if x.ndim == W.ndim == 2:
        return MatMul()(x, W)
    if any(m != n and 1 not in (m, n) for m, n in zip(x.shape[-3::-1], W.shape[-3::-1])):
        raise ValueError(f"matmul: the leading axes do not broadcast (x {x.shape}, W {W.shape}).")
    return StackedMatMul()(x, W)


def _array_operands(x: Any, W: Any, who: str) -> tuple[Variable, Variable]:
    x = x if isinstance(x, Variable) else constant(x, who)
    W = W if isinstance(W, Variable) else constant(W, who)
    if x.data.dtype != W.data.dtype:
        check_precision(x.data.dtype, W.data.dtype, who)
    return x, W


class Linear(Formula):
    """y = x W + b for each row of x;  gx = gy W^T, gW = x^T gy, gb = sum of gy's rows."""

    def forward(self, x, W, b=None):
        y = x @ W
        if b is None:
            return y
        if y.dtype != b.dtype:
            return y + b
        y += b
        return y

    def gradients(self, gy, y, x, W, b=None):
        (n, m), needs = W.shape, self.needs_grad
        if x.ndim != 2:
            gy = gy.reshape((gy.size // m, m))
        gx = (gy @ W.T).reshape(x.shape) if needs[0] else None
        gW = x.reshape((x.size // n, n)).T @ gy if needs[1] else None
        return (gx, gW) if b is None else (gx, gW, gy.sum(axis=0) if needs[2] else None)


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
