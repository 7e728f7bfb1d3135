"""Knows the product of two matrices, and that with something added, where NumPy's own can be bettered."""

from __future__ import annotations

from typing import Any

import numpy as np

from .compiled import loops_for

_LEAST = 1 << 14  # numbers in the result; for fewer NumPy is as fast


def product(a: Any, b: Any) -> Any:
    """a @ b of two matrices. That of a column and a row NumPy computes faster as one that broadcasts."""
    return a * b if len(b) == 1 else a @ b


def affine(x: Any, W: Any, b: Any) -> Any:
    """x W + b, of matrices and a vector.

    The loop writes b into every row and lets BLAS add the product to that, instead of going over the result once more.
    """
    loops = None
    if type(x) is np.ndarray and len(x) * b.size >= _LEAST and len(W) > 1 and x.dtype == W.dtype == b.dtype:
        loops = loops_for("products", x, W, b)
    if loops is None or not loops.has_product():
        y = product(x, W)
        if y.dtype != b.dtype:
            return y + b
        y += b
        return y
    y = np.empty((len(x), len(b)), x.dtype)
    loops.affine(x, W, b, y)
    return y
