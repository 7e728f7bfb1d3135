"""Knows the layers that remember: step by step, what they compute depends on the inputs before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import Variable, as_operand
from ..cuda import get_array_module
from ..functions.activation import sigmoid
from ..functions.elementwise import tanh
from ..functions.recurrent import gru_step, lstm_step
from .base import Layer
from .linear import Linear
from .weights import array_module_of, positive_integer


class RecurrentLayer(Layer):
    """A layer whose state is carried from one call to the next.

    The state is None before the first call. It keeps the graph of the calls before, so that gradients flow back
    through time. ``loss.unchain_backward()`` or ``detach_state()`` cut it; ``reset_state()`` forgets the state.
    """

    state_names: tuple[str, ...] = ("h",)
    hidden_size: int
    h: Variable | None

    def reset_state(self) -> None:
        """Forgets the state: the next call starts a new sequence."""
        for name in self.state_names:
            setattr(self, name, None)

    def detach_state(self) -> None:
        """Keeps the values of the state but not how they came about: no gradient flows back beyond this point."""
        for name in self.state_names:
            state = getattr(self, name)
            if isinstance(state, Variable):
                setattr(self, name, state.detach())

    def _begin(self, x: Any, of_x: Sequence[Linear], of_h: Sequence[Linear]) -> None:
        """Makes the weights that still wait for the first input, and checks that ``x`` goes with the state."""
        who = type(self).__name__
        xp = array_module_of(x, who)
        if not x.ndim:
            raise ValueError(f"{who}: x (N, I) is wanted, got a 0-d array.")
        for layer in (*of_x, *of_h):
            if layer.W.data is None:
                layer.initialize(x.shape[-1] if layer in of_x else self.hidden_size, xp)
        for name in self.state_names:
            state = getattr(self, name)
            if state is not None and tuple(state.shape[:-1]) != tuple(x.shape[:-1]):
                raise ValueError(
                    f"{who}: the state {name} {tuple(state.shape)} is of another batch size than x {tuple(x.shape)}."
                    " Call reset_state() before a new batch size."
                )

    def _move(self, convert: Callable[[Any], Any]) -> None:
        self.detach_state()
        for name in self.state_names:
            state = getattr(self, name)
            if state is not None:
                setattr(self, name, Variable(convert(state), requires_grad=False))


class RNN(RecurrentLayer):
    """A simple recurrent layer: h <- tanh(x Wx + b + h Wh)   (Elman, 1990).

    ``x2h`` is the Linear of the input, with the bias, and ``h2h`` that of the state, without.

    Args:
        hidden_size: Length of the state H.
        in_size: Number of features I. Left out, it is that of the first input.
        dtype: Floating point type of the weights.

    Example:
        >>> rnn = RNN(5)
        >>> for x in np.ones((3, 2, 4), np.float32):  # three steps of a batch of two
        ...     h = rnn(x)
        >>> h.shape
        (2, 5)
        >>> rnn.reset_state()
    """

    def __init__(self, hidden_size: int, in_size: int | None = None, dtype: Any = np.float32):
        super().__init__()
        self.hidden_size = H = positive_integer(hidden_size, "hidden_size", type(self).__name__)
        self.x2h = Linear(H, in_size=in_size, dtype=dtype)
        self.h2h = Linear(H, in_size=None if in_size is None else H, nobias=True, dtype=dtype)
        self.reset_state()

    def forward(self, x: Any) -> Variable:
        """Takes one step.

        Args:
            x: Variable or array (N, I).

        Returns:
            The new state h, Variable (N, H).

        Raises:
            ValueError: The state is that of another batch size, or ``x`` has another number of features.
        """
        self._begin(x, [self.x2h], [self.h2h])
        y = self.x2h(x)
        self.h = h = tanh(y if self.h is None else y + self.h2h(self.h))
        return h


class LSTM(RecurrentLayer):
    """A recurrent layer with a memory c that gates guard   (Hochreiter and Schmidhuber, 1997).

    ::

        f, i, o = sigmoid(x Wx + b + h Wh)      each with weights of its own: x2f and h2f, and so on
        u       = tanh(x Wx + b + h Wh)         x2u and h2u
        c <- f c + i u
        h <- o tanh(c)

    The Linears of the input (``x2f x2i x2o x2u``) have a bias, those of the state (``h2f h2i h2o h2u``) have none.

    Args:
        hidden_size: Length of the state H.
        in_size: Number of features I. Left out, it is that of the first input.
        dtype: Floating point type of the weights.

    Example:
        >>> lstm = LSTM(5)
        >>> lstm(np.ones((2, 4), np.float32)).shape, lstm.c.shape
        ((2, 5), (2, 5))
    """

    state_names = ("h", "c")
    c: Variable | None

    def __init__(self, hidden_size: int, in_size: int | None = None, dtype: Any = np.float32):
        super().__init__()
        self.hidden_size = H = positive_integer(hidden_size, "hidden_size", type(self).__name__)
        self.x2f = Linear(H, in_size=in_size, dtype=dtype)
        self.x2i = Linear(H, in_size=in_size, dtype=dtype)
        self.x2o = Linear(H, in_size=in_size, dtype=dtype)
        self.x2u = Linear(H, in_size=in_size, dtype=dtype)
        h_size = None if in_size is None else H
        self.h2f = Linear(H, in_size=h_size, nobias=True, dtype=dtype)
        self.h2i = Linear(H, in_size=h_size, nobias=True, dtype=dtype)
        self.h2o = Linear(H, in_size=h_size, nobias=True, dtype=dtype)
        self.h2u = Linear(H, in_size=h_size, nobias=True, dtype=dtype)
        self.reset_state()

    def forward(self, x: Any) -> Variable:
        """Takes one step.

        Args:
            x: Variable or array (N, I).

        Returns:
            The new state h, Variable (N, H).

        Raises:
            ValueError: The state is that of another batch size, or ``x`` has another number of features.
        """
        of_x, of_h = [self.x2f, self.x2i, self.x2o, self.x2u], [self.h2f, self.h2i, self.h2o, self.h2u]
        self._begin(x, of_x, of_h)
        h, self.c = self._in_one_op(x, of_x, of_h) or self._by_gates(x)
        self.h = h
        return h

    def _in_one_op(self, x: Any, of_x: list[Linear], of_h: list[Linear]) -> tuple[Variable, Variable] | None:
        """h and c by an op for all gates; None where they are to go one by one.

        That is where a Linear is no longer as it was made, or a hook wants to see its call; and where arrays differ
        in dtype, do not fit, which the Linear will say, or lie on a GPU.
        """
        first = self.h is None  # then there is nothing to forget: f is left out
        if first != (self.c is None) or not _are_plain(of_x[first:], of_h[first:]):
            return None
        inputs = [as_operand(v, "LSTM") for v in ((x,) if first else (x, self.h, self.c))]
        if inputs[0].ndim != 2:
            return None
        weights: list[Any] = []
        for x2, h2 in zip(of_x[first:], of_h[first:]):
            weights += (x2.W, x2.b) if first else (x2.W, x2.b, h2.W)
        (N, I), H = inputs[0].shape, self.hidden_size
        shapes = [(N, I), *[(I, H), (H,)] * 3] if first else [(N, I), (N, H), (N, H), *[(I, H), (H,), (H, H)] * 4]
        return lstm_step(inputs[0], inputs[1:], weights) if _fit([*inputs, *weights], shapes) else None

    def _by_gates(self, x: Any) -> tuple[Variable, Variable]:
        """h and c, as the formula has it."""
        i = sigmoid(self._sum(self.x2i, self.h2i, x))
        o = sigmoid(self._sum(self.x2o, self.h2o, x))
        u = tanh(self._sum(self.x2u, self.h2u, x))
        if self.c is None:  # nothing to forget yet
            c = i * u
        else:
            f = sigmoid(self._sum(self.x2f, self.h2f, x))
            c = f * self.c + i * u
        return o * tanh(c), c

    def _sum(self, x2: Linear, h2: Linear, x: Any) -> Variable:
        return x2(x) if self.h is None else x2(x) + h2(self.h)


def _are_plain(of_x: Sequence[Linear], of_h: Sequence[Linear]) -> bool:
    """Whether each is no more than ``linear(x, layer.W, layer.b)``, those of x with a bias, those of h without one."""
    return all(_is_untouched(f) and f.b is not None for f in of_x) and all(
        _is_untouched(f) and f.b is None for f in of_h
    )


def _is_untouched(layer: Layer) -> bool:
    return type(layer) is Linear and layer._is_plain


def _fit(inputs: list[Variable], shapes: Sequence[tuple[int, ...]]) -> bool:
    """Whether x, the states if any, and the weights are NumPy arrays of one floating dtype and of the shapes wanted."""
    dtype = inputs[0].data.dtype
    if dtype.kind != "f":
        return False
    for v, shape in zip(inputs, shapes):
        array = v.data
        if type(array) is not np.ndarray or array.dtype != dtype or array.shape != shape:
            return False
    return True


class GRU(RecurrentLayer):
    """A recurrent layer whose gates say how much of the state is new   (Cho et al., 2014).

    ::

        r, z = sigmoid(x Wx + b + h Wh)        each with weights of its own: x2r and h2r, x2z and h2z
        n    = tanh(x Wx + b + r (h Wh + b'))  x2n and h2n
        h <- (1 - z) n + z h

    The Linears of the input (``x2r x2z x2n``) have a bias, and so has ``h2n``; ``h2r`` and ``h2z`` have none. The gate
    r comes after the product with h, as in cuDNN and in ``functions.gru_cell``.

    Args:
        hidden_size: Length of the state H.
        in_size: Number of features I. Left out, it is that of the first input.
        dtype: Floating point type of the weights.

    Example:
        >>> gru = GRU(5)
        >>> gru(np.ones((2, 4), np.float32)).shape
        (2, 5)
    """

    def __init__(self, hidden_size: int, in_size: int | None = None, dtype: Any = np.float32):
        super().__init__()
        self.hidden_size = H = positive_integer(hidden_size, "hidden_size", type(self).__name__)
        self.x2r = Linear(H, in_size=in_size, dtype=dtype)
        self.x2z = Linear(H, in_size=in_size, dtype=dtype)
        self.x2n = Linear(H, in_size=in_size, dtype=dtype)
        h_size = None if in_size is None else H
        self.h2r = Linear(H, in_size=h_size, nobias=True, dtype=dtype)
        self.h2z = Linear(H, in_size=h_size, nobias=True, dtype=dtype)
        self.h2n = Linear(H, in_size=h_size, dtype=dtype)
        self.reset_state()

    def forward(self, x: Any) -> Variable:
        """Takes one step.

        Args:
            x: Variable or array (N, I).

        Returns:
            The new state h, Variable (N, H).

        Raises:
            ValueError: The state is that of another batch size, or ``x`` has another number of features.
        """
        of_x, of_h = [self.x2r, self.x2z, self.x2n], [self.h2r, self.h2z, self.h2n]
        self._begin(x, of_x, of_h)
        h = self.h
        if h is None:
            zeros = get_array_module(x).zeros((*x.shape[:-1], self.hidden_size), self.h2n.dtype)
            h = Variable(zeros, requires_grad=False)
        new = self._in_one_op(x, h, of_x, of_h)
        self.h = new = self._by_gates(x, h) if new is None else new
        return new

    def _in_one_op(self, x: Any, h: Any, of_x: list[Linear], of_h: list[Linear]) -> Variable | None:
        """The new state by an op for all gates; None where they are to go one by one, as in ``LSTM``."""
        b = self.h2n.b
        b = self.h2n.b
        if b is None or not _are_plain(of_x, of_h[:2]) or not _is_untouched(self.h2n):
            return None
        x, h = (as_operand(v, "GRU") for v in (x, h))
        if x.ndim != 2:
            return None
        weights: list[Any] = [*[f.W for f in of_x], *[f.W for f in of_h], *[f.b for f in of_x], b]
        (N, I), H = x.shape, self.hidden_size
        shapes = [(N, I), (N, H), *[(I, H)] * 3, *[(H, H)] * 3, *[(H,)] * 4]
        return gru_step(x, h, weights) if _fit([x, h, *weights], shapes) else None

    def _by_gates(self, x: Any, h: Any) -> Variable:
        """The new state, as the formula has it."""
        r = sigmoid(self.x2r(x) + self.h2r(h))
        z = sigmoid(self.x2z(x) + self.h2z(h))
        n = tanh(self.x2n(x) + r * self.h2n(h))
        return n + z * (h - n)
