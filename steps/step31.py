"""Step 31: Higher derivatives, theory (高階微分 理論編).

New here: the backward pass is a forward pass, of another function.
For y = sin(x) the walk back computes gx = gy cos(x). That is a formula in gy and x like any other. Computed with
arrays it leaves a number. Computed with Variables it leaves a graph,

    x -> Cos -> * <- gy,   and after it gx

and a graph can be walked: gx.backward() is the second derivative. So write each backward with Variables; RULES has
one line for each Function, ``derivative`` is the walk. core_simple stays as it is: we stand beside it and compute
the gradients in its own Variables, as far as + * sin cos and - go.

Run it:   python steps/step31.py     (without the program dot, text is written instead of the picture)
Expect:   sin, cos, -sin, -cos, sin at 1; the graph grows from 1 function to 2, 4, 5 and 7. The graphs of sin(x) and
          its derivative, which share x, go to step31.png. x^2 sin(x) shows that it holds for products and sums.
Promise:  worst < 1e-15; functions_0 == 1; functions_1 == 2; functions_4 == 7; by_walk < 1e-15; product_error < 1e-12
Picture:  step31.png
Missing:  a table beside the framework; step 32 looks at the framework that has it inside.
"""

import math
import sys
import webbrowser
from pathlib import Path

import numpy as np

from dezero.core_simple import Add, Function, Mul, Neg, Variable
from dezero.utils import plot_dot_graph


class Sin(Function):
    """y = sin(x);  dy/dx = cos(x)."""

    def forward(self, x):
        return np.sin(x)

    def backward(self, gy):
        return gy * np.cos(self.inputs[0].data)


class Cos(Function):
    """y = cos(x);  dy/dx = -sin(x)."""

    def forward(self, x):
        return np.cos(x)

    def backward(self, gy):
        return -gy * np.sin(self.inputs[0].data)


RULES = {  # the same formulas as in each backward, but of Variables: so each makes a piece of graph
    Sin: lambda gy, x: [gy * Cos()(x)],
    Cos: lambda gy, x: [-(gy * Sin()(x))],
    Neg: lambda gy, x: [-gy],
    Mul: lambda gy, x0, x1: [gy * x1, gy * x0],
    Add: lambda gy, x0, x1: [gy, gy],
}


def functions_behind(y):
    """The Functions that led to ``y``, the last one first."""
    found, variables = {}, [y]
    while variables:
        f = variables.pop().creator
        if f is not None and f not in found:
            found[f] = None
            variables.extend(f.inputs)
    return sorted(found, key=lambda f: f.generation, reverse=True)


def derivative(y, x):
    """dy/dx as a Variable: the walk of ``backward``, by RULES."""
    grads = {y: Variable(np.ones_like(y.data), "gy")}
    for f in functions_behind(y):
        gy = grads[f.outputs[0]()]
        for v, gv in zip(f.inputs, RULES[type(f)](gy, *f.inputs)):
            grads[v] = grads[v] + gv if v in grads else gv
    return grads[x]


def draw(ys, path, show):
    """A picture of the graph behind the Variables ``ys``; where ``dot`` is missing, its text."""
    try:
        plot_dot_graph(ys, verbose=False, to_file=path)
    except (ImportError, RuntimeError) as error:
        print(f"No picture: {error}")
        path = path.with_suffix(".dot")
        plot_dot_graph(ys, verbose=False, to_file=path)
    print(f"The graph is in {path}.")
    if show:
        webbrowser.open(path.resolve().as_uri())


def main(at=1.0, orders=4, folder=".", show=False):
    x = Variable(np.array(at), "x")
    y = Sin()(x)
    y.name = "y"
    exact = [math.sin, math.cos, lambda x: -math.sin(x), lambda x: -math.cos(x)]
    result, worst = {}, 0.0
    g = y
    for n in range(orders + 1):
        if n > 0:
            g = derivative(g, x)
        worst = max(worst, abs(float(g.data) - exact[n % 4](at)))
        functions = len(functions_behind(g))
        print(f"derivative {n} of sin at {at}: {float(g.data):9.6f}, from a graph of size {functions}")
        result[f"functions_{n}"] = functions

    gx = derivative(y, x)
    gx.name = "gx"
    draw([y, gx], Path(folder) / "step31.png", show)
    gx.backward()  # the walk of core_simple, through the graph that the walk before it left
    by_walk = abs(float(x.grad) + math.sin(at))
    print(f"gx.backward(), by core_simple itself: {x.grad:.6f}")

    second = derivative(derivative(x * x * Sin()(x), x), x)
    expected = (2 - at**2) * math.sin(at) + 4 * at * math.cos(at)
    print(f"x^2 sin(x), second derivative: {float(second.data):.6f}; by hand: {expected:.6f}")
    return result | {"worst": worst, "by_walk": by_walk, "product_error": abs(float(second.data) - expected)}


if __name__ == "__main__":
    main(show="--show" in sys.argv)
