"""Gathers the models: whole networks, and the ways to put layers together."""

from __future__ import annotations

from ..layers.costs import Summary, summary
from .base import MLP, Model, Sequential
from .gpt import GPT
from .resnet import ResNet, ResNet50, ResNet101, ResNet152
from .squeezenet import SqueezeNet
from .vgg import VGG16

__all__ = [
    "GPT",
    "MLP",
    "VGG16",
    "Model",
    "ResNet",
    "ResNet50",
    "ResNet101",
    "ResNet152",
    "Sequential",
    "SqueezeNet",
    "Summary",
    "summary",
]
