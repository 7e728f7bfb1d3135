from __future__ import annotations

import gzip
import hashlib
import io
import tarfile

import numpy as np
import pytest

from dezero.datasets import CIFAR10, CIFAR100, cifar

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (12, 3072), dtype=np.uint8)
TEN = RNG.integers(0, 10, (12, 1), dtype=np.uint8)
COARSE_FINE = np.stack([np.arange(12) % 20, np.arange(12) * 8], axis=1).astype(np.uint8)


def records(labels, which=slice(None)):
    return np.hstack([labels, PIXELS])[which].tobytes()


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return folder


def write_tar(path, files, mode="w:gz"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


BATCHES = {f"data_batch_{i + 1}.bin": records(TEN, slice(2 * i, 2 * i + 2)) for i in range(5)}
OFFICIAL = BATCHES | {"test_batch.bin": records(TEN, slice(10, 12))}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """No data folder, an empty cache, no waiting."""
    monkeypatch.delenv("DEZERO_DATA_DIR", raising=False)
    monkeypatch.setenv("DEZERO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("dezero.download.time.sleep", lambda seconds: None)


def check(train, test):
    assert train.data.shape == (10, 3, 32, 32) and test.data.shape == (2, 3, 32, 32)
    assert train.data.dtype == np.uint8 and train.label.dtype == np.int64
    np.testing.assert_array_equal(train.data.reshape(10, 3072), PIXELS[:10])
    np.testing.assert_array_equal(test.data.reshape(2, 3072), PIXELS[10:])
    assert train.label.tolist() + test.label.tolist() == TEN[:, 0].tolist()


PLACES = {
    "files": lambda top: write(top, OFFICIAL),
    "gzip files": lambda top: write(top, {f"{name}.gz": content for name, content in OFFICIAL.items()}),
    "unpacked archive": lambda top: write(top / "cifar-10-batches-bin", OFFICIAL).parent,
    "folder with archive": lambda top: (
        write_tar(top / "cifar-10-binary.tar.gz", {f"cifar-10-batches-bin/{n}": c for n, c in OFFICIAL.items()}).parent
    ),
    "archive": lambda top: write_tar(top / "any.tgz", {f"./cifar-10-batches-bin/{n}": c for n, c in OFFICIAL.items()}),
    "plain tar": lambda top: write_tar(
        top / "any.tar", {f"cifar-10-batches-bin/{n}": c for n, c in OFFICIAL.items()}, mode="w"
    ),
}


@pytest.mark.parametrize("make", PLACES.values(), ids=PLACES.keys())
def test_the_official_files_are_read_wherever_they_are(make, tmp_path):
    root = make(tmp_path / "root")
    check(CIFAR10(root=root), CIFAR10(train=False, root=str(root)))


def test_a_folder_may_hold_parts_of_the_files(tmp_path):
    root = write(
        tmp_path, {"data_batch_1_first.bin.gz": records(TEN, slice(0, 3)), "data_batch_2_first.bin": records(TEN, [5])}
    )
    assert CIFAR10(root=root).label.tolist() == [*TEN[:3, 0].tolist(), TEN[5, 0]]
    with pytest.raises(
        FileNotFoundError, match=r"CIFAR10: there is none of test_batch.bin, test_batch\*.bin, cifar-10"
    ):
        CIFAR10(train=False, root=root)


def test_a_single_file_is_read_for_either_part(tmp_path):
    root = write(tmp_path, {"mine.bin": records(TEN), "yours.bin.gz": records(TEN)})
    for name in ("mine.bin", "yours.bin.gz"):
        assert len(CIFAR10(root=root / name)) == len(CIFAR10(train=False, root=root / name)) == 12


def test_a_file_that_is_there_twice_is_read_once(tmp_path):
    root = write(tmp_path, BATCHES | {f"{name}.gz": b"not looked at" for name in BATCHES})
    assert len(CIFAR10(root=root)) == 10


def test_a_missing_batch_is_an_error_and_not_a_smaller_data_set(tmp_path):
    root = write(tmp_path, {name: content for name, content in BATCHES.items() if "3" not in name})
    with pytest.raises(FileNotFoundError, match=r"CIFAR10: .* has no data_batch_3.bin, but the others"):
        CIFAR10(root=root)


def test_coarse_and_fine_labels_are_both_there_and_never_mixed_up(tmp_path):
    root = write(tmp_path, {"train.bin": records(COARSE_FINE), "test.bin": records(COARSE_FINE, slice(0, 4))})
    fine, coarse = CIFAR100(root=root), CIFAR100(label_type="coarse", root=root)
    assert fine.label.tolist() == fine.fine.tolist() == coarse.fine.tolist() == COARSE_FINE[:, 1].tolist()
    assert coarse.label.tolist() == fine.coarse.tolist() == COARSE_FINE[:, 0].tolist()
    np.testing.assert_array_equal(fine.data.reshape(12, 3072), PIXELS)
    assert len(CIFAR100(train=False, root=root)) == 4
    with pytest.raises(ValueError, match="CIFAR100: label_type must be 'fine' or 'coarse', got 'medium'"):
        CIFAR100(label_type="medium", root=root)


def test_by_default_pictures_are_scaled_before_they_are_centred(tmp_path):
    root = write(tmp_path, OFFICIAL)
    x, _ = CIFAR10(root=root)[0]
    assert x.shape == (3, 32, 32) and x.dtype == np.float32 and -1 <= x.min() < -0.9 and 0.9 < x.max() <= 1


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (records(TEN)[:-1], r"x.bin has 36875 bytes, but records of 3073 bytes are wanted"),
        (b"", r"x.bin has 0 bytes"),
        (records(TEN + 4), r"x.bin has labels up to \[1[0-3]\], but \[9\] is the most"),
        (gzip.compress(records(TEN))[:-5], r"x.bin breaks off in its gzip data"),
        (gzip.compress(records(TEN))[:10_000], r"x.bin breaks off in its gzip data"),
    ],
)
def test_a_bad_file_says_where_it_is_and_what_is_wrong(content, text, tmp_path):
    (tmp_path / "x.bin").write_bytes(content)
    with pytest.raises(ValueError, match=f"CIFAR10: {text}") as caught:
        CIFAR10(root=tmp_path / "x.bin")
    assert str(caught.value).endswith(f"({tmp_path}). Delete it and try again.")


def test_more_records_than_there_can_be_are_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar, "_MAX_RECORDS", 11)
    (tmp_path / "x.bin").write_bytes(gzip.compress(records(TEN) * 100))
    with pytest.raises(ValueError, match=r"x.bin has more than 11 records of 3073 bytes"):
        CIFAR10(root=tmp_path / "x.bin")


def test_archive_members_never_leave_their_folder(tmp_path):
    good = {f"cifar-10-batches-bin/{name}": content for name, content in OFFICIAL.items()}
    evil = {"../escaped.bin": b"1", "/tmp/dezero-escaped.bin": b"2", "cifar-10-batches-bin/../../escaped.bin": b"3"}
    path = write_tar(tmp_path / "in" / "x.tar.gz", evil | good)
    check(CIFAR10(root=path), CIFAR10(train=False, root=path))
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["in", "x.tar.gz"]  # nothing is unpacked at all


def test_a_link_in_an_archive_is_not_followed(tmp_path):
    (tmp_path / "secret").write_bytes(records(TEN))
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        link = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
        archive.addfile(link)
    with pytest.raises(ValueError, match=r"x.tar does not hold cifar-10-batches-bin/test_batch.bin"):
        CIFAR10(train=False, root=tmp_path / "x.tar")


@pytest.mark.parametrize("keep", [0, 5, 0.3, 0.9])
def test_an_archive_that_breaks_off_is_an_error(keep, tmp_path):
    path = write_tar(tmp_path / "x.tar.gz", {f"cifar-10-batches-bin/{n}": c for n, c in OFFICIAL.items()})
    content = path.read_bytes()
    path.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    with pytest.raises(ValueError, match=r"CIFAR10: x.tar.gz is no whole tar archive .*Delete it and try again"):
        CIFAR10(root=path)


def test_the_archive_is_downloaded_checked_and_kept(tmp_path, monkeypatch):
    mirror = write_tar(
        tmp_path / "mirror" / "cifar-10-binary.tar.gz", {f"cifar-10-batches-bin/{n}": c for n, c in OFFICIAL.items()}
    )
    monkeypatch.setattr(cifar, "_SITE", mirror.parent.as_uri() + "/")
    with pytest.raises(OSError, match="md5 is"):
        CIFAR10()
    monkeypatch.setattr(CIFAR10, "_md5", hashlib.md5(mirror.read_bytes()).hexdigest())
    check(CIFAR10(), CIFAR10(train=False))
    monkeypatch.setattr(cifar, "_SITE", "http://127.0.0.1:1/")
    check(CIFAR10(), CIFAR10(train=False))
    assert [p.name for p in (tmp_path / "cache" / "cifar10").iterdir()] == ["cifar-10-binary.tar.gz"]


def test_the_data_folder_of_the_environment_is_used(tmp_path, monkeypatch):
    write(tmp_path / "data" / "cifar10", OFFICIAL)
    monkeypatch.setenv("DEZERO_DATA_DIR", str(tmp_path / "data"))
    check(CIFAR10(), CIFAR10(train=False))


def test_labels_have_names():
    assert CIFAR10.labels()[0] == "airplane" and len(CIFAR10.labels()) == 10
    for kind, number in (("fine", 100), ("coarse", 20)):
        names = list(CIFAR100.labels(kind).values())
        assert len(names) == len(set(names)) == number and names == sorted(names)
    with pytest.raises(ValueError, match="label_type"):
        CIFAR100.labels("medium")


def test_the_real_files_are_what_the_class_expects(data_dir):
    root = data_dir / "cifar10"
    if not root.is_dir():
        pytest.skip(f"no real data files: {root} is no folder.")
    train, test = CIFAR10(root=root), CIFAR10(train=False, root=root)
    assert train.data.shape == (4000, 3, 32, 32) and test.data.shape == (1000, 3, 32, 32)
    assert train.data[0, :, 0, 0].tolist() == [59, 62, 63]  # as data_batch_1 begins
    names = (root / "batches.meta.txt").read_text().split()
    assert names == list(CIFAR10.labels().values())
    assert [names[t] for t in train.label[:3].tolist()] == ["frog", "truck", "truck"]
