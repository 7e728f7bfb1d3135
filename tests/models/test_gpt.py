"""GPT: the layout and the sizes of GPT-2, the same numbers as PyTorch, learning, writing, weight files."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest

import dezero
from dezero import functions as F
from dezero.cuda import as_numpy
from dezero.models import GPT
from dezero.optimizers import Adam

SMALL = {"vocab_size": 11, "context_length": 7, "width": 12, "n_layers": 2, "n_heads": 3}
PUBLISHED = {
    "gpt2": 124_439_808,
    "gpt2_medium": 354_823_168,
    "gpt2_large": 774_030_080,
    "gpt2_xl": 1_557_611_200,
}
ids = np.random.default_rng(0).integers(0, 11, (3, 7))


def small(**kwargs):
    np.random.seed(0)
    return GPT(**{**SMALL, "dropout": 0.0, **kwargs})


@pytest.mark.parametrize(("name", "count"), PUBLISHED.items())
def test_the_published_sizes_have_the_published_number_of_parameters(name, count):
    size = GPT.SIZES[name]
    assert size["width"] % size["n_heads"] == 0 and size["width"] // size["n_heads"] == 64
    tiny = GPT(vocab_size=11, context_length=7, width=3, n_layers=1, n_heads=1)  # every length says what it is
    real = {11: size["vocab_size"], 7: size["context_length"], 3: size["width"], 12: 4 * size["width"]}
    total = 0
    for path, p in tiny.named_params():
        elements = math.prod(real[n] for n in p.shape)
        total += elements * (size["n_layers"] if path.startswith("h/") else 1)
    assert total == count


def test_the_embedding_is_used_twice_and_counts_once():
    model = small()
    paths = [path for path, _ in model.named_params()]
    assert paths[:4] == ["wte/W", "wpe/W", "h/0/ln1/gamma", "h/0/ln1/beta"]
    assert paths[-2:] == ["ln_f/gamma", "ln_f/beta"]
    assert "h/1/attn/q/W" in paths and "h/1/mlp/proj/b" in paths
    assert len(paths) == len(set(paths)) == len(list(model.params())) == 2 + 2 * 16 + 2


def test_it_starts_as_gpt2_does():
    np.random.seed(0)
    model = GPT(vocab_size=50, context_length=64, width=64, n_layers=8, n_heads=4)
    for path, p in model.named_params():
        if path.endswith(("/b", "beta")):
            assert not p.data.any()
        elif path.endswith("gamma"):
            assert (p.data == 1).all()
        else:
            std = 0.02 / math.sqrt(2 * 8) if path.endswith(("attn/out/W", "mlp/proj/W")) else 0.02
            assert abs(p.data.std() / std - 1) < 0.1 and abs(p.data.mean()) < 0.1 * std
        assert p.dtype == np.float32


def torch_gpt(torch, model):
    """GPT-2 from PyTorch's modules, with the weights of ``model``; and its parameters by our names."""
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self, width, heads):
            super().__init__()
            self.heads = heads
            self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))
            self.fc, self.proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x):
            N, T, E = x.shape
            y = self.ln1(x)
            q, k, v = (f(y).view(N, T, self.heads, -1).transpose(1, 2) for f in (self.q, self.k, self.v))
            y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.transpose(1, 2).reshape(N, T, E))
            return x + self.proj(nn.functional.gelu(self.fc(self.ln2(x)), approximate="tanh"))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.wte = nn.Embedding(model.vocab_size, model.width)
            self.wpe = nn.Embedding(model.context_length, model.width)
            self.h = nn.ModuleList(Block(model.width, model.n_heads) for _ in range(model.n_layers))
            self.ln_f = nn.LayerNorm(model.width)

        def forward(self, ids):
            x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
            for block in self.h:
                x = block(x)
            return self.ln_f(x) @ self.wte.weight.T

    net, by_name = Net(), {}
    theirs = {"W": "weight", "gamma": "weight", "b": "bias", "beta": "bias"}
    for path, p in model.named_params():
        *steps, last = path.replace("attn/", "").replace("mlp/", "").split("/")
        weight = getattr(net.get_submodule(".".join(steps)), theirs[last])
        turned = last == "W" and steps[-1] not in ("wte", "wpe")
        with torch.no_grad():
            weight.copy_(torch.tensor(p.data.T if turned else p.data))
        by_name[path] = (weight, turned)
    return net, by_name


def test_logits_and_gradients_equal_those_of_pytorch():
    torch = pytest.importorskip("torch")
    model, rng = small(), np.random.default_rng(1)
    for p in model.params():  # far from the start, where half of it would not show
        p.data = (p.data + 0.3 * rng.standard_normal(p.shape)).astype(np.float32)
    net, by_name = torch_gpt(torch, model)
    logits, expected = model(ids), net(torch.tensor(ids))
    np.testing.assert_allclose(logits.data, expected.detach().numpy(), rtol=1e-4, atol=1e-4)
    t = np.roll(ids, -1, axis=1)
    F.softmax_cross_entropy(logits.reshape(-1, 11), t.reshape(-1)).backward()
    torch.nn.functional.cross_entropy(expected.reshape(-1, 11), torch.tensor(t.reshape(-1))).backward()
    for path, p in model.named_params():
        weight, turned = by_name[path]
        gradient = weight.grad.numpy().T if turned else weight.grad.numpy()
        np.testing.assert_allclose(p.grad.data, gradient, rtol=1e-4, atol=1e-4, err_msg=path)


def test_a_position_depends_on_what_came_before_alone():
    model, changed = small(), ids.copy()
    changed[:, 4:] = 0
    y, z = model(ids).data, model(changed).data
    np.testing.assert_allclose(y[:, :4], z[:, :4], atol=1e-6)
    assert np.abs(y[:, 4:] - z[:, 4:]).max() > 1e-4
    np.testing.assert_allclose(model(ids[:, :4]).data, y[:, :4], atol=1e-6)


def test_it_runs_on_every_device(gpu):
    model, expected = small(), small()(ids).data
    model.to_gpu()
    logits = model(gpu.asarray(ids))
    np.testing.assert_allclose(as_numpy(logits), expected, atol=1e-5)
    (logits * logits).sum().backward()
    assert all(type(p.grad.data) is gpu.ndarray for p in model.params())
    written = model.generate(gpu.asarray(ids), 3, rng=np.random.default_rng(0))
    assert type(written) is gpu.ndarray
    assert np.array_equal(as_numpy(written), small().generate(ids, 3, rng=np.random.default_rng(0)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_it_keeps_its_dtype(dtype):
    model = small(dtype=dtype)
    y = model(ids)
    (y * y).mean().backward()
    assert y.dtype == dtype and all(p.grad.dtype == dtype for p in model.params())


def test_dropout_falls_in_train_mode_only():
    model = small(dropout=0.5)
    assert not np.array_equal(model(ids).data, model(ids).data)
    with dezero.test_mode():
        assert np.array_equal(model(ids).data, model(ids).data)
        np.testing.assert_array_equal(model(ids).data, small()(ids).data)


def test_it_learns_a_repeating_string_and_writes_it_on():
    np.random.seed(0)
    text = np.array([ord(c) - ord("a") for c in "abcdeafghia" * 12])
    model = GPT(vocab_size=9, context_length=16, width=32, n_layers=2, n_heads=4, dropout=0.0)
    optimizer = Adam(0.003).setup(model)
    rng = np.random.default_rng(0)
    for _ in range(120):
        at = rng.integers(0, len(text) - 17, 8)
        batch = np.stack([text[i : i + 17] for i in at])
        loss = F.softmax_cross_entropy(model(batch[:, :-1]).reshape(-1, 9), batch[:, 1:].reshape(-1))
        model.cleargrads()
        loss.backward()
        optimizer.update()
    assert loss.item() < 0.2
    assert np.array_equal(model.generate(text[None, :11], 30, temperature=0)[0], text[:41])


def test_weights_go_to_a_file_and_back(tmp_path):
    model, path = small(), tmp_path / "gpt.npz"
    model.save_weights(path)
    np.random.seed(1)
    other = GPT(**SMALL, dropout=0.0, pretrained=path)
    assert np.array_equal(model(ids).data, other(ids).data)
    with pytest.raises(ValueError, match=r"h/2/ln1/gamma is not in the file"):
        GPT(**{**SMALL, "n_layers": 3}, pretrained=path)


def test_it_copies_and_pickles_with_one_embedding():
    model = small()
    y = model(ids).data
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert np.array_equal(other(ids).data, y)
        other.wte.W.data[...] = 0
        assert not other(ids).data.any()  # the result is by the same W


def test_writing_is_repeatable_by_seed_and_leaves_train_mode_and_ids_alone():
    model, before = small(dropout=0.5), ids.copy()
    a, b = (model.generate(ids[:, :2], 9, rng=np.random.default_rng(3)) for _ in range(2))
    assert a.shape == (3, 11) and np.array_equal(a, b) and np.array_equal(a[:, :2], ids[:, :2])
    assert a.dtype == ids.dtype and a.max() < 11 and a.min() >= 0
    assert np.array_equal(ids, before) and dezero.Config.train
    assert all(p.grad is None for p in model.params())
    assert np.array_equal(model.generate(ids, 0), ids)
    np.random.seed(0)
    c = model.generate(ids, 5)
    np.random.seed(0)
    assert np.array_equal(model.generate(dezero.Variable(ids), 5), c)


def test_tokens_are_drawn_as_often_as_the_model_says():
    model = small()
    for p in model.params():
        p.data *= 8
    one = np.repeat(ids[:1, :3], 4000, axis=0)
    logits = model(ids[:1, :3]).data[0, -1].astype(np.float64)
    for temperature, k in ((1.0, None), (0.5, None), (1.0, 3)):
        p = np.exp(logits / temperature)
        if k is not None:
            p[np.argsort(logits)[:-k]] = 0
        p /= p.sum()
        drawn = model.generate(one, 1, temperature, k, np.random.default_rng(0))[:, -1]
        found = np.bincount(drawn, minlength=11) / 4000
        assert np.abs(found - p).max() < 0.03
        assert set(np.flatnonzero(found)) <= set(np.flatnonzero(p))
    assert (model.generate(one[:2], 1, temperature=0)[:, -1] == logits.argmax()).all()
    assert (model.generate(one[:9], 1, top_k=1)[:, -1] == logits.argmax()).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: small()(ids[0]), ValueError, r"GPT: ids \(N, T\) are wanted, got \(7,\)"),
        (lambda: small()([[1]]), TypeError, "GPT: x must be a Variable or an array, got list"),
        (lambda: small()(np.zeros((1, 8), int)), ValueError, "GPT: 8 tokens are more than the context of 7"),
        (lambda: small()(np.zeros((1, 2))), TypeError, "ids must be integers, got float64"),
        (lambda: small()(np.full((1, 2), 11)), IndexError, "ids must lie between 0 and 10"),
        (lambda: small(n_heads=5), ValueError, "heads must divide the size, got 5 and 12"),
        (lambda: small(vocab_size=0), ValueError, "GPT: vocab_size must be an integer above 0, got 0"),
        (lambda: small(context_length=0), ValueError, "GPT: context_length must be an integer above 0, got 0"),
        (lambda: small(width=-1), ValueError, "GPT: width must be an integer above 0, got -1"),
        (lambda: small(n_layers=0), ValueError, "GPT: n_layers must be an integer above 0, got 0"),
        (lambda: small(n_heads=0), ValueError, "GPT: n_heads must be an integer above 0, got 0"),
        (lambda: small(dropout=1.5), ValueError, "GPT: dropout must lie between 0 and 1, got 1.5"),
        (lambda: small(pretrained="nowhere.npz"), FileNotFoundError, "there is no file nowhere.npz"),
        (lambda: small().generate(ids[:, :0], 1), ValueError, r"ids \(N, T\) of a token at least are wanted"),
        (lambda: small().generate(ids[0], 1), ValueError, r"GPT.generate: ids \(N, T\) .* got \(7,\)"),
        (lambda: small().generate(ids, -1), ValueError, "n_tokens must be an integer of 0 or more, got -1"),
        (lambda: small().generate(ids, 1, temperature=-1), ValueError, "temperature must be 0 or more, got -1"),
        (lambda: small().generate(ids, 1, top_k=0), ValueError, "top_k must be an integer above 0, got 0"),
    ],
)
def test_what_it_cannot_take_is_an_error(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_there_are_no_published_weights_and_true_says_so():
    with pytest.raises(FileNotFoundError, match=r"no weights of GPT are published as .npz. Give the path of a file"):
        GPT(**SMALL, pretrained=True)
