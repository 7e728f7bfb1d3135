"""Flatten and Reshape leave the batch and every value alone."""

from __future__ import annotations

import numpy as np
import pytest

from dezero.cuda import as_numpy
from dezero.layers import Flatten, Reshape


def test_flatten_and_reshape_undo_each_other(xp):
    x = np.arange(24.0).reshape(2, 3, 4)
    flat = Flatten()(xp.asarray(x))
    assert flat.shape == (2, 12)
    assert np.array_equal(as_numpy(Reshape(3, 4)(flat)), x)
    assert Reshape(-1, 2)(flat).shape == (2, 6, 2)
    assert Reshape()(np.ones((5, 1))).shape == (5,)


def test_an_empty_batch_keeps_its_shape():
    assert Reshape(3, 4)(np.ones((0, 12))).shape == (0, 3, 4)


def test_they_say_what_they_are():
    assert repr(Flatten()) == "Flatten()" and repr(Reshape(1, 28, -1)) == "Reshape(1, 28, -1)"


def test_only_one_length_is_left_open():
    with pytest.raises(ValueError, match=r"Reshape: only one length can be -1, got \(-1, -1\)"):
        Reshape(-1, -1)
