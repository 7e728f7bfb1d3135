"""Knows which array module an array belongs to, and moves arrays between the host and a GPU.

CuPy is looked for when somebody first asks for it (``cuda.gpu_enable``, ``cuda.cupy``), never at import. An
array module is a module with NumPy's names (``numpy``, ``cupy``) and one array type.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np

_modules: dict[type, Any] = {np.ndarray: np}  # type -> its array module, or None once it was found to be no array

_INSTALL = "pip install 'dezero[cuda12]' (CUDA 12) or pip install 'dezero[cuda13]' (CUDA 13)"


def _find_cupy() -> tuple[ModuleType | None, bool]:
    """CuPy, or None where it is not installed; and whether there is a GPU that it can use."""
    try:
        import cupy
    except ImportError:
        return None, False
    return cupy, bool(cupy.cuda.is_available())


def __getattr__(name: str) -> Any:
    if name not in ("cupy", "gpu_enable"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = _find_cupy()
    globals()["cupy"], globals()["gpu_enable"] = found
    return found[name == "gpu_enable"]


def register_array_module(array_type: type, module: Any) -> None:
    """Makes ``array_type`` data that a ``Variable`` accepts, computed on with ``module``.

    Args:
        array_type: The class of the arrays. It behaves as ``numpy.ndarray`` does.
        module: Has NumPy's function names, and ``asnumpy(x)`` that copies an array to the host.

    Example:
        >>> register_array_module(np.ma.MaskedArray, np.ma)  # doctest: +SKIP
    """
    for kind in [kind for kind, known in _modules.items() if known is None]:
        del _modules[kind]
    _modules[array_type] = module


def is_array(x: object) -> bool:
    """Whether ``x`` is an array of a known array module (a NumPy scalar or a list is not)."""
    kind = type(x)
    return (_modules[kind] if kind in _modules else _module_of(kind)) is not None


def _module_of(kind: type) -> Any:
    """The array module for arrays of class ``kind``, or None. Finds subclasses, and CuPy when it turns up."""
    if kind.__module__.partition(".")[0] == "cupy" and kind.__name__ == "ndarray":
        _modules[kind] = sys.modules["cupy"]
    found = next((_modules[base] for base in kind.__mro__ if base in _modules), None)
    _modules[kind] = found
    return found


def get_array_module(x: Any) -> Any:
    """The module (``numpy``, ``cupy``) whose functions work on ``x``.

    Args:
        x: Variable, array or scalar. Scalars belong to NumPy.

    Example:
        >>> get_array_module(np.zeros(3)).__name__
        'numpy'
    """
    kind = type(x)
    module = _modules[kind] if kind in _modules else _module_of(kind)
    if module is not None:
        return module
    data = getattr(x, "data", None)
    return get_array_module(data) if is_array(data) else np


def _array_of(x: Any) -> Any:
    """The array inside a Variable; anything else as it is."""
    data = getattr(x, "data", None)
    return data if not is_array(x) and is_array(data) else x


def as_numpy(x: Any) -> np.ndarray:
    """``x`` as a NumPy array on the host. Copies from a GPU; a NumPy array comes back as it is.

    Args:
        x: Variable, array or scalar.

    Example:
        >>> as_numpy(Variable(np.ones(2)))
        array([1., 1.])
    """
    x = _array_of(x)
    module = get_array_module(x)
    return np.asarray(x) if module is np else module.asnumpy(x)


def as_cupy(x: Any) -> Any:
    """``x`` as a CuPy array on the current GPU. Copies from the host; a CuPy array comes back as it is.

    Args:
        x: Variable, array or scalar.

    Raises:
        RuntimeError: CuPy is not installed, or finds no GPU.

    Example:
        >>> as_cupy(np.ones(2)).device  # doctest: +SKIP
        <CUDA Device 0>
    """
    this = sys.modules[__name__]
    if this.cupy is None:
        raise RuntimeError(f"as_cupy: CuPy is not installed. Install it with {_INSTALL}.")
    if not this.gpu_enable:
        raise RuntimeError("as_cupy: CuPy is installed but finds no GPU. Check the driver with nvidia-smi.")
    return this.cupy.asarray(_array_of(x))
