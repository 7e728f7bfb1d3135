"""Knows the ops that pick between two operands: the larger, the smaller, or the one that a condition names."""

from __future__ import annotations

import operator
from typing import Any, ClassVar

import numpy as np

from ..core import Variable
from ..cuda import get_array_module
from ..kernels.masking import keep_where
from .arithmetic import NUMBERS, operands
from .elementwise import Flat, as_dtype
from .formula import Formula, apply


class Share(Flat):
    """y = 1, 1/2 or 0, as x0 wins against x1, ties with it or loses;  gx0 = gx1 = 0. NaN does not lose."""

    def __init__(self, loses: Any, loses_or_ties: Any):
        self.loses = loses
        self.loses_or_ties = loses_or_ties

    def forward(self, x0, x1):
        dtype = np.result_type(x0.dtype, x1.dtype)
        dtype = dtype if dtype.kind == "f" else np.dtype(float)
        y = self.loses(x0, x1).astype(dtype)
        y += self.loses_or_ties(x0, x1)
        y *= -0.5
        y += 1
        return as_dtype(y, dtype)  # NumPy 1 makes float64 of a 0-d y


class Maximum(Formula):
    """y = max(x0, x1);  gx = gy for the larger one, gy / 2 for each where they are equal."""

    loses: ClassVar[Any] = operator.lt
    loses_or_ties: ClassVar[Any] = operator.le

    def forward(self, x0, x1):
        return get_array_module(x0).maximum(x0, x1)

    def gradients(self, gy, y, x0, x1):
        wants0, wants1 = self.needs_grad
        share = Share(self.loses, self.loses_or_ties)
        return gy * apply(share, x0, x1) if wants0 else None, gy * apply(share, x1, x0) if wants1 else None


class Minimum(Maximum):
    """y = min(x0, x1);  gx = gy for the smaller one, gy / 2 for each where they are equal."""

    loses = operator.gt
    loses_or_ties = operator.ge

    def forward(self, x0, x1):
        return get_array_module(x0).minimum(x0, x1)


def maximum(x0: Any, x1: Any) -> Variable:
    """The larger of ``x0`` and ``x1``, element by element. Where they are equal, each gets half of the gradient.

    Args:
        x0: Variable, array or number.
        x1: The same, of a shape that broadcasts with that of ``x0``.

    Returns:
        Variable of the broadcast shape; NaN where one of the two is.

    Raises:
        TypeError: float16 would meet a wider float.

    Example:
        >>> maximum(np.array([-1.0, 2.0]), 0.5)
        variable([0.5 2. ])
    """
    return Maximum()(*operands(x0, x1, "maximum"))


def minimum(x0: Any, x1: Any) -> Variable:
    """The smaller of ``x0`` and ``x1``, element by element. Where they are equal, each gets half of the gradient.

    Args:
        x0: Variable, array or number.
        x1: The same, of a shape that broadcasts with that of ``x0``.

    Returns:
        Variable of the broadcast shape; NaN where one of the two is.

    Raises:
        TypeError: float16 would meet a wider float.

    Example:
        >>> minimum(np.array([-1.0, 2.0]), 0.5)
        variable([-1.   0.5])
    """
    return Minimum()(*operands(x0, x1, "minimum"))


class Keep(Formula):
    """y = x where a condition holds, 0 elsewhere, even where x is NaN;  gx = gy where it holds."""

    def __init__(self, condition: Any):
        self.condition = condition

    def forward(self, x):
        if self.condition.shape == x.shape and x.ndim:
            return keep_where(self.condition, x)
        return get_array_module(x).where(self.condition, x, x.dtype.type(0))

    def gradients(self, gy, y, x):
        return apply(Keep(self.condition), gy)


class Where(Formula):
    """y = x0 where a condition holds, x1 elsewhere;  gx0 = gy where it holds, gx1 = gy where not, 0 otherwise."""

    def __init__(self, condition: Any):
        self.condition = condition

    def forward(self, x0, x1):
        return get_array_module(self.condition).where(self.condition, x0, x1)

    def gradients(self, gy, y, x0, x1):
        wants0, wants1 = self.needs_grad
        gx0 = apply(Keep(self.condition), gy) if wants0 else None
        return gx0, apply(Keep(~self.condition), gy) if wants1 else None


def where(condition: Any, x0: Any, x1: Any) -> Variable:
    """``x0`` where ``condition`` holds, ``x1`` elsewhere.

    The gradient of what was not taken is exactly 0, also where it is NaN or infinite. But gradients flow on from there:
    in ``where(x > 0, log(x), 0)`` the 0 meets the 1 / x of ``log`` at x = 0 and becomes NaN. Keep such an x from the
    log, with ``log(where(x > 0, x, 1))``.

    Args:
        condition: Variable or array of booleans, or of numbers that count as true unless they are 0. No gradient.
        x0: Variable, array or number.
        x1: The same. The three broadcast.

    Returns:
        Variable of the broadcast shape.

    Raises:
        TypeError: float16 would meet a wider float.

    Example:
        >>> where(np.array([True, False]), np.array([1.0, 2.0]), 0)
        variable([1. 0.])
    """
    if isinstance(condition, Variable):
        condition = condition.data
    if isinstance(x0, NUMBERS) and isinstance(x1, NUMBERS):
        x0 = get_array_module(condition).asarray(x0)
    x0, x1 = operands(x0, x1, "where")
    condition = get_array_module(x0).asarray(condition)
    return Where(condition if condition.dtype == bool else condition != 0)(x0, x1)
