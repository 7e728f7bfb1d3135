"""Knows the rules by which a parameter p moves against its gradient g.

Each is written as a formula; as ``rule``, the same in place with a temporary array or two, for a whole parameter or a
piece of one; and as a loop in ``kernels/loops/updates.py``, which takes the place of ``rule`` where Numba is installed.
Numbers go in as Python's, so that float32 stays float32.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from ..core import Parameter
from ..cuda import get_array_module
from ..kernels.updates import compiled_as, in_one_pass
from .base import Optimizer, check_range


def _zeros(param: Parameter, *names: str) -> dict[str, Any]:
    """A state of arrays like ``param``, all zero."""
    xp = get_array_module(param.data)
    return {name: xp.zeros_like(param.data) for name in names}


def _arrays(param: Parameter) -> tuple[Any, Any]:
    """p and g."""
    if param.grad is None:
        raise RuntimeError(f"The parameter {param.name or ''} {param.shape} has no gradient. Call backward() first.")
    return param.data, param.grad.data


def _scratch(p: Any) -> tuple[Any, Any]:
    """The array module, and memory of p's shape to compute in."""
    xp = get_array_module(p)
    return xp, xp.empty_like(p)


class SGD(Optimizer):
    """Stochastic gradient descent: p <- p - lr g   (Robbins and Monro, 1951).

    Args:
        lr: Learning rate, at least 0.

    Example:
        >>> optimizer = SGD(lr=0.1).setup(models.MLP((10, 1)))
    """

    def __init__(self, lr: float = 0.01):
        super().__init__()
        self.lr = lr
        self.check()

    def check(self) -> None:
        check_range(self, "lr", 0)

    def update_one(self, param: Parameter) -> None:
        in_one_pass((self.lr,), self.rule, *_arrays(param))

    @compiled_as("sgd")
    def rule(self, p: Any, g: Any) -> None:
        p -= g * float(self.lr)


class MomentumSGD(Optimizer):
    """Gradient descent that keeps going: v <- mu v - lr g;  p <- p + v   (Polyak, 1964).

    Args:
        lr: Learning rate, at least 0.
        momentum: mu, how much of the last step goes on, from 0 to below 1.

    Example:
        >>> optimizer = MomentumSGD(lr=0.1, momentum=0.9).setup(models.MLP((10, 1)))
    """

    def __init__(self, lr: float = 0.01, momentum: float = 0.9):
        super().__init__()
        self.lr = lr
        self.momentum = momentum
        self.check()

    def check(self) -> None:
        check_range(self, "lr", 0)
        check_range(self, "momentum", 0, below=1)

    def new_state(self, param: Parameter) -> dict[str, Any]:
        return _zeros(param, "v")

    def update_one(self, param: Parameter) -> None:
        numbers = self.lr, self.momentum
        in_one_pass(numbers, self.rule, *_arrays(param), self.state(param)["v"])

    @compiled_as("momentum_sgd")
    def rule(self, p: Any, g: Any, v: Any) -> None:
        xp, step = _scratch(p)
        v *= float(self.momentum)
        xp.multiply(g, float(self.lr), out=step)
        v -= step
        p += v


class Nesterov(Optimizer):
    """Momentum that looks one step ahead: v <- mu v - lr g;  p <- p + mu v - lr g   (Nesterov, 1983).

    With a learning rate that stays, this is PyTorch's SGD with ``nesterov=True``. Where it changes, v here keeps
    the steps as they were made; PyTorch's v holds gradients, and scales all of them with the rate of the moment.

    Args:
        lr: Learning rate, at least 0.
        momentum: mu, how much of the last step goes on, from 0 to below 1.

    Source of this form: Sutskever et al., 2013; Bengio et al., 2013.

    Example:
        >>> optimizer = Nesterov(lr=0.1, momentum=0.9).setup(models.MLP((10, 1)))
    """

    def __init__(self, lr: float = 0.01, momentum: float = 0.9):
        super().__init__()
        self.lr = lr
        self.momentum = momentum
        self.check()

    def check(self) -> None:
        check_range(self, "lr", 0)
        check_range(self, "momentum", 0, below=1)

    def new_state(self, param: Parameter) -> dict[str, Any]:
        return _zeros(param, "v")

    def update_one(self, param: Parameter) -> None:
        numbers = self.lr, self.momentum
        in_one_pass(numbers, self.rule, *_arrays(param), self.state(param)["v"])

    @compiled_as("nesterov")
    def rule(self, p: Any, g: Any, v: Any) -> None:
        xp, step = _scratch(p)
        xp.multiply(g, float(self.lr), out=step)
        v *= float(self.momentum)
        v -= step
        p -= step
        xp.multiply(v, float(self.momentum), out=step)
        p += step


class AdaGrad(Optimizer):
    """Smaller steps where gradients were large: h <- h + g^2;  p <- p - lr g / (sqrt(h) + eps)   (Duchi et al., 2011).

    Args:
        lr: Learning rate, at least 0.
        eps: Keeps the division finite, at least 0.

    Example:
        >>> optimizer = AdaGrad(lr=0.01).setup(models.MLP((10, 1)))
    """

    def __init__(self, lr: float = 0.001, eps: float = 1e-8):
        super().__init__()
        self.lr = lr
        self.eps = eps
        self.check()

    def check(self) -> None:
        check_range(self, "lr", 0)
        check_range(self, "eps", 0)

    def new_state(self, param: Parameter) -> dict[str, Any]:
        return _zeros(param, "h")

    def update_one(self, param: Parameter) -> None:
        in_one_pass((self.lr, self.eps), self.rule, *_arrays(param), self.state(param)["h"])

    @compiled_as("adagrad")
    def rule(self, p: Any, g: Any, h: Any) -> None:
        xp, step = _scratch(p)
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

    Example:
        >>> optimizer = AdaDelta(rho=0.9).setup(models.MLP((10, 1)))
    """

    def __init__(self, rho: float = 0.95, eps: float = 1e-6):
        super().__init__()
        self.rho = rho
        self.eps = eps
        self.check()

    def check(self) -> None:
        check_range(self, "rho", 0, below=1)
        if not self.eps > 0:
            raise ValueError(f"AdaDelta: eps must be above 0, got {self.eps!r}: no parameter would ever move.")

    def new_state(self, param: Parameter) -> dict[str, Any]:
        return _zeros(param, "a", "u")

    def update_one(self, param: Parameter) -> None:
        state = self.state(param)
        in_one_pass((self.rho, self.eps), self.rule, *_arrays(param), state["a"], state["u"])

    @compiled_as("adadelta")
    def rule(self, p: Any, g: Any, a: Any, u: Any) -> None:
        rho, eps = float(self.rho), float(self.eps)
        xp, step = _scratch(p)
        _average(xp, a, g, rho, step)
        xp.add(u, eps, out=step)
        step /= a + eps
        xp.sqrt(step, out=step)
        step *= g
        p -= step
        _average(xp, u, step, rho, step)


class RMSprop(Optimizer):
    """Steps scaled by the size of recent gradients   (Tieleman and Hinton, 2012; centered: Graves, 2013).

    ::

        v <- alpha v + (1 - alpha) g^2
        a <- alpha a + (1 - alpha) g                    (a = 0 unless centered)
        b <- momentum b + g / (sqrt(v - a^2) + eps)
        p <- p - lr b

    Args:
        lr: Learning rate, at least 0.
        alpha: How much of the running averages v and a stays, from 0 to below 1.
        eps: Keeps the division finite, at least 0.
        momentum: How much of the last step goes on, from 0 to below 1.
        centered: Scale by the spread of the gradients around their mean a, rather than around zero.

    Example:
        >>> optimizer = RMSprop(lr=0.001, alpha=0.9).setup(models.MLP((10, 1)))
    """

    def __init__(
        self,
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        centered: bool = False,
    ):
        super().__init__()
        self.lr = lr
        self.alpha = alpha
        self.eps = eps
        self.momentum = momentum
        self.centered = centered
        self.check()

    def check(self) -> None:
        check_range(self, "lr", 0)
        check_range(self, "alpha", 0, below=1)
        check_range(self, "eps", 0)
        check_range(self, "momentum", 0, below=1)

    def new_state(self, param: Parameter) -> dict[str, Any]:
        return _zeros(param, "v", *(["a"] if self.centered else []), *(["b"] if self.momentum else []))

    def update_one(self, param: Parameter) -> None:
        state = self.state(param)
        if self.momentum and "b" not in state:  # a momentum that came later, by a schedule
            state.update(_zeros(param, "b"))
        a = state["a"] if self.centered else None
        b = state["b"] if self.momentum else None
        numbers = self.lr, self.alpha, self.eps, self.momentum
        in_one_pass(numbers, self.rule, *_arrays(param), state["v"], a, b)

    @compiled_as("rmsprop")
    def rule(self, p: Any, g: Any, v: Any, a: Any, b: Any) -> None:
        alpha = float(self.alpha)
        xp, step = _scratch(p)
        _average(xp, v, g, alpha, step)
        if a is not None:
            _approach(xp, a, g, alpha, step)
            xp.multiply(a, a, out=step)
            xp.subtract(v, step, out=step)
            xp.maximum(step, 0.0, out=step)  # rounding may have made it negative
            xp.sqrt(step, out=step)
        else:
            xp.sqrt(v, out=step)
        step += float(self.eps)
        xp.divide(g, step, out=step)
        if b is not None:
            b *= float(self.momentum)
            b += step
            xp.multiply(b, float(self.lr), out=step)
        else:
            step *= float(self.lr)
        p -= step


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

    Example:
        >>> optimizer = Adam(alpha=0.001).setup(models.MLP((10, 1)))
    """

    def __init__(self, alpha: float = 0.001, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8):
        super().__init__()
        self.t = 0
        self.alpha = alpha
        self.beta1 = beta1
        self.beta2 = beta2
        self.eps = eps
        self.check()

    def check(self) -> None:
        check_range(self, "alpha", 0)
        check_range(self, "beta1", 0, below=1)
        check_range(self, "beta2", 0, below=1)
        check_range(self, "eps", 0)

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
        state = self.state(param)
        numbers = self.lr, self.beta1, self.beta2, self.eps
        in_one_pass(numbers, self.rule, *_arrays(param), state["m"], state["v"])

    @compiled_as("adam")
    def rule(self, p: Any, g: Any, m: Any, v: Any) -> None:
        xp, step = _scratch(p)
        _approach(xp, m, g, float(self.beta1), step)
        _average(xp, v, g, float(self.beta2), step)
        xp.sqrt(v, out=step)
        step += float(self.eps)
        xp.divide(m, step, out=step)
        step *= self.lr
        p -= step


class AdamW(Optimizer):
    """Adam with a weight decay that is no gradient   (Loshchilov and Hutter, 2019).

    ::

        p <- (1 - lr weight_decay) p
        m <- m + (1 - beta1) (g - m)
        v <- v + (1 - beta2) (g^2 - v)
        p <- p - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)

    ``t`` counts the updates of the parameter. To the rounding this is PyTorch's AdamW; ``Adam`` here follows the
    book, where ``eps`` is added before the correction of v.

    Args:
        lr: Learning rate, at least 0.
        beta1: How much of m stays, from 0 to below 1.
        beta2: How much of v stays, from 0 to below 1.
        eps: Keeps the division finite, at least 0.
        weight_decay: Pull towards zero, at least 0. Biases and the parameters of normalization usually go
            without (``add_param_group``).

    Example:
        >>> optimizer = AdamW(lr=3e-4, weight_decay=0.1).setup(models.MLP((10, 1)))
    """

    def __init__(
        self,
        lr: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ):
        super().__init__()
        self.lr = lr
        self.beta1 = beta1
        self.beta2 = beta2
        self.eps = eps
        self.weight_decay = weight_decay
        self.check()

    def check(self) -> None:
        check_range(self, "lr", 0)
        check_range(self, "beta1", 0, below=1)
        check_range(self, "beta2", 0, below=1)
        check_range(self, "eps", 0)
        check_range(self, "weight_decay", 0)

    def new_state(self, param: Parameter) -> dict[str, Any]:
        return {"t": 0, **_zeros(param, "m", "v")}

    def update_one(self, param: Parameter) -> None:
        p, g = _arrays(param)
        state = self.state(param)
        state["t"] += 1
        numbers = state["t"], self.lr, self.beta1, self.beta2, self.eps, self.weight_decay
        in_one_pass(numbers, partial(self.rule, state["t"]), p, g, state["m"], state["v"])

    @compiled_as("adamw")
    def rule(self, t: int, p: Any, g: Any, m: Any, v: Any) -> None:
        lr, beta1, beta2 = float(self.lr), float(self.beta1), float(self.beta2)
        xp, step = _scratch(p)
        _decay(p, lr, self.weight_decay)
        _approach(xp, m, g, beta1, step)
        _average(xp, v, g, beta2, step)
        xp.sqrt(v, out=step)
        step /= math.sqrt(1 - beta2**t)
        step += float(self.eps)
        xp.divide(m, step, out=step)
        step *= lr / (1 - beta1**t)
        p -= step


class Lion(Optimizer):
    """Steps of one size, only their signs come from the gradients   (Chen et al., 2023).

    ::

        p <- (1 - lr weight_decay) p
        p <- p - lr sign(beta1 m + (1 - beta1) g)
        m <- beta2 m + (1 - beta2) g

    Args:
        lr: Learning rate, at least 0; a third to a tenth of what AdamW takes.
        beta1: Share of m in the step, from 0 to below 1.
        beta2: How much of m stays, from 0 to below 1.
        weight_decay: Pull towards zero, at least 0; three to ten times what AdamW takes.

    Example:
        >>> optimizer = Lion(lr=1e-4).setup(models.MLP((10, 1)))
    """

    def __init__(self, lr: float = 1e-4, beta1: float = 0.9, beta2: float = 0.99, weight_decay: float = 0.0):
        super().__init__()
        self.lr = lr
        self.beta1 = beta1
        self.beta2 = beta2
        self.weight_decay = weight_decay
        self.check()

    def check(self) -> None:
        check_range(self, "lr", 0)
        check_range(self, "beta1", 0, below=1)
        check_range(self, "beta2", 0, below=1)
        check_range(self, "weight_decay", 0)

    def new_state(self, param: Parameter) -> dict[str, Any]:
        return _zeros(param, "m")

    def update_one(self, param: Parameter) -> None:
        numbers = self.lr, self.beta1, self.beta2, self.weight_decay
        in_one_pass(numbers, self.rule, *_arrays(param), self.state(param)["m"])

    @compiled_as("lion")
    def rule(self, p: Any, g: Any, m: Any) -> None:
        lr = float(self.lr)
        xp, step = _scratch(p)
        _decay(p, lr, self.weight_decay)
        xp.subtract(m, g, out=step)
        step *= float(self.beta1)
        step += g
        xp.sign(step, out=step)
        step *= lr
        p -= step
        _approach(xp, m, g, float(self.beta2), step)


def _decay(p: Any, lr: float, weight_decay: float) -> None:
    """p <- (1 - lr weight_decay) p."""
    if weight_decay:
        p *= 1 - lr * float(weight_decay)


def _approach(xp: Any, a: Any, x: Any, keep: float, step: Any) -> None:
    """a <- keep a + (1 - keep) x, with ``step`` to compute in."""
    xp.subtract(x, a, out=step)
    step *= 1 - keep
    a += step


def _average(xp: Any, a: Any, x: Any, keep: float, step: Any) -> None:
    """a <- keep a + (1 - keep) x^2, with ``step`` to compute in."""
    a *= keep
    xp.multiply(x, x, out=step)
    step *= 1 - keep
    a += step
