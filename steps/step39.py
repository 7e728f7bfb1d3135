"""Step 39: Sums (和を求める関数).

New here: a function that makes fewer numbers of many.

    y = x_0 + x_1 + ... + x_n;   dy/dx_i = 1 for each,   so   gx_i = gy

The one gradient that arrives is handed to all that were summed: the way back of a sum is a copy for each. Along
``axis`` only that axis is summed, and gy is copied along it. ``keepdims`` leaves the axis there with length 1, which
is how gy has to stand to be copied: (2, 3) summed over axis 1 is (2,), as a column (2, 1), copied (2, 3).

Run it:   python steps/step39.py
Expect:   for each axis a gradient of the shape of x, as F.sum has it and as central differences say.
Promise:  cases == 10; checked == 10; same_as_library == 10; second_order_error < 1e-12; mean_error < 1e-12
Missing:  the copying, which here stands in a function of its own; step 40 makes it an operation like any other.
"""

import numpy as np

import dezero.functions as F
from dezero import Function, Variable
from dezero.utils import array_allclose, gradient_check


class Sum(Function):
    """y = the sum of x along an axis, or all;  gx = gy, copied along it."""

    def __init__(self, axis, keepdims):
        self.axis = axis
        self.keepdims = keepdims

    def forward(self, x):
        return x.sum(axis=self.axis, keepdims=self.keepdims)

    def backward(self, gy):
        x = self.inputs[0]
        lengths = np.empty(x.shape).sum(axis=self.axis, keepdims=True).shape  # each summed axis with length 1
        return F.broadcast_to(F.reshape(gy, lengths), x.shape)


def sum_of(x, axis=None, keepdims=False):
    return Sum(axis, keepdims)(x)


def gradient(f, x, gy):
    """The walk from f(x), starting from gy."""
    x = Variable(x)
    y = f(x)
    y.grad = Variable(gy)
    y.backward()
    return x.grad.data


def check(x, axis, keepdims, rng):
    """Whether the gradient is that of central differences, and whether F.sum has the same."""
    y = sum_of(x, axis, keepdims)
    gy = rng.standard_normal(y.shape)
    right = gradient_check(lambda x: sum_of(x**2, axis, keepdims) * gy, x)
    ours = gradient(lambda x: sum_of(x, axis, keepdims), x, gy)
    library = gradient(lambda x: F.sum(x, axis, keepdims), x, gy)
    print(f"{x.shape} over {axis!s:6} keepdims={keepdims!s:5} -> {y.shape!s:9} gradient right: {right}")
    return right, array_allclose(ours, library)


def main(seed=0):
    rng = np.random.default_rng(seed)
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    print(f"x, {x.shape} =\n{x}")
    for axis, gy in ((None, np.array(1.0)), (0, np.array([1.0, 10.0, 100.0])), (1, np.array([1.0, 10.0]))):
        y = sum_of(x, axis)
        gx = gradient(lambda x, axis=axis: sum_of(x, axis), x, gy)
        print(f"\nsum over axis {axis}: y = {y.data}, {y.shape}. From gy = {gy} back to gx, {gx.shape} =\n{gx}")

    cases, checked, same = 0, 0, 0
    cube = rng.standard_normal((2, 3, 4))
    print()
    for axis in (None, 0, 1, -1, (0, 2)):
        for keepdims in (False, True):
            right, as_library = check(cube, axis, keepdims, rng)
            cases, checked, same = cases + 1, checked + right, same + as_library

    v = Variable(x)
    sum_of(v**3).backward(create_graph=True)
    gv = v.grad
    v.cleargrad()
    gv.backward()
    second_order_error = np.abs(v.grad.data - 6 * x).max()
    print(f"\nthe sum of x^3, differentiated twice: 6x, to {second_order_error:.0e}")

    v = Variable(x)
    (sum_of(v) / v.size).backward()
    mean_error = np.abs(v.grad.data - 1 / 6).max()
    print(f"the mean is a sum: each of its gradients is {v.grad.data[0, 0]:.4f} = 1 / {v.size}")
    return {
        "cases": cases,
        "checked": checked,
        "same_as_library": same,
        "second_order_error": float(second_order_error),
        "mean_error": float(mean_error),
    }


if __name__ == "__main__":
    main()
