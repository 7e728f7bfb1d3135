"""Step 29: Newton's method by hand (ニュートン法 (手計算)).

New here: the second derivative says how far to go.
Near x a function is nearly a parabola, f(x) + f'(x) d + f''(x) d^2 / 2, and the lowest point of a parabola needs no
search: it lies at d = -f' / f''. So jump there, and again, with no learning rate to choose:

    x <- x - f'(x) / f''(x)

For f = x^4 - 2 x^2 backpropagation gives f'. It cannot give f'' yet, so we work it out by hand: 12 x^2 - 4.
Each jump about doubles the number of right digits, where a step of gradient descent adds the same again and again.

Run it:   python steps/step29.py
Expect:   1.0 to the last digits after 7 jumps; gradient descent takes 319 steps. The picture goes to step29.png.
Promise:  newton_iterations <= 7; descent_iterations > 300; newton_error < 1e-12
Picture:  step29.png
Missing:  the second derivative by hand, which for Goldstein-Price nobody wants; steps 30 to 32 get it from the graph.
"""

import sys
from pathlib import Path

import numpy as np

from dezero.core_simple import Variable


def f(x):
    return x**4 - 2 * x**2


def f2(x):
    """The second derivative of f, worked out by hand."""
    return 12 * x**2 - 4


def slope(x):
    """f'(x) by backpropagation."""
    x.cleargrad()
    f(x).backward()
    return x.grad


def newton(start, minimum, tolerance):
    """x after each jump, until it is as close to the minimum as asked."""
    x = Variable(np.array(start))
    xs = [start]
    while abs(xs[-1] - minimum) > tolerance:
        x.data -= slope(x) / f2(x.data)
        xs.append(float(x.data))
    return xs


def descend(start, minimum, tolerance, lr):
    """x after each step of gradient descent, until it is as close to the minimum as asked."""
    x = Variable(np.array(start))
    xs = [start]
    while abs(xs[-1] - minimum) > tolerance:
        x.data -= lr * slope(x)
        xs.append(float(x.data))
    return xs


def draw(newton_xs, descent_xs, path, show):
    import matplotlib

    if not show:
        matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    x = np.linspace(0.2, 2.1, 200)
    left.plot(x, f(x), color="#9aa5b1", lw=2)
    jumps = np.array(newton_xs)
    left.plot(jumps, f(jumps), "o-", color="#1f5fa8", label="Newton's jumps")
    for i in range(3):
        left.annotate(str(i), (jumps[i], f(jumps[i])), (-14, 2), textcoords="offset points", color="#1f5fa8")
    left.set(xlabel="x", ylabel="f(x)", title="$f(x) = x^4 - 2x^2$")
    left.legend(frameon=False)
    for xs, style, color, label in (
        (newton_xs, "o-", "#1f5fa8", "Newton"),
        (descent_xs, "-", "#e07b00", "gradient descent"),
    ):
        distance = [abs(x - 1) for x in xs if x != 1]  # 0 has no place on a logarithmic axis
        right.semilogy(distance, style, ms=4, color=color, label=label)
    right.set(xlabel="iterations", ylabel="distance to the minimum", title="How fast they arrive")
    right.legend(frameon=False)
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    if show:
        plt.show()
    plt.close(figure)


def main(start=2.0, minimum=1.0, tolerance=1e-12, lr=0.01, folder=".", show=False):
    newton_xs = newton(start, minimum, tolerance)
    for i, x in enumerate(newton_xs):
        print(f"jump {i}: x = {x:.15f}, wrong by {abs(x - minimum):.0e}")
    descent_xs = descend(start, minimum, tolerance, lr)
    print(f"Gradient descent with lr = {lr} takes {len(descent_xs) - 1} steps to come as close.")
    path = Path(folder) / "step29.png"
    draw(newton_xs, descent_xs, path, show)
    print(f"The picture is in {path}.")
    return {
        "newton_iterations": len(newton_xs) - 1,
        "newton_error": abs(newton_xs[-1] - minimum),
        "descent_iterations": len(descent_xs) - 1,
    }


if __name__ == "__main__":
    main(show="--show" in sys.argv)
