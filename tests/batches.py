"""Batches whose channels lie first or last in memory."""

from __future__ import annotations

import numpy as np


def batch(shape, offset=0.0, dtype=np.float64, last=True):
    """Channels with means about ``offset``, last in memory or not."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape) + offset + rng.standard_normal((shape[1], *(1 for _ in shape[2:])))
    return as_last(x.astype(dtype)) if last else x.astype(dtype)


def as_last(x):
    order = (0, *range(2, x.ndim), 1)
    return np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
