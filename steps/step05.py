"""Step 5: Backpropagation, the theory (バックプロパゲーションの理論).

New here: the chain rule, evaluated from both of its ends, and the multiplications counted.
The derivative of a chain x -> a -> b -> y is the product of the derivatives of its functions,

    dy/dx = dy/db * db/da * da/dx,

and a product may be evaluated in any order. Where x, a and b are arrays of n numbers, each factor is a matrix, n x n;
only the last one is a single row, for y is one number (a loss). Starting from the output there is always just a row
to carry: n^2 multiplications per function. Starting from the input it is a whole matrix: n^3. That is why gradients
travel backwards, and the row that travels, dy/da, has the shape of a itself.

Run it:   python steps/step05.py
Expect:   the same gradient both ways; for 50 numbers and 4 layers 377,500 multiplications against 10,000.
Promise:  difference < 1e-12; against_numerical < 1e-6; forwards == 377500; backwards == 10000; mirrored == 10000
Replaces: main
Missing:  nothing here is automatic; step 6 gives each function its own derivative.
"""

import numpy as np


class Variable:
    """A box for an array."""

    def __init__(self, data):
        self.data = data


class Function:
    """What makes new Variables. A subclass says how."""

    def __call__(self, input):
        output = Variable(self.forward(input.data))
        return output

    def forward(self, x):
        raise NotImplementedError(f"{type(self).__name__} has no forward(self, x).")


class Square(Function):
    """y = x^2."""

    def forward(self, x):
        return x**2


class Exp(Function):
    """y = e^x."""

    def forward(self, x):
        return np.exp(x)


def numerical_diff(f, x, eps=1e-4):
    """dy/dx by the central difference: two calls of ``f``, one a little to the left, one a little to the right."""
    y0 = f(Variable(x.data - eps))
    y1 = f(Variable(x.data + eps))
    return (y1.data - y0.data) / (2 * eps)


def from_the_input(factors):
    """The product of a chain's derivatives, the first function's first; and how many multiplications it took."""
    total, count = factors[0], 0
    for factor in factors[1:]:
        count += factor.shape[0] * factor.shape[1] * total.shape[1]
        total = factor @ total
    return total, count


def from_the_output(factors):
    """The same product, the last function's first."""
    total, count = factors[-1], 0
    for factor in reversed(factors[:-1]):
        count += total.shape[0] * total.shape[1] * factor.shape[1]
        total = total @ factor
    return total, count


def main(n=50, layers=4, seed=0):
    x = 0.5  # the chain of step 3, where each factor is a number
    a, b = x**2, np.exp(x**2)
    factors = [np.array([[2 * x]]), np.array([[np.exp(a)]]), np.array([[2 * b]])]
    (one,), (other,) = from_the_input(factors)[0], from_the_output(factors)[0]
    print(f"a chain of numbers:  {one.item():.6f} from the input, {other.item():.6f} from the output")

    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(n, n)) / np.sqrt(n) for _ in range(layers)]
    start, direction = rng.normal(size=n), rng.normal(size=n)

    def values(x):  # x, tanh(W1 x), tanh(W2 tanh(W1 x)), ...
        steps = [x]
        for W in weights:
            steps.append(np.tanh(W @ steps[-1]))
        return steps

    steps = values(start)
    factors = [(1 - y[:, np.newaxis] ** 2) * W for W, y in zip(weights, steps[1:])]  # (n, n) each
    factors.append(2 * steps[-1][np.newaxis])  # the end is a sum of squares: (1, n)
    from_input, forwards = from_the_input(factors)
    from_output, backwards = from_the_output(factors)
    difference = np.abs(from_input - from_output).max()
    print(f"a chain of arrays:   {forwards:,} multiplications from the input, {backwards:,} from the output")
    print(f"the two gradients differ by {difference:.0e}")

    def along(t):  # the output as a function of one number, for which step 4's tool is enough
        return Variable(np.sum(values(start + t.data * direction)[-1] ** 2))

    numerical = numerical_diff(along, Variable(np.array(0.0)))
    against_numerical = abs(float(from_output[0] @ direction) - numerical)
    print(f"the numerical derivative in one direction differs by {against_numerical:.0e}")

    mirrored = from_the_input([factor.T for factor in reversed(factors)])[1]
    print(f"with one number in and {n} out it is the other way round: {mirrored:,} from the input")
    return {
        "difference": float(difference),
        "against_numerical": float(against_numerical),
        "forwards": forwards,
        "backwards": backwards,
        "mirrored": mirrored,
    }


if __name__ == "__main__":
    main()
