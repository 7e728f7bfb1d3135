"""Knows what a test may ask for: the array modules and the real data files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import strict_device
from dezero import cuda
from dezero.config import using_config
from dezero.kernels.compiled import numba_version

os.environ.setdefault("MPLBACKEND", "Agg")  # pictures go to files, never to a screen


def _devices() -> list[Any]:
    """The array modules that are not NumPy: the strict fake one, and CuPy where it finds a GPU."""
    devices = [pytest.param(strict_device.xp, id="strict")]
    if cuda.gpu_enable:
        devices.append(pytest.param(cuda.cupy, id="cupy", marks=pytest.mark.gpu))
    return devices


@pytest.fixture(params=["in NumPy", "compiled"])
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    """How kernels run: as NumPy's functions, and as compiled loops where Numba is installed."""
    if request.param == "compiled" and not numba_version():
        pytest.skip("Numba is not installed.")
    with using_config("numba", request.param == "compiled"):
        yield request.param


@pytest.fixture(params=[pytest.param(np, id="numpy"), *_devices()])
def xp(request: pytest.FixtureRequest) -> Any:
    """An array module: NumPy, the strict fake device, and CuPy where there is a GPU."""
    return request.param


@pytest.fixture(params=_devices())
def device(request: pytest.FixtureRequest) -> Any:
    """An array module that is not NumPy: the strict fake device, and CuPy where there is a GPU."""
    return request.param


@pytest.fixture(params=_devices())
def gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The array module that ``to_gpu()`` and ``as_cupy()`` move to. The strict fake device passes for CuPy."""
    monkeypatch.setattr(cuda, "cupy", request.param, raising=False)
    monkeypatch.setattr(cuda, "gpu_enable", True, raising=False)
    return request.param


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with the real data files: ``DEZERO_DATA_DIR``, else ``../shared/data`` beside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("DEZERO_DATA_DIR", beside))
    if not folder.is_dir():
        pytest.skip(f"no real data files: {folder} is no folder. Set DEZERO_DATA_DIR to one that has them.")
    return folder


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Modules beside the tests hold none. Collected for doctests, they would be imported a second time."""
    is_helper = collection_path.suffix == ".py" and not collection_path.name.startswith("test_")
    return True if is_helper else None
