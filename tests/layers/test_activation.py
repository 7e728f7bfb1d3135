"""Each activation layer is its function, and shows its settings."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import dezero.functions as F
import dezero.layers as L
from dezero.core import Variable
from dezero.cuda import as_numpy
from dezero.layers.activation import Activation
from dezero.models import Sequential
from dezero.testing import check_grads

# what to make, its function, its repr, and PyTorch's of the same settings
LAYERS = {
    "ReLU": (L.ReLU, F.relu, "ReLU()", "ReLU()"),
    "LeakyReLU": (L.LeakyReLU, F.leaky_relu, "LeakyReLU()", "LeakyReLU(0.2)"),
    "LeakyReLU slope": (
        lambda: L.LeakyReLU(0.01),
        lambda x: F.leaky_relu(x, 0.01),
        "LeakyReLU(slope=0.01)",
        "LeakyReLU()",
    ),
    "ELU": (L.ELU, F.elu, "ELU()", "ELU()"),
    "ELU alpha": (lambda: L.ELU(2.0), lambda x: F.elu(x, 2.0), "ELU(alpha=2.0)", "ELU(2.0)"),
    "SELU": (L.SELU, F.selu, "SELU()", "SELU()"),
    "GELU": (L.GELU, F.gelu, "GELU()", "GELU()"),
    "GELU tanh": (
        lambda: L.GELU("tanh"),
        lambda x: F.gelu(x, "tanh"),
        "GELU(approximate='tanh')",
        "GELU(approximate='tanh')",
    ),
    "SiLU": (L.SiLU, F.silu, "SiLU()", "SiLU()"),
    "Mish": (L.Mish, F.mish, "Mish()", "Mish()"),
    "Sigmoid": (L.Sigmoid, F.sigmoid, "Sigmoid()", "Sigmoid()"),
    "LogSigmoid": (L.LogSigmoid, F.logsigmoid, "LogSigmoid()", "LogSigmoid()"),
    "Tanh": (L.Tanh, F.tanh, "Tanh()", "Tanh()"),
    "Softplus": (L.Softplus, F.softplus, "Softplus()", "Softplus()"),
    "Softplus beta": (lambda: L.Softplus(3.0), lambda x: F.softplus(x, 3.0), "Softplus(beta=3.0)", "Softplus(3.0)"),
    "HardSigmoid": (L.HardSigmoid, F.hard_sigmoid, "HardSigmoid()", "Hardsigmoid()"),
    "HardSwish": (L.HardSwish, F.hard_swish, "HardSwish()", "Hardswish()"),
    "Softmax": (L.Softmax, F.softmax, "Softmax()", "Softmax(1)"),
    "Softmax axis": (lambda: L.Softmax(-1), lambda x: F.softmax(x, -1), "Softmax(axis=-1)", "Softmax(-1)"),
    "LogSoftmax": (L.LogSoftmax, F.log_softmax, "LogSoftmax()", "LogSoftmax(1)"),
    "LogSoftmax axis": (
        lambda: L.LogSoftmax(2),
        lambda x: F.log_softmax(x, 2),
        "LogSoftmax(axis=2)",
        "LogSoftmax(2)",
    ),
}
x = np.random.default_rng(0).standard_normal((3, 4, 5)).astype(np.float32) * 3


@pytest.mark.parametrize(("make", "function", "text", "theirs"), LAYERS.values(), ids=LAYERS.keys())
def test_an_activation_layer_is_its_function_and_says_what_it_is(xp, make, function, text, theirs):
    layer = make()
    y = layer(xp.asarray(x))
    assert y.dtype == np.float32 and np.array_equal(as_numpy(y), as_numpy(function(xp.asarray(x))))
    assert repr(layer) == text
    assert not list(layer.params())
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert np.array_equal(as_numpy(twin(xp.asarray(x))), as_numpy(y))


@pytest.mark.parametrize(("make", "function", "text", "theirs"), LAYERS.values(), ids=LAYERS.keys())
def test_an_activation_layer_is_that_of_pytorch(make, function, text, theirs):
    torch = pytest.importorskip("torch")
    reference = eval(f"nn.{theirs}", {"nn": torch.nn})(torch.tensor(x))
    assert np.allclose(make()(x).data, reference.numpy(), atol=2e-6)


def test_every_activation_is_here():
    known = {value for value in vars(L).values() if isinstance(value, type) and issubclass(value, Activation)}
    assert known == {type(make()) for make, *_ in LAYERS.values()}


def test_activations_stand_in_a_sequential():
    model = Sequential(L.Linear(4), L.ReLU(), L.Linear(2), L.LogSoftmax())
    assert model(np.ones((3, 5), np.float32)).shape == (3, 2)
    assert [name for name, _ in model.named_params()] == ["l0/W", "l0/b", "l2/W", "l2/b"]
    assert "(l1): ReLU()" in repr(model)


@pytest.mark.parametrize("channels", [1, 4])
def test_a_prelu_learns_its_slope(xp, channels):
    layer = L.PReLU(channels)
    layer.W.data[...] = np.linspace(0.1, 0.4, channels)
    W = layer.W.data.reshape(1, -1, 1)
    if xp is not np:
        layer.W.data = xp.asarray(layer.W.data)
    y = layer(xp.asarray(x))
    assert np.allclose(as_numpy(y), np.where(x > 0, x, W * x), atol=1e-6) and y.dtype == np.float32
    F.sum(y).backward()
    expected = np.where(x > 0, 0, x).sum(axis=(0, 2)) if channels > 1 else np.where(x > 0, 0, x).sum()
    assert np.allclose(as_numpy(layer.W.grad), expected, atol=1e-4)


def test_a_prelu_starts_as_pytorchs_and_says_what_it_is():
    assert L.PReLU().W.data.tolist() == [0.25]
    assert L.PReLU(3, 0.5).W.data.tolist() == [0.5] * 3
    assert repr(L.PReLU(3, 0.5, np.float64)) == "PReLU(slope=0.5)  W (3,): 3"
    assert L.PReLU(dtype=np.float64).W.dtype == np.float64


def test_gradients_of_a_prelu_match_finite_differences():
    layer = L.PReLU(4, dtype=np.float64)

    def f(x, W):
        layer.W = W
        return layer(x)

    check_grads(f, np.random.default_rng(1).standard_normal((3, 4)), np.full(4, 0.3))


def test_a_prelu_checks_its_arguments():
    with pytest.raises(ValueError, match="PReLU: channels must be an integer above 0, got 0"):
        L.PReLU(0)
    with pytest.raises(ValueError, match="PReLU: dtype must be a floating point type"):
        L.PReLU(dtype=int)
    with pytest.raises(ValueError, match="prelu: W must be one number or one for each channel"):
        L.PReLU(3)(Variable(np.ones((2, 4), np.float32)))
