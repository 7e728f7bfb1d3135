"""Gathers the optimizers: the rules by which parameters move, and the hooks that change gradients before."""

from __future__ import annotations

from .base import Optimizer
from .hooks import ClipGrad, FreezeParam, WeightDecay
from .rules import SGD, AdaDelta, AdaGrad, Adam, MomentumSGD

__all__ = [
    "SGD",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "ClipGrad",
    "FreezeParam",
    "MomentumSGD",
    "Optimizer",
    "WeightDecay",
]
