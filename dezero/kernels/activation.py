"""Knows the activations on arrays: in one pass of a compiled loop, or in place in as few passes as NumPy needs.

``functions/activation.py`` has each of them as a formula, which every array module can compute: the reference. A
formula makes a new array for each of its operators. A loop (``kernels/loops/activation.py``) computes y, or gx, of an
element in registers, and needs nothing kept but x or y. In NumPy there are the three that networks use most: the result
is the only new array, and what NumPy does to it overwrites it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .compiled import loops_for
from .parallel import run_in_parts

_LEAST = 1 << 14  # elements; for fewer the formulas are as fast
_LEAST_FOR_LOOPS = 1 << 9
_WORTH_A_THREAD = 1 << 17  # elements, of which each takes an exponential
_CHEAP_WORTH_A_THREAD = 1 << 20
_CHEAP_VALUES = {"leaky_relu", "hard_sigmoid", "hard_swish"}
_CHEAP_GRADIENTS = {*_CHEAP_VALUES, "sigmoid", "tanh", "elu"}

_A = 2 * math.sqrt(2 / math.pi)  # of the gate of gelu in its tanh form, sigmoid(a x + b x^3)
_B = 0.044715 * _A
_FAR = 40.0  # from here on that gate is 0 or 1, and much further out the cube overflows


def values(name: str, x: Any, parameters: tuple[float, ...] = ()) -> Any:
    """y = f(x) by a compiled loop, in the memory order of ``x``; None where there is none for ``x``.

    Args:
        name: The activation, as ``loops.activation.values`` calls it.
        x: Array.
        parameters: What the activation takes beside ``x``.
    """
    if not _is_worth_a_loop(x):
        return None
    y = np.empty_like(x)
    vectors = _vectors(x, y)
    loops = vectors and loops_for("activation", *vectors)
    if not loops:
        return None
    _run(loops.values[name], vectors, parameters, name in _CHEAP_VALUES)
    return y


def gradient(name: str, gy: Any, at: Any, parameters: tuple[float, ...] = ()) -> Any:
    """gx = gy f'(x) by a compiled loop, in the memory order of ``at``; None where there is none for these arrays.

    Args:
        name: The activation, as ``loops.activation.gradients`` calls it.
        gy: Array.
        at: What the slope is a function of: x, or y where that is less work.
        parameters: What the activation takes beside ``x``.
    """
    if not _is_worth_a_loop(at) or type(gy) is not np.ndarray or gy.dtype != at.dtype or gy.shape != at.shape:
        return None
    if gy.strides != at.strides:  # such as one that was broadcast, or comes from a transpose
        gy, given = np.empty_like(at), gy
        gy[...] = given
    gx = np.empty_like(at)
    vectors = _vectors(gy, at, gx)
    loops = vectors and loops_for("activation", *vectors)
    if not loops:
        return None
    _run(loops.gradients[name], vectors, parameters, name in _CHEAP_GRADIENTS)
    return gx


def _is_worth_a_loop(x: Any) -> bool:
    return type(x) is np.ndarray and x.size >= _LEAST_FOR_LOOPS and x.dtype.char in "fd"


def _vectors(*arrays: Any) -> Any:
    """The elements in a row, as they lie in memory; None where that is not in one stretch, and for all alike."""
    if all(a.flags.c_contiguous for a in arrays):
        return [a.reshape(-1) for a in arrays]
    if any(a.strides != arrays[-1].strides for a in arrays):  # the last was made for the result: it has no gaps
        return None
    return [a.ravel("K") for a in arrays]


def _run(loop: Callable[..., None], vectors: list[Any], parameters: tuple[float, ...], is_cheap: bool) -> None:
    x, least = vectors[0], _CHEAP_WORTH_A_THREAD if is_cheap else _WORTH_A_THREAD
    numbers = [x.dtype.type(p) for p in parameters]
    if x.size < 2 * least:
        loop(*vectors, *numbers)
    else:
        run_in_parts(lambda i, j: loop(*[v[i:j] for v in vectors], *numbers), x.size, least)


# --- in NumPy --------------------------------------------------------------------------------------------------


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
    _share(_sigmoid, x, y)
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
