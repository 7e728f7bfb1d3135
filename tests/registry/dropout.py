"""The rows of ``dezero.functions.dropout``."""

from __future__ import annotations

import numpy as np

from dezero import functions as F
from dezero import using_config

from .rows import Lazy, Row, case

T = Lazy("torch.nn.functional")
rng = np.random.default_rng(0)
x, x3, x4 = rng.standard_normal((3, 4)), rng.standard_normal((3, 4, 2)), rng.standard_normal((2, 5, 2, 3))
DRAWS = "PyTorch draws other numbers"


def seeded(function):
    """The function with a generator that starts at the seed, in train or test mode."""

    def call(x, ratio=0.5, seed=3, training=True):
        with using_config("train", training):
            return function(x, ratio, rng=np.random.default_rng(seed))

    return call


def reference(channels):
    def drop(x, ratio=0.5, seed=3, training=True):
        if not training:
            return x
        shape = (*x.shape[:2], *[1] * (x.ndim - 2)) if channels else x.shape
        stays = np.random.default_rng(seed).random(shape) >= ratio
        return np.where(stays, x / (1 - ratio), 0) if ratio < 1 else np.zeros_like(x)

    return drop


ROWS = [
    Row(
        "dropout",
        reference(channels=False),
        lambda x, ratio=0.5, seed=3, training=True: T.dropout(x, ratio, training=training),
        [
            case(np.linspace(-1, 1, 12), ratio=0.4, no_torch=DRAWS),
            *(case(v, no_torch=DRAWS) for v in (x, x3, np.array(0.7), np.zeros((0, 3)))),
            case(x, ratio=0.9, seed=1, no_torch=DRAWS),
            case(x, ratio=0.0),
            case(x, ratio=1.0),
            case(x, training=False),
        ],
        order=3,
        call=seeded(F.dropout),
        note="Train mode with a seeded generator, and test mode.",
    ),
    Row(
        "dropout2d",
        reference(channels=True),
        lambda x, ratio=0.5, seed=3, training=True: T.dropout2d(x, ratio, training=training),
        [
            *(case(v, no_torch=DRAWS) for v in (x, x3, x4)),
            case(x4, ratio=0.2, seed=1, no_torch=DRAWS),
            case(x4, ratio=0.0),
            case(x4, ratio=1.0),
            case(x4, training=False),
        ],
        order=3,
        call=seeded(F.dropout2d),
        note="Train mode with a seeded generator, and test mode.",
    ),
]
