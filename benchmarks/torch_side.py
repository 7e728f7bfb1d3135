"""Knows the workloads as a user of PyTorch writes them, in eager mode on two threads."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

torch.set_num_threads(2)


def goldstein_price():
    def step():
        x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
        y = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
        a = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
        b = 30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
        (a * b).backward()

    return step


def training(model, optimizer, x, t):
    x, t = torch.from_numpy(x), torch.from_numpy(t)

    def step():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()

    return step


def spiral_mlp():
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((30, 2)).astype("f"), rng.integers(0, 3, 30)
    model = nn.Sequential(nn.Linear(2, 10), nn.Sigmoid(), nn.Linear(10, 3))
    return training(model, torch.optim.SGD(model.parameters(), lr=1.0), x, t)


def lenet():
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((100, 1, 28, 28)).astype("f"), rng.integers(0, 10, 100)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(512, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )
    return training(model, torch.optim.Adam(model.parameters()), x, t)


WORKLOADS = {"Goldstein-Price": goldstein_price, "spiral MLP": spiral_mlp, "LeNet": lenet}


def versions() -> dict[str, str]:
    return {"torch": torch.__version__}
