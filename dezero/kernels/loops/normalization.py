"""Knows layer norm and RMS norm as loops over the rows of a matrix. ``start`` and ``stop`` say which, or which blocks.

What is summed over rows is added up for a block of them at a time: few numbers are lost in a large sum, and the result
does not depend on who computes which block.
"""

from __future__ import annotations

import numpy as np

from .jit import loop
from .sums import squares, total


@loop
def layer_norm(x, gamma, beta, eps, centred, y, mean, inv_std, start, stop):
    number, n = x.dtype.type, x.shape[1]
    for i in range(start, stop):
        xi, yi = x[i], y[i]
        m = number(total(xi) / n) if centred else number(0)
        scale = number(1 / np.sqrt(squares(xi, m) / n + eps))
        mean[i], inv_std[i] = m, scale
        for j in range(len(xi)):
            yi[j] = (xi[j] - m) * scale * gamma[j] + beta[j]


@loop
def layer_norm_gradients(gy, x, gamma, mean, inv_std, centred, step, gx, ggammas, gbetas, start, stop):
    n, zero = x.dtype.type(x.shape[1]), x.dtype.type(0)
    for k in range(start, stop):
        ggamma, gbeta = ggammas[k], gbetas[k]
        ggamma[:] = zero
        gbeta[:] = zero
        for i in range(k * step, min((k + 1) * step, len(x))):
            gi, xi, gxi = gy[i], x[i], gx[i]
            m, scale = mean[i], inv_std[i]
            g_total, g_xhat = zero, zero
            for j in range(len(xi)):
                xhat = (xi[j] - m) * scale
                g = gi[j] * gamma[j]
                g_total += g
                g_xhat += g * xhat
                ggamma[j] += gi[j] * xhat
                gbeta[j] += gi[j]
            shift = g_total / n if centred else zero
            slope = g_xhat / n * scale
            for j in range(len(xi)):
                gxi[j] = (gi[j] * gamma[j] - shift - (xi[j] - m) * slope) * scale
