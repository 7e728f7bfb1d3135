"""Knows the rules of ``optimizers/rules.py`` as loops over vectors of one length: one pass over memory each.

First come the arrays, the parameter p and its gradient g in front, then the numbers.
"""

from __future__ import annotations

import numpy as np

from .jit import loop


@loop
def sgd(p, g, lr):
    lr = p.dtype.type(lr)
    for i in range(len(p)):
        p[i] -= lr * g[i]


@loop
def momentum_sgd(p, g, v, lr, momentum):
    lr, momentum = p.dtype.type(lr), p.dtype.type(momentum)
    for i in range(len(p)):
        v[i] = momentum * v[i] - lr * g[i]
        p[i] += v[i]


@loop
def nesterov(p, g, v, lr, momentum):
    lr, momentum = p.dtype.type(lr), p.dtype.type(momentum)
    for i in range(len(p)):
        step = lr * g[i]
        v[i] = momentum * v[i] - step
        p[i] += momentum * v[i] - step


@loop
def adagrad(p, g, h, lr, eps):
    lr, eps = p.dtype.type(lr), p.dtype.type(eps)
    for i in range(len(p)):
        h[i] += g[i] * g[i]
        p[i] -= lr * g[i] / (np.sqrt(h[i]) + eps)


@loop
def adadelta(p, g, a, u, rho, eps):
    keep, take, eps = p.dtype.type(rho), p.dtype.type(1 - rho), p.dtype.type(eps)
    for i in range(len(p)):
        a[i] = keep * a[i] + take * g[i] * g[i]
        step = g[i] * np.sqrt((u[i] + eps) / (a[i] + eps))
        u[i] = keep * u[i] + take * step * step
        p[i] -= step


@loop
def rmsprop(p, g, v, a, b, lr, alpha, eps, momentum):
    keep, take, zero = p.dtype.type(alpha), p.dtype.type(1 - alpha), p.dtype.type(0)
    lr, eps, momentum = p.dtype.type(lr), p.dtype.type(eps), p.dtype.type(momentum)
    for i in range(len(p)):
        v[i] = keep * v[i] + take * g[i] * g[i]
        spread = v[i]
        if a is not None:
            a[i] += take * (g[i] - a[i])
            spread -= a[i] * a[i]
            spread = zero if spread < zero else spread  # rounding may have made it negative
        step = g[i] / (np.sqrt(spread) + eps)
        if b is not None:
            b[i] = momentum * b[i] + step
            step = b[i]
        p[i] -= lr * step


@loop
def adam(p, g, m, v, lr, beta1, beta2, eps):
    lr, eps = p.dtype.type(lr), p.dtype.type(eps)
    take1, keep2, take2 = p.dtype.type(1 - beta1), p.dtype.type(beta2), p.dtype.type(1 - beta2)
    for i in range(len(p)):
        m[i] += take1 * (g[i] - m[i])
        v[i] = keep2 * v[i] + take2 * g[i] * g[i]
        p[i] -= lr * m[i] / (np.sqrt(v[i]) + eps)


@loop
def adamw(p, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    decay, eps = p.dtype.type(1 - lr * weight_decay), p.dtype.type(eps)
    rate, scale = p.dtype.type(lr / (1 - beta1**t)), p.dtype.type(1 / np.sqrt(1 - beta2**t))
    take1, keep2, take2 = p.dtype.type(1 - beta1), p.dtype.type(beta2), p.dtype.type(1 - beta2)
    for i in range(len(p)):
        m[i] += take1 * (g[i] - m[i])
        v[i] = keep2 * v[i] + take2 * g[i] * g[i]
        p[i] = decay * p[i] - rate * m[i] / (scale * np.sqrt(v[i]) + eps)


@loop
def lion(p, g, m, lr, beta1, beta2, weight_decay):
    decay, take = p.dtype.type(1 - lr * weight_decay), p.dtype.type(1 - beta2)
    lr, beta1 = p.dtype.type(lr), p.dtype.type(beta1)
    for i in range(len(p)):
        p[i] = decay * p[i] - lr * np.sign(beta1 * (m[i] - g[i]) + g[i])
        m[i] += take * (g[i] - m[i])


@loop
def average(a, p, keep):
    keep, take = p.dtype.type(keep), p.dtype.type(1 - keep)
    for i in range(len(p)):
        a[i] = keep * a[i] + take * p[i]


@loop
def decayed(g, p, gp, rate):
    """g = gp + rate p."""
    rate = p.dtype.type(rate)
    for i in range(len(p)):
        g[i] = gp[i] + rate * p[i]
