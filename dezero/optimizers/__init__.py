"""Gathers the optimizers: the rules by which parameters move, the hooks that change gradients before, schedules."""

from __future__ import annotations

from .averaging import ExponentialMovingAverage
from .base import Optimizer, ParamGroup
from .hooks import ClipGrad, FreezeParam, WeightDecay
from .rules import SGD, AdaDelta, AdaGrad, Adam, AdamW, Lion, MomentumSGD, Nesterov, RMSprop
from .schedules import (
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
    WarmupCosineLR,
)

__all__ = [
    "SGD",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "ClipGrad",
    "CosineAnnealingLR",
    "ExponentialMovingAverage",
    "FreezeParam",
    "LRScheduler",
    "LinearLR",
    "Lion",
    "MomentumSGD",
    "Nesterov",
    "OneCycleLR",
    "Optimizer",
    "ParamGroup",
    "RMSprop",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
    "WarmupCosineLR",
    "WeightDecay",
]
