"""Knows how to convolve: the three bilinear maps between image, filter and result, as a reference and fast on a CPU.

Each of the three is the gradient of the other two: ``conv2d`` makes y from x and W, ``deconv2d`` x from y and W,
``conv2d_weight`` W from x and y. NumPy arrays take the fast way, others the reference.

The fast way writes its results with the channels last in memory, (N, H, W, C), under the shape (N, C, H, W). There the
windows of a row of pixels are long stretches of contiguous numbers. They are copied, for as many images as fit into the
cache, to a matrix with one row for each window, which one matrix product takes to its results. Where the product of an
image, or of some of its rows, is so small that BLAS computes it on one thread, our threads copy and multiply at the
same time, each its own images: as compiled loops (``loops/conv.py``), or as NumPy's functions. Between few channels,
``direct`` does without copies where it has compiled loops. Filters of 3 x 3 between many channels go to ``winograd``
where that is faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..blas import AVX512_KERNELS, OpenBLAS
from ..cuda import get_array_module
from . import direct, winograd
from .compiled import loops_for
from .im2col import ONE, Pair, col2im_array, cropped, im2col_array, outsize, reach, tap_slices
from .parallel import run_in_parts
from .pixels import as_pixels, block_size, clipped, has_channels_last, new_images, row_of

# Measured on LeNet, VGG and ResNet shapes; a factor of 4 either way costs 5 to 20 %.
_WORKSPACE = 4 << 20  # bytes of windows to copy before each matrix product

# Of the products that each thread computes for itself.
_STEPS_ALONE = 1 << 18  # OpenBLAS wakes other threads for more steps than these
_STEPS_ALONE_AVX512 = 1_000_000  # ... and with these kernels only here; below, they read the matrices in place
_LEAST_WINDOWS = 24  # in one of them; with fewer, to read the filters again for each would take too long
_IMAGES_OF_A_PRODUCT = 8  # or more, or what Python does in between takes longer
_CACHE = 1 << 20  # bytes of windows, a thread's
_WORTH_A_THREAD = 1 << 22  # steps

# So many times the pixels of a gradient a result may have, for a convolution with flipped filters to be faster than to
# add up windows: it reads the margin as well.
_FEW_MORE = 1.25

# Up to so many, a gradient by filters comes out transposed: OpenBLAS is up to three times as fast that way round.
# To transpose more of them costs as much again.
_FEW = 1 << 16


def conv2d(x: Any, W: Any, b: Any, stride: Pair, pad: Pair, dilation: Pair = ONE) -> Any:
    """The sum over each window of ``x`` times each filter of ``W``, plus ``b``.

    Args:
        x: Array (N, C, H, W).
        W: Array (OC, C, KH, KW).
        b: Array (OC,), or None.
        stride: (SH, SW).
        pad: (PH, PW), of zeros.
        dilation: (DH, DW), pixels of the image from one of the filter to the next.

    Returns:
        Array (N, OC, OH, OW).
    """
    if get_array_module(x) is not np:
        return conv2d_reference(x, W, b, stride, pad, dilation)
    dtype, (x, W, b) = to_compute(x, W, b)
    OC, C, KH, KW = W.shape
    size = outsize(x.shape[2:], (KH, KW), stride, pad, dilation)
    if direct.pays(x, W.shape, size):
        return direct.conv2d(x, W, b, stride, pad, dilation).astype(dtype, copy=False)
    loops = _Loops.that_serve(x, b, W.shape, size, stride, pad, dilation)
    if loops:
        return loops.conv2d(W, size).astype(dtype, copy=False)
    if _is_for_winograd(x, C, OC, size, (KH, KW), stride, pad, dilation):
        return winograd.conv2d(x, W, b, pad).astype(dtype, copy=False)
    taps = W.transpose(0, 2, 3, 1).reshape(OC, -1).T  # (KH*KW*C, OC)
    return _sum_windows(x, taps, b, (KH, KW), stride, pad, dilation).astype(dtype, copy=False)


def deconv2d(x: Any, W: Any, b: Any, stride: Pair, pad: Pair, size: Pair, dilation: Pair = ONE) -> Any:
    """Adds up, for each pixel of ``x``, a window of all filters of ``W`` times the pixel; plus ``b``.

    Args:
        x: Array (N, C, H, W).
        W: Array (C, OC, KH, KW).
        b: Array (OC,), or None.
        stride: (SH, SW), between windows.
        pad: (PH, PW), the margin that is cut off.
        size: (OH, OW), on which H x W windows fit.
        dilation: (DH, DW), pixels of the result from one of the filter to the next.

    Returns:
        Array (N, OC, OH, OW).
    """
    if get_array_module(x) is not np:
        return deconv2d_reference(x, W, b, stride, pad, size, dilation)
    dtype, (x, W, b) = to_compute(x, W, b)
    C, OC, KH, KW = W.shape
    unpad = _unpad((KH, KW), pad, dilation)
    near = stride == ONE and min(unpad) >= 0 and size[0] * size[1] <= _FEW_MORE * x.shape[2] * x.shape[3]
    if near and direct.pays(x, (OC, C, KH, KW), size):
        flipped = W[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
        return direct.conv2d(x, flipped, b, ONE, unpad, dilation).astype(dtype, copy=False)
    loops = _Loops.that_serve(x, None, (C, OC, KH, KW), x.shape[2:], stride, pad, dilation) if OC > 1 else None
    if loops:
        y = loops.deconv2d(W, size)
    elif _is_for_winograd(x, C, OC, size, (KH, KW), stride, pad, dilation):
        y = winograd.deconv2d(x, W, pad)
    else:
        y = _deconv2d(x, W, stride, pad, size, dilation)
    if b is not None:
        pixels = y.transpose(0, 2, 3, 1)
        pixels += row_of(b, size[1])
    return y.astype(dtype, copy=False)


def conv2d_weight(x: Any, gy: Any, kernel: Pair, stride: Pair, pad: Pair, dilation: Pair = ONE) -> Any:
    """The sum over all windows of ``x``, each times what ``gy`` has for it: the gradient of ``conv2d`` by its filters.

    Args:
        x: Array (N, C, H, W).
        gy: Array (N, OC, OH, OW).
        kernel: (KH, KW).
        stride: (SH, SW).
        pad: (PH, PW), of zeros.
        dilation: (DH, DW), pixels of the image from one of the filter to the next.

    Returns:
        Array (OC, C, KH, KW).
    """
    if get_array_module(x) is not np:
        return conv2d_weight_reference(x, gy, kernel, stride, pad, dilation)
    dtype, (x, gy) = to_compute(x, gy)
    OC, C = gy.shape[1], x.shape[1]
    if gy.size and direct.pays_to_weigh(x, (OC, C, *kernel)):
        return direct.conv2d_weight(x, gy, kernel, stride, pad, dilation).astype(dtype, copy=False)
    loops = _Loops.that_serve(x, gy, (OC, C, *kernel), gy.shape[2:], stride, pad, dilation)
    if loops:
        return loops.conv2d_weight().astype(dtype, copy=False)
    if _is_for_winograd(x, C, OC, gy.shape[2:], kernel, stride, pad, dilation):
        return winograd.conv2d_weight(x, gy, pad).astype(dtype, copy=False)
    return _conv2d_weight(x, gy, kernel, stride, pad, dilation).astype(dtype, copy=False)


def channel_sum(x: Any) -> Any:
    """The sum of each channel of ``x`` (N, C, H, W) over images and pixels, (C,): the gradient of a bias."""
    if get_array_module(x) is not np:
        return x.sum(axis=(0, 2, 3))
    dtype, (x,) = to_compute(x)
    pixels = x.transpose(0, 2, 3, 1)
    if pixels.flags.c_contiguous:
        rows = pixels.reshape(-1, x.shape[1])
        y = np.ones(len(rows), x.dtype) @ rows  # ``sum`` would add row by row, at an eighth of the speed
    else:
        y = x.sum(axis=(0, 2, 3), dtype=x.dtype)
    return y.astype(dtype, copy=False)


# ---- the reference


def conv2d_reference(x: Any, W: Any, b: Any, stride: Pair, pad: Pair, dilation: Pair = ONE) -> Any:
    """``conv2d`` with all windows laid out at once, for any array module."""
    N, (OC, _, *kernel) = len(x), W.shape
    OH, OW = outsize(x.shape[2:], kernel, stride, pad, dilation)
    y = im2col_array(x, kernel, stride, pad, dilation=dilation) @ W.reshape((OC, -1)).T  # (N*OH*OW, OC)
    if b is not None:
        y = y + b
    return y.reshape((N, OH, OW, OC)).transpose((0, 3, 1, 2))


def deconv2d_reference(x: Any, W: Any, b: Any, stride: Pair, pad: Pair, size: Pair, dilation: Pair = ONE) -> Any:
    """``deconv2d`` with all windows laid out at once, for any array module."""
    N, (C, OC, *kernel) = len(x), W.shape
    col = x.transpose((0, 2, 3, 1)).reshape((-1, C)) @ W.reshape((C, -1))  # (N*H*W, OC*KH*KW)
    y = col2im_array(col, (N, OC, *size), kernel, stride, pad, dilation=dilation)
    return y if b is None else y + b.reshape((1, OC, 1, 1))


def conv2d_weight_reference(x: Any, gy: Any, kernel: Pair, stride: Pair, pad: Pair, dilation: Pair = ONE) -> Any:
    """``conv2d_weight`` with all windows laid out at once, for any array module."""
    C, OC = x.shape[1], gy.shape[1]
    col = im2col_array(x, kernel, stride, pad, dilation=dilation)
    gW = gy.transpose((1, 0, 2, 3)).reshape((OC, -1)) @ col  # (OC, C*KH*KW)
    return gW.reshape((OC, C, *kernel))


# ---- the fast way, for NumPy


def to_compute(*arrays: Any) -> tuple[Any, list[Any]]:
    """The dtype of the result, and the arrays in the dtype to compute in: float32 for float16, which no BLAS knows."""
    dtype = np.result_type(*[a for a in arrays if a is not None])
    work = np.dtype(np.float32) if dtype == np.float16 else dtype
    return dtype, [None if a is None else a.astype(work, copy=False) for a in arrays]


def _is_for_winograd(
    x: Any, C: int, OC: int, size: Pair, kernel: Pair, stride: Pair, pad: Pair, dilation: Pair
) -> bool:
    """Whether ``winograd`` can do it, with its fractions and no more padding than a filter reaches, and is faster."""
    can = tuple(kernel) == (3, 3) and stride == dilation == ONE and max(pad) <= 2 and x.dtype.kind == "f"
    return can and not _cut(x, size, 9 * C, OC).apart and winograd.pays(len(x), C, OC, size)


class _Loops:
    """The three maps as compiled loops, where a few rows of windows, or a part of a row, make a product for one thread.

    Attributes:
        x: The image, or what a transposed convolution makes one of, (N, H, W, C).
        other: The bias (OC,), the gradient (N, OH, OW, OC), or None.
        place: Where the windows are, as the loops want to know it.
        block: Rows of windows to copy before each product, and how many of each row.
        memory: Numbers that these windows have.
        steps: In all products.
    """

    loops: Any
    x: Any
    other: Any
    filters: tuple[int, int, int, int]
    place: tuple[int, ...]
    block: Pair
    memory: int
    steps: int

    @classmethod
    def that_serve(
        cls, x: Any, other: Any, filters: Any, size: Any, stride: Pair, pad: Pair, dilation: Pair
    ) -> _Loops | None:
        """Those for windows of ``size`` (OH, OW) and ``filters`` (OC, C, KH, KW); None where other ways are faster."""
        OC, C, KH, KW = filters
        K = C * KH * KW
        block = _block_alone(size, K * OC)
        if x.dtype.char not in "fd" or KH == KW == 1 or block[0] * block[1] < _LEAST_WINDOWS:
            return None
        x = as_pixels(x)
        other = as_pixels(other) if other is not None and other.ndim == 4 else other
        loops = loops_for("conv", x, other)
        if loops is None or not loops.has_product():
            return None
        self = cls()
        self.loops, self.x, self.other, self.filters = loops, x, other, filters
        self.place = (KH, KW, *stride, *pad, *dilation)
        self.block = block
        self.memory = block[0] * block[1] * K
        self.steps = len(x) * size[0] * size[1] * K * OC
        return self

    def conv2d(self, W: Any, size: Pair) -> Any:
        OC, *_ = self.filters
        b = np.zeros(OC, W.dtype) if self.other is None else self.other
        taps = np.array(W.transpose(2, 3, 1, 0), order="C").reshape(-1, OC)  # (KH*KW*C, OC)
        y = new_images((len(self.x), OC, *size), W.dtype)
        pixels = y.transpose(0, 2, 3, 1)
        self._share(size[0], lambda *part: self.loops.conv2d(self.x, taps, b, pixels, self.block, self.place, *part))
        return y

    def deconv2d(self, W: Any, size: Pair) -> Any:
        C, OC, *_ = self.filters
        taps = np.array(W.transpose(0, 2, 3, 1), order="C").reshape(C, -1)  # (C, KH*KW*OC)
        y = new_images((len(self.x), OC, *size), W.dtype)
        pixels = y.transpose(0, 2, 3, 1)
        self._share(1, lambda *part: self.loops.deconv2d(self.x, taps, pixels, self.block, self.place, *part))
        return y

    def conv2d_weight(self) -> Any:
        OC, C, KH, KW = self.filters
        parts: dict[int, Any] = {}

        def work(memory: Any, start: int, stop: int) -> None:
            gW = parts[start] = np.zeros((KH * KW * C, OC), memory.dtype)
            self.loops.conv2d_weight(self.x, self.other, gW, self.block, self.place, memory, start, stop)

        self._share(self.other.shape[1], work)
        return _joined(parts).reshape(KH, KW, C, OC).transpose(3, 2, 0, 1).copy()

    def _share(self, rows: int, work: Callable[[Any, int, int], object]) -> None:
        """Calls ``work`` on several threads, each with memory for windows: from where to where of ``rows`` an image."""
        n = len(self.x) * rows
        least = -(-_WORTH_A_THREAD * n // max(1, self.steps))
        run_in_parts(lambda i, j: work(np.empty(self.memory, self.x.dtype), i, j), n, least)


def _block_alone(size: Pair, steps: int) -> Pair:
    """How many rows of windows, and how many of each, make a product for one thread: (0, 1) if not even one does.

    Args:
        size: (OH, OW).
        steps: What a window takes.
    """
    OH, OW = size
    windows = _steps_alone() // max(1, steps)
    if windows < OW:
        return min(1, windows), clipped(windows, OW)
    return clipped(windows // max(1, OW), OH), OW


def _joined(parts: dict[int, Any]) -> Any:
    """The sum of what threads have found, by where each began: always in one order, so always the same."""
    return sum(parts[first] for first in sorted(parts))


def _sum_windows(x: Any, taps: Any, b: Any, kernel: Pair, stride: Pair, pad: Pair, dilation: Pair) -> Any:
    N, (K, OC) = len(x), taps.shape
    OH, OW = outsize(x.shape[2:], kernel, stride, pad, dilation)
    y = new_images((N, OC, OH, OW), x.dtype)
    pixels = y.transpose(0, 2, 3, 1)
    row = None if b is None else row_of(b, OW)
    cut = _cut(x, (OH, OW), K, OC)
    if cut.apart:  # small products, and many: the copy pays
        taps = np.ascontiguousarray(taps)

    def work(start: int, stop: int, cut: _Cut) -> None:
        for place, cols in _window_blocks(x[start:stop], kernel, stride, pad, dilation, cut):
            part = pixels[start:stop][place]
            np.matmul(cols, taps, out=part.reshape(len(cols), -1, OC))
            if row is not None:
                part += row

    _share(work, N, cut)
    return y


def _conv2d_weight(x: Any, gy: Any, kernel: Pair, stride: Pair, pad: Pair, dilation: Pair) -> Any:
    C, OC = x.shape[1], gy.shape[1]
    gy = as_pixels(gy)  # (N, OH, OW, OC)
    K = kernel[0] * kernel[1] * C
    cut = _cut(x, gy.shape[1:3], K, OC)
    by_filter = K * OC > _FEW
    sums: dict[int, Any] = {}  # what each thread has found, by its first image

    def work(start: int, stop: int, cut: _Cut) -> None:
        gW = sums[start] = np.zeros((OC, K) if by_filter else (K, OC), x.dtype)
        memory = np.empty((cut.images if cut.apart else 1, *gW.shape), x.dtype)
        for place, cols in _window_blocks(x[start:stop], kernel, stride, pad, dilation, cut):
            rows = gy[start:stop][place].reshape(len(cols), -1, OC)
            parts = memory[: len(cols)]
            np.matmul(*((_turned(rows), cols) if by_filter else (_turned(cols), rows)), out=parts)
            for part in parts:
                gW += part

    _share(work, len(x), cut)
    gW = _joined(sums)
    gW = gW if by_filter else gW.T
    return gW.reshape(OC, *kernel, C).transpose(0, 3, 1, 2).copy()  # (OC, C, KH, KW)


def _turned(matrices: Any) -> Any:
    return matrices.transpose(0, 2, 1)


def _deconv2d(x: Any, W: Any, stride: Pair, pad: Pair, size: Pair, dilation: Pair) -> Any:
    N, (OC, KH, KW) = len(x), W.shape[1:]
    unpad = _unpad((KH, KW), pad, dilation)
    if stride == (1, 1) and min(unpad) >= 0 and (KH == KW == 1 or _windows_are_cheaper(x.shape, OC, size)):
        taps = W[:, :, ::-1, ::-1].transpose(2, 3, 0, 1).reshape(-1, OC)  # (KH*KW*C, OC)
        return _sum_windows(x, taps, None, (KH, KW), stride, unpad, dilation)
    H, Wd = size[0] + 2 * pad[0], size[1] + 2 * pad[1]
    if OC < 8:
        y = np.zeros((N, OC, H, Wd), x.dtype)
        _add_by_plane(y, x, W, stride, dilation)
    else:
        y = np.zeros((N, H, Wd, OC), x.dtype).transpose(0, 3, 1, 2)
        _add_by_tap(y, x, W, stride, dilation)
    return cropped(y, pad)


def _unpad(kernel: Pair, pad: Pair, dilation: Pair) -> Pair:
    """The padding with which a convolution by the flipped filters undoes what one with ``pad`` and stride 1 cut off."""
    RH, RW = reach(kernel, dilation)
    return RH - 1 - pad[0], RW - 1 - pad[1]


def _windows_are_cheaper(x_shape: Any, OC: int, size: Pair) -> bool:
    """Whether to convolve with the flipped filters, rather than to add up what each pixel gives to its neighbours.

    Compares the two for one place in the kernel. To copy a number takes as long as 30 steps of a product, to add it 35.
    """
    _, C, H, Wd = x_shape
    return size[0] * size[1] * C * (30 + OC) < H * Wd * OC * (35 + C)


def _add_by_tap(y: Any, x: Any, W: Any, stride: Pair, dilation: Pair) -> None:
    """One matrix product and one addition for each place in the kernel: no window is copied."""
    N, C, H, Wd = x.shape
    _, OC, *kernel = W.shape
    x = as_pixels(x)
    taps = np.ascontiguousarray(W.transpose(2, 3, 0, 1)).reshape(-1, C, OC)
    steps = H * Wd * C * OC  # for an image, in each of the products
    shared = x.dtype.char in "fd" and steps <= _steps_alone() // _IMAGES_OF_A_PRODUCT
    most = _steps_alone() // steps if shared else _WORKSPACE // 8 // (H * Wd * OC * x.itemsize)

    def work(start: int, stop: int) -> None:
        n = clipped(most, stop - start)
        product = np.empty((n * H * Wd, OC), x.dtype)
        for i in range(start, stop, n):
            images = slice(i, min(i + n, stop))
            rows = x[images].reshape(-1, C)
            out = product[: len(rows)]
            for tap, seen in zip(taps, tap_slices(y[images], kernel, stride, (H, Wd), dilation)):
                np.matmul(rows, tap, out=out)
                seen += out.reshape(-1, H, Wd, OC).transpose(0, 3, 1, 2)

    if shared:
        run_in_parts(work, N, -(-_WORTH_A_THREAD // (steps * len(taps))))
    else:
        work(0, N)


def _add_by_plane(y: Any, x: Any, W: Any, stride: Pair, dilation: Pair) -> None:
    """For few channels out: one matrix product for all places in the kernel, added along rows of one channel."""
    N, C, H, Wd = x.shape
    _, OC, *kernel = W.shape
    x = as_pixels(x)
    taps = W.transpose(2, 3, 1, 0).reshape(-1, C)  # (KH*KW*OC, C)
    n = clipped(_WORKSPACE // (H * Wd * len(taps) * x.itemsize), N)
    for i in range(0, N, n):
        product = taps @ x[i : i + n].reshape(-1, C).T
        parts = product.reshape(-1, OC, len(x[i : i + n]), H, Wd)
        for part, seen in zip(parts, tap_slices(y[i : i + n], kernel, stride, (H, Wd), dilation)):
            seen += part.transpose(1, 0, 2, 3)


class _Cut(NamedTuple):
    """Into which blocks to cut a batch: so many images, or rows of one, at a time.

    Attributes:
        images, rows: Of windows, in a block.
        apart: Whether each image of a block has a product of its own, rather than all have one together.
        least: Images to give to a thread; 0 leaves it to BLAS to use several.
    """

    images: int
    rows: int
    apart: bool
    least: int


def _cut(x: Any, size: Pair, K: int, OC: int) -> _Cut:
    """The blocks for the windows of ``x``, K numbers long and ``size`` (OH, OW) in an image, and OC filters.

    BLAS shares a large product among threads, but to copy windows is left to one. Where the windows of one image make
    a product that BLAS computes on one thread, each of our threads does both: what it copies stays in its cache.
    """
    (N, C, *_), (OH, OW) = x.shape, size
    windows = OH * OW
    steps, n = max(1, windows * K * OC), _CACHE // max(1, windows * K * x.itemsize)
    if C < K and x.dtype.char in "fd" and n > 1 and windows >= _LEAST_WINDOWS and steps <= _steps_alone():
        return _Cut(clipped(n, N), OH, True, -(-_WORTH_A_THREAD // steps))
    return _Cut(*block_size(N, OH, OW * K * x.itemsize, _WORKSPACE), False, 0)


@cache
def _steps_alone() -> int:
    """Up to how many steps a product runs on the thread that asks for it, as OpenBLAS decides."""
    blas = OpenBLAS.loaded()
    return _STEPS_ALONE_AVX512 if blas is not None and blas.kernel in AVX512_KERNELS else _STEPS_ALONE


def _share(work: Callable[[int, int, _Cut], object], N: int, cut: _Cut) -> None:
    """Calls ``work`` for all images, or for parts of them on several threads."""
    if cut.least:
        run_in_parts(lambda start, stop: work(start, stop, cut), N, cut.least)
    else:
        work(0, N, cut)


def _window_blocks(
    x: Any, kernel: Pair, stride: Pair, pad: Pair, dilation: Pair, cut: _Cut
) -> Iterator[tuple[Any, Any]]:
    """The windows of ``x``, a block at a time: where they lie in (N, OH, OW), and matrices (1 or n, windows, KH*KW*C).

    The matrices are valid until the next block is asked for.
    """
    N, C, H, W = x.shape
    OH, OW = outsize((H, W), kernel, stride, pad, dilation)
    if kernel == stride == (1, 1) and pad == (0, 0) and has_channels_last(x):
        yield (slice(None),), as_pixels(x).reshape(1, -1, C)
        return
    K = kernel[0] * kernel[1] * C
    by_pixel = _goes_by_pixel(x, kernel[1] if dilation[1] == 1 else 1, OW)
    workspace = np.empty(cut.images * cut.rows * OW * K, x.dtype)
    for i, images in image_blocks(x, max(1, min(cut.images, N)), pad, by_pixel):
        for top in range(0, OH, cut.rows):
            shape = len(images), min(cut.rows, OH - top), OW
            stack = shape[0] if cut.apart else 1
            count = shape[0] * shape[1] * OW // stack
            memory = workspace[: stack * count * K]
            cols = memory.reshape(stack, count, K) if by_pixel else _turned(memory.reshape(stack, K, count))
            cols.reshape(*shape, *kernel, C)[...] = _windows(
                images[:, top * stride[0] :], shape, kernel, stride, dilation
            )
            yield (slice(i, i + shape[0]), slice(top, top + shape[1])), cols


def _goes_by_pixel(x: Any, KW: int, OW: int) -> bool:
    """Whether to copy KW pixels of C channels at a time, rather than OW numbers of one channel: the longer stretch.

    With dilation it is one pixel at a time: ``KW`` is 1.
    """
    stretch = KW * x.shape[1]
    return stretch >= (16 if has_channels_last(x) else OW)


def image_blocks(x: Any, n: int, pad: Pair, by_pixel: bool) -> Iterator[tuple[int, Any]]:
    """``n`` images at a time (n, H, W, C) with their padding, and the number of the first."""
    N, C, H, W = x.shape
    PH, PW = pad
    pixels = x.transpose(0, 2, 3, 1)
    if pad == (0, 0) and (not by_pixel or has_channels_last(x)):
        yield from ((i, pixels[i : i + n]) for i in range(0, N, n))
        return
    if by_pixel:
        margin = np.zeros((n, H + 2 * PH, W + 2 * PW, C), x.dtype)
    else:
        margin = np.zeros((n, C, H + 2 * PH, W + 2 * PW), x.dtype).transpose(0, 2, 3, 1)
    for i in range(0, N, n):
        images = margin[: min(n, N - i)]
        images[:, PH : PH + H, PW : PW + W] = pixels[i : i + n]
        yield i, images


def _windows(images: Any, shape: tuple[int, int, int], kernel: Pair, stride: Pair, dilation: Pair) -> Any:
    """A view (n, OH, OW, KH, KW, C) of ``images`` (n, H, W, C); ``shape`` is (n, OH, OW)."""
    n, h, w, c = images.strides
    strides = n, h * stride[0], w * stride[1], h * dilation[0], w * dilation[1], c
    return as_strided(images, (*shape, *kernel, images.shape[3]), strides)
