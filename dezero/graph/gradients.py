"""Knows how to compute the gradients that a picture shows, and which Function each part of them comes from."""

from __future__ import annotations

from typing import Any

from ..config import using_config
from ..core import Variable, grad
from .structure import Graph

Pair = tuple[Variable, Any]  # a gradient, and what it is the gradient of


def trace_gradients(outputs: list[Any], orders: int) -> tuple[list[list[Pair]], dict[Any, Any]]:
    """The gradients of ``outputs`` by its leaves, up to an order, each step recorded.

    The second order is the gradient of the sum of those of the first, and so on. No ``grad`` is read or written.

    Args:
        outputs: Variables.
        orders: How many times to differentiate.

    Returns:
        For each order the gradients, each with its leaf; and for each Function on the way the one whose gradient
        it computes.
    """
    graph = Graph()
    graph.grow(outputs)
    leaves = [node.subject for node in graph.nodes if node.is_leaf and node.subject.requires_grad]
    found: list[list[Pair]] = []
    sources: dict[Any, Any] = {}
    for order in range(1, orders + 1):
        graph.grow(outputs)
        watch = _Watch(graph, sources)
        with watch, using_config("enable_backprop", True):
            gs = grad(outputs, leaves, create_graph=True, allow_unused=True)
        watch.adopt(gs)
        pairs = [(g, x) for g, x in zip(gs, leaves) if g is not None]
        for g, x in pairs:
            if g.name is None and x.name is not None and g.creator is not None:
                g.name = "g" * order + str(x.name)
        found.append(pairs)
        outputs = [g for g, _ in pairs if g.creator is not None]
        if not outputs:  # nothing depends on the leaves any more
            break
    return found, sources


class _Watch:
    """Looks at each ``backward`` in a graph: what it computes, it computes for that Function."""

    def __init__(self, graph: Graph, sources: dict[Any, Any]):
        self.functions = [node.subject for node in graph.nodes if not node.is_variable]
        self.seen = set(self.functions)
        self.sources = sources

    def __enter__(self) -> None:
        for f in self.functions:
            vars(f)["backward"] = self._watched(f)

    def __exit__(self, *exc_info: object) -> None:
        for f in self.functions:
            vars(f).pop("backward", None)

    def _watched(self, f: Any) -> Any:
        def backward(*gys: Any) -> Any:
            self._claim(f, gys)  # sums of the gradients that came together here
            gxs = type(f).backward(f, *gys)
            self._claim(f, gxs if isinstance(gxs, (tuple, list)) else (gxs,))
            return gxs

        return backward

    def adopt(self, gradients: list[Variable | None]) -> None:
        """What the walk itself did with gradients (sums, copies) belongs with what they come from."""
        waiting = [g.creator for g in gradients if g is not None]
        found = []
        while waiting:
            new = waiting.pop()
            if new is not None and new not in self.seen:
                self.seen.add(new)
                found.append(new)
                waiting.extend(x.creator for x in new.inputs)
        for new in sorted(found, key=lambda f: f.generation):
            source = next((self.sources[x.creator] for x in new.inputs if x.creator in self.sources), None)
            if source is not None:
                self.sources[new] = source

    def _claim(self, f: Any, gradients: Any) -> None:
        waiting = [g.creator for g in gradients if isinstance(g, Variable)]
        while waiting:
            new = waiting.pop()
            if new is not None and new not in self.seen:
                self.seen.add(new)
                self.sources[new] = f
                waiting.extend(x.creator for x in new.inputs)
