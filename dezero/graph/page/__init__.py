"""Knows how to put a graph into one HTML page, which draws it by itself: with Graphviz inside, and without a network.

The page gets the graph as data (``page_data``) and decides in the browser what of it to show; how, say ``graph.js``
(what is visible), ``layout.js`` (where it goes), ``draw.js`` (what it looks like) and ``view.js`` (what the reader
does with it), beside this file. Graphviz, as WebAssembly, is theirs who are named in ``graphviz.txt``.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ... import cuda
from ..dot import Plan
from ..folding import Folds, Repeats, ends
from ..look import FEW, GREY, RED, Look, colors, ordinal, shape_text
from ..structure import Graph, Group, Node

_SCRIPTS = ("graph.js", "layout.js", "draw.js", "view.js")


def write_page(data: dict[str, Any]) -> bytes:
    """The page that shows ``data``: what ``page_data`` or ``plain_data`` gave. It is about 690 KB larger than that.

    Its policy lets it run the script and use the style that are written in it, and nothing else: it loads nothing,
    sends nothing, and whatever text of the graph there is stays text.
    """
    script, style = "\n".join(map(_file, _SCRIPTS)), _file("page.css").replace("/*colors*/", _palette(data))
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}' 'wasm-unsafe-eval'; style-src '{_hash(style)}'; "
        "worker-src blob:; base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy": policy,
        "title": html.escape(_encodable(data["title"])),
        "style": style,
        "script": script,
        "licences": html.escape(_file("graphviz.txt"), quote=False),
        "graphviz": _graphviz(),
        "data": _harmless(json.dumps(data, separators=(",", ":"))),
    }
    text = re.sub(r"@@(\w+)@@", lambda found: parts[found[1]], _file("page.html"))  # what is put in is not searched
    return text.encode()


def _harmless(text: str) -> str:
    """JSON in ASCII as it may stand in a page: nothing in it ends a script or begins a tag."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


@cache
def _graphviz() -> str:
    return base64.b64encode(Path(__file__).with_name("graphviz.js.gz").read_bytes()).decode()


def _palette(data: dict[str, Any]) -> str:
    """The colours of pictures, as names that the style uses: one set for each order of gradients."""
    rules = [f":root {{ --red: {RED}; --grey: {GREY}; }}"]
    for order in range(data.get("orders", 0) + 1):
        c = colors(order)
        names = f"--variable: {c.variable}; --function: {c.function}; --folded: {c.folded}; --line: {c.line};"
        rules.append(f".order-{order} {{ {names} }}")
    return "\n".join(rules)


# ---- the graph as data


def plain_data(dot: str, title: str) -> dict[str, Any]:
    """What a page shows of DOT text alone: it can be searched, but has no layers to fold."""
    return {"title": title, "dot": dot}


def page_data(plan: Plan, look: Look, verbose: bool, title: str, marks: Any = None) -> dict[str, Any]:
    """The graph as the page wants it, ready for JSON. What has its usual value is left out.

    Args:
        plan: Everything that may be shown, and how it is folded at first.
        look: What is shown at first.
        verbose: Whether boxes and arrows say shapes.
        title: What the page is called.
        marks: As for ``make_picture``.
    """
    graph, times = plan.graph, _times(plan.graph, marks)
    groups = {group: i for i, group in enumerate(_groups(graph))}
    repeats = Repeats(graph, not any(group.is_band for group in groups))
    leaves, results, _ = ends(graph, look.limit)
    orders = max((node.order for node in graph.nodes), default=0)
    dtypes = Counter(node.dtype for node in graph.nodes if node.is_variable and node.dtype)
    return {
        "title": title,
        "notice": plan.notice,
        "limit": look.limit,
        "depth": None if plan.folds is None else plan.folds.depth,
        "orders": orders,
        "names": ["result", *(f"{ordinal(n)} gradient" for n in range(1, orders + 1))],
        "shapes": verbose,
        "dtype": dtypes.most_common(1)[0][0] if dtypes else None,
        "timed": times is not None,
        "show": {
            "variables": plan.folds is None,
            "parameters": look.parameters,
            "repeats": look.repeats,
            "values": bool(look.values),
        },
        "groups": [_short(_group(group, groups, repeats)) for group in groups],
        "functions": [node.place for node in graph.functions()],
        "ends": [*leaves, *results],
        "results": graph.outputs,
        "nodes": [_short(_node(node, graph, groups, repeats, look, plan.sources, times)) for node in graph.nodes],
    }


def _groups(graph: Graph) -> list[Group]:
    found = [graph.root]
    for group in found:  # grows on the way
        found.extend(group.groups)
    return found


def _short(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value not in (None, "", [], {}, False)}


def _group(group: Group, groups: dict[Group, int], repeats: Repeats) -> dict[str, Any]:
    last = repeats.last.get(group)
    return {
        "name": group.name,
        "kind": group.kind,
        "parent": None if group.parent is None else groups[group.parent],
        "level": group.level,
        "order": group.order,
        "shape": None if group.output_shape is None else shape_text(group.output_shape),
        "params": group.params,
        "call": group.call if group.calls > 1 else None,
        "calls": group.calls if group.calls > 1 else None,
        "band": group.is_band,
        "times": repeats.times.get(group),
        "last": None if last is None else last.name,
    }


def _node(
    node: Node, graph: Graph, groups: dict[Group, int], repeats: Repeats, look: Look, sources: Any, times: Any
) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": node.name, "order": node.order, "inputs": node.inputs}
    if not node.is_variable:
        facts["function"] = True
        facts["group"] = groups[node.group or graph.root]
        facts["like"] = repeats.stands_for.get(node.place)
        facts["of"] = graph.place(sources[node.subject]) if sources and node.subject in sources else None
        facts["time"] = None if times is None else [round(seconds * 1e3, 6) for seconds in times(node)]
        return facts
    facts["shape"] = None if node.shape is None else str(node.shape)
    facts["dtype"] = node.dtype
    if node.is_leaf:
        facts["role"] = "parameter" if node.is_parameter else "constant" if node.is_aside else "input"
        facts["fixed"] = not getattr(node.subject, "requires_grad", True)
    if node.place in graph.gradient_of:
        subject = graph.gradient_of[node.place]
        facts["of"] = None if subject is None else graph.place(subject)
    if look.values or look.values is None or (node.is_aside and node.shape == ()):
        facts["values"] = statistics(node.subject.data)
    return facts


def statistics(data: Any) -> dict[str, str]:
    """What can be said of the numbers in an array, as text: all of them where they are few.

    Example:
        >>> statistics(np.array([[1.5, np.nan]]))
        {'values': '1.5 nan', 'bad': '1 of 2'}
        >>> statistics(np.arange(9.0))
        {'min': '0', 'mean': '4', 'max': '8', 'std': '2.582'}
    """
    if data is None or not data.size or data.dtype.kind not in "biuf":
        return {}
    array = cuda.as_numpy(data)
    bad = int(array.size - np.isfinite(array).sum()) if array.dtype.kind == "f" else 0
    said: dict[str, str] = {}
    if array.size <= FEW:
        said["values"] = " ".join(_number(v) for v in array.ravel().tolist())
    elif array.dtype.kind == "b":
        said["values"] = f"{array.mean():.0%} true"
    elif bad < array.size:
        finite = array[np.isfinite(array)] if bad else array
        numbers = {
            "min": finite.min(),
            "mean": finite.mean(dtype=float),
            "max": finite.max(),
            "std": finite.std(dtype=float),
        }
        said = {name: _number(value) for name, value in numbers.items()}
    if bad:
        said["bad"] = f"{bad:,} of {array.size:,}"
    return said


def _number(value: Any) -> str:
    return str(value) if isinstance(value, (bool, int)) else f"{float(value):.4g}"


def _times(graph: Graph, marks: Any) -> Any:
    """What gives the forward and the backward seconds of a Function, where somebody measured them."""
    if marks is None:
        return None
    return getattr(marks(graph, Folds(graph, Repeats(graph, False), None)), "seconds", None)
