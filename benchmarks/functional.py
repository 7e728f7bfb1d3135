"""Knows networks as functions of a dict of parameters, for autograd and JAX: ``np`` is the NumPy of either."""

from __future__ import annotations

import math

import numpy


def weights(sizes, seed=0):
    """A dict of float32 arrays, one for each name and shape: random where there are two axes or more, else zero."""
    rng = numpy.random.default_rng(seed)
    made = {}
    for name, shape in sizes.items():
        fan_in = math.prod(shape[1:]) if len(shape) == 4 else shape[0]
        array = rng.standard_normal(shape) / math.sqrt(fan_in) if len(shape) > 1 else numpy.zeros(shape)
        made[name] = array.astype("f") + numpy.float32(name.endswith("gamma"))
    return made


def count(params):
    return sum(p.size for p in params.values())


def goldstein_price(x, y):
    a = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    b = 30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
    return a * b


def cross_entropy(np, y, t):
    y = y - np.max(y, axis=1, keepdims=True)
    logp = y - np.log(np.sum(np.exp(y), axis=1, keepdims=True))
    return -np.mean(logp[np.arange(len(t)), t])


def sigmoid(np, x):
    return 0.5 * (np.tanh(0.5 * x) + 1)


def relu(np, x):
    return np.maximum(x, 0)


def mlp_sizes(*sizes):
    made = {}
    for i in range(len(sizes) - 1):
        made[f"W{i}"], made[f"b{i}"] = (sizes[i], sizes[i + 1]), (sizes[i + 1],)
    return made


def mlp(np, p, x, activation):
    last = len(p) // 2 - 1
    for i in range(last):
        x = activation(np, np.dot(x, p[f"W{i}"]) + p[f"b{i}"])
    return np.dot(x, p[f"W{last}"]) + p[f"b{last}"]


LSTM_SIZES = {"Wx": (1, 400), "Wh": (100, 400), "b": (400,), "W": (100, 1), "c": (1,)}


def lstm_cell(np, p, x, h, c):
    z = np.dot(x, p["Wx"]) + np.dot(h, p["Wh"]) + p["b"]
    f, i, o, u = z[:, :100], z[:, 100:200], z[:, 200:300], z[:, 300:]
    c = sigmoid(np, f) * c + sigmoid(np, i) * np.tanh(u)
    return sigmoid(np, o) * np.tanh(c), c


def lstm_steps(np, p, x, t):
    """Loss of a wave read step by step."""
    h = c = np.zeros((x.shape[1], 100), dtype="f")
    loss = 0
    for k in range(len(x)):
        h, c = lstm_cell(np, p, x[k], h, c)
        loss = loss + np.mean((np.dot(h, p["W"]) + p["c"] - t[k]) ** 2)
    return loss


def gpt_sizes(V=65, T=64, E=128, layers=4):
    made = {"wte": (V, E), "wpe": (T, E)}
    for i in range(layers):
        made |= {f"{i}ln1_gamma": (E,), f"{i}ln1_beta": (E,), f"{i}ln2_gamma": (E,), f"{i}ln2_beta": (E,)}
        made |= {f"{i}qkv_W": (E, 3 * E), f"{i}qkv_b": (3 * E,), f"{i}out_W": (E, E), f"{i}out_b": (E,)}
        made |= {f"{i}up_W": (E, 4 * E), f"{i}up_b": (4 * E,), f"{i}down_W": (4 * E, E), f"{i}down_b": (E,)}
    return made | {"ln_gamma": (E,), "ln_beta": (E,)}


def layer_norm(np, p, name, x):
    x = x - np.mean(x, axis=-1, keepdims=True)
    x = x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-5)
    return x * p[f"{name}_gamma"] + p[f"{name}_beta"]


def gpt(np, p, ids, layers=4, heads=4):
    """Logits (N * T, V)."""
    N, T = ids.shape
    x = p["wte"][ids] + p["wpe"][:T]  # (N, T, E)
    E = x.shape[-1]
    hidden = numpy.triu(numpy.full((T, T), -1e9, "f"), 1)
    for i in range(layers):
        qkv = np.matmul(layer_norm(np, p, f"{i}ln1", x), p[f"{i}qkv_W"]) + p[f"{i}qkv_b"]
        q, k, v = np.transpose(np.reshape(qkv, (N, T, 3, heads, E // heads)), (2, 0, 3, 1, 4))  # (N, heads, T, D)
        scores = np.matmul(q, np.swapaxes(k, 2, 3)) * (heads / E) ** 0.5 + hidden  # (N, heads, T, T)
        scores = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
        h = np.matmul(scores / np.sum(scores, axis=-1, keepdims=True), v)
        h = np.reshape(np.swapaxes(h, 1, 2), (N, T, E))
        x = x + np.matmul(h, p[f"{i}out_W"]) + p[f"{i}out_b"]
        h = np.matmul(layer_norm(np, p, f"{i}ln2", x), p[f"{i}up_W"]) + p[f"{i}up_b"]
        h = 0.5 * h * (1 + np.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h * h * h)))
        x = x + np.matmul(h, p[f"{i}down_W"]) + p[f"{i}down_b"]
    return np.reshape(np.dot(layer_norm(np, p, "ln", x), p["wte"].T), (N * T, -1))
