"""Knows the figures that tell people how well a model does. They have no gradient."""

from __future__ import annotations

from typing import Any

from ..core import Variable, as_variable, constant


def accuracy(y: Any, t: Any) -> Variable:
    """Share of the rows whose largest score is that of the label.

    Args:
        y: Scores or probabilities, Variable or array (N, C).
        t: Labels, Variable or array (N,) or (N, 1) of any integer type.

    Returns:
        0-d Variable from 0 to 1, without a gradient.

    Raises:
        ValueError: The shapes do not fit.

    Example:
        >>> accuracy(np.array([[0.2, 0.8], [0.9, 0.1]]), np.array([1, 1]))
        variable(0.5)
    """
    y, t = as_variable(y).data, as_variable(t).data
    if y.ndim != 2 or t.size != len(y):
        raise ValueError(f"accuracy: scores (N, C) and N labels are wanted, got {tuple(y.shape)} and {tuple(t.shape)}.")
    return constant((y.argmax(axis=1) == t.ravel()).mean(), "accuracy")
