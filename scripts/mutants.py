"""Changes one thing at a time in dezero/functions and counts how many of the changes the tests notice.

    make mutants                    # 100 changes drawn with seed 0; takes the better part of an hour
    make mutants ARGS="-n 20 --seed 7 --jobs 2"

Cosmic Ray makes the changes (another operator, another number, ``not`` where there was none, ...), each in a copy of
the checkout, and the tests of that module run there. A place in the code is drawn first, then one of the changes to
it, so that an operator with twelve replacements weighs no more than a number. Changes to annotations change nothing
and do not count. The changes that went unnoticed are printed: a test is missing there, or the code does nothing.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import random
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
FUNCTIONS = Path("dezero/functions")
NO_TESTS = 5  # pytest's exit status where it found none: then nothing can notice a change
TIMEOUT = 600  # seconds; a change that makes the tests hang was noticed


class Mutant(NamedTuple):
    """One change."""

    path: Path  # relative to the root
    line: int
    operator: str
    code: str  # the whole module after it


def main() -> None:
    """Draws, tests and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=100, help="how many changes")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument("--only", default="", help="name of one module of dezero/functions")
    args = parser.parse_args()
    mutants = draw(args.n, random.Random(args.seed), args.only)
    with tempfile.TemporaryDirectory() as folder:
        copies: Queue[Path] = Queue()
        for i in range(args.jobs):
            copies.put(copy_checkout(Path(folder) / str(i)))
        with ThreadPoolExecutor(args.jobs) as pool:
            outcomes = list(pool.map(lambda mutant: report(mutant, is_noticed(mutant, copies)), mutants))
    print(f"{sum(outcomes)} of {len(outcomes)} changes were noticed.")


def draw(n: int, rng: random.Random, only: str) -> list[Mutant]:
    """``n`` changes, each at another place."""
    places: dict[tuple[Path, Any], list[tuple[str, int]]] = defaultdict(list)
    sources = {p.relative_to(ROOT): p.read_text() for p in sorted((ROOT / FUNCTIONS).glob(f"{only or '*'}.py"))}
    for path, source in sources.items():
        for position, operator, occurrence in _changes(source):
            places[path, position].append((operator, occurrence))
    keys = sorted(places, key=str)
    rng.shuffle(keys)
    found: list[Mutant] = []
    for path, position in keys:
        operator, occurrence = rng.choice(places[path, position])
        code = _mutated(sources[path], operator, occurrence)
        if code is not None and _meaning(code) != _meaning(sources[path]):
            found.append(Mutant(path, position[0], operator, code))
        if len(found) == n:
            break
    return found


def _changes(source: str) -> Any:
    """Every change that can be made: its place, its kind, and which of that kind it is."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    nodes = list(ast_nodes(get_ast(source)))
    for name in sorted(operator_names()):
        if "Variable" in name:  # wants to be told the variables
            continue
        operator, occurrence = get_operator(name)(), 0
        for node in nodes:
            for start, _ in operator.mutation_positions(node):
                yield start, name, occurrence
                occurrence += 1


def _mutated(source: str, operator: str, occurrence: int) -> str | None:
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    return mutate_code(source, get_operator(operator)(), occurrence)


def _meaning(source: str) -> str | None:
    """The syntax tree without annotations; None where it is no Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, (ast.FunctionDef, ast.Lambda)) and hasattr(node, "returns"):
            node.returns = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return ast.dump(tree)


def copy_checkout(folder: Path) -> Path:
    """The files of the checkout, in a folder of their own beside which the data lie as they do here."""
    folder = folder / "checkout"
    names = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True).splitlines()
    for name in names:
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    if (ROOT.parent / "shared").exists():
        (folder.parent / "shared").symlink_to(ROOT.parent / "shared")
    return folder


def is_noticed(mutant: Mutant, copies: Queue[Path]) -> bool:
    """Whether the tests of the module fail in a copy of the checkout that has the change."""
    copy = copies.get()
    file = copy / mutant.path
    before = file.read_text()
    try:
        file.write_text(mutant.code)
        return any(not passes(command, copy) for command in commands(mutant.path.stem))
    finally:
        file.write_text(before)
        copies.put(copy)


def commands(module: str) -> list[list[str]]:
    """The test runs for a module, the one most likely to fail first."""
    pytest = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    ops = _ops_of(module)
    own = [str(p.relative_to(ROOT)) for p in (ROOT / "tests/functions").glob(f"test*_{module}.py")]
    found = [[*pytest, *own, f"{FUNCTIONS}/{module}.py"]]
    if ops:
        found.append([*pytest, "tests/functions/test_registry.py", "-k", " or ".join(ops)])
    else:  # what all ops stand on
        found.append([*pytest, "tests/functions", "tests/test_core.py", "tests/test_contract.py"])
    return found


def _ops_of(module: str) -> list[str]:
    """The functions that the registry lists for a module."""
    rows = ROOT / "tests/registry" / f"{module}.py"
    if not rows.exists():
        return []
    sys.path.insert(0, str(ROOT / "tests"))
    import importlib

    return [row.op for row in importlib.import_module(f"registry.{module}").ROWS]


def passes(command: list[str], folder: Path) -> bool:
    """Whether a test run ends well, and in time."""
    try:
        run = subprocess.run(command, cwd=folder, capture_output=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return False
    return run.returncode in (0, NO_TESTS)


def report(mutant: Mutant, noticed: bool) -> bool:
    """Prints what came of a change, and the change itself where nothing noticed it."""
    print(f"{'noticed' if noticed else 'UNNOTICED'}  {mutant.path}:{mutant.line}  {mutant.operator}", flush=True)
    if not noticed:
        before = (ROOT / mutant.path).read_text().splitlines()
        diff = difflib.unified_diff(before, mutant.code.splitlines(), n=1, lineterm="")
        print("\n".join("    " + line for line in list(diff)[2:]), flush=True)
    return noticed


if __name__ == "__main__":
    main()
