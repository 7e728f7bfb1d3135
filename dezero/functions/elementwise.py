"""Knows the ops that treat every element alone: exponentials, trigonometry, roots, steps, clipping."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from ..core import Variable
from ..cuda import get_array_module
from ..kernels import activation, special
from .formula import Formula, apply


def floating(x: Any) -> Any:
    """``x`` as it is if it holds floats, else in float64: for ops that are of no use in integers.

    Args:
        x: Array.

    Example:
        >>> floating(np.array([1, 2]))
        array([1., 2.])
    """
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def like_floats(y: Any, x: Any) -> Any:
    """``y`` in the dtype of ``x`` if that holds floats: NumPy 1 makes float64 of a 0-d ``x`` that meets a number.

    Args:
        y: Array.
        x: Array.

    Example:
        >>> like_floats(np.array(2.0), np.array(1.0, np.float32)).dtype.name
        'float32'
    """
    return as_dtype(y, x.dtype) if x.dtype.kind == "f" else y


def as_dtype(x: Any, dtype: Any) -> Any:
    """``x`` in ``dtype``; itself, not a copy, if it has that already.

    Args:
        x: Array.
        dtype: Its type.

    Example:
        >>> x = np.ones(2)
        >>> as_dtype(x, np.float64) is x, as_dtype(x, np.float32).dtype.name
        (True, 'float32')
    """
    return x if x.dtype == dtype else x.astype(dtype)


FAR = 40.0  # from here on e^(-x^2 / 2) is 0, and a logistic curve of that flat; much further out squares overflow


class Elementwise(Formula):
    """y = f(x), element by element: in one pass where there is a compiled loop for it, else by its formulas.

    A subclass has ``values(x)``, an array from an array, and ``gradients``, and says which loop computes the same.
    """

    loop: ClassVar[str]  # its name in ``kernels.activation``
    slope_at_y: ClassVar[bool] = False  # whether f' is taken as a function of y instead of x
    parameters: tuple[float, ...] = ()  # what f takes beside x

    def values(self, x: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no values(self, x).")

    def forward(self, x):
        y = activation.values(self.loop, x, self.parameters)
        return self.values(x) if y is None else y

    def array_backward(self, gy):
        at = self.outputs[0]() if self.slope_at_y else self.inputs[0]
        gx = None if at is None else activation.gradient(self.loop, gy, at.data, self.parameters)
        return super().array_backward(gy) if gx is None else gx


class ScaledMul(Formula):
    """y = c x0 x1 for a number c;  gx0 = c gy x1, gx1 = c gy x0: in a derivative one node, not one more for c."""

    takes_numbers = True

    def __init__(self, c: float):
        self.c = c

    def forward(self, x0, x1):
        return like_floats(x0 * x1 * self.c, x0)

    def gradients(self, gy, y, x0, x1):
        wants0, wants1 = self.needs_grad
        gx0 = apply(ScaledMul(self.c), gy, x1) if wants0 else None
        return gx0, apply(ScaledMul(self.c), gy, x0) if wants1 else None


# --- steps: flat but for jumps -----------------------------------------------------------------------------


class Zeros(Formula):
    """y = 0 in the shape of the first input, and so are all gradients: a derivative that is zero has one too."""

    def forward(self, x, *others):
        return get_array_module(x).zeros_like(x)

    def gradients(self, gy, y, *xs):
        return tuple(apply(Zeros(), x, gy) for x in xs)


class Flat(Formula):
    """y = something that only jumps;  gx = 0, in each input, and in every derivative after that."""

    def gradients(self, gy, y, *xs):
        return tuple(apply(Zeros(), x, gy) for x in xs)


class Step(Flat):
    """y = 1 where x > 0, 0 elsewhere;  gx = 0."""

    def forward(self, x):
        return (x > 0).astype(x.dtype)


class Sign(Flat):
    """y = -1, 0 or 1, as x is below, at or above 0;  gx = 0."""

    def forward(self, x):
        return get_array_module(x).sign(x)


def sign(x: Any) -> Variable:
    """-1, 0 or 1 as ``x`` is below, at or above 0, element by element; its derivative is 0."""
    return Sign()(x)


class Floor(Flat):
    """y = the largest whole number not above x;  gx = 0."""

    def forward(self, x):
        return get_array_module(x).floor(x)


def floor(x: Any) -> Variable:
    """The largest whole number not above ``x``, element by element; its derivative is 0."""
    return Floor()(x)


class Ceil(Flat):
    """y = the smallest whole number not below x;  gx = 0."""

    def forward(self, x):
        return get_array_module(x).ceil(x)


def ceil(x: Any) -> Variable:
    """The smallest whole number not below ``x``, element by element; its derivative is 0."""
    return Ceil()(x)


class Round(Flat):
    """y = x to so many decimals;  gx = 0."""

    def __init__(self, decimals: int):
        self.decimals = decimals

    def forward(self, x):
        return get_array_module(x).round(x, self.decimals)


def round(x: Any, decimals: int = 0) -> Variable:
    """``x`` rounded, halves to the even digit as NumPy does; its derivative is 0.

    Args:
        x: Variable or array of any shape.
        decimals: How many stay; with -1 tens, with -2 hundreds.

    Returns:
        Variable with the shape and dtype of ``x``.

    Example:
        >>> round(np.array([0.5, 1.5, -2.7])), round(np.array([3.14159]), 2)
        (variable([ 0.  2. -3.]), variable([3.14]))
    """
    return Round(decimals)(x)


# --- powers and roots ---------------------------------------------------------------------------------------


class Square(Formula):
    """y = x^2;  gx = 2 gy x."""

    def forward(self, x):
        return x * x

    def gradients(self, gy, y, x):
        return gy * (x * 2)


def square(x: Any) -> Variable:
    """``x * x``, element by element."""
    return Square()(x)


class Sqrt(Formula):
    """y = sqrt(x);  gx = gy / (2 y)."""

    def forward(self, x):
        return get_array_module(x).sqrt(x)

    def gradients(self, gy, y, x):
        return gy / (y * 2)


def sqrt(x: Any) -> Variable:
    """Square root of ``x``, element by element."""
    return Sqrt()(x)


class Reciprocal(Formula):
    """y = 1 / x;  gx = -gy y^2."""

    def forward(self, x):
        return get_array_module(x).reciprocal(floating(x))

    def gradients(self, gy, y, x):
        return gy * (y * -y)


def reciprocal(x: Any) -> Variable:
    """1 / ``x``, element by element; of integers too it is a float."""
    return Reciprocal()(x)


class Abs(Formula):
    """y = |x|;  gx = gy sign(x), 0 at 0."""

    def forward(self, x):
        return abs_array(x)

    def gradients(self, gy, y, x):
        return gy * apply(Sign(), x)


abs_array = abs  # Python's own, which the next line hides


def abs(x: Any) -> Variable:
    """Absolute value of ``x``, element by element; its derivative at 0 is taken as 0."""
    return Abs()(x)


# --- exponentials and logarithms ----------------------------------------------------------------------------


class Exp(Formula):
    """y = e^x;  gx = gy y."""

    def forward(self, x):
        return get_array_module(x).exp(x)

    def gradients(self, gy, y, x):
        return gy * y


def exp(x: Any) -> Variable:
    """e to the power of ``x``, element by element."""
    return Exp()(x)


class Expm1(Formula):
    """y = e^x - 1;  gx = gy (y + 1)."""

    def forward(self, x):
        return get_array_module(x).expm1(x)

    def gradients(self, gy, y, x):
        return gy * (y + 1)


def expm1(x: Any) -> Variable:
    """exp(x) - 1, element by element, with all digits where ``x`` is near 0."""
    return Expm1()(x)


class Log(Formula):
    """y = log(x);  gx = gy / x."""

    def forward(self, x):
        return get_array_module(x).log(x)

    def gradients(self, gy, y, x):
        return gy / x


def log(x: Any) -> Variable:
    """Natural logarithm of ``x``, element by element."""
    return Log()(x)


class Log1p(Formula):
    """y = log(1 + x);  gx = gy / (1 + x)."""

    def forward(self, x):
        return get_array_module(x).log1p(x)

    def gradients(self, gy, y, x):
        return gy / (x + 1)


def log1p(x: Any) -> Variable:
    """log(1 + x), element by element, with all digits where ``x`` is near 0."""
    return Log1p()(x)


class Log2(Formula):
    """y = log2(x);  gx = gy / (x log 2)."""

    def forward(self, x):
        return get_array_module(x).log2(x)

    def gradients(self, gy, y, x):
        return gy / (x * math.log(2))


def log2(x: Any) -> Variable:
    """Logarithm of ``x`` to base 2, element by element."""
    return Log2()(x)


class Log10(Formula):
    """y = log10(x);  gx = gy / (x log 10)."""

    def forward(self, x):
        return get_array_module(x).log10(x)

    def gradients(self, gy, y, x):
        return gy / (x * math.log(10))


def log10(x: Any) -> Variable:
    """Logarithm of ``x`` to base 10, element by element."""
    return Log10()(x)


class Erf(Formula):
    """y = 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x;  gx = 2 / sqrt(pi) gy e^(-x^2)."""

    def forward(self, x):
        return special.erf(floating(x))

    def gradients(self, gy, y, x):
        x = apply(Clip(-FAR, FAR), x)
        return gy * (apply(Exp(), x * -x) * (2 / math.sqrt(math.pi)))


def erf(x: Any) -> Variable:
    """The error function of ``x``, element by element: how much of N(0, 1/2) lies between -x and x."""
    return Erf()(x)


# --- trigonometry -------------------------------------------------------------------------------------------


class Sin(Formula):
    """y = sin(x);  gx = gy cos(x)."""

    def forward(self, x):
        return get_array_module(x).sin(x)

    def gradients(self, gy, y, x):
        return gy * apply(Cos(), x)


def sin(x: Any) -> Variable:
    """Sine of ``x`` in radians, element by element."""
    return Sin()(x)


class Cos(Formula):
    """y = cos(x);  gx = -gy sin(x)."""

    def forward(self, x):
        return get_array_module(x).cos(x)

    def gradients(self, gy, y, x):
        return gy * -apply(Sin(), x)


def cos(x: Any) -> Variable:
    """Cosine of ``x`` in radians, element by element."""
    return Cos()(x)


class Tan(Formula):
    """y = tan(x);  gx = gy (1 + y^2)."""

    def forward(self, x):
        return get_array_module(x).tan(x)

    def gradients(self, gy, y, x):
        return gy * (y * y + 1)


def tan(x: Any) -> Variable:
    """Tangent of ``x`` in radians, element by element."""
    return Tan()(x)


class Arcsin(Formula):
    """y = arcsin(x);  gx = gy / sqrt(1 - x^2)."""

    def forward(self, x):
        return get_array_module(x).arcsin(x)

    def gradients(self, gy, y, x):
        return gy / apply(Sqrt(), (1 - x) * (x + 1))  # 1 - x^2 without losing digits near -1 and 1


def arcsin(x: Any) -> Variable:
    """The angle in radians, from -pi/2 to pi/2, whose sine is ``x``, element by element."""
    return Arcsin()(x)


class Arccos(Formula):
    """y = arccos(x);  gx = -gy / sqrt(1 - x^2)."""

    def forward(self, x):
        return get_array_module(x).arccos(x)

    def gradients(self, gy, y, x):
        return -gy / apply(Sqrt(), (1 - x) * (x + 1))


def arccos(x: Any) -> Variable:
    """The angle in radians, from 0 to pi, whose cosine is ``x``, element by element."""
    return Arccos()(x)


class Arctan(Formula):
    """y = arctan(x);  gx = gy / (1 + x^2)."""

    def forward(self, x):
        return get_array_module(x).arctan(x)

    def gradients(self, gy, y, x):
        return gy / (x * x + 1)


def arctan(x: Any) -> Variable:
    """The angle in radians, from -pi/2 to pi/2, whose tangent is ``x``, element by element."""
    return Arctan()(x)


class Sinh(Formula):
    """y = sinh(x) = (e^x - e^-x) / 2;  gx = gy cosh(x)."""

    def forward(self, x):
        return get_array_module(x).sinh(x)

    def gradients(self, gy, y, x):
        return gy * apply(Cosh(), x)


def sinh(x: Any) -> Variable:
    """Hyperbolic sine of ``x``, element by element."""
    return Sinh()(x)


class Cosh(Formula):
    """y = cosh(x) = (e^x + e^-x) / 2;  gx = gy sinh(x)."""

    def forward(self, x):
        return get_array_module(x).cosh(x)

    def gradients(self, gy, y, x):
        return gy * apply(Sinh(), x)


def cosh(x: Any) -> Variable:
    """Hyperbolic cosine of ``x``, element by element."""
    return Cosh()(x)


class Tanh(Elementwise):
    """y = tanh(x);  gx = gy (1 - y^2)."""

    loop, slope_at_y = "tanh", True

    def values(self, x):
        return get_array_module(x).tanh(x)

    def gradients(self, gy, y, x):
        return gy * apply(OneMinusSquare(), y)


class OneMinusSquare(Formula):
    """y = 1 - x^2;  gx = -2 x gy: one node, as the derivatives of tanh are full of it."""

    def forward(self, x):
        return like_floats(1 - x * x, x)

    def gradients(self, gy, y, x):
        return apply(ScaledMul(-2), gy, x)


def tanh(x: Any) -> Variable:
    """Hyperbolic tangent of ``x``, element by element."""
    return Tanh()(x)


# --- bounds -------------------------------------------------------------------------------------------------


class Within(Flat):
    """y = 1 where x lies between two bounds or on them, 0 elsewhere;  gx = 0."""

    def __init__(self, x_min: float | None, x_max: float | None):
        self.x_min = x_min
        self.x_max = x_max

    def forward(self, x):
        inside: Any = True
        if self.x_min is not None:
            inside = x >= self.x_min
        if self.x_max is not None:
            inside = (x <= self.x_max) & inside
        return inside.astype(x.dtype)


class Clip(Formula):
    """y = x kept between two bounds;  gx = gy where x lies within them."""

    def __init__(self, x_min: float | None, x_max: float | None):
        self.x_min = x_min
        self.x_max = x_max

    def forward(self, x):
        return like_floats(get_array_module(x).clip(x, self.x_min, self.x_max), x)

    def gradients(self, gy, y, x):
        return gy * apply(Within(self.x_min, self.x_max), x)


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
    return Clip(*(b.item() if isinstance(b, np.generic) else b for b in (x_min, x_max)))(x)
