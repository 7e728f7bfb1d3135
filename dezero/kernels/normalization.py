"""Knows how to bring the channels of a batch to mean 0 and variance 1, and the way back, in few passes over memory.

``x`` is (N, C) or (N, C, ...); what belongs to channels is (C,). The fast way is for NumPy arrays that have their
channels last in memory, as convolution leaves them. It sees them as a matrix whose rows hold several pixels each, and
takes a block of rows at a time, which stays in the cache for all that is done with it.

Sums are of x itself, not of x - mean, which spares a pass, unless some channel is far from 0 for its spread: there
the difference of two large sums would have few digits left.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from .parallel import run_in_parts

_FEW = 4096  # numbers, for which the reference is as fast
_WIDTH = 4096  # numbers in a row, at most, unless a pixel has more
_BLOCK = 1 << 18  # numbers in a block
_WORTH_A_THREAD = 1  # block
_FAR = 4.0  # standard deviations of the mean from 0


def moments(x: Any) -> tuple[Any, Any]:
    """Mean and variance of each channel of ``x``, (C,) and (C,)."""
    rows = _long_rows(x)
    if rows is None:
        return moments_reference(x)
    C, n = x.shape[1], x.size // x.shape[1]
    total, squares = _sums(rows, rows, C)
    mean = total / n
    var = squares / n - mean * mean
    if (mean * mean > _FAR**2 * var).any():
        total, squares = _sums(None, rows, C, mean)
        rest = total / n  # what rounding left of the mean
        mean, var = mean + rest, squares / n - rest * rest
    return mean.astype(x.dtype), var.astype(x.dtype)


def moments_reference(x: Any) -> tuple[Any, Any]:
    """``moments`` for any array module and memory order."""
    axes, shape = _all_but_channels(x)
    mean = x.mean(axis=axes)
    centred = x - mean.reshape(shape)
    return mean, (centred * centred).mean(axis=axes)


def normalize(x: Any, mean: Any, inv_std: Any, gamma: Any, beta: Any) -> Any:
    """gamma (x - mean) inv_std + beta, in the memory order of ``x``."""
    rows = _long_rows(x)
    if rows is None:
        return normalize_reference(x, mean, inv_std, gamma, beta)
    y = np.empty_like(x)
    scale = inv_std * gamma
    if _is_far(mean, inv_std):
        centre, shift = _row(mean, rows), _row(beta, rows)
    else:
        centre, shift = None, _row(beta - mean * scale, rows)
    scale, out = _row(scale, rows), _long_rows(y)

    def work(part: slice) -> None:
        seen = rows[part]
        if centre is not None:
            seen = np.subtract(seen, centre, out=out[part])
        np.multiply(seen, scale, out=out[part])
        out[part] += shift

    _by_blocks(work, rows)
    return y


def normalize_reference(x: Any, mean: Any, inv_std: Any, gamma: Any, beta: Any) -> Any:
    """``normalize`` for any array module and memory order."""
    _, shape = _all_but_channels(x)
    y = x - mean.reshape(shape)
    y *= (inv_std * gamma).reshape(shape)
    y += beta.reshape(shape)
    return y


def sums(gy: Any, x: Any, mean: Any, inv_std: Any) -> tuple[Any, Any]:
    """Of each channel sum(gy) and sum(gy xhat), where xhat = (x - mean) inv_std: (C,) and (C,)."""
    rows, others = _long_rows(x), _long_rows(gy)
    if rows is None or others is None:
        return sums_reference(gy, x, mean, inv_std)
    centre = mean if _is_far(mean, inv_std) else None
    total, products = _sums(others, rows, x.shape[1], centre)
    if centre is None:
        products -= total * mean
    return total.astype(x.dtype), (products * inv_std).astype(x.dtype)


def sums_reference(gy: Any, x: Any, mean: Any, inv_std: Any) -> tuple[Any, Any]:
    """``sums`` for any array module and memory order."""
    axes, shape = _all_but_channels(x)
    return gy.sum(axis=axes), (gy * (x - mean.reshape(shape))).sum(axis=axes) * inv_std


def input_gradient(gy: Any, x: Any, mean: Any, inv_std: Any, gamma: Any, total: Any, products: Any) -> Any:
    """gamma inv_std (gy - total / n - xhat products / n), with the results of ``sums``; n numbers are in a channel."""
    rows, others = _long_rows(x), _long_rows(gy)
    if rows is None or others is None:
        return input_gradient_reference(gy, x, mean, inv_std, gamma, total, products)
    n = x.size // x.shape[1]
    gx = np.empty_like(x)
    slope, shift = inv_std * products / -n, total / -n
    if _is_far(mean, inv_std):
        centre, shift = _row(mean, rows), _row(shift, rows)
    else:
        centre, shift = None, _row(shift - mean * slope, rows)
    slope, scale, out = _row(slope, rows), _row(gamma * inv_std, rows), _long_rows(gx)

    def work(part: slice) -> None:
        seen, into = rows[part], out[part]
        if centre is not None:
            seen = np.subtract(seen, centre, out=into)
        np.multiply(seen, slope, out=into)
        into += others[part]
        into += shift
        into *= scale

    _by_blocks(work, rows)
    return gx


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


def _is_far(mean: Any, inv_std: Any) -> bool:
    return bool((abs(mean * inv_std) > _FAR).any())


def _long_rows(x: Any) -> Any:
    """The memory of ``x`` as a matrix, each row several pixels of C channels; None where they do not lie like that, or
    are few."""
    if type(x) is not np.ndarray or x.dtype.kind != "f" or x.size < _FEW:
        return None
    pixels = x.transpose(0, *range(2, x.ndim), 1)
    if not pixels.flags.c_contiguous:
        return None
    C = x.shape[1]
    return pixels.reshape(-1, C * _pixels_in_a_row(x.size // C, C))


@lru_cache(maxsize=256)
def _pixels_in_a_row(n: int, C: int) -> int:
    """How many of ``n`` pixels to take to a row, so that all rows are equally long."""
    return next(k for k in range(max(1, min(n, _WIDTH // C)), 0, -1) if n % k == 0)


def _row(v: Any, rows: Any) -> Any:
    """``v`` (C,) for every pixel of a row."""
    return np.tile(v.astype(rows.dtype), rows.shape[1] // len(v))


def _sums(a: Any, x: Any, C: int, centre: Any = None) -> tuple[Any, Any]:
    """Of each channel sum(a) and sum(a (x - centre)), in float64; without ``a``, x - centre takes its place."""
    step = _rows_in_a_block(x)
    found = np.empty((2, -(-len(x) // step), x.shape[1]), x.dtype)
    off = None if centre is None else _row(centre, x)

    def work(part: slice) -> None:
        seen = x[part] if off is None else x[part] - off
        other = seen if a is None else a[part]
        k = part.start // step
        np.add.reduce(other, axis=0, out=found[0, k])
        np.einsum("ij,ij->j", other, seen, out=found[1, k])

    _by_blocks(work, x)
    total, products = found.reshape(2, -1, C).sum(axis=1, dtype=np.float64)
    return total, products


def _by_blocks(work: Any, rows: Any) -> None:
    """Calls ``work`` with the slice of each block of ``rows``, shared among threads."""
    step = _rows_in_a_block(rows)

    def some(start: int, stop: int) -> None:
        for k in range(start, stop):
            work(slice(k * step, min((k + 1) * step, len(rows))))

    run_in_parts(some, -(-len(rows) // step), _WORTH_A_THREAD)


def _rows_in_a_block(rows: Any) -> int:
    return max(1, _BLOCK // rows.shape[1])
