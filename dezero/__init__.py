"""DeZero: a define-by-run deep-learning framework to read, learn from and use."""

from typing import TYPE_CHECKING, Any

from . import blas  # before NumPy is imported, as it chooses the kernels of its matrix products

# isort: split

from . import (
    arrays,
    config,
    core,
    core_simple,
    cuda,
    dataloaders,
    datasets,
    functions,
    functions_conv,
    graph,
    initializers,
    layers,
    memory,
    models,
    optimizers,
    testing,
    transforms,
    utils,
)
from .arrays import as_array
from .config import Config, detect_inplace, no_grad, test_mode, using_config
from .core import Buffer, Function, Parameter, Variable, as_variable, grad
from .dataloaders import DataLoader, SeqDataLoader
from .datasets import Dataset
from .functions import setup_variable
from .layers import Layer
from .models import Model

if TYPE_CHECKING:
    from . import profiling
    from .profiling import profile

__all__ = [
    "Buffer",
    "Config",
    "DataLoader",
    "Dataset",
    "Function",
    "Layer",
    "Model",
    "Parameter",
    "SeqDataLoader",
    "Variable",
    "arrays",
    "as_array",
    "as_variable",
    "blas",
    "config",
    "core",
    "core_simple",
    "cuda",
    "dataloaders",
    "datasets",
    "detect_inplace",
    "functions",
    "functions_conv",
    "grad",
    "graph",
    "initializers",
    "layers",
    "memory",
    "models",
    "no_grad",
    "optimizers",
    "profile",
    "profiling",
    "setup_variable",
    "test_mode",
    "testing",
    "transforms",
    "using_config",
    "utils",
]


def __getattr__(name: str) -> Any:
    """What is slow to come by and seldom asked for: the version, and the profile."""
    if name == "__version__":
        from importlib.metadata import version

        return version("dezero")
    if name in ("profile", "profiling"):
        from importlib import import_module

        profiling = import_module(f"{__name__}.profiling")
        return profiling if name == "profiling" else profiling.profile
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
