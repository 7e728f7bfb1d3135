"""Knows the ops that treat every element alone: exponentials, trigonometry, roots, clipping."""

from __future__ import annotations

from typing import Any

from ..core import Function, Variable
from ..cuda import get_array_module
from .formula import Formula


class Sin(Function):
    """y = sin(x);  gx = gy cos(x)."""

    def forward(self, x):
        return get_array_module(x).sin(x)

    def backward(self, gy):
        return gy * cos(self.inputs[0])


def sin(x: Any) -> Variable:
    """Sine of ``x`` in radians, element by element."""
    return Sin()(x)


class Cos(Function):
    """y = cos(x);  gx = -gy sin(x)."""

    def forward(self, x):
        return get_array_module(x).cos(x)

    def backward(self, gy):
        return gy * -sin(self.inputs[0])


def cos(x: Any) -> Variable:
    """Cosine of ``x`` in radians, element by element."""
    return Cos()(x)


class Tanh(Formula):
    """y = tanh(x);  gx = gy (1 - y^2)."""

    def forward(self, x):
        return get_array_module(x).tanh(x)

    def gradients(self, gy, y, x):
        return gy * (1 - y * y)


def tanh(x: Any) -> Variable:
    """Hyperbolic tangent of ``x``, element by element."""
    return Tanh()(x)


class Exp(Formula):
    """y = e^x;  gx = gy y."""

    def forward(self, x):
        return get_array_module(x).exp(x)

    def gradients(self, gy, y, x):
        return gy * y


def exp(x: Any) -> Variable:
    """e to the power of ``x``, element by element."""
    return Exp()(x)


class Log(Formula):
    """y = log(x);  gx = gy / x."""

    def forward(self, x):
        return get_array_module(x).log(x)

    def gradients(self, gy, y, x):
        return gy / x


def log(x: Any) -> Variable:
    """Natural logarithm of ``x``, element by element."""
    return Log()(x)


class Sqrt(Formula):
    """y = sqrt(x);  gx = gy / (2 y)."""

    def forward(self, x):
        return get_array_module(x).sqrt(x)

    def gradients(self, gy, y, x):
        return gy / (y * 2)


def sqrt(x: Any) -> Variable:
    """Square root of ``x``, element by element."""
    return Sqrt()(x)


class Abs(Function):
    """y = |x|;  gx = gy sign(x), 0 at 0."""

    def forward(self, x):
        return abs_array(x)

    def backward(self, gy):
        x = self.inputs[0].data
        return gy * get_array_module(x).sign(x)


abs_array = abs  # Python's own, which the next line hides


def abs(x: Any) -> Variable:
    """Absolute value of ``x``, element by element; its derivative at 0 is taken as 0."""
    return Abs()(x)


class Clip(Function):
    """y = x kept between two bounds;  gx = gy where x lies within them."""

    def __init__(self, x_min: float | None, x_max: float | None):
        self.x_min = x_min
        self.x_max = x_max

    def forward(self, x):
        return get_array_module(x).clip(x, self.x_min, self.x_max)

    def backward(self, gy):
        x = self.inputs[0].data
        inside: Any = True
        if self.x_min is not None:
            inside = x >= self.x_min
        if self.x_max is not None:
            inside = (x <= self.x_max) & inside
        return gy * inside.astype(x.dtype)


def clip(x: Any, x_min: float | None, x_max: float | None) -> Variable:
    """``x`` kept between ``x_min`` and ``x_max``; the gradient passes where ``x`` lies between or on them.

    Args:
        x: Variable or array of any shape.
        x_min: Lower bound, or None for none.
        x_max: Upper bound, or None for none.

    Returns:
        Variable with the shape and dtype of ``x``.

    Raises:
        ValueError: Both bounds are None, or ``x_min`` is above ``x_max``.

    Example:
        >>> clip(np.array([-2.0, 0.5, 2.0]), 0, 1)
        variable([0.  0.5 1. ])
    """
    if x_min is None and x_max is None:
        raise ValueError("clip: x_min or x_max must be a number, got None for both.")
    if x_min is not None and x_max is not None and x_min > x_max:
        raise ValueError(f"clip: x_min must not be above x_max, got {x_min} and {x_max}.")
    return Clip(x_min, x_max)(x)
