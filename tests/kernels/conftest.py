"""Knows what tests of several kernels ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dezero.kernels import channels, normalization, parallel


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """So that small arrays have many blocks of rows or channels, and several threads."""
    small = {"_FEW": 1, "_WORTH_A_THREAD": 1, "_LOOP_WORTH_A_THREAD": 1, "_BLOCK": 1 << 10, "_WIDTH": 1 << 8}
    for name, n in (small | {"_LOOP_BLOCK": 1 << 9, "_LOOP_WIDTH": 1 << 7}).items():
        for module in (channels, normalization):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, n)
    monkeypatch.setattr(parallel, "threads", lambda: 3)
    parallel._waiting.cache_clear()
    yield
    parallel._waiting.cache_clear()
