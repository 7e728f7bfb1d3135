"""Knows the gates and exponentials of activations on arrays: in place, in as few passes as it takes, threads sharing.

``functions/activation.py`` has each of them as a formula, which every array module can compute: the reference. A
formula makes a new array for each of its operators. Here the result is the only one, and what NumPy does to it
overwrites it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .compiled import loops_for
from .parallel import run_in_parts

_LEAST = 1 << 14  # elements; for fewer the formulas are as fast
_WORTH_A_THREAD = 1 << 17  # elements

_A = 2 * math.sqrt(2 / math.pi)  # of the gate of gelu in its tanh form, sigmoid(a x + b x^3)
_B = 0.044715 * _A
_FAR = 40.0  # from here on that gate is 0 or 1, and much further out the cube overflows


def is_fast(*xs: Any) -> bool:
    """Whether the functions of this module take ``xs``: large float arrays of NumPy, all of one shape and layout."""
    x = xs[0]
    return (
        type(x) is np.ndarray
        and x.size >= _LEAST
        and x.dtype.char in "fd"
        and all(type(a) is np.ndarray and a.dtype == x.dtype and a.shape == x.shape for a in xs)
        and all(a.flags.c_contiguous for a in xs)
    )


def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x)."""
    y = np.empty_like(x)
    loops = loops_for("activation", x)
    _share(loops.sigmoid if loops else _sigmoid, x, y)
    return y


def silu(x: Any) -> tuple[Any, Any]:
    """x g with g = sigmoid(x), and g."""
    y, g = np.empty_like(x), np.empty_like(x)

    def work(x: Any, y: Any, g: Any) -> None:
        _sigmoid(x, g)
        np.multiply(x, g, out=y)

    _share(work, x, y, g)
    return y, g


def silu_gradient(gy: Any, y: Any, g: Any) -> Any:
    """gy (g + x g (1 - g)) = gy (g + y (1 - g))."""
    gx = np.empty_like(gy)

    def work(gy: Any, y: Any, g: Any, gx: Any) -> None:
        np.subtract(gx.dtype.type(1), g, out=gx)
        gx *= y
        gx += g
        gx *= gy

    _share(work, gy, y, g, gx)
    return gx


def tanh_gelu(x: Any) -> tuple[Any, Any]:
    """x g with g = sigmoid(a x + b x^3), and g."""
    y, g = np.empty_like(x), np.empty_like(x)

    def work(x: Any, y: Any, g: Any) -> None:
        with np.errstate(over="ignore"):  # far out it is infinite, and its exponential that or 0, as it should be
            np.multiply(x, x, out=g)
            g *= -_B
            g -= _A
            g *= x
        _reciprocal_of_one_plus_exp(g)
        np.multiply(x, g, out=y)

    _share(work, x, y, g)
    return y, g


def tanh_gelu_gradient(gy: Any, x: Any, g: Any) -> Any:
    """gy (g + x g (1 - g) (a + 3 b x^2)) = gy g (1 + (1 - g) x (a + 3 b x^2))."""
    gx = np.empty_like(gy)

    def work(gy: Any, x: Any, g: Any, gx: Any) -> None:
        t = np.clip(x, -_FAR, _FAR)
        np.multiply(t, t, out=gx)
        gx *= 3 * _B
        gx += _A
        gx *= t
        gx *= np.subtract(gx.dtype.type(1), g, out=t)
        gx += 1
        gx *= g
        gx *= gy

    _share(work, gy, x, g, gx)
    return gx


def _sigmoid(x: Any, y: Any) -> None:
    np.negative(x, out=y)
    _reciprocal_of_one_plus_exp(y)


def _reciprocal_of_one_plus_exp(y: Any) -> None:
    with np.errstate(over="ignore"):  # where e^y is infinite, the result is 0
        np.exp(y, out=y)
    y += 1
    np.reciprocal(y, out=y)


def _share(work: Callable[..., None], *arrays: Any) -> None:
    """Calls ``work`` with the arrays as vectors, or with a part of each on several threads."""
    vectors = [a.reshape(-1) for a in arrays]
    run_in_parts(lambda i, j: work(*[v[i:j] for v in vectors]), arrays[0].size, _WORTH_A_THREAD)
