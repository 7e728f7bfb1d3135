from __future__ import annotations

import numpy as np
import pytest

import dezero
from dezero import Variable
from dezero import functions as F
from dezero.cuda import as_numpy
from dezero.testing import check_grads


def test_train_mode_drops_the_given_share_and_keeps_the_mean(xp):
    x = xp.asarray(np.ones((100, 100)))
    y = as_numpy(F.dropout(x, 0.3))
    assert abs((y == 0).mean() - 0.3) < 0.03
    assert set(np.unique(y.round(9))) == {0.0, round(1 / 0.7, 9)}


def test_test_mode_is_the_identity(xp):
    x = Variable(xp.asarray(np.ones(5)))
    with dezero.test_mode():
        assert F.dropout(x, 0.9) is x


def test_ratio_one_is_zeros_and_ratio_zero_the_identity(xp):
    x = xp.asarray(np.ones(5))
    assert as_numpy(F.dropout(x, 1)).tolist() == [0.0] * 5
    assert as_numpy(F.dropout(x, 0)).tolist() == [1.0] * 5


@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan")])
def test_a_ratio_outside_zero_to_one_is_an_error(ratio):
    with pytest.raises(ValueError, match="dropout: dropout_ratio must lie between 0 and 1"):
        F.dropout(np.ones(3), ratio)


def test_the_gradient_passes_where_the_element_stayed(xp):
    x = Variable(xp.asarray(np.ones(50, np.float32)))
    y = F.dropout(x)
    y.backward()
    assert (as_numpy(x.grad) == as_numpy(y)).all() and x.grad.dtype == y.dtype == np.float32


def test_derivatives_match_finite_differences():
    check_grads(lambda x: F.dropout(x, 0.4, rng=np.random.default_rng(3)), np.linspace(-1, 1, 12))


def test_a_generator_makes_it_repeatable_and_leaves_the_global_state_alone():
    before = np.random.get_state()[1].copy()
    a, b = (F.dropout(np.ones(20), rng=np.random.default_rng(7)).data for _ in range(2))
    assert (a == b).all() and (np.random.get_state()[1] == before).all()


def test_the_global_seed_makes_it_repeatable():
    values = []
    for _ in range(2):
        np.random.seed(0)
        values.append(F.dropout(np.ones(20)).data.tolist())
    assert values[0] == values[1]
