"""Step 11: Variable-length arguments, forward (可変長の引数 順伝播編).

New here: a Function takes a list of Variables and gives a list of Variables; ``Add`` is the first to need it.
``__call__`` opens all the boxes, ``forward`` gets a list of arrays and returns a list of arrays, and each result goes
into a new box that remembers its creator. One output is a list of one. (The tests stay behind in step 10, and
numerical_diff with them: from here on ``main`` checks against known values.)

Run it:   python steps/step11.py
Expect:   2 + 3 = 5; square and exp, now in terms of lists, still give 3.297443; Add cannot go back yet.
Promise:  total == 5; gradient > 3.29744; gradient < 3.29745; add_goes_back == 0
Replaces: Variable.backward, Function, Square, Exp, square, exp, SquareTest, unittest, numerical_diff
Missing:  every function must unpack and pack lists, which reads badly; step 12 takes that off it.
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

    def __call__(self, inputs):
        ys = self.forward([x.data for x in inputs])
        outputs = [Variable(as_array(y)) for y in ys]
        self.inputs = inputs  # their data are needed on the way back
        for y in outputs:
            y.set_creator(self)
        return outputs

    def forward(self, xs):
        raise NotImplementedError(f"{type(self).__name__} has no forward(self, xs).")

    def backward(self, gy):
        raise NotImplementedError(f"{type(self).__name__} has no backward(self, gy).")


def as_array(x):
    """``x`` as an array. ``np.array(2.0) * 3`` is a NumPy scalar, which is none."""
    return np.asarray(x)


class Square(Function):
    """y = x^2;  dy/dx = 2x."""

    def forward(self, xs):
        (x,) = xs
        return [x**2]

    def backward(self, gy):
        x = self.inputs[0].data
        return 2 * x * gy


class Exp(Function):
    """y = e^x;  dy/dx = e^x."""

    def forward(self, xs):
        (x,) = xs
        return [np.exp(x)]

    def backward(self, gy):
        x = self.inputs[0].data
        return np.exp(x) * gy


class Add(Function):
    """y = x0 + x1."""

    def forward(self, xs):
        x0, x1 = xs
        return [x0 + x1]


def square(x):
    return Square()([x])[0]


def exp(x):
    return Exp()([x])[0]


def main():
    x0, x1 = Variable(np.array(2.0)), Variable(np.array(3.0))
    outputs = Add()([x0, x1])
    (total,) = outputs
    print(f"Add()([2, 3]) is a {type(outputs).__name__} of {len(outputs)} Variable with {total.data}")

    x = Variable(np.array(0.5))
    square(exp(square(x))).backward()
    print(f"one input, one output, as before: dy/dx = {float(x.grad):.6f}")

    add_goes_back = True
    try:
        total.backward()
    except NotImplementedError as error:
        add_goes_back = False
        print("not yet:", error)
    return {"total": float(total.data), "gradient": float(x.grad), "add_goes_back": add_goes_back}


if __name__ == "__main__":
    main()
