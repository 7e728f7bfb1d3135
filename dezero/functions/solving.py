"""Knows the ops that solve with a square matrix: linear systems, inverse, determinant, Cholesky's factor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import Function, Variable, as_operand
from ..cuda import get_array_module
from .arithmetic import check_precision
from .formula import differentiate
from .indexing import get_item
from .linalg import matmul, swap_last
from .reduction import sum_to
from .shape import expand_dims, reshape


class Solve(Function):
    """A y = b for matrices b;  gb = A^-T gy, gA = -gb y^T."""

    def forward(self, A, b):
        xp = get_array_module(A)
        lead = np.broadcast_shapes(A.shape[:-2], b.shape[:-2])  # CuPy broadcasts nothing here
        A = xp.broadcast_to(A, lead + A.shape[-2:])
        b = xp.broadcast_to(b, lead + b.shape[-2:])
        return _or_error("solve: A is singular, so A y = b has no or many solutions.", xp.linalg.solve, A, b)

    def backward(self, gy):
        (A, b), y = self.inputs, self.outputs[0]()
        g = solve(swap_last(A), gy)
        gA = sum_to(-matmul(g, swap_last(y)), A.shape) if self.needs_grad[0] else None
        return gA, sum_to(g, b.shape)


def _or_error(message: str, function: Callable[..., Any], *xs: Any) -> Any:
    """LAPACK's refusal in our words. A GPU refuses nothing: there the result is not finite."""
    try:
        return function(*xs)
    except np.linalg.LinAlgError as e:
        raise np.linalg.LinAlgError(message) from e


def _square(A: Any, who: str) -> Variable:
    A = as_operand(A, who)
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise ValueError(f"{who}: A must be (..., N, N), got {A.shape}.")
    if A.dtype == np.float16:
        raise TypeError(f"{who}: there is no solver for float16. Cast A to float32 with astype.")
    return A


def solve(A: Any, b: Any) -> Variable:
    """The solution y of A y = b, for one system or a stack of them.

    Args:
        A: Variable or array (..., N, N).
        b: Right-hand sides, Variable or array (..., N, M), whose leading axes broadcast with those of ``A``; or one
            vector (N,). A stack of vectors is (..., N, 1), as in NumPy 2.

    Returns:
        Variable (..., N, M), or (..., N) where ``b`` is a vector.

    Raises:
        ValueError: The shapes do not fit.
        LinAlgError: A matrix is singular. (On a GPU the result is not finite instead.)
        TypeError: The dtype is float16, which no solver takes.

    Example:
        >>> solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([2.0, 2.0]))
        variable([1.  0.5])
    """
    A = _square(A, "solve")
    b = as_operand(b, "solve")
    if b.dtype == np.float16:
        check_precision(A.dtype, b.dtype, "solve")
    rows = b.shape[-min(b.ndim, 2)] if b.ndim else None
    if rows != A.shape[-1] or not _broadcast(A.shape[:-2], b.shape[:-2]):
        raise ValueError(f"solve: A (..., N, N) and b (N,) or (..., N, M) are wanted, got A {A.shape}, b {b.shape}.")
    if b.ndim > 1:
        return Solve()(A, b)
    y = Solve()(A, expand_dims(b, -1))
    return reshape(y, y.shape[:-1])


def _broadcast(shape0: tuple[int, ...], shape1: tuple[int, ...]) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(shape0[::-1], shape1[::-1]))


class Inv(Function):
    """y = A^-1;  gA = -y^T gy y^T."""

    def forward(self, A):
        return _or_error("inv: A is singular and has no inverse.", get_array_module(A).linalg.inv, A)

    def backward(self, gy):
        yT = swap_last(self.outputs[0]())
        return -matmul(matmul(yT, gy), yT)


def inv(A: Any) -> Variable:
    """The inverse of a matrix, or of each of a stack. To solve A y = b, ``solve`` is faster and more accurate.

    Args:
        A: Variable or array (..., N, N).

    Returns:
        Variable with the shape of ``A``.

    Raises:
        ValueError: ``A`` is not square.
        LinAlgError: A matrix is singular. (On a GPU the result is not finite instead.)
        TypeError: The dtype is float16, which no solver takes.

    Example:
        >>> inv(np.array([[2.0, 0.0], [0.0, 4.0]]))
        variable([[0.5  0.  ]
                  [0.   0.25]])
    """
    return Inv()(_square(A, "inv"))


class Det(Function):
    """y = det A;  gA = gy cof A, the cofactors: y A^-T where A is regular."""

    def forward(self, A):
        return get_array_module(A).linalg.det(A)

    def backward(self, gy):
        return reshape(gy, (*gy.shape, 1, 1)) * Cofactors()(self.inputs[0])


class Cofactors(Function):
    """y_ij = (-1)^(i+j) det A without row i and column j = dy/dA_ij, for singular A too.

    Of regular matrices it is det(A) A^-T. Else, with A = U S V^T: det(U V) U S' V^T, where the diagonal of S' has the
    product of the other singular values.
    """

    def forward(self, A):
        xp = get_array_module(A)
        y = xp.linalg.det(A)
        self.regular = bool((y != 0).all())
        if self.regular:
            return y[..., None, None] * xp.linalg.inv(A).swapaxes(-1, -2)
        U, s, VT = xp.linalg.svd(A)
        places = xp.arange(A.shape[-1])
        itself = places[:, None] == places
        others = xp.where(itself, A.dtype.type(1), s[..., None, :]).prod(axis=-1)  # (..., N)
        sign = xp.linalg.det(U) * xp.linalg.det(VT)
        return (U * (sign[..., None] * others)[..., None, :]) @ VT

    def backward(self, gy):
        return differentiate(_scaled_inverse if self.regular else _minors, self.inputs, [gy])[0]


def _scaled_inverse(A: Variable) -> Variable:
    y = det(A)
    return reshape(y, (*y.shape, 1, 1)) * swap_last(inv(A))


def _minors(A: Variable) -> Variable:
    """The cofactors as determinants: N^4 elements, but with derivatives where A has no inverse."""
    N = A.shape[-1]
    places = np.arange(N)
    others = np.array([np.delete(places, i) for i in places])  # (N, N - 1), all but i
    rows, columns = others[:, None, :, None], others[None, :, None, :]
    signs = (-1.0) ** (places[:, None] + places)
    xp = get_array_module(A.data)
    minors = get_item(A, (..., xp.asarray(rows), xp.asarray(columns)))  # (..., N, N, N - 1, N - 1)
    return det(minors) * xp.asarray(signs.astype(A.dtype))


def det(A: Any) -> Variable:
    """The determinant of a matrix, or of each of a stack.

    Its derivatives are right for singular matrices too. There the second one takes N^4 elements of memory.

    Args:
        A: Variable or array (..., N, N).

    Returns:
        Variable (...), 0-d for one matrix.

    Raises:
        ValueError: ``A`` is not square.
        TypeError: The dtype is float16, which no solver takes.

    Example:
        >>> det(np.array([[1.0, 2.0], [0.0, -1.0]]))
        variable(-1.0)
    """
    return Det()(_square(A, "det"))


class Cholesky(Function):
    """y y^T = A, y lower triangular;  gA = (S + S^T) / 2 with S = y^-T P y^-1, where P is the lower half of y^T gy.

    The lower half means: 1/2 of the diagonal, 0 above it.
    """

    def forward(self, A):
        return _or_error("cholesky: A is not positive definite.", get_array_module(A).linalg.cholesky, A)

    def backward(self, gy):
        y = self.outputs[0]()
        yT = swap_last(y)
        P = matmul(yT, gy) * _lower_half(y.data)
        S = solve(yT, swap_last(solve(yT, swap_last(P))))
        return (S + swap_last(S)) * 0.5


def _lower_half(y: Any) -> Any:
    xp = get_array_module(y)
    places = xp.arange(y.shape[-1])
    row, column = places[:, None], places
    return (row > column).astype(y.dtype) + (row == column).astype(y.dtype) * 0.5


def cholesky(A: Any) -> Variable:
    """The lower triangular matrix y with y y^T = A, or that of each of a stack.

    Only the lower triangle of ``A`` is read; the gradient is that of symmetric ``A``, and symmetric.

    Args:
        A: Variable or array (..., N, N), symmetric and positive definite.

    Returns:
        Variable with the shape of ``A``.

    Raises:
        ValueError: ``A`` is not square.
        LinAlgError: ``A`` is not positive definite. (On a GPU the result is not finite instead.)
        TypeError: The dtype is float16, which no solver takes.

    Example:
        >>> cholesky(np.array([[4.0, 2.0], [2.0, 2.0]]))
        variable([[2. 0.]
                  [1. 1.]])

    Source: Murray, "Differentiation of the Cholesky decomposition", 2016.
    """
    return Cholesky()(_square(A, "cholesky"))
