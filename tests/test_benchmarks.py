"""The benchmarks measure the same on every side, and their tables say what was measured. No clock is read here."""

from __future__ import annotations

import ast
import importlib
import json
import math
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / "benchmarks"
LARGE = {"VGG16 inference"}  # builds 138 million numbers
TOO_MANY = {*LARGE, "ResNet-50", "DataLoader"}  # seconds each in PyTorch


@pytest.fixture
def side(monkeypatch):
    """Imports a module of benchmarks/ as ``measure.py`` does, which runs there."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


@pytest.fixture
def part(monkeypatch):
    """Imports a module of the package ``benchmarks``."""
    monkeypatch.syspath_prepend(str(ROOT))
    return lambda name: importlib.import_module(f"benchmarks.{name}")


def names_in(path: Path, table: str = "WORKLOADS") -> list[str]:
    """The keys of the dict that a module calls ``table``, read without running it: the peers are not installed here."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(getattr(t, "id", None) == table for t in node.targets):
            return [ast.literal_eval(key) for key in node.value.keys]
    raise AssertionError(f"{path} has no {table}")


def run_of(milliseconds, peak_mb=100.0, parameters=None, **versions):
    return {
        "median": milliseconds / 1e3,
        "steps": 10,
        "peak_mb": peak_mb,
        "imported_mb": 40.0,
        "parameters": parameters,
        "blas": "Haswell",
        "versions": versions,
    }


def two(sides):
    """dezero and PyTorch, without a third side for dezero in NumPy alone."""
    return {name: side for name, side in sides.own().items() if name != "numpy"}


# --- the sides ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workload", [w for w in names_in(BENCHMARKS / "dezero_side.py") if w not in LARGE])
def test_every_workload_takes_a_step(side, workload):
    step = side("dezero_side").WORKLOADS[workload]()
    step()
    if hasattr(step, "parameters"):
        assert step.parameters() > 0


@pytest.mark.parametrize("name", names_in(BENCHMARKS / "dezero_side.py", "SCALED"))
def test_every_workload_that_scales_takes_a_step_when_small(side, name):
    took = side("dezero_side").SCALED[name](16)()
    assert took is None or took > 0


def test_all_sides_speak_of_the_same_workloads(part):
    wanted = list(part("workloads").WANTED)
    for name in ("dezero", "torch"):
        assert names_in(BENCHMARKS / f"{name}_side.py") == wanted
    for path in sorted(BENCHMARKS.glob("*_side.py")):
        named = names_in(path)
        assert named == [workload for workload in wanted if workload in named], path.name
    assert set(part("workloads").TRAINING) < set(wanted)


def test_both_sides_scale_the_same_and_every_page_is_among_it(part):
    ours, torch = (names_in(BENCHMARKS / f"{name}_side.py", "SCALED") for name in ("dezero", "torch"))
    assert ours == torch == [w for page in part("scaling").PAGES.values() for w in page.workloads]
    assert {what for what, _ in part("workloads").GROWTH} <= set(ours)


@pytest.mark.parametrize("workload", [w for w in names_in(BENCHMARKS / "torch_side.py") if w not in TOO_MANY])
def test_pytorch_trains_as_many_numbers_as_dezero(side, workload):
    pytest.importorskip("torch")
    steps = [side(f"{name}_side").WORKLOADS[workload]() for name in ("dezero", "torch")]
    for step in steps:
        step()
    counts = [step.parameters() if hasattr(step, "parameters") else None for step in steps]
    assert counts[0] == counts[1]


def test_both_resnets_are_the_authors_own(side):
    pytest.importorskip("torch")
    sides = [side("dezero_side"), side("torch_side")]
    assert {s.WORKLOADS["ResNet-50"]().parameters() for s in sides} == {25_557_032}
    from dezero.models.resnet import Bottleneck

    ours, torch = Bottleneck(256, 128, 512, 2, projects=True), side("torch_side").Bottleneck(256, 128, 2)
    strides = [torch.body[0].stride, torch.body[3].stride, torch.shortcut[0].stride]
    assert strides == [ours.conv1.stride, ours.conv2.stride, ours.conv4.stride] == [(2, 2), (1, 1), (2, 2)]


def test_the_workloads_see_the_same_waves_and_texts(side):
    inputs = side("inputs")
    x, t = inputs.wave(5)
    assert x.shape == t.shape == (5, 30, 1) and x.dtype == "float32"
    assert (x[1:] == t[:-1]).all()
    ids, following = inputs.tokens(3, 7)
    assert ids.shape == (3, 7) and (ids[:, 1:] == following.reshape(3, 7)[:, :-1]).all()


def test_the_rules_of_the_peers_are_those_of_dezero(side):
    np = pytest.importorskip("numpy")
    import dezero
    from dezero import optimizers

    rules = side("rules")
    decayed = optimizers.Adam()
    pairs = [
        (rules.SGD(0.1), optimizers.SGD(0.1)),
        (rules.SGD(0.1, momentum=0.9), optimizers.MomentumSGD(0.1, 0.9)),
        (rules.Adam(), optimizers.Adam()),
        (rules.Adam(decay=0.1), decayed),
        (rules.Adam(decoupled=0.01), optimizers.AdamW(1e-3)),
    ]
    for rule, ours in pairs:
        model = dezero.Layer()
        model.p = dezero.Parameter(np.array([1.0, -2.0]))
        ours.setup(model)
        if ours is decayed:
            ours.add_hook(optimizers.WeightDecay(0.1))
        p, g = {"p": model.p.data.copy()}, {"p": np.array([0.5, 0.25])}
        for _ in range(3):
            model.p.grad = dezero.Variable(g["p"])
            ours.update()
            rule.update(p, g)
        assert np.allclose(p["p"], model.p.data, rtol=1e-6), type(ours).__name__


# --- one measurement ------------------------------------------------------------------------------------


def test_a_step_that_measures_itself_is_taken_at_its_word(side):
    taken = iter(range(100))
    assert side("measure").measure(lambda: float(next(taken)), 0.0) == [2.0]  # after a warm-up of two


def test_a_measurement_is_a_line_of_json(side, capsys):
    side("measure").main("dezero_side", "spiral MLP", "0.01")
    side("measure").main("dezero_side", "depth", "0.01", "10")
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["parameters"] == 2 * 10 + 10 + 10 * 3 + 3 and second["parameters"] is None
    assert first["median"] > 0 and first["peak_mb"] >= first["imported_mb"] > 1
    assert first["versions"]["dezero"] and (first["blas"] is None or first["blas"].isalnum())


def test_a_side_that_fails_is_left_out_with_a_word(part, monkeypatch, capsys):
    driver, sides = importlib.import_module("benchmarks.__main__"), part("sides")

    def run(side, workload, seconds):
        if side.module == "torch_side":
            raise RuntimeError("no torch here")
        return run_of(1.0)

    monkeypatch.setattr(sides, "run", run)
    runs = driver.compare("LeNet", two(sides), 2, 0.1)
    assert list(runs) == ["dezero"] and len(runs["dezero"]) == 2
    assert "torch is left out of LeNet: no torch here" in capsys.readouterr().err


def test_a_failed_measurement_says_which_and_why(part):
    sides = part("sides")
    with pytest.raises(RuntimeError, match=r"measure.py dezero_side no such 1: KeyError: 'no such'"):
        sides.run(sides.Side(sys.executable, "dezero_side"), "no such", 1)


def test_sides_of_unequal_size_stop_the_benchmark(part, monkeypatch):
    driver, sides = importlib.import_module("benchmarks.__main__"), part("sides")
    monkeypatch.setattr(sides, "run", lambda side, *_: run_of(1.0, parameters=len(side.module)))
    with pytest.raises(SystemExit, match="LeNet is not the same on all sides"):
        driver.compare("LeNet", two(sides), 1, 0.1)


def test_peers_take_part_in_the_first_rounds_and_every_other_round_goes_backwards(part, monkeypatch):
    driver, sides = importlib.import_module("benchmarks.__main__"), part("sides")
    order = []

    def run(side, *_):
        order.append(side.module)
        return run_of(1.0)

    monkeypatch.setattr(sides, "run", run)
    driver.compare("LeNet", two(sides) | {"jax": sides.Side("python", "jax_side")}, 3, 0.1)
    names = [module.removesuffix("_side") for module in order]
    assert names == ["dezero", "torch", "jax", "jax", "torch", "dezero", "dezero", "torch"]


# --- the tables -----------------------------------------------------------------------------------------


@pytest.fixture
def runs():
    return {
        "dezero": [
            run_of(8, 90, dezero="1.0", numpy="2.4"),
            run_of(10, 90, dezero="1.0"),
            run_of(30, 90, dezero="1.0"),
        ],
        "torch": [run_of(10, 300, torch="2.13"), run_of(10, 300, torch="2.13"), run_of(20, 300, torch="2.13")],
        "numpy": [run_of(9, 80), run_of(12, 80), run_of(31, 80)],
        "book": [run_of(85, dezero="0.0.13"), run_of(95, dezero="0.0.13")],
    }


def test_a_row_has_medians_the_ratio_its_spread_and_a_dash_for_who_is_absent(part, runs):
    row = part("report").row("LeNet", runs)
    assert row == (
        "| LeNet | 10.000 | 12.000 | 10.000 | 1.00 | 0.80–1.50 | 1.0 met | 1.20 | 9.00 | – | – | –"
        " | 90 / 80 / 300 | 50 / 40 / 260 |"
    )
    assert part("report").HEADING.splitlines()[0].count("|") == row.count("|")
    assert part("report").HEADING.splitlines()[1].count("|") == row.count("|")


def test_a_row_without_pytorch_has_no_verdict(part, runs):
    del runs["torch"]
    assert part("report").row("LeNet", runs).startswith("| LeNet | 10.000 | 12.000 | – | – | – | 1.0 | – |")


def test_a_ratio_above_what_is_wanted_is_missed(part):
    report = part("report")
    assert "| 0.31 | – | 0.3 missed |" in report.row("DataLoader", {"dezero": [run_of(31)], "torch": [run_of(100)]})
    assert report.verdict(0.3, 0.3) == "met"


def test_the_closing_lines_judge_the_mean_the_worst_and_the_memory(part):
    report = part("report")
    results = {
        "GPT": {"dezero": [run_of(16, 310)], "torch": [run_of(10, 300)]},
        "spiral MLP": {"dezero": [run_of(4, 50)], "torch": [run_of(10, 300)]},
        "DataLoader": {"dezero": [run_of(1, 900)], "torch": [run_of(10, 300)]},
    }
    first, second = report.closing(results)
    assert "Met: 2 of 3. Geometric mean of the ratios: 0.40 (wanted: at most 0.8, met)." in first
    assert "Highest: 1.60, GPT (wanted: at most 1.2, missed)." in first
    assert "of the 2 training workloads" in second and "above it: GPT." in second
    assert report.closing({"GPT": {"dezero": [run_of(1)]}}) == ["Nothing was measured on both sides."]


def test_the_closing_lines_judge_numpy_alone_as_well(part):
    results = {"GPT": {"dezero": [run_of(5)], "numpy": [run_of(9)], "torch": [run_of(10)]}}
    assert part("report").closing(results)[0].endswith("In NumPy alone: geometric mean 0.90 (missed), highest 0.90.")


def test_dezero_runs_once_with_compiled_loops_and_once_without(part):
    pytest.importorskip("numba")
    sides = part("sides")
    ours, alone = sides.own()["dezero"], sides.own()["numpy"]
    assert (alone.python, alone.module) == (ours.python, ours.module)
    found = [sides.run(side, "spiral MLP", 0.01)["versions"] for side in (ours, alone)]
    assert "numba" in found[0] and "numba" not in found[1]


def test_the_geometric_mean_is_the_root_of_the_product(part):
    assert math.isclose(part("report").geometric_mean([0.5, 2.0, 8.0]), 2.0)


def test_the_book_s_version_is_told_from_ours(part, runs):
    named = part("report").versions({"LeNet": runs})
    assert named == "dezero 1.0, torch 2.13, the book's dezero 0.0.13"
    assert part("report").blas_kernels({"LeNet": runs}) == "BLAS kernel Haswell"


def test_growth_and_import_are_judged_too(part):
    report = part("report")
    assert report.growth_row("depth", 1000, run_of(1), run_of(14)).endswith("| 14.0 | 13 missed |")
    assert "0.050 s beyond `import numpy`" in report.import_line([0.15, 0.15], [0.1, 0.1])
    assert "met" in report.import_line([0.15], [0.1])


def test_the_exponent_of_a_power_is_its_power(part):
    scaling = part("scaling")
    sizes = (10, 100, 1000, 10000)
    assert math.isclose(scaling.exponent(sizes, [3 * n**1.5 for n in sizes]), 1.5)
    assert math.isclose(scaling.quadratic_share(sizes, [n + n * n / 10000 for n in sizes]), 0.5, rel_tol=1e-6)
    assert scaling.quadratic_share(sizes, sizes) < 1e-6


def test_a_scaling_page_has_a_row_for_each_size_and_a_verdict(part, tmp_path):
    pytest.importorskip("matplotlib")
    scaling = part("scaling")
    for name, page in scaling.PAGES.items():
        curves = {
            (workload, side): {size: run_of(size * factor, 45 + size / 10) for size in page.sizes}
            for workload in page.workloads
            for side, factor in (("dezero", 1), ("torch", 2))
        }
        text = scaling.section(name, page, curves)
        assert text.count("\n| ") == len(page.workloads) * (len(page.sizes) + 1)
        assert "dezero: time 1.00 (met), memory 1.0" in text and "PyTorch: time 1.00, memory 1.0" in text
        assert "| 0.50 |" in text and f"images/{name}.png" in text
        scaling.plot(page, curves, tmp_path / f"{name}.png")
        assert 5_000 < (tmp_path / f"{name}.png").stat().st_size < 100_000
