"""Knows the IDX format, in which MNIST comes: a header with dtype and shape, then the numbers, big-endian."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from .files import bad_file, open_data, read_up_to

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(
    path: str | os.PathLike,
    dtype: Any = None,
    ndim: int | None = None,
    max_bytes: int = 1 << 31,
    who: str = "read_idx",
) -> np.ndarray:
    """The array in an IDX file, plain or gzip.

    Args:
        path: The file.
        dtype: What the file must hold; None for anything.
        ndim: How many axes it must have; None for any number.
        max_bytes: The largest content to accept, in bytes: a small gzip file can unpack to any size.
        who: Named in errors.

    Returns:
        Array of the shape and dtype that the file declares, in the machine's byte order.

    Raises:
        ValueError: It is no IDX file, holds something else than wanted, or is too short or too long.

    Example:
        >>> with open("labels-idx1-ubyte", "wb") as file:
        ...     _ = file.write(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4]))  # magic, one axis, 3 elements
        >>> read_idx("labels-idx1-ubyte")
        array([5, 0, 4], dtype=uint8)
    """
    path = os.fspath(path)
    with open_data(who, path) as file:
        start = bytes(read_up_to(file, 4))
        if len(start) < 4 or start[:2] != b"\0\0":
            raise bad_file(who, path, f"is no IDX file: it starts with {start.hex(' ') or 'nothing'}, not with 00 00")
        code, axes = start[2:]
        if code not in _DTYPES:
            known = ", ".join(f"0x{c:02x}" for c in _DTYPES)
            raise bad_file(who, path, f"has the dtype code 0x{code:02x}, but IDX knows {known}")
        found = np.dtype(_DTYPES[code])
        if dtype is not None and found != np.dtype(dtype):
            raise bad_file(who, path, f"holds {found.name}, but {np.dtype(dtype).name} is wanted")
        if ndim is not None and axes != ndim:
            raise bad_file(who, path, f"has {axes} axes, but {ndim} are wanted")
        sizes = read_up_to(file, 4 * axes)
        if len(sizes) < 4 * axes:
            raise bad_file(who, path, f"ends in its header, after {4 + len(sizes)} of {4 + 4 * axes} bytes")
        shape = tuple(np.frombuffer(sizes, ">u4").tolist())
        wanted = math.prod(shape) * found.itemsize
        if wanted > max_bytes:
            raise bad_file(who, path, f"declares shape {shape}, {wanted} bytes, but at most {max_bytes} are read")
        content = read_up_to(file, wanted)
        declared = 4 + 4 * axes + wanted
        if len(content) < wanted:
            raise bad_file(who, path, f"ends after {declared - wanted + len(content)} of {declared} bytes")
        if file.read(1):
            raise bad_file(who, path, f"goes on after the {declared} bytes that its header declares")
    return np.frombuffer(content, found).reshape(shape).astype(found.newbyteorder("="), copy=False)
