from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
if "dezero" in sys.argv:
    import dezero

def step():
    np.ones(2 << 20)  # 16 MB

step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*args):
    return int(subprocess.check_output([sys.executable, "-c", FAULTS, *args], text=True))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc learns what to keep")
def test_memory_freed_by_one_step_is_there_for_the_next():
    assert faults("dezero") < 100
