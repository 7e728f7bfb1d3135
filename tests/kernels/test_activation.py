"""The fast activations against their formulas: large arrays of each precision, and numbers far out."""

from __future__ import annotations

import numpy as np
import pytest

import dezero.functions as F
from dezero import Variable
from dezero.kernels import activation as kernels

LARGE = (5, 1 << 16)  # which two threads share
OPS = {"sigmoid": F.sigmoid, "silu": F.silu, "tanh_gelu": lambda x: F.gelu(x, "tanh")}


def results(op, x, gy):
    x = Variable(x)
    y = op(x)
    y.grad = Variable(gy)
    y.backward()
    return y.data, x.grad.data


@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-14)])
@pytest.mark.parametrize("scale", [1.0, 30.0, 1e10, 1e30])
def test_on_large_arrays_they_are_what_the_formulas_are(name, dtype, tolerance, scale, monkeypatch):
    rng = np.random.default_rng(0)
    x, gy = (scale * rng.standard_normal(LARGE)).astype(dtype), rng.standard_normal(LARGE).astype(dtype)
    before = x.copy(), gy.copy()
    assert kernels.is_fast(x)
    got = results(OPS[name], x, gy)
    assert np.array_equal(x, before[0]) and np.array_equal(gy, before[1])
    monkeypatch.setattr(kernels, "is_fast", lambda *_: False)
    for a, b in zip(results(OPS[name], x, gy), got):
        assert b.dtype == dtype
        np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", OPS)
def test_what_is_not_a_number_stays_none(name):
    x = np.zeros(LARGE, np.float32)
    x[1, 5] = np.nan
    y = OPS[name](x).data
    assert np.isnan(y[1, 5]) and np.isfinite(np.delete(y.ravel(), LARGE[1] + 5)).all()


def test_other_layouts_types_and_few_elements_are_left_to_the_formulas():
    x = np.ones(LARGE, np.float32)
    assert kernels.is_fast(x) and kernels.is_fast(x, x.copy())
    for other in (x.T, x[:, ::2], x.astype(np.float16), x.astype(int), x[0, :9], Variable(x)):
        assert not kernels.is_fast(other)
    assert (
        not kernels.is_fast(x, x.astype(np.float64)) and not kernels.is_fast(x, x[:1]) and not kernels.is_fast(x, None)
    )


def test_a_graph_of_them_may_be_walked_twice():
    x = Variable(np.random.default_rng(0).standard_normal(LARGE).astype(np.float32))
    for op in OPS.values():
        y = op(x)
        x.cleargrad()
        y.backward()
        first = x.grad.data.copy()
        x.cleargrad()
        y.cleargrad()
        y.backward()
        assert np.array_equal(x.grad.data, first)
