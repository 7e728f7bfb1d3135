"""Step 45: Layers of layers (レイヤをまとめるレイヤ).

New here: a layer may hold layers; Model and MLP.
If an attribute can be a Parameter or a Layer, then params() walks down a tree, and a whole network is one object:

    params(layer) = its own parameters + params(each layer in it)

A Model is a Layer that is a whole network, and that can draw itself. Most networks of this stage are one Linear
after the other with a function between them, which is what MLP builds from a list of sizes.

Run it:   python steps/step45.py
Expect:   the parameters by name, whatever their depth; our own model and MLP((10, 1)) are equal to the last bit;
          the loss falls to some 0.09; the graph of the model goes to step45.png.
Promise:  params == 4; deep_params == 10; difference == 0; loss < 0.15
Picture:  step45.png
Missing:  every script writes p.data -= lr * p.grad.data again; step 46 gives the rule a home.
"""

import sys
from pathlib import Path

import numpy as np

import dezero.functions as F
import dezero.layers as L
from dezero import Layer, Model, Parameter
from dezero.models import MLP


def walk(layer, path=""):
    """The parameters of a tree of layers, each with the way to it: what named_params() does."""
    for name, value in vars(layer).items():
        if isinstance(value, Layer):
            yield from walk(value, f"{path}{name}/")
        elif isinstance(value, Parameter):
            yield path + name, value


class TwoLayerNet(Model):
    def __init__(self, hidden_size, out_size):
        super().__init__()
        self.l1 = L.Linear(hidden_size)
        self.l2 = L.Linear(out_size)

    def forward(self, x):
        return self.l2(F.sigmoid(self.l1(x)))


def train(model, x, t, iterations, lr):
    for _ in range(iterations):
        loss = F.mean_squared_error(model(x), t)
        model.cleargrads()
        loss.backward()
        for p in model.params():
            p.data -= lr * p.grad.data
    return float(loss.data)


def draw(model, x, path, show):
    """The model's own picture, its layers open; as DOT text where the program that draws is not installed."""
    try:
        model.plot(x, to_file=path, layers=True)
    except (ImportError, RuntimeError) as missing:
        print(missing)
        path = path.with_suffix(".dot")
        model.plot(x, to_file=path, layers=True)
    print(f"The graph of the model is in {path}.")
    if show and path.suffix == ".png":
        import matplotlib.pyplot as plt

        plt.imshow(plt.imread(path))
        plt.axis("off")
        plt.show()


def main(iterations=10000, lr=0.2, seed=0, folder=".", show=False):
    rng = np.random.default_rng(seed)
    x = rng.random((100, 1)).astype(np.float32)
    t = (np.sin(2 * np.pi * x) + rng.random((100, 1))).astype(np.float32)

    np.random.seed(seed)
    model = TwoLayerNet(10, 1)
    loss = train(model, x, t, iterations, lr)
    print(f"a model of our own: loss {loss:.4f}, parameters {[name for name, _ in walk(model)]}")

    np.random.seed(seed)
    mlp = MLP((10, 1))
    mlp_loss = train(mlp, x, t, iterations, lr)
    print(f"MLP((10, 1)):       loss {mlp_loss:.4f}, parameters {[name for name, _ in mlp.named_params()]}")

    deep = MLP((10, 20, 30, 40, 1), activation=F.tanh)  # another network is another line, and no other
    print(f"MLP of five layers: result {deep(x).shape}, {len(list(deep.params()))} parameters")

    draw(model, x, Path(folder) / "step45.png", show)
    return {
        "params": len(list(walk(model))),
        "deep_params": len(list(deep.params())),
        "difference": abs(loss - mlp_loss),
        "loss": loss,
    }


if __name__ == "__main__":
    main(show="--show" in sys.argv)
