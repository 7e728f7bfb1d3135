"""Measures how time and memory grow: ``python -m benchmarks.scaling`` writes benchmarks/SCALING.md and its pictures.

    python -m benchmarks.scaling --only image

Each size of each side is measured in a process of its own. Memory is the peak of that process beyond what it took to
import everything. The exponent is the slope of a straight line through the largest sizes, both axes logarithmic: 1 is
linear; that of memory is of what comes on top of the smallest size.
"""

from __future__ import annotations

import argparse
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from . import report, sides

Points = dict[int, dict[str, Any]]  # size -> measurement
Curves = dict[tuple[str, str], Points]  # (workload, side) -> its points
SECONDS, ROUNDS = 0.3, 2
FITTED = 3  # largest sizes that the exponent is fitted to
SLACK = 0.15  # how far above theory an exponent may be: caches are left, the machine is shared
SMALL_MB = 2.0  # below it, memory tells of the allocator and not of the workload
LABELS = {"dezero": "dezero", "torch": "PyTorch"}


class Page(NamedTuple):
    """Workloads of ``SCALED`` measured over sizes. ``theory`` is the exponent that time and memory tend to."""

    title: str
    text: str
    sizes: tuple[int, ...]
    workloads: tuple[str, ...]
    theory: float = 1.0


PAGES = {
    "depth": Page(
        "Depth of the graph",
        "So many negations of a number, one behind the other: the walk back and the freeing of the graph.",
        (1_000, 10_000, 100_000, 1_000_000),
        ("depth",),
    ),
    "width": Page(
        "Width of the graph",
        "So many branches side by side, joined at the end: the walk back and the freeing of the graph.",
        (100, 1_000, 10_000, 100_000),
        ("width",),
    ),
    "batch": Page(
        "Batch",
        "A training step of the MNIST MLP(1000, 1000, 10) and of LeNet.",
        (1, 4, 16, 64, 256, 1024, 4096),
        ("batch, MLP", "batch, LeNet"),
    ),
    "image": Page(
        "Size of the image",
        "Four pictures of 16 channels and so many pixels a side through a convolution of 32 channels of 3x3, forward"
        " and back. The number of pixels, and with it time and memory, goes with the square of the side.",
        (16, 32, 64, 128, 256, 512),
        ("image",),
        2.0,
    ),
    "sequence": Page(
        "Length of the sequence",
        "A training step of LSTM(100) over so many steps, batch 30: step by step, and in one call.",
        (8, 32, 64, 128, 256, 512, 1024),
        ("sequence, LSTM step by step", "sequence, LSTM in one call"),
    ),
    "context": Page(
        "Context of GPT",
        "A training step of the GPT of the benchmarks on four texts of so many tokens. All but attention goes with the"
        " length, attention with its square, so the exponent lies between 1 and 2.",
        (16, 32, 64, 128, 256, 512),
        ("context, GPT",),
        2.0,
    ),
}


def exponent(sizes: Any, values: Any) -> float:
    """Slope of the line through the logarithms of the last FITTED points."""
    return float(np.polyfit(np.log(list(sizes)[-FITTED:]), np.log(list(values)[-FITTED:]), 1)[0])


def memory_exponent(points: Points) -> float | None:
    """The same of the memory beyond that of the smallest size, which pays for thread pools; None if it hardly grows."""
    least = memory(next(iter(points.values())))
    grown = {size: mb for size, p in points.items() if (mb := memory(p) - least) > SMALL_MB}
    return exponent(grown, grown.values()) if len(grown) > 1 else None


def quadratic_share(sizes: Any, values: Any) -> float:
    """Part of the last value that belongs to b T^2 in the fit of c + a T + b T^2, every point weighing the same."""
    T, y = np.array(list(sizes), float), np.array(list(values), float)
    terms = np.stack([np.ones(len(T)), T, T * T], axis=1)
    b = np.linalg.lstsq(terms / y[:, None], np.ones(len(y)), rcond=None)[0][2]
    return float(np.clip(b * T[-1] ** 2 / y[-1], 0, 1))


def memory(point: dict[str, Any]) -> float:
    """MB beyond the imports."""
    return max(point["peak_mb"] - point["imported_mb"], 0.0)


def measure(page: Page, rounds: int) -> Curves:
    """Measures a page, of each point the fastest round."""
    curves: Curves = {(workload, side): {} for workload in page.workloads for side in LABELS}
    for _ in range(rounds):
        for size in page.sizes:
            for (workload, side), points in curves.items():
                found = sides.run(sides.own()[side], workload, SECONDS, size)
                if size not in points or found["median"] < points[size]["median"]:
                    points[size] = found
    return curves


def table(page: Page, workload: str, curves: Curves) -> list[str]:
    """The lines of a table: a row for each size, each with its growth since the row above: 1 is as in theory."""
    ours, torch = (curves[workload, side] for side in LABELS)
    lines = [
        "| size | dezero ms | growth over theory | PyTorch ms | dezero / PyTorch | MB, dezero / PyTorch |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    before = None
    for size, point in ours.items():
        peer = torch[size]
        share = point["median"] / size**page.theory
        growth = report.ABSENT if before is None else f"{share / before:.2f}"
        before = share
        lines.append(
            f"| {size:,} | {point['median'] * 1e3:.3f} | {growth} | {peer['median'] * 1e3:.3f} |"
            f" {point['median'] / peer['median']:.2f} | {memory(point):.0f} / {memory(peer):.0f} |"
        )
    return lines


def findings(page: Page, workload: str, curves: Curves) -> str:
    """The exponents in a sentence, and whether they keep to theory."""
    parts = []
    for side, label in LABELS.items():
        points = curves[workload, side]
        time = exponent(points, [p["median"] for p in points.values()])
        mb = memory_exponent(points)
        said = f" ({report.verdict(time, page.theory + SLACK)})" if side == "dezero" else ""
        parts.append(f"{label}: time {time:.2f}{said}, memory {report.ABSENT if mb is None else f'{mb:.2f}'}")
    return f"Exponents over the largest {FITTED} sizes, in theory at most {page.theory:g}. {'; '.join(parts)}."


def section(name: str, page: Page, curves: Curves) -> str:
    """A page as Markdown."""
    lines = [f"## {page.title}", "", page.text, "", f"![{page.title}](images/{name}.png)"]
    for workload in page.workloads:
        if len(page.workloads) > 1:
            lines += ["", f"### {workload}"]
        lines += ["", *table(page, workload, curves), "", findings(page, workload, curves)]
        if name == "context":
            shares = []
            for side, label in LABELS.items():
                points = curves[workload, side]
                shares.append(f"{quadratic_share(points, [p['median'] for p in points.values()]):.0%} of {label}'s")
            lines.append(
                f"Fitted with c + a T + b T², the quadratic part is {' and '.join(shares)} time at the longest."
            )
    return "\n".join(lines) + "\n"


def plot(page: Page, curves: Curves, path: Any) -> None:
    """Time and memory against size, side by side, with a grey line of the slope in theory."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    colours = {"dezero": "#c0392b", "torch": "#2c6fad"}
    for axes, title, of in zip(figure.subplots(1, 2), ("time, s", "memory, MB"), (lambda p: p["median"], memory)):
        for (workload, side), points in curves.items():
            style = "o-" if workload == page.workloads[0] else "s--"
            label = LABELS[side] + (f", {workload.split(', ')[-1]}" if len(page.workloads) > 1 else "")
            values = [max(of(p), 1e-6) for p in points.values()]
            axes.loglog(list(points), values, style, color=colours[side], ms=4, lw=1.3, label=label)
        shares, largest = np.array([page.sizes[-FITTED], page.sizes[-1]]) / page.sizes[-1], page.sizes[-1]
        most = max(of(points[largest]) for points in curves.values())
        axes.loglog(shares * largest, 1.7 * most * shares**page.theory, color="0.6", lw=1)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("size", fontsize=8)
        axes.grid(True, which="major", color="0.92")
        axes.tick_params(labelsize=8)
    figure.axes[0].legend(fontsize=8, frameon=False)
    FigureCanvasAgg(figure).print_png(path)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", nargs="+", choices=PAGES, metavar="PAGE", help=f"of {', '.join(PAGES)}; writes no table"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"the fastest counts (default: {ROUNDS})")
    args = parser.parse_args()
    images = sides.HERE / "images"
    images.mkdir(exist_ok=True)
    text = "# Scaling\n\nWritten by `make bench-scaling`. " + " ".join(__doc__.split("\n\n")[-1].split()) + "\n\n"
    text += "Growth over theory is that of dezero's time since the row above: 1 is as in theory, less is better. The\n"
    text += f'grey line has the slope in theory; "met" means that the exponent is at most that and {SLACK:g}.\n\n'
    for name in args.only or PAGES:
        curves = measure(PAGES[name], args.rounds)
        plot(PAGES[name], curves, images / f"{name}.png")
        part = section(name, PAGES[name], curves)
        print(part, flush=True)
        text += part + "\n"
    text += f"{date.today()}; {report.machine()}; {sides.THREADS} threads; {args.rounds} rounds of {SECONDS:g} s each,"
    text += " of which the fastest counts.\n"
    if not args.only:
        (sides.HERE / "SCALING.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
