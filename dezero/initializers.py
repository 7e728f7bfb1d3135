"""Knows how parameters may start: by name and source, each a draw whose spread follows from the sizes of the layer.

Layers take them as ``W_init`` and ``b_init``: a name (``"he_normal"``), what one of the functions here returns
(``he_normal(slope=0.2)``), or a callable of your own that takes the shape and returns an array.

The spread depends on the *fans* of a weight: how many inputs go into one output (fan-in), and how many outputs
one input goes to (fan-out). A layer knows both. Without a layer they are read from the shape, as ``fans`` says.

Everything is drawn on the host from NumPy's global generator, so that ``np.random.seed`` makes runs equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .cuda import as_numpy

__all__ = [
    "Constant",
    "Initializer",
    "Normal",
    "Orthogonal",
    "Scaled",
    "Uniform",
    "constant",
    "draw",
    "fans",
    "get_initializer",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "sigmoid_uniform",
    "uniform",
    "zeros",
]

_AT_A_TIME = 1 << 20  # numbers to draw


class Initializer:
    """Makes the first values of a parameter. A new one is a subclass with a ``draw``, if it needs the fans.

    Example:
        >>> class Alternating(Initializer):
        ...     def draw(self, shape, fan_in, fan_out, dtype):
        ...         return np.resize([1, -1], shape) / fan_in
        >>> L.Linear(3, in_size=2, W_init=Alternating()).W
        variable([[ 0.5 -0.5  0.5]
                  [-0.5  0.5 -0.5]])
    """

    def __call__(self, shape: Sequence[int], dtype: Any = np.float32) -> np.ndarray:
        """An array of ``shape``, with the fans that the shape tells."""
        return draw(self, tuple(shape), *fans(shape), dtype, type(self).__name__)

    def draw(self, shape: tuple[int, ...], fan_in: int, fan_out: int, dtype: Any) -> np.ndarray:
        """The values. They need not have that dtype yet."""
        raise NotImplementedError(f"{type(self).__name__} has no draw(self, shape, fan_in, fan_out, dtype).")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class Scaled(Initializer):
    """Independent values with variance gain^2 / fan: N(0, s^2), or uniform between -sqrt(3) s and sqrt(3) s."""

    def __init__(self, fan: str, distribution: str, gain: float = 1.0):
        if fan not in ("in", "out", "mean"):
            raise ValueError(f"initializers: fan must be 'in', 'out' or 'mean', got {fan!r}.")
        self.fan = fan
        self.distribution = distribution
        self.gain = gain

    def draw(self, shape: tuple[int, ...], fan_in: int, fan_out: int, dtype: Any) -> np.ndarray:
        fan = {"in": fan_in, "out": fan_out, "mean": (fan_in + fan_out) / 2}[self.fan]
        std = self.gain * math.sqrt(1 / fan)
        if self.distribution == "normal":
            return _drawn(lambda n: np.random.randn(n).astype(dtype) * std, shape, dtype)
        a = math.sqrt(3) * std
        return _drawn(lambda n: np.random.uniform(-a, a, n), shape, dtype)


class Orthogonal(Initializer):
    """A matrix with orthonormal rows or columns, whichever there are fewer of, times ``gain``."""

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def draw(self, shape: tuple[int, ...], fan_in: int, fan_out: int, dtype: Any) -> np.ndarray:
        if len(shape) < 2:
            raise ValueError(f"orthogonal: a shape of two axes or more is wanted, got {shape}.")
        rows, columns = shape[0], math.prod(shape[1:])
        Q, R = np.linalg.qr(np.random.randn(max(rows, columns), min(rows, columns)))
        Q *= np.where(np.diag(R) < 0, -1.0, 1.0)  # QR alone prefers some rotations to others
        return self.gain * (Q if rows >= columns else Q.T).reshape(shape)


class Constant(Initializer):
    """The same value everywhere."""

    def __init__(self, c: float):
        self.c = c

    def draw(self, shape: tuple[int, ...], fan_in: int, fan_out: int, dtype: Any) -> np.ndarray:
        return np.full(shape, self.c, dtype)


class Normal(Initializer):
    """Independent values from N(0, std^2), whatever the fans."""

    def __init__(self, std: float):
        self.std = std

    def draw(self, shape: tuple[int, ...], fan_in: int, fan_out: int, dtype: Any) -> np.ndarray:
        return _drawn(lambda n: np.random.randn(n) * self.std, shape, dtype)


class Uniform(Initializer):
    """Independent values, each as likely between -a and a, whatever the fans."""

    def __init__(self, a: float):
        self.a = a

    def draw(self, shape: tuple[int, ...], fan_in: int, fan_out: int, dtype: Any) -> np.ndarray:
        return _drawn(lambda n: np.random.uniform(-self.a, self.a, n), shape, dtype)


def _drawn(numbers: Callable[[int], Any], shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """``numbers(n)`` for a whole array, some at a time: NumPy draws float64, twice the memory of float32."""
    y = np.empty(shape, dtype)
    flat = y.reshape(-1)
    for i in range(0, flat.size, _AT_A_TIME):
        part = flat[i : i + _AT_A_TIME]
        part[...] = numbers(part.size)
    return y


def lecun_normal() -> Initializer:
    """N(0, 1 / fan-in): keeps the variance of what goes in. The start of every layer here   (LeCun et al., 1998)."""
    return Scaled("in", "normal")


def lecun_uniform() -> Initializer:
    """Uniform with variance 1 / fan-in, between -+sqrt(3 / fan-in)   (LeCun et al., Efficient BackProp, 1998)."""
    return Scaled("in", "uniform")


def glorot_normal(gain: float = 1.0) -> Initializer:
    """N(0, 2 gain^2 / (fan-in + fan-out)): for tanh and the like   (Glorot and Bengio, 2010)."""
    return Scaled("mean", "normal", gain)


def glorot_uniform(gain: float = 1.0) -> Initializer:
    """Uniform between -+gain sqrt(6 / (fan-in + fan-out)): for tanh and the like   (Glorot and Bengio, 2010)."""
    return Scaled("mean", "uniform", gain)


def sigmoid_uniform() -> Initializer:
    """Uniform between -+4 sqrt(6 / (fan-in + fan-out)): for layers before a sigmoid, four times flatter than tanh at 0.

    Source: Glorot and Bengio, 2010; the factor as in the Deep Learning Tutorials of LISA, 2010.
    """
    return Scaled("mean", "uniform", 4.0)


def he_normal(slope: float = 0.0, fan: str = "in") -> Initializer:
    """N(0, 2 / ((1 + slope^2) fan)): for layers before a relu, which lets half of the variance through.

    Args:
        slope: That of a leaky relu where x < 0; 0 for relu.
        fan: ``"in"`` keeps the variance on the way forward, ``"out"`` that of the gradients.

    Raises:
        ValueError: Another ``fan``.

    Example:
        >>> np.random.seed(0)
        >>> bool(abs(he_normal()((200, 300)).std() - (2 / 200) ** 0.5) < 1e-3)
        True

    Source: He et al., Delving Deep into Rectifiers, 2015.
    """
    return Scaled(fan, "normal", math.sqrt(2 / (1 + slope**2)))


def he_uniform(slope: float = 0.0, fan: str = "in") -> Initializer:
    """Uniform between -+sqrt(6 / ((1 + slope^2) fan)), with the variance of ``he_normal``.

    Args:
        slope: That of a leaky relu where x < 0; 0 for relu.
        fan: ``"in"`` keeps the variance on the way forward, ``"out"`` that of the gradients.

    Raises:
        ValueError: Another ``fan``.

    Example:
        >>> bool(abs(he_uniform()((6, 300))).max() <= 1)
        True

    Source: He et al., Delving Deep into Rectifiers, 2015.
    """
    return Scaled(fan, "uniform", math.sqrt(2 / (1 + slope**2)))


def orthogonal(gain: float = 1.0) -> Initializer:
    """A random rotation times ``gain``: the first axis against all others, so that no direction grows or fades.

    Args:
        gain: Factor of all values.

    Example:
        >>> W = orthogonal()((3, 5))
        >>> np.allclose(W @ W.T, np.eye(3), atol=1e-6)
        True

    Source: Saxe et al., Exact solutions to the nonlinear dynamics of learning in deep linear networks, 2014.
    """
    return Orthogonal(gain)


def zeros() -> Initializer:
    """0 everywhere: the start of every bias."""
    return Constant(0.0)


def ones() -> Initializer:
    """1 everywhere."""
    return Constant(1.0)


def constant(c: float) -> Initializer:
    """``c`` everywhere."""
    return Constant(c)


def normal(std: float) -> Initializer:
    """N(0, std^2), whatever the fans."""
    return Normal(std)


def uniform(a: float) -> Initializer:
    """Uniform between -a and a, whatever the fans."""
    return Uniform(a)


_BY_NAME: dict[str, Callable[[], Initializer]] = {
    made.__name__: made
    for made in (
        glorot_normal,
        glorot_uniform,
        he_normal,
        he_uniform,
        lecun_normal,
        lecun_uniform,
        ones,
        orthogonal,
        sigmoid_uniform,
        zeros,
    )
}


def get_initializer(init: Any, who: str) -> Callable[..., Any]:
    """The initialiser of a name; a callable stays as it is.

    Args:
        init: Name or callable.
        who: In whose name an error speaks.

    Raises:
        ValueError: There is none of that name: lists the names.
        TypeError: It is neither.

    Example:
        >>> get_initializer("he_normal", "Linear")
        Scaled(fan='in', distribution='normal', gain=1.4142135623730951)
    """
    if isinstance(init, str):
        if init not in _BY_NAME:
            raise ValueError(
                f"{who}: there is no initialiser {init!r}. There are: {', '.join(_BY_NAME)}; and"
                " initializers.constant(c), normal(std), uniform(a), or a callable of your own."
            )
        return _BY_NAME[init]()
    if not callable(init):
        raise TypeError(f"{who} must be the name of an initialiser or a callable, got {type(init).__name__}.")
    return init


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """Fan-in and fan-out of a weight without its layer.

    Args:
        shape: (I, O), or (OC, C, ...) with the axes of a kernel. One axis, or none, has the fans (1, length).

    Example:
        >>> fans((3, 5)), fans((8, 3, 2, 2))
        ((3, 5), (12, 32))
    """
    if len(shape) < 2:
        return 1, math.prod(shape)
    first, second, *kernel = shape
    if not kernel:
        return first, second
    return second * math.prod(kernel), first * math.prod(kernel)


def draw(init: Callable[..., Any], shape: tuple[int, ...], fan_in: int, fan_out: int, dtype: Any, who: str) -> Any:
    """The first values of a parameter: an array on the host.

    Args:
        init: An ``Initializer``, which is told the fans, or a callable that takes the shape alone.
        shape: Of the parameter.
        fan_in: How many inputs go into one output.
        fan_out: How many outputs one input goes to.
        dtype: Of the array.
        who: In whose name an error speaks.

    Raises:
        TypeError: ``init`` returned what is no array.
        ValueError: It returned one of another shape.

    Example:
        >>> draw(zeros(), (2,), 1, 1, np.float32, "Linear")
        array([0., 0.], dtype=float32)
    """
    values = init.draw(shape, fan_in, fan_out, dtype) if isinstance(init, Initializer) else init(shape)
    values = np.asarray(as_numpy(values))
    if values.dtype.kind not in "fiu":
        raise TypeError(
            f"{who}: {init!r} must give an array of numbers, got {values.dtype}. Was it to be called first?"
        )
    if values.shape != shape:
        raise ValueError(f"{who}: {init!r} gave an array {values.shape}, but {shape} is wanted.")
    return values.astype(dtype, copy=False)
