"""Knows models: layers that are whole, drawn as a graph, or put together from other layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..core import Variable
from ..functions.activation import sigmoid
from ..graph import plot_model
from ..layers import Layer, Linear
from ..layers.costs import Summary, summary


class Model(Layer):
    """A Layer that is a whole network. A new one is a subclass with a ``forward``.

    Example:
        >>> class TwoLayerNet(Model):
        ...     def __init__(self, hidden_size, out_size):
        ...         super().__init__()
        ...         self.l1 = L.Linear(hidden_size)
        ...         self.l2 = L.Linear(out_size)
        ...
        ...     def forward(self, x):
        ...         return self.l2(F.sigmoid(self.l1(x)))
        >>> TwoLayerNet(10, 1)(np.zeros((5, 3), np.float32)).shape
        (5, 1)
    """

    def plot(self, *inputs: Any, to_file: Any = "model.png", **options: Any) -> Any:
        """Calls the model and draws the computation graph of the result.

        Args:
            *inputs: What the model is called with.
            to_file: Path of the picture; its ending says the kind (``graph.plot_dot_graph``). None to get the picture
                without a file; a notebook shows it inline.
            **options: What else to show, those of ``graph.Look``: with any, Functions stand in the boxes of their
                layers. ``depth=1`` draws each part of the model as one box.

        Returns:
            A ``graph.Picture`` where ``to_file`` is None; else in a notebook an IPython image, or None.

        Raises:
            RuntimeError: The program ``dot`` is not installed.
        """
        return plot_model(self, *inputs, to_file=to_file, **options)

    def summary(self, *inputs: Any, **options: Any) -> Summary:
        """What a call costs: shapes, parameters and multiply-adds of every layer (``layers.summary``).

        Args:
            *inputs: What the model is called with.
            **options: Keyword arguments of the call.

        Returns:
            A table when printed; its ``rows`` hold the numbers.
        """
        return summary(self, *inputs, **options)


class _Numbered(Model):
    """A model that keeps its parts in the list ``layers``; they are the attributes ``l0``, ``l1``, … as well."""

    layers: list[Any]

    def _attributes(self) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        for name, value in super()._attributes():
            found += [(f"l{i}", layer) for i, layer in enumerate(value)] if name == "layers" else [(name, value)]
        return found

    def _index(self, name: str) -> int | None:
        """The place in ``layers`` that ``name`` stands for, if it does."""
        i = int(name[1:]) if name[:1] == "l" and name[1:].isdecimal() else -1
        return i if 0 <= i < len(vars(self).get("layers", ())) and name == f"l{i}" else None

    def __getattr__(self, name: str) -> Any:  # of what is no attribute
        i = self._index(name)
        if i is None:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.")
        return self.layers[i]

    def __setattr__(self, name: str, value: Any) -> None:
        i = self._index(name)
        if i is None:
            super().__setattr__(name, value)
        else:
            self.layers[i] = value


class Sequential(_Numbered):
    """Calls one after the other, each with the result of the one before.

    Args:
        *layers: Layers, or functions of one argument.

    Attributes:
        layers: The list of them. ``l0``, ``l1``, … name its items, also in weight files.

    Raises:
        TypeError: One of them cannot be called.

    Example:
        >>> model = Sequential(L.Linear(10), F.relu, L.Linear(1))
        >>> model(np.zeros((5, 3), np.float32)).shape
        (5, 1)
        >>> [name for name, _ in model.named_params()]
        ['l0/W', 'l0/b', 'l2/W', 'l2/b']
        >>> len(model), model[1] is F.relu, model[:2](np.zeros((5, 3), np.float32)).shape
        (3, True, (5, 10))
    """

    def __init__(self, *layers: Callable[[Any], Any]):
        super().__init__()
        self.layers = [_callable(layer, i) for i, layer in enumerate(layers)]

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    def __getitem__(self, i: Any) -> Any:
        return Sequential(*self.layers[i]) if isinstance(i, slice) else self.layers[i]

    def append(self, layer: Callable[[Any], Any]) -> Sequential:
        """Adds a layer, or a function of one argument, at the end; returns the model itself."""
        self.layers.append(_callable(layer, len(self)))
        return self

    def forward(self, x: Any) -> Any:
        """Sends ``x`` through all layers.

        Args:
            x: What the first layer takes.

        Returns:
            What the last layer returns.
        """
        for layer in self.layers:
            x = layer(x)
        return x


def _callable(layer: Any, i: int) -> Callable[[Any], Any]:
    if not callable(layer):
        hint = " Unpack it: Sequential(*layers)." if isinstance(layer, (list, tuple)) else ""
        raise TypeError(f"Sequential takes layers and functions, but number {i} is {type(layer).__name__}.{hint}")
    return layer


class MLP(_Numbered):
    """A multilayer perceptron: Linear layers with an activation between them, none after the last.

    Args:
        fc_output_sizes: Number of outputs of each layer.
        activation: Function or Layer of one argument.

    Attributes:
        layers: The list of Linear layers. ``l0``, ``l1``, … name its items, also in weight files.

    Raises:
        ValueError: There is no size, or one is no integer above 0.

    Example:
        >>> model = MLP((10, 1))
        >>> model(np.zeros((5, 3), np.float32)).shape
        (5, 1)
    """

    def __init__(self, fc_output_sizes: Iterable[int], activation: Callable[[Any], Any] = sigmoid):
        super().__init__()
        sizes = list(fc_output_sizes) if isinstance(fc_output_sizes, Iterable) else []
        if not sizes:
            raise ValueError(f"MLP: fc_output_sizes must hold the size of each layer, got {fc_output_sizes!r}.")
        self.activation = activation
        self.layers = [Linear(size) for size in sizes]

    def forward(self, x: Any) -> Variable:
        """Sends ``x`` through all layers.

        Args:
            x: Variable or array (N, I).

        Returns:
            Variable (N, O), O the last of ``fc_output_sizes``.
        """
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)
