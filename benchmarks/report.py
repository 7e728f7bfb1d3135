"""Knows how measurements become tables: ratios of medians, what is met and what is missed, on which machine."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

from .workloads import TRAINING, WANTED, WANTED_GROWTH, WANTED_IMPORT, WANTED_MEAN, WANTED_WORST

Run = dict[str, Any]  # one measurement
Runs = dict[str, list[Run]]  # of one workload: for each side one of each round that it took part in
OTHERS = {"numpy": "NumPy alone", "book": "book", "mygrad": "MyGrad", "autograd": "autograd", "jax": "JAX"}
OWN = ("dezero", "numpy", "torch")
ABSENT = "–"
HEADING = (
    "| workload | dezero ms | NumPy alone ms | PyTorch ms | ratio | spread | wanted | "
    + " | ".join(OTHERS.values())
    + " | peak MB, dezero / NumPy alone / PyTorch | beyond the imports |\n"
    + "|---" * (9 + len(OTHERS))
    + "|"
)


def verdict(value: float, most: float) -> str:
    return "met" if value <= most else "missed"


def ratio(runs: Runs, side: str, to: str = "torch") -> float | None:
    """Ratio of the medians, over the rounds that both took part in; None without one."""
    a, b = _times(runs, side, to)
    return median(a) / median(b) if a else None


def spread(runs: Runs) -> str:
    """Lowest and highest ratio of a round; a dash for a single round."""
    ratios = [a / b for a, b in zip(*_times(runs, "dezero", "torch"))]
    return f"{min(ratios):.2f}–{max(ratios):.2f}" if len(ratios) > 1 else ABSENT


def row(workload: str, runs: Runs) -> str:
    """A row of the table."""
    wanted, ours = WANTED[workload], ratio(runs, "dezero")
    cells = [workload, *(_milliseconds(runs, side) for side in OWN)]
    cells += [_number(ours), spread(runs), f"{wanted}" + (f" {verdict(ours, wanted)}" if ours else "")]
    cells += [_number(ratio(runs, side)) for side in OTHERS]
    cells += [" / ".join(_megabytes(runs, side, beyond) for side in OWN) for beyond in (False, True)]
    return "| " + " | ".join(cells) + " |"


def closing(results: dict[str, Runs]) -> list[str]:
    """What the table says as a whole."""
    ratios = {workload: r for workload, runs in results.items() if (r := ratio(runs, "dezero"))}
    if not ratios:
        return ["Nothing was measured on both sides."]
    mean, worst = geometric_mean(ratios.values()), max(ratios, key=lambda workload: ratios[workload])
    met = sum(r <= WANTED[workload] for workload, r in ratios.items())
    lines = [
        f"Met: {met} of {len(ratios)}. Geometric mean of the ratios: {mean:.2f} (wanted: at most {WANTED_MEAN},"
        f" {verdict(mean, WANTED_MEAN)}). Highest: {ratios[worst]:.2f}, {worst} (wanted: at most {WANTED_WORST},"
        f" {verdict(ratios[worst], WANTED_WORST)})."
    ]
    alone = [r for runs in results.values() if (r := ratio(runs, "numpy"))]
    if alone:
        mean = geometric_mean(alone)
        lines[0] += (
            f" In NumPy alone: geometric mean {mean:.2f} ({verdict(mean, WANTED_MEAN)}), highest {max(alone):.2f}."
        )
    trained = [workload for workload in TRAINING if workload in ratios]
    if trained:
        over = [
            workload for workload in trained if _peak(results[workload], "dezero") > _peak(results[workload], "torch")
        ]
        beyond = [
            workload
            for workload in trained
            if _peak(results[workload], "dezero", True) > _peak(results[workload], "torch", True)
        ]
        lines.append(
            f"Peak memory of the {len(trained)} training workloads, wanted: at most PyTorch's;"
            f" above it: {', '.join(over) or 'none'}. Beyond what the imports take,"
            f" above PyTorch's: {', '.join(beyond) or 'none'}."
        )
    return lines


def geometric_mean(values: Iterable[float]) -> float:
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs))


def growth_row(what: str, size: int, small: Run, large: Run) -> str:
    """A row that says what ten times the nodes cost."""
    times = large["median"] / small["median"]
    seconds = f"{small['median']:.3f} | {large['median']:.3f}"
    return (
        f"| {what} {size:,} → {10 * size:,} | {seconds} | {times:.1f} |"
        f" {WANTED_GROWTH:g} {verdict(times, WANTED_GROWTH)} |"
    )


def import_line(dezero: list[float], numpy: list[float]) -> str:
    """What ``import dezero`` takes beyond ``import numpy``, each measured in fresh interpreters."""
    beyond = median(dezero) - median(numpy)
    return (
        f"`import dezero`: {beyond:.3f} s beyond `import numpy`, which takes {median(numpy):.3f}"
        f" (wanted: at most {WANTED_IMPORT}, {verdict(beyond, WANTED_IMPORT)})."
    )


def unequal(workload: str, runs: Runs) -> str | None:
    """A sentence if the sides do not train equally many numbers."""
    counts = {side: found[0]["parameters"] for side, found in runs.items() if found}
    if len(set(counts.values())) < 2:
        return None
    return f"{workload} is not the same on all sides, parameters: {counts}."


def versions(results: dict[str, Runs]) -> str:
    """What was measured, by name and version."""
    named: dict[str, str] = {}
    for runs in results.values():
        for side, found in runs.items():
            for name, version in found[-1]["versions"].items() if found else ():
                if side != "book":
                    named[name] = version
                elif name == "dezero":
                    named["the book's dezero"] = version
    return ", ".join(f"{name} {version}" for name, version in named.items())


def blas_kernels(results: dict[str, Runs]) -> str:
    """The family of processors that OpenBLAS computes for, where NumPy has it, side by side."""
    kernels = {
        side: found[-1].get("blas")
        for runs in results.values()
        for side, found in runs.items()
        if found and side in ("dezero", "book")
    }
    ours, book = kernels.get("dezero"), kernels.get("book")
    return f"BLAS kernel {ours or 'unknown'}" + (f" (the book's: {book})" if book not in (None, ours) else "")


def machine() -> str:
    """The processor, its cores and the memory."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}"


def _times(runs: Runs, *sides: str) -> list[list[float]]:
    """Medians of the rounds that all of ``sides`` took part in."""
    n = min(len(runs.get(side, ())) for side in sides)
    return [[run["median"] for run in runs.get(side, ())[:n]] for side in sides]


def _number(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def _milliseconds(runs: Runs, side: str) -> str:
    (times,) = _times(runs, side)
    return f"{median(times) * 1e3:.3f}" if times else ABSENT


def _peak(runs: Runs, side: str, beyond: bool = False) -> float:
    return median(run["peak_mb"] - beyond * run["imported_mb"] for run in runs[side])


def _megabytes(runs: Runs, side: str, beyond: bool) -> str:
    return f"{_peak(runs, side, beyond):.0f}" if runs.get(side) else ABSENT
