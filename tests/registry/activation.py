"""The rows of ``dezero.functions.activation``."""

from __future__ import annotations

import numpy as np

from .rows import Lazy, Row, case, edge

torch, T = Lazy("torch"), Lazy("torch.nn.functional")
rng = np.random.default_rng(0)
x, x3, v = rng.standard_normal((3, 4)), rng.standard_normal((2, 3, 2)), rng.standard_normal(5)
SHAPES = [case(x), case(x3), case(np.array(0.7)), case(np.zeros((0, 3)))]
LARGE = edge(np.array([-1e4, -30.0, 0.0, 30.0, 1e4]), name="large")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis=1):
    y = np.exp(x - x.max(axis=axis, keepdims=True))
    return y / y.sum(axis=axis, keepdims=True)


ROWS = [
    Row("sigmoid", lambda x: np.exp(-np.logaddexp(0, -x)), torch.sigmoid, [*SHAPES, LARGE], order=3),
    Row("relu", lambda x: np.maximum(x, 0), T.relu, [*SHAPES, LARGE], order=3),
    Row(
        "softmax",
        lambda x, axis=1: softmax(x, axis if x.ndim > 1 else 0),
        lambda x, axis=1: torch.softmax(x, axis if x.ndim > 1 else 0),
        [case(x), *(case(x3, axis=axis) for axis in (0, 1, 2, -1)), case(v)],
    ),
]
