"""Knows how to drop elements at random while training."""

from __future__ import annotations

from typing import Any

from ..config import Config
from ..core import Function, Variable, as_variable, constant
from ..cuda import get_array_module


class Dropout(Function):
    """y = x mask;  gx = gy mask. The mask holds 0 for what drops and 1 / (1 - ratio) for what stays."""

    def __init__(self, mask: Any):
        self.mask = mask

    def forward(self, x):
        return x * self.mask

    def backward(self, gy):
        return gy * self.mask


def dropout(x: Any, dropout_ratio: float = 0.5, rng: Any = None) -> Variable:
    """Sets a random share of the elements to 0 and scales the rest up by 1 / (1 - ratio), in train mode.

    So the expected value stays, and test mode is the identity (inverted dropout).

    Args:
        x: Variable or array of any shape, floating point.
        dropout_ratio: Share of the elements that drop, from 0 to 1.
        rng: Generator to draw from (``numpy.random.default_rng(seed)``); the module's global one where None.

    Returns:
        Variable with the shape and dtype of ``x``.

    Raises:
        ValueError: ``dropout_ratio`` is outside [0, 1].

    Example:
        >>> with dezero.test_mode():
        ...     dropout(np.array([1.0, 2.0]))
        variable([1. 2.])

    Source: Srivastava et al., 2014.
    """
    if not 0 <= dropout_ratio <= 1:
        raise ValueError(f"dropout: dropout_ratio must lie between 0 and 1, got {dropout_ratio!r}.")
    x = x if isinstance(x, Variable) else constant(x, "dropout")
    if not Config.train or dropout_ratio == 0:
        return as_variable(x)
    random = get_array_module(x.data).random.random if rng is None else rng.random
    stays = random(x.shape) >= dropout_ratio
    scale = 0.0 if dropout_ratio == 1 else 1 / (1 - dropout_ratio)
    return Dropout(stays.astype(x.dtype) * x.dtype.type(scale))(x)
