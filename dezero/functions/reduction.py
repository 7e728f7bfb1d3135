"""Knows the ops that make one number of many along axes, and broadcasting, which sum undoes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays import keepdims_shape, normalize_axes
from ..core import Function, Variable, as_operand
from ..cuda import get_array_module
from ..kernels import softmax, sums
from .indexing import GetItemGrad

Axis = Any  # None, an integer, or a tuple of them


def reshape_sum_backward(gy: Variable, x_shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Variable:
    """Gives the gradient of a reduction its reduced axes back, with length 1, so that it broadcasts to ``x_shape``.

    Args:
        gy: Gradient of the reduction's result.
        x_shape: Shape of what was reduced.
        axis: The axes that were reduced; None means all.
        keepdims: Whether the result has them already.
    """
    if keepdims:
        return gy
    return gy.reshape(keepdims_shape(x_shape, normalize_axes(axis, len(x_shape), "sum")))


def _spread(gy: Any, x_shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Any:
    """As ``reshape_sum_backward``, of an array, which it then broadcasts: a view that only a leaf makes a copy of."""
    if not keepdims and gy.ndim:
        gy = gy.reshape(keepdims_shape(x_shape, normalize_axes(axis, len(x_shape), "sum")))
    return get_array_module(gy).broadcast_to(gy, x_shape)


class Sum(Function):
    """y = sum of x along axes;  gx = gy broadcast back."""

    def __init__(self, axis: Axis, keepdims: bool):
        self.axis = axis
        self.keepdims = keepdims

    def forward(self, x):
        if self.axis is None:
            return x.sum(keepdims=True) if self.keepdims else sums.sum_all(x)
        return sums.sum_along(x, normalize_axes(self.axis, x.ndim, "sum"), self.keepdims)

    def backward(self, gy):
        (x,) = self.inputs
        return broadcast_to(reshape_sum_backward(gy, x.shape, self.axis, self.keepdims), x.shape)

    def array_backward(self, gy):
        return _spread(gy, self.inputs[0].shape, self.axis, self.keepdims)


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Variable:
    """Sum of the elements along ``axis``.

    Args:
        x: Variable or array of any shape.
        axis: Axis or tuple of axes to sum over; None sums all.
        keepdims: Keep the summed axes with length 1.

    Returns:
        Variable without the axes summed over (0-d for ``axis=None``).

    Raises:
        ValueError: ``axis`` is out of range or names an axis twice.

    Example:
        >>> sum(np.ones((2, 3)), axis=0)
        variable([2. 2. 2.])
    """
    x = as_operand(x, "sum")
    return Sum(_checked_axis(axis, x, "sum"), keepdims)(x)


def _checked_axis(axis: Axis, x: Variable, who: str) -> Axis:
    return None if axis is None else normalize_axes(axis, x.ndim, who)


def _reduced(x: Any, axis: Axis, who: str) -> int:
    """How many elements of ``x`` each element of the result is made of."""
    return math.prod(x.shape[i] for i in normalize_axes(axis, x.ndim, who))


def check_not_empty(x: Any, axis: Axis, who: str) -> None:
    """Raises where a result would be made of no elements at all."""
    if not x.size and not _reduced(x, axis, who):
        axes = normalize_axes(axis, x.ndim, who)
        along = "" if axis is None else f" along axis {axes[0] if len(axes) == 1 else axes}"
        raise ValueError(f"{who}: x {tuple(x.shape)} has no elements{along}; at least one is wanted.")


class SumTo(Function):
    """y = x summed down to a shape that broadcasts to x's;  gx = gy broadcast to x's shape."""

    def __init__(self, shape: tuple[int, ...]):
        self.shape = shape

    def forward(self, x):
        return sums.sum_to(x, self.shape)

    def backward(self, gy):
        return broadcast_to(gy, self.inputs[0].shape)


def sum_to(x: Any, shape: tuple[int, ...]) -> Variable:
    """Sums ``x`` down to ``shape``, the reverse of ``broadcast_to``.

    Args:
        x: Variable or array.
        shape: A shape that broadcasts to ``x.shape``.

    Returns:
        Variable of shape ``shape``.

    Raises:
        ValueError: ``shape`` does not broadcast to ``x.shape``.

    Example:
        >>> sum_to(np.ones((2, 3)), (1, 3))
        variable([[2. 2. 2.]])
    """
    x, shape = as_operand(x, "sum_to"), tuple(shape)
    return x if x.shape == shape else SumTo(shape)(x)


class BroadcastTo(Function):
    """y = x repeated along axes of length 1;  gx = gy summed over them."""

    def __init__(self, shape: tuple[int, ...]):
        self.shape = shape

    def forward(self, x):
        return get_array_module(x).broadcast_to(x, self.shape)

    def backward(self, gy):
        return sum_to(gy, self.inputs[0].shape)


def broadcast_to(x: Any, shape: tuple[int, ...]) -> Variable:
    """Repeats ``x`` along axes of length 1, and along new leading axes, up to ``shape``.

    Args:
        x: Variable or array.
        shape: Shape of the result, by NumPy's broadcasting rule.

    Returns:
        Variable of shape ``shape``; its data is a read-only view of ``x``.

    Raises:
        ValueError: ``x`` does not broadcast to ``shape``.

    Example:
        >>> broadcast_to(np.array([1.0, 2.0]), (2, 2))
        variable([[1. 2.]
                  [1. 2.]])
    """
    x, shape = as_operand(x, "broadcast_to"), tuple(shape)
    if x.shape == shape:
        return x
    lead = len(shape) - x.ndim
    if lead < 0 or any(n not in (1, m) for n, m in zip(x.shape, shape[lead:])):
        raise ValueError(f"broadcast_to: {tuple(x.shape)} does not broadcast to {shape}.")
    return BroadcastTo(shape)(x)


class Average(Function):
    """y = mean of x along axes;  gx = gy / n broadcast back, for n elements each."""

    def __init__(self, axis: Axis, keepdims: bool):
        self.axis = axis
        self.keepdims = keepdims

    def forward(self, x):
        return sums.mean_along(x, normalize_axes(self.axis, x.ndim, "average"), self.keepdims)

    def backward(self, gy):
        (x,) = self.inputs
        n = _reduced(x, self.axis, "average")
        return broadcast_to(reshape_sum_backward(gy * (1 / (n or 1)), x.shape, self.axis, self.keepdims), x.shape)

    def array_backward(self, gy):
        (x,) = self.inputs
        n = _reduced(x, self.axis, "average")
        return _spread(gy * (1 / (n or 1)), x.shape, self.axis, self.keepdims)


def average(x: Any, axis: Axis = None, keepdims: bool = False) -> Variable:
    """Mean of the elements along ``axis``; also called ``mean``.

    Args:
        x: Variable or array of any shape, floating point.
        axis: Axis or tuple of axes to average over; None averages all.
        keepdims: Keep the averaged axes with length 1.

    Returns:
        Variable without the axes averaged over.

    Raises:
        ValueError: ``axis`` is out of range or names an axis twice.

    Example:
        >>> average(np.array([[1.0, 2.0], [3.0, 6.0]]), axis=0)
        variable([2. 4.])
    """
    x = as_operand(x, "average")
    return Average(_checked_axis(axis, x, "average"), keepdims)(x)


mean = average


class Var(Function):
    """y = sum((x - mean x)^2) / (n - ddof) along axes, in two passes;  gx = 2 gy (x - mean x) / (n - ddof)."""

    def __init__(self, axis: Axis, ddof: float, keepdims: bool):
        self.axis = axis
        self.ddof = ddof
        self.keepdims = keepdims

    def forward(self, x):
        return x.var(axis=self.axis, ddof=self.ddof, keepdims=self.keepdims)

    def backward(self, gy):
        (x,) = self.inputs
        freedom = _reduced(x, self.axis, "var") - self.ddof
        gy = reshape_sum_backward(gy, x.shape, self.axis, self.keepdims)
        return (x - average(x, self.axis, keepdims=True)) * (gy * (2 / freedom))


def var(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Variable:
    """Variance of the elements along ``axis``: the mean of their squared distances from their mean.

    The mean is subtracted before anything is squared, so a large mean costs no digits.

    Args:
        x: Variable or array, floating point.
        axis: Axis or tuple of axes; None takes all.
        ddof: Delta degrees of freedom: the sum of the n squares is divided by n - ddof. 1 gives the unbiased estimate.
        keepdims: Keep those axes with length 1.

    Returns:
        Variable without those axes.

    Raises:
        ValueError: ``axis`` is out of range or names an axis twice, or there are no more than ``ddof`` elements.

    Example:
        >>> var(np.array([1.0, 2.0, 3.0, 4.0])), var(np.array([1.0, 3.0]), ddof=1)
        (variable(1.25), variable(2.0))
    """
    x = as_operand(x, "var")
    axis = _checked_axis(axis, x, "var")
    _check_freedom(x, axis, ddof, "var")
    return Var(axis, ddof, keepdims)(x)


class Std(Var):
    """y = sqrt(var x) along axes;  gx = gy (x - mean x) / (y (n - ddof)), 0 where y is 0."""

    def forward(self, x):
        y = x.std(axis=self.axis, ddof=self.ddof, keepdims=self.keepdims)
        # the mean of ten times 0.1 is not 0.1: where all are equal, rounding must not pass for a spread
        return y * (x.max(axis=self.axis, keepdims=self.keepdims) != x.min(axis=self.axis, keepdims=self.keepdims))

    def backward(self, gy):
        (x,), y = self.inputs, self.outputs[0]()
        freedom = _reduced(x, self.axis, "std") - self.ddof
        slope = reshape_sum_backward(gy * (1 / freedom) / _zero_to_inf(y), x.shape, self.axis, self.keepdims)
        return (x - average(x, self.axis, keepdims=True)) * slope


def _zero_to_inf(y: Variable) -> Variable:
    """``y`` to divide by: where it is 0 the quotient is 0, and so are all its derivatives."""
    xp = get_array_module(y.data)
    return y + xp.where(y.data == 0, np.inf, 0.0).astype(y.dtype)


def std(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Variable:
    """Standard deviation of the elements along ``axis``: the root of their variance.

    Where all elements are equal it is exactly 0. It has a kink there, and its derivative is taken as 0.

    Args:
        x: Variable or array, floating point.
        axis: Axis or tuple of axes; None takes all.
        ddof: As in ``var``.
        keepdims: Keep those axes with length 1.

    Returns:
        Variable without those axes.

    Raises:
        ValueError: As in ``var``.

    Example:
        >>> std(np.array([[1.0, 3.0], [5.0, 5.0]]), axis=1)
        variable([1. 0.])
    """
    x = as_operand(x, "std")
    axis = _checked_axis(axis, x, "std")
    _check_freedom(x, axis, ddof, "std")
    return Std(axis, ddof, keepdims)(x)


def _check_freedom(x: Variable, axis: Axis, ddof: float, who: str) -> None:
    n = _reduced(x, axis, who)
    if not n > ddof:
        raise ValueError(f"{who}: more than ddof = {ddof} elements are wanted, got {n} of x {x.shape}.")


class Prod(Function):
    """y = product of x along axes;  gx = gy times the product of all the others, which divides by nothing."""

    def __init__(self, axis: Axis, keepdims: bool):
        self.axis = axis
        self.keepdims = keepdims

    def forward(self, x):
        return x.prod(axis=self.axis, keepdims=self.keepdims)

    def backward(self, gy):
        (x,) = self.inputs
        axes = normalize_axes(self.axis, x.ndim, "prod")
        order = (*axes, *(i for i in range(x.ndim) if i not in axes))
        moved = x.transpose(order)
        n, m = math.prod(moved.shape[: len(axes)]), math.prod(moved.shape[len(axes) :])
        others = _others(_filled_up(moved.reshape((n, m))))[:n]  # (n, m)
        others = others.reshape(moved.shape).transpose(tuple(sorted(range(x.ndim), key=order.__getitem__)))
        return others * reshape_sum_backward(gy, x.shape, self.axis, self.keepdims)


def _filled_up(x: Variable) -> Variable:
    """(n, M) with rows of ones below, so that the number of rows is a power of 2."""
    n, m = x.shape
    full = 1 << (n - 1).bit_length()
    if full == n:
        return x
    ones = get_array_module(x.data).ones((full, 1), x.dtype)
    ones[:n] = 0
    return GetItemGrad(slice(n), (full, m))(x) + ones


def _others(x: Variable) -> Variable:
    """(2^k, M): for each element the product of all others in its column, as a tree of products."""
    n, m = x.shape
    if n == 1:
        return Variable(get_array_module(x.data).ones_like(x.data), requires_grad=False)
    halves = x.reshape((2, n // 2, m))
    partners = halves[::-1]
    return (partners if n == 2 else partners * _others(halves[0] * halves[1])).reshape((n, m))


def prod(x: Any, axis: Axis = None, keepdims: bool = False) -> Variable:
    """Product of the elements along ``axis``. Its derivatives are right where elements are 0, too.

    Args:
        x: Variable or array.
        axis: Axis or tuple of axes; None takes all.
        keepdims: Keep those axes with length 1.

    Returns:
        Variable without those axes; 1 where there are no elements.

    Raises:
        ValueError: ``axis`` is out of range or names an axis twice.

    Example:
        >>> prod(np.array([[2.0, 3.0], [4.0, 0.0]]), axis=1)
        variable([6. 0.])
    """
    x = as_operand(x, "prod")
    return Prod(_checked_axis(axis, x, "prod"), keepdims)(x)


class LogSumExp(Function):
    """y = log(sum(e^x)) along axes = m + log(sum(e^(x - m))) for m = max x;  gx = gy e^(x - y)."""

    def __init__(self, axis: Axis, keepdims: bool):
        self.axis = axis
        self.keepdims = keepdims

    def forward(self, x):
        y = softmax.logsumexp(x, self._axis())
        return y if self.keepdims else get_array_module(x).squeeze(y, axis=self.axis)

    def backward(self, gy):
        (x,), y = self.inputs, self.outputs[0]()
        gy, y = (reshape_sum_backward(v, x.shape, self.axis, self.keepdims) for v in (gy, y))
        return gy * ExpDifference()(x, y)

    def array_backward(self, gy):
        x, y = self.inputs[0].data, self.outputs[0]()
        gx = None if y is None else softmax.logsumexp_gradient(gy, x, y.data, self._axis())
        return super().array_backward(gy) if gx is None else gx

    def _axis(self) -> Any:
        """The axis as a number where there is just one, such as kernels take."""
        return self.axis[0] if isinstance(self.axis, tuple) and len(self.axis) == 1 else self.axis


class ExpDifference(Function):
    """y = e^(x - m) for m that broadcasts, 0 where both are -inf;  gx = gy y, gm = -gy y summed."""

    def forward(self, x, m):
        xp = get_array_module(x)
        return xp.exp(x - xp.where(m == -np.inf, x.dtype.type(0), m))

    def backward(self, gy):
        gx = gy * self.outputs[0]()
        return gx, sum_to(-gx, self.inputs[1].shape)


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Variable:
    """log(sum(exp(x))) along ``axis``, safe for large ``x``.

    An element -inf counts for nothing: it gets no gradient, and nothing but such elements gives -inf.

    Args:
        x: Variable or array with at least one element along ``axis``, floating point.
        axis: Axis or tuple of axes to sum over; None sums all.
        keepdims: Keep those axes with length 1.

    Returns:
        Variable without those axes.

    Raises:
        ValueError: ``axis`` is out of range, names an axis twice, or has no elements.

    Example:
        >>> logsumexp(np.array([[1000.0, 1000.0], [0.0, -np.inf]]), axis=1).data.round(3)
        array([1000.693,    0.   ])
    """
    x = as_operand(x, "logsumexp")
    axis = _checked_axis(axis, x, "logsumexp")
    check_not_empty(x, axis, "logsumexp")
    return LogSumExp(axis, keepdims)(x)


class CumSum(Function):
    """y_i = x_0 + ... + x_i along an axis, or x_i + ... + x_n;  gx is gy summed up from the other end."""

    def __init__(self, axis: int, from_end: bool = False):
        self.axis = axis
        self.from_end = from_end

    def forward(self, x):
        return sums.cumsum(x, self.axis, self.from_end)

    def backward(self, gy):
        return CumSum(self.axis, not self.from_end)(gy)


def cumsum(x: Any, axis: int | None = None) -> Variable:
    """The sum of all elements up to each one, along ``axis``.

    Args:
        x: Variable or array.
        axis: The axis to sum along; None goes through the flattened ``x``, as in NumPy.

    Returns:
        Variable with the shape of ``x``; with one axis where ``axis`` is None.

    Raises:
        ValueError: ``axis`` is out of range.

    Example:
        >>> cumsum(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
        variable([[1. 2.]
                  [4. 6.]])
    """
    x = as_operand(x, "cumsum")
    if axis is None:
        return CumSum(0)(x.reshape(-1))
    (axis,) = normalize_axes(axis, x.ndim, "cumsum")
    return CumSum(axis)(x)


class Norm(Function):
    """y = sum(|x|^p)^(1/p) along axes;  gx = gy r |r|^(p - 2) with r = x / y, 0 where r or y is 0."""

    def __init__(self, p: float, axis: Axis, keepdims: bool):
        self.p = p
        self.axis = axis
        self.keepdims = keepdims

    def forward(self, x):
        if not x.size:
            return x.sum(axis=self.axis, keepdims=self.keepdims)
        xp = get_array_module(x)
        r = abs(x)
        m = r.max(axis=self.axis, keepdims=True)
        m = xp.where((m > 0) & xp.isfinite(m), m, x.dtype.type(1))
        r = r / m  # at most 1: no power of it overflows
        if self.p == 2:
            y = xp.sqrt((r * r).sum(axis=self.axis, keepdims=True)) * m
        else:
            y = (r**self.p).sum(axis=self.axis, keepdims=True) ** (1 / self.p) * m
        return y if self.keepdims else xp.squeeze(y, axis=self.axis)

    def backward(self, gy):
        (x,), y = self.inputs, self.outputs[0]()
        gy, y = (reshape_sum_backward(v, x.shape, self.axis, self.keepdims) for v in (gy, y))
        r = x / _zero_to_inf(y)
        if self.p == 2:
            return gy * r
        some = (r.data != 0).astype(x.dtype)
        size = abs(r) + (1 - some)  # no negative power of 0
        return gy * (r * some) * size ** (self.p - 2)


def norm(x: Any, ord: float = 2, axis: Axis = None, keepdims: bool = False) -> Variable:
    """Length of the elements along ``axis``, taken as one vector: (sum |x|^ord)^(1/ord).

    At 0 the norm has a kink: there its derivative is taken as 0 and is never NaN. Large elements do not overflow.
    This is the norm of vectors only: of a matrix, too, it takes the elements, not the singular values.

    Args:
        x: Variable or array, floating point.
        ord: 2 for the length, 1 for the sum of absolute values, ``np.inf`` for the largest of them (equal ones share
            the gradient), or any other number above 0.
        axis: Axis or tuple of axes; None takes all.
        keepdims: Keep those axes with length 1.

    Returns:
        Variable without those axes.

    Raises:
        ValueError: ``ord`` is no number above 0, or ``axis`` is out of range or names an axis twice.

    Example:
        >>> x = np.array([[3.0, 4.0], [0.0, -1.0]])
        >>> norm(x, axis=1), norm(x, 1, axis=1)
        (variable([5. 1.]), variable([7. 1.]))
    """
    x = as_operand(x, "norm")
    axis = _checked_axis(axis, x, "norm")
    if isinstance(ord, str) or not ord > 0:
        raise ValueError(f"norm: ord must be a number above 0, or np.inf, got {ord!r}.")
    if ord == np.inf:
        return max(abs(x), axis, keepdims)
    return sum(abs(x), axis, keepdims) if ord == 1 else Norm(ord, axis, keepdims)(x)


class Max(Function):
    """y = the largest x along axes;  gx = gy where x is y, shared evenly among equals."""

    def __init__(self, axis: Axis, keepdims: bool):
        self.axis = axis
        self.keepdims = keepdims

    def forward(self, x):
        return x.max(axis=self.axis, keepdims=self.keepdims)

    def backward(self, gy):
        (x,), y = self.inputs, self.outputs[0]()
        axes = normalize_axes(self.axis, x.ndim, "max")
        best = x.data == y.data.reshape(keepdims_shape(x.shape, axes))
        share = 1 / best.sum(axis=axes, keepdims=True)
        gy = reshape_sum_backward(gy, x.shape, self.axis, self.keepdims)
        return gy * share.astype(x.dtype) * best


class Min(Max):
    """y = the smallest x along axes;  gx = gy where x is y, shared evenly among equals."""

    def forward(self, x):
        return x.min(axis=self.axis, keepdims=self.keepdims)


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Variable:
    """The largest element along ``axis``. Where several are equal, each gets an equal share of the gradient.

    Args:
        x: Variable or array with at least one element along ``axis``.
        axis: Axis or tuple of axes; None takes all.
        keepdims: Keep those axes with length 1.

    Returns:
        Variable without those axes.

    Raises:
        ValueError: ``axis`` is out of range, names an axis twice, or has no elements.

    Example:
        >>> max(np.array([[1.0, 5.0], [7.0, 3.0]]), axis=1)
        variable([5. 7.])
    """
    x = as_operand(x, "max")
    axis = _checked_axis(axis, x, "max")
    check_not_empty(x, axis, "max")
    return Max(axis, keepdims)(x)


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Variable:
    """The smallest element along ``axis``; all else is as in ``max``."""
    x = as_operand(x, "min")
    axis = _checked_axis(axis, x, "min")
    check_not_empty(x, axis, "min")
    return Min(axis, keepdims)(x)


def max_backward_shape(x: Any, axis: Axis) -> tuple[int, ...]:
    """Shape of ``x`` with the axes of ``axis`` (None means all) kept as length 1."""
    return keepdims_shape(x.shape, normalize_axes(axis, x.ndim, "max"))
