"""Step 8: From recursion to a loop (再帰からループへ).

New here: ``Variable.backward`` as a loop over a list of Variables still to be looked at.
A function that calls itself leaves one unfinished call behind for each step of the way. Python allows about 1000 of
them, and graphs are longer than that. The loop does the same work in the same order, with a list in their place.

Run it:   python steps/step08.py
Expect:   a chain of 5000 functions: the recursion of step 7 fails with RecursionError, the loop gives dy/dx = 1.
Promise:  depth == 5000; recursion_fails == 1; gradient == 1; short_chain > 3.29744; short_chain < 3.29745
Replaces: Variable.backward
Missing:  calling it is clumsy: Square()(x), and y.grad must be set by hand; step 9 smooths that.
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
        variables = [self]  # those still to be looked at
        while variables:
            y = variables.pop()
            f = y.creator
            if f is not None:  # a Variable that we made ourselves has none: here the walk ends
                x = f.input
                x.grad = f.backward(y.grad)
                variables.append(x)


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


def main(depth=5000):
    class Shift(Function):
        """y = x + 1;  dy/dx = 1."""

        def forward(self, x):
            return x + 1

        def backward(self, gy):
            return gy

    def recursive_backward(y):  # step 7's way
        f = y.creator
        if f is not None:
            f.input.grad = f.backward(y.grad)
            recursive_backward(f.input)

    x = Variable(np.array(0.5))
    y = Square()(Exp()(Square()(x)))
    y.grad = np.array(1.0)
    y.backward()
    print(f"the short chain: dy/dx = {float(x.grad):.6f}, as before")
    short_chain = float(x.grad)

    x = y = Variable(np.array(0.0))
    for _ in range(depth):
        y = Shift()(y)
    y.grad = np.array(1.0)
    recursion_fails = False
    try:
        recursive_backward(y)
    except RecursionError as error:
        recursion_fails = True
        print(f"{depth} functions, with recursion: {error}")
    x.grad = None
    y.backward()
    print(f"{depth} functions, with a loop: y = {float(y.data)}, dy/dx = {float(x.grad)}")
    return {
        "depth": int(y.data),
        "recursion_fails": recursion_fails,
        "gradient": float(x.grad),
        "short_chain": short_chain,
    }


if __name__ == "__main__":
    main()
