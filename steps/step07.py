"""Step 7: Backpropagation, automatic (バックプロパゲーションの自動化).

New here: ``Variable.creator``, and ``Variable.backward``, which walks back by itself.
Each result remembers the function that made it, and each function its input. So the way back is there without our
doing, laid while we compute (define by run): y -> creator C -> its input b -> creator B -> ... -> x. ``backward``
takes one step of it and then asks the input to do the same.

Run it:   python steps/step07.py
Expect:   the way back is Square, Exp, Square; dy/dx = 3.297443, as by hand.
Promise:  functions_on_the_way == 3; gradient > 3.29744; gradient < 3.29745; difference < 1e-6
Replaces: Variable.__init__, Function.__call__
Missing:  each function on the way is a Python call inside a Python call; step 8 shows where that ends.
"""

import numpy as np


class Variable:
    """A box for an array, with room for its gradient."""

    def __init__(self, data):
        self.data = data
        self.grad = None
        self.creator = None

    def set_creator(self, func):
        self.creator = func

    def backward(self):
        f = self.creator
        if f is not None:  # a Variable that we made ourselves has none: here the walk ends
            x = f.input
            x.grad = f.backward(self.grad)
            x.backward()


class Function:
    """What makes new Variables. A subclass says how."""

    def __call__(self, input):
        output = Variable(self.forward(input.data))
        output.set_creator(self)
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
    y = C(B(A(x)))

    way = []
    variable = y
    while variable.creator is not None:
        way.append(variable.creator)
        variable = variable.creator.input
    print("the way back:", " -> ".join(type(f).__name__ for f in way), "-> x" if variable is x else "-> ?")

    y.grad = np.array(1.0)
    y.backward()
    difference = abs(float(x.grad) - float(numerical_diff(lambda x: C(B(A(x))), Variable(np.array(0.5)))))
    print(f"dy/dx = {float(x.grad):.6f}, which differs from numerical_diff by {difference:.0e}")
    return {"functions_on_the_way": len(way), "gradient": float(x.grad), "difference": difference}


if __name__ == "__main__":
    main()
