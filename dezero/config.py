"""Knows the switches that change how Functions run: whether to record a graph, whether we are training, and others."""

from __future__ import annotations

import os
import threading
from contextlib import ContextDecorator
from typing import Any


class _Config(threading.local):
    """The switches. Every thread starts from these values and sees only its own changes."""

    enable_backprop: bool = True  # record the computation graph
    train: bool = True  # dropout drops, batch normalization uses the batch's own statistics
    detect_inplace: bool = False  # let backward() find arrays that were changed after they were recorded
    numba: bool = os.environ.get("DEZERO_NUMBA") != "off"  # run compiled loops where Numba is installed


Config = _Config()


class using_config(ContextDecorator):
    """Sets one switch of ``Config`` for the length of a ``with`` block or of a decorated function.

    The old value comes back however the block ends. Blocks nest, also with one and the same object.

    Args:
        name: ``"enable_backprop"``, ``"train"``, ``"detect_inplace"`` or ``"numba"``.
        value: The value inside the block.

    Raises:
        AttributeError: ``Config`` has no such switch.

    Example:
        >>> with using_config("train", False):
        ...     Config.train
        False
    """

    def __init__(self, name: str, value: Any):
        if not hasattr(Config, name):
            known = ", ".join(_Config.__annotations__)
            raise AttributeError(f"using_config: there is no switch {name!r}. There are: {known}.")
        self.name = name
        self.value = value
        self.previous: list[Any] = []

    def _recreate_cm(self) -> using_config:
        return type(self)._again(self.name, self.value)  # a decorated function may run in several threads at once

    @classmethod
    def _again(cls, name: str, value: Any) -> using_config:
        context = cls.__new__(cls)
        context.name, context.value, context.previous = name, value, []
        return context

    def __enter__(self) -> None:
        self.previous.append(getattr(Config, self.name))
        setattr(Config, self.name, self.value)

    def __exit__(self, *exc_info: object) -> None:
        setattr(Config, self.name, self.previous.pop())


class no_grad(using_config):
    """Records no graph inside: results need no gradient and keep none of their inputs alive.

    Example:
        >>> with no_grad():
        ...     Config.enable_backprop
        False
    """

    def __init__(self) -> None:
        self.name, self.value, self.previous = "enable_backprop", False, []


class test_mode(using_config):
    """Runs layers as at test time: dropout is the identity, batch normalization uses its running statistics.

    Example:
        >>> with test_mode():
        ...     Config.train
        False
    """

    __test__ = False  # pytest: the name says test, but this is none

    def __init__(self) -> None:
        self.name, self.value, self.previous = "train", False, []


class detect_inplace(using_config):
    """Checking mode: ``backward()`` raises where an array it needs was changed in place after the forward pass.

    Every recorded array is read once more at the forward and at the backward pass, so this is for finding a
    mistake, not for training.
    """

    def __init__(self) -> None:
        self.name, self.value, self.previous = "detect_inplace", True, []
