"""Dropout as a layer: what it drops, when, and from which generator."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import dezero.functions as F
from dezero.config import test_mode
from dezero.core import Variable
from dezero.cuda import as_numpy
from dezero.layers import Dropout, Dropout2d


@pytest.mark.parametrize(("kind", "function"), [(Dropout, F.dropout), (Dropout2d, F.dropout2d)])
def test_a_dropout_layer_is_its_function(xp, kind, function):
    x = xp.asarray(np.ones((5, 6, 3, 2), np.float32))
    y = kind(0.3, np.random.default_rng(0) if xp is np else None)(x)
    values = set(np.unique(as_numpy(y)).tolist())
    assert values <= {0.0, float(np.float32(1 / 0.7))} and y.dtype == np.float32
    if xp is np:
        assert np.array_equal(y.data, function(x, 0.3, np.random.default_rng(0)).data)


@pytest.mark.parametrize("kind", [Dropout, Dropout2d])
def test_dropout_is_the_identity_in_test_mode_and_after_eval(kind):
    x = Variable(np.ones((2, 3, 4, 4)))
    with test_mode():
        assert kind()(x) is x
    layer = kind().eval()
    assert layer(x) is x
    assert not layer.train()(x).data.all()


def test_dropout2d_drops_whole_channels():
    y = Dropout2d(0.5, np.random.default_rng(0))(np.ones((20, 10, 3, 3))).data
    assert set(np.unique(y.sum(axis=(2, 3)))) == {0.0, 18.0}


def test_the_global_generator_serves_where_none_is_given():
    np.random.seed(0)
    first = Dropout()(np.ones(50)).data
    np.random.seed(0)
    assert np.array_equal(Dropout()(np.ones(50)).data, first)


def test_a_dropout_layer_copies_with_its_generator():
    layer = Dropout(0.5, np.random.default_rng(3))
    twins = [copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))]
    y = layer(np.ones(50)).data
    assert all(np.array_equal(twin(np.ones(50)).data, y) for twin in twins)


@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan")])
def test_the_ratio_is_checked_at_once(ratio):
    with pytest.raises(ValueError, match="Dropout2d: dropout_ratio must lie between 0 and 1, got"):
        Dropout2d(ratio)


def test_a_dropout_layer_says_what_it_is():
    assert repr(Dropout(0.2)) == "Dropout(0.2)" and repr(Dropout2d()) == "Dropout2d(0.5)"
