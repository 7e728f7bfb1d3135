"""Knows the ops that bring activations to a standard mean and variance."""

from __future__ import annotations

from typing import Any

from ..config import Config
from ..core import Function, Variable, constant
from ..cuda import get_array_module
from .formula import differentiate


class BatchNorm(Function):
    """y = gamma (x - mean) / sqrt(var + eps) + beta, mean and var those of the batch, for each channel."""

    def __init__(self, eps: float):
        self.eps = eps
        self.mean: Any = None  # of this batch, (C,)
        self.var: Any = None

    def forward(self, x, gamma, beta):
        axes, shape = _axes_and_shape(x)
        mean = x.mean(axis=axes, keepdims=True)
        y = x - mean
        var = (y * y).mean(axis=axes, keepdims=True)
        y *= gamma.reshape(shape) / get_array_module(x).sqrt(var + self.eps).astype(x.dtype)
        y += beta.reshape(shape)
        self.mean, self.var = mean.reshape(-1), var.reshape(-1)
        return y

    def backward(self, gy):
        x, gamma, _ = self.inputs
        return tuple(BatchNormGrad(self.eps)(x, gamma, gy))


class BatchNormGrad(Function):
    """The gradients of BatchNorm by x, gamma and beta, from x, gamma and gy."""

    def __init__(self, eps: float):
        self.eps = eps

    def forward(self, x, gamma, gy):
        return self.formula(x, gamma, gy)

    def backward(self, *ggs):
        return tuple(differentiate(self.formula, self.inputs, ggs))

    def formula(self, x, gamma, gy):
        """For arrays and for Variables, so that it is its own derivative's source."""
        axes, shape = _axes_and_shape(x)
        xc = x - x.mean(axis=axes, keepdims=True)
        inv_std = ((xc * xc).mean(axis=axes, keepdims=True) + self.eps) ** -0.5
        xhat = xc * inv_std
        gbeta = gy.sum(axis=axes, keepdims=True)
        ggamma = (gy * xhat).sum(axis=axes, keepdims=True)
        gx = (gy - (xhat * ggamma + gbeta) / (x.size // x.shape[1])) * (gamma.reshape(shape) * inv_std)
        return gx, ggamma.reshape(gamma.shape), gbeta.reshape(gamma.shape)


def _axes_and_shape(x: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes that are averaged over, all but the channels, and the shape in which (C,) broadcasts with ``x``."""
    return (0, *range(2, x.ndim)), (1, -1, *(1 for _ in x.shape[2:]))


def batch_norm(
    x: Any,
    gamma: Any,
    beta: Any,
    mean: Any,
    var: Any,
    decay: float = 0.9,
    eps: float = 2e-5,
) -> Variable:
    """Brings each channel to mean ``beta`` and standard deviation ``gamma``.

    In train mode with the mean and variance of the batch, which also move the running ones, in place:
    ``mean = decay * mean + (1 - decay) * batch mean``, and the same with the unbiased variance. In test mode with the
    running ones.

    Args:
        x: Variable or array (N, C) or (N, C, ...), floating point.
        gamma: Scale, Variable or array (C,).
        beta: Shift, Variable or array (C,).
        mean: Running mean, Variable or array (C,).
        var: Running variance, Variable or array (C,).
        decay: How much of the running values stays, from 0 to 1.
        eps: Added to the variance, in units of x squared.

    Returns:
        Variable with the shape of ``x``.

    Raises:
        ValueError: ``x`` has no channel axis, or another array does not have one element for each channel.

    Example:
        >>> x, one, zero = np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1)
        >>> batch_norm(x, one, zero, zero.copy(), one.copy()).data.round(3).tolist()
        [[-1.0], [1.0]]

    Source: Ioffe and Szegedy, 2015.
    """
    x = x if isinstance(x, Variable) else constant(x, "batch_norm")
    if x.ndim < 2:
        raise ValueError(f"batch_norm: x must be (N, C) or (N, C, ...), got {x.shape}.")
    for name, v in (("gamma", gamma), ("beta", beta), ("mean", mean), ("var", var)):
        if tuple(v.shape) != x.shape[1:2]:
            raise ValueError(
                f"batch_norm: {name} must have shape {x.shape[1:2]} for x {x.shape}, got {tuple(v.shape)}."
            )
    running_mean, running_var = (v.data if isinstance(v, Variable) else v for v in (mean, var))
    if not Config.train:
        return _with_running_statistics(x, gamma, beta, running_mean, running_var, eps)
    f = BatchNorm(eps)
    y = f(x, gamma, beta)
    m = x.size // x.shape[1]
    _move_towards(running_mean, f.mean, decay)
    _move_towards(running_var, f.var * (m / max(m - 1, 1)), decay)
    return y


def _move_towards(running: Any, new: Any, decay: float) -> None:
    running *= decay
    running += (1 - decay) * new


def _with_running_statistics(x: Variable, gamma: Any, beta: Any, mean: Any, var: Any, eps: float) -> Variable:
    shape = _axes_and_shape(x)[1]
    inv_std = constant(((var + eps) ** -0.5).astype(x.dtype), "batch_norm")
    scale = inv_std * gamma
    shift = beta - scale * mean
    return x * scale.reshape(shape) + shift.reshape(shape)


batch_nrom = batch_norm  # as the book's code spells it
