"""Knows the layers that hold others, by number or by name, or any function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, MutableSequence
from typing import Any

from .base import Layer


class LayerList(Layer, MutableSequence):
    """A list of layers, whose names are ``0``, ``1`` and so on.

    A plain list that is an attribute of a layer registers just as well, under the same names. This one also shows
    what it holds, and can be moved, saved and put to ``eval()`` by itself. It is not called: loop over it.

    Args:
        layers: The first items.

    Raises:
        TypeError: One of them is no Layer.

    Example:
        >>> layers = LayerList(L.Linear(3) for _ in range(2))
        >>> layers.append(L.Linear(1, nobias=True))
        >>> len(layers), [name for name, _ in layers.named_params()]
        (3, ['0/W', '0/b', '1/W', '1/b', '2/W'])
        >>> layers[1:]
        LayerList(
          (0): Linear(? -> 3)  W (?, 3), b (3,): ?
          (1): Linear(? -> 1)  W (?, 1): ?
        )
        3 parameters, not counting 2 arrays that the first call makes
    """

    _items: list[Layer]

    def __init__(self, layers: Iterable[Layer] = ()):
        super().__init__()
        self._items = []
        self.extend(layers)

    def _attributes(self) -> list[tuple[str, Any]]:
        others = [(name, value) for name, value in super()._attributes() if name != "_items"]
        return [*((str(i), layer) for i, layer in enumerate(self._items)), *others]

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, i: Any) -> Any:
        return LayerList(self._items[i]) if isinstance(i, slice) else self._items[i]

    def __setitem__(self, i: Any, value: Any) -> None:
        if isinstance(i, slice):
            self._items[i] = [_checked(layer, "LayerList") for layer in value]
        else:
            self._items[i] = _checked(value, "LayerList")

    def __delitem__(self, i: Any) -> None:
        del self._items[i]

    def insert(self, index: int, value: Layer) -> None:
        """Puts a layer before the one at ``index``."""
        self._items.insert(index, _checked(value, "LayerList"))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Raises: a list of layers does not say in which order they are called, and with what."""
        raise NotImplementedError(
            "LayerList is not called. Loop over it (for layer in layers: x = layer(x)), or take Sequential(*layers)."
        )


class LayerDict(Layer, MutableMapping):
    """Layers by name.

    A plain dict that is an attribute of a layer registers just as well. This one also shows what it holds, and can
    be moved, saved and put to ``eval()`` by itself. It is not called: pick one and call that.

    Args:
        layers: Name -> layer.

    Raises:
        TypeError: A name is no text, or what it stands for no Layer.
        ValueError: A name is empty or holds a slash, which would read as a path.

    Example:
        >>> heads = LayerDict({"digit": L.Linear(10, nobias=True)})
        >>> heads["parity"] = L.Linear(2, nobias=True)
        >>> list(heads), [name for name, _ in heads.named_params()]
        (['digit', 'parity'], ['digit/W', 'parity/W'])
        >>> heads["parity"](np.ones((5, 3), np.float32)).shape
        (5, 2)
    """

    __eq__ = object.__eq__  # a Layer is itself, whatever it holds
    __hash__ = object.__hash__

    _items: dict[str, Layer]

    def __init__(self, layers: Mapping[str, Layer] | Iterable[tuple[str, Layer]] = ()):
        super().__init__()
        self._items = {}
        self.update(layers)

    def _attributes(self) -> list[tuple[str, Any]]:
        others = [(name, value) for name, value in super()._attributes() if name != "_items"]
        return [*self._items.items(), *others]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __getitem__(self, name: str) -> Layer:
        return self._items[name]

    def __setitem__(self, name: str, layer: Layer) -> None:
        if not isinstance(name, str):
            raise TypeError(f"LayerDict: a name must be a text, got {name!r}.")
        if not name or "/" in name:
            raise ValueError(f"LayerDict: a name must be a text without a slash, got {name!r}.")
        self._items[name] = _checked(layer, "LayerDict")

    def __delitem__(self, name: str) -> None:
        del self._items[name]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Raises: a dict of layers does not say which one is meant."""
        raise NotImplementedError("LayerDict is not called. Pick a layer of it: layers[name](x).")


def _checked(layer: Any, who: str) -> Layer:
    if not isinstance(layer, Layer):
        hint = " Wrap it: Lambda(f)." if callable(layer) else ""
        raise TypeError(f"{who} takes layers, got {type(layer).__name__}.{hint}")
    return layer


class Lambda(Layer):
    """y = f(x): any function as a layer.

    A layer with a ``lambda`` in it deep-copies but does not pickle; one with a function of a module does both.

    Args:
        f: The function.

    Raises:
        TypeError: ``f`` cannot be called.

    Example:
        >>> Lambda(F.exp)(np.zeros(2))
        variable([1. 1.])
    """

    def __init__(self, f: Callable[..., Any]):
        super().__init__()
        if not callable(f):
            raise TypeError(f"Lambda takes a function, got {type(f).__name__}.")
        self.f = f

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Calls ``f``.

        Args:
            *args: What ``f`` takes.
            **kwargs: Likewise.

        Returns:
            What ``f`` returns.
        """
        return self.f(*args, **kwargs)


class Identity(Layer):
    """y = x: holds the place of a layer that is not there.

    Example:
        >>> x = Variable(np.ones(2))
        >>> Identity()(x) is x
        True
    """

    def forward(self, x: Any) -> Any:
        """Returns ``x`` as it is."""
        return x
