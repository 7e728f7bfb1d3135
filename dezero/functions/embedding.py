"""Knows how to look vectors up by integer ids."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Variable
from .shape import get_item


def embed_id(x: Any, W: Any) -> Variable:
    """The rows of ``W`` that the ids in ``x`` name.

    Args:
        x: Ids from 0 to V - 1, Variable or array of any shape and integer type. No gradient.
        W: Vectors, Variable or array (V, D).

    Returns:
        Variable of shape (\\*x.shape, D).

    Raises:
        TypeError: ``x`` holds no integers.
        IndexError: An id is V or more.

    Example:
        >>> embed_id(np.array([2, 0]), np.eye(3))
        variable([[0. 0. 1.]
                  [1. 0. 0.]])
    """
    kind = (x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype).kind
    if kind not in "iu":
        raise TypeError(f"embed_id: ids must be integers, got {getattr(x, 'dtype', type(x).__name__)}.")
    return get_item(W, x)
