"""Knows the layers of an affine map, and of one that takes two inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Variable
from ..functions.linalg import bilinear, linear
from .weights import WeightedLayer, array_module_of, positive_integer


class Linear(WeightedLayer):
    """y = x W + b: each of ``out_size`` outputs is a weighted sum of all features, plus a bias.

    ``W`` is (in_size, out_size), at first drawn from N(0, 1 / in_size); ``b`` is (out_size,), zero at first.

    Args:
        out_size: Number of outputs O.
        nobias: Leave ``b`` out.
        dtype: Floating point type of ``W`` and ``b``.
        in_size: Number of features I. Left out, it is that of the first input.
        W_init: How ``W`` starts: a name, a part of ``dezero.initializers``, or a callable that takes the shape.
        b_init: How ``b`` starts, likewise.

    Example:
        >>> layer = Linear(3)
        >>> layer(np.ones((2, 4), np.float32)).shape, layer.W.shape
        ((2, 3), (4, 3))
    """

    in_size: int | None

    def __init__(
        self,
        out_size: int,
        nobias: bool = False,
        dtype: Any = np.float32,
        in_size: int | None = None,
        *,
        W_init: Any = None,
        b_init: Any = None,
    ):
        self.out_size = positive_integer(out_size, "out_size", type(self).__name__)
        super().__init__(self.out_size, nobias, dtype, in_size, W_init=W_init, b_init=b_init)

    def W_shape(self, in_size: int | None) -> tuple[int | None, ...]:
        return in_size, self.out_size

    def extra_repr(self) -> str:
        """Its sizes: ``784 -> 100``."""
        return self._in_and_out()

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


class Bilinear(WeightedLayer):
    """y_o = x0 W_o x1 + b_o: each output is a weighted sum of all products of a feature of ``x0`` and one of ``x1``.

    ``W`` is (out_size, I, J), at first drawn from N(0, 1 / (I J)); ``b`` is (out_size,), zero at first.

    Args:
        out_size: Number of outputs O.
        nobias: Leave ``b`` out.
        dtype: Floating point type of ``W`` and ``b``.
        in_sizes: Numbers of features (I, J). Left out, they are those of the first inputs.
        W_init: How ``W`` starts: a name, a part of ``dezero.initializers``, or a callable that takes the shape.
        b_init: How ``b`` starts, likewise.

    Example:
        >>> layer = Bilinear(3)
        >>> layer(np.ones((2, 4), np.float32), np.ones((2, 5), np.float32)).shape, layer.W.shape
        ((2, 3), (3, 4, 5))
    """

    input_size_name = "pairs"  # of features: what goes into one output

    pairs: int | None

    def __init__(
        self,
        out_size: int,
        nobias: bool = False,
        dtype: Any = np.float32,
        in_sizes: tuple[int, int] | None = None,
        *,
        W_init: Any = None,
        b_init: Any = None,
    ):
        who = type(self).__name__
        self.out_size = positive_integer(out_size, "out_size", who)
        self.in_sizes = in_sizes
        if in_sizes is not None:
            I, J = in_sizes
            in_sizes = positive_integer(I, "in_sizes[0]", who), positive_integer(J, "in_sizes[1]", who)
        pairs = None if in_sizes is None else in_sizes[0] * in_sizes[1]
        super().__init__(self.out_size, nobias, dtype, pairs, W_init=W_init, b_init=b_init)

    def W_shape(self, in_size: int | None) -> tuple[int | None, ...]:
        return self.out_size, *(self.in_sizes or (None, None))

    def extra_repr(self) -> str:
        """Its sizes: ``10, 20 -> 5``."""
        I, J = self.in_sizes or ("?", "?")
        return f"{I}, {J} -> {self.out_size}"

    def forward(self, x0: Any, x1: Any) -> Variable:
        """Maps the last axes.

        Args:
            x0: Variable or array (..., I).
            x1: Variable or array (..., J), with the same leading axes.

        Returns:
            Variable (..., O).

        Raises:
            ValueError: The shapes do not fit ``W``, or each other.
        """
        if self.W.data is None:
            xp = array_module_of(x0, type(self).__name__)
            if not (x0.ndim and x1.ndim):
                raise ValueError(f"{type(self).__name__}: x0 (..., I) and x1 (..., J) are wanted, got a 0-d array.")
            self.in_sizes = x0.shape[-1], x1.shape[-1]
            self.initialize(x0.shape[-1] * x1.shape[-1], xp)
        return bilinear(x0, x1, self.W, self.b)
