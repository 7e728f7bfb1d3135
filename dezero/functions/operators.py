"""Knows which Function each operator and method of Variable stands for, and hands them to the class.

The one place where something above the engine reaches into it: ``core`` says so in its first lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core import Variable
from . import arithmetic, comparison, elementwise, indexing, joining, linalg, reduction, shape, solving, sorting
from .einsum import einsum


def _reshape(x: Variable, *new_shape: Any) -> Variable:
    """``v.reshape(2, 3)`` or ``v.reshape((2, 3))``."""
    return shape.reshape(x, _unpacked(new_shape))


def _transpose(x: Variable, *axes: Any) -> Variable:
    """``v.transpose()``, ``v.transpose(1, 0)`` or ``v.transpose((1, 0))``."""
    return shape.transpose(x, _unpacked(axes) if axes else None)


def _unpacked(args: tuple[Any, ...]) -> Any:
    return args[0] if len(args) == 1 and (args[0] is None or isinstance(args[0], (tuple, list))) else args


def _iterate(x: Variable) -> Iterator[Variable]:
    if not x.ndim:
        raise TypeError("A 0-d Variable has no elements to iterate over. Take its number with v.item().")
    return (x[i] for i in range(len(x)))


def _swapped(function: Any) -> Any:
    return lambda x0, x1: function(x1, x0)


def _compared(method: Any, mirrored: Any) -> Any:
    """A comparison of two operands of which one is a Variable: ``a < b`` is ``b > a``."""
    return lambda a, b: method(a, b) if isinstance(a, Variable) else mirrored(b, a)


def _einsum(subscripts: Any, *xs: Any, optimize: Any = True) -> Variable:
    """``np.einsum``; the order of the products is chosen whatever ``optimize`` says."""
    return einsum(subscripts, *xs)


_OPERATORS: dict[str, Any] = {
    "__add__": arithmetic.add,
    "__radd__": arithmetic.add,
    "__mul__": arithmetic.mul,
    "__rmul__": arithmetic.mul,
    "__neg__": arithmetic.neg,
    "__sub__": arithmetic.sub,
    "__rsub__": arithmetic.rsub,
    "__truediv__": arithmetic.div,
    "__rtruediv__": arithmetic.rdiv,
    "__pow__": arithmetic.pow,
    "__rpow__": _swapped(arithmetic.pow),
    "__matmul__": linalg.matmul,
    "__rmatmul__": _swapped(linalg.matmul),
    "__abs__": elementwise.abs,
    "__getitem__": indexing.get_item,
    "__iter__": _iterate,
    "reshape": _reshape,
    "transpose": _transpose,
    "T": property(_transpose, doc="The Variable with its axes in reverse order."),
    "sum": reduction.sum,
    "mean": reduction.mean,
    "var": reduction.var,
    "std": reduction.std,
    "prod": reduction.prod,
    "cumsum": reduction.cumsum,
    "max": reduction.max,
    "min": reduction.min,
    "argmax": sorting.argmax,
    "argmin": sorting.argmin,
    "squeeze": shape.squeeze,
    "swapaxes": shape.swapaxes,
    "repeat": joining.repeat,
    "matmul": linalg.matmul,
    "dot": linalg.matmul,
    "astype": shape.cast,
}

_NUMPY_FUNCTIONS: dict[Any, Any] = {
    np.add: arithmetic.add,
    np.subtract: arithmetic.sub,
    np.multiply: arithmetic.mul,
    np.divide: arithmetic.div,
    np.power: arithmetic.pow,
    np.negative: arithmetic.neg,
    np.matmul: linalg.matmul,
    np.dot: linalg.matmul,
    np.einsum: _einsum,
    np.tensordot: linalg.tensordot,
    np.outer: linalg.outer,
    np.linalg.solve: solving.solve,
    np.linalg.inv: solving.inv,
    np.linalg.det: solving.det,
    np.linalg.cholesky: solving.cholesky,
    np.absolute: elementwise.abs,
    np.less: _compared(Variable.__lt__, Variable.__gt__),
    np.less_equal: _compared(Variable.__le__, Variable.__ge__),
    np.greater: _compared(Variable.__gt__, Variable.__lt__),
    np.greater_equal: _compared(Variable.__ge__, Variable.__le__),
    np.equal: _compared(Variable.__eq__, Variable.__eq__),
    np.not_equal: _compared(Variable.__ne__, Variable.__ne__),
    np.exp: elementwise.exp,
    np.expm1: elementwise.expm1,
    np.log: elementwise.log,
    np.log1p: elementwise.log1p,
    np.log2: elementwise.log2,
    np.log10: elementwise.log10,
    np.sin: elementwise.sin,
    np.cos: elementwise.cos,
    np.tan: elementwise.tan,
    np.arcsin: elementwise.arcsin,
    np.arccos: elementwise.arccos,
    np.arctan: elementwise.arctan,
    np.sinh: elementwise.sinh,
    np.cosh: elementwise.cosh,
    np.tanh: elementwise.tanh,
    np.sqrt: elementwise.sqrt,
    np.square: elementwise.square,
    np.reciprocal: elementwise.reciprocal,
    np.sign: elementwise.sign,
    np.floor: elementwise.floor,
    np.ceil: elementwise.ceil,
    np.rint: elementwise.round,
    np.round: elementwise.round,
    np.around: elementwise.round,
    np.maximum: comparison.maximum,
    np.minimum: comparison.minimum,
    np.where: comparison.where,
    np.sum: reduction.sum,
    np.mean: reduction.mean,
    np.var: reduction.var,
    np.std: reduction.std,
    np.prod: reduction.prod,
    np.cumsum: reduction.cumsum,
    np.max: reduction.max,
    np.min: reduction.min,
    np.argmax: sorting.argmax,
    np.argmin: sorting.argmin,
    np.clip: elementwise.clip,
    np.reshape: shape.reshape,
    np.transpose: shape.transpose,
    np.expand_dims: shape.expand_dims,
    np.squeeze: shape.squeeze,
    np.swapaxes: shape.swapaxes,
    np.moveaxis: shape.moveaxis,
    np.flip: shape.flip,
    np.roll: shape.roll,
    np.pad: shape.pad,
    np.concatenate: joining.concat,
    np.stack: joining.stack,
    np.split: joining.split,
    np.repeat: joining.repeat,
    np.tile: joining.tile,
    np.take_along_axis: indexing.take_along_axis,
}


def setup_variable() -> None:
    """Gives Variable its operators and methods, and NumPy's functions on a Variable their meaning."""
    for name, function in _OPERATORS.items():
        setattr(Variable, name, function)
    Variable.numpy_functions = _NUMPY_FUNCTIONS
