from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable
from dezero import functions as F
from dezero.cuda import as_numpy, get_array_module
from ops import Op, check_derivatives, check_dtype, check_gradients_on_device, check_value, each

ids = np.array([[2, 0], [2, 2]], np.uint8)


def embed(W):
    return F.embed_id(get_array_module(W.data).asarray(ids), W)


OPS = [Op("embed_id", embed, (np.arange(12.0).reshape(3, 4),), lambda W: W[ids])]


@each(OPS)
def test_it_is_the_same_as_numpy_to_the_second_derivative_in_its_dtype(op, xp):
    check_value(op, xp)
    check_derivatives(op)
    check_gradients_on_device(op, xp)
    check_dtype(op, xp)


def test_an_id_used_three_times_gets_three_gradients(xp):
    W = Variable(xp.asarray(np.zeros((3, 1))))
    embed(W).sum().backward()
    assert as_numpy(W.grad).ravel().tolist() == [1.0, 0.0, 3.0]


def test_ids_must_be_integers_in_range():
    with pytest.raises(TypeError, match="embed_id: ids must be integers, got float64"):
        F.embed_id(np.array([1.0]), np.ones((3, 2)))
    with pytest.raises(IndexError, match="out of bounds"):
        F.embed_id(np.array([3]), np.ones((3, 2)))
