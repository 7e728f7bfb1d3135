"""Step 32: Higher derivatives, code (高階微分 実装編).

New here: ``dezero/core.py``, where gradients are Variables. From step 33 on we use it.
What separates it from core_simple.py fits on a page, which this program prints from the two files:

    1  x.grad holds a Variable, and so does the seed
    2  the walk calls a backward that computes with Variables, so it leaves a graph, if create_graph says so
    3  a backward is written in Variables: x1, where core_simple has x1.data

create_graph=False is the default: most programs never differentiate twice, and a graph costs time and memory.
Two traps: x.grad adds up from walk to walk, so call x.cleargrad() before the second, or f' + f'' is what you get;
and a backward that reads x.data where it could take x computes f' rightly and loses f''.

Run it:   python steps/step32.py
Expect:   f'(2) = 24 and f''(2) = 44 for x^4 - 2 x^2, 68 without cleargrad; without create_graph an error that says so.
Promise:  gradient == 24; second == 44; without_cleargrad == 68; failed_without_graph == 1; excerpts == 6;
          cube_second == 12; careless_found == 0;
          functions_behind_plain == 0; functions_behind_recorded > 5; same_first == 1
Missing:  nothing for derivatives of any order; step 33 puts them to use.
"""

import inspect
import textwrap

import numpy as np

import dezero
from dezero import core, core_simple
from dezero.functions import arithmetic
from dezero.utils import get_dot_graph


def line_with(words, where):
    """The one line of ``where`` (a class or function) that has these words."""
    lines = [line.strip() for line in inspect.getsource(where).splitlines() if words in line]
    if len(lines) != 1:
        raise LookupError(f"{len(lines)} lines of {where.__name__} have {words!r}; 1 is wanted.")
    return lines[0]


def signature(method):
    return f"def {method.__name__}{inspect.signature(method)}".replace("'", "")


def body(method):
    return textwrap.dedent(inspect.getsource(method))


def excerpts():
    """(what it is about, core_simple.py, core.py), from the files themselves."""
    simple, full = core_simple.Variable, core.Variable
    return [
        ("What backward takes", signature(simple.backward), signature(full.backward)),
        ("The seed", line_with("ones_like", simple.backward), line_with("ones_like", full.backward)),
        ("What may be remembered meanwhile", "", line_with("with using_config", full.backward)),
        (
            "One step of the walk",
            line_with("checked_backward", simple.backward),
            line_with("f.array_backward", core._Walk),
        ),
        ("Two gradients meet", line_with("if x in grads", simple.backward), line_with("= before + gx", core._Walk)),
        ("The derivative of a product", body(core_simple.Mul.backward), body(arithmetic.Mul.gradients)),
    ]


def print_excerpts(pairs):
    for i, (topic, simple, full) in enumerate(pairs, 1):
        print(f"{i}  {topic}")
        for file, text in (("core_simple", simple), ("core", full)):
            for line in text.splitlines() or ["(no such line)"]:
                print(f"     {file:11} | {line}")
                file = ""
    print("In core, Mul has one formula for both walks: it computes with arrays or with Variables, as it is given.\n")


def f(x):
    return x**4 - 2 * x**2


class Cube(dezero.Function):
    """y = x^3;  gx = 3 gy x^2, in Variables."""

    def forward(self, x):
        return x**3

    def backward(self, gy):
        (x,) = self.inputs
        return gy * 3 * x**2


class CarelessCube(Cube):
    def backward(self, gy):
        return gy * 3 * self.inputs[0].data ** 2  # right, but a number: nothing leads from here to x


def derivatives(f, at, clear=True, create_graph=True):
    """f' and f'' by two walks. Also how many functions there are behind f'."""
    x = dezero.Variable(np.array(at))
    f(x).backward(create_graph=create_graph)
    gx = x.grad
    if clear:
        x.cleargrad()
    functions = get_dot_graph(gx).count("shape=box")
    if create_graph:
        gx.backward()
    return float(gx.data), x.grad and float(x.grad.data), functions


def main(at=2.0):
    pairs = excerpts()
    print_excerpts(pairs)

    gradient, second, recorded = derivatives(f, at)
    print(f"f'({at:g}) = {gradient}, behind which lie {recorded} functions;  f''({at:g}) = {second}")
    without_cleargrad = derivatives(f, at, clear=False)[1]
    print(f"without x.cleargrad() before the second walk: {without_cleargrad}, which is f' + f''")

    first, _, plain = derivatives(f, at, create_graph=False)
    print(f"create_graph=False: f'({at:g}) = {first}, behind which lie {plain} functions")
    x = dezero.Variable(np.array(at))
    f(x).backward()
    failed = 0
    try:
        x.grad.backward()
    except RuntimeError as error:
        failed = 1
        print(f"and x.grad.backward() ends in RuntimeError: {error}")

    cube, careless = derivatives(Cube(), at), derivatives(CarelessCube(), at)
    print(f"Cube:         f'({at:g}) = {cube[0]}, f''({at:g}) = {cube[1]}")
    print(f"CarelessCube: f'({at:g}) = {careless[0]}, f''({at:g}) = {careless[1]}: one .data, and the way to x is cut")
    return {
        "gradient": gradient,
        "second": second,
        "without_cleargrad": without_cleargrad,
        "failed_without_graph": failed,
        "cube_second": cube[1],
        "careless_found": int(careless[1] is not None),
        "excerpts": len(pairs),
        "functions_behind_plain": plain,
        "functions_behind_recorded": recorded,
        "same_first": int(first == gradient),
    }


if __name__ == "__main__":
    main()
