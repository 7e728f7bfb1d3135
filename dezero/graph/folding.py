"""Knows how a graph becomes small enough to read: layers folded to a depth, repeats drawn once, bands of Functions."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .look import ordinal
from .structure import Graph, Group, Node

BANDS = 40  # boxes that Functions outside of layers are folded to; one page
ENDS = 100  # inputs, and results, that a picture with a limit shows
FEW = 12  # with gradients, whose boxes are all linked with each other


class Repeats:
    """Layers that follow each other and look the same: which are drawn, and what stands for the others.

    Attributes:
        times: Group that is drawn -> how many there are.
        last: Group that is drawn -> the last of those it stands for.
        stands_for: Place of a Function that is not drawn -> that of its like in the group that is.
    """

    def __init__(self, graph: Graph, find: bool = True):
        self.graph = graph
        self.times: dict[Group, int] = {}
        self.last: dict[Group, Group] = {}
        self.stands_for: dict[int, int] = {}
        if find:
            self._find()

    def drawn(self, place: int) -> int:
        """The Function that stands for this one."""
        while place in self.stands_for:
            place = self.stands_for[place]
        return place

    def _find(self) -> None:
        self._outputs = {y for y in self.graph.outputs if not _is_of_a_parameter(self.graph, y)}
        self._inside: dict[Group, dict[int, int]] = {}  # group -> place of a Function in it -> which of them it is
        self._labelled: dict[Group, dict[int, int]] = {}
        self._numbers: dict[Any, int] = {}
        for node in self.graph.functions():
            for group in node.group.ancestors() if node.group else ():
                inside = self._inside.setdefault(group, {})
                inside[node.place] = len(inside)
        waiting = [self.graph.root]
        while waiting:
            for run in self._runs(waiting.pop().groups):
                first, *others = run
                waiting.append(first)
                if others:
                    self.times[first], self.last[first] = len(run), others[-1]
                for other in others:
                    self.stands_for.update(zip(self._labels(other), self._labels(first)))

    def _runs(self, groups: list[Group]) -> list[list[Group]]:
        """``groups`` in order, those together that one of them can stand for."""
        runs: list[list[Group]] = []
        for group in groups:
            before = runs[-1][-1] if runs else None
            if before is not None and self._signature(before) == self._signature(group) and self._leads(before, group):
                runs[-1].append(group)
            else:
                runs.append([group])
        return runs

    def _signature(self, group: Group) -> Any:
        """What groups have in common that look the same: what each Function is, and what it takes from which other."""
        return group.kind, group.order, group.output_shape, group.params, tuple(self._labels(group).values())

    def _labels(self, group: Group) -> dict[Any, int]:
        """A number for each Function in a group that its like in another group has too; by number."""
        if group not in self._labelled:
            nodes = self.graph.nodes
            labels: dict[Any, int] = {}
            for place in self._inside[group]:
                inputs = [nodes[x] for x in nodes[place].inputs]
                what = nodes[place].name, tuple((labels.get(_maker(x)), x.shape, x.dtype) for x in inputs)
                labels[place] = self._numbers.setdefault(what, len(self._numbers))
            self._labelled[group] = dict(sorted(labels.items(), key=lambda item: item[1]))
        return self._labelled[group]

    def _leads(self, a: Group, b: Group) -> bool:
        """Whether ``a`` leads to ``b`` and to nothing else, and ``b`` takes from nothing else."""
        nodes, touches = self.graph.nodes, False
        for place in self._inside[b]:
            for x in (nodes[i] for i in nodes[place].inputs):
                if x.order < b.order or x.is_aside:
                    continue
                if not x.inputs or (x.inputs[0] not in self._inside[a] and x.inputs[0] not in self._inside[b]):
                    return False
                touches = touches or x.inputs[0] in self._inside[a]
        for place in self._inside[a]:
            for y in nodes[place].outputs:
                if y in self._outputs:
                    return False
                for f in nodes[y].outputs:
                    if nodes[f].order == a.order and f not in self._inside[a] and f not in self._inside[b]:
                        return False
        return touches


def _is_of_a_parameter(graph: Graph, y: int) -> bool:
    x = graph.gradient_of.get(y)
    place = None if x is None else graph.place(x)
    return place is not None and graph.nodes[place].is_aside


def _maker(x: Node) -> int | None:
    return x.inputs[0] if x.inputs else None


class Folds:
    """What is drawn of a graph whose boxes are open to a depth.

    Attributes:
        items: The Functions and the folded groups that are drawn, in the order in which they end.
    """

    def __init__(self, graph: Graph, repeats: Repeats, depth: int | None):
        self.graph, self.repeats, self.depth = graph, repeats, depth
        self._folded: dict[Group, Group | None] = {graph.root: None}
        self._item: dict[int, Node | Group] = {}
        for node in graph.functions():
            if node.place not in repeats.stands_for:
                self._item[node.place] = self._folded_group(node.group or graph.root) or node
        self.items = list(dict.fromkeys(reversed(self._item.values())))[::-1]

    def item(self, place: int) -> Node | Group:
        """What is drawn for a Function: itself, or the group it is in."""
        return self._item[self.repeats.drawn(place)]

    def asides(self) -> list[int]:
        """Places of the leaves that are drawn small beside the Functions that are."""
        found: dict[int, None] = {}
        for node in self.items:
            if isinstance(node, Node):
                found.update((x, None) for x in node.inputs if self.graph.nodes[x].is_aside)
        return list(found)

    def _folded_group(self, group: Group) -> Group | None:
        """The outermost group around that is folded."""
        path = []
        around: Group | None = group
        while around is not None and around not in self._folded:
            path.append(around)
            around = around.parent
        for each in reversed(path):
            above = self._folded[each.parent] if each.parent is not None else None
            if above is None and self.depth is not None and (each.level >= self.depth or _is_innermost(each)):
                above = each
            self._folded[each] = above
        return self._folded[group]


def _is_innermost(group: Group) -> bool:
    """Whether there is no layer in it, so that its name says it all."""
    return group.level > 0 and not group.groups


def ends(graph: Graph, limit: int | None) -> tuple[dict[int, None], dict[int, None], int]:
    """What goes in and what comes out of a picture: places of leaves and of results, and how many are left out."""
    outputs = [y for y in graph.outputs if not _is_of_a_parameter(graph, y)]
    leaves = [node.place for node in graph.nodes if node.is_leaf and not node.is_aside]
    most = max(len(outputs), len(leaves)) if limit is None else min(limit, ENDS)
    left_out = max(0, len(outputs) - most) + max(0, len(leaves) - most)
    return dict.fromkeys(leaves[:most]), dict.fromkeys(outputs[:most]), left_out


def fold(graph: Graph, depth: int | None, repeats: bool, limit: int | None, asides: bool) -> tuple[Folds, str]:
    """Folds as asked, and further where more than ``limit`` nodes would be left.

    Returns:
        The folds, and a sentence about what was not asked for; empty where all was.
    """
    found = Repeats(graph, repeats)
    folds = Folds(graph, found, depth)
    if limit is None or _count(folds, asides) <= limit:
        return folds, ""
    total = f"{len(graph.nodes):,} nodes"
    deepest = max((group.level for group in _groups(graph)), default=-1)
    for level in range(min(deepest, deepest if depth is None else depth - 1), -1, -1):
        folds = Folds(graph, found, level)
        if _count(folds, asides) <= limit:
            return folds, f"{total}: folded to depth {level}, as the limit is {limit:,}."
    folds = Folds(_banded(graph, min(BANDS, limit)), Repeats(graph, False), 0)
    return folds, f"{total}: folded to {len(folds.items)} boxes, as the limit is {limit:,}."


def _count(folds: Folds, asides: bool) -> int:
    return len(folds.items) + (len(folds.asides()) if asides else 0)


def _groups(graph: Graph) -> list[Group]:
    found = [graph.root]
    for group in found:  # grows on the way
        found.extend(group.groups)
    return found[1:]


def _banded(graph: Graph, n: int) -> Graph:
    """The graph with its Functions in at most ``n`` groups of equal size, one after the other, in place of layers."""
    functions = graph.functions()
    orders = max((node.order for node in functions), default=0) + 1
    each = n if orders == 1 else max(1, FEW // orders)
    graph.root, start = Group(), 0
    for order in range(orders):
        members = [node for node in functions if node.order == order]
        size = max(1, -(-len(members) // each))
        for i in range(0, len(members), size):
            _put_in_band(graph, members[i : i + size], start + i, orders > 1 and size >= len(members))
        start += len(members)
    return graph


def _put_in_band(graph: Graph, members: list[Node], start: int, whole: bool) -> None:
    order = members[0].order
    common = Counter(node.name for node in members).most_common()
    kind = ", ".join(f"{count:,} × {name}" for name, count in common[:4]) + (" …" if len(common) > 4 else "")
    name = f"Functions {start + 1:,} to {start + len(members):,}"
    if whole:
        name = f"{ordinal(order)} gradient" if order else "result"
    band = Group(name, kind, graph.root, level=0, order=order, is_band=True)
    graph.root.groups.append(band)
    for node in members:
        node.group = band
        band.functions.append(node.place)
