from __future__ import annotations

import hashlib

import numpy as np
import pytest

from dezero.dataloaders import SeqDataLoader
from dezero.datasets import Shakespear, Shakespeare, SinCurve

TEXT = "to be, or not to be: that is the question\n" * 10


@pytest.fixture
def root(tmp_path):
    (tmp_path / "input.txt").write_text(TEXT)
    return tmp_path


@pytest.mark.parametrize("train", [True, False])
def test_the_label_is_the_next_value(train):
    curve = SinCurve(train=train)
    assert curve.data.shape == curve.label.shape == (999, 1) and curve.data.dtype == np.float32
    np.testing.assert_array_equal(curve.data[1:], curve.label[:-1])


def test_training_is_on_a_noisy_sine_and_testing_on_a_clean_cosine():
    x = np.linspace(0, 2 * np.pi, 1000)[:-1]
    noise = SinCurve().data[:, 0] - np.sin(x)
    assert np.abs(noise).max() < 0.0501 and noise.std() == pytest.approx(0.1 / np.sqrt(12), rel=0.1)
    np.testing.assert_allclose(SinCurve(train=False).data[:, 0], np.cos(x), atol=1e-6)


def test_the_noise_is_the_same_each_time_and_leaves_the_random_state_alone():
    before = np.random.get_state()
    np.testing.assert_array_equal(SinCurve().data, SinCurve().data)
    assert (np.random.get_state()[1] == before[1]).all()


def test_a_curve_can_be_walked_through_and_read_by_a_sequence_loader():
    curve = SinCurve()
    assert len([x.reshape(1, 1) for x, t in curve]) == 999
    batches = list(SeqDataLoader(curve, batch_size=30))
    assert len(batches) == 33 and batches[0][0].shape == batches[0][1].shape == (30, 1)
    np.testing.assert_array_equal(np.stack([x[:, 0] for x, t in batches], axis=1).ravel(), curve.data[:990, 0])


@pytest.mark.parametrize("train", [True, False])
def test_the_label_is_the_next_letter(train, root):
    text = Shakespeare(train=train, root=root)
    assert text.data.dtype == text.label.dtype == np.int64 and text.data.ndim == 1
    np.testing.assert_array_equal(text.data[1:], text.label[:-1])


@pytest.mark.parametrize("train", [True, False])
def test_the_text_is_whole(root, train):
    text = Shakespeare(train=train, root=root)
    assert "".join(text.id_to_char[i] for i in [*text.data.tolist(), int(text.label[-1])]) == TEXT


def test_letters_are_numbered_as_they_come(root):
    text = Shakespeare(root=root)
    assert [text.id_to_char[i] for i in range(5)] == ["t", "o", " ", "b", "e"]
    assert {text.char_to_id[c]: c for c in TEXT} == text.id_to_char


def test_the_books_spelling_is_the_same_class():
    assert Shakespear is Shakespeare


def test_a_text_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Shakespeare: there is no input.txt in "):
        Shakespeare(root=tmp_path)


def test_the_real_text_is_what_the_class_expects(data_dir):
    root = data_dir / "tinyshakespeare"
    if not root.is_dir():
        pytest.skip(f"no real data files: {root} is no folder.")
    text = Shakespeare(root=root)
    assert (len(text), len(text.char_to_id)) == (1_115_393, 65)
    assert "".join(text.id_to_char[i] for i in text.data[:13].tolist()) == "First Citizen"
    assert hashlib.sha256((root / "input.txt").read_bytes()).hexdigest() == Shakespeare._sha256
