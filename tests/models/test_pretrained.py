"""Published weights come from a data folder, the cache or a server, and are checked; pictures are prepared for them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from dezero.layers import Linear
from dezero.models import VGG16, ResNet, SqueezeNet, pretrained
from dezero.models.pretrained import PUBLISHED, Published, find_weights, load_pretrained, unwritten

CONTENT = b"some weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """An empty data folder, and an empty cache."""
    data, cache = tmp_path / "data", tmp_path / "cache"
    monkeypatch.setenv("DEZERO_DATA_DIR", str(data))
    monkeypatch.setenv("DEZERO_CACHE_DIR", str(cache))
    for folder in (data, cache):
        (folder / "squeezenet").mkdir(parents=True)
    return data, cache


@pytest.fixture
def known(monkeypatch):
    """SqueezeNet's file is to hold ``CONTENT``."""
    monkeypatch.setitem(PUBLISHED, "squeezenet", PUBLISHED["squeezenet"]._replace(sha256=SHA256))
    return "squeezenet/squeezenet_v1.1.npz"


def test_a_file_in_the_data_folder_comes_first_then_that_in_the_cache(folders, known):
    data, cache = folders
    (cache / known).write_bytes(CONTENT)
    assert find_weights("squeezenet") == str(cache / known)
    (data / known).write_bytes(CONTENT)
    assert find_weights("squeezenet") == str(data / known)


def test_a_file_with_another_checksum_is_refused(folders, known):
    _, cache = folders
    (cache / known).write_bytes(b"something else")
    found = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(ValueError, match=rf"v1.1.npz has the sha256 {found}, wanted {SHA256}. Replace it"):
        find_weights("squeezenet")


def test_weights_that_are_on_no_server_say_where_they_are_wanted(folders):
    _, cache = folders
    with pytest.raises(FileNotFoundError) as caught:
        SqueezeNet(pretrained=True)
    text = str(caught.value)
    assert str(cache / "squeezenet/squeezenet_v1.1.npz") in text and "d7d956eb5752" in text
    assert "pretrained='path/to/file.npz'" in text


def test_weights_on_a_server_are_downloaded_to_the_cache_and_checked(folders, monkeypatch, tmp_path):
    _, cache = folders
    server = tmp_path / "server.npz"
    server.write_bytes(CONTENT)
    monkeypatch.setitem(PUBLISHED, "vgg16", Published((server.as_uri(),), "vgg16.npz", SHA256))
    assert find_weights("vgg16") == str(cache / "vgg16.npz")
    server.unlink()
    assert Path(find_weights("vgg16")).read_bytes() == CONTENT, "from the cache"


def test_the_books_files_are_taken_from_where_the_books_package_puts_them(folders, monkeypatch):
    _, cache = folders
    assert all(PUBLISHED[name].sha256 is None for name in ("vgg16", "resnet50", "resnet101", "resnet152"))
    (cache / "resnet50.npz").write_bytes(CONTENT)
    assert find_weights("resnet50") == str(cache / "resnet50.npz")


def test_a_damaged_file_without_a_checksum_is_found_out_when_it_is_loaded(folders):
    _, cache = folders
    (cache / "resnet50.npz").write_bytes(CONTENT)
    with pytest.raises(ValueError, match=r"resnet50.npz is damaged or no .npz file of plain arrays"):
        ResNet(50, pretrained=True)


def test_a_path_is_loaded_as_it_is(tmp_path):
    layer, other = Linear(2, in_size=3), Linear(2, in_size=3)
    layer.save_weights(tmp_path / "w.npz")
    load_pretrained(other, str(tmp_path / "w.npz"), "vgg16")
    assert np.array_equal(layer.W.data, other.W.data)
    load_pretrained(other, tmp_path / "w.npz", "vgg16")


def test_something_else_than_a_path_is_named():
    with pytest.raises(TypeError, match="squeezenet: pretrained must be True, False or the path of a file, got 1"):
        SqueezeNet(pretrained=1)


def test_memory_for_weights_to_come_is_of_their_dtype():
    W = unwritten((3, 4))
    assert (W.shape, W.dtype) == ((3, 4), np.float32)


# ---- pictures


@pytest.mark.parametrize(
    ("model", "side", "mean"),
    [
        (VGG16, 224, (103.939, 116.779, 123.68)),
        (ResNet, 224, (103.063, 115.903, 123.152)),
        (SqueezeNet, 227, (104.0, 117.0, 123.0)),
    ],
)
def test_pictures_become_blue_green_red_less_the_mean(model, side, mean):
    Image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    x = model.preprocess(image)
    assert (x.shape, x.dtype) == ((3, side, side), np.float32) and x.flags.c_contiguous
    resized = np.asarray(image.resize((side, side), Image.Resampling.BILINEAR)).astype(np.float64)
    expected = [resized[:, :, 2 - i] - mean[i] for i in range(3)]
    assert np.allclose(x, expected, rtol=0, atol=1e-4)


def test_pictures_take_other_sizes_modes_and_dtypes():
    Image = pytest.importorskip("PIL.Image")
    image = Image.fromarray(np.full((30, 40), 100, np.uint8))  # grey
    assert VGG16.preprocess(image, None).shape == (3, 30, 40)
    assert VGG16.preprocess(image, (8, 6)).shape == (3, 6, 8), "width, height"
    x = VGG16.preprocess(image, 4, np.float64)
    assert (x.shape, x.dtype) == ((3, 4, 4), np.float64)
    assert np.allclose(x[0], 100 - 103.939)
    with pytest.raises(TypeError, match="preprocess needs a PIL image, got ndarray. Open it"):
        VGG16.preprocess(np.zeros((4, 4, 3)))
    assert pretrained.BILINEAR == Image.Resampling.BILINEAR
