"""Runs the benchmarks: ``python -m benchmarks`` prints a table and writes it to benchmarks/RESULTS.md.

    python -m benchmarks --quick            # one short round, prints alone
    python -m benchmarks --only LeNet

Every side of a workload runs in a process of its own, one after the other, round after round, so that two thread pools
never share the processor and a machine that slows down slows all sides. Quoted is the median over the rounds of the
median step, and the ratio of these medians.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import venv
from datetime import date
from pathlib import Path
from typing import Any

import numpy

HERE = Path(__file__).resolve().parent
BOOK_ENV = HERE.parent / ".venv-book"
BOOK_PACKAGES = ["dezero==0.0.13", f"numpy=={numpy.__version__}", "matplotlib", "pillow"]  # on the same NumPy as ours
WANTED = {"Goldstein-Price": 1.2, "spiral MLP": 1.0, "LeNet": 2.5}  # most that ours / PyTorch may be
SCALING = [("depth 100000", "depth 1000000"), ("width 10000", "width 100000")]
WANTED_SCALING = 13.0  # most that ten times the nodes may cost


def book_python() -> str | None:
    """The interpreter of an environment with the book's dezero, made on the first call; None if it cannot be had."""
    python = BOOK_ENV / "bin" / "python"
    if not (BOOK_ENV / "ready").exists():
        try:
            venv.create(BOOK_ENV, with_pip=True, clear=True)
            subprocess.run([python, "-m", "pip", "install", "-q", *BOOK_PACKAGES], check=True, stderr=subprocess.PIPE)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"The book's dezero is left out: {error}", file=sys.stderr)
            return None
        (BOOK_ENV / "ready").touch()
    return str(python)


def run(python: str, side: str, workload: str, seconds: float) -> dict[str, Any]:
    """One measurement, in a process of its own."""
    command = [python, str(HERE / "measure.py"), side, workload, str(seconds)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=HERE)
    if done.returncode:
        raise RuntimeError(f"{side}, {workload}: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(workload: str, sides: dict[str, tuple[str, str]], rounds: int, seconds: float) -> dict[str, dict[str, Any]]:
    """For each side the median over ``rounds`` of its median step, taken in turn."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, (python, side) in sides.items():
            found[name].append(run(python, side, workload, seconds))
    return {
        name: {**runs[-1], **{key: statistics.median(r[key] for r in runs) for key in ("median", "peak_mb")}}
        for name, runs in found.items()
    }


def row_of(workload: str, result: dict[str, dict[str, Any]]) -> str:
    ours, peer = result["dezero"], result["torch"]
    ratio, wanted = ours["median"] / peer["median"], WANTED[workload]
    book = f"{result['book']['median'] / peer['median']:.2f}" if "book" in result else "–"
    return (
        f"| {workload} | {ours['median'] * 1e3:.3f} | {peer['median'] * 1e3:.3f} | {ratio:.2f} |"
        f" {wanted} {'met' if ratio <= wanted else 'missed'} | {book} | {ours['peak_mb']:.0f} / {peer['peak_mb']:.0f} |"
    )


def scaling_row(small: str, large: str, seconds: float) -> str:
    sides = {"dezero": (sys.executable, "dezero_side")}
    a, b = (compare(workload, sides, 1, seconds)["dezero"]["median"] for workload in (small, large))
    verdict = "met" if b / a <= WANTED_SCALING else "missed"
    return f"| {small} → {large.split()[1]} | {a:.3f} | {b:.3f} | {b / a:.1f} | {WANTED_SCALING:.0f} {verdict} |"


def import_time(python: str, rounds: int) -> float:
    """Median seconds of ``import dezero`` beyond starting Python and importing NumPy."""
    code = "import time, numpy; t = time.perf_counter(); import dezero; print(time.perf_counter() - t)"
    return statistics.median(float(subprocess.check_output([python, "-c", code])) for _ in range(rounds))


def machine() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return f"{model}, {os.cpu_count()} cores, {platform.system()}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one short round; prints, writes no file")
    parser.add_argument("--only", choices=sorted(WANTED), help="one workload")
    parser.add_argument("--rounds", type=int, help="rounds per workload (default: 7, quick: 1)")
    args = parser.parse_args()
    rounds, seconds = args.rounds or (1 if args.quick else 7), 1.0 if args.quick else 3.0

    sides = {"dezero": (sys.executable, "dezero_side"), "torch": (sys.executable, "torch_side")}
    if book := book_python():
        sides["book"] = (book, "dezero_side")
    lines: list[str] = []

    def say(line: str) -> None:
        print(line, flush=True)
        lines.append(line)

    results = {}
    say("| workload | dezero ms | PyTorch ms | ratio | wanted | book's ratio | peak MB, dezero / PyTorch |")
    say("|---|---|---|---|---|---|---|")
    for workload in [args.only] if args.only else WANTED:
        results[workload] = compare(workload, sides, rounds, seconds)
        say(row_of(workload, results[workload]))
    if not args.only:
        say("")
        say("| graph walked back and freed | s | s with ten times the nodes | ratio | wanted |")
        say("|---|---|---|---|---|")
        for small, large in SCALING:
            say(scaling_row(small, large, seconds))
        say("")
        seconds_to_import = import_time(sys.executable, 3 + rounds)
        say(f"`import dezero`: {seconds_to_import:.3f} s beyond `import numpy` (wanted: under 0.3).")
    versions = {k: v for result in next(iter(results.values())).values() for k, v in result["versions"].items()}
    versions["dezero"] = next(iter(results.values()))["dezero"]["versions"]["dezero"]
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    say("")
    say(f"{date.today()}; {machine()}; {named}; PyTorch eager on 2 threads; {rounds} rounds of {seconds:g} s, medians.")
    if not (args.quick or args.only):
        text = "# Benchmarks\n\nWritten by `make bench`. Lower is better; a ratio is dezero's time over PyTorch's.\n\n"
        (HERE / "RESULTS.md").write_text(text + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
