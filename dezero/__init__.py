"""DeZero: a define-by-run deep-learning framework to read, learn from and use."""

from typing import Any

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
    models,
    optimizers,
    profiling,
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
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version  # slow, and seldom asked for

    return version("dezero")
