"""repr shows the tree: classes, settings, names, shapes, counts and a total, and never raises."""

from __future__ import annotations

import numpy as np
import pytest

import dezero.functions as F
from dezero.core import Parameter
from dezero.layers import Conv2d, Deconv2d, EmbedID, Layer, LayerDict, LayerList, Linear
from dezero.models import MLP, Sequential


class Block(Layer):
    def __init__(self, size, slope=0.1, act=F.relu, name="b"):
        super().__init__()
        self.size, self.slope, self.act, self.name = size, slope, act, name
        self.fc = Linear(size, in_size=size, nobias=True)
        self.scale = Parameter(np.ones(1))


def test_a_layer_alone_is_one_line():
    assert repr(Linear(100, in_size=784)) == "Linear(784 -> 100)  W (784, 100), b (100,): 78,500"
    assert repr(Linear(3, in_size=2, nobias=True)) == "Linear(2 -> 3)  W (2, 3): 6"
    assert repr(EmbedID(5, 3)).endswith("W (5, 3): 15")
    assert repr(Layer()) == "Layer()"


def test_a_convolution_shows_its_window():
    layer = Conv2d(16, 5, pad=2)
    assert repr(layer) == "Conv2d(? -> 16, 5x5, stride 1, pad 2)  W (16, ?, 5, 5), b (16,): ?"
    layer(np.ones((1, 3, 8, 8), np.float32))
    assert repr(layer).startswith("Conv2d(3 -> 16, 5x5, stride 1, pad 2)  W (16, 3, 5, 5)")
    assert "8 -> 2, 4x3, stride 2x1)" in repr(Deconv2d(2, (4, 3), (2, 1), in_channels=8))


def test_sizes_that_wait_for_the_first_input_are_question_marks():
    layer = Linear(3)
    assert repr(layer) == "Linear(? -> 3)  W (?, 3), b (3,): ?"
    layer(np.ones((1, 2), np.float32))
    assert repr(layer) == "Linear(2 -> 3)  W (2, 3), b (3,): 9"


def test_a_size_that_a_weight_file_told_is_shown(tmp_path):
    Linear(3, in_size=2).save_weights(tmp_path / "w.npz")
    layer = Linear(3)
    layer.load_weights(tmp_path / "w.npz")
    assert repr(layer) == "Linear(2 -> 3)  W (2, 3), b (3,): 9"


def test_a_tree_has_names_and_a_total_and_functions_are_named():
    model = Sequential(Linear(3, in_size=2), F.relu, Linear(1, in_size=3))
    assert repr(model).split("\n") == [
        "Sequential(",
        "  (l0): Linear(2 -> 3)  W (2, 3), b (3,): 9",
        "  (l1): relu",
        "  (l2): Linear(3 -> 1)  W (3, 1), b (1,): 4",
        ")",
        "13 parameters",
    ]


def test_the_total_says_what_it_does_not_know():
    assert repr(MLP((3, 1))).endswith("\n4 parameters, not counting 2 arrays that the first call makes")


def test_equal_neighbours_of_a_list_are_folded():
    net = Layer()
    net.blocks = [Block(2) for _ in range(12)] + [Block(3)]
    net.pair = LayerList([Linear(1, in_size=1), Linear(1, in_size=1)])
    assert repr(net).split("\n") == [
        "Layer(",
        "  (blocks/0-11): 12 x Block(2",
        "    (fc): Linear(2 -> 2)  W (2, 2): 4",
        "  )  scale (1,): 1",
        "  (blocks/12): Block(3",
        "    (fc): Linear(3 -> 3)  W (3, 3): 9",
        "  )  scale (1,): 1",
        "  (pair): LayerList(",
        "    (0-1): 2 x Linear(1 -> 1)  W (1, 1), b (1,): 2",
        "  )",
        ")",
        "74 parameters",
    ]


def test_a_users_layer_shows_the_arguments_that_it_keeps_where_they_are_not_the_default():
    assert repr(Block(2)).startswith("Block(2\n")
    text = repr(Block(2, slope=np.float64(0.5), act=F.exp, name="x"))
    assert text.startswith("Block(2, slope=0.5, act=exp, name='x'\n")


def test_a_subclass_says_what_is_worth_seeing_in_extra_repr():
    class Own(Layer):
        def extra_repr(self):
            return "any words"

    assert repr(Own()) == "Own(any words)"


def test_what_is_used_twice_is_shown_once():
    net = Layer()
    net.a = Linear(1, in_size=1)
    net.d = LayerDict({"b": net.a, "c": Linear(1, in_size=1, nobias=True)})
    net.d["c"].W = net.a.W
    net.d["c"].up = net
    assert repr(net).split("\n") == [
        "Layer(",
        "  (a): Linear(1 -> 1)  W (1, 1), b (1,): 2",
        "  (d): LayerDict(",
        "    (b): the same as a",
        "    (c): Linear(1 -> 1",
        "      (up): the same as the whole",
        "    )  W the same as a/W: 0",
        "  )",
        ")",
        "2 parameters",
    ]


def test_a_half_built_layer_has_a_repr():
    class Forgetful(Layer):
        def __init__(self):
            pass

    class Broken(Layer):
        def extra_repr(self):
            raise KeyError("oops")

    assert "Forgetful, which cannot be described: Forgetful is not set up" in repr(Forgetful())
    assert "Broken, which cannot be described" in repr(Broken())
    assert "Linear" in repr(Linear.__new__(Linear))
    layer = Linear(2, in_size=2)
    layer.b, layer.in_size = None, "nonsense"
    del layer.W
    assert "Linear" in repr(layer)
    net = Layer()
    net.inner = Forgetful()
    assert repr(net).startswith("<Layer, which cannot be described")


@pytest.mark.parametrize("called", [False, True])
def test_a_repr_leaves_the_layer_as_it_is(called):
    model = MLP((3, 1))
    if called:
        model(np.ones((1, 2), np.float32))
    before = [p.data for p in model.params()]
    repr(model)
    assert [p.data is b for p, b in zip(model.params(), before)] == [True] * 4
