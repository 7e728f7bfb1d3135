"""Step 9: More convenient functions (関数をより便利に).

New here: ``square(x)`` in place of Square()(x), a walk that starts from ones, and a Variable that takes arrays only.
  1. ``square(x)`` and ``exp(x)``: each call makes a Function of its own, and y = square(exp(square(x))) reads well.
  2. ``backward`` starts from ones where no gradient is set, for dy/dy = 1.
  3. A Variable takes arrays only, and says so at once. But NumPy turns a result without axes into a scalar
     (np.array(2.0) ** 2 is a float64, no array), so ``as_array`` makes an array of it again.

Run it:   python steps/step09.py
Expect:   3.297443 in one line; Variable(1.0) is refused with words that tell what to do.
Promise:  gradient > 3.29744; gradient < 3.29745; refused == 2; scalar_from_numpy == 1; result_is_array == 1
Replaces: Variable.__init__, Variable.backward, Function.__call__, numerical_diff
Missing:  we look at each number ourselves; step 10 lets a test do that.
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
                x = f.input
                x.grad = f.backward(y.grad)
                variables.append(x)


class Function:
    """What makes new Variables. A subclass says how."""

    def __call__(self, input):
        output = Variable(as_array(self.forward(input.data)))
        output.set_creator(self)
        self.input = input  # its data are needed on the way back
        return output

    def forward(self, x):
        raise NotImplementedError(f"{type(self).__name__} has no forward(self, x).")

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
        x = self.input.data
        return 2 * x * gy


class Exp(Function):
    """y = e^x;  dy/dx = e^x."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        x = self.input.data
        return np.exp(x) * gy


def square(x):
    return Square()(x)


def exp(x):
    return Exp()(x)


def numerical_diff(f, x, eps=1e-4):
    """dy/dx by the central difference: two calls of ``f``, one a little to the left, one a little to the right."""
    y0 = f(Variable(as_array(x.data - eps)))
    y1 = f(Variable(as_array(x.data + eps)))
    return (y1.data - y0.data) / (2 * eps)


def main():
    x = Variable(np.array(0.5))
    y = square(exp(square(x)))
    y.backward()
    print(f"y = {float(y.data):.6f}, dy/dx = {float(x.grad):.6f}")

    refused = 0
    for data in (1.0, [1.0, 2.0]):
        try:
            Variable(data)
        except TypeError as error:
            refused += 1
            print(error)
    Variable(np.array(1.0)), Variable(None)  # an array, or nothing yet: both are welcome

    raw = np.array(2.0) ** 2
    print(f"np.array(2.0) ** 2 is a {type(raw).__name__}, but square puts an {type(y.data).__name__} into its Variable")
    return {
        "gradient": float(x.grad),
        "refused": refused,
        "scalar_from_numpy": not isinstance(raw, np.ndarray),
        "result_is_array": isinstance(y.data, np.ndarray),
    }


if __name__ == "__main__":
    main()
