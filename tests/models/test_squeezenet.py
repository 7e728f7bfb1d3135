"""SqueezeNet has the published weights' names, computes what PyTorch computes, and knows a cat and a cup of coffee."""

from __future__ import annotations

import numpy as np
import pytest

import dezero.functions as F
from dezero import datasets, no_grad
from dezero import test_mode as in_test_mode
from dezero.core import Variable
from dezero.cuda import as_numpy
from dezero.models import SqueezeNet
from torch_weights import take_weights

FIRES = [f"fire{i}/{part}" for i in range(2, 10) for part in ("squeeze1x1", "expand1x1", "expand3x3")]
NAMES = [f"{layer}/{name}" for layer in ("conv1", *FIRES, "conv10") for name in "Wb"]


def in_torch():
    torch = pytest.importorskip("torch")
    nn = torch.nn

    class Fire(nn.Module):
        def __init__(self, C, squeezed, expanded):
            super().__init__()
            self.squeeze1x1 = nn.Conv2d(C, squeezed, 1)
            self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
            self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

        def forward(self, x):
            s = self.squeeze1x1(x).relu()
            return torch.cat([self.expand1x1(s).relu(), self.expand3x3(s).relu()], 1)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 64, 3, 2)
            sizes = [64, 128, 128, 256, 256, 384, 384, 512, 512]
            for i, squeezed in enumerate((16, 16, 32, 32, 48, 48, 64, 64)):
                setattr(self, f"fire{i + 2}", Fire(sizes[i], squeezed, 4 * squeezed))
            self.conv10 = nn.Conv2d(512, 1000, 1)
            self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)

        def forward(self, x):
            x = self.pool(self.conv1(x).relu())
            x = self.pool(self.fire3(self.fire2(x)))
            x = self.pool(self.fire5(self.fire4(x)))
            x = self.fire9(self.fire8(self.fire7(self.fire6(x))))
            return self.conv10(x).relu().mean((2, 3))

    torch.manual_seed(0)
    return torch, Net()


@pytest.fixture(scope="module")
def published(data_dir):
    return SqueezeNet(pretrained=data_dir / "squeezenet" / "squeezenet_v1.1.npz")


def test_names_and_the_number_of_parameters_are_those_of_the_published_file(data_dir):
    model = SqueezeNet()
    assert [name for name, _ in model.named_params()] == NAMES
    assert sum(p.size for p in model.params()) == 1_235_496
    with np.load(data_dir / "squeezenet" / "squeezenet_v1.1.npz") as archive:
        assert sorted(archive.files) == sorted(NAMES)


@pytest.mark.parametrize("size", [(64, 64), (63, 78)], ids=str)
def test_outputs_and_gradients_equal_pytorchs(size):
    torch, theirs = in_torch()
    model = SqueezeNet()
    take_weights(model, theirs)
    x = np.random.default_rng(0).standard_normal((2, 3, *size)).astype(np.float32)
    u = torch.tensor(x, requires_grad=True)
    expected = theirs(u)
    v = Variable(x)
    with in_test_mode():
        y = model(v)
    assert y.shape == (2, 1000) and y.dtype == np.float32
    assert np.allclose(y.data, expected.detach().numpy(), rtol=1e-4, atol=1e-5)
    (expected**2).sum().backward()
    F.sum(y**2).backward()
    assert np.allclose(v.grad.data, u.grad.numpy(), rtol=1e-3, atol=1e-4 * float(u.grad.abs().max()))
    for (name, p), q in zip(model.named_params(), theirs.parameters()):
        assert np.allclose(p.grad.data, q.grad.numpy(), rtol=1e-3, atol=1e-4 * float(q.grad.abs().max())), name


@pytest.mark.parametrize(
    ("picture", "probabilities"),
    [
        ("chelsea", {285: 0.5163, 282: 0.3089, 281: 0.1576, 287: 0.0163}),
        ("coffee", {967: 0.9979, 968: 0.0007, 504: 0.0003}),
    ],
)
def test_the_published_weights_know_real_pictures(published, data_dir, picture, probabilities):
    Image = pytest.importorskip("PIL.Image")
    with Image.open(data_dir / "images" / f"{picture}.png") as image:
        x = SqueezeNet.preprocess(image)
    with in_test_mode(), no_grad():
        p = F.softmax(published(x[None])).data[0]
    best = np.argsort(-p)[: len(probabilities)]
    assert best.tolist() == list(probabilities)
    assert np.allclose(p[best], list(probabilities.values()), rtol=0, atol=1e-3)
    labels = datasets.ImageNet.labels(data_dir / "squeezenet")
    assert labels[best[0]] == {"chelsea": "Egyptian cat", "coffee": "espresso"}[picture]


def test_pretrained_true_finds_the_file_in_the_data_folder(data_dir, monkeypatch):
    monkeypatch.setenv("DEZERO_DATA_DIR", str(data_dir))
    before = np.random.get_state()[1].copy()
    model = SqueezeNet(pretrained=True)
    assert np.array_equal(np.random.get_state()[1], before), "nothing is drawn where weights are loaded"
    with np.load(data_dir / "squeezenet" / "squeezenet_v1.1.npz") as archive:
        assert all(np.array_equal(p.data, archive[name]) for name, p in model.named_params())


def test_it_computes_the_same_on_a_gpu(gpu):
    model = SqueezeNet()
    x = np.random.default_rng(0).standard_normal((2, 3, 32, 40)).astype(np.float32)
    with in_test_mode():
        expected = model(x).data
        model.to_gpu()
        y = model(gpu.asarray(x))
    assert type(y.data) is gpu.ndarray
    assert np.allclose(as_numpy(y), expected, rtol=1e-4, atol=1e-5)


def test_weights_go_to_a_file_and_back(tmp_path):
    model = SqueezeNet()
    model.save_weights(tmp_path / "w.npz")
    other = SqueezeNet(pretrained=tmp_path / "w.npz")
    assert all(np.array_equal(p.data, q.data) for p, q in zip(model.params(), other.params()))


def test_dropout_is_on_in_train_mode_alone():
    np.random.seed(0)
    model, x = SqueezeNet(), np.ones((1, 3, 32, 32), np.float32)
    assert not np.array_equal(model(x).data, model(x).data)
    with in_test_mode():
        assert np.array_equal(model(x).data, model(x).data)


def test_its_graph_is_drawn(tmp_path):
    SqueezeNet().plot(np.zeros((1, 3, 32, 32), np.float32), to_file=tmp_path / "squeezenet.dot")
    text = (tmp_path / "squeezenet.dot").read_text(encoding="utf-8")
    assert text.count('label="Conv2d"') == 26 and text.count('label="Concat"') == 8
