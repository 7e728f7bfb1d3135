"""Step 23: A package (パッケージとしてまとめる).

New here: the framework moves into a file that programs import.
What step 22 ended with is too long to copy into every program. It now stands in ``dezero/core_simple.py``: the
folder ``dezero`` is a package, the file a module in it, and a program names what it needs:

    from dezero.core_simple import Variable

``x + y`` works at once, though no class body says ``__add__``. A module is run when it is first imported, and the
last line of this one, ``setup_variable()``, hangs the operators on ``Variable``.

Run it:   python steps/step23.py
Expect:   (x + 3)^2 has the derivative 8 at x = 1, from the package and from its file alone; without the file's last
          line, x + 3 is an error.
Promise:  gradient == 8; gradient_alone == 8; operators == 10; failed_without_setup == 1; lines < 350
Missing:  one function of two operations is no test for a framework; step 24 takes larger ones.
"""

from inspect import isfunction
from pathlib import Path

import numpy as np

from dezero import core_simple
from dezero.core_simple import Variable


def derivative_at_1(Variable):
    """Of (x + 3)^2, with whichever Variable is given."""
    x = Variable(np.array(1.0))
    y = (x + 3) ** 2
    y.backward()
    return float(x.grad)


def run_alone(source):
    """Runs the text of a module that belongs to no package. Returns the names that it defines."""
    names = {"__name__": "alone"}
    exec(source, names)
    return names


def main():
    path = Path(core_simple.__file__)
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    print(f"dezero.{path.stem} is a file of {len(lines)} lines. It imports:")
    print("\n".join(f"    {line}" for line in lines if line.startswith(("import ", "from "))))

    gradient = derivative_at_1(Variable)
    print(f"\nFrom the package:    (x + 3)^2 has the derivative {gradient} at 1.")
    gradient_alone = derivative_at_1(run_alone(source)["Variable"])
    print(f"From its text alone: (x + 3)^2 has the derivative {gradient_alone} at 1. It needs nothing else of dezero.")

    functions = {f: name for name, f in vars(core_simple).items() if isfunction(f)}
    operators = {name: functions[f] for name, f in vars(Variable).items() if isfunction(f) and f in functions}
    print("\nsetup_variable() gave Variable:", ", ".join(f"{name} = {f}" for name, f in operators.items()))

    without_setup = run_alone(source.rstrip().removesuffix("setup_variable()"))
    failed = 0
    try:
        derivative_at_1(without_setup["Variable"])
    except TypeError as error:
        failed = 1
        print(f"Without that line: TypeError: {error}")
    return {
        "gradient": gradient,
        "gradient_alone": gradient_alone,
        "operators": len(operators),
        "failed_without_setup": failed,
        "lines": len(lines),
    }


if __name__ == "__main__":
    main()
