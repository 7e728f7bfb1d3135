"""What a user installs: a package that imports with NumPy alone, and a wheel with everything it needs."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import dezero

ROOT = Path(__file__).resolve().parents[1]
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
VERSION = re.search(r'^version = "(.+)"$', PROJECT, re.MULTILINE)[1]
SUBMODULES = (
    "functions functions_conv layers models optimizers datasets dataloaders transforms utils cuda core core_simple"
).split()


def in_new_process(code: str, folder: Path) -> object:
    """What ``code`` prints, read as JSON."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_import_needs_python_and_numpy_alone(tmp_path):
    code = "import json, sys, numpy; before = set(sys.modules); import dezero\n"
    code += "print(json.dumps(sorted(set(sys.modules) - before)))"
    loaded = {name.split(".")[0] for name in in_new_process(code, tmp_path)}
    assert loaded - set(sys.stdlib_module_names) - {"numpy"} == {"dezero"}


def test_import_gives_every_submodule(tmp_path):
    code = f"import dezero, json; print(json.dumps([hasattr(dezero, n) for n in {SUBMODULES!r}]))"
    assert in_new_process(code, tmp_path) == [True] * len(SUBMODULES)


def test_import_with_no_optional_package_there(tmp_path):
    for name in ("cupy", "cupyx", "PIL", "matplotlib", "graphviz", "tqdm", "IPython", "torch"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not here')\n", encoding="utf-8")
    assert in_new_process("import dezero; print(int(dezero.cuda.gpu_enable))", tmp_path) == 0


def test_the_version_is_that_of_pyproject():
    assert dezero.__version__ == VERSION


def test_the_installed_version_is_that_of_pyproject():
    try:
        installed = importlib.metadata.version("dezero")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("dezero is not installed here, only on the path: scripts/setup.sh installs it.")
    assert installed == VERSION


@pytest.mark.skipif(
    int(importlib.metadata.version("setuptools").partition(".")[0]) < 77,
    reason="setuptools is older than pyproject.toml wants, and this test installs none.",
)
def test_the_wheel_holds_the_package_its_data_and_the_licence_and_nothing_else(tmp_path):
    for name in ("dezero", "pyproject.toml", "README.md", "LICENSE"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    build = "import setuptools.build_meta as b; print(b.build_wheel('.'))"
    done = subprocess.run([sys.executable, "-c", build], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wheel = next(tmp_path.glob("*.whl"))
    assert wheel.name == f"dezero-{VERSION}-py3-none-any.whl"
    inside = set(zipfile.ZipFile(wheel).namelist())
    wanted = {p.relative_to(tmp_path).as_posix() for p in (tmp_path / "dezero").rglob("*") if p.is_file()}
    assert wanted <= inside
    assert "dezero/py.typed" in inside
    rest = inside - wanted
    assert all(name.startswith(f"dezero-{VERSION}.dist-info/") for name in rest)
    assert any(name.endswith("/LICENSE") for name in rest)
