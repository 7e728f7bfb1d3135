"""Knows what holds for every op: its value, its derivatives, its dtype. A test module lists its ops and says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from dezero import Variable
from dezero.cuda import as_numpy
from dezero.testing import check_grads


@dataclass
class Op:
    """One way to call an op.

    Attributes:
        name: Of the test case.
        f: Takes one Variable for each of ``xs``.
        xs: Float64 arrays at which ``f`` is smooth.
        reference: The same in plain NumPy, on ``xs``; independent of dezero.
        order: The highest derivative that is checked.
    """

    name: str
    f: Callable[..., Variable]
    xs: tuple[np.ndarray, ...]
    reference: Callable[..., Any]
    order: int = 2


def each(ops: list[Op]) -> Any:
    """Runs a test once for every op."""
    return pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in ops])


def check_value(op: Op, xp: Any) -> None:
    """The value is that of the reference, on each array module, whatever the memory order of the inputs."""
    expected = np.asarray(op.reference(*op.xs))
    for order in "CF":
        y = op.f(*[Variable(xp.asarray(np.array(x, order=order))) for x in op.xs])
        assert type(y.data) is xp.ndarray
        assert y.shape == expected.shape
        np.testing.assert_allclose(as_numpy(y), expected, rtol=1e-10, atol=1e-12)


def check_derivatives(op: Op) -> None:
    """The derivatives by every input are those of finite differences."""
    check_grads(op.f, *op.xs, order=op.order)


def check_gradients_on_device(op: Op, xp: Any) -> None:
    """First and second gradients are computed on the device of the inputs, and equal NumPy's."""

    def gradients(module: Any) -> list[np.ndarray]:
        xs = [Variable(module.asarray(x)) for x in op.xs]
        op.f(*xs).backward(create_graph=True)
        first = [x.grad for x in xs]
        for x in xs:
            x.cleargrad()
        total = sum(((g * g).sum() for g in first if g is not None), Variable(module.asarray(np.zeros(()))))
        if total.creator is not None:
            total.backward()
        found = [g for g in (*first, *(x.grad for x in xs)) if g is not None]
        assert all(type(g.data) is module.ndarray for g in found)
        return [as_numpy(g) for g in found]

    for found, expected in zip(gradients(xp), gradients(np)):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)


def check_dtype(op: Op, xp: Any, dtypes: tuple[Any, ...] = (np.float32, np.float64)) -> None:
    """What goes in as float32 comes out as float32, and so do its gradients."""
    for dtype in dtypes:
        xs = [Variable(xp.asarray(x.astype(dtype))) for x in op.xs]
        y = op.f(*xs)
        assert y.dtype == dtype
        y.backward(create_graph=True)
        for x in xs:
            assert x.grad is None or (x.grad.dtype == dtype and x.grad.shape == x.shape)
