"""Step 46: Optimizers (Optimizerによるパラメータ更新).

New here: a rule that moves parameters is an object of its own, and a hook may change the gradients before.
A subclass says in update_one(param) how one parameter p moves by its gradient g; update() does so for each:

    SGD        p <- p - lr g
    Momentum   v <- mu v - lr g;   p <- p + v

Momentum remembers the last step v: along a valley its steps add up, across it they cancel. A hook is called with
the list of parameters before each update: to pull weights to zero, to shorten gradients, to leave a layer alone.

Run it:   python steps/step46.py
Expect:   after 1000 iterations on step 43's wave, momentum is far ahead of SGD; the curves go to step46.png.
          The three hooks show what they do.
Promise:  momentum_loss < 0.15; sgd_loss > 0.15; difference < 0.00001; clipped_norm < 0.1001; frozen_moved == 0;
          decayed < 0.9
Picture:  step46.png
Missing:  so far the answer was a number. To tell classes apart we need another loss: step 47.
"""

import sys
from pathlib import Path

import numpy as np

import dezero.functions as F
from dezero import optimizers
from dezero.models import MLP
from dezero.optimizers import ClipGrad, FreezeParam, Optimizer, WeightDecay


class Momentum(Optimizer):
    """All that a new rule needs."""

    def __init__(self, lr=0.01, mu=0.9):
        super().__init__()
        self.lr = lr
        self.mu = mu
        self.vs = {}

    def update_one(self, param):
        v = self.vs.get(param, np.zeros_like(param.data))
        self.vs[param] = self.mu * v - self.lr * param.grad.data
        param.data += self.vs[param]


def toy_data(seed):
    rng = np.random.default_rng(seed)
    x = rng.random((100, 1)).astype(np.float32)
    return x, (np.sin(2 * np.pi * x) + rng.random((100, 1))).astype(np.float32)


def train(optimizer, iterations, seed, *hooks):
    """The same network, data and start for every rule. Returns the model and the loss on the way."""
    np.random.seed(seed)
    x, t = toy_data(seed)
    model = MLP((10, 1))
    model(x)  # now every parameter has its shape
    optimizer.setup(model)
    for make_hook in hooks:
        optimizer.add_hook(make_hook(model))
    losses = []
    for _ in range(iterations):
        loss = F.mean_squared_error(model(x), t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(float(loss.data))
    return model, losses


def gradient_norm(model):
    return float(np.sqrt(sum((p.grad.data**2).sum() for p in model.params())))


def weight_norm(model):
    return float(np.sqrt(sum((p.data**2).sum() for p in model.params())))


def draw(curves, path, show):
    import matplotlib

    if not show:
        matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(7, 4.4), layout="constrained")
    for (name, losses), color in zip(curves.items(), ("#9aa5b1", "#e07b00", "#2e7d32", "#1f5fa8")):
        ax.plot(losses, color=color, lw=2, label=name)
    ax.axhline(1 / 12, color="#555555", lw=1, ls=":", label="the noise in the data")
    ax.set(xlabel="iteration", ylabel="loss", yscale="log", ylim=(0.07, 1), title="Four rules, one network, one start")
    ax.set_yticks([0.1, 0.2, 0.5, 1], labels=["0.1", "0.2", "0.5", "1"])
    ax.minorticks_off()
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    if show:
        plt.show()
    plt.close(figure)


def main(iterations=1000, seed=0, folder=".", show=False):
    rules = {
        "SGD": optimizers.SGD(lr=0.2),
        "Momentum": Momentum(lr=0.2),
        "AdaGrad": optimizers.AdaGrad(lr=0.2),
        "Adam": optimizers.Adam(alpha=0.05),
    }
    curves = {name: train(rule, iterations, seed)[1] for name, rule in rules.items()}
    for name, losses in curves.items():
        print(f"{name:8} loss {losses[-1]:.4f} after {iterations} iterations")
    theirs = train(optimizers.MomentumSGD(lr=0.2), iterations, seed)[1]
    difference = max(abs(a - b) for a, b in zip(curves["Momentum"], theirs))
    print(f"our Momentum and dezero's MomentumSGD differ by {difference:.0e} at most")

    plain, _ = train(optimizers.SGD(lr=0.2), 200, seed)
    decayed, _ = train(optimizers.SGD(lr=0.2), 200, seed, lambda model: WeightDecay(0.01))
    print(f"WeightDecay: the weights have norm {weight_norm(decayed):.2f} instead of {weight_norm(plain):.2f}")
    clipped, _ = train(optimizers.SGD(lr=0.2), 1, seed, lambda model: ClipGrad(0.1))
    free, _ = train(optimizers.SGD(lr=0.2), 1, seed)
    print(f"ClipGrad:    the gradient has norm {gradient_norm(clipped):.2f} instead of {gradient_norm(free):.2f}")
    start, _ = train(optimizers.SGD(lr=0.2), 0, seed)
    frozen, _ = train(optimizers.SGD(lr=0.2), 200, seed, lambda model: FreezeParam(model.l0))
    moved = [float(np.abs(a.data - b.data).max()) for a, b in zip(start.params(), frozen.params())]
    print(f"FreezeParam: l0 moved by {max(moved[:2])}, l1 by {max(moved[2:]):.2f}")

    path = Path(folder) / "step46.png"
    draw(curves, path, show)
    print(f"The picture is in {path}.")
    return {
        "sgd_loss": curves["SGD"][-1],
        "momentum_loss": curves["Momentum"][-1],
        "difference": difference,
        "clipped_norm": gradient_norm(clipped),
        "frozen_moved": max(moved[:2]),
        "decayed": weight_norm(decayed) / weight_norm(plain),
    }


if __name__ == "__main__":
    main(show="--show" in sys.argv)
