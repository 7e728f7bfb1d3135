"""Knows pooling as loops over windows: the numbers of V channels at a time stay in registers, from pixel to pixel.

Images have the channels last, (N, H, W, C) with C of V or more; where V does not divide C, the last V channels overlap
those before. ``place`` is (KH, KW, SH, SW, PH, PW): the kernel, the stride and the padding.
"""

from __future__ import annotations

from .jit import formula, loop
from .vectors import add, filled, larger, load, multiply_add, store, where_equal, where_unequal, zeros

V = 16


@formula
def _seen(i, kernel, stride, pad, length):
    """From where to where in the image a window sees it."""
    start = i * stride - pad
    return max(0, start), min(length, start + kernel)


@loop
def max_pool(x, y, place):
    """y (N, OH, OW, C) = the largest x of each window."""
    KH, KW, SH, SW, PH, PW = place
    N, H, W, C = x.shape
    _, OH, OW, _ = y.shape
    for n in range(N):
        image, out = x[n].reshape(-1), y[n].reshape(-1)
        at = 0
        for i in range(OH):
            top, bottom = _seen(i, KH, SH, PH, H)
            for j in range(OW):
                left, right = _seen(j, KW, SW, PW, W)
                for channel in range(0, C, V):
                    c = min(channel, C - V)
                    most = load(image, (top * W + left) * C + c, V)
                    for h in range(top, bottom):
                        for w in range(left, right):
                            most = larger(most, load(image, (h * W + w) * C + c, V))
                    store(out, at + c, most)
                at += C


@loop
def max_pool_gradient(gy, x, y, gx, place, alone):
    """gx = each window's gy, added at its first pixel of x that is its maximum y; or at the last if none is, for NaN.

    ``alone`` says that every pixel is in exactly one window. Otherwise V divides C.
    """
    KH, KW, SH, SW, PH, PW = place
    N, H, W, C = x.shape
    _, OH, OW, _ = y.shape
    for n in range(N):
        image, into, most, given = x[n].reshape(-1), gx[n].reshape(-1), y[n].reshape(-1), gy[n].reshape(-1)
        if not alone:
            for k in range(len(into)):
                into[k] = 0
        at = 0
        for i in range(OH):
            top, bottom = _seen(i, KH, SH, PH, H)
            for j in range(OW):
                left, right = _seen(j, KW, SW, PW, W)
                last_h, last_w = i * SH - PH + KH - 1, j * SW - PW + KW - 1
                for channel in range(0, C, V):
                    c = min(channel, C - V)
                    m, g = load(most, at + c, V), load(given, at + c, V)
                    for h in range(top, bottom):
                        for w in range(left, right):
                            k = (h * W + w) * C + c
                            if h == last_h and w == last_w:
                                won = g
                            else:
                                seen = load(image, k, V)
                                won = where_equal(seen, m, g)
                                g = where_unequal(seen, m, g)
                            store(into, k, won if alone else add(load(into, k, V), won))
                at += C


@loop
def max_pool_gradient_of_planes(gy, x, y, gx, place):
    """``max_pool_gradient`` where the channels come first: x and gx are (N*C, H, W), gy and y (N*C, OH, OW).

    Windows go from the last to the first, as in NumPy, which adds up by their places: then each sum is the same.
    """
    KH, KW, SH, SW, PH, PW = place
    P, H, W = x.shape
    _, OH, OW = y.shape
    for p in range(P):
        image, into, most, given = x[p].reshape(-1), gx[p].reshape(-1), y[p].reshape(-1), gy[p].reshape(-1)
        for k in range(len(into)):
            into[k] = 0
        at = OH * OW
        for i in range(OH - 1, -1, -1):
            top, bottom = _seen(i, KH, SH, PH, H)
            for j in range(OW - 1, -1, -1):
                at -= 1
                left, right = _seen(j, KW, SW, PW, W)
                last_h, last_w = i * SH - PH + KH - 1, j * SW - PW + KW - 1
                winner = last_h * W + last_w if last_h < H and last_w < W else -1
                h, w = top, left
                while h < bottom:
                    if image[h * W + w] == most[at]:
                        winner = h * W + w
                        break
                    w += 1
                    if w == right:
                        h, w = h + 1, left
                if winner >= 0:
                    into[winner] += given[at]


@loop
def mean_pool(x, y, shares, place):
    """y (N, OH, OW, C) = the sum of each window of x times its share, one of ``shares`` (OH * OW,)."""
    KH, KW, SH, SW, PH, PW = place
    N, H, W, C = x.shape
    _, OH, OW, _ = y.shape
    zero = zeros(x, V)
    for n in range(N):
        image, out = x[n].reshape(-1), y[n].reshape(-1)
        for i in range(OH):
            top, bottom = _seen(i, KH, SH, PH, H)
            for j in range(OW):
                left, right = _seen(j, KW, SW, PW, W)
                at = i * OW + j
                for channel in range(0, C, V):
                    c = min(channel, C - V)
                    total = zero
                    for h in range(top, bottom):
                        for w in range(left, right):
                            total = add(total, load(image, (h * W + w) * C + c, V))
                    store(out, at * C + c, multiply_add(total, filled(shares, at, V), zero))


@loop
def spread_mean(gy, gx, shares, place):
    """Adds each window's gy times its share to all its pixels of gx; V divides C."""
    KH, KW, SH, SW, PH, PW = place
    N, H, W, C = gx.shape
    _, OH, OW, _ = gy.shape
    for n in range(N):
        into, given = gx[n].reshape(-1), gy[n].reshape(-1)
        for k in range(len(into)):
            into[k] = 0
        for i in range(OH):
            top, bottom = _seen(i, KH, SH, PH, H)
            for j in range(OW):
                left, right = _seen(j, KW, SW, PW, W)
                at = i * OW + j
                for c in range(0, C, V):
                    g, share = load(given, at * C + c, V), filled(shares, at, V)
                    for h in range(top, bottom):
                        for w in range(left, right):
                            k = (h * W + w) * C + c
                            store(into, k, multiply_add(g, share, load(into, k, V)))
