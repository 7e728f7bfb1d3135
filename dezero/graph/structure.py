"""Knows a computation graph as data: its nodes, what leads to what, and the layers they belong to.

Every picture is drawn from a ``Graph``. It reads what every Variable (``data``, ``name``, ``creator``) and every
Function (``inputs``, ``outputs``) has, so the Variables of ``dezero.core_simple`` can be drawn as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core import Buffer, Parameter


@dataclass(eq=False, slots=True)
class Group:
    """The Functions that one call of a layer ran, or those that carry gradients back through that call.

    Attributes:
        name: Path of the layer in its model (``res2/a``); empty for the model.
        kind: Its class.
        parent: The group around; None for that around everything.
        level: How many layers it is in: 0 for the model, -1 for the group around everything.
        order: 0 for the call itself, 1 for its gradients, 2 for their gradients …
        output_shape: Shape of the result, a list of them for several, None where there is none.
        params: Numbers in the layer's parameters.
        call: Which call of the layer this is, from 1.
        calls: How many calls of it there are.
        is_band: Whether it is no layer, but Functions that a picture folds because there are too many.
        groups: Those directly in it, in the order in which they end.
        functions: Places, in ``Graph.nodes``, of the Functions directly in it.
    """

    name: str = ""
    kind: str = ""
    parent: Group | None = None
    level: int = -1
    order: int = 0
    output_shape: Any = None
    params: int = 0
    call: int = 1
    calls: int = 1
    is_band: bool = False
    groups: list[Group] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)

    def ancestors(self) -> Iterator[Group]:
        """The group itself and those around it, the innermost first."""
        group: Group | None = self
        while group is not None:
            yield group
            group = group.parent


@dataclass(eq=False, slots=True)
class Node:
    """A Variable or a Function in its place.

    Attributes:
        place: Where it is in ``Graph.nodes``.
        subject: The Variable or the Function itself.
        is_variable: Which of the two.
        name: Of a Variable its name, or None; of a Function its class.
        group: Of a Function, the innermost group it is in. Of a Variable, that of its creator; None for a leaf.
        order: 0 in what was asked for, 1 in its gradients …
        inputs: Places of the nodes that lead here, as often as they do.
        outputs: Places of those it leads to.
    """

    place: int
    subject: Any
    is_variable: bool
    name: str | None
    group: Group | None = None
    order: int = 0
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Of a Variable that has data, its shape."""
        return None if getattr(self.subject, "data", None) is None else tuple(self.subject.shape)

    @property
    def dtype(self) -> str | None:
        """Of a Variable that has data, the name of its dtype."""
        return None if getattr(self.subject, "data", None) is None else str(self.subject.dtype)

    @property
    def is_leaf(self) -> bool:
        """Whether it is a Variable that no Function made."""
        return self.is_variable and self.subject.creator is None

    @property
    def is_parameter(self) -> bool:
        """Whether it is a Parameter."""
        return isinstance(self.subject, Parameter)

    @property
    def is_aside(self) -> bool:
        """Whether it is a leaf that belongs to a Function more than to the flow: a parameter, state, a constant."""
        if not self.is_leaf or isinstance(self.subject, (Parameter, Buffer)):
            return self.is_leaf
        return self.name is None and not getattr(self.subject, "requires_grad", True)


class Graph:
    """Everything behind some Variables, each Variable and Function once.

    Attributes:
        nodes: Variables and Functions, found from the outputs backward.
        edges: Pairs of places: the first leads to the second. One of the two is a Variable; its shape and dtype are
            what flows.
        outputs: Places of the Variables that were asked for, gradients included.
        root: The group around everything. What no layer ran is directly in it.
        gradient_of: Place of a gradient -> the Variable it is the gradient of, where that is known.

    Example:
        >>> x = Variable(np.array(2.0), "x")
        >>> graph = build_graph([x * x])
        >>> [node.name for node in graph.nodes], graph.edges
        ([None, 'Mul', 'x'], [(1, 0), (2, 1), (2, 1)])
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []  # it also keeps what they stand for alive, so that no two have the same id()
        self.edges: list[tuple[int, int]] = []
        self.outputs: list[int] = []
        self.root = Group()
        self.gradient_of: dict[int, Any] = {}
        self._places: dict[int, int] = {}  # id() of a subject -> its place

    def place(self, subject: Any) -> int | None:
        """Where a Variable or a Function is, if it is in the graph."""
        return self._places.get(id(subject))

    def functions(self) -> list[Node]:
        """The Functions, each after those whose results it takes."""
        found = [node for node in reversed(self.nodes) if not node.is_variable]
        return sorted(found, key=lambda node: getattr(node.subject, "generation", 0))

    def grow(self, outputs: Iterable[Any], order: int = 0) -> None:
        """Adds what leads to ``outputs`` and is not there yet. What is new has this order."""
        done = len(self.nodes)
        wanted = dict.fromkeys(self.outputs)
        for y in outputs:
            wanted[self._add(y, order)] = None
        self.outputs = list(wanted)
        while done < len(self.nodes):  # grows on the way, until nothing new is found
            node = self.nodes[done]
            if not node.is_variable:
                for x in node.subject.inputs or ():  # None once the graph was released
                    self._connect(self._add(x, order), done)
                for y in living_outputs(node.subject):
                    self._add(y, order)
            elif node.subject.creator is not None:
                self._connect(self._add(node.subject.creator, order), done)
            done += 1

    def _add(self, subject: Any, order: int) -> int:
        place = self._places.get(id(subject))
        if place is None:
            place = self._places[id(subject)] = len(self.nodes)
            is_variable = hasattr(subject, "creator")
            name = subject.name if is_variable else type(subject).__name__
            self.nodes.append(Node(place, subject, is_variable, None if name is None else str(name), order=order))
        return place

    def _connect(self, source: int, target: int) -> None:
        self.edges.append((source, target))
        self.nodes[source].outputs.append(target)
        self.nodes[target].inputs.append(source)


def living_outputs(function: Any) -> list[Any]:
    """The outputs of ``function`` that somebody still holds and that were not unchained from it."""
    outputs = [ref() for ref in function.outputs]
    return [y for y in outputs if y is not None and y.creator is function]


def build_graph(outputs: Any, calls: Any = None, gradients: Sequence[Any] = (), sources: Any = None) -> Graph:
    """The graph that led to ``outputs``, in time linear in its nodes.

    Args:
        outputs: Variables.
        calls: Which layer ran which Function (``record_layers``), so that Functions are in groups.
        gradients: For each order, from 1 on, pairs of a gradient and the Variable it is of (None if unknown).
        sources: Function -> the one whose gradient it computes (``trace_gradients``), which says its group.

    Example:
        >>> model, x = models.MLP((3, 1)), Variable(np.ones((1, 2), np.float32), "x")
        >>> with dezero.graph.record_layers(model) as calls:
        ...     y = model(x)
        >>> (mlp,) = build_graph([y], calls).root.groups
        >>> [(group.name, group.kind, group.output_shape, group.params) for group in [mlp, *mlp.groups]]
        [('', 'MLP', (1, 1), 13), ('l0', 'Linear', (1, 3), 9), ('l1', 'Linear', (1, 1), 4)]
    """
    graph = Graph()
    graph.grow(outputs)
    for order, pairs in enumerate(gradients, start=1):
        graph.grow([g for g, _ in pairs], order)
        graph.gradient_of.update({graph._places[id(g)]: x for g, x in pairs})
    _put_in_groups(graph, calls, sources or {})
    return graph


def _put_in_groups(graph: Graph, calls: Any, sources: Any) -> None:
    groups: dict[Any, Group] = {}  # (call, order) -> group

    def group_of(call: Any, order: int) -> Group:
        if call is None:
            return graph.root
        if (call, order) not in groups:
            parent = group_of(call.parent, order)  # as deep as the layers that called each other
            group = Group(
                name=call.name,
                kind=call.kind,
                parent=parent,
                level=parent.level + 1,
                order=order,
                output_shape=call.output_shape,
                params=call.params,
                call=call.number,
                calls=calls.count(call.layer),
            )
            groups[call, order] = group
            parent.groups.append(group)
        return groups[call, order]

    last: dict[Group, int] = {}  # group -> which Function ends it, a better sign than that which begins it: what a
    for i, node in enumerate(graph.functions()):  # gradient takes from the way there may be computed at any time
        subject = node.subject
        while subject in sources:  # the gradient of a gradient leads to the call in two steps
            subject = sources[subject]
        node.group = group_of(None if calls is None else calls.owner.get(subject), node.order)
        node.group.functions.append(node.place)
        for group in node.group.ancestors():
            last[group] = i
    for group in last:
        group.groups.sort(key=last.__getitem__)
    for node in graph.nodes:
        if node.is_variable:
            node.group = graph.nodes[node.inputs[0]].group if node.inputs else None
            if calls is not None and node.name is None:
                node.name = calls.name_of(node.subject)
