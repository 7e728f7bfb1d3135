"""Knows how to bring the channels of a batch to mean 0 and variance 1, and the way back, in few passes.

x is (N, C) or (N, C, ...); what belongs to channels is (C,). Each function has a reference beside it, which is taken
where the channels do not lie as a matrix, or are few.
"""

from __future__ import annotations

from typing import Any

from .channels import channels_of


def moments(x: Any) -> tuple[Any, Any]:
    """Mean and variance of each channel of ``x``, (C,) and (C,)."""
    channels = channels_of(x)
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
    channels = channels_of(x)
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
    channels = channels_of(x)
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
    channels = channels_of(x)
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


def _all_but_channels(x: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes of ``x`` that are averaged over, and the shape in which (C,) broadcasts with ``x``."""
    return (0, *range(2, x.ndim)), (-1, *(1 for _ in x.shape[2:]))
