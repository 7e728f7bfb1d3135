"""TransformerBlock and FeedForward: the formula, how they start, where dropout falls."""

from __future__ import annotations

import numpy as np
import pytest

import dezero.functions as F
from dezero.config import test_mode as testing  # pytest would take the other name for a test
from dezero.cuda import as_numpy
from dezero.layers import FeedForward, TransformerBlock
from dezero.testing import check_grads

rng = np.random.default_rng(0)
x = rng.standard_normal((2, 5, 6)).astype(np.float32)


def test_a_block_is_attention_and_a_network_each_added_to_its_normalized_input(xp):
    block, v = TransformerBlock(2, 6), xp.asarray(x)
    block.to_cpu()
    for p in block.params():
        p.data = xp.asarray(p.data)
    h = v + block.attn(block.ln1(v)).data
    expected = h + block.mlp(block.ln2(h)).data
    np.testing.assert_allclose(as_numpy(block(v)), as_numpy(expected), atol=1e-6)
    y = block.mlp.fc(v)
    np.testing.assert_allclose(as_numpy(block.mlp(v)), as_numpy(block.mlp.proj(F.gelu(y, "tanh"))), atol=1e-6)


def test_a_causal_block_does_not_see_what_comes_later_and_a_mask_hides():
    block = TransformerBlock(2, 6, causal=True)
    changed = x.copy()
    changed[:, 3:] += 1
    assert np.array_equal(block(x).data[:, :3], block(changed).data[:, :3])
    block = TransformerBlock(2, 6)
    mask = np.array([True, True, True, False, False])
    np.testing.assert_allclose(block(x, mask).data[:, :3], block(changed, mask).data[:, :3], atol=1e-6)


def test_gradients_match_finite_differences():
    block = TransformerBlock(2, 4, hidden_size=3, causal=True, dtype=np.float64)
    names = ["ln1/gamma", "attn/q/W", "attn/out/b", "mlp/fc/W", "mlp/proj/W"]
    shapes = {name: p.shape for name, p in block.named_params()}

    def f(x, *params):
        for name, p in zip(names, params):
            *path, last = name.split("/")
            layer = block
            for step in path:
                layer = getattr(layer, step)
            setattr(layer, last, p)
        return block(x)

    check_grads(f, rng.standard_normal((2, 3, 4)), *(rng.standard_normal(shapes[name]) for name in names))


def test_what_is_added_starts_as_told_and_the_rest_as_told_otherwise():
    block = TransformerBlock(2, 6, W_init="ones", residual_init="zeros")
    means = {name: float(p.data.mean()) for name, p in block.named_params() if name.endswith("/W")}
    assert {name for name, mean in means.items() if mean == 0} == {"attn/out/W", "mlp/proj/W"}
    assert {name for name, mean in means.items() if mean == 1} == {"attn/q/W", "attn/k/W", "attn/v/W", "mlp/fc/W"}
    assert np.array_equal(block(x).data, x)  # nothing is added at first


def test_the_hidden_size_and_the_activation_may_be_others():
    assert TransformerBlock(2, 6).mlp.fc.W.shape == (6, 24)
    block = TransformerBlock(2, 6, hidden_size=5, activation=F.relu)
    assert block.mlp.fc.W.shape == (6, 5) and block(x).shape == x.shape
    layer = FeedForward(6, 3, F.relu)
    np.testing.assert_allclose(layer(x).data, layer.proj(F.relu(layer.fc(x))).data)


def test_dropout_falls_in_train_mode_and_at_one_leaves_the_input_alone():
    block = TransformerBlock(2, 6, dropout=0.5)
    assert not np.array_equal(block(x).data, block(x).data)
    with testing():
        assert np.array_equal(block(x).data, block(x).data)
    assert np.array_equal(TransformerBlock(2, 6, dropout=1)(x).data, x)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"heads": 4, "size": 6}, "MultiHeadAttention: heads must divide the size, got 4 and 6"),
        ({"heads": 2, "size": 0}, "TransformerBlock: size must be an integer above 0, got 0"),
        ({"heads": 2, "size": 6, "hidden_size": 0}, "TransformerBlock: hidden_size must be an integer above 0, got 0"),
        ({"heads": 2, "size": 6, "dropout": -1}, "TransformerBlock: dropout must lie between 0 and 1, got -1"),
        ({"heads": 2, "size": 6, "eps": 0}, "LayerNorm: eps must be above 0, got 0"),
    ],
)
def test_what_it_cannot_take_is_an_error(kwargs, message):
    with pytest.raises(ValueError, match=message):
        TransformerBlock(**kwargs)
