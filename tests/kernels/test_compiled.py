"""When loops serve: with Numba, for plain arrays of one precision, unless somebody switched them off."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from dezero import using_config
from dezero.kernels import compiled
from dezero.kernels.compiled import loops_for, numba_version

with_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed.")


@with_numba
def test_loops_serve_arrays_of_one_precision():
    for dtype in (np.float32, np.float64):
        x = np.ones((3, 4), dtype)
        assert loops_for("activation", x, None, x[0]).__name__ == "dezero.kernels.loops.activation"


@with_numba
def test_other_arrays_are_left_to_numpy():
    x = np.ones((4, 4))
    fixed = x.copy()
    fixed.flags.writeable = False

    class Special(np.ndarray):
        pass

    for other in (x.T, x[:, ::2], x.astype("f"), x.astype("e"), x.astype(int), fixed, x.view(Special)):
        assert loops_for("activation", x, other) is None
    assert loops_for("activation", x.astype("e")) is None


@with_numba
def test_a_switch_turns_them_off():
    x = np.ones(3)
    with using_config("numba", False):
        assert loops_for("activation", x) is None
    assert loops_for("activation", x) is not None
    code = (
        "from dezero.kernels.compiled import loops_for; import numpy as np; print(loops_for('activation', np.ones(3)))"
    )
    found = subprocess.run([sys.executable, "-c", code], env={"DEZERO_NUMBA": "off"}, capture_output=True, text=True)
    assert found.stdout.strip() == "None", found.stderr


def test_without_numba_there_are_none(monkeypatch):
    monkeypatch.setattr(compiled, "numba_version", lambda: None)
    assert loops_for("activation", np.ones(3)) is None


def test_a_numba_that_cannot_be_imported_is_told_of_once(monkeypatch):
    def refuse(name):
        raise ImportError("Numba needs NumPy 2.3 or less.")

    numba_version.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(compiled.importlib, "import_module", refuse)
    try:
        with pytest.warns(RuntimeWarning, match="NumPy 2.3 or less"):
            assert numba_version() is None
        assert numba_version() is None
    finally:
        numba_version.cache_clear()


def test_importing_dezero_does_not_import_numba():
    code = "import dezero, sys; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
