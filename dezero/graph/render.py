"""Knows how to make a file of a graph: a picture by the program ``dot``, DOT text, a page; or what a notebook shows."""

from __future__ import annotations

import os
import re
import sys
import warnings
from dataclasses import replace
from typing import Any

from ..config import using_config
from ..core import Variable
from ..files import atomic_file
from .calls import argument_names, record_layers
from .dot import make_plan, plan_dot
from .look import PAGE, Look, look
from .page import page_data, plain_data, write_page

_TEXT = ("dot", "gv")  # the graph itself, for which nothing needs to be installed
_PICTURES = ("png", "svg", "pdf", "jpg", "jpeg", "gif", "webp", "ps", "eps")
_PAGE = "html"  # draws itself in a browser

# Latin first, as wide as what dot measures where it finds these; then Japanese, Chinese, Korean, and pictures, each
# as Linux, macOS and Windows call them
_FONTS = (
    "DejaVu Sans,Arial,Noto Sans CJK JP,Hiragino Sans,Yu Gothic,Noto Sans CJK SC,PingFang SC,Microsoft YaHei,"
    "Noto Sans CJK KR,Apple SD Gothic Neo,Malgun Gothic,Noto Color Emoji,Apple Color Emoji,Segoe UI Emoji,sans-serif"
)
_GET_PACKAGE = "Install it with: pip install 'dezero[graph]'"
_GET_DOT = "Install it with: apt-get install graphviz (Debian, Ubuntu) or brew install graphviz (macOS)"
_OR_TEXT = (
    "Or let to_file end in .html: a page that lays the graph out in any browser, and needs nothing else; "
    "one that ends in .dot is the text alone."
)


class Picture:
    """A graph as a notebook shows it: inline, as SVG. ``draw_graph`` and ``Model.plot(to_file=None)`` give it.

    It keeps what it shows, but neither the graph nor its arrays alive.

    Attributes:
        dot: The graph as DOT text.

    Example:
        >>> x = Variable(np.array(1.0), "x")
        >>> picture = draw_graph(x * x)
        >>> picture.save("square.dot")
        >>> "Mul" in picture.dot
        True
    """

    def __init__(self, dot: str, page: dict[str, Any] | None = None):
        self.dot = dot
        self._page = page  # what a page of it shows (see ``page_data``); a picture of text alone has none

    @property
    def svg(self) -> str:
        """The picture as the text of an SVG file.

        Raises:
            ImportError: The Python package ``graphviz`` is not installed.
            RuntimeError: The program ``dot`` is not installed, or failed.
        """
        return _picture(self.dot, "svg").decode()

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, to_file: Any) -> None:
        """Writes the picture to a file, of the kind that the ending says, as ``plot_dot_graph`` does.

        A page tells the numbers of arrays only where the picture was made with ``values=True``.
        """
        path = os.fsdecode(to_file)
        kind = _kind(path)
        _check_folder(path)
        _write(path, self._content(kind))

    def _content(self, kind: str) -> bytes:
        if kind == _PAGE:
            return write_page(self._page or plain_data(self.dot, "Graph"))
        return self.dot.encode() + b"\n" if kind in _TEXT else _picture(self.dot, kind)

    def __repr__(self) -> str:
        return f"Picture({len(self.dot):,} characters of DOT)"


def draw_graph(output: Any, verbose: bool = True, **options: Any) -> Picture:
    """The graph that led to ``output`` as a picture for a notebook, which shows it inline; no file is written.

    Args:
        output: Variable, or a list or tuple of them.
        verbose: Also show the shape and dtype of each Variable.
        **options: What else to show (``Look``).

    Example:
        >>> x = Variable(np.array(1.0), "x")
        >>> print(draw_graph(x, verbose=False).dot)
        digraph g {
          node [fontname="sans-serif"]
          n0 [label="x", color=orange, style=filled]
        }
    """
    return make_picture(output, verbose, {"limit": PAGE} | options, "draw_graph")


def plot_dot_graph(output: Any, verbose: bool = True, to_file: Any = "graph.png", **options: Any) -> Any:
    """Draws the graph that led to ``output`` and writes the picture to ``to_file``.

    The file appears whole or not at all; one that is there already is replaced. A picture of more than 1,000 nodes
    folds by itself, and a warning says how (``limit``).

    One that ends in .html is a page that opens in any browser, without a server, a network or the program ``dot``:
    Graphviz is inside, which makes it at least 0.7 MB large. There one moves, zooms, searches, folds and unfolds
    layers, reads what is known of each node, and follows the gradient back to it. The options say how it looks at
    first; ``values=False`` leaves the numbers out, which otherwise are there to be pointed at. A page of more than
    1,000 visible nodes folds by itself as well, and says so itself.

    Args:
        output: Variable, or a list or tuple of them.
        verbose: Also show the shape and dtype of each Variable.
        to_file: Path of the picture. Its ending says the kind: png, svg, pdf, jpg, gif, webp, ps, eps, html, or
            dot for the text that ``get_dot_graph`` gives.
        **options: What else to show: those of ``Look``, such as ``gradients=2`` or ``values=True``.

    Returns:
        In a notebook an IPython image to look at (png, jpg, gif, svg), else None.

    Raises:
        TypeError: ``output`` is no Variable, or an option is unknown.
        ValueError: The ending is missing or unknown, or an option is out of range.
        OSError: The file cannot be written.
        ImportError: The Python package ``graphviz`` is not installed; html and dot do without.
        RuntimeError: The program ``dot`` is not installed, or failed; html and dot do without.

    Example:
        >>> x = Variable(np.array(1.0), "x")
        >>> plot_dot_graph(x * x, to_file="square.dot")
        >>> plot_dot_graph(x * x, to_file="square.html")
        >>> sorted(os.listdir())
        ['square.dot', 'square.html']
    """
    path = os.fsdecode(to_file)
    kind = _kind(path)
    _check_folder(path)
    picture = make_picture(output, verbose, _limited(kind) | options, "plot_dot_graph", kind=kind)
    content = picture._content(kind)
    _write(path, content)
    return _for_notebook(content, kind)


def plot_model(model: Any, *inputs: Any, to_file: Any = "model.png", verbose: bool = True, **options: Any) -> Any:
    """Calls a model and draws the graph of the result; with options, in the look of a network.

    Args:
        model: The Layer or Model.
        *inputs: What it is called with: Variables, arrays.
        to_file: Path of the picture, as for ``plot_dot_graph``; None to get a ``Picture`` and write no file.
        verbose: Also show shapes and dtypes.
        **options: Those of ``Look``: ``depth=1`` draws each part of the model as one box. With any of them Functions
            stand in the boxes of their layers, unless ``layers=False``. In a page (html) they do without any.

    Returns:
        A ``Picture`` where ``to_file`` is None; else in a notebook an IPython image, or None.

    Raises:
        TypeError: The model returned no Variable, or an option is unknown.

    Example:
        >>> model = models.MLP((10, 1))
        >>> plot_model(model, np.ones((5, 3), np.float32), to_file="mlp.dot", depth=1)
        >>> plot_model(model, np.ones((5, 3), np.float32), to_file=None, depth=1)._repr_svg_()[:5]
        '<?xml'
    """
    kind = "svg"
    if to_file is not None:
        path = os.fsdecode(to_file)
        kind = _kind(path)
        _check_folder(path)
    asked = dict(options)
    grouped = (bool(asked) or kind == _PAGE) and asked.get("layers", True) is not False
    if asked.get("layers") in (True, False):
        del asked["layers"]
    look("Model.plot", asked | {"layers": None, "depth": None})  # a typing error shall not cost a long call
    calls = record_layers(model)
    with using_config("enable_backprop", True):
        output = calls.run(*(_asking(model, inputs) if grouped else inputs))
    if grouped:
        asked.setdefault("layers", calls)
    output = _first_variables(output)
    asked = _limited(kind) | asked
    picture = make_picture(output, verbose, asked, "Model.plot", calls, kind=None if to_file is None else kind)
    if to_file is None:
        return picture
    content = picture._content(kind)
    _write(path, content)
    return _for_notebook(content, kind)


def _asking(model: Any, inputs: tuple[Any, ...]) -> list[Any]:
    """Arrays of floats as Variables that ask for a gradient, so that all that is done with them is recorded."""
    asking = []
    for name, x in zip(argument_names(model, len(inputs)), inputs):
        is_float = not isinstance(x, Variable) and getattr(getattr(x, "dtype", None), "kind", "") == "f"
        asking.append(Variable(x, name) if is_float and hasattr(x, "__len__") else x)
    return asking


def _first_variables(output: Any) -> Any:
    """What a model returned, without what no picture shows: the Variables in a tuple, a list or a dict."""
    values = list(output.values()) if isinstance(output, dict) else output
    if isinstance(values, (tuple, list)):
        return [y for v in values for y in (_first_variables(v) if isinstance(v, (tuple, list, dict)) else [v])]
    return values


def _limited(kind: str) -> dict[str, Any]:
    """Pictures fold by themselves where they grow too large to be read; text does not."""
    return {} if kind in _TEXT else {"limit": PAGE}


def make_picture(
    output: Any,
    verbose: bool,
    options: dict[str, Any],
    who: str,
    calls: Any = None,
    marks: Any = None,
    kind: str | None = None,
) -> Picture:
    """What every door to pictures goes through; it warns where a picture was folded that need not have been.

    Args:
        output: As for ``plot_dot_graph``.
        verbose: As for ``plot_dot_graph``.
        options: Those of ``Look``.
        who: The door, for messages.
        calls: Layers that nobody asked to see, but which a picture that grows too large is folded by.
        marks: Of a graph and its folds, what boxes say besides their name (see ``profiling``). Where they have
            ``seconds(node)``, the forward and the backward time of a Function, a page shows time.
        kind: The file that is going to be written; None where that is not known yet.
    """
    asked = look(who, options)
    plan = make_plan(output, asked, who, calls)
    if kind == _PAGE:
        return Picture("", _page_of(plan, asked, verbose, calls, marks))
    if plan.notice:
        warnings.warn(f"{who}: {plan.notice}", stacklevel=3)
    text = plan_dot(plan, verbose, asked, marks)
    later = replace(asked, values=bool(asked.values))  # numbers cost time, and who knows whether a page is wanted
    return Picture(text, None if kind else _page_of(plan, later, verbose, calls, marks))


def _page_of(plan: Any, asked: Look, verbose: bool, calls: Any, marks: Any) -> dict[str, Any]:
    model = getattr(asked.layers or calls, "model", None)
    names = [plan.graph.nodes[y].name for y in plan.graph.outputs if not plan.graph.nodes[y].order]
    title = ", ".join(filter(None, names[:3])) if model is None else type(model).__name__
    return page_data(plan, asked, verbose, title or "Computation graph", marks)


def _kind(path: str) -> str:
    """What the ending of ``path`` asks for, such as ``png``."""
    kind = os.path.splitext(path)[1][1:].lower()
    if kind not in (*_PICTURES, _PAGE, *_TEXT):
        ending = f"the ending .{kind}" if kind else "no ending"
        known = ", ".join((*_PICTURES, _PAGE, *_TEXT))
        raise ValueError(f"plot_dot_graph: to_file {path!r} has {ending}; one of these is wanted: {known}.")
    return kind


def _check_folder(path: str) -> None:
    """Finds out before the drawing, which may take long, whether there is a place for it."""
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"plot_dot_graph: there is no folder {folder!r} for to_file {path!r}. Make it first.")
    if os.path.isdir(path):
        raise IsADirectoryError(f"plot_dot_graph: to_file {path!r} is a folder; the path of a file is wanted.")


def _picture(text: str, kind: str) -> bytes:
    """What ``dot`` draws of ``text``. Both pass through pipes, so calls at the same time share no file."""
    try:
        import graphviz
    except ImportError as error:
        raise ImportError(f"plot_dot_graph: the package graphviz is missing. {_GET_PACKAGE}. {_OR_TEXT}") from error
    try:
        content: bytes = graphviz.pipe("dot", kind, text.encode())
        return _for_any_viewer(content.decode()).encode() if kind == "svg" else content
    except graphviz.ExecutableNotFound as error:
        raise RuntimeError(f"plot_dot_graph: the program dot is missing. {_GET_DOT}. {_OR_TEXT}") from error
    except graphviz.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        raise RuntimeError(
            f"plot_dot_graph: dot could not draw a {kind} (exit status {error.returncode}): {said}"
        ) from error


def _for_any_viewer(svg: str) -> str:
    """The same for viewers that have other fonts: named for other scripts, and text centred in its node.

    In labels of several lines ``dot`` says where each begins, from the width that letters have on this machine.
    """
    svg = svg.replace(' font-family="sans-serif"', "").replace("<g ", f'<g font-family="{_FONTS}" ', 1)
    return re.sub(r'<g id="[^"]*" class="node">.*?</g>', lambda found: _node_centred(found.group()), svg, flags=re.S)


def _node_centred(node: str) -> str:
    ends = [float(x) for x in re.findall(r"(-?[\d.]+),-?[\d.]+", "".join(re.findall(r' (?:points|d)="([^"]*)"', node)))]
    middle = re.search(r' cx="(-?[\d.]+)"', node)
    if middle is None and not ends:
        return node
    x = float(middle.group(1)) if middle else (min(ends) + max(ends)) / 2
    return re.sub(r'text-anchor="start" x="-?[\d.]+"', f'text-anchor="middle" x="{x:.2f}"', node)


def _write(path: str, content: bytes) -> None:
    try:
        with atomic_file(path) as file:
            file.write(content)
    except OSError as error:
        message = f"plot_dot_graph: cannot write to_file {path!r}: {error.strerror}."
        raise type(error)(error.errno, message) from error


def _for_notebook(content: bytes, kind: str) -> Any:
    """What a notebook shows below the cell. It has imported IPython already; a script need not wait for that."""
    if "IPython" not in sys.modules:
        return None
    from IPython import display

    if kind == "svg":
        return display.SVG(data=content.decode())
    if kind in ("png", "jpg", "jpeg", "gif"):
        return display.Image(data=content, format=kind)
    return None
