"""Knows the rules by which a parameter p moves against its gradient g.

They work in place, with one temporary array or two. Numbers go in as Python's, so that float32 stays float32.
"""

from __future__ import annotations

import math
from typing import Any

from ..core import Parameter
from ..cuda import get_array_module
from .base import Optimizer, check_range


def _zeros(param: Parameter, *names: str) -> dict[str, Any]:
    """A state of arrays like ``param``, all zero."""
    xp = get_array_module(param.data)
    return {name: xp.zeros_like(param.data) for name in names}


def _arrays(param: Parameter) -> tuple[Any, Any, Any, Any]:
    """The array module, p, g, and memory of p's shape to compute in."""
    if param.grad is None:
        raise RuntimeError(f"The parameter {param.name or ''} {param.shape} has no gradient. Call backward() first.")
    p, g = param.data, param.grad.data
    xp = get_array_module(p)
    return xp, p, g, xp.empty_like(p)


class SGD(Optimizer):
    """Stochastic gradient descent: p <- p - lr g   (Robbins and Monro, 1951).

    Args:
        lr: Learning rate, at least 0.
    """

    def __init__(self, lr: float = 0.01):
        super().__init__()
        check_range("SGD", "lr", lr, 0)
        self.lr = lr

    def update_one(self, param: Parameter) -> None:
        xp, p, g, step = _arrays(param)
        xp.multiply(g, float(self.lr), out=step)
        p -= step


class MomentumSGD(Optimizer):
    """Gradient descent that keeps going: v <- mu v - lr g;  p <- p + v   (Polyak, 1964).

    Args:
        lr: Learning rate, at least 0.
        momentum: mu, how much of the last step goes on, from 0 to below 1.
    """

    def __init__(self, lr: float = 0.01, momentum: float = 0.9):
        super().__init__()
        check_range("MomentumSGD", "lr", lr, 0)
        check_range("MomentumSGD", "momentum", momentum, 0, below=1)
        self.lr = lr
        self.momentum = momentum

    def new_state(self, param: Parameter) -> dict[str, Any]:
        return _zeros(param, "v")

    def update_one(self, param: Parameter) -> None:
        xp, p, g, step = _arrays(param)
        v = self.state(param)["v"]
        v *= float(self.momentum)
        xp.multiply(g, float(self.lr), out=step)
        v -= step
        p += v


class AdaGrad(Optimizer):
    """Smaller steps where gradients were large: h <- h + g^2;  p <- p - lr g / (sqrt(h) + eps)   (Duchi et al., 2011).

    Args:
        lr: Learning rate, at least 0.
        eps: Keeps the division finite, at least 0.
    """

    def __init__(self, lr: float = 0.001, eps: float = 1e-8):
        super().__init__()
        check_range("AdaGrad", "lr", lr, 0)
        check_range("AdaGrad", "eps", eps, 0)
        self.lr = lr
        self.eps = eps

    def new_state(self, param: Parameter) -> dict[str, Any]:
        return _zeros(param, "h")

    def update_one(self, param: Parameter) -> None:
        xp, p, g, step = _arrays(param)
        h = self.state(param)["h"]
        xp.multiply(g, g, out=step)
        h += step
        xp.sqrt(h, out=step)
        step += float(self.eps)
        xp.divide(g, step, out=step)
        step *= float(self.lr)
        p -= step


class AdaDelta(Optimizer):
    """Steps scaled by the steps before, with no learning rate   (Zeiler, 2012).

    ::

        a <- rho a + (1 - rho) g^2
        d  = g sqrt(u + eps) / sqrt(a + eps)
        u <- rho u + (1 - rho) d^2
        p <- p - d

    Args:
        rho: How much of the running averages a and u stays, from 0 to below 1.
        eps: Keeps the division finite and sets the first steps, above 0.
    """

    def __init__(self, rho: float = 0.95, eps: float = 1e-6):
        super().__init__()
        check_range("AdaDelta", "rho", rho, 0, below=1)
        if not eps > 0:
            raise ValueError(f"AdaDelta: eps must be above 0, got {eps!r}: no parameter would ever move.")
        self.rho = rho
        self.eps = eps

    def new_state(self, param: Parameter) -> dict[str, Any]:
        return _zeros(param, "a", "u")

    def update_one(self, param: Parameter) -> None:
        xp, p, g, step = _arrays(param)
        state, rho, eps = self.state(param), float(self.rho), float(self.eps)
        a, u = state["a"], state["u"]
        _average(xp, a, g, rho, step)
        xp.add(u, eps, out=step)
        step /= a + eps
        xp.sqrt(step, out=step)
        step *= g
        p -= step
        _average(xp, u, step, rho, step)


class Adam(Optimizer):
    """Momentum with steps scaled by the size of recent gradients   (Kingma and Ba, 2015).

    ::

        m <- m + (1 - beta1) (g - m)
        v <- v + (1 - beta2) (g^2 - v)
        p <- p - lr m / (sqrt(v) + eps),   lr = alpha sqrt(1 - beta2^t) / (1 - beta1^t)

    ``t`` counts the updates.

    Args:
        alpha: Learning rate before the correction for the zeros that m and v start from, at least 0.
        beta1: How much of m stays, from 0 to below 1.
        beta2: How much of v stays, from 0 to below 1.
        eps: Keeps the division finite, at least 0.
    """

    def __init__(self, alpha: float = 0.001, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8):
        super().__init__()
        check_range("Adam", "alpha", alpha, 0)
        check_range("Adam", "beta1", beta1, 0, below=1)
        check_range("Adam", "beta2", beta2, 0, below=1)
        check_range("Adam", "eps", eps, 0)
        self.t = 0
        self.alpha = alpha
        self.beta1 = beta1
        self.beta2 = beta2
        self.eps = eps

    @property
    def lr(self) -> float:
        """The bias-corrected learning rate of the last update; before the first, that of the first."""
        t = max(self.t, 1)
        return float(self.alpha) * math.sqrt(1 - float(self.beta2) ** t) / (1 - float(self.beta1) ** t)

    def update(self) -> None:
        """As ``Optimizer.update``, and counts it."""
        self._target("update")
        self.t += 1
        super().update()

    def new_state(self, param: Parameter) -> dict[str, Any]:
        return _zeros(param, "m", "v")

    def update_one(self, param: Parameter) -> None:
        xp, p, g, step = _arrays(param)
        state = self.state(param)
        m, v = state["m"], state["v"]
        xp.subtract(g, m, out=step)
        step *= 1 - float(self.beta1)
        m += step
        _average(xp, v, g, float(self.beta2), step)
        xp.sqrt(v, out=step)
        step += float(self.eps)
        xp.divide(m, step, out=step)
        step *= self.lr
        p -= step


def _average(xp: Any, a: Any, x: Any, keep: float, step: Any) -> None:
    """a <- keep a + (1 - keep) x^2, with ``step`` to compute in."""
    a *= keep
    xp.multiply(x, x, out=step)
    step *= 1 - keep
    a += step
