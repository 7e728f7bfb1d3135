from __future__ import annotations

import numpy as np
import pytest

from dezero.arrays import as_array, get_conv_outsize, get_deconv_outsize, logsumexp, normalize_axes, pair, sum_to
from dezero.cuda import as_numpy


def test_as_array_makes_scalars_0d_and_keeps_arrays(xp):
    a = xp.asarray(np.ones(2))
    assert as_array(a) is a
    assert type(as_array(2.0, xp)) is xp.ndarray and as_array(np.float32(1)).shape == ()


def test_sum_to_undoes_broadcasting(xp):
    x = xp.asarray(np.ones((2, 3, 4)))
    assert as_numpy(sum_to(x, (3, 1))).tolist() == [[8.0]] * 3
    assert sum_to(x, (2, 3, 4)) is x
    with pytest.raises(ValueError, match=r"sum_to: \(2, 3, 4\) cannot be summed to \(2,\)"):
        sum_to(x, (2,))


def test_logsumexp_is_safe(xp):
    y = logsumexp(xp.asarray(np.array([[1000.0, 1000.0], [-1000.0, -1000.0]])))
    np.testing.assert_allclose(as_numpy(y), [[1000 + np.log(2)], [-1000 + np.log(2)]])


def test_pair_takes_a_number_or_two():
    assert pair(3) == pair(np.int64(3)) == pair([3, 3]) == (3, 3)
    for bad in ((1, 2, 3), "ab", 1.5):
        with pytest.raises(ValueError, match="pair: an integer or two of them are wanted, got"):
            pair(bad)


def test_conv_sizes_follow_their_formulas():
    assert get_conv_outsize(7, 3, 2, 1) == 4
    assert get_deconv_outsize(4, 3, 2, 1) == 7


def test_normalize_axes_counts_from_the_end_and_refuses_twice():
    assert normalize_axes(-1, 3, "f") == (2,) and normalize_axes(None, 2, "f") == (0, 1)
    with pytest.raises(ValueError, match="f: axis"):
        normalize_axes((0, -3), 3, "f")
