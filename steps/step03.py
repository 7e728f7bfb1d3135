"""Step 3: Chaining functions (関数の連結).

New here: ``Exp``, and one function after the other: x -> a = x^2 -> b = e^a -> y = b^2.
A function takes a Variable and gives a Variable, so the result of one is what the next one takes. However long a
formula is, it is a chain of small functions, and it will be enough to know the derivative of each small one.

Run it:   python steps/step03.py
Expect:   x = 0.5 gives y = 1.648721, which is e^(2 x^2) computed at one go.
Promise:  y > 1.6487; y < 1.6488; error < 1e-14; variables_on_the_way == 3
Replaces: main
Missing:  the derivative; step 4 gets it without any mathematics.
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


def main():
    x = Variable(np.array(0.5))
    A, B, C = Square(), Exp(), Square()
    a = A(x)
    b = B(a)
    y = C(b)
    for name, variable in zip("xaby", [x, a, b, y]):
        print(f"{name} = {float(variable.data):.6f}")

    error = abs(float(y.data) - np.exp(2 * 0.5**2))
    print(f"e^(2 x^2) at one go differs by {error:.0e}")
    boxes = sum(isinstance(variable, Variable) for variable in [a, b, y])
    return {"y": float(y.data), "error": float(error), "variables_on_the_way": boxes}


if __name__ == "__main__":
    main()
