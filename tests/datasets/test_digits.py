from __future__ import annotations

import os

import numpy as np
import pytest

from dezero.dataloaders import DataLoader
from dezero.datasets import Digits, digits


def test_the_digits_come_with_the_package():
    train, test = Digits(), Digits(train=False)
    assert train.data.shape == (1442, 1, 8, 8) and test.data.shape == (355, 1, 8, 8)
    for part in (train, test):
        assert part.data.dtype == np.uint8 and part.data.min() == 0 and part.data.max() == 16
        assert part.label.dtype == np.int64 and len(part.label) == len(part)


def test_the_file_is_small_and_says_whose_work_it_is():
    assert os.path.getsize(digits._FILE) < 100_000
    with open(os.path.join(os.path.dirname(digits._FILE), "digits.txt"), encoding="utf-8") as file:
        text = file.read()
    for words in ("E. Alpaydin and C. Kaynak", "Optical Recognition of Handwritten Digits", "1998", "CC BY 4.0"):
        assert words in text


def test_the_split_never_changes_and_has_every_digit_in_proportion():
    train, test = Digits(), Digits(train=False)
    assert np.bincount(train.label).tolist() == [143, 146, 142, 147, 145, 146, 145, 144, 140, 144]
    assert np.bincount(test.label).tolist() == [35, 36, 35, 36, 36, 36, 36, 35, 34, 36]
    assert train.label[:20].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] * 2
    np.testing.assert_array_equal(Digits(train=False).data, test.data)


def test_no_picture_is_in_both_parts():
    train, test = ({x.tobytes() for x in Digits(train).data} for train in (True, False))
    assert not train & test


def test_by_default_a_sample_is_a_picture_from_0_to_1():
    x, t = Digits()[0]
    assert x.shape == (1, 8, 8) and x.dtype == np.float32 and x.min() == 0 and x.max() == 15 / 16 and t == 0
    batch, _ = next(iter(DataLoader(Digits(), 1442)))
    assert batch.shape == (1442, 1, 8, 8) and batch.dtype == np.float32 and batch.max() == 1
    assert Digits(transform=None)[0][0].dtype == np.uint8 and Digits.labels()[7] == "7"


def test_they_are_the_digits_of_scikit_learn():
    theirs = pytest.importorskip("sklearn.datasets").load_digits()
    both = np.concatenate([Digits().data, Digits(train=False).data]).reshape(-1, 64)
    labels = np.concatenate([Digits().label, Digits(train=False).label])
    ours = sorted(zip(both.tolist(), labels.tolist(), strict=True))
    assert ours == sorted(zip(theirs.data.astype(int).tolist(), theirs.target.tolist(), strict=True))
