"""Step 51: MNIST (MNISTの学習).

New here: real data, ReLU and Adam.
60,000 handwritten digits of 28 x 28 pixels to learn from, 10,000 by other hands to be tested on. Two parts of the
network change. ReLU, max(0, a), is cheaper than the sigmoid and lets the gradient through whole where a > 0, also in
deep networks. Adam keeps running means of g and g^2 and moves each number by about alpha, whatever its gradient's size:

    p <- p - alpha m / (sqrt(v) + eps),   m ~ mean of g,   v ~ mean of g^2

We let alpha go to zero along the way, so that the end does not hang on the last few batches.

Run it:   python steps/step51.py
Expect:   on MNIST one epoch reads about 97.3 % of the test digits; on the packaged digits, where MNIST is neither
          here nor to be downloaded, 20 epochs about 97.5 %. The digits read wrong go to step51.png.
Promise:  accuracy >= 0.94; loss < 0.5
Promise (MNIST): accuracy >= 0.965
Picture:  step51.png
Missing:  a GPU would be faster: step 52. Pixels in a row forget who their neighbours are: steps 55 to 57.
"""

import sys
from pathlib import Path

import numpy as np

import dezero
import dezero.functions as F
from dezero import DataLoader, optimizers
from dezero.datasets import MNIST, Digits
from dezero.models import MLP
from dezero.transforms import Compose, Flatten, Normalize, ToFloat


def load():
    """Training and test pictures as vectors from 0 to 1: MNIST, else the digits that come with dezero."""
    try:
        return MNIST(train=True), MNIST(train=False)
    except OSError:
        print("MNIST is neither here nor to be downloaded: on with the packaged digits of 8 x 8 pixels.")
        print("(To use it, let DEZERO_DATA_DIR name the folder that has mnist/ with its four files.)")
        vector = Compose([Flatten(), ToFloat(), Normalize(0.0, 16.0)])
        return Digits(train=True, transform=vector), Digits(train=False, transform=vector)


def train(model, loader, epochs, alpha):
    """Adam with a rate that falls evenly to zero. Returns the mean loss of the last epoch."""
    optimizer = optimizers.Adam(alpha).setup(model)
    steps, step = epochs * loader.max_iter, 0
    for epoch in range(1, epochs + 1):
        total = 0.0
        for x, t in loader:
            optimizer.alpha = alpha * (1 - step / steps)
            loss = F.softmax_cross_entropy(model(x), t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            total += float(loss.data) * len(t)
            step += 1
        if epoch % max(1, epochs // 5) == 0:
            print(f"epoch {epoch:2}: loss {total / loader.data_size:.4f}")
    return total / loader.data_size


def read(model, data):
    """The digit that the network reads in each picture."""
    with dezero.no_grad():
        return np.concatenate([model(x).data.argmax(axis=1) for x, t in DataLoader(data, 1000, shuffle=False)])


def draw(data, digits, path, show):
    """The first forty pictures that were read wrong, and what was read in them."""
    import matplotlib

    if not show:
        matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    wrong = np.flatnonzero(digits != data.label)
    figure, panels = plt.subplots(4, 10, figsize=(9, 4.6), layout="constrained")
    figure.suptitle(f"{len(wrong)} of {len(data)} read wrong: as what, and what it is")
    for ax in panels.flat:
        ax.axis("off")
    for ax, i in zip(panels.flat, wrong):
        ax.imshow(data.data[i, 0], cmap="gray_r")
        ax.set_title(f"{digits[i]} for {data.label[i]}", fontsize=9, color="#c62828")
    figure.savefig(path, dpi=110)
    if show:
        plt.show()
    plt.close(figure)


def main(hidden=500, epochs=None, batch_size=100, alpha=0.004, seed=0, folder=".", show=False):
    np.random.seed(seed)
    train_set, test_set = load()
    mnist = isinstance(train_set, MNIST)
    print(f"{len(train_set)} digits to learn from, {len(test_set)} to be tested on")
    model = MLP((hidden, 10), activation=F.relu)
    loss = train(model, DataLoader(train_set, batch_size), epochs or (1 if mnist else 20), alpha)
    digits = read(model, test_set)
    accuracy = float((digits == test_set.label).mean())
    print(f"test accuracy {accuracy:.2%}")

    path = Path(folder) / "step51.png"
    draw(test_set, digits, path, show)
    print(f"The digits read wrong are in {path}.")
    return {"accuracy": accuracy, "loss": loss, "mnist": mnist}


if __name__ == "__main__":
    main(show="--show" in sys.argv)
