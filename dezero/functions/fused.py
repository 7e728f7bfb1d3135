"""Knows how an op whose gradient was worked out by hand gets its second derivative, and any beyond."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import Function, Variable, as_operand, grad
from .arithmetic import check_precision
from .formula import differentiate


class Fused(Function):
    """An op of one output with a forward and a gradient in few passes over memory, and a plain formula beside them.

    A subclass says what it computes twice: ``forward`` and ``gradients`` on arrays, fast; ``plain`` in Variables, as
    a reader would write it. The gradient becomes a node of the graph, ``FusedGrad``, whose own derivative is that of
    the gradient of ``plain``.
    """

    def plain(self, *xs: Any) -> Any:
        """What ``forward`` computes, in Variables."""
        raise NotImplementedError(f"{type(self).__name__} has no plain(self, *xs).")

    def gradients(self, gy: Any, *xs: Any) -> Sequence[Any]:
        """The gradient of each input, an array; None for one that ``needs_grad`` says nobody asked for."""
        raise NotImplementedError(f"{type(self).__name__} has no gradients(self, gy, *xs).")

    def array_backward(self, gy: Any) -> Any:
        return self.gradients(gy, *[x.data for x in self.inputs])

    def backward(self, gy: Any) -> Any:
        wanted = [i for i, needed in enumerate(self.needs_grad) if needed]
        found = FusedGrad(self, wanted)(*self.inputs, gy)
        gxs: list[Any] = [None] * len(self.inputs)
        for i, gx in zip(wanted, found if isinstance(found, list) else [found]):
            gxs[i] = gx
        return tuple(gxs)


class FusedGrad(Function):
    """gxs = those gradients of an op that are wanted, from its inputs and gy."""

    def __init__(self, op: Fused, wanted: list[int]):
        self.op = op
        self.wanted = wanted

    def forward(self, *xs_gy):
        gxs = self.op.gradients(xs_gy[-1], *xs_gy[:-1])
        return tuple(gxs[i] for i in self.wanted)

    def backward(self, *ggs):
        return tuple(differentiate(self.formula, self.inputs, ggs))

    def formula(self, *xs_gy):
        """The same gradients, by differentiating the plain formula."""
        *xs, gy = xs_gy
        return grad(self.op.plain(*xs), [xs[i] for i in self.wanted], gy, create_graph=True)


def widened(x: Any) -> Any:
    """``x``, Variable or array, in float32 if it is float16, in which sums overflow and lose what is small."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


def floating_operand(x: Any, who: str) -> Variable:
    """``x``, Variable or array, as a Variable; raises where it does not hold floats."""
    x = as_operand(x, who)
    if x.dtype.kind != "f":
        raise TypeError(f"{who}: floating point is wanted, got {x.dtype}. Cast it with astype.")
    return x


def check_same_precision(x: Any, who: str, *others: Any) -> None:
    """Raises where ``x`` or another input is float16 and they are not all."""
    for other in others:
        check_precision(x.dtype, other.dtype, who)
