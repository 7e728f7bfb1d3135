"""The rows of ``dezero.functions.attention``."""

from __future__ import annotations

import numpy as np

from dezero import functions as F

from .rows import Lazy, Row, case, edge

T = Lazy("torch.nn.functional")
rng = np.random.default_rng(0)
NO_BOTH = "PyTorch takes no mask beside causal"
DRAWS = "PyTorch draws other numbers"


def qkv(T=3, S=4, D=2, E=2, q=(), k=(), v=()):
    return [rng.standard_normal(shape) for shape in ((*q, T, D), (*k, S, D), (*v, S, E))]


def attention(q, k, v, mask=None, causal=False, dropout_ratio=0.0, scale=None, seed=None):
    scale = max(q.shape[-1], 1) ** -0.5 if scale is None else scale
    scores = np.einsum("...td,...sd->...ts", q, k) * scale
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    if causal:
        t, s = np.indices(scores.shape[-2:])
        scores = np.where(s <= t, scores, -np.inf)
    weights = np.zeros_like(scores)
    for at in np.ndindex(scores.shape[:-1]):
        if np.isfinite(scores[at]).any():
            e = np.exp(scores[at] - scores[at].max())
            weights[at] = e / e.sum()
    if dropout_ratio:
        stays = np.random.default_rng(seed).random(weights.shape) >= dropout_ratio
        weights = weights * stays / (1 - dropout_ratio)
    return weights @ v


def call_attention(q, k, v, mask=None, seed=None, **kwargs):
    generator = None if seed is None else np.random.default_rng(seed)
    return F.scaled_dot_product_attention(q, k, v, mask, rng=generator, **kwargs)


def torch_attention(q, k, v, mask=None, causal=False, dropout_ratio=0.0, scale=None, seed=None):
    mask = mask[None] if mask is not None and mask.ndim == 1 else mask
    return T.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, scale=scale)


hidden = rng.random((3, 4)) < 0.4
hidden[:, 2] = False
some, bias = ~hidden, rng.standard_normal((3, 4))
blind = some.copy()
blind[1] = False
HEADS = {"q": (2, 2), "k": (2, 2), "v": (2, 2)}

ROWS = [
    Row(
        "scaled_dot_product_attention",
        attention,
        torch_attention,
        [
            case(*qkv()),
            case(*qkv(), order=3, name="third order"),
            case(*qkv(E=3, **HEADS)),
            case(*qkv(q=(2, 1), k=(3,), v=(2, 3)), name="leading axes broadcast"),
            case(*qkv(q=(2,)), name="one set of keys and values for all"),
            case(*qkv(v=(2,)), name="values with an axis of their own"),
            case(*qkv(T=1, S=1), no_torch="its gradient by q is zero but for rounding"),
            *(case(*qkv(T=t, S=s), causal=True) for t, s in ((3, 3), (2, 4), (4, 2))),
            case(*qkv(**HEADS), mask=some, name="booleans"),
            case(*qkv(**HEADS), mask=some[0], name="booleans for the keys"),
            case(*qkv(**HEADS), mask=np.broadcast_to(some, (2, 1, 3, 4)), name="booleans for the batch"),
            case(*qkv(**HEADS), mask=bias, name="floats"),
            case(*qkv(), mask=np.where(some, bias, -np.inf), name="floats with -inf"),
            case(*qkv(), bias, name="floats with a gradient"),
            case(*qkv(**HEADS), bias[0], name="floats with a gradient that were broadcast"),
            case(*qkv(), mask=some, causal=True, no_torch=NO_BOTH, name="booleans and causal"),
            case(*qkv(), mask=bias, causal=True, no_torch=NO_BOTH, name="floats and causal"),
            case(*qkv(), mask=blind, no_torch="PyTorch's kernels differ", name="a query that sees nothing"),
            *(case(*qkv(), scale=scale) for scale in (0.1, 1.0, 2.0)),
            case(*qkv(D=1), name="one feature"),
            case(*qkv(D=0), name="no features", no_torch="its scale is infinite"),
            case(*qkv(**HEADS), dropout_ratio=0.5, seed=4, no_torch=DRAWS),
            case(*qkv(), mask=some, causal=True, dropout_ratio=0.3, seed=1, no_torch=DRAWS, name="all of it"),
            case(*qkv(S=0), no_torch="PyTorch's kernels differ", name="no keys"),
            case(*qkv(T=0), name="no queries"),
            edge(*(1e3 * a for a in qkv()), name="large"),
            edge(*qkv(), mask=np.where(some, 0.0, -1e30), name="a large number for -inf", no_torch="beyond float16"),
        ],
        call=call_attention,
        note="Gradients by q, k, v, and by a mask of floats that is a Variable.",
    ),
]
