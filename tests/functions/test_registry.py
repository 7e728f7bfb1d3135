"""Every public function is what the registry says: its value, its derivatives, its dtypes, on every array module."""

from __future__ import annotations

from typing import Any

import pytest

import registry
from dezero.testing import PROVEN
from registry import rows
from registry.page import page


def each(pairs: list[Any]) -> Any:
    """Runs a test once for every row and case."""
    return pytest.mark.parametrize(("row", "c"), [pytest.param(r, c, id=f"{r.op} {c.name}") for r, c in pairs])


@each(registry.cases())
def test_value_is_that_of_the_reference(row, c, xp):
    rows.check_value(row, c, xp)


@each(registry.cases(1))
def test_derivatives_match_finite_differences(row, c):
    rows.check_derivatives(row, c)


@each([(row, c) for row, c in registry.cases() if row.proven and not row.order_of(c)])
def test_gradient_is_finite_at_the_edges(row, c):
    rows.check_edge(row, c)


@each(registry.cases(1))
def test_gradients_stay_on_the_device(row, c, device):
    rows.check_device(row, c, device)


@each(registry.cases())
def test_dtype_is_kept(row, c, xp):
    rows.check_dtype(row, c, xp)


@each([(row, c) for row, c in registry.cases() if callable(row.torch) and not c.no_torch])
def test_pytorch_agrees(row, c):
    pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    rows.check_torch(row, c)


def test_every_public_function_has_a_row():
    missing = set(registry.public_functions()) - {row.op for row in registry.ROWS}
    assert not missing, f"no row in tests/registry for {', '.join(sorted(missing))}"


def test_every_row_is_of_a_public_function_and_there_is_one_each():
    ops = [row.op for row in registry.ROWS]
    assert len(ops) == len(set(ops))
    assert set(ops) <= set(registry.public_functions())


def test_a_row_below_the_second_derivative_says_why():
    assert [row.op for row in registry.ROWS if row.proven < 2 and not row.why] == []


def test_the_page_is_current():
    assert PROVEN.read_text(encoding="utf-8") == page(), "run `make proven`"
