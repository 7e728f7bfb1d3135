"""VGG16 has the published size and names and computes what PyTorch computes."""

from __future__ import annotations

import numpy as np
import pytest

from dezero import no_grad
from dezero import test_mode as in_test_mode
from dezero.models import VGG16, vgg
from dezero.models.pretrained import unwritten
from dezero.serialization import load_npz
from torch_weights import take_weights

CONVOLUTIONS = [f"conv{i}_{j}" for i, count in enumerate((2, 2, 3, 3, 3), start=1) for j in range(1, count + 1)]


@pytest.fixture
def model(monkeypatch):
    """One whose weights are left as they lie in memory: to draw them takes seconds."""
    monkeypatch.setattr(vgg, "first_weights", lambda pretrained: unwritten)
    return VGG16()


def test_names_and_the_number_of_parameters_are_the_published_ones_before_any_call(model):
    names = [name for name, _ in model.named_params()]
    assert names == [f"{layer}/{name}" for layer in (*CONVOLUTIONS, "fc6", "fc7", "fc8") for name in "Wb"]
    assert sum(p.size for p in model.params()) == 138_357_544
    assert model.conv1_1.W.shape == (64, 3, 3, 3) and model.fc6.W.shape == (25088, 4096)


def test_outputs_equal_pytorchs_with_the_same_weights(model):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    C, parts = 3, {}
    for name, layer in model.named_layers():
        if name.startswith("conv"):
            parts[name] = nn.Conv2d(C, layer.out_channels, 3, padding=1)
            C = layer.out_channels
    with torch.no_grad():
        for name, sizes in (("fc6", (25088, 4096)), ("fc7", (4096, 4096)), ("fc8", (4096, 1000))):
            parts[name] = nn.Linear(*sizes, device="meta").to_empty(device="cpu")
            for p in parts[name].parameters():
                p.uniform_(-0.02, 0.02)
        x = np.random.default_rng(0).standard_normal((1, 3, 224, 224)).astype(np.float32)
        y = torch.tensor(x)
        for name in CONVOLUTIONS:
            y = parts[name](y).relu()
            if name in ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3"):
                y = nn.functional.max_pool2d(y, 2)
        expected = parts["fc8"](parts["fc7"](parts["fc6"](y.flatten(1)).relu()).relu()).numpy()
    take_weights(model, nn.ModuleDict(parts))
    with in_test_mode(), no_grad():
        found = model(x)
    assert found.shape == (1, 1000) and found.dtype == np.float32
    assert np.allclose(found.data, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.fixture
def small(monkeypatch):
    """A VGG16 of the same layers with few channels in its convolutions."""
    monkeypatch.setattr(vgg, "BLOCKS", ((2, 2), (2, 2), (3, 2), (3, 2), (3, 1)))
    return VGG16


def test_weights_start_as_suits_relu_and_go_to_a_file_and_back(small, tmp_path):
    np.random.seed(0)
    model = small()
    assert np.isclose(model.fc7.W.data.std(), np.sqrt(2 / 4096), rtol=1e-2)
    model.save_weights(tmp_path / "w.npz")
    arrays = load_npz(tmp_path / "w.npz")
    assert list(arrays) == [name for name, _ in model.named_params()]
    before = np.random.get_state()[1].copy()
    loaded = small(pretrained=tmp_path / "w.npz")
    assert np.array_equal(np.random.get_state()[1], before), "nothing is drawn where weights are loaded"
    assert all(np.array_equal(p.data, arrays[name]) for name, p in loaded.named_params())


def test_weights_of_another_dtype_are_refused(small, tmp_path):
    model = small()
    model.fc8.b.data = model.fc8.b.data.astype(np.float64)
    model.save_weights(tmp_path / "w.npz")
    with pytest.raises(ValueError, match="fc8/b is float64 in the file, float32 in the model"):
        small(pretrained=tmp_path / "w.npz")


def test_dropout_is_on_in_train_mode_alone(small):
    np.random.seed(0)
    model, x = small(), np.ones((1, 3, 224, 224), np.float32)
    model.conv5_3.b.data += 100  # so few channels may all be off
    with no_grad():
        assert not np.array_equal(model(x).data, model(x).data)
        with in_test_mode():
            assert np.array_equal(model(x).data, model(x).data)


def test_its_graph_is_drawn_with_names_that_a_reader_knows(small, tmp_path):
    small().plot(np.zeros((1, 3, 224, 224), np.float32), to_file=tmp_path / "vgg16.dot")
    text = (tmp_path / "vgg16.dot").read_text(encoding="utf-8")
    assert text.count('label="Conv2d"') == 13 and text.count('label="Linear"') == 3
