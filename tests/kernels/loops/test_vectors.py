"""Registers in loops, against arrays."""

from __future__ import annotations

import numpy as np
import pytest

from dezero.kernels.loops import vectors
from dezero.kernels.loops.vectors import add, filled, load, multiply_add, store, zeros


def steps(a, b, y):
    s = multiply_add(load(a, 1, 4), filled(b, 2, 4), zeros(a, 4))
    store(y, 3, add(s, load(b, 0, 4)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("compiled", [False, True])
def test_a_register_is_so_many_numbers(compiled, dtype):
    a, b, y = np.arange(6).astype(dtype), np.array([1, 2, 3, 4], dtype), np.zeros(8, dtype)
    run = pytest.importorskip("numba").njit(steps) if compiled else steps
    run(a, b, y)
    assert y.tolist() == [0, 0, 0, 3 * 1 + 1, 3 * 2 + 2, 3 * 3 + 3, 3 * 4 + 4, 0]
    assert a.tolist() == [0, 1, 2, 3, 4, 5] and b.tolist() == [1, 2, 3, 4]


def test_nothing_else_is_needed_without_numba():
    assert vectors.load(np.arange(3.0), 0, 2).tolist() == [0, 1]
