"""Step 60: LSTM (LSTMとデータローダ).

New here: a memory with gates, and many strands of one sequence side by side.
A plain state is pressed through a matrix and a tanh at every step, which wears it down. An LSTM keeps a second state
c that is only multiplied and added to; gates between 0 and 1 say what to forget, to take in, and to show:

    f, i, o = sigmoid(x Wx + b + h Wh)     u = tanh(x Wx + b + h Wh)      each with weights of its own
    c <- f c + i u                         h <- o tanh(c)

SeqDataLoader cuts the sequence into strands: row k of each batch begins at k * (length // batch_size) and reads on.
Thirty strands make a pass thirty times shorter.

Run it:   python steps/step60.py
Expect:   the formula in six lines is L.LSTM; the loader's strands; a cosine foretold with an error below 0.005, drawn
          with step 59's in step60.png. A wave this smooth is easy for both; gates pay where much lies between
          what must be kept and where it is needed.
Promise:  mse < 0.005; rnn_mse < 0.01; same_as_formula < 1e-6; steps_per_epoch == 33; strands_follow == 1
Picture:  step60.png
Missing:  nothing of the sixty steps. The package goes on where they end: its README says with what.
"""

import sys
from pathlib import Path

import numpy as np

import dezero
import dezero.functions as F
import dezero.layers as L
from dezero import Model, SeqDataLoader, optimizers
from dezero.datasets import SinCurve


def lstm_step(lstm, x, h, c):
    """The formula, with the weights of an L.LSTM. Returns the new h and c."""
    f = F.sigmoid(lstm.x2f(x) + lstm.h2f(h))
    i = F.sigmoid(lstm.x2i(x) + lstm.h2i(h))
    o = F.sigmoid(lstm.x2o(x) + lstm.h2o(h))
    u = F.tanh(lstm.x2u(x) + lstm.h2u(h))
    c = f * c + i * u
    return o * F.tanh(c), c


def compare_with_formula(hidden, rng):
    """The largest difference between L.LSTM and the formula, over five steps."""
    lstm = L.LSTM(hidden, in_size=3)
    h = c = np.zeros((2, hidden), np.float32)
    largest = 0.0
    with dezero.no_grad():
        for x in rng.normal(size=(5, 2, 3)).astype(np.float32):
            h, c = lstm_step(lstm, x, h, c)
            largest = max(largest, float(np.abs(lstm(x).data - h.data).max()))
    return largest


def show_strands():
    """What SeqDataLoader makes of the numbers 0 to 11. Returns whether each row goes on where it was."""
    batches = np.array(list(SeqDataLoader(range(12), batch_size=3)))  # (steps, strands)
    print("the numbers 0 to 11 in three strands, batch after batch:", batches.tolist())
    return bool((np.diff(batches, axis=0) == 1).all())


class Net(Model):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell
        self.fc = L.Linear(1)

    def reset_state(self):
        self.cell.reset_state()

    def forward(self, x):
        return self.fc(self.cell(x))


def train(net, loader, epochs, cut_after, alpha):
    """Step 59's loop, on the batches of a loader."""
    optimizer = optimizers.Adam().setup(net)
    for epoch in range(1, epochs + 1):
        optimizer.alpha = alpha * (1 - (epoch - 1) / epochs)  # to zero, so that the last noise counts little
        net.reset_state()
        loss, total = 0, 0.0
        for step, (x, t) in enumerate(loader, start=1):
            loss = loss + F.mean_squared_error(net(x), t)
            if step % cut_after == 0 or step == loader.max_iter:
                net.cleargrads()
                loss.backward()
                loss.unchain_backward()
                optimizer.update()
                total += float(loss.data)
                loss = 0
        if epoch % max(1, epochs // 5) == 0:
            print(f"  epoch {epoch:3}: mean loss {total / loader.max_iter:.4f}")


def foretell(net, curve):
    """The network reads a curve value by value, and says the next one each time."""
    net.reset_state()
    with dezero.no_grad():
        return np.array([float(net(v.reshape(1, 1)).data[0, 0]) for v in curve])


def draw(curve, foretold, path, show):
    """What both networks foretold, and how far they were off."""
    import matplotlib

    if not show:
        matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (upper, lower) = plt.subplots(
        2, 1, figsize=(8, 5.6), sharex=True, height_ratios=[3, 2], layout="constrained"
    )
    upper.plot(curve[1:], color="#c3c9d1", lw=5, label="cosine")
    for (name, ys), color in zip(foretold.items(), ("#e07b00", "#1f5fa8")):
        upper.plot(ys[:-1], color=color, lw=1.4, label=name)
        lower.plot(ys[:-1] - curve[1:], color=color, lw=1.4)
    upper.set(title="Trained on a noisy sine, asked about a cosine")
    upper.legend(frameon=False, loc="upper left", bbox_to_anchor=(0.17, 1))
    lower.axhline(0, color="#555555", lw=0.8)
    lower.set(xlabel="step", ylabel="error", ylim=(-0.2, 0.2))
    for ax in (upper, lower):
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    if show:
        plt.show()
    plt.close(figure)


def main(hidden=100, epochs=100, strands=30, cut_after=30, rnn_epochs=20, seed=0, folder=".", show=False):
    np.random.seed(seed)
    same_as_formula = compare_with_formula(5, np.random.default_rng(seed))
    print(f"six lines and L.LSTM differ by {same_as_formula:.0e} at most")
    strands_follow = show_strands()

    data = SinCurve(train=True)
    loader = SeqDataLoader(data, strands)
    curve = np.cos(np.linspace(0, 4 * np.pi, 1000)).astype(np.float32)
    foretold = {}
    print(f"step 59's RNN, one strand of {len(data)} steps:")
    np.random.seed(seed)
    rnn = Net(L.RNN(hidden))
    train(rnn, SeqDataLoader(data, 1), rnn_epochs, cut_after, alpha=0.001)
    foretold["RNN of step 59"] = foretell(rnn, curve)
    print(f"LSTM, {strands} strands of {loader.max_iter} steps:")
    np.random.seed(seed)
    lstm = Net(L.LSTM(hidden))
    train(lstm, loader, epochs, cut_after, alpha=0.003)
    foretold["LSTM"] = foretell(lstm, curve)

    rnn_mse, mse = (float(np.mean((ys[:-1] - curve[1:]) ** 2)) for ys in foretold.values())
    print(f"mean squared error on the cosine: RNN {rnn_mse:.5f}, LSTM {mse:.5f}")
    path = Path(folder) / "step60.png"
    draw(curve, foretold, path, show)
    print(f"The picture is in {path}.")
    return {
        "mse": mse,
        "rnn_mse": rnn_mse,
        "same_as_formula": same_as_formula,
        "steps_per_epoch": loader.max_iter,
        "strands_follow": strands_follow,
    }


if __name__ == "__main__":
    main(show="--show" in sys.argv)
