"""Knows how to show a computation graph: as data, as DOT text and as a picture."""

from __future__ import annotations

from .calls import record_layers
from .dot import get_dot_graph
from .look import Look
from .render import Picture, draw_graph, plot_dot_graph, plot_model
from .structure import Graph, build_graph

__all__ = [
    "Graph",
    "Look",
    "Picture",
    "build_graph",
    "draw_graph",
    "get_dot_graph",
    "plot_dot_graph",
    "plot_model",
    "record_layers",
]
