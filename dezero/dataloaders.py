"""Knows in which order the samples of a data set are visited, and hands them out in batches."""

from __future__ import annotations

import operator
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import numpy as np

from . import cuda
from .datasets.base import collate as collate_samples


class DataLoader:
    """Hands out a data set in batches. Every ``for`` is a new epoch from its first batch to its last.

    Loops over one loader do not disturb each other, also when they are nested or left with ``break``.

    Args:
        dataset: Has ``__len__`` and ``__getitem__`` for integers. Samples are tuples (data and label), dicts
            or single things.
        batch_size: Samples per batch. The last batch of an epoch has what is left.
        shuffle: A new random order for each epoch.
        gpu: Batches are CuPy arrays on the current GPU.
        drop_last: No batch with fewer samples than ``batch_size``.
        seed: Decides the orders: the same seed, the same batches. Left out, the orders are drawn from
            ``np.random``, so that ``np.random.seed`` decides.
        collate: Turns a list of samples into a batch, where ``dezero.datasets.collate`` is not wanted.

    Raises:
        ValueError: ``batch_size`` is not an integer above 0.
        RuntimeError: At the first batch: ``gpu``, and CuPy or a GPU is missing.

    Example:
        >>> points = [(np.full(2, i), i) for i in range(5)]
        >>> for x, t in DataLoader(points, batch_size=2, shuffle=False):
        ...     print(x.shape, t.tolist())
        (2, 2) [0, 1]
        (2, 2) [2, 3]
        (1, 2) [4]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        shuffle: bool = True,
        gpu: bool = False,
        drop_last: bool = False,
        seed: Any = None,
        collate: Callable[[list], Any] | None = None,
    ):
        try:
            self.batch_size = operator.index(batch_size)
        except TypeError:
            self.batch_size = 0
        if self.batch_size < 1:
            raise ValueError(f"{type(self).__name__}: batch_size must be an integer above 0, got {batch_size!r}.")
        self.dataset = dataset
        self.shuffle = shuffle
        self.gpu = gpu
        self.drop_last = drop_last
        self.collate = collate
        self.iteration = 0  # batches handed out so far by the epoch that moved last; 0 after its end
        self._rng = None if seed is None else np.random.default_rng(seed)
        self._epoch: Iterator[Any] | None = None  # the one that next() walks through

    @property
    def data_size(self) -> int:
        """Samples in the data set."""
        return len(self.dataset)

    @property
    def max_iter(self) -> int:
        """Batches in an epoch."""
        full, rest = divmod(self.data_size, self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __len__(self) -> int:
        return self.max_iter

    def __iter__(self) -> Iterator[Any]:
        return self._walk(self._indices())

    def __next__(self) -> Any:
        if self._epoch is None:
            self._epoch = iter(self)
        try:
            return next(self._epoch)
        except StopIteration:
            self._epoch = None
            raise

    def next(self) -> Any:
        """The next batch of an epoch that belongs to ``next`` alone.

        Raises:
            StopIteration: That epoch is over; the call after this one begins another.
        """
        return self.__next__()

    def reset(self) -> None:
        """Lets ``next`` begin a new epoch. A ``for`` always does."""
        self._epoch = None
        self.iteration = 0

    def to_cpu(self) -> None:
        """Batches are NumPy arrays from now on."""
        self.gpu = False

    def to_gpu(self) -> None:
        """Batches are CuPy arrays from now on."""
        self.gpu = True

    def _indices(self) -> Iterable[np.ndarray]:
        """The numbers of the samples in each batch of one epoch."""
        N, B = self.data_size, self.batch_size
        rng: Any = np.random if self._rng is None else self._rng
        order = rng.permutation(N) if self.shuffle else np.arange(N)
        return (order[i * B : (i + 1) * B] for i in range(self.max_iter))

    def _walk(self, indices: Iterable[np.ndarray]) -> Generator[Any, None, None]:
        for iteration, index in enumerate(indices, start=1):
            batch = self._batch(index)
            self.iteration = iteration
            yield _on_gpu(batch) if self.gpu else batch
        self.iteration = 0

    def _batch(self, index: np.ndarray) -> Any:
        if self.collate is None and hasattr(self.dataset, "get_batch"):
            return self.dataset.get_batch(index)
        return (self.collate or collate_samples)([self.dataset[i] for i in index.tolist()])


class SeqDataLoader(DataLoader):
    """Hands out a sequence in order, as ``batch_size`` strands side by side.

    Row ``i`` of the batches reads the sequence from ``i * max_iter`` on, one sample per batch, where
    ``max_iter`` is ``len(dataset) // batch_size``. What is left at the end of the sequence is not visited.

    Args:
        dataset: As for ``DataLoader``.
        batch_size: Strands.
        gpu: Batches are CuPy arrays on the current GPU.

    Raises:
        ValueError: ``batch_size`` is not an integer above 0, or above the length of the sequence.

    Example:
        >>> [batch.tolist() for batch in SeqDataLoader(range(7), batch_size=2)]
        [[0, 3], [1, 4], [2, 5]]
    """

    def __init__(self, dataset: Any, batch_size: int, gpu: bool = False):
        super().__init__(dataset, batch_size, shuffle=False, gpu=gpu, drop_last=True)
        if self.batch_size > self.data_size:
            raise ValueError(f"SeqDataLoader: {self.data_size} samples are too few for batch_size {self.batch_size}.")

    def _indices(self) -> Iterable[np.ndarray]:
        steps = self.max_iter
        starts = np.arange(self.batch_size) * steps
        return (starts + i for i in range(steps))


def _on_gpu(batch: Any) -> Any:
    """A batch with its arrays of numbers on the GPU; texts stay where they are."""
    if isinstance(batch, dict):
        return {key: _on_gpu(value) for key, value in batch.items()}
    if isinstance(batch, (tuple, list)):
        values = [_on_gpu(value) for value in batch]
        return type(batch)(*values) if hasattr(batch, "_fields") else type(batch)(values)
    numbers = cuda.is_array(batch) and batch.dtype.kind in "biufc"
    return cuda.as_cupy(batch) if numbers else batch
