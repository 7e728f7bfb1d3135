"""Knows the digits that ship with the package: 1,797 handwritten ones of 8 x 8 pixels, no network needed."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from ..transforms import Compose, Normalize, ToFloat
from .base import ImageDataset

_FILE = os.path.join(os.path.dirname(__file__), "data", "digits.npz")
_FROM_0_TO_1 = Compose([ToFloat(), Normalize(0.0, 16.0)])


class Digits(ImageDataset):
    """Small handwritten digits: ``data`` is uint8 ``(N, 1, 8, 8)`` from 0 to 16, ``label`` int64 ``(N,)``.

    The split never changes: of the pictures of each digit, in the order of the source, every fifth is for
    testing. That makes 1,442 to train on and 355 to test.

    Args:
        train: The part to train on or the one to test.
        transform: Applied to each picture; by default floats ``(1, 8, 8)`` from 0 to 1.
        target_transform: Applied to each label.

    Example:
        >>> digits = Digits()
        >>> x, t = digits[0]
        >>> x.shape, x.dtype.name, len(digits)
        ((1, 8, 8), 'float32', 1442)

    Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository, 1998 (its test part), CC BY 4.0.
    """

    def __init__(
        self,
        train: bool = True,
        transform: Callable | None = _FROM_0_TO_1,
        target_transform: Callable | None = None,
    ):
        super().__init__(train, transform, target_transform)

    def prepare(self) -> None:
        with np.load(_FILE, allow_pickle=False) as file:
            data, label = file["data"], file["label"].astype(np.int64)
        test = np.zeros(len(label), bool)
        for digit in range(10):
            test[np.flatnonzero(label == digit)[4::5]] = True
        part = ~test if self.train else test
        self.data, self.label = data[part], label[part]

    @staticmethod
    def labels() -> dict[int, str]:
        """What each label stands for."""
        return {i: str(i) for i in range(10)}
