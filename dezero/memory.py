"""Knows how to keep freed memory for the next step, instead of giving it back to the system, and how to give it back.

A training step frees all of its arrays and makes the same ones again. Memory that went back to the system in between
comes as new pages, each zeroed at its first touch, which can cost more than the arithmetic. So ``import dezero`` asks
glibc to keep what is freed: a pool without a line of ours in the way of any allocation.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's names for what mallopt sets, from malloc.h
_LARGEST_BLOCKS = 256 << 20, 32 << 20  # bytes; what is larger goes back at once. Old glibcs refuse the first
_MOST = 1 << 30  # bytes free at the end of the heap; what is more goes back
_SHARE = 8  # ... and no more than this part of the machine's memory
_SETTINGS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_", "GLIBC_TUNABLES")


def keep_freed_memory() -> int:
    """Lets glibc keep freed blocks of up to 256 MB, in all up to 1 GB or an eighth of the machine's memory.

    glibc's own settings in the environment go before: with one of them set this does nothing. Nor does it elsewhere
    than on Linux with glibc.

    Returns:
        Bytes that may stay free before some go back; 0 where that is left as it was.
    """
    libc = _glibc()
    if libc is None or any(name in os.environ for name in _SETTINGS):
        return 0
    most = min(_MOST, _memory() // _SHARE)
    if any(libc.mallopt(_MMAP_THRESHOLD, largest) for largest in _LARGEST_BLOCKS):
        return most if libc.mallopt(_TRIM_THRESHOLD, most) else 0
    return 0


def empty_cache() -> None:
    """Gives memory back to the system that was freed and kept for the next step; on a GPU CuPy's as well.

    Call it after a large job in a process that lives on, such as a notebook. The next step takes its memory anew.

    Example:
        >>> empty_cache()
    """
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)
    if "cupy" in sys.modules:
        cupy = sys.modules["cupy"]
        cupy.get_default_memory_pool().free_all_blocks()
        cupy.get_default_pinned_memory_pool().free_all_blocks()


def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


def _memory() -> int:
    """Bytes of memory that this machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


kept = keep_freed_memory()  # bytes that may stay free
