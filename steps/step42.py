"""Step 42: Linear regression (線形回帰).

New here: learning from data. 100 points lie around a line that we do not know. A line x W + b is good if it passes
close to them; how close, says the mean squared error,

    loss = ((y_0 - t_0)^2 + (y_1 - t_1)^2 + ...) / N,    y = x W + b

which is one number that depends on W and b. So step 28 applies: go down along its gradient. ``F.mean_squared_error``
is that formula as one function; written with - ** sum and / the same loss leaves a graph of four, and keeps their
arrays until the walk is over.

Run it:   python steps/step42.py
Expect:   a slope near 2 and a start near 5.5 (5 and the mean of the noise), as the exact solution of this small
          problem has them; the loss ends at the variance of the noise, 1/12 = 0.083. The line goes to step42.png.
Promise:  first_loss > 10; loss < 0.1; W > 1.7; W < 2.3; b > 5.2; b < 5.8; distance_to_exact < 1e-3; same_loss < 1e-9;
          functions == 1; functions_simple == 4
Picture:  step42.png
Missing:  the data lay around a line. For those that do not, step 43 makes the line bend.
"""

import sys
from pathlib import Path

import numpy as np

import dezero.functions as F
from dezero import Variable
from dezero.utils import get_dot_graph


def toy_data(size, rng):
    """Points around t = 5 + 2x, raised by noise from 0 to 1."""
    x = rng.random((size, 1))
    return x, 5 + 2 * x + rng.random((size, 1))


def predict(x, W, b):
    return F.matmul(x, W) + b  # (N, 1); b is broadcast


def mean_squared_error(y, t):
    """The formula, in four functions."""
    return ((y - t) ** 2).sum() / len(y)


def train(x, t, lr, iterations):
    """Gradient descent from zero. Returns W, b and the loss on the way."""
    W, b = Variable(np.zeros((1, 1))), Variable(np.zeros(1))
    losses = []
    for _ in range(iterations):
        loss = F.mean_squared_error(predict(x, W, b), t)
        W.cleargrad()
        b.cleargrad()
        loss.backward()
        W.data -= lr * W.grad.data
        b.data -= lr * b.grad.data
        losses.append(float(loss.data))
    return W, b, losses


def exact_line(x, t):
    """W and b of the least squared error, which for a line can be had without walking."""
    table = np.hstack([x, np.ones_like(x)])  # (N, 2)
    return np.linalg.lstsq(table, t, rcond=None)[0].ravel()


def compare_losses(x, t, W, b):
    """How the one function and the four differ: in value, and in functions from y on."""
    y = Variable(predict(x, W, b).data)
    one, four = F.mean_squared_error(y, t), mean_squared_error(y, t)
    counts = [get_dot_graph(loss).count("shape=box") for loss in (one, four)]
    return abs(float(one.data) - float(four.data)), *counts


def draw(x, t, W, b, losses, path, show):
    import matplotlib

    if not show:
        matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    ends = np.array([[0.0], [1.0]])
    left.scatter(x, t, s=14, color="#9aa5b1", label="data")
    slope, start = float(W.data[0, 0]), float(b.data[0])
    left.plot(ends, predict(ends, W, b).data, color="#1f5fa8", lw=2.2, label=f"y = {slope:.2f} x + {start:.2f}")
    left.set(xlabel="x", ylabel="t", title="The line that passes closest")
    left.legend(frameon=False)
    right.loglog(np.arange(1, len(losses) + 1), losses, color="#1f5fa8", lw=2.2, label="loss")
    right.axhline(1 / 12, color="#e07b00", ls="--", label="variance of the noise")
    right.set(xlabel="iteration", title="How the loss falls")
    right.legend(frameon=False)
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    if show:
        plt.show()
    plt.close(figure)


def main(size=100, lr=0.3, iterations=500, seed=0, folder=".", show=False):
    rng = np.random.default_rng(seed)
    x, t = toy_data(size, rng)
    W, b, losses = train(x, t, lr, iterations)
    for i in (0, 1, 2, 10, 100, iterations - 1):
        print(f"iteration {i:3}: loss {losses[i]:.5f}")
    exact_W, exact_b = exact_line(x, t)
    slope, start = float(W.data[0, 0]), float(b.data[0])
    print(f"found:  y = {slope:.5f} x + {start:.5f}\nexact:  y = {exact_W:.5f} x + {exact_b:.5f}")

    difference, functions, functions_simple = compare_losses(x, t, W, b)
    print(
        f"F.mean_squared_error is {functions} function, the formula {functions_simple}; they differ by {difference:.0e}"
    )

    path = Path(folder) / "step42.png"
    draw(x, t, W, b, losses, path, show)
    print(f"The picture is in {path}.")
    return {
        "first_loss": losses[0],
        "loss": losses[-1],
        "W": slope,
        "b": start,
        "distance_to_exact": float(np.hypot(slope - exact_W, start - exact_b)),
        "same_loss": difference,
        "functions": functions,
        "functions_simple": functions_simple,
    }


if __name__ == "__main__":
    main(show="--show" in sys.argv)
