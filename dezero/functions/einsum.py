"""Knows Einstein's summation: products of arrays, summed over named indices, by way of matrix products."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from itertools import combinations
from typing import Any

from ..core import Variable, as_operand
from ..cuda import get_array_module
from .arithmetic import check_precision
from .formula import Formula, apply


class Einsum(Formula):
    """y[out] = sum of x0[ins0] x1[ins1] ... over the indices that out lacks;  gx0[ins0] = the same of gy, x1, ...

    An index that only ``out`` has repeats y along it, and one that ``out`` has twice puts y on a diagonal. So the
    gradient of a sum, and that of a trace, is an Einsum again.
    """

    def __init__(self, ins: tuple[str, ...], out: str, sizes: dict[str, int]):
        self.ins = ins  # for each operand, a letter for each of its axes
        self.out = out
        self.sizes = sizes

    def forward(self, *xs):
        terms = [_alone(x, self.ins[i], {*self.out}.union(*_without(self.ins, i))) for i, x in enumerate(xs)]
        while len(terms) > 1:
            i, j = _cheapest_pair([indices for _, indices in terms], self.out, self.sizes)
            second, first = terms.pop(j), terms.pop(i)
            keep = {*self.out}.union(*(indices for _, indices in terms))
            terms.append(_product(first, second, keep, self.out, self.sizes))
        return _spread(*terms[0], self.out, self.sizes)

    def gradients(self, gy, y, *xs):
        return tuple(self._gradient(i, gy, xs) if wanted else None for i, wanted in enumerate(self.needs_grad))

    def _gradient(self, i, gy, xs):
        gradient = Einsum((self.out, *_without(self.ins, i)), self.ins[i], self.sizes)
        return apply(gradient, gy, *_without(xs, i))


def _without(items: tuple[Any, ...], i: int) -> tuple[Any, ...]:
    return (*items[:i], *items[i + 1 :])


Term = tuple[Any, str]  # an array, and the index of each of its axes, none of them twice


def _alone(x: Any, indices: str, keep: set[str]) -> Term:
    """What one operand can do by itself: take diagonals, and sum over the indices that nobody else has."""
    for index in dict.fromkeys(indices):
        while indices.count(index) > 1:
            i = indices.index(index)
            j = indices.index(index, i + 1)
            x = x.diagonal(0, i, j)  # which is the last axis now
            indices = indices[:i] + indices[i + 1 : j] + indices[j + 1 :] + index
    axes = tuple(i for i, index in enumerate(indices) if index not in keep)
    if not axes:
        return x, indices
    left = "".join(index for index in indices if index in keep)
    if all(x.shape[i] == 1 for i in axes):
        return x.reshape([n for i, n in enumerate(x.shape) if i not in axes]), left
    return x.sum(axis=axes, dtype=x.dtype), left


def _cheapest_pair(terms: list[str], out: str, sizes: dict[str, int]) -> tuple[int, int]:
    """The two terms to multiply next: those after which the least is left in memory."""

    def growth(pair: tuple[int, int]) -> int:
        first, second = (terms[i] for i in pair)
        others = {*out}.union(*(term for i, term in enumerate(terms) if i not in pair))
        return _size({*first, *second} & others, sizes) - _size(first, sizes) - _size(second, sizes)

    return min(combinations(range(len(terms)), 2), key=growth)


def _size(indices: Iterable[str], sizes: dict[str, int]) -> int:
    return math.prod(sizes[index] for index in indices)


def _product(first: Term, second: Term, keep: set[str], out: str, sizes: dict[str, int]) -> Term:
    """Two terms multiplied, and summed over the indices that nobody else has: a stack of matrix products."""
    (x0, indices0), (x1, indices1) = first, second
    both = [index for index in indices0 if index in indices1]
    summed = [index for index in both if index not in keep]
    wanted = [*dict.fromkeys(out), *(index for index in indices0 + indices1 if index not in out)]
    if not summed:
        order = [index for index in dict.fromkeys(wanted) if index in indices0 or index in indices1]
        return _aligned(x0, indices0, order) * _aligned(x1, indices1, order), "".join(order)
    if out and out[-1] in indices0 and out[-1] not in both:  # then the last axis of the product is that of out
        (x0, indices0), (x1, indices1) = second, first
    batch = [index for index in dict.fromkeys(wanted) if index in both and index in keep]
    rows = [index for index in indices0 if index not in both]
    columns = [index for index in indices1 if index not in both]
    lead, K = [sizes[index] for index in batch], _size(summed, sizes)
    a = _ordered(x0, indices0, [*batch, *rows, *summed]).reshape((*lead, _size(rows, sizes), K))
    b = _ordered(x1, indices1, [*batch, *summed, *columns]).reshape((*lead, K, _size(columns, sizes)))
    y = a @ b  # (batch ..., rows, columns)
    indices = [*batch, *rows, *columns]
    return y.reshape([sizes[index] for index in indices]), "".join(indices)


def _ordered(x: Any, indices: str, order: list[str]) -> Any:
    return x.transpose([indices.index(index) for index in order])


def _aligned(x: Any, indices: str, order: list[str]) -> Any:
    """``x`` with an axis for each index of ``order``, of length 1 where it has none."""
    x = _ordered(x, indices, [index for index in order if index in indices])
    lengths = iter(x.shape)
    return x.reshape([next(lengths) if index in indices else 1 for index in order])


def _spread(x: Any, indices: str, out: str, sizes: dict[str, int]) -> Any:
    """``x`` in the axes of ``out``: repeated along those it lacks, on the diagonal of those that are one index."""
    if indices == out:
        return x
    xp = get_array_module(x)
    once = list(dict.fromkeys(out))
    x = _aligned(x, indices, once)
    if len(once) == len(out):
        return x if len(indices) == len(out) else xp.broadcast_to(x, [sizes[index] for index in out])
    lengths = iter(x.shape)
    x = x.reshape([next(lengths) if out.index(index) == i else 1 for i, index in enumerate(out)])
    on_diagonal: Any = True
    for i, index in enumerate(out):
        first = out.index(index)
        if first != i:
            places = xp.arange(sizes[index])
            on_diagonal = (_along(i, places, len(out)) == _along(first, places, len(out))) & on_diagonal
    y = xp.where(on_diagonal, x, x.dtype.type(0))
    return xp.broadcast_to(y, [sizes[index] for index in out])


def _along(axis: int, places: Any, ndim: int) -> Any:
    return places.reshape([len(places) if i == axis else 1 for i in range(ndim)])


def einsum(subscripts: str, *xs: Any) -> Variable:
    """Einstein's summation, as ``np.einsum``: multiplies the operands and sums over the indices not in the result.

    Each pair of operands is multiplied as matrices where it can be; of three and more, first the pair that leaves
    the least behind.

    Args:
        subscripts: A letter for each axis of each operand, and after ``->`` those of the result: ``"ij,jk->ik"``.
            Without ``->`` the result has the letters that occur once, in alphabetical order. A letter twice in an
            operand takes its diagonal. ``...`` stands for axes that broadcast.
        *xs: The operands, Variables or arrays. An axis of length 1 broadcasts.

    Returns:
        Variable with the axes of the result.

    Raises:
        TypeError: ``subscripts`` is no string, or float16 meets a wider float.
        ValueError: ``subscripts`` cannot be read, or do not fit the operands.

    Example:
        >>> x = np.arange(6.0).reshape(2, 3)
        >>> einsum("ij,ij->i", x, x)
        variable([ 5. 50.])
        >>> einsum("ii", np.eye(3)), einsum("...k,k", np.ones((4, 5, 3)), np.ones(3)).shape
        (variable(3.0), (4, 5))
    """
    if not isinstance(subscripts, str):
        raise TypeError(f"einsum: subscripts must be a string such as 'ij,jk->ik', got {type(subscripts).__name__}.")
    operands = [as_operand(x, "einsum") for x in xs]
    for x0, x1 in combinations(operands, 2):
        check_precision(x0.dtype, x1.dtype, "einsum")
    return Einsum(*_parse(subscripts, [tuple(x.shape) for x in operands]))(*operands)


_TERM = re.compile(r"[a-zA-Z]*(\.\.\.[a-zA-Z]*)?")


def _parse(subscripts: str, shapes: list[tuple[int, ...]]) -> tuple[tuple[str, ...], str, dict[str, int]]:
    """The indices of each operand and of the result, a letter for each axis, and the size of each index."""
    given, arrow, result = "".join(subscripts.split()).partition("->")
    terms = given.split(",")
    if not all(_TERM.fullmatch(term) for term in [*terms, result]):
        raise ValueError(
            f"einsum: {subscripts!r} cannot be read. Letters, ',', '...' and '->' are wanted: 'ij,jk->ik'."
        )
    if len(terms) != len(shapes):
        raise ValueError(f"einsum: {subscripts!r} names {len(terms)} operands, but {len(shapes)} were given.")
    ins = [_with_dots_named(term, shape, i) for i, (term, shape) in enumerate(zip(terms, shapes))]
    dots = max((re.sub("[a-zA-Z]", "", term) for term in ins), key=len)
    if arrow:
        out = _checked_result(result, terms, dots)
    else:
        out = dots + "".join(sorted(index for index in given if index.isalpha() and given.count(index) < 2))
    sizes = _sizes(ins, shapes)
    return tuple(_with_ones_named(term, shape, sizes) for term, shape in zip(ins, shapes)), out, sizes


def _with_dots_named(term: str, shape: tuple[int, ...], i: int) -> str:
    """The ellipsis replaced by letters of its own, the same for axes that broadcast: they count from the last."""
    letters = len(term.replace("...", ""))
    dots = len(shape) - letters
    if dots < 0 or (dots and "..." not in term):
        raise ValueError(f"einsum: {term!r} has {letters} indices, but operand {i} has shape {shape}.")
    return term.replace("...", "".join(chr(ord("α") + k) for k in reversed(range(dots))))


def _checked_result(result: str, terms: list[str], dots: str) -> str:
    letters = result.replace("...", "")
    for index in letters:
        if letters.count(index) > 1:
            raise ValueError(f"einsum: the result {result!r} names index {index} twice.")
        if not any(index in term for term in terms):
            raise ValueError(f"einsum: index {index} of the result {result!r} is in no operand ({','.join(terms)}).")
    if dots and "..." not in result:
        raise ValueError(f"einsum: the result {result!r} leaves out the axes of '...'. Add '...' to it.")
    return result.replace("...", dots)


def _sizes(ins: list[str], shapes: list[tuple[int, ...]]) -> dict[str, int]:
    """The size of each index, 1 only where it is 1 in every operand."""
    sizes: dict[str, int] = {}
    for i, (term, shape) in enumerate(zip(ins, shapes)):
        seen: dict[str, int] = {}
        for index, n in zip(term, shape):
            known, own = sizes.get(index, 1), seen.setdefault(index, n)
            if own != n or (n != 1 and known not in (1, n)):
                name = "an axis of '...'" if index >= "α" else f"index {index}"
                raise ValueError(
                    f"einsum: {name} has length {n} in operand {i}, but {own if own != n else known} elsewhere"
                    f" (shapes {', '.join(map(str, shapes))})."
                )
            sizes[index] = n if known == 1 else known
    return sizes


def _with_ones_named(term: str, shape: tuple[int, ...], sizes: dict[str, int]) -> str:
    """Axes of length 1 that broadcast get an index of their own: summing over it is what undoes broadcasting."""
    named = ""
    for index, n in zip(term, shape):
        if n != sizes[index]:
            index = chr(ord("①") + sum(name >= "①" for name in sizes))
            sizes[index] = 1
        named += index
    return named
