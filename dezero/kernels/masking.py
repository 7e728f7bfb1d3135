"""Knows how to keep some elements of an array and put zeros in place of the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cuda import get_array_module


def keep_where(condition: Any, x: Any) -> Any:
    """``x`` where ``condition``, 0 elsewhere."""
    if type(x) is np.ndarray and x.dtype.kind == "f" and x.dtype.itemsize <= 8:
        return _keep_where(condition, x)
    return get_array_module(x).where(condition, x, 0)


def _keep_where(condition: np.ndarray, x: np.ndarray) -> np.ndarray:
    """``keep_where`` on the bits, five times as fast: all ones or all zeros, and the number."""
    bits = f"i{x.dtype.itemsize}"
    mask = condition.astype(bits)
    np.negative(mask, out=mask)
    mask &= x.view(bits)
    return mask.view(x.dtype)
