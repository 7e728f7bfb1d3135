"""The registry: for every public function of ``dezero.functions`` what proves it. ``rows`` says what a row means."""

from __future__ import annotations

import importlib
import pkgutil
from types import FunctionType

from dezero import functions as F

from .rows import Case, Row

NO_ROW = {"setup_variable": "gives Variable its operators, computes nothing"}


def _gather() -> list[Row]:
    """The rows of all modules beside this one, those named as the modules of ``dezero.functions``."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name not in ("rows", "page", "__main__"))
    return [row for name in names for row in importlib.import_module(f"{__name__}.{name}").ROWS]


ROWS: list[Row] = _gather()


def public_functions() -> dict[str, FunctionType]:
    """Every function that ``dezero.functions`` offers, by its own name: an alias is no other function."""
    found = (getattr(F, name) for name in F.__all__)
    return {f.__name__: f for f in found if isinstance(f, FunctionType) and f.__name__ not in NO_ROW}


def cases(minimum_order: int = 0) -> list[tuple[Row, Case]]:
    """Every row with each of its cases that is checked at least to that order."""
    return [(row, c) for row in ROWS for c in row.cases if row.order_of(c) >= minimum_order]
