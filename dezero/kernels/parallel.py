"""Knows how to share work on large arrays among threads: NumPy computes element by element on one, BLAS on all."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from queue import SimpleQueue

import numpy as np

_this = threading.local()  # .busy in a thread that works on a part: what it calls is not shared out again


def run_in_parts(work: Callable[[int, int], object], n: int, least: int) -> None:
    """Calls ``work(start, stop)`` for parts that make up 0 to ``n``, each on a thread of its own.

    NumPy lets go of the interpreter while it computes, so the parts run at the same time. ``work`` may only write what
    belongs to its part.

    Args:
        work: Computes a part. It sees the caller's ``np.errstate``.
        n: What there is to share: rows, images, elements.
        least: The least to give to a thread. To wake one takes some 40 microseconds.

    Raises:
        BaseException: What ``work`` raised, once all parts have ended.
    """
    parts = min(threads(), n // max(1, least))
    if parts < 2 or getattr(_this, "busy", False):
        work(0, n)
        return
    bounds = [n * k // parts for k in range(parts + 1)]
    others = [_Part(work, start, stop) for start, stop in pairwise(bounds[1:])]
    for other in others:
        _waiting().put(other)
    mine = _Part(work, 0, bounds[1])
    mine.run()
    for part in (*others, mine):
        part.done.acquire()
    for part in (mine, *others):
        if part.error is not None:
            raise part.error


@lru_cache(maxsize=1)
def threads() -> int:
    """How many threads to use: the cores this process may run on, or fewer where OMP_NUM_THREADS says so."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores(), int(asked)) if asked.isdigit() and int(asked) > 0 else cores()


def cores() -> int:
    """How many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Part:
    def __init__(self, work: Callable[[int, int], object], start: int, stop: int):
        self.work, self.start, self.stop = work, start, stop
        self.errors = np.geterr()
        self.error: BaseException | None = None
        self.done = threading.Lock()
        self.done.acquire()

    def run(self) -> None:
        _this.busy = True
        try:
            with np.errstate(**self.errors):
                self.work(self.start, self.stop)
        except BaseException as error:  # handed to the thread that asked for the work
            self.error = error
        finally:
            _this.busy = False
            self.done.release()


@lru_cache(maxsize=1)
def _waiting() -> SimpleQueue[_Part]:
    """The parts that wait for a thread; the threads start with the first of them."""
    parts: SimpleQueue[_Part] = SimpleQueue()
    for _ in range(threads() - 1):
        threading.Thread(target=_work_on, args=(parts,), name="dezero", daemon=True).start()
    return parts


def _work_on(parts: SimpleQueue[_Part]) -> None:
    while True:
        parts.get().run()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_waiting.cache_clear)  # a forked process has none of its parent's threads
