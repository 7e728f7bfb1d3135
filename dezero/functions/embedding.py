"""Knows how to look vectors up by integer ids."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Function, Variable, as_operand
from ..cuda import get_array_module
from ..kernels.scatter import add_rows


class EmbedID(Function):
    """y = W[ids];  gW = zeros with gy added at the ids, none at padding_idx."""

    def __init__(self, ids: Any, padding_idx: int | None):
        self.ids = ids
        self.padding_idx = padding_idx

    def forward(self, W):
        return W.take(self.ids, axis=0)

    def backward(self, gy):
        return EmbedIDGrad(self.ids, self.padding_idx, self.inputs[0].shape)(gy)


class EmbedIDGrad(Function):
    """gW = zeros with gy added at the ids, none at padding_idx;  ggy = ggW[ids], 0 at padding_idx."""

    def __init__(self, ids: Any, padding_idx: int | None, W_shape: tuple[int, ...]):
        self.ids = ids
        self.padding_idx = padding_idx
        self.W_shape = W_shape

    def forward(self, gy):
        gW = add_rows(gy.reshape((self.ids.size, *self.W_shape[1:])), self.ids.ravel(), self.W_shape)
        if self.padding_idx is not None:
            gW[self.padding_idx] = 0
        return gW

    def backward(self, ggW):
        ggy = EmbedID(self.ids, self.padding_idx)(ggW)
        if self.padding_idx is None:
            return ggy
        counts = (self.ids != self.padding_idx).astype(ggW.dtype)
        return ggy * counts.reshape((*self.ids.shape, *(1 for _ in self.W_shape[1:])))


def embed_id(x: Any, W: Any, padding_idx: int | None = None) -> Variable:
    """The rows of ``W`` that the ids in ``x`` name.

    Args:
        x: Ids from 0 to V - 1, Variable or array of any shape and integer type. No gradient. On a GPU they are not
            checked, which would make the host wait.
        W: Vectors, Variable or array (V, D).
        padding_idx: An id whose row is used as it is but gets no gradient: that of the padding in short sequences.

    Returns:
        Variable of shape (\\*x.shape, D).

    Raises:
        TypeError: ``x`` holds no integers.
        IndexError: An id is negative, or V or more.
        ValueError: ``padding_idx`` is no id.

    Example:
        >>> embed_id(np.array([2, 0]), np.eye(3))
        variable([[0. 0. 1.]
                  [1. 0. 0.]])
    """
    W = as_operand(W, "embed_id")
    xp = get_array_module(W.data)
    ids = x.data if isinstance(x, Variable) else x
    kind = (ids.dtype if hasattr(ids, "dtype") else np.asarray(ids).dtype).kind
    if kind not in "iu":
        raise TypeError(f"embed_id: ids must be integers, got {getattr(ids, 'dtype', type(ids).__name__)}.")
    if not W.ndim:
        raise ValueError("embed_id: W must be (V, D), got a 0-d array.")
    ids, V = xp.asarray(ids), W.shape[0]
    if xp is np and ids.size and not 0 <= int(ids.min()) <= int(ids.max()) < V:
        raise IndexError(
            f"embed_id: ids must lie between 0 and {V - 1} (W has {V} rows), got {ids.min()} to {ids.max()}."
        )
    if padding_idx is not None and not 0 <= padding_idx < V:
        raise ValueError(f"embed_id: padding_idx must lie between 0 and {V - 1}, got {padding_idx!r}.")
    if ids.dtype == np.uint64:
        ids = ids.astype(np.int64)  # NumPy takes no others as an index
    return EmbedID(ids, padding_idx)(W)
