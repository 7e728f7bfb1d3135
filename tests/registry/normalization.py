"""The rows of ``dezero.functions.normalization``."""

from __future__ import annotations

import numpy as np

from dezero import functions as F
from dezero import using_config

from .rows import Lazy, Row, case, edge

T = Lazy("torch.nn.functional")
rng = np.random.default_rng(0)
gamma, beta = rng.standard_normal(4), rng.standard_normal(4)
gamma34, beta34 = rng.standard_normal((3, 4)), rng.standard_normal((3, 4))
x, x3, x4 = rng.standard_normal((5, 4)), rng.standard_normal((3, 4, 3)), rng.standard_normal((2, 4, 3, 2))
deep = rng.standard_normal((2, 3, 4))
constant_rows = np.array([[2.0, 2.0, 2.0, 2.0], [0.0, 0.0, 0.0, 0.0], [1.0, 2.0, 3.0, 5.0]])
running = {"mean": rng.standard_normal(4), "var": rng.random(4) + 0.5}


def standardized(x, axes, eps):
    mean = x.mean(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(axis=axes, keepdims=True) + eps)


def affine(x, gamma, beta):
    """Channels scaled and shifted."""
    columns = np.moveaxis(x, 1, -1)
    columns = columns if gamma is None else columns * gamma
    columns = columns if beta is None else columns + beta
    return np.moveaxis(columns, -1, 1)


def batch_norm(x, gamma, beta, mean, var, training, eps=2e-5):
    if training:
        columns = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])
        mean, var = columns.mean(axis=0), columns.var(axis=0)
    columns = np.moveaxis(x, 1, -1)
    return np.moveaxis((columns - mean) / np.sqrt(var + eps) * gamma + beta, -1, 1)


def call_batch_norm(x, gamma, beta, mean, var, training, eps=2e-5):
    with using_config("train", training):
        return F.batch_norm(x, gamma, beta, mean, var, eps=eps)


def torch_batch_norm(x, gamma, beta, mean, var, training, eps=2e-5):
    return T.batch_norm(x, mean, var, gamma, beta, training=training, eps=eps)


def layer_norm(x, gamma=None, beta=None, eps=1e-5, axes=None):
    n = axes or (gamma.ndim if gamma is not None else beta.ndim if beta is not None else 1)
    y = standardized(x, tuple(range(x.ndim - n, x.ndim)), eps)
    y = y if gamma is None else y * gamma
    return y if beta is None else y + beta


def torch_layer_norm(x, gamma=None, beta=None, eps=1e-5, axes=None):
    n = axes or (gamma.ndim if gamma is not None else beta.ndim if beta is not None else 1)
    return T.layer_norm(x, x.shape[x.ndim - n :], gamma, beta, eps)


def rms_norm(x, gamma=None, eps=1e-6):
    y = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)
    return y if gamma is None else y * gamma


def group_norm(x, groups, gamma=None, beta=None, eps=1e-5):
    y = np.empty_like(x)
    size = x.shape[1] // groups
    for n in range(x.shape[0]):
        for g in range(groups):
            part = x[n, g * size : (g + 1) * size]
            y[n, g * size : (g + 1) * size] = (part - part.mean()) / np.sqrt(part.var() + eps)
    return affine(y, gamma, beta)


def instance_norm(x, gamma=None, beta=None, eps=1e-5):
    return affine(standardized(x, tuple(range(2, x.ndim)), eps), gamma, beta)


def l2_normalize(x, axis=1, eps=1e-12):
    axis = 0 if x.ndim == 1 and axis == 1 else axis
    return x / np.maximum(np.sqrt((x * x).sum(axis=axis, keepdims=True)), eps)


# gamma and beta are differentiated, so they come first here
def call_group_norm(x, gamma=None, beta=None, groups=2, eps=1e-5):
    return F.group_norm(x, groups, gamma, beta, eps)


ROWS = [
    Row(
        "batch_norm",
        batch_norm,
        torch_batch_norm,
        [
            *(case(v, gamma, beta, **running, training=mode) for v in (x, x3, x4) for mode in (True, False)),
            case(x4, gamma, beta, **running, training=True, eps=0.5, order=2),
            edge(np.ones((3, 4)), gamma, beta, **running, training=True, name="all equal"),
            edge(np.ones((1, 4)), gamma, beta, **running, training=True, name="one", no_torch="PyTorch refuses it"),
            edge(x * 1e6, gamma, beta, **running, training=True, name="large"),
        ],
        order=3,
        call=call_batch_norm,
        note="Train and test mode.",
    ),
    Row(
        "layer_norm",
        layer_norm,
        torch_layer_norm,
        [
            case(x, gamma, beta, order=3),
            case(deep, gamma, beta),
            case(deep, gamma34, beta34),
            case(x3, name="no gamma, no beta"),
            case(deep, axes=2),
            case(x[0], gamma, beta),
            case(x, gamma, name="gamma alone"),
            case(x, beta=beta, name="beta alone"),
            case(x, gamma, beta, eps=0.5),
            case(np.zeros((0, 4)), gamma, beta),
            case(deep, axes=3),
            edge(constant_rows, gamma, beta, name="equal elements"),
            edge(x * 1e6, gamma, beta, name="large"),
        ],
    ),
    Row(
        "rms_norm",
        rms_norm,
        lambda x, gamma=None, eps=1e-6: T.rms_norm(x, x.shape[-1:], gamma, eps),
        [
            case(x, gamma, order=3),
            case(deep, gamma),
            case(x3, name="no gamma"),
            case(x[0], gamma),
            case(x, gamma, eps=0.5),
            case(np.zeros((0, 4)), gamma),
            case(x[:, :1], name="one element"),
            edge(constant_rows, gamma, name="equal elements"),
        ],
    ),
    Row(
        "group_norm",
        lambda x, gamma=None, beta=None, groups=2, eps=1e-5: group_norm(x, groups, gamma, beta, eps),
        lambda x, gamma=None, beta=None, groups=2, eps=1e-5: T.group_norm(x, groups, gamma, beta, eps),
        [
            *(case(v, gamma, beta, groups=2) for v in (x, x3, x4)),
            *(case(x4, gamma, beta, groups=groups) for groups in (1, 4)),
            case(x4, groups=2),
            case(x4, gamma, groups=2, name="gamma alone"),
            case(x4, beta=beta, groups=2, name="beta alone"),
            case(x4, gamma, beta, groups=2, eps=0.5),
            edge(np.ones((2, 4, 3)), gamma, beta, groups=2, name="equal elements"),
        ],
        call=call_group_norm,
    ),
    Row(
        "instance_norm",
        instance_norm,
        lambda x, gamma=None, beta=None, eps=1e-5: T.instance_norm(x, weight=gamma, bias=beta, eps=eps),
        [
            case(x3, gamma, beta),
            case(x4, gamma, beta),
            case(x4),
            case(x4, beta=beta, name="beta alone"),
            case(x4, gamma, beta, eps=0.5),
            edge(np.ones((2, 4, 3)), gamma, beta, name="equal elements"),
            edge(np.ones((2, 4, 1)), gamma, beta, name="one element", no_torch="PyTorch refuses it"),
        ],
    ),
    Row(
        "l2_normalize",
        l2_normalize,
        lambda x, axis=1, eps=1e-12: T.normalize(x, dim=0 if x.ndim == 1 else axis, eps=eps),
        [
            case(x, order=3),
            *(case(x3, axis=axis) for axis in (0, 1, 2, -1, (1, 2))),
            case(gamma),
            case(np.array([[0.1, 0.2], [3.0, 4.0]]), eps=1.0, name="one vector shorter than eps"),
            case(np.zeros((0, 3))),
            edge(np.zeros((2, 3)), eps=1e-3, name="zeros"),
        ],
    ),
]
