"""Knows the non-linearities between layers."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from ..arrays import normalize_axes
from ..core import Variable, as_operand, as_variable
from ..cuda import get_array_module
from ..kernels import activation as kernels
from ..kernels import softmax as softmaxes
from ..kernels import special
from ..kernels.masking import keep_above_zero, keep_where_above_zero
from .arithmetic import operands
from .elementwise import FAR, Abs, Clip, Elementwise, Exp, Flat, Step, exp, floating
from .formula import Formula, apply
from .reduction import sum


class Sigmoid(Elementwise):
    """y = 1 / (1 + e^-x);  gx = gy y (1 - y)."""

    loop, slope_at_y = "sigmoid", True

    def values(self, x):
        xp = get_array_module(x)
        if kernels.is_fast(x):
            return kernels.sigmoid(x)
        with np.errstate(over="ignore"):  # where e^-x is infinite, y is 0
            y = xp.exp(-floating(x))
        y += y.dtype.type(1)
        return xp.reciprocal(y)

    def gradients(self, gy, y, x):
        return gy * (y * (1 - y))


def sigmoid(x: Any) -> Variable:
    """1 / (1 + exp(-x)), element by element, safe for large ``x``, with all digits where it is near 0."""
    return Sigmoid()(x)


def sigmoid_simple(x: Any) -> Variable:
    """``sigmoid`` put together from ``exp`` and operators, as a reader would first write it."""
    return 1 / (1 + exp(-as_variable(x)))


class LogSigmoid(Elementwise):
    """y = log(1 / (1 + e^-x)) = min(x, 0) - log(1 + e^-|x|);  gx = gy sigmoid(-x)."""

    loop = "logsigmoid"

    def values(self, x):
        xp, x = get_array_module(x), floating(x)
        return xp.minimum(x, x.dtype.type(0)) - _log1p_exp_of_minus_abs(x, xp)

    def gradients(self, gy, y, x):
        return gy * apply(Sigmoid(), -x)


def _log1p_exp_of_minus_abs(x: Any, xp: Any) -> Any:
    """log(1 + e^-|x|): what softplus and its relatives have beside a straight line, never above log(2)."""
    return xp.log1p(xp.exp(-xp.abs(x)))


def logsigmoid(x: Any) -> Variable:
    """The logarithm of ``sigmoid``, element by element, without ever taking the logarithm of 0."""
    return LogSigmoid()(x)


class Softplus(Elementwise):
    """y = log(1 + e^(beta x)) / beta;  gx = gy sigmoid(beta x)."""

    loop = "softplus"

    def __init__(self, beta: float):
        self.beta = beta
        self.parameters = (beta,)

    def values(self, x):
        xp, x = get_array_module(x), floating(x)
        beta = x.dtype.type(self.beta)
        return xp.maximum(x, x.dtype.type(0)) + _log1p_exp_of_minus_abs(x * beta, xp) / beta

    def gradients(self, gy, y, x):
        return gy * apply(Sigmoid(), x * self.beta)


def softplus(x: Any, beta: float = 1.0) -> Variable:
    """Smooth relu: log(1 + exp(beta * x)) / beta, safe for large ``x``.

    Args:
        x: Variable or array of any shape.
        beta: Sharpness, above 0. Larger is closer to relu.

    Returns:
        Variable with the shape and dtype of ``x``.

    Raises:
        ValueError: ``beta`` is not above 0.

    Example:
        >>> softplus(np.array([-1.0, 0.0, 1.0])).data.round(4)
        array([0.3133, 0.6931, 1.3133])

    Source: Dugas et al., 2001.
    """
    if not beta > 0:
        raise ValueError(f"softplus: beta must be above 0, got {beta}.")
    return Softplus(beta)(x)


# --- two straight halves, or nearly so ----------------------------------------------------------------------


class ReLU(Formula):
    """y = max(x, 0);  gx = gy where x > 0."""

    def forward(self, x):
        return keep_above_zero(x)

    def gradients(self, gy, y, x):
        return gy * apply(Step(), y)

    def array_backward(self, gy):
        return keep_where_above_zero(gy, self.outputs[0]().data)


def relu(x: Any) -> Variable:
    """The larger of ``x`` and 0, element by element; its derivative at 0 is taken as 0."""
    return ReLU()(x)


class LeakyReLU(Elementwise):
    """y = x where x > 0, slope x elsewhere;  gx = gy, or slope gy."""

    loop = "leaky_relu"

    def __init__(self, slope: float):
        self.slope = slope
        self.parameters = (slope,)

    def values(self, x):
        x = floating(x)
        return x * LeakyStep(self.slope).forward(x)

    def gradients(self, gy, y, x):
        return gy * apply(LeakyStep(self.slope), x)


class LeakyStep(Flat):
    """y = 1 where x > 0, slope elsewhere;  gx = 0."""

    def __init__(self, slope: float):
        self.slope = slope

    def forward(self, x):
        xp, x = get_array_module(x), floating(x)
        slope = x.dtype.type(self.slope)
        if 0 <= self.slope <= 1:
            return xp.maximum(Step().forward(x), slope)  # several times as fast as where
        return xp.where(x > 0, x.dtype.type(1), slope)


def leaky_relu(x: Any, slope: float = 0.2) -> Variable:
    """``x`` where it is above 0, ``slope * x`` elsewhere.

    Args:
        x: Variable or array of any shape, floating point.
        slope: Of the negative side.

    Example:
        >>> leaky_relu(np.array([-1.0, 2.0]))
        variable([-0.2  2. ])

    Source: Maas et al., 2013.
    """
    return LeakyReLU(slope)(x)


class PReLU(Formula):
    """y = x where x > 0, W x elsewhere;  gx = gy, or W gy;  gW = sum of gy min(x, 0)."""

    def forward(self, x, W):
        xp, x = get_array_module(x), floating(x)
        zero = x.dtype.type(0)
        return xp.maximum(x, zero) + W * xp.minimum(x, zero)

    def gradients(self, gy, y, x, W):
        wants_x, wants_W = self.needs_grad
        gx = gW = None
        if wants_x:
            above = apply(Step(), x)
            gx = gy * (above + W * (1 - above))
        if wants_W:
            gW = gy * apply(Clip(None, 0.0), x)
        return gx, gW


def prelu(x: Any, W: Any) -> Variable:
    """``x`` where it is above 0, ``W * x`` elsewhere, with a slope that is learnt.

    Args:
        x: Variable or array (N, C, ...), or of any shape if ``W`` is a single number; floating point.
        W: The slope: Variable or array (C,), one for each channel, or () or (1,), one for all.

    Returns:
        Variable with the shape of ``x``.

    Raises:
        TypeError: float16 would meet a wider float.
        ValueError: ``W`` has more than one axis, or its length is not that of axis 1 of ``x``.

    Example:
        >>> prelu(np.array([[-1.0, -1.0], [2.0, 3.0]]), np.array([0.5, 0.1]))
        variable([[-0.5 -0.1]
                  [ 2.   3. ]])

    Source: He et al., 2015.
    """
    x, W = (as_operand(v, "prelu") for v in operands(x, W, "prelu"))
    if W.ndim and W.shape == x.shape[1:2]:
        return PReLU()(x, W.reshape(*W.shape, *(1 for _ in x.shape[2:])))  # (C, 1 ...)
    if W.ndim > 1 or W.size != 1:
        raise ValueError(
            f"prelu: W must be one number or one for each channel, axis 1 of x, got {W.shape} for x {x.shape}."
        )
    return PReLU()(x, W.reshape(()))


class ELU(Elementwise):
    """y = s x where x > 0, s alpha (e^x - 1) elsewhere;  gx = gy s, or gy s alpha e^x = gy (y + s alpha)."""

    loop, slope_at_y = "elu", True

    def __init__(self, alpha: float, scale: float = 1.0):
        self.alpha = alpha
        self.scale = scale
        self.parameters = alpha, scale

    def values(self, x):
        xp, x = get_array_module(x), floating(x)
        zero, scale = x.dtype.type(0), x.dtype.type(self.scale)
        return xp.maximum(x, zero) * scale + xp.expm1(xp.minimum(x, zero)) * (x.dtype.type(self.alpha) * scale)

    def gradients(self, gy, y, x):
        slope = apply(Clip(None, 0.0), y) + self.alpha * self.scale
        if self.alpha != 1:
            slope = slope + apply(Step(), y) * (self.scale * (1 - self.alpha))
        return gy * slope


def elu(x: Any, alpha: float = 1.0) -> Variable:
    """``x`` where it is above 0, ``alpha * (exp(x) - 1)`` elsewhere.

    Args:
        x: Variable or array of any shape.
        alpha: What is approached far below 0, with its sign changed; not below 0. Only 1 leaves no kink at 0, where the
            derivative is taken as ``alpha``.

    Returns:
        Variable with the shape and dtype of ``x``.

    Raises:
        ValueError: ``alpha`` is below 0.

    Example:
        >>> elu(np.array([-1e4, 0.0, 2.0]))
        variable([-1.  0.  2.])

    Source: Clevert et al., 2015.
    """
    if not alpha >= 0:
        raise ValueError(f"elu: alpha must not be below 0, got {alpha}.")
    return ELU(alpha)(x)


class SELU(ELU):
    """y = s x where x > 0, s alpha (e^x - 1) elsewhere, with numbers that keep mean 0 and variance 1."""

    def __init__(self) -> None:
        super().__init__(alpha=1.6732632423543772, scale=1.0507009873554805)


def selu(x: Any) -> Variable:
    """``elu`` scaled so that mean 0 and variance 1 last from layer to layer. Source: Klambauer et al., 2017."""
    return SELU()(x)


class HardSigmoid(Elementwise):
    """y = x / 6 + 1/2 kept between 0 and 1;  gx = gy / 6 where -3 < x < 3."""

    loop = "hard_sigmoid"

    def values(self, x):
        xp, x = get_array_module(x), floating(x)
        y = x * x.dtype.type(1 / 6) + x.dtype.type(0.5)
        return xp.clip(y, y.dtype.type(0), y.dtype.type(1))

    def gradients(self, gy, y, x):
        return gy * (apply(Step(), 3 - apply(Abs(), x)) * (1 / 6))


def hard_sigmoid(x: Any) -> Variable:
    """x / 6 + 1/2 kept between 0 and 1, element by element; its derivative at -3 and 3 is taken as 0."""
    return HardSigmoid()(x)


# --- x times a gate -----------------------------------------------------------------------------------------


class Gated(Elementwise):
    """y = x g(x) for a gate g from 0 to 1;  gx = gy (g(x) + x g'(x)). A subclass says which gate."""

    gate: ClassVar[type[Formula]]
    g: Any = None  # g(x) of the forward pass, which a plain walk need not compute again; a loop does so at no cost

    def values(self, x):
        self.g = self.gate().forward(x)
        return x * self.g

    def gradients(self, gy, y, x):
        gate = self.gate()
        if x.dtype == np.float16:  # further out g' is 0 in half precision, and what it is multiplied with may overflow
            x = apply(Clip(-12.0, 12.0), x)
        g = apply(gate, x) if self.g is None or isinstance(x, Variable) else self.g
        return gy * (gate.gradients(x, g, x) + g)


class SiLU(Gated):
    """y = x sigmoid(x)."""

    gate, loop = Sigmoid, "silu"

    def values(self, x):
        if not kernels.is_fast(x):
            return super().values(x)
        y, self.g = kernels.silu(x)
        return y

    def array_backward(self, gy):
        y = self.outputs[0]()
        if self.g is None or y is None or not kernels.is_fast(gy, y.data, self.g):
            return super().array_backward(gy)
        return kernels.silu_gradient(gy, y.data, self.g)


def silu(x: Any) -> Variable:
    """x * sigmoid(x), element by element, also called swish. Source: Elfwing et al., 2017."""
    return SiLU()(x)


class HardSwish(Gated):
    """y = x hard_sigmoid(x);  gx = gy (x / 3 + 1/2) where -3 < x < 3, 0 below, gy above."""

    gate, loop = HardSigmoid, "hard_swish"

    def gradients(self, gy, y, x):
        return super().gradients(gy, y, apply(Clip(-3.0, 3.0), x))  # beyond, the gate is flat: 0 times infinity


def hard_swish(x: Any) -> Variable:
    """x * hard_sigmoid(x), element by element. Source: Howard et al., 2019."""
    return HardSwish()(x)


class TanhSoftplus(Formula):
    """y = tanh(log(1 + e^x)) = w / (w + 2), w = e^x (e^x + 2);  gx = gy (1 - y^2) sigmoid(x)."""

    def forward(self, x):
        xp, x = get_array_module(x), floating(x)
        most = 5.0 if x.dtype == np.float16 else 20.0  # from where on y rounds to 1
        e = xp.exp(xp.minimum(x, x.dtype.type(most)))
        w = e * (e + e.dtype.type(2))
        return w / (w + w.dtype.type(2))

    def gradients(self, gy, y, x):
        return gy * ((1 - y * y) * apply(Sigmoid(), x))


class Mish(Gated):
    """y = x tanh(log(1 + e^x))."""

    gate, loop = TanhSoftplus, "mish"


def mish(x: Any) -> Variable:
    """x * tanh(softplus(x)), element by element. Source: Misra, 2019."""
    return Mish()(x)


class NormalCDF(Formula):
    """y = (1 + erf(x / sqrt(2))) / 2, how much of N(0, 1) lies below x;  gx = gy e^(-x^2 / 2) / sqrt(2 pi)."""

    def forward(self, x):
        x = floating(x)
        half = x.dtype.type(0.5)
        return special.erf(x * x.dtype.type(math.sqrt(0.5))) * half + half

    def gradients(self, gy, y, x):
        x = apply(Clip(-FAR, FAR), x)
        return gy * (apply(Exp(), x * x * -0.5) * (1 / math.sqrt(2 * math.pi)))


class TanhCDF(Formula):
    """y = (1 + tanh(u / 2)) / 2 = sigmoid(u), u = a x + b x^3, close to NormalCDF;  gx = gy y (1 - y) (a + 3 b x^2)."""

    a = 2 * math.sqrt(2 / math.pi)
    b = 0.044715 * a

    def forward(self, x):
        xp, x = get_array_module(x), floating(x)
        number = x.dtype.type
        x = xp.clip(x, number(-FAR), number(FAR))  # further out the cube overflows
        return Sigmoid().forward(x * (x * x * number(self.b) + number(self.a)))

    def gradients(self, gy, y, x):
        x = apply(Clip(-FAR, FAR), x)
        return gy * (y * (1 - y) * (x * x * (3 * self.b) + self.a))


class GELU(Gated):
    """y = x P(x), P(x) the part of N(0, 1) that lies below x."""

    gate, loop = NormalCDF, "gelu"


class TanhGELU(Gated):
    """y = x P(x), P(x) close to the part of N(0, 1) that lies below x."""

    gate, loop = TanhCDF, "tanh_gelu"

    def values(self, x):
        if not kernels.is_fast(x):
            return super().values(x)
        y, self.g = kernels.tanh_gelu(x)
        return y

    def array_backward(self, gy):
        x = self.inputs[0].data
        if not kernels.is_fast(gy, x, self.g):
            return super().array_backward(gy)
        return kernels.tanh_gelu_gradient(gy, x, self.g)


GELUS: dict[str, type[Gated]] = {"none": GELU, "tanh": TanhGELU}


def gelu(x: Any, approximate: str = "none") -> Variable:
    """``x`` times the part of the standard normal distribution that lies below ``x``.

    Args:
        x: Variable or array of any shape.
        approximate: "none" computes it with erf; "tanh" as GPT-2 does, off by at most 0.0005.

    Returns:
        Variable with the shape and dtype of ``x``.

    Raises:
        ValueError: ``approximate`` is something else.

    Example:
        >>> gelu(np.array([-1.0, 0.0, 1.0])).data.round(4).tolist()
        [-0.1587, 0.0, 0.8413]

    Source: Hendrycks and Gimpel, 2016.
    """
    if approximate not in GELUS:
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}.")
    return GELUS[approximate]()(x)


# --- along an axis ------------------------------------------------------------------------------------------


class Softmax(Formula):
    """y = e^x / sum(e^x);  gx = y (gy - sum(gy y))."""

    def __init__(self, axis: int):
        self.axis = axis

    def forward(self, x):
        return softmaxes.softmax(x, self.axis)

    def gradients(self, gy, y, x):
        gx = y * gy
        return gx - y * gx.sum(axis=self.axis, keepdims=True)

    def array_backward(self, gy):
        gx = softmaxes.softmax_gradient(gy, self.outputs[0]().data, self.axis)
        return super().array_backward(gy) if gx is None else gx


def softmax(x: Any, axis: int = 1) -> Variable:
    """exp(x) scaled so that it sums to 1 along ``axis``, safe for large ``x``.

    Args:
        x: Variable or array, floating point.
        axis: The axis of the classes. A vector has just one, which also the default means.

    Returns:
        Variable with the shape of ``x``.

    Raises:
        ValueError: ``axis`` is out of range, or ``x`` has no classes there.

    Example:
        >>> softmax(np.array([[0.0, 0.0]]))
        variable([[0.5 0.5]])
    """
    return Softmax(_class_axis(x, axis, "softmax"))(x)


def _class_axis(x: Any, axis: int, who: str) -> int:
    x = as_operand(x, who)
    if not isinstance(axis, (int, np.integer)):
        raise ValueError(f"{who}: axis must be one integer, the axis of the classes, got {axis!r}.")
    (found,) = normalize_axes(0 if x.ndim == 1 and axis == 1 else axis, x.ndim, who)
    if not x.shape[found]:
        raise ValueError(f"{who}: x {tuple(x.shape)} has no classes along axis {axis}.")
    return found


def softmax_simple(x: Any, axis: int = 1) -> Variable:
    """``softmax`` put together from ``exp``, ``sum`` and ``/``, as a reader would first write it."""
    y = exp(x)
    return y / sum(y, axis=_class_axis(x, axis, "softmax_simple"), keepdims=True)


class LogSoftmax(Formula):
    """y = x - log(sum(e^x));  gx = gy - e^y sum(gy)."""

    def __init__(self, axis: int):
        self.axis = axis

    def forward(self, x):
        return softmaxes.log_softmax(x, self.axis)

    def gradients(self, gy, y, x):
        return gy - apply(Exp(), y) * gy.sum(axis=self.axis, keepdims=True)

    def array_backward(self, gy):
        gx = softmaxes.log_softmax_gradient(gy, self.outputs[0]().data, self.axis)
        return super().array_backward(gy) if gx is None else gx


def log_softmax(x: Any, axis: int = 1) -> Variable:
    """The logarithm of ``softmax``, without ever taking the logarithm of 0.

    Args:
        x: Variable or array, floating point.
        axis: The axis of the classes. A vector has just one, which also the default means.

    Returns:
        Variable with the shape of ``x``.

    Raises:
        ValueError: ``axis`` is out of range, or ``x`` has no classes there.

    Example:
        >>> log_softmax(np.array([[0.0, -1e4]])).data.tolist()
        [[0.0, -10000.0]]
    """
    return LogSoftmax(_class_axis(x, axis, "log_softmax"))(x)
