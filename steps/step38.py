"""Step 38: Shapes (形状を変える関数).

New here: two functions that compute nothing; they put numbers elsewhere.

    reshape(x, (3, 2))   the same numbers in the same order, in other rows     back: reshape to the old shape
    transpose(x)         rows become columns                                   back: transpose

Each number of y is one of x, with derivative 1. So the way back carries each number of gy to the place where its x
came from: the gradient of a move is the move back. With more axes, transpose(x, axes) puts axis axes[i] at place i,
and back goes argsort(axes), the order that undoes it.

Run it:   python steps/step38.py
Expect:   gradients of the shape of x, as F.reshape and F.transpose have them; forgetting the way back is an error
          that names the culprit, but not for a square table, where only a gradient check finds it.
Promise:  reshape_checked == 1; transpose_checked == 1; axes_checked == 6; same_as_library == 1; caught_shape == 1;
          caught_square == 1
Missing:  y still has as many numbers as x; in step 39 many become one.
"""

import contextlib
import io
from itertools import permutations

import numpy as np

import dezero.functions as F
from dezero import Function, Variable
from dezero.utils import array_equal, gradient_check


class Reshape(Function):
    """y = x in another shape;  gx = gy in the shape of x."""

    def __init__(self, shape):
        self.shape = shape

    def forward(self, x):
        return x.reshape(self.shape)

    def backward(self, gy):
        return Reshape(self.inputs[0].shape)(gy)


class Transpose(Function):
    """y = x with its axes in another order;  gx = gy with the axes back in place."""

    def __init__(self, axes):
        self.axes = axes

    def forward(self, x):
        return x.transpose(self.axes)

    def backward(self, gy):
        return Transpose(tuple(np.argsort(self.axes)))(gy)


class CarelessTranspose(Transpose):
    def backward(self, gy):
        return gy


def weighted(move, weights):
    """A function with another derivative for each element, so that a gradient in a wrong place shows."""
    return lambda x: move(x) ** 2 * weights


def gradient(f, x):
    x = Variable(x)
    f(x).backward()
    return x.grad.data


def main(seed=0):
    rng = np.random.default_rng(seed)
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    weights = np.array([[10.0, 20.0], [30.0, 40.0], [50.0, 60.0]])
    moves = {
        "reshape": (Reshape((3, 2)), lambda x: F.reshape(x, (3, 2))),
        "transpose": (Transpose((1, 0)), F.transpose),
    }
    result, same = {}, True
    for name, (ours, library) in moves.items():
        gx = gradient(lambda x, move=ours: move(x) * weights, x)
        print(f"{name}: {x.shape} -> {ours(x).shape}, y =\n{ours(x).data}")
        print(f"from gy =\n{weights}\nback to gx, {gx.shape} =\n{gx}\n")
        same = same and array_equal(gx, gradient(lambda x, move=library: move(x) * weights, x))
        result[f"{name}_checked"] = int(gradient_check(weighted(ours, weights), x))

    cube = rng.standard_normal((2, 3, 4))
    checked = 0
    for axes in permutations(range(3)):
        y = Transpose(axes)(cube)
        right = gradient_check(weighted(Transpose(axes), rng.standard_normal(y.shape)), cube)
        checked += right
        print(f"transpose by {axes}: {cube.shape} -> {y.shape}, back by {np.argsort(axes)}; gradient right: {right}")

    caught_shape = 0
    try:
        gradient(CarelessTranspose((1, 0)), x)
    except RuntimeError as error:
        caught_shape = 1
        print(f"\nA careless backward: RuntimeError: {error}")
    with contextlib.redirect_stdout(io.StringIO()):  # both gradients, which a failed check prints
        square_right = gradient_check(weighted(CarelessTranspose((1, 0)), weights[:2]), x[:, :2])
    print(f"For a (2, 2) table it runs without complaint; the gradient check says: {square_right}")
    return result | {
        "axes_checked": checked,
        "same_as_library": int(same),
        "caught_shape": caught_shape,
        "caught_square": int(not square_right),
    }


if __name__ == "__main__":
    main()
