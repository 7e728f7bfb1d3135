"""Knows the layer of an affine map."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Variable
from ..functions.linalg import linear
from .weights import WeightedLayer, array_module_of, positive_integer


class Linear(WeightedLayer):
    """y = x W + b: each of ``out_size`` outputs is a weighted sum of all features, plus a bias.

    ``W`` is (in_size, out_size), drawn from N(0, 1 / in_size); ``b`` is (out_size,), zero at first.

    Args:
        out_size: Number of outputs O.
        nobias: Leave ``b`` out.
        dtype: Floating point type of ``W`` and ``b``.
        in_size: Number of features I. Left out, it is that of the first input.

    Example:
        >>> layer = Linear(3)
        >>> layer(np.ones((2, 4), np.float32)).shape, layer.W.shape
        ((2, 3), (4, 3))
    """

    in_size: int | None

    def __init__(self, out_size: int, nobias: bool = False, dtype: Any = np.float32, in_size: int | None = None):
        self.out_size = positive_integer(out_size, "out_size", type(self).__name__)
        super().__init__(self.out_size, nobias, dtype, in_size)

    def W_shape(self, in_size: int | None) -> tuple[int | None, ...]:
        return in_size, self.out_size

    def forward(self, x: Any) -> Variable:
        """Maps the last axis.

        Args:
            x: Variable or array (..., I).

        Returns:
            Variable (..., O).

        Raises:
            ValueError: ``x`` has another number of features than ``W`` has rows.
        """
        if self.W.data is None:
            xp = array_module_of(x, type(self).__name__)
            if not x.ndim:
                raise ValueError(f"{type(self).__name__}: x (..., I) is wanted, got a 0-d array.")
            self.initialize(x.shape[-1], xp)
        return linear(x, self.W, self.b)
