"""The rows of ``dezero.functions.pooling``, and pooling as plain loops, which other tests compare with too."""

from __future__ import annotations

import math

import numpy as np

from .rows import Lazy, Row, case, edge

T = Lazy("torch.nn.functional")
rng = np.random.default_rng(0)


# ---- plain loops


def sizes(value, axes):
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * axes


def windows(size, kernel, stride, pad, ceil_mode):
    """For each axis where its windows begin and end, in pixels of the image."""
    for n, k, s, p in zip(size, kernel, stride, pad):
        count = (math.ceil if ceil_mode else math.floor)((n + 2 * p - k) / s) + 1
        if ceil_mode and (count - 1) * s >= n + p:  # the last window begins in the image or before it
            count -= 1
        yield [(i * s - p, i * s - p + k) for i in range(count)]


def pool(x, kernel_size, stride=1, pad=0, ceil_mode=False, count_include_pad=True, mean=False):
    """One window at a time, over any number of axes."""
    size = x.shape[2:]
    kernel, stride, pad = (sizes(v, len(size)) for v in (kernel_size, stride, pad))
    ends = list(windows(size, kernel, stride, pad, ceil_mode))
    y = np.zeros((*x.shape[:2], *map(len, ends)))
    for n, c, *at in np.ndindex(*y.shape):
        here = [axis[i] for axis, i in zip(ends, at)]
        seen = x[(n, c, *(slice(max(low, 0), max(min(high, m), 0)) for (low, high), m in zip(here, size)))]
        if not mean:
            y[(n, c, *at)] = seen.max()
            continue
        counted = [min(high, m + p) - low for (low, high), m, p in zip(here, size, pad)]
        y[(n, c, *at)] = seen.sum() / (math.prod(counted) if count_include_pad else seen.size)
    return y


def average_pool(*args, **kwargs):
    return pool(*args, **kwargs, mean=True)


def adaptive(reduce):
    def pooled(x, outsize):
        (N, C, H, W), (OH, OW) = x.shape, sizes(outsize, 2)
        y = np.zeros((N, C, OH, OW))
        for i, j in np.ndindex(OH, OW):
            rows = slice(math.floor(i * H / OH), math.ceil((i + 1) * H / OH))
            columns = slice(math.floor(j * W / OW), math.ceil((j + 1) * W / OW))
            y[:, :, i, j] = reduce(x[:, :, rows, columns], axis=(2, 3))
        return y

    return pooled


# ---- PyTorch's


def torch_max(x, kernel_size, stride=1, pad=0, ceil_mode=False):
    return (T.max_pool2d if x.ndim == 4 else T.max_pool1d)(x, kernel_size, stride, pad, ceil_mode=ceil_mode)


def torch_average(x, kernel_size, stride=1, pad=0, ceil_mode=False, count_include_pad=True):
    f = T.avg_pool2d if x.ndim == 4 else T.avg_pool1d
    return f(x, kernel_size, stride, pad, ceil_mode, count_include_pad)


# ---- the ways to call them

x = rng.permutation(2 * 3 * 6 * 7).reshape(2, 3, 6, 7) / 50 - 2  # no two alike, so that a small step changes no winner
small, tiny = x[:, :2, :5, :5], x[:1, :1, :2, :2]
s = rng.permutation(2 * 3 * 10).reshape(2, 3, 10) / 20 - 1
HALF = "PyTorch pads by half of the kernel at most"
PLAIN = [
    case(x, kernel_size=2, stride=2),
    case(x, kernel_size=2, stride=2, pad=1, name="a rest"),
    case(x, kernel_size=3, stride=2, name="overlapping windows"),
    case(x, kernel_size=3, stride=1, pad=1, name="overlapping windows and pad"),
    case(x, kernel_size=(3, 2), stride=(2, 3), pad=(1, 0), name="two sizes"),
    case(x, kernel_size=(1, 2), stride=(3, 4), name="stride larger than the kernel"),
    case(x, kernel_size=1),
    case(x, kernel_size=(6, 7), name="the whole image"),
    case(x, kernel_size=2, name="stride left out"),
    case(x, kernel_size=3, pad=2, name="pad more than half of the kernel", no_torch=HALF),
    case(np.zeros((0, 2, 4, 4)), kernel_size=2, stride=2, name="no images"),
]
TIES = edge(np.zeros((1, 2, 4, 4)), kernel_size=2, name="ties")
CEIL = [
    case(x, kernel_size=2, stride=2, ceil_mode=True),
    case(x, kernel_size=3, stride=2, ceil_mode=True, name="as SqueezeNet pools"),
    case(x, kernel_size=(3, 2), stride=(2, 3), pad=(1, 1), ceil_mode=True, name="rounded up, two sizes"),
    case(
        small, kernel_size=2, stride=3, pad=1, ceil_mode=True, name="rounded up, the last would begin after the image"
    ),
    case(small[..., :3, :3], kernel_size=4, stride=2, ceil_mode=True, name="rounded up, one window beyond the image"),
    case(small, kernel_size=3, stride=5, pad=1, ceil_mode=True, name="rounded up, the last begins at the last pixel"),
    case(small, kernel_size=3, stride=1, pad=1, ceil_mode=True, name="rounded up where there is no rest"),
    case(small, kernel_size=1, stride=3, ceil_mode=True, name="rounded up, 1x1"),
    case(tiny, kernel_size=3, stride=2, ceil_mode=True, name="rounded up, the kernel larger than the image"),
    case(
        x, kernel_size=(4, 5), stride=(3, 4), pad=(2, 1), ceil_mode=True, name="rounded up, pad at half of the kernel"
    ),
]
COUNTS = [
    case(*c.xs, **c.kwargs, count_include_pad=False, name=f"{c.name}, without the padding", no_torch=c.no_torch)
    for c in (*PLAIN[:5], PLAIN[9], *CEIL)
]
ONE_AXIS = [
    case(s, kernel_size=3, stride=2),
    case(s, kernel_size=4, stride=3, pad=2),
    case(s, kernel_size=2, stride=3, pad=1, ceil_mode=True),
    case(s, kernel_size=10),
    case(s, kernel_size=3, name="stride left out"),
]
ADAPTIVE = [
    case(x, outsize=(3, 7), name="even"),
    case(x, outsize=(4, 3), name="uneven"),
    case(x, outsize=(4, 7), name="uneven rows"),
    case(x, outsize=(3, 4), name="uneven columns"),
    case(x, outsize=5),
    case(x, outsize=1),
    case(small, outsize=(7, 6), name="more than there are"),
    case(np.zeros((0, 2, 5, 5)), outsize=2, name="no images"),
    case(np.zeros((2, 0, 5, 5)), outsize=2, name="no channels", no_torch="PyTorch pools no image without channels"),
]
WHOLE = [case(x), case(s), case(np.zeros((0, 2, 3, 3))), case(np.zeros((2, 0, 3, 3)))]

ROWS = [
    Row("pooling", pool, torch_max, [*PLAIN, TIES, *CEIL], order=3),
    Row("pooling_simple", pool, torch_max, [*PLAIN, TIES], order=3),
    Row("pooling1d", pool, torch_max, ONE_AXIS),
    Row(
        "average_pooling",
        average_pool,
        torch_average,
        [*PLAIN, case(x, kernel_size=2, pad=(2, 3), name="pad larger than the kernel", no_torch=HALF), *CEIL, *COUNTS],
    ),
    Row(
        "average_pooling1d",
        average_pool,
        torch_average,
        [*ONE_AXIS, case(s, kernel_size=4, stride=3, pad=2, ceil_mode=True, count_include_pad=False)],
    ),
    Row(
        "global_max_pooling",
        lambda x: x.max(axis=tuple(range(2, x.ndim))),
        lambda x: x.flatten(2).max(2).values,
        [*WHOLE, edge(np.ones((2, 1, 3, 2)), name="ties")],
    ),
    Row(
        "global_average_pooling",
        lambda x: x.mean(axis=tuple(range(2, x.ndim))),
        lambda x: x.flatten(2).mean(2),
        WHOLE,
    ),
    Row(
        "adaptive_max_pooling",
        adaptive(np.max),
        lambda x, outsize: T.adaptive_max_pool2d(x, outsize),
        [*ADAPTIVE, edge(np.ones((1, 1, 3, 3)), outsize=2)],
    ),
    Row("adaptive_average_pooling", adaptive(np.mean), lambda x, outsize: T.adaptive_avg_pool2d(x, outsize), ADAPTIVE),
]
