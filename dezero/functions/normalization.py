"""Knows the ops that bring activations to a standard mean, variance or length."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..arrays import normalize_axes
from ..config import Config
from ..core import Variable
from ..cuda import get_array_module
from ..kernels import batchnorm
from ..kernels import normalization as kernels
from ..kernels.channels import in_order_of
from .elementwise import as_dtype
from .fused import Fused, check_same_precision, floating_operand, widened


class Normalization(Fused):
    """xhat = (x - mean) / sqrt(var + eps), mean and var taken over some axes;  y = gamma xhat + beta.

    gxhat = gamma gy;  gx = (gxhat - mean(gxhat) - xhat mean(gxhat xhat)) / sqrt(var + eps);
    ggamma = sum(gy xhat), gbeta = sum(gy).  The inputs are x, gamma and beta; x and gamma; or x alone.

    Nothing of the size of x is kept: the gradients compute xhat anew from x, mean and 1 / sqrt(var + eps).

    Args:
        view: Shape in which x is seen here.
        axes: Those axes of the view that mean and variance are taken over.
        channels: Those axes of the view that gamma and beta run along.
        eps: Added to the variance.
    """

    centred: ClassVar[bool] = True  # whether the mean is taken off

    def __init__(self, view: tuple[int, ...], axes: tuple[int, ...], channels: tuple[int, ...], eps: float):
        self.view, self.axes, self.channels, self.eps = view, axes, channels, eps
        self.count = max(math.prod(view[a] for a in axes), 1)
        self.mean: Any = None  # in the view, with length 1 along the axes; as inv_std
        self.inv_std: Any = None

    def forward(self, x, gamma=None, beta=None):
        gamma, beta = self._along_channels(gamma), self._along_channels(beta)
        y, self.mean, self.inv_std = kernels.standardize(
            widened(x), self.view, self.axes, gamma, beta, self.eps, self.centred
        )
        return as_dtype(y, x.dtype)

    def gradients(self, gy, x, gamma=None, beta=None):
        scale, statistics = self._along_channels(gamma), (self.mean, self.inv_std)
        found = kernels.standardize_gradients(
            widened(gy), widened(x), self.view, self.axes, *statistics, scale, self.centred
        )
        return tuple(
            as_dtype(g if g.shape == v.shape else g.reshape(v.shape), x.dtype) if needed else None
            for g, v, needed in zip(found, [v for v in (x, gamma, beta) if v is not None], self.needs_grad)
        )

    def plain(self, x, gamma=None, beta=None):
        y = widened(x).reshape(self.view)
        if self.centred:
            y = y - y.mean(axis=self.axes, keepdims=True)
        y = y * ((y * y).mean(axis=self.axes, keepdims=True) + self.eps) ** -0.5
        if gamma is not None:
            y = y * self._along_channels(gamma)
        if beta is not None:
            y = y + self._along_channels(beta)
        return y.reshape(x.shape).astype(x.dtype)

    def _along_channels(self, v):
        """gamma or beta in the shape in which it broadcasts with the view; None stays None."""
        if v is None:
            return None
        return widened(v).reshape(tuple([n if a in self.channels else 1 for a, n in enumerate(self.view)]))


class BatchNorm(Normalization):
    """y = gamma (x - mean) / sqrt(var + eps) + beta, mean and var those of the batch, for each channel."""

    var: Any = None

    def forward(self, x, gamma=None, beta=None):
        wide = widened(x)
        self.mean, self.var = batchnorm.moments(wide)
        self.inv_std = (self.var + self.eps) ** -0.5
        return as_dtype(batchnorm.normalize(wide, self.mean, self.inv_std, widened(gamma), widened(beta)), x.dtype)

    def gradients(self, gy, x, gamma=None, beta=None):
        g, wide = in_order_of(x, widened(gy)), widened(x)
        gbeta, ggamma = batchnorm.sums(g, wide, self.mean, self.inv_std)
        gx = None
        if self.needs_grad[0]:
            gx = batchnorm.input_gradient(g, wide, self.mean, self.inv_std, widened(gamma), gbeta, ggamma)
            gx = as_dtype(gx, x.dtype)
        return gx, as_dtype(ggamma, x.dtype), as_dtype(gbeta, x.dtype)


class FixedBatchNorm(BatchNorm):
    """y = gamma (x - mean) / sqrt(var + eps) + beta, mean and var given, so that gx = gamma gy / sqrt(var + eps)."""

    def __init__(self, mean: Any, var: Any, eps: float):
        self.mean, self.inv_std = mean, (var + eps) ** -0.5

    def forward(self, x, gamma=None, beta=None):
        y = batchnorm.normalize(widened(x), self.mean, self.inv_std, widened(gamma), widened(beta))
        return as_dtype(y, x.dtype)

    def gradients(self, gy, x, gamma=None, beta=None):
        g, gx, ggamma, gbeta = in_order_of(x, widened(gy)), None, None, None
        if self.needs_grad[0]:
            zero = 0 * self.mean
            gx = as_dtype(batchnorm.normalize(g, zero, self.inv_std, widened(gamma), zero), x.dtype)
        if any(self.needs_grad[1:]):
            gbeta, ggamma = batchnorm.sums(g, widened(x), self.mean, self.inv_std)
            gbeta, ggamma = as_dtype(gbeta, x.dtype), as_dtype(ggamma, x.dtype)
        return gx, ggamma, gbeta

    def plain(self, x, gamma=None, beta=None):
        mean, inv_std, gamma, beta = (
            v.reshape((-1, *(1 for _ in x.shape[2:]))) for v in (self.mean, self.inv_std, widened(gamma), widened(beta))
        )
        return ((widened(x) - mean) * (inv_std * gamma) + beta).astype(x.dtype)


class LayerNorm(Normalization):
    """y = gamma (x - mean) / sqrt(var + eps) + beta, mean and var those of the last axes."""


class GroupNorm(Normalization):
    """y = gamma (x - mean) / sqrt(var + eps) + beta, mean and var those of a group of channels of one sample."""


class RMSNorm(Normalization):
    """y = gamma x / sqrt(mean(x^2) + eps), the mean that of the last axis."""

    centred = False


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
        ValueError: ``x`` has no channel axis, another array does not have one element for each channel, or the batch
            is empty in train mode.
        TypeError: ``x`` is not floating point, or float16 meets a wider float.

    Example:
        >>> x, one, zero = np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1)
        >>> batch_norm(x, one, zero, zero.copy(), one.copy()).data.round(3).tolist()
        [[-1.0], [1.0]]

    Source: Ioffe and Szegedy, 2015.
    """
    x = floating_operand(x, "batch_norm")
    if x.ndim < 2:
        raise ValueError(f"batch_norm: x must be (N, C) or (N, C, ...), got {x.shape}.")
    _check_channels("batch_norm", x, gamma=gamma, beta=beta, mean=mean, var=var)
    running_mean, running_var = (v.data if isinstance(v, Variable) else v for v in (mean, var))
    if not Config.train:
        return _with_running_statistics(x, gamma, beta, running_mean, running_var, eps)
    if not x.size:
        raise ValueError(f"batch_norm: an empty batch has no mean, got x {x.shape}. Use test_mode().")
    view, axes = _channel_view(x)
    f = BatchNorm(view, axes, (1,), eps)
    y = f(x, gamma, beta)
    _move_towards(running_mean, f.mean, decay)
    _move_towards(running_var, f.var * (f.count / max(f.count - 1, 1)), decay)
    return y


def _channel_view(x: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape (N, C, S), or (N, C), in which ``x`` has all pixels in one axis, and its axes but for the channels."""
    N, C, *rest = x.shape
    return ((N, C, math.prod(rest)), (0, 2)) if rest else ((N, C), (0,))


def _check_channels(who: str, x: Variable, **given: Any) -> None:
    """Raises where an array does not have one element for each channel of ``x``, or not its precision."""
    for name, v in given.items():
        if tuple(v.shape) != x.shape[1:2]:
            raise ValueError(f"{who}: {name} must have shape {x.shape[1:2]} for x {x.shape}, got {tuple(v.shape)}.")
        if name in ("gamma", "beta"):
            check_same_precision(x, who, v)


def _move_towards(running: Any, new: Any, decay: float) -> None:
    running *= decay
    running += as_dtype((1 - decay) * new.reshape(running.shape), running.dtype)


def _with_running_statistics(x: Variable, gamma: Any, beta: Any, mean: Any, var: Any, eps: float) -> Variable:
    dtype = widened(x).dtype
    return FixedBatchNorm(mean.astype(dtype), var.astype(dtype), eps)(x, gamma, beta)


batch_nrom = batch_norm  # as the book's code spells it


def layer_norm(x: Any, gamma: Any = None, beta: Any = None, eps: float = 1e-5, axes: int | None = None) -> Variable:
    """Brings each sample, over its last axes, to mean 0 and variance 1; then scales and shifts each element.

    Args:
        x: Variable or array (..., D) or (..., D1, D2, ...), floating point.
        gamma: Scale, Variable or array with the shape of the last axes of ``x``; none where None.
        beta: Shift, the same.
        eps: Added to the variance, in units of x squared.
        axes: How many of the last axes are averaged over. Those of ``gamma`` or ``beta`` where None; 1 without them.

    Returns:
        Variable with the shape and dtype of ``x``. float16 is averaged in float32.

    Raises:
        ValueError: ``x`` does not end in the axes of ``gamma`` or ``beta``, or has fewer than ``axes``.
        TypeError: ``x`` is not floating point, or float16 meets a wider float.

    Example:
        >>> layer_norm(np.array([[1.0, 3.0], [0.0, 8.0]])).data.round(3)
        array([[-1.,  1.],
               [-1.,  1.]])

    Source: Ba et al., 2016.
    """
    x = floating_operand(x, "layer_norm")
    n = _last_axes("layer_norm", x, axes, gamma=gamma, beta=beta)
    return _over_rows(LayerNorm, x, n, gamma, beta, eps)


def rms_norm(x: Any, gamma: Any = None, eps: float = 1e-6) -> Variable:
    """Scales each sample, over its last axis, to a mean square of 1; then scales each element.

    Args:
        x: Variable or array (..., D), floating point.
        gamma: Scale, Variable or array (D,); none where None.
        eps: Added to the mean square, in units of x squared.

    Returns:
        Variable with the shape and dtype of ``x``. float16 is averaged in float32.

    Raises:
        ValueError: ``x`` does not end in the axis of ``gamma``, or has no axis.
        TypeError: ``x`` is not floating point, or float16 meets a wider float.

    Example:
        >>> rms_norm(np.array([3.0, 4.0, 0.0, 0.0])).data.round(3)
        array([1.2, 1.6, 0. , 0. ])

    Source: Zhang and Sennrich, 2019.
    """
    x = floating_operand(x, "rms_norm")
    _last_axes("rms_norm", x, 1, gamma=gamma)
    return _over_rows(RMSNorm, x, 1, gamma, None, eps)


def _last_axes(who: str, x: Variable, axes: int | None, **given: Any) -> int:
    """How many of the last axes of ``x`` are averaged over, if the arrays ``given`` fit."""
    arrays = {name: v for name, v in given.items() if v is not None}
    n = axes if axes is not None else max((v.ndim for v in arrays.values()), default=1)
    if not 1 <= n <= x.ndim:
        raise ValueError(f"{who}: x {x.shape} has no {n} last axes to average over.")
    for name, v in arrays.items():
        if tuple(v.shape) != x.shape[x.ndim - n :]:
            raise ValueError(
                f"{who}: {name} must have the shape of the last {n} axes of x {x.shape}, got {tuple(v.shape)}."
            )
        check_same_precision(x, who, v)
    return n


def _over_rows(op: type[Normalization], x: Variable, n: int, gamma: Any, beta: Any, eps: float) -> Variable:
    shape = x.shape[x.ndim - n :]
    f = op((math.prod(x.shape[: x.ndim - n]), math.prod(shape)), (1,), (1,), eps)
    return _affine(f, x, gamma, beta, shape)


def _affine(f: Normalization, x: Variable, gamma: Any, beta: Any, shape: tuple[int, ...]) -> Variable:
    """Calls ``f`` with what there is of gamma and beta; a beta alone, of ``shape`` along x, is added behind."""
    if gamma is not None:
        return f(x, gamma) if beta is None else f(x, gamma, beta)
    y = f(x)
    return y if beta is None else y + beta.reshape(shape)


def group_norm(x: Any, groups: int, gamma: Any = None, beta: Any = None, eps: float = 1e-5) -> Variable:
    """Brings each group of channels of each sample to mean 0 and variance 1; then scales and shifts each channel.

    Args:
        x: Variable or array (N, C, ...), floating point.
        groups: Number of groups; it divides C. With 1 all channels are one group, with C each is its own.
        gamma: Scale, Variable or array (C,); none where None.
        beta: Shift, the same.
        eps: Added to the variance, in units of x squared.

    Returns:
        Variable with the shape and dtype of ``x``. float16 is averaged in float32.

    Raises:
        ValueError: ``groups`` does not divide the channels, ``x`` has no channels, or ``gamma`` or ``beta`` does not
            have one element for each channel.
        TypeError: ``x`` is not floating point, or float16 meets a wider float.

    Example:
        >>> group_norm(np.array([[1.0, 3.0, 0.0, 8.0]]), 2).data.round(3)
        array([[-1.,  1., -1.,  1.]])

    Source: Wu and He, 2018.
    """
    x = floating_operand(x, "group_norm")
    return _over_groups("group_norm", x, groups, gamma, beta, eps)


def instance_norm(x: Any, gamma: Any = None, beta: Any = None, eps: float = 1e-5) -> Variable:
    """Brings each channel of each sample to mean 0 and variance 1; then scales and shifts each channel.

    Args:
        x: Variable or array (N, C, ...) with something to average over behind C, floating point.
        gamma: Scale, Variable or array (C,); none where None.
        beta: Shift, the same.
        eps: Added to the variance, in units of x squared.

    Returns:
        Variable with the shape and dtype of ``x``. float16 is averaged in float32.

    Raises:
        ValueError: ``x`` has no axis behind the channels, or ``gamma`` or ``beta`` does not have one element for
            each channel.
        TypeError: ``x`` is not floating point, or float16 meets a wider float.

    Example:
        >>> instance_norm(np.array([[[1.0, 3.0], [0.0, 8.0]]])).data.round(3).tolist()
        [[[-1.0, 1.0], [-1.0, 1.0]]]

    Source: Ulyanov et al., 2016.
    """
    x = floating_operand(x, "instance_norm")
    if x.ndim < 3:
        raise ValueError(f"instance_norm: x must be (N, C, ...) with an axis behind C, got {x.shape}.")
    return _over_groups("instance_norm", x, x.shape[1], gamma, beta, eps)


def _over_groups(who: str, x: Variable, groups: int, gamma: Any, beta: Any, eps: float) -> Variable:
    if x.ndim < 2:
        raise ValueError(f"{who}: x must be (N, C, ...), got {x.shape}.")
    N, C, *rest = x.shape
    if not (isinstance(groups, int) and groups >= 1 and C % groups == 0):
        raise ValueError(f"{who}: groups must divide the {C} channels of x {x.shape}, got {groups!r}.")
    _check_channels(who, x, **{name: v for name, v in (("gamma", gamma), ("beta", beta)) if v is not None})
    f = GroupNorm((N, groups, C // groups, math.prod(rest)), (2, 3), (1, 2), eps)
    return _affine(f, x, gamma, beta, (C, *(1 for _ in rest)))


def l2_normalize(x: Any, axis: Any = 1, eps: float = 1e-12) -> Variable:
    """Divides by the Euclidean length along ``axis``, so that it becomes 1.

    Args:
        x: Variable or array, floating point.
        axis: Axis or axes that a vector lies along. An array of one axis has just that one, which the default means.
        eps: A vector shorter than this is divided by it instead: zeros stay zeros.

    Returns:
        Variable with the shape and dtype of ``x``.

    Raises:
        ValueError: ``axis`` is out of range, or ``eps`` is not above 0.
        TypeError: ``x`` is not floating point.

    Example:
        >>> l2_normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
        variable([[0.6 0.8]
                  [0.  0. ]])
    """
    if not eps > 0:
        raise ValueError(f"l2_normalize: eps must be above 0, got {eps!r}.")
    x = floating_operand(x, "l2_normalize")
    axes = (0,) if x.ndim == 1 and axis == 1 else normalize_axes(axis, x.ndim, "l2_normalize")
    return L2Normalize(axes, eps)(x)


class L2Normalize(Fused):
    """y = x / n, n = sqrt(sum(x^2)) or eps if that is more;  gx = (gy - y sum(gy y)) / n, or gy / eps."""

    def __init__(self, axes: tuple[int, ...], eps: float):
        self.axes, self.eps = axes, eps

    def forward(self, x):
        return as_dtype(x / self._length(widened(x))[0], x.dtype)

    def gradients(self, gy, x):
        n, long = self._length(widened(x))
        y = x / n
        gx = y * (-(gy * y).sum(axis=self.axes, keepdims=True) * long)
        gx += gy
        gx /= n
        return (as_dtype(gx, x.dtype),)

    def plain(self, x):
        wide = widened(x)
        n, long = self._length(wide.data)
        square = (wide * wide * long).sum(axis=self.axes, keepdims=True)
        return (wide / (square + (n * n * ~long)) ** 0.5).astype(x.dtype)  # a short one has the constant eps

    def _length(self, x):
        """The divisor, and where it is the length; along the axes both have length 1."""
        xp = get_array_module(x)
        n = xp.sqrt((x * x).sum(axis=self.axes, keepdims=True))
        return xp.maximum(n, x.dtype.type(self.eps)), n > self.eps
