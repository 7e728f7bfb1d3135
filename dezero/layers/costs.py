"""Knows what a model costs: the shapes, parameters and multiply-adds of every layer, found by running it once."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from ..config import using_config
from ..core import Function, Parameter, Variable
from ..functions.attention import ScaledDotProductAttention
from ..functions.conv import Conv2d, Deconv2d
from ..functions.einsum import Einsum
from ..functions.linalg import Linear, MatMul, StackedMatMul
from ..functions.recurrent import Recurrent
from .base import Layer


class Row(NamedTuple):
    """One layer of a ``Summary``; what is in it counts too.

    Attributes:
        name: Its path, as in a weight file (``res2/a``); empty for the model itself.
        kind: Its class.
        depth: How many layers it is in.
        output_shape: Shape of its result, a list of them for several, None where there is none or no call.
        params: Numbers in its parameters.
        multiply_adds: Those of all its calls.
        calls: How often it was called.
    """

    name: str
    kind: str
    depth: int
    output_shape: Any
    params: int
    multiply_adds: int
    calls: int


class Summary:
    """What ``summary`` found. As text it is a table.

    Attributes:
        rows: A ``Row`` for each layer, the model first.
        params: Numbers in all parameters; each counts once, wherever it is used.
        trained: Those of parameters that take a gradient.
        frozen: The others.
        param_bytes: Memory of all parameters.
        multiply_adds: Of the whole call.
    """

    def __init__(self, rows: list[Row], params: Iterable[Parameter]):
        params = list(params)
        self.rows = rows
        self.trained = sum(p.data.size for p in params if p.data is not None and p.requires_grad)
        self.params = _size(params)
        self.frozen = self.params - self.trained
        self.param_bytes = sum(p.data.nbytes for p in params if p.data is not None)
        self.multiply_adds = rows[0].multiply_adds

    def __str__(self) -> str:
        cells = [("layer", "output shape", "parameters", "multiply-adds")]
        for row in self.rows:
            label = "  " * row.depth + (f"{row.name.rpartition('/')[2]}: " if row.name else "") + row.kind
            cells.append((label, _shape_text(row.output_shape), f"{row.params:,}", f"{row.multiply_adds:,}"))
        widths = [max(len(row[i]) for row in cells) for i in range(4)]
        lines = [
            f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d:>{widths[3]}}".rstrip() for a, b, c, d in cells
        ]
        rule = "-" * max(map(len, lines))
        kinds = f"{self.trained:,} trained, {self.frozen:,} frozen"
        totals = [
            f"parameters     {self.params:,} ({kinds}), {_bytes(self.param_bytes)}",
            f"multiply-adds  {self.multiply_adds:,}",
        ]
        return "\n".join([lines[0], rule, *lines[1:], rule, *totals])

    __repr__ = __str__


def summary(model: Layer, *inputs: Any, **options: Any) -> Summary:
    """Runs a copy of a model once, in test mode, and tells what each layer gave and what it cost.

    The model stays as it is, and so does NumPy's global generator: weights that wait for the first call still do.

    Multiply-adds are those of matrix products, convolutions and the like (``MULTIPLY_ADDS`` lists the Functions and
    how each is counted). All else counts as 0: biases, activations, pooling, normalization. They are found in the
    graph behind each layer's result, so what ran under ``no_grad()`` is not seen. What a layer that overrides
    ``__call__`` computes is counted in the layer around it, and its shape is not known.

    Args:
        model: The Layer.
        *inputs: What it is called with: Variables, arrays.
        **options: Keyword arguments of the call.

    Returns:
        A ``Summary``: print it, or read its ``rows``.

    Example:
        >>> model = models.MLP((100, 10))
        >>> summary(model, np.zeros((1, 784), np.float32))
        layer         output shape  parameters  multiply-adds
        -----------------------------------------------------
        MLP           (1, 10)           79,510         79,400
          l0: Linear  (1, 100)          78,500         78,400
          l1: Linear  (1, 10)            1,010          1,000
        -----------------------------------------------------
        parameters     79,510 (79,510 trained, 0 frozen), 310.6 KiB
        multiply-adds  79,400
    """
    twin = _twin(model)
    layers = list(twin.named_layers())
    count = _Count([layer for _, layer in layers])
    random_state = np.random.get_state()
    trains = {p: p.requires_grad for p in twin.params()}
    for p in trains:
        p.requires_grad = True  # frozen or not, its Function is to be in the graph
    try:
        with using_config("train", False), using_config("enable_backprop", True):
            count.run(twin, [_asking(x) for x in inputs], {k: _asking(v) for k, v in options.items()})
    finally:
        np.random.set_state(random_state)
    for p, trained in trains.items():
        p.requires_grad = trained
    rows = [count.row(name, layer, _depth(name, layers)) for name, layer in layers]
    return Summary(rows, trains)


def _twin(model: Layer) -> Layer:
    """A copy of a model that shares the arrays of its parameters, which a call only reads."""
    shared = [v.data for v in model.params() if v.data is not None]
    shared += [v.grad for v in model.params() if v.grad is not None]
    return copy.deepcopy(model, {id(each): each for each in shared})


def _asking(x: Any) -> Any:
    """An input as one that asks for a gradient, so that all that is done with it is recorded."""
    data = x.data if isinstance(x, Variable) else x
    if getattr(getattr(data, "dtype", None), "kind", "") != "f" or isinstance(data, np.generic):
        return x
    return Variable(data)


def _depth(name: str, layers: list[tuple[str, Layer]]) -> int:
    return sum(name.startswith(other + "/") if other else name != "" for other, _ in layers)


class _Count:
    """Follows a call through a tree of layers: which Functions ran inside which layer."""

    def __init__(self, layers: list[Layer]):
        self.multiply_adds = dict.fromkeys(layers, 0)
        self.calls = dict.fromkeys(layers, 0)
        self.shapes: dict[Layer, Any] = dict.fromkeys(layers)
        self.running: list[Layer] = []  # outermost first
        self.seen: set[Function] = set()

    def run(self, model: Layer, inputs: list[Any], options: dict[str, Any]) -> None:
        for layer in self.calls:
            if layer is not model:
                layer.register_forward_pre_hook(self.begins, with_kwargs=True)
                layer.register_forward_hook(self.ends)
        self.begins(model, tuple(inputs), options)  # by hand: it may override __call__, which calls no hooks
        self.ends(model, tuple(inputs), model(*inputs, **options))

    def begins(self, layer: Layer, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.claim((inputs, options))  # what was computed before belongs to the layers around
        self.running.append(layer)

    def ends(self, layer: Layer, inputs: tuple[Any, ...], output: Any) -> None:
        self.claim(output)
        self.running.pop()
        self.calls[layer] += 1
        shapes = [y.shape for y in _variables(output)]
        self.shapes[layer] = shapes[0] if len(shapes) == 1 else shapes or None

    def claim(self, results: Any) -> None:
        """Counts the Functions behind ``results`` that are new for the layers that run."""
        waiting = [y for y in _variables(results) if y.creator is not None]
        while waiting:
            y = waiting.pop()
            f = y.creator
            if f is None or f in self.seen:
                continue
            self.seen.add(f)
            n = _multiply_adds(f, y)
            for layer in set(self.running):
                self.multiply_adds[layer] += n
            waiting.extend(x for x in f.inputs if x.creator is not None)

    def row(self, name: str, layer: Layer, depth: int) -> Row:
        kind, params = type(layer).__name__, _size(layer.params())
        return Row(name, kind, depth, self.shapes[layer], params, self.multiply_adds[layer], self.calls[layer])


def _variables(value: Any) -> list[Variable]:
    """The Variables in ``value``, in tuples, lists and dicts too."""
    if isinstance(value, Variable):
        return [value]
    values = value.values() if isinstance(value, dict) else value if isinstance(value, (tuple, list)) else ()
    return [x for v in values for x in _variables(v)]


# ---- what counts how much, from the Function and one of its results


def _of_matmul(f: Function, y: Variable) -> int:
    return y.size * f.inputs[0].shape[-1]


def _of_conv(f: Function, y: Variable) -> int:
    _, *window = f.inputs[1].shape  # (OC, C, KH, KW), C that of a group
    return y.size * math.prod(window)


def _of_deconv(f: Function, y: Variable) -> int:
    _, *window = f.inputs[1].shape  # (C, OC, KH, KW), OC that of a group
    return f.inputs[0].size * math.prod(window)


def _of_einsum(f: Any, y: Variable) -> int:
    terms, total = [set(indices) for indices in f.ins], 0
    while len(terms) > 1:  # two at a time, the cheapest pair first
        sizes = {
            (i, j): math.prod(f.sizes[n] for n in terms[i] | terms[j]) for i, j in combinations(range(len(terms)), 2)
        }
        i, j = min(sizes, key=sizes.__getitem__)
        total += sizes[i, j]
        joined = terms.pop(j) | terms.pop(i)
        terms.append(joined & set(f.out).union(*terms))
    return total


def _of_attention(f: Function, y: Variable) -> int:
    q, k, v, *_ = f.inputs  # (..., T, D), (..., S, D), (..., S, E)
    return math.prod(y.shape[:-1]) * k.shape[-2] * (q.shape[-1] + v.shape[-1])


def _of_recurrent(f: Any, y: Variable) -> int:
    x, *others = f.inputs  # (T, N, I) or (N, I)
    _, (Wx, Wh, *_) = f.split(others)
    return x.size // x.shape[-1] * (Wx.size + Wh.size)


MULTIPLY_ADDS: dict[type[Function], Callable[[Function, Variable], int]] = {
    MatMul: _of_matmul,
    StackedMatMul: _of_matmul,
    Linear: _of_matmul,
    Conv2d: _of_conv,
    Deconv2d: _of_deconv,
    Einsum: _of_einsum,
    ScaledDotProductAttention: _of_attention,
    Recurrent: _of_recurrent,
}


def _multiply_adds(f: Function, y: Variable) -> int:
    count = next((MULTIPLY_ADDS[kind] for kind in type(f).__mro__ if kind in MULTIPLY_ADDS), None)
    return 0 if count is None else int(count(f, y))


def _size(params: Iterable[Parameter]) -> int:
    return sum(p.data.size for p in params if p.data is not None)


# ---- as text


def _shape_text(shape: Any) -> str:
    if isinstance(shape, list):
        return ", ".join(map(str, shape))
    return "-" if shape is None else str(shape)


def _bytes(n: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if n < 1024 or unit == "GiB":
            break
        n /= 1024
    return f"{n:,.0f} {unit}" if unit == "B" else f"{n:,.1f} {unit}"
