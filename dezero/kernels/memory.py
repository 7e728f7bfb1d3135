"""Knows how to keep the C library from giving freed memory back to the system at every step."""

from __future__ import annotations

import numpy as np

_LARGEST = (32 << 20) - (64 << 10)  # bytes; glibc learns from blocks of up to 32 MB


def keep_freed_memory() -> None:
    """Lets glibc hold on to freed arrays of up to 32 MB, for the next step to use again.

    A training step frees all of its arrays and makes the same ones again. Memory that went back to the system in
    between comes as new pages, each zeroed at its first touch, which can cost more than the arithmetic. glibc raises
    its threshold for giving back when it sees a large block freed, so one such block, never touched, tells it at once.
    Elsewhere this does nothing; ``MALLOC_TRIM_THRESHOLD_`` and ``MALLOC_MMAP_THRESHOLD_``, if set, take precedence.
    """
    np.empty(_LARGEST, np.uint8)
