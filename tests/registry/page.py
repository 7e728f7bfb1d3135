"""Knows how the registry becomes the table that ``python -m dezero.testing`` prints."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dezero.testing import PROVEN

from . import ROWS, Row

HEAD = """\
# What is proven of every function

Made from the registry in `tests/registry`, which the tests run: each row stands for tests that fail if it is not true.
`make proven` writes this page anew, and `python -m dezero.testing` prints it.

Of every case: its value against a reference in plain NumPy, on NumPy arrays of three memory layouts and on a strict
stand-in for a GPU; its derivatives by every input against finite differences along random directions, in float64;
its dtypes, kept by value and gradients; value and gradients against PyTorch's where PyTorch has the function.

"""


def page() -> str:
    """The table as Markdown."""
    lines = [
        "| function | derivatives | dtypes | cases | PyTorch | notes |",
        "| --- | --- | --- | --- | --- | --- |",
        *(_line(row) for row in sorted(ROWS, key=lambda row: row.op)),
    ]
    proven = [row.proven for row in ROWS]
    foot = (
        f"\n{len(ROWS)} functions, {sum(len(row.cases) for row in ROWS)} cases;"
        f" {sum(n >= 2 for n in proven)} proven to the second derivative or beyond,"
        f" {sum(n >= 3 for n in proven)} to the third; {sum(callable(row.torch) for row in ROWS)} against PyTorch.\n"
    )
    return HEAD + "\n".join(lines) + "\n" + foot


def _line(row: Row) -> str:
    orders = " ".join(str(n) for n in range(1, row.proven + 1)) or "none"
    dtypes = " ".join(np.dtype(d).name.removeprefix("float") for d in row.dtypes) or "-"
    notes = " ".join(part for part in (row.why, row.note) if part)
    oracle = "yes" if callable(row.torch) else f"no: {row.torch}"
    cells = (f"`{row.op}`", orders, dtypes, str(len(row.cases)), oracle, notes)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def write(path: Path = PROVEN) -> None:
    """Writes the page where ``python -m dezero.testing`` finds it."""
    path.write_text(page(), encoding="utf-8")
