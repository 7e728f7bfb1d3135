"""Knows how a file is written whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any


@contextmanager
def atomic_file(path: Any) -> Iterator[IO[bytes]]:
    """Opens a new file that takes the place of ``path`` once the block is through, or never.

    It is written beside ``path`` under a name of its own, brought to the disk, then renamed. However the block
    ends, and should the machine go down, ``path`` is the old file or the new one, whole. A link stays a link:
    the file it leads to is replaced.

    Args:
        path: Where the file goes, in a folder that exists.

    Raises:
        FileNotFoundError: There is no such folder.
        OSError: The file cannot be written.

    Example:
        >>> with atomic_file("notes.txt") as file:
        ...     file.write(b"whole")
        5
    """
    target = os.path.realpath(os.fsdecode(path))
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"There is no folder {folder} to write {os.path.basename(target)} in. Make it first.")
    if os.path.isdir(target):
        raise IsADirectoryError(f"{target} is a folder. Give the path of a file in it.")
    temporary = os.path.join(folder, f".dezero-{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(target):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):  # where not even opening it went well
            os.remove(temporary)
        raise
    _sync_folder(folder)


def _sync_folder(folder: str) -> None:
    """Brings the new name to the disk, where the system knows folders as files."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
