"""Step 28: Optimisation (関数の最適化).

New here: walking downhill. The gradient points where a function rises fastest, so a small step the other way lowers
it:

    x <- x - lr * df/dx,   lr: the learning rate

The Rosenbrock function f = 100 (x1 - x0^2)^2 + (x0 - 1)^2 is a valley bent like a banana. Its sides are steep, its
floor is nearly flat, and the lowest point, (1, 1), lies far along the floor. The steepest way down leads across the
valley rather than along it: the path falls in within a few steps and then crawls.

Run it:   python steps/step28.py
Expect:   from f = 401 at (0, 2) to f = 5 in 10 steps, to 0.1 in 1000, and after 10000 still 0.01 away from (1, 1);
          with a learning rate of 0.01 it is lost within a few steps. The path goes to step28.png.
Promise:  first_f == 401; f_1000 < 0.2; f < 1e-4; distance < 0.02; large_lr_lost == 1
Picture:  step28.png
Missing:  thousands of steps for two numbers; step 29 also uses how the slope changes, and needs seven.
"""

import sys
from pathlib import Path

import numpy as np

from dezero.core_simple import Variable


def rosenbrock(x0, x1):
    return 100 * (x1 - x0**2) ** 2 + (x0 - 1) ** 2


def descend(f, start, lr, iterations):
    """Gradient descent from ``start``. Returns the points on the way, and f there."""
    x0, x1 = (Variable(np.array(x)) for x in start)
    path, values = [], []
    for _ in range(iterations + 1):
        y = f(x0, x1)
        path.append((float(x0.data), float(x1.data)))
        values.append(float(y.data))
        if values[-1] > 1e10:  # lost: the steps grow from one to the next
            break
        x0.cleargrad()
        x1.cleargrad()
        y.backward()
        x0.data -= lr * x0.grad
        x1.data -= lr * x1.grad
    return np.array(path), values


def draw(path_of_x, file, show):
    import matplotlib

    if not show:
        matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.colors import LogNorm

    x0, x1 = np.meshgrid(np.linspace(-1.6, 1.6, 300), np.linspace(-0.8, 2.4, 300))
    figure, ax = plt.subplots(figsize=(7, 5), layout="constrained")
    # levels at equal distances would show the steep sides only, so each is higher than the last by a factor
    colors = ax.contourf(
        x0, x1, rosenbrock(x0, x1), levels=np.logspace(-2, 4, 13), cmap="Blues_r", norm=LogNorm(1e-3, 1e4)
    )
    figure.colorbar(colors, label="f", ticks=[0.01, 0.1, 1, 10, 100, 1000, 10000], format="%g")
    ax.plot(*path_of_x.T, color="#e07b00", lw=1.4, label="gradient descent")
    ax.scatter(*path_of_x[::1000].T, color="#e07b00", s=22, edgecolor="white", lw=0.6, zorder=3)
    ax.plot(*path_of_x[0], "o", color="#e07b00", mec="white", ms=9, label="start (0, 2)")
    ax.plot(1, 1, "*", color="#2e7d32", mec="white", ms=16, label="minimum (1, 1)")
    ax.set(xlabel="x0", ylabel="x1", title="Down the Rosenbrock valley, a dot every 1000 steps")
    ax.legend(loc="lower left", framealpha=0.95)
    figure.savefig(file, dpi=110)
    if show:
        plt.show()
    plt.close(figure)


def main(start=(0.0, 2.0), lr=0.001, iterations=10000, folder=".", show=False):
    path_of_x, values = descend(rosenbrock, start, lr, iterations)
    for i in (0, 1, 2, 5, 10, 100, 1000, iterations):
        if i < len(values):
            print(f"step {i:5}: x = ({path_of_x[i, 0]:.5f}, {path_of_x[i, 1]:.5f})   f = {values[i]:.3g}")
    distance = float(np.linalg.norm(path_of_x[-1] - 1))
    print(f"{distance:.1e} are left to the minimum at (1, 1).")

    _, lost = descend(rosenbrock, start, 10 * lr, iterations)
    print(f"With a learning rate of {10 * lr:g}: f = {lost[-1]:.0e} after {len(lost) - 1} steps.")

    file = Path(folder) / "step28.png"
    draw(path_of_x, file, show)
    print(f"The picture is in {file}.")
    return {
        "first_f": values[0],
        "f_1000": values[1000] if iterations >= 1000 else values[-1],
        "f": values[-1],
        "distance": distance,
        "large_lr_lost": int(lost[-1] > 1e10),
    }


if __name__ == "__main__":
    main(show="--show" in sys.argv)
