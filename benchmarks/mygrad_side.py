"""Knows the workloads as a user of MyGrad writes them; its memory guard is off, as its manual advises for speed."""

from __future__ import annotations

import importlib.metadata

import functional as fn
import mygrad as mg
import numpy as np
from inputs import classes, wave
from mygrad.nnet.activations import relu, sigmoid
from mygrad.nnet.layers import batchnorm, conv_nd, max_pool
from mygrad.nnet.losses import softmax_crossentropy
from rules import SGD, Adam

mg.turn_memory_guarding_off()


def goldstein_price():
    def step():
        fn.goldstein_price(mg.tensor(1.0), mg.tensor(1.0)).backward()

    return step


def training(sizes, loss, rule, x, t):
    """``loss`` is a function of the parameters, a dict of tensors, and of x and t."""
    arrays = fn.weights(sizes)
    params = {name: mg.tensor(array, copy=False) for name, array in arrays.items()}

    def step():
        loss(params, x, t).backward()
        rule.update(arrays, {name: p.grad for name, p in params.items()})

    step.parameters = lambda: fn.count(arrays)
    return step


def mlp(p, x, activation):
    last = len(p) // 2 - 1
    for i in range(last):
        x = activation(mg.matmul(x, p[f"W{i}"]) + p[f"b{i}"])
    return mg.matmul(x, p[f"W{last}"]) + p[f"b{last}"]


def spiral_mlp():
    def loss(p, x, t):
        return softmax_crossentropy(mlp(p, x, sigmoid), t)

    return training(fn.mlp_sizes(2, 10, 3), loss, SGD(1.0), *classes(30, (2,), 3))


def mnist_mlp():
    def loss(p, x, t):
        return softmax_crossentropy(mlp(p, x, relu), t)

    return training(fn.mlp_sizes(784, 1000, 1000, 10), loss, Adam(decay=1e-4), *classes(100, (784,), 10))


def conv(p, name, x, pad=0):
    return conv_nd(x, p[f"{name}_W"], stride=1, padding=pad) + p[f"{name}_b"].reshape(1, -1, 1, 1)


def lenet():
    sizes = {"c1_W": (16, 1, 5, 5), "c1_b": (16,), "c2_W": (32, 16, 5, 5), "c2_b": (32,)}
    sizes |= {"fc1": (512, 128), "b1": (128,), "fc2": (128, 10), "b2": (10,)}

    def loss(p, x, t):
        h = max_pool(relu(conv(p, "c1", x)), (2, 2), 2)
        h = max_pool(relu(conv(p, "c2", h)), (2, 2), 2).reshape(len(x), -1)
        h = relu(mg.matmul(h, p["fc1"]) + p["b1"])
        return softmax_crossentropy(mg.matmul(h, p["fc2"]) + p["b2"], t)

    return training(sizes, loss, Adam(), *classes(100, (1, 28, 28), 10))


def small_vgg():
    channels, sizes = (3, 64, 64, 128, 128, 256, 256), {"W": (4096, 10), "b": (10,)}
    for i in range(6):
        C, OC = channels[i : i + 2]
        sizes |= {f"{i}_W": (OC, C, 3, 3), f"{i}_b": (OC,), f"{i}_gamma": (OC,), f"{i}_beta": (OC,)}

    def loss(p, x, t):
        h = x
        for i in range(6):
            h = conv(p, str(i), h, pad=1)
            h = relu(batchnorm(h, gamma=p[f"{i}_gamma"], beta=p[f"{i}_beta"], eps=1e-5))
            if i % 2:
                h = max_pool(h, (2, 2), 2)
        return softmax_crossentropy(mg.matmul(h.reshape(len(x), -1), p["W"]) + p["b"], t)

    return training(sizes, loss, SGD(0.01, momentum=0.9), *classes(32, (3, 32, 32), 10))


def lstm_steps():
    def loss(p, x, t):
        h = c = np.zeros((x.shape[1], 100), "f")
        total = 0
        for xt, tt in zip(x, t):
            z = mg.matmul(xt, p["Wx"]) + mg.matmul(h, p["Wh"]) + p["b"]
            c = sigmoid(z[:, :100]) * c + sigmoid(z[:, 100:200]) * mg.tanh(z[:, 300:])
            h = sigmoid(z[:, 200:300]) * mg.tanh(c)
            total = total + mg.mean((mg.matmul(h, p["W"]) + p["c"] - tt) ** 2)
        return total

    return training(fn.LSTM_SIZES, loss, Adam(), *wave())


# It has no LSTM, so both are the one written step by step, and no derivatives above the first.
WORKLOADS = {
    "Goldstein-Price": goldstein_price,
    "spiral MLP": spiral_mlp,
    "MNIST MLP": mnist_mlp,
    "LeNet": lenet,
    "VGG-like": small_vgg,
    "LSTM, step by step": lstm_steps,
    "LSTM, sequence": lstm_steps,
}


def versions() -> dict[str, str]:
    return {"mygrad": importlib.metadata.version("mygrad")}
