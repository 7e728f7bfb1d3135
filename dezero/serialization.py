"""Knows how named arrays become one .npz file and come back."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from . import cuda
from .files import atomic_file

_NO_DATE = (1980, 1, 1, 0, 0, 0)  # of every member, so that equal weights make equal files


def save_npz(path: Any, arrays: Mapping[str, Any]) -> None:
    """Writes named arrays to one .npz file, which ``load_npz`` and ``np.load`` read.

    The path is used as it is: no ending is added. An old file there is replaced by the whole new one, or stays
    (see ``files.atomic_file``). Equal arrays make equal files, to the byte.

    Args:
        path: Path of the file.
        arrays: Name -> Variable, array on any device, or number. Names may hold slashes.

    Raises:
        TypeError: One of them would have to be pickled.
        OSError: The file cannot be written.

    Example:
        >>> save_npz("point.npz", {"x": np.zeros(2), "step": 3})
        >>> load_npz("point.npz")
        {'x': array([0., 0.]), 'step': array(3)}
    """
    with atomic_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, value in arrays.items():
            array = np.asarray(cuda.as_numpy(value))
            if array.dtype.hasobject:
                raise TypeError(f"save_npz: {name} is {type(value).__name__}; an array of numbers is wanted.")
            with archive.open(zipfile.ZipInfo(f"{name}.npy", _NO_DATE), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def load_npz(path: Any) -> dict[str, np.ndarray]:
    """Reads every array of an .npz file. Nothing in it is ever executed (``allow_pickle=False``).

    Args:
        path: Path of the file.

    Returns:
        Name -> array on the host, in the order of the file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no .npz file, is damaged, or holds what is not an array of numbers.

    Example:
        >>> save_npz("weights.npz", {"W": np.eye(2)})
        >>> load_npz("weights.npz")["W"].tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    path = os.fsdecode(path)
    if not os.path.exists(path):
        raise FileNotFoundError(f"load_npz: there is no file {path} (looked in {os.getcwd()}).")
    try:
        with open(path, "rb") as file:
            if not zipfile.is_zipfile(file):
                raise ValueError("it is no zip archive")
            file.seek(0)
            return _read_members(file)
    except (ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"load_npz: {path} is damaged or no .npz file of plain arrays ({error}). Save it or fetch it again."
        ) from error


def _read_members(file: IO[bytes]) -> dict[str, np.ndarray]:
    arrays = {}
    with np.load(file, allow_pickle=False) as archive:
        for name in archive.files:
            arrays[name] = archive[name]
            if not isinstance(arrays[name], np.ndarray):
                raise ValueError(f"its member {name} is no array")
    return arrays
