"""Measures one workload of one side, in this process, and prints the result as one line of JSON.

    python benchmarks/measure.py dezero_side LeNet 3

Run by path, not with -m: so the folder of the repository is not on the path, and ``import dezero`` finds the dezero of
the environment that runs it, ours or the book's.
"""

from __future__ import annotations

import importlib
import json
import resource
import statistics
import sys
import time


def measure(step, seconds: float) -> list[float]:
    """Seconds of each step, after a warm-up of a fifth of the time, for about ``seconds``; at least one.

    A step that returns a number has measured itself.
    """
    start = time.perf_counter()
    step()
    while time.perf_counter() - start < seconds / 5:
        step()
    times: list[float] = []
    start = time.perf_counter()
    while not times or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        took = step()
        times.append(time.perf_counter() - before if took is None else took)
    return times


def main(side: str, workload: str, seconds: str) -> None:
    module = importlib.import_module(side)
    times = measure(module.WORKLOADS[workload](), float(seconds))
    result = {
        "median": statistics.median(times),
        "steps": len(times),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "versions": module.versions(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
