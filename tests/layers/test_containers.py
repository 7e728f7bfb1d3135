"""Layers in lists and dicts, and functions as layers."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import dezero.functions as F
from dezero.core import Variable
from dezero.layers import Identity, Lambda, Layer, LayerDict, LayerList, Linear
from dezero.models import Sequential


def names(layer: Layer) -> list[str]:
    return [name for name, _ in layer.named_params()]


def linear(size: int = 1) -> Linear:
    return Linear(size, in_size=size, nobias=True)


def test_a_layer_list_is_a_list():
    a, b, c, d = (linear() for _ in range(4))
    layers = LayerList([a])
    layers.append(b)
    layers.extend([d])
    layers.insert(2, c)
    assert list(layers) == [a, b, c, d] and len(layers) == 4
    assert layers[0] is a and layers[-1] is d and c in layers and layers.index(c) == 2
    part = layers[1:3]
    assert type(part) is LayerList and list(part) == [b, c]
    assert layers.pop() is d
    del layers[0]
    layers[0] = a
    assert list(layers) == [a, c]
    layers[1:] = [b, d]
    assert list(reversed(layers)) == [d, b, a]


def test_a_layer_list_has_the_names_that_a_plain_list_has(tmp_path):
    class Net(Layer):
        def __init__(self, kind):
            super().__init__()
            self.blocks = kind([linear(), linear()])

    assert names(Net(LayerList)) == names(Net(list)) == ["blocks/0/W", "blocks/1/W"]
    assert names(LayerList([linear(), linear()])) == ["0/W", "1/W"]
    Net(list).save_weights(tmp_path / "w.npz")
    Net(LayerList).load_weights(tmp_path / "w.npz")


def test_a_layer_list_is_moved_and_put_to_eval_as_one():
    layers = LayerList([Sequential(F.dropout), linear()]).eval()
    x = np.ones(100)
    assert layers[0](x).data.tolist() == x.tolist()
    assert not layers[1].training


def test_an_empty_layer_list_is_empty():
    assert len(LayerList()) == 0 and names(LayerList()) == [] and not LayerList()


def test_a_layer_list_takes_layers_only():
    with pytest.raises(TypeError, match=r"LayerList takes layers, got function. Wrap it: Lambda\(f\)."):
        LayerList([F.relu])
    with pytest.raises(TypeError, match=r"LayerList takes layers, got int\."):
        LayerList().append(3)
    with pytest.raises(TypeError, match="LayerList takes layers, got NoneType"):
        LayerList([linear()])[0] = None
    with pytest.raises(TypeError, match="LayerList takes layers, got str"):
        LayerList()[:] = ["ab"]


def test_a_layer_dict_is_a_dict_in_the_order_in_which_things_came():
    a, b = linear(), linear()
    layers = LayerDict({"z": a})
    layers["a"] = b
    assert list(layers.items()) == [("z", a), ("a", b)] and len(layers) == 2 and "a" in layers
    assert names(layers) == ["z/W", "a/W"]
    assert layers.pop("z") is a
    layers.update(x=a)
    del layers["a"]
    assert list(layers.values()) == [a]
    with pytest.raises(KeyError):
        layers["a"]


def test_a_layer_dict_takes_layers_by_simple_names():
    with pytest.raises(TypeError, match="LayerDict: a name must be a text, got 3"):
        LayerDict({3: linear()})
    for name in ("", "a/b"):
        with pytest.raises(ValueError, match="LayerDict: a name must be a text without a slash, got"):
            LayerDict({name: linear()})
    with pytest.raises(TypeError, match=r"LayerDict takes layers, got builtin_function_or_method. Wrap it"):
        LayerDict({"a": len})


def test_two_dicts_of_the_same_layers_are_two_layers():
    a = linear()
    one, other = LayerDict({"a": a}), LayerDict({"a": a})
    assert one != other and len({one, other}) == 2


@pytest.mark.parametrize(
    ("layers", "message"),
    [(LayerList(), "LayerList is not called. Loop over it"), (LayerDict(), "LayerDict is not called. Pick a layer")],
)
def test_containers_are_not_called(layers, message):
    with pytest.raises(NotImplementedError, match=message):
        layers(np.ones(1))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_containers_copy(copied):
    layers = LayerList([linear(), LayerDict({"a": linear()})])
    twin = copied(layers)
    assert names(twin) == names(layers) == ["0/W", "1/a/W"]
    twin.append(linear())
    assert len(layers) == 2 and twin[0] is not layers[0]


def test_a_subclass_of_a_layer_list_may_be_called_and_have_parts_of_its_own():
    class Chain(LayerList):
        def __init__(self, *layers):
            super().__init__(layers)
            self.head = linear()

        def forward(self, x):
            for layer in self:
                x = layer(x)
            return self.head(x)

    chain = Chain(linear(), linear())
    assert chain(np.ones((2, 1), np.float32)).shape == (2, 1)
    assert names(chain) == ["0/W", "1/W", "head/W"]


def test_a_lambda_calls_any_function_with_any_arguments():
    assert Lambda(F.exp)(np.zeros(1)).data.tolist() == [1.0]
    assert Lambda(lambda x, y, k=1: (x, y, k))(2, 3, k=4) == (2, 3, 4)
    assert copy.deepcopy(Lambda(lambda x: x + 1))(1) == 2
    assert pickle.loads(pickle.dumps(Lambda(F.exp))).f is F.exp
    with pytest.raises(TypeError, match="Lambda takes a function, got int"):
        Lambda(3)


def test_an_identity_gives_back_what_it_gets():
    x = Variable(np.ones(2))
    assert Identity()(x) is x and Identity()("text") == "text"


@pytest.mark.parametrize("kind", [LayerList, LayerDict])
def test_one_that_was_not_set_up_says_so(kind):
    class Hasty(kind):
        def __init__(self):
            pass

    with pytest.raises(AttributeError, match="Hasty is not set up"):
        Hasty().cleargrads()
