"""Knows how to prove a gradient: finite differences to any order, and comparisons of arrays on any device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..config import using_config
from ..core import Variable, grad
from ..cuda import as_numpy, get_array_module


def array_equal(a: Any, b: Any) -> bool:
    """Whether two Variables or arrays have the same shape and the same elements.

    Args:
        a: Variable, array or scalar, on any device.
        b: The same.

    Example:
        >>> array_equal(Variable(np.ones(2)), np.array([1, 1]))
        True
    """
    return np.array_equal(as_numpy(a), as_numpy(b))


def array_allclose(a: Any, b: Any, rtol: float = 1e-4, atol: float = 1e-5) -> bool:
    """Whether two Variables or arrays of the same shape agree within ``atol + rtol * |b|``, element by element.

    Args:
        a: Variable, array or scalar, on any device.
        b: The same.
        rtol: Relative tolerance.
        atol: Absolute tolerance.

    Example:
        >>> array_allclose(np.array([1.0]), np.array([1.000001]))
        True
    """
    a, b = as_numpy(a), as_numpy(b)
    return a.shape == b.shape and np.allclose(a, b, rtol=rtol, atol=atol)


def numerical_grad(f: Callable[..., Any], x: Any, *args: Any, **kwargs: Any) -> Any:
    """The gradient of the sum of ``f``'s elements by ``x``, by central differences of one element at a time.

    Args:
        f: Function of Variables.
        x: Variable or array; computed on in float64.
        *args: Further arguments of ``f``.
        **kwargs: Further arguments of ``f``.

    Returns:
        Array with the shape of ``x``, on its device.

    Example:
        >>> numerical_grad(lambda x: x**2, np.array([1.0, 3.0])).round(6)
        array([2., 6.])
    """
    xp = get_array_module(x)
    point = as_numpy(x).astype(np.float64)
    gradient, step = np.zeros_like(point), 1e-4

    def value(at: np.ndarray) -> float:
        y = f(Variable(xp.asarray(at)), *args, **kwargs)
        return float(as_numpy(y).sum(dtype=np.float64))

    with using_config("enable_backprop", False):
        for i in np.ndindex(point.shape):
            there = point[i]
            point[i] = there + step
            above = value(point.copy())
            point[i] = there - step
            below = value(point.copy())
            point[i] = there
            gradient[i] = (above - below) / (2 * step)
    return xp.asarray(gradient)


def gradient_check(
    f: Callable[..., Any], x: Any, *args: Any, rtol: float = 1e-4, atol: float = 1e-5, **kwargs: Any
) -> bool:
    """Whether backpropagation through ``f`` gives the gradient by ``x`` that central differences give.

    Prints both where they differ.

    Args:
        f: Function of Variables.
        x: Variable or array; computed on in float64.
        *args: Further arguments of ``f``.
        rtol: Relative tolerance.
        atol: Absolute tolerance.
        **kwargs: Further arguments of ``f``.

    Example:
        >>> gradient_check(lambda x: x**3, np.array([1.0, 2.0]))
        True
    """
    v = Variable(get_array_module(x).asarray(x.data if isinstance(x, Variable) else x).astype(np.float64))
    f(v, *args, **kwargs).backward()
    expected = numerical_grad(f, v, *args, **kwargs)
    close = array_allclose(expected, v.grad, rtol=rtol, atol=atol)
    if not close:
        print(f"gradient_check: backpropagation and central differences differ.\n{v.grad}\n{expected}")
    return close


def check_grads(
    f: Callable[..., Variable],
    *xs: Any,
    order: int = 2,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    step: float = 1e-4,
    seed: int = 0,
) -> None:
    """Proves the derivatives of ``f`` by every one of ``xs``, up to ``order``, along random directions.

    The derivative along a direction d is compared with the difference quotient of fourth order,
    (8 (f(x + hd) - f(x - hd)) - (f(x + 2hd) - f(x - 2hd))) / 12h. The next order does the same with the function
    that the first derivative along d is; its own inputs are ``xs`` and the gradient of the output, so that
    the second derivative by both is seen.

    Args:
        f: Takes Variables, returns one.
        *xs: Float64 arrays, at a place where ``f`` is smooth for 2 ``step`` around.
        order: The highest derivative to check.
        rtol: Tolerance relative to the size of the terms that are summed.
        atol: Absolute tolerance.
        step: h, in units of the inputs.
        seed: Of the random directions.

    Raises:
        AssertionError: The two differ, as they do near a kink; says at which order, by which input, and both numbers.

    Example:
        >>> check_grads(lambda x, y: F.sin(x) * y, np.array([0.5, 2.0]), np.array([3.0]))
        >>> check_grads(F.abs, np.array([1e-5]))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        AssertionError: check_grads: derivative 1 by input 0 is ..., by finite differences ...
    """
    rng = np.random.default_rng(seed)
    points = [np.array(as_numpy(x), dtype=np.float64) for x in xs]
    like = get_array_module(xs[0])
    for n in range(1, order + 1):
        y_shape = f(*_variables(points, like)).shape
        weights = rng.standard_normal(y_shape)
        for i in range(len(points)):
            direction = rng.standard_normal(points[i].shape)
            _check_one(f, points, weights, i, direction, n, rtol, atol, step, like)
        directions = [like.asarray(rng.standard_normal(p.shape)) for p in points]
        f = _derivative(f, len(points), directions)
        points = [*points, weights]


def _variables(points: list[np.ndarray], xp: Any) -> list[Variable]:
    return [Variable(xp.asarray(p.copy())) for p in points]


def _derivative(f: Callable[..., Variable], n: int, directions: list[Any]) -> Callable[..., Variable]:
    """(x1 .. xn, gy) -> the derivative, along ``directions``, of the sum of ``f`` weighted by gy; 0-d."""

    def derivative(*args: Variable) -> Variable:
        xs, gy = args[:n], args[n]
        total = gy.sum() * 0.0  # the derivative is zero where f does not depend on x at all
        for gx, d in zip(grad(f(*xs), xs, gy, create_graph=True, allow_unused=True), directions):
            if gx is not None:
                total = total + (gx * d).sum()
        return total

    return derivative


def _check_one(f, points, weights, i, direction, n, rtol, atol, step, xp) -> None:
    vs = _variables(points, xp)
    gx = grad(f(*vs), vs[i], Variable(xp.asarray(weights)), allow_unused=True)
    terms = np.zeros(1) if gx is None else as_numpy(gx) * direction
    if gx is not None and gx.shape != points[i].shape:
        raise AssertionError(
            f"check_grads: the gradient by input {i} has shape {gx.shape}, the input {points[i].shape}."
        )

    def along(distance: float) -> float:
        moved = [*points[:i], points[i] + distance * direction, *points[i + 1 :]]
        return float((as_numpy(f(*_variables(moved, xp))) * weights).sum())

    numeric = (8 * (along(step) - along(-step)) - (along(2 * step) - along(-2 * step))) / (12 * step)
    found = float(terms.sum())
    scale = max(abs(numeric), float(np.abs(terms).sum()))
    if not abs(found - numeric) <= atol + rtol * scale:
        raise AssertionError(
            f"check_grads: derivative {n} by input {i} is {found:.12g}, by finite differences {numeric:.12g}"
            f" (difference {abs(found - numeric):.3g}, allowed {atol + rtol * scale:.3g})."
        )
