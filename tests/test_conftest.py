"""The fixtures do what they promise: array modules, a stand-in for the GPU, and no trace left by a test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import strict_device
from dezero import cuda
from dezero.config import Config

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def run_pytest(tmp_path):
    """Runs pytest on a source text in a folder of its own and returns what it printed."""

    def run(source: str, file: str = "test_it.py", **environment: str) -> str:
        for conftest in ("conftest.py", "tests/conftest.py"):
            shutil.copy(ROOT / conftest, tmp_path / conftest.replace("tests/", "all_"))
        (tmp_path / file).write_text(source, encoding="utf-8")
        path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--doctest-modules", "-q", "-rs", file]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": path} | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    return run


def test_a_test_that_leaves_a_switch_changed_fails_and_the_next_one_sees_none_of_it(run_pytest):
    printed = run_pytest(
        "from dezero.config import Config\n"
        "def test_leaks(): Config.train = False\n"
        "def test_next(): assert Config.train\n"
    )
    assert "the test changed Config and did not put it back" in printed
    assert "2 passed, 1 error" in printed


def test_numpys_random_state_is_put_back_after_each_test(run_pytest):
    printed = run_pytest(
        "import numpy as np\n"
        "seen = []\n"
        "def test_1(): seen.append(np.random.rand()); np.random.seed(0)\n"
        "def test_2(): seen.append(np.random.rand())\n"
        "def test_3(): assert seen[0] == seen[1]\n"
    )
    assert "3 passed" in printed


def test_examples_know_numpy_and_dezero_but_their_own_module_comes_first(run_pytest):
    pytest.importorskip("dezero.layers")
    printed = run_pytest(
        '"""\n'
        ">>> np.ones(1), Variable, dezero.__name__\n"
        "(array([1.]), 'mine', 'dezero')\n"
        ">>> (tmp / 'written.txt').write_text('x'), [p.name for p in tmp.iterdir()]\n"
        "(1, ['written.txt'])\n"
        '"""\n'
        "Variable = 'mine'\n",
        file="module.py",
    )
    assert "1 passed" in printed


def test_xp_has_the_functions_of_its_arrays(xp):
    x = xp.asarray([1.0, 2.0])
    assert cuda.get_array_module(x) is xp
    assert isinstance(x, xp.ndarray)


def test_gpu_is_where_as_cupy_moves_to(gpu):
    x = cuda.as_cupy(np.ones(3, np.float32))
    assert cuda.get_array_module(x) is gpu
    assert cuda.gpu_enable
    assert cuda.as_numpy(x).tolist() == [1, 1, 1]


def test_the_strict_device_does_not_stay_in_place_of_cupy():
    assert cuda.cupy is not strict_device.xp
    assert Config.train


def test_data_dir_says_which_folder_is_missing(run_pytest):
    printed = run_pytest(
        "from all_conftest import data_dir\ndef test_files(data_dir): pass\n", DEZERO_DATA_DIR="/nowhere/at all"
    )
    assert "1 skipped" in printed
    assert "no real data files: /nowhere/at all is no folder" in printed
