"""Knows the layer that gives each integer id a vector."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Parameter, Variable
from ..functions.embedding import embed_id
from .base import Layer
from .weights import float_dtype, positive_integer


class EmbedID(Layer):
    """y = W[x]: a vector to learn for each id.

    ``W`` is (in_size, out_size), drawn from N(0, 1).

    Args:
        in_size: Number of ids V.
        out_size: Length of a vector D.
        dtype: Floating point type of ``W``.

    Example:
        >>> layer = EmbedID(10, 3)
        >>> layer(np.array([[1, 2], [1, 0]])).shape
        (2, 2, 3)
    """

    def __init__(self, in_size: int, out_size: int, dtype: Any = np.float32):
        super().__init__()
        who = type(self).__name__
        shape = positive_integer(in_size, "in_size", who), positive_integer(out_size, "out_size", who)
        self.W = Parameter(np.random.randn(*shape).astype(float_dtype(dtype, who)), name="W")

    def forward(self, x: Any) -> Variable:
        """Looks the vectors up.

        Args:
            x: Ids from 0 to V - 1, Variable or array of any shape and integer type.

        Returns:
            Variable of the shape of ``x`` with one more axis, (..., D).
        """
        return embed_id(x, self.W)
