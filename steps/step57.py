"""Step 57: conv2d and pooling (conv2d関数とpooling関数).

New here: both as functions with gradients, and a network made of them.
im2col copies pixels, so its gradient adds up what comes back for each copy; that is col2im. With it as a function
the rest is known: reshape, a matrix product (step 41), transpose. Nothing more is needed for conv2d:

    y = im2col(x) W^T + b        gx = col2im(gy W)        gW = gy^T im2col(x)

and pooling is the maximum of each window. Both differentiate by themselves.

Run it:   python steps/step57.py
Expect:   how many windows each pixel is in; our conv2d and pooling agree with dezero's, and so do their gradients with
          the numerical ones; a small CNN reads the packaged digits, 97 % and more. Edges of a photograph: step57.png.
Promise:  conv_error < 1e-9; pooling_error == 0; gradients_checked == 5; windows_counted == 1; accuracy >= 0.95
Picture:  step57.png
Missing:  a network that has seen a million photographs: step 58.
"""

import sys
from pathlib import Path

import numpy as np

import dezero
import dezero.functions as F
import dezero.layers as L
from dezero import DataLoader, Model, optimizers
from dezero.datasets import Digits
from dezero.utils import get_conv_outsize, gradient_check

PHOTOGRAPH = Path(__file__).parent / "images" / "chelsea.jpg"


def conv2d(x, W, b=None, stride=1, pad=0):
    N, C, H, width = x.shape
    OC, C, KH, KW = W.shape
    OH, OW = get_conv_outsize(H, KH, stride, pad), get_conv_outsize(width, KW, stride, pad)
    col = F.im2col(x, (KH, KW), stride, pad, to_matrix=True)  # (N*OH*OW, C*KH*KW)
    y = F.linear(col, F.transpose(F.reshape(W, (OC, -1))), b)  # (N*OH*OW, OC)
    return F.transpose(F.reshape(y, (N, OH, OW, OC)), (0, 3, 1, 2))  # (N, OC, OH, OW)


def pooling(x, kernel_size, stride=1, pad=0):
    col = F.im2col(x, kernel_size, stride, pad, to_matrix=False)  # (N, C, KH, KW, OH, OW)
    return F.max(col, axis=(2, 3))  # (N, C, OH, OW)


class SmallCNN(Model):
    def __init__(self):
        super().__init__()
        self.conv1 = L.Conv2d(16, kernel_size=3, pad=1)
        self.conv2 = L.Conv2d(32, kernel_size=3, pad=1)
        self.fc = L.Linear(10)

    def forward(self, x):
        x = F.pooling(F.relu(self.conv1(x)), 2, 2)  # (N, 16, 4, 4)
        x = F.pooling(F.relu(self.conv2(x)), 2, 2)  # (N, 32, 2, 2)
        return self.fc(F.flatten(x))  # (N, 10)


def count_windows():
    """The gradient of im2col with ones coming back: how many windows of 3 x 3 each pixel of 4 x 4 is in."""
    x = dezero.Variable(np.zeros((1, 1, 4, 4)))
    F.sum(F.im2col(x, 3)).backward()
    return x.grad.data[0, 0]


def check_gradients(rng):
    """Our two functions and dezero's against the numerical gradient. Returns how many passed."""
    x, W, b = rng.normal(size=(2, 3, 5, 5)), rng.normal(size=(4, 3, 3, 3)), rng.normal(size=4)
    return sum(
        [
            gradient_check(lambda x: conv2d(x, W, b, stride=2, pad=1), x),
            gradient_check(lambda W: conv2d(x, W, b, stride=2, pad=1), W),
            gradient_check(lambda b: conv2d(x, W, b, stride=2, pad=1), b),
            gradient_check(lambda x: pooling(x, 2, 2), x),
            gradient_check(lambda x: F.pooling(F.conv2d(x, W, b, pad=1), 2, 2), x),
        ]
    )


def train(model, epochs, batch_size):
    """Learns the packaged digits; returns the test accuracy."""
    optimizer = optimizers.Adam(alpha=0.003).setup(model)
    for epoch in range(1, epochs + 1):
        for x, t in DataLoader(Digits(train=True), batch_size):
            loss = F.softmax_cross_entropy(model(x), t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
        if epoch % max(1, epochs // 5) == 0:
            print(f"epoch {epoch:2}: loss of the last batch {float(loss.data):.4f}")
    x, t = next(DataLoader(Digits(train=False), 1000, shuffle=False))
    with dezero.no_grad():
        return float(F.accuracy(model(x), t).data)


def draw(path, show):
    """What two kernels find in a photograph, and what pooling leaves of it."""
    import matplotlib

    if not show:
        matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    photograph = plt.imread(PHOTOGRAPH)  # (H, W, 3)
    grey = photograph.mean(axis=2)[np.newaxis, np.newaxis] / 255  # (1, 1, H, W)
    upright = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    edges = F.conv2d(grey, np.stack([upright, upright.T])[:, np.newaxis])  # (1, 2, H-2, W-2)
    pooled = F.pooling(F.relu(edges), 8, 8).data  # (1, 2, H//8, W//8)
    figure, panels = plt.subplots(2, 2, figsize=(9, 6.3), layout="constrained")
    panels[0, 0].imshow(photograph)
    panels[0, 0].set_title("a photograph")
    panels[0, 1].imshow(edges.data[0, 0], cmap="RdBu", vmin=-1, vmax=1)
    panels[0, 1].set_title("upright edges (blue: lighter to the right, red: darker)")
    panels[1, 0].imshow(edges.data[0, 1], cmap="RdBu", vmin=-1, vmax=1)
    panels[1, 0].set_title("lying edges (blue: lighter below, red: darker)")
    panels[1, 1].imshow(pooled[0, 1], cmap="Blues")
    panels[1, 1].set_title("of the lying edges, relu and max pooling 8 x 8")
    for ax in panels.flat:
        ax.axis("off")
    figure.savefig(path, dpi=80)
    if show:
        plt.show()
    plt.close(figure)


def main(epochs=15, batch_size=50, seed=0, folder=".", show=False):
    counts = count_windows()
    print("in how many windows each pixel is, by the gradient of im2col:")
    print(counts)
    by_hand = np.outer([1, 2, 2, 1], [1, 2, 2, 1])

    rng = np.random.default_rng(seed)
    x, W, b = rng.normal(size=(2, 3, 8, 8)), rng.normal(size=(4, 3, 3, 3)), rng.normal(size=4)
    conv_error = float(np.abs(conv2d(x, W, b, 2, 1).data - F.conv2d(x, W, b, 2, 1).data).max())
    pooling_error = float(np.abs(pooling(x, 2, 2).data - F.pooling(x, 2, 2).data).max())
    print(f"ours and dezero's: conv2d differs by {conv_error:.0e}, pooling by {pooling_error:.0e}")
    checked = check_gradients(rng)
    print(f"{checked} of 5 gradients agree with the numerical ones")

    np.random.seed(seed)
    accuracy = train(SmallCNN(), epochs, batch_size)
    print(f"the small CNN reads {accuracy:.1%} of the test digits")

    path = Path(folder) / "step57.png"
    draw(path, show)
    print(f"What convolution and pooling make of a photograph is in {path}.")
    return {
        "conv_error": conv_error,
        "pooling_error": pooling_error,
        "gradients_checked": checked,
        "windows_counted": bool((counts == by_hand).all()),
        "accuracy": accuracy,
    }


if __name__ == "__main__":
    main(show="--show" in sys.argv)
