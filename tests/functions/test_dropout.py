"""What dropout does beside its formula: shares, generators, test mode, errors."""

from __future__ import annotations

import numpy as np
import pytest

import dezero
from dezero import Variable
from dezero import functions as F
from dezero.cuda import as_numpy

BOTH = pytest.mark.parametrize("drop", [F.dropout, F.dropout2d])


def test_train_mode_drops_the_given_share_and_keeps_the_mean(xp):
    x = xp.asarray(np.ones((100, 100)))
    y = as_numpy(F.dropout(x, 0.3))
    assert abs((y == 0).mean() - 0.3) < 0.03
    assert set(np.unique(y.round(9))) == {0.0, round(1 / 0.7, 9)}


def test_whole_channels_drop_each_sample_for_itself(xp):
    y = as_numpy(F.dropout2d(xp.asarray(np.ones((50, 40, 2, 3))), 0.3))
    channels = y.reshape(50, 40, 6)
    assert (channels == channels[:, :, :1]).all()
    assert abs((channels[:, :, 0] == 0).mean() - 0.3) < 0.05
    assert len(np.unique(channels[:, :, 0], axis=0)) > 40


@BOTH
def test_test_mode_is_the_identity(drop, xp):
    x = Variable(xp.asarray(np.ones((5, 2))))
    with dezero.test_mode():
        assert drop(x, 0.9) is x


@BOTH
def test_ratio_one_is_zeros_and_ratio_zero_the_identity(drop, xp):
    x = Variable(xp.asarray(np.ones((5, 2))))
    for one, zero in ((1, 0), (1.0, 0.0)):
        assert not as_numpy(drop(x, one)).any()
        assert drop(x, zero) is x


@BOTH
@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan")])
def test_a_ratio_outside_zero_to_one_is_an_error(drop, ratio):
    with pytest.raises(ValueError, match="dropout(2d)?: dropout_ratio must lie between 0 and 1, got"):
        drop(np.ones((3, 2)), ratio)


def test_dropout2d_needs_channels():
    with pytest.raises(ValueError, match=r"dropout2d: x must be \(N, C, ...\), got \(3,\)"):
        F.dropout2d(np.ones(3))


def test_the_gradient_passes_where_the_element_stayed(xp):
    x = Variable(xp.asarray(np.ones(50, np.float32)))
    y = F.dropout(x)
    y.backward()
    assert (as_numpy(x.grad) == as_numpy(y)).all() and x.grad.dtype == y.dtype == np.float32


def test_a_generator_makes_it_repeatable_and_leaves_the_global_state_alone():
    before = np.random.get_state()[1].copy()
    a, b = (F.dropout(np.ones(20), rng=np.random.default_rng(7)).data for _ in range(2))
    assert (a == b).all() and (np.random.get_state()[1] == before).all()


@BOTH
def test_numpys_generator_draws_the_same_on_every_device(drop, xp):
    x = np.ones((4, 5, 2), np.float32)
    y = drop(xp.asarray(x), 0.4, rng=np.random.default_rng(7))
    assert type(y.data) is xp.ndarray
    assert (as_numpy(y) == drop(x, 0.4, rng=np.random.default_rng(7)).data).all()


@BOTH
def test_a_generator_of_the_device_draws_there(drop, device):
    x = device.asarray(np.ones((4, 5, 2), np.float32))
    a, b = (as_numpy(drop(x, 0.4, rng=device.random.default_rng(7))) for _ in range(2))
    assert (a == b).all() and 0 < (a == 0).sum() < a.size


def test_a_generator_of_the_device_serves_the_host(device):
    y = F.dropout(np.ones(20, np.float32), rng=device.random.default_rng(7))
    assert type(y.data) is np.ndarray


def test_the_global_seed_makes_it_repeatable():
    values = []
    for _ in range(2):
        np.random.seed(0)
        values.append(F.dropout(np.ones(20)).data.tolist())
    assert values[0] == values[1]


@pytest.mark.parametrize("dtype", [int, bool])
def test_integers_become_floats(dtype):
    y = F.dropout(np.ones(20, dtype), 0.25, rng=np.random.default_rng(7)).data
    assert y.dtype == np.float64 and set(y.tolist()) == {0.0, 1 / 0.75}


def test_what_is_drawn_at_the_ratio_stays_so_that_no_more_than_the_ratio_drops():
    class Fixed:
        def random(self, shape):
            return np.array([0.0, 0.25, 0.5])

    assert F.dropout(np.ones(3), 0.25, rng=Fixed()).data.tolist() == [0.0, 1 / 0.75, 1 / 0.75]
