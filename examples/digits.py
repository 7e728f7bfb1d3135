"""A small convolutional network learns to read handwriting.

    python examples/digits.py                       # the digits that ship with dezero, a few seconds
    python examples/digits.py --data mnist          # 70,000 larger ones, from the cache or downloaded
    python examples/digits.py --help

Leaves in runs/<data>/: weights.npz, graph.svg and graph.png (how the loss of one batch was computed), and
training.png (loss and accuracy, and a sheet of test digits with what the network read). The same seed gives the
same result to the last bit on one machine.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import dezero
import dezero.functions as F
import dezero.layers as L
from dezero import DataLoader, Model, optimizers
from dezero.datasets import MNIST, Digits, FashionMNIST
from dezero.transforms import Compose, Normalize, ToFloat

SCALED = Compose([ToFloat(), Normalize(0.0, 255.0)])
DATA = {
    "digits": lambda train: Digits(train=train),
    "mnist": lambda train: MNIST(train=train, transform=SCALED),
    "fashion": lambda train: FashionMNIST(train=train, transform=SCALED),
}
EPOCHS = {"digits": 30, "mnist": 1, "fashion": 3}


class ConvNet(Model):
    """Two convolutions, each halved by pooling, and two linear layers: LeNet with today's activations.

    Args:
        channels: Of the first convolution; the second has twice as many.
        kernel_size: Of both convolutions: 3 for pictures of 8 x 8 pixels, 5 for 28 x 28.
        pad: Zeros around the picture.
        dropout_ratio: Share of the 128 features that drop while training.
    """

    def __init__(self, channels: int = 16, kernel_size: int = 5, pad: int = 0, dropout_ratio: float = 0.5):
        super().__init__()
        self.dropout_ratio = dropout_ratio
        self.conv1 = L.Conv2d(channels, kernel_size, pad=pad)
        self.conv2 = L.Conv2d(2 * channels, kernel_size, pad=pad)
        self.fc1 = L.Linear(128)
        self.fc2 = L.Linear(10)

    def forward(self, x):
        x = F.pooling(F.relu(self.conv1(x)), 2, 2)  # (N, C, H/2, W/2)
        x = F.pooling(F.relu(self.conv2(x)), 2, 2)  # (N, 2C, H/4, W/4)
        x = F.relu(self.fc1(F.flatten(x)))  # (N, 128)
        return self.fc2(F.dropout(x, self.dropout_ratio))  # (N, 10)


def build(data: str) -> ConvNet:
    """The network that fits the pictures of ``data``."""
    return ConvNet(channels=32, kernel_size=3, pad=1) if data == "digits" else ConvNet()


def train_epoch(model: Model, optimizer: optimizers.Optimizer, loader: Any) -> tuple[float, float]:
    """One pass over the training data. Returns the mean loss and the accuracy on the way."""
    total_loss = total_hits = 0.0
    for x, t in loader:
        y = model(x)
        loss = F.softmax_cross_entropy(y, t)
        model.cleargrads()
        loss.backward(retain_graph=False)
        optimizer.update()
        total_loss += float(loss) * len(t)
        total_hits += float(F.accuracy(y, t)) * len(t)
    return total_loss / loader.data_size, total_hits / loader.data_size


def predict(model: Model, loader: DataLoader) -> tuple[np.ndarray, float]:
    """The digit that the network reads in each test picture, and the share that it reads right."""
    with dezero.no_grad(), dezero.test_mode():
        read = np.concatenate([model(x).data.argmax(axis=1) for x, _ in loader])
    return read, float((read == loader.dataset.label).mean())


class WithProgress:
    """A loader that shows a bar while it is walked through, where tqdm is installed."""

    def __init__(self, loader: DataLoader, title: str):
        self.loader, self.title = loader, title
        self.data_size = loader.data_size

    def __iter__(self):
        try:
            from tqdm import tqdm
        except ImportError:
            return iter(self.loader)
        return iter(tqdm(self.loader, self.title, leave=False, ncols=80, unit="batch"))


def draw_graph(loss: dezero.Variable, folder: Path) -> None:
    """Draws how ``loss`` was computed, or says why not."""
    for name in ("graph.svg", "graph.png"):
        try:
            dezero.utils.plot_dot_graph(loss, verbose=True, to_file=str(folder / name))
        except (ImportError, RuntimeError) as missing:
            print(f"Left out: {folder / name}, because {missing}")


def draw_training(history: list[dict[str, float]], test: Any, read: np.ndarray, path: Path) -> None:
    """Draws the curves, and a sheet of test pictures, mistakes first and in red; or says why not."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError as missing:
        print(f"Left out: {path}, because {missing}. Install it with pip install 'dezero[plots]'.")
        return
    figure = plt.figure(figsize=(13, 5.6), layout="constrained")
    curves, sheet = figure.subfigures(1, 2, width_ratios=[4, 7])
    upper, lower = curves.subplots(2, 1, sharex=True)
    epochs = np.arange(1, len(history) + 1)
    upper.plot(epochs, [h["loss"] for h in history], "o-", ms=3, color="#1f5fa8")
    upper.set(ylabel="training loss", yscale="log")
    lower.plot(epochs, [100 * h["train"] for h in history], "o-", ms=3, color="#1f5fa8", label="training")
    lower.plot(epochs, [100 * h["test"] for h in history], "o-", ms=3, color="#e07b00", label="test")
    lower.set(xlabel="epoch", ylabel="accuracy (%)")
    lower.xaxis.get_major_locator().set_params(integer=True)
    lower.legend(loc="lower right")
    for ax in (upper, lower):
        ax.grid(alpha=0.3)
    wrong = read != test.label
    order = np.argsort(~wrong, kind="stable")[:50]
    names = type(test).labels()
    sheet.suptitle(f"{len(test)} test pictures, {wrong.sum()} mistakes (red: read / true)")
    for ax, i in zip(sheet.subplots(5, 10).flat, order):
        ax.imshow(test.data[i, 0], cmap="gray_r")
        label = f"{names[int(read[i])]} / {names[int(test.label[i])]}" if wrong[i] else names[int(read[i])]
        ax.set_title(label, color="#c62828" if wrong[i] else "#222222", fontsize=9, pad=2)
        ax.set(xticks=[], yticks=[])
        for side in ax.spines.values():
            side.set(color="#c62828" if wrong[i] else "#cccccc", linewidth=2 if wrong[i] else 0.6)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(
    data: str = "digits", epochs: int | None = None, batch: int = 32, seed: int = 0, out: str | None = None
) -> dict[str, Any]:
    """Trains, saves, draws, and reads the weights back.

    Args:
        data: ``digits``, ``mnist`` or ``fashion``.
        epochs: Passes over the training data.
        batch: Pictures per step.
        seed: Of everything random.
        out: Folder for the results, ``runs/<data>`` where None.

    Returns:
        The test accuracy after training and after loading, from 0 to 1, and the history of the epochs.
    """
    np.random.seed(seed)
    folder = Path(out or Path("runs") / data)
    folder.mkdir(parents=True, exist_ok=True)
    train, test = DATA[data](True), DATA[data](False)
    loader, test_loader = DataLoader(train, batch), DataLoader(test, 500, shuffle=False)
    model = build(data)
    optimizer = optimizers.Adam(alpha=0.002).setup(model)
    print(f"{len(train)} pictures to learn from, {len(test)} to be tested on.")
    history: list[dict[str, float]] = []
    for epoch in range(1, (epochs or EPOCHS[data]) + 1):
        loss, train_accuracy = train_epoch(model, optimizer, WithProgress(loader, f"epoch {epoch}"))
        optimizer.alpha *= 0.93  # smaller and smaller steps, so that the end does not depend on the last batches
        read, accuracy = predict(model, test_loader)
        history.append({"loss": loss, "train": train_accuracy, "test": accuracy})
        print(f"epoch {epoch:2}: loss {loss:.4f}, training accuracy {train_accuracy:.2%}, test accuracy {accuracy:.2%}")

    weights = folder / "weights.npz"
    model.save_weights(weights)
    x, t = next(DataLoader(train, min(batch, 8), shuffle=False))
    draw_graph(F.softmax_cross_entropy(model(x), t), folder)
    draw_training(history, test, read, folder / "training.png")

    fresh = build(data)
    fresh.load_weights(weights)
    _, reloaded = predict(fresh, test_loader)
    print(f"Test accuracy {accuracy:.4%}; of a fresh model with the weights from {weights}: {reloaded:.4%}")
    print("Results are in " + str(folder) + ": " + ", ".join(sorted(p.name for p in folder.iterdir())))
    return {"accuracy": accuracy, "reloaded": reloaded, "history": history}


def parse_arguments() -> dict[str, Any]:
    parser = argparse.ArgumentParser(description="A small convolutional network learns to read handwriting.")
    parser.add_argument("--data", choices=sorted(DATA), default="digits", help="what to learn (default: digits)")
    parser.add_argument("--epochs", type=int, help="passes over the training data (default: 30; mnist 1, fashion 3)")
    parser.add_argument("--batch", type=int, default=32, help="pictures per step (default: 32)")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
    parser.add_argument("--out", help="folder for the results (default: runs/<data>)")
    return vars(parser.parse_args())


if __name__ == "__main__":
    main(**parse_arguments())
