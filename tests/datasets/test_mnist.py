from __future__ import annotations

import gzip
import hashlib
import struct

import numpy as np
import pytest

from dezero.dataloaders import DataLoader
from dezero.datasets import MNIST, FashionMNIST

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 28, 28), dtype=np.uint8)
LABELS = np.arange(7, dtype=np.uint8)


def idx(x):
    return struct.pack(f">BBBB{x.ndim}I", 0, 0, 8, x.ndim, *x.shape) + x.tobytes()


def write(folder, images=IMAGES, labels=LABELS, part="t10k", zipped=False):
    """A small MNIST in ``folder``."""
    pack, ending = (gzip.compress, ".gz") if zipped else (bytes, "")
    (folder / f"{part}-images-idx3-ubyte{ending}").write_bytes(pack(idx(images)))
    (folder / f"{part}-labels-idx1-ubyte{ending}").write_bytes(pack(idx(labels)))
    return folder


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """No data folder, an empty cache, no waiting."""
    monkeypatch.delenv("DEZERO_DATA_DIR", raising=False)
    monkeypatch.setenv("DEZERO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("dezero.download.time.sleep", lambda seconds: None)


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("train", [False, True])
def test_a_folder_of_idx_files_is_read(train, zipped, tmp_path):
    mnist = MNIST(train=train, root=write(tmp_path, part="train" if train else "t10k", zipped=zipped))
    assert mnist.data.shape == (7, 1, 28, 28) and mnist.data.dtype == np.uint8 and len(mnist) == 7
    np.testing.assert_array_equal(mnist.data[:, 0], IMAGES)
    assert mnist.label.tolist() == list(range(7)) and mnist.label.dtype == np.int64


def test_by_default_a_sample_is_a_vector_from_0_to_1(tmp_path):
    x, t = MNIST(train=False, root=write(tmp_path))[3]
    assert x.dtype == np.float32 and t == 3
    np.testing.assert_array_equal(x, IMAGES[3].reshape(784).astype(np.float32) / np.float32(255))


def test_without_a_transform_a_sample_is_a_picture(tmp_path):
    x, _ = MNIST(train=False, transform=None, root=write(tmp_path))[0]
    assert x.shape == (1, 28, 28) and x.dtype == np.uint8


def test_the_books_own_transform_works_and_leaves_the_data_alone(tmp_path):
    def scale(x):
        x = x.flatten().astype(np.float32)
        x /= 255.0
        return x

    mnist = MNIST(train=False, transform=scale, root=write(tmp_path))
    x, _ = next(iter(DataLoader(mnist, 7, shuffle=False)))
    np.testing.assert_array_equal(x, next(iter(DataLoader(MNIST(train=False, root=tmp_path), 7, shuffle=False)))[0])
    np.testing.assert_array_equal(mnist.data[:, 0], IMAGES)


def test_files_that_are_not_in_the_given_folder_are_an_error(tmp_path):
    text = r"MNIST: there is no train-images-idx3-ubyte.gz or train-images-idx3-ubyte in "
    with pytest.raises(FileNotFoundError, match=text):
        MNIST(root=write(tmp_path))
    with pytest.raises(FileNotFoundError, match="FashionMNIST: there is no"):
        FashionMNIST(root=tmp_path)


@pytest.mark.parametrize(
    ("images", "labels", "text"),
    [
        (IMAGES[:, :27], LABELS, r"t10k-images-idx3-ubyte has pictures of shape \(27, 28\), but \(28, 28\) is wanted"),
        (IMAGES, LABELS[:5], r"t10k-labels-idx1-ubyte has 5 labels for 7 pictures"),
        (IMAGES, LABELS + 4, r"t10k-labels-idx1-ubyte has the label 10, but 0 to 9 are wanted"),
        (LABELS, LABELS, r"t10k-images-idx3-ubyte has 1 axes, but 3 are wanted"),
    ],
)
def test_files_that_do_not_belong_together_are_an_error(images, labels, text, tmp_path):
    with pytest.raises(ValueError, match=f"MNIST: {text} .*Delete it and try again"):
        MNIST(train=False, root=write(tmp_path, images, labels))


@pytest.mark.parametrize(("kind", "folder"), [(MNIST, "mnist"), (FashionMNIST, "fashion_mnist")])
def test_the_data_folder_of_the_environment_is_used(kind, folder, tmp_path, monkeypatch):
    (tmp_path / "data" / folder).mkdir(parents=True)
    write(tmp_path / "data" / folder)
    monkeypatch.setenv("DEZERO_DATA_DIR", str(tmp_path / "data"))
    assert len(kind(train=False)) == 7


def test_a_download_is_checked_kept_and_not_repeated(tmp_path, monkeypatch):
    (tmp_path / "mirror").mkdir()
    write(tmp_path / "mirror", zipped=True)
    sums = {p.stem: hashlib.sha256(p.read_bytes()).hexdigest() for p in (tmp_path / "mirror").iterdir()}
    monkeypatch.setattr(MNIST, "_mirrors", ("http://127.0.0.1:1/", (tmp_path / "mirror").as_uri() + "/"))
    with pytest.raises(OSError, match="sha256 is"):  # the mirror's files are not the real ones
        MNIST(train=False)
    assert list((tmp_path / "cache" / "mnist").iterdir()) == []
    monkeypatch.setattr(MNIST, "_sha256", sums)
    assert len(MNIST(train=False)) == 7
    monkeypatch.setattr(MNIST, "_mirrors", ("http://127.0.0.1:1/",))
    assert len(MNIST(train=False)) == 7


def test_offline_the_message_says_where_the_file_may_be_put(tmp_path, monkeypatch):
    monkeypatch.setattr(MNIST, "_mirrors", ("http://127.0.0.1:1/",))
    with pytest.raises(OSError, match="put the file there by hand: folder") as caught:
        MNIST()
    assert f"folder {tmp_path / 'cache' / 'mnist'}, file name train-images-idx3-ubyte.gz" in str(caught.value)
    (tmp_path / "cache" / "mnist").mkdir(exist_ok=True)
    write(tmp_path / "cache" / "mnist", part="train")  # by hand, unpacked
    assert len(MNIST()) == 7


def test_show_returns_a_figure(tmp_path):
    pytest.importorskip("matplotlib")
    (image,) = MNIST(train=False, root=write(tmp_path)).show(row=2, col=3).axes[0].get_images()
    assert image.get_array().shape == (56, 84)


def test_labels_have_names():
    assert MNIST.labels() == {i: str(i) for i in range(10)}
    assert list(FashionMNIST.labels()) == list(range(10)) and FashionMNIST.labels()[9] == "Ankle boot"


@pytest.mark.parametrize(
    ("kind", "folder", "first"),
    [(MNIST, "mnist", [5, 0, 4, 1, 9, 2]), (FashionMNIST, "fashion_mnist", [9, 0, 0, 3, 0, 2])],
)
def test_the_real_files_are_what_the_class_expects(kind, folder, first, data_dir):
    root = data_dir / folder
    if not root.is_dir():
        pytest.skip(f"no real data files: {root} is no folder.")
    train, test = kind(root=root), kind(train=False, root=root)
    assert train.data.shape == (60_000, 1, 28, 28) and test.data.shape == (10_000, 1, 28, 28)
    assert train.label[:6].tolist() == first
    assert np.bincount(test.label).min() > 800 and set(test.label.tolist()) == set(range(10))
    for name, sha256 in kind._sha256.items():
        assert hashlib.sha256((root / f"{name}.gz").read_bytes()).hexdigest() == sha256
    mean = train.data.mean() / 255  # as published
    assert mean == pytest.approx({MNIST: 0.1307, FashionMNIST: 0.2860}[kind], abs=1e-4)
