"""The rows of ``dezero.functions.reduction``."""

from __future__ import annotations

import itertools
import math

import numpy as np

from .rows import Lazy, Row, case, edge

torch = Lazy("torch")
rng = np.random.default_rng(0)
x = rng.standard_normal((2, 3, 4))
AXES = [None, 0, -1, 1, (0, 2), (-1, -3), np.int64(1)]


def options(x):
    return [
        case(x, axis=axis, keepdims=keepdims, name=f"{type(axis).__name__} axis={axis} keepdims={keepdims}")
        for axis in AXES
        for keepdims in (False, True)
    ]


OPTIONS = options(x)
POINT = case(np.array(3.0), name="0-d")
NOTHING = case(np.ones((0, 3)), name="nothing")
NO_RESULTS = case(np.ones((0, 3)), axis=1, name="no results")
TIES = edge(np.array([[1.0, 1.0, 1.0, 1.0], [0.0, 2.0, 0.0, 2.0]]), axis=1, name="ties")
LARGE = edge(np.array([[1e4, 1e4], [-1e4, 0.0]]), axis=1, name="large")
ZEROS = [
    case(np.array([[2.0, 0.0, 3.0, 5.0], [0.0, 2.0, 0.0, -1.5]]), axis=1, name="one and two zeros"),
    case(np.array([0.0, 2.0, 0.0, 4.0, 0.0]), name="three zeros"),
]


def dims(axis, x):
    """What PyTorch takes for ``axis``."""
    return tuple(range(x.ndim)) if axis is None else tuple(int(a) for a in np.atleast_1d(axis))


def over(f, **fixed):
    """A function of PyTorch that takes ``dim`` as one with ``axis``."""
    return lambda x, axis=None, keepdims=False, **kw: f(x, dims(axis, x), keepdim=keepdims, **fixed, **kw)


def torch_var(f):
    return lambda x, axis=None, ddof=0, keepdims=False: f(x, dims(axis, x), correction=ddof, keepdim=keepdims)


def torch_prod(x, axis=None, keepdims=False):
    for i in sorted((d % x.ndim for d in dims(axis, x)), reverse=True):
        x = torch.prod(x, i, keepdim=keepdims)
    return x


def along(f):
    """A function of a list of numbers, applied along axes by a loop in Python."""

    def reference(x, axis=None, keepdims=False, **kw):
        axes = tuple(range(x.ndim)) if axis is None else tuple(int(a) % x.ndim for a in np.atleast_1d(axis))
        shape = [1 if i in axes else n for i, n in enumerate(x.shape)]
        y = np.zeros(shape)
        for place in np.ndindex(*shape):
            cut = tuple(slice(None) if i in axes else p for i, p in enumerate(place))
            y[place] = f([float(v) for v in x[cut].ravel()], **kw)
        return y if keepdims else y.reshape([n for i, n in enumerate(x.shape) if i not in axes])

    return reference


def variance(values, ddof=0):
    mean = math.fsum(values) / len(values)
    return math.fsum((v - mean) ** 2 for v in values) / (len(values) - ddof)


def log_sum(values):
    top = max(values)
    return top if math.isinf(top) else top + math.log(math.fsum(math.exp(v - top) for v in values))


def p_norm(values, ord=2):
    sizes = [abs(v) for v in values]
    if ord == math.inf:
        return max(sizes)
    top = max(sizes, default=0.0) or 1.0
    return top * math.fsum((s / top) ** ord for s in sizes) ** (1 / ord)


def running(x, axis=None):
    """The running sums, by a loop in Python."""
    x, axis = (x.ravel(), 0) if axis is None else (x, axis)
    rows = list(np.moveaxis(x, axis, 0))
    return np.stack(list(itertools.accumulate(rows)), axis) if rows else x


ROWS = [
    Row("sum", np.sum, over(torch.sum), [*OPTIONS, POINT, NOTHING, NO_RESULTS]),
    Row("average", np.mean, over(torch.mean), [*OPTIONS, POINT, NO_RESULTS]),
    Row("max", np.max, over(torch.amax), [*OPTIONS, POINT, NO_RESULTS, TIES]),
    Row("min", np.min, over(torch.amin), [*OPTIONS, POINT, NO_RESULTS, TIES]),
    Row(
        "var",
        along(variance),
        torch_var(torch.var),
        [
            *OPTIONS,
            *(case(x, axis=axis, ddof=1) for axis in (None, 1, (0, 2))),
            case(x, axis=-1, ddof=0.5),
            case(x[..., :1], axis=-1, name="of one element"),
            case(np.full((2, 3), 0.5), axis=1, name="of equal elements"),
            case(np.ones((0, 3)), axis=1, name="no results", no_torch="warns"),
        ],
        order=3,
    ),
    Row(
        "std",
        along(lambda values, ddof=0: variance(values, ddof) ** 0.5),
        torch_var(torch.std),
        [
            *OPTIONS,
            *(case(x, axis=axis, ddof=1) for axis in (None, 1, (0, 2))),
            edge(np.array([[0.5, 0.5, 0.5], [1.0, 2.0, 3.0]]), axis=1, name="of equal elements"),
            case(np.ones((0, 3)), axis=1, name="no results", no_torch="warns"),
        ],
        order=3,
        note="where all elements are equal its derivative is taken as 0",
    ),
    Row("prod", along(math.prod), torch_prod, [*options(1 + 0.3 * x), *ZEROS, POINT, NOTHING, NO_RESULTS], order=3),
    Row(
        "logsumexp",
        along(log_sum),
        over(torch.logsumexp),
        [
            *OPTIONS,
            POINT,
            NO_RESULTS,
            LARGE,
            edge(np.array([[-np.inf, 1.0], [-np.inf, -np.inf]]), axis=1, name="-inf"),
        ],
        order=3,
    ),
    Row(
        "cumsum",
        running,
        lambda x, axis=None: torch.cumsum(x.reshape(-1) if axis is None else x, 0 if axis is None else int(axis)),
        [*(case(x, axis=axis) for axis in (None, 0, 1, -1, np.int64(2))), POINT, case(np.ones((0, 3)), axis=0)],
    ),
    Row(
        "norm",
        along(p_norm),
        lambda x, ord=2, axis=None, keepdims=False: torch.linalg.vector_norm(x, ord, axis, keepdims),
        [
            *(case(x, axis=axis, keepdims=keepdims) for axis in (None, 0, -1, (0, 2)) for keepdims in (False, True)),
            *(case(x, ord=p, axis=axis) for p in (0.5, 1, 1.5, 2.5, 3, 4, np.inf) for axis in (None, 1)),
            POINT,
            NOTHING,
            NO_RESULTS,
            *(edge(np.zeros((2, 3)), ord=p, axis=1, name=f"zeros, ord {p}") for p in (0.5, 1, 1.5, 2, 2.5, 3, np.inf)),
            *(edge(np.array([0.0, -2.0, 1.0]), ord=p, name=f"one zero, ord {p}") for p in (0.5, 1, 1.5, 2, 2.5, 3)),
            case(np.array([1e200, -2e200]), name="large", order=0, no_torch="it overflows"),
            edge(np.array([-1e-200, 2e-200]), name="small", no_torch="it underflows"),
            edge(np.array([1.0, -1.0, 0.0]), ord=np.inf, name="ties, ord inf"),
        ],
        note="of vectors; at 0 its derivative is taken as 0",
    ),
    Row(
        "sum_to",
        lambda x, shape: along(math.fsum)(
            x, tuple(i for i in range(x.ndim) if i < x.ndim - len(shape) or shape[i - x.ndim] == 1)
        ).reshape(shape),
        lambda x, shape: x.sum_to_size(shape),
        [case(x, shape=shape) for shape in [(3, 1), (), (2, 3, 4), (1, 4), (1, 1, 1), (2, 1, 4)]],
    ),
    Row(
        "broadcast_to",
        lambda x, shape: np.zeros(shape) + x,
        lambda x, shape: x.expand(shape),
        [
            case(x[:1, :, :1], shape=(2, 3, 4)),
            case(x[0, 0], shape=(2, 3, 4)),
            case(np.array(2.0), shape=(2, 2)),
            case(x, shape=(2, 3, 4)),
            case(x[:, :1], shape=(2, 0, 4)),
        ],
    ),
]
