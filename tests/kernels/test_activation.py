"""The fast activations against their formulas: large arrays of each precision and layout, and numbers far out."""

from __future__ import annotations

import numpy as np
import pytest

import dezero.functions as F
from dezero import Variable, using_config
from dezero.kernels import activation as kernels

LARGE = (5, 1 << 17)  # which two threads share
OPS = {
    "sigmoid": F.sigmoid,
    "tanh": F.tanh,
    "logsigmoid": F.logsigmoid,
    "softplus": lambda x: F.softplus(x, 0.7),
    "leaky_relu": lambda x: F.leaky_relu(x, 0.1),
    "elu": lambda x: F.elu(x, 1.3),
    "selu": F.selu,
    "hard_sigmoid": F.hard_sigmoid,
    "hard_swish": F.hard_swish,
    "silu": F.silu,
    "mish": F.mish,
    "gelu": F.gelu,
    "tanh_gelu": lambda x: F.gelu(x, "tanh"),
}
SPECIAL = [-np.inf, np.inf, np.nan, -1e30, 1e30, -3.0, 3.0, 0.0, -0.0]


def results(op, x, gy):
    x = Variable(x)
    y = op(x)
    y.grad = Variable(gy)
    y.backward()
    return y.data, x.grad.data


def by_formulas(op, x, gy, monkeypatch):
    """The same, with neither loops nor NumPy's shortcuts."""
    with using_config("numba", False), monkeypatch.context() as patch:
        patch.setattr(kernels, "is_fast", lambda *_: False)
        return results(op, x, gy)


def close(got, want, dtype, scale=1.0):
    tolerance = 3e-6 if dtype == np.float32 else 1e-14
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * scale)
    assert got.dtype == want.dtype == dtype


@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_on_large_arrays_they_are_what_the_formulas_are(name, dtype, way, monkeypatch):
    rng = np.random.default_rng(0)
    gy = rng.standard_normal(LARGE).astype(dtype)
    for scale in (1.0, 30.0, 1e10, 1e30):
        x = (scale * rng.standard_normal(LARGE)).astype(dtype)
        before = x.copy(), gy.copy()
        got = results(OPS[name], x, gy)
        assert np.array_equal(x, before[0]) and np.array_equal(gy, before[1])
        for a, b in zip(got, by_formulas(OPS[name], x, gy, monkeypatch)):
            close(a, b, dtype)


@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_at_the_edges_of_numbers_too(name, dtype, way, monkeypatch):
    x = np.tile(np.array(SPECIAL, dtype), 1 << 12)
    gy = np.ones_like(x)
    with np.errstate(invalid="ignore", over="ignore"):
        y, gx = results(OPS[name], x, gy)
        want_y, want_gx = by_formulas(OPS[name], x, gy, monkeypatch)
    close(y, want_y, dtype)
    unsaid = np.isinf(x) & np.isnan(want_gx)  # infinity times 0, where a shortcut may know the limit
    close(gx[~unsaid], want_gx[~unsaid], dtype)


@pytest.mark.parametrize("name", OPS)
def test_in_other_memory_orders(name, way, monkeypatch):
    rng = np.random.default_rng(0)
    x, gy = (rng.standard_normal((2, 30, 40, 8)) for _ in range(2))
    turned = x.transpose(0, 3, 1, 2)
    for a in (turned, x[:, ::2], x[::-1], np.broadcast_to(x[0], (3, 30, 40, 8))):
        for g in (gy.transpose(0, 3, 1, 2), np.broadcast_to(1.5, a.shape), rng.standard_normal(a.shape)):
            if g.shape == a.shape:
                for got, want in zip(results(OPS[name], a, g), by_formulas(OPS[name], a, g, monkeypatch)):
                    close(got, want, np.float64)
    if way == "compiled":
        assert OPS[name](turned).data.strides == turned.strides


@pytest.mark.parametrize("name", OPS)
def test_what_is_not_a_number_stays_none(name, way):
    x = np.zeros(LARGE, np.float32)
    x[1, 5] = np.nan
    y = OPS[name](x).data
    assert np.isnan(y[1, 5]) and np.isfinite(np.delete(y.ravel(), LARGE[1] + 5)).all()


def test_a_graph_may_be_made_with_loops_and_walked_without_and_the_other_way_round():
    rng = np.random.default_rng(0)
    x, gy = (rng.standard_normal(1 << 15) for _ in range(2))
    for op in OPS.values():
        _, want = results(op, x, gy)
        for first in (True, False):
            v = Variable(x)
            with using_config("numba", first):
                y = op(v)
            y.grad = Variable(gy)
            with using_config("numba", not first):
                y.backward()
            close(v.grad.data, want, np.float64)


def test_other_layouts_types_and_few_elements_are_left_to_the_formulas():
    x = np.ones(LARGE, np.float32)
    assert kernels.is_fast(x) and kernels.is_fast(x, x.copy())
    for other in (x.T, x[:, ::2], x.astype(np.float16), x.astype(int), x[0, :9], Variable(x)):
        assert not kernels.is_fast(other)
    assert (
        not kernels.is_fast(x, x.astype(np.float64)) and not kernels.is_fast(x, x[:1]) and not kernels.is_fast(x, None)
    )
    for other in (x[:, ::2], x.astype(np.float16), x.astype(int), x[0, :9]):
        assert kernels.values("silu", other) is None and kernels.gradient("silu", other, other) is None
    assert kernels.gradient("silu", x, x.astype(np.float64)) is None and kernels.gradient("silu", x[:1], x) is None


def test_a_graph_of_them_may_be_walked_twice(way):
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


def test_with_loops_nothing_is_kept_for_the_way_back_but_what_the_graph_holds(way):
    if way == "compiled":
        y = F.gelu(Variable(np.ones(LARGE, np.float32)))
        assert y.creator.g is None
