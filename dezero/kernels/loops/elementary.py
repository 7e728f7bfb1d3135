"""Knows e^x, tanh, logarithms, sigmoid and Mills' ratio, in steps that the compiler can take for many numbers at once.

Those of Python's ``math`` are calls, one number at a time. These are made of sums and products in the precision of
their argument, float32 or float64::

    x = n log(2) + r, n whole, so |r| <= log(2) / 2
    e^r - 1 = r + r^2 / 2! + r^3 / 3! + ...    as many terms as the precision can tell from 0
    e^x = 2^n e^r                              2^n by writing n into the exponent of a float
    log(1 + x) = 2 (s + s^3 / 3 + s^5 / 5 + ...)    s = x / (2 + x), small where x < sqrt(2) - 1
    log(1 + x) = log(2) / 2 + log((1 + x) / sqrt(2))    elsewhere
    log(x) = n log(2) + log(m)                 x = 2^n m, m from sqrt(1/2) to sqrt(2), so with s = (m - 1) / (m + 1)

They err by less than 3 units of the last place. NaN stays NaN, what is too large is infinite, and e^x is 0 where it is
no larger than the smallest numbers that have all their digits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

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


def log(x: Any) -> Any:
    """The natural logarithm, for x that is not below 1e-37 in float32, or 1e-307 in float64."""
    return np.log(x)


def mills(x: Any) -> Any:
    """Mills' ratio: how much of N(0, 1) lies beyond x, divided by its density there; for x from 0 to 40."""
    return np.polyval(_MILLS_DOUBLE, (x - 4) / (x + 4)) / (x + 4)


# (x + 4) times the ratio is a smooth function of (x - 4) / (x + 4). These polynomials, highest power first, have its
# values at Chebyshev's nodes: for x up to 14 and 39, beyond which the density is 0. They are off by 1.3e-8 and 4e-17.
_MILLS_SINGLE = (
    -0.000301257618,
    0.0005044883437,
    0.003941216453,
    -0.008838831765,
    -0.0188730327,
    0.1514171139,
    -0.4675430359,
    0.9704077585,
    -1.523770851,
    1.893219083,
)
_MILLS_DOUBLE = (
    -2.4197549105386416e-09,
    1.822204824144426e-10,
    3.4902352238751844e-08,
    3.654311428802898e-08,
    -1.9145832439230776e-07,
    -3.866805123099125e-07,
    6.609539743412198e-07,
    2.55627167616164e-06,
    -1.5669738073859545e-06,
    -1.4836463875945651e-05,
    1.7922532432564952e-06,
    8.80933981787977e-05,
    -4.782312192484539e-06,
    -0.0005792688057200625,
    0.00033424447738372693,
    0.004087855617232049,
    -0.008722295262214672,
    -0.018900450857216238,
    0.151391762311896,
    -0.46754096299847675,
    0.9704095548675983,
    -1.5237709108199822,
    1.8932190633084853,
)


class _Precision:
    """What the steps need to know of float32 or float64.

    Attributes:
        real, whole: The types of a number, and of an integer with as many bits.
        terms: Of the series of (e^r - 1 - r) / r^2, the smallest first.
        high, low: log(2) in two parts; n times the first has no rounding.
        mantissa, bias: Bits of a float below its exponent, and what is added to the exponent.
        least, most: Below the one e^x counts as 0, above the other it is infinite.
        one: From here on tanh is 1.
        odd: Of the series of log(1 + x) / 2, the smallest first.
        mills: Of the polynomial in Mills' ratio, the highest power first.
    """

    def __init__(self, real, whole, terms, high, low, mantissa, bias, least, most, one, odd, mills):
        self.real, self.whole = real, whole
        self.odd = tuple([real(1 / k) for k in range(odd, 0, -2)])
        self.mills = tuple(map(real, mills))
        self.terms = tuple([real(1 / math.factorial(k)) for k in range(terms, 1, -1)])
        self.high, self.low = real(high), real(low)
        self.mantissa, self.bias = whole(mantissa), whole(bias)
        self.least, self.most, self.one = real(least), real(most), real(one)


_SINGLE = _Precision(
    np.float32, np.int32, 7, 0.693145751953125, 1.4286068203e-6, 23, 127, -86.9, 89, 9.5, 9, _MILLS_SINGLE
)
_DOUBLE = _Precision(
    np.float64, np.int64, 13, 0.6931471805598903, 5.497923018708371e-14, 52, 1023, -708, 710, 19.5, 19, _MILLS_DOUBLE
)

if numba is not None:
    from numba import types
    from numba.extending import overload

    def _precision(x):
        return _SINGLE if x == types.float32 else _DOUBLE

    def _polynomial(terms):
        """The polynomial with these coefficients, that of the highest power first."""
        highest, others = terms[0], terms[1:]

        @inline
        def polynomial(x):
            y = highest
            for term in others:
                y = y * x + term
            return y

        return polynomial

    def _steps(of):
        """The steps that all functions share, for one precision."""
        high, low, terms, per_log2 = of.high, of.low, of.terms, of.real(1 / math.log(2))
        whole, real, mantissa, bias, half = of.whole, of.real, of.mantissa, of.bias, of.real(0.5)
        polynomial = _polynomial(terms)

        @exact
        def reduce(x, n):
            return (x - n * high) - n * low

        @inline
        def split(x):
            """n, and e^r - 1."""
            n = np.floor(x * per_log2 + half)
            r = reduce(x, n)
            return whole(n), polynomial(r) * r * r + r

        @inline
        def power_of_two(n):
            return whole((n + bias) << mantissa).view(real)

        return split, power_of_two

    @overload(exp, inline="always")
    def _exp(x):
        of = _precision(x)
        split, power_of_two = _steps(of)
        least, most, zero, one, two = of.least, of.most, of.real(0), of.whole(1), of.real(2)

        def exp(x):
            n, p = split(most if x > most else x)
            y = (two * p + two) * power_of_two(n - one)  # 2^n itself may be too large where the result is not
            return zero if x < least else y

        return exp

    @overload(expm1, inline="always")
    def _expm1(x):
        of = _precision(x)
        split, power_of_two = _steps(of)
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
            x = most if x > most else x
            t = expm1(two * (-most if x < -most else x))
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
        series, zero, one, two = _odd_series(of), of.real(0), of.real(1), of.real(2)
        root, half_log2 = of.real(math.sqrt(2)), of.real(math.log(2) / 2)

        def log1p(x):
            far = x > root - one
            s = (x - (root - one) if far else x) / (x + (root + one if far else two))
            return series(s) + (half_log2 if far else zero)

        return log1p

    def _odd_series(of):
        polynomial, two = _polynomial(of.odd), of.real(2)

        @inline
        def series(s):
            """2 (s + s^3 / 3 + ...)."""
            return two * s * polynomial(s * s)

        return series

    @overload(log, inline="always")
    def _log(x):
        of = _precision(x)
        series, one, infinite = _odd_series(of), of.real(1), of.real(math.inf)
        whole, real, mantissa, high, low = of.whole, of.real, of.mantissa, of.high, of.low
        lowest = whole(of.real(math.sqrt(0.5)).view(whole))

        def log(x):
            bits = real(x).view(whole)
            n = whole((bits - lowest) >> mantissa)
            m = whole(bits - (n << mantissa)).view(real)
            y = real(n) * high + (real(n) * low + series((m - one) / (m + one)))
            return y if x < infinite else x

        return log

    @overload(mills, inline="always")
    def _mills(x):
        of = _precision(x)
        polynomial, one, four = _polynomial(of.mills), of.real(1), of.real(4)

        def mills(x):
            q = one / (x + four)
            return polynomial((x - four) * q) * q

        return mills
