"""Step 4: Numerical differentiation (数値微分).

New here: ``numerical_diff``, the derivative of anything that we can compute, by the central difference.

    dy/dx  ~  (f(x + h) - f(x - h)) / 2h           error ~ h^2
    dy/dx  ~  (f(x + h) - f(x)) / h                error ~ h      (the forward difference, to compare)

A smaller h is better until the two values of f agree in nearly all of their 16 digits. From there on the difference
is made of rounding, and dividing it by a tiny h blows that up.

Run it:   python steps/step04.py
Expect:   with each h ten times smaller the forward error falls 10 times and the central one 100 times; then, below
          1e-6 and 1e-8, rounding takes over and both rise again.
Promise:  forward_order > 0.95; forward_order < 1.05; central_order > 1.95; central_order < 2.05; rounding > 1e-6
Replaces: main
Missing:  it costs two calls of f for every input, and a network has millions; step 5 shows the way out.
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


def main(point=0.5):
    def f(x):
        return Square()(Exp()(Square()(x)))  # e^(2 x^2)

    def forward_diff(f, x, eps):
        return (f(Variable(x.data + eps)).data - f(x).data) / eps

    x = Variable(np.array(point))
    exact = 4 * point * np.exp(2 * point**2)
    print(f"dy/dx at {point} is {exact:.10f}, and with the usual h = 1e-4 we find {numerical_diff(f, x):.10f}")

    print("    h    forward error   central error")
    forward, central = {}, {}
    for k in range(1, 14):
        h = 10.0**-k
        forward[k] = abs(forward_diff(f, x, h) - exact)
        central[k] = abs(numerical_diff(f, x, h) - exact)
        print(f"  1e-{k:02d}   {forward[k]:13.1e}   {central[k]:13.1e}")
    return {
        "forward_order": float(np.log10(forward[2] / forward[4]) / 2),  # error ~ h^order
        "central_order": float(np.log10(central[2] / central[4]) / 2),
        "rounding": float(max(central[k] for k in (11, 12, 13))),
    }


if __name__ == "__main__":
    main()
