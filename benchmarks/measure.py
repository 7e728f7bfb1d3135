"""Measures one workload of one side, in this process, and prints the result as one line of JSON.

    python benchmarks/measure.py dezero_side LeNet 3
    python benchmarks/measure.py dezero_side depth 3 100000

The second form measures how a workload scales: at one size. Run by path, not with -m: so the folder of the repository
is not on the path, and ``import dezero`` finds the dezero of the environment that runs it, ours or the book's.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import Any


def measure(step, seconds: float) -> list[float]:
    """Seconds of each step, after a warm-up of two steps and a fifth of the time, for about ``seconds``; at least one.

    A step that returns a number has measured itself.
    """
    step()
    start = time.perf_counter()
    step()
    while time.perf_counter() - start < seconds / 5:
        step()
    times: list[float] = []
    start = time.perf_counter()
    while not times or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        took = step()
        times.append(time.perf_counter() - before if not isinstance(took, float) else took)
    return times


def peak_mb() -> float:
    """The most memory that this process has held so far, in MB of 2^20 bytes."""
    status = Path("/proc/self/status")  # ru_maxrss also counts what the process was before it became this program
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024**2 if sys.platform == "darwin" else 1024)


def blas_kernel() -> str | None:
    """The family of processors that NumPy's OpenBLAS computes for, or None where NumPy has another BLAS."""
    maps = Path("/proc/self/maps")
    lines = maps.read_text().splitlines() if maps.exists() else []
    for path in sorted({line.split(maxsplit=5)[5] for line in lines if "openblas" in line and "numpy" in line}):
        library = ctypes.CDLL(path)
        for name in ("scipy_openblas_get_corename64_", "openblas_get_corename64_", "openblas_get_corename"):
            if hasattr(library, name):
                corename = getattr(library, name)
                corename.restype = ctypes.c_char_p
                return corename().decode()
    return None


def main(side: str, workload: str, seconds: str, size: str = "") -> None:
    module: Any = importlib.import_module(side)
    imported = peak_mb()
    step = module.SCALED[workload](int(size)) if size else module.WORKLOADS[workload]()
    times = measure(step, float(seconds))
    result = {
        "median": statistics.median(times),
        "steps": len(times),
        "peak_mb": peak_mb(),
        "imported_mb": imported,
        "parameters": step.parameters() if hasattr(step, "parameters") else None,
        "blas": blas_kernel(),
        "versions": module.versions(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
