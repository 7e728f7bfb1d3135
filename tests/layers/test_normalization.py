"""The normalizing layers: learned scale and shift; BatchNorm has running statistics, saved but not trained."""

from __future__ import annotations

import numpy as np
import pytest

import dezero.functions as F
from dezero.config import test_mode as testing  # pytest would take the other name for a test
from dezero.cuda import as_numpy
from dezero.layers import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RMSNorm
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


OTHERS = {
    "LayerNorm": (lambda: LayerNorm(), lambda: LayerNorm(4), lambda x, g, b: F.layer_norm(x, g, b), (4,)),
    "LayerNorm over two axes": (None, lambda: LayerNorm((6, 4)), lambda x, g, b: F.layer_norm(x, g, b), (6, 4)),
    "RMSNorm": (lambda: RMSNorm(), lambda: RMSNorm(4), lambda x, g, b: F.rms_norm(x, g), (4,)),
    "GroupNorm": (lambda: GroupNorm(3), lambda: GroupNorm(3, 6), lambda x, g, b: F.group_norm(x, 3, g, b), (6,)),
    "InstanceNorm": (lambda: InstanceNorm(), lambda: InstanceNorm(6), lambda x, g, b: F.instance_norm(x, g, b), (6,)),
}
each_other = pytest.mark.parametrize(("wait", "at_once", "function", "shape"), OTHERS.values(), ids=OTHERS.keys())


@each_other
def test_a_layer_is_its_function_with_parameters_that_start_as_ones_and_zeros(wait, at_once, function, shape, xp):
    x = xp.asarray(np.random.default_rng(0).standard_normal((2, 6, 4)).astype(np.float32))
    for make in filter(None, (wait, at_once)):
        layer = make()
        if make is at_once:
            assert layer.gamma.shape == shape
            for p in layer.params():
                p.data = xp.asarray(p.data)
        y = layer(x)
        assert y.dtype == layer.gamma.dtype == np.float32 and type(layer.gamma.data) is xp.ndarray
        assert (as_numpy(layer.gamma) == 1).all() and layer.gamma.shape == shape
        assert layer.beta is None or not as_numpy(layer.beta).any()
        rng = np.random.default_rng(1)
        for p in layer.params():
            p.data = xp.asarray(rng.standard_normal(shape).astype(np.float32))
        assert np.array_equal(as_numpy(layer(x)), as_numpy(function(x, layer.gamma, layer.beta)))


@each_other
def test_gradients_of_a_layer_match_finite_differences(wait, at_once, function, shape):
    layer = at_once()
    names = [name for name, _ in layer.named_params()]

    def f(x, *params):
        for name, p in zip(names, params):
            setattr(layer, name, p)
        return layer(x)

    rng = np.random.default_rng(0)
    check_grads(f, rng.standard_normal((2, 6, 4)), *(rng.standard_normal(shape) for _ in names))


@each_other
def test_a_layer_is_the_same_in_test_mode(wait, at_once, function, shape):
    layer, x = at_once(), np.random.default_rng(0).standard_normal((2, 6, 4)).astype(np.float32)
    y = layer(x).data
    with testing():
        assert np.array_equal(layer(x).data, y)


@each_other
def test_weights_go_to_a_file_and_back_before_the_first_call_too(wait, at_once, function, shape, tmp_path):
    layer = at_once()
    for i, p in enumerate(layer.params()):
        p.data += i + 1
    layer.save_weights(tmp_path / "w.npz")
    for make in filter(None, (wait, at_once)):
        other = make()
        other.load_weights(tmp_path / "w.npz")
        assert all(np.array_equal(a.data, b.data) for a, b in zip(layer.params(), other.params()))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LayerNorm(0), "LayerNorm: size must be an integer above 0, got 0"),
        (lambda: LayerNorm((3, -1)), "LayerNorm: size must be an integer above 0, got -1"),
        (lambda: LayerNorm(eps=0), "LayerNorm: eps must be above 0, got 0"),
        (lambda: LayerNorm(3, dtype=int), "LayerNorm: dtype must be a floating point type"),
        (lambda: LayerNorm()(np.array(1.0)), r"LayerNorm: x \(..., D\) of a floating point type is wanted, got \(\)"),
        (lambda: LayerNorm()(np.ones(3, int)), "got .* int64"),
        (lambda: LayerNorm(3)(np.ones((2, 4), np.float32)), "layer_norm: gamma must have the shape"),
        (lambda: RMSNorm(0), "RMSNorm: size must be an integer above 0, got 0"),
        (lambda: RMSNorm(3)(np.ones((2, 4), np.float32)), "rms_norm: gamma must have the shape"),
        (lambda: GroupNorm(0), "GroupNorm: groups must be an integer above 0, got 0"),
        (lambda: GroupNorm(2, 3), "GroupNorm: groups must divide in_channels, got 2 and 3"),
        (lambda: GroupNorm(2, 0), "GroupNorm: in_channels must be an integer above 0, got 0"),
        (lambda: GroupNorm(2)(np.ones(3)), r"GroupNorm: x \(N, C, ...\) of a floating point type is wanted"),
        (lambda: GroupNorm(2)(np.ones((2, 3))), "group_norm: groups must divide the 3 channels"),
        (lambda: InstanceNorm(0), "InstanceNorm: in_channels must be an integer above 0, got 0"),
        (lambda: InstanceNorm()(np.ones((2, 3))), "instance_norm: x must be .* with an axis behind C"),
    ],
)
def test_what_a_layer_cannot_take_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()
