"""Weights and biases start as they are told to, with the fans of their layer, and only once the sizes are known."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest

from dezero import initializers
from dezero.cuda import as_numpy
from dezero.layers import Conv2d, Deconv2d, Linear

FANS = {
    "Linear": (lambda **o: Linear(50, in_size=80, **o), 80, 50),
    "Conv2d": (lambda **o: Conv2d(24, (3, 5), in_channels=16, **o), 16 * 15, 24 * 15),
    "Deconv2d": (lambda **o: Deconv2d(24, (3, 5), in_channels=16, **o), 16 * 15, 24 * 15),
}


class Told(initializers.Initializer):
    """Remembers what it was told."""

    def draw(self, shape, fan_in, fan_out, dtype):
        self.told = shape, fan_in, fan_out, dtype
        return np.zeros(shape)


@pytest.mark.parametrize(("make", "fan_in", "fan_out"), FANS.values(), ids=FANS.keys())
def test_an_initialiser_is_told_the_fans_of_the_layer(make, fan_in, fan_out):
    W_init, b_init = Told(), Told()
    layer = make(W_init=W_init, b_init=b_init)
    assert W_init.told == (layer.W.shape, fan_in, fan_out, np.float32)
    assert b_init.told == (layer.b.shape, fan_in, fan_out, np.float32)


@pytest.mark.parametrize(("make", "fan_in", "fan_out"), FANS.values(), ids=FANS.keys())
def test_an_initialiser_goes_by_name(make, fan_in, fan_out):
    np.random.seed(0)
    bound = math.sqrt(6 / fan_in)
    assert abs(make(W_init="he_uniform").W.data).max() == pytest.approx(bound, rel=0.01)
    assert make(b_init="ones").b.data.tolist() == [1.0] * make().b.size


@pytest.mark.parametrize(("make", "fan_in", "fan_out"), FANS.values(), ids=FANS.keys())
def test_without_one_the_draws_are_those_that_they_always_were(make, fan_in, fan_out):
    np.random.seed(7)
    layer = make()
    np.random.seed(7)
    expected = np.random.randn(*layer.W.shape).astype(np.float32) * math.sqrt(1 / fan_in)
    assert layer.W.data.dtype == np.float32 and np.array_equal(layer.W.data, expected)
    assert not layer.b.data.any()


def test_a_callable_of_ones_own_gets_the_shape():
    layer = Linear(3, in_size=2, dtype=np.float64, W_init=lambda shape: np.arange(6).reshape(shape), b_init=np.ones)
    assert layer.W.data.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]] and layer.W.dtype == np.float64
    assert layer.b.data.tolist() == [1.0] * 3


def test_a_bias_that_is_told_how_to_start_waits_for_the_input_as_W_does(xp):
    layer = Linear(3, b_init=initializers.constant(0.5))
    assert layer.b.data is None
    with pytest.raises(ValueError, match="no value yet for W, b"):
        layer.state_dict()
    layer(xp.asarray(np.ones((1, 2), np.float32)))
    assert as_numpy(layer.b).tolist() == [0.5] * 3 and type(layer.b.data) is xp.ndarray


def test_weights_of_a_file_come_before_an_initialiser(tmp_path):
    Linear(3, in_size=2, b_init="ones").save_weights(tmp_path / "w.npz")
    layer = Linear(3, W_init="zeros", b_init="zeros")
    layer.load_weights(tmp_path / "w.npz")
    layer(np.ones((1, 2), np.float32))
    assert layer.W.data.any() and layer.b.data.all()


def test_nobias_and_b_init_leave_b_out():
    assert Linear(3, nobias=True, in_size=2, b_init="ones").b is None


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_layer_that_waits_copies_with_its_initialiser(copied):
    layer = copied(Linear(3, W_init=initializers.he_normal(slope=0.1), b_init="ones"))
    layer(np.ones((1, 2), np.float32))
    assert layer.b.data.all()


def test_an_initialiser_that_fails_leaves_the_layer_waiting():
    layer = Linear(3, W_init=lambda shape: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        layer(np.ones((1, 2), np.float32))
    assert layer.W.data is None and layer.in_size is None


def test_the_arguments_are_keywords_only():
    with pytest.raises(TypeError):
        Linear(3, False, np.float32, 2, "zeros")
