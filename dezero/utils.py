"""The book's ``dezero.utils``: helpers under the names that its readers know. They live where they belong."""

from typing import Any

from . import download
from .arrays import get_conv_outsize, get_deconv_outsize, logsumexp, pair, sum_to
from .download import get_file
from .functions.reduction import max_backward_shape, reshape_sum_backward
from .graph import get_dot_graph, plot_dot_graph
from .testing import array_allclose, array_equal, gradient_check, numerical_grad

__all__ = [
    "array_allclose",
    "array_equal",
    "get_conv_outsize",
    "get_deconv_outsize",
    "get_dot_graph",
    "get_file",
    "gradient_check",
    "logsumexp",
    "max_backward_shape",
    "numerical_grad",
    "pair",
    "plot_dot_graph",
    "reshape_sum_backward",
    "sum_to",
]


def __getattr__(name: str) -> Any:
    if name == "cache_dir":  # follows DEZERO_CACHE_DIR, so it is looked up each time
        return download.get_cache_dir()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
