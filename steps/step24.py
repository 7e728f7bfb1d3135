"""Step 24: Complex functions (複雑な関数の微分).

New here: nothing but formulas. Three functions that people test optimisers with,

    sphere            x^2 + y^2
    matyas            0.26 (x^2 + y^2) - 0.48 x y
    Goldstein-Price   a product of two polynomials of fourth degree, see below

written down as in a textbook. Whether their gradients are right we ask step 4's central difference, which knows
nothing of graphs:  (f(x + h) - f(x - h)) / 2h. At a minimum the gradient has to be zero, which is a second check.

Run it:   python steps/step24.py
Expect:   (2, 2), (0.04, 0.04) and (-5376, 8064) at (1, 1), as the central differences say; zero at the three minima.
Promise:  sphere_gx == 2; goldstein_gx == -5376; goldstein_gy == 8064; worst < 1e-6; at_minima < 1e-12;
          goldstein_functions == 38
Missing:  the graph of Goldstein-Price has 38 functions, and we have not seen one of them; steps 25 and 26 draw it.
"""

import numpy as np

from dezero.core_simple import Variable


def sphere(x, y):
    return x**2 + y**2


def matyas(x, y):
    return 0.26 * (x**2 + y**2) - 0.48 * x * y


def goldstein(x, y):
    a = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    b = 30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
    return a * b


MINIMA = {sphere: (0.0, 0.0), matyas: (0.0, 0.0), goldstein: (0.0, -1.0)}


def gradient(f, x, y):
    """By backpropagation. Also returns the value and the number of functions in the graph."""
    x, y = Variable(np.array(x)), Variable(np.array(y))
    z = f(x, y)
    z.backward()
    return np.array([x.grad, y.grad]), float(z.data), len(functions_behind(z))


def numerical_gradient(f, x, y, h=1e-4):
    """By central differences; ``f`` takes plain numbers as well."""
    return np.array([f(x + h, y) - f(x - h, y), f(x, y + h) - f(x, y - h)]) / (2 * h)


def functions_behind(z):
    """The Functions that led to ``z``, each once."""
    found, variables = set(), [z]
    while variables:
        f = variables.pop().creator
        if f is not None and f not in found:
            found.add(f)
            variables.extend(f.inputs)
    return found


def main(x=1.0, y=1.0):
    results, worst, at_minima = {}, 0.0, 0.0
    for f, minimum in MINIMA.items():
        found, value, functions = gradient(f, x, y)
        numerical = numerical_gradient(f, x, y)
        worst = max(worst, np.abs((found - numerical) / numerical).max())
        there, lowest, _ = gradient(f, *minimum)
        at_minima = max(at_minima, np.abs(there).max())
        print(f"{f.__name__:9}  f({x:g}, {y:g}) = {value:<8g} {functions:2} functions in its graph")
        print(f"           gradient by backpropagation    ({found[0]:.8g}, {found[1]:.8g})")
        print(f"           by central differences         ({numerical[0]:.8g}, {numerical[1]:.8g})")
        print(f"           at the minimum f{minimum} = {lowest:g}:  ({there[0]:g}, {there[1]:g})")
        results |= {f"{f.__name__}_gx": float(found[0]), f"{f.__name__}_gy": float(found[1])}
        results[f"{f.__name__}_functions"] = functions
    print(f"They agree to a relative error of {worst:.0e}.")
    return results | {"worst": float(worst), "at_minima": float(at_minima)}


if __name__ == "__main__":
    main()
