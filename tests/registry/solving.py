"""The rows of ``dezero.functions.solving``."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from dezero import functions as F
from dezero.cuda import get_array_module

from .rows import Lazy, Row, case

torch = Lazy("torch")
rng = np.random.default_rng(0)
DTYPES = (np.float32, np.float64)
NOTE = "float16 has no solver."


def normal(*shape):
    return rng.standard_normal(shape)


def regular(*shape):
    return normal(*shape) + 3 * np.eye(shape[-1])


def det(A):
    """Leibniz's sum over permutations."""
    N = A.shape[-1]
    total = np.zeros(A.shape[:-2])
    for columns in permutations(range(N)):
        sign = np.linalg.det(np.eye(N)[list(columns)]) if N else 1.0
        total += round(sign) * np.prod([A[..., i, j] for i, j in enumerate(columns)], axis=0)
    return total


def cholesky(A):
    """Column by column."""
    y = np.zeros_like(A)
    for j in range(A.shape[-1]):
        rest = A[..., j] - (y[..., :, :j] * y[..., j : j + 1, :j]).sum(-1)
        y[..., j:, j] = (rest / np.sqrt(rest[..., j : j + 1]))[..., j:]
    return y


def positive(x):
    """A positive definite matrix that depends on all of ``x``; cholesky wants symmetric ones."""
    xT = x.swapaxes(-1, -2) if isinstance(x, np.ndarray) else x.mT
    return x @ xT + (np.eye(x.shape[-1]) if isinstance(x, np.ndarray) else torch.eye(x.shape[-1]))


def our_cholesky(x):
    eye = get_array_module(x.data).eye(x.shape[-1], dtype=x.dtype)
    return F.cholesky(F.einsum("...ij,...kj->...ik", x, x) + eye)


def zeroed(row):
    A = regular(3, 3)
    A[row] = 0
    return A


ROWS = [
    Row(
        "solve",
        lambda A, b: np.linalg.inv(A) @ b,
        torch.linalg.solve,
        [
            case(regular(3, 3), normal(3)),
            case(regular(3, 3), normal(3, 2)),
            case(regular(2, 3, 3), normal(2, 3, 2)),
            case(regular(2, 3, 3), normal(3), no_torch="takes b for a matrix here"),
            case(regular(2, 3, 3), normal(3, 4), no_torch="takes b for a stack of vectors here"),
            case(regular(3, 3), normal(2, 3, 2)),
            case(regular(2, 1, 3, 3), normal(4, 3, 1)),
            case(regular(1, 1), normal(1)),
            case(regular(3, 3), np.zeros((3, 0))),
            case(np.zeros((0, 2, 2)), np.zeros((0, 2, 1)), name="no systems"),
        ],
        dtypes=DTYPES,
        note=NOTE,
    ),
    Row(
        "inv",
        lambda A: np.linalg.solve(A, np.broadcast_to(np.eye(A.shape[-1]), A.shape)),
        torch.linalg.inv,
        [case(regular(3, 3)), case(regular(2, 2, 3, 3)), case(regular(1, 1)), case(np.zeros((0, 2, 2)))],
        dtypes=DTYPES,
        note=NOTE,
    ),
    Row(
        "det",
        det,
        torch.linalg.det,
        [
            case(normal(3, 3), order=3),
            case(normal(2, 2, 3, 3)),
            case(normal(1, 1)),
            case(np.zeros((0, 2, 2))),
            case(zeroed(1), name="singular", order=3, no_torch="has no second derivative there"),
            case(zeroed([0, 2]), name="of rank 1", order=3, no_torch="has no second derivative there"),
            case(np.zeros((3, 3)), name="of zeros", no_torch="has no second derivative there"),
            case(np.zeros((1, 1)), name="zero", no_torch="has no second derivative there"),
            case(np.stack([normal(3, 3), zeroed(0)]), name="a regular and a singular one", no_torch="see singular"),
        ],
        dtypes=DTYPES,
        note=NOTE,
    ),
    Row(
        "cholesky",
        lambda x: cholesky(positive(x)),
        lambda x: torch.linalg.cholesky(positive(x)),
        [case(normal(3, 3), order=3), case(normal(2, 2, 3, 3)), case(normal(1, 1)), case(np.zeros((0, 2, 2)))],
        dtypes=DTYPES,
        call=our_cholesky,
        note=f"{NOTE} The gradient is that of symmetric matrices.",
    ),
]
