"""Knows the non-linearities between layers."""

from __future__ import annotations

from typing import Any

from ..arrays import logsumexp, normalize_axes
from ..core import Function, Variable, as_variable
from ..cuda import get_array_module
from .elementwise import exp
from .formula import Formula
from .reduction import sum


class Sigmoid(Formula):
    """y = 1 / (1 + e^-x) = (1 + tanh(x / 2)) / 2;  gx = gy y (1 - y)."""

    def forward(self, x):
        half = x.dtype.type(0.5)
        return get_array_module(x).tanh(x * half) * half + half

    def gradients(self, gy, y, x):
        return gy * (y * (1 - y))


def sigmoid(x: Any) -> Variable:
    """1 / (1 + exp(-x)), element by element, safe for large ``x``."""
    return Sigmoid()(x)


def sigmoid_simple(x: Any) -> Variable:
    """``sigmoid`` put together from ``exp`` and operators, as a reader would first write it."""
    return 1 / (1 + exp(-as_variable(x)))


class ReLU(Formula):
    """y = max(x, 0);  gx = gy where x > 0."""

    def forward(self, x):
        return get_array_module(x).maximum(x, x.dtype.type(0))

    def gradients(self, gy, y, x):
        return gy * (y > 0)


def relu(x: Any) -> Variable:
    """The larger of ``x`` and 0, element by element; its derivative at 0 is taken as 0."""
    return ReLU()(x)


class LeakyReLU(Function):
    """y = x where x > 0, slope x elsewhere;  gx = gy, or slope gy."""

    def __init__(self, slope: float):
        self.slope = slope

    def forward(self, x):
        return x * self._factor(x)

    def backward(self, gy):
        return gy * self._factor(self.inputs[0].data)

    def _factor(self, x):
        one = x.dtype.type(1)
        return get_array_module(x).where(x > 0, one, x.dtype.type(self.slope))


def leaky_relu(x: Any, slope: float = 0.2) -> Variable:
    """``x`` where it is above 0, ``slope * x`` elsewhere.

    Args:
        x: Variable or array of any shape, floating point.
        slope: Of the negative side.

    Example:
        >>> leaky_relu(np.array([-1.0, 2.0]))
        variable([-0.2  2. ])

    Source: Maas et al., 2013.
    """
    return LeakyReLU(slope)(x)


class Softmax(Function):
    """y = e^x / sum(e^x);  gx = y (gy - sum(gy y))."""

    def __init__(self, axis: int):
        self.axis = axis

    def forward(self, x):
        y = get_array_module(x).exp(x - x.max(axis=self.axis, keepdims=True))
        y /= y.sum(axis=self.axis, keepdims=True)
        return y

    def backward(self, gy):
        y = self.outputs[0]()
        gx = y * gy
        return gx - y * gx.sum(axis=self.axis, keepdims=True)


def softmax(x: Any, axis: int = 1) -> Variable:
    """exp(x) scaled so that it sums to 1 along ``axis``, safe for large ``x``.

    Args:
        x: Variable or array, floating point.
        axis: The axis of the classes. A vector has just one, which also the default means.

    Returns:
        Variable with the shape of ``x``.

    Raises:
        ValueError: ``axis`` is out of range.

    Example:
        >>> softmax(np.array([[0.0, 0.0]]))
        variable([[0.5 0.5]])
    """
    return Softmax(_class_axis(x, axis, "softmax"))(x)


def _class_axis(x: Any, axis: int, who: str) -> int:
    return 0 if x.ndim == 1 and axis == 1 else normalize_axes(axis, x.ndim, who)[0]


def softmax_simple(x: Any, axis: int = 1) -> Variable:
    """``softmax`` put together from ``exp``, ``sum`` and ``/``, as a reader would first write it."""
    y = exp(x)
    return y / sum(y, axis=_class_axis(x, axis, "softmax_simple"), keepdims=True)


class LogSoftmax(Function):
    """y = x - log(sum(e^x));  gx = gy - e^y sum(gy)."""

    def __init__(self, axis: int):
        self.axis = axis

    def forward(self, x):
        return x - logsumexp(x, self.axis)

    def backward(self, gy):
        return gy - exp(self.outputs[0]()) * gy.sum(axis=self.axis, keepdims=True)


def log_softmax(x: Any, axis: int = 1) -> Variable:
    """The logarithm of ``softmax``, without ever taking the logarithm of 0.

    Args:
        x: Variable or array, floating point.
        axis: The axis of the classes. A vector has just one, which also the default means.

    Returns:
        Variable with the shape of ``x``.

    Raises:
        ValueError: ``axis`` is out of range.

    Example:
        >>> log_softmax(np.array([[0.0, -1e4]])).data.tolist()
        [[0.0, -10000.0]]
    """
    return LogSoftmax(_class_axis(x, axis, "log_softmax"))(x)
