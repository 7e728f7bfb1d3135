"""The rows of ``dezero.functions.shape``."""

from __future__ import annotations

import numpy as np

from dezero import functions as F

from .rows import Lazy, Row, case

torch, T = Lazy("torch"), Lazy("torch.nn.functional")
rng = np.random.default_rng(0)
x, x3, v = rng.standard_normal((3, 4)), rng.standard_normal((2, 3, 4)), rng.standard_normal(5)
thin = rng.standard_normal((1, 3, 1, 2))
POINT = np.array(0.7)


def torch_pad(x, pad_width, mode="constant", constant_values=0):
    """PyTorch counts axes from the last, and for other modes than a constant wants two axes it leaves alone."""
    widths = np.broadcast_to(np.asarray(pad_width), (x.ndim, 2))
    if mode == "constant":
        return T.pad(x, widths[::-1].ravel().tolist(), value=constant_values)
    mode = {"edge": "replicate", "reflect": "reflect"}[mode]
    return T.pad(x[None, None], widths[::-1].ravel().tolist(), mode=mode)[0, 0]


def rolled(x, shift, axis=None):
    """By index arithmetic, one axis after the other."""
    if axis is None:
        return np.array([x.ravel()[(i - shift) % x.size] for i in range(x.size)]).reshape(x.shape)
    for a, s in zip(np.atleast_1d(axis), np.broadcast_to(shift, np.atleast_1d(axis).shape)):
        x = np.take(x, [(i - s) % x.shape[a] for i in range(x.shape[a])], axis=a)
    return x


def rolls(shift, axis):
    """A shift for each axis."""
    return tuple(np.broadcast_to(shift, np.shape(axis)).tolist()) if np.ndim(axis) else shift


ROWS = [
    Row(
        "reshape",
        lambda x, shape: np.reshape(x, shape),
        torch.reshape,
        [
            *(case(x, shape=shape) for shape in [(2, 6), (-1, 2), (12,), (3, 4), (2, 1, -1)]),
            case(POINT, shape=(1, 1)),
            case(np.zeros((0, 3)), shape=(3, 0)),
        ],
    ),
    Row(
        "transpose",
        np.transpose,
        lambda x, axes=None: x.permute(tuple(range(x.ndim))[::-1] if axes is None else axes),
        [case(x3), case(x), case(v), case(POINT), *(case(x3, axes=a) for a in [(1, -1, 0), (0, 2, 1), (2, 0, 1)])],
    ),
    Row(
        "expand_dims",
        np.expand_dims,
        lambda x, axis: torch.unsqueeze(x, axis),
        [*(case(x, axis=axis) for axis in (-1, 0, 1, 2, -3)), case(POINT, axis=0)],
    ),
    Row(
        "flatten",
        lambda x: np.array([row.ravel() for row in x]),
        lambda x: torch.flatten(x, 1) if x.ndim > 1 else x[:, None],
        [case(x3), case(x), case(v)],
    ),
    Row(
        "squeeze",
        np.squeeze,
        lambda x, axis=None: torch.squeeze(x) if axis is None else torch.squeeze(x, axis),
        [case(thin), *(case(thin, axis=axis) for axis in (0, -2, (0, 2), ())), case(x), case(np.ones((1, 1)))],
    ),
    Row(
        "swapaxes",
        np.swapaxes,
        lambda x, axis1, axis2: torch.swapaxes(x, axis1, axis2),
        [case(x3, axis1=a, axis2=b) for a, b in [(0, 1), (0, -1), (2, 1), (1, 1)]],
    ),
    Row(
        "moveaxis",
        np.moveaxis,
        torch.moveaxis,
        [
            case(thin, source=a, destination=b)
            for a, b in [(0, -1), (3, 0), (1, 1), ((0, 1), (-1, 0)), ((3, 0), (1, 2))]
        ],
    ),
    Row(
        "flip",
        np.flip,
        lambda x, axis=None: torch.flip(
            x, tuple(range(x.ndim)) if axis is None else tuple(np.atleast_1d(axis).tolist())
        ),
        [*(case(x3, axis=axis) for axis in (None, 0, -1, (0, 2))), case(POINT), case(np.zeros((0, 3)))],
    ),
    Row(
        "roll",
        rolled,
        lambda x, shift, axis=None: torch.roll(x, shift if axis is None else rolls(shift, axis), axis),
        [
            *(case(x, shift=s, axis=a) for s, a in [(1, None), (-2, 0), (5, 1), ((1, -1), (0, 1)), (1, (-1, 0))]),
            case(v, shift=0),
            case(np.zeros((0, 3)), shift=1, axis=1, name="nothing"),
        ],
    ),
    Row(
        "pad",
        np.pad,
        torch_pad,
        [
            *(case(x, pad_width=w) for w in [0, 1, (2, 1), ((1, 0), (0, 2)), ((2, 1),)]),
            case(x, pad_width=1, constant_values=-1.5),
            case(
                x, pad_width=((1, 2), (1, 0)), constant_values=((1, 2), (3, 4)), name="four numbers", no_torch="has one"
            ),
            *(case(x, pad_width=w, mode=mode) for w in [0, 1, ((1, 0), (0, 2))] for mode in ("reflect", "edge")),
            case(v, pad_width=(4, 3), mode="reflect", no_torch="wants three axes"),
            case(v, pad_width=(7, 6), mode="edge", no_torch="wants three axes"),
            case(x3, pad_width=((1, 0), (1, 1), (0, 3)), mode="reflect"),
            case(POINT, pad_width=1, name="0-d", no_torch="has no such form"),
            case(np.zeros((0, 3)), pad_width=1, name="nothing"),
        ],
    ),
    Row(
        "cast",
        lambda x: x,
        lambda x: x.to(x.dtype),
        [case(x), case(POINT), case(np.zeros((0, 3)))],
        call=lambda x: F.cast(F.cast(x, np.float64), x.dtype),
    ),
]
