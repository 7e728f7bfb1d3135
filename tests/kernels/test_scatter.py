from __future__ import annotations

import numpy as np
import pytest

from dezero.cuda import as_numpy
from dezero.kernels import scatter
from dezero.kernels.scatter import add_rows


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(7, 3), (7,), (40, 2, 17), (5, 70)])
def test_rows_are_added_at_their_ids(shape, dtype, way, monkeypatch):
    monkeypatch.setattr(scatter, "_SMALLEST", 0)
    monkeypatch.setattr(scatter, "_WORTH_A_THREAD", 0)
    rng = np.random.default_rng(0)
    ids = rng.integers(-shape[0], shape[0], 30)
    rows = rng.integers(-9, 9, (30, *shape[1:])).astype(dtype)  # whole numbers: no rounding, in any order
    rows.flags.writeable = ids.flags.writeable = False
    expected = np.zeros(shape)
    np.add.at(expected, ids, rows)
    y = add_rows(rows, ids, shape)
    assert y.dtype == dtype and y.shape == shape
    assert np.array_equal(y, expected)


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64])
def test_ids_may_be_of_any_integer_type_and_come_once_each(kind, way, monkeypatch):
    monkeypatch.setattr(scatter, "_SMALLEST", 0)
    y = add_rows(np.arange(6.0).reshape(3, 2), np.array([4, 0, 2], kind), (5, 2))
    assert y.tolist() == [[2, 3], [0, 0], [4, 5], [0, 0], [0, 1]]


def test_no_rows_give_zeros(way, monkeypatch):
    monkeypatch.setattr(scatter, "_SMALLEST", 0)
    for shape in ((3, 2), (3, 0), (0, 2)):
        assert np.array_equal(add_rows(np.ones((0, *shape[1:])), np.zeros(0, int), shape), np.zeros(shape))


def test_on_a_device_they_are_added_there(device):
    y = add_rows(device.asarray(np.ones((3, 2))), device.asarray(np.array([1, 1, 0])), (2, 2))
    assert as_numpy(y).tolist() == [[1, 1], [2, 2]]
