"""Knows the workloads as a user of JAX writes them: one function per step, compiled before the clock starts."""

from __future__ import annotations

import os

os.environ["JAX_PLATFORMS"] = "cpu"
if hasattr(os, "sched_setaffinity"):  # XLA takes a thread for each core it may run on
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])

import functional as fn
import jax
import jax.numpy as jnp
import numpy as np
from inputs import classes, tokens, wave
from jax import lax


def waiting(function, *args):
    """A step that ends when the numbers are there."""
    return lambda: jax.block_until_ready(function(*args))


def goldstein_price():
    jax.config.update("jax_enable_x64", True)
    return waiting(jax.jit(jax.grad(fn.goldstein_price, (0, 1))), jnp.float64(1.0), jnp.float64(1.0))


def tanh6():
    jax.config.update("jax_enable_x64", True)
    derivative = jnp.tanh
    for _ in range(6):
        derivative = jax.grad(derivative)
    return waiting(jax.jit(jax.vmap(derivative)), jnp.linspace(-3, 3, 200, dtype="float64"))


def sgd(lr, momentum=0.0):
    def update(p, g, v):
        if not momentum:
            return jax.tree.map(lambda p, g: p - lr * g, p, g), v
        v = jax.tree.map(lambda v, g: momentum * v + g, v, g)
        return jax.tree.map(lambda p, v: p - lr * v, p, v), v

    return lambda p: jax.tree.map(jnp.zeros_like, p) if momentum else (), update


def adam(lr=1e-3, decay=0.0, decoupled=0.0):
    def start(p):
        zeros = jax.tree.map(jnp.zeros_like, p)
        return zeros, jax.tree.map(jnp.copy, zeros), jnp.float32(0)

    def update(p, g, state):
        m, v, t = state
        t = t + 1
        rate = lr * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        g = jax.tree.map(lambda p, g: g + decay * p, p, g) if decay else g
        m = jax.tree.map(lambda m, g: m + 0.1 * (g - m), m, g)
        v = jax.tree.map(lambda v, g: v + 0.001 * (g * g - v), v, g)
        p = jax.tree.map(lambda p, m, v: p * (1 - lr * decoupled) - rate * m / (jnp.sqrt(v) + 1e-8), p, m, v)
        return p, (m, v, t)

    return start, update


def training(sizes, loss, rule, x, t):
    start, update = rule
    params = {name: jnp.asarray(p) for name, p in fn.weights(sizes).items()}
    state, x, t = start(params), jnp.asarray(x), jnp.asarray(t)

    def one(params, state, x, t):
        value, grads = jax.value_and_grad(loss)(params, x, t)
        return value, *update(params, grads, state)

    one = jax.jit(one, donate_argnums=(0, 1))

    def step():
        nonlocal params, state
        value, params, state = one(params, state, x, t)
        jax.block_until_ready((value, params, state))

    step.parameters = lambda: fn.count(params)
    return step


def spiral_mlp():
    def loss(p, x, t):
        return fn.cross_entropy(jnp, fn.mlp(jnp, p, x, fn.sigmoid), t)

    return training(fn.mlp_sizes(2, 10, 3), loss, sgd(1.0), *classes(30, (2,), 3))


def mnist_mlp():
    def loss(p, x, t):
        return fn.cross_entropy(jnp, fn.mlp(jnp, p, x, fn.relu), t)

    return training(fn.mlp_sizes(784, 1000, 1000, 10), loss, adam(decay=1e-4), *classes(100, (784,), 10))


def conv(p, name, x, pad=0, stride=1):
    y = lax.conv_general_dilated(x, p[f"{name}_W"], (stride, stride), [(pad, pad)] * 2)
    return y + p[f"{name}_b"][:, None, None] if f"{name}_b" in p else y


def max_pool(x, size=2, stride=2, pad=(0, 0)):
    window, strides = (1, 1, size, size), (1, 1, stride, stride)
    return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, [(0, 0), (0, 0), pad, pad])


def batch_norm(p, name, x):
    """In training; without running averages, which nobody reads here."""
    mean, var = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
    gamma, beta = p[f"{name}_gamma"][:, None, None], p[f"{name}_beta"][:, None, None]
    return (x - mean) * (gamma * lax.rsqrt(var + 1e-5)) + beta


def lenet():
    sizes = {"c1_W": (16, 1, 5, 5), "c1_b": (16,), "c2_W": (32, 16, 5, 5), "c2_b": (32,)}

    def loss(p, x, t):
        h = max_pool(jax.nn.relu(conv(p, "c1", x)))
        h = max_pool(jax.nn.relu(conv(p, "c2", h))).reshape(len(x), -1)
        return fn.cross_entropy(jnp, fn.mlp(jnp, {k: p[k] for k in ("W0", "b0", "W1", "b1")}, h, fn.relu), t)

    return training(sizes | fn.mlp_sizes(512, 128, 10), loss, adam(), *classes(100, (1, 28, 28), 10))


def small_vgg():
    channels, sizes = (3, 64, 64, 128, 128, 256, 256), {"W": (4096, 10), "b": (10,)}
    for i in range(6):
        C, OC = channels[i : i + 2]
        sizes |= {f"{i}_W": (OC, C, 3, 3), f"{i}_b": (OC,), f"{i}_gamma": (OC,), f"{i}_beta": (OC,)}

    def loss(p, x, t):
        h = x
        for i in range(6):
            h = jax.nn.relu(batch_norm(p, str(i), conv(p, str(i), h, pad=1)))
            h = max_pool(h) if i % 2 else h
        return fn.cross_entropy(jnp, h.reshape(len(x), -1) @ p["W"] + p["b"], t)

    return training(sizes, loss, sgd(0.01, momentum=0.9), *classes(32, (3, 32, 32), 10))


def lstm_steps():
    def loss(p, x, t):
        return fn.lstm_steps(jnp, p, x, t)

    return training(fn.LSTM_SIZES, loss, adam(), *wave())


def lstm_sequence():
    def loss(p, x, t):
        def cell(state, xt):
            h, c = fn.lstm_cell(jnp, p, xt, *state)
            return (h, c), h

        zeros = jnp.zeros((x.shape[1], 100), "f")
        _, h = lax.scan(cell, (zeros, zeros), x)  # (T, N, 100)
        return jnp.mean((h @ p["W"] + p["c"] - t) ** 2)

    return training(fn.LSTM_SIZES, loss, adam(), *wave())


def vgg16_inference():
    sizes, C, names = {}, 3, []
    for block, (n, OC) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))):
        for i in range(n):
            names.append(f"{block}_{i}")
            sizes |= {f"{block}_{i}_W": (OC, C, 3, 3), f"{block}_{i}_b": (OC,)}
            C = OC
        names.append("pool")
    head = fn.mlp_sizes(25088, 4096, 4096, 1000)
    params = {name: jnp.asarray(p) for name, p in fn.weights(sizes | head).items()}
    x = jnp.asarray(np.random.default_rng(0).standard_normal((1, 3, 224, 224)).astype("f"))

    @jax.jit
    def forward(p, x):
        for name in names:
            x = max_pool(x) if name == "pool" else jax.nn.relu(conv(p, name, x, pad=1))
        return fn.mlp(jnp, {name: p[name] for name in head}, x.reshape(1, -1), fn.relu)

    step = waiting(forward, params, x)
    step.parameters = lambda: fn.count(params)
    return step


def gpt():
    def loss(p, ids, t):
        return fn.cross_entropy(jnp, fn.gpt(jnp, p, ids), t)

    return training(fn.gpt_sizes(), loss, adam(decoupled=0.01), *tokens(12, 64))


def resnet50():
    sizes, blocks, C = {"W": (2048, 1000), "b": (1000,)}, [], 64

    def unit(name, C, OC, size):
        sizes.update({f"{name}_W": (OC, C, size, size), f"{name}_gamma": (OC,), f"{name}_beta": (OC,)})

    unit("first", 3, 64, 7)
    for stage, n in enumerate((3, 4, 6, 3)):
        width = 64 << stage
        for i in range(n):
            name = f"{stage}_{i}"
            blocks.append((name, 2 if stage and not i else 1))
            unit(f"{name}a", C, width, 1)
            unit(f"{name}b", width, width, 3)
            unit(f"{name}c", width, 4 * width, 1)
            if not i:
                unit(f"{name}d", C, 4 * width, 1)
            C = 4 * width

    def loss(p, x, t):
        def unit(name, x, pad=0, stride=1):
            return batch_norm(p, name, conv(p, name, x, pad, stride))

        h = max_pool(jax.nn.relu(unit("first", x, 3, 2)), 3, 2, (0, 1))
        for name, stride in blocks:
            y = jax.nn.relu(unit(f"{name}a", h, 0, stride))
            y = jax.nn.relu(unit(f"{name}b", y, 1))
            h = unit(f"{name}d", h, 0, stride) if f"{name}d_W" in p else h
            h = jax.nn.relu(unit(f"{name}c", y) + h)
        return fn.cross_entropy(jnp, h.mean((2, 3)) @ p["W"] + p["b"], t)

    return training(sizes, loss, sgd(0.01, momentum=0.9), *classes(4, (3, 224, 224), 1000))


WORKLOADS = {
    "Goldstein-Price": goldstein_price,
    "tanh, sixth derivative": tanh6,
    "spiral MLP": spiral_mlp,
    "MNIST MLP": mnist_mlp,
    "LeNet": lenet,
    "VGG-like": small_vgg,
    "LSTM, step by step": lstm_steps,
    "LSTM, sequence": lstm_sequence,
    "VGG16 inference": vgg16_inference,
    "GPT": gpt,
    "ResNet-50": resnet50,
}


def versions() -> dict[str, str]:
    return {"jax": jax.__version__}
