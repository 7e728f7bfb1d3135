from __future__ import annotations

import numpy as np
import pytest

from dezero.datasets import Spiral, get_spiral


@pytest.mark.parametrize("train", [True, False])
def test_there_are_a_hundred_points_of_each_class(train):
    x, t = get_spiral(train)
    assert x.shape == (300, 2) and x.dtype == np.float32
    assert t.dtype == np.int64 and np.bincount(t).tolist() == [100, 100, 100]
    assert np.hypot(*x.T).min() > 0.009 and np.hypot(*x.T).max() < 1.001


def test_the_points_are_always_the_same_and_other_ones_for_testing():
    for train in (True, False):
        for one, two in zip(get_spiral(train), get_spiral(train), strict=True):
            np.testing.assert_array_equal(one, two)
    assert not np.isin(get_spiral(True)[0], get_spiral(False)[0]).all(axis=1).any()


def test_making_it_leaves_the_random_state_alone():
    before = np.random.get_state()
    Spiral()
    after = np.random.get_state()
    assert (before[1] == after[1]).all() and before[2:] == after[2:]


def test_the_classes_come_in_mixed_order():
    _, t = get_spiral()
    assert len(set(t[:20].tolist())) == 3


def test_a_line_cannot_tell_the_classes_apart_but_neighbours_can():
    (x, t), (x_test, t_test) = get_spiral(), get_spiral(train=False)
    ones = np.ones((300, 1))
    W, *_ = np.linalg.lstsq(np.hstack([x, ones]), np.eye(3)[t], rcond=None)
    assert (np.argmax(np.hstack([x_test, ones]) @ W, axis=1) == t_test).mean() < 0.6
    nearest = np.linalg.norm(x_test[:, None] - x, axis=2).argmin(axis=1)
    assert (t[nearest] == t_test).mean() > 0.9


def test_the_data_set_has_these_points():
    x, t = get_spiral(train=False)
    spiral = Spiral(train=False, transform=lambda p: p / 2)
    assert len(spiral) == 300 and spiral[5][1] == t[5]
    np.testing.assert_array_equal(spiral[5][0], x[5] / 2)
