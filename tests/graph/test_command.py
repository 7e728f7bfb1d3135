"""The command ``python -m dezero.graph``: what it draws, and what it says where it cannot."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys

import pytest

command = importlib.import_module("dezero.graph.__main__")

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is not installed")

OWN = """
import numpy as np
import dezero.functions as F
import dezero.layers as L
from dezero import Model

class Net(Model):
    def __init__(self):
        super().__init__()
        self.fc = L.Linear(2)

    def forward(self, x):
        return F.relu(self.fc(x))

class Two(Net):
    def forward(self, x, ids):
        return self.fc(x) + ids.astype(np.float32)

def make():
    return Net()

ready = Net()
number = 3

def wants(size):
    return Net()

def gives_none():
    pass
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "ownmodels.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield tmp_path
    sys.modules.pop("ownmodels", None)


def fails(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        command.main(arguments)
    assert stop.value.code == 2
    return capsys.readouterr().err


@needs_dot
def test_it_draws_an_installed_model_from_a_shell(tmp_path):
    words = "-W error -m dezero.graph dezero.models:SqueezeNet --input 1,3,64,64 --depth 1 -o a.svg".split()
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("a.svg  ")
    picture = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "SqueezeNet" in picture and "x: (1, 3, 64, 64) float32" in picture


def test_it_finds_a_module_in_the_current_folder(tmp_path):
    (tmp_path / "ownmodels.py").write_text(OWN)
    words = "-m dezero.graph ownmodels:Net --input 1,3 -o a.dot".split()
    subprocess.run([sys.executable, *words], cwd=tmp_path, check=True, capture_output=True)
    assert "fc: Linear" in (tmp_path / "a.dot").read_text()


@pytest.mark.parametrize("name", ["Net", "make", "ready"])
def test_a_class_a_function_and_a_model_will_do(folder, name):
    assert command.main([f"ownmodels:{name}", "--input", "1,3", "-o", "a.dot"]) == 0
    assert "x: (1, 3) float32" in (folder / "a.dot").read_text()


def test_inputs_and_dtypes_may_repeat(folder):
    words = "ownmodels:Two --input 2,3 --input 2,2 --dtype float32 --dtype int64 -o a.dot --gradients 1".split()
    assert command.main(words) == 0
    text = (folder / "a.dot").read_text()
    assert "x: (2, 3) float32" in text and "1st gradient" in text


@needs_dot
def test_a_picture_that_folds_says_so(folder, capsys):
    (folder / "large.py").write_text(
        "import dezero.layers as L\nfrom dezero.models import Sequential\n"
        "def make():\n    return Sequential(*[Sequential(L.Linear(i % 2 + 1), abs) for i in range(800)])\n"
    )
    assert command.main(["large:make", "--input", "1,1", "-o", "a.svg"]) == 0
    assert "folded to depth" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("ownmodels --input 1,3", "module:callable is wanted, such as dezero.models:ResNet50, got 'ownmodels'"),
        ("nowhere:Net --input 1,3", "cannot import 'nowhere': ModuleNotFoundError"),
        ("ownmodels:Nope --input 1,3", "'ownmodels' has no 'Nope'"),
        ("ownmodels:number --input 1,3", "ownmodels:number is int; a Model class or a function"),
        ("ownmodels:wants --input 1,3", "ownmodels:wants() failed: TypeError"),
        ("ownmodels:gives_none --input 1,3", "ownmodels:gives_none() gave NoneType; a model is wanted"),
        ("ownmodels:Net --input 1,x", "--input '1,x' is no shape"),
        ("ownmodels:Net --input=-1,3", "--input '-1,3' is no shape"),
        ("ownmodels:Net --input 1,3 --dtype float99", "--dtype 'float99' is no dtype"),
        ("ownmodels:Net --input 1,3 --dtype int8 --dtype int8", "1 --input and 2 --dtype"),
        ("ownmodels:Net --input 1,3 -o a.xyz", "ending .xyz"),
        ("ownmodels:Net --input 1,3 -o no/where.dot", "there is no folder 'no'"),
        ("ownmodels:Net --input 1,3 --depth -1", "depth must be an integer of 0 or more"),
        ("ownmodels:Two --input 1,3", "TypeError"),
        ("ownmodels:Net", "the following arguments are required: --input"),
    ],
)
def test_what_goes_wrong_is_told_in_a_line(folder, capsys, words, message):
    error = fails(words.split(), capsys)
    assert message in error and "Traceback" not in error
    assert sorted(p.name for p in folder.iterdir() if p.suffix != "") == ["ownmodels.py"]
