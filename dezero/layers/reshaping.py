"""Knows the layers that change the shape of what goes through them, and no value."""

from __future__ import annotations

from typing import Any

from ..core import Variable, as_variable
from ..functions.shape import flatten, reshape
from .base import Layer


class Flatten(Layer):
    """Joins all axes but the first: (N, C, H, W) becomes (N, C * H * W).

    Example:
        >>> Flatten()(np.ones((2, 3, 4, 4))).shape
        (2, 48)
    """

    def forward(self, x: Any) -> Variable:
        """Flattens each item of a batch.

        Args:
            x: Variable or array (N, ...).

        Returns:
            Variable (N, D).
        """
        return flatten(x)


class Reshape(Layer):
    """Gives each item of a batch another shape: (N, ...) becomes (N, *shape).

    Args:
        *shape: Of an item; one length may be -1, which takes what is left.

    Raises:
        ValueError: More than one length is -1.

    Example:
        >>> Reshape(1, 28, 28)(np.ones((2, 784))).shape
        (2, 1, 28, 28)
    """

    def __init__(self, *shape: int):
        super().__init__()
        if shape.count(-1) > 1:
            raise ValueError(f"Reshape: only one length can be -1, got {shape}.")
        self.shape = shape

    def extra_repr(self) -> str:
        """The shape of an item."""
        return ", ".join(map(str, self.shape))

    def forward(self, x: Any) -> Variable:
        """Reshapes each item of a batch.

        Args:
            x: Variable or array (N, ...).

        Returns:
            Variable (N, *shape).
        """
        return reshape(x, (as_variable(x).shape[0], *self.shape))
