"""Knows what a data set is, how samples become a batch, and how prepared arrays are kept in the cache."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from operator import index as as_index
from typing import TYPE_CHECKING, Any

import numpy as np

from ..cuda import get_array_module, is_array
from ..download import cache_path
from ..files import atomic_file
from ..transforms import Compose, batch_versions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SCALARS = (bool, int, float, complex, str, bytes, np.generic)


class Dataset:
    """Samples by number, each a pair of data and label.

    A subclass overrides ``prepare`` and sets ``self.data`` and, if there are labels, ``self.label``; or it
    overrides ``__getitem__`` and ``__len__``.

    A sample may share memory with ``data``: a transform returns a new array rather than writing into it.

    Args:
        train: The training part or the test part.
        transform: What is done to the data of a sample before it is handed out.
        target_transform: The same for its label.

    Example:
        >>> class Squares(Dataset):
        ...     def prepare(self):
        ...         self.data = np.arange(5)
        ...         self.label = self.data**2
        >>> squares = Squares()
        >>> len(squares), [int(t) for x, t in squares]
        (5, [0, 1, 4, 9, 16])
    """

    def __init__(self, train: bool = True, transform: Callable | None = None, target_transform: Callable | None = None):
        self.train = train
        self.transform = Compose() if transform is None else transform
        self.target_transform = Compose() if target_transform is None else target_transform
        self.data: Any = None
        self.label: Any = None
        self.prepare()

    def prepare(self) -> None:
        """Sets ``self.data`` and ``self.label``. Called once, by ``__init__``."""

    def __getitem__(self, index: int) -> Any:
        try:
            i = as_index(index)
        except TypeError:
            who = type(self).__name__
            raise TypeError(
                f"{who}: an index is an integer, got {type(index).__name__}. For several samples: get_batch."
            ) from None
        self._check_data()
        x = self.transform(self.data[i])
        return x, None if self.label is None else self.target_transform(self.label[i])

    def __len__(self) -> int:
        self._check_data()
        return len(self.data)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def _check_data(self) -> None:
        if self.data is None:
            who = type(self).__name__
            raise TypeError(f"{who} has no data. Set self.data in prepare(), or override __getitem__ and __len__.")

    def get_batch(self, indices: Any) -> Any:
        """Several samples as one batch: what ``collate([self[i] for i in indices])`` gives, to the bit.

        It is gathered in one go, which is many times faster, where data and labels are arrays, the transforms
        can work on a stack (``dezero.transforms``) and ``__getitem__`` is not overridden.

        Args:
            indices: Sequence or array of integers.
        """
        versions = self._batch_versions() if len(indices) else None
        if versions is None:
            return collate([self[int(i)] for i in indices])
        transform, target_transform = versions
        x = transform(_take(self.data, indices))
        return x, None if self.label is None else target_transform(_take(self.label, indices))

    def _batch_versions(self) -> list[Callable] | None:
        """The two transforms for stacks of samples, or None where samples must be had one by one."""
        if type(self).__getitem__ is not Dataset.__getitem__:
            return None
        if not is_array(self.data) or not (self.label is None or is_array(self.label)):
            return None
        return batch_versions((self.transform, self.target_transform))


def _take(x: Any, indices: Any) -> Any:
    return x[get_array_module(x).asarray(indices)]


class ImageDataset(Dataset):
    """A data set whose ``data`` are pictures ``(N, C, H, W)``, grey or RGB."""

    def show(self, row: int = 10, col: int = 10) -> Figure:
        """Shows the first ``row * col`` pictures in a grid, in a window where there can be one.

        Args:
            row: Pictures from top to bottom.
            col: Pictures from left to right.

        Returns:
            The matplotlib figure.
        """
        import matplotlib.pyplot as plt

        N, C, H, W = self.data.shape
        grid = np.zeros((row * col, C, H, W), self.data.dtype)
        grid[:N] = self.data[: row * col]
        grid = grid.reshape(row, col, C, H, W).transpose(0, 3, 1, 4, 2).reshape(row * H, col * W, C)
        figure, axes = plt.subplots(figsize=(col * 0.6, row * 0.6), layout="constrained")
        axes.imshow(grid if C == 3 else grid[..., 0], cmap="gray_r")
        axes.axis("off")
        if figure.canvas.required_interactive_framework:  # None where a picture can only go to a file
            plt.show()
        else:
            plt.close(figure)  # still good for savefig, and a notebook draws it once
        return figure


def collate(samples: Sequence[Any]) -> Any:
    """Puts samples together as a batch: each part of a sample becomes an array with one more axis in front.

    Args:
        samples: All tuples (or lists) of the same length, or all dicts with the same keys, or each a single
            thing. Parts are arrays of one shape, numbers, strings, lists of numbers, None for all, or tuples
            and dicts again.

    Returns:
        Arrays in the same arrangement; None stays None.

    Raises:
        TypeError: A part is something else.
        ValueError: No samples, or they do not have the same parts or shapes.

    Example:
        >>> x, t = collate([(np.zeros(2), 0), (np.ones(2), 1)])
        >>> x.shape, t.tolist()
        ((2, 2), [0, 1])
    """
    if len(samples) == 0:
        raise ValueError("collate: a batch needs at least one sample, got none.")
    return _collate_parts([tuple(s) if type(s) is list else s for s in samples])


def _collate_parts(parts: Sequence[Any]) -> Any:
    """As ``collate``, where a list is no sample but a row of numbers."""
    first = parts[0]
    kinds = {type(p) for p in parts}
    names = " and ".join(sorted(k.__name__ for k in kinds))
    if len(kinds) > 1 and (isinstance(first, (tuple, dict)) or type(None) in kinds):
        raise ValueError(f"collate: samples are alike, got {names}.")
    if first is None:
        return None
    if isinstance(first, tuple):
        if len({len(p) for p in parts}) > 1:
            raise ValueError(
                f"collate: samples have as many parts as each other, got {sorted({len(p) for p in parts})}."
            )
        columns = [_collate_parts(column) for column in zip(*parts, strict=True)]
        return type(first)(*columns) if hasattr(first, "_fields") else tuple(columns)
    if isinstance(first, dict):
        if any(p.keys() != first.keys() for p in parts):
            raise ValueError(f"collate: samples have the same keys, got {sorted({str(list(p)) for p in parts})}.")
        return {key: _collate_parts([p[key] for p in parts]) for key in first}
    if is_array(first):
        return get_array_module(first).stack(_same_shape(parts))
    if all(issubclass(k, _SCALARS) for k in kinds):
        return np.array(parts)
    if isinstance(first, list):
        return np.stack(_same_shape([np.array(p) for p in parts]))
    raise TypeError(
        f"collate: cannot make an array of samples that are {names}. Let a transform turn them into"
        " arrays (ToArray for pictures), or give the DataLoader a collate function."
    )


def _same_shape(arrays: Sequence[Any]) -> Sequence[Any]:
    shapes = {a.shape if is_array(a) else type(a).__name__ for a in arrays}
    if len(shapes) > 1:
        raise ValueError(
            f"collate: samples of one batch have one shape, got {' and '.join(sorted(map(str, shapes)))}."
            " Bring them to one size, or give the DataLoader a collate function."
        )
    return arrays


def save_cache_npz(data: Any, label: Any, filename: str, train: bool = False) -> str:
    """Keeps the prepared arrays of a data set in the cache folder; ``load_cache_npz`` reads them back.

    Args:
        data: Array.
        label: Array.
        filename: Name or URL that stands for the data set.
        train: Training and test part are kept apart.

    Returns:
        The path of the file.

    Example:
        >>> path = save_cache_npz(np.eye(2), np.arange(2), "two points")  # doctest: +SKIP
        >>> data, label = load_cache_npz("two points")  # doctest: +SKIP
    """
    path = _npz_path(filename, train)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with atomic_file(path) as file:
        np.savez_compressed(file, data=data, label=label)
    return path


def load_cache_npz(filename: str, train: bool = False) -> tuple[Any, Any]:
    """The arrays that ``save_cache_npz`` kept, or ``(None, None)`` where there are none.

    Args:
        filename: Name or URL that stands for the data set.
        train: The training or the test part.

    Raises:
        ValueError: The file is damaged.

    Example:
        >>> load_cache_npz("no such data set")
        (None, None)
    """
    path = _npz_path(filename, train)
    if not os.path.exists(path):
        return None, None
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as loaded:
            return loaded["data"], loaded["label"]
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"load_cache_npz: {path} is no file of save_cache_npz ({error}). Delete it.") from error


def _npz_path(filename: str, train: bool) -> str:
    path = cache_path(filename, None if "://" in filename else filename)  # each URL has a folder of its own
    return f"{path}.{'train' if train else 'test'}.npz"
