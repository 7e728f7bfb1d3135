"""Knows which pixels of an image meet which places of a filter, as tables for the compiled loops of convolutions."""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import Any, NamedTuple

import numpy as np

from .im2col import Pair
from .parallel import run_in_parts

_WORTH_A_THREAD = 1 << 17  # numbers to copy


class Axis(NamedTuple):
    """Which rows (columns) of an image and of a filter meet in a row (column) of the result.

    Attributes:
        meets: Integers (O, 3), for each row of the result: the first row of the image that it is made of, the row of
            the filter that this is multiplied by, and how many such pairs there are.
        steps: From one pair to the next, in rows of the image and in rows of the filter.
        apart: Rows of the result that meet the same of the filter are so far apart, and so far in the image.
        size, length, kernel: Rows of the result, of the image and of the filter.
        groups: Integers (G, 2), for all rows of the result: one, and whether it goes with the next three at that
            distance, which then are not named themselves.
    """

    meets: Any
    steps: Pair
    apart: Pair
    size: int
    length: int
    kernel: int
    groups: Any

    @staticmethod
    def of(pairs: list[list[Pair]], steps: Pair, apart: Pair, length: int, kernel: int) -> Axis:
        meets = [(*pair[0], len(pair)) if pair else (0, 0, 0) for pair in pairs]
        groups: list[Pair] = []
        named: set[int] = set()
        for o, meet in enumerate(meets):
            if o not in named:
                four = range(o, o + 4 * apart[0], apart[0])
                together = four[-1] < len(meets) and all(meets[other][1:] == meet[1:] for other in four)
                named.update(four if together else [o])
                groups.append((o, int(together)))
        as_table = [np.array(table, np.int64).reshape(len(table), -1) for table in (meets, groups)]
        return Axis(as_table[0], steps, apart, len(pairs), length, kernel, as_table[1])


@lru_cache(maxsize=256)
def seen(length: int, size: int, kernel: int, stride: int, pad: int, dilation: int) -> Axis:
    """What a convolution meets: o stride - pad + k dilation = i."""
    pairs = [
        [(i, k) for k in range(kernel) if 0 <= (i := o * stride - pad + k * dilation) < length] for o in range(size)
    ]
    return Axis.of(pairs, (dilation, 1), (1, stride), length, kernel)


@lru_cache(maxsize=256)
def given(length: int, size: int, kernel: int, stride: int, pad: int, dilation: int) -> Axis:
    """What a transposed convolution meets: i stride - pad + k dilation = o."""
    pairs = []
    for o in range(size):
        all_pairs = [(divmod(o + pad - k * dilation, stride), k) for k in reversed(range(kernel))]
        pairs.append([(i, k) for (i, rest), k in all_pairs if rest == 0 and 0 <= i < length])
    common = gcd(stride, dilation)
    return Axis.of(pairs, (dilation // common, -stride // common), (stride, 1), length, kernel)


@lru_cache(maxsize=256)
def ends(length: int, size: int, kernel: int, stride: int, pad: int, dilation: int) -> Any:
    """For each place in a row of a filter, and three more: the pixels of the result that meet a column there.

    The first such pixel, the one after the last, and the column that pixel 0 would meet.
    """
    columns = np.arange(kernel + 3) * dilation - pad
    return np.stack([(-(columns // stride)).clip(min=0), (-((columns - length) // stride)).clip(0, size), columns], 1)


def vector(x: Any) -> Any:
    """The pixels of ``x`` (N, C, H, W), one after the other: itself, or a copy that threads share in making."""
    pixels = x.transpose(0, 2, 3, 1)
    if not pixels.flags.carray:
        copy = np.empty(pixels.shape, x.dtype)
        least = max(1, _WORTH_A_THREAD // max(1, pixels[:1].size))
        run_in_parts(lambda start, stop: np.copyto(copy[start:stop], pixels[start:stop]), len(x), least)
        pixels = copy
    return pixels.reshape(-1)


def lanes(x: Any) -> int:
    """How many numbers fill a register of 64 bytes."""
    return 64 // x.itemsize
