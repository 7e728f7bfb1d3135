"""Model draws itself; Sequential and MLP put layers together under the names l0, l1, …"""

from __future__ import annotations

import copy

import numpy as np
import pytest

import dezero.functions as F
from dezero.cuda import as_numpy
from dezero.layers import Layer, Linear
from dezero.models import MLP, Model, Sequential
from dezero.optimizers import SGD
from dezero.testing import check_grads


def names(model):
    return [name for name, _ in model.named_params()]


# ---- Model


def test_a_model_is_a_layer_with_a_forward_of_its_own():
    class Net(Model):
        def __init__(self):
            super().__init__()
            self.l1 = Linear(2)

        def forward(self, x, scale):
            return self.l1(x) * scale

    net = Net()
    assert isinstance(net, Layer)
    assert net(np.ones((1, 3), np.float32), scale=2).shape == (1, 2)
    assert names(net) == ["l1/W", "l1/b"]


def test_plot_calls_the_model_and_draws_the_graph(tmp_path):
    model = MLP((3, 1))
    model.plot(np.ones((2, 4), np.float32), to_file=tmp_path / "model.dot")
    text = (tmp_path / "model.dot").read_text(encoding="utf-8")
    assert text.count('label="Linear"') == 2 and text.count('label="Sigmoid"') == 1
    assert model.l0.W.shape == (4, 3)


# ---- Sequential


def test_sequential_calls_layers_and_functions_in_order(xp):
    model = Sequential(Linear(3), F.relu, lambda x: x * 2, Linear(1))
    x = xp.asarray(np.random.default_rng(0).standard_normal((5, 2)).astype(np.float32))
    y = model(x)
    expected = model.l3(F.relu(model.l0(x)) * 2)
    assert np.array_equal(as_numpy(y), as_numpy(expected))
    assert y.dtype == np.float32


def test_sequential_names_its_parts_by_number_and_each_weight_is_there_once(tmp_path):
    model = Sequential(Linear(3), F.relu, Linear(1))
    model(np.ones((1, 2), np.float32))
    assert names(model) == ["l0/W", "l0/b", "l2/W", "l2/b"]
    assert len(model.layers) == 3 and model.layers[1] is F.relu is model.l1
    assert model.l2 is model.layers[2]
    model.save_weights(tmp_path / "w.npz")
    with np.load(tmp_path / "w.npz") as archive:
        assert archive.files == names(model)


def test_a_layer_that_sequential_calls_twice_counts_once():
    shared = Linear(2, in_size=2)
    model = Sequential(shared, F.relu, shared)
    assert names(model) == ["l0/W", "l0/b"]


def test_the_list_of_a_sequential_and_its_names_are_one_thing():
    model = Sequential(Linear(3), F.relu)
    model.layers.append(Linear(1))
    assert names(model)[-1] == "l2/b"
    assert model(np.ones((5, 2), np.float32)).shape == (5, 1)
    model.l2 = new = Linear(4)
    assert model.layers[2] is new
    assert model(np.ones((5, 2), np.float32)).shape == (5, 4)
    model.layers.pop(0)
    assert names(model) == ["l1/W", "l1/b"]


def test_a_sequential_is_indexed_sliced_and_looped_over():
    model = Sequential(Linear(3), F.relu, Linear(1))
    assert len(model) == 3 and model[-1] is model.l2 and list(model) == model.layers
    x = np.ones((5, 2), np.float32)
    part = model[:2]
    assert type(part) is Sequential and part.l0 is model.l0 and part(x).shape == (5, 3)
    with pytest.raises(IndexError):
        model[3]


def test_a_sequential_grows_by_append():
    model = Sequential()
    assert model.append(Linear(3)).append(F.relu) is model
    assert names(model) == ["l0/W", "l0/b"]
    with pytest.raises(TypeError, match="Sequential takes layers and functions, but number 2 is int"):
        model.append(3)


def test_a_sequential_inside_another_is_named_by_its_path():
    assert names(Sequential(Sequential(Linear(1, nobias=True)), F.relu)) == ["l0/l0/W"]


def test_a_sequential_copies_and_has_no_other_attributes():
    model = copy.deepcopy(Sequential(Linear(3), F.relu))
    assert model.l0 is model.layers[0]
    for name in ("l2", "l00", "lx", "linear"):
        assert not hasattr(model, name)
    with pytest.raises(AttributeError, match="Sequential has no attribute 'l2'"):
        model.l2  # noqa: B018


def test_a_sequential_subclass_may_have_parts_of_its_own():
    class Net(Sequential):
        def __init__(self):
            super().__init__(Linear(2, nobias=True))
            self.head = Linear(1, nobias=True)
            self.l7 = Linear(1, nobias=True)

        def forward(self, x):
            return self.l7(self.head(super().forward(x)))

    net = Net()
    assert net(np.ones((1, 3), np.float32)).shape == (1, 1)
    assert names(net) == ["l0/W", "head/W", "l7/W"]


def test_sequential_refuses_what_cannot_be_called():
    with pytest.raises(TypeError, match=r"number 0 is list. Unpack it: Sequential\(\*layers\)"):
        Sequential([Linear(1)])
    with pytest.raises(TypeError, match="Sequential takes layers and functions, but number 1 is str"):
        Sequential(Linear(1), "relu")


def test_gradients_of_a_sequential_match_finite_differences():
    model = Sequential(Linear(3, dtype=np.float64), F.tanh, Linear(2, dtype=np.float64))
    x = np.random.default_rng(0).standard_normal((4, 2))
    model(x)

    def f(x, W):
        model.l0.W = W
        return model(x)

    check_grads(f, x, model.l0.W.data)


# ---- MLP


def test_an_mlp_is_linear_layers_with_an_activation_between(xp):
    x = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    model = MLP((4, 2))
    y = as_numpy(model(xp.asarray(x)))
    W0, b0, W1, b1 = (as_numpy(p).astype(np.float64) for p in model.params())
    assert np.allclose(y, (1 / (1 + np.exp(-(x @ W0 + b0)))) @ W1 + b1, atol=1e-6)
    assert names(model) == ["l0/W", "l0/b", "l1/W", "l1/b"]
    assert model.layers == [model.l0, model.l1]
    assert y.dtype == np.float32


def test_an_mlp_takes_another_activation_which_may_have_parameters():
    model = MLP([4, 2], activation=F.relu)
    x = np.ones((1, 3), np.float32)
    assert np.array_equal(model(x).data, model.l1(F.relu(model.l0(x))).data)
    assert names(MLP((1, 1), activation=Linear(1, nobias=True)))[0] == "activation/W"


@pytest.mark.parametrize("sizes", [(), [], 10, None])
def test_an_mlp_needs_sizes(sizes):
    with pytest.raises(ValueError, match="MLP: fc_output_sizes must hold the size of each layer, got"):
        MLP(sizes)


def test_an_mlp_checks_each_size():
    with pytest.raises(ValueError, match="Linear: out_size must be an integer above 0, got 0"):
        MLP((3, 0))


def test_a_seed_makes_two_trainings_equal_to_the_bit():
    def train():
        np.random.seed(0)
        x = np.random.rand(20, 1).astype(np.float32)
        model = MLP((10, 1))
        optimizer = SGD(0.2).setup(model)
        for _ in range(10):
            loss = F.mean_squared_error(model(x), np.sin(6 * x))
            model.cleargrads()
            loss.backward()
            optimizer.update()
        return [p.data for p in model.params()], float(loss)

    (first, first_loss), (second, second_loss) = train(), train()
    assert first_loss == second_loss
    assert all(np.array_equal(a, b) for a, b in zip(first, second))
