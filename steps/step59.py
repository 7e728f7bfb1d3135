"""Step 59: RNN (RNNによる時系列データの処理).

New here: a layer that remembers, and backpropagation that is cut off after a while.
In a sequence the past matters. A recurrent layer keeps a state h and mixes it with each new input:

    h <- tanh(x Wx + b + h Wh)

So the graph of the loss after T steps reaches back through all T of them. It would grow for as long as the sequence
goes on; so after every 30 steps we go backward, move the parameters, and cut the graph there (unchain_backward).
The state goes on; only its history is forgotten.

Run it:   python steps/step59.py
Expect:   a cell of our own is L.RNN; the graph stays small where it is cut and grows where it is not; trained to
          foretell a noisy sine, the network follows a cosine with an error below 0.01. The picture goes to step59.png.
Promise:  mse < 0.01; same_as_ours < 1e-6; functions_when_cut < 400; functions_uncut > 2000
Picture:  step59.png
Missing:  tanh wears the memory down, and one strand at a time is slow; step 60 mends both.
"""

import sys
from pathlib import Path

import numpy as np

import dezero
import dezero.functions as F
import dezero.layers as L
from dezero import Layer, Model, optimizers
from dezero.datasets import SinCurve


class Cell(Layer):
    """What L.RNN is: two linear maps, and a state between the calls."""

    def __init__(self, hidden):
        super().__init__()
        self.x2h = L.Linear(hidden)
        self.h2h = L.Linear(hidden, nobias=True)
        self.h = None

    def forward(self, x):
        a = self.x2h(x) if self.h is None else self.x2h(x) + self.h2h(self.h)
        self.h = F.tanh(a)
        return self.h


class Net(Model):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell
        self.fc = L.Linear(1)

    def reset_state(self):
        self.cell.reset_state()

    def forward(self, x):
        return self.fc(self.cell(x))


def compare_with_ours(hidden, rng):
    """The largest difference between L.RNN and our cell with the same weights, over five steps."""
    xs = rng.normal(size=(5, 1, 3)).astype(np.float32)
    theirs, ours = L.RNN(hidden), Cell(hidden)
    with dezero.no_grad():
        for x in xs[:2]:  # two steps, for then every weight is drawn
            theirs(x)
        theirs.reset_state()
        ours.load_state_dict(theirs.state_dict())
        return max(float(np.abs(theirs(x).data - ours(x).data).max()) for x in xs)


def functions_behind(v):
    """How many functions the graph of v holds."""
    found, waiting = set(), [v.creator]
    while waiting:
        f = waiting.pop()
        if f is not None and f not in found:
            found.add(f)
            waiting += [x.creator for x in f.inputs]
    return len(found)


def graph_size(steps, cut_after):
    """The largest graph on the way through some steps."""
    net, loss, largest = Net(L.RNN(4)), 0, 0
    for step in range(1, steps + 1):
        loss = loss + F.sum(net(np.ones((1, 1), np.float32)))
        if step % cut_after == 0:
            largest = max(largest, functions_behind(loss))
            loss.unchain_backward()
            loss = 0
    return largest


def train(net, data, epochs, cut_after):
    """Reads the sequence from its beginning, epoch after epoch."""
    optimizer = optimizers.Adam().setup(net)
    for epoch in range(1, epochs + 1):
        optimizer.alpha = 0.001 * (1 - (epoch - 1) / epochs)  # to zero, so that the last noise counts little
        net.reset_state()
        loss, total = 0, 0.0
        for step, (x, t) in enumerate(data, start=1):
            loss = loss + F.mean_squared_error(net(x.reshape(1, 1)), t.reshape(1, 1))
            if step % cut_after == 0 or step == len(data):
                net.cleargrads()
                loss.backward()
                loss.unchain_backward()  # the state stays, what led to it is forgotten
                optimizer.update()
                total += float(loss.data)
                loss = 0
        if epoch % max(1, epochs // 5) == 0:
            print(f"epoch {epoch:2}: mean loss {total / len(data):.4f}")


def foretell(net, curve):
    """The network reads a curve value by value, and says the next one each time."""
    net.reset_state()
    with dezero.no_grad():
        return np.array([float(net(v.reshape(1, 1)).data[0, 0]) for v in curve])


def draw(curve, foretold, path, show):
    import matplotlib

    if not show:
        matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(8, 4.2), layout="constrained")
    ax.plot(curve[1:], color="#9aa5b1", lw=4, label="cosine")
    ax.plot(foretold[:-1], color="#1f5fa8", lw=1.6, label="foretold by the RNN")
    ax.set(xlabel="step", ylabel="value", title="Trained on a noisy sine, asked about a cosine")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(0.17, 1))
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    if show:
        plt.show()
    plt.close(figure)


def main(hidden=100, epochs=20, cut_after=30, seed=0, folder=".", show=False):
    np.random.seed(seed)
    same_as_ours = compare_with_ours(5, np.random.default_rng(seed))
    print(f"our cell and L.RNN differ by {same_as_ours:.0e} at most")
    cut, uncut = graph_size(600, cut_after), graph_size(600, 600)
    print(f"after 600 steps the graph has {uncut} functions, cut after every {cut_after} at most {cut}")

    np.random.seed(seed)
    net = Net(L.RNN(hidden))
    train(net, SinCurve(train=True), epochs, cut_after)
    curve = np.cos(np.linspace(0, 4 * np.pi, 1000)).astype(np.float32)
    foretold = foretell(net, curve)
    mse = float(np.mean((foretold[:-1] - curve[1:]) ** 2))
    print(f"mean squared error on the cosine: {mse:.5f}")

    path = Path(folder) / "step59.png"
    draw(curve, foretold, path, show)
    print(f"The picture is in {path}.")
    return {"mse": mse, "same_as_ours": same_as_ours, "functions_when_cut": cut, "functions_uncut": uncut}


if __name__ == "__main__":
    main(show="--show" in sys.argv)
