"""Step 26: Seeing the graph, part 2 (計算グラフの可視化 (2)).

New here: the graph writes its own DOT text.
Everything is there already: a Variable knows its creator, a Function its inputs and outputs. One line for each
node, one for each arrow; id() gives every object a name of its own, which is what step 25's careless text lacked.
Ours is ``dot_text`` below, 20 lines. ``dezero.utils`` has the same, grown up: ``get_dot_graph`` writes the text,
``plot_dot_graph`` has it drawn. They read no more than creator, inputs, outputs, data and name, so they take
Variables of core_simple as well as those of dezero.

Run it:   python steps/step26.py     (without the program dot, the text is written instead of the picture)
Expect:   our text and the library's have the same nodes and arrows; the library's is the same in every run, ours
          is not, as an id is an address in memory. Goldstein-Price goes to step26.png.
Promise:  same_nodes == 1; same_edges == 1; repeatable == 1; functions == 38
Picture:  step26.png
Missing:  so far all of our functions are + - * / and powers; step 27 makes a sine of them.
"""

import sys
import webbrowser
from pathlib import Path

import numpy as np

from dezero.core_simple import Variable
from dezero.utils import get_dot_graph, plot_dot_graph


def variable_line(v):
    return f'  {id(v)} [label="{v.name or ""}", color=orange, style=filled]'


def function_lines(f):
    yield f'  {id(f)} [label="{type(f).__name__}", color=lightblue, style=filled, shape=box]'
    for x in f.inputs:
        yield f"  {id(x)} -> {id(f)}"
    for y in f.outputs:
        yield f"  {id(f)} -> {id(y())}"  # outputs are weak references since step 17


def dot_text(y):
    """The graph behind ``y`` in DOT."""
    variables, functions = {y: None}, {}  # dicts as sets that keep their order
    todo = [y]
    while todo:
        f = todo.pop().creator
        if f is not None and f not in functions:
            functions[f] = None
            todo.extend(f.inputs)
            variables.update(dict.fromkeys(f.inputs))
    lines = [variable_line(v) for v in variables]
    for f in functions:
        lines.extend(function_lines(f))
    return "\n".join(["digraph g {", *lines, "}"])


def goldstein(x, y):
    a = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    b = 30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
    return a * b


def goldstein_at_1_1():
    z = goldstein(Variable(np.array(1.0), "x"), Variable(np.array(1.0), "y"))
    z.name = "z"
    return z


def draw(y, path, show):
    """A picture of the graph behind ``y``; where ``dot`` is missing, its text."""
    try:
        plot_dot_graph(y, verbose=False, to_file=path)
    except (ImportError, RuntimeError) as error:
        print(f"No picture: {error}")
        path = path.with_suffix(".dot")
        plot_dot_graph(y, verbose=False, to_file=path)
    print(f"The graph is in {path}.")
    if show:
        webbrowser.open(path.resolve().as_uri())


def main(folder=".", show=False):
    x0, x1 = Variable(np.array(1.0), "x0"), Variable(np.array(1.0), "x1")
    y = x0 + x1
    y.name = "y"
    print(f"y = x0 + x1, our way:\n{dot_text(y)}\n\nand the library's, which also shows shapes:\n{get_dot_graph(y)}\n")

    z = goldstein_at_1_1()
    ours, theirs = dot_text(z), get_dot_graph(z, verbose=False)
    counts = [(text.count("[label="), text.count(" -> "), text.count("shape=box")) for text in (ours, theirs)]
    for who, (nodes, edges, functions) in zip(("ours", "the library's"), counts):
        print(f"Goldstein-Price, {who}: {nodes} nodes, {functions} of them functions, and {edges} arrows")
    again = goldstein_at_1_1()
    repeatable = get_dot_graph(again, verbose=False) == theirs
    print(f"The same text when computed again: the library {repeatable}, we {dot_text(again) == ours}")

    draw(z, Path(folder) / "step26.png", show)
    return {
        "same_nodes": int(counts[0][0] == counts[1][0]),
        "same_edges": int(counts[0][1] == counts[1][1]),
        "repeatable": int(repeatable),
        "functions": counts[0][2],
    }


if __name__ == "__main__":
    main(show="--show" in sys.argv)
