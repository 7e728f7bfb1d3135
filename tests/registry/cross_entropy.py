"""The rows of ``dezero.functions.cross_entropy``."""

from __future__ import annotations

import math

import numpy as np

from .rows import Lazy, Row, case, edge

torch, T = Lazy("torch"), Lazy("torch.nn.functional")
rng = np.random.default_rng(0)
x, x3, x4 = (rng.standard_normal(shape) for shape in ((3, 4), (2, 4, 3), (2, 3, 2, 2)))
t, t3, t4 = np.array([0, 3, 1]), rng.integers(0, 4, (2, 3)), rng.integers(0, 3, (2, 2, 2))
p, p3 = rng.dirichlet(np.ones(4), 3), rng.dirichlet(np.ones(4), (2, 3)).transpose(0, 2, 1)
w = np.array([0.5, 2.0, 1.5, 0.25])
binary = (rng.standard_normal((3, 4)) > 0).astype(int)
share = rng.uniform(0.1, 0.9, (3, 4))
REDUCTIONS = ("mean", "sum", "none")
GIVES_NAN = "gives NaN"


def reduced(losses, reduction, count=None):
    if reduction == "none":
        return losses
    return losses.sum() / (1 if reduction == "sum" else max(losses.size, 1) if count is None else count)


def nll_loss(log_p, t, ignore_index=None, class_weight=None, reduction="mean"):
    """Label by label."""
    labels = t.reshape(len(t), *log_p.shape[2:])
    losses, count = np.zeros(labels.shape), 0.0
    for at, label in np.ndenumerate(labels):
        if label != ignore_index:
            weight = 1.0 if class_weight is None else class_weight[label]
            losses[at] = -weight * log_p[(at[0], label, *at[1:])]
            count += weight
    return reduced(losses, reduction, count or 1.0)


def softmax_cross_entropy(x, t, ignore_index=None, class_weight=None, label_smoothing=0.0, reduction="mean"):
    log_p = (
        x - np.log(np.exp(x - x.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True)) - x.max(axis=1, keepdims=True)
    )
    C, weights = x.shape[1], np.ones(x.shape[1]) if class_weight is None else class_weight
    column = weights.reshape(-1, *[1] * (x.ndim - 2))
    if t.dtype.kind == "f":
        target = t * (1 - label_smoothing) + label_smoothing / C
        return reduced(-(column * target * log_p).sum(axis=1), reduction)
    labels = t.reshape(len(t), *x.shape[2:])
    even = -(column * log_p).sum(axis=1) * (labels != ignore_index)
    counted = weights[np.where(labels == ignore_index, 0, labels)] * (labels != ignore_index)
    count = counted.sum() or 1.0
    own = nll_loss(log_p, t, ignore_index, class_weight, reduction)
    return (1 - label_smoothing) * own + label_smoothing / C * reduced(even, reduction, count)


def torch_cross_entropy(x, t, ignore_index=None, class_weight=None, **options):
    t = t if t.is_floating_point() else t.long().reshape(len(t), *x.shape[2:])
    return T.cross_entropy(x, t, class_weight, ignore_index=-100 if ignore_index is None else ignore_index, **options)


def torch_nll(log_p, t, ignore_index=None, class_weight=None, **options):
    t = t.long().reshape(len(t), *log_p.shape[2:])
    return T.nll_loss(log_p, t, class_weight, ignore_index=-100 if ignore_index is None else ignore_index, **options)


def binary_cross_entropy(p, t):
    t = t.reshape(p.shape)
    losses = [-(b * math.log(a) + (1 - b) * math.log(1 - a)) for a, b in zip(p.ravel(), t.ravel())]
    return sum(losses) / (len(p) if p.ndim else 1)


def bce_with_logits(x, t, weight=1.0, pos_weight=1.0, reduction="mean"):
    t = t.reshape(x.shape)
    losses = pos_weight * t * np.logaddexp(0, -x) + (1 - t) * np.logaddexp(0, x)
    return reduced(weight * losses, reduction)


def torch_bce_with_logits(x, t, **options):
    for name in ("weight", "pos_weight"):
        if isinstance(options.get(name), float):
            options[name] = torch.tensor(options[name])
    return T.binary_cross_entropy_with_logits(x, t.reshape(x.shape).to(x.dtype), **options)


LABELS = [
    case(x, t=t, order=3),
    case(x, t=t[:, None].astype(np.uint8)),
    case(x3, t=t3),
    case(x3, t=t3[:, None], name="images, a channel of labels"),
    case(x4, t=t4.astype(np.int32)),
    case(x[:1], t=t[:1]),
    case(x, t=t, ignore_index=3),
    case(x3, t=np.where(t3 == 1, -1, t3), ignore_index=-1, name="-1 ignored"),
    case(x, t=t * 0 - 1, ignore_index=-1, name="all ignored", no_torch=GIVES_NAN),
    case(np.zeros((0, 4)), t=np.zeros(0, int), name="no samples", no_torch=GIVES_NAN),
    *(case(x, t=t, reduction=reduction) for reduction in REDUCTIONS),
    *(case(x3, t=t3, class_weight=w, reduction=reduction) for reduction in REDUCTIONS),
    *(case(x, t=t, ignore_index=3, class_weight=w, reduction=reduction) for reduction in REDUCTIONS),
]
ROWS = [
    Row(
        "softmax_cross_entropy",
        softmax_cross_entropy,
        torch_cross_entropy,
        [
            *LABELS,
            *(case(x, t=t, label_smoothing=0.2, reduction=reduction) for reduction in REDUCTIONS),
            *(
                case(x3, t=t3, ignore_index=2, class_weight=w, label_smoothing=0.2, reduction=reduction)
                for reduction in REDUCTIONS
            ),
            case(x, t=t, ignore_index=3, label_smoothing=1.0),
            case(x, t=t, class_weight=w, label_smoothing=0.1),
            case(x, t=t * 0, ignore_index=0, label_smoothing=0.1, name="all ignored, smoothed", no_torch=GIVES_NAN),
            case(x, p, name="probabilities", order=3),
            case(x[:1], p[:1], name="one sample of probabilities"),
            case(x, t=p, name="constant probabilities"),
            case(x3, p3, name="probabilities of images"),
            case(x3, p3, class_weight=w, label_smoothing=0.1, name="probabilities, weighted and smoothed"),
            *(case(x, p, class_weight=w, reduction=r, name=f"probabilities, weighted, {r}") for r in REDUCTIONS),
            case(np.zeros((0, 4)), np.zeros((0, 4)), name="no probabilities", no_torch=GIVES_NAN),
            edge(np.array([[1e4, -1e4], [-1e4, 1e4]]), t=np.array([1, 1]), name="large"),
            edge(np.array([[1e4, -1e4], [-1e4, 1e4]]), np.array([[0.0, 1.0], [0.5, 0.5]]), name="large, probabilities"),
        ],
    ),
    Row(
        "softmax_cross_entropy_simple",
        softmax_cross_entropy,
        torch_cross_entropy,
        [case(x, t=t), case(x[:1], t=t[:1])],
    ),
    Row("nll_loss", nll_loss, torch_nll, LABELS),
    Row(
        "sigmoid_cross_entropy",
        lambda x, t: bce_with_logits(x, t, reduction="sum") / (len(x) if x.ndim else 1),
        lambda x, t: torch_bce_with_logits(x, t, reduction="sum") / (len(x) if x.ndim else 1),
        [
            case(x, share),
            case(x, t=binary, order=3),
            case(x, t=binary.astype(np.uint8), name="uint8 targets"),
            case(x[:, :1], t=binary[:, 0], name="a column of scores, a row of targets"),
            case(x[0], t=binary[0]),
            case(np.array(0.3), t=np.array(1)),
            edge(np.array([[1e4], [-1e4]]), t=np.array([[0], [1]]), name="large"),
        ],
    ),
    Row(
        "bce_with_logits",
        bce_with_logits,
        torch_bce_with_logits,
        [
            *(case(x, share, reduction=reduction) for reduction in REDUCTIONS),
            case(x, t=binary, order=3),
            case(x[:, :1], t=binary[:, 0], name="a column of scores, a row of targets"),
            case(np.array(0.3), t=np.array(1)),
            *(case(x, share, weight=share[::-1].copy(), pos_weight=w, reduction=reduction) for reduction in REDUCTIONS),
            case(x, share, pos_weight=w, order=3, name="positives weighted"),
            case(x, t=binary, weight=2.0, pos_weight=3.0),
            case(x, t=binary, weight=w[:3, None]),
            case(np.zeros((0, 4)), t=np.zeros((0, 4)), reduction="sum"),
            edge(np.array([1e4, -1e4, 1e4, -1e4]), t=np.array([0, 1, 1, 0]), name="large"),
            edge(np.array([1e4, -1e4]), np.array([0.5, 0.5]), pos_weight=2.0, name="large, weighted"),
        ],
    ),
    Row(
        "binary_cross_entropy",
        binary_cross_entropy,
        lambda p, t: (
            T.binary_cross_entropy(p, t.reshape(p.shape).to(p.dtype), reduction="sum") / (len(p) if p.ndim else 1)
        ),
        [
            case(share, rng.uniform(0.1, 0.9, (3, 4))),
            case(share, t=binary),
            case(share[:, :1], t=binary[:, 0], name="a column of probabilities, a row of targets"),
            case(share[0], t=binary[0]),
            case(np.array(0.3), t=np.array(1)),
            edge(np.array([1e-4, 1 - 1e-4]), t=np.array([0, 1]), name="almost sure"),
        ],
    ),
]
