"""Knows the losses: numbers that say how far a prediction is from its target."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import logsumexp
from ..core import Function, Variable, as_variable, constant
from ..cuda import get_array_module
from .activation import sigmoid, softmax
from .arithmetic import check_precision
from .elementwise import clip, log
from .formula import Formula, apply
from .reduction import sum


class MeanSquaredError(Formula):
    """y = sum((x0 - x1)^2) / N;  gx0 = gy 2 (x0 - x1) / N, gx1 = -gx0."""

    def forward(self, x0, x1):
        diff = x0 - x1
        return (diff * diff).sum() / diff.dtype.type(_batch_size(diff))

    def gradients(self, gy, y, x0, x1):
        gx0 = (x0 - x1) * (gy * (2.0 / _batch_size(x0)))
        return gx0, -gx0 if self.needs_grad[1] else None


def _batch_size(x: Any) -> int:
    return x.shape[0] if x.ndim else 1


def mean_squared_error(x0: Any, x1: Any) -> Variable:
    """Sum of the squared differences, divided by the batch size ``len(x0)``.

    Args:
        x0: Variable or array (N, ...), floating point.
        x1: The same shape, but for axes of length 1 in front.

    Returns:
        0-d Variable.

    Raises:
        ValueError: The shapes differ. (N, 1) against (N,) would broadcast, and compare everything with everything.

    Example:
        >>> mean_squared_error(np.array([1.0, 2.0]), np.array([0.0, 4.0]))
        variable(2.5)
    """
    x0, x1 = _prediction_and_target(x0, x1, "mean_squared_error")
    if x0.shape != x1.shape and (x0.size != x1.size or _last_axes(x0) != _last_axes(x1)):
        raise ValueError(f"mean_squared_error: x0 {x0.shape} and x1 {x1.shape} must have the same shape.")
    return MeanSquaredError()(x0, x1)


def _last_axes(x: Variable) -> tuple[int, ...]:
    """The shape without leading axes of length 1, which broadcasting would add by itself."""
    return x.shape[next((i for i, n in enumerate(x.shape) if n != 1), x.ndim) :]


def _prediction_and_target(x: Any, t: Any, who: str) -> tuple[Variable, Variable]:
    """Both as Variables; an integer target takes the dtype of the prediction, which so stays float32."""
    x, t = (v if isinstance(v, Variable) else constant(v, who) for v in (x, t))
    if t.dtype.kind in "iub":
        t = constant(t.data.astype(x.dtype), who)
    check_precision(x.dtype, t.dtype, who)
    return x, t


def mean_squared_error_simple(x0: Any, x1: Any) -> Variable:
    """``mean_squared_error`` put together from operators, as a reader would first write it."""
    diff = as_variable(x0) - x1
    return sum(diff**2) / len(diff)


class SoftmaxCrossEntropy(Formula):
    """y = mean of -log(softmax(x)[label]) over the labels that count;  gx = (softmax(x) - one-hot) gy / count."""

    def __init__(self, counts: Any, count: Any):
        self.counts = counts  # (N,) bool, or None where all labels count
        self.count = count

    def forward(self, x, t):
        xp = get_array_module(x)
        losses = logsumexp(x, axis=1)[:, 0] - x[xp.arange(len(x)), t]
        if self.counts is None:
            return losses.sum() / x.dtype.type(self.count)
        return (losses * self.counts).sum() / self.count

    def gradients(self, gy, y, x, t):
        t = t.data if isinstance(t, Variable) else t
        return apply(SoftmaxCrossEntropyGrad(t, self.counts, self.count), x, gy), None


class SoftmaxCrossEntropyGrad(Function):
    """gx = (softmax(x) - one-hot) gy / count, in one pass, and its own derivative by x and by gy."""

    def __init__(self, t: Any, counts: Any, count: Any):
        self.t = t
        self.counts = counts
        self.count = count

    def forward(self, x, gy):
        xp = get_array_module(x)
        gx = x - x.max(axis=1, keepdims=True)
        xp.exp(gx, out=gx)
        gx /= gx.sum(axis=1, keepdims=True)
        gx[xp.arange(len(x)), self.t] -= x.dtype.type(1)
        gx *= self._scale(x) * gy
        return gx

    def backward(self, ggx):
        x, gy = self.inputs
        y = softmax(x)
        ggx = ggx * self._scale(x.data)
        ygg = y * ggx
        total = ygg.sum(axis=1, keepdims=True)
        one_hot = get_array_module(x.data).arange(x.shape[1]) == self.t[:, None]
        return (ygg - y * total) * gy, total.sum() - (ggx * one_hot).sum()

    def _scale(self, x):
        return 1 / self.count if self.counts is None else (self.counts / self.count)[:, None].astype(x.dtype)


def softmax_cross_entropy(x: Any, t: Any, ignore_index: int | None = None) -> Variable:
    """Cross entropy between softmax(x) and integer labels, averaged over the labels; safe for large ``x``.

    Args:
        x: Scores before softmax, Variable or array (N, C, ...), floating point.
        t: Labels from 0 to C - 1, any integer type, (N, ...) or (N, 1, ...). No gradient.
        ignore_index: Labels of this value count for nothing, nor in the average.

    Returns:
        0-d Variable; 0 where every label is ignored.

    Raises:
        TypeError: ``t`` holds no integers.
        ValueError: The shapes do not fit, or a label is out of range.

    Example:
        >>> softmax_cross_entropy(np.array([[0.0, 0.0]]), np.array([1])).item()  # log(2)
        0.6931471805599453
    """
    x = x if isinstance(x, Variable) else constant(x, "softmax_cross_entropy")
    xp = get_array_module(x.data)
    labels = _labels(t, x, xp)
    C = x.shape[1]
    if x.ndim > 2:
        x = x.transpose(0, *range(2, x.ndim), 1).reshape(-1, C)  # (N ..., C)
    counts, count = None, max(labels.size, 1)
    if ignore_index is not None:
        counts = labels != ignore_index
        count = xp.maximum(counts.sum(), 1).astype(x.dtype)
        labels = xp.where(counts, labels, 0)
    if labels.size and int(labels.view(np.uint64).max()) >= C:  # as unsigned, a negative one is huge
        raise ValueError(
            f"softmax_cross_entropy: labels must lie between 0 and {C - 1} (x has {C} classes),"
            f" got {int(labels.min())} to {int(labels.max())}."
        )
    return SoftmaxCrossEntropy(counts, count)(x, labels)


def _labels(t: Any, x: Variable, xp: Any) -> Any:
    """The labels as one row of integers, one for each row of scores."""
    who = "softmax_cross_entropy"
    t = xp.asarray(t.data if isinstance(t, Variable) else t)
    if t.dtype.kind not in "iu":
        raise TypeError(f"{who}: labels must be integers, got {t.dtype}.")
    if x.ndim < 2:
        raise ValueError(f"{who}: x must be (N, C, ...), got {x.shape}.")
    wanted = (x.shape[0], *x.shape[2:])
    if t.shape not in (wanted, (x.shape[0], 1, *x.shape[2:])):
        raise ValueError(f"{who}: scores {x.shape} want labels {wanted}, got {tuple(t.shape)}.")
    return t.reshape(-1).astype(np.int64, copy=False)


def softmax_cross_entropy_simple(x: Any, t: Any) -> Variable:
    """``softmax_cross_entropy`` put together from ``softmax``, ``log`` and indexing, as one would first write it."""
    x, t = as_variable(x), as_variable(t)
    N = x.shape[0]
    p = clip(softmax(x), 1e-15, 1.0)  # log(0) is no number
    log_p = log(p)
    return -1 * sum(log_p[np.arange(N), t.data]) / N


class SigmoidCrossEntropy(Function):
    """y = sum(max(x, 0) - x t + log(1 + e^-|x|)) / N;  gx = (sigmoid(x) - t) gy / N, gt = -x gy / N."""

    def forward(self, x, t):
        xp = get_array_module(x)
        losses = xp.maximum(x, x.dtype.type(0)) - x * t + xp.log1p(xp.exp(-xp.abs(x)))
        return losses.sum() / x.dtype.type(_batch_size(x))  # NumPy 1 would make it float64

    def backward(self, gy):
        x, t = self.inputs
        gy = gy / _batch_size(x)
        return (sigmoid(x) - t) * gy, -x * gy if self.needs_grad[1] else None


def sigmoid_cross_entropy(x: Any, t: Any) -> Variable:
    """Binary cross entropy between sigmoid(x) and targets: summed over features, divided by the batch size.

    Args:
        x: Scores before sigmoid, Variable or array (N, ...), floating point of any size.
        t: Targets from 0 to 1, integers or floats; as many as ``x``.

    Returns:
        0-d Variable.

    Raises:
        ValueError: ``t`` has another number of elements.

    Example:
        >>> sigmoid_cross_entropy(np.array([1e4]), np.array([0]))
        variable(10000.0)
    """
    x, t = _prediction_and_target(x, t, "sigmoid_cross_entropy")
    return SigmoidCrossEntropy()(x, _shaped_like(t, x, "sigmoid_cross_entropy"))


def _shaped_like(t: Variable, x: Variable, who: str) -> Variable:
    if t.shape == x.shape:
        return t
    if t.size != x.size or t.ndim == x.ndim:
        raise ValueError(f"{who}: one target for each score is wanted, got scores {x.shape} and targets {t.shape}.")
    return t.reshape(x.shape)


def binary_cross_entropy(p: Any, t: Any) -> Variable:
    """Binary cross entropy between probabilities and targets: summed over features, divided by the batch size.

    Probabilities closer to 0 or 1 than their dtype's resolution count as that far from it: the loss stays finite and
    keeps its gradient where the model is most wrong. Prefer ``sigmoid_cross_entropy`` where the scores are at hand.

    Args:
        p: Probabilities of class 1, Variable or array (N, ...), floating point.
        t: Targets from 0 to 1, integers or floats; as many as ``p``.

    Returns:
        0-d Variable.

    Raises:
        ValueError: ``t`` has another number of elements, or a probability lies outside [0, 1].

    Example:
        >>> binary_cross_entropy(np.array([0.5, 0.5]), np.array([0, 1])).item()  # log(2)
        0.6931471805599453
    """
    p, t = _prediction_and_target(p, t, "binary_cross_entropy")
    t = _shaped_like(t, p, "binary_cross_entropy")
    if p.size and not 0 <= float(p.data.min()) <= float(p.data.max()) <= 1:
        raise ValueError(
            "binary_cross_entropy: p must hold probabilities from 0 to 1. For scores use sigmoid_cross_entropy."
        )
    eps = float(np.finfo(p.dtype).eps)
    inside = get_array_module(p.data).clip(p.data, eps, 1 - eps).astype(p.dtype)
    q = p + (inside - p.data)  # clipped in value, not in gradient
    return -sum(t * log(q) + (1 - t) * log(1 - q)) / _batch_size(p)
