"""A summary knows the shapes, parameters and multiply-adds of every layer, and leaves the model as it was."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import dezero.functions as F
import dezero.layers
import dezero.models
from dezero.config import no_grad
from dezero.core import Parameter, Variable
from dezero.cuda import as_numpy
from dezero.layers import (
    LSTM,
    BatchNorm,
    Conv2d,
    Deconv2d,
    EmbedID,
    Layer,
    Linear,
    StackedGRU,
    StackedLSTM,
    StackedRNN,
    summary,
)
from dezero.models import MLP, Model, Sequential


class LeNet(Model):
    """Two convolutions and three affine maps, for digits of 28 x 28 pixels   (after LeCun et al., 1998)."""

    def __init__(self):
        super().__init__()
        self.conv1 = Conv2d(6, 5, pad=2)
        self.conv2 = Conv2d(16, 5)
        self.head = Sequential(Linear(120), F.relu, Linear(84), F.relu, Linear(10))

    def forward(self, x):
        x = F.pooling(F.relu(self.conv1(x)), 2, 2)
        x = F.pooling(F.relu(self.conv2(x)), 2, 2)
        return self.head(F.flatten(x))


def image(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def rows(found) -> dict:
    return {row.name: row for row in found.rows}


def test_the_numbers_of_lenet():
    found = summary(LeNet(), image(1, 1, 28, 28))
    row = rows(found)
    assert list(row) == ["", "conv1", "conv2", "head", "head/l0", "head/l2", "head/l4"]
    assert row["conv1"].output_shape == (1, 6, 28, 28)
    assert row["conv2"].output_shape == (1, 16, 10, 10)
    assert (row["conv1"].params, row["conv1"].multiply_adds) == (156, 28 * 28 * 6 * 25)
    assert (row["conv2"].params, row["conv2"].multiply_adds) == (2416, 10 * 10 * 16 * 6 * 25)
    assert row["head"].params == 48120 + 10164 + 850
    assert row["head"].multiply_adds == 400 * 120 + 120 * 84 + 84 * 10
    assert found.params == found.trained == 61706 and found.frozen == 0
    assert found.param_bytes == 4 * 61706
    assert found.multiply_adds == row[""].multiply_adds == 117600 + 240000 + 58920 == 416520


def test_the_numbers_of_an_mlp_by_hand_and_as_a_table():
    model = MLP((100, 10))
    found = model.summary(image(5, 784))
    assert [tuple(row) for row in found.rows] == [
        ("", "MLP", 0, (5, 10), 784 * 100 + 100 + 1010, 5 * (78400 + 1000), 1),
        ("l0", "Linear", 1, (5, 100), 78500, 5 * 78400, 1),
        ("l1", "Linear", 1, (5, 10), 1010, 5 * 1000, 1),
    ]
    lines = str(found).split("\n")
    assert lines[0].split() == "layer output shape parameters multiply-adds".split()
    assert lines[3] == "  l0: Linear  (5, 100)          78,500        392,000"
    assert lines[-1] == "multiply-adds  397,000"
    assert repr(found) == str(found)


def test_a_batch_of_n_costs_n_times_as_much():
    one, many = (summary(LeNet(), image(n, 1, 28, 28)).multiply_adds for n in (1, 7))
    assert many == 7 * one


def test_a_transposed_convolution_counts_each_pixel_times_each_kernel():
    found = summary(Deconv2d(2, 4, stride=2, pad=1), image(1, 8, 5, 5))
    assert found.multiply_adds == 8 * 5 * 5 * 2 * 4 * 4


def test_groups_of_channels_cost_less():
    class Grouped(Layer):
        def forward(self, x, W, V):
            return F.deconv2d(F.conv2d(x, W, groups=2), V, groups=4)

    x, W, V = np.zeros((1, 6, 5, 5)), np.zeros((8, 3, 3, 3)), np.zeros((8, 1, 2, 2))
    assert summary(Grouped(), x, W, V).multiply_adds == 8 * 9 * (3 * 9) + 8 * 9 * (1 * 4)


def test_matrix_products_of_vectors_and_stacks_count():
    class Products(Layer):
        def forward(self, a, b, v):
            return F.matmul(a, b), F.matmul(a, v)  # (2, 3, 5), (2, 3)

    found = summary(Products(), np.zeros((2, 3, 4)), np.zeros((4, 5)), np.zeros(4))
    assert found.multiply_adds == 2 * 3 * 4 * 5 + 2 * 3 * 4
    assert found.rows[0].output_shape == [(2, 3, 5), (2, 3)]
    assert "(2, 3, 5), (2, 3)" in str(found)


def test_einstein_sums_count_pair_by_pair():
    class Sums(Layer):
        def forward(self, x, W, y):
            return F.einsum("ni,ij->nj", x, W), F.einsum("ni,ij,nj->n", x, W, y), F.einsum("ni->n", x)

    found = summary(Sums(), np.zeros((2, 3)), np.zeros((3, 4)), np.zeros((2, 4)))
    assert found.multiply_adds == 2 * 3 * 4 + (2 * 3 * 4 + 2 * 4)


def test_attention_counts_scores_and_means():
    class Attention(Layer):
        def forward(self, q, k, v):
            return F.scaled_dot_product_attention(q, k, v)

    found = summary(Attention(), np.zeros((2, 4, 5, 8)), np.zeros((2, 4, 6, 8)), np.zeros((2, 4, 6, 3)))
    assert found.multiply_adds == 2 * 4 * (5 * 6 * 8 + 5 * 6 * 3)


def test_recurrent_layers_count_every_step():
    x, I, H = np.zeros((7, 2, 3), np.float32), 3, 4  # (T, N, I)
    for kind, gates in ((StackedRNN, 1), (StackedLSTM, 4), (StackedGRU, 3)):
        assert summary(kind(H), x).multiply_adds == 7 * 2 * gates * (I * H + H * H), kind


def test_what_a_model_computes_between_its_layers_counts_for_the_model_alone():
    class Net(Layer):
        def __init__(self):
            super().__init__()
            self.first, self.last = Linear(3, nobias=True), Linear(2, nobias=True)

        def forward(self, x):
            y = F.matmul(self.first(x), np.zeros((3, 3), np.float32))
            return F.matmul(self.last(x=y), np.zeros((2, 2), np.float32))

    row = rows(summary(Net(), image(1, 4)))
    assert [row[name].multiply_adds for name in ("", "first", "last")] == [12 + 9 + 6 + 4, 12, 6]


def test_a_layer_that_is_called_twice_counts_its_calls_twice_and_its_parameters_once():
    shared = Linear(4, nobias=True)
    found = summary(Sequential(shared, F.relu, shared), image(1, 4))
    assert [(row.name, row.params, row.multiply_adds, row.calls) for row in found.rows] == [
        ("", 16, 32, 1),
        ("l0", 16, 32, 2),
    ]
    assert found.params == 16


def test_a_layer_that_is_never_called_has_no_shape():
    model = Sequential(Linear(2))
    model.spare = Linear(3, in_size=3)
    found = summary(model, image(1, 2))
    assert rows(found)["spare"][3:] == (None, 12, 0, 0)
    assert "spare: Linear  -" in str(found)


def test_frozen_parameters_are_told_apart_and_what_they_are_used_for_still_counts():
    model = Sequential(EmbedID(5, 3), Linear(2, in_size=3, nobias=True))
    for p in model.params():
        p.requires_grad = False
    found = summary(model, np.array([1, 2]))
    assert (found.trained, found.frozen, found.multiply_adds) == (0, 21, 12)
    assert not any(p.requires_grad for p in model.params())
    assert "21 (0 trained, 21 frozen)" in str(found)


class Stateful(Model):
    def __init__(self):
        super().__init__()
        self.rnn, self.bn, self.drop, self.fc = LSTM(4), BatchNorm(), 0.5, Linear(2)

    def forward(self, x):
        assert not self.training
        return self.fc(F.dropout(self.bn(self.rnn(x)), self.drop))


def test_the_model_and_the_random_state_stay_as_they_were():
    model, x = Stateful(), image(3, 5)
    np.random.seed(0)
    before = pickle.dumps(model)
    summary(model, x)
    assert pickle.dumps(model) == before, "sizes that wait for the first input still do"
    first = np.random.rand()
    np.random.seed(0)
    assert np.random.rand() == first
    with pytest.raises(AssertionError):
        model(x)  # in train mode, which is on again
    model.bn(model.rnn(x))
    F.sum(model.rnn(x)).backward()
    before, h, W = pickle.dumps(model), model.rnn.h, model.rnn.x2f.W
    gradient, hooked = W.grad, []
    model.rnn.register_forward_hook(lambda *args: hooked.append(1))
    summary(model, Variable(x))
    assert model.rnn.h is h and model.rnn.x2f.W is W and W.grad is gradient and not hooked
    assert pickle.dumps(model) == before


def test_a_summary_works_under_no_grad_and_copies_no_parameters():
    model = Linear(500, in_size=400, nobias=True)
    W = model.W.data

    class Same(Layer):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            assert self.model.W.data is W
            return self.model(x)

    with no_grad():
        assert summary(Same(), image(1, 400)).multiply_adds == 200000


def test_arguments_of_any_type_and_keyword_arguments_go_through():
    class Net(Layer):
        def __init__(self):
            super().__init__()
            self.fc = Linear(2)

        def forward(self, x, scale, *, t=None):
            return {"y": self.fc(x) * scale, "t": t, "n": 3}

    found = summary(Net(), image(1, 3), 2.0, t=np.array([1]))
    assert found.multiply_adds == 6 and found.rows[0].output_shape == (1, 2)


def test_a_layer_that_overrides_call_counts_in_the_layer_around_it():
    class Own(Layer):
        def __init__(self):
            super().__init__()
            self.W = Parameter(np.ones((3, 2), np.float32))

        def __call__(self, x):
            return F.matmul(x, self.W)

    assert summary(Own(), image(1, 3)).multiply_adds == 6
    found = summary(Sequential(Own()), image(1, 3))
    assert [(row.multiply_adds, row.output_shape) for row in found.rows] == [(6, (1, 2)), (0, None)]


def test_a_model_on_a_gpu_is_summed_up_there(gpu):
    model = MLP((4, 2))
    model.to_gpu()
    x = gpu.asarray(image(3, 5))
    model(x)
    before = [as_numpy(p) for p in model.params()]
    assert model.summary(x).multiply_adds == 3 * (20 + 8)
    assert all(type(p.data) is gpu.ndarray for p in model.params())
    assert all(np.array_equal(a, as_numpy(p)) for a, p in zip(before, model.params()))


def test_large_numbers_of_bytes_are_told_in_units_that_read_well():
    model = Linear(1024, in_size=1024, nobias=True)
    assert "4.0 MiB" in str(summary(model, image(1, 1024)))
    assert "32 B" in str(summary(Linear(2, in_size=4, nobias=True), image(1, 4)))


def test_summary_is_reached_from_layers_and_models():
    assert dezero.layers.summary is dezero.models.summary is summary
