"""The rows of ``dezero.functions.metrics``."""

from __future__ import annotations

import numpy as np

from .rows import Row, case

scores = np.array([[0.2, 0.8], [0.9, 0.1], [0.3, 0.7]])

ROWS = [
    Row(
        "accuracy",
        lambda y, t: np.mean([np.argmax(row) == label for row, label in zip(y, t.ravel())]),
        "PyTorch has no such function.",
        [
            case(scores, t=np.array([1, 1, 1])),
            case(scores, t=np.array([[1], [0], [1]], np.uint8)),
            case(scores[:1], t=np.array([0])),
        ],
        order=0,
        why="It counts: there is no gradient.",
        dtypes=(np.float64,),
    ),
]
