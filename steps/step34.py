"""Step 34: Higher derivatives of sin (sin関数の高階微分).

New here: a whole curve at once, and derivative after derivative in a loop.
x holds 200 points. sin takes each by itself, so y.backward(), which starts from ones, leaves in x.grad the
derivative at each point. Then the loop: take gx = x.grad, clear it, walk from gx. ``F.sin`` in dezero/functions knows

    sin:  gx = gy cos(x)          cos:  gx = -gy sin(x)

and nothing of the fourth derivative; that comes of applying these two in turn.

Run it:   python steps/step34.py
Expect:   sin, cos, -sin, -cos, to 15 digits at all points; each is the one before, moved by a quarter of a wave.
          The curves go to step34.png.
Promise:  worst < 1e-14; orders == 4; wrong_without_cleargrad > 0.5
Picture:  step34.png
Missing:  how the graph looks that such a loop leaves; step 35 counts it for tanh, where it does not stay small.
"""

import sys
from pathlib import Path

import numpy as np

import dezero.functions as F
from dezero import Variable


def derivatives(f, x, orders, clear=True):
    """f and its derivatives up to ``orders`` at each element of ``x``."""
    x = Variable(x)
    y = f(x)
    y.backward(create_graph=True)
    found = [y.data]
    for _ in range(orders - 1):
        gx = x.grad
        found.append(gx.data)
        if clear:
            x.cleargrad()
        gx.backward(create_graph=True)
    return [*found, x.grad.data]


def draw(x, curves, path, show):
    import matplotlib

    if not show:
        matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = ["sin", "1st derivative, cos", "2nd, -sin", "3rd, -cos"]
    figure, ax = plt.subplots(figsize=(7.6, 4), layout="constrained")
    ax.axhline(0, color="#d5dae0", lw=1)
    for name, y, color in zip(names, curves, ["#1f5fa8", "#e07b00", "#2e7d32", "#b3358b"]):
        ax.plot(x, y, color=color, lw=2, label=name)
    ax.set(xlabel="x", title="sin, differentiated again and again", ylim=(-1.15, 1.5), yticks=[-1, 0, 1])
    ax.legend(frameon=False, ncols=4, loc="upper center", columnspacing=1.4)
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    if show:
        plt.show()
    plt.close(figure)


def main(size=200, orders=4, folder=".", show=False):
    x = np.linspace(-7, 7, size)
    curves = derivatives(F.sin, x, orders)
    exact = [np.sin(x + n * np.pi / 2) for n in range(orders + 1)]  # a quarter of a wave for each order
    errors = [np.abs(y - t).max() for y, t in zip(curves, exact)]
    for n, error in enumerate(errors):
        print(f"derivative {n}: differs from sin(x + {n} pi/2) by {error:.0e} at most")

    careless = derivatives(F.sin, x, 2, clear=False)[2]
    wrong = np.abs(careless - exact[2]).max()
    print(f"without cleargrad, derivative 2 is wrong by up to {wrong:.2f}: it is cos - sin")

    path = Path(folder) / "step34.png"
    draw(x, curves, path, show)
    print(f"The picture is in {path}.")
    return {"worst": float(max(errors)), "orders": len(curves) - 1, "wrong_without_cleargrad": float(wrong)}


if __name__ == "__main__":
    main(show="--show" in sys.argv)
