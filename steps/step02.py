"""Step 2: Functions make variables (変数を生み出す「関数」).

New here: ``Function``, and ``Square`` as the first of its kind.
A function takes a Variable and makes a new one. What all functions share is in the base class: open the box,
compute, put the result into a new box (``__call__``). What each does by itself is in its subclass: arrays in, arrays
out (``forward``). So a new function costs three lines and cannot forget the boxes.

Run it:   python steps/step02.py
Expect:   10 squared is 100, in a Variable; the base class itself computes nothing and says so.
Promise:  y == 100; is_variable == 1; base_refuses == 1
Replaces: main
Missing:  one function alone is no calculation; step 3 puts one behind the other.
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


def main():
    x = Variable(np.array(10.0))
    f = Square()
    y = f(x)
    print(f"Square makes a {type(y).__name__} with {y.data} out of {x.data}")

    base_refuses = False
    try:
        Function()(x)
    except NotImplementedError as error:
        base_refuses = True
        print("the base class alone:", error)
    return {"y": float(y.data), "is_variable": isinstance(y, Variable), "base_refuses": base_refuses}


if __name__ == "__main__":
    main()
