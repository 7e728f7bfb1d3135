"""Knows the layers that bring activations to a standard mean, variance or size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import Buffer, Parameter, Variable
from ..functions.normalization import batch_norm, group_norm, instance_norm, layer_norm, rms_norm
from .base import Layer
from .weights import array_module_of, float_dtype, positive_integer


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
        self.decay = decay
        self.eps = _checked_eps(eps, "BatchNorm")
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


def _checked_eps(eps: float, who: str) -> float:
    if not eps > 0:
        raise ValueError(f"{who}: eps must be above 0, got {eps!r}.")
    return eps


class ScaleAndShift(Layer):
    """What the layers below share: ``gamma``, ones at first, and ``beta``, zeros, of a shape that may come later."""

    gamma: Parameter
    beta: Parameter | None

    def __init__(self, shape: tuple[int, ...] | None, eps: float, dtype: Any, shifts: bool = True):
        super().__init__()
        self.eps = _checked_eps(eps, type(self).__name__)
        self.dtype = float_dtype(dtype, type(self).__name__)
        self.gamma = Parameter(None, name="gamma")
        self.beta = Parameter(None, name="beta") if shifts else None
        if shape is not None:
            self._initialize(shape, self.dtype)

    def _initialize(self, shape: tuple[int, ...], dtype: Any, xp: Any = np) -> None:
        self.gamma.data = xp.ones(shape, dtype)
        if self.beta is not None:
            self.beta.data = xp.zeros(shape, dtype)

    def _wait_for(self, x: Any, axis: int) -> None:
        """Makes gamma and beta, if they are not there, as long as an axis of the first input and of its dtype."""
        if self.gamma.data is None:
            who = type(self).__name__
            xp = array_module_of(x, who)
            if x.ndim <= (axis if axis > 0 else 0) or x.dtype.kind != "f":
                wanted = "(N, C, ...)" if axis == 1 else "(..., D)"
                raise ValueError(f"{who}: x {wanted} of a floating point type is wanted, got {x.shape} {x.dtype}.")
            self._initialize((x.shape[axis],), x.dtype, xp)

    def _expected(self, name: str) -> tuple[tuple[int | None, ...] | None, Any]:
        return (None,), None


def _shape(size: Any, who: str) -> tuple[int, ...] | None:
    """A size, or several, as a shape."""
    if size is None:
        return None
    return tuple(positive_integer(n, "size", who) for n in (size if isinstance(size, Sequence) else (size,)))


class LayerNorm(ScaleAndShift):
    """Brings each sample to mean 0 and variance 1 over its last axis, then to a mean and a deviation that are learned.

    ``gamma`` starts as ones and ``beta`` as zeros, both (D,).

    Args:
        size: Length D of the last axis, or those of several last axes to average over together. Left out, it is
            that of the first input, whose dtype ``gamma`` and ``beta`` then take.
        eps: Added to the variance, in units of x squared.
        dtype: Floating point type of ``gamma`` and ``beta`` if the size is given.

    Raises:
        ValueError: ``size`` or ``eps`` is not above 0.

    Example:
        >>> LayerNorm()(np.array([[1.0, 3.0], [0.0, 8.0]])).data.round(3)
        array([[-1.,  1.],
               [-1.,  1.]])

    Source: Ba et al., 2016.
    """

    def __init__(self, size: int | Sequence[int] | None = None, eps: float = 1e-5, dtype: Any = np.float32):
        super().__init__(_shape(size, "LayerNorm"), eps, dtype)
        self.size = size

    def forward(self, x: Any) -> Variable:
        """Normalizes each sample.

        Args:
            x: Variable or array (..., D), floating point.

        Returns:
            Variable with the shape and dtype of ``x``.

        Raises:
            ValueError: The last axis has another length than before, or ``x`` is not floating point.
        """
        self._wait_for(x, -1)
        return layer_norm(x, self.gamma, self.beta, self.eps)


class RMSNorm(ScaleAndShift):
    """Brings each sample to a mean square of 1 over its last axis, then to a size that is learned.

    ``gamma`` starts as ones (D,). LayerNorm without the mean, which is cheaper and as good in large transformers.

    Args:
        size: Length D of the last axis. Left out, it is that of the first input, whose dtype ``gamma`` then takes.
        eps: Added to the mean square, in units of x squared.
        dtype: Floating point type of ``gamma`` if the size is given.

    Raises:
        ValueError: ``size`` or ``eps`` is not above 0.

    Example:
        >>> RMSNorm()(np.array([[3.0, 4.0, 0.0, 0.0]])).data.round(3)
        array([[1.2, 1.6, 0. , 0. ]])

    Source: Zhang and Sennrich, 2019.
    """

    def __init__(self, size: int | None = None, eps: float = 1e-6, dtype: Any = np.float32):
        shape = None if size is None else (positive_integer(size, "size", "RMSNorm"),)
        super().__init__(shape, eps, dtype, shifts=False)
        self.size = size

    def forward(self, x: Any) -> Variable:
        """Normalizes each sample.

        Args:
            x: Variable or array (..., D), floating point.

        Returns:
            Variable with the shape and dtype of ``x``.

        Raises:
            ValueError: The last axis has another length than before, or ``x`` is not floating point.
        """
        self._wait_for(x, -1)
        return rms_norm(x, self.gamma, self.eps)


class GroupNorm(ScaleAndShift):
    """Brings each group of channels of each sample to mean 0 and variance 1, then each channel to what is learned.

    ``gamma`` starts as ones and ``beta`` as zeros, both (C,). Unlike BatchNorm it does the same in train and in
    test mode, and the samples of a batch do not see each other.

    Args:
        groups: Number of groups; it divides C.
        in_channels: Number of channels C. Left out, it is that of the first input, whose dtype is then taken too.
        eps: Added to the variance, in units of x squared.
        dtype: Floating point type of ``gamma`` and ``beta`` if the channels are given.

    Raises:
        ValueError: ``groups``, ``in_channels`` or ``eps`` is not above 0, or there is no way to make equal groups.

    Example:
        >>> GroupNorm(2)(np.array([[1.0, 3.0, 0.0, 8.0]])).data.round(3)
        array([[-1.,  1., -1.,  1.]])

    Source: Wu and He, 2018.
    """

    def __init__(self, groups: int, in_channels: int | None = None, eps: float = 1e-5, dtype: Any = np.float32):
        shape = None if in_channels is None else (positive_integer(in_channels, "in_channels", "GroupNorm"),)
        self.groups = positive_integer(groups, "groups", "GroupNorm")
        if shape is not None and shape[0] % self.groups:
            raise ValueError(f"GroupNorm: groups must divide in_channels, got {groups} and {in_channels}.")
        super().__init__(shape, eps, dtype)
        self.in_channels = in_channels

    def forward(self, x: Any) -> Variable:
        """Normalizes each group.

        Args:
            x: Variable or array (N, C, ...), floating point.

        Returns:
            Variable with the shape and dtype of ``x``.

        Raises:
            ValueError: ``groups`` does not divide the channels, there is another number of them than before, or ``x``
                is not floating point.
        """
        self._wait_for(x, 1)
        return group_norm(x, self.groups, self.gamma, self.beta, self.eps)


class InstanceNorm(ScaleAndShift):
    """Brings each channel of each sample to mean 0 and variance 1, then to a mean and a deviation that are learned.

    ``gamma`` starts as ones and ``beta`` as zeros, both (C,).

    Args:
        in_channels: Number of channels C. Left out, it is that of the first input, whose dtype is then taken too.
        eps: Added to the variance, in units of x squared.
        dtype: Floating point type of ``gamma`` and ``beta`` if the channels are given.

    Raises:
        ValueError: ``in_channels`` or ``eps`` is not above 0.

    Example:
        >>> InstanceNorm()(np.array([[[1.0, 3.0], [0.0, 8.0]]])).data.round(3).tolist()
        [[[-1.0, 1.0], [-1.0, 1.0]]]

    Source: Ulyanov et al., 2016.
    """

    def __init__(self, in_channels: int | None = None, eps: float = 1e-5, dtype: Any = np.float32):
        shape = None if in_channels is None else (positive_integer(in_channels, "in_channels", "InstanceNorm"),)
        super().__init__(shape, eps, dtype)
        self.in_channels = in_channels

    def forward(self, x: Any) -> Variable:
        """Normalizes each channel of each sample.

        Args:
            x: Variable or array (N, C, ...) with something to average over behind C, floating point.

        Returns:
            Variable with the shape and dtype of ``x``.

        Raises:
            ValueError: ``x`` has no axis behind the channels, another number of them than before, or is not
                floating point.
        """
        self._wait_for(x, 1)
        return instance_norm(x, self.gamma, self.beta, self.eps)
