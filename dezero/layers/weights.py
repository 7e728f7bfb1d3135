"""Knows how the weights of linear and convolution layers start, and when: at once, or with the first input."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import Parameter, Variable
from ..cuda import as_numpy, get_array_module, is_array
from ..initializers import draw, get_initializer
from .base import Layer


def positive_integer(value: Any, name: str, who: str) -> int:
    """``value`` as an int.

    Raises:
        ValueError: It is no integer above 0.
    """
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{who}: {name} must be an integer above 0, got {value!r}.")
    return int(value)


def float_dtype(dtype: Any, who: str) -> np.dtype:
    """``dtype`` as a NumPy dtype.

    Raises:
        ValueError: It is not a floating point type.
    """
    found = np.dtype(dtype)
    if found.kind != "f":
        raise ValueError(f"{who}: dtype must be a floating point type such as np.float32, got {found}.")
    return found


def array_module_of(x: Any, who: str) -> Any:
    """The array module of a layer's input.

    Raises:
        TypeError: ``x`` is neither a Variable nor an array.
    """
    if not isinstance(x, Variable) and not is_array(x):
        raise TypeError(f"{who}: x must be a Variable or an array, got {type(x).__name__}. Use np.asarray(x).")
    return get_array_module(x)


class WeightedLayer(Layer):
    """A layer with a weight ``W ~ N(0, 1 / fan-in)`` and a bias ``b = 0``, unless told otherwise.

    W is made as soon as the size of the input is known, and so is a bias with a ``b_init``. They are drawn from
    NumPy's global generator on any device, so that ``np.random.seed`` makes runs equal, on a GPU too.

    Its subclasses take ``W_init`` and ``b_init``: a name (``"he_normal"``), something of ``dezero.initializers``
    or a callable of your own that takes the shape and returns an array. Fan-in is how many numbers make one
    output, fan-out how many outputs one number of the input goes to; the axes of a kernel and groups count.

    Source of the scale: LeCun et al., Efficient BackProp, 1998.
    """

    input_size_name = "in_size"  # the attribute that tells it

    W: Parameter
    b: Parameter | None

    def __init__(
        self,
        out_size: int,
        nobias: bool,
        dtype: Any,
        in_size: int | None,
        *,
        W_init: Any = None,
        b_init: Any = None,
    ):
        super().__init__()
        who = type(self).__name__
        self.dtype = float_dtype(dtype, who)
        self.W_init = get_initializer("lecun_normal" if W_init is None else W_init, f"{who}: W_init")
        self.b_init = None if b_init is None else get_initializer(b_init, f"{who}: b_init")
        self._outputs_of_W = out_size
        self.W = Parameter(None, name="W")
        b = np.zeros(out_size, self.dtype) if b_init is None else None
        self.b = None if nobias else Parameter(b, name="b")
        if in_size is None:
            setattr(self, self.input_size_name, None)
        else:
            self.initialize(in_size)

    def W_shape(self, in_size: int | None) -> tuple[int | None, ...]:
        """Shape of W for an input size; None where that is not known yet."""
        raise NotImplementedError(f"{type(self).__name__} has no W_shape(self, in_size).")

    def initialize(self, in_size: int, xp: Any = np) -> None:
        """Makes W for an input size, on the array module ``xp``; the bias comes along.

        Args:
            in_size: Number of features, or channels, of the input.
            xp: ``numpy`` or ``cupy``.

        Raises:
            ValueError: ``in_size`` is no integer above 0, or an initialiser gave another shape.
        """
        who = type(self).__name__
        in_size = positive_integer(in_size, self.input_size_name, who)
        shape = tuple(n for n in self.W_shape(in_size) if n is not None)
        sizes = math.prod(shape) // self._outputs_of_W, math.prod(shape) // in_size  # fan-in, fan-out
        W = draw(self.W_init, shape, *sizes, self.dtype, f"{who}: W_init")
        if self.b is not None and self.b.data is None and self.b_init is not None:
            self.b.data = draw(self.b_init, (self._outputs_of_W,), *sizes, self.dtype, f"{who}: b_init")
        setattr(self, self.input_size_name, in_size)
        self.W.data = xp.asarray(W)
        if self.b is not None and get_array_module(self.b) is not xp:
            self.b.data = xp.asarray(as_numpy(self.b))

    def _expected(self, name: str) -> tuple[tuple[int | None, ...] | None, Any]:
        known = {"W": self.W_shape(None), "b": (self._outputs_of_W,)}
        return (known[name], self.dtype) if name in known else (None, None)

    def _in_and_out(self) -> str:
        """``784 -> 100``, with a question mark for an input size that is not known yet."""
        in_size = getattr(self, self.input_size_name, None)
        if in_size is None and self.W.data is not None and None in self.W_shape(None):  # W came from a file
            in_size = self.W.data.shape[self.W_shape(None).index(None)]
        return f"{'?' if in_size is None else in_size} -> {self._outputs_of_W}"
