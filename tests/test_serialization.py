"""Weight files: what is written comes back, and an interrupted save leaves the old file whole."""

from __future__ import annotations

import os
import stat
import zipfile

import numpy as np
import pytest

from dezero.core import Parameter
from dezero.serialization import load_npz, save_npz


def test_arrays_come_back_with_names_order_dtypes_and_shapes(tmp_path):
    arrays = {
        "l1/W": np.arange(6, dtype=np.float32).reshape(2, 3),
        "file": np.float64(0.5),  # np.savez cannot take a name that is one of its own parameters
        "empty": np.zeros((0, 3), np.int16),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "view": np.arange(10.0)[::-2],
        "step": 3,
    }
    save_npz(tmp_path / "a.npz", arrays)
    back = load_npz(tmp_path / "a.npz")
    assert list(back) == list(arrays)
    for name, array in arrays.items():
        assert back[name].dtype == np.asarray(array).dtype
        assert np.array_equal(back[name], array)


def test_numpy_reads_the_files_and_the_files_of_numpy_are_read(tmp_path):
    save_npz(tmp_path / "ours.npz", {"l1/W": np.ones(2)})
    with np.load(tmp_path / "ours.npz") as archive:
        assert archive["l1/W"].tolist() == [1.0, 1.0]
    np.savez_compressed(tmp_path / "theirs.npz", **{"l1/W": np.ones(2)})
    assert load_npz(tmp_path / "theirs.npz")["l1/W"].tolist() == [1.0, 1.0]


def test_arrays_of_a_device_and_variables_are_saved(xp, tmp_path):
    save_npz(tmp_path / "a.npz", {"W": Parameter(xp.asarray(np.arange(3.0))), "b": xp.asarray(np.ones(2))})
    back = load_npz(tmp_path / "a.npz")
    assert back["W"].tolist() == [0.0, 1.0, 2.0]
    assert back["b"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("name", ["weights", "weights.bin", "größe 1.npz"])
def test_the_exact_path_is_used(tmp_path, name):
    save_npz(str(tmp_path / name), {"x": np.zeros(1)})
    assert os.listdir(tmp_path) == [name]
    assert list(load_npz(os.fsencode(tmp_path / name))) == ["x"]


def test_equal_arrays_make_equal_files(tmp_path, monkeypatch):
    save_npz(tmp_path / "a.npz", {"x": np.arange(5.0)})
    monkeypatch.setattr("time.time", lambda: 0.0)
    save_npz(tmp_path / "b.npz", {"x": np.arange(5.0)})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


class Unreadable:
    """Something like a model whose second array cannot be had: the save stops half-way."""

    def __init__(self, error: BaseException):
        self.error = error

    def items(self):
        yield "x", np.zeros(10000)
        raise self.error


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt(), MemoryError()], ids=repr)
def test_an_interrupted_save_leaves_the_old_file_whole_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.npz"
    save_npz(path, {"x": np.ones(3)})
    with pytest.raises(type(error)):
        save_npz(path, Unreadable(error))
    assert load_npz(path)["x"].tolist() == [1.0, 1.0, 1.0]
    assert os.listdir(tmp_path) == ["a.npz"]


def test_a_save_brings_the_file_to_the_disk_before_it_takes_the_place_of_the_old(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (done.append("fsync"), fsync(fd))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append((os.path.dirname(a), b)), replace(a, b))[1])
    path = tmp_path / "a.npz"
    save_npz(path, {"x": np.zeros(1)})
    folder = os.path.realpath(tmp_path)
    assert done[:2] == ["fsync", (folder, os.path.join(folder, "a.npz"))]


@pytest.mark.skipif(os.name != "posix", reason="folders are no files here")
def test_the_new_name_is_brought_to_the_disk_too(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(stat.S_ISDIR(os.fstat(fd).st_mode)))
    save_npz(tmp_path / "a.npz", {"x": np.zeros(1)})
    assert synced == [False, True]


@pytest.mark.skipif(os.name != "posix", reason="needs links and modes")
def test_a_save_keeps_the_mode_and_follows_a_link(tmp_path):
    save_npz(tmp_path / "real.npz", {"x": np.zeros(1)})
    plain = tmp_path / "plain"
    plain.touch()
    assert (tmp_path / "real.npz").stat().st_mode == plain.stat().st_mode, "a new file has the usual mode"
    (tmp_path / "real.npz").chmod(0o640)
    (tmp_path / "link.npz").symlink_to("real.npz")
    save_npz(tmp_path / "link.npz", {"x": np.ones(1)})
    assert (tmp_path / "link.npz").is_symlink()
    assert stat.S_IMODE((tmp_path / "real.npz").stat().st_mode) == 0o640
    assert load_npz(tmp_path / "real.npz")["x"].tolist() == [1.0]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*runs to write w\.npz in\. Make it first"):
        save_npz(tmp_path / "runs" / "w.npz", {"x": np.zeros(1)})


def test_a_folder_is_no_file_to_save_to(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        save_npz(tmp_path, {"x": np.zeros(1)})


def test_what_would_have_to_be_pickled_is_refused_and_the_old_file_stays(tmp_path):
    save_npz(tmp_path / "a.npz", {"x": np.ones(1)})
    with pytest.raises(TypeError, match="save_npz: W is NoneType; an array of numbers is wanted"):
        save_npz(tmp_path / "a.npz", {"W": None})
    assert list(load_npz(tmp_path / "a.npz")) == ["x"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"load_npz: there is no file .*gone\.npz \(looked in "):
        load_npz(tmp_path / "gone.npz")


def _damaged(path, kind):
    save_npz(path, {"x": np.arange(1000.0), "y": np.zeros(3)})
    whole = path.read_bytes()
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "a flipped bit":
        path.write_bytes(whole[:4000] + bytes([whole[4000] ^ 1]) + whole[4001:])
    elif kind == "text":
        path.write_text("weights")
    elif kind == "an .npy file":
        with open(path, "wb") as file:
            np.save(file, np.zeros(3))
    elif kind == "a zip of other things":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme.txt", "hello")


@pytest.mark.parametrize(
    "kind", ["empty", "truncated", "a flipped bit", "text", "an .npy file", "a zip of other things"]
)
def test_a_damaged_file_is_named(tmp_path, kind):
    path = tmp_path / "bad.npz"
    _damaged(path, kind)
    with pytest.raises(ValueError, match=r"load_npz: .*bad\.npz is damaged or no \.npz file of plain arrays"):
        load_npz(path)


class Bomb:
    """Shows whether it was unpickled."""

    gone_off = False

    def __reduce__(self):
        return setattr, (Bomb, "gone_off", True)


def test_a_pickle_in_a_file_is_not_unpickled(tmp_path):
    np.savez(tmp_path / "bomb.npz", x=np.array([Bomb()], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load_npz(tmp_path / "bomb.npz")
    assert not Bomb.gone_off
