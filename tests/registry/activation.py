"""The rows of ``dezero.functions.activation``."""

from __future__ import annotations

import math

import numpy as np

from .rows import Lazy, Row, case, edge

torch, T = Lazy("torch"), Lazy("torch.nn.functional")
rng = np.random.default_rng(0)
x, x3, v = rng.standard_normal((3, 4)), rng.standard_normal((2, 3, 2)), rng.standard_normal(5)
SHAPES = [case(x), case(x3), case(np.array(0.7)), case(np.zeros((0, 3)))]
LARGE = edge(np.array([-1e4, -30.0, 0.0, 30.0, 1e4]), name="large")
USUAL = [*SHAPES, case(x * 4, name="wider"), LARGE]
AXES = [*(case(x3, axis=axis) for axis in (0, 1, 2, -1, -3)), case(v), case(v, axis=0), case(v, axis=-1)]
CLASSES = [case(x), *AXES, case(np.zeros((0, 3)))]
LARGE_SCORES = edge(np.array([[-1e4, 0.0, 1e4], [1e4, 1e4, 1e4], [-1e4, -1e4, -1e4]]), name="large")

erf = np.vectorize(math.erf, otypes=[np.float64])


def sigmoid(x):
    return np.exp(-np.logaddexp(0, -x))


def softplus(x, beta=1.0):
    return np.logaddexp(0, beta * x) / beta


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0)) - 1))


def hard_sigmoid(x):
    return np.minimum(np.maximum(x + 3, 0), 6) / 6


def gelu(x, approximate="none"):
    if approximate == "none":
        return x * (erf(x / np.sqrt(2)) + 1) / 2
    return x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x * x * x))) / 2


def prelu(x, W):
    slopes = W.reshape((1, -1, *(1,) * (x.ndim - 2))) if W.size > 1 else W.reshape(())
    return np.where(x > 0, x, slopes * x)


def log_softmax(x, axis=1):
    axis = axis if x.ndim > 1 else 0
    y = x - x.max(axis=axis, keepdims=True)
    return y - np.log(np.exp(y).sum(axis=axis, keepdims=True))


def softmax(x, axis=1):
    return np.exp(log_softmax(x, axis))


def along(f):
    """PyTorch's, where a vector has just one axis, whatever the default says."""
    return lambda x, axis=1: f(x, axis if x.ndim > 1 else 0)


def smooth(op, reference, theirs, cases):
    return Row(op, reference, theirs, cases, order=3)


ROWS = [
    smooth("sigmoid", sigmoid, torch.sigmoid, USUAL),
    smooth("sigmoid_simple", sigmoid, torch.sigmoid, SHAPES),
    smooth("logsigmoid", lambda x: -np.logaddexp(0, -x), T.logsigmoid, USUAL),
    smooth(
        "softplus",
        softplus,
        lambda x, beta=1.0: T.softplus(x, beta, 40.0),
        [*USUAL, case(x, beta=0.5), case(x, beta=3.0), edge(LARGE.xs[0], beta=2, name="large, beta 2")],
    ),
    smooth("relu", lambda x: np.where(x > 0, x, 0.0), T.relu, USUAL),
    smooth(
        "leaky_relu",
        lambda x, slope=0.2: np.where(x > 0, x, slope * x),
        lambda x, slope=0.2: T.leaky_relu(x, slope),
        [*USUAL, *(case(x, slope=slope) for slope in (0.5, 0.0, 1.0, 1.5, -0.5))],
    ),
    smooth(
        "prelu",
        prelu,
        T.prelu,
        [
            case(x, np.array([0.1, -0.2, 0.3, 1.5])),
            case(x3, np.array([0.1, 0.2, 0.3])),
            case(rng.standard_normal((2, 3, 2, 2)), np.array([0.1, 0.2, 0.3])),
            case(x[:, :2], np.array([0.25, 0.5])),
            case(x[:, :1], np.array([0.25])),
            case(x, np.array([0.25])),
            case(x, np.array(0.25)),
            case(v, np.array([0.25])),
            case(np.array(-0.7), np.array(0.25)),
            case(np.zeros((0, 3)), np.array([0.1, 0.2, 0.3])),
            edge(LARGE.xs[0], np.array([0.5]), name="large"),
        ],
    ),
    smooth("elu", elu, T.elu, [*USUAL, case(x, alpha=0.3), case(x, alpha=2), case(x, alpha=0, name="alpha 0")]),
    smooth("selu", lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772), T.selu, USUAL),
    smooth("silu", lambda x: x * sigmoid(x), T.silu, USUAL),
    smooth("mish", lambda x: x * np.tanh(softplus(x)), T.mish, USUAL),
    smooth(
        "gelu",
        gelu,
        T.gelu,
        [
            *USUAL,
            case(x, approximate="tanh"),
            case(x * 4, approximate="tanh", name="wider, tanh"),
            case(np.array(0.7), approximate="tanh"),
            edge(LARGE.xs[0], approximate="tanh", name="large, tanh"),
        ],
    ),
    # PyTorch's own hardsigmoid has a gradient with a float32 sixth
    smooth("hard_sigmoid", hard_sigmoid, lambda x: torch.clamp(x / 6 + 0.5, 0, 1), USUAL),
    smooth("hard_swish", lambda x: x * hard_sigmoid(x), T.hardswish, USUAL),
    smooth("softmax", softmax, along(torch.softmax), [*CLASSES, LARGE_SCORES]),
    smooth("softmax_simple", softmax, along(torch.softmax), CLASSES),
    smooth("log_softmax", log_softmax, along(torch.log_softmax), [*CLASSES, LARGE_SCORES]),
]
