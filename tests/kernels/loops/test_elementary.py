"""The elementary functions in loops, against NumPy's in more digits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dezero.kernels.loops import elementary
from dezero.kernels.loops.jit import loop

FUNCTIONS = {
    "exp": np.exp,
    "expm1": np.expm1,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


def mills(x):
    density = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return np.vectorize(math.erfc, otypes=[np.float64])(x * math.sqrt(0.5)) / 2 / density


IN_PARTS = {"log1p": np.log1p, "mills": mills}
PRECISIONS = [np.float32, np.float64]


def filled(name, x):
    """The function of each number, computed in a loop."""
    function, y = getattr(elementary, name), np.empty_like(x)

    def fill(x, y):
        for i in range(len(x)):
            y[i] = function(x[i])

    uncached(fill)(x, y)
    return y


def uncached(function):
    numba = pytest.importorskip("numba")
    return numba.njit(error_model="numpy", fastmath={"reassoc", "contract", "arcp", "nsz"})(function)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_they_err_by_less_than_three_units_of_the_last_place(name, dtype):
    rng = np.random.default_rng(0)
    x = np.concatenate([scale * rng.standard_normal(20000) for scale in (1e-20, 1e-3, 0.1, 1, 3, 20)]).astype(dtype)
    want = FUNCTIONS[name](x.astype(np.longdouble))
    unit = np.spacing(np.maximum(abs(want).astype(dtype), np.finfo(dtype).tiny)).astype(np.longdouble)
    assert (abs(filled(name, x) - want) < 3 * unit).all()


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", ["exp", "tanh", "sigmoid"])
def test_they_reach_their_limits_and_keep_nan(name, dtype):
    x = np.array([-np.inf, -1e4, -746, -104, -88, -0.0, 0.0, 88.5, 89, 710, 1e4, np.inf, np.nan], dtype)
    with np.errstate(over="ignore", under="ignore"):
        want = FUNCTIONS[name](x)
    np.testing.assert_allclose(filled(name, x), want, rtol=1e-6, atol=float(np.finfo(dtype).tiny))


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_tanh_of_a_tiny_number_is_that_number(dtype):
    tiny = np.array([np.finfo(dtype).tiny, 1e-30, -1e-30, 1e-10], dtype)
    np.testing.assert_allclose(filled("tanh", tiny), tiny, rtol=1e-6)


def test_without_the_compiler_they_are_numpys():
    x = np.float64(0.3)
    for name, function in FUNCTIONS.items():
        assert getattr(elementary, name)(x) == pytest.approx(function(x), rel=1e-15)


def test_a_decorated_loop_runs_with_and_without_numba(monkeypatch):
    def double(x, y):
        for i in range(len(x)):
            y[i] = 2 * x[i]

    monkeypatch.setattr("dezero.kernels.loops.jit.numba", None)
    assert loop(double) is double


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_log1p_and_mills_hold_where_they_are_meant_to(dtype):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.random(20000), 10 ** rng.uniform(-30, 0, 20000), [0, 1]]).astype(dtype)
    for name, wanted in IN_PARTS.items():
        want = wanted(x.astype(np.longdouble)).astype(np.longdouble)
        off = abs(filled(name, x) - want)
        assert (off <= 5 * np.finfo(dtype).eps * want).all(), name
        assert np.isnan(filled(name, np.array([np.nan], dtype))).all()
    far = np.linspace(1, 13, 1000).astype(dtype)
    np.testing.assert_allclose(filled("mills", far), mills(far.astype(np.float64)), rtol=500 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_log_holds_for_all_numbers_that_are_not_tiny(dtype):
    rng, most = np.random.default_rng(0), np.finfo(dtype).maxexp - 2
    x = np.concatenate([2.0 ** rng.uniform(-most, most, 20000), rng.uniform(0.5, 2, 20000), [1]]).astype(dtype)
    want = np.log(x.astype(np.longdouble))
    unit = np.spacing(abs(want).astype(dtype)).astype(np.longdouble)
    assert (abs(filled("log", x) - want) <= 3 * unit).all()
    np.testing.assert_array_equal(filled("log", np.array([np.inf, np.nan], dtype)), [np.inf, np.nan])
