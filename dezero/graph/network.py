"""Knows the look of a network as DOT: layers are boxes, what flows between them are arrows with its shape."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator
from typing import Any

from .folding import Folds, ends
from .look import GREY, RED, Look, caption, colors, facts, marked_up, shape_text
from .structure import Graph, Group, Node

_FONT = 'fontname="sans-serif"'
_SMALL = 'fontsize=10, margin="0.06,0.02", width=0, height=0'
_MOST = 3  # labels that one arrow carries


def network_dot(graph: Graph, folds: Folds, look: Look, verbose: bool, notice: str, marks: Any = None) -> str:
    """DOT text of what ``folds`` leaves of a graph.

    ``marks`` say more of each box than its name: ``lines(box)``, ``fill(box)``, and a ``legend`` (see ``profiling``).
    """
    lines = _Writer(graph, folds, look, verbose, marks).lines(notice)
    return "\n".join(["digraph g {", *("  " + line for line in lines), "}"])


class _Writer:
    def __init__(self, graph: Graph, folds: Folds, look: Look, verbose: bool, marks: Any = None):
        self.graph, self.folds, self.look, self.verbose, self.marks = graph, folds, look, verbose, marks
        self.ids: dict[Any, str] = {}
        self._beside: dict[Group, dict[int, list[Node]]] | None = None
        self.sides: dict[Node, bool] = {}  # Function -> whether its last parameter stands on the left
        counts = Counter(node.dtype for node in graph.nodes if node.is_variable and node.dtype)
        self.usual = counts.most_common(1)[0][0] if counts else None  # the dtype that arrows need not name

    def lines(self, notice: str) -> Iterator[str]:
        orders = max((node.order for node in self.graph.nodes), default=0)
        yield f"node [{_FONT}, fontsize=13, style=filled, penwidth=1]"
        yield f'edge [{_FONT}, fontsize=10, color="#555555", fontcolor="#333333", arrowsize=0.7]'
        yield "ranksep=0.3; nodesep=0.3"
        bands = [item for item in self.folds.items if isinstance(item, Group) and item.is_band]
        bands.sort(key=lambda band: band.order)
        self.column = bands if 0 < orders == len(bands) - 1 == len(self.folds.items) - 1 else []
        if text := caption(0 if self.column else orders, notice, self.marks.legend if self.marks else ""):
            yield text
        yield from self._ends()
        members = self._members()
        self.flows = self._flows()
        self.spacers = self._spacers(members)
        self.entries = self._entries()
        yield from self._box(self.graph.root, members)
        yield from self._arrows()
        yield from self._column()

    # ---- nodes

    def _id(self, thing: Any) -> str:
        if thing not in self.ids:
            self.ids[thing] = f"n{thing.place}" if isinstance(thing, Node) else f"g{len(self.ids)}"
        return self.ids[thing]

    def _members(self) -> dict[Group, list[Node | Group]]:
        """For each open box what is directly in it, boxes that are open too."""
        members: dict[Group, list[Node | Group]] = {}
        known = {self.graph.root}
        for item in self.folds.items:
            inner: Node | Group = item
            around = (item.group if isinstance(item, Node) else item.parent) or self.graph.root
            members.setdefault(around, []).append(inner)
            while around not in known and around.parent is not None:
                known.add(around)
                members.setdefault(around.parent, []).append(around)
                around = around.parent
        return members

    def _box(self, group: Group, members: dict[Group, list[Node | Group]]) -> Iterator[str]:
        """What is in an open box. As deep as the layers that called each other."""
        beside = self._asides_of(group) if self.look.parameters else {}
        # gradients first: dot then puts them on the right, and draws arrows between the two sides once
        for item in sorted(members.get(group, []), key=lambda item: -item.order):
            if isinstance(item, Group) and item in members:
                yield f"subgraph cluster_{self._id(item)} {{"
                style = colors(item.order)
                side = "r" if item.order % 2 else "l"  # away from the arrows that lead to the gradients
                yield f'  label={self._heading(item)}; labeljust={side}; labelloc=t; {_FONT}; style="rounded,filled"'
                yield f'  color="{style.line}"; fillcolor="{style.box}"; margin=16'
                yield from ("  " + line for line in self._box(item, members))
                yield "}"
            else:
                yield self._folded(item) if isinstance(item, Group) else self._function(item)
                if item in self.spacers and item.order % 2:
                    a, b = f"s{self._id(item)}", self._id(item)
                    yield f'{a} [style=invis, shape=box, label="", width={self.spacers[item]:.2f}, height=0.1]'
                    yield f"{{rank=same; {b}; {a}}}; {b} -> {a} [style=invis]"
                elif item in self.spacers:
                    left = [x for x, users in beside.items() if users == [item]]
                    b = f"{self._id(self.graph.nodes[left[0]])}_{self._id(group)}" if left else self._id(item)
                    a = f"s{self._id(item)}"
                    yield f'{a} [style=invis, shape=box, label="", width={self.spacers[item]:.2f}, height=0.1]'
                    yield f"{{rank=same; {a}; {b}}}; {a} -> {b} [style=invis]"
                    others = [e for e in self.entries.get(group, {}) if e is not item and not group.order]
                    yield from (f"{a} -> {self._id(e)} [style=invis, minlen=0]" for e in others)
        for x, users in beside.items():
            own = f"{self._id(self.graph.nodes[x])}_{self._id(group)}"  # in each box that uses it: it is one label
            yield self._aside(self.graph.nodes[x], own)
            alone = len(users) == 1
            if alone:
                yield f"{{rank=same; {own}; {self._id(users[0])}}}"
            yield from (self._from_aside(own, f, alone) for f in users)

    def _function(self, node: Node) -> str:
        style = colors(node.order)
        name = marked_up(str(node.name))
        label = f"<b>{name}</b>{_small(self.marks.lines(node))}" if self.marks else name
        fill = self.marks.fill(node) if self.marks else style.function
        return f'{self._id(node)} [label=<{label}>, shape=box, style="filled,rounded", {_paint(fill, style.line)}]'

    def _folded(self, group: Group) -> str:
        style = colors(group.order)
        title, below = self._title(group)
        fill = self.marks.fill(group) if self.marks else style.folded
        look = f'shape=box, style="filled,rounded", {_paint(fill, style.line)}, margin="0.16,0.08"'
        return f"{self._id(group)} [label=<<b>{title}</b>{_small(below)}>, {look}]"

    def _heading(self, group: Group) -> str:
        title, below = self._title(group)
        end = f'<br align="{"right" if group.order % 2 else "left"}"/>'
        lines = "".join(f'{end}<font point-size="10">{line}</font>' for line in below)
        return f'<<font point-size="13"><b>{title}</b></font>{lines}{end}>'

    def _spacers(self, members: dict[Group, list[Node | Group]]) -> dict[Node | Group, float]:
        """For what stands first in open boxes how far to the right it goes, so that arrows pass their titles by."""
        wide: dict[Node | Group, float] = {}
        for group in members:
            if group is self.graph.root:
                continue
            first: Node | Group = group
            while isinstance(first, Group) and first in members:
                first = members[first][-(first.order % 2)]
            own = self._title(first)[0] if isinstance(first, Group) else str(first.name)
            title, below = self._title(group)
            letters = max(1.15 * len(html.unescape(title)), *(0.85 * len(line) for line in ["", *below]))
            wide[first] = max(wide.get(first, 0), 0.1 * (letters - len(own) / 2 - self._left_of(first)) - 0.3)
        return {item: width for item, width in wide.items() if width > 0}

    def _left_of(self, item: Node | Group) -> int:
        """About how many letters wide the parameter is that stands at the left of a Function."""
        if isinstance(item, Group) or not self.look.parameters:
            return 0
        asides = [x for x in (self.graph.nodes[i] for i in item.inputs) if x.is_aside]
        return max((len(f"{x.name} {x.shape}") for x in asides[:1]), default=0)

    def _title(self, group: Group) -> tuple[str, list[str]]:
        """Name and class, and what else there is to say about a layer, a line each; ready for a label."""
        times = self.folds.repeats.times.get(group, 1)
        marks = self.marks.lines(group) if self.marks else []
        if group.is_band:
            return marked_up(group.name), [marked_up(group.kind), *marks]
        last = group.name.rpartition("/")[2]
        title = f"{last}: {group.kind}" if last else group.kind
        below = []
        if times > 1:
            title = f"{times} × {group.kind}"
            below.append(f"{group.name} … {self.folds.repeats.last[group].name}")
        if group.calls > 1:
            below.append(f"call {group.call} of {group.calls}")
        if not group.order and group.output_shape is not None and self.verbose and not self.marks:
            below.append(shape_text(group.output_shape))
        if not group.order and group.params and not self.marks:
            each = f"{times} × " if times > 1 else ""
            below.append(f"{each}{group.params:,} parameter{'s' * (group.params != 1)}")
        if group.order and group.level >= 0:
            title = f"gradient of {title}"
        return marked_up(title), [*(marked_up(line) for line in below), *marks]

    # ---- leaves and results

    def _ends(self) -> Iterator[str]:
        """What goes in and what comes out, as in the book's look."""
        leaves, wanted, _ = ends(self.graph, self.look.limit)
        self.shown = wanted | leaves
        for place in self.shown:
            node = self.graph.nodes[place]
            name = node.name or ("output" if place in wanted else "input")
            text, bad = self._facts(node)
            label = ": ".join(filter(None, [name, text])) if "\n" not in text else f"{name}: {text}"
            fill = RED if bad else colors(node.order).variable
            white = ', fontcolor="white"' if bad else ""
            yield f"{self._id(node)} [label=<{marked_up(label)}>, {_paint(fill, colors(node.order).line)}{white}]"

    def _facts(self, node: Node) -> tuple[str, bool]:
        numbers, bad = facts(node, self.look.values)
        shape = f"{node.shape} {node.dtype}" if self.verbose and node.shape is not None else ""
        return "\n".join(filter(None, [shape, numbers])), bad

    def _asides_of(self, group: Group) -> dict[int, list[Node]]:
        """The parameters and constants of the Functions directly in a box, each with whom it goes to."""
        if self._beside is None:
            self._beside = {}
            for item in self.folds.items:
                if isinstance(item, Node):
                    for x in dict.fromkeys(item.inputs):
                        if self.graph.nodes[x].is_aside and self.graph.nodes[x].order == item.order:
                            home = item.group or self.graph.root
                            self._beside.setdefault(home, {}).setdefault(x, []).append(item)
        return self._beside.get(group, {})

    def _aside(self, node: Node, own: str) -> str:
        numbers, bad = facts(node, self.look.values or node.shape == ())
        shape = "" if node.shape in (None, ()) or not self.verbose else str(node.shape)
        label = "\n".join(filter(None, [" ".join(filter(None, [node.name or "", shape])), numbers])) or "constant"
        kind = "ellipse" if node.is_parameter else "plaintext"
        fill = RED if bad else "#ffe3b3" if node.is_parameter else "transparent"
        return f"{own} [label=<{marked_up(label)}>, shape={kind}, {_paint(fill, '#e0a030')}, {_SMALL}]"

    # ---- arrows

    def _from_aside(self, x: str, f: Node, alone: bool) -> str:
        """A thin arrow. Those to a Function with several at its sides come from the left and from the right."""
        self.sides[f] = not self.sides.get(f, False)
        a, b, back = (x, self._id(f), "") if self.sides[f] or not alone else (self._id(f), x, ", dir=back")
        return f"{a} -> {b} [{_THIN}{back}]"

    def _flows(self) -> dict[tuple[Any, Any], dict[int, None]]:
        """Which of the things that are drawn lead to which, and the Variables that flow."""
        flows: dict[tuple[Any, Any], dict[int, None]] = {}
        for node in self.graph.nodes:
            if not node.is_variable:
                if node.place not in self.folds.repeats.stands_for:
                    for x in node.inputs:
                        self._flow(flows, self._source(self.graph.nodes[x]), self.folds.item(node.place), x)
            elif node.inputs and node.place in self.shown:
                self._flow(flows, self._source(node), node, node.place)
        return flows

    def _entries(self) -> dict[Group, dict[Any, None]]:
        """For each box the things directly in it that something outside leads to."""
        entries: dict[Group, dict[Any, None]] = {}
        for source, target in self.flows:
            box = self._box_of(target)
            if box is not None and self._box_of(source) is not box:
                entries.setdefault(box, {})[target] = None
        return entries

    def _box_of(self, thing: Any) -> Group | None:
        return thing.parent if isinstance(thing, Group) else thing.group if not thing.is_variable else None

    def _arrows(self) -> Iterator[str]:
        for (source, target), variables in self.flows.items():
            yield self._arrow(source, target, [self.graph.nodes[x] for x in variables])

    def _column(self) -> Iterator[str]:
        """Where each order is one box: these below each other, and what comes out beside them."""
        for above, below in zip(self.column, self.column[1:]):
            if (above, below) not in self.flows:
                yield f"{self._id(above)} -> {self._id(below)} [style=invis, weight=100]"
        for band in self.column:
            results = [target for source, target in self.flows if source is band and isinstance(target, Node)]
            if len(results) == 1:
                yield f"{{rank=same; {self._id(band)}; {self._id(results[0])}}}"

    def _source(self, x: Node) -> Any:
        """What is drawn where a Variable comes from; None where nothing is."""
        if x.inputs:
            return self.folds.item(x.inputs[0])
        return x if x.place in self.shown else None

    def _flow(self, flows: dict[tuple[Any, Any], dict[int, None]], source: Any, target: Any, x: int) -> None:
        if source is not None and source is not target:
            flows.setdefault((source, target), {})[x] = None

    def _arrow(self, source: Any, target: Any, variables: list[Node]) -> str:
        a, b = self._id(source), self._id(target)
        if source in self.column and target in self.column:
            return f"{a} -> {b} [{_beside_the_column(source.order, target.order)}]"
        if source.order != target.order:  # what a gradient takes from the way there
            beside = "" if getattr(source, "is_band", False) else ", minlen=0, tailport=e, headport=w"
            return f'{a} -> {b} [style=dashed, color="#b5b9c0", arrowsize=0.5{beside}]'
        labels, bad = self._labels(variables) if target.order == 0 or self.look.values else ([], False)
        is_end = any(isinstance(end, Node) and end.is_variable for end in (source, target))
        attributes = []
        if labels and not is_end:
            lines = [line for label in labels for line in marked_up(label).split("<br/>")]
            spaced = "".join(f'&#160;{line}&#160;&#160;&#160;<br align="left"/>' for line in lines)
            attributes.append(f"label=<{spaced}>")
        if bad:
            attributes.append(f'color="{RED}", fontcolor="{RED}", penwidth=2')
        if target.order:
            attributes.append(f'color="{colors(target.order).line}"')
        if target.order % 2 and not getattr(
            source, "is_band", False
        ):  # gradients flow up beside what they are the gradients of
            a, b = b, a
            attributes.append("dir=back")
        return f"{a} -> {b}" + (f" [{', '.join(attributes)}]" if attributes else "")

    def _labels(self, variables: list[Node]) -> tuple[list[str], bool]:
        labels: dict[str, None] = {}
        bad = False
        for v in variables:
            numbers, odd = facts(v, self.look.values)
            dtype = "" if v.dtype == self.usual else f" {v.dtype}"
            shape = f"{v.shape}{dtype}" if self.verbose and v.shape is not None else ""
            labels["\n".join(filter(None, [v.name or "", shape, numbers.replace("  ", "\n")]))] = None
            bad = bad or odd
        labels.pop("", None)
        if len(labels) > _MOST:
            return [f"{len(variables):,} arrays"], bad
        return list(labels), bad


_THIN = f'color="{GREY}", arrowsize=0.4, penwidth=0.7'


def _beside_the_column(above: int, below: int) -> str:
    """The way of an arrow from one order to another: what comes from the result keeps left, the rest right."""
    side = "tailport=w, headport=w" if above == 0 else "tailport=se, headport=ne"
    way = "weight=100" if below == above + 1 else f"weight=0, {side}"
    return f'style=dashed, color="{colors(above).line}", arrowsize=0.5, {way}'


def _small(lines: list[str]) -> str:
    """What stands below the name in a box; ready for a label."""
    return f'<br/><font point-size="10">{"<br/>".join(lines)}</font>' if lines else ""


def _paint(fill: str, line: str) -> str:
    return f'fillcolor="{fill}", color="{line}"'
