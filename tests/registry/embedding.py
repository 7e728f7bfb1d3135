"""The rows of ``dezero.functions.embedding``."""

from __future__ import annotations

import numpy as np

from dezero import functions as F

from .rows import Lazy, Row, case, edge

T = Lazy("torch.nn.functional")
rng = np.random.default_rng(0)
W, matrix = rng.standard_normal((5, 4)), np.arange(12.0).reshape(3, 4)
FEW = np.array([[2, 0], [2, 2]], np.uint8)


def torch_embedding(W, x, padding_idx=None):
    return T.embedding(x.long(), W, padding_idx=padding_idx)


ROWS = [
    Row(
        "embed_id",
        lambda W, x, padding_idx=None: W[x],
        torch_embedding,
        [
            case(matrix, x=FEW, order=3),
            *(case(W, x=rng.integers(0, 5, shape)) for shape in ((7,), (2, 3, 2), (1,))),
            case(W, x=rng.integers(0, 5, 40), name="every id many times"),
            case(W, x=np.array(3), name="one id without an axis"),
            *(case(W, x=np.array([4, 0, 4], dtype)) for dtype in (np.int8, np.int32, np.uint64)),
            case(W, x=np.zeros((0, 2), np.int64)),
            case(W, x=np.array([1, 2, 1]), padding_idx=3, name="padding that is not used"),
            edge(W, x=np.array([1, 3, 1]), padding_idx=3, name="padding"),
        ],
        call=lambda W, x, padding_idx=None: F.embed_id(x, W, padding_idx),
        note="No gradient by the ids, and none to the row of padding_idx.",
    ),
]
