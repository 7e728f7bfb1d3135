"""Knows the normalizations as loops: over the rows of a matrix, whose channels are its columns or its rows.

What a loop adds up, it adds up for a block of rows at a time, or of a row at a time: few numbers are lost in a large
sum, and the result does not depend on who computes which block. ``start`` and ``stop`` say which blocks are computed.
"""

from __future__ import annotations

from .jit import inline, loop

_STRETCH = 4096  # numbers that are added up in the precision of the array


# One mean for each row: layer norm and RMS norm.


@loop
def layer_norm(x, gamma, beta, eps, centred, y, mean, inv_std, start, stop):
    n, eps = x.dtype.type(x.shape[1]), x.dtype.type(eps)
    one = x.dtype.type(1)
    for i in range(start, stop):
        xi, yi = x[i], y[i]
        m = x.dtype.type(total(xi) / n) if centred else x.dtype.type(0)
        scale = one / ((squares(xi, m) / n + eps) ** x.dtype.type(0.5))
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


@inline
def total(x):
    found = 0.0
    for low in range(0, len(x), _STRETCH):
        part, t = x[low : low + _STRETCH], x.dtype.type(0)
        for j in range(len(part)):
            t += part[j]
        found += t
    return found


@inline
def squares(x, centre):
    found = 0.0
    for low in range(0, len(x), _STRETCH):
        part, t = x[low : low + _STRETCH], x.dtype.type(0)
        for j in range(len(part)):
            t += (part[j] - centre) * (part[j] - centre)
        found += t
    return x.dtype.type(found)


# Channels are columns. Rows come in blocks of ``step``; what belongs to channels has a row for each block, or but one.


@loop
def moments_of_columns(x, centre, step, totals, squares, start, stop):
    zero = x.dtype.type(0)
    for k in range(start, stop):
        c, total, square = centre[k % len(centre)], totals[k], squares[k]
        total[:] = zero
        square[:] = zero
        for i in range(k * step, min((k + 1) * step, len(x))):
            xi = x[i]
            for j in range(len(xi)):
                d = xi[j] - c[j]
                total[j] += d
                square[j] += d * d


@loop
def sums_of_columns(gy, x, centre, step, totals, products, start, stop):
    zero = x.dtype.type(0)
    for k in range(start, stop):
        c, total, product = centre[k % len(centre)], totals[k], products[k]
        total[:] = zero
        product[:] = zero
        for i in range(k * step, min((k + 1) * step, len(x))):
            gi, xi = gy[i], x[i]
            for j in range(len(xi)):
                total[j] += gi[j]
                product[j] += gi[j] * (xi[j] - c[j])


@loop
def normalize_columns(x, centre, scale, shift, step, y, start, stop):
    for k in range(start, stop):
        which = k % len(centre)
        c, a, b = centre[which], scale[which], shift[which]
        for i in range(k * step, min((k + 1) * step, len(x))):
            xi, yi = x[i], y[i]
            for j in range(len(xi)):
                yi[j] = (xi[j] - c[j]) * a[j] + b[j]


@loop
def gradient_of_columns(gy, x, centre, scale, slope, shift, step, gx, start, stop):
    for k in range(start, stop):
        which = k % len(centre)
        c, a, s, b = centre[which], scale[which], slope[which], shift[which]
        for i in range(k * step, min((k + 1) * step, len(x))):
            gi, xi, gxi = gy[i], x[i], gx[i]
            for j in range(len(xi)):
                gxi[j] = gi[j] * a[j] + (xi[j] - c[j]) * s[j] + b[j]


# Channels are rows, one sample's behind the other's. What belongs to channels is (samples C,) or (C,).


@loop
def moments_of_rows(x, centre, totals, squares, start, stop):
    zero = x.dtype.type(0)
    for i in range(start, stop):
        xi, c = x[i], centre[i % len(centre)]
        total, square = 0.0, 0.0
        for low in range(0, len(xi), _STRETCH):
            part, t, q = xi[low : low + _STRETCH], zero, zero
            for j in range(len(part)):
                d = part[j] - c
                t += d
                q += d * d
            total += t
            square += q
        totals[i], squares[i] = total, square


@loop
def sums_of_rows(gy, x, centre, totals, products, start, stop):
    zero = x.dtype.type(0)
    for i in range(start, stop):
        gi, xi, c = gy[i], x[i], centre[i % len(centre)]
        total, product = 0.0, 0.0
        for low in range(0, len(xi), _STRETCH):
            g, part, t, p = gi[low : low + _STRETCH], xi[low : low + _STRETCH], zero, zero
            for j in range(len(part)):
                t += g[j]
                p += g[j] * (part[j] - c)
            total += t
            product += p
        totals[i], products[i] = total, product


@loop
def normalize_rows(x, centre, scale, shift, y, start, stop):
    for i in range(start, stop):
        which = i % len(centre)
        xi, yi, c, a, b = x[i], y[i], centre[which], scale[which], shift[which]
        for j in range(len(xi)):
            yi[j] = (xi[j] - c) * a + b


@loop
def gradient_of_rows(gy, x, centre, scale, slope, shift, gx, start, stop):
    for i in range(start, stop):
        which = i % len(centre)
        gi, xi, gxi, c, a, s, b = gy[i], x[i], gx[i], centre[which], scale[which], slope[which], shift[which]
        for j in range(len(xi)):
            gxi[j] = gi[j] * a + (xi[j] - c) * s + b
