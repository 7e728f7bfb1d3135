"""Every public name says what it is; what takes more than a line to say has an example, which runs as a doctest."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

from dezero import Function

MODULES = """dezero functions layers models optimizers datasets dataloaders transforms initializers testing graph cuda
    arrays config serialization download core""".split()


def public_names() -> Iterator[Any]:
    """Every class and function that a module offers under ``__all__`` or, without one, defines under a public name."""
    seen = set()
    for name in MODULES:
        module = importlib.import_module("dezero" if name == "dezero" else f"dezero.{name}")
        offered = getattr(module, "__all__", None) or [
            n for n, v in vars(module).items() if n[0] != "_" and getattr(v, "__module__", "") == module.__name__
        ]
        for each in offered:
            value = getattr(module, each)
            if (inspect.isclass(value) or inspect.isfunction(value)) and value not in seen:
                seen.add(value)
                yield pytest.param(value, id=f"{name}.{each}")


def needs_an_example(thing: Any, doc: str) -> bool:
    """What a line says needs none; nor does an op's class, whose docstring is its formula, nor an error."""
    if inspect.isclass(thing) and issubclass(thing, (Function, Exception)) and thing is not Function:
        return False
    return "Args:" in doc


@pytest.mark.parametrize("thing", list(public_names()))
def test_a_public_name_has_a_docstring_with_an_example_unless_a_line_says_it_all(thing):
    doc = inspect.cleandoc(vars(thing).get("__doc__") or "" if inspect.isclass(thing) else thing.__doc__ or "")
    assert re.match(r"[^\s].*[.:)]", doc), "no docstring, or one without a sentence"
    if needs_an_example(thing, doc):
        assert ">>>" in doc


@pytest.mark.parametrize("thing", [p for p in public_names() if inspect.isfunction(p.values[0])])
def test_a_function_that_takes_much_names_every_argument(thing):
    doc = inspect.getdoc(thing) or ""
    if "Args:" in doc:
        missing = [
            name for name in inspect.signature(thing).parameters if not re.search(rf"^ +\*{{0,2}}{name}: ", doc, re.M)
        ]
        assert not missing
