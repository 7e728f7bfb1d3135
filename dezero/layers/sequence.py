"""Knows the recurrent layers that read whole sequences at once: several upon each other, in one or both directions."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..core import Parameter, Variable
from ..cuda import as_numpy, get_array_module
from ..functions.recurrent import gru, lstm, rnn
from ..initializers import draw, get_initializer
from .base import Layer
from .weights import array_module_of, float_dtype, positive_integer


class RecurrentWeights(Layer):
    """The weights of one layer in one direction: Wx (I, G H), Wh (H, G H), and biases (G H,); G gates side by side.

    Wx and Wh are made when the size of the input is known, each gate by itself.
    """

    Wx: Parameter
    Wh: Parameter

    def __init__(self, who: str, hidden_size: int, gates: int, biases: dict[str, np.ndarray], dtype: Any, init: Any):
        super().__init__()
        self._who = who
        self.hidden_size = hidden_size
        self.gates = gates
        self.dtype = dtype
        self._init = init
        self.Wx = Parameter(None, name="Wx")
        self.Wh = Parameter(None, name="Wh")
        self._biases = tuple(biases)
        for name, b in biases.items():
            setattr(self, name, Parameter(b.copy(), name=name))

    def initialize(self, in_size: int, xp: Any = np) -> None:
        """Makes Wx and Wh on the array module ``xp``; the biases come along."""
        for W, rows in ((self.Wx, in_size), (self.Wh, self.hidden_size)):
            sizes = (rows, self.hidden_size), rows, self.hidden_size
            blocks = [draw(self._init, *sizes, self.dtype, f"{self._who}: W_init") for _ in range(self.gates)]
            W.data = xp.asarray(np.concatenate(blocks, axis=1))  # (rows, G H)
        for name in self._biases:
            b = getattr(self, name)
            if get_array_module(b) is not xp:
                b.data = xp.asarray(as_numpy(b))

    def extra_repr(self) -> str:
        """Its sizes: ``3 -> 5``."""
        return f"{'?' if self.Wx.data is None else len(self.Wx.data)} -> {self.hidden_size}"

    def arrays(self) -> tuple[Parameter, ...]:
        """Wx, Wh and the biases, as the function takes them."""
        return (self.Wx, self.Wh, *[getattr(self, name) for name in self._biases])

    def _expected(self, name: str) -> tuple[tuple[int | None, ...] | None, Any]:
        rows = self.hidden_size if name == "Wh" else None
        return (rows, self.gates * self.hidden_size), self.dtype


class StackedRecurrent(Layer):
    """Recurrent layers upon each other that read whole sequences. It remembers nothing from call to call.

    The weights of layer k are in the sub-layer ``l{k}``, those of its backward direction in ``l{k}_back``.
    """

    gates: ClassVar[int]

    def __init__(
        self,
        hidden_size: int,
        n_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        in_size: int | None = None,
        dtype: Any = np.float32,
        *,
        W_init: Any = None,
    ):
        super().__init__()
        who = type(self).__name__
        self.hidden_size = H = positive_integer(hidden_size, "hidden_size", who)
        self.n_layers = positive_integer(n_layers, "n_layers", who)
        if not 0 <= dropout <= 1:
            raise ValueError(f"{who}: dropout must lie between 0 and 1, got {dropout!r}.")
        self.bidirectional = bool(bidirectional)
        self.dropout = dropout
        self.dtype = float_dtype(dtype, who)
        self.W_init = W_init
        self.in_size = in_size
        init = get_initializer("lecun_normal" if W_init is None else W_init, f"{who}: W_init")
        for names in self._names():
            for name in names:
                setattr(self, name, RecurrentWeights(who, H, self.gates, self.first_biases(H), self.dtype, init))
        if in_size is not None:
            self.initialize(in_size)

    def first_biases(self, H: int) -> dict[str, np.ndarray]:
        """The biases of one layer in one direction, by name."""
        return {"b": np.zeros(self.gates * H, self.dtype)}

    def initialize(self, in_size: int, xp: Any = np) -> None:
        """Makes the weights that are still waiting, on the array module ``xp``.

        Args:
            in_size: Number of features of the input.
            xp: ``numpy`` or ``cupy``.

        Raises:
            ValueError: ``in_size`` is no integer above 0.
        """
        self.in_size = size = positive_integer(in_size, "in_size", type(self).__name__)
        for directions in self._directions():
            for weights in directions:
                if weights.Wx.data is None:
                    weights.initialize(size, xp)
            size = len(directions) * self.hidden_size

    def _names(self) -> list[list[str]]:
        """For each layer the names of its sub-layers, one for each direction."""
        return [[f"l{k}", f"l{k}_back"][: 1 + self.bidirectional] for k in range(self.n_layers)]

    def _directions(self) -> list[list[RecurrentWeights]]:
        return [[getattr(self, name) for name in names] for names in self._names()]

    def _weights_for(self, xs: Any) -> list[list[tuple[Parameter, ...]]]:
        """The weights as the function takes them; made if they waited for the first input."""
        who = type(self).__name__
        xp = array_module_of(xs, who)
        if xs.ndim != 3:
            raise ValueError(f"{who}: xs (T, N, I) is wanted, got {tuple(xs.shape)}.")
        layers = self._directions()
        if any(weights.Wx.data is None for layer in layers for weights in layer):
            self.initialize(xs.shape[2], xp)
        return [[weights.arrays() for weights in layer] for layer in layers]


class StackedRNN(StackedRecurrent):
    """Simple recurrent layers over whole sequences: h <- tanh(x Wx + h Wh + b), or with relu   (Elman, 1990).

    Sub-layers ``l0``, ``l0_back``, ``l1`` and so on, each with Wx (I, H) ~ N(0, 1 / I), Wh (H, H) ~ N(0, 1 / H) and
    b (H,) = 0. Above the first layer I is H, or 2H where it is bidirectional.

    Args:
        hidden_size: Length of the state H.
        n_layers: Number of layers; each reads the outputs of the one below.
        bidirectional: Whether each layer also reads the sequences backwards, with weights of its own.
        dropout: Share of the elements between two layers that drop in train mode.
        in_size: Number of features I. Left out, it is that of the first input.
        dtype: Floating point type of the weights.
        activation: "tanh" or "relu".
        W_init: How Wx and Wh start: a name, a part of ``dezero.initializers``, or a callable that takes the shape.

    Example:
        >>> ys, h = StackedRNN(5, bidirectional=True)(np.ones((7, 2, 3), np.float32))
        >>> ys.shape, h.shape
        ((7, 2, 10), (2, 2, 5))
    """

    gates = 1

    def __init__(
        self,
        hidden_size: int,
        n_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        in_size: int | None = None,
        dtype: Any = np.float32,
        *,
        activation: str = "tanh",
        W_init: Any = None,
    ):
        if activation not in ("tanh", "relu"):
            raise ValueError(f'{type(self).__name__}: activation must be "tanh" or "relu", got {activation!r}.')
        super().__init__(hidden_size, n_layers, bidirectional, dropout, in_size, dtype, W_init=W_init)
        self.activation = activation

    def forward(self, xs: Any, state: Any = None, mask: Any = None, lengths: Any = None) -> tuple[Variable, Variable]:
        """Reads a batch of sequences.

        Args:
            xs: Variable or array (T, N, I): T steps of N sequences.
            state: h before the first step, Variable or array (S, N, H) for S layers and directions (``l0``,
                ``l0_back``, ``l1`` and so on); zeros where None.
            mask: Booleans (T, N), True where a sequence goes on, or None.
            lengths: Instead of ``mask``: the number of steps of each sequence, (N,) integers.

        Returns:
            The outputs of the last layer (T, N, H), or (T, N, 2H) where it is bidirectional; and h after the last
            step, (S, N, H). Beyond the end of a sequence the outputs are 0 and its h stays.

        Raises:
            ValueError: The shapes do not fit.
        """
        weights, activation = self._weights_for(xs), self.activation
        return rnn(xs, weights, state, mask, lengths, dropout=self.dropout, activation=activation)


class StackedLSTM(StackedRecurrent):
    """LSTM layers over whole sequences; ``functions.lstm_cell`` has the formula of a step.

    Sub-layers ``l0``, ``l0_back``, ``l1`` and so on, each with Wx (I, 4H) ~ N(0, 1 / I), Wh (H, 4H) ~ N(0, 1 / H) and
    b (4H,), the gates side by side in the order i, f, g, o. b is 0, but ``forget_bias`` for the forget gate f, so that
    the memory holds at first. Above the first layer I is H, or 2H where it is bidirectional.

    Args:
        hidden_size: Length of the state H.
        n_layers: Number of layers; each reads the outputs of the one below.
        bidirectional: Whether each layer also reads the sequences backwards, with weights of its own.
        dropout: Share of the elements between two layers that drop in train mode.
        in_size: Number of features I. Left out, it is that of the first input.
        dtype: Floating point type of the weights.
        forget_bias: First bias of the forget gate.
        W_init: How Wx and Wh of each gate start: a name, a part of ``dezero.initializers``, or a callable that takes
            the shape.

    Example:
        >>> model = StackedLSTM(5, n_layers=2)
        >>> ys, (h, c) = model(np.ones((7, 3, 4), np.float32), lengths=[7, 2, 4])
        >>> ys.shape, h.shape, c.shape
        ((7, 3, 5), (2, 3, 5), (2, 3, 5))

    Source: Hochreiter and Schmidhuber, 1997; forget_bias: Jozefowicz et al., 2015.
    """

    gates = 4

    def __init__(
        self,
        hidden_size: int,
        n_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        in_size: int | None = None,
        dtype: Any = np.float32,
        *,
        forget_bias: float = 1.0,
        W_init: Any = None,
    ):
        self.forget_bias = forget_bias
        super().__init__(hidden_size, n_layers, bidirectional, dropout, in_size, dtype, W_init=W_init)

    def first_biases(self, H: int) -> dict[str, np.ndarray]:
        biases = super().first_biases(H)
        biases["b"][H : 2 * H] = self.forget_bias
        return biases

    def forward(
        self, xs: Any, state: Any = None, mask: Any = None, lengths: Any = None
    ) -> tuple[Variable, tuple[Variable, Variable]]:
        """Reads a batch of sequences.

        Args:
            xs: Variable or array (T, N, I): T steps of N sequences.
            state: (h, c) before the first step, Variables or arrays (S, N, H) for S layers and directions (``l0``,
                ``l0_back``, ``l1`` and so on); zeros where None.
            mask: Booleans (T, N), True where a sequence goes on, or None.
            lengths: Instead of ``mask``: the number of steps of each sequence, (N,) integers.

        Returns:
            The outputs of the last layer (T, N, H), or (T, N, 2H) where it is bidirectional; and (h, c) after the last
            step, each (S, N, H). Beyond the end of a sequence the outputs are 0 and its state stays.

        Raises:
            ValueError: The shapes do not fit, or ``state`` is no pair.
        """
        if state is not None and not (isinstance(state, (tuple, list)) and len(state) == 2):
            raise ValueError(f"{type(self).__name__}: state must be the pair (h, c), got {type(state).__name__}.")
        h, c = (None, None) if state is None else state
        ys, h, c = lstm(xs, self._weights_for(xs), h, c, mask, lengths, dropout=self.dropout)
        return ys, (h, c)


class StackedGRU(StackedRecurrent):
    """GRU layers over whole sequences; ``functions.gru_cell`` has the formula of a step.

    Sub-layers ``l0``, ``l0_back``, ``l1`` and so on, each with Wx (I, 3H) ~ N(0, 1 / I), Wh (H, 3H) ~ N(0, 1 / H), and
    bx and bh (3H,) = 0, the gates side by side in the order r, z, n. Above the first layer I is H, or 2H where it is
    bidirectional.

    Args:
        hidden_size: Length of the state H.
        n_layers: Number of layers; each reads the outputs of the one below.
        bidirectional: Whether each layer also reads the sequences backwards, with weights of its own.
        dropout: Share of the elements between two layers that drop in train mode.
        in_size: Number of features I. Left out, it is that of the first input.
        dtype: Floating point type of the weights.
        W_init: How Wx and Wh of each gate start: a name, a part of ``dezero.initializers``, or a callable that takes
            the shape.

    Example:
        >>> model = StackedGRU(5)
        >>> ys, h = model(np.ones((7, 2, 4), np.float32))
        >>> ys, h = model(np.ones((7, 2, 4), np.float32), h.detach())  # reads on, and learns from this stretch only
        >>> ys.shape, h.shape
        ((7, 2, 5), (1, 2, 5))

    Source: Cho et al., 2014.
    """

    gates = 3

    def first_biases(self, H: int) -> dict[str, np.ndarray]:
        return {name: np.zeros(3 * H, self.dtype) for name in ("bx", "bh")}

    def forward(self, xs: Any, state: Any = None, mask: Any = None, lengths: Any = None) -> tuple[Variable, Variable]:
        """Reads a batch of sequences. Arguments and results are those of ``StackedRNN``.

        Args:
            xs: Variable or array (T, N, I).
            state: h before the first step, Variable or array (S, N, H); zeros where None.
            mask: Booleans (T, N), or None.
            lengths: Instead of ``mask``, (N,) integers.

        Returns:
            The outputs (T, N, H) or (T, N, 2H), and h after the last step, (S, N, H).

        Raises:
            ValueError: The shapes do not fit.
        """
        return gru(xs, self._weights_for(xs), state, mask, lengths, dropout=self.dropout)
