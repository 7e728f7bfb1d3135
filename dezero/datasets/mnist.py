"""Knows MNIST and Fashion-MNIST: 70,000 grey pictures of 28 x 28 pixels in ten classes."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from ..transforms import Compose, Flatten, Normalize, ToFloat
from .base import ImageDataset
from .files import bad_file, find_file
from .idx import read_idx

_VECTOR_FROM_0_TO_1 = Compose([Flatten(), ToFloat(), Normalize(0.0, 255.0)])


class MNIST(ImageDataset):
    """Handwritten digits: ``data`` is uint8 ``(N, 1, 28, 28)``, ``label`` int64 ``(N,)``.

    The files (IDX, plain or gzip) are looked for in ``root`` if given; otherwise in the folder ``mnist`` of
    ``DEZERO_DATA_DIR``, then in the cache, then downloaded.

    Args:
        train: The 60,000 pictures to train on, or the 10,000 to test.
        transform: Applied to each picture; by default a vector of 784 floats from 0 to 1.
        target_transform: Applied to each label.
        root: The folder that holds the files.

    Raises:
        FileNotFoundError: ``root`` does not have them.
        OSError: They are nowhere and could not be downloaded.
        ValueError: A file is damaged or holds something else.

    Example:
        >>> x, label = MNIST(train=False)[0]  # doctest: +SKIP
        >>> x.shape, label  # doctest: +SKIP
        ((784,), 7)

    Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits, 1998.
    """

    _folder = "mnist"
    _mirrors: tuple[str, ...] = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://raw.githubusercontent.com/fgnt/mnist/ae608a02b796c9ee908c082585a5f006fe05258e/",
    )
    _sha256 = {
        "train-images-idx3-ubyte": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    }

    def __init__(
        self,
        train: bool = True,
        transform: Callable | None = _VECTOR_FROM_0_TO_1,
        target_transform: Callable | None = None,
        root: str | os.PathLike | None = None,
    ):
        self.root = root
        super().__init__(train, transform, target_transform)

    def prepare(self) -> None:
        who, part = type(self).__name__, "train" if self.train else "t10k"
        image_path, label_path = (
            self._find(f"{part}-images-idx3-ubyte"),
            self._find(f"{part}-labels-idx1-ubyte"),
        )
        images = read_idx(image_path, np.uint8, 3, who=who)
        labels = read_idx(label_path, np.uint8, 1, who=who)
        if images.shape[1:] != (28, 28):
            raise bad_file(who, image_path, f"has pictures of shape {images.shape[1:]}, but (28, 28) is wanted")
        if len(labels) != len(images):
            raise bad_file(who, label_path, f"has {len(labels)} labels for {len(images)} pictures")
        if labels.max(initial=0) > 9:
            raise bad_file(who, label_path, f"has the label {labels.max()}, but 0 to 9 are wanted")
        self.data = images[:, np.newaxis]  # (N, 1, 28, 28)
        self.label = labels.astype(np.int64)

    def _find(self, name: str) -> str:
        urls = [f"{mirror}{name}.gz" for mirror in self._mirrors]
        return find_file(type(self).__name__, [f"{name}.gz", name], self._folder, urls, self._sha256[name], self.root)

    @staticmethod
    def labels() -> dict[int, str]:
        """What each label stands for."""
        return {i: str(i) for i in range(10)}


class FashionMNIST(MNIST):
    """Pieces of clothing, in the format of MNIST.

    Arguments, arrays and errors are those of ``MNIST``; the folder is ``fashion_mnist``.

    Source: H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, arXiv:1708.07747, 2017.
    """

    _folder = "fashion_mnist"
    _mirrors = (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",  # has no https; the checksum guards it
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/"
        "b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion/",
    )
    _sha256 = {
        "train-images-idx3-ubyte": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    }

    @staticmethod
    def labels() -> dict[int, str]:
        """What each label stands for."""
        names = "T-shirt/top Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag".split()
        return dict(enumerate([*names, "Ankle boot"]))
