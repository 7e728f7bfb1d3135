"""Steps 1 to 22 are whole programs that grow: what a step drops from the one before, its docstring says it replaces."""

from __future__ import annotations

import ast
import difflib
import re
import sys
from pathlib import Path

import pytest

from dezero.steps import read_docstring

ROOT = Path(__file__).resolve().parents[2]
WHOLE = range(1, 23)


def source(number: int) -> str:
    return (ROOT / "steps" / f"step{number:02}.py").read_text(encoding="utf-8")


def code_lines(text: str) -> dict[int, str]:
    """The lines below the docstring, by their number."""
    first = ast.parse(text).body[0]
    skipped = first.end_lineno if isinstance(first, ast.Expr) else 0
    return {number: line for number, line in enumerate(text.splitlines(), 1) if number > skipped}


def definitions(text: str) -> dict[str, range]:
    """The lines of each class, method, function and import, by name: ``Variable``, ``Variable.backward``, ``time``."""
    found = {}

    def collect(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.Import):
                found[node.names[0].name] = range(node.lineno, node.end_lineno + 1)
            elif isinstance(node, ast.ImportFrom):
                found[node.module] = range(node.lineno, node.end_lineno + 1)
            elif isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                found[prefix + node.name] = range(first, node.end_lineno + 1)
                if isinstance(node, ast.ClassDef):
                    collect(node.body, f"{prefix}{node.name}.")

    collect(ast.parse(text).body, "")
    return found


def dropped_lines(before: str, after: str) -> dict[int, str]:
    """The lines of ``before``, by their number, that ``after`` has no more. Blank ones do not count."""
    old, new = code_lines(before), code_lines(after)
    numbers, lines = list(old), list(old.values())
    matcher = difflib.SequenceMatcher(None, lines, list(new.values()), autojunk=False)
    kept = {i for block in matcher.get_matching_blocks() for i in range(block.a, block.a + block.size)}
    return {numbers[i]: line for i, line in enumerate(lines) if i not in kept and line.strip()}


def replaced(text: str) -> list[str]:
    """What a step's docstring says it replaces."""
    field = read_docstring(ast.get_docstring(ast.parse(text)) or "").fields.get("Replaces", "")
    return [name.strip(" `") for name in field.split(",") if name.strip()]


def undeclared(before: str, after: str) -> list[str]:
    """The lines that ``after`` drops from outside of what it says it replaces. ``main`` it always may."""
    spans = definitions(before)
    allowed = {number for name in [*replaced(after), "main"] for number in spans.get(name, ())}
    return [f"{i}: {line}" for i, line in dropped_lines(before, after).items() if i not in allowed]


def idle(before: str, after: str) -> list[str]:
    """The names that ``after`` says it replaces, but leaves as they were or cannot find in ``before``."""

    def text(source: str, name: str) -> list[str] | None:
        span = definitions(source).get(name)
        return None if span is None else source.splitlines()[span.start - 1 : span.stop - 1]

    return [name for name in replaced(after) if name != "main" and text(before, name) in (None, text(after, name))]


@pytest.mark.parametrize("number", WHOLE[1:])
def test_a_step_drops_only_what_it_says_it_replaces(number):
    assert not undeclared(source(number - 1), source(number))


@pytest.mark.parametrize("number", WHOLE[1:])
def test_a_step_replaces_what_it_says(number):
    assert replaced(source(number)), "there is no 'Replaces:'"
    assert not idle(source(number - 1), source(number))


@pytest.mark.parametrize("number", WHOLE)
def test_a_whole_program_needs_numpy_and_python_alone(number):
    tree = ast.parse(source(number))
    modules = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    modules |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in modules} - set(sys.stdlib_module_names) == {"numpy"}


@pytest.mark.parametrize("number", range(23, 61))
def test_a_later_step_imports_dezero_and_leaves_the_path_alone(number):
    text = source(number)
    assert re.search(r"^(import|from) dezero\b", text, re.MULTILINE)
    assert "sys.path" not in text and "__file__' in" not in text


# ---- the rule notices what it should

BEFORE = '''"""Step 1: A (あ)."""
import numpy as np


class Box:
    """A box."""

    def __init__(self, data):
        self.data = data

    def show(self):
        print(self.data)


def square(x):
    return x**2


def main():
    print(1)
'''


def after(old: str, new: str, replaces: str = "") -> str:
    assert BEFORE.count(old) == 1
    head = f'"""Step 2: B (い).\n\nReplaces: {replaces}\nMissing: x.\n"""'
    return BEFORE.replace('"""Step 1: A (あ)."""', head).replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "replaces", "lines"),
    [
        ("    print(1)", "    print(2)", "main", []),
        ("    print(1)", "    print(2)", "Box.show", []),
        ("def main", "def cube(x):\n    return x**3\n\n\ndef main", "main", []),
        ("x**2", "x * x", "square", []),
        ("x**2", "x * x", "main", ["16: "]),
        ("self.data = data", "self.data = 1", "Box.__init__", []),
        ("self.data = data", "self.data = 1", "Box", []),
        ("self.data = data", "self.data = 1", "Box.show", ["9: "]),
        ("import numpy as np", "import numpy", "Box", ["2: "]),
        ("import numpy as np", "import math", "numpy", []),
        ('"""A box."""', '"""Box."""', "Box.__init__", ["6: "]),
        ("def square(x):\n    return x**2\n\n\n", "", "main", ["15: ", "16: "]),
    ],
)
def test_the_rule_finds_what_was_dropped_without_a_word(old, new, replaces, lines):
    found = undeclared(BEFORE, after(old, new, replaces))
    assert [line[: len(start)] for line, start in zip(found, lines)] == lines and len(found) == len(lines)


def test_the_rule_finds_a_name_that_is_not_replaced():
    assert idle(BEFORE, after("x**2", "x * x", "square, Box")) == ["Box"]
    assert idle(BEFORE, after("x**2", "x * x", "square, Circle")) == ["Circle"]
    assert idle(BEFORE, after("self.data = data", "self.data = data\n        self.grad = None", "Box.__init__")) == []
    assert idle(BEFORE, after("def square(x):\n    return x**2\n\n\n", "", "square, numpy, main")) == ["numpy"]


# ---- where it ends


class _Bare(ast.NodeTransformer):
    """Takes docstrings, type hints and what is imported for them out of a program."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module in ("__future__", "typing", "collections.abc") else node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        return ast.Assign([node.target], node.value, lineno=node.lineno)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = None
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(node.arg)


def bare(text: str) -> list[str]:
    """A program without docstrings and type hints, one text for each class, function or statement."""
    return [ast.unparse(node) for node in _Bare().visit(ast.parse(text)).body]


def test_core_simple_is_the_end_of_step_22():
    simple = (ROOT / "dezero" / "core_simple.py").read_text(encoding="utf-8")
    evidence = ("def main", "if __name__")
    step = [part for part in bare(source(22)) if not part.startswith(evidence)]
    assert step == bare(simple)
    assert len(step) > 25
    assert "end of step 22" in " ".join((ast.get_docstring(ast.parse(simple)) or "").split())
