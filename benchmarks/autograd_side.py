"""Knows the workloads as a user of HIPS autograd writes them: networks are functions, the rules plain NumPy."""

from __future__ import annotations

import importlib.metadata

import autograd.numpy as anp
import functional as fn
import numpy as np
from autograd import elementwise_grad, grad, value_and_grad
from inputs import classes, tokens, wave
from rules import SGD, Adam


def goldstein_price():
    derivative = grad(fn.goldstein_price, (0, 1))
    return lambda: derivative(1.0, 1.0)


def tanh6():
    points = np.linspace(-3, 3, 200)
    derivative = anp.tanh
    for _ in range(6):
        derivative = elementwise_grad(derivative)
    return lambda: derivative(points)


def training(sizes, loss, rule, x, t):
    params = fn.weights(sizes)
    derivative = value_and_grad(loss)

    def step():
        _, grads = derivative(params, x, t)
        rule.update(params, grads)

    step.parameters = lambda: fn.count(params)
    return step


def spiral_mlp():
    def loss(p, x, t):
        return fn.cross_entropy(anp, fn.mlp(anp, p, x, fn.sigmoid), t)

    return training(fn.mlp_sizes(2, 10, 3), loss, SGD(1.0), *classes(30, (2,), 3))


def mnist_mlp():
    def loss(p, x, t):
        return fn.cross_entropy(anp, fn.mlp(anp, p, x, fn.relu), t)

    return training(fn.mlp_sizes(784, 1000, 1000, 10), loss, Adam(decay=1e-4), *classes(100, (784,), 10))


def lstm_steps():
    def loss(p, x, t):
        return fn.lstm_steps(anp, p, x, t)

    return training(fn.LSTM_SIZES, loss, Adam(), *wave())


def gpt():
    def loss(p, ids, t):
        return fn.cross_entropy(anp, fn.gpt(anp, p, ids), t)

    return training(fn.gpt_sizes(), loss, Adam(decoupled=0.01), *tokens(12, 64))


# It has no convolution, and no recurrent operation: both LSTMs are the one written step by step.
WORKLOADS = {
    "Goldstein-Price": goldstein_price,
    "tanh, sixth derivative": tanh6,
    "spiral MLP": spiral_mlp,
    "MNIST MLP": mnist_mlp,
    "LSTM, step by step": lstm_steps,
    "LSTM, sequence": lstm_steps,
    "GPT": gpt,
}


def versions() -> dict[str, str]:
    return {"autograd": importlib.metadata.version("autograd")}
