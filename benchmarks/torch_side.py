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


def classes(n, shape, k):
    """``n`` random inputs of ``shape``, and a class out of ``k`` for each."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, *shape)).astype("f"), rng.integers(0, k, n)


def wave():
    """30 steps of 30 waves, (30, 30, 1), and the same a step later."""
    phase = np.linspace(0, 6, 30)[None, :] + np.linspace(0, 3, 31)[:, None]
    x = np.sin(phase)[..., None].astype("f")
    return x[:-1], x[1:]


def training(model, optimizer, x, t):
    x, t = torch.from_numpy(x), torch.from_numpy(t)

    def step():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()

    return step


def tanh6():
    points = torch.linspace(-3, 3, 200, dtype=torch.float64)

    def step():
        x = points.clone().requires_grad_()
        y = torch.tanh(x)
        for _ in range(6):
            (y,) = torch.autograd.grad(y.sum(), x, create_graph=True)

    return step


def spiral_mlp():
    x, t = classes(30, (2,), 3)
    model = nn.Sequential(nn.Linear(2, 10), nn.Sigmoid(), nn.Linear(10, 3))
    return training(model, torch.optim.SGD(model.parameters(), lr=1.0), x, t)


def mnist_mlp():
    x, t = classes(100, (784,), 10)
    model = nn.Sequential(nn.Linear(784, 1000), nn.ReLU(), nn.Linear(1000, 1000), nn.ReLU(), nn.Linear(1000, 10))
    return training(model, torch.optim.Adam(model.parameters(), weight_decay=1e-4), x, t)


def lenet():
    x, t = classes(100, (1, 28, 28), 10)
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


def small_vgg():
    x, t = classes(32, (3, 32, 32), 10)
    sizes, parts = (3, 64, 64, 128, 128, 256, 256), []
    for i in range(6):
        parts += [nn.Conv2d(sizes[i], sizes[i + 1], 3, padding=1), nn.BatchNorm2d(sizes[i + 1]), nn.ReLU()]
        if i % 2:
            parts.append(nn.MaxPool2d(2))
    model = nn.Sequential(*parts, nn.Flatten(), nn.Linear(4096, 10))
    return training(model, torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9), x, t)


def lstm_steps():
    x, t = (torch.from_numpy(a) for a in wave())
    cell, fc = nn.LSTMCell(1, 100), nn.Linear(100, 1)
    optimizer = torch.optim.Adam([*cell.parameters(), *fc.parameters()])

    def step():
        state, loss = None, 0
        for xt, tt in zip(x, t):
            state = cell(xt, state)
            loss = loss + nn.functional.mse_loss(fc(state[0]), tt)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def lstm_sequence():
    x, t = (torch.from_numpy(a) for a in wave())
    rnn, fc = nn.LSTM(1, 100), nn.Linear(100, 1)
    optimizer = torch.optim.Adam([*rnn.parameters(), *fc.parameters()])

    def step():
        loss = nn.functional.mse_loss(fc(rnn(x)[0]), t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def vgg16_inference():
    sizes, parts, channels = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0), [], 3
    for size in sizes:
        if size:
            parts += [nn.Conv2d(channels, size, 3, padding=1), nn.ReLU()]
            channels = size
        else:
            parts.append(nn.MaxPool2d(2))
    head = [nn.Linear(25088, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000)]
    model = nn.Sequential(*parts, nn.Flatten(), *head).eval()
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 3, 224, 224)).astype("f"))

    def step():
        with torch.no_grad():
            model(x)

    return step


class Block(nn.Module):
    """A transformer block in the layout of GPT-2."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        N, T, E = x.shape
        q, k, v = (h.view(N, T, self.heads, -1).transpose(1, 2) for h in self.qkv(self.ln1(x)).split(E, 2))
        h = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(h.transpose(1, 2).reshape(N, T, E))
        return x + self.down(nn.functional.gelu(self.up(self.ln2(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(65, 128), nn.Embedding(64, 128)
        self.blocks = nn.Sequential(*[Block(128, 4) for _ in range(4)])
        self.ln = nn.LayerNorm(128)

    def forward(self, ids):
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        return (self.ln(self.blocks(x)) @ self.wte.weight.T).reshape(-1, 65)


def gpt():
    ids = np.random.default_rng(0).integers(0, 65, (12, 65))
    model = GPT()
    return training(model, torch.optim.AdamW(model.parameters(), lr=1e-3), ids[:, :-1].copy(), ids[:, 1:].reshape(-1))


class Bottleneck(nn.Module):
    def __init__(self, channels, width, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 4 * width, 1, bias=False),
            nn.BatchNorm2d(4 * width),
        )
        self.shortcut = nn.Sequential()
        if stride > 1 or channels != 4 * width:
            conv = nn.Conv2d(channels, 4 * width, 1, stride, bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(4 * width))

    def forward(self, x):
        return nn.functional.relu(self.body(x) + self.shortcut(x))


def resnet50():
    x, t = classes(4, (3, 224, 224), 1000)
    parts = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)]
    channels = 64
    for stage, blocks in enumerate((3, 4, 6, 3)):
        width = 64 << stage
        for i in range(blocks):
            parts.append(Bottleneck(channels, width, 2 if stage and not i else 1))
            channels = 4 * width
    model = nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 1000))
    return training(model, torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9), x, t)


class Digits(torch.utils.data.Dataset):
    """Arrays of MNIST's size, turned into floats one by one, as torchvision's MNIST is."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.data = torch.from_numpy(rng.integers(0, 256, (60000, 1, 28, 28), dtype=np.uint8))
        self.label = torch.from_numpy(rng.integers(0, 10, 60000))

    def __len__(self):
        return len(self.data)

    def __getitem__(self, i):
        return self.data[i].reshape(-1).float().div(255), self.label[i]


def data_loader():
    loader = torch.utils.data.DataLoader(Digits(), 100, shuffle=True)

    def step():
        for _ in loader:
            pass

    return step


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
    "DataLoader": data_loader,
}


def versions() -> dict[str, str]:
    return {"torch": torch.__version__}
