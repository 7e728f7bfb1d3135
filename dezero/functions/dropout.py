"""Knows how to drop elements or channels at random while training."""

from __future__ import annotations

from typing import Any

from ..config import Config
from ..core import Variable, as_operand, as_variable
from ..cuda import as_numpy, get_array_module
from ..kernels.masking import scale_by
from .formula import Formula


class Dropout(Formula):
    """y = x mask;  gx = gy mask. The mask holds 0 for what drops and 1 / (1 - ratio) for what stays."""

    def __init__(self, mask: Any):
        self.mask = mask

    def forward(self, x):
        return scale_by(self.mask, x)

    def gradients(self, gy, y, x):
        return gy * self.mask

    def array_backward(self, gy):
        return scale_by(self.mask, gy)


def dropout(x: Any, dropout_ratio: float = 0.5, rng: Any = None) -> Variable:
    """Sets a random share of the elements to 0 and scales the rest up by 1 / (1 - ratio), in train mode.

    So the expected value stays, and test mode is the identity (inverted dropout).

    Args:
        x: Variable or array of any shape, floating point.
        dropout_ratio: Share of the elements that drop, from 0 to 1.
        rng: Generator to draw from (``numpy.random.default_rng(seed)``); the module's global one where None. NumPy's
            draws on the host, also for an ``x`` on a GPU, so that a seed means the same everywhere; CuPy's draws on
            the GPU.

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
    check_ratio(dropout_ratio, "dropout")
    x = as_operand(x, "dropout")
    if not (Config.train and dropout_ratio):
        return as_variable(x)
    return Dropout(dropout_mask(x.data, x.shape, dropout_ratio, rng))(x)


def dropout2d(x: Any, dropout_ratio: float = 0.5, rng: Any = None) -> Variable:
    """Sets a random share of the channels to 0 and scales the rest up by 1 / (1 - ratio), in train mode.

    For feature maps, whose neighbouring pixels say the same: dropping single ones would take little away.

    Args:
        x: Variable or array (N, C, ...), floating point.
        dropout_ratio: Share of the channels that drop, from 0 to 1; each sample has its own.
        rng: As for ``dropout``.

    Returns:
        Variable with the shape and dtype of ``x``.

    Raises:
        ValueError: ``dropout_ratio`` is outside [0, 1], or ``x`` has no channels.

    Example:
        >>> y = dropout2d(np.ones((1, 3, 2)), 0.5, rng=np.random.default_rng(1))
        >>> y.data.tolist()
        [[[2.0, 2.0], [2.0, 2.0], [0.0, 0.0]]]

    Source: Tompson et al., 2015.
    """
    check_ratio(dropout_ratio, "dropout2d")
    x = as_operand(x, "dropout2d")
    if x.ndim < 2:
        raise ValueError(f"dropout2d: x must be (N, C, ...), got {x.shape}.")
    if not (Config.train and dropout_ratio):
        return as_variable(x)
    return Dropout(dropout_mask(x.data, (*x.shape[:2], *(1 for _ in x.shape[2:])), dropout_ratio, rng))(x)


def check_ratio(ratio: float, who: str, name: str = "dropout_ratio") -> None:
    """Raises where a share, the argument ``name`` of ``who``, is outside [0, 1]."""
    if not 0 <= ratio <= 1:
        raise ValueError(f"{who}: {name} must lie between 0 and 1, got {ratio!r}.")


def dropout_mask(like: Any, shape: tuple[int, ...], dropout_ratio: float, rng: Any, dtype: Any = None) -> Any:
    """0 for what drops and 1 / (1 - ratio) for what stays: an array on the device of ``like``, and of its dtype
    unless another is given."""
    xp = get_array_module(like)
    dtype = dtype or (like.dtype if like.dtype.kind == "f" else float)
    drawn = (xp.random if rng is None else rng).random(shape)
    stays = (drawn if get_array_module(drawn) is xp else as_numpy(drawn)) >= dropout_ratio
    mask = xp.asarray(stays).astype(dtype)  # an array also where NumPy made a scalar of it
    if dropout_ratio < 1:
        mask *= 1 / (1 - dropout_ratio)
    return mask
