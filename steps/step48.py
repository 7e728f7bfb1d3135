"""Step 48: Classification (多値分類).

New here: a network that tells three classes apart, trained on small batches.
Three arms of a spiral wind around each other, which no straight line can separate. The network ends in three
scores; the loss is step 47's. With many points, a gradient from 30 of them is nearly as good as one from all, and
ten times as cheap, so an epoch (each point once, in a new order) makes ten steps instead of one:

    epoch:  shuffle;  for each 30 points:  loss, gradient, step

Run it:   python steps/step48.py
Expect:   at least nine out of ten points right, also of points never trained on; a linear model gets half of them.
          The regions go to step48.png.
Promise:  accuracy >= 0.9; test_accuracy >= 0.9; linear_accuracy < 0.7; loss < 0.3
Picture:  step48.png
Missing:  we cut the batches by hand from arrays that fit into memory; steps 49 and 50 do better.
"""

import sys
from pathlib import Path

import numpy as np

import dezero
import dezero.functions as F
from dezero import optimizers
from dezero.datasets import get_spiral
from dezero.models import MLP


def train(model, x, t, epochs, batch_size, lr):
    """Mini-batch gradient descent. Returns the mean loss of each epoch."""
    optimizer = optimizers.SGD(lr).setup(model)
    history = []
    for _ in range(epochs):
        order = np.random.permutation(len(x))
        total = 0.0
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            loss = F.softmax_cross_entropy(model(x[batch]), t[batch])
            model.cleargrads()
            loss.backward()
            optimizer.update()
            total += float(loss.data) * len(batch)
        history.append(total / len(x))
    return history


def predict(model, x):
    """The class with the highest score."""
    with dezero.no_grad():
        return model(x).data.argmax(axis=1)


def draw(model, x, t, path, show):
    import matplotlib

    if not show:
        matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.colors import ListedColormap

    side = np.linspace(-1.2, 1.2, 300, dtype=np.float32)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)  # (300 * 300, 2)
    regions = predict(model, grid).reshape(300, 300)
    figure, ax = plt.subplots(figsize=(5.6, 5.6), layout="constrained")
    ax.contourf(side, side, regions, levels=[-0.5, 0.5, 1.5, 2.5], colors=["#fbdcb8", "#cfe0f3", "#cde8cf"])
    ax.scatter(*x.T, c=t, cmap=ListedColormap(["#e07b00", "#1f5fa8", "#2e7d32"]), s=22, edgecolor="white", lw=0.6)
    ax.set(aspect="equal", xticks=[], yticks=[], title="Which class the network sees where")
    figure.savefig(path, dpi=110)
    if show:
        plt.show()
    plt.close(figure)


def main(epochs=300, batch_size=30, hidden=10, lr=1.0, seed=0, folder=".", show=False):
    np.random.seed(seed)
    x, t = get_spiral(train=True)
    x_test, t_test = get_spiral(train=False)

    linear = MLP((3,))
    train(linear, x, t, epochs // 10, batch_size, lr)
    linear_accuracy = float((predict(linear, x) == t).mean())
    print(f"straight borders: {linear_accuracy:.1%} of the points right")

    model = MLP((hidden, 3))
    history = train(model, x, t, epochs, batch_size, lr)
    for epoch in range(epochs // 6, epochs + 1, epochs // 6):
        print(f"epoch {epoch:3}: loss {history[epoch - 1]:.4f}")
    accuracy = float((predict(model, x) == t).mean())
    test_accuracy = float((predict(model, x_test) == t_test).mean())
    print(f"with {hidden} hidden units: {accuracy:.1%} right, {test_accuracy:.1%} of points it has not seen")

    path = Path(folder) / "step48.png"
    draw(model, x, t, path, show)
    print(f"The picture is in {path}.")
    return {
        "accuracy": accuracy,
        "test_accuracy": test_accuracy,
        "linear_accuracy": linear_accuracy,
        "loss": history[-1],
    }


if __name__ == "__main__":
    main(show="--show" in sys.argv)
