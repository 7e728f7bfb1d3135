import os
import threading
import warnings
from itertools import pairwise

import numpy as np
import pytest

from dezero.kernels import parallel
from dezero.kernels.parallel import run_in_parts, threads


@pytest.fixture
def three_threads(monkeypatch):
    """As on a machine with three cores, with a queue of its own."""
    monkeypatch.setattr(parallel, "threads", lambda: 3)
    parallel._waiting.cache_clear()
    yield
    parallel._waiting.cache_clear()


def parts_of(n, least):
    parts = []
    run_in_parts(lambda start, stop: parts.append((start, stop, threading.current_thread().name)), n, least)
    return sorted(parts)


def test_parts_cover_everything_once(three_threads):
    for n in (1, 2, 3, 10, 1000, 1001):
        parts = parts_of(n, 1)
        assert parts[0][0] == 0
        assert parts[-1][1] == n
        assert all(a[1] == b[0] for a, b in pairwise(parts))


def test_each_part_has_a_thread_of_its_own_at_the_same_time(three_threads):
    together = threading.Barrier(3, timeout=30)
    came = []
    run_in_parts(lambda start, stop: came.append(together.wait()), 30, 10)  # times out if one waits for another
    assert sorted(came) == [0, 1, 2]


def test_little_work_stays_in_the_callers_thread(three_threads):
    assert parts_of(19, 10) == [(0, 19, threading.current_thread().name)]
    assert len(parts_of(20, 10)) == 2
    assert parts_of(0, 10) == [(0, 0, threading.current_thread().name)]


def test_work_that_shares_out_work_does_not_wait_for_itself(three_threads):
    found = []
    run_in_parts(lambda start, stop: run_in_parts(lambda a, b: found.append(b - a), 30, 1), 3, 1)
    assert found == [30, 30, 30]


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_an_error_reaches_the_caller_after_all_parts_ended(three_threads, bad):
    ended = []

    def work(start, stop):
        if start == bad:
            raise ValueError(f"part {start}")
        ended.append(start)

    with pytest.raises(ValueError, match=f"part {bad}"):
        run_in_parts(work, 3, 1)
    assert len(ended) == 2
    assert len(parts_of(3, 1)) == 3  # the threads live on


def test_parts_see_the_callers_errstate(three_threads):
    x = np.zeros(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with np.errstate(divide="ignore"):
            run_in_parts(lambda start, stop: 1 / x[start:stop], 3, 1)
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        run_in_parts(lambda start, stop: 1 / x[start:stop], 3, 1)


@pytest.mark.parametrize(("asked", "wanted"), [("1", 1), ("0", None), ("", None), ("many", None)])
def test_the_environment_may_ask_for_fewer_threads(monkeypatch, asked, wanted):
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert threads.__wrapped__() == (wanted or threads())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_starts_threads_of_its_own(three_threads):
    assert len(parts_of(3, 1)) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
        child = os.fork()
    if child == 0:
        os._exit(0 if len(parts_of(3, 1)) == 3 else 1)
    assert os.waitpid(child, 0)[1] == 0
