"""The picture of the layers is true: imports point down, never in a circle, and never to the package's root."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Low to high. A module may import from its own layer and from lower ones.
LAYERS = [
    "blas memory config cuda arrays files download",
    "kernels",
    "core",
    "graph profiling",
    "functions",
    "serialization",
    "initializers",
    "layers",
    "models",
    "optimizers",
    "transforms datasets dataloaders",
    "testing utils functions_conv core_simple steps doctor",
    "__init__",
]
HEIGHT = {name: height for height, names in enumerate(LAYERS) for name in names.split()}
FOR_READERS = ("utils", "functions_conv")  # the book's names: nobody inside uses them
ALONE = ("core_simple",)  # imports nothing of the rest


def read_package() -> dict[str, str]:
    """The source of every module, by its dotted name: ``dezero``, ``dezero.core``, ``dezero.functions.loss``."""
    sources = {}
    for path in sorted((ROOT / "dezero").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        sources[name] = path.read_text(encoding="utf-8")
    return sources


def find_faults(sources: dict[str, str]) -> list[str]:
    """What is wrong with the imports of a package, one sentence each."""
    arrows = {name: set(_arrows(name, sources)) for name in sources}
    faults = [f"{name} is in no layer." for name in sources if _part(name) not in HEIGHT]
    for name, targets in arrows.items():
        for target in sorted(targets):
            faults += _judge(name, target)
    faults += _circles(arrows)
    for name, source in sources.items():
        foreign = sorted(set(_imports_of_others(ast.parse(source))) - _at_home_in(name))
        faults += [f"{name} imports {other} at the top. Import it in the function that uses it." for other in foreign]
    return faults


def _part(name: str) -> str:
    """The module or folder directly under the root that ``name`` belongs to."""
    return name.split(".")[1] if "." in name else "__init__"


def _at_home_in(name: str) -> set[str]:
    """Packages that a module may import at its top: it is itself imported only where they are installed."""
    return {"numba"} if name.startswith("dezero.kernels.loops.") else set()


def _judge(name: str, target: str) -> list[str]:
    own, other = _part(name), _part(target)
    if other == "__init__":
        return [f"{name} imports the package's root."]
    if own == "__init__" or own == other:
        return []
    if own in ALONE:
        return [f"{name} imports {target}, but stands alone."]
    if other in FOR_READERS:
        return [f"{name} imports {target}, which is for readers of the book only."]
    if HEIGHT.get(other, -1) > HEIGHT.get(own, len(LAYERS)):
        return [f"{name} imports {target}, which is above it."]
    return []


def _arrows(name: str, sources: dict[str, str]) -> Iterator[str]:
    """The modules of the package that ``name`` imports, anywhere in its code."""
    root = next(iter(sources)).split(".")[0]
    is_folder = any(other.startswith(name + ".") for other in sources)
    for node in ast.walk(ast.parse(sources[name])):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] == root)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = node.level - is_folder
                around = name.split(".")[: -up or None]
                base = ".".join([*around, *([node.module] if node.module else [])])
            if base.split(".")[0] == root:
                inside = [f"{base}.{a.name}" for a in node.names]
                yield from (full if full in sources else base for full in inside if full != name)


def _circles(arrows: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return ["imports go in a circle: " + " <- ".join(error.args[1]) + "."]
    return []


def _imports_of_others(tree: ast.AST) -> Iterator[str]:
    """The packages, beside Python's own and NumPy, that are imported when the module is."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        tops = {n.split(".")[0] for n in names}
        yield from tops - set(sys.stdlib_module_names) - {"numpy", "dezero"}
        yield from _imports_of_others(node)


def test_imports_inside_the_package_point_down():
    faults = find_faults(read_package())
    assert not faults, "\n".join(faults)


def test_every_module_opens_with_a_sentence():
    silent = [name for name, source in read_package().items() if not ast.get_docstring(ast.parse(source))]
    assert not silent


FAULTS = {
    "an upward arrow": (
        {"dezero.core": "from .layers import Linear"},
        "dezero.core imports dezero.layers, which is above",
    ),
    "an upward arrow in a function": ({"dezero.core": "def f():\n    from . import layers"}, "which is above it"),
    "an upward arrow for types": (
        {"dezero.core": "if TYPE_CHECKING:\n    from .layers.base import Layer"},
        "dezero.core imports dezero.layers.base, which is above it",
    ),
    "the root by name": ({"dezero.core": "import dezero"}, "dezero.core imports the package's root"),
    "the root by dots": ({"dezero.layers.base": "from .. import Variable"}, "imports the package's root"),
    "a circle": (
        {"dezero.arrays": "from . import cuda", "dezero.cuda": "from .arrays import pair"},
        "imports go in a circle",
    ),
    "a circle in a folder": (
        {"dezero.layers": "from .base import Layer", "dezero.layers.base": "from . import Layer"},
        "imports go in a circle",
    ),
    "the book's names": ({"dezero.layers.base": "from ..utils import pair"}, "is for readers of the book only"),
    "core_simple": ({"dezero.core_simple": "from .config import Config"}, "stands alone"),
    "an optional package": ({"dezero.core": "import PIL.Image"}, "dezero.core imports PIL at the top"),
    "an optional package that may be missing": (
        {"dezero.core": "try:\n    import cupy\nexcept ImportError:\n    cupy = None"},
        "imports cupy at the top",
    ),
    "a new module": ({"dezero.training": "'''New.'''"}, "dezero.training is in no layer"),
}
SOUND = dict.fromkeys(("dezero", "dezero.config", "dezero.cuda", "dezero.arrays", "dezero.core"), "") | {
    "dezero.layers": "from .base import Layer",
    "dezero.layers.base": "from .. import cuda\nfrom ..core import Variable\nimport numpy as np, os.path",
    "dezero.core_simple": "import weakref",
    "dezero.utils": "from .arrays import pair\nfrom .layers import Layer\ndef f():\n    import PIL",
}


def test_a_sound_package_has_no_faults():
    assert find_faults(SOUND) == []


@pytest.mark.parametrize(("change", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_each_fault_is_found(change, message):
    faults = find_faults(SOUND | change)
    assert any(message in fault for fault in faults), faults
