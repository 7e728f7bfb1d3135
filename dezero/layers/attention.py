"""Knows the layer in which every position of a sequence looks at others, with several heads at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Parameter, Variable
from ..functions.attention import scaled_dot_product_attention
from ..functions.dropout import check_ratio
from ..functions.shape import reshape, transpose
from ..initializers import get_initializer
from .base import Layer
from .linear import Linear
from .weights import array_module_of, float_dtype, positive_integer


class MultiHeadAttention(Layer):
    """softmax(Q K^T / sqrt(D)) V for each head, the heads side by side, then a linear map.

    ``q``, ``k``, ``v`` and ``out`` are Linear layers onto ``size`` features; the first three come from the queries,
    keys and values, of which each head sees D = size / heads. Their ``W`` starts as N(0, 1 / fan-in), their ``b`` as
    zeros.

    Args:
        heads: Number of heads.
        size: Number of features E of the result; ``heads`` divides it. Left out, it is that of the first queries;
            the four layers come into being with them.
        causal: Let position i look at the positions 0 to i only.
        dropout: Share of the attention weights that drop in train mode, from 0 to 1.
        nobias: Leave the four ``b`` out.
        dtype: Floating point type of the weights.
        in_size: Number of features of queries, keys and values, if it is the same. Left out, each is that of the
            first input, and the weights wait for it.
        W_init: How each ``W`` starts: a name, a part of ``dezero.initializers``, or a callable that takes the shape.
        out_init: The same for ``W`` of ``out`` alone; ``W_init`` where None.

    Raises:
        ValueError: ``heads`` does not divide ``size``, or an argument is out of range.

    Example:
        >>> layer = MultiHeadAttention(heads=2)
        >>> x = np.ones((3, 5, 8), np.float32)
        >>> layer(x).shape  # each sequence looks at itself
        (3, 5, 8)
        >>> MultiHeadAttention(heads=2)(x, np.ones((3, 7, 6), np.float32)).shape  # looks at another
        (3, 5, 8)

    Source: Vaswani et al., 2017.
    """

    q: Any
    k: Any
    v: Any
    out: Any

    def __init__(
        self,
        heads: int,
        size: int | None = None,
        causal: bool = False,
        dropout: float = 0.0,
        nobias: bool = False,
        dtype: Any = np.float32,
        in_size: int | None = None,
        *,
        W_init: Any = None,
        out_init: Any = None,
    ):
        super().__init__()
        who = type(self).__name__
        check_ratio(dropout, who, "dropout")
        self.heads = positive_integer(heads, "heads", who)
        self.causal = causal
        self.dropout = dropout
        self.nobias = nobias
        self.dtype = float_dtype(dtype, who)
        self.W_init = None if W_init is None else get_initializer(W_init, f"{who}: W_init")
        self.out_init = self.W_init if out_init is None else get_initializer(out_init, f"{who}: out_init")
        self.size: int | None = None
        for name in ("q", "k", "v", "out"):  # that they wait for the first input is seen by their having no value
            setattr(self, name, Parameter(None, name=name))
        if in_size is not None and size is None:
            raise ValueError(f"{who}: size must be given with in_size, got in_size {in_size!r} alone.")
        if size is not None:
            self._set_size(size, in_size)

    def _set_size(self, size: int, in_size: int | None = None) -> None:
        who = type(self).__name__
        size = positive_integer(size, "size", who)
        if size % self.heads:
            raise ValueError(f"{who}: heads must divide the size, got {self.heads} and {size}.")
        for name in ("q", "k", "v"):
            setattr(self, name, Linear(size, self.nobias, self.dtype, in_size, W_init=self.W_init))
        self.out = Linear(size, self.nobias, self.dtype, in_size and size, W_init=self.out_init)
        self.size = size

    def forward(self, q: Any, k: Any = None, v: Any = None, mask: Any = None) -> Variable:
        """Lets each position of ``q`` look at those of ``k``.

        Args:
            q: What asks, Variable or array (N, T, I) or (T, I).
            k: What is looked at, (N, S, J) or (S, J); ``q`` itself where None.
            v: What is taken from there, (N, S, K) or (S, K); ``k`` where None.
            mask: Booleans, True where a position may look, or floats added to the scores. Broadcasts to
                (N, heads, T, S): (T, S) serves all, (N, 1, 1, S) hides the padding of each sequence.

        Returns:
            Variable (N, T, E) or (T, E).

        Raises:
            ValueError: The shapes do not fit.
        """
        k = q if k is None else k
        v = k if v is None else v
        for name, x in (("q", q), ("k", k), ("v", v)):
            array_module_of(x, f"MultiHeadAttention: {name}")
            if x.ndim < 2:
                raise ValueError(f"MultiHeadAttention: {name} (N, T, I) is wanted, got {tuple(x.shape)}.")
        if self.size is None:
            self._set_size(q.shape[-1])
        y = scaled_dot_product_attention(
            self._split(self.q(q)),
            self._split(self.k(k)),
            self._split(self.v(v)),
            mask,
            self.causal,
            self.dropout,
        )  # (N, heads, T, D)
        return self.out(_joined(y))

    def _split(self, x: Variable) -> Variable:
        """Each head's share of the features, (..., T, E) -> (..., heads, T, D)."""
        n = x.ndim - 2
        x = reshape(x, (*x.shape[:-1], self.heads, -1))  # (..., T, heads, D)
        return transpose(x, (*range(n), n + 1, n, n + 2))  # (..., heads, T, D)


def _joined(x: Variable) -> Variable:
    """The heads side by side, (..., heads, T, D) -> (..., T, E)."""
    n = x.ndim - 3
    x = transpose(x, (*range(n), n + 1, n, n + 2))  # (..., T, heads, D)
    return reshape(x, (*x.shape[:-2], x.shape[-2] * x.shape[-1]))
