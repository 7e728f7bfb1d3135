"""The rows of ``dezero.functions.indexing``."""

from __future__ import annotations

import numpy as np

from dezero import functions as F

from .rows import Lazy, Row, case

torch = Lazy("torch")
rng = np.random.default_rng(0)
x, x3, v = rng.standard_normal((3, 4)), rng.standard_normal((2, 3, 4)), rng.standard_normal(5)
NEGATIVE = "counts no index from the end"


def integers(shape, low, high):
    return rng.integers(low, high, shape)


def picked(x, indices, axis=0):
    """One element after the other."""
    y = np.zeros(indices.shape)
    for place in np.ndindex(*indices.shape):
        y[place] = x[(*place[: axis % x.ndim], indices[place], *place[axis % x.ndim + 1 :])]
    return y


def added(x, src, indices, axis=0):
    y = x.copy()
    for place in np.ndindex(*indices.shape):
        y[(*place[: axis % x.ndim], indices[place], *place[axis % x.ndim + 1 :])] += src[place]
    return y


ROWS = [
    Row(
        "get_item",
        lambda x, slices: x[slices],
        lambda x, slices: x[slices],
        [
            case(x, slices=1),
            case(x, slices=np.int64(-1), no_torch="its index is no NumPy number"),
            case(x, slices=(1, 2)),
            case(x, slices=(slice(1, None), slice(1, 3)), name="slices"),
            case(x, slices=(slice(None, None, -2), slice(1, 3)), name="backwards", no_torch="has no negative steps"),
            case(x3, slices=(..., None, 1), name="ellipsis and newaxis"),
            case(x, slices=[0, 0, 2], name="list with repeats"),
            case(x, slices=[-1, 2], name="negative indices"),
            case(x, slices=([0, 0, 2], [1, 1, 3]), name="two lists"),
            case(x, slices=(slice(None), [1, 1]), name="slice and list"),
            case(x3, slices=([0, 1], slice(None), [1, 1]), name="slice between lists"),
            case(x3, slices=(slice(None), [[0], [2]], [1, 1]), name="lists that broadcast"),
            case(v, slices=np.array([[0, 1], [1, 1]]), name="array of two axes"),
            case(v, slices=np.array([4, 4, 0], np.uint8), name="uint8", no_torch="takes uint8 for a mask"),
            case(x, slices=x > 0, name="mask"),
            case(x, slices=(slice(None), [True, False, True, True]), name="mask of an axis"),
            case(x, slices=[], name="empty list"),
            case(x, slices=(), name="empty tuple"),
            case(np.array(0.7), slices=..., name="0-d"),
        ],
    ),
    Row(
        "take_along_axis",
        lambda x, indices, axis: np.take_along_axis(x, indices, axis),
        lambda x, indices, axis: torch.take_along_dim(x, indices, axis),
        [
            case(x, indices=integers((3, 2), 0, 4), axis=1),
            case(x, indices=integers((5, 4), 0, 3), axis=0, name="repeated"),
            case(x3, indices=integers((2, 1, 4), 0, 3), axis=-2),
            case(x3, indices=integers((2, 1, 2), 0, 4), axis=2, name="broadcasts indices"),
            case(x3[:1], indices=integers((2, 3, 2), 0, 4), axis=2, name="broadcasts x"),
            case(x, indices=integers((3, 3), -4, 4), axis=1, name="negative", no_torch=NEGATIVE),
            case(x, indices=integers(7, 0, 12), axis=None, name="flattened"),
            case(v, indices=integers((0,), 0, 1), axis=0, name="nothing"),
            case(v, indices=np.array([3, 200, 2], np.uint8) % 5, axis=0, name="uint8", no_torch="wants int64"),
        ],
    ),
    Row(
        "gather",
        picked,
        lambda x, indices, axis=0: torch.gather(x, axis, indices),
        [
            case(x, indices=integers((2, 3), 0, 3)),
            case(x, indices=integers((3, 6), 0, 4), axis=1),
            case(x3, indices=integers((1, 5, 2), 0, 3), axis=-2),
            case(v, indices=np.array([1, 1, 1, 0]), name="repeated"),
            case(v, indices=np.array([-1, -5, 2], np.int32), name="negative", no_torch=NEGATIVE),
            case(v, indices=integers((0,), 0, 1), name="nothing"),
        ],
    ),
    Row(
        "scatter_add",
        lambda x, src, indices, axis=0: added(x, src, indices, axis),
        lambda x, src, indices, axis=0: torch.scatter_add(x, axis, indices, src),
        [
            case(x, x3[0, :2, :3], indices=integers((2, 3), 0, 3)),
            case(x, x3[0], indices=integers((3, 2), 0, 4), axis=1, name="src longer", no_torch="has no gradient there"),
            case(x3, rng.standard_normal((1, 5, 2)), indices=integers((1, 5, 2), 0, 3), axis=-2),
            case(v, v[:4] * 2, indices=np.array([1, 1, 1, 0]), name="repeated"),
            case(v, v[:3] * 2, indices=np.array([-1, -5, 4]), name="negative", no_torch=NEGATIVE),
            case(v, v[:0], indices=integers((0,), 0, 1), name="nothing"),
        ],
        call=lambda x, src, indices, axis=0: F.scatter_add(x, indices, src, axis),
    ),
]
