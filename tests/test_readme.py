"""What the README shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("code", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_prints_what_its_comments_say(code, capsys):
    said = re.findall(r"^ *print\(.*\) *# (.+)$", code, re.MULTILINE)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == said
    assert said


def test_every_make_command_it_names_is_there():
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)(?= |`|\n|$)", README))
    assert {"demo", "test", "bench"} <= named <= targets


def test_every_folder_and_extra_it_names_is_there():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for folder in re.findall(r"^([a-z]+)/ {2,}", README, re.MULTILINE):
        assert (ROOT / folder).is_dir(), folder
    for extra in re.findall(r"'\.\[(\w+)\]'", README):
        assert f"\n{extra} = " in project
