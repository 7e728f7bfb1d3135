"""Every step of the tutorial runs as a newcomer runs it, and does what its docstring promises."""

from __future__ import annotations

import ast
import json
import math
import operator
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from dezero.steps import STAGES, Step, read_step

ROOT = Path(__file__).resolve().parents[1]
STEPS = ROOT / "steps"
RUNNER = ROOT / "tests" / "steps" / "runner.py"
NUMBERS = range(1, 61)
NEEDS_DATA = (51, 52, 53, 54, 58)  # these go on with less where the files are not there
SECONDS = 60  # a step promises 20 on two cores

COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


def script(number: int) -> Path:
    return STEPS / f"step{number:02}.py"


# ---- promises


def read_promise(text: str) -> list[tuple[str, str, float]]:
    """``loss < 0.1; first_loss > 0.5`` as ``[("loss", "<", 0.1), ("first_loss", ">", 0.5)]``."""
    parts = []
    for part in filter(None, map(str.strip, text.split(";"))):
        found = re.fullmatch(r"(\w+) (<=|>=|==|<|>) ([-+.e\d]+|True|False)", part)
        if not found:
            raise ValueError(f"{part!r} is no promise; one reads 'loss < 0.1'.")
        number = {"True": 1.0, "False": 0.0}.get(found[3])
        parts.append((found[1], found[2], float(found[3]) if number is None else number))
    if not parts:
        raise ValueError("there is no promise.")
    return parts


def broken(promise: str, returned: dict[str, object]) -> list[str]:
    """What of a promise does not hold, one sentence each."""
    faults = []
    for name, op, number in read_promise(promise):
        value = returned.get(name)
        if not isinstance(value, (int, float)):
            faults.append(f"{name} is {value!r}, which is no number.")
        elif not COMPARE[op](value, number) or math.isinf(value):
            faults.append(f"{name} is {value}, but {op} {number:g} was promised.")
    return faults


def test_a_promise_is_read():
    assert read_promise("loss < 0.1; n == 3;  ok == True") == [("loss", "<", 0.1), ("n", "==", 3.0), ("ok", "==", 1.0)]
    assert read_promise("error <= 1e-05") == [("error", "<=", 1e-5)]


@pytest.mark.parametrize("text", ["", " ; ", "loss", "loss is small", "loss = 1", "loss < small", "1 < loss"])
def test_what_is_no_promise_is_refused(text):
    with pytest.raises(ValueError, match="promise"):
        read_promise(text)


@pytest.mark.parametrize(
    ("promise", "holds"),
    [
        ("x < 3", True),
        ("x < 2", False),
        ("x <= 2", True),
        ("x > 2", False),
        ("x >= 2", True),
        ("x == 2", True),
        ("x == 2; x > 5", False),
        ("yes == 1", True),
        ("yes == False", False),
        ("nan < 1", False),
        ("nan >= 1", False),
        ("infinite > 1", False),
        ("text == 1", False),
        ("other == 1", False),
    ],
)
def test_a_promise_holds_or_is_broken(promise, holds):
    returned = {"x": 2, "yes": True, "nan": math.nan, "infinite": math.inf, "text": "1"}
    assert (broken(promise, returned) == []) is holds


# ---- running


class Run(NamedTuple):
    """What became of a script that was run in a folder of its own."""

    status: int
    returned: list[dict[str, object]]
    printed: str
    errors: str
    folder: Path


def has_mnist(data: Path | None) -> bool:
    names = ("train-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    return data is not None and all(any((data / "mnist").glob(f"{name}*")) for name in names)


def data_folder() -> Path | None:
    """The folder with the real data files, as the fixture ``data_dir`` finds it."""
    folder = Path(os.environ.get("DEZERO_DATA_DIR", ROOT.parent / "shared" / "data"))
    return folder if folder.is_dir() else None


def run_script(path: Path, place: Path, data: Path | None) -> Run:
    """Runs a script in an empty folder: no screen, no network, nothing in the cache, warnings are errors."""
    folder, cache, result = place / "folder", place / "cache", place / "result.json"
    folder.mkdir()
    cache.mkdir()
    hidden = ("MPLBACKEND", "DISPLAY", "WAYLAND_DISPLAY", "DEZERO_DATA_DIR")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    environment |= {"DEZERO_CACHE_DIR": str(cache), "PYTHONIOENCODING": "utf-8"}
    if data is not None:
        environment["DEZERO_DATA_DIR"] = str(data)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(RUNNER), str(path), str(result)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    returned = json.loads(result.read_text(encoding="utf-8")) if result.exists() else []
    return Run(done.returncode, returned, done.stdout, done.stderr, folder)


def faults_of(path: Path, run: Run, mnist: bool) -> list[str]:
    """What is wrong with a step and with what it did, one sentence each."""
    if run.status:
        return [f"it ended with status {run.status}: {run.errors[-2000:]}"]
    if len(run.returned) != 1 or not isinstance(run.returned[0], dict):
        return [f"as a script it must call main() once and get a dict from it, but got {run.returned}."]
    step = read_step(path)
    faults = []
    for name in ("Promise", "Promise (MNIST)") if mnist else ("Promise",):
        if name == "Promise" or name in step.fields:
            try:
                faults += broken(step.fields.get(name, ""), run.returned[0])
            except ValueError as error:
                faults.append(f"{name}: {error}")
    if not run.printed.strip():
        faults.append("it prints nothing.")
    if "Warning" in run.errors or "Exception ignored" in run.errors:
        faults.append(f"it warns: {run.errors[-2000:]}")
    return faults + file_faults(path, step, run)


def file_faults(path: Path, step: Step, run: Run) -> list[str]:
    """Is every file that it wrote announced, every picture there and worth looking at, and its name printed?"""
    document = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    written = sorted(each.relative_to(run.folder).as_posix() for each in run.folder.rglob("*"))
    faults = [f"it wrote {name}, of which its docstring says nothing." for name in written if name not in document]
    for name in step.pictures:
        if name not in written:
            faults.append(f"there is no picture {name}.")
            continue
        faults += picture_faults(run.folder / name)
        if name not in run.printed:
            faults.append(f"it does not print the name of {name}.")
    pictures = [name for name in written if name.endswith((".png", ".jpg", ".svg", ".gif"))]
    return faults + [f"{name} is not under 'Picture:'." for name in pictures if name not in step.pictures]


def picture_faults(path: Path) -> list[str]:
    Image = pytest.importorskip("PIL.Image")
    with Image.open(path) as picture:
        grey = picture.convert("RGB").convert("L")
    faults = []
    if min(grey.size) < 100 or max(grey.size) < 200 or max(grey.size) > 8000:
        faults.append(f"{path.name} has {grey.width} x {grey.height} pixels.")
    counts = sorted(grey.histogram(), reverse=True)
    drawn = 1 - counts[0] / sum(counts)
    if drawn < 0.005 or sum(count > 0 for count in counts) < 10:
        faults.append(f"{path.name} is as good as blank: {drawn:.1%} of it is not background.")
    return faults


def skip_without_what_it_needs(path: Path) -> None:
    """matplotlib draws pictures, and the program ``dot`` graphs; both are optional."""
    source = path.read_text(encoding="utf-8")
    if "matplotlib" in source:
        pytest.importorskip("matplotlib")
    if re.search(r"plot_dot_graph|to_file=|\"dot\"", source):
        pytest.importorskip("graphviz")
        if shutil.which("dot") is None:
            pytest.skip("the program dot is not installed")


def test_all_sixty_are_there():
    found = sorted(path.name for path in STEPS.glob("step*.py"))
    assert found == [script(number).name for number in NUMBERS]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_step_runs_and_keeps_its_promise(number, tmp_path):
    path, data = script(number), data_folder()
    skip_without_what_it_needs(path)
    assert not faults_of(path, run_script(path, tmp_path, data), has_mnist(data))


@pytest.mark.parametrize("number", NEEDS_DATA)
def test_a_step_on_real_data_goes_on_without_it_and_says_so(number, tmp_path):
    path = script(number)
    skip_without_what_it_needs(path)
    run = run_script(path, tmp_path, None)
    assert not faults_of(path, run, mnist=False)
    assert re.search(r"neither|not (here|there|found)|without|no (weights|MNIST)", run.printed)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_docstring_has_all_its_parts(number):
    step = read_step(script(number))
    assert step.number == number
    assert re.search(r"[ぁ-んァ-ヶ一-龠]|CNN", step.japanese) and step.title.isascii()
    wanted = {"New here", "Run it", "Expect", "Promise"} | ({"Missing"} if number < 60 else set())
    assert wanted <= step.fields.keys()
    assert all(step.fields.values())
    assert read_promise(step.fields["Promise"])
    assert f"python steps/step{number:02}.py" in step.fields["Run it"]


# ---- the map

PAGE = (STEPS / "README.md").read_text(encoding="utf-8")
ENGLISH, JAPANESE = PAGE.split("\n# ")[:2]
ROW = re.compile(r"^\| \[(\d+)\]\((step\d\d\.py)\) \| (.+?) \| (.+?) \| (.+?) \|(.*)\|$", re.MULTILINE)


@pytest.mark.parametrize("page", [ENGLISH, JAPANESE], ids=["English", "Japanese"])
def test_the_map_has_a_line_for_every_step(page):
    assert [int(row[0]) for row in ROW.findall(page)] == list(NUMBERS)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_map_and_the_docstring_agree(number):
    step = read_step(script(number))
    for page, titles in ((ENGLISH, (step.title, step.japanese)), (JAPANESE, (step.japanese, step.title))):
        row = next(row for row in ROW.findall(page) if int(row[0]) == number)
        assert row[1] == script(number).name
        assert row[2:4] == titles
        assert re.findall(r"`(.+?)`", row[5]) == step.pictures
        assert len(row[4]) > 10


def test_the_map_and_the_command_have_the_same_stages():
    head = re.compile(r"^### \S+ (\d): (.+)\n\n.+\n.+\n\| \[(\d+)\]", re.MULTILINE)
    for page, language in ((ENGLISH, 0), (JAPANESE, 1)):
        wanted = [(str(i), names[language], str(first)) for i, (first, names) in enumerate(STAGES.items(), 1)]
        assert head.findall(page) == wanted


# ---- the test itself notices what it should

GOOD = '''"""Step 3: A title (題).

New here: nothing.

Run it:   python steps/step03.py
Expect:   a picture and notes.txt.
Promise:  loss < 0.1; ok == 1
Picture:  step03.png
Missing:  all.
"""

import numpy as np
from PIL import Image


def main(folder="."):
    pixels = np.random.default_rng(0).integers(0, 256, (200, 300)).astype(np.uint8)
    Image.fromarray(pixels).save("step03.png")
    print("The picture is in step03.png.")
    return {"loss": np.float32(0.05), "ok": np.bool_(True)}


if __name__ == "__main__":
    main()
'''

BAD = {
    "a broken promise": ("0.05", "0.2", "loss is 0.2"),
    "no promise": ("Promise:  loss < 0.1; ok == 1\n", "", "there is no promise"),
    "a promise of what is not returned": ("ok == 1", "good == 1", "good is None"),
    "a promise that cannot be read": ("ok == 1", "all is well", "'all is well' is no promise"),
    "a crash": ('print("The', '1 / 0\n    print("The', "ZeroDivisionError"),
    "a warning": ('print("The', 'np.log(np.zeros(1))\n    print("The', "divide by zero"),
    "a warning that cannot be raised": ('print("The', 'open("step03.png")\n    print("The', "ResourceWarning"),
    "the network": (
        'print("The',
        '__import__("socket").socket().connect(("1.2.3.4", 80))\n    print("The',
        "no network",
    ),
    "a file that nobody announced": ('print("The', 'open("x.txt", "w").close()\n    print("The', "it wrote x.txt"),
    "no picture": ('save("step03.png")', "copy()", "there is no picture step03.png"),
    "a blank picture": (".astype(np.uint8)", ".astype(np.uint8) * 0", "as good as blank"),
    "a small picture": ("(200, 300)", "(20, 30)", "30 x 20 pixels"),
    "a picture under another name": ("Picture:  step03.png\n", "", "step03.png is not under 'Picture:'"),
    "a picture without a word": ("The picture is in step03.png.", "Done.", "it does not print the name of step03.png"),
    "silence": ('print("The picture is in step03.png.")', "pass", "it prints nothing"),
    "nothing returned": ('return {"loss"', 'x = {"loss"', "get a dict from it"),
    "main not called": ("    main()\n", "    pass\n", "must call main() once"),
}


def test_a_good_step_has_no_faults(tmp_path):
    path = tmp_path / "step03.py"
    path.write_text(GOOD, encoding="utf-8")
    assert faults_of(path, run_script(path, tmp_path, None), mnist=False) == []


@pytest.mark.parametrize(("old", "new", "fault"), BAD.values(), ids=BAD.keys())
def test_each_fault_is_found(tmp_path, old, new, fault):
    assert GOOD.count(old) >= 1
    path = tmp_path / "step03.py"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    faults = faults_of(path, run_script(path, tmp_path, None), mnist=False)
    assert any(fault in each for each in faults), faults


def test_the_promise_on_mnist_counts_where_mnist_is(tmp_path):
    path = tmp_path / "step03.py"
    path.write_text(GOOD.replace("ok == 1\n", "ok == 1\nPromise (MNIST): loss < 0.01\n"), encoding="utf-8")
    run = run_script(path, tmp_path, None)
    assert faults_of(path, run, mnist=False) == []
    assert any("loss is 0.05" in each for each in faults_of(path, run, mnist=True))
