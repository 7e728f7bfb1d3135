"""Step 6: Backpropagation by hand (手作業によるバックプロパゲーション).

New here: ``Function.backward``, and ``Variable.grad`` to keep what it gives.
``backward`` gets the derivative of the final result by this function's output (``gy``), multiplies it by its own
derivative and so has the derivative by its input (``gx``): gx = gy * f'(x). It needs x for that, so a function
remembers its input. We call the functions backwards ourselves, the last one first, and start with dy/dy = 1.

Run it:   python steps/step06.py
Expect:   dy/dx = 3.297443, and numerical_diff agrees in all but the last digits.
Promise:  gradient > 3.29744; gradient < 3.29745; difference < 1e-6
Replaces: Variable, Variable.__init__, Function.__call__, Square, Exp, from_the_input, from_the_output
Missing:  the order of the calls back is in our head; step 7 lets the Variables remember it.
"""

import numpy as np


class Variable:
    """A box for an array, with room for its gradient."""

    def __init__(self, data):
        self.data = data
        self.grad = None


class Function:
    """What makes new Variables. A subclass says how."""

    def __call__(self, input):
        output = Variable(self.forward(input.data))
        self.input = input  # its data are needed on the way back
        return output

    def forward(self, x):
        raise NotImplementedError(f"{type(self).__name__} has no forward(self, x).")

    def backward(self, gy):
        raise NotImplementedError(f"{type(self).__name__} has no backward(self, gy).")


class Square(Function):
    """y = x^2;  dy/dx = 2x."""

    def forward(self, x):
        return x**2

    def backward(self, gy):
        x = self.input.data
        return 2 * x * gy


class Exp(Function):
    """y = e^x;  dy/dx = e^x."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        x = self.input.data
        return np.exp(x) * gy


def numerical_diff(f, x, eps=1e-4):
    """dy/dx by the central difference: two calls of ``f``, one a little to the left, one a little to the right."""
    y0 = f(Variable(x.data - eps))
    y1 = f(Variable(x.data + eps))
    return (y1.data - y0.data) / (2 * eps)


def main():
    A, B, C = Square(), Exp(), Square()
    x = Variable(np.array(0.5))
    a = A(x)
    b = B(a)
    y = C(b)

    y.grad = np.array(1.0)
    b.grad = C.backward(y.grad)
    a.grad = B.backward(b.grad)
    x.grad = A.backward(a.grad)
    for name, variable in zip("ybax", [y, b, a, x]):
        print(f"dy/d{name} = {float(variable.grad):.6f}")

    numerical = numerical_diff(lambda x: C(B(A(x))), Variable(np.array(0.5)))
    difference = abs(float(x.grad) - float(numerical))
    print(f"numerical_diff says {float(numerical):.6f}, which differs by {difference:.0e}")
    return {"gradient": float(x.grad), "difference": difference}


if __name__ == "__main__":
    main()
