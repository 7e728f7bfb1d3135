"""What attention does beside its formula: blind queries, dropout, precision, errors."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import dezero
from dezero import Variable, grad
from dezero import functions as F
from dezero.cuda import as_numpy

attention = F.scaled_dot_product_attention
rng = np.random.default_rng(0)


def qkv(T=3, S=4, D=2, lead=(), dtype=np.float64):
    return [rng.standard_normal((*lead, n, D)).astype(dtype) for n in (T, S, S)]


@pytest.mark.parametrize("floats", [False, True])
def test_a_query_that_may_look_nowhere_gets_zeros_and_zero_gradients(floats, xp):
    q, k, v = (Variable(xp.asarray(a)) for a in qkv())
    mask = np.array([[True] * 4, [False] * 4, [True] * 4])
    y = attention(q, k, v, xp.asarray(np.where(mask, 0.0, -np.inf) if floats else mask))
    assert as_numpy(y)[1].tolist() == [0.0, 0.0]
    gq, gk, gv = grad(y * y, [q, k, v], create_graph=True)
    assert as_numpy(gq)[1].tolist() == [0.0, 0.0]
    for g in (gq, gk, gv, *grad((gq * gq).sum() + (gk * gk).sum(), [q, k, v])):
        assert np.isfinite(as_numpy(g)).all()


def test_what_is_hidden_has_no_influence():
    q, k, v = qkv()
    mask = np.array([True, True, False, True])
    y = attention(q, k, v, mask)
    k[2], v[2] = 50.0, -50.0
    assert np.array_equal(attention(q, k, v, mask).data, y.data)


def test_causal_lets_no_query_see_what_comes_later():
    q, k, v = qkv(T=4)
    y = attention(q, k, v, causal=True).data
    np.testing.assert_allclose(y[0], v[0])
    k[3] += 1
    assert np.array_equal(attention(q, k, v, causal=True).data[:3], y[:3])


def test_a_mask_of_floats_gets_a_gradient_summed_over_what_it_was_broadcast_to():
    q, k, v = qkv(lead=(2,))
    mask = Variable(np.zeros((3, 4)))
    gmask = grad(attention(q, k, v, mask) ** 2, mask)
    each = Variable(np.zeros((2, 3, 4)))
    np.testing.assert_allclose(gmask.data, grad(attention(q, k, v, each) ** 2, each).data.sum(axis=0))
    np.testing.assert_allclose(gmask.data.sum(axis=1), 0, atol=1e-12)  # a softmax does not see what all scores share


def test_dropout_drops_weights_in_train_mode_only():
    q, k, v = qkv(T=50, S=60)
    v = np.ones_like(v)
    y = attention(q, k, v, dropout_ratio=0.5).data
    assert abs(y.mean() - 1) < 0.1 and y.std() > 0.05
    assert not attention(q, k, v, dropout_ratio=1.0).data.any()
    with dezero.test_mode():
        np.testing.assert_allclose(attention(q, k, v, dropout_ratio=0.5).data, 1)


def test_a_generator_draws_the_same_on_every_device(xp):
    arrays = qkv(lead=(2,), dtype=np.float32)
    y = attention(*map(xp.asarray, arrays), dropout_ratio=0.5, rng=np.random.default_rng(3))
    expected = attention(*arrays, dropout_ratio=0.5, rng=np.random.default_rng(3))
    np.testing.assert_allclose(as_numpy(y), expected.data, rtol=1e-6)


def test_float16_scores_beyond_its_range_are_no_problem():
    q, k, v = (a.astype(np.float16) for a in qkv(D=64))
    y = attention(q * np.float16(200), k * np.float16(200), v)
    assert y.dtype == np.float16 and np.isfinite(y.data).all()


def test_float32_stays_float32_whatever_the_mask_is():
    q, k, v = (Variable(a) for a in qkv(dtype=np.float32))
    for mask in (None, np.ones((3, 4), bool), np.zeros((3, 4), np.float32), np.zeros((3, 4))):
        y = attention(q, k, v, mask, scale=np.float64(0.5))
        assert y.dtype == np.float32
        assert all(g.dtype == np.float32 for g in grad(y, [q, k, v], create_graph=True))


def test_a_mask_from_the_host_moves_to_the_device(device):
    y = attention(*map(device.asarray, qkv()), mask=np.ones((3, 4), bool))
    assert type(y.data) is device.ndarray


def test_the_inputs_and_the_gradient_stay_as_they_were():
    arrays, mask = qkv(), np.zeros((3, 4))
    gy = Variable(np.ones((3, 2)))
    before = [a.copy() for a in arrays]
    y = attention(*map(Variable, arrays), mask, dropout_ratio=0.5)
    y.grad = gy
    y.backward()
    assert all((a == b).all() for a, b in zip(arrays, before))
    assert (gy.data == 1).all() and not mask.any()


def test_only_the_gradients_that_are_asked_for_are_computed():
    arrays = qkv()
    everything = [Variable(a) for a in arrays]
    expected = grad(attention(*everything) ** 2, everything)
    for i in range(3):
        xs = [Variable(a) if j == i else a for j, a in enumerate(arrays)]
        np.testing.assert_allclose(grad(attention(*xs) ** 2, xs[i], create_graph=True).data, expected[i].data)


def test_the_graph_is_freed_without_the_garbage_collector():
    gc.collect()
    gc.disable()
    try:
        xs = [Variable(a) for a in qkv()]
        y = attention(*xs, causal=True, dropout_ratio=0.1)
        gx = grad(y, xs[0], create_graph=True)
        (gx * gx).sum().backward()
        del y, gx, xs
        assert gc.collect() == 0
    finally:
        gc.enable()


q, k, v = qkv()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: attention(q[0], k, v), ValueError, r"q \(..., T, D\), k .* are wanted, got q \(2,\)"),
        (lambda: attention(q, k[0], v), ValueError, r"are wanted, got q \(3, 2\), k \(2,\), v \(4, 2\)"),
        (lambda: attention(q, k, v[0]), ValueError, r"are wanted, got q \(3, 2\), k \(4, 2\), v \(2,\)"),
        (lambda: attention(q[:, :1], k, v), ValueError, r"q has 1 features but k has 2 \(q \(3, 1\), k \(4, 2\)"),
        (lambda: attention(q, k[:3], v), ValueError, "there are 3 keys but 4 values"),
        (lambda: attention(q, k[:, :1], v), ValueError, r"q has 2 features but k has 1 \(q \(3, 2\), k \(4, 1\)"),
        (lambda: attention(q, k, v[:3]), ValueError, "there are 4 keys but 3 values"),
        (lambda: attention(q[None], [[1.0]], v), TypeError, "works on Variables, arrays and numbers, got list"),
        (lambda: attention(*(np.ones((n, 2, 2)) for n in (2, 3, 3))), ValueError, "leading axes do not broadcast"),
        (lambda: attention(*(np.ones((n, 2, 2)) for n in (1, 2, 3))), ValueError, "leading axes do not broadcast"),
        (lambda: attention(q, k, v, np.ones(3, bool)), ValueError, r"mask \(3,\) does not broadcast to .* \(3, 4\)"),
        (lambda: attention(q, k, v, np.ones((1, 3, 4), bool)), ValueError, "does not broadcast to the scores"),
        (lambda: attention(q, k, v, np.ones((3, 4), int)), TypeError, "the mask must hold booleans or floats, got int"),
        (lambda: attention(q, k.astype(int), v), TypeError, "floating point is wanted, got int64"),
        (lambda: attention(q, k, v, [True]), TypeError, "got list"),
        (lambda: attention(q, k, v, dropout_ratio=2), ValueError, "dropout_ratio must lie between 0 and 1, got 2"),
        (lambda: attention(q, k.astype(np.float16), v), TypeError, "float64 and float16 do not meet silently"),
        (lambda: attention(q, k, v, np.ones((3, 4), np.float16)), TypeError, "do not meet silently"),
    ],
)
def test_what_does_not_fit_is_an_error(call, error, message):
    with pytest.raises(error, match="scaled_dot_product_attention.*" + message):
        call()


def test_a_ratio_of_zero_and_test_mode_draw_nothing():
    for train, ratio in ((True, 0.0), (False, 0.5)):
        generator = np.random.default_rng(0)
        with dezero.using_config("train", train):
            attention(q, k, v, dropout_ratio=ratio, rng=generator)
        assert generator.random() == np.random.default_rng(0).random()
