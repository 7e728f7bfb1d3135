"""Knows the workloads as a user of dezero writes them, ours or the book's: names and calls are the same."""

from __future__ import annotations

import importlib.util
import sys
import time
from pathlib import Path

if not Path(importlib.util.find_spec("dezero").origin).with_name("kernels").exists():  # the book's
    import numpy as np

    np.int = int  # it reads the name at import; NumPy has dropped it

import dezero  # before NumPy, as it chooses NumPy's matrix kernels

# isort: split
import numpy as np
from inputs import classes, pictures, tokens, wave

import dezero.functions as F
import dezero.layers as L
from dezero import DataLoader, Model, Variable, optimizers
from dezero.models import MLP, VGG16

OURS = hasattr(dezero, "grad")  # the book's dezero has no such name
NUMBA = None
if OURS and dezero.Config.numba:
    from dezero.kernels.compiled import numba_version

    NUMBA = numba_version()  # imports it, so that its memory counts among that of the imports
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
    if not OURS:
        in_float32(model, x)

    def step():
        loss = F.softmax_cross_entropy(model(x), t)
        model.cleargrads()
        loss.backward(**BACKWARD)
        optimizer.update()

    step.parameters = lambda: count(model)
    return step


def count(model):
    """Numbers that are trained; the book keeps running averages among the parameters."""
    return sum(p.data.size for p in model.params() if not str(p.name).startswith("avg_"))


def in_float32(model, x):
    """What the book's weights are under the NumPy that it was written for; NumPy 2 makes them float64."""
    model(x)  # draws them
    for p in model.params():
        p.data = p.data.astype("f")


def tanh6():
    points = np.linspace(-3, 3, 200)

    def step():
        x = Variable(points)
        y = F.tanh(x)
        for _ in range(6):
            y.backward(create_graph=True)
            y = x.grad
            x.cleargrad()

    return step


def spiral_mlp():
    x, t = classes(30, (2,), 3)
    return training(MLP((10, 3)), optimizers.SGD(1.0), x, t)


def mnist_mlp(batch=100):
    x, t = classes(batch, (784,), 10)
    optimizer = optimizers.Adam()
    step = training(MLP((1000, 1000, 10), activation=F.relu), optimizer, x, t)
    optimizer.add_hook(optimizers.WeightDecay(1e-4))
    return step


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


def lenet(batch=100):
    x, t = classes(batch, (1, 28, 28), 10)
    return training(LeNet(), optimizers.Adam(), x, t)


class SmallVGG(Model):
    def __init__(self):
        super().__init__()
        for i, channels in enumerate((64, 64, 128, 128, 256, 256)):
            setattr(self, f"conv{i}", L.Conv2d(channels, 3, pad=1))
            setattr(self, f"norm{i}", L.BatchNorm())
        self.fc = L.Linear(10)

    def forward(self, x):
        for i in range(6):
            x = F.relu(getattr(self, f"norm{i}")(getattr(self, f"conv{i}")(x)))
            if i % 2:
                x = F.pooling(x, 2, 2)
        return self.fc(F.reshape(x, (x.shape[0], -1)))


def small_vgg():
    x, t = classes(32, (3, 32, 32), 10)
    return training(SmallVGG(), optimizers.MomentumSGD(0.01), x, t)


class Wave(Model):
    """Reads a wave step by step, as the book does."""

    def __init__(self):
        super().__init__()
        self.rnn = L.LSTM(100)
        self.fc = L.Linear(1)

    def reset_state(self):
        self.rnn.reset_state()

    def forward(self, x):
        return self.fc(self.rnn(x))


def lstm_steps(length=30):
    x, t = wave(length)
    model, optimizer = Wave(), optimizers.Adam()
    optimizer.setup(model)
    if not OURS:
        in_float32(model, x[0])

    def step():
        model.reset_state()
        loss = 0
        for xt, tt in zip(x, t):
            loss += F.mean_squared_error(model(xt), tt)
        model.cleargrads()
        loss.backward(**BACKWARD)
        optimizer.update()

    step.parameters = lambda: count(model)
    return step


class WaveSequence(Model):
    """Reads a wave in one call."""

    def __init__(self):
        super().__init__()
        self.rnn = L.StackedLSTM(100)
        self.fc = L.Linear(1)

    def forward(self, x):
        h, _ = self.rnn(x)  # (T, N, H)
        return self.fc(F.reshape(h, (-1, 100)))


def lstm_sequence(length=30):
    if not OURS:  # it has no operation that reads a sequence
        return lstm_steps(length)
    x, t = wave(length)
    model, optimizer = WaveSequence(), optimizers.Adam()
    optimizer.setup(model)
    t = t.reshape(-1, 1)

    def step():
        loss = F.mean_squared_error(model(x), t)
        model.cleargrads()
        loss.backward(**BACKWARD)
        optimizer.update()

    step.parameters = lambda: count(model)
    return step


def vgg16_inference():
    model = VGG16()
    x = np.random.default_rng(0).standard_normal((1, 3, 224, 224)).astype("f")

    def step():
        with dezero.no_grad(), dezero.test_mode():
            model(x)

    if not OURS:
        in_float32(model, x)
    step.parameters = lambda: count(model)
    return step


def gpt(context=64, batch=12):
    x, t = tokens(batch, context)
    model = dezero.models.GPT(vocab_size=65, context_length=context, width=128, n_layers=4, n_heads=4, dropout=0.0)
    optimizer = optimizers.AdamW(1e-3).setup(model)

    def step():
        loss = F.softmax_cross_entropy(model(x).reshape(-1, 65), t)
        model.cleargrads()
        loss.backward(**BACKWARD)
        optimizer.update()

    step.parameters = lambda: count(model)
    return step


def resnet50():
    x, t = classes(4, (3, 224, 224), 1000)
    return training(dezero.models.ResNet50(), optimizers.MomentumSGD(0.01), x, t)


class Digits(dezero.datasets.Dataset):
    """Arrays of MNIST's size."""

    def prepare(self):
        self.data, self.label = pictures()


def data_loader():
    t = dezero.transforms
    digits = Digits(transform=t.Compose([t.Flatten(), t.ToFloat(), t.Normalize(0.0, 255.0)]))
    loader = DataLoader(digits, 100)

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


def conv(size):
    """A convolution of four pictures of ``size`` x ``size``, and its gradients."""
    x = Variable(classes(4, (16, size, size), 2)[0])
    layer = L.Conv2d(32, 3, pad=1)

    def step():
        x.cleargrad()
        layer.cleargrads()
        F.sum(layer(x)).backward(**BACKWARD)

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
if not OURS:  # it has no attention, and its ResNet gives convolutions the wrong arguments
    del WORKLOADS["GPT"], WORKLOADS["ResNet-50"]

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
    version = dezero.__version__ if OURS else "0.0.13"
    compiler = {"numba": NUMBA} if NUMBA else {}
    return {"dezero": version, "numpy": np.__version__, **compiler, "python": sys.version.split()[0]}
