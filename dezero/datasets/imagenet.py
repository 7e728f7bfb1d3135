"""Knows what the 1,000 classes of ImageNet are called."""

from __future__ import annotations

import os
import re

from .files import bad_file, find_file

_URL = (
    "https://raw.githubusercontent.com/chainer/chainer/a8e15cbe55a90854a3918b8b5a976abbbff9ec94/"
    "onnx_chainer/examples/images/synset_words.txt"
)
_SHA256 = "acf75ef0abe89694b19056e0796401068b459c457baa30335f240c7692857355"
_FOLDER = "squeezenet"  # the list lies beside the weights that it explains


class ImageNet:
    """The classes of the ImageNet challenge (2012). The pictures themselves are not to be had freely."""

    @staticmethod
    def labels(root: str | os.PathLike | None = None) -> dict[int, str]:
        """The name of each class, by its number from 0 to 999.

        Read from ``synset_words.txt`` (each line a WordNet id and the name), which is looked for in ``root``
        if given; otherwise in the folder ``squeezenet`` of ``DEZERO_DATA_DIR``, then in the cache, then
        downloaded.

        Args:
            root: The folder that holds the file.

        Raises:
            FileNotFoundError: ``root`` does not have it.
            OSError: It is nowhere and could not be downloaded.
            ValueError: It is no such list.

        Example:
            >>> ImageNet.labels()[281]  # doctest: +SKIP
            'tabby, tabby cat'
        """
        path = find_file("ImageNet", ["synset_words.txt"], _FOLDER, [_URL], _SHA256, root)
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        if len(lines) != 1000:
            raise bad_file("ImageNet", path, f"has {len(lines)} lines, but 1000 are wanted, one per class")
        for number, line in enumerate(lines, start=1):
            if not re.fullmatch(r"n\d{8} \S.*", line):
                raise bad_file("ImageNet", path, f"has the line {number} {line!r}, but 'n01440764 tench' is the form")
        return {i: line.split(" ", 1)[1] for i, line in enumerate(lines)}
