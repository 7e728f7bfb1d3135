"""Knows what can be done to gradients before an update.

A hook that changes a gradient gives the parameter a new one, and leaves the array of the old one alone, which others
may hold.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..core import Parameter, Variable
from ..cuda import get_array_module
from ..kernels.updates import compiled_as, in_one_pass, in_pieces
from ..layers import Layer
from .base import check_range


def _gradients(params: list[Parameter]) -> list[tuple[Parameter, Any]]:
    """Each parameter that has a gradient, with the array of it."""
    return [(param, param.grad.data) for param in params if param.grad is not None]


def _gradient(data: Any) -> Variable:
    return Variable(data, requires_grad=False)


class WeightDecay:
    """Pulls parameters towards zero: g <- g + rate p, the gradient of rate p^2 / 2.

    Args:
        rate: Strength of the pull, at least 0.

    Example:
        >>> optimizer = optimizers.SGD().setup(models.MLP((1,)))
        >>> optimizer.add_hook(WeightDecay(1e-4))
    """

    def __init__(self, rate: float):
        self.rate = rate
        check_range(self, "rate", 0)

    def __call__(self, params: list[Parameter]) -> None:
        for param, g in _gradients(params):
            decayed = get_array_module(g).empty_like(param.data)
            in_one_pass((self.rate,), self.rule, decayed, param.data, g)
            param.grad = _gradient(decayed)

    @compiled_as("decayed")
    def rule(self, decayed: Any, p: Any, g: Any) -> None:
        get_array_module(p).multiply(p, float(self.rate), out=decayed)
        decayed += g


class ClipGrad:
    """Shortens gradients that are too long: g <- g min(1, max_norm / |g|), |g| that of all parameters together.

    A norm that is not finite is not hidden: the gradients become NaN, or zero where they were finite. The GPU is
    not waited for.

    Args:
        max_norm: The longest that all gradients together may be (L2 norm), above 0.

    Example:
        >>> optimizer = optimizers.SGD().setup(models.MLP((1,)))
        >>> optimizer.add_hook(ClipGrad(1.0))

    Source: Pascanu et al., 2013.
    """

    def __init__(self, max_norm: float):
        if not max_norm > 0:
            raise ValueError(f"ClipGrad: max_norm must be above 0, got {max_norm!r}.")
        self.max_norm = max_norm

    def __call__(self, params: list[Parameter]) -> None:
        gradients = _gradients(params)
        if not gradients:
            return
        xp = get_array_module(gradients[0][1])
        norm = xp.sqrt(sum(_sum_of_squares(g) for _, g in gradients))
        rate = xp.minimum(float(self.max_norm) / (norm + 1e-6), 1.0)
        if xp is np and rate == 1.0:
            return
        for param, g in gradients:
            clipped = xp.empty_like(g)
            in_pieces(partial(_multiplied, rate.astype(g.dtype)), clipped, g)
            param.grad = _gradient(clipped)


def _multiplied(rate: Any, y: Any, x: Any) -> None:
    """y <- rate x."""
    get_array_module(x).multiply(x, rate, out=y)


def _sum_of_squares(g: Any) -> Any:
    """0-d; in float32 at least, as squares of float16 overflow soon."""
    xp = get_array_module(g)
    g = (g.astype(np.float32) if g.dtype.itemsize < 4 else g).reshape(-1)
    return xp.vdot(g, g)


class FreezeParam:
    """Leaves some parameters as they are: takes their gradients away.

    Args:
        *layers_or_params: Layers, with all that is in them, and single Parameters.

    Raises:
        TypeError: One of them is something else.

    Example:
        >>> model = models.MLP((10, 1))
        >>> optimizer = optimizers.SGD().setup(model)
        >>> optimizer.add_hook(FreezeParam(model.l0, model.l1.b))
    """

    def __init__(self, *layers_or_params: Layer | Parameter):
        for item in layers_or_params:
            if not isinstance(item, (Layer, Parameter)):
                raise TypeError(f"FreezeParam takes Layers and Parameters, got {type(item).__name__}.")
        self.frozen = layers_or_params

    def __call__(self, params: list[Parameter]) -> None:
        for item in self.frozen:
            for param in item.params() if isinstance(item, Layer) else (item,):
                param.cleargrad()
