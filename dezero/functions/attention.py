"""Knows attention: each query takes a mean of the values, weighted by how well their keys match it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..config import Config
from ..core import Variable, constant
from ..cuda import get_array_module, is_array
from ..kernels.attention import Limits, attend, attend_gradients, largest, triangle
from ..kernels.sums import sum_to
from .dropout import check_ratio, dropout_mask
from .elementwise import as_dtype, exp
from .fused import Fused, check_same_precision, floating_operand, widened
from .linalg import matmul
from .shape import transpose


class ScaledDotProductAttention(Fused):
    """s = scale q k^T + mask + bias;  p = e^s / sum(e^s), or 0 where a query may look nowhere;  y = p v.

    gp = gy v^T;  gs = p (gp - sum(gy y));  gq = scale gs k, gk = scale gs^T q, gv = p^T gy, gmask = gs.
    With dropout, y = (p d) v and gp = (gy v^T) d. The inputs are q, k, v and maybe the mask.

    Args:
        scale: Of the scores.
        bias: 0 where a query may look and -inf where it may not, broadcasts to (..., T, S); None for no limit.
        causal: Whether query i may look at the keys 0 to i alone.
        dropout: d, 0 or the factor of each weight, (..., T, S); None for no dropout.
    """

    def __init__(self, scale: float, bias: Any, causal: bool, dropout: Any):
        self.scale, self.bias, self.causal, self.dropout = scale, bias, causal, dropout
        self.y: Any = None
        self.seen: Any = None  # what the kernel keeps of p

    def forward(self, q, k, v, mask=None):
        y, self.seen = attend(widened(q), widened(k), widened(v), self._limits(mask))
        self.y = as_dtype(y, q.dtype)
        return self.y

    def gradients(self, gy, q, k, v, mask=None):
        wanted = (*self.needs_grad, False)[:4]
        wide_q, wide_k, wide_v = (widened(a) for a in (q, k, v))
        gy, y, limits = widened(gy), widened(self.y), self._limits(mask)
        gxs = attend_gradients(gy, y, self.seen, wide_q, wide_k, wide_v, limits, wanted)
        return tuple(None if g is None else _fitted(g, x) for g, x in zip(gxs, (q, k, v, mask)))[: len(self.needs_grad)]

    def _limits(self, mask):
        return Limits(self.scale, mask, self.bias, self.causal, self.dropout)

    def plain(self, q, k, v, mask=None):
        dtype, (q, k, v) = q.dtype, (widened(a) for a in (q, k, v))
        s = matmul(q * self.scale, transpose(k, (*range(k.ndim - 2), -1, -2)))
        if mask is not None:
            s = s + widened(mask)
        if self.bias is not None:
            s = s + self.bias
        if self.causal:
            s = s + triangle(s.data)
        e = exp(s - largest(s.data))  # the weights are the same whatever is taken off
        total = e.sum(axis=-1, keepdims=True)
        p = e / (total + (total.data == 0).astype(e.dtype))
        if self.dropout is not None:
            p = p * self.dropout
        return matmul(p, v).astype(dtype)


def _fitted(gx: Any, x: Any) -> Any:
    """``gx`` summed over the axes along which ``x`` was broadcast, in its dtype."""
    return as_dtype(sum_to(gx, x.shape), x.dtype)


def scaled_dot_product_attention(
    q: Any,
    k: Any,
    v: Any,
    mask: Any = None,
    causal: bool = False,
    dropout_ratio: float = 0.0,
    scale: float | None = None,
    rng: Any = None,
) -> Variable:
    """softmax(scale q k^T + mask) v: for each query the mean of the values, weighted by how well their keys match it.

    The leading axes (batch, heads) broadcast. A query that may look nowhere gets zeros, and so does its gradient
    (PyTorch's math gives NaN there).

    Args:
        q: Queries, Variable or array (..., T, D), floating point.
        k: Keys, Variable or array (..., S, D).
        v: Values, Variable or array (..., S, E).
        mask: Where each query may look, an array or Variable that broadcasts to (..., T, S): booleans, True for yes;
            or floats, added to the scores. A Variable of floats gets a gradient.
        causal: Query i may look at the keys 0 to i only, whatever T and S are.
        dropout_ratio: Share of the weights that drop in train mode, from 0 to 1.
        scale: Of the scores; 1 / sqrt(D) where None.
        rng: Generator for dropout, as for ``dropout``.

    Returns:
        Variable (..., T, E) with the dtype of ``q``. float16 is computed in float32.

    Raises:
        ValueError: The shapes do not fit, or ``dropout_ratio`` is outside [0, 1].
        TypeError: q, k or v is not floating point, the mask neither booleans nor floats, or float16 meets a wider
            float.

    Example:
        >>> q, k = np.array([[0.0, 9.0]]), np.array([[9.0, 0.0], [0.0, 9.0]])
        >>> scaled_dot_product_attention(q, k, np.array([[1.0], [2.0]]))
        variable([[2.]])

    Source: Vaswani et al., 2017.
    """
    who = "scaled_dot_product_attention"
    check_ratio(dropout_ratio, who)
    q, k, v = (floating_operand(a, who) for a in (q, k, v))
    shape = _scores_shape(q, k, v, who)
    check_same_precision(q, who, k, v)
    wide = np.promote_types(q.dtype, np.float32)
    added, bias = _mask_and_bias(mask, shape, q, wide, who)
    scale = 1 / math.sqrt(max(q.shape[-1], 1)) if scale is None else float(scale)
    drops = dropout_ratio and Config.train
    dropout = dropout_mask(q.data, shape, dropout_ratio, rng, wide) if drops else None
    inputs = (q, k, v) if added is None else (q, k, v, added)
    return ScaledDotProductAttention(scale, bias, causal, dropout)(*inputs)


def _scores_shape(q: Variable, k: Variable, v: Variable, who: str) -> tuple[int, ...]:
    """(..., T, S), if the shapes fit."""
    given = f"q {q.shape}, k {k.shape}, v {v.shape}"
    if min(q.ndim, k.ndim, v.ndim) < 2:
        raise ValueError(f"{who}: q (..., T, D), k (..., S, D) and v (..., S, E) are wanted, got {given}.")
    if q.shape[-1] != k.shape[-1]:
        raise ValueError(f"{who}: q has {q.shape[-1]} features but k has {k.shape[-1]} ({given}).")
    if k.shape[-2] != v.shape[-2]:
        raise ValueError(f"{who}: there are {k.shape[-2]} keys but {v.shape[-2]} values ({given}).")
    try:
        lead = np.broadcast_shapes(q.shape[:-2], k.shape[:-2])
        np.broadcast_shapes(lead, v.shape[:-2])
    except ValueError:
        raise ValueError(f"{who}: the leading axes do not broadcast ({given}).") from None
    return (*lead, q.shape[-2], k.shape[-2])


def _mask_and_bias(mask: Any, shape: tuple[int, ...], q: Variable, dtype: Any, who: str) -> Any:
    """What is added to the scores: a mask of floats, which may have a gradient, and 0 or -inf; None for either."""
    xp = get_array_module(q.data)
    if mask is None:
        return None, None
    if not isinstance(mask, Variable):
        mask = constant(xp.asarray(mask) if is_array(mask) else mask, who)
    if mask.dtype.kind not in "bf":
        raise TypeError(f"{who}: the mask must hold booleans or floats, got {mask.dtype}. Cast it with astype.")
    if mask.ndim > len(shape) or any(m not in (1, n) for m, n in zip(mask.shape[::-1], shape[::-1])):
        raise ValueError(f"{who}: the mask {mask.shape} does not broadcast to the scores {shape}.")
    if mask.dtype.kind == "f":
        check_same_precision(q, who, mask)
        return mask, None
    return None, xp.where(mask.data, 0.0, -np.inf).astype(dtype)
