"""Knows shapes and plain arrays: the helpers that Functions share. A Variable is unknown here."""

from __future__ import annotations

from typing import Any

import numpy as np

from .cuda import get_array_module, is_array


def as_array(x: Any, array_module: Any = np) -> Any:
    """``x`` as an array: a scalar becomes 0-d, an array stays as it is.

    Args:
        x: Array or scalar.
        array_module: Where a scalar goes, ``numpy`` or ``cupy``.

    Example:
        >>> as_array(1.0)
        array(1.)
    """
    return x if type(x) is np.ndarray or is_array(x) else array_module.asarray(x)


def sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """Sums ``x`` down to ``shape``: the reverse of broadcasting ``shape`` to ``x.shape``.

    Args:
        x: Array.
        shape: A shape that broadcasts to ``x.shape``.

    Returns:
        Array of shape ``shape`` (``x`` itself where nothing is to be summed).

    Raises:
        ValueError: ``shape`` does not broadcast to ``x.shape``.

    Example:
        >>> sum_to(np.ones((2, 3)), (1, 3))
        array([[2., 2., 2.]])
    """
    if x.shape == shape:
        return x
    lead = x.ndim - len(shape)
    inner = range(lead, x.ndim)
    if lead < 0 or any(shape[i - lead] not in (1, x.shape[i]) for i in inner):
        raise ValueError(
            f"sum_to: {tuple(x.shape)} cannot be summed to {tuple(shape)}, which does not broadcast to it."
        )
    axes = tuple(range(lead)) + tuple(i for i in inner if shape[i - lead] == 1 and x.shape[i] != 1)
    return x.sum(axis=axes, keepdims=True).reshape(shape)


def normalize_axes(axis: Any, ndim: int, who: str) -> tuple[int, ...]:
    """``axis`` (None, an integer or several, negative ones too) as a tuple of integers from 0 to ``ndim - 1``.

    Raises:
        ValueError: An axis is out of range or given twice.
    """
    if axis is None:
        return tuple(range(ndim))
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = tuple(int(a) + ndim if a < 0 else int(a) for a in given)
    if any(not 0 <= a < ndim for a in axes) or len(set(axes)) != len(axes):
        raise ValueError(f"{who}: axis {axis!r} does not fit an array with {ndim} dimensions.")
    return axes


def keepdims_shape(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """``shape`` with the reduced ``axes`` kept as length 1."""
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def logsumexp(x: Any, axis: Any = 1) -> Any:
    """log(sum(exp(x))) along ``axis``, kept as length 1; safe for large values.

    Args:
        x: Array.
        axis: Axis or axes to sum over.

    Example:
        >>> logsumexp(np.array([[1000.0, 1000.0]])).round(3)  # 1000 + log(2)
        array([[1000.693]])
    """
    xp = get_array_module(x)
    m = x.max(axis=axis, keepdims=True)
    total = xp.exp(x - xp.where(xp.isfinite(m), m, x.dtype.type(0))).sum(axis=axis, keepdims=True)
    return xp.log(xp.maximum(total, x.dtype.type(1))) + m  # below 1 it is 0: nothing but -inf


def pair(x: Any) -> tuple[int, int]:
    """A size for height and width: an integer stands for both.

    Args:
        x: Integer, or a tuple or list of two.

    Raises:
        ValueError: Anything else.

    Example:
        >>> pair(3), pair((1, 2))
        ((3, 3), (1, 2))
    """
    if isinstance(x, (int, np.integer)):
        return int(x), int(x)
    if isinstance(x, (tuple, list)) and len(x) == 2:
        return int(x[0]), int(x[1])
    raise ValueError(f"pair: an integer or two of them are wanted, got {x!r}.")


def get_conv_outsize(input_size: int, kernel_size: int, stride: int, pad: int, dilation: int = 1) -> int:
    """Output size of a convolution along one axis, in pixels: (input + 2 pad - reach) // stride + 1.

    The kernel's reach is dilation (kernel - 1) + 1, which without dilation is its size.

    Example:
        >>> get_conv_outsize(28, 5, 1, 0)
        24
    """
    return (input_size + pad * 2 - dilation * (kernel_size - 1) - 1) // stride + 1


def get_deconv_outsize(size: int, k: int, s: int, p: int, dilation: int = 1) -> int:
    """Output size of a transposed convolution along one axis, in pixels: s (size - 1) + dilation (k - 1) + 1 - 2 p.

    Example:
        >>> get_deconv_outsize(24, 5, 1, 0)
        28
    """
    return s * (size - 1) + dilation * (k - 1) + 1 - 2 * p
