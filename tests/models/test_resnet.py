"""Residual networks have the published sizes and names, compute what PyTorch computes, and load the book's files."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from dezero import no_grad
from dezero import test_mode as in_test_mode
from dezero.cuda import as_numpy
from dezero.models import ResNet, ResNet50, ResNet101, ResNet152, resnet
from dezero.models.pretrained import unwritten
from dezero.serialization import load_npz, save_npz
from torch_weights import shake_statistics, take_weights


@pytest.fixture
def no_draws(monkeypatch):
    """Weights are left as they lie in memory, which is quick."""
    monkeypatch.setattr(resnet, "first_weights", lambda pretrained: unwritten)


def expected_names(blocks, stem=("conv1/W",)):
    """The names in a weight file."""

    def bn(place):
        return [f"{place}/{name}" for name in ("avg_mean", "avg_var", "gamma", "beta")]

    names = [*stem, *bn("bn1")]
    for stage, count in zip((2, 3, 4, 5), blocks):
        for block in ("a", *(f"b{i}" for i in range(1, count))):
            for i in (1, 2, 3, 4) if block == "a" else (1, 2, 3):
                names += [f"res{stage}/{block}/conv{i}/W", *bn(f"res{stage}/{block}/bn{i}")]
    return [*names, "fc6/W", "fc6/b"]


def in_torch(blocks):
    torch = pytest.importorskip("torch")
    nn = torch.nn

    def bn(C):
        return nn.BatchNorm2d(C, eps=2e-5, momentum=0.1)

    class Block(nn.Module):
        def __init__(self, C, mid, OC, stride, projects):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(C, mid, 1, stride, bias=False), bn(mid)
            self.conv2, self.bn2 = nn.Conv2d(mid, mid, 3, padding=1, bias=False), bn(mid)
            self.conv3, self.bn3 = nn.Conv2d(mid, OC, 1, bias=False), bn(OC)
            if projects:
                self.conv4, self.bn4 = nn.Conv2d(C, OC, 1, stride, bias=False), bn(OC)
            self.projects = projects

        def forward(self, x):
            y = self.bn1(self.conv1(x)).relu()
            y = self.bn2(self.conv2(y)).relu()
            y = self.bn3(self.conv3(y))
            return (y + (self.bn4(self.conv4(x)) if self.projects else x)).relu()

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), bn(64)
            C = 64
            for i, count in enumerate(blocks):
                mid, OC = 64 * 2**i, 256 * 2**i
                stage = nn.Module()
                stage.a = Block(C, mid, OC, 2 if i else 1, True)
                for j in range(1, count):
                    setattr(stage, f"b{j}", Block(OC, mid, OC, 1, False))
                setattr(self, f"res{i + 2}", stage)
                C = OC
            self.fc6 = nn.Linear(C, 1000)

        def forward(self, x):
            x = self.bn1(self.conv1(x)).relu()
            x = nn.functional.max_pool2d(x, 3, 2, ceil_mode=True)
            for i in (2, 3, 4, 5):
                for block in getattr(self, f"res{i}").children():
                    x = block(x)
            return self.fc6(x.mean((2, 3)))

    torch.manual_seed(0)
    return torch, Net()


@pytest.mark.parametrize(
    ("make", "count"),
    [(ResNet50, 25_557_032), (ResNet101, 44_549_160), (ResNet152, 60_192_808), (ResNet, 60_192_808)],
    ids=["50", "101", "152", "default"],
)
def test_the_number_of_parameters_is_the_published_one_before_any_call(no_draws, make, count):
    assert sum(p.size for p in make().params()) == count


@pytest.mark.parametrize("n_layers", [50, 101, 152])
def test_names_are_the_contracts(no_draws, n_layers):
    assert list(ResNet(n_layers)._weights()) == expected_names(resnet.BLOCKS[n_layers])


@pytest.mark.parametrize("size", [(64, 64), (75, 90)], ids=str)
def test_outputs_equal_pytorchs_with_the_same_weights(no_draws, size):
    torch, theirs = in_torch(resnet.BLOCKS[50])
    rng = np.random.default_rng(0)
    with torch.no_grad():
        shake_statistics(theirs, rng)
    model = ResNet50()
    take_weights(model, theirs)
    x = rng.standard_normal((1, 3, *size)).astype(np.float32)
    with torch.no_grad():
        expected = theirs.eval()(torch.tensor(x)).numpy()
    with in_test_mode(), no_grad():
        y = model(x)
    assert y.shape == (1, 1000) and y.dtype == np.float32
    assert np.allclose(y.data, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_a_training_step_equals_pytorchs_with_the_same_weights(no_draws, monkeypatch):
    monkeypatch.setitem(resnet.BLOCKS, 50, (1, 1, 1, 2))  # enough of it
    torch, theirs = in_torch((1, 1, 1, 2))
    for p in theirs.parameters():
        p.data = p.data.double()
    theirs = theirs.double()
    model = ResNet50()
    take_weights(model, theirs)
    for _, buffer in model.named_buffers():
        buffer.data = buffer.data.copy()  # PyTorch writes into its own
    x = np.random.default_rng(0).standard_normal((4, 3, 64, 64))
    expected = theirs.train()(torch.tensor(x))
    y = model(x)
    assert np.allclose(y.data, expected.detach().numpy(), rtol=1e-8, atol=1e-10)
    (expected**2).sum().backward()
    (y**2).sum().backward()
    assert np.allclose(model.conv1.W.grad.data, theirs.conv1.weight.grad.numpy(), rtol=1e-6, atol=1e-8)
    assert np.allclose(model.res5.b1.bn2.gamma.grad.data, theirs.res5.b1.bn2.weight.grad.numpy(), rtol=1e-6, atol=1e-8)


def test_it_learns_the_same_on_a_gpu(gpu, monkeypatch):
    monkeypatch.setitem(resnet.BLOCKS, 50, (1, 1, 1, 1))
    np.random.seed(0)
    model = ResNet50()
    twin = copy.deepcopy(model)
    twin.to_gpu()
    x = np.random.default_rng(0).standard_normal((4, 3, 48, 48)).astype(np.float32)
    (model(x) ** 2).sum().backward()
    (twin(gpu.asarray(x)) ** 2).sum().backward()
    for (name, p), q in zip(model.named_params(), twin.params()):
        assert type(q.grad.data) is gpu.ndarray
        assert np.allclose(as_numpy(q.grad), p.grad.data, rtol=1e-2, atol=1e-3 * np.abs(p.grad.data).max()), name
    assert np.allclose(as_numpy(twin.bn1.avg_mean), model.bn1.avg_mean.data, atol=1e-5)


def test_files_go_round_and_the_books_with_a_bias_of_the_first_convolution_load_as_they_are(tmp_path):
    np.random.seed(0)
    model = ResNet50()
    for name, buffer in model.named_buffers():
        buffer.data += len(name) / 100
    path = tmp_path / "w.npz"
    model.save_weights(path)
    arrays = load_npz(path)
    assert sorted(arrays) == sorted(expected_names(resnet.BLOCKS[50]))

    before = np.random.get_state()[1].copy()
    loaded = ResNet50(pretrained=path)
    assert np.array_equal(np.random.get_state()[1], before), "nothing is drawn where weights are loaded"
    assert loaded.conv1.b is None
    assert all(np.array_equal(v.value.data, arrays[name]) for name, v in loaded._weights().items())

    arrays["conv1/b"] = np.arange(64, dtype=np.float32)
    save_npz(path, arrays)
    loaded.load_weights(path)
    assert loaded.conv1.b.data.tolist() == list(range(64))
    assert sum(p.size for p in loaded.params()) == 25_557_032 + 64

    arrays["conv1/b"] = np.zeros(3, np.float32)
    save_npz(path, arrays)
    with pytest.raises(ValueError, match=r"conv1/b has shape \(3,\) in the file, \(64,\) in the model"):
        model.load_weights(path)
    assert model.conv1.b is None, "as before"
    with pytest.raises(ValueError, match="w.npz does not fit"):
        loaded.load_weights(path)
    assert loaded.conv1.b.data[1] == 1


def test_a_missing_file_and_another_depth_are_named(no_draws, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        ResNet50(pretrained=tmp_path / "none.npz")
    with pytest.raises(ValueError, match="ResNet: n_layers must be 50, 101 or 152, got 18"):
        ResNet(18)


def test_its_graph_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setitem(resnet.BLOCKS, 50, (1, 2, 1, 1))
    ResNet50().plot(np.zeros((1, 3, 64, 64), np.float32), to_file=tmp_path / "resnet.dot")
    assert (tmp_path / "resnet.dot").read_text(encoding="utf-8").count('label="Conv2d"') == 1 + 4 * 4 + 3
