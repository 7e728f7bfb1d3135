"""Knows how to bring rows, or groups of channels, to mean 0 and variance 1, and the way back, in few passes.

Two kinds of mean, and one way for each:

- of every row of a matrix: layer norm and RMS norm. A row is in the cache for all that is done with it.
- of every group of channels of one sample: group norm and instance norm. Sums over the channels of each sample are
  taken first, and then put together.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..cuda import get_array_module
from .channels import Channels, channels_of, divisor_up_to, in_order_of
from .compiled import loops_for
from .parallel import run_in_parts
from .sums import sum_along, sum_rows

_FEW = 512  # numbers, for which the reference is as fast
_WIDTH = 4096  # numbers in a row, at most, unless one has more
_BLOCK = 1 << 18  # numbers in a block
_LOOP_BLOCK = 1 << 16  # the same for compiled loops
_WORTH_A_THREAD = 1 << 18  # numbers


# Layer norm, RMS norm: the view is (M, D), the mean over axis 1, gamma and beta (1, D).
# Group norm, instance norm: the view is (N, G, K, S), the mean over axes 2 and 3, gamma and beta (1, G, K, 1).


def standardize(
    x: Any, view: tuple[int, ...], axes: tuple[int, ...], gamma: Any, beta: Any, eps: float, centred: bool
) -> tuple[Any, ...]:
    """y = gamma (x - mean) inv_std + beta, mean and inv_std, which is (mean((x - mean)^2) + eps)^-1/2.

    Args:
        x: Array; of a group norm (N, C, ...).
        view: Shape in which it is seen for all that follows.
        axes: Over which the means are taken.
        gamma: Array that broadcasts with the view; 1 where None.
        beta: The same; 0 where None.
        eps: Added to the variance.
        centred: Whether the mean is taken off; else it counts as 0.

    Returns:
        Arrays: one with the shape of ``x``, two with that of the view, but length 1 along the axes.
    """
    way = _way(x, view, axes, centred)
    if way is None:
        return standardize_reference(x, view, axes, gamma, beta, eps, centred)
    return way.standardize(gamma, beta, eps)


def standardize_reference(
    x: Any, view: tuple[int, ...], axes: tuple[int, ...], gamma: Any, beta: Any, eps: float, centred: bool
) -> tuple[Any, ...]:
    """``standardize`` for any array module."""
    y, n = x.reshape(view), _count(view, axes)
    mean = y.sum(axis=axes, keepdims=True) / n if centred else None
    if centred:
        y = y - mean
    inv_std = (_sum_of_products(y, y, axes) / n + eps) ** -0.5
    y = y * inv_std
    if gamma is not None:
        y *= gamma
    if beta is not None:
        y += beta
    return y.reshape(x.shape), mean if centred else 0 * inv_std, inv_std


def standardize_gradients(
    gy: Any,
    x: Any,
    view: tuple[int, ...],
    axes: tuple[int, ...],
    mean: Any,
    inv_std: Any,
    gamma: Any,
    centred: bool,
) -> tuple[Any, ...]:
    """The gradients by x, gamma and beta, from what ``standardize`` returned; without a gamma only that by x."""
    way = _way(x, view, axes, centred)
    if way is None:
        return standardize_gradients_reference(gy, x, view, axes, mean, inv_std, gamma, centred)
    return way.gradients(gy, mean, inv_std, gamma)


def standardize_gradients_reference(
    gy: Any,
    x: Any,
    view: tuple[int, ...],
    axes: tuple[int, ...],
    mean: Any,
    inv_std: Any,
    gamma: Any,
    centred: bool,
) -> tuple[Any, ...]:
    """``standardize_gradients`` for any array module."""
    g, xhat, n = gy.reshape(view), (x.reshape(view) - mean) * inv_std, _count(view, axes)
    ggamma = gbeta = None
    if gamma is not None:
        others = tuple(i for i, length in enumerate(gamma.shape) if length == 1)
        ggamma, gbeta = _sum_of_products(g, xhat, others), g.sum(axis=others, keepdims=True)
        g = g * gamma
    gx = xhat * (_sum_of_products(g, xhat, axes) / -n)
    gx += g
    if centred:
        gx -= g.sum(axis=axes, keepdims=True) / n
    gx *= inv_std
    return gx.reshape(x.shape), ggamma, gbeta


def _count(view: tuple[int, ...], axes: tuple[int, ...]) -> int:
    return max(math.prod([view[i] for i in axes]), 1)


def _sum_of_products(a: Any, b: Any, axes: tuple[int, ...]) -> Any:
    """sum(a b) over axes, which keep length 1; the product is never written to memory."""
    letters = "nmkl"[: a.ndim]
    kept = "".join(c for i, c in enumerate(letters) if i not in axes)
    shape = tuple(1 if i in axes else n for i, n in enumerate(a.shape))
    return get_array_module(a).einsum(f"{letters},{letters}->{kept}", a, b).reshape(shape)


def _way(x: Any, view: tuple[int, ...], axes: tuple[int, ...], centred: bool) -> _RowNorm | _GroupNorm | None:
    """What is fast for ``x``, if anything is."""
    if type(x) is not np.ndarray or x.dtype.char not in "fd" or x.size < _FEW:
        return None
    if len(view) == 2 and axes == (1,):
        return _RowNorm(x, view, centred)
    if len(view) == 4 and axes == (2, 3) and centred:
        channels = channels_of(x, each_sample=True)
        return None if channels is None else _GroupNorm(channels, view)
    return None


class _RowNorm:
    """Each row on its own, of x seen as (M, D)."""

    def __init__(self, x: Any, view: tuple[int, ...], centred: bool):
        self.x, self.view, self.centred = x, view, centred
        self.rows = np.ascontiguousarray(x.reshape(view))

    def standardize(self, gamma: Any, beta: Any, eps: float) -> tuple[Any, ...]:
        x, (M, D), dtype = self.rows, self.view, self.x.dtype
        y, mean, inv_std = np.empty(self.x.shape, dtype), np.empty((M, 1), dtype), np.empty((M, 1), dtype)
        gamma, beta = _vector(gamma, 1, D, dtype), _vector(beta, 0, D, dtype)
        loops = loops_for("normalization", x, gamma, beta)
        work = loops.layer_norm if loops else _layer_norm
        given = x, gamma, beta, eps, self.centred, y.reshape(M, D), mean.reshape(M), inv_std.reshape(M)
        run_in_parts(lambda i, j: work(*given, i, j), M, -(-_WORTH_A_THREAD // D))
        return y, mean, inv_std

    def gradients(self, gy: Any, mean: Any, inv_std: Any, gamma: Any) -> tuple[Any, ...]:
        x, (M, D), dtype = self.rows, self.view, self.x.dtype
        gy, scale = np.ascontiguousarray(gy.reshape(M, D)), _vector(gamma, 1, D, dtype)
        loops = loops_for("normalization", x, gy, scale)
        work, block = (loops.layer_norm_gradients, _LOOP_BLOCK) if loops else (_layer_norm_gradients, _BLOCK)
        step = max(1, block // D)
        blocks = -(-M // step)
        gx, ggammas, gbetas = np.empty(self.x.shape, dtype), np.empty((blocks, D), dtype), np.empty((blocks, D), dtype)
        mean, inv_std = mean.reshape(M), inv_std.reshape(M)
        given = gy, x, scale, mean, inv_std, self.centred, step, gx.reshape(M, D), ggammas, gbetas
        run_in_parts(lambda i, j: work(*given, i, j), blocks, -(-_WORTH_A_THREAD // (step * D)))
        if gamma is None:
            return gx, None, None
        return gx, ggammas.sum(axis=0), gbetas.sum(axis=0)


def _vector(v: Any, number: int, n: int, dtype: Any) -> Any:
    """``v`` as an array of one axis; where it is None, ``n`` times the number it stands for."""
    return np.full(n, number, dtype) if v is None else v.reshape(-1)


def _layer_norm(x, gamma, beta, eps, centred, y, mean, inv_std, start, stop):
    n, step = x.dtype.type(x.shape[1]), max(1, _BLOCK // x.shape[1])
    for i in range(start, stop, step):
        part = slice(i, min(i + step, stop))
        seen, out = x[part], y[part]
        mean[part] = sum_along(seen, (1,)) / n if centred else 0
        if centred:
            seen = np.subtract(seen, mean[part, None], out=out)
        inv_std[part] = (np.einsum("ij,ij->i", seen, seen) / n + eps) ** -0.5
        np.multiply(seen, inv_std[part, None], out=out)
        _for_each_column(np.multiply, out, gamma, out)
        if beta.any():  # RMS norm has none
            _for_each_column(np.add, out, beta, out)


def _layer_norm_gradients(gy, x, gamma, mean, inv_std, centred, step, gx, ggammas, gbetas, start, stop):
    n = x.dtype.type(x.shape[1])
    for k in range(start, stop):
        part = slice(k * step, (k + 1) * step)
        g, off, out, scale = gy[part], x[part], gx[part], inv_std[part]
        if centred:
            off = np.subtract(off, mean[part, None], out=out)  # xhat = off scale
        gbetas[k] = sum_rows(g)
        product = g * off
        ggammas[k] = scale @ product
        slope = (product @ gamma) * scale / n * scale * scale  # each factor where it cannot overflow
        np.multiply(off, slope[:, None], out=out)
        if centred:
            out += ((g @ gamma) * scale / n)[:, None]
        g = _for_each_column(np.multiply, g, gamma, product)
        g *= scale[:, None]
        np.subtract(g, out, out=out)


def _for_each_column(ufunc: Any, a: Any, v: Any, out: Any) -> Any:
    """``ufunc(a, v, out=out)`` as if rows were several times as long, which takes NumPy less time."""
    k = divisor_up_to(len(a), max(1, _WIDTH // len(v)))
    shape = (-1, k * len(v))
    ufunc(a.reshape(shape), np.tile(v, k), out=out.reshape(shape))
    return out


class _GroupNorm:
    """Each group of each sample: sums of channels, (N, C), are put together to those of groups, (N, G)."""

    def __init__(self, channels: Channels, view: tuple[int, ...]):
        self.channels, self.view, self.dtype = channels, view, channels.x.dtype

    def standardize(self, gamma: Any, beta: Any, eps: float) -> tuple[Any, ...]:
        N, G, K, _ = self.view
        mean, var = self.channels.moments(G)
        inv_std = (var + eps) ** -0.5
        one_each = inv_std.repeat(K, axis=1)
        scale = one_each * _vector(gamma, 1, G * K, self.dtype)
        y = self.channels.normalize(mean.repeat(K, axis=1), one_each, scale, _vector(beta, 0, G * K, self.dtype))
        mean, inv_std = (v.astype(self.dtype).reshape(N, G, 1, 1) for v in (mean, inv_std))
        return y, mean, inv_std

    def gradients(self, gy: Any, mean: Any, inv_std: Any, gamma: Any) -> tuple[Any, ...]:
        channels, (N, G, K, S) = self.channels, self.view
        gy = in_order_of(channels.x, gy)
        mean, inv_std = (v.reshape(N, G).repeat(K, axis=1) for v in (mean, inv_std))
        scale = _vector(gamma, 1, G * K, self.dtype)
        total, products = channels.sums(gy, mean, inv_std)
        products *= inv_std

        def over_group(v: Any) -> Any:
            """For each channel the mean of gamma v over its group."""
            return (scale * v).reshape(N, G, K).sum(axis=2).repeat(K, axis=1) / (K * S)

        slope, shift = -inv_std * over_group(products), -over_group(total)
        gx = channels.gradient(gy, mean, inv_std, inv_std, slope, shift, scale)
        if gamma is None:
            return gx, None, None
        return gx, products.sum(axis=0).astype(self.dtype), total.sum(axis=0).astype(self.dtype)
