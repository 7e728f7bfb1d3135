"""Step 56: How a CNN works, part 2 (CNNのメカニズム (2)).

New here: channels, several kernels, batches; and how the loops become one matrix product.
A colour picture has C channels, so a kernel has as many, and all products of its box are added up. OC kernels give
OC channels. With N pictures the shapes are

    (N, C, H, W)  *  (OC, C, KH, KW)  ->  (N, OC, OH, OW)

Seven loops say this, and Python is slow at loops. im2col writes each window as a row of a matrix; then the whole
convolution is rows times kernels, which is what computers are best at. The price is memory: each pixel is copied
into up to KH KW rows.

Run it:   python steps/step56.py
Expect:   loops, im2col and F.conv2d agree; im2col is a hundred times and more as fast. The matrices are drawn in
          step56.png. Max pooling, the largest of each window, in loops and in one line.
Promise:  error < 1e-5; im2col_error == 0; pooling_error == 0; speedup > 10; growth > 5
Picture:  step56.png
Missing:  gradients: step 57.
"""

import sys
import time
from pathlib import Path

import numpy as np

import dezero.functions as F


def outsize(size, kernel, stride, pad):
    return (size + 2 * pad - kernel) // stride + 1


def conv_loops(x, W, stride, pad):
    """The definition."""
    N, C, H, width = x.shape
    OC, C, KH, KW = W.shape
    OH, OW = outsize(H, KH, stride, pad), outsize(width, KW, stride, pad)
    x = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    y = np.zeros((N, OC, OH, OW))
    for n in range(N):
        for oc in range(OC):
            for i in range(OH):
                for j in range(OW):
                    for c in range(C):
                        for k in range(KH):
                            for m in range(KW):
                                y[n, oc, i, j] += x[n, c, i * stride + k, j * stride + m] * W[oc, c, k, m]
    return y


def im2col(x, KH, KW, stride, pad):
    """Each window as a row. Loops over the few places in a kernel, not over the many windows."""
    N, C, H, W = x.shape
    OH, OW = outsize(H, KH, stride, pad), outsize(W, KW, stride, pad)
    x = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    col = np.empty((N, OH, OW, C, KH, KW), x.dtype)
    for k in range(KH):
        for m in range(KW):
            under = x[:, :, k : k + stride * OH : stride, m : m + stride * OW : stride]  # (N, C, OH, OW)
            col[:, :, :, :, k, m] = under.transpose(0, 2, 3, 1)
    return col.reshape(N * OH * OW, C * KH * KW)


def conv_matrix(x, W, stride, pad):
    N, C, H, width = x.shape
    OC, C, KH, KW = W.shape
    OH, OW = outsize(H, KH, stride, pad), outsize(width, KW, stride, pad)
    y = im2col(x, KH, KW, stride, pad) @ W.reshape(OC, -1).T  # (N*OH*OW, OC)
    return y.reshape(N, OH, OW, OC).transpose(0, 3, 1, 2)  # (N, OC, OH, OW)


def pool_loops(x, size, stride):
    N, C, H, W = x.shape
    y = np.empty((N, C, outsize(H, size, stride, 0), outsize(W, size, stride, 0)))
    for n, c, i, j in np.ndindex(*y.shape):
        y[n, c, i, j] = x[n, c, i * stride : i * stride + size, j * stride : j * stride + size].max()
    return y


def seconds(f, *args, repeat=3):
    """The shortest time of a few calls: the one that was disturbed least."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        f(*args)
        times.append(time.perf_counter() - start)
    return min(times)


def draw_matrix(ax, values, title, row=None, window=None, color="#1f5fa8"):
    """Numbers in a grid, one row or one window of it outlined."""
    from matplotlib.patches import Rectangle

    rows, columns = values.shape
    ax.imshow(values, cmap="Blues", vmin=0, vmax=2.5 * max(values.max(), 1), aspect="equal")
    for (i, j), value in np.ndenumerate(values):
        ax.text(j, i, f"{value:g}", ha="center", va="center", fontsize=8)
    if row is not None:
        ax.add_patch(Rectangle((-0.5, row - 0.5), columns, 1, fill=False, edgecolor=color, lw=2.2, clip_on=False))
    if window is not None:
        i, j, size = window
        ax.add_patch(Rectangle((j - 0.5, i - 0.5), size, size, fill=False, edgecolor=color, lw=2.2, clip_on=False))
    ax.set_title(title, fontsize=9)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def draw(path, show):
    """A picture of two channels, the window at the upper right, and where it is in the matrices."""
    import matplotlib

    if not show:
        matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    x = np.arange(18.0).reshape(1, 2, 3, 3)
    W = np.array([[[[1, 0], [0, 0]]] * 2, [[[0, 0], [0, 1]]] * 2]).reshape(2, 2, 2, 2)
    col, y = im2col(x, 2, 2, 1, 0), conv_matrix(x, W, 1, 0)
    figure = plt.figure(figsize=(10, 5.4), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=[3, 4])
    pictures = upper.subplots(1, 4)
    for c in range(2):
        draw_matrix(pictures[c], x[0, c], f"x, channel {c}", window=(0, 1, 2))
        draw_matrix(pictures[2 + c], y[0, c], f"y, channel {c}", window=(0, 1, 1))
    matrices = lower.subplots(1, 3, width_ratios=[8, 2, 2])
    draw_matrix(matrices[0], col, "im2col(x): a row per window, channel 0 then channel 1", row=1)
    draw_matrix(matrices[1], W.reshape(2, -1).T, "times kernels")
    draw_matrix(matrices[2], y.transpose(0, 2, 3, 1).reshape(4, 2), "is y", row=1)
    figure.savefig(path, dpi=110)
    if show:
        plt.show()
    plt.close(figure)


def main(batch=2, channels=3, size=16, kernels=8, seed=0, folder=".", show=False):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(batch, channels, size, size))
    W = rng.normal(size=(kernels, channels, 3, 3))
    stride, pad = 1, 1

    loops, matrix = conv_loops(x, W, stride, pad), conv_matrix(x, W, stride, pad)
    dezero_ = F.conv2d(x, W, stride=stride, pad=pad).data
    error = float(max(np.abs(loops - matrix).max(), np.abs(loops - dezero_).max()))
    print(f"{x.shape} * {W.shape} -> {matrix.shape}; loops, im2col and F.conv2d differ by {error:.0e} at most")

    col = im2col(x, 3, 3, stride, pad)
    im2col_error = float(np.abs(col - F.im2col(x, 3, stride, pad).data).max())
    print(f"im2col makes {col.shape} of it, {col.size / x.size:.1f} times the numbers")

    slow, fast = seconds(conv_loops, x, W, stride, pad, repeat=1), seconds(conv_matrix, x, W, stride, pad)
    print(f"loops {1000 * slow:.1f} ms, im2col {1000 * fast:.3f} ms: {slow / fast:.0f} times as fast")

    pooled = pool_loops(x, 2, 2)
    in_one_line = im2col(x.reshape(-1, 1, size, size), 2, 2, 2, 0).max(axis=1).reshape(pooled.shape)
    pooling_error = float(max(np.abs(pooled - in_one_line).max(), np.abs(pooled - F.pooling(x, 2, 2).data).max()))
    print(f"max pooling: {x.shape} -> {pooled.shape}, the same in one line: {pooling_error == 0}")

    path = Path(folder) / "step56.png"
    draw(path, show)
    print(f"The matrices of a small example are drawn in {path}.")
    return {
        "error": error,
        "im2col_error": im2col_error,
        "pooling_error": pooling_error,
        "speedup": slow / fast,
        "growth": col.size / x.size,
    }


if __name__ == "__main__":
    main(show="--show" in sys.argv)
