"""Step 55: How a CNN works, part 1 (CNNのメカニズム (1)).

New here: convolution of one picture with one kernel; padding, stride, and the size of what comes out.
A kernel of K x K weights slides over the picture. At each place the pixels below it are multiplied with it and added
up; that is one pixel of the result. The same few weights are used everywhere: what is worth finding at the left is
worth finding at the right. Zeros around the picture (pad P) let the kernel reach the edge; a step of more than one
pixel (stride S) makes the result smaller. Of H pixels there remain

    OH = (H + 2 P - K) // S + 1

Run it:   python steps/step55.py
Expect:   a convolution written as four loops agrees with F.conv2d; the formula agrees with counting the windows for
          every setting tried. Windows and results are drawn in step55.png.
Promise:  settings > 1000; mistakes == 0; error < 1e-5; edges_found == 1
Picture:  step55.png
Missing:  colours, several kernels, and several pictures at a time: step 56.
"""

import sys
from itertools import product
from pathlib import Path

import numpy as np

import dezero.functions as F
from dezero.utils import get_conv_outsize


def convolve(x, W, stride=1, pad=0):
    """One picture (H, W), one kernel (KH, KW), as plainly as it can be said."""
    x = np.pad(x, pad)
    KH, KW = W.shape
    OH = (x.shape[0] - KH) // stride + 1
    OW = (x.shape[1] - KW) // stride + 1
    y = np.zeros((OH, OW))
    for i in range(OH):
        for j in range(OW):
            for k in range(KH):
                for m in range(KW):
                    y[i, j] += x[i * stride + k, j * stride + m] * W[k, m]
    return y


def count_windows(size, kernel, stride, pad):
    """Slides the kernel along one side until it would stick out."""
    place, count = -pad, 0
    while place + kernel <= size + pad:
        place += stride
        count += 1
    return count


def check_formula(largest):
    """Compares formula and count. Returns how many settings were tried and how many differed."""
    settings = [
        (size, kernel, stride, pad)
        for size, kernel, stride, pad in product(range(1, largest), range(1, 8), range(1, 5), range(4))
        if kernel <= size + 2 * pad
    ]
    mistakes = [s for s in settings if get_conv_outsize(*s) != count_windows(*s)]
    return len(settings), len(mistakes)


def show_numbers():
    """A vertical edge, and the kernel that finds it. Returns whether it did."""
    x = np.array([[0, 0, 0, 9, 9, 9]] * 4)
    W = np.array([[-1, 0, 1]] * 3)
    y = convolve(x, W)
    blank = "      "
    print("a picture, dark at the left   a kernel     what it finds")
    for i in range(4):
        kernel = " ".join(f"{w:2}" for w in W[i]) if i < 3 else blank + "  "
        found = " ".join(f"{v:3.0f}" for v in y[i]) if i < 2 else ""
        print("  " + " ".join(f"{v:2}" for v in x[i]) + blank * 2 + " " + kernel + blank + found)
    return bool((y == [[0, 27, 27, 0]] * 2).all())


def squares(ax, size, left, top, **style):
    """size x size unit squares whose upper left corner is at (left, top)."""
    from matplotlib.patches import Rectangle

    for i in range(size):
        for j in range(size):
            ax.add_patch(Rectangle((left + j, top + i), 1, 1, **style))


def draw_setting(ax, size, kernel, stride, pad):
    """The picture with its padding, the kernel's first places on it, and the result beside it."""
    from matplotlib.patches import Rectangle

    out = count_windows(size, kernel, stride, pad)
    squares(ax, size + 2 * pad, -pad, -pad, facecolor="#f4f5f7", edgecolor="#c3c9d1", lw=0.8, ls=":")
    squares(ax, size, 0, 0, facecolor="#cfe0f3", edgecolor="white", lw=1.2)
    right = size + pad + 1.5
    top = (size - out) / 2
    squares(ax, out, right, top, facecolor="#fbdcb8", edgecolor="white", lw=1.2)
    for number, color in ((0, "#1f5fa8"), (1, "#e07b00")):
        if number < out:
            left = number * stride - pad
            ax.add_patch(Rectangle((left, -pad), kernel, kernel, fill=False, edgecolor=color, lw=2.4, zorder=3))
            ax.add_patch(Rectangle((right + number, top), 1, 1, fill=False, edgecolor=color, lw=2.4, zorder=3))
    formula = f"({size} + 2·{pad} - {kernel}) // {stride} + 1 = {out}"
    ax.set_title(f"kernel {kernel}, stride {stride}, pad {pad}\n{formula}", fontsize=10)
    ax.set(xlim=(-pad - 0.5, right + out + 0.5), ylim=(size + pad + 0.3, -pad - 0.3), aspect="equal")
    ax.axis("off")


def draw(path, show):
    import matplotlib

    if not show:
        matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(2, 3, figsize=(10, 6), layout="constrained")
    figure.suptitle("the picture (blue), its padding (grey), the first two windows, and the result (orange)")
    settings = [(5, 3, 1, 0), (5, 3, 2, 0), (5, 2, 2, 0), (5, 3, 1, 1), (5, 3, 2, 1), (5, 5, 1, 2)]
    for ax, setting in zip(panels.flat, settings):
        draw_setting(ax, *setting)
    figure.savefig(path, dpi=110)
    if show:
        plt.show()
    plt.close(figure)


def main(largest=32, seed=0, folder=".", show=False):
    edges_found = show_numbers()

    rng = np.random.default_rng(seed)
    x, W = rng.normal(size=(7, 9)), rng.normal(size=(3, 2))
    error = 0.0
    for stride, pad in product((1, 2, 3), (0, 1, 2)):
        ours = convolve(x, W, stride, pad)
        theirs = F.conv2d(x[None, None], W[None, None], stride=stride, pad=pad).data[0, 0]
        error = max(error, float(np.abs(ours - theirs).max()))
    print(f"four loops and F.conv2d differ by {error:.0e} at most")

    settings, mistakes = check_formula(largest)
    print(f"the formula was compared with counting in {settings} settings: {mistakes} differ")

    path = Path(folder) / "step55.png"
    draw(path, show)
    print(f"Windows and results are drawn in {path}.")
    return {"settings": settings, "mistakes": mistakes, "error": error, "edges_found": edges_found}


if __name__ == "__main__":
    main(show="--show" in sys.argv)
