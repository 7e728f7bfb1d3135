"""Knows e^x, tanh, log(1 + x), erf and sigmoid of one number, in steps that the compiler can take for many at once.

Those of Python's ``math`` are calls, one number at a time. These are made of sums and products in the precision of
their argument, float32 or float64::

    x = n log(2) + r, n whole, so |r| <= log(2) / 2
    e^r - 1 = r + r^2 / 2! + r^3 / 3! + ...    as many terms as the precision can tell from 0
    e^x = 2^n e^r                              2^n by writing n into the exponent of a float
    log(1 + x) = 2 (s + s^3 / 3 + s^5 / 5 + ...)    s = x / (2 + x), small where x < sqrt(2) - 1
    log(1 + x) = log(2) / 2 + log((1 + x) / sqrt(2))    elsewhere

They err by less than 3 units of the last place. NaN stays NaN, and what is too large is infinite.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import special
from .jit import exact, inline, numba


def exp(x: Any) -> Any:
    """e^x."""
    return np.exp(x)


def expm1(x: Any) -> Any:
    """e^x - 1, with all its digits near 0; for x from -87 to 88 in float32, from -708 to 709 in float64."""
    return np.expm1(x)


def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return np.tanh(x)


def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x)."""
    one = type(x)(1)
    return one / (one + exp(-x))


def log1p(x: Any) -> Any:
    """log(1 + x), with all its digits near 0; for x from 0 to 1."""
    return np.log1p(x)


def erf(x: Any) -> Any:
    """2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x."""
    return special.erf(np.asarray(x))[()]


class _Precision:
    """What the steps need to know of float32 or float64.

    Attributes:
        real, whole: The types of a number, and of an integer with as many bits.
        terms: Of the series of (e^r - 1 - r) / r^2, the smallest first.
        high, low: log(2) in two parts; n times the first has no rounding.
        mantissa, bias: Bits of a float below its exponent, and what is added to the exponent.
        least, most: Beyond these e^x is 0 or infinite.
        one: From here on tanh is 1.
        odd: Of the series of log(1 + x) / 2, the smallest first.
        erf: The constants of ``special.erf``: two polynomials, and from where on it is 1.
    """

    def __init__(self, real, whole, terms, high, low, mantissa, bias, least, most, one, odd, erf):
        self.real, self.whole = real, whole
        self.odd = tuple([real(1 / k) for k in range(odd, 0, -2)])
        p, q, largest = erf
        self.erf = tuple(map(real, p)), tuple(map(real, (1, *q))), real(largest)
        self.terms = tuple([real(1 / math.factorial(k)) for k in range(terms, 1, -1)])
        self.high, self.low = real(high), real(low)
        self.mantissa, self.bias = whole(mantissa), whole(bias)
        self.least, self.most, self.one = real(least), real(most), real(one)


_SINGLE = _Precision(
    np.float32, np.int32, 7, 0.693145751953125, 1.4286068203e-6, 23, 127, -104, 89, 9.5, 9, special.SINGLE
)
_DOUBLE = _Precision(
    np.float64, np.int64, 13, 0.6931471805598903, 5.497923018708371e-14, 52, 1023, -746, 710, 19.5, 19, special.DOUBLE
)

if numba is not None:
    from numba import types
    from numba.extending import overload

    def _precision(x):
        return _SINGLE if x == types.float32 else _DOUBLE

    def _steps(of):
        """The steps that all functions share, for one precision."""
        high, low, terms, per_log2 = of.high, of.low, of.terms, of.real(1 / math.log(2))
        whole, real, mantissa, bias, half = of.whole, of.real, of.mantissa, of.bias, of.real(0.5)

        @exact
        def reduce(x, n):
            return (x - n * high) - n * low

        @inline
        def split(x):
            """n, and e^r - 1."""
            n = np.floor(x * per_log2 + half)
            r = reduce(x, n)
            p = real(0)
            for term in terms:
                p = p * r + term
            return whole(n), p * r * r + r

        @inline
        def power_of_two(n):
            return whole((n + bias) << mantissa).view(real)

        @exact
        def times_power_of_two(y, n):
            half = n >> whole(1)  # 2^n may be too large or too small for a float where the result is not
            return y * power_of_two(half) * power_of_two(n - half)

        return split, power_of_two, times_power_of_two

    @overload(exp, inline="always")
    def _exp(x):
        of = _precision(x)
        split, _, times_power_of_two = _steps(of)
        least, most, one = of.least, of.most, of.real(1)

        def exp(x):
            n, p = split(most if x > most else least if x < least else x)
            return times_power_of_two(p + one, n)

        return exp

    @overload(expm1, inline="always")
    def _expm1(x):
        of = _precision(x)
        split, power_of_two, _ = _steps(of)
        one = of.real(1)

        def expm1(x):
            n, p = split(x)
            scale = power_of_two(n)
            return scale * p + (scale - one)

        return expm1

    @overload(tanh, inline="always")
    def _tanh(x):
        of = _precision(x)
        most, two = of.one, of.real(2)

        def tanh(x):
            t = expm1(two * (most if x > most else -most if x < -most else x))
            return t / (t + two)

        return tanh

    @overload(sigmoid, inline="always")
    def _sigmoid(x):
        one = _precision(x).real(1)

        def sigmoid(x):
            return one / (one + exp(-x))

        return sigmoid

    @overload(log1p, inline="always")
    def _log1p(x):
        of = _precision(x)
        odd, zero, one, two = of.odd, of.real(0), of.real(1), of.real(2)
        root, half_log2 = of.real(math.sqrt(2)), of.real(math.log(2) / 2)

        def log1p(x):
            far = x > root - one
            s = (x - (root - one) if far else x) / (x + (root + one if far else two))
            ss = s * s
            y = zero
            for term in odd:
                y = y * ss + term
            return two * s * y + (half_log2 if far else zero)

        return log1p

    @overload(erf, inline="always")
    def _erf(x):
        of = _precision(x)
        (p, q, most), zero = of.erf, of.real(0)

        def erf(x):
            x = most if x > most else -most if x < -most else x
            u = x * x
            above, below = zero, zero
            for c in p:
                above = above * u + c
            for c in q:
                below = below * u + c
            return tanh(x * above / below)

        return erf
