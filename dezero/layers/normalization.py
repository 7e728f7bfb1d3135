"""Knows the layers that bring activations to a standard mean and variance."""

from __future__ import annotations

from typing import Any

from ..core import Buffer, Parameter, Variable
from ..functions.normalization import batch_norm
from .base import Layer
from .weights import array_module_of


class BatchNorm(Layer):
    """Brings each channel to a mean and a standard deviation that are learned.

    In train mode it goes by the mean and variance of the batch and keeps running averages of both, which it goes
    by in test mode. They are saved with the weights (``avg_mean``, ``avg_var``) but are not trained: no
    optimizer, weight decay or clipping sees them. ``gamma`` starts as ones and ``beta`` as zeros, both (C,), once the
    first input is there; they have its dtype.

    Args:
        decay: How much of the running averages stays at each batch, from 0 to 1.
        eps: Added to the variance, in units of x squared.

    Raises:
        ValueError: ``decay`` or ``eps`` is out of range.

    Example:
        >>> layer = BatchNorm()
        >>> layer(np.array([[1.0], [3.0]])).data.round(3).tolist()
        [[-1.0], [1.0]]
        >>> layer.avg_mean
        variable([0.2])

    Source: Ioffe and Szegedy, 2015.
    """

    def __init__(self, decay: float = 0.9, eps: float = 2e-5):
        super().__init__()
        if not 0 <= decay <= 1:
            raise ValueError(f"BatchNorm: decay must be from 0 to 1, got {decay!r}.")
        if not eps > 0:
            raise ValueError(f"BatchNorm: eps must be above 0, got {eps!r}.")
        self.decay = decay
        self.eps = eps
        self.avg_mean = Buffer(None, name="avg_mean")
        self.avg_var = Buffer(None, name="avg_var")
        self.gamma = Parameter(None, name="gamma")
        self.beta = Parameter(None, name="beta")

    def forward(self, x: Any) -> Variable:
        """Normalizes a batch.

        Args:
            x: Variable or array (N, C) or (N, C, ...), floating point.

        Returns:
            Variable with the shape and dtype of ``x``.

        Raises:
            ValueError: ``x`` has no channel axis, another number of channels than before, or is not floating point.
        """
        if self.gamma.data is None:
            self._initialize(x)
        return batch_norm(x, self.gamma, self.beta, self.avg_mean, self.avg_var, self.decay, self.eps)

    def _initialize(self, x: Any) -> None:
        xp = array_module_of(x, "BatchNorm")
        if x.ndim < 2 or x.dtype.kind != "f":
            raise ValueError(f"BatchNorm: x (N, C, ...) of a floating point type is wanted, got {x.shape} {x.dtype}.")
        for v in (self.avg_mean, self.beta):
            v.data = xp.zeros(x.shape[1], x.dtype)
        for v in (self.avg_var, self.gamma):
            v.data = xp.ones(x.shape[1], x.dtype)

    def _expected(self, name: str) -> tuple[tuple[int | None, ...] | None, Any]:
        return (None,), None
