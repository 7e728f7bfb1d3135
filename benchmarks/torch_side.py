"""Knows the workloads as a user of PyTorch writes them, in eager mode on two threads."""

from __future__ import annotations

import time

import numpy as np
import torch
from inputs import classes, pictures, tokens, wave
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

    step.parameters = lambda: count(model)
    return step


def count(*models):
    return sum(p.numel() for model in models for p in model.parameters())


def tanh6():
    points = torch.linspace(-3, 3, 200, dtype=torch.float64)

    def step():
        x = points.detach().requires_grad_()
        y = torch.tanh(x)
        for _ in range(6):
            (y,) = torch.autograd.grad(y, x, torch.ones_like(y), create_graph=True)

    return step


def spiral_mlp():
    x, t = classes(30, (2,), 3)
    model = nn.Sequential(nn.Linear(2, 10), nn.Sigmoid(), nn.Linear(10, 3))
    return training(model, torch.optim.SGD(model.parameters(), lr=1.0), x, t)


def mnist_mlp(batch=100):
    x, t = classes(batch, (784,), 10)
    model = nn.Sequential(nn.Linear(784, 1000), nn.ReLU(), nn.Linear(1000, 1000), nn.ReLU(), nn.Linear(1000, 10))
    return training(model, torch.optim.Adam(model.parameters(), weight_decay=1e-4), x, t)


def lenet(batch=100):
    x, t = classes(batch, (1, 28, 28), 10)
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


def lstm_steps(length=30):
    x, t = (torch.from_numpy(a) for a in wave(length))
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

    step.parameters = lambda: count(cell, fc) - cell.bias_hh.numel()  # one bias is as good as two
    return step


def lstm_sequence(length=30):
    x, t = (torch.from_numpy(a) for a in wave(length))
    rnn, fc = nn.LSTM(1, 100), nn.Linear(100, 1)
    optimizer = torch.optim.Adam([*rnn.parameters(), *fc.parameters()])

    def step():
        loss = nn.functional.mse_loss(fc(rnn(x)[0]), t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    step.parameters = lambda: count(rnn, fc) - rnn.bias_hh_l0.numel()
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

    step.parameters = lambda: count(model)
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
    def __init__(self, context):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(65, 128), nn.Embedding(context, 128)
        self.blocks = nn.Sequential(*[Block(128, 4) for _ in range(4)])
        self.ln = nn.LayerNorm(128)

    def forward(self, ids):
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        return (self.ln(self.blocks(x)) @ self.wte.weight.T).reshape(-1, 65)


def gpt(context=64, batch=12):
    model = GPT(context)
    return training(model, torch.optim.AdamW(model.parameters(), lr=1e-3), *tokens(batch, context))


class Bottleneck(nn.Module):
    """A block of ResNet-50 with the stride where its authors have it, in the first convolution."""

    def __init__(self, channels, width, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 1, stride, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1, bias=False),
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
        self.data, self.label = (torch.from_numpy(a) for a in pictures())

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
    """A graph of ``n`` operations, one behind the other."""

    def build():
        y = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
        for _ in range(n):
            y = -y
        return y

    return walked_and_freed(build)


def width(n):
    """A graph of ``n`` branches, side by side."""

    def build():
        x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
        return torch.cat([(-x).reshape(1) for _ in range(n)]).sum()

    return walked_and_freed(build)


def conv(size):
    """A convolution of four pictures of ``size`` x ``size``, and its gradients."""
    x = torch.from_numpy(classes(4, (16, size, size), 2)[0]).requires_grad_()
    layer = nn.Conv2d(16, 32, 3, padding=1)

    def step():
        x.grad = None
        layer.zero_grad()
        layer(x).sum().backward()

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

SCALED = {
    "depth": depth,
    "width": width,
    "batch, MLP": mnist_mlp,
    "batch, LeNet": lenet,
    "image": conv,
    "sequence, LSTM step by step": lstm_steps,
    "sequence, LSTM in one call": lstm_sequence,
    "context, GPT": lambda n: gpt(n, batch=4),
}


def versions() -> dict[str, str]:
    return {"torch": torch.__version__}
