"""Knows the sixty steps of the tutorial: lists them, runs one, shows what one adds: ``python -m dezero.steps``."""

from __future__ import annotations

import argparse
import ast
import difflib
import io
import os
import re
import runpy
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

STAGES = {  # the first step of each
    1: ("Automatic differentiation", "自動微分を学ぶ"),
    11: ("Natural code", "自然なコードで表現する"),
    25: ("Higher derivatives", "高階微分を実現する"),
    37: ("Neural networks", "ニューラルネットワークを作る"),
    52: ("With the framework", "DeZeroで挑む"),
}
LAST = 60

_FIELDS = ("New here", "Run it", "Expect", "Promise", "Promise (MNIST)", "Picture", "Replaces", "Missing")
_FIELD = re.compile(rf"({'|'.join(map(re.escape, _FIELDS))}): *(.*)")

_BOLD, _DIM, _RED, _GREEN, _CYAN = "1", "2", "31", "32", "36"
_COLOURS = {"---": _BOLD, "+++": _BOLD, "@@ ": _CYAN}


class Step(NamedTuple):
    """What the docstring of a step says.

    Args:
        number: From 1 to 60.
        title: In English.
        japanese: The title in Japanese.
        fields: The text of each ``Name: ...`` part, such as ``Promise``, on one line.
    """

    number: int
    title: str
    japanese: str
    fields: dict[str, str]

    @property
    def new(self) -> str:
        """One sentence: what is new in it."""
        return re.split(r"(?<=[.!?])\s", self.fields.get("New here", ""), maxsplit=1)[0]

    @property
    def pictures(self) -> list[str]:
        """The names of the pictures that it draws."""
        return [name.strip() for name in self.fields.get("Picture", "").split(",") if name.strip()]


def read_docstring(text: str) -> Step:
    """Reads the docstring of a step.

    Args:
        text: The docstring.

    Returns:
        What it says.

    Raises:
        ValueError: Its first line is not ``Step 43: A neural network (ニューラルネットワーク).``

    Example:
        >>> from dezero.steps import read_docstring
        >>> step = read_docstring("Step 2: Circles (円 (1)).\\n\\nNew here: pi.\\nIt is round.\\n\\nPicture:  a.png")
        >>> step.title, step.japanese, step.new, step.pictures
        ('Circles', '円 (1)', 'pi.', ['a.png'])
    """
    first, *lines = text.strip().splitlines() or [""]
    start = re.match(r"Step (\d+): (.+)\)\.$", first)
    opening = _opening_of_last(start[2]) if start else 0
    if not start or opening < 1 or not start[2][opening + 1 :].strip():
        raise ValueError(f"a step opens with 'Step 43: Title (題).', not with {first!r}.")
    fields: dict[str, str] = {}
    name = ""
    for line in lines:
        found = _FIELD.match(line)
        if found:
            name = found[1]
            fields[name] = found[2].strip()
        elif not line.strip():
            name = ""  # a paragraph ends a part
        elif name:
            fields[name] = f"{fields[name]} {line.strip()}".strip()
    return Step(int(start[1]), start[2][:opening].strip(), start[2][opening + 1 :].strip(), fields)


def _opening_of_last(text: str) -> int:
    """Where the parenthesis opens that would be closed right after ``text``, or -1."""
    depth = 1
    for i in range(len(text) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(text[i], 0)
        if depth == 0:
            return i
    return -1


def read_step(path: str | os.PathLike) -> Step:
    """What the docstring of the script at ``path`` says."""
    return read_docstring(ast.get_docstring(ast.parse(Path(path).read_text(encoding="utf-8"))) or "")


def find_folder() -> Path:
    """The folder of the scripts: beside the package in a checkout, else ``steps`` in the current folder.

    Raises:
        FileNotFoundError: Neither is there.
    """
    places = [Path(__file__).resolve().parents[1] / "steps", Path.cwd() / "steps"]
    for place in places:
        if (place / "step01.py").is_file():
            return place
    raise FileNotFoundError(
        f"the steps are in no folder that is looked at ({places[0]}, {places[1]}). They are not part of the installed "
        "package: get DeZero's source, whose folder steps/ holds them, and run this command in the folder above steps/."
    )


def find_step(number: int) -> Path:
    """The script of a step.

    Raises:
        FileNotFoundError: There is none.
    """
    path = find_folder() / f"step{number:02}.py"
    if not path.is_file():
        raise FileNotFoundError(f"there is no step {number}: {path} is missing. The steps go from 1 to {LAST}.")
    return path


def overview(colour: bool = False) -> str:
    """The list of the steps: number, titles in both languages, and in a line what is new."""
    lines = []
    for path in sorted(find_folder().glob("step[0-9][0-9].py")):
        step = read_step(path)
        if step.number in STAGES:
            english, japanese = STAGES[step.number]
            number = list(STAGES).index(step.number) + 1
            lines += ["", _painted(f"Stage {number}: {english}  {japanese}", _BOLD, colour), ""]
        new = textwrap.shorten(step.new.replace("``", ""), 110, placeholder=" ...")
        lines += [f"{step.number:4}  {step.title}  {step.japanese}", _painted(f"      {new}", _DIM, colour)]
    return "\n".join(lines).lstrip("\n") + "\n"


def difference(number: int, colour: bool = False) -> str:
    """What a step adds to the one before: a unified diff of their code, docstrings left out.

    Args:
        number: The step. Step 1 is compared with nothing.
        colour: With the codes that colour it in a terminal.

    Returns:
        The text, under the step's title and what is new in it.

    Raises:
        FileNotFoundError: One of the two steps is not there.
    """
    path = find_step(number)
    step = read_step(path)
    before = find_step(number - 1) if number > 1 else None
    lines = [f"Step {step.number}: {step.title}  {step.japanese}", *textwrap.wrap(step.new.replace("``", ""), 110), ""]
    lines[0] = _painted(lines[0], _BOLD, colour)
    for line in _unified(before, path):
        code = _COLOURS.get(line[:3]) or {"-": _RED, "+": _GREEN}.get(line[:1])
        lines.append(_painted(line, code, colour and code is not None))
    return "\n".join(lines) + "\n"


def _unified(before: Path | None, path: Path) -> Iterator[str]:
    """The lines of the diff. Their numbers are those of the files, though the docstrings are not compared."""
    old_skipped, old = _code(before) if before else (0, [])
    new_skipped, new = _code(path)
    for line in difflib.unified_diff(old, new, before.name if before else os.devnull, path.name, lineterm=""):
        hunk = re.fullmatch(r"@@ -(\d+)(.*) \+(\d+)(.*) @@", line)
        if hunk is None:
            yield line
            continue
        start = int(hunk[1])
        around = next((text for text in reversed(old[: max(start - 1, 0)]) if re.match(r"(class|def) ", text)), "")
        yield f"@@ -{start + old_skipped}{hunk[2]} +{int(hunk[3]) + new_skipped}{hunk[4]} @@ {around}".rstrip()


def _code(path: Path) -> tuple[int, list[str]]:
    """How many lines the docstring takes, and the lines after it."""
    text = path.read_text(encoding="utf-8")
    first = ast.parse(text).body[0]
    skipped = first.end_lineno or 0 if isinstance(first, ast.Expr) else 0
    return skipped, text.splitlines()[skipped:]


def _painted(text: str, code: str | None, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text


def _wants_colour() -> bool:
    """Whether standard output is a terminal, and nobody said no (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def run(number: int, arguments: Sequence[str] = ()) -> None:
    """Runs a step in the current folder, as ``python steps/step17.py`` does.

    Args:
        number: The step.
        arguments: What the script finds in ``sys.argv`` after its own path.

    Raises:
        FileNotFoundError: There is no such step.
    """
    path = str(find_step(number))
    before = sys.argv
    sys.argv = [path, *arguments]
    try:
        runpy.run_path(path, run_name="__main__")
    finally:
        sys.argv = before


def main(arguments: Sequence[str] | None = None) -> None:
    """Lists the steps, runs one, or shows what one adds."""
    parser = argparse.ArgumentParser(
        prog="python -m dezero.steps",
        description="Without a number: lists the sixty steps. With one: runs that step in the current folder.",
        epilog="What else is given goes to the step, such as --show for one that draws a picture.",
        allow_abbrev=False,
    )
    parser.add_argument("number", nargs="?", type=int, help=f"a step, 1 to {LAST}")
    parser.add_argument("--diff", action="store_true", help="show what the step adds to the one before, do not run it")
    given, rest = parser.parse_known_args(arguments)
    if given.number is None and (given.diff or rest):
        parser.error(f"which step? Give its number, 1 to {LAST}.")
    if given.diff and rest:
        parser.error(f"--diff takes nothing more: {' '.join(rest)}")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without Japanese shows ? for it
    try:
        if given.number is None:
            text = overview(_wants_colour())
        elif given.diff:
            text = difference(given.number, _wants_colour())
        else:
            find_step(given.number)
            text = ""
    except FileNotFoundError as error:
        parser.exit(1, f"dezero.steps: {error}\n")
    print(text, end="")
    if given.number is not None and not given.diff:
        run(given.number, rest)


if __name__ == "__main__":
    main()
