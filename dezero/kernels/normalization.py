"""Knows how to bring rows, groups or the channels of a batch to mean 0 and variance 1, and the way back, in few passes.

Three kinds of mean, and one way for each:

- of every row of a matrix: layer norm and RMS norm. A row is in the cache for all that is done with it.
- of every channel of a batch: batch norm.
- of every group of channels of one sample: group norm and instance norm. Sums over the channels of each sample are
  taken first, and then put together.

The last two see the memory of x (N, C, ...) as a matrix, whose columns are channels where these come last in memory, as
convolution leaves them (a row then holds several pixels), and whose rows are channels where they come first. What is
computed there is the same for both: sums of each channel, and ``a gy + s (x - c) + b`` with numbers for each channel.

Sums are of x itself, not of x - mean, which spares a pass, unless some channel is far from 0 for its spread: there
the difference of two large sums would have few digits left.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from ..cuda import get_array_module
from .compiled import loops_for
from .parallel import run_in_parts
from .sums import sum_along, sum_rows

_FEW = 4096  # numbers, for which the reference is as fast
_FEW_IN_ROWS = 512  # the same of layer norm
_WIDTH = 4096  # numbers in a row of pixels, at most, unless a pixel has more
_BLOCK = 1 << 18  # numbers in a block
_LOOP_WIDTH, _LOOP_BLOCK = 512, 1 << 16  # the same for compiled loops
_WORTH_A_THREAD = 1 << 18  # numbers
_FAR = 4.0  # standard deviations of the mean from 0


# Batch norm. x is (N, C) or (N, C, ...); what belongs to channels is (C,).


def moments(x: Any) -> tuple[Any, Any]:
    """Mean and variance of each channel of ``x``, (C,) and (C,)."""
    channels = _channels(x)
    if channels is None:
        return moments_reference(x)
    mean, var = channels.moments(x.shape[1])
    return mean[0].astype(x.dtype), var[0].astype(x.dtype)


def moments_reference(x: Any) -> tuple[Any, Any]:
    """``moments`` for any array module and memory order."""
    axes, shape = _all_but_channels(x)
    mean = x.mean(axis=axes)
    centred = x - mean.reshape(shape)
    return mean, (centred * centred).mean(axis=axes)


def normalize(x: Any, mean: Any, inv_std: Any, gamma: Any, beta: Any) -> Any:
    """gamma (x - mean) inv_std + beta, in the memory order of ``x``."""
    channels = _channels(x)
    if channels is None:
        return normalize_reference(x, mean, inv_std, gamma, beta)
    return channels.normalize(mean, inv_std, inv_std * gamma, beta)


def normalize_reference(x: Any, mean: Any, inv_std: Any, gamma: Any, beta: Any) -> Any:
    """``normalize`` for any array module and memory order."""
    _, shape = _all_but_channels(x)
    y = x - mean.reshape(shape)
    y *= (inv_std * gamma).reshape(shape)
    y += beta.reshape(shape)
    return y


def sums(gy: Any, x: Any, mean: Any, inv_std: Any) -> tuple[Any, Any]:
    """Of each channel sum(gy) and sum(gy xhat), where xhat = (x - mean) inv_std: (C,) and (C,)."""
    channels = _channels(x)
    if channels is None:
        return sums_reference(gy, x, mean, inv_std)
    total, products = channels.sums(gy, mean, inv_std)
    return total[0].astype(x.dtype), (products[0] * inv_std).astype(x.dtype)


def sums_reference(gy: Any, x: Any, mean: Any, inv_std: Any) -> tuple[Any, Any]:
    """``sums`` for any array module and memory order."""
    axes, shape = _all_but_channels(x)
    return gy.sum(axis=axes), (gy * (x - mean.reshape(shape))).sum(axis=axes) * inv_std


def input_gradient(gy: Any, x: Any, mean: Any, inv_std: Any, gamma: Any, total: Any, products: Any) -> Any:
    """gamma inv_std (gy - total / n - xhat products / n), with the results of ``sums``; n numbers are in a channel."""
    channels = _channels(x)
    if channels is None:
        return input_gradient_reference(gy, x, mean, inv_std, gamma, total, products)
    n = x.size // x.shape[1]
    return channels.gradient(gy, mean, inv_std, gamma * inv_std, inv_std * products / -n, total / -n)


def input_gradient_reference(gy: Any, x: Any, mean: Any, inv_std: Any, gamma: Any, total: Any, products: Any) -> Any:
    """``input_gradient`` for any array module and memory order."""
    axes, shape = _all_but_channels(x)
    n = x.size // x.shape[1]
    gx = x - mean.reshape(shape)
    gx *= (inv_std * products / -n).reshape(shape)
    gx += gy
    gx -= (total / n).reshape(shape)
    gx *= (gamma * inv_std).reshape(shape)
    return gx


def in_order_of(x: Any, gy: Any) -> Any:
    """``gy`` in the memory order of ``x``, itself if it has that already."""
    if type(x) is not np.ndarray or gy.strides == x.strides:
        return gy
    y = np.empty_like(x, gy.dtype)
    y[...] = gy
    return y


def _all_but_channels(x: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes of ``x`` that are averaged over, and the shape in which (C,) broadcasts with ``x``."""
    return (0, *range(2, x.ndim)), (-1, *(1 for _ in x.shape[2:]))


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
    if type(x) is not np.ndarray or x.dtype.char not in "fd" or x.size < _FEW_IN_ROWS:
        return None
    if len(view) == 2 and axes == (1,):
        return _RowNorm(x, view, centred)
    if len(view) == 4 and axes == (2, 3) and centred:
        channels = _channels(x, each_sample=True)
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
    k = _pixels_in_a_row(len(a), max(1, _WIDTH // len(v)))
    shape = (-1, k * len(v))
    ufunc(a.reshape(shape), np.tile(v, k), out=out.reshape(shape))
    return out


class _GroupNorm:
    """Each group of each sample: sums of channels, (N, C), are put together to those of groups, (N, G)."""

    def __init__(self, channels: _Channels, view: tuple[int, ...]):
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


# Channels.


def _is_fast(x: Any) -> bool:
    return type(x) is np.ndarray and x.size >= _FEW and x.dtype.char in "fd"


def _channels(x: Any, each_sample: bool = False) -> _Channels | None:
    """The channels of ``x``, of the batch or of each sample; None where they do not lie as a matrix, or are few."""
    if not _is_fast(x):
        return None
    pixels = _pixels(x)
    if pixels.flags.c_contiguous:
        if each_sample and x.size < _FEW * len(x) and not loops_for("normalization", pixels):
            return None  # NumPy takes one sample after the other
        return _Columns(x, each_sample)
    return _Rows(x, each_sample) if x.flags.c_contiguous else None


def _pixels(x: Any) -> Any:
    return x.transpose(0, *range(2, x.ndim), 1)


class _Channels:
    """The memory of x (N, C, ...) as a matrix, and what is done with each channel of the batch or of each sample.

    What belongs to channels is (samples, C), or (C,); a batch counts as one sample.
    """

    name: str  # of the channels, in those of loops
    matrix: Any
    sizes: tuple[int, ...]  # what loops want to know of the matrix beside its shape
    parts: int  # to share among threads
    least: int  # how many of them are worth a thread
    axis: int  # of the matrix, to sum over

    def __init__(self, x: Any, each_sample: bool):
        self.x, self.C = x, x.shape[1]
        self.samples = len(x) if each_sample else 1

    def lay(self, a: Any) -> Any:
        """The memory of ``a``, which has the shape of ``x`` and its order, as such a matrix."""
        raise NotImplementedError

    def spread(self, v: Any) -> Any:
        """``v`` (samples, C) or (C,) as it is used with the matrix."""
        raise NotImplementedError

    def blocks(self, start: int, stop: int) -> Iterator[tuple[Any, Any, Any]]:
        """For NumPy: blocks of rows, what belongs to them of what was ``spread``, and where their sums are kept."""
        raise NotImplementedError

    def space_for_sums(self) -> Any:
        """An array (2, ...)."""
        raise NotImplementedError

    def moments(self, groups: int) -> tuple[Any, Any]:
        """Mean and variance of each of the ``groups`` that the channels fall into, (samples, groups), in float64."""
        n, K = self.x.size // (self.samples * groups), self.C // groups

        def over_groups(sums: Any) -> Any:
            return sums.reshape(2, self.samples, groups, K).sum(axis=3) / n

        mean, squares = over_groups(self._sums(None, None))
        var = squares - mean * mean
        if (mean * mean > _FAR**2 * var).any():
            rest, squares = over_groups(self._sums(None, np.repeat(mean, K, axis=1)))
            mean, var = mean + rest, squares - rest * rest  # the rest is what rounding left of the mean
        return mean, np.maximum(var, 0)

    def sums(self, gy: Any, mean: Any, inv_std: Any) -> tuple[Any, Any]:
        """sum(gy) and sum(gy (x - mean)), (samples, C), in float64."""
        gy = self.lay(gy)
        if self._loops(gy) or _is_far(mean, inv_std):
            total, products = self._sums(gy, mean)
        else:
            total, products = self._sums(gy, None)
            products -= total * mean
        return total, products

    def normalize(self, mean: Any, inv_std: Any, scale: Any, shift: Any) -> Any:
        """scale (x - mean) + shift."""
        x, y, loops = self.matrix, np.empty_like(self.x), self._loops()
        out = self.lay(y)
        if loops:
            given = *map(self.spread, (mean, scale, shift)), *self.sizes, out
            loop = getattr(loops, f"normalize_{self.name}")
            self._share(lambda i, j: loop(x, *given, i, j))
            return y
        centre, scale, shift = self._centred(mean, inv_std, scale, shift)

        def work(start: int, stop: int) -> None:
            for part, which, _ in self.blocks(start, stop):
                seen = x[part] if centre is None else np.subtract(x[part], centre[which], out=out[part])
                np.multiply(seen, scale[which], out=out[part])
                out[part] += shift[which]

        self._share(work)
        return y

    def gradient(self, gy: Any, mean: Any, inv_std: Any, scale: Any, slope: Any, shift: Any, gamma: Any = None) -> Any:
        """scale (gamma gy + slope (x - mean) + shift); gamma is 1 where None."""
        x, gy, gx = self.matrix, self.lay(gy), np.empty_like(self.x)
        out, loops = self.lay(gx), self._loops(gy)
        if loops:
            factors = scale if gamma is None else scale * gamma, scale * slope, scale * shift
            given = self.spread(mean), *map(self.spread, factors), *self.sizes, out
            loop = getattr(loops, f"gradient_of_{self.name}")
            self._share(lambda i, j: loop(gy, x, *given, i, j))
            return gx
        centre, slope, shift = self._centred(mean, inv_std, slope, shift)
        scale, gamma = self.spread(scale), None if gamma is None else self.spread(gamma)

        def work(start: int, stop: int) -> None:
            for part, which, _ in self.blocks(start, stop):
                into = out[part]
                seen = x[part] if centre is None else np.subtract(x[part], centre[which], out=into)
                np.multiply(seen, slope[which], out=into)
                into += gy[part] if gamma is None else gy[part] * gamma[which]
                into += shift[which]
                into *= scale[which]

        self._share(work)
        return gx

    def _loops(self, *others: Any) -> Any:
        return loops_for("normalization", self.matrix, *others)

    def _centred(self, mean: Any, inv_std: Any, slope: Any, shift: Any) -> tuple[Any, Any, Any]:
        """For slope (x - mean) + shift: mean, slope and shift; the mean is None where the shift can hold it."""
        if _is_far(mean, inv_std):
            return self.spread(mean), self.spread(slope), self.spread(shift)
        return None, self.spread(slope), self.spread(shift - mean * slope)

    def _sums(self, gy: Any, centre: Any) -> Any:
        """sum(gy) and sum(gy (x - centre)), (2, samples, C), float64; without ``gy``, x - centre takes its place."""
        x, found = self.matrix, self.space_for_sums()
        loops = self._loops(gy)
        if loops or centre is not None:
            centre = self.spread(np.zeros(self.C) if centre is None else centre)
        if loops:
            given = centre, *self.sizes, found[0], found[1]
            loop = getattr(loops, f"moments_of_{self.name}" if gy is None else f"sums_of_{self.name}")
            self._share(lambda i, j: loop(x, *given, i, j) if gy is None else loop(gy, x, *given, i, j))
        else:
            product = "ij,ij->j" if self.axis == 0 else "ij,ij->i"

            def work(start: int, stop: int) -> None:
                for part, which, where in self.blocks(start, stop):
                    seen = x[part] if centre is None else x[part] - centre[which]
                    other = seen if gy is None else gy[part]
                    np.add.reduce(other, axis=self.axis, out=found[0, where])
                    np.einsum(product, other, seen, out=found[1, where])

            self._share(work)
        return found.reshape(2, self.samples, -1, self.C).sum(axis=2, dtype=np.float64)

    def _share(self, work: Any) -> None:
        run_in_parts(work, self.parts, self.least)


class _Columns(_Channels):
    """Each row is several pixels of C channels. Rows come in blocks: those of a sample, or so many."""

    name, axis = "columns", 0

    def __init__(self, x: Any, each_sample: bool):
        super().__init__(x, each_sample)
        compiled = loops_for("normalization", _pixels(x)) is not None
        width, block = (_LOOP_WIDTH, _LOOP_BLOCK) if compiled else (_WIDTH, _BLOCK)
        self.width = self.C * _pixels_in_a_row(x.size // (self.samples * self.C), max(1, width // self.C))
        self.matrix = self.lay(x)
        rows = len(self.matrix)
        step = rows // self.samples if each_sample else max(1, block // self.width)
        self.sizes, self.parts = (step,), -(-rows // step)
        self.least = -(-_WORTH_A_THREAD // (step * self.width))

    def lay(self, a: Any) -> Any:
        return _pixels(a).reshape(-1, self.width)

    def spread(self, v: Any) -> Any:
        v = v.reshape(-1, self.C).astype(self.x.dtype)
        return np.tile(v, (self.samples // len(v), self.width // self.C))

    def blocks(self, start: int, stop: int) -> Iterator[tuple[Any, Any, Any]]:
        (step,) = self.sizes
        for k in range(start, stop):
            yield slice(k * step, (k + 1) * step), k % self.samples, k

    def space_for_sums(self) -> Any:
        return np.empty((2, self.parts, self.width), self.x.dtype)


class _Rows(_Channels):
    """Each row is a channel of a sample."""

    name, axis = "rows", 1

    def __init__(self, x: Any, each_sample: bool):
        super().__init__(x, each_sample)
        self.matrix = self.lay(x)
        self.sizes, self.parts = (), len(self.matrix)
        self.least = -(-_WORTH_A_THREAD // self.matrix.shape[1])

    def lay(self, a: Any) -> Any:
        return a.reshape(len(a) * self.C, -1)

    def spread(self, v: Any) -> Any:
        v = v.reshape(-1).astype(self.x.dtype)
        return np.tile(v, self.samples * self.C // len(v))

    def blocks(self, start: int, stop: int) -> Iterator[tuple[Any, Any, Any]]:
        step = max(1, _BLOCK // self.matrix.shape[1])
        for i in range(start, stop, step):
            part = slice(i, min(i + step, stop))
            yield part, (np.arange(i, part.stop) % (self.samples * self.C), None), part

    def space_for_sums(self) -> Any:
        return np.empty((2, self.parts))


@lru_cache(maxsize=256)
def _pixels_in_a_row(n: int, most: int) -> int:
    """How many of ``n`` pixels to take to a row, ``most`` at most, so that all rows are equally long."""
    return next(k for k in range(max(1, min(n, most)), 0, -1) if n % k == 0)


def _is_far(mean: Any, inv_std: Any) -> bool:
    return bool((abs(mean * inv_std) > _FAR).any())
