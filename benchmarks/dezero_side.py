"""Knows the workloads as a user of dezero writes them, ours or the book's: names and calls are the same."""

from __future__ import annotations

import sys
import time

import numpy as np

np.int = int  # the book's dezero reads it at import; NumPy has dropped the name

import dezero  # noqa: E402
import dezero.functions as F  # noqa: E402
import dezero.layers as L  # noqa: E402
from dezero import Model, Variable, optimizers  # noqa: E402
from dezero.models import MLP  # noqa: E402

OURS = hasattr(dezero, "grad")  # the book's dezero has no such name
# lets go of the graph on the way; in the book's dezero the graph goes with the next loss
BACKWARD = {"retain_graph": False} if OURS else {}


def goldstein_price():
    def step():
        x, y = Variable(np.array(1.0)), Variable(np.array(1.0))
        a = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
        b = 30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
        (a * b).backward()

    return step


def training(model, optimizer, x, t):
    optimizer.setup(model)

    def step():
        loss = F.softmax_cross_entropy(model(x), t)
        model.cleargrads()
        loss.backward(**BACKWARD)
        optimizer.update()

    return step


def spiral_mlp():
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((30, 2)).astype("f"), rng.integers(0, 3, 30)
    return training(MLP((10, 3)), optimizers.SGD(1.0), x, t)


class LeNet(Model):
    def __init__(self):
        super().__init__()
        self.conv1 = L.Conv2d(16, 5)
        self.conv2 = L.Conv2d(32, 5)
        self.fc1 = L.Linear(128)
        self.fc2 = L.Linear(10)

    def forward(self, x):
        x = F.pooling(F.relu(self.conv1(x)), 2, 2)
        x = F.pooling(F.relu(self.conv2(x)), 2, 2)
        x = F.relu(self.fc1(F.reshape(x, (x.shape[0], -1))))
        return self.fc2(x)


def lenet():
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((100, 1, 28, 28)).astype("f"), rng.integers(0, 10, 100)
    return training(LeNet(), optimizers.Adam(), x, t)


def walked_and_freed(build):
    """Times the walk back through a graph and the freeing of it; building it does not count."""

    def step():
        y = build()
        start = time.perf_counter()
        y.backward()
        del y
        return time.perf_counter() - start

    return step


def depth(n):
    """A graph of ``n`` Functions, one behind the other."""

    def build():
        y = Variable(np.array(1.0))
        for _ in range(n):
            y = -y
        return y

    return walked_and_freed(build)


def width(n):
    """A graph of ``n`` branches, side by side."""

    def build():
        x = Variable(np.array(1.0))
        return F.concat([(-x).reshape(1) for _ in range(n)])

    return walked_and_freed(build)


WORKLOADS = {
    "Goldstein-Price": goldstein_price,
    "spiral MLP": spiral_mlp,
    "LeNet": lenet,
    "depth 100000": lambda: depth(100_000),
    "depth 1000000": lambda: depth(1_000_000),
    "width 10000": lambda: width(10_000),
    "width 100000": lambda: width(100_000),
}


def versions() -> dict[str, str]:
    version = dezero.__version__ if OURS else "0.0.13"
    return {"dezero": version, "numpy": np.__version__, "python": sys.version.split()[0]}
