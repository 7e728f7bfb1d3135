"""Knows sequences in which the next step is to be foretold: a sine wave, and the plays of Shakespeare."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from .base import Dataset
from .files import find_file


class SinCurve(Dataset):
    """One period of a wave: ``data`` is float32 ``(999, 1)``, ``label`` the value after each.

    To train on, a sine with even noise up to 0.05 either way, the same each time; to test, a cosine without
    noise.

    Args:
        train: The noisy sine or the clean cosine.
        transform: Applied to each value.
        target_transform: Applied to each next value.

    Example:
        >>> curve = SinCurve()
        >>> bool((curve.label[:-1] == curve.data[1:]).all())
        True
    """

    def prepare(self) -> None:
        x = np.linspace(0, 2 * np.pi, 1000)
        noise = np.random.default_rng(0).uniform(-0.05, 0.05, len(x))
        y = np.sin(x) + noise if self.train else np.cos(x)
        y = y.astype(np.float32)[:, np.newaxis]  # (1000, 1)
        self.data, self.label = y[:-1], y[1:]


class Shakespeare(Dataset):
    """Scenes of Shakespeare, letter by letter: ``data`` is int64 ``(N,)``, ``label`` the letter after each.

    The file ``input.txt`` is looked for in ``root`` if given; otherwise in the folder ``tinyshakespeare`` of
    ``DEZERO_DATA_DIR``, then in the cache, then downloaded. ``char_to_id`` and ``id_to_char`` translate;
    letters are numbered in the order in which they first come in the text.

    Args:
        train: Changes nothing: there is one text, and it is whole either way.
        transform: Applied to each letter's number.
        target_transform: Applied to each next letter's number.
        root: The folder that holds the file.

    Raises:
        FileNotFoundError: ``root`` does not have it.
        OSError: It is nowhere and could not be downloaded.

    Example:
        >>> text = Shakespeare()  # doctest: +SKIP
        >>> "".join(text.id_to_char[i] for i in text.data[:13])  # doctest: +SKIP
        'First Citizen'

    Source: A. Karpathy, tinyshakespeare, 2015.
    """

    _url = (
        "https://raw.githubusercontent.com/karpathy/char-rnn/"
        "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt"
    )
    _sha256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"

    def __init__(
        self,
        train: bool = True,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        root: str | os.PathLike | None = None,
    ):
        self.root = root
        super().__init__(train, transform, target_transform)

    def prepare(self) -> None:
        who = type(self).__name__
        path = find_file(who, ["input.txt"], "tinyshakespeare", [self._url], self._sha256, self.root)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.char_to_id = {c: i for i, c in enumerate(dict.fromkeys(text))}
        self.id_to_char = {i: c for c, i in self.char_to_id.items()}
        ids = np.array([self.char_to_id[c] for c in text], dtype=np.int64)
        self.data, self.label = ids[:-1], ids[1:]


Shakespear = Shakespeare  # the book's spelling
