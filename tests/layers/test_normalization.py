"""BatchNorm: learned scale and shift, and running statistics that are saved but not trained."""

from __future__ import annotations

import numpy as np
import pytest

import dezero.functions as F
from dezero.config import test_mode as testing  # pytest would take the other name for a test
from dezero.cuda import as_numpy
from dezero.layers import BatchNorm
from dezero.testing import check_grads

SHAPES = [(8, 3), (8, 3, 5), (4, 3, 2, 5)]


def stats(x):
    """Mean, biased and unbiased variance of each channel."""
    flat = np.moveaxis(x.astype(np.float64), 1, 0).reshape(x.shape[1], -1)
    return flat.mean(1), flat.var(1), flat.var(1, ddof=1)


def per_channel(v, x):
    return v.reshape(1, -1, *(1 for _ in x.shape[2:]))


@pytest.mark.parametrize("shape", SHAPES)
def test_in_train_mode_the_batch_is_normalized_and_the_averages_move(xp, shape):
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32) * 2 + 1
    layer = BatchNorm()
    y = layer(xp.asarray(x))
    mean, var, unbiased = stats(x)
    expected = (x - per_channel(mean, x)) / np.sqrt(per_channel(var, x) + 2e-5)
    assert np.allclose(as_numpy(y), expected, atol=1e-5)
    assert np.allclose(as_numpy(layer.avg_mean), 0.1 * mean, atol=1e-6)
    assert np.allclose(as_numpy(layer.avg_var), 0.9 + 0.1 * unbiased, atol=1e-5)
    assert {v.dtype for v in (y, layer.gamma, layer.beta, layer.avg_mean, layer.avg_var)} == {np.dtype(np.float32)}
    assert type(layer.gamma.data) is type(layer.avg_var.data) is xp.ndarray


def test_in_test_mode_the_averages_are_used_and_stay(xp):
    x = np.random.default_rng(0).standard_normal((8, 3)).astype(np.float32)
    layer = BatchNorm()
    layer(xp.asarray(x))
    mean, var = as_numpy(layer.avg_mean).copy(), as_numpy(layer.avg_var).copy()
    with testing():
        y = layer(xp.asarray(x[:1]))
    assert np.allclose(as_numpy(y), (x[:1] - mean) / np.sqrt(var + 2e-5), atol=1e-5)
    assert np.array_equal(as_numpy(layer.avg_mean), mean)


def test_the_gradient_goes_to_gamma_and_beta_and_not_to_the_averages():
    layer = BatchNorm()
    F.sum(layer(np.random.default_rng(0).standard_normal((8, 3)))).backward()
    assert layer.gamma.grad is not None
    assert layer.beta.grad.data.tolist() == [8.0, 8.0, 8.0]
    assert layer.avg_mean.grad is None and layer.avg_var.grad is None
    assert list(layer.params()) == [layer.gamma, layer.beta]


@pytest.mark.parametrize("train", [True, False])
def test_gradients_match_finite_differences(train):
    rng = np.random.default_rng(0)
    layer = BatchNorm()
    layer(rng.standard_normal((4, 3)))

    def f(x, gamma, beta):
        layer.gamma, layer.beta = gamma, beta
        if train:
            return layer(x) ** 2
        with testing():
            return layer(x) ** 2

    check_grads(f, rng.standard_normal((4, 3)), rng.standard_normal(3), rng.standard_normal(3), rtol=1e-5)


def test_arguments_and_input_are_checked():
    with pytest.raises(ValueError, match="BatchNorm: decay must be from 0 to 1, got 2"):
        BatchNorm(decay=2)
    with pytest.raises(ValueError, match="BatchNorm: eps must be above 0, got 0"):
        BatchNorm(eps=0)
    layer = BatchNorm()
    with pytest.raises(ValueError, match=r"BatchNorm: x \(N, C, ...\) of a floating point type is wanted, got \(3,\)"):
        layer(np.ones(3))
    with pytest.raises(ValueError, match=r"got \(2, 3\) int64"):
        layer(np.ones((2, 3), np.int64))
    assert layer.gamma.data is None
    layer(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"gamma must have shape \(4,\)"):
        layer(np.ones((2, 4)))
