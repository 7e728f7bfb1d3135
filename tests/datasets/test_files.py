from __future__ import annotations

import gzip

import pytest

from dezero.datasets.files import find_file, open_data, read_up_to

URLS = ["http://127.0.0.1:1/things.gz"]


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A root, a data folder and a cache, none with a file in it yet."""
    for name in ("root", "data/things", "cache/things"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setenv("DEZERO_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DEZERO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("dezero.download.time.sleep", lambda seconds: None)
    return tmp_path


def find(root=None):
    return find_file("Things", ["things.gz", "things"], "things", URLS, "0" * 64, root)


def test_root_is_the_only_place_if_given(places):
    (places / "data/things/things").touch()
    with pytest.raises(FileNotFoundError, match=r"Things: there is no things.gz or things in .*root"):
        find(places / "root")
    (places / "root/things").touch()
    assert find(places / "root") == find(str(places / "root")) == str(places / "root/things")


def test_the_data_folder_comes_before_the_cache_and_the_cache_before_the_network(places, monkeypatch):
    with pytest.raises(OSError, match=r"could not download things.gz"):
        find()
    (places / "cache/things/things").touch()
    assert find() == str(places / "cache/things/things")
    (places / "data/things/things").touch()
    assert find() == str(places / "data/things/things")
    (places / "data/things/things.gz").touch()
    assert find() == str(places / "data/things/things.gz")
    monkeypatch.delenv("DEZERO_DATA_DIR")
    assert find() == str(places / "cache/things/things")


@pytest.mark.parametrize("name", ["x", "x.gz"])
def test_a_gzip_file_is_known_by_its_content_and_not_by_its_name(name, tmp_path):
    for content in (b"plain text", gzip.compress(b"plain text")):
        (tmp_path / name).write_bytes(content)
        with open_data("Things", tmp_path / name) as file:
            assert read_up_to(file, 100) == b"plain text"


def test_reading_takes_no_more_than_asked_and_no_more_memory_than_there_is(tmp_path):
    (tmp_path / "x").write_bytes(b"0123456789")
    with open_data("Things", tmp_path / "x") as file:
        assert read_up_to(file, 4) == b"0123"
        assert read_up_to(file, 1 << 60) == b"456789"


def test_damaged_gzip_data_are_an_error_with_the_path(tmp_path):
    content = bytearray(gzip.compress(bytes(range(256)) * 100))
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "x.gz").write_bytes(content)
    error = pytest.raises(ValueError, match=r"Things: x.gz has damaged gzip data: .*\(.*\). Delete it and try again.")
    with error, open_data("Things", tmp_path / "x.gz") as file:
        read_up_to(file, 1 << 20)
        file.read(1)


@pytest.mark.parametrize("left_out", [1, 8, 30])
def test_gzip_data_that_break_off_give_what_there_is_and_then_an_error(left_out, tmp_path):
    (tmp_path / "x.gz").write_bytes(gzip.compress(bytes(range(256)))[:-left_out])
    error = pytest.raises(ValueError, match=r"Things: x.gz breaks off in its gzip data")
    with error, open_data("Things", tmp_path / "x.gz") as file:
        assert bytes(range(256)).startswith(read_up_to(file, 256))
        file.read(1)
