"""What embed_id does beside its formula: repeated ids, padding, ids out of range."""

from __future__ import annotations

import numpy as np
import pytest

import strict_device
from dezero import Variable, grad
from dezero import functions as F
from dezero.cuda import as_numpy

ids = np.array([[2, 0], [2, 2]], np.uint8)


def test_an_id_used_three_times_gets_three_gradients(xp):
    W = Variable(xp.asarray(np.zeros((3, 1))))
    F.embed_id(xp.asarray(ids), W).sum().backward()
    assert as_numpy(W.grad).ravel().tolist() == [1.0, 0.0, 3.0]


def test_the_row_of_the_padding_is_used_as_it_is_but_gets_no_gradient(xp):
    W = Variable(xp.asarray(np.arange(6.0).reshape(3, 2)))
    y = F.embed_id(xp.asarray(ids), W, padding_idx=2)
    assert as_numpy(y[0, 0]).tolist() == [4.0, 5.0]
    gW = grad(y * y, W, create_graph=True)
    assert as_numpy(gW).tolist() == [[0.0, 2.0], [0.0, 0.0], [0.0, 0.0]]
    assert as_numpy(grad((gW * gW).sum(), W)).tolist() == [[0.0, 8.0], [0.0, 0.0], [0.0, 0.0]]


def test_the_gradient_is_what_adding_row_by_row_gives():
    rng = np.random.default_rng(0)
    x, gy = rng.integers(0, 7, (50, 4)), rng.standard_normal((50, 4, 3))
    W = Variable(np.zeros((9, 3)))
    y = F.embed_id(x, W)
    y.grad = Variable(gy)
    y.backward()
    expected = np.zeros((9, 3))
    for i, g in zip(x.ravel(), gy.reshape(-1, 3)):
        expected[i] += g
    np.testing.assert_allclose(W.grad.data, expected, rtol=1e-12, atol=1e-12)


def test_a_list_or_a_variable_of_ids_will_do():
    W = np.eye(3)
    assert (F.embed_id([2, 0], W).data == W[[2, 0]]).all()
    assert (F.embed_id(Variable(np.array([2, 0])), W).data == W[[2, 0]]).all()


def test_ids_from_the_host_move_to_the_device(device):
    assert as_numpy(F.embed_id(np.array([1]), device.asarray(np.eye(2)))).tolist() == [[0.0, 1.0]]


def test_on_a_device_the_host_does_not_wait():
    xp = strict_device.xp
    W, x = Variable(xp.asarray(np.eye(3))), xp.asarray(ids)
    with strict_device.no_sync():
        F.embed_id(x, W, padding_idx=0).sum().backward()
    assert W.grad.shape == W.shape


def test_ids_must_be_integers_in_range():
    W = np.ones((3, 2))
    with pytest.raises(TypeError, match="embed_id: ids must be integers, got float64"):
        F.embed_id(np.array([1.0]), W)
    with pytest.raises(TypeError, match="embed_id: ids must be integers, got list"):
        F.embed_id([0.5], W)
    with pytest.raises(IndexError, match=r"ids must lie between 0 and 2 \(W has 3 rows\), got 0 to 3"):
        F.embed_id(np.array([3, 0]), W)
    with pytest.raises(IndexError, match="got -1 to -1"):
        F.embed_id(np.array([-1]), W)


def test_W_and_the_padding_are_checked():
    with pytest.raises(ValueError, match=r"embed_id: W must be \(V, D\), got a 0-d array"):
        F.embed_id(np.array([0]), np.array(1.0))
    for padding_idx in (-1, 3):
        with pytest.raises(ValueError, match=f"embed_id: padding_idx must lie between 0 and 2, got {padding_idx}"):
            F.embed_id(np.array([0]), np.ones((3, 2)), padding_idx=padding_idx)


@pytest.mark.parametrize("padding_idx", [0, 2])
def test_the_padding_may_be_the_first_or_the_last_id(padding_idx):
    W = Variable(np.ones((3, 2)))
    F.embed_id(np.array([0, 1, 2]), W, padding_idx=padding_idx).sum().backward()
    assert W.grad.data[:, 0].tolist() == [float(i != padding_idx) for i in range(3)]
