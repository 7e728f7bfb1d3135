"""Pictures of computation graphs: two formulas, gradients of gradients, five networks, and where time goes in one.

    python examples/gallery.py                      # into runs/gallery
    python examples/gallery.py --kind png
    python examples/gallery.py --only lenet --only lstm
    python examples/gallery.py --readme docs/images    # those that the README shows, where it shows them from

Needs the program ``dot`` (Graphviz) and the package ``graphviz``; with ``--kind dot`` neither.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

import dezero.functions as F
import dezero.layers as L
from dezero import Model, Variable, profile, test_mode
from dezero.graph import plot_dot_graph, plot_model, record_layers
from dezero.models import GPT, ResNet50


class LeNet(Model):
    """LeNet-5 with today's activations: two convolutions and three linear layers."""

    def __init__(self):
        super().__init__()
        self.conv1 = L.Conv2d(6, 5, pad=2)
        self.conv2 = L.Conv2d(16, 5)
        self.fc3 = L.Linear(120)
        self.fc4 = L.Linear(84)
        self.fc5 = L.Linear(10)

    def forward(self, x):
        x = F.pooling(F.relu(self.conv1(x)), 2, 2)  # (N, 6, H/2, W/2)
        x = F.pooling(F.relu(self.conv2(x)), 2, 2)  # (N, 16, H/4 - 2, W/4 - 2)
        x = F.relu(self.fc3(F.flatten(x)))  # (N, 120)
        return self.fc5(F.relu(self.fc4(x)))  # (N, 10)


class Reader(Model):
    """Reads a sequence step by step: an LSTM, and a linear layer on what it remembers."""

    def __init__(self):
        super().__init__()
        self.lstm = L.LSTM(8)
        self.out = L.Linear(1)

    def forward(self, x1, x2, x3):
        self.lstm.reset_state()
        for x in (x1, x2, x3):
            h = self.lstm(x)  # (N, 8)
        return self.out(h)  # (N, 1)


def goldstein(path: Path) -> None:
    """The Goldstein-Price function as in the book: every step of a formula."""
    x, y = Variable(np.array(1.0), "x"), Variable(np.array(1.0), "y")
    a = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    b = 30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
    z = a * b
    z.name = "z"
    plot_dot_graph(z, verbose=False, to_file=path)


def tanh3(path: Path) -> None:
    """The third derivative of tanh: each order in a colour of its own."""
    x = Variable(np.array(1.0), "x")
    y = F.tanh(x)
    y.name = "y"
    plot_dot_graph(y, verbose=False, to_file=path, gradients=3)


def tanh8(path: Path) -> None:
    """The derivatives of tanh up to the eighth: too many nodes to read, so each order folds to one box."""
    x = Variable(np.array(1.0), "x")
    y = F.tanh(x)
    y.name = "y"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it folds
        plot_dot_graph(y, verbose=False, to_file=path, gradients=8, limit=100)


def lenet(path: Path) -> None:
    """A LeNet: each layer is one box."""
    LeNet().plot(np.zeros((1, 1, 28, 28), np.float32), to_file=path, depth=1)


def lenet_open(path: Path) -> None:
    """A LeNet: each layer is open and shows its parameters."""
    LeNet().plot(np.zeros((1, 1, 28, 28), np.float32), to_file=path, layers=True)


def lenet_profile(path: Path) -> None:
    """A LeNet, each part coloured by the time it took in a training step of 100 digits."""
    model, x, t = LeNet(), np.zeros((100, 1, 28, 28), np.float32), np.zeros(100, np.int64)
    for _ in range(3):  # the first call makes the parameters, and all of them take memory that the later ones reuse
        F.softmax_cross_entropy(model(x), t).backward()
    with profile(layers=model) as p:
        loss = F.softmax_cross_entropy(model(x), t)
        loss.backward()
    loss.name = "loss"
    p.plot(loss, to_file=path, depth=1, parameters=False)


def lenet_step(path: Path) -> None:
    """A training step of a LeNet: the way to the loss and, beside it, the gradients on their way back."""
    model, x = LeNet(), np.zeros((1, 1, 28, 28), np.float32)
    with record_layers(model) as calls:
        loss = F.softmax_cross_entropy(model(x), np.array([3]))
    loss.name = "loss"
    plot_dot_graph(loss, to_file=path, layers=calls, depth=1, gradients=1, parameters=False)


def resnet50_stages(path: Path) -> None:
    """A ResNet-50 to depth 1."""
    with test_mode():
        ResNet50().plot(np.zeros((1, 3, 224, 224), np.float32), to_file=path, depth=1)


def resnet50_blocks(path: Path) -> None:
    """A ResNet-50 to depth 2: blocks that look the same are drawn once, with their number."""
    with test_mode():
        ResNet50().plot(np.zeros((1, 3, 224, 224), np.float32), to_file=path, depth=2)


def resnet50_step(path: Path) -> None:
    """A training step of a ResNet-50."""
    model, x = ResNet50(), np.zeros((2, 3, 64, 64), np.float32)
    with record_layers(model) as calls:
        loss = F.softmax_cross_entropy(model(x), np.array([3, 4]))
    loss.name = "loss"
    plot_dot_graph(loss, to_file=path, layers=calls, depth=2, gradients=1, parameters=False)


def lstm(path: Path) -> None:
    """An LSTM over three steps: three calls of one layer."""
    xs = [np.zeros((1, 4), np.float32) for _ in range(3)]
    Reader().plot(*xs, to_file=path, depth=1)


def lstm_open(path: Path) -> None:
    """The same, each call open: what one step leaves to the next."""
    xs = [np.zeros((1, 4), np.float32) for _ in range(3)]
    Reader().plot(*xs, to_file=path, depth=2)


def gpt(path: Path) -> None:
    """A GPT of twelve blocks, one of which stands for all."""
    model = GPT(vocab_size=100, context_length=16, width=48, n_layers=12, n_heads=4, dropout=0.0)
    model.plot(np.zeros((1, 16), np.int64), to_file=path, depth=2)


def gpt_block(path: Path) -> None:
    """One block of a GPT: attention and a network of two layers, each added to what came in."""
    block = L.TransformerBlock(4, 48, causal=True)
    with test_mode():
        plot_model(block, np.zeros((1, 16, 48), np.float32), to_file=path, depth=2)


PICTURES: list[Callable[[Path], None]] = [
    goldstein,
    tanh3,
    tanh8,
    lenet,
    lenet_open,
    lenet_profile,
    lenet_step,
    resnet50_stages,
    resnet50_blocks,
    resnet50_step,
    lstm,
    lstm_open,
    gpt,
    gpt_block,
]
NOT_IN_README = {"lenet_step", "lstm_open"}  # a ResNet's step is there, and the other is too wide for it


def main(out: str = "runs/gallery", kind: str = "svg", only: list[str] | None = None) -> list[Path]:
    """Draws the pictures.

    Args:
        out: Folder for them; made where it is missing.
        kind: Ending of the files: svg, png, pdf or dot.
        only: Names of those wanted; all where None.

    Returns:
        The paths of the files.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for draw in PICTURES:
        if not only or draw.__name__ in only:
            path = folder / f"{draw.__name__}.{kind}"
            draw(path)
            print(f"{path}  {path.stat().st_size / 1024:.0f} KiB  {draw.__doc__}")
            paths.append(path)
    return paths


def parse_arguments() -> dict[str, object]:
    parser = argparse.ArgumentParser(description="Pictures of computation graphs.")
    parser.add_argument("--out", default="runs/gallery", help="folder for the pictures (default: runs/gallery)")
    parser.add_argument("--kind", choices=("svg", "png", "pdf", "dot"), default="svg", help="default: svg")
    parser.add_argument("--readme", metavar="FOLDER", help="draw those of the README into this folder, as svg")
    names = [draw.__name__ for draw in PICTURES]
    parser.add_argument("--only", choices=names, action="append", metavar="NAME", help=f"one of {', '.join(names)}")
    asked = vars(parser.parse_args())
    folder = asked.pop("readme")
    if folder is not None:
        asked = {"out": folder, "kind": "svg", "only": [name for name in names if name not in NOT_IN_README]}
    return asked


if __name__ == "__main__":
    main(**parse_arguments())
