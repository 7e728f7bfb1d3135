"""Knows where the files of a data set lie, and how to read them without believing what they declare."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from ..download import get_cache_dir, get_file


def data_dir(folder: str) -> str | None:
    """The data set's folder below ``DEZERO_DATA_DIR``, or None where that is not set."""
    top = os.environ.get("DEZERO_DATA_DIR")
    return os.path.join(os.path.expanduser(top), folder) if top else None


def first_file(folder: str | None, names: Sequence[str]) -> str | None:
    """The path of the first of ``names`` that is a file in ``folder``."""
    paths = (os.path.join(folder, name) for name in names) if folder is not None else iter(())
    return next((path for path in paths if os.path.isfile(path)), None)


def find_file(
    who: str,
    names: Sequence[str],
    folder: str,
    urls: Sequence[str],
    checksum: str,
    root: str | os.PathLike | None = None,
) -> str:
    """The path of one file of a data set, wherever it is; downloads it where it is nowhere.

    Looked for in ``root`` and nowhere else, if given. Otherwise in ``DEZERO_DATA_DIR/<folder>``, then in the
    cache, then on the network.

    Args:
        who: The data set, for messages.
        names: Names that the file may have; the first is what is downloaded.
        folder: The data set's folder.
        urls: Where the file can be downloaded.
        checksum: Of the download.
        root: The only folder to look in.

    Raises:
        FileNotFoundError: ``root`` does not have it.
        OSError: It is nowhere and could not be downloaded.
    """
    if root is not None:
        place = os.path.expanduser(os.fspath(root))
        path = first_file(place, names)
        if path is None:
            raise FileNotFoundError(f"{who}: there is no {' or '.join(names)} in {place}.")
        return path
    cached = os.path.join(get_cache_dir(), folder)
    path = first_file(data_dir(folder), names) or first_file(cached, names[1:])
    return path or get_file(urls, f"{folder}/{names[0]}", checksum)


def bad_file(who: str, path: str, problem: str) -> ValueError:
    """The error for a file that is not what it should be."""
    folder, name = os.path.split(path)
    return ValueError(f"{who}: {name} {problem} ({folder or os.curdir}). Delete it and try again.")


@contextmanager
def open_data(who: str, path: str | os.PathLike) -> Iterator[BinaryIO]:
    """A file to read, decompressed if it is a gzip file (by its first bytes, whatever its name).

    Raises:
        ValueError: Inside the block, where the gzip data turn out to be damaged or to break off.
    """
    path = os.fspath(path)
    with open(path, "rb") as raw:
        try:
            if raw.peek(2)[:2] == b"\x1f\x8b":
                with gzip.GzipFile(fileobj=raw) as unzipped:
                    yield unzipped  # type: ignore[misc]  # it has all that is read with here
            else:
                yield raw
        except EOFError as error:
            raise bad_file(who, path, "breaks off in its gzip data") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise bad_file(who, path, f"has damaged gzip data: {error}") from error


def read_up_to(file: BinaryIO, size: int) -> bytearray:
    """The next ``size`` bytes; fewer where the file ends or its gzip data break off.

    Takes memory for what is there, not for what was asked. Whether it ended well, the next ``read`` tells.
    """
    content = bytearray()
    while len(content) < size:
        try:
            chunk = file.read1(min(size - len(content), 1 << 20))  # type: ignore[attr-defined]
        except EOFError:  # the gzip data break off; reading on raises it again
            break
        if not chunk:
            break
        content += chunk
    return content
