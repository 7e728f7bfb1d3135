"""Runs the benchmarks: ``python -m benchmarks`` prints a table and writes it to benchmarks/RESULTS.md.

    python -m benchmarks --quick                     # one short round against PyTorch alone; writes nothing
    python -m benchmarks --only LeNet GPT --peers jax --rounds 3

Every side of a workload runs in a process of its own, one after the other, round after round, so that two thread pools
never share the processor and a machine that slows down slows all sides; every other round goes backwards. Quoted are
the median over the rounds of the median step, the ratio of these medians, and the lowest and the highest ratio of a
round. The peers other than PyTorch take part in the first rounds alone; their ratio is to PyTorch in these.
"""

from __future__ import annotations

import argparse
import sys
from datetime import date

from . import report, sides
from .workloads import GROWTH, WANTED

TEXT = """# Benchmarks

Written by `make bench`. Times are those of one step; a ratio is a time over PyTorch's (eager, two threads), so lower is
better and 1 is even. "dezero" is `dezero[fast]`, whose compiled loops need Numba; "NumPy alone" is the same without it.
"Spread" is the lowest and the highest ratio of dezero in a round. "Wanted" is the most that dezero's ratio may be. The
columns after it are ratios to PyTorch too: dezero in NumPy alone, the book's dezero, MyGrad, HIPS autograd, and JAX
(compiled as a whole, which the others are not); "–" is what cannot be said there. MB are of 2^20 bytes.

"""
ROUNDS, SECONDS, PEER_ROUNDS = 7, 2.0, 2
QUICK_SECONDS = 0.7


def compare(workload: str, taking_part: dict[str, sides.Side], rounds: int, seconds: float) -> report.Runs:
    """Measures the sides of a workload in turn. One that fails is left out, with a word about it."""
    runs: report.Runs = {name: [] for name in taking_part}
    for k in range(rounds):
        for name in list(runs)[:: -1 if k % 2 else 1]:
            if k >= PEER_ROUNDS and name in sides.PEERS:
                continue
            try:
                runs[name].append(sides.run(taking_part[name], workload, seconds))
            except RuntimeError as error:
                print(f"{name} is left out of {workload}: {error}", file=sys.stderr)
                del runs[name]
    if words := report.unequal(workload, runs):
        raise SystemExit(words)
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one short round against PyTorch alone; writes no file")
    parser.add_argument("--only", nargs="+", choices=WANTED, metavar="NAME", help=f"of {', '.join(WANTED)}")
    parser.add_argument("--rounds", type=int, help=f"rounds per workload (default: {ROUNDS}, quick: 1)")
    names = ", ".join(sides.PEERS)
    parser.add_argument("--peers", nargs="*", choices=sides.PEERS, metavar="NAME", help=f"besides PyTorch: {names}")
    args = parser.parse_args()
    rounds, seconds = args.rounds or (1 if args.quick else ROUNDS), QUICK_SECONDS if args.quick else SECONDS
    peers = args.peers if args.peers is not None else [] if args.quick else list(sides.PEERS)

    everyone = sides.own() | {name: side for name in peers if (side := sides.peer(name))}
    known = {name: sides.workloads(side) for name, side in everyone.items()}
    lines: list[str] = []

    def say(line: str = "") -> None:
        print(line, flush=True)
        lines.append(line)

    results: dict[str, report.Runs] = {}
    say(report.HEADING)
    for workload in args.only or WANTED:
        taking_part = {name: side for name, side in everyone.items() if workload in known[name]}
        results[workload] = compare(workload, taking_part, rounds, seconds)
        say(report.row(workload, results[workload]))
    for line in report.closing(results):
        say()
        say(line)
    if not args.only:
        say()
        say("| graph walked back and freed | s | s with ten times the nodes | ratio | wanted |")
        say("|---|---|---|---|---|")
        for what, size in GROWTH:
            small, large = (sides.run(everyone["dezero"], what, seconds, n) for n in (size, 10 * size))
            say(report.growth_row(what, size, small, large))
        say()
        times = [[sides.seconds_to_import(module) for _ in range(3 + rounds)] for module in ("dezero", "numpy")]
        say(report.import_line(*times))
    say()
    say(
        f"{date.today()}; {report.machine()}; {report.blas_kernels(results)}; {report.versions(results)};"
        f" {sides.THREADS} threads; rounds: {rounds} of {seconds:g} s"
        f"{f', {min(rounds, PEER_ROUNDS)} with the peers' if peers else ''}; medians."
    )
    failed = [workload for workload, runs in results.items() if not {"dezero", "torch"} <= set(runs)]
    if not (args.quick or args.only or failed):
        (sides.HERE / "RESULTS.md").write_text(TEXT + "\n".join(lines) + "\n", encoding="utf-8")
    if failed:
        raise SystemExit(f"Failed, so that nothing is written: {', '.join(failed)}.")


if __name__ == "__main__":
    main()
