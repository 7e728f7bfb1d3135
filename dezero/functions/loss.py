"""Knows the losses that compare numbers, and hinge: how far a prediction is from its target."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import normalize_axes
from ..core import Variable, as_operand, as_variable, constant
from ..cuda import get_array_module
from .activation import relu
from .arithmetic import check_precision
from .elementwise import Clip, abs, as_dtype, clip, exp, log, sqrt
from .formula import Formula, apply
from .reduction import mean, sum

REDUCTIONS = ("mean", "sum", "none")


def check_choice(name: str, value: Any, choices: tuple[str, ...], who: str) -> None:
    """Raises where ``value`` is none of ``choices``, which it lists."""
    if value not in choices:
        raise ValueError(f"{who}: {name} must be one of {', '.join(map(repr, choices))}, got {value!r}.")


def reduced(losses: Variable, reduction: str) -> Variable:
    """All losses averaged ("mean"), added up ("sum") or as they are ("none")."""
    return losses if reduction == "none" else sum(losses) if reduction == "sum" else mean(losses)


class MeanSquaredError(Formula):
    """y = sum((x0 - x1)^2) / N;  gx0 = gy 2 (x0 - x1) / N, gx1 = -gx0."""

    def forward(self, x0, x1):
        diff = x0 - x1
        return get_array_module(diff).vdot(diff, diff) / diff.dtype.type(batch_size(x0))

    def gradients(self, gy, y, x0, x1):
        gx0 = (x0 - x1) * (gy * (2.0 / batch_size(x0)))
        return gx0, -gx0 if self.needs_grad[1] else None


def batch_size(x: Any) -> int:
    """N of (N, ...), at least 1: of a number, and of no rows, where the sum is 0 all the same."""
    return max(x.shape[0], 1) if x.ndim else 1


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
    return MeanSquaredError()(*_same_shape(x0, x1, "mean_squared_error"))


def _same_shape(x0: Any, x1: Any, who: str) -> tuple[Variable, Variable]:
    x0, x1 = prediction_and_target(x0, x1, who)
    if x0.shape != x1.shape and _last_axes(x0) != _last_axes(x1):
        raise ValueError(f"{who}: x0 {x0.shape} and x1 {x1.shape} must have the same shape.")
    return x0, x1


def _last_axes(x: Variable) -> tuple[int, ...]:
    """The shape without leading axes of length 1, which broadcasting would add by itself."""
    return x.shape[next((i for i, n in enumerate(x.shape) if n != 1), x.ndim) :]


def prediction_and_target(x: Any, t: Any, who: str) -> tuple[Variable, Variable]:
    """Both as Variables; an integer target takes the dtype of the prediction, which so stays float32."""
    x, t = (as_operand(v, who) for v in (x, t))
    if t.dtype.kind in "iub":
        t = constant(t.data.astype(x.dtype), who)
    check_precision(x.dtype, t.dtype, who)
    return x, t


def mean_squared_error_simple(x0: Any, x1: Any) -> Variable:
    """``mean_squared_error`` put together from operators, as a reader would first write it."""
    diff = as_variable(x0) - x1
    return sum(diff**2) / len(diff)


def l1_loss(x0: Any, x1: Any, reduction: str = "mean") -> Variable:
    """Absolute difference |x0 - x1|, element by element; its derivative at 0 is taken as 0.

    Args:
        x0: Prediction, Variable or array, floating point.
        x1: Target, the same shape, but for axes of length 1 in front.
        reduction: "mean" over all elements, their "sum", or "none" for each by itself.

    Returns:
        0-d Variable, or one of the shape of ``x0``.

    Raises:
        ValueError: The shapes differ, or ``reduction`` is none of these.

    Example:
        >>> l1_loss(np.array([1.0, 2.0]), np.array([0.0, 5.0]))
        variable(2.0)
    """
    check_choice("reduction", reduction, REDUCTIONS, "l1_loss")
    x0, x1 = _same_shape(x0, x1, "l1_loss")
    return reduced(abs(x0 - x1), reduction)


class Huber(Formula):
    """y = x^2 / 2 where |x| <= delta, delta (|x| - delta / 2) elsewhere;  gx = gy clip(x, -delta, delta)."""

    def __init__(self, delta: float):
        self.delta = delta

    def forward(self, x):
        number = x.dtype.type
        inner = get_array_module(x).clip(x, number(-self.delta), number(self.delta))
        return inner * (x - inner * number(0.5))

    def gradients(self, gy, y, x):
        return gy * apply(Clip(-self.delta, self.delta), x)


def huber_loss(x0: Any, x1: Any, delta: float = 1.0, reduction: str = "mean") -> Variable:
    """Half the squared difference where it is small, and straight beyond: outliers pull with a bounded force.

    d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), of d = x0 - x1.

    Args:
        x0: Prediction, Variable or array, floating point.
        x1: Target, the same shape, but for axes of length 1 in front.
        delta: Where the parabola ends, in units of ``x0``; above 0.
        reduction: "mean" over all elements, their "sum", or "none" for each by itself.

    Returns:
        0-d Variable, or one of the shape of ``x0``.

    Raises:
        ValueError: The shapes differ, ``delta`` is not above 0, or ``reduction`` is none of these.

    Example:
        >>> huber_loss(np.array([1.0, 5.0]), np.array([0.0, 0.0]), reduction="none")
        variable([0.5 4.5])

    Source: Huber, 1964.
    """
    check_choice("reduction", reduction, REDUCTIONS, "huber_loss")
    if not delta > 0:
        raise ValueError(f"huber_loss: delta must be above 0, got {delta!r}.")
    x0, x1 = _same_shape(x0, x1, "huber_loss")
    return reduced(Huber(float(delta))(x0 - x1), reduction)


def kl_divergence(x: Any, t: Any, log_target: bool = False, reduction: str = "batchmean") -> Variable:
    """Kullback-Leibler divergence of the distribution with log-probabilities ``x`` from the target: t (log t - x).

    As PyTorch's ``kl_div``: the prediction comes as logarithms, such as ``log_softmax`` gives, the target as
    probabilities.

    Args:
        x: Log-probabilities of the prediction, Variable or array (N, ...).
        t: Probabilities of the target, the same shape. Where they are 0, the loss is 0.
        log_target: Whether ``t`` too holds logarithms.
        reduction: "batchmean", the sum divided by N, which is the divergence; "mean" over all elements, their "sum",
            or "none" for each by itself.

    Returns:
        0-d Variable, or one of the shape of ``x``.

    Raises:
        ValueError: The shapes differ, or ``reduction`` is none of these.

    Example:
        >>> kl_divergence(np.log([[0.5, 0.5]]), np.array([[1.0, 0.0]])).item()  # log(2)
        0.6931471805599453
    """
    check_choice("reduction", reduction, ("batchmean", *REDUCTIONS), "kl_divergence")
    x, t = prediction_and_target(x, t, "kl_divergence")
    if x.shape != t.shape:
        raise ValueError(f"kl_divergence: x {x.shape} and t {t.shape} must have the same shape.")
    if log_target:
        losses = exp(t) * (t - x)
    else:
        losses = t * (log(t + (t.data == 0).astype(t.dtype)) - x)  # 0 log 0 is 0
    return sum(losses) / batch_size(x) if reduction == "batchmean" else reduced(losses, reduction)


def cosine_similarity(x0: Any, x1: Any, axis: int = 1, eps: float = 1e-8) -> Variable:
    """Cosine of the angle between vectors: 1 where they point the same way, 0 at right angles, -1 if opposed.

    x0 x1 / (max(|x0|, eps) max(|x1|, eps)), as PyTorch has it.

    Args:
        x0: Variable or array, floating point.
        x1: Variable or array with as many axes; those of length 1 broadcast, but for ``axis``.
        axis: The axis of the vectors.
        eps: Shorter vectors count as that long. Where the square of ``eps`` is no number of the dtype (float16), the
            root of its smallest one stands in.

    Returns:
        Variable of the broadcast shape without ``axis``.

    Raises:
        ValueError: The shapes do not fit, or ``axis`` is out of range.

    Example:
        >>> cosine_similarity(np.array([[1.0, 0.0]]), np.array([[1.0, 1.0]])).data.round(4)
        array([0.7071])
    """
    x0, x1 = prediction_and_target(x0, x1, "cosine_similarity")
    (axis,) = normalize_axes(axis, x0.ndim, "cosine_similarity")
    pairs = list(zip(x0.shape, x1.shape))
    if x0.ndim != x1.ndim or pairs[axis][0] != pairs[axis][1] or any(m != n and 1 not in (m, n) for m, n in pairs):
        raise ValueError(
            f"cosine_similarity: x0 {x0.shape} and x1 {x1.shape} must have as many axes, and the same length along"
            f" axis {axis}. Axes of length 1 broadcast: add them with expand_dims."
        )
    return sum(x0 * x1, axis) / (_length(x0, axis, eps) * _length(x1, axis, eps))


def _length(x: Variable, axis: int, eps: float) -> Variable:
    shortest = max(eps * eps, float(np.finfo(x.dtype).tiny))
    return sqrt(clip(sum(x * x, axis), shortest, None))


def hinge(x: Any, t: Any, norm: str = "L1", reduction: str = "mean") -> Variable:
    """Hinge loss of a support vector machine: what each score lacks to be right with a margin of 1.

    For each sample the sum over classes of max(0, 1 - d x)^p, where d is 1 for the label's class and -1 for every
    other: one against all, as Chainer has it. With two classes ``x`` may hold one score per sample, and ``t`` be d.

    Args:
        x: Scores, Variable or array (N, C) for labels; of any shape (N, ...) where ``t`` holds -1 and 1.
        t: Labels from 0 to C - 1, (N,) or (N, 1); or -1 and 1 in the shape of ``x``. No gradient.
        norm: "L1" for p = 1, "L2" for p = 2.
        reduction: "mean" over the samples, their "sum", or "none" for each by itself.

    Returns:
        0-d Variable, or (N,).

    Raises:
        TypeError: Labels that are no integers.
        ValueError: The shapes do not fit, a label is out of range, or an option is none of these.

    Example:
        >>> hinge(np.array([[2.0, 0.5], [-1.0, 3.0]]), np.array([0, 1])), hinge(np.array([0.5]), np.array([-1]))
        (variable(0.75), variable(1.5))

    Source: Cortes and Vapnik, 1995.
    """
    check_choice("norm", norm, ("L1", "L2"), "hinge")
    check_choice("reduction", reduction, REDUCTIONS, "hinge")
    x = as_operand(x, "hinge")
    lacking = relu(1 - x * _sides(x, t))
    losses = lacking if norm == "L1" else lacking * lacking
    return reduced(sum(losses, axis=tuple(range(1, losses.ndim))), reduction)  # of (N,)


def _sides(x: Variable, t: Any) -> Any:
    """1 for the classes that a sample belongs to, -1 for the others, in the shape and dtype of ``x``."""
    xp = get_array_module(x.data)
    t = xp.asarray(t.data if isinstance(t, Variable) else t)
    if t.shape == x.shape:
        if not bool((t * t == 1).all()):
            raise ValueError(f"hinge: t of the shape of x, {x.shape}, must hold -1 and 1. Labels are (N,) for (N, C).")
        return t.astype(x.dtype)
    if x.ndim != 2:
        raise ValueError(f"hinge: labels want scores (N, C), got x {x.shape} and t {tuple(t.shape)}.")
    labels = labels_of(t, x, "hinge")
    check_labels(labels, x.shape[1], "hinge")
    return (xp.arange(x.shape[1]) == labels[:, None]).astype(x.dtype) * 2 - 1


def labels_of(t: Any, x: Variable, who: str) -> Any:
    """The labels as one row of integers, one for each row of scores of ``x``, (N, C, ...)."""
    xp = get_array_module(x.data)
    t = xp.asarray(t.data if isinstance(t, Variable) else t)
    if t.dtype.kind not in "iu":
        raise TypeError(f"{who}: labels must be integers, got {t.dtype}.")
    if x.ndim < 2:
        raise ValueError(f"{who}: x must be (N, C, ...), got {x.shape}.")
    wanted = (x.shape[0], *x.shape[2:])
    if t.shape not in (wanted, (x.shape[0], 1, *x.shape[2:])):
        raise ValueError(f"{who}: scores {x.shape} want labels {wanted}, got {tuple(t.shape)}.")
    return as_dtype(t.ravel(), np.int64)


def check_labels(labels: Any, C: int, who: str) -> None:
    """Raises where an integer of ``labels`` is no class of 0 to C - 1."""
    if labels.size and int(labels.view(np.uint64).max()) >= C:  # as unsigned, a negative one is huge
        raise ValueError(
            f"{who}: labels must lie between 0 and {C - 1} (x has {C} classes),"
            f" got {int(labels.min())} to {int(labels.max())}."
        )
