"""Knows the channels of x (N, C, ...), of a batch or of each sample, as a matrix, and what normalizations do with them.

The memory of x is a matrix whose columns are channels where these come last in memory, as convolution leaves them (a
row then holds several pixels), and whose rows are channels where they come first. What is computed there is the same
for both: sums of each channel, and ``a gy + s (x - c) + b`` with numbers for each channel.

Sums are of x itself, not of x - mean, which spares a pass, unless some channel is far from 0 for its spread: there
the difference of two large sums would have few digits left.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from .compiled import loops_for
from .parallel import run_in_parts

_FEW = 4096  # numbers, for which the reference is as fast
_WIDTH = 4096  # numbers in a row of pixels, at most, unless a pixel has more
_BLOCK = 1 << 18  # numbers in a block
_WORTH_A_THREAD = 1 << 18  # numbers
_LOOP_WIDTH, _LOOP_BLOCK = 128, 1 << 16  # the same for compiled loops, where a thread takes longer to wake than
_LOOP_WORTH_A_THREAD = 3 << 19  # so many numbers to pass through them: of x, of gy and of the result
_WIDTHS = (128, 64)  # of rows whose sums fit into registers
_IN_CACHE = 1 << 23  # bytes that stay near from one pass to the next
_FAR = 4.0  # standard deviations of the mean from 0


def _is_fast(x: Any) -> bool:
    return type(x) is np.ndarray and x.size >= _FEW and x.dtype.char in "fd"


def channels_of(x: Any, each_sample: bool = False) -> Channels | None:
    """The channels of ``x``, of the batch or of each sample; None where they do not lie as a matrix, or are few."""
    if not _is_fast(x):
        return None
    pixels = _pixels(x)
    if pixels.flags.c_contiguous:
        if each_sample and x.size < _FEW * len(x) and not loops_for("channels", pixels):
            return None  # NumPy takes one sample after the other
        return _Columns(x, each_sample)
    return _Rows(x, each_sample) if x.flags.c_contiguous else None


def in_order_of(x: Any, gy: Any) -> Any:
    """``gy`` in the memory order of ``x``, itself if it has that already."""
    if type(x) is not np.ndarray or gy.strides == x.strides:
        return gy
    y = np.empty_like(x, gy.dtype)
    y[...] = gy
    return y


def _pixels(x: Any) -> Any:
    return x.transpose(0, *range(2, x.ndim), 1)


class Channels:
    """The memory of x (N, C, ...) as a matrix, and what is done with each channel of the batch or of each sample.

    What belongs to channels is (samples, C), or (C,); a batch counts as one sample.
    """

    name: str  # of the channels, in those of loops
    matrix: Any
    sizes: tuple[int, ...]  # what loops want to know of the matrix beside its shape
    parts: int  # to share among threads
    part: int  # numbers of x in each
    axis: int  # of the matrix, to sum over

    def __init__(self, x: Any, each_sample: bool):
        self.x, self.C = x, x.shape[1]
        self.samples = len(x) if each_sample else 1

    def lay(self, a: Any) -> Any:
        """The memory of ``a``, which has the shape of ``x`` and its order, as such a matrix."""
        raise NotImplementedError

    def spread(self, v: Any) -> Any:
        """``v`` (samples, C) or (C,) as it is used with the matrix."""
        raise NotImplementedError

    def blocks(self, start: int, stop: int) -> Iterator[tuple[Any, Any, Any]]:
        """For NumPy: blocks of rows, what belongs to them of what was ``spread``, and where their sums are kept."""
        raise NotImplementedError

    def space_for_sums(self) -> Any:
        """An array (2, ...)."""
        raise NotImplementedError

    def loop_for_sums(self, loops: Any, arrays: int) -> Any:
        """That of ``loops`` which is fastest for sums over so many arrays."""
        raise NotImplementedError

    def moments(self, groups: int) -> tuple[Any, Any]:
        """Mean and variance of each of the ``groups`` that the channels fall into, (samples, groups), in float64."""
        n, K = self.x.size // (self.samples * groups), self.C // groups

        def over_groups(sums: Any) -> Any:
            return (sums if K == 1 else sums.reshape(2, self.samples, groups, K).sum(axis=3)) / n

        mean, squares = over_groups(self._sums(None, None))
        var = squares - mean * mean
        if (mean * mean > _FAR**2 * var).any():
            rest, squares = over_groups(self._sums(None, np.repeat(mean, K, axis=1)))
            mean, var = mean + rest, squares - rest * rest  # the rest is what rounding left of the mean
        return mean, np.maximum(var, 0)

    def sums(self, gy: Any, mean: Any, inv_std: Any) -> tuple[Any, Any]:
        """sum(gy) and sum(gy (x - mean)), (samples, C), in float64."""
        gy = self.lay(gy)
        if self._loops(gy) or _is_far(mean, inv_std):
            total, products = self._sums(gy, mean)
        else:
            total, products = self._sums(gy, None)
            products -= total * mean
        return total, products

    def normalize(self, mean: Any, inv_std: Any, scale: Any, shift: Any) -> Any:
        """scale (x - mean) + shift."""
        x, y, loops = self.matrix, np.empty_like(self.x), self._loops()
        out = self.lay(y)
        if loops:
            given = *map(self.spread, (mean, scale, shift)), *self.sizes, out
            loop = getattr(loops, f"normalize_{self.name}")
            self._share_loop(lambda i, j: loop(x, *given, i, j), 2)
            return y
        centre, scale, shift = self._centred(mean, inv_std, scale, shift)

        def work(start: int, stop: int) -> None:
            for part, which, _ in self.blocks(start, stop):
                seen = x[part] if centre is None else np.subtract(x[part], centre[which], out=out[part])
                np.multiply(seen, scale[which], out=out[part])
                out[part] += shift[which]

        self._share(work)
        return y

    def gradient(self, gy: Any, mean: Any, inv_std: Any, scale: Any, slope: Any, shift: Any, gamma: Any = None) -> Any:
        """scale (gamma gy + slope (x - mean) + shift); gamma is 1 where None."""
        x, gy, gx = self.matrix, self.lay(gy), np.empty_like(self.x)
        out, loops = self.lay(gx), self._loops(gy)
        if loops:
            factors = scale if gamma is None else scale * gamma, scale * slope, scale * shift
            given = self.spread(mean), *map(self.spread, factors), *self.sizes, out
            loop = getattr(loops, f"gradient_of_{self.name}")
            self._share_loop(lambda i, j: loop(gy, x, *given, i, j), 3)
            return gx
        centre, slope, shift = self._centred(mean, inv_std, slope, shift)
        scale, gamma = self.spread(scale), None if gamma is None else self.spread(gamma)

        def work(start: int, stop: int) -> None:
            for part, which, _ in self.blocks(start, stop):
                into = out[part]
                seen = x[part] if centre is None else np.subtract(x[part], centre[which], out=into)
                np.multiply(seen, slope[which], out=into)
                into += gy[part] if gamma is None else gy[part] * gamma[which]
                into += shift[which]
                into *= scale[which]

        self._share(work)
        return gx

    def _loops(self, *others: Any) -> Any:
        return loops_for("channels", self.matrix, *others)

    def _centred(self, mean: Any, inv_std: Any, slope: Any, shift: Any) -> tuple[Any, Any, Any]:
        """For slope (x - mean) + shift: mean, slope and shift; the mean is None where the shift can hold it."""
        if _is_far(mean, inv_std):
            return self.spread(mean), self.spread(slope), self.spread(shift)
        return None, self.spread(slope), self.spread(shift - mean * slope)

    def _sums(self, gy: Any, centre: Any) -> Any:
        """sum(gy) and sum(gy (x - centre)), (2, samples, C), float64; without ``gy``, x - centre takes its place."""
        found = self.space_for_sums()
        loops = self._loops(gy)
        if loops:
            self._sums_by_loop(loops, gy, centre, found)
        else:
            self._sums_by_block(gy, centre, found)
        return found.reshape(2, self.samples, -1, self.C).sum(axis=2, dtype=np.float64)

    def _sums_by_loop(self, loops: Any, gy: Any, centre: Any, found: Any) -> None:
        to_x = self.spread(-centre if centre is not None else np.zeros(self.C))
        to_gy = to_x if gy is None or centre is None else np.zeros_like(to_x)
        x, passes = self.matrix, 1 if gy is None else 2
        given = x if gy is None else gy, x, to_gy, to_x, *self.sizes, found[0], found[1]
        loop = self.loop_for_sums(loops, passes)
        self._share_loop(lambda i, j: loop(*given, i, j), passes)

    def _sums_by_block(self, gy: Any, centre: Any, found: Any) -> None:
        x, centre = self.matrix, None if centre is None else self.spread(centre)
        product = "ij,ij->j" if self.axis == 0 else "ij,ij->i"

        def work(start: int, stop: int) -> None:
            for part, which, where in self.blocks(start, stop):
                seen = x[part] if centre is None else x[part] - centre[which]
                other = seen if gy is None else gy[part]
                np.add.reduce(other, axis=self.axis, out=found[0, where])
                np.einsum(product, other, seen, out=found[1, where])

        self._share(work)

    def _share(self, work: Any) -> None:
        run_in_parts(work, self.parts, -(-_WORTH_A_THREAD // self.part))

    def _share_loop(self, work: Any, arrays: int) -> None:
        """As ``_share``, for a loop that reads and writes so many arrays of the size of x."""
        run_in_parts(work, self.parts, -(-_LOOP_WORTH_A_THREAD // (arrays * self.part)))


class _Columns(Channels):
    """Each row is several pixels of C channels. Rows come in blocks, none of them with rows of two samples."""

    name, axis = "columns", 0

    def __init__(self, x: Any, each_sample: bool):
        super().__init__(x, each_sample)
        compiled = loops_for("channels", _pixels(x)) is not None
        width, block = (_LOOP_WIDTH, _LOOP_BLOCK) if compiled else (_WIDTH, _BLOCK)
        self.width = self.C * divisor_up_to(x.size // (self.samples * self.C), max(1, width // self.C))
        self.matrix = self.lay(x)
        rows = len(self.matrix) // self.samples
        step = max(1, block // self.width)
        self.sizes, self.parts = (rows, step), self.samples * -(-rows // step)
        self.part = min(rows, step) * self.width

    def lay(self, a: Any) -> Any:
        return _pixels(a).reshape(-1, self.width)

    def spread(self, v: Any) -> Any:
        spread = np.empty((self.samples, self.width // self.C, self.C), self.x.dtype)
        spread[...] = v.reshape(-1, 1, self.C)
        return spread.reshape(self.samples, self.width)

    def blocks(self, start: int, stop: int) -> Iterator[tuple[Any, Any, Any]]:
        rows, step = self.sizes
        blocks = self.parts // self.samples
        for k in range(start, stop):
            n, first = k // blocks, k % blocks * step
            yield slice(n * rows + first, n * rows + min(first + step, rows)), n, k

    def space_for_sums(self) -> Any:
        return np.empty((2, self.parts, self.width), self.x.dtype)

    def loop_for_sums(self, loops: Any, arrays: int) -> Any:
        if self.width in _WIDTHS:
            return loops.sums_of_columns(self.width)
        if self.width > min(_WIDTHS) and arrays * self.x.nbytes <= _IN_CACHE:
            return loops.sums_of_columns(min(_WIDTHS))
        return loops.sums_of_columns_by_row


class _Rows(Channels):
    """Each row is a channel of a sample."""

    name, axis = "rows", 1

    def __init__(self, x: Any, each_sample: bool):
        super().__init__(x, each_sample)
        self.matrix = self.lay(x)
        self.sizes, (self.parts, self.part) = (), self.matrix.shape

    def lay(self, a: Any) -> Any:
        return a.reshape(len(a) * self.C, -1)

    def spread(self, v: Any) -> Any:
        spread = np.empty((self.samples, self.C), self.x.dtype)
        spread[...] = v.reshape(-1, self.C)
        return spread.reshape(-1)

    def blocks(self, start: int, stop: int) -> Iterator[tuple[Any, Any, Any]]:
        step = max(1, _BLOCK // self.matrix.shape[1])
        for i in range(start, stop, step):
            part = slice(i, min(i + step, stop))
            yield part, (np.arange(i, part.stop) % (self.samples * self.C), None), part

    def space_for_sums(self) -> Any:
        return np.empty((2, self.parts))

    def loop_for_sums(self, loops: Any, arrays: int) -> Any:
        return loops.sums_of_rows


@lru_cache(maxsize=256)
def divisor_up_to(n: int, most: int) -> int:
    """How many of ``n`` pixels to take to a row, ``most`` at most, so that all rows are equally long."""
    return next(k for k in range(max(1, min(n, most)), 0, -1) if n % k == 0)


def _is_far(mean: Any, inv_std: Any) -> bool:
    return bool((abs(mean * inv_std) > _FAR).any())
