"""Knows how to bring images to another size: by the nearest pixel, or by straight lines between pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Function, Variable, as_operand
from ..kernels.resample import Taps, resample, transposed
from .conv import with_rows, without_rows


class Interpolate(Function):
    """y = R x Q^T on every channel, R for the rows and Q for the columns of an image;  gx = R^T gy Q."""

    def __init__(self, rows: Taps, columns: Taps):
        self.rows = rows
        self.columns = columns

    def forward(self, x):
        return resample(x, self.rows, self.columns)

    def backward(self, gy):
        return Interpolate(transposed(self.rows), transposed(self.columns))(gy)


def interpolate(
    x: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool = False
) -> Variable:
    """Images in another size, each pixel made of those of ``x`` around its place.

    A pixel of the result lies at i = o / s in ``x`` with s = OH / H, or ``scale_factor`` where that is given.
    "nearest" takes pixel floor(i). "bilinear" puts the middle of pixel o at (o + 1/2) / s - 1/2, not below 0, and goes
    in a straight line from the pixel above it to the one below, and likewise across; the edge goes on for ever.

    Args:
        x: Variable or array, (N, C, H, W); for "nearest" (N, C, L) too.
        size: Of the result, in pixels: integer or (OH, OW).
        scale_factor: Instead of ``size``: number or two, OH = floor(H * scale_factor).
        mode: "nearest" or "bilinear".
        align_corners: For "bilinear": pixel o lies at o (H - 1) / (OH - 1), so that the corners stay where they are.

    Returns:
        Variable (N, C, OH, OW), or (N, C, OL).

    Raises:
        ValueError: Not one of ``size`` and ``scale_factor`` is given, nothing would be left, or ``x`` or ``mode`` is
            another.

    Example:
        >>> interpolate(np.array([[[[1.0, 3.0]]]]), scale_factor=2)
        variable([[[[1. 1. 3. 3.]
                    [1. 1. 3. 3.]]]])
        >>> interpolate(np.array([[[[1.0, 3.0]]]]), size=(1, 4), mode="bilinear")
        variable([[[[1.  1.5 2.5 3. ]]]])
    """
    x = as_operand(x, "interpolate")
    if mode not in ("nearest", "bilinear"):
        raise ValueError(f'interpolate: mode must be "nearest" or "bilinear", got {mode!r}.')
    if mode == "nearest" and align_corners:
        raise ValueError('interpolate: align_corners is for "bilinear"; "nearest" has no corners to align.')
    if x.ndim != 4 and (x.ndim != 3 or mode == "bilinear"):
        raise ValueError(f"interpolate: x (N, C, H, W) is wanted{_or_sequence(mode)}, got shape {x.shape}.")
    if 0 in x.shape[2:]:
        raise ValueError(f"interpolate: x has no pixels, its shape is {x.shape}.")
    if x.data.dtype.kind != "f" and mode == "bilinear":
        x = x.astype(np.float64)
    old = x.shape[2:]
    new, scales = _new_size(old, size, scale_factor)
    maps = [_nearest(*s) if mode == "nearest" else _linear(*s, align_corners) for s in zip(old, new, scales)]
    if x.ndim == 3:
        return without_rows(Interpolate(_nearest(1, 1, 1.0), *maps)(with_rows(x)))
    return Interpolate(*maps)(x)


def _or_sequence(mode: str) -> str:
    return " or (N, C, L)" if mode == "nearest" else f" for {mode!r}"


def _new_size(old: tuple[int, ...], size: Any, scale_factor: Any) -> tuple[list[int], list[float]]:
    """For each axis its length in the result, and how many pixels of the result one of the image makes."""
    if (size is None) == (scale_factor is None):
        raise ValueError(f"interpolate: give size or scale_factor, one of them; got {size} and {scale_factor}.")
    given = scale_factor if size is None else size
    parts = list(given) if isinstance(given, (tuple, list)) else [given] * len(old)
    kinds = (int, np.integer) if size is not None else (int, float, np.integer, np.floating)
    if len(parts) != len(old) or not all(isinstance(p, kinds) and p > 0 for p in parts):
        name, kind = ("size", "an integer") if size is not None else ("scale_factor", "a number")
        raise ValueError(f"interpolate: {name} must be {kind} above 0, or {len(old)} in a tuple, got {given!r}.")
    if size is not None:
        return [int(n) for n in parts], [n / m for n, m in zip(parts, old)]
    new = [int(n * float(s)) for n, s in zip(old, parts)]
    if min(new) < 1:
        raise ValueError(f"interpolate: scale_factor {scale_factor} leaves nothing of an image {old}.")
    return new, [float(s) for s in parts]


def _nearest(old: int, new: int, scale: float) -> Taps:
    """The map to the pixel at floor(o / scale); in integers where ``scale`` is the quotient of the lengths."""
    o = np.arange(new)
    index = o * old // new if scale == new / old else np.floor(o / scale).astype(int)
    return Taps(index[None], None, old)


def _linear(old: int, new: int, scale: float, align_corners: bool) -> Taps:
    """The map to the two pixels beside each place, weighted by how near they are."""
    o = np.arange(new)
    if align_corners:
        place = o * ((old - 1) / max(1, new - 1))
    else:
        place = ((o + 0.5) / scale - 0.5).clip(min=0)
    low = place.astype(int)
    share = place - low
    return Taps(np.stack([low, (low + 1).clip(max=old - 1)]), np.stack([1 - share, share]), old)
