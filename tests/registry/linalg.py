"""The rows of ``dezero.functions.linalg``."""

from __future__ import annotations

import numpy as np

from .rows import Lazy, Row, case

torch, T = Lazy("torch"), Lazy("torch.nn.functional")
rng = np.random.default_rng(0)


def normal(*shape):
    return rng.standard_normal(shape)


def bilinear(x0, x1, W, b=0.0):
    """Row by row, output by output."""
    rows = x0.reshape(-1, x0.shape[-1]), x1.reshape(-1, x1.shape[-1])
    y = [[a @ W_o @ c for W_o in W] for a, c in zip(*rows)]
    return np.array(y).reshape(*x0.shape[:-1], len(W)) + b


def tensordot(x0, x1, axes=2):
    return np.tensordot(x0, x1, axes)


def torch_bilinear(x0, x1, W, b=None):
    return T.bilinear(x0, x1, W, b)


MATMUL = [
    ((3, 4), (4, 2)),
    ((4,), (4,)),
    ((4,), (4, 2)),
    ((3, 4), (4,)),
    ((2, 3, 4), (4, 5)),
    ((3, 4), (2, 4, 5)),
    ((2, 3, 4), (2, 4, 5)),
    ((2, 1, 3, 4), (5, 4, 2)),
    ((4,), (5, 4, 2)),
    ((5, 3, 4), (4,)),
    ((0, 4), (4, 2)),
    ((3, 0), (0, 2)),
    ((2, 0, 4), (4,)),
]
LINEAR = [
    ((3, 4), (4, 2), (2,)),
    ((3, 4), (4, 2)),
    ((2, 3, 4), (4, 2), (2,)),
    ((2, 3, 4), (4, 2)),
    ((4,), (4, 2), (2,)),
    ((0, 4), (4, 2), (2,)),
    ((3, 0), (0, 2), (2,)),
    ((2, 3, 4), (4, 0), (0,)),
    ((2, 3, 0), (0, 2)),
]
ROWS = [
    Row("matmul", np.matmul, torch.matmul, [case(normal(*s), normal(*t)) for s, t in MATMUL]),
    Row(
        "linear",
        lambda x, W, b=0.0: x @ W + b,
        lambda x, W, b=None: T.linear(x, W.T, b),
        [case(*(normal(*s) for s in shapes)) for shapes in LINEAR],
    ),
    Row(
        "linear_simple",
        lambda x, W, b=0.0: x @ W + b,
        lambda x, W, b=None: T.linear(x, W.T, b),
        [case(*(normal(*s) for s in shapes)) for shapes in LINEAR],
    ),
    Row(
        "tensordot",
        tensordot,
        lambda x0, x1, axes=2: torch.tensordot(x0, x1, dims=axes),
        [
            case(normal(2, 3, 4), normal(3, 4, 5)),
            case(normal(2, 3), normal(3, 4), axes=1),
            case(normal(2, 3), normal(2, 3), axes=2),
            case(normal(2), normal(3), axes=0),
            case(normal(2, 3, 4), normal(4, 3, 5), axes=([1, 2], [1, 0])),
            case(normal(2, 3, 4), normal(4, 3, 5), axes=([-1, 1], [0, -2])),
            case(normal(2, 3), normal(3, 2), axes=([0, 1], [1, 0])),
            case(normal(2, 3), normal(4, 3), axes=(1, 1), no_torch="takes no two integers as dims"),
            case(np.array(2.0), normal(3), axes=0),
            case(np.zeros((0, 3)), normal(3, 4), axes=1),
        ],
    ),
    Row(
        "outer",
        np.outer,
        lambda x0, x1: torch.outer(x0.reshape(-1), x1.reshape(-1)),
        [
            case(normal(3), normal(4)),
            case(normal(2, 3), normal(4)),
            case(np.array(2.0), normal(2, 2)),
            case(np.zeros(0), normal(2)),
        ],
    ),
    Row(
        "bilinear",
        bilinear,
        torch_bilinear,
        [
            case(normal(3, 4), normal(3, 2), normal(5, 4, 2)),
            case(normal(3, 4), normal(3, 2), normal(5, 4, 2), normal(5)),
            case(normal(2, 3, 4), normal(2, 3, 2), normal(1, 4, 2), normal(1)),
            case(normal(4), normal(2), normal(5, 4, 2), normal(5)),
            case(np.zeros((0, 4)), np.zeros((0, 2)), normal(5, 4, 2)),
        ],
    ),
]
