"""The rows of ``dezero.functions.joining``."""

from __future__ import annotations

import numpy as np

from dezero import functions as F

from .rows import Lazy, Row, case

torch = Lazy("torch")
rng = np.random.default_rng(0)
x, z, x3, v = (rng.standard_normal(shape) for shape in ((3, 4), (3, 4), (2, 3, 4), (6,)))
POINT = np.array(0.7)


def twice(x0, x1):
    """One of the arrays comes a second time."""
    return [x0, x1, x0]


def cut(x, indices_or_sections, axis=0):
    """Slices, one by one."""
    n = x.shape[axis]
    if isinstance(indices_or_sections, int):
        places = [n * (i + 1) // indices_or_sections for i in range(indices_or_sections - 1)]
    else:
        places = list(indices_or_sections)
    return [np.moveaxis(np.moveaxis(x, axis, 0)[a:b], 0, axis) for a, b in zip([0, *places], [*places, None])]


def repeated(x, repeats, axis=None):
    x, axis = (x.ravel(), 0) if axis is None else (x, axis)
    counts = np.broadcast_to(repeats, (x.shape[axis],))
    return np.take(x, [i for i, n in enumerate(counts) for _ in range(n)], axis=axis)


def torch_repeat(x, repeats, axis=None):
    repeats = repeats if isinstance(repeats, int) else torch.tensor(repeats)
    return torch.repeat_interleave(x, repeats, dim=axis)


ROWS = [
    Row(
        "concat",
        lambda *xs, axis=0: np.concatenate(twice(*xs), axis),
        lambda *xs, axis=0: torch.cat(twice(*xs), axis),
        [
            case(x, z[:1]),
            case(x, z, axis=-1),
            case(x3, x3[:, :1], axis=1),
            case(v, v[:0], name="with nothing"),
            case(x, z[:, :2], axis=np.int64(1)),
        ],
        call=lambda *xs, axis=0: F.concat(twice(*xs), axis),
    ),
    Row(
        "stack",
        lambda *xs, axis=0: np.concatenate([np.expand_dims(x, axis) for x in twice(*xs)], axis),
        lambda *xs, axis=0: torch.stack(twice(*xs), axis),
        [*(case(x, z, axis=axis) for axis in (0, 1, 2, -1, -3)), case(POINT, POINT * 2), case(v[:0], v[:0])],
        call=lambda *xs, axis=0: F.stack(twice(*xs), axis),
    ),
    Row(
        "split",
        cut,
        lambda x, indices_or_sections, axis=0: torch.tensor_split(x, indices_or_sections, axis),
        [
            *(case(v, indices_or_sections=s) for s in (1, 2, 3, [2, 3], [], [0, 4, 9], [-2], (1, 1))),
            case(x, indices_or_sections=2, axis=1),
            case(x3, indices_or_sections=[1], axis=-2),
            case(np.zeros((0, 2)), indices_or_sections=2, name="nothing"),
        ],
    ),
    Row(
        "unstack",
        lambda x, axis=0: [np.take(x, i, axis) for i in range(x.shape[axis])],
        lambda x, axis=0: torch.unbind(x, axis),
        [*(case(x3, axis=axis) for axis in (0, 1, -1)), case(v), case(x[:1], name="one")],
    ),
    Row(
        "repeat",
        repeated,
        torch_repeat,
        [
            *(case(x, repeats=2, axis=axis) for axis in (None, 0, 1)),
            case(v, repeats=0),
            case(POINT, repeats=3),
            case(v, repeats=[1, 0, 2, 3, 0, 1]),
            case(x, repeats=(2, 0, 1), axis=0),
            case(x3, repeats=[1, 0, 2, 1], axis=2),
        ],
    ),
    Row(
        "tile",
        np.tile,
        lambda x, reps: torch.tile(x, (reps,) if isinstance(reps, int) else reps),
        [
            *(case(x, reps=reps) for reps in [2, (2,), (2, 1), (3, 2), (2, 1, 3), (), (0, 1)]),
            case(POINT, reps=3),
            case(v[:0], reps=2),
        ],
    ),
]
