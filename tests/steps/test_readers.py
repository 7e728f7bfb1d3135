"""What a reader of the book types from step 23 on runs here, as it is, in an empty folder."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def readers() -> dict[int, list[str]]:
    """The programs by the number of their step, from every ``readers*.py`` beside this file."""
    programs: dict[int, list[str]] = {}
    for path in sorted(HERE.glob("readers*.py")):
        for number, program in runpy.run_path(str(path))["READERS"].items():
            programs.setdefault(number, []).append(program)
    return programs


READERS = readers()
CASES = [pytest.param(text, id=f"step{number}") for number in sorted(READERS) for text in READERS[number]]


def test_there_is_a_program_for_every_step_from_23_on():
    assert sorted(READERS) == list(range(23, 61))


def skip_without_what_it_needs(program: str, data_dir: Path) -> None:
    if "matplotlib" in program:
        pytest.importorskip("matplotlib")
    if "PIL" in program or "VGG16.preprocess" in program:
        pytest.importorskip("PIL")
    if re.search(r"to_file='\w+\.png|'dot ", program) and shutil.which("dot") is None:
        pytest.skip("the program dot is not installed")
    if "MNIST" in program and not any((data_dir / "mnist").glob("train-images-idx3-ubyte*")):
        pytest.skip("the files of MNIST are not there")


def on_the_small_core(program: str) -> str:
    """The program, importing from ``dezero.core_simple``."""
    changed = program.replace("from dezero import Variable", "from dezero.core_simple import Variable")
    assert changed != program
    return changed.replace("import Variable\n", "import Variable, setup_variable\nsetup_variable()\n")


SMALL = [pytest.param(on_the_small_core(READERS[n][0]), id=f"step{n}-small") for n in (23, 24, 26, 27, 28, 29)]


@pytest.mark.parametrize("program", [*CASES, *SMALL])
def test_a_readers_program_runs(program, tmp_path, request):
    data = request.getfixturevalue("data_dir") if "MNIST" in program else tmp_path
    skip_without_what_it_needs(program, data)
    path = tmp_path / "folder" / "step.py"
    path.parent.mkdir()
    path.write_text(program, encoding="utf-8")
    environment = os.environ | {
        "MPLBACKEND": "Agg",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        "DEZERO_CACHE_DIR": str(tmp_path / "cache"),
        "DEZERO_DATA_DIR": str(data),
    }
    environment.pop("DISPLAY", None)  # with a screen, plt.show() warns that Agg shows nothing
    done = subprocess.run(
        [sys.executable, "-W", "error", path.name],
        cwd=path.parent,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "it prints nothing"
    assert "Warning" not in done.stderr and "Exception ignored" not in done.stderr, done.stderr


def test_a_program_has_the_guard_of_the_book():
    assert all("if '__file__' in globals():" in program for programs in READERS.values() for program in programs)
