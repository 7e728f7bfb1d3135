"""Knows the activations as formulas of one number, of which it makes loops: one for y, and one for gx.

A formula is a function of ``x``, or of ``y``, and of what the activation has for parameters, all of one precision: a
literal beside them would be float64, so constants are made with ``type(x)``. Two choices with ``if`` and ``else``
keep NaN where it is, as long as NaN ends in the branch that has ``x``.
"""

from __future__ import annotations

import math

from . import elementary
from .jit import formula, loop


def _values(f):
    """The loop y = f(x)."""

    def fill(x, y, *parameters):
        for i in range(len(x)):
            y[i] = f(x[i], *parameters)

    return loop(fill)


def _gradient(slope):
    """The loop gx = gy slope(x)."""

    def fill(gy, x, gx, *parameters):
        for i in range(len(x)):
            gx[i] = gy[i] * slope(x[i], *parameters)

    return loop(fill)


@formula
def sigmoid(x):
    return elementary.sigmoid(x)


@formula
def sigmoid_slope_at(y):
    return y * (type(y)(1) - y)


@formula
def tanh(x):
    return elementary.tanh(x)


@formula
def tanh_slope_at(y):
    return type(y)(1) - y * y


@formula
def logsigmoid(x):
    zero = type(x)(0)
    return (zero if x > zero else x) - elementary.log1p(elementary.exp(-abs(x)))


@formula
def logsigmoid_slope(x):
    return elementary.sigmoid(-x)


@formula
def softplus(x, beta):
    zero = type(x)(0)
    return (zero if x < zero else x) + elementary.log1p(elementary.exp(-abs(beta * x))) / beta


@formula
def softplus_slope(x, beta):
    return elementary.sigmoid(beta * x)


@formula
def leaky_relu(x, slope):
    return x if x > type(x)(0) else slope * x


@formula
def leaky_relu_slope(x, slope):
    return type(x)(1) if x > type(x)(0) else slope


_NEARLY_MINUS_ONE = -40  # from here on e^x - 1 is -1


@formula
def elu(x, alpha, scale):
    number = type(x)
    zero, far = number(0), number(_NEARLY_MINUS_ONE)
    below = scale * alpha * elementary.expm1(zero if x > zero else far if x < far else x)
    return scale * x if x > zero else below


@formula
def elu_slope_at(y, alpha, scale):
    return scale if y > type(y)(0) else y + scale * alpha


@formula
def hard_sigmoid(x):
    number = type(x)
    y = x * number(1 / 6) + number(0.5)
    return number(0) if y < number(0) else number(1) if y > number(1) else y


@formula
def hard_sigmoid_slope(x):
    number = type(x)
    return number(1 / 6) if abs(x) < number(3) else number(0)


@formula
def hard_swish(x):
    return x * hard_sigmoid(x)


@formula
def hard_swish_slope(x):
    number = type(x)
    far = number(3)
    return number(0) if x <= -far else number(1) if x >= far else x * number(1 / 3) + number(0.5)


@formula
def silu(x):
    return x * elementary.sigmoid(x)


@formula
def silu_slope(x):
    g = elementary.sigmoid(x)
    return g + x * g * (type(x)(1) - g)


_CLOSE = 20  # from here on tanh(log(1 + e^x)) is 1


@formula
def _mish_gate(x):
    """tanh(log(1 + e^x)) for x that is not far, and e^x."""
    e, two = elementary.exp(x), type(x)(2)
    w = e * (e + two)
    return w / (w + two), e


@formula
def mish(x):
    most = type(x)(_CLOSE)
    near = most if x > most else x
    return x if x > most else near * _mish_gate(near)[0]


@formula
def mish_slope(x):
    one, most = type(x)(1), type(x)(_CLOSE)
    near = most if x > most else x
    g, e = _mish_gate(near)
    return one if x > most else g + near * (one - g * g) * (e / (one + e))


_FAR = 40  # from here on e^(-x^2 / 2) is 0, and so are the slopes of the gates; much further out squares overflow


@formula
def _near(x):
    far = type(x)(_FAR)
    x = far if x > far else x
    return -far if x < -far else x


@formula
def _normal(x):
    """How much of N(0, 1) lies below x, which is not far, and its density there."""
    number = type(x)
    density = elementary.exp(number(-0.5) * x * x) * number(1 / math.sqrt(2 * math.pi))
    beyond = density * elementary.mills(abs(x))
    return number(1) - beyond if x > number(0) else beyond, density


@formula
def gelu(x):
    return x * _normal(_near(x))[0]


@formula
def gelu_slope(x):
    x = _near(x)
    below, density = _normal(x)
    return below + x * density


_A = 2 * math.sqrt(2 / math.pi)  # of the gate of gelu in its tanh form, sigmoid(a x + b x^3)
_B = 0.044715 * _A


@formula
def tanh_gelu(x):
    number, t = type(x), _near(x)
    return x * elementary.sigmoid(t * (number(_A) + number(_B) * t * t))


@formula
def tanh_gelu_slope(x):
    number, x = type(x), _near(x)
    xx = x * x
    g = elementary.sigmoid(x * (number(_A) + number(_B) * xx))
    return g + x * g * (number(1) - g) * (number(_A) + number(3 * _B) * xx)


_VALUES = (sigmoid, tanh, logsigmoid, softplus, leaky_relu, elu, hard_sigmoid, hard_swish, silu, mish, gelu, tanh_gelu)
_SLOPES = {
    "sigmoid": sigmoid_slope_at,
    "tanh": tanh_slope_at,
    "logsigmoid": logsigmoid_slope,
    "softplus": softplus_slope,
    "leaky_relu": leaky_relu_slope,
    "elu": elu_slope_at,
    "hard_sigmoid": hard_sigmoid_slope,
    "hard_swish": hard_swish_slope,
    "silu": silu_slope,
    "mish": mish_slope,
    "gelu": gelu_slope,
    "tanh_gelu": tanh_gelu_slope,
}
values = {f.__name__: _values(f) for f in _VALUES}  # by name, loops over (x, y, *parameters)
gradients = {name: _gradient(slope) for name, slope in _SLOPES.items()}  # over (gy, x or y, gx, *parameters)
