"""EmbedID: a vector to learn for each id."""

from __future__ import annotations

import numpy as np
import pytest

import dezero.functions as F
from dezero.cuda import as_numpy
from dezero.layers import EmbedID
from dezero.testing import check_grads


def test_ids_of_any_shape_get_their_vectors():
    layer = EmbedID(5, 3)
    x = np.array([[1, 4], [1, 0]], np.uint8)
    y = layer(x)
    assert y.shape == (2, 2, 3)
    assert np.array_equal(y.data, layer.W.data[x])


def test_a_repeated_id_gets_all_its_gradients_on_every_device(gpu):
    layer = EmbedID(4, 2)
    layer.to_gpu()
    F.sum(layer(gpu.asarray(np.array([1, 1, 3])))).backward()
    assert as_numpy(layer.W.grad).tolist() == [[0, 0], [2, 2], [0, 0], [1, 1]]
    assert layer.W.grad.dtype == np.float32


def test_gradients_match_finite_differences():
    layer, x = EmbedID(4, 2), np.array([1, 1, 3])

    def f(W):
        layer.W = W
        return layer(x) * layer(x)

    check_grads(f, np.random.default_rng(0).standard_normal((4, 2)))


def test_W_starts_standard_normal_in_float32():
    np.random.seed(0)
    layer = EmbedID(100, 200)
    assert layer.W.dtype == np.float32
    assert EmbedID(1, 1, dtype=np.float64).W.dtype == np.float64
    assert abs(layer.W.data.mean()) < 0.02 and abs(layer.W.data.std() - 1) < 0.02


def test_sizes_and_ids_are_checked():
    with pytest.raises(ValueError, match="EmbedID: in_size must be an integer above 0, got 0"):
        EmbedID(0, 3)
    with pytest.raises(ValueError, match="EmbedID: out_size must be an integer above 0, got -3"):
        EmbedID(1, -3)
    with pytest.raises(TypeError, match="ids must be integers, got float64"):
        EmbedID(2, 3)(np.array([0.5]))


def test_the_padding_starts_as_zeros_and_stays_so():
    layer = EmbedID(4, 2, padding_idx=3)
    assert not layer.W.data[3].any() and layer.W.data[:3].all()
    F.sum(layer(np.array([[1, 3], [3, 3]]))).backward()
    assert layer.W.grad.data.tolist() == [[0, 0], [1, 1], [0, 0], [0, 0]]


def test_W_starts_as_told():
    assert EmbedID(3, 2, W_init="ones").W.data.tolist() == [[1, 1]] * 3
    assert EmbedID(3, 2, padding_idx=0, W_init="ones").W.data.tolist() == [[0, 0], [1, 1], [1, 1]]
    with pytest.raises(ValueError, match="EmbedID: W_init"):
        EmbedID(3, 2, W_init="nothing")


def test_the_padding_must_be_an_id():
    with pytest.raises(ValueError, match="EmbedID: padding_idx must lie between 0 and 3, got 4"):
        EmbedID(4, 2, padding_idx=4)
