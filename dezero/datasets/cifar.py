"""Knows CIFAR-10 and CIFAR-100 in their binary version: records of labels and 3 x 32 x 32 colours."""

from __future__ import annotations

import fnmatch
import gzip
import os
import posixpath
import tarfile
import zlib
from collections.abc import Callable

import numpy as np

from ..download import get_file
from ..transforms import Compose, Normalize, ToFloat
from .base import ImageDataset
from .files import bad_file, data_dir, open_data, read_up_to

_SITE = "https://www.cs.toronto.edu/~kriz/"
_PIXELS = 3 * 32 * 32
_FROM_MINUS_1_TO_1 = Compose([ToFloat(), Normalize(127.5, 127.5)])
_MAX_RECORDS = 50_000  # in one file


class _CIFAR(ImageDataset):
    """What both have in common. A subclass says which files there are and what the label bytes mean."""

    _folder: str
    _archive: str
    _md5: str
    _inner: str  # folder inside the archive
    _names: dict[bool, list[str]]  # train? -> the files of that part
    _pattern: dict[bool, str]  # train? -> what other files of that part are called
    _label_max: tuple[int, ...]  # the largest value of each label byte

    def __init__(
        self,
        train: bool = True,
        transform: Callable | None = _FROM_MINUS_1_TO_1,
        target_transform: Callable | None = None,
        root: str | os.PathLike | None = None,
    ):
        self.root = root
        super().__init__(train, transform, target_transform)

    def prepare(self) -> None:
        records = np.concatenate([self._records(path, content) for path, content in self._contents()])
        labels, pixels = records[:, :-_PIXELS], records[:, -_PIXELS:]
        self.data = pixels.reshape(-1, 3, 32, 32)
        self._set_labels(labels.astype(np.int64))

    def _set_labels(self, labels: np.ndarray) -> None:
        self.label = labels[:, 0]

    def _records(self, path: str, content: bytes | bytearray) -> np.ndarray:
        """The records in a file, uint8 ``(N, label bytes + 3072)``."""
        who, size = type(self).__name__, self._record_size()
        if len(content) > _MAX_RECORDS * size:
            raise bad_file(who, path, f"has more than {_MAX_RECORDS} records of {size} bytes")
        if len(content) == 0 or len(content) % size:
            raise bad_file(who, path, f"has {len(content)} bytes, but records of {size} bytes are wanted")
        records = np.frombuffer(content, np.uint8).reshape(-1, size)
        highest = records[:, :-_PIXELS].max(axis=0).tolist()
        if any(found > most for found, most in zip(highest, self._label_max)):
            raise bad_file(who, path, f"has labels up to {highest}, but {list(self._label_max)} is the most")
        return records

    def _record_size(self) -> int:
        return len(self._label_max) + _PIXELS

    def _contents(self) -> list[tuple[str, bytes | bytearray]]:
        """The wanted part's files, path and content, from where they are found first."""
        if self.root is not None:
            place = os.path.expanduser(os.fspath(self.root))
            found = self._look_in(place)
            if not found:
                wanted = ", ".join([*self._names[self.train], self._pattern[self.train], self._archive])
                raise FileNotFoundError(f"{type(self).__name__}: there is none of {wanted} in {place}.")
            return found
        folder = data_dir(self._folder)
        found = self._look_in(folder) if folder else []
        return found or self._read_archive(
            get_file(_SITE + self._archive, f"{self._folder}/{self._archive}", self._md5)
        )

    def _look_in(self, place: str) -> list[tuple[str, bytes | bytearray]]:
        """The files in the folder or archive ``place``, or it itself; empty where there are none."""
        if os.path.isfile(place):
            archive = place.endswith((".tar", ".tar.gz", ".tgz"))
            return self._read_archive(place) if archive else [(place, self._read(place))]
        for folder in (place, os.path.join(place, self._inner)):
            paths = self._part_of(folder) if os.path.isdir(folder) else []
            if paths:
                return [(path, self._read(path)) for path in paths]
        archived = os.path.join(place, self._archive)
        return self._read_archive(archived) if os.path.isfile(archived) else []

    def _part_of(self, folder: str) -> list[str]:
        """The paths of the part's files in ``folder``: the official ones, else those with such a name."""
        names, pattern = self._names[self.train], self._pattern[self.train]
        there = {}  # name without .gz -> name; in reverse order, a plain file comes after its gzip twin
        for found in sorted(os.listdir(folder), reverse=True):
            there[found.removesuffix(".gz")] = found
        missing = [name for name in names if name not in there]
        if 0 < len(missing) < len(names):
            raise FileNotFoundError(f"{type(self).__name__}: {folder} has no {', '.join(missing)}, but the others.")
        chosen = sorted(fnmatch.filter(there, pattern)) if missing else names
        return [os.path.join(folder, there[name]) for name in chosen]

    def _read(self, path: str) -> bytearray:
        with open_data(type(self).__name__, path) as file:
            content = read_up_to(file, _MAX_RECORDS * self._record_size())
            return content + file.read(1)  # one byte too many is found later, gzip data that break off are found here

    def _read_archive(self, path: str) -> list[tuple[str, bytes | bytearray]]:
        """The wanted part's files in a tar archive, read where they are: nothing is unpacked to the disk."""
        who = type(self).__name__
        wanted = [f"{self._inner}/{name}" for name in self._names[self.train]]
        limit = _MAX_RECORDS * self._record_size()
        found: dict[str, bytes] = {}
        try:
            with tarfile.open(path) as archive:
                for member in archive:
                    name = posixpath.normpath(member.name)
                    if name in wanted and member.isreg() and member.size <= limit:
                        file = archive.extractfile(member)
                        found[name] = file.read() if file else b""
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise bad_file(who, path, "is no whole tar archive") from error
        missing = [name for name in wanted if name not in found]
        if missing:
            raise bad_file(who, path, f"does not hold {', '.join(missing)}")
        return [(f"{path}/{name}", found[name]) for name in wanted]


class CIFAR10(_CIFAR):
    """Photographs of ten kinds of things: ``data`` is uint8 ``(N, 3, 32, 32)``, ``label`` int64 ``(N,)``.

    The files (``data_batch_1.bin`` …, plain or gzip, or in ``cifar-10-binary.tar.gz``) are looked for in
    ``root`` if given, which may be the file itself; otherwise in the folder ``cifar10`` of
    ``DEZERO_DATA_DIR``, then in the cache, then downloaded. A folder without the official files may hold
    parts of them: all that are called ``data_batch_*.bin`` or ``test_batch*.bin``.

    Args:
        train: The 50,000 pictures to train on, or the 10,000 to test.
        transform: Applied to each picture; by default floats ``(3, 32, 32)`` from -1 to 1.
        target_transform: Applied to each label.
        root: The folder that holds the files, or the file.

    Raises:
        FileNotFoundError: ``root`` does not have them.
        OSError: They are nowhere and could not be downloaded.
        ValueError: A file is damaged or holds something else.

    Example:
        >>> x, label = CIFAR10(train=False)[0]  # doctest: +SKIP
        >>> x.shape, CIFAR10.labels()[label]  # doctest: +SKIP
        ((3, 32, 32), 'cat')

    Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
    """

    _folder = "cifar10"
    _archive = "cifar-10-binary.tar.gz"
    _md5 = "c32a1d4ab5d03f1284b67883e8d13530"
    _inner = "cifar-10-batches-bin"
    _names = {True: [f"data_batch_{i}.bin" for i in range(1, 6)], False: ["test_batch.bin"]}
    _pattern = {True: "data_batch_*.bin", False: "test_batch*.bin"}
    _label_max = (9,)

    @staticmethod
    def labels() -> dict[int, str]:
        """What each label stands for."""
        return dict(enumerate("airplane automobile bird cat deer dog frog horse ship truck".split()))


class CIFAR100(_CIFAR):
    """As ``CIFAR10``, of 100 kinds of things in 20 groups: both labels, ``fine`` and ``coarse``, are there.

    Files: ``train.bin`` and ``test.bin``, or ``cifar-100-binary.tar.gz``; folder ``cifar100``.

    Args:
        train: The pictures to train on, or those to test.
        transform: As for ``CIFAR10``.
        target_transform: As for ``CIFAR10``.
        root: As for ``CIFAR10``.
        label_type: Which of them is ``label``: ``"fine"`` (100 classes) or ``"coarse"`` (20).

    Raises:
        ValueError: ``label_type`` is something else.

    Example:
        >>> groups = CIFAR100(label_type="coarse")  # doctest: +SKIP
    """

    _folder = "cifar100"
    _archive = "cifar-100-binary.tar.gz"
    _md5 = "03b5dce01913d631647c71ecec9e9cb8"
    _inner = "cifar-100-binary"
    _names = {True: ["train.bin"], False: ["test.bin"]}
    _pattern = {True: "train*.bin", False: "test*.bin"}
    _label_max = (19, 99)

    def __init__(
        self,
        train: bool = True,
        transform: Callable | None = _FROM_MINUS_1_TO_1,
        target_transform: Callable | None = None,
        label_type: str = "fine",
        root: str | os.PathLike | None = None,
    ):
        if label_type not in ("fine", "coarse"):
            raise ValueError(f"CIFAR100: label_type must be 'fine' or 'coarse', got {label_type!r}.")
        self.label_type = label_type
        super().__init__(train, transform, target_transform, root)

    def _set_labels(self, labels: np.ndarray) -> None:
        self.coarse, self.fine = np.ascontiguousarray(labels.T)
        self.label = self.fine if self.label_type == "fine" else self.coarse

    @staticmethod
    def labels(label_type: str = "fine") -> dict[int, str]:
        """What each label stands for.

        Args:
            label_type: ``"fine"`` or ``"coarse"``.

        Raises:
            ValueError: It is something else.
        """
        if label_type not in ("fine", "coarse"):
            raise ValueError(f"CIFAR100.labels: label_type must be 'fine' or 'coarse', got {label_type!r}.")
        return dict(enumerate((_FINE if label_type == "fine" else _COARSE).split()))


_COARSE = """
    aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices
    household_furniture insects large_carnivores large_man-made_outdoor_things
    large_natural_outdoor_scenes large_omnivores_and_herbivores medium_mammals non-insect_invertebrates
    people reptiles small_mammals trees vehicles_1 vehicles_2
"""
_FINE = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
    camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup
    dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower
    leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid
    otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray
    road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
    sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
    wardrobe whale willow_tree wolf woman worm
"""
