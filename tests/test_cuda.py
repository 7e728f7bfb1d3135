from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable, cuda


def test_get_array_module_takes_variables_arrays_and_scalars(xp):
    a = xp.asarray(np.ones(2))
    assert cuda.get_array_module(a) is xp and cuda.get_array_module(Variable(a)) is xp
    for scalar in (1, 2.0, np.float32(3), None, [1]):
        assert cuda.get_array_module(scalar) is np


def test_as_numpy_takes_variables_arrays_and_scalars(xp):
    a = xp.asarray(np.array([1.0, 2.0]))
    for x in (a, Variable(a)):
        assert type(cuda.as_numpy(x)) is np.ndarray and cuda.as_numpy(x).tolist() == [1.0, 2.0]
    assert cuda.as_numpy(3.0).shape == ()


def test_as_cupy_uploads_variables_arrays_and_scalars(gpu):
    for x in (np.ones(2), Variable(np.ones(2)), 3.0):
        assert type(cuda.as_cupy(x)) is gpu.ndarray


def test_as_cupy_without_cupy_tells_how_to_install_it(monkeypatch):
    monkeypatch.setattr(cuda, "cupy", None, raising=False)
    monkeypatch.setattr(cuda, "gpu_enable", False, raising=False)
    with pytest.raises(RuntimeError, match=r"CuPy is not installed. Install it with pip install 'dezero\[cuda12\]'"):
        cuda.as_cupy(np.ones(2))


def test_cupy_without_a_gpu_says_so(monkeypatch):
    monkeypatch.setattr(cuda, "cupy", np, raising=False)
    monkeypatch.setattr(cuda, "gpu_enable", False, raising=False)
    with pytest.raises(RuntimeError, match="finds no GPU"):
        cuda.as_cupy(np.ones(2))


def test_cupy_installed_without_a_gpu_means_gpu_enable_is_false(monkeypatch):
    class FakeCupy:
        class cuda:
            @staticmethod
            def is_available():
                return False

    monkeypatch.setitem(__import__("sys").modules, "cupy", FakeCupy)
    assert cuda._find_cupy() == (FakeCupy, False)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'gpu_enabled'"):
        cuda.gpu_enabled  # noqa: B018


def test_a_subclass_of_ndarray_is_an_array():
    class Kind(np.ndarray):
        pass

    assert cuda.get_array_module(np.ones(2).view(Kind)) is np
