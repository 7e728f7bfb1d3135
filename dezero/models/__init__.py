"""Gathers the models: whole networks, and the ways to put layers together."""

from __future__ import annotations

from .base import MLP, Model, Sequential

__all__ = ["MLP", "Model", "Sequential"]
