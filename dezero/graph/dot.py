"""Knows how to write a computation graph down in DOT, the language of Graphviz.

It reads what every Variable (``data``, ``name``, ``creator``) and every Function (``inputs``, ``outputs``) has,
so the Variables of ``dezero.core_simple`` can be drawn as well.
"""

from __future__ import annotations

from typing import Any

_EVERY_NODE = 'fontname="sans-serif"'  # stands for whatever the viewer has, so Japanese shows where a font is
_VARIABLE = "color=orange, style=filled"
_FUNCTION = "color=lightblue, style=filled, shape=box"

_SPECIAL = {"\\": "\\\\", '"': '\\"', "&": "&amp;", "\n": "\\n", "\r": "\\n", "\t": " "}
_UNSHOWABLE = [
    *range(0x20),
    *range(0x7F, 0xA0),
    0xFFFE,
    0xFFFF,
]  # a picture cannot hold these, and SVG must not
_ESCAPES = str.maketrans({**{chr(c): f"\\\\x{c:02x}" for c in _UNSHOWABLE}, **_SPECIAL})


def get_dot_graph(output: Any, verbose: bool = True) -> str:
    """The graph that led to ``output``, as DOT text.

    Variables are orange ellipses with their name, Functions light-blue boxes with the name of their class. The
    same graph always gives the same text.

    Args:
        output: Variable, or a list or tuple of them. A leaf is a graph of one node.
        verbose: Also show the shape and dtype of each Variable.

    Raises:
        TypeError: ``output`` is something else.

    Example:
        >>> x = Variable(np.array(1.0), "x")
        >>> print(get_dot_graph(-x))
        digraph g {
          node [fontname="sans-serif"]
          n0 [label="() float64", color=orange, style=filled]
          n1 [label="Neg", color=lightblue, style=filled, shape=box]
          n2 [label="x: () float64", color=orange, style=filled]
          n1 -> n0
          n2 -> n1
        }
    """
    outputs = output if isinstance(output, (list, tuple)) else [output]
    for y in outputs:
        if not _is_variable(y):
            raise TypeError(f"get_dot_graph draws a Variable, or a list of them, got {type(y).__name__}.")
    nodes, edges = _nodes_and_edges(outputs)
    lines = [f"node [{_EVERY_NODE}]"]
    lines += [f'n{i} [label="{_quoted(_label(v, verbose))}", {_style(v)}]' for i, v in enumerate(nodes)]
    lines += [f"n{i} -> n{j}" for i, j in edges]
    return "digraph g {\n" + "".join(f"  {line}\n" for line in lines) + "}"


def _nodes_and_edges(outputs: Any) -> tuple[list[Any], list[tuple[int, int]]]:
    """Everything behind ``outputs``, each Variable and Function once, and which of them leads to which."""
    nodes: list[Any] = []  # it also keeps them alive, so that no two have the same id()
    places: dict[int, int] = {}  # id() of a node -> where it is in nodes
    edges: list[tuple[int, int]] = []

    def place(node: Any) -> int:
        if id(node) not in places:
            places[id(node)] = len(nodes)
            nodes.append(node)
        return places[id(node)]

    for y in outputs:
        place(y)
    for i, node in enumerate(nodes):  # grows on the way, until nothing new is found
        if not _is_variable(node):
            edges.extend((place(x), i) for x in node.inputs or ())  # None once the graph was released
            for y in _living_outputs(node):
                place(y)
        elif node.creator is not None:
            edges.append((place(node.creator), i))
    return nodes, edges


def _living_outputs(function: Any) -> list[Any]:
    """The outputs of ``function`` that somebody still holds and that were not unchained from it."""
    outputs = [ref() for ref in function.outputs]
    return [y for y in outputs if y is not None and y.creator is function]


def _is_variable(node: Any) -> bool:
    return hasattr(node, "creator")


def _style(node: Any) -> str:
    return _VARIABLE if _is_variable(node) else _FUNCTION


def _label(node: Any, verbose: bool) -> str:
    """``Add`` for a Function; ``x: (2, 3) float32`` for a Variable, or as much of it as there is to say."""
    if not _is_variable(node):
        return type(node).__name__
    name = "" if node.name is None else str(node.name)
    if not verbose:
        return name
    facts = "None" if node.data is None else f"{tuple(node.shape)} {node.dtype}"
    return f"{name}: {facts}" if name else facts


def _quoted(text: str) -> str:
    """``text`` as it must stand between quotes in DOT in order to be shown as it is."""
    writable = text.encode("utf-8", "backslashreplace").decode("utf-8")  # a lone half of a surrogate pair is not
    return writable.replace("\r\n", "\n").translate(_ESCAPES)
