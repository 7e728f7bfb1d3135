"""Knows the block that transformers are stacked from: attention, then a small network for each position."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import Variable
from ..functions.activation import gelu
from ..functions.dropout import check_ratio, dropout
from .attention import MultiHeadAttention
from .base import Layer
from .linear import Linear
from .normalization import LayerNorm
from .weights import positive_integer


def tanh_gelu(x: Any) -> Variable:
    """``gelu`` with the tanh that GPT-2 takes for it."""
    return gelu(x, approximate="tanh")


class FeedForward(Layer):
    """y = proj(activation(fc(x))): two Linear layers for each position by itself.

    Args:
        size: Number of features E of input and result.
        hidden_size: Number of features between the two.
        activation: Function or Layer of one argument.
        dtype: Floating point type of the weights.
        W_init: How each ``W`` starts; N(0, 1 / fan-in) where None.
        out_init: The same for ``W`` of ``proj`` alone; ``W_init`` where None.

    Example:
        >>> FeedForward(8, 32)(np.ones((3, 5, 8), np.float32)).shape
        (3, 5, 8)
    """

    def __init__(
        self,
        size: int,
        hidden_size: int,
        activation: Callable[[Any], Any] = tanh_gelu,
        dtype: Any = np.float32,
        *,
        W_init: Any = None,
        out_init: Any = None,
    ):
        super().__init__()
        self.fc = Linear(hidden_size, False, dtype, size, W_init=W_init)
        self.activation = activation
        self.proj = Linear(size, False, dtype, hidden_size, W_init=W_init if out_init is None else out_init)

    def forward(self, x: Any) -> Variable:
        """Maps each position.

        Args:
            x: Variable or array (..., E).

        Returns:
            Variable (..., E).
        """
        return self.proj(self.activation(self.fc(x)))


class TransformerBlock(Layer):
    """x <- x + attn(ln1(x));  x <- x + mlp(ln2(x)): the block of GPT-2, which normalizes first.

    ``ln1`` and ``ln2`` are LayerNorms, ``attn`` is a MultiHeadAttention, ``mlp`` a FeedForward whose parts are ``fc``
    and ``proj``. In train mode dropout falls on the attention weights and on what is added to x.

    Args:
        heads: Number of heads; they divide ``size``.
        size: Number of features E.
        hidden_size: Number of features inside ``mlp``; 4 E where None.
        causal: Let position i look at the positions 0 to i only.
        dropout: Share that drops in train mode, from 0 to 1.
        activation: Between the two layers of ``mlp``: function or Layer of one argument.
        eps: Of the LayerNorms.
        dtype: Floating point type of the weights.
        W_init: How each ``W`` starts; N(0, 1 / fan-in) where None.
        residual_init: The same for the two ``W`` whose result is added to x, ``attn/out`` and ``mlp/proj``; ``W_init``
            where None.

    Raises:
        ValueError: ``heads`` does not divide ``size``, or an argument is out of range.

    Example:
        >>> block = TransformerBlock(heads=2, size=8)
        >>> block(np.ones((3, 5, 8), np.float32)).shape
        (3, 5, 8)

    Source: Vaswani et al., 2017; Radford et al., Language models are unsupervised multitask learners, 2019.
    """

    def __init__(
        self,
        heads: int,
        size: int,
        hidden_size: int | None = None,
        causal: bool = False,
        dropout: float = 0.0,
        activation: Callable[[Any], Any] = tanh_gelu,
        eps: float = 1e-5,
        dtype: Any = np.float32,
        *,
        W_init: Any = None,
        residual_init: Any = None,
    ):
        super().__init__()
        who = type(self).__name__
        check_ratio(dropout, who, "dropout")
        size = positive_integer(size, "size", who)
        hidden_size = 4 * size if hidden_size is None else positive_integer(hidden_size, "hidden_size", who)
        inits = {"W_init": W_init, "out_init": residual_init}
        self.heads, self.size, self.causal, self.dropout = heads, size, causal, dropout
        self.ln1 = LayerNorm(size, eps, dtype)
        self.attn = MultiHeadAttention(heads, size, causal, dropout, dtype=dtype, in_size=size, **inits)
        self.ln2 = LayerNorm(size, eps, dtype)
        self.mlp = FeedForward(size, hidden_size, activation, dtype, **inits)

    def forward(self, x: Any, mask: Any = None) -> Variable:
        """Adds to each position what it makes of the others, and of itself.

        Args:
            x: Variable or array (N, T, E) or (T, E).
            mask: Where a position may look, as for MultiHeadAttention.

        Returns:
            Variable with the shape of ``x``.

        Raises:
            ValueError: The shapes do not fit.
        """
        x = x + dropout(self.attn(self.ln1(x), mask=mask), self.dropout)
        return x + dropout(self.mlp(self.ln2(x)), self.dropout)
