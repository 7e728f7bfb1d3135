"""Gathers what proves gradients, and the page of what is proven: ``python -m dezero.testing`` prints it."""

from __future__ import annotations

from pathlib import Path

from .gradients import array_allclose, array_equal, check_grads, gradient_check, numerical_grad

PROVEN = Path(__file__).with_name("proven.md")  # written from the tests' registry, which holds it to be current

__all__ = ["PROVEN", "array_allclose", "array_equal", "check_grads", "gradient_check", "numerical_grad"]
