"""Knows how to show a computation graph: as DOT text and as a picture."""

from __future__ import annotations

from .dot import get_dot_graph
from .render import plot_dot_graph

__all__ = ["get_dot_graph", "plot_dot_graph"]
