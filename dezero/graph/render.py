"""Knows how to make a picture file from DOT text with the program ``dot``."""

from __future__ import annotations

import os
import sys
from typing import Any

from ..files import atomic_file
from .dot import get_dot_graph

_TEXT = ("dot", "gv")  # the graph itself, for which nothing needs to be installed
_PICTURES = ("png", "svg", "pdf", "jpg", "jpeg", "gif", "webp", "ps", "eps")

_GET_PACKAGE = "Install it with: pip install 'dezero[graph]'"
_GET_DOT = "Install it with: apt-get install graphviz (Debian, Ubuntu) or brew install graphviz (macOS)"
_OR_TEXT = "A to_file that ends in .dot needs neither it nor any other program."


def plot_dot_graph(output: Any, verbose: bool = True, to_file: Any = "graph.png") -> Any:
    """Draws the graph that led to ``output`` and writes the picture to ``to_file``.

    The file appears whole or not at all; one that is there already is replaced.

    Args:
        output: Variable, or a list or tuple of them.
        verbose: Also show the shape and dtype of each Variable.
        to_file: Path of the picture. Its ending says the kind: png, svg, pdf, jpg, gif, webp, ps, eps, or
            dot for the text that ``get_dot_graph`` gives.

    Returns:
        In a notebook an IPython image to look at (png, jpg, gif, svg), else None.

    Raises:
        ValueError: The ending is missing or unknown.
        OSError: The file cannot be written.
        ImportError: The Python package ``graphviz`` is not installed.
        RuntimeError: The program ``dot`` is not installed, or failed.

    Example:
        >>> x = Variable(np.array(1.0), "x")
        >>> plot_dot_graph(x * x, to_file="square.dot")
        >>> os.listdir()
        ['square.dot']
    """
    path = os.fsdecode(to_file)
    kind = _kind(path)
    _check_folder(path)
    text = get_dot_graph(output, verbose)
    content = text.encode() + b"\n" if kind in _TEXT else _picture(text, kind)
    _write(path, content)
    return _for_notebook(content, kind)


def _kind(path: str) -> str:
    """What the ending of ``path`` asks for, such as ``png``."""
    kind = os.path.splitext(path)[1][1:].lower()
    if kind not in _TEXT + _PICTURES:
        ending = f"the ending .{kind}" if kind else "no ending"
        known = ", ".join(_PICTURES + _TEXT)
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
        return graphviz.pipe("dot", kind, text.encode())
    except graphviz.ExecutableNotFound as error:
        raise RuntimeError(f"plot_dot_graph: the program dot is missing. {_GET_DOT}. {_OR_TEXT}") from error
    except graphviz.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        raise RuntimeError(
            f"plot_dot_graph: dot could not draw a {kind} (exit status {error.returncode}): {said}"
        ) from error


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
