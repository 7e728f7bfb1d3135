"""What holds for every pair of shapes that broadcast, and every dtype: drawn by hypothesis."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dezero import Variable, grad
from dezero import functions as F
from dezero.arrays import sum_to
from dezero.kernels.special import erf

drawn = settings(max_examples=50, deadline=None)
shapes = hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=4, min_side=0, max_side=4)
floats = st.sampled_from([np.float32, np.float64])

# ours, NumPy's, and the derivative of each operand as an array that broadcasts with the result
OPS = {
    "add": (F.add, np.add, lambda a, b: (1.0, 1.0)),
    "sub": (F.sub, np.subtract, lambda a, b: (1.0, -1.0)),
    "mul": (F.mul, np.multiply, lambda a, b: (b, a)),
    "div": (F.div, np.divide, lambda a, b: (1 / b, -a / (b * b))),
    "maximum": (F.maximum, np.maximum, lambda a, b: ((np.sign(a - b) + 1) / 2, (np.sign(b - a) + 1) / 2)),
    "minimum": (F.minimum, np.minimum, lambda a, b: ((np.sign(b - a) + 1) / 2, (np.sign(a - b) + 1) / 2)),
}


def operand(shape: tuple[int, ...], seed: int, dtype: type) -> np.ndarray:
    """Numbers from -3 to 3 but for 0; some of two operands are equal."""
    rng = np.random.default_rng(seed)
    return np.asarray(rng.integers(1, 7, shape) / 2 * rng.choice([-1.0, 1.0], shape), dtype)


def weights(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    return np.asarray(np.random.default_rng(7).standard_normal(shape), dtype)


@pytest.mark.parametrize("name", OPS)
@drawn
@given(shapes=shapes, seed=st.integers(0, 99), dtype=floats)
def test_two_operands_broadcast_as_numpys_do_and_their_gradients_are_summed_back(name, shapes, seed, dtype):
    f, reference, slopes = OPS[name]
    a, b = (operand(s, seed + i, dtype) for i, s in enumerate(shapes.input_shapes[:2]))
    va, vb = Variable(a), Variable(b)
    y = f(va, vb)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y.data, reference(a, b))
    gy = weights(y.shape, dtype)
    found = grad(y, [va, vb], Variable(gy))
    for g, x, slope in zip(found, (a, b), slopes(a.astype(np.float64), b.astype(np.float64))):
        assert g.shape == x.shape and g.dtype == dtype
        np.testing.assert_allclose(g.data, sum_to(gy * np.broadcast_to(slope, gy.shape), x.shape), rtol=1e-4, atol=1e-4)


@drawn
@given(shapes=shapes, seed=st.integers(0, 99), dtype=floats)
def test_three_operands_of_where_broadcast_as_numpys_do(shapes, seed, dtype):
    c, a, b = (operand(s, seed + i, dtype) for i, s in enumerate(shapes.input_shapes))
    condition = c > 0
    va, vb = Variable(a), Variable(b)
    y = F.where(condition, va, vb)
    assert y.shape == shapes.result_shape and y.dtype == dtype
    np.testing.assert_array_equal(y.data, np.where(condition, a, b))
    gy = weights(y.shape, dtype)
    ga, gb = grad(y, [va, vb], Variable(gy))
    np.testing.assert_allclose(ga.data, sum_to(gy * condition, a.shape), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(gb.data, sum_to(gy * ~condition, b.shape), rtol=1e-4, atol=1e-4)


@drawn
@given(shapes=shapes, seed=st.integers(0, 99), name=st.sampled_from(sorted(OPS)))
def test_the_second_derivative_has_the_shape_of_its_operand_too(shapes, seed, name):
    vs = [Variable(operand(s, seed + i, np.float64)) for i, s in enumerate(shapes.input_shapes[:2])]
    first = grad(OPS[name][0](*vs), vs, create_graph=True)
    second = grad([(g * g).sum() for g in first], vs, allow_unused=True)
    assert all(g is None or g.shape == v.shape for g, v in zip(second, vs))


@drawn
@given(x=hnp.arrays(np.float64, hnp.array_shapes(min_dims=0, max_dims=3), elements=st.floats(-50, 50)))
def test_the_gates_lie_between_zero_and_one_and_mirror_each_other(x):
    for f in (F.sigmoid, F.hard_sigmoid):
        y, mirrored = f(x).data, f(-x).data
        assert ((y >= 0) & (y <= 1)).all()
        np.testing.assert_allclose(y + mirrored, 1, rtol=1e-15)
    np.testing.assert_allclose(F.softplus(x).data - F.softplus(-x).data, x, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(F.silu(x).data - F.silu(-x).data, x, rtol=1e-14, atol=1e-14)


@drawn
@given(x=hnp.arrays(np.float64, st.integers(2, 40), elements=st.floats(-7, 7)))
def test_erf_never_falls(x):
    x = np.sort(x)
    assert (np.diff(erf(x)) >= -3e-16).all()
