"""The rows of ``dezero.functions.arithmetic``."""

from __future__ import annotations

import operator

import numpy as np

from dezero import functions as F

from .rows import Lazy, Row, case, edge

torch = Lazy("torch")
rng = np.random.default_rng(0)
a, b = rng.standard_normal((3, 4)), rng.standard_normal((3, 4))
row, column, scalar = rng.standard_normal(4), rng.standard_normal((3, 1)), np.array(0.7)
block = rng.standard_normal((2, 3, 4))
SHAPES = [case(a), case(block), case(scalar), case(np.zeros((0, 3)))]


def both(f):
    """``f`` of two operands, of which one may come as the keyword x0 or x1."""

    def call(*xs, x0=None, x1=None):
        left, *rest = xs if x0 is None else (x0, *xs)
        return f(left, rest[0] if rest else x1)

    return call


def pairs(safe_left=lambda x: x, safe_right=lambda x: x):
    """Operands that broadcast both ways, numbers on each side, 0-d, none at all."""
    p, q = safe_left, safe_right
    return [
        case(p(a), q(b)),
        case(p(a), q(row)),
        case(p(row), q(a)),
        case(p(column), q(row)),
        case(p(column), q(block)),
        case(p(scalar), q(a)),
        case(p(a), q(scalar)),
        case(p(scalar), q(np.array(1.5))),
        case(p(np.ones((0, 3))), q(np.ones(3))),
        case(p(a), x1=2),
        case(p(a), x1=0.5),
        case(q(a), x0=2, name="number on the left"),
        case(q(scalar), x0=0.5, name="number on the left of 0-d"),
        case(p(scalar), x1=0.5, name="number on the right of 0-d"),
    ]


def away_from_0(x):
    return np.abs(x) + 0.5


def binary(op, f, cases):
    return Row(op, both(f), both(f), cases, order=3, call=both(getattr(F, op)))


def swapped(f):
    return lambda x0, x1: f(x1, x0)


ROWS = [
    binary("add", operator.add, pairs()),
    binary("sub", operator.sub, pairs()),
    binary("rsub", swapped(operator.sub), pairs()),
    binary("mul", operator.mul, pairs()),
    binary("div", operator.truediv, pairs(safe_right=away_from_0)),
    binary("rdiv", swapped(operator.truediv), pairs(safe_left=away_from_0)),
    Row("neg", lambda x: 0 - x, torch.neg, SHAPES, order=3),
    Row(
        "pow",
        both(operator.pow),
        both(operator.pow),
        [
            *(case(a, x1=c, name=f"whole power {c}") for c in (0, 1, 2, 3, 4, 5)),
            *(case(away_from_0(a), x1=c, name=f"power {c}") for c in (-2, -1, -0.5, 0.5, 1.5, 2.0)),
            *(case(np.zeros(3), x1=c, name=f"0 to the power of {c}") for c in (0, 1, 2, 3, 4)),
            *pairs(safe_left=away_from_0)[:11],
            case(a, x0=2, name="number to the power of x"),
            case(scalar, x0=2.5, name="number to the power of 0-d"),
            edge(np.zeros(2), np.array([2.0, 3.0]), name="0 to the power of an array"),
            edge(np.zeros(2), np.zeros(2), name="0 to the power of an array of 0"),
        ],
        order=3,
        call=both(F.pow),
    ),
]
