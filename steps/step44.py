"""Step 44: Layers (パラメータをまとめるレイヤ).

New here: Parameter, Layer and Linear.
A Parameter is a Variable under another name, so that it can be told from data. A Layer watches what is assigned to
its attributes and remembers which of them are Parameters; then it can go through them for us:

    self.W = Parameter(...)   ->   __setattr__("W", ...)   ->   params() yields it

A Linear layer is such a keeper of W and b. How many rows W has it learns from its first input, so we only say how
many numbers come out.

Run it:   python steps/step44.py
Expect:   the mechanism in ten lines finds W and b; dezero's Layer finds the same, and trains step 43's curve to 0.08.
Promise:  found_by_hand == 2; found_by_dezero == 2; data_found == 0; loss < 0.1
Missing:  each layer clears and moves its own parameters, but we still list the layers; step 45 nests them.
"""

import numpy as np

import dezero.functions as F
import dezero.layers as L
from dezero import Layer, Parameter, Variable


class Keeper:
    """The whole trick: notice every Parameter that is assigned."""

    def __init__(self):
        self.names = []

    def __setattr__(self, name, value):
        if isinstance(value, Parameter):
            self.names.append(name)
        super().__setattr__(name, value)

    def params(self):
        for name in self.names:
            yield getattr(self, name)


def fill(layer):
    """Gives a layer two parameters and two things that are none."""
    layer.W = Parameter(np.ones((2, 3)))
    layer.b = Parameter(np.zeros(3))
    layer.data = Variable(np.ones(3))
    layer.title = "not a number at all"
    return layer


class MyLinear(Layer):
    """y = x W + b, where W waits for the first x to know its height."""

    def __init__(self, out_size):
        super().__init__()
        self.out_size = out_size
        self.W = Parameter(None)
        self.b = Parameter(np.zeros(out_size))

    def forward(self, x):
        if self.W.data is None:
            in_size = x.shape[1]
            self.W.data = np.random.randn(in_size, self.out_size) / np.sqrt(in_size)
        return F.linear(x, self.W, self.b)  # (N, out_size)


def train(l1, l2, x, t, iterations, lr):
    """Step 43's loop; the parameters are no longer named in it."""
    for i in range(iterations):
        loss = F.mean_squared_error(l2(F.sigmoid(l1(x))), t)
        for layer in (l1, l2):
            layer.cleargrads()
        loss.backward()
        for layer in (l1, l2):
            for p in layer.params():
                p.data -= lr * p.grad.data
        if i in (0, iterations // 10, iterations - 1):
            print(f"  iteration {i:5}: loss {float(loss.data):.4f}")
    return float(loss.data)


def main(hidden=10, iterations=10000, lr=0.2, seed=0):
    by_hand = fill(Keeper())
    by_dezero = fill(Layer())
    print("found by hand:  ", by_hand.names)
    print("found by dezero:", [name for name, _ in by_dezero.named_params()])
    found = list(by_dezero.params())

    np.random.seed(seed)
    x = np.random.rand(100, 1)
    t = np.sin(2 * np.pi * x) + np.random.rand(100, 1)

    layer = MyLinear(hidden)
    print("W before the first call:", layer.W.data)
    layer(x)
    print("W after it:             ", layer.W.shape)

    print("two layers of our own learn the wave:")
    train(MyLinear(hidden), MyLinear(1), x, t, iterations // 10, lr)
    print("two layers of dezero:")
    loss = train(L.Linear(hidden, dtype=np.float64), L.Linear(1, dtype=np.float64), x, t, iterations, lr)
    return {
        "found_by_hand": len(list(by_hand.params())),
        "found_by_dezero": len(found),
        "data_found": sum(p is by_dezero.data for p in found),
        "loss": loss,
    }


if __name__ == "__main__":
    main()
