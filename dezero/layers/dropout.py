"""Knows the layers that drop elements at random while training."""

from __future__ import annotations

from typing import Any

from ..core import Variable
from ..functions.dropout import check_ratio, dropout, dropout2d
from .base import Layer


class Dropout(Layer):
    """Sets a random share of the elements to 0 in train mode and scales the rest up; in test mode y = x.

    Args:
        dropout_ratio: Share of the elements that drop, from 0 to 1.
        rng: Generator to draw from (``numpy.random.default_rng(seed)``); the array module's global one where None.

    Raises:
        ValueError: ``dropout_ratio`` is outside [0, 1].

    Example:
        >>> Dropout(0.5, np.random.default_rng(0))(np.ones(6))
        variable([2. 0. 0. 0. 2. 2.])
        >>> Dropout(0.5).eval()(np.ones(3))
        variable([1. 1. 1.])

    Source: Srivastava et al., 2014.
    """

    def __init__(self, dropout_ratio: float = 0.5, rng: Any = None):
        super().__init__()
        check_ratio(dropout_ratio, type(self).__name__)
        self.dropout_ratio = dropout_ratio
        self.rng = rng

    def extra_repr(self) -> str:
        """Its ratio."""
        return repr(self.dropout_ratio)

    def forward(self, x: Any) -> Variable:
        """Drops elements.

        Args:
            x: Variable or array of any shape, floating point.

        Returns:
            Variable with the shape and dtype of ``x``.
        """
        return dropout(x, self.dropout_ratio, self.rng)


class Dropout2d(Dropout):
    """Sets a random share of the channels of images to 0 in train mode and scales the rest up; in test mode y = x.

    Neighbouring pixels tell the same, so dropping single ones hides little: a whole channel goes instead.

    Args:
        dropout_ratio: Share of the channels that drop, from 0 to 1.
        rng: Generator to draw from; the array module's global one where None.

    Raises:
        ValueError: ``dropout_ratio`` is outside [0, 1].

    Example:
        >>> y = Dropout2d(0.5, np.random.default_rng(0))(np.ones((1, 4, 2, 2)))
        >>> y.data[0, :, 0, 0], y.data[0, :, 1, 1]
        (array([2., 0., 0., 0.]), array([2., 0., 0., 0.]))

    Source: Tompson et al., Efficient Object Localization Using Convolutional Networks, 2015.
    """

    def forward(self, x: Any) -> Variable:
        """Drops channels.

        Args:
            x: Variable or array (N, C, ...), floating point.

        Returns:
            Variable with the shape and dtype of ``x``.
        """
        return dropout2d(x, self.dropout_ratio, self.rng)
