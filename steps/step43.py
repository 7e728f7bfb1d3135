"""Step 43: A neural network (ニューラルネットワーク).

New here: two linear maps with a sigmoid between them.
Step 42 fitted a straight line. Points that follow a wave need a curve, and a line of a line is a line again:
(x W1 + b1) W2 + b2 = x (W1 W2) + (b1 W2 + b2). What bends is the function between the two:

    y = sigmoid(x W1 + b1) W2 + b2,   sigmoid(a) = 1 / (1 + e^-a)

Each of the ten columns of W1 places one soft stair; W2 adds them up. Gradient descent finds all 31 numbers.

Run it:   python steps/step43.py
Expect:   the loss falls from 1.3 to 0.08, where the noise in the data sits; without the sigmoid it ends at 0.25.
          The picture goes to step43.png.
Promise:  first_loss > 0.5; loss < 0.1; loss_without_sigmoid > 0.2
Picture:  step43.png
Missing:  we still list every parameter by hand; step 44 collects them.
"""

import sys
from pathlib import Path

import numpy as np

import dezero.functions as F
from dezero import Variable


def toy_data(size, rng):
    """A sine wave with noise from 0 to 1, whose variance 1/12 = 0.083 no curve can explain."""
    x = rng.random((size, 1))
    return x, np.sin(2 * np.pi * x) + rng.random((size, 1))


def predict(x, W1, b1, W2, b2, between):
    h = between(F.linear(x, W1, b1))  # (N, H)
    return F.linear(h, W2, b2)  # (N, 1)


def train(x, t, between, hidden, iterations, lr, rng):
    """Gradient descent. Returns the parameters and the loss on the way."""
    W1 = Variable(rng.standard_normal((1, hidden)))  # not zero: equal columns would stay equal for ever
    b1 = Variable(np.zeros(hidden))
    W2 = Variable(rng.standard_normal((hidden, 1)) / np.sqrt(hidden))
    b2 = Variable(np.zeros(1))
    params = [W1, b1, W2, b2]
    losses = []
    for _ in range(iterations):
        loss = F.mean_squared_error(predict(x, *params, between), t)
        for p in params:
            p.cleargrad()
        loss.backward()
        for p in params:
            p.data -= lr * p.grad.data
        losses.append(float(loss.data))
    return params, losses


def nothing(h):
    """What stands between the maps when nothing does."""
    return h


def draw(x, t, curves, path, show):
    import matplotlib

    if not show:
        matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(7, 4.4), layout="constrained")
    ax.scatter(x, t, s=14, color="#9aa5b1", label="data")
    for label, color, (xs, ys) in curves:
        ax.plot(xs, ys, color=color, lw=2.2, label=label)
    ax.set(xlabel="x", ylabel="y", title="What two linear maps can draw")
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    if show:
        plt.show()
    plt.close(figure)


def main(size=100, hidden=10, iterations=10000, lr=0.2, seed=4, folder=".", show=False):
    rng = np.random.default_rng(seed)
    x, t = toy_data(size, rng)
    xs = np.linspace(0, 1, 200)[:, np.newaxis]  # (200, 1)

    params, losses = train(x, t, F.sigmoid, hidden, iterations, lr, rng)
    for i in (0, 10, 100, 1000, iterations - 1):
        print(f"iteration {i:5}: loss {losses[i]:.4f}")
    curve = predict(xs, *params, F.sigmoid).data

    straight, straight_losses = train(x, t, nothing, hidden, iterations // 10, lr, rng)
    line = predict(xs, *straight, nothing).data
    bend = np.abs(np.diff(line, 2, axis=0)).max()  # second differences: 0 for a straight line
    print(f"without the sigmoid: loss {straight_losses[-1]:.4f}, and its curve bends by {bend:.0e}: a line.")

    path = Path(folder) / "step43.png"
    curves = [
        ("with the sigmoid", "#1f5fa8", (xs, curve)),
        ("without it", "#e07b00", (xs, line)),
    ]
    draw(x, t, curves, path, show)
    print(f"The picture is in {path}.")
    return {"first_loss": losses[0], "loss": losses[-1], "loss_without_sigmoid": straight_losses[-1]}


if __name__ == "__main__":
    main(show="--show" in sys.argv)
