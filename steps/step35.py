"""Step 35: Their graphs (高階微分の計算グラフ).

New here: how the graph of a derivative grows with its order.
The derivative of y = tanh(x) is gx = gy (1 - y^2): two functions more, and behind them still stands tanh
itself. The next walk goes through all of them, and each product brings two new ones, so a graph leads to one about
2.6 times as large. Autograd repeats what it is told; it does not tidy up. On paper the same derivatives stay small:
each is a polynomial in y, and the next follows from the one before,

    p1 = 1 - y^2,   p(n+1) = p(n)' (1 - y^2)

which also checks all eight.

Run it:   python steps/step35.py     (without the program dot, text is written instead of the pictures)
Expect:   3 functions for the first derivative, 1412 for the eighth, each right to 12 digits; the polynomial of the
          eighth has 10 coefficients. The graphs of orders 1 to 4 go to step35_1.png to step35_4.png.
Promise:  functions_1 == 3; functions_8 > 1000; growth > 2; growth < 3.5; worst < 1e-12; coefficients_8 == 10
Picture:  step35_1.png, step35_2.png, step35_3.png, step35_4.png
Missing:  the gradient of a gradient has other uses than derivatives of high order; step 36 shows them.
"""

import math
import sys
import time
import webbrowser
from pathlib import Path

import numpy as np
from numpy.polynomial import Polynomial

import dezero.functions as F
from dezero import Variable
from dezero.utils import get_dot_graph, plot_dot_graph


def tanh_polynomials(orders):
    """For each order the derivative of tanh as a polynomial in y = tanh(x)."""
    slope = Polynomial([1, 0, -1])  # 1 - y^2
    found = [slope]
    while len(found) < orders:
        found.append(found[-1].deriv() * slope)
    return found


def derivatives(f, at, orders):
    """The derivatives of f as Variables, each with its graph."""
    x = Variable(np.array(at), "x")
    f(x).backward(create_graph=True)
    for order in range(1, orders + 1):
        gx = x.grad
        gx.name = f"gx{order}"
        yield gx
        if order < orders:
            x.cleargrad()
            gx.backward(create_graph=True)


def draw(y, path, show):
    """A picture of the graph behind ``y``; where ``dot`` is missing, its text."""
    try:
        plot_dot_graph(y, verbose=False, to_file=path)
    except (ImportError, RuntimeError) as error:
        print(f"No picture: {error}")
        path = path.with_suffix(".dot")
        plot_dot_graph(y, verbose=False, to_file=path)
    print(f"         its graph is in {path}")
    if show:
        webbrowser.open(path.resolve().as_uri())


def main(at=1.0, orders=8, drawn=4, folder=".", show=False):
    result, worst, sizes = {}, 0.0, []
    start = time.perf_counter()
    for order, (gx, polynomial) in enumerate(zip(derivatives(F.tanh, at, orders), tanh_polynomials(orders)), 1):
        text = get_dot_graph(gx, verbose=False)
        functions, arrows = text.count("shape=box"), text.count(" -> ")
        exact = polynomial(math.tanh(at))
        worst = max(worst, abs((float(gx.data) - exact) / exact))
        print(f"order {order}: {float(gx.data):12.6f}, {functions:4} functions, {arrows:4} arrows;", end=" ")
        print(f"the polynomial has {len(polynomial)} coefficients")
        if order <= drawn:
            draw(gx, Path(folder) / f"step35_{order}.png", show)
        sizes.append(functions)
        result |= {f"functions_{order}": functions, f"coefficients_{order}": len(polynomial)}
    seconds = time.perf_counter() - start
    growth = (sizes[-1] / sizes[1]) ** (1 / (orders - 2))
    print(f"From order 2 on the graph grows {growth:.2f} times with each. All in {seconds:.1f} s, pictures included.")
    return result | {"worst": worst, "growth": growth}


if __name__ == "__main__":
    main(show="--show" in sys.argv)
