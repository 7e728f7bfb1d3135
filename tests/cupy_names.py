"""Knows what CuPy offers: reads ``cupy_names.txt``, and prints that list anew where CuPy is installed.

    python tests/cupy_names.py > tests/cupy_names.txt

No GPU is needed for that. A line holds a name, its kind (``function``, ``ufunc``, ``type``, ``value``,
``module``) and, for a function, its parameters. A lone ``*`` stands before the keyword-only ones, and
``*args **kwargs`` where they are not known.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

PATH = Path(__file__).with_name("cupy_names.txt")
SUBMODULES = ("fft", "lib", "lib.stride_tricks", "linalg", "random")
CLASSES = ("ndarray", "random.Generator", "random.RandomState")


class Name(NamedTuple):
    """One name of CuPy."""

    kind: str
    params: tuple[str, ...]

    def refuse_unknown_arguments(self, name: str, count: int, keywords: Iterable[str]) -> None:
        """Raises TypeError where CuPy takes fewer positional arguments, or has not all ``keywords``."""
        positional = self.params[: self.params.index("*")] if "*" in self.params else self.params
        if count > len(positional) and not any(p.startswith("*") for p in positional):
            raise TypeError(f"{name}: CuPy takes {len(positional)} positional arguments here, got {count}.")
        if self.params and self.params[-1].startswith("**"):
            return
        for keyword in keywords:
            if keyword not in self.params:
                raise TypeError(f"{name}: CuPy has no argument {keyword!r} here. It has: {', '.join(self.params)}.")


def read(path: Path = PATH) -> dict[str, Name]:
    """The list as ``{name: Name}``. Names inside a module or a class are dotted: ``linalg.norm``."""
    lines = (line.split() for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return {name: Name(kind, tuple(params)) for name, kind, *params in lines}


def lines_of(cupy: Any) -> list[str]:
    """The lines of the list for an installed CuPy."""
    owners = [("", cupy)]
    for path in SUBMODULES + CLASSES:
        owner = cupy
        for part in path.split("."):
            owner = getattr(owner, part)
        owners.append((path + ".", owner))
    lines = [f"# CuPy {cupy.__version__}. Written by tests/cupy_names.py."]
    for prefix, owner in owners:
        lines += [_line(prefix + n, getattr(owner, n), cupy) for n in dir(owner) if _is_public(n, prefix)]
    return lines


def _is_public(name: str, prefix: str) -> bool:
    if name in ("annotations", "np"):  # imports of CuPy's own modules
        return False
    special = re.fullmatch(r"__\w+__", name) is not None
    return not name.startswith("_") or (special and prefix == "ndarray." and name not in dir(object))


def _line(name: str, value: Any, cupy: Any) -> str:
    if isinstance(value, cupy.ufunc):
        return f"{name} ufunc"
    if isinstance(value, (type, ModuleType)):
        return f"{name} {'module' if isinstance(value, ModuleType) else 'type'}"
    if not callable(value):
        return f"{name} value"
    return " ".join([name, "function", *_parameters(value)])


def _parameters(function: Any) -> list[str]:
    """The parameter names, from the signature or, for compiled code, from the first line of the docstring."""
    try:
        found = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        first = (function.__doc__ or "").strip().partition("\n")[0]
        inside = re.search(r"\((.*)\)", first)
        if inside is None:
            return ["*args", "**kwargs"]
        words = [p.partition("=")[0].split() for p in inside[1].split(", ")]
        return [w[-1] for w in words if w and w[-1] not in ("self", "/")]
    marks = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    names = [marks.get(p.kind, "") + p.name for p in found if p.name != "self"]
    keyword_only = [i for i, p in enumerate(p for p in found if p.name != "self") if p.kind is p.KEYWORD_ONLY]
    if keyword_only and not any(n.startswith("*") and not n.startswith("**") for n in names):
        names.insert(keyword_only[0], "*")
    return names


if __name__ == "__main__":
    import cupy

    print("\n".join(lines_of(cupy)))
