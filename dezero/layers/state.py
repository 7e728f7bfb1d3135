"""Knows how named arrays, from a file or a dict, become the values of parameters and buffers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import cuda
from ..cuda import get_array_module


class Part(NamedTuple):
    """Something in a tree of layers: where it is (``l1/W``), itself, and the Layer that it belongs to."""

    path: str
    value: Any
    owner: Any


class Unmatched(NamedTuple):
    """The names that only one side has: ``missing`` in what was loaded, ``unexpected`` in it alone."""

    missing: list[str]
    unexpected: list[str]


class DoesNotFit(ValueError):
    """Names, shapes or dtypes differ; the message has a line for each."""


def put_all(arrays: Mapping[str, np.ndarray], weights: Mapping[str, Part], where: str, strict: bool) -> Unmatched:
    """Makes ``arrays`` the values of ``weights``, if all of them fit.

    Args:
        arrays: Name -> array on the host.
        weights: Name -> the parameter or buffer.
        where: What the arrays come from, for an error: ``file``.
        strict: Whether the names must be the same.

    Raises:
        DoesNotFit: Something differs. Nothing was changed.
    """
    unmatched = Unmatched([n for n in weights if n not in arrays], [n for n in arrays if n not in weights])
    differences = []
    if strict:
        differences += [f"{name} is not in the {where}" for name in unmatched.missing]
        differences += [f"{name} is in the {where} only" for name in unmatched.unexpected]
    common = [name for name in weights if name in arrays]
    for name in common:
        differences += _misfit(name, weights[name], arrays[name], where)
    if differences:
        raise DoesNotFit("".join(f"\n  {line}" for line in differences))
    for name in common:
        _put(arrays[name], weights[name])
    return unmatched


def _misfit(name: str, part: Part, array: np.ndarray, where: str) -> list[str]:
    """What keeps ``array`` from being the value of ``part``, in words."""
    data = part.value.data
    if data is None:
        shape, dtype = part.owner._expected(name.rpartition("/")[2])
    else:
        shape, dtype = data.shape, data.dtype
    found = []
    if shape is not None and not _fits(array.shape, shape):
        wanted = str(tuple(shape)).replace("None", "any")
        found.append(f"{name} has shape {array.shape} in the {where}, {wanted} in the model")
    if dtype is not None and array.dtype != dtype:
        found.append(f"{name} is {array.dtype} in the {where}, {np.dtype(dtype)} in the model")
    return found


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(w is None or n == w for n, w in zip(shape, wanted))


def _put(array: np.ndarray, part: Part) -> None:
    """Makes ``array`` the value of ``part``, on its device and, if it has one, in the memory that it has."""
    v = part.value
    if v.data is not None:
        v.data[...] = get_array_module(v.data).asarray(array)
    else:
        v.data = cuda.as_cupy(array) if part.owner._on_gpu else array.copy()
