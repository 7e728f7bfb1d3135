"""Knows what every test and every example in a docstring gets: a check for traces, and names for the examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from dezero.config import Config

SWITCHES = ("enable_backprop", "train", "detect_inplace", "numba")


@pytest.fixture(autouse=True)
def _leaves_no_trace() -> Iterator[None]:
    """Fails a test that leaves a switch of ``Config`` changed, and puts NumPy's global random state back."""
    before = {name: getattr(Config, name) for name in SWITCHES}
    random_state = np.random.get_state()
    yield
    np.random.set_state(random_state)
    after = {name: getattr(Config, name) for name in SWITCHES}
    for name, value in before.items():
        setattr(Config, name, value)
    if after != before:
        pytest.fail(f"the test changed Config and did not put it back: {before} became {after}.")


@pytest.fixture(autouse=True)
def _names_for_examples(
    request: pytest.FixtureRequest,
    doctest_namespace: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Gives an example ``np``, dezero's names, ``F``, ``L`` and ``tmp``; the names of its own module come first.

    ``tmp`` is the folder it runs in: an empty one, so that the files it writes lie nowhere else.
    """
    if not isinstance(request.node, pytest.DoctestItem):
        return
    import dezero

    tmp = tmp_path_factory.mktemp("example")
    offered = {"np": np, "dezero": dezero, "tmp": tmp}
    offered |= {name: getattr(dezero, name) for name in dir(dezero) if not name.startswith("_")}
    offered |= {short: offered[name] for short, name in (("F", "functions"), ("L", "layers")) if name in offered}
    module = request.node.dtest.globs
    doctest_namespace.clear()
    doctest_namespace.update({name: value for name, value in offered.items() if name not in module})
    monkeypatch.chdir(tmp)
