"""The rows of ``dezero.functions.sorting``."""

from __future__ import annotations

import numpy as np

from .rows import Lazy, Row, case, edge

torch = Lazy("torch")
rng = np.random.default_rng(0)
x, x3, v = rng.standard_normal((3, 4)), rng.standard_normal((2, 3, 4)), rng.standard_normal(6)
TIES = np.array([[2.0, 1.0, 2.0, 1.0, 2.0], [0.0, 0.0, 0.0, -1.0, 0.0]])
ANY_OF_THEM = "takes any of equal ones"
WHY = "integer-valued"


def ordered(x, axis=-1, descending=False):
    """By Python's sort, which is stable, also backwards."""
    rows = np.moveaxis(x, axis, -1)
    indices = np.zeros(rows.shape, int)
    for place in np.ndindex(*rows.shape[:-1]):
        row = rows[place].tolist()
        indices[place] = sorted(range(len(row)), key=row.__getitem__, reverse=descending)
    indices = np.moveaxis(indices, -1, axis)
    return np.take_along_axis(x, indices, axis), indices


def first(x, k, axis=-1, largest=True):
    return [np.moveaxis(np.moveaxis(y, axis, -1)[..., :k], -1, axis) for y in ordered(x, axis, largest)]


def torch_arg(f):
    def theirs(x, axis=None, keepdims=False):
        y = f(x, None if axis is None else int(axis), keepdim=keepdims and axis is not None)
        return y.reshape((1,) * x.ndim) if keepdims and axis is None else y

    return theirs


ARGS = [
    *(case(x3, axis=axis, keepdims=keepdims) for axis in (None, 0, -1, np.int64(1)) for keepdims in (False, True)),
    case(np.array(3.0), name="0-d"),
    case(np.ones((0, 3)), axis=1, name="no results"),
    edge(TIES, axis=1, name="ties", no_torch=ANY_OF_THEM),
]

ROWS = [
    Row(
        "sort",
        ordered,
        lambda x, axis=-1, descending=False: torch.sort(x, stable=True, dim=axis, descending=descending),
        [
            *(case(x3, axis=axis, descending=d) for axis in (0, 1, -1) for d in (False, True)),
            case(v),
            case(np.zeros((0, 3)), axis=0, name="nothing"),
            *(
                edge(TIES, descending=d, name=f"ties descending={d}", no_torch=ANY_OF_THEM if d else "")
                for d in (False, True)
            ),
            edge(np.array([np.inf, -np.inf, 0.0, 1e4]), name="infinite"),
        ],
        note="equal elements keep their order",
    ),
    Row(
        "topk",
        first,
        lambda x, k, axis=-1, largest=True: torch.topk(x, k, axis, largest),
        [
            *(case(x3, k=2, axis=axis, largest=largest) for axis in (0, 1, -1) for largest in (False, True)),
            *(case(v, k=k) for k in (0, 1, 6)),
            *(edge(TIES, k=3, largest=b, name=f"ties largest={b}", no_torch=ANY_OF_THEM) for b in (False, True)),
        ],
        note="of equal elements the first are taken first",
    ),
    Row("argmax", np.argmax, torch_arg(torch.argmax), ARGS, order=0, why=WHY),
    Row("argmin", np.argmin, torch_arg(torch.argmin), ARGS, order=0, why=WHY),
]
