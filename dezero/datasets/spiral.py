"""Knows the spiral: three classes wound around each other in the plane, which no line can tell apart."""

from __future__ import annotations

import numpy as np

from .base import Dataset

_CLASSES, _POINTS = 3, 100


def get_spiral(train: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Points of three spiral arms, in random order but always the same.

    A point at radius r, spaced evenly up to 1, of class c lies at the angle 2 pi c / 3 + 4 r, plus
    a noise of standard deviation 0.2 rad.

    Args:
        train: The points to train on, or others of the same arms to test.

    Returns:
        The points, float32 ``(300, 2)``, and their classes, int64 ``(300,)``, 100 of each.

    Example:
        >>> x, t = get_spiral()
        >>> x.shape, np.bincount(t).tolist()
        ((300, 2), [100, 100, 100])
    """
    rng = np.random.default_rng(2020 if train else 1984)
    t = np.repeat(np.arange(_CLASSES, dtype=np.int64), _POINTS)
    r = np.tile(np.arange(1, _POINTS + 1) / _POINTS, _CLASSES)
    angle = 2 * np.pi * t / _CLASSES + 4 * r + rng.normal(0, 0.2, len(t))
    x = np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1).astype(np.float32)  # (300, 2)
    order = rng.permutation(len(t))
    return x[order], t[order]


class Spiral(Dataset):
    """The points of ``get_spiral``: ``data`` is float32 ``(300, 2)``, ``label`` int64 ``(300,)`` from 0 to 2.

    Args:
        train: The points to train on, or others of the same arms to test.
        transform: Applied to each point.
        target_transform: Applied to each class.

    Example:
        >>> spiral = Spiral()
        >>> len(spiral), spiral.data.shape
        (300, (300, 2))
    """

    def prepare(self) -> None:
        self.data, self.label = get_spiral(self.train)
