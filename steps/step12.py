"""Step 12: Variable-length arguments, better (可変長の引数 改善編).

New here: ``*inputs``, so that a function is called as add(x0, x1).
A star gathers the arguments of a call, in ``def __call__(self, *inputs)``, and spreads them, in ``forward(*xs)``.
So whoever uses a function writes add(x0, x1), and whoever writes one says ``def forward(self, x0, x1)`` and returns
x0 + x1, no lists on either side. Several results are returned as a tuple; a single one comes back without a list
around it. ``Square.forward`` is what it was in step 10.

Run it:   python steps/step12.py
Expect:   add(2, 3) is a Variable with 5; a function with two results, 7 = 3 * 2 + 1, gives two Variables.
Promise:  total == 5; quotient == 3; remainder == 1; gradient > 3.29744; gradient < 3.29745
Replaces: Function.__call__, Function.forward, Square.forward, Exp.forward, Add.forward, square, exp
Missing:  the way back through a function with two inputs; step 13 brings it.
"""

import numpy as np


class Variable:
    """A box for an array, with room for its gradient."""

    def __init__(self, data):
        if data is not None and not isinstance(data, np.ndarray):
            got = type(data).__name__
            raise TypeError(f"Variable needs a NumPy array, got {got}. Wrap it: Variable(np.array({data!r})).")
        self.data = data
        self.grad = None
        self.creator = None

    def set_creator(self, func):
        self.creator = func

    def backward(self):
        if self.grad is None:
            self.grad = np.ones_like(self.data)
        variables = [self]  # those still to be looked at
        while variables:
            y = variables.pop()
            f = y.creator
            if f is not None:  # a Variable that we made ourselves has none: here the walk ends
                x = f.inputs[0]  # the walk knows of one input only, up to step 13
                x.grad = f.backward(y.grad)
                variables.append(x)


class Function:
    """What makes new Variables. A subclass says how."""

    def __call__(self, *inputs):
        ys = self.forward(*[x.data for x in inputs])
        outputs = [Variable(as_array(y)) for y in (ys if isinstance(ys, tuple) else (ys,))]
        self.inputs = inputs  # their data are needed on the way back
        for y in outputs:
            y.set_creator(self)
        return outputs if len(outputs) > 1 else outputs[0]

    def forward(self, *xs):
        raise NotImplementedError(f"{type(self).__name__} has no forward(self, *xs).")

    def backward(self, gy):
        raise NotImplementedError(f"{type(self).__name__} has no backward(self, gy).")


def as_array(x):
    """``x`` as an array. ``np.array(2.0) * 3`` is a NumPy scalar, which is none."""
    return np.asarray(x)


class Square(Function):
    """y = x^2;  dy/dx = 2x."""

    def forward(self, x):
        return x**2

    def backward(self, gy):
        x = self.inputs[0].data
        return 2 * x * gy


class Exp(Function):
    """y = e^x;  dy/dx = e^x."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        x = self.inputs[0].data
        return np.exp(x) * gy


class Add(Function):
    """y = x0 + x1."""

    def forward(self, x0, x1):
        return x0 + x1


def square(x):
    return Square()(x)


def exp(x):
    return Exp()(x)


def add(x0, x1):
    return Add()(x0, x1)


def main():
    class Divide(Function):
        """The whole part of x0 / x1, and what is left over."""

        def forward(self, x0, x1):
            return x0 // x1, x0 % x1

    total = add(Variable(np.array(2.0)), Variable(np.array(3.0)))
    print(f"add(2, 3) is a {type(total).__name__} with {total.data}")

    quotient, remainder = Divide()(Variable(np.array(7.0)), Variable(np.array(2.0)))
    print(f"two results: 7 = {quotient.data} * 2 + {remainder.data}")

    x = Variable(np.array(0.5))
    square(exp(square(x))).backward()
    print(f"one input, one output, as before: dy/dx = {float(x.grad):.6f}")
    return {
        "total": float(total.data),
        "quotient": float(quotient.data),
        "remainder": float(remainder.data),
        "gradient": float(x.grad),
    }


if __name__ == "__main__":
    main()
