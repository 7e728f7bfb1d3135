"""MultiHeadAttention: projections, heads, masks; self-attention and attention to something else."""

from __future__ import annotations

import numpy as np
import pytest

import dezero.functions as F
from dezero.config import test_mode as testing  # pytest would take the other name for a test
from dezero.core import Variable
from dezero.cuda import as_numpy
from dezero.layers import MultiHeadAttention
from dezero.testing import check_grads

rng = np.random.default_rng(0)
x = rng.standard_normal((2, 5, 6)).astype(np.float32)
other = rng.standard_normal((2, 7, 4)).astype(np.float32)


def head_by_head(layer, q, k, v, mask=None):
    """What the layer computes, one sample and one head at a time."""
    Q, K, V = (a @ as_numpy(p.W) + as_numpy(p.b) for a, p in ((q, layer.q), (k, layer.k), (v, layer.v)))
    D = Q.shape[-1] // layer.heads
    y = np.zeros((*q.shape[:2], Q.shape[-1]))
    for n in range(len(q)):
        for h in range(layer.heads):
            part = slice(h * D, (h + 1) * D)
            s = Q[n][:, part] @ K[n][:, part].T / np.sqrt(D)
            s = s if mask is None else np.where(mask, s, -1e30)
            p = np.exp(s - s.max(axis=1, keepdims=True))
            y[n][:, part] = p / p.sum(axis=1, keepdims=True) @ V[n][:, part]
    return y @ as_numpy(layer.out.W) + as_numpy(layer.out.b)


def with_biases(layer, *args):
    layer(*args)
    for part in (layer.q, layer.k, layer.v, layer.out):
        part.b.data[...] = 0.1 * np.arange(part.b.size)
    return layer


def test_it_attends_to_itself_to_another_or_to_what_another_is_worth():
    third = rng.standard_normal((2, 7, 3)).astype(np.float32)
    for args, full in (((x,), (x, x, x)), ((x, other), (x, other, other)), ((x, other, third), (x, other, third))):
        layer = with_biases(MultiHeadAttention(3), *args)
        y = layer(*args)
        assert y.shape == (2, 5, 6) and y.dtype == np.float32
        np.testing.assert_allclose(y.data, head_by_head(layer, *full), atol=1e-5)


def test_a_mask_hides_and_causal_hides_what_comes_later():
    layer = with_biases(MultiHeadAttention(2, causal=True), x)
    np.testing.assert_allclose(layer(x).data, head_by_head(layer, x, x, x, np.tri(5, dtype=bool)), atol=1e-5)
    layer = with_biases(MultiHeadAttention(2), x)
    mask = np.array([True, True, False, True, False])
    np.testing.assert_allclose(layer(x, mask=mask).data, head_by_head(layer, x, x, x, mask), atol=1e-5)
    per_sample = np.array([mask, [True] * 5])[:, None, None]
    np.testing.assert_allclose(layer(x, mask=per_sample).data[0], layer(x, mask=mask).data[0], atol=1e-6)
    np.testing.assert_allclose(layer(x, mask=per_sample).data[1], layer(x).data[1], atol=1e-6)


def test_one_sequence_without_a_batch_axis_will_do():
    layer = MultiHeadAttention(2)
    y = layer(x)
    np.testing.assert_allclose(layer(x[0]).data, y.data[0], atol=1e-6)


def test_it_computes_where_its_first_input_is(xp):
    layer = MultiHeadAttention(2)
    y = layer(xp.asarray(x), xp.asarray(other))
    assert type(y.data) is xp.ndarray
    y.sum().backward()
    assert all(type(p.grad.data) is xp.ndarray for p in layer.params())
    np.testing.assert_allclose(as_numpy(y), head_by_head(layer, x, other, other), atol=1e-5)


def test_gradients_match_finite_differences():
    layer = MultiHeadAttention(2, 4, causal=True, dtype=np.float64)
    weights = [rng.standard_normal(shape) for shape in ((3, 4), (2, 4), (2, 4), (4, 4))]

    def f(q, k, *weights):
        for name, W in zip(("q", "k", "v", "out"), weights):
            getattr(layer, name).W = W
        return layer(q, k)

    check_grads(f, rng.standard_normal((2, 3, 3)), rng.standard_normal((2, 4, 2)), *weights)


def test_it_equals_pytorch():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.MultiheadAttention(6, 2, batch_first=True)
    layer = MultiHeadAttention(2)
    layer(x)
    with torch.no_grad():
        W, b = theirs.in_proj_weight.numpy(), theirs.in_proj_bias
        b[:] = torch.arange(18) / 10
        for i, part in enumerate((layer.q, layer.k, layer.v)):
            part.W.data, part.b.data = W[6 * i : 6 * i + 6].T.copy(), b[6 * i : 6 * i + 6].numpy().copy()
        layer.out.W.data = theirs.out_proj.weight.numpy().T.copy()
    t = torch.tensor(x, requires_grad=True)
    expected = theirs(t, t, t, need_weights=False)[0]
    expected.pow(2).sum().backward()
    v = Variable(x)
    y = layer(v)
    F.sum(y**2).backward()
    np.testing.assert_allclose(y.data, expected.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(v.grad.data, t.grad.numpy(), atol=1e-4)


def test_dropout_falls_on_the_weights_in_train_mode():
    layer = MultiHeadAttention(2, dropout=0.5)
    assert not np.array_equal(layer(x).data, layer(x).data)
    with testing():
        assert np.array_equal(layer(x).data, layer(x).data)


def test_parameters_are_there_at_once_if_the_sizes_are_and_wait_visibly_if_not(tmp_path):
    layer = MultiHeadAttention(2, 6, in_size=6)
    assert [(name, p.shape) for name, p in layer.named_params()] == [
        (f"{part}/{name}", shape) for part in ("q", "k", "v", "out") for name, shape in (("W", (6, 6)), ("b", (6,)))
    ]
    layer.save_weights(tmp_path / "w.npz")
    other = MultiHeadAttention(2, 6)
    other.load_weights(tmp_path / "w.npz")
    assert np.array_equal(layer(x).data, other(x).data)
    waiting = MultiHeadAttention(2)
    with pytest.raises(ValueError, match="no value yet for q, k, v, out"):
        waiting.save_weights(tmp_path / "w.npz")
    waiting(x)
    assert [name for name, _ in waiting.named_params()] == [name for name, _ in layer.named_params()]


def test_weights_start_as_told():
    layer = MultiHeadAttention(2, 6, nobias=True, in_size=6, W_init="ones", out_init="zeros")
    assert [float(p.data.mean()) for p in layer.params()] == [1.0, 1.0, 1.0, 0.0]
    with pytest.raises(ValueError, match="MultiHeadAttention: out_init"):
        MultiHeadAttention(2, out_init="nothing")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: MultiHeadAttention(0), ValueError, "MultiHeadAttention: heads must be an integer above 0, got 0"),
        (lambda: MultiHeadAttention(2, 5), ValueError, "heads must divide the size, got 2 and 5"),
        (lambda: MultiHeadAttention(4)(x), ValueError, "heads must divide the size, got 4 and 6"),
        (lambda: MultiHeadAttention(2, 0), ValueError, "size must be an integer above 0, got 0"),
        (lambda: MultiHeadAttention(2, dropout=2), ValueError, "MultiHeadAttention: dropout must lie between"),
        (lambda: MultiHeadAttention(2, in_size=4), ValueError, "size must be given with in_size, got in_size 4 alone"),
        (lambda: MultiHeadAttention(2, 4, dtype=int), ValueError, "dtype must be a floating point type"),
        (lambda: MultiHeadAttention(2)(x[0, 0]), ValueError, r"q \(N, T, I\) is wanted, got \(6,\)"),
        (lambda: MultiHeadAttention(2)(x, x[0, 0]), ValueError, r"k \(N, T, I\) is wanted, got \(6,\)"),
        (lambda: MultiHeadAttention(2)(x, x, [1]), TypeError, "MultiHeadAttention: v: x must be a Variable or an"),
        (lambda: MultiHeadAttention(2)(x, mask=np.ones(4, bool)), ValueError, "does not broadcast to the scores"),
    ],
)
def test_what_it_cannot_take_is_an_error(call, error, message):
    with pytest.raises(error, match=message):
        call()
