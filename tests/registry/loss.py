"""The rows of ``dezero.functions.loss``."""

from __future__ import annotations

import math

import numpy as np

from .rows import Lazy, Row, case, edge

torch, T = Lazy("torch"), Lazy("torch.nn.functional")
rng = np.random.default_rng(0)
x, y = rng.standard_normal((3, 4)), rng.standard_normal((3, 4))
x3, y3 = rng.standard_normal((2, 3, 2)), rng.standard_normal((2, 3, 2))
v, w = rng.standard_normal(5), rng.standard_normal(5)
p, q = (np.exp(a) / np.exp(a).sum(axis=1, keepdims=True) for a in (x, y))
some_zeros = np.array([[0.5, 0.0, 0.5, 0.0], [0.0, 0.0, 0.0, 1.0], [0.25, 0.25, 0.25, 0.25]])
t = np.array([0, 3, 1])
sides = np.array([[1, -1, -1, 1], [1, 1, 1, 1], [-1, -1, 1, -1]])
REDUCTIONS = ("mean", "sum", "none")
PAIRS = [case(x, y), case(x3, y3), case(v, w), case(np.array(0.7), np.array(-1.9)), case(v, w[None])]


def reduced(losses, reduction):
    return {"mean": np.mean, "sum": np.sum, "none": np.asarray}[reduction](losses)


def each_element(loss):
    """A loss of two numbers, as one of arrays."""

    def of_arrays(x0, x1, reduction="mean", **options):
        pairs = np.broadcast_arrays(x0, x1)
        losses = [loss(a, b, **options) for a, b in zip(*(a.ravel() for a in pairs))]
        return reduced(np.array(losses).reshape(pairs[0].shape), reduction)

    return of_arrays


@each_element
def huber_loss(a, b, delta=1.0):
    d = abs(a - b)
    return d**2 / 2 if d <= delta else delta * (d - delta / 2)


def kl_divergence(x, t, log_target=False, reduction="batchmean"):
    p = np.exp(t) if log_target else t
    losses = np.array([b * (math.log(b) - a) if b > 0 else 0.0 for a, b in zip(x.ravel(), p.ravel())]).reshape(x.shape)
    return losses.sum() / len(x) if reduction == "batchmean" else reduced(losses, reduction)


def torch_kl_divergence(x, t, log_target=False, reduction="batchmean"):
    if reduction == "mean":  # of which PyTorch warns
        return T.kl_div(x, t, log_target=log_target, reduction="sum") / x.numel()
    return T.kl_div(x, t, log_target=log_target, reduction=reduction)


def cosine_similarity(x0, x1, axis=1, eps=1e-8):
    def length(x):
        return np.maximum(np.linalg.norm(x, axis=axis), eps)

    return (x0 * x1).sum(axis=axis) / (length(x0) * length(x1))


def hinge(x, t, norm="L1", reduction="mean"):
    losses = np.zeros(len(x))
    for i, scores in enumerate(x):
        for k, score in np.ndenumerate(scores):
            side = t[(i, *k)] if t.shape == x.shape else (1 if k == (np.ravel(t)[i],) else -1)
            losses[i] += max(0.0, 1 - side * score) ** (1 if norm == "L1" else 2)
    return reduced(losses, reduction)


def torch_hinge(x, t, norm="L1", reduction="mean"):
    side = t if t.shape == x.shape else 2 * T.one_hot(t.reshape(-1).long(), x.shape[1]) - 1
    losses = torch.relu(1 - side * x) ** (1 if norm == "L1" else 2)
    losses = losses.reshape(len(x), -1).sum(dim=1)
    return {"mean": losses.mean, "sum": losses.sum, "none": losses.clone}[reduction]()


ROWS = [
    Row(
        "mean_squared_error",
        lambda x0, x1: ((x0 - x1) ** 2).sum() / (len(x0) if x0.ndim else 1),
        lambda x0, x1: T.mse_loss(x0, x1.reshape(x0.shape), reduction="sum") / (len(x0) if x0.ndim else 1),
        [*PAIRS, case(v[None], w), case(np.zeros((2, 0)), np.zeros((2, 0)))],
    ),
    Row(
        "mean_squared_error_simple",
        lambda x0, x1: ((x0 - x1) ** 2).sum() / len(x0),
        lambda x0, x1: T.mse_loss(x0, x1, reduction="sum") / len(x0),
        [case(x, y), case(x3, y3), case(v, w)],
    ),
    Row(
        "l1_loss",
        each_element(lambda a, b: abs(a - b)),
        lambda x0, x1, **options: T.l1_loss(x0, x1.reshape(x0.shape), **options),
        [
            *PAIRS[:-1],
            *(case(x, y, reduction=reduction) for reduction in REDUCTIONS),
            case(v, w[None], no_torch="broadcasts here with a warning"),
            edge(v, v, name="equal"),
        ],
    ),
    Row(
        "huber_loss",
        huber_loss,
        T.huber_loss,
        [
            *PAIRS[:-1],
            *(case(x, y, reduction=reduction, delta=0.3) for reduction in REDUCTIONS),
            case(v, w[None], no_torch="broadcasts here with a warning"),
            case(x, y, delta=2.5),
            edge(np.array([1.0, -1.0, 0.0, 1e4, -1e4]), np.zeros(5), name="at delta, 0, and large"),
        ],
        order=3,
    ),
    Row(
        "kl_divergence",
        kl_divergence,
        torch_kl_divergence,
        [
            *(case(np.log(p), q, reduction=reduction) for reduction in ("batchmean", *REDUCTIONS)),
            *(case(np.log(p), np.log(q), log_target=True, reduction=r) for r in ("batchmean", "none")),
            case(x3, np.exp(y3), reduction="mean"),
            case(np.log(p), t=some_zeros, reduction="sum", name="some probabilities are 0"),
            edge(np.log(p), some_zeros, reduction="sum", name="some probabilities are 0 and want a gradient"),
        ],
        note="As PyTorch's `kl_div`: x are log-probabilities.",
    ),
    Row(
        "cosine_similarity",
        cosine_similarity,
        lambda x0, x1, axis=1, eps=1e-8: torch.cosine_similarity(x0, x1, axis, eps),
        [
            case(x, y),
            *(case(x3, y3, axis=axis) for axis in (0, 1, 2, -1)),
            case(v, w, axis=0),
            case(rng.standard_normal((3, 1, 4)), rng.standard_normal((1, 2, 4)), axis=-1),
            case(np.zeros((0, 4)), np.zeros((0, 4))),
            case(x * 1e-3, y, eps=0.5, name="shorter than eps", no_torch="takes the length for constant"),
            edge(np.zeros((1, 4)), y[:1], name="zero"),
        ],
    ),
    Row(
        "hinge",
        hinge,
        torch_hinge,
        [
            *(case(x, t=t, norm=norm, reduction=r) for norm in ("L1", "L2") for r in REDUCTIONS),
            case(x, t=t.astype(np.uint8)[:, None]),
            case(x, t=sides, reduction="none"),
            case(x, t=sides * 1.0, norm="L2"),
            case(v, t=np.array([1, -1, 1, 1, -1], np.int8)),
            case(x3, t=np.sign(y3), reduction="none"),
            edge(np.array([1.0, -1.0, 1e4, -1e4]), t=np.ones(4), name="on the margin, and large"),
        ],
        note="One against all, as Chainer's; the oracle is put together from PyTorch's `relu`.",
    ),
]
