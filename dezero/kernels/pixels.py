"""Knows images with the channels last in memory, (N, H, W, C), and how many of them to take at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

_CHANNELS_LAST = np.empty((2, 2, 2, 2)).transpose((0, 3, 1, 2))


def has_channels_last(x: Any) -> bool:
    """Whether a row of pixels of ``x`` (N, C, H, W) is one stretch of memory."""
    _, c, _, w = x.strides
    return bool(c == x.itemsize and w == x.shape[1] * c)


def as_pixels(x: Any) -> Any:
    """``x`` (N, C, H, W) as (N, H, W, C), contiguous."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def new_images(shape: tuple[int, ...], dtype: Any) -> Any:
    """An array (N, C, H, W) with the channels last in memory, and no view of another: a leaf needs no copy of it."""
    return np.empty_like(_CHANNELS_LAST, dtype, shape=shape)


def row_of(b: Any, width: int) -> Any:
    """``b`` for every pixel of a row: NumPy adds one long row faster than many short ones."""
    return np.tile(b, (width, 1))


def block_size(N: int, OH: int, row_bytes: int, workspace: int) -> tuple[int, int]:
    """How many images to take at a time and, where that is one, how many rows of windows."""
    n = clipped(workspace // (OH * row_bytes), N)
    rows = OH if n > 1 else clipped(workspace // row_bytes, OH)
    return n, rows


def clipped(n: int, most: int) -> int:
    """From 1 to ``most``, and so that ``most`` falls into parts of about equal size."""
    parts = -(-most // max(1, n))
    return max(1, -(-most // max(1, parts)))
