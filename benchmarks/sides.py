"""Knows the sides: which interpreter runs each, and how one measurement is made in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any, NamedTuple

import numpy

from dezero.kernels.compiled import numba_version

HERE = Path(__file__).resolve().parent
THREADS = 2
PATIENCE = 300  # seconds until a measurement is given up
PEERS = {  # what each needs; all of them on the same NumPy as ours
    "book": ["dezero==0.0.13", "matplotlib", "pillow"],
    "mygrad": ["mygrad==2.5.0"],
    "autograd": ["autograd==1.9.1"],
    "jax": ["jax==0.10.2"],
}


class Side(NamedTuple):
    """An interpreter, the module beside this one that has the workloads, and a variable of the environment."""

    python: str
    module: str
    setting: str = ""


def own() -> dict[str, Side]:
    """dezero, dezero in NumPy alone where that is another thing, and PyTorch, in the environment of whoever calls."""
    ours = {"dezero": Side(sys.executable, "dezero_side")}
    if numba_version():
        ours["numpy"] = Side(sys.executable, "dezero_side", "DEZERO_NUMBA=off")
    return ours | {"torch": Side(sys.executable, "torch_side")}


def peer(name: str) -> Side | None:
    """A side in an environment of its own, made on the first call; None, with a word why, if it is not to be had."""
    folder = HERE.parent / f".venv-{name}"
    python, stamp = folder / "bin" / "python", folder / "ready"
    packages = [*PEERS[name], f"numpy=={numpy.__version__}"]
    if not (stamp.exists() and stamp.read_text() == " ".join(packages)):
        print(f"Making {folder.name} with {' '.join(packages)}", file=sys.stderr)
        try:
            venv.create(folder, with_pip=True, clear=True)
            install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages]
            subprocess.run(install, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            words = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
            print(f"{name} is left out: {words[-1]}", file=sys.stderr)
            return None
        stamp.write_text(" ".join(packages))
    return Side(str(python), "dezero_side" if name == "book" else f"{name}_side")


def workloads(side: Side) -> list[str]:
    """The workloads that can be said in a side."""
    code = f"import json, {side.module} as side; print(json.dumps(list(side.WORKLOADS)))"
    return json.loads(_output([side.python, "-c", code]))


def run(side: Side, workload: str, seconds: float, size: int | None = None) -> dict[str, Any]:
    """One measurement, as ``measure.py`` prints it.

    Raises:
        RuntimeError: It failed, or took longer than PATIENCE.
    """
    command = [side.python, str(HERE / "measure.py"), side.module, workload, str(seconds)]
    return json.loads(_output(command + ([] if size is None else [str(size)]), side.setting))


def seconds_to_import(module: str) -> float:
    """Seconds that ``import module`` takes in a fresh interpreter, ours."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    return float(_output([sys.executable, "-c", code]))


def _output(command: list[str], setting: str = "") -> str:
    """The last line that a command prints, run beside this file on THREADS threads."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(THREADS))
    environment |= dict([setting.split("=")] if setting else [])
    name = " ".join(Path(command[1]).name.split() + command[2:])
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=HERE, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{name}: not done after {PATIENCE} s.") from None
    if done.returncode:
        raise RuntimeError(f"{name}: {' '.join(done.stderr.strip().splitlines()[-1:]) or done.returncode}")
    return done.stdout.splitlines()[-1]
