"""Knows when a kernel runs as a compiled loop instead of a chain of NumPy's functions: where Numba is installed."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from functools import cache
from typing import Any

import numpy as np

from ..config import Config


def loops_for(name: str, *arrays: Any) -> Any:
    """The module ``kernels/loops/<name>.py``, where its loops serve these arrays; otherwise None.

    They serve NumPy arrays that are all float32 or all float64, lie in memory row by row and may be written to: one
    compiled function then does for each dtype. The first call imports Numba, some 0.3 s.

    Args:
        name: The kernel's module, such as ``"normalization"``.
        *arrays: What the loops would work on. None among them does not count.

    Example:
        >>> loops_for("normalization", np.ones(3, int)) is None
        True
    """
    if not Config.numba:
        return None
    dtype = arrays[0].dtype
    if dtype.char not in "fd":
        return None
    for a in arrays:
        if a is not None and not (type(a) is np.ndarray and a.dtype == dtype and a.flags.carray):
            return None
    return _module(name) if numba_version() else None


@cache
def numba_version() -> str | None:
    """The version of Numba; None where it is not installed, or cannot be imported, of which a warning tells."""
    if importlib.util.find_spec("numba") is None:
        return None
    try:
        return importlib.import_module("numba").__version__
    except Exception as error:  # it refuses a NumPy that is newer than itself with an ImportError, or fails inside
        warnings.warn(f"Numba is not used, as it cannot be imported: {error}", RuntimeWarning, stacklevel=2)
        return None


@cache
def _module(name: str) -> Any:
    return importlib.import_module(f"{__package__}.loops.{name}")
