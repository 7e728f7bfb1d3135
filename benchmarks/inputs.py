"""Knows what the workloads work on: the same numbers for every side."""

from __future__ import annotations

import numpy as np


def classes(n, shape, k):
    """``n`` random inputs of ``shape``, and a class out of ``k`` for each."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, *shape)).astype("f"), rng.integers(0, k, n)


def wave(length=30):
    """``length`` steps of 30 waves, (length, 30, 1), and the same a step later."""
    phase = np.linspace(0, 6, 30)[None, :] + 0.1 * np.arange(length + 1)[:, None]
    x = np.sin(phase)[..., None].astype("f")
    return x[:-1], x[1:]


def tokens(n, length):
    """``n`` random texts (n, length) of 65 letters, and the next letter at each place, in one row (n * length,)."""
    ids = np.random.default_rng(0).integers(0, 65, (n, length + 1))
    return np.ascontiguousarray(ids[:, :-1]), ids[:, 1:].reshape(-1)


def pictures():
    """Grey pictures and labels of MNIST's size."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (60000, 1, 28, 28), dtype=np.uint8), rng.integers(0, 10, 60000)
