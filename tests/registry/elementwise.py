"""The rows of ``dezero.functions.elementwise``."""

from __future__ import annotations

import math

import numpy as np

from .rows import Lazy, Row, case, edge

torch = Lazy("torch")
rng = np.random.default_rng(0)
x, x3 = rng.standard_normal((3, 4)), rng.standard_normal((2, 3, 2))
within = np.tanh(x)  # between -1 and 1
NOTHING = np.zeros((0, 2))
SHAPES = [case(x), case(x3), case(np.array(0.4)), case(NOTHING)]
POSITIVE = [case(np.abs(x) + 0.5), case(np.abs(x3) + 0.1), case(np.array(0.4)), case(NOTHING)]
BETWEEN_ONES = [case(within), case(np.tanh(x3)), case(np.array(-0.4)), case(NOTHING)]
JUMPS = edge(np.array([-2.5, -1.5, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 1.5, 2.5, 1e4]), name="jumps")
LARGE = edge(np.array([-1e4, -30.0, 0.0, 30.0, 1e4]), name="large")
TINY = edge(np.array([-1e-20, 0.0, 1e-20]), name="near 0")


def clip(x, x_min, x_max):
    x = x if x_min is None else np.where(x < x_min, x_min, x)
    return x if x_max is None else np.where(x > x_max, x_max, x)


def clamp(x, x_min, x_max):
    return torch.clamp(x, x_min, x_max)


def smooth(op, reference, theirs, cases, **options):
    return Row(op, reference, theirs, cases, order=3, **options)


ROWS = [
    smooth("sin", np.sin, torch.sin, SHAPES),
    smooth("cos", np.cos, torch.cos, SHAPES),
    smooth("tan", lambda x: np.sin(x) / np.cos(x), torch.tan, BETWEEN_ONES),
    smooth("arcsin", np.arcsin, torch.arcsin, [*BETWEEN_ONES, edge(np.array([-0.999999, 0.999999]), name="near 1")]),
    smooth("arccos", np.arccos, torch.arccos, [*BETWEEN_ONES, edge(np.array([-0.999999, 0.999999]), name="near 1")]),
    smooth("arctan", np.arctan, torch.arctan, [*SHAPES, LARGE]),
    smooth("sinh", lambda x: (np.exp(x) - np.exp(-x)) / 2, torch.sinh, SHAPES),
    smooth("cosh", lambda x: (np.exp(x) + np.exp(-x)) / 2, torch.cosh, SHAPES),
    smooth("tanh", np.tanh, torch.tanh, [*SHAPES, LARGE]),
    smooth("exp", np.exp, torch.exp, [*SHAPES, edge(np.array([-1e4, 0.0, 700.0]), name="large")]),
    smooth("expm1", np.expm1, torch.expm1, [*SHAPES, TINY, edge(np.array([-1e4, 0.0, 700.0]), name="large")]),
    smooth("log", np.log, torch.log, [*POSITIVE, edge(np.array([1e-300, 1.0, 1e300]), name="extreme")]),
    smooth("log1p", np.log1p, torch.log1p, [*POSITIVE, case(within * 0.9, name="around 0"), TINY]),
    smooth("log2", lambda x: np.log(x) / math.log(2), torch.log2, POSITIVE),
    smooth("log10", lambda x: np.log(x) / math.log(10), torch.log10, POSITIVE),
    smooth("erf", np.vectorize(math.erf, otypes=[np.float64]), torch.erf, [*SHAPES, TINY, LARGE]),
    smooth("sqrt", np.sqrt, torch.sqrt, [*POSITIVE, edge(np.array([1e-300, 1.0, 1e300]), name="extreme")]),
    smooth("square", np.square, torch.square, [*SHAPES, case(np.zeros(3), name="at 0"), LARGE]),
    smooth("reciprocal", lambda x: 1 / x, torch.reciprocal, [*POSITIVE, case(-np.abs(x) - 0.5, name="negative")]),
    smooth("abs", np.abs, torch.abs, [*SHAPES, edge(np.array([-1.0, 0.0, 1.0]), name="kink")]),
    smooth("sign", np.sign, torch.sign, [*SHAPES, JUMPS]),
    smooth("floor", np.floor, torch.floor, [*SHAPES, JUMPS]),
    smooth("ceil", np.ceil, torch.ceil, [*SHAPES, JUMPS]),
    smooth("round", np.round, torch.round, [*SHAPES, JUMPS, case(x, decimals=1), case(x * 100, decimals=-1)]),
    smooth(
        "clip",
        clip,
        clamp,
        [
            *(case(c.xs[0], x_min=-0.5, x_max=0.8) for c in SHAPES),
            case(x, x_min=None, x_max=0.8),
            case(x, x_min=-0.5, x_max=None),
            case(x, x_min=-1, x_max=1),
            edge(np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), x_min=-1, x_max=1, name="on the bounds"),
        ],
    ),
]
