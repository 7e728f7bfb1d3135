"""Knows the losses of classes: how improbable the labels are, given scores or probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Function, Variable, as_operand, as_variable
from ..cuda import get_array_module
from ..kernels.softmax import label_gradient, label_losses, logsumexp
from .activation import log_softmax, sigmoid, softmax
from .elementwise import clip, log
from .formula import Formula, apply
from .loss import REDUCTIONS, batch_size, check_choice, check_labels, labels_of, prediction_and_target, reduced
from .reduction import sum


class SoftmaxCrossEntropy(Formula):
    """y = sum of -w log(softmax(x)[label]) / count, or each by itself;  gx = w (softmax(x) - one-hot) gy / count."""

    def __init__(self, weights: Any, count: Any, summed: bool):
        self.weights = weights  # (N ...,), or None where all labels count the same
        self.count = count
        self.summed = summed
        self.kept: Any = None  # what the gradient can make use of: softmax(x), or of each row what it divides by

    def forward(self, x, t):
        losses, self.kept = label_losses(x, t)
        if self.weights is not None:
            losses = _weighted(losses, self.weights)
        if not self.summed:
            return losses
        return losses.sum() / (x.dtype.type(self.count) if isinstance(self.count, int) else self.count)

    def gradients(self, gy, y, x, t):
        t = t.data if isinstance(t, Variable) else t
        return apply(SoftmaxCrossEntropyGrad(self.kept, t, self.weights, self.count), x, gy), None


class SoftmaxCrossEntropyGrad(Function):
    """gx = w (softmax(x) - one-hot) gy / count, in one pass, and its own derivative by x and by gy, 0-d or (N ...,)."""

    def __init__(self, kept: Any, t: Any, weights: Any, count: Any):
        self.kept = kept  # of the forward pass
        self.t = t
        self.weights = weights
        self.count = count

    def forward(self, x, gy):
        return label_gradient(x, self.t, self.kept, self._scale() * gy)

    def backward(self, ggx):
        x, gy = self.inputs
        each = (x.shape[0], 1, *x.shape[2:])  # one number for each label
        scale = self._scale()
        y = softmax(x)
        ggx = ggx * (scale if self.weights is None else scale.reshape(each))
        ygg = y * ggx
        total = ygg.sum(axis=1, keepdims=True)
        classes = get_array_module(x.data).arange(x.shape[1]).reshape(-1, *(1 for _ in x.shape[2:]))  # (C, 1 ...)
        one_hot = classes == self.t.reshape(each)
        ggy = total - (ggx * one_hot).sum(axis=1, keepdims=True)  # (N, 1, ...)
        if not gy.ndim:
            return (ygg - y * total) * gy, ggy.sum()
        return (ygg - y * total) * gy.reshape(each), ggy.reshape(-1)

    def _scale(self):
        """What the gradient of each row is multiplied with beside gy: a number, or (N ...,)."""
        return 1 / self.count if self.weights is None else self.weights / self.count


class TargetCrossEntropy(Function):
    """y = -sum of t log(softmax(x)) over the classes;  gx = (softmax(x) sum(t) - t) gy, gt = -log(softmax(x)) gy."""

    def forward(self, x, t):
        return -(t * (x - logsumexp(x, axis=1))).sum(axis=1)

    def backward(self, gy):
        x, t = self.inputs
        gy = gy.reshape(-1, 1)
        gx = (softmax(x) * t.sum(axis=1, keepdims=True) - t) * gy if self.needs_grad[0] else None
        return gx, -log_softmax(x) * gy if self.needs_grad[1] else None


def softmax_cross_entropy(
    x: Any,
    t: Any,
    ignore_index: int | None = None,
    class_weight: Any = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Variable:
    """Cross entropy between softmax(x) and the targets, averaged over the samples; safe for large ``x``.

    Labels without smoothing take a shortcut: loss and gradient are one op each, which share one softmax.

    Args:
        x: Scores before softmax, Variable or array (N, C, ...), floating point.
        t: Labels from 0 to C - 1, any integer type, (N, ...) or (N, 1, ...), without a gradient. Or the probability
            of each class, floating point, in the shape of ``x``.
        ignore_index: Labels of this value count for nothing, nor in the average.
        class_weight: Array (C,): how much each class counts. The average over labels is weighted by it.
        label_smoothing: From 0 to 1: this share of every target is spread evenly over all classes.
        reduction: "mean" over the samples, their "sum", or "none" for each by itself.

    Returns:
        0-d Variable; 0 where every label is ignored. For "none" (N, ...), 0 where a label is ignored.

    Raises:
        TypeError: ``t`` holds neither integers nor probabilities.
        ValueError: The shapes do not fit, a label is out of range, or an option is none of these.

    Example:
        >>> softmax_cross_entropy(np.array([[0.0, 0.0]]), np.array([1])).item()  # log(2)
        0.6931471805599453
    """
    who = "softmax_cross_entropy"
    check_choice("reduction", reduction, REDUCTIONS, who)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{who}: label_smoothing must lie between 0 and 1, got {label_smoothing!r}.")
    x = as_operand(x, who)
    if _is_float(t) and x.ndim > 1 and tuple(t.shape) == x.shape:
        if ignore_index is not None:
            raise ValueError(f"{who}: ignore_index is for labels, but t holds probabilities {tuple(t.shape)}.")
        return _of_probabilities(x, t, class_weight, label_smoothing, reduction)
    samples = _Labels(t, x, ignore_index, class_weight, who)
    count = samples.count() if reduction == "mean" else 1
    if label_smoothing:
        return _finished(TargetCrossEntropy()(_rows(x), samples.smoothed(label_smoothing)), x, reduction, count)
    loss = SoftmaxCrossEntropy(samples.weights, count, reduction != "none")(x, samples.labels)
    return loss.reshape(_label_shape(x)) if reduction == "none" else loss


def _is_float(t: Any) -> bool:
    return getattr(getattr(t, "dtype", None), "kind", "") == "f"


def _rows(x: Variable) -> Variable:
    """(N, C, ...) as rows of C classes."""
    return x if x.ndim == 2 else x.transpose(0, *range(2, x.ndim), 1).reshape(-1, x.shape[1])  # (N ..., C)


def _label_shape(x: Variable) -> tuple[int, ...]:
    return (x.shape[0], *x.shape[2:])


def _finished(losses: Variable, x: Variable, reduction: str, count: Any) -> Variable:
    """One loss for each row, in the shape of the labels of ``x`` or summed and divided by what counts."""
    return losses.reshape(_label_shape(x)) if reduction == "none" else sum(losses) / count


class _Labels:
    """Labels in a row, those that are ignored set to 0, and how much each counts: None where all count 1."""

    kept: Any = None
    weights: Any = None
    class_weight: Any = None

    def __init__(self, t: Any, x: Variable, ignore_index: int | None, class_weight: Any, who: str):
        self.x = x
        self.labels = labels_of(t, x, who)
        if ignore_index is not None:
            kept = self.labels != ignore_index
            self.labels = get_array_module(x.data).where(kept, self.labels, 0)
            self.kept = self.weights = kept.astype(x.dtype)
        check_labels(self.labels, x.shape[1], who)
        if class_weight is not None:
            self.class_weight = _weight_of_classes(class_weight, x, who)
            weights = self.class_weight[self.labels]
            self.weights = weights if self.kept is None else weights * self.kept

    def count(self) -> Any:
        """What an average divides by; 1 where nothing counts."""
        if self.weights is None:
            return max(self.labels.size, 1)
        total = self.weights.sum()
        return total + (total == 0)

    def smoothed(self, share: float) -> Any:
        """The target of each class, (N, C): the label's, of which ``share`` is spread evenly; all times the weights."""
        xp, N, C, dtype = get_array_module(self.x.data), self.labels.size, self.x.shape[1], self.x.dtype
        even = xp.ones(C, dtype) if self.class_weight is None else self.class_weight
        targets = xp.zeros((N, C), dtype) + even * dtype.type(share / C)
        if self.kept is not None:
            targets *= self.kept[:, None]
        own = dtype.type(1 - share)
        targets[xp.arange(N), self.labels] += own if self.weights is None else self.weights * own
        return targets


def _weight_of_classes(class_weight: Any, x: Variable, who: str) -> Any:
    class_weight = class_weight.data if isinstance(class_weight, Variable) else class_weight
    w = get_array_module(x.data).asarray(class_weight, x.dtype)
    if w.shape != x.shape[1:2]:
        raise ValueError(f"{who}: class_weight must have shape {x.shape[1:2]} for x {x.shape}, got {w.shape}.")
    return w


def _of_probabilities(x: Variable, t: Any, class_weight: Any, label_smoothing: float, reduction: str) -> Variable:
    who, C = "softmax_cross_entropy", x.shape[1]
    x, t = prediction_and_target(x, t, who)
    targets = _rows(t)
    if label_smoothing:
        targets = targets * (1 - label_smoothing) + label_smoothing / C
    if class_weight is not None:
        targets = targets * _weight_of_classes(class_weight, x, who)
    losses = TargetCrossEntropy()(_rows(x), targets)
    return _finished(losses, x, reduction, max(len(losses), 1) if reduction == "mean" else 1)


class PickLabels(Function):
    """y_n = w_n x[n, label_n];  gx = zeros with w_n gy_n there."""

    def __init__(self, labels: Any, weights: Any):
        self.labels = labels
        self.weights = weights  # (N,), or None for 1

    def forward(self, x):
        xp = get_array_module(x)
        y = x[xp.arange(len(x)), self.labels]
        return y if self.weights is None else _weighted(y, self.weights)

    def backward(self, gy):
        return PutAtLabels(self.labels, self.weights, self.inputs[0].shape[1])(gy)


class PutAtLabels(Function):
    """gx = zeros (N, C) with w_n gy_n at [n, label_n];  ggy_n = w_n ggx[n, label_n]."""

    def __init__(self, labels: Any, weights: Any, C: int):
        self.labels = labels
        self.weights = weights
        self.C = C

    def forward(self, gy):
        xp, N = get_array_module(gy), len(gy)
        gx = xp.zeros((N, self.C), gy.dtype)
        gx[xp.arange(N), self.labels] = gy if self.weights is None else gy * self.weights
        return gx

    def backward(self, ggx):
        return PickLabels(self.labels, self.weights)(ggx)


def _weighted(losses: Any, weights: Any) -> Any:
    """``losses * weights``, where a weight of 0 makes nothing of infinity too."""
    return get_array_module(losses).where(weights == 0, losses.dtype.type(0), losses) * weights


def nll_loss(
    log_p: Any, t: Any, ignore_index: int | None = None, class_weight: Any = None, reduction: str = "mean"
) -> Variable:
    """Negative log-likelihood of the labels: -log_p[label], averaged. After ``log_softmax`` it is the cross entropy.

    Args:
        log_p: Log-probabilities, Variable or array (N, C, ...).
        t: Labels from 0 to C - 1, any integer type, (N, ...) or (N, 1, ...). No gradient.
        ignore_index: Labels of this value count for nothing, nor in the average.
        class_weight: Array (C,): how much each class counts. The average is weighted by it.
        reduction: "mean" over the labels, their "sum", or "none" for each by itself.

    Returns:
        0-d Variable; 0 where every label is ignored. For "none" (N, ...), 0 where a label is ignored.

    Raises:
        TypeError: ``t`` holds no integers.
        ValueError: The shapes do not fit, a label is out of range, or ``reduction`` is none of these.

    Example:
        >>> nll_loss(np.log([[0.5, 0.5], [0.2, 0.8]]), np.array([0, 1]), reduction="none").data.round(4)
        array([0.6931, 0.2231])
    """
    check_choice("reduction", reduction, REDUCTIONS, "nll_loss")
    log_p = as_operand(log_p, "nll_loss")
    samples = _Labels(t, log_p, ignore_index, class_weight, "nll_loss")
    losses = -PickLabels(samples.labels, samples.weights)(_rows(log_p))
    return _finished(losses, log_p, reduction, samples.count() if reduction == "mean" else 1)


def softmax_cross_entropy_simple(x: Any, t: Any) -> Variable:
    """``softmax_cross_entropy`` put together from ``softmax``, ``log`` and indexing, as one would first write it."""
    x, t = as_variable(x), as_variable(t)
    N = x.shape[0]
    p = clip(softmax(x), 1e-15, None)  # log(0) is no number
    log_p = log(p)
    return -1 * sum(log_p[np.arange(N), t.data]) / N


class SigmoidCrossEntropy(Function):
    """y = sum(max(x, 0) - x t + log(1 + e^-|x|)) / N;  gx = (sigmoid(x) - t) gy / N, gt = -x gy / N."""

    def forward(self, x, t):
        xp = get_array_module(x)
        losses = xp.maximum(x, x.dtype.type(0)) - x * t + xp.log1p(xp.exp(-xp.abs(x)))
        return losses.sum() / x.dtype.type(batch_size(x))  # NumPy 1 would make it float64

    def backward(self, gy):
        x, t = self.inputs
        gy = gy / batch_size(x)
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
    x, t = prediction_and_target(x, t, "sigmoid_cross_entropy")
    return SigmoidCrossEntropy()(x, _shaped_like(t, x, "sigmoid_cross_entropy"))


def _shaped_like(t: Variable, x: Variable, who: str) -> Variable:
    if t.shape == x.shape:
        return t
    if t.size != x.size or t.ndim == x.ndim:
        raise ValueError(f"{who}: one target for each score is wanted, got scores {x.shape} and targets {t.shape}.")
    return t.reshape(x.shape)


class BCEWithLogits(Function):
    """y = p t log(1 + e^-x) + (1 - t) log(1 + e^x), element by element.

    gx = ((1 - t) sigmoid(x) - p t sigmoid(-x)) gy, which is (sigmoid(x) - t) gy for p = 1;
    gt = ((p - 1) log(1 + e^-x) - x) gy.
    """

    def __init__(self, p: Any = None):
        self.p = p  # an array that broadcasts with x, or None for 1

    def forward(self, x, t):
        xp = get_array_module(x)
        zero, one = x.dtype.type(0), x.dtype.type(1)
        tail = xp.log1p(xp.exp(-xp.abs(x)))  # log(1 + e^x) = max(x, 0) + tail
        p = one if self.p is None else self.p
        return (xp.maximum(x, zero) + tail) * (one - t) + (xp.maximum(-x, zero) + tail) * (p * t)

    def backward(self, gy):
        x, t = self.inputs
        p, gx, gt = self.p, None, None
        if self.needs_grad[0]:
            gx = (sigmoid(x) - t if p is None else (1 - t) * sigmoid(x) - p * t * sigmoid(-x)) * gy
        if self.needs_grad[1]:
            ones = get_array_module(x.data).ones_like(x.data)
            gt = (-x if p is None else (p - 1) * BCEWithLogits()(x, ones) - x) * gy
        return gx, gt


def bce_with_logits(x: Any, t: Any, weight: Any = None, pos_weight: Any = None, reduction: str = "mean") -> Variable:
    """Binary cross entropy between sigmoid(x) and targets, element by element; safe for ``x`` of any size.

    ``sigmoid_cross_entropy`` is the same, summed over features and averaged over the batch.

    Args:
        x: Scores before sigmoid, Variable or array of any shape, floating point.
        t: Targets from 0 to 1, integers or floats; as many as ``x``.
        weight: How much each element counts: a number, or an array that broadcasts to ``x``. No gradient.
        pos_weight: How much t = 1 counts, beside 1 for t = 0; the same. Above 1 it finds more positives.
        reduction: "mean" over all elements, their "sum", or "none" for each by itself.

    Returns:
        0-d Variable, or one of the shape of ``x``.

    Raises:
        ValueError: The shapes do not fit, or ``reduction`` is none of these.

    Example:
        >>> bce_with_logits(np.array([0.0, 1e4]), np.array([1, 0]), reduction="none").data.round(4).tolist()
        [0.6931, 10000.0]
    """
    who = "bce_with_logits"
    check_choice("reduction", reduction, REDUCTIONS, who)
    x, t = prediction_and_target(x, t, who)
    losses = BCEWithLogits(_factor("pos_weight", pos_weight, x))(x, _shaped_like(t, x, who))
    weight = _factor("weight", weight, x)
    return reduced(losses if weight is None else losses * weight, reduction)


def _factor(name: str, factor: Any, x: Variable) -> Any:
    """A weight as an array of the dtype of ``x`` that broadcasts to its shape, or None."""
    if factor is None:
        return None
    factor = factor.data if isinstance(factor, Variable) else factor
    w = get_array_module(x.data).asarray(factor, x.dtype)
    if w.ndim > x.ndim or any(n not in (1, m) for n, m in zip(w.shape[::-1], x.shape[::-1])):
        raise ValueError(f"bce_with_logits: {name} {w.shape} does not broadcast to x {x.shape}.")
    return w


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
    p, t = prediction_and_target(p, t, "binary_cross_entropy")
    t = _shaped_like(t, p, "binary_cross_entropy")
    if p.size and not 0 <= float(p.data.min()) <= float(p.data.max()) <= 1:
        raise ValueError(
            "binary_cross_entropy: p must hold probabilities from 0 to 1. For scores use sigmoid_cross_entropy."
        )
    eps = float(np.finfo(p.dtype).eps)
    inside = get_array_module(p.data).clip(p.data, eps, 1 - eps).astype(p.dtype)
    q = p + (inside - p.data)  # clipped in value, not in gradient
    return -sum(t * log(q) + (1 - t) * log(1 - q)) / batch_size(p)
