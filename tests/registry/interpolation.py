"""The rows of ``dezero.functions.interpolation``, and interpolation as plain loops."""

from __future__ import annotations

import math

import numpy as np

from .rows import Lazy, Row, case, edge

T = Lazy("torch.nn.functional")
rng = np.random.default_rng(0)


def neighbours(n, size, scale, mode, align_corners):
    """For each pixel of the result, along one axis, the pixels of the image that make it, and their shares."""
    new = math.floor(n * scale) if size is None else size
    for o in range(new):
        if mode == "nearest":
            place = o * n // new if size is not None else min(math.floor(o / scale), n - 1)
            yield [(place, 1.0)]
            continue
        step = n / new if size is not None else 1 / scale
        place = max(0.0, (o + 0.5) * step - 0.5)
        if align_corners:
            place = o * (n - 1) / (new - 1) if new > 1 else 0.0
        low = min(math.floor(place), n - 1)
        share = min(place - low, 1.0)
        yield [(low, 1 - share), (min(low + 1, n - 1), share)]


def interpolate(x, size=None, scale_factor=None, mode="nearest", align_corners=False):
    axes = x.ndim - 2
    size, scale = (v if isinstance(v, tuple) else (v,) * axes for v in (size, scale_factor))
    found = [list(neighbours(*a, mode, align_corners)) for a in zip(x.shape[2:], size, scale)]
    y = np.zeros((*x.shape[:2], *map(len, found)))
    for at in np.ndindex(*map(len, found)):
        for corner in np.ndindex(*(len(axis[i]) for axis, i in zip(found, at))):
            pixels = [axis[i][k] for axis, i, k in zip(found, at, corner)]
            y[(..., *at)] += math.prod(w for _, w in pixels) * x[(..., *(p for p, _ in pixels))]
    return y


def torch_interpolate(x, size=None, scale_factor=None, mode="nearest", align_corners=False):
    return T.interpolate(x, size, scale_factor, mode, align_corners if mode == "bilinear" else None)


x, s = rng.standard_normal((2, 3, 4, 5)), rng.standard_normal((2, 3, 5))
infinite = np.zeros((1, 1, 6, 6))
infinite[0, 0, 2, 3] = np.inf
SIZES = [
    {"scale_factor": 2},
    {"scale_factor": (1.5, 2.5)},
    {"scale_factor": (0.5, 0.7)},
    {"scale_factor": 0.25},
    {"size": 7},
    {"size": (3, 11)},
    {"size": (1, 2)},
    {"size": (4, 5)},
]
ROWS = [
    Row(
        "interpolate",
        interpolate,
        torch_interpolate,
        [
            *(case(x, **how) for how in SIZES),
            *(case(x, **how, mode="bilinear") for how in SIZES),
            *(case(x, **how, mode="bilinear", align_corners=True) for how in SIZES),
            case(x, scale_factor=3, mode="bilinear", name="order 3", order=3),
            case(x[:, :, :1, :1], size=3, mode="bilinear"),
            case(s, size=8),
            case(s, scale_factor=1.7),
            case(np.zeros((0, 3, 4, 5)), size=3, mode="bilinear"),
            edge(infinite, size=12, name="infinity stays where it is"),
            edge(infinite, size=12, mode="bilinear", name="infinity stays among its neighbours"),
        ],
    )
]
