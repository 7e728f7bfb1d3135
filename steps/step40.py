"""Step 40: Broadcasting (ブロードキャストを行う関数).

New here: operands of different shapes, and the pair of functions that makes their gradients right.
NumPy adds (2, 3) and (3,) by using each of the three numbers twice. What is used twice gets two gradients, which
add up: as in step 14, only that the copies are made in silence. So

    broadcast_to copies a number;      the way back sums the copies:           sum_to
    sum_to sums numbers;               the way back copies to each of them:    broadcast_to

Each is the other's backward. An operator needs no more than to end its backward in sum_to(gx, x.shape); dezero's
engine does that for + - * / by itself, which core_simple does not.

Run it:   python steps/step40.py
Expect:   gradients that have the shapes of their operands, for seven pairs of shapes, as central differences say;
          core_simple refuses, and an addition that forgets to sum is stopped with the advice to do so.
Promise:  pairs == 7; checked == 14; adjoint_error < 1e-12; simple_refused == 1; naive_stopped == 1; mended == 1
Missing:  the product that networks are made of, of matrices; step 41.
"""

import numpy as np

import dezero.functions as F
from dezero import Function, Variable, core_simple
from dezero.utils import gradient_check

PAIRS = [
    ((2, 3), (3,)),
    ((2, 3), (1, 3)),
    ((2, 3), (2, 1)),
    ((2, 1), (1, 3)),
    ((2, 3), ()),
    ((1,), (2, 3)),
    ((4, 1, 3), (2, 1)),
]


class NaiveAdd(Function):
    """y = x0 + x1;  gx0 = gx1 = gy, which is the whole truth for equal shapes only."""

    def forward(self, x0, x1):
        return x0 + x1

    def backward(self, gy):
        return gy, gy


class MendedAdd(NaiveAdd):
    """y = x0 + x1;  gx0 and gx1 = gy, summed to their shapes."""

    def backward(self, gy):
        x0, x1 = self.inputs
        return F.sum_to(gy, x0.shape), F.sum_to(gy, x1.shape)


def show_one_pair():
    x0, x1 = Variable(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])), Variable(np.array([10.0, 20.0, 30.0]))
    y = x0 * x1
    y.backward()
    print(f"y = x0 * x1: {x0.shape} and {x1.shape} give {y.shape}")
    print(f"gx0, {x0.grad.shape}:\n{x0.grad.data}")
    print(f"gx1, {x1.grad.shape}, each number the sum of a column of x0: {x1.grad.data}\n")


def check_pairs(rng):
    """The gradients of a product by both operands, for each pair of shapes. Returns how many are right."""
    right = 0
    for shape0, shape1 in PAIRS:
        a, b = rng.standard_normal(shape0), rng.standard_normal(shape1)
        x0, x1 = Variable(a), Variable(b)
        y = x0 * x1
        y.backward()
        both = [gradient_check(lambda x0, x1: x0 * x1, a, b), gradient_check(lambda x1, x0: x0 * x1, b, a)]
        right += sum(both)
        shapes = f"{shape0!s:9} * {shape1!s:6} -> {y.shape!s:9}"
        print(f"{shapes}  gx0 {x0.grad.shape!s:9}  gx1 {x1.grad.shape!s:6}  right: {all(both)}")
    return right


def adjoint_error(rng):
    """A move and its way back satisfy  <broadcast x, y> = <x, sum y>  for all x and y."""
    x, y = rng.standard_normal((2, 1)), rng.standard_normal((4, 2, 3))
    copied, summed = F.broadcast_to(x, y.shape).data, F.sum_to(y, x.shape).data
    error = abs((copied * y).sum() - (x * summed).sum())
    print(f"\n<broadcast_to(x), y> and <x, sum_to(y)> for {x.shape} and {y.shape} differ by {error:.0e}")
    return float(error)


def failure(f, error_type):
    """Runs f; prints and counts the error that it is expected to raise."""
    try:
        f()
    except error_type as error:
        print(f"{error_type.__name__}: {error}")
        return 1
    return 0


def main(seed=0):
    rng = np.random.default_rng(seed)
    show_one_pair()
    right = check_pairs(rng)
    adjoint = adjoint_error(rng)

    a, b = rng.standard_normal((2, 3)), rng.standard_normal(3)
    print("\nthe small core: ", end="")
    refused = failure(lambda: core_simple.Variable(a) + core_simple.Variable(b), ValueError)
    print("without sum_to: ", end="")
    stopped = failure(lambda: NaiveAdd()(Variable(a), Variable(b)).backward(), RuntimeError)
    mended = gradient_check(lambda x1, x0: MendedAdd()(x0, x1), b, a)
    print(f"with sum_to:    gradient right: {mended}")
    return {
        "pairs": len(PAIRS),
        "checked": right,
        "adjoint_error": adjoint,
        "simple_refused": refused,
        "naive_stopped": stopped,
        "mended": int(mended),
    }


if __name__ == "__main__":
    main()
