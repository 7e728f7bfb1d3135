"""The rows of ``dezero.functions.comparison``."""

from __future__ import annotations

import numpy as np

from dezero import functions as F

from .arithmetic import a, b, both, column, pairs, row, scalar
from .rows import Lazy, Row, case, edge

torch = Lazy("torch")
mask = a > 0
TIES = edge(np.array([-1.0, 0.0, 2.0]), np.array([-1.0, 1.0, 2.0]), name="ties")
LARGE = edge(np.array([-1e4, 1e4, 0.0]), np.array([1e4, 1e4, -1e4]), name="large")


def extreme(f):
    """PyTorch's maximum or minimum, which take no numbers."""
    return both(
        lambda x0, x1: f(*(v if hasattr(v, "dtype") else torch.tensor(v, dtype=float_type()) for v in (x0, x1)))
    )


def float_type():
    return Lazy("torch", "float64").get()


def call_where(*xs, condition, x0=None, x1=None):
    return both(lambda u, v: F.where(condition, u, v))(*xs, x0=x0, x1=x1)


def reference(*xs, condition, x0=None, x1=None):
    return both(lambda u, v: np.where(condition, u, v))(*xs, x0=x0, x1=x1)


def torch_where(*xs, condition, x0=None, x1=None):
    return both(lambda u, v: torch.where(condition.bool(), u, v))(*xs, x0=x0, x1=x1)


ROWS = [
    Row(
        "maximum",
        both(lambda x0, x1: np.where(x0 > x1, x0, x1)),
        extreme(torch.maximum),
        [*pairs(), TIES, LARGE],
        order=3,
        call=both(F.maximum),
        note="Equals share the gradient evenly.",
    ),
    Row(
        "minimum",
        both(lambda x0, x1: np.where(x0 < x1, x0, x1)),
        extreme(torch.minimum),
        [*pairs(), TIES, LARGE],
        order=3,
        call=both(F.minimum),
        note="Equals share the gradient evenly.",
    ),
    Row(
        "where",
        reference,
        torch_where,
        [
            case(a, b, condition=mask),
            case(a, row, condition=mask),
            case(column, row, condition=mask),
            case(row, a, condition=mask[:, :1], name="condition by row"),
            case(scalar, np.array(1.5), condition=mask, name="0-d by condition"),
            case(scalar, np.array(1.5), condition=np.array(True), name="all 0-d"),
            case(np.zeros((0, 4)), row, condition=np.zeros((0, 1), bool)),
            case(a, x1=0, condition=mask, name="number on the right"),
            case(a, x0=0.5, condition=mask, name="number on the left"),
            case(a, b, condition=mask.astype(np.int64) * 3, name="condition of integers"),
            case(a, b, condition=mask * 0.5, name="condition of floats"),
            edge(np.array([-1e4, 1e4]), np.array([1e4, -1e4]), condition=np.array([True, False]), name="large"),
        ],
        order=3,
        call=call_where,
    ),
]
