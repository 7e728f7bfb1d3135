"""Step 25: Seeing the graph, part 1 (計算グラフの可視化 (1)).

New here: DOT, a language that says which dots are joined, and leaves it to a program where they go.
A line names a node and how it looks, or joins two nodes. That is nearly all of it:

    x [label="x", color=orange, style=filled]     a Variable: an orange ellipse
    f [label="Mul", shape=box]                    a Function: a box
    x -> f                                        an arrow

The name of a node is not its label. Two boxes may both be labelled Mul, but need two names; with one name they
are one node, and the graph goes in a circle. We write y = (x * x) * x by hand, both ways, and count.

Run it:   python steps/step25.py     (the program dot comes with Graphviz; without it, only the text is written)
Expect:   5 nodes and 6 arrows, as the real graph has; the careless text has 4 nodes and a circle.
          The pictures go to step25.png and step25_wrong.png, their texts to step25.dot and step25_wrong.dot.
Promise:  nodes == 5; edges == 6; same_as_the_graph == 1; circle == 0; nodes_of_wrong == 4; circle_of_wrong == 1
Picture:  step25.png, step25_wrong.png
Missing:  nobody writes this by hand for 38 functions; step 26 lets the graph write it.
"""

import re
import shutil
import subprocess
import sys
import webbrowser
from pathlib import Path

import numpy as np

from dezero.core_simple import Variable

RIGHT = """digraph cube {
  x  [label="x", color=orange, style=filled]
  f1 [label="Mul", color=lightblue, style=filled, shape=box]
  a  [label="a", color=orange, style=filled]
  f2 [label="Mul", color=lightblue, style=filled, shape=box]
  y  [label="y", color=orange, style=filled]
  x -> f1
  x -> f1
  f1 -> a
  a -> f2
  x -> f2
  f2 -> y
}
"""
WRONG = re.sub("f[12]", "Mul", RIGHT)  # the label taken for a name


def read_dot(text):
    """The nodes of a DOT text of ours, and its arrows as pairs of them."""
    nodes = set(re.findall(r"^  (\w+) +\[", text, re.MULTILINE))
    return nodes, re.findall(r"^  (\w+) -> (\w+)$", text, re.MULTILINE)


def has_circle(nodes, edges):
    """Takes away nodes that no arrow leads to, as long as there are any. What stays goes in a circle."""
    nodes = set(nodes)
    while starts := nodes - {end for start, end in edges if start in nodes}:
        nodes -= starts
    return bool(nodes)


def size_of_graph(y):
    """How many nodes and arrows the graph behind ``y`` has."""
    variables, functions = {y}, set()
    todo = [y]
    while todo:
        f = todo.pop().creator
        if f is not None and f not in functions:
            functions.add(f)
            todo.extend(f.inputs)
            variables.update(f.inputs)
    return len(variables) + len(functions), sum(len(f.inputs) + len(f.outputs) for f in functions)


def draw(text, path, show):
    """Writes the text beside ``path`` and has ``dot`` draw it, if the program is there."""
    source = path.with_suffix(".dot")
    source.write_text(text, encoding="utf-8")
    if shutil.which("dot") is None:
        print(f"The program dot is not installed, so there is no picture; the text is in {source}.")
        return
    subprocess.run(["dot", "-Tpng", "-Nfontname=sans-serif", str(source), "-o", str(path)], check=True)
    print(f"The picture is in {path}, its text in {source}.")
    if show:
        webbrowser.open(path.resolve().as_uri())


def main(folder=".", show=False):
    x = Variable(np.array(2.0))
    y = (x * x) * x
    real = size_of_graph(y)
    result = {}
    for name, text, file in (("", RIGHT, "step25.png"), ("_of_wrong", WRONG, "step25_wrong.png")):
        nodes, edges = read_dot(text)
        circle = has_circle(nodes, edges)
        print(f"{len(nodes)} nodes and {len(edges)} arrows, {'in a circle' if circle else 'no circle'};", end=" ")
        print(f"the real graph has {real[0]} and {real[1]}.")
        draw(text, Path(folder) / file, show)
        result |= {f"nodes{name}": len(nodes), f"edges{name}": len(edges), f"circle{name}": int(circle)}
    result["same_as_the_graph"] = int((result["nodes"], result["edges"]) == real)
    return result


if __name__ == "__main__":
    main(show="--show" in sys.argv)
