"""Knows what this machine offers to dezero, and what would make it faster: ``python -m dezero.doctor``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from . import cuda, memory
from .blas import AVX512_KERNELS, OpenBLAS, has_avx512, is_amd
from .config import Config
from .download import get_cache_dir
from .kernels.compiled import numba_version
from .kernels.parallel import cores, threads

_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

Report = dict[str, dict[str, Any]]  # chapter -> what -> how it is


def examine() -> Report:
    """What there is: a chapter for each part, with what was found there."""
    return {
        "Python": _python(),
        "Processor": _processor(),
        "Matrix products": _products(),
        "Compiled loops": _loops(),
        "GPU": _gpu(),
        "Pictures": _pictures(),
        "Files": _files(),
    }


def advise(report: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What to do about what ``examine`` found, a sentence or two each, the most rewarding first.

    Example:
        >>> advise(examine() | {"GPU": {"CuPy": None, "NVIDIA driver": "555.42"}})[-1]
        "There is an NVIDIA GPU, but no CuPy. Install it: pip install 'dezero[cuda12]' (or cuda13)."
    """
    products, loops = report["Matrix products"], report["Compiled loops"]
    gpu, pictures = report["GPU"], report["Pictures"]
    all_cores = report["Processor"]["cores to use"]
    advice = []
    if products["threads"] is not None and products["threads"] < all_cores:
        limits = [name for name in _LIMITS if report["Processor"][name]]
        why = f"because of {' and '.join(limits)}" if limits else "as the library was told"
        advice.append(
            f"Matrix products use {products['threads']} of {all_cores} cores, {why}. Unset that for full speed."
        )
    if (own := report["Processor"]["threads of dezero"]) < all_cores:
        advice.append(f"dezero itself uses {own} of {all_cores} cores: unset OMP_NUM_THREADS.")
    if (
        products["library"] == "OpenBLAS"
        and report["Processor"]["AVX-512"]
        and products["kernel"] not in AVX512_KERNELS
    ):
        advice.append(
            f"OpenBLAS runs kernels for {products['kernel']}, though this processor has AVX-512. Import dezero before"
            " numpy, or set OPENBLAS_CORETYPE=SkylakeX, or call dezero.blas.use_avx512()."
        )
    if products["library"] == "OpenBLAS" and products["patience"] == 0:
        advice.append(
            "After each product OpenBLAS's threads keep the cores for 20 ms, also from the threads of dezero. Import"
            " dezero before numpy, or set OPENBLAS_THREAD_TIMEOUT=18."
        )
    if products["library"] in ("none", "unknown"):
        advice.append("NumPy was built without a fast BLAS. Get its own build: pip install --force-reinstall numpy.")
    if not loops["Numba"]:
        advice.append("Compiled loops for normalization, activations, recurrent layers and more: install dezero[fast].")
    elif loops.get("trouble"):
        advice.append(f"Numba {loops['Numba']} cannot be used: {loops['trouble']}")
    elif not loops["in use"]:
        advice.append("Compiled loops are switched off: unset DEZERO_NUMBA.")
    if gpu["NVIDIA driver"] and not gpu["CuPy"]:
        advice.append("There is an NVIDIA GPU, but no CuPy. Install it: pip install 'dezero[cuda12]' (or cuda13).")
    if gpu["CuPy"] and not gpu.get("devices"):
        advice.append(f"CuPy {gpu['CuPy']} finds no GPU: {gpu.get('trouble') or 'is the driver installed?'}")
    if not pictures["graphviz"]:
        advice.append("Pictures of graphs as PNG or SVG need a package: pip install 'dezero[graph]'. HTML needs none.")
    if not pictures["dot"]:
        advice.append("Pictures of graphs as PNG or SVG need dot: apt-get install graphviz. HTML needs none.")
    return advice


def _python() -> dict[str, Any]:
    return {
        "dezero": _version("dezero"),
        "Python": f"{platform.python_version()} ({sys.executable})",
        "NumPy": f"{np.__version__} ({os.path.dirname(np.__file__)})",
        "system": platform.platform(),
    }


def _processor() -> dict[str, Any]:
    return {
        "made by AMD": is_amd(),
        "AVX-512": has_avx512(),
        "cores": os.cpu_count() or 1,
        "cores to use": cores(),
        "threads of dezero": threads(),
        "NumPy's own loops": _numpy_features(),
        "GB/s of a sum": round(_bandwidth(), 1),
        "MB of freed memory to keep": memory.kept >> 20,
        **{name: os.environ.get(name) for name in _LIMITS},
    }


def _products() -> dict[str, Any]:
    blas = OpenBLAS.loaded()
    built_with = _built_with()
    found: dict[str, Any] = {"library": "OpenBLAS" if blas else built_with, "kernel": None, "threads": None}
    if blas:
        found |= {"version": blas.version, "kernel": blas.kernel, "threads": blas.threads, "file": blas.path}
        found["patience"] = blas.patience  # as a power of two ticks, 0 where nobody asked for less than 26
    return found | {"GFLOP/s in float32": round(_speed(np.float32)), "GFLOP/s in float64": round(_speed(np.float64))}


def _loops() -> dict[str, Any]:
    found: dict[str, Any] = {"Numba": _version("numba"), "in use": False}
    if found["Numba"]:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            found["in use"] = bool(numba_version()) and Config.numba
        if told:
            found["trouble"] = str(told[0].message)
    if found["in use"]:
        from .kernels.loops.jit import has_product

        found["products inside"] = has_product()
    return found


def _gpu() -> dict[str, Any]:
    found: dict[str, Any] = {
        "NVIDIA driver": _answer("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
    }
    cupy = cuda.cupy
    found["CuPy"] = cupy.__version__ if cupy else None
    if cupy:
        try:
            runtime = cupy.cuda.runtime
            found["CUDA"] = runtime.runtimeGetVersion()
            found["devices"] = [
                runtime.getDeviceProperties(i)["name"].decode() for i in range(runtime.getDeviceCount())
            ]
        except Exception as error:  # whatever a driver that is half there comes up with
            found["trouble"] = f"{type(error).__name__}: {error}"
    return found


def _pictures() -> dict[str, Any]:
    return {
        "graphviz": _version("graphviz"),
        "dot": _answer("dot", "-V"),
        "matplotlib": _version("matplotlib"),
        "Pillow": _version("pillow"),
    }


def _files() -> dict[str, Any]:
    folder = os.environ.get("DEZERO_DATA_DIR")
    state = "" if folder is None or os.path.isdir(folder) else " (there is no such folder)"
    return {"DEZERO_DATA_DIR": folder and folder + state, "cache": get_cache_dir()}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _answer(*command: str) -> str | None:
    """What a program says of itself, None where it is not there or fails."""
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = (done.stdout or done.stderr).strip().splitlines()
    return said[0] if said and done.returncode == 0 else None


def _built_with() -> str:
    """The matrix library that NumPy was built with, as it says itself."""
    try:
        return str(np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"])
    except (KeyError, TypeError):
        return "unknown"


def _numpy_features() -> str:
    """The widest of the instruction sets that NumPy's element-wise loops use here."""
    try:
        found = np.show_config(mode="dicts")["SIMD Extensions"]
    except (KeyError, TypeError):
        return "unknown"
    return " ".join([*found.get("baseline", []), *found.get("found", [])][-3:])


def _speed(dtype: Any, n: int = 768) -> float:
    """GFLOP/s of an n x n product: the best of a few, in a twentieth of a second or so."""
    a = np.ones((n, n), dtype)
    return 2 * n**3 / _shortest(lambda: a @ a) / 1e9


def _bandwidth(megabytes: int = 64) -> float:
    """GB/s at which a large array is read and summed."""
    x = np.ones(megabytes << 18, np.float32)
    return x.nbytes / _shortest(x.sum) / 1e9


def _shortest(work: Callable[[], object], seconds: float = 0.15) -> float:
    work()
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def as_text(report: Report, advice: list[str]) -> str:
    """The report as a person reads it."""
    lines = []
    for chapter, findings in report.items():
        lines.append(chapter)
        lines += [f"  {name:<24} {_in_words(value)}" for name, value in findings.items()]
        lines.append("")
    lines.append("What would help")
    lines += [f"  - {sentence}" for sentence in advice] or ["  Nothing to do."]
    return "\n".join(lines)


def _in_words(value: Any) -> str:
    words = {None: "-", True: "yes", False: "no"}
    if isinstance(value, list):
        return ", ".join(value) or "-"
    return words[value] if value is None or isinstance(value, bool) else str(value)


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m dezero.doctor",
        description="Says what this machine offers to dezero, and how to get the speed that is missing.",
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    asked = parser.parse_args(args)
    report = examine()
    advice = advise(report)
    print(json.dumps({"report": report, "advice": advice}, indent=2) if asked.json else as_text(report, advice))


if __name__ == "__main__":
    main()
