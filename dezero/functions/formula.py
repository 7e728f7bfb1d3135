"""Knows how one gradient formula serves both walks: on bare arrays, and on Variables when the walk is recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..config import Config, using_config
from ..core import Function, Variable, grad
from ..kernels import sums
from .reduction import sum_to


class Formula(Function):
    """An op of one output whose gradient needs nothing but what arrays and Variables both have.

    That is operators, ``.T``, ``.sum``, ``.reshape``, ``.transpose`` and ``.astype``. So ``gradients`` is written
    once; a plain walk runs it on arrays, a recorded one on Variables. Where an operand was broadcast, its gradient is
    summed back to the operand's shape here, once for all ops.
    """

    def gradients(self, gy: Any, y: Any, *xs: Any) -> Any:
        """The gradient of each input (one, or a tuple), given that of the output, the output and the inputs."""
        raise NotImplementedError(f"{type(self).__name__} has no gradients(self, gy, y, *xs).")

    def backward(self, gy: Any) -> Any:
        return self.gradients(gy, self.outputs[0](), *self.inputs)

    def array_backward(self, gy: Any) -> Any:
        if self.takes_numbers and not gy.shape:
            return self.gradients(gy, None, *[x.data[()] for x in self.inputs])
        y = self.outputs[0]()
        return self.gradients(gy, None if y is None else y.data, *[x.data for x in self.inputs])

    def fit_gradient(self, i: int, gx: Any, shape: tuple[int, ...]) -> Any:
        return sum_to(gx, shape) if isinstance(gx, Variable) else sums.sum_to(gx, shape)


def apply(function: Function, *args: Any) -> Any:
    """Runs a Function in a formula that serves both walks: recorded on Variables, directly on arrays."""
    return function(*args) if isinstance(args[0], Variable) else function.forward(*args)


class Identity(Function):
    """y = x, the same array under a new Variable;  gx = gy."""

    def forward(self, x: Any) -> Any:
        return x

    def backward(self, gy: Any) -> Any:
        return gy


def differentiate(
    formula: Callable[..., Any], inputs: Sequence[Variable], gys: Sequence[Variable]
) -> list[Variable | None]:
    """The gradients of ``formula`` at ``inputs``: how an op with a fused gradient gets a second derivative.

    The op's gradient is a Function of its own, computed in as few passes as it takes. That Function's ``backward``
    need not be worked out by hand: it differentiates the plain formula, written in Variables, which then also
    differentiates to any order.

    Args:
        formula: Takes Variables, returns one or a tuple of them.
        inputs: Where to differentiate; the ``inputs`` of the Function.
        gys: The gradient of each result of ``formula``.

    Returns:
        For each input its gradient, None for one that needs none.
    """
    recorded = Config.enable_backprop
    with using_config("enable_backprop", True):
        xs = [Identity()(x) for x in inputs]  # the walk ends here, wherever the inputs came from
        ys = formula(*xs)
        return grad(ys, xs, gys, create_graph=recorded, allow_unused=True)
