"""Step 50: Mini-batches (ミニバッチを取り出すDataLoader).

New here: DataLoader, which goes through a data set in batches; accuracy; a test pass beside the training.
A loader is an iterator, Python's own protocol: iter(loader) begins an epoch, next() gives a batch, StopIteration
ends it, so that the loop of steps 48 and 49 becomes  for x, t in loader.  After each epoch the same questions are
put to data that was not trained on, for a network can learn its samples by heart:

    accuracy = share of samples whose largest score is that of the right class

Run it:   python steps/step50.py
Expect:   each epoch shows each sample once, in another order; 15 lines of our own do what DataLoader does;
          test and training accuracy end above 90 %, their curves in step50.png.
Promise:  each_once == 1; orders_differ == 1; batches == 10; accuracy >= 0.9; test_accuracy >= 0.9
Picture:  step50.png
Missing:  real data: step 51.
"""

import sys
from pathlib import Path

import numpy as np

import dezero
import dezero.functions as F
from dezero import DataLoader, optimizers
from dezero.datasets import Spiral
from dezero.models import MLP


class Batches:
    """A loader in its shortest form."""

    def __init__(self, data, size):
        self.data, self.size = data, size

    def __iter__(self):
        self.order = list(np.random.permutation(len(self.data)))
        return self

    def __next__(self):
        if not self.order:
            raise StopIteration
        batch = [self.data[i] for i in self.order[: self.size]]
        del self.order[: self.size]
        xs, ts = zip(*batch)
        return np.array(xs), np.array(ts)


def check_epochs(loader):
    """Whether each of two epochs shows each sample once, and whether their orders differ."""
    epochs = [[tuple(x) for xs, ts in loader for x in xs] for _ in range(2)]
    points = sorted(map(tuple, loader.data.data if isinstance(loader, Batches) else loader.dataset.data))
    return all(sorted(epoch) == points for epoch in epochs), epochs[0] != epochs[1]


def one_pass(model, loader, optimizer=None):
    """Goes through the data once, learning if there is an optimizer. Returns mean loss and accuracy."""
    total_loss = total_right = 0.0
    for x, t in loader:
        y = model(x)
        loss = F.softmax_cross_entropy(y, t)
        if optimizer is not None:
            model.cleargrads()
            loss.backward()
            optimizer.update()
        total_loss += float(loss.data) * len(t)
        total_right += float(F.accuracy(y, t).data) * len(t)
    return total_loss / len(loader.dataset), total_right / len(loader.dataset)


def draw(history, path, show):
    import matplotlib

    if not show:
        matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for ax, column, title in zip(panels, (0, 1), ("loss", "accuracy")):
        ax.plot([train[column] for train, test in history], color="#1f5fa8", lw=1.8, label="training")
        ax.plot([test[column] for train, test in history], color="#e07b00", lw=1.8, label="test")
        ax.set(xlabel="epoch", title=title)
        ax.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False)
    figure.savefig(path, dpi=110)
    if show:
        plt.show()
    plt.close(figure)


def main(epochs=300, batch_size=30, hidden=10, lr=1.0, seed=0, folder=".", show=False):
    np.random.seed(seed)
    train_set, test_set = Spiral(train=True), Spiral(train=False)

    checks = [check_epochs(loader) for loader in (Batches(train_set, batch_size), DataLoader(train_set, batch_size))]
    for name, (each_once, differ) in zip(("our own", "dezero's"), checks):
        print(f"{name} loader: each sample once per epoch {each_once}, another order each time {differ}")

    train_loader = DataLoader(train_set, batch_size)
    test_loader = DataLoader(test_set, batch_size, shuffle=False)
    print(f"{len(train_set)} samples in batches of {batch_size} are {train_loader.max_iter} steps an epoch")
    model = MLP((hidden, 3))
    optimizer = optimizers.SGD(lr).setup(model)
    history = []
    for epoch in range(1, epochs + 1):
        trained = one_pass(model, train_loader, optimizer)
        with dezero.no_grad():  # nothing is to be learned here, so no graph is built
            tested = one_pass(model, test_loader)
        history.append((trained, tested))
        if epoch % max(1, epochs // 6) == 0:
            print(f"epoch {epoch:3}: training loss {trained[0]:.3f}, {trained[1]:.1%} right; test {tested[1]:.1%}")

    path = Path(folder) / "step50.png"
    draw(history, path, show)
    print(f"The picture is in {path}.")
    return {
        "each_once": all(each_once for each_once, _ in checks),
        "orders_differ": all(differ for _, differ in checks),
        "batches": train_loader.max_iter,
        "accuracy": history[-1][0][1],
        "test_accuracy": history[-1][1][1],
    }


if __name__ == "__main__":
    main(show="--show" in sys.argv)
