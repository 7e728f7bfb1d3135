"""Knows activations as layers, for where a layer is wanted: in ``Sequential``, in a list, with a hook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import Parameter, Variable
from ..functions.activation import (
    elu,
    gelu,
    hard_sigmoid,
    hard_swish,
    leaky_relu,
    log_softmax,
    logsigmoid,
    mish,
    prelu,
    relu,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
)
from ..functions.elementwise import tanh
from .base import Layer
from .weights import float_dtype, positive_integer


class Activation(Layer):
    """y = f(x) element by element, with nothing to learn. A new one is a subclass that says which f.

    Example:
        >>> class Sine(Activation):
        ...     function = staticmethod(F.sin)
        >>> Sine()(np.zeros(2))
        variable([0. 0.])
    """

    function: Callable[[Any], Variable]

    def forward(self, x: Any) -> Variable:
        """Applies the function.

        Args:
            x: Variable or array of any shape.

        Returns:
            Variable of the same shape and dtype.
        """
        return self.function(x)


class ReLU(Activation):
    """y = max(x, 0)."""

    function = staticmethod(relu)


class SELU(Activation):
    """y = s x where x > 0, else s a (e^x - 1), with the s and a that keep mean 0 and variance 1."""

    function = staticmethod(selu)


class SiLU(Activation):
    """y = x sigmoid(x), also called swish."""

    function = staticmethod(silu)


class Mish(Activation):
    """y = x tanh(log(1 + e^x))."""

    function = staticmethod(mish)


class Sigmoid(Activation):
    """y = 1 / (1 + e^-x)."""

    function = staticmethod(sigmoid)


class LogSigmoid(Activation):
    """y = log(sigmoid(x)), finite for large -x."""

    function = staticmethod(logsigmoid)


class Tanh(Activation):
    """y = tanh(x)."""

    function = staticmethod(tanh)


class HardSigmoid(Activation):
    """y = x / 6 + 1/2, cut off below 0 and above 1."""

    function = staticmethod(hard_sigmoid)


class HardSwish(Activation):
    """y = x hard_sigmoid(x)."""

    function = staticmethod(hard_swish)


class LeakyReLU(Activation):
    """y = x where x > 0, else ``slope`` x."""

    def __init__(self, slope: float = 0.2):
        super().__init__()
        self.slope = slope

    def function(self, x: Any) -> Variable:
        """``F.leaky_relu`` with this slope."""
        return leaky_relu(x, self.slope)


class ELU(Activation):
    """y = x where x > 0, else ``alpha`` (e^x - 1)."""

    def __init__(self, alpha: float = 1.0):
        super().__init__()
        self.alpha = alpha

    def function(self, x: Any) -> Variable:
        """``F.elu`` with this alpha."""
        return elu(x, self.alpha)


class GELU(Activation):
    """y = x times the share of a standard normal below x; ``approximate="tanh"`` takes the usual short cut."""

    def __init__(self, approximate: str = "none"):
        super().__init__()
        self.approximate = approximate

    def function(self, x: Any) -> Variable:
        """``F.gelu``, exact or approximate."""
        return gelu(x, approximate=self.approximate)


class Softplus(Activation):
    """y = log(1 + e^(``beta`` x)) / ``beta``."""

    def __init__(self, beta: float = 1.0):
        super().__init__()
        self.beta = beta

    def function(self, x: Any) -> Variable:
        """``F.softplus`` with this beta."""
        return softplus(x, self.beta)


class Softmax(Activation):
    """y = e^x / sum of e^x along ``axis``."""

    def __init__(self, axis: int = 1):
        super().__init__()
        self.axis = axis

    def function(self, x: Any) -> Variable:
        """``F.softmax`` along this axis."""
        return softmax(x, self.axis)


class LogSoftmax(Activation):
    """y = x - log of the sum of e^x along ``axis``."""

    def __init__(self, axis: int = 1):
        super().__init__()
        self.axis = axis

    def function(self, x: Any) -> Variable:
        """``F.log_softmax`` along this axis."""
        return log_softmax(x, self.axis)


class PReLU(Layer):
    """y = x where x > 0, else W x: a leaky relu that learns its slope, one for all channels or one for each.

    ``W`` is (channels,).

    Args:
        channels: Number of slopes: 1, or that of axis 1 of the input.
        slope: What each starts with.
        dtype: Floating point type of ``W``.

    Raises:
        ValueError: ``channels`` is no integer above 0, or ``dtype`` not floating point.

    Example:
        >>> PReLU()(np.array([[-2.0, 4.0]], np.float32))
        variable([[-0.5  4. ]])

    Source: He et al., Delving Deep into Rectifiers, 2015.
    """

    def __init__(self, channels: int = 1, slope: float = 0.25, dtype: Any = np.float32):
        super().__init__()
        channels = positive_integer(channels, "channels", "PReLU")
        self.slope = slope
        self.W = Parameter(np.full(channels, slope, float_dtype(dtype, "PReLU")), name="W")

    def forward(self, x: Any) -> Variable:
        """Bends x where it is negative.

        Args:
            x: Variable or array (N, C, ...).

        Returns:
            Variable of the same shape and dtype.
        """
        return prelu(x, self.W)
