"""Knows the layer that gives each integer id a vector."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Parameter, Variable
from ..functions.embedding import embed_id
from ..initializers import draw, get_initializer, normal
from .base import Layer
from .weights import float_dtype, positive_integer


class EmbedID(Layer):
    """y = W[x]: a vector to learn for each id.

    ``W`` is (in_size, out_size), at first drawn from N(0, 1).

    Args:
        in_size: Number of ids V.
        out_size: Length of a vector D.
        dtype: Floating point type of ``W``.
        padding_idx: An id that stands for nothing, such as the padding of short sequences. Its vector starts as
            zeros, whatever ``W_init`` is, and gets no gradient.
        W_init: How ``W`` starts: a name, a part of ``dezero.initializers``, or a callable that takes the shape.

    Raises:
        ValueError: A size is no integer above 0, or ``padding_idx`` is no id.

    Example:
        >>> layer = EmbedID(10, 3)
        >>> layer(np.array([[1, 2], [1, 0]])).shape
        (2, 2, 3)
    """

    def __init__(
        self,
        in_size: int,
        out_size: int,
        dtype: Any = np.float32,
        padding_idx: int | None = None,
        *,
        W_init: Any = None,
    ):
        super().__init__()
        who = type(self).__name__
        V, D = positive_integer(in_size, "in_size", who), positive_integer(out_size, "out_size", who)
        if padding_idx is not None and not 0 <= padding_idx < V:
            raise ValueError(f"{who}: padding_idx must lie between 0 and {V - 1}, got {padding_idx!r}.")
        self.in_size, self.out_size, self.padding_idx = V, D, padding_idx
        init = normal(1.0) if W_init is None else get_initializer(W_init, f"{who}: W_init")
        W = draw(init, (V, D), V, D, float_dtype(dtype, who), f"{who}: W_init")
        if padding_idx is not None:
            W[padding_idx] = 0
        self.W = Parameter(W, name="W")

    def forward(self, x: Any) -> Variable:
        """Looks the vectors up.

        Args:
            x: Ids from 0 to V - 1, Variable or array of any shape and integer type.

        Returns:
            Variable of the shape of ``x`` with one more axis, (..., D).

        Raises:
            TypeError: ``x`` holds no integers.
            IndexError: An id is negative, or V or more.
        """
        return embed_id(x, self.W, self.padding_idx)
