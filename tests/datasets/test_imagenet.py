from __future__ import annotations

import hashlib

import pytest

from dezero.datasets import ImageNet, imagenet

LINES = [f"n{i:08d} class {i}, also c{i}" for i in range(1000)]


def write(folder, lines):
    (folder / "synset_words.txt").write_text("\n".join(lines) + "\n")
    return folder


def test_labels_are_the_names_by_number(tmp_path):
    labels = ImageNet.labels(write(tmp_path, LINES))
    assert list(labels) == list(range(1000)) and labels[7] == "class 7, also c7"


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (LINES[:-1], "has 999 lines, but 1000 are wanted"),
        ([*LINES[:5], "__import__('os')", *LINES[6:]], r"has the line 6 \"__import__\('os'\)\", but 'n01440764 tench'"),
        ([*LINES[:999], "n00000999 "], "has the line 1000"),
    ],
)
def test_something_else_is_an_error_and_is_never_run(lines, text, tmp_path):
    with pytest.raises(ValueError, match=f"ImageNet: synset_words.txt {text}"):
        ImageNet.labels(write(tmp_path, lines))


def test_the_data_folder_of_the_environment_is_used(tmp_path, monkeypatch):
    (tmp_path / "squeezenet").mkdir()
    write(tmp_path / "squeezenet", LINES)
    monkeypatch.setenv("DEZERO_DATA_DIR", str(tmp_path))
    assert ImageNet.labels()[999].startswith("class 999")


def test_the_real_list_is_what_the_class_expects(data_dir):
    path = data_dir / "squeezenet" / "synset_words.txt"
    if not path.is_file():
        pytest.skip(f"no real data files: {path} is no file.")
    labels = ImageNet.labels(path.parent)
    assert labels[0] == "tench, Tinca tinca" and labels[285] == "Egyptian cat" and labels[967] == "espresso"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == imagenet._SHA256
