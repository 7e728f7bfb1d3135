"""Linear: an affine map whose input size may be left out."""

from __future__ import annotations

import re

import numpy as np
import pytest

import dezero.functions as F
from dezero.core import Variable
from dezero.cuda import as_numpy
from dezero.layers import Bilinear, Linear
from dezero.testing import check_grads


def test_a_linear_layer_is_x_times_W_plus_b(xp):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, 3)).astype(np.float32)
    layer = Linear(2)
    assert layer.W.data is None and layer.in_size is None
    y = layer(xp.asarray(x))
    layer.b.data += 0.5
    y = layer(xp.asarray(x))
    W = as_numpy(layer.W).astype(np.float64)
    assert np.allclose(as_numpy(y), x @ W + 0.5, atol=1e-6)
    assert (layer.in_size, layer.W.shape, layer.b.shape) == (3, (3, 2), (2,))
    assert type(layer.W.data) is type(layer.b.data) is xp.ndarray, "both settle where the first input is"


def test_more_axes_in_front_are_kept():
    assert Linear(2)(np.ones((5, 4, 3), np.float32)).shape == (5, 4, 2)


def test_nobias_leaves_b_out():
    layer = Linear(2, nobias=True, in_size=3)
    assert layer.b is None
    assert [name for name, _ in layer.named_params()] == ["W"]
    x = np.ones((1, 3), np.float32)
    assert np.allclose(layer(x).data, x @ layer.W.data)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_the_dtype_of_the_input_is_that_of_weights_gradients_and_result(xp, dtype):
    layer = Linear(2, dtype=dtype)
    y = layer(xp.asarray(np.ones((4, 3), dtype)))
    F.sum(y * 2).backward()
    assert {v.dtype for v in (y, layer.W, layer.b, layer.W.grad, layer.b.grad)} == {np.dtype(dtype)}


def test_gradients_match_finite_differences():
    rng = np.random.default_rng(0)
    layer = Linear(2, in_size=3)

    def f(x, W, b):
        layer.W, layer.b = W, b
        return layer(x) * layer(x)

    check_grads(f, rng.standard_normal((4, 3)), rng.standard_normal((3, 2)), rng.standard_normal(2))


def test_W_starts_normal_with_variance_one_over_fan_in_and_b_as_zero():
    np.random.seed(0)
    layer = Linear(200, in_size=400)
    assert abs(layer.W.data.mean()) < 1e-3
    assert abs(layer.W.data.std() - 400**-0.5) < 1e-3
    assert not layer.b.data.any()


def test_a_seed_makes_weights_equal_to_the_formula_of_the_book():
    np.random.seed(7)
    layer = Linear(3, in_size=5)
    np.random.seed(7)
    assert np.array_equal(layer.W.data, np.random.randn(5, 3).astype(np.float32) * np.float32(np.sqrt(1 / 5)))


@pytest.mark.parametrize("size", [0, -1, 2.0, True, None, (3, 4)])
def test_sizes_are_checked(size):
    with pytest.raises(ValueError, match="Linear: out_size must be an integer above 0, got"):
        Linear(size)
    if size is not None:
        with pytest.raises(ValueError, match="Linear: in_size must be an integer above 0, got"):
            Linear(2, in_size=size)


def test_numpy_integers_are_sizes():
    assert Linear(np.int64(2), in_size=np.int32(3)).W.shape == (3, 2)


def test_an_integer_dtype_is_refused():
    with pytest.raises(ValueError, match=r"Linear: dtype must be a floating point type such as np.float32, got int32"):
        Linear(2, dtype=np.int32)


def test_the_first_input_is_checked_before_weights_are_made():
    layer = Linear(2)
    with pytest.raises(TypeError, match=r"Linear: x must be a Variable or an array, got list. Use np.asarray\(x\)"):
        layer([[1.0]])
    with pytest.raises(ValueError, match=r"Linear: x \(..., I\) is wanted, got a 0-d array"):
        layer(np.array(1.0))
    with pytest.raises(ValueError, match="Linear: in_size must be an integer above 0, got 0"):
        layer(np.ones((4, 0), np.float32))
    assert layer.W.data is None


def test_another_number_of_features_is_refused():
    layer = Linear(2, in_size=3)
    with pytest.raises(ValueError, match=r"linear: .*got x \(1, 4\) and W \(3, 2\)"):
        layer(Variable(np.ones((1, 4), np.float32)))


def test_a_bilinear_layer_weighs_every_pair_of_features(xp):
    rng = np.random.default_rng(0)
    x0, x1 = rng.standard_normal((4, 3)).astype(np.float32), rng.standard_normal((4, 5)).astype(np.float32)
    layer = Bilinear(2)
    layer.b.data += 0.5
    y = layer(xp.asarray(x0), xp.asarray(x1))
    W = as_numpy(layer.W)
    expected = [[x0[n] @ W[o] @ x1[n] + 0.5 for o in range(2)] for n in range(4)]
    assert np.allclose(as_numpy(y), expected, atol=1e-5)
    assert W.shape == (2, 3, 5) and repr(layer).startswith("Bilinear(3, 5 -> 2")


def test_a_bilinear_layer_is_pytorchs():
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    rng = np.random.default_rng(0)
    x0, x1 = rng.standard_normal((4, 3)), rng.standard_normal((4, 5))
    layer, theirs = Bilinear(2, dtype=np.float64, in_sizes=(3, 5)), torch.nn.Bilinear(3, 5, 2, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(layer.W.data))
        theirs.bias.copy_(torch.tensor(layer.b.data))
    assert np.allclose(layer(x0, x1).data, theirs(torch.tensor(x0), torch.tensor(x1)).detach().numpy())


def test_a_bilinear_layer_starts_with_variance_one_over_the_number_of_pairs_and_loads_before_its_first_call(tmp_path):
    np.random.seed(0)
    layer = Bilinear(50, in_sizes=(20, 30))
    assert abs(layer.W.data.std() - 600**-0.5) < 1e-3
    layer.save_weights(tmp_path / "w.npz")
    other = Bilinear(50)
    other.load_weights(tmp_path / "w.npz")
    x0, x1 = np.ones((1, 20), np.float32), np.ones((1, 30), np.float32)
    assert np.array_equal(other(x0, x1).data, layer(x0, x1).data)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: Bilinear(2, in_sizes=(0, 3)), "in_sizes"),
        (lambda: Bilinear(2)(np.array(1.0), np.array(1.0)), "x0 (..., I) and x1 (..., J) are wanted"),
        (lambda: Bilinear(2, in_sizes=(2, 3))(np.ones((1, 2)), np.ones((1, 2))), "W (O, I, J) are wanted"),
    ],
)
def test_a_bilinear_layer_says_what_it_wants(call, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        call()
