"""Knows + - * / ** and their gradients, for operands that broadcast as NumPy's do."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Function, Variable, as_operand, constant
from ..cuda import get_array_module, is_array
from .elementwise import Zeros, floating, like_floats, log
from .formula import Formula, apply
from .reduction import sum_to


class Add(Formula):
    """y = x0 + x1;  gx0 = gx1 = gy."""

    takes_numbers = True

    def forward(self, x0, x1):
        return x0 + x1

    def gradients(self, gy, y, x0, x1):
        return gy, gy


class Mul(Formula):
    """y = x0 x1;  gx0 = gy x1, gx1 = gy x0."""

    takes_numbers = True

    def forward(self, x0, x1):
        return x0 * x1

    def gradients(self, gy, y, x0, x1):
        wants0, wants1 = self.needs_grad
        return gy * x1 if wants0 else None, gy * x0 if wants1 else None


class Neg(Formula):
    """y = -x;  gx = -gy."""

    takes_numbers = True

    def forward(self, x):
        return -x

    def gradients(self, gy, y, x):
        return -gy


class Sub(Formula):
    """y = x0 - x1;  gx0 = gy, gx1 = -gy."""

    takes_numbers = True

    def forward(self, x0, x1):
        return x0 - x1

    def gradients(self, gy, y, x0, x1):
        return gy, -gy if self.needs_grad[1] else None


class Div(Formula):
    """y = x0 / x1;  gx0 = gy / x1, gx1 = -gy y / x1."""

    takes_numbers = True

    def forward(self, x0, x1):
        return x0 / x1

    def gradients(self, gy, y, x0, x1):
        gx0 = gy / x1
        return gx0, -gx0 * (x0 / x1) if self.needs_grad[1] else None


class Pow(Formula):
    """y = x^c for a number c;  gx = gy c x^(c - 1), and 0 for c = 0, at x = 0 too."""

    takes_numbers = True

    def __init__(self, c: float):
        self.c = c

    def forward(self, x):
        c = self.c
        if c in (3, 4):  # NumPy's own takes a hundred times as long
            square = x * x
            return square * (x if c == 3 else square)
        return like_floats((x if c >= 0 else floating(x)) ** c, x)

    def gradients(self, gy, y, x):
        c = self.c
        return gy * (apply(Pow(c - 1), x) * c) if c != 0 else apply(Zeros(), gy, x)


class VariablePow(Function):
    """y = x0^x1;  gx0 = gy x1 x0^(x1 - 1), gx1 = gy y log(x0), both 0 at 0^0 (and gx1 wherever x0 is 0)."""

    def forward(self, x0, x1):
        return x0**x1

    def backward(self, gy):
        x0, x1 = (x if x.dtype.kind == "f" else x * 1.0 for x in self.inputs)  # no negative powers of integers
        y = self.outputs[0]()
        gx0 = gx1 = None
        if self.needs_grad[0]:
            both_zero = ((x0.data == 0) & (x1.data == 0)).astype(x1.dtype)
            gx0 = sum_to(gy * x1 * x0 ** (x1 - 1 + both_zero), x0.shape)
        if self.needs_grad[1]:
            x0_or_1 = x0 + (x0.data == 0).astype(x0.dtype)  # y log(x) goes to 0 with x
            gx1 = sum_to(gy * y * log(x0_or_1), x1.shape)
        return gx0, gx1


NUMBERS = (int, float, np.generic)


def operands(x0: Any, x1: Any, who: str) -> tuple[Any, Any]:
    """Two operands as a Function takes them: a number becomes an array of the other's dtype, on its device.

    Args:
        x0: Variable, array or number.
        x1: The same.
        who: The op, for the error.

    Raises:
        TypeError: float16 would meet a wider float.

    Example:
        >>> operands(np.ones(2, np.float32), 0.5, "add")[1].dtype.name
        'float32'
    """
    if isinstance(x0, Variable) and isinstance(x1, Variable):
        try:
            if x0.data.dtype is not x1.data.dtype:
                check_precision(x0.data.dtype, x1.data.dtype, who)
        except AttributeError:  # asked for only here, off the hot path: has one of them no data yet?
            return as_operand(x0, who), as_operand(x1, who)
        return x0, x1
    a0 = x0.data if isinstance(x0, Variable) else x0
    a1 = x1.data if isinstance(x1, Variable) else x1
    if isinstance(a1, NUMBERS):
        return x0, number_like(a1, a0)
    if isinstance(a0, NUMBERS):
        return number_like(a0, a1), x1
    if is_array(a0) and is_array(a1) and a0.dtype != a1.dtype:
        check_precision(a0.dtype, a1.dtype, who)
    return x0, x1


def number_like(number: Any, array: Any) -> Any:
    """``number`` as a constant that leaves ``array`` its dtype: float32 stays float32, and integers become floats
    only where they meet a float.

    Args:
        number: Python's or NumPy's.
        array: The other operand. Where it is no array, ``number`` comes back as it is.

    Example:
        >>> number_like(2, np.ones(3, np.float32)).dtype.name, number_like(0.5, np.arange(3)).dtype.name
        ('float32', 'float64')
    """
    if type(array) is np.ndarray and array.dtype.kind == "f":
        return constant(np.array(number, array.dtype), "number_like")
    if not is_array(array):
        return number
    dtype = array.dtype
    if dtype.kind != "f":
        is_float = isinstance(number, (float, np.floating))
        dtype = np.result_type(dtype, np.float64 if is_float else np.min_scalar_type(number))
    if type(array) is np.ndarray:
        return constant(np.array(number, dtype), "number_like")
    return constant(get_array_module(array).full((), number, dtype), "number_like")


def check_precision(dtype0: Any, dtype1: Any, who: str) -> None:
    """Raises where float16 would meet a wider float: half precision is a choice, and so is leaving it."""
    if dtype0 != dtype1 and dtype0.kind == dtype1.kind == "f" and 2 in (dtype0.itemsize, dtype1.itemsize):
        raise TypeError(f"{who}: {dtype0} and {dtype1} do not meet silently. Cast one of them with astype.")


def add(x0: Any, x1: Any) -> Variable:
    """x0 + x1, element by element."""
    return Add()(*operands(x0, x1, "add"))


def mul(x0: Any, x1: Any) -> Variable:
    """x0 * x1, element by element."""
    return Mul()(*operands(x0, x1, "mul"))


def neg(x: Any) -> Variable:
    """-x, element by element."""
    return Neg()(x)


def sub(x0: Any, x1: Any) -> Variable:
    """x0 - x1, element by element."""
    return Sub()(*operands(x0, x1, "sub"))


def rsub(x0: Any, x1: Any) -> Variable:
    """x1 - x0, element by element: what ``1 - v`` calls as ``rsub(v, 1)``."""
    return sub(x1, x0)


def div(x0: Any, x1: Any) -> Variable:
    """x0 / x1, element by element."""
    return Div()(*operands(x0, x1, "div"))


def rdiv(x0: Any, x1: Any) -> Variable:
    """x1 / x0, element by element: what ``1 / v`` calls as ``rdiv(v, 1)``."""
    return div(x1, x0)


def pow(x: Any, c: Any) -> Variable:
    """x ** c, element by element; base, exponent or both may be Variables.

    Args:
        x: Variable, array or number.
        c: A number, or a Variable or array that broadcasts with ``x``.

    Returns:
        Variable of the broadcast shape. An integer ``x`` to a negative power gives floats.

    Example:
        >>> pow(np.array([1.0, 2.0]), 3), pow(2, np.array([3.0]))
        (variable([1. 8.]), variable([8.]))
    """
    if not isinstance(c, NUMBERS):
        return VariablePow()(*operands(x, c, "pow"))
    return Pow(c.item() if isinstance(c, np.generic) else c)(x)
