from __future__ import annotations

import os

import pytest

from dezero.files import atomic_file


def test_an_atomic_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "notes.txt"
    with atomic_file(path) as file:
        file.write(b"half")
        assert not path.exists()
        file.write(b" and half")
    assert path.read_bytes() == b"half and half"


def test_two_writers_do_not_share_a_file(tmp_path):
    path = tmp_path / "notes.txt"
    with atomic_file(path) as first, atomic_file(path) as second:
        first.write(b"first")
        second.write(b"second")
    assert path.read_bytes() == b"first", "the one that ended last"
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_an_interrupted_write_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), atomic_file(path) as file:
        file.write(b"half of the n")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["notes.txt"]


def test_a_folder_that_is_missing_is_named(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match="There is no folder .*nowhere to write notes.txt in"),
        atomic_file(tmp_path / "nowhere" / "notes.txt"),
    ):
        pass
