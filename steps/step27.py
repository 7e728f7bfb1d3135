"""Step 27: Taylor series (テイラー展開の微分).

New here: a sine made of + * and powers, with as many terms as it takes.

    sin(x) = x - x^3 / 3! + x^5 / 5! - ...

``my_sin`` stops at the first term below a threshold. That is a Python loop with a break, and backpropagation goes
through it as through any formula: the graph is what was computed, not the program that did it. Its derivative is
the derivative of each term, which is the series of the cosine. For comparison, a ``Sin`` whose derivative we say.

Run it:   python steps/step27.py     (without the program dot, text is written instead of the pictures)
Expect:   sine and cosine of pi/4 to 6 and 5 digits with a threshold of 1e-4, to nearly the last digit with 1e-16,
          from a graph twice as large; 1e-150 takes 141 functions and gains nothing.
          The first two graphs go to step27.png and step27_fine.png.
Promise:  error < 1e-6; gradient_error < 1e-5; error_fine < 1e-15; gradient_error_fine < 1e-15; functions == 12;
          functions_fine < 40; functions_too_fine > 100; sin_error < 1e-15
Picture:  step27.png, step27_fine.png
Missing:  we have gradients of functions and did nothing with them; step 28 walks downhill.
"""

import math
import sys
import webbrowser
from pathlib import Path

import numpy as np

from dezero.core_simple import Function, Variable
from dezero.utils import get_dot_graph, plot_dot_graph


def my_sin(x, threshold):
    """The Taylor series around 0, up to the first term below the threshold."""
    y, i = 0, 0
    while True:
        n = 2 * i + 1
        term = (-1) ** i / math.factorial(n) * x**n
        y = y + term
        if abs(term.data) < threshold:
            return y
        i += 1


class Sin(Function):
    """y = sin(x);  dy/dx = cos(x)."""

    def forward(self, x):
        return np.sin(x)

    def backward(self, gy):
        return gy * np.cos(self.inputs[0].data)


def draw(y, path, show):
    """A picture of the graph behind ``y``; where ``dot`` is missing, its text."""
    try:
        plot_dot_graph(y, verbose=False, to_file=path)
    except (ImportError, RuntimeError) as error:
        print(f"No picture: {error}")
        path = path.with_suffix(".dot")
        plot_dot_graph(y, verbose=False, to_file=path)
    print(f"    its graph is in {path}")
    if show:
        webbrowser.open(path.resolve().as_uri())


def measure(f, at):
    """Value and derivative at a point: how wrong they are, the size of the graph, and its last Variable."""
    x = Variable(np.array(at), "x")
    y = f(x)
    y.name = "y"
    y.backward()
    error, gradient_error = abs(float(y.data) - math.sin(at)), abs(float(x.grad) - math.cos(at))
    functions = get_dot_graph(y).count("shape=box")
    print(f"    y  = {float(y.data):.16f}   wrong by {error:.0e}")
    print(f"    gx = {float(x.grad):.16f}   wrong by {gradient_error:.0e},   {functions} functions")
    return error, gradient_error, functions, y


def main(at=math.pi / 4, folder=".", show=False):
    result = {}
    for suffix, threshold in (("", 1e-4), ("_fine", 1e-16), ("_too_fine", 1e-150)):
        print(f"the series with a threshold of {threshold}")
        error, gradient_error, functions, y = measure(lambda x, t=threshold: my_sin(x, t), at)
        if functions < 100:  # a larger one cannot be read
            draw(y, Path(folder) / f"step27{suffix}.png", show)
        result |= {f"error{suffix}": error, f"gradient_error{suffix}": gradient_error, f"functions{suffix}": functions}
    print("a Function with a backward of its own")
    result["sin_error"] = measure(Sin(), at)[0]
    return result


if __name__ == "__main__":
    main(show="--show" in sys.argv)
