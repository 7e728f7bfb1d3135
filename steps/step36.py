"""Step 36: Other uses of double backprop (高階微分以外の用途).

New here: a gradient as part of a formula that is differentiated itself. First the smallest one:

    y = x^2,   z = (dy/dx)^3 + y = 8 x^3 + x^2,   dz/dx = 24 x^2 + 2 x = 100 at x = 2

Then one with a use. A curve of 12 waves is to go through 14 noisy points. It comes close to each and swings
wildly between them. So we ask that it also be calm, by adding its slope to the loss, the mean square of dy/dx:

    loss = mean (y - t)^2 + c * mean (dy/dx)^2

dy/dx is a gradient by x, and training needs the gradient of the loss by the weights: a walk through a walk. For the
inner one ``dezero.grad(y, x)`` is handy: it returns the gradient, and leaves alone what the weights have in ``grad``.

Run it:   python steps/step36.py
Expect:   100; and a curve that is much calmer, and nearer to the truth behind the noise, which neither has seen.
          Both go to step36.png.
Promise:  dz == 100; penalty_gradient_error < 1e-6; slope_ratio < 0.5; error_ratio < 0.7; no_graph_gradient == 4
Picture:  step36.png
Missing:  numbers and curves so far; networks take tables of numbers. Stage 4 begins with them in step 37.
"""

import sys
from pathlib import Path

import numpy as np

import dezero.functions as F
from dezero import Variable, grad


def gradient_inside(at, create_graph=True):
    """dz/dx for z = (dy/dx)^3 + y, y = x^2."""
    x = Variable(np.array(at))
    y = x**2
    y.backward(create_graph=create_graph)
    gx = x.grad
    x.cleargrad()
    z = gx**3 + y
    z.backward()
    return float(x.grad.data)


def curve(x, weights):
    """A sum of waves: w0 + w1 sin x + w2 cos x + w3 sin 2x + ..."""
    y = weights[0] + x * 0
    for k in range(1, len(weights) // 2 + 1):
        y = y + weights[2 * k - 1] * F.sin(k * x) + weights[2 * k] * F.cos(k * x)
    return y


def loss_of(weights, x, t, everywhere, penalty):
    """How far the curve is from the points, and how steep it is everywhere."""
    loss = F.average((curve(x, weights) - t) ** 2)
    if penalty:
        v = Variable(everywhere)
        gv = grad(curve(v, weights), v, create_graph=True)  # the slope at each place, and how it came about
        loss = loss + penalty * F.average(gv**2)
    return loss


def train(x, t, everywhere, waves, penalty, iterations, lr):
    """Gradient descent on all weights."""
    weights = [Variable(np.array(0.0)) for _ in range(2 * waves + 1)]
    for _ in range(iterations):
        loss = loss_of(weights, x, t, everywhere, penalty)
        for w in weights:
            w.cleargrad()
        loss.backward()
        for w in weights:
            w.data -= lr * w.grad.data
    return weights


def penalty_gradient_error(x, t, everywhere, waves, rng, h=1e-5):
    """Whether the walk through the walk is right: against central differences, along one direction."""
    at, direction = rng.standard_normal((2, 2 * waves + 1))

    def value(shift):
        return float(loss_of([Variable(np.array(w)) for w in at + shift * direction], x, t, everywhere, 0.1).data)

    weights = [Variable(np.array(w)) for w in at]
    loss_of(weights, x, t, everywhere, 0.1).backward()
    found = sum(float(w.grad.data) * d for w, d in zip(weights, direction))
    numerical = (value(h) - value(-h)) / (2 * h)
    return abs(found - numerical) / abs(numerical)


def draw(x, t, xs, curves, path, show):
    import matplotlib

    if not show:
        matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(7.6, 4.4), layout="constrained")
    for label, style, color, ys in curves:
        ax.plot(xs, ys, style, color=color, lw=2, label=label)
    ax.scatter(x, t, s=32, color="#3c4650", zorder=3, label="the points")
    ax.set(xlabel="x", ylabel="y", title="The same waves, with and without a price on slope")
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    if show:
        plt.show()
    plt.close(figure)


def main(points=14, waves=6, penalty=0.02, iterations=300, lr=0.2, seed=0, folder=".", show=False):
    dz, no_graph = gradient_inside(2.0), gradient_inside(2.0, create_graph=False)
    print(f"dz/dx at 2: {dz}; without create_graph only that of y is left: {no_graph}")

    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-np.pi, np.pi, points))
    t = np.sin(x) + 0.3 * rng.standard_normal(points)
    everywhere = np.linspace(-np.pi, np.pi, 60)
    gradient_error = penalty_gradient_error(x, t, everywhere, waves, rng)
    print(f"the gradient of the penalised loss differs from central differences by {gradient_error:.0e}")

    xs = np.linspace(-np.pi, np.pi, 300)
    found = {}
    for name, c in (("without", 0.0), ("with", penalty)):
        weights = train(x, t, everywhere, waves, c, iterations, lr)
        ys = curve(xs, weights).data
        slope, error = np.mean(np.gradient(ys, xs) ** 2), np.sqrt(np.mean((ys - np.sin(xs)) ** 2))
        found[name] = ys, slope, error
        print(f"{name:7} the penalty: mean squared slope {slope:.2f}, {error:.3f} away from the truth")

    path = Path(folder) / "step36.png"
    curves = [
        ("the truth, sin(x)", "--", "#9aa5b1", np.sin(xs)),
        ("loss on the points only", "-", "#e07b00", found["without"][0]),
        ("slope in the loss", "-", "#1f5fa8", found["with"][0]),
    ]
    draw(x, t, xs, curves, path, show)
    print(f"The picture is in {path}.")
    return {
        "dz": dz,
        "no_graph_gradient": no_graph,
        "penalty_gradient_error": gradient_error,
        "slope_ratio": float(found["with"][1] / found["without"][1]),
        "error_ratio": float(found["with"][2] / found["without"][2]),
    }


if __name__ == "__main__":
    main(show="--show" in sys.argv)
