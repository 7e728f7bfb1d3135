"""Knows how to write a computation graph down in DOT, the language of Graphviz."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..core import Variable
from .folding import Folds, ends, fold
from .gradients import trace_gradients
from .look import RED, Look, caption, colors, facts, look, quoted
from .network import network_dot
from .structure import Graph, Node, build_graph

_EVERY_NODE = 'fontname="sans-serif"'  # stands for whatever the viewer has, so Japanese shows where a font is


def get_dot_graph(output: Any, verbose: bool = True, **options: Any) -> str:
    """The graph that led to ``output``, as DOT text.

    Variables are orange ellipses with their name, Functions light-blue boxes with the name of their class. The
    same graph always gives the same text.

    Args:
        output: Variable, or a list or tuple of them. A leaf is a graph of one node.
        verbose: Also show the shape and dtype of each Variable.
        **options: What else to show: those of ``Look``, such as ``gradients=2`` or ``values=True``.

    Raises:
        TypeError: ``output`` is something else, or an option is unknown.
        ValueError: An option is out of range.

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
    return draw(output, verbose, look("get_dot_graph", options), "get_dot_graph")[0]


def draw(output: Any, verbose: bool, look: Look, who: str, calls: Any = None, marks: Any = None) -> tuple[str, str]:
    """DOT text, and a sentence about what was folded without being asked for, empty where nothing was.

    ``calls`` are layers that nobody asked to see, but which a picture that grows too large is folded by. ``marks``
    of a graph and its folds are what boxes say besides their name, in the look of a network.
    """
    plan = make_plan(output, look, who, calls)
    return plan_dot(plan, verbose, look, marks), plan.notice


class Plan(NamedTuple):
    """What there is to draw.

    Attributes:
        graph: Everything.
        folds: What is drawn of it, in the look of a network; None for the book's look, which has all.
        notice: What was folded without being asked for, a sentence; empty where nothing was.
        sources: Function -> the one whose gradient it computes.
    """

    graph: Graph
    folds: Folds | None
    notice: str
    sources: Any


def make_plan(output: Any, look: Look, who: str, calls: Any = None) -> Plan:
    """Finds out what to draw; see ``draw``."""
    outputs = list(output) if isinstance(output, (list, tuple)) else [output]
    for y in outputs:
        if not _is_variable(y):
            raise TypeError(f"{who} draws a Variable, or a list of them, got {type(y).__name__}.")
    gradients, sources = _gradients(outputs, look.gradients, who)
    graph = build_graph(outputs, look.layers, gradients, sources)
    too_large = look.limit is not None and len(graph.nodes) > look.limit
    if not look.is_of_a_network and not too_large:
        return Plan(graph, None, "", sources)
    if calls is not None and look.layers is None:
        graph = build_graph(outputs, calls, gradients, sources)
    folds, notice = fold(graph, look.depth, look.repeats, look.limit, look.parameters)
    if too_large and not notice and not look.is_of_a_network:
        notice = f"{len(graph.nodes):,} nodes: drawn as a network, as the limit is {look.limit:,}."
    left_out = ends(graph, look.limit)[2]
    if left_out:
        notice = f"{notice} {left_out:,} inputs and results are left out.".strip()
    return Plan(graph, folds, notice, sources)


def plan_dot(plan: Plan, verbose: bool, look: Look, marks: Any = None) -> str:
    """DOT text of a plan."""
    if plan.folds is None:
        return _book_dot(plan.graph, verbose, look)
    found = None if marks is None else marks(plan.graph, plan.folds)
    return network_dot(plan.graph, plan.folds, look, verbose, plan.notice, found)


def _gradients(outputs: list[Any], wanted: Any, who: str) -> tuple[list[Any], Any]:
    """For each order pairs of a gradient and what it is of; and where each Function on the way comes from."""
    if isinstance(wanted, int):
        if wanted and not all(isinstance(y, Variable) for y in outputs):
            raise TypeError(f"{who}: gradients={wanted} differentiates Variables of dezero alone.")
        return trace_gradients(outputs, wanted) if wanted else ([], None)
    orders = [g if isinstance(g, (list, tuple)) else [g] for g in ([wanted] if _is_variable(wanted) else wanted)]
    for g in (g for gs in orders for g in gs):
        if not _is_variable(g):
            raise TypeError(f"{who}: gradients must hold Variables, got {type(g).__name__}.")
    return [[(g, None) for g in gs] for gs in orders], None


def _is_variable(node: Any) -> bool:
    return hasattr(node, "creator")


# ---- the book's look


def _book_dot(graph: Graph, verbose: bool, look: Look) -> str:
    lines = [f"node [{_EVERY_NODE}]"]
    if text := caption(max((node.order for node in graph.nodes), default=0), ""):
        lines.append(text)
    lines += [
        f'n{node.place} [label="{quoted(_label(node, verbose, look))}", {_style(node, look)}]' for node in graph.nodes
    ]
    lines += [f"n{i} -> n{j}" for i, j in graph.edges]
    return "digraph g {\n" + "".join(f"  {line}\n" for line in lines) + "}"


def _style(node: Node, look: Look) -> str:
    style = colors(node.order)
    if not node.is_variable:
        return f"color={_plain(style.function)}, style=filled, shape=box"
    if look.values and facts(node, True)[1]:
        return f'color="{RED}", style=filled, fontcolor=white'
    return f"color={_plain(style.variable)}, style=filled"


def _plain(color: str) -> str:
    return f'"{color}"' if color.startswith("#") else color


def _label(node: Node, verbose: bool, look: Look) -> str:
    """``Add`` for a Function; ``x: (2, 3) float32`` for a Variable, or as much of it as there is to say."""
    name = node.name or ""
    if not node.is_variable:
        return name
    text = name
    if verbose:
        shape = "None" if node.shape is None else f"{node.shape} {node.dtype}"
        text = f"{name}: {shape}" if name else shape
    numbers = facts(node, look.values)[0]
    return "\n".join(filter(None, [text, numbers])) if numbers else text
