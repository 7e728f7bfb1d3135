"""``python -m dezero.steps``: the list, a run, a diff, and what it says where the steps are not to be found."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dezero import steps

ROOT = Path(__file__).resolve().parents[1]
CODES = re.compile(r"\x1b\[\d*m")

ONE = '''"""Step 1: A box (箱).

New here: ``Box``. It is
empty.

Promise:  a < 1;
          b == 2
"""

import sys


class Box:
    def open(self):
        return 1


def main():
    print("one", *sys.argv[1:])


if __name__ == "__main__":
    main()
'''
TWO = ONE.replace("Step 1: A box (箱).", "Step 2: A lid (蓋 (1)).\n\nA line more.").replace("return 1", "return 2")
TWO = TWO.replace("``Box``. It is\nempty.", "a lid on the ``Box``.")


def command(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "dezero.steps", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"} | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture
def two_steps(tmp_path, monkeypatch):
    """Stands for an installed package: no steps beside it, two in the current folder's ``steps``."""
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "step01.py").write_text(ONE, encoding="utf-8")
    (tmp_path / "steps" / "step02.py").write_text(TWO, encoding="utf-8")
    monkeypatch.setattr(steps, "__file__", str(tmp_path / "site-packages" / "dezero" / "steps.py"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---- as a command


def test_the_list_has_all_sixty_in_five_stages(tmp_path):
    done = command(folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [int(n) for n in re.findall(r"^ {2,3}(\d+)  ", done.stdout, re.MULTILINE)] == list(range(1, 61))
    assert re.findall(r"^Stage (\d)", done.stdout, re.MULTILINE) == list("12345")
    assert "   1  A variable is a box  変数という「箱」\n      Variable, a class that holds" in done.stdout
    assert "\x1b" not in done.stdout and max(map(len, done.stdout.splitlines())) < 120


def test_a_step_runs_in_the_callers_folder_as_its_script_does(tmp_path):
    done = command("3", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    alone = subprocess.check_output([sys.executable, str(ROOT / "steps" / "step03.py")], cwd=tmp_path, text=True)
    assert done.stdout == alone


def test_a_diff_of_the_real_steps_can_be_applied(tmp_path):
    """``patch`` would find the lines: those without a mark stand in the old file where the diff says."""
    for number in (2, 9, 16, 22):
        old = (ROOT / "steps" / f"step{number - 1:02}.py").read_text(encoding="utf-8").splitlines()
        new = (ROOT / "steps" / f"step{number:02}.py").read_text(encoding="utf-8").splitlines()
        text = command("--diff", str(number), folder=tmp_path).stdout
        assert f"--- step{number - 1:02}.py\n+++ step{number:02}.py\n" in text
        hunks = re.split(r"^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@.*\n", text, flags=re.MULTILINE)[1:]
        assert hunks
        for start, new_start, body in zip(hunks[::3], hunks[1::3], hunks[2::3]):
            before = [line[1:] for line in body.splitlines() if line[:1] != "+"]
            after = [line[1:] for line in body.splitlines() if line[:1] != "-"]
            assert old[int(start) - 1 :][: len(before)] == before
            assert new[int(new_start) - 1 :][: len(after)] == after
    assert re.search(r"^@@ .* @@ class Variable:$", command("--diff", "16", folder=tmp_path).stdout, re.MULTILINE)


def test_the_diff_stays_plain_in_a_pipe(tmp_path):
    done = command("--diff", "17", folder=tmp_path)
    assert done.returncode == 0 and "\x1b" not in done.stdout and "\n+" in done.stdout


def test_a_terminal_without_japanese_shows_question_marks(tmp_path):
    done = command(folder=tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and "A variable is a box  ????" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["61"], "there is no step 61: "),
        (["0"], "there is no step 0: "),
        (["--diff", "61"], "there is no step 61: "),
        (["--diff"], "which step? Give its number, 1 to 60."),
        (["--show"], "which step? Give its number, 1 to 60."),
        (["--diff", "3", "--show"], "--diff takes nothing more: --show"),
        (["three"], "invalid int value"),
    ],
)
def test_a_wrong_call_is_told_what_is_wrong(arguments, message, tmp_path):
    done = command(*arguments, folder=tmp_path)
    assert done.returncode in (1, 2) and message in done.stderr and "Traceback" not in done.stderr


# ---- where the steps are


def test_an_installed_package_finds_them_in_the_current_folder(two_steps, capsys):
    steps.main([])
    printed = capsys.readouterr().out
    assert "   1  A box  箱\n      Box.\n   2  A lid  蓋 (1)\n      a lid on the Box.\n" in printed


def test_without_any_steps_it_says_where_to_get_them(two_steps, monkeypatch, capsys):
    (two_steps / "empty").mkdir()
    monkeypatch.chdir(two_steps / "empty")
    with pytest.raises(SystemExit) as stopped:
        steps.main([])
    assert stopped.value.code == 1
    message = capsys.readouterr().err
    assert "not part of the installed package: get DeZero's source" in message and "empty/steps" in message


def test_a_folder_of_that_name_with_something_else_is_passed_over(two_steps):
    (two_steps / "site-packages" / "steps").mkdir(parents=True)
    assert steps.find_folder() == two_steps / "steps"


# ---- running


def test_what_the_command_does_not_know_goes_to_the_step(two_steps, capsys):
    before = sys.argv
    steps.main(["1", "--show", "--epochs", "3"])
    assert capsys.readouterr().out == "one --show --epochs 3\n"
    assert sys.argv is before


def test_an_error_in_a_step_keeps_its_trace(two_steps):
    path = two_steps / "steps" / "step01.py"
    path.write_text(ONE.replace('print("one"', 'open("nowhere"'), encoding="utf-8")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        steps.main(["1"])


# ---- the diff


def test_a_diff_shows_the_code_that_changed_and_not_the_docstring(two_steps):
    lines = steps.difference(2).splitlines()
    assert lines[:5] == ["Step 2: A lid  蓋 (1)", "a lid on the Box.", "", "--- step01.py", "+++ step02.py"]
    assert lines[5] == "@@ -12,7 +13,7 @@"
    assert [line for line in lines[5:] if line[0] in "+-"] == ["-        return 1", "+        return 2"]


def test_the_first_step_is_all_new(two_steps):
    lines = steps.difference(1).splitlines()
    assert lines[3] == f"--- {os.devnull}"
    assert "+class Box:" in lines and not [line for line in lines[5:] if line[:1] not in "+@"]


def test_colours_are_only_around_lines(two_steps):
    painted = steps.difference(2, colour=True)
    assert CODES.sub("", painted) == steps.difference(2)
    for code, line in (("31", "-        return 1"), ("32", "+        return 2"), ("1", "--- step01.py")):
        assert f"\x1b[{code}m{line}\x1b[0m\n" in painted
    assert CODES.sub("", steps.overview(colour=True)) == steps.overview()


@pytest.mark.parametrize(
    ("terminal", "environment", "coloured"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colour_is_for_terminals_whose_owner_wants_it(two_steps, monkeypatch, capsys, terminal, environment, coloured):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    steps.main(["--diff", "2"])
    assert ("\x1b[32m" in capsys.readouterr().out) is coloured


# ---- docstrings


def test_a_docstring_is_read_part_by_part():
    step = steps.read_docstring(ONE.split('"""')[1])
    assert (step.number, step.title, step.japanese, step.new) == (1, "A box", "箱", "``Box``.")
    assert step.fields == {"New here": "``Box``. It is empty.", "Promise": "a < 1; b == 2"}
    assert step.pictures == []


def test_a_title_may_hold_parentheses():
    step = steps.read_docstring("Step 55: CNN (two) (CNNの (1)).")
    assert (step.title, step.japanese) == ("CNN (two)", "CNNの (1)")


@pytest.mark.parametrize("text", ["", "Step 1", "Step 1: A box.", "Step 1: (箱).", "Step x: A (箱).", "Step 1: A ( )."])
def test_a_docstring_without_both_titles_is_refused(text):
    with pytest.raises(ValueError, match="a step opens with 'Step 43"):
        steps.read_docstring(text)


def test_no_module_of_the_package_imports_the_command():
    """Else ``python -m dezero.steps`` would warn that it is loaded twice."""
    code = "import sys, dezero; print('dezero.steps' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).strip() == "False"
