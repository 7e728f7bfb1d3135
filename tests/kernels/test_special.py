from __future__ import annotations

import math

import numpy as np
import pytest

from dezero.cuda import as_numpy
from dezero.kernels.special import _BLOCK, erf

everywhere = np.concatenate([np.logspace(-307, 1, 2000), np.linspace(1e-3, 7, 20_001), [1e300, np.inf]])
by_math = np.vectorize(math.erf, otypes=[np.float64])


@pytest.mark.parametrize(("dtype", "units"), [(np.float64, 4), (np.float32, 4), (np.float16, 1)])
def test_erf_is_that_of_math_to_the_last_places(xp, dtype, units):
    limits = np.finfo(dtype)
    x = everywhere[(everywhere >= limits.tiny) & (everywhere < limits.max)].astype(dtype)
    y = erf(xp.asarray(x))
    expected = by_math(x.astype(np.float64))
    assert y.dtype == dtype
    off = np.abs(as_numpy(y).astype(np.float64) - expected) / expected
    assert off.max() <= units * np.finfo(dtype).eps


def test_erf_is_odd_and_never_above_one(xp):
    x = xp.asarray(everywhere)
    y, mirrored = as_numpy(erf(x)), as_numpy(erf(-x))
    assert np.array_equal(mirrored, -y) and y.max() == 1.0


def test_erf_reaches_its_limits_and_passes_nan_on(xp):
    y = as_numpy(erf(xp.asarray([-np.inf, -0.0, 0.0, np.inf, np.nan])))
    assert y[:4].tolist() == [-1.0, 0.0, 0.0, 1.0] and np.signbit(y[1]) and np.isnan(y[4])


def test_erf_of_the_smallest_numbers_does_not_vanish():
    tiny = np.array([5e-324, 1e-310])
    assert erf(tiny).tolist() == by_math(tiny).tolist()


@pytest.mark.parametrize("shape", [(), (0, 3), (1,), (2, 3, 4), (3, _BLOCK + 1)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_erf_takes_any_shape_and_memory_order_and_leaves_its_input(xp, shape, order):
    x = np.array(np.random.default_rng(0).standard_normal(shape), order=order)
    on_device = xp.asarray(x)
    y = erf(on_device)
    assert y.shape == shape
    np.testing.assert_allclose(as_numpy(y), by_math(x), rtol=1e-15)
    np.testing.assert_array_equal(as_numpy(on_device), x)
