"""Knows the update rules in plain NumPy, in place, for peers that bring none."""

from __future__ import annotations

import numpy as np


class SGD:
    """v <- momentum v + g;  p <- p - lr v. Without momentum, v is g."""

    def __init__(self, lr, momentum=0.0):
        self.lr, self.momentum, self.v = lr, momentum, {}

    def update(self, params, grads):
        for name, p in params.items():
            g = grads[name]
            if self.momentum:
                v = self.v.setdefault(name, np.zeros_like(p))
                v *= self.momentum
                v += g
                g = v
            p -= self.lr * g


class Adam:
    """Adam; ``decay`` pulls through the gradient, ``decoupled`` beside it, as AdamW does."""

    def __init__(self, lr=1e-3, decay=0.0, decoupled=0.0):
        self.lr, self.decay, self.decoupled = lr, decay, decoupled
        self.t, self.state = 0, {}

    def update(self, params, grads):
        self.t += 1
        lr = self.lr * float(np.sqrt(1 - 0.999**self.t)) / (1 - 0.9**self.t)
        for name, p in params.items():
            g = grads[name] + self.decay * p if self.decay else grads[name]
            if self.decoupled:
                p *= 1 - self.lr * self.decoupled
            m, v = self.state.setdefault(name, (np.zeros_like(p), np.zeros_like(p)))
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            p -= lr * m / (np.sqrt(v) + 1e-8)
