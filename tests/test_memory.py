"""Freed memory is kept for the next step, up to a limit, and can be given back."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from unittest import mock

import pytest

from dezero import memory

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told what to keep")

FAULTS = """
import resource, sys
import numpy as np
import dezero

def step():
    for _ in range(4):
        np.ones(int(sys.argv[1]) << 17)  # MB

step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

RESIDENT = """
import numpy as np
import dezero

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20

before = resident()
arrays = [np.ones(5 << 17) for _ in range(40)]  # of 5 MB
last = np.ones(1)  # keeps the end of the heap
del arrays
print(resident() - before)
dezero.memory.empty_cache()
print(resident() - before)
"""


def run(code, *args, **settings):
    environment = {k: v for k, v in os.environ.items() if k not in memory._SETTINGS}
    return subprocess.check_output([sys.executable, "-c", code, *args], text=True, env=environment | settings).split()


@pytest.mark.parametrize("megabytes", [16, 64])
def test_memory_freed_by_one_step_is_there_for_the_next(megabytes):
    assert int(run(FAULTS, str(megabytes))[0]) < 100


def test_settings_in_the_environment_go_before():
    code = "import dezero; print(dezero.memory.kept)"
    assert int(run(code)[0]) > 0
    assert run(code, MALLOC_TRIM_THRESHOLD_="100000") == ["0"]


def test_no_more_is_kept_than_a_part_of_the_machine(monkeypatch):
    monkeypatch.setattr(memory, "_memory", lambda: 1 << 30)
    for name in memory._SETTINGS:
        monkeypatch.delenv(name, raising=False)
    try:
        assert memory.keep_freed_memory() == 1 << 27
    finally:
        monkeypatch.undo()
        memory.keep_freed_memory()


def test_what_is_kept_can_be_given_back():
    kept, rest = map(int, run(RESIDENT))
    assert kept > 150
    assert rest < 50


def test_the_memory_of_a_gpu_is_given_back_as_well(monkeypatch):
    cupy = mock.MagicMock()
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    memory.empty_cache()
    cupy.get_default_memory_pool().free_all_blocks.assert_called_once_with()
    cupy.get_default_pinned_memory_pool().free_all_blocks.assert_called_once_with()
