"""Knows the command ``python -m dezero.graph``: it draws a model that a module defines.

python -m dezero.graph dezero.models:ResNet50 --input 1,3,224,224 --depth 2 -o resnet50.svg
python -m dezero.graph mymodels:make_gpt --input 1,16 --dtype int64 --depth 1 -o gpt.html
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..config import test_mode
from .render import plot_model


class _Wrong(Exception):
    """What is wrong with the command, in a sentence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    try:
        model = find_model(asked.model)
        inputs = make_inputs(asked.input, asked.dtype)
        with warnings.catch_warnings(record=True) as notices:
            warnings.simplefilter("always")
            _plot(model, inputs, asked)
    except _Wrong as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    for notice in notices:
        print(notice.message, file=sys.stderr)
    print(f"{asked.output}  {os.path.getsize(asked.output) / 1024:,.0f} KiB")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dezero.graph", description="Draws the computation graph of a model, layer by layer."
    )
    add = parser.add_argument
    add("model", metavar="module:callable", help="a Model class, a function that returns a model, or a model itself")
    add("--input", action="append", required=True, metavar="SHAPE", help="shape of an input, 1,3,224,224; may repeat")
    add("--dtype", action="append", metavar="DTYPE", help="of all inputs, or one for each (default: float32)")
    add("--depth", type=int, metavar="N", help="levels of layers that are open (default: all)")
    add("--gradients", type=int, default=0, metavar="N", help="also draw the gradients up to this order")
    add("--values", action="store_true", default=None, help="also show min, mean and max of what flows")
    add("--no-repeats", action="store_true", help="draw layers that look the same one by one")
    add("--no-parameters", action="store_true", help="leave parameters and constants out")
    add("-o", "--output", default="model.svg", metavar="FILE", help="svg, png, html, dot ... (default: model.svg)")
    return parser


def find_model(text: str) -> Any:
    """The model that ``module:callable`` names, the module in the current folder or installed."""
    name, _, attribute = text.partition(":")
    if not name or not attribute:
        raise _Wrong(f"module:callable is wanted, such as dezero.models:ResNet50, got {text!r}.")
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(name)
    except Exception as error:
        raise _Wrong(f"cannot import {name!r}: {type(error).__name__}: {error}") from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise _Wrong(f"{name!r} has no {attribute!r}.")
        found = getattr(found, part)
    if _is_layer(found):
        return found
    if not callable(found):
        raise _Wrong(f"{text} is {type(found).__name__}; a Model class or a function that returns a model is wanted.")
    try:
        model = found()
    except Exception as error:
        raise _Wrong(f"{text}() failed: {type(error).__name__}: {error}") from error
    if not _is_layer(model):
        raise _Wrong(f"{text}() gave {type(model).__name__}; a model is wanted.")
    return model


def _is_layer(thing: Any) -> bool:
    return hasattr(thing, "named_layers") and not isinstance(thing, type)


def make_inputs(shapes: Sequence[str], dtypes: Sequence[str] | None) -> list[np.ndarray]:
    """An array for each shape: the same random numbers every time, or zeros where they are integers."""
    dtypes = dtypes or ["float32"]
    if len(dtypes) not in (1, len(shapes)):
        raise _Wrong(f"{len(shapes)} --input and {len(dtypes)} --dtype: one for all or one for each is wanted.")
    rng = np.random.default_rng(0)
    return [
        _array(shape, dtype, rng) for shape, dtype in zip(shapes, [*dtypes] * (len(shapes) if len(dtypes) == 1 else 1))
    ]


def _array(shape: str, dtype: str, rng: np.random.Generator) -> np.ndarray:
    try:
        sizes = tuple(int(n) for n in shape.strip("()").split(",") if n.strip())
    except ValueError:
        sizes = (-1,)
    if min(sizes, default=0) < 0:
        raise _Wrong(f"--input {shape!r} is no shape; sizes with commas are wanted, such as 1,3,224,224.")
    try:
        kind = np.dtype(dtype)
    except TypeError:
        raise _Wrong(f"--dtype {dtype!r} is no dtype; float32, float64 or int64 are some.") from None
    return rng.standard_normal(sizes).astype(kind) if kind.kind == "f" else np.zeros(sizes, kind)


def _plot(model: Any, inputs: list[np.ndarray], asked: argparse.Namespace) -> None:
    options: dict[str, Any] = {"layers": True, "gradients": asked.gradients, "values": asked.values}
    options |= {"repeats": not asked.no_repeats, "parameters": not asked.no_parameters, "depth": asked.depth}
    try:
        with test_mode():
            plot_model(model, *inputs, to_file=asked.output, **options)
    except Exception as error:
        raise _Wrong(f"{type(error).__name__}: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
