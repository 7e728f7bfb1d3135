"""Step 21: Operators with arrays and numbers (演算子のオーバーロード (2)).

New here: an operand may be an array or a number, on either side.
``as_variable`` puts an array into a box where one is missing. A number first becomes an array as large as the other
operand, and with its dtype: float32 stays float32. For 2.0 * x Python asks the float first, which gives up, and then
``Variable.__rmul__``. An array on the left would not give up but multiply the boxes one by one; ``__array_ufunc__ =
None`` tells NumPy to leave it to us. Shapes that differ are refused: spreading one over the other comes in step 40.

Run it:   python steps/step21.py
Expect:   3 x + 1 at x = 2 is 7 with the derivative 3; array + x is a Variable; float32 stays; np.sin(x) is an error.
Promise:  y == 7; dx == 3; array_on_the_left == 1; stays_float32 == 2; refused == 2
Replaces: Function.__call__, Function.checked_backward, add, mul, setup_variable
Missing:  minus, division and powers; step 22 brings them.
"""

import threading
import weakref
from contextlib import contextmanager
from copy import copy

import numpy as np


class _Config(threading.local):
    enable_backprop = True  # remember creators?


Config = _Config()  # each thread sees its own


@contextmanager
def using_config(name, value):
    """Sets a switch of ``Config`` inside a ``with`` block; the old value comes back however it ends."""
    old = getattr(Config, name)
    setattr(Config, name, value)
    try:
        yield
    finally:
        setattr(Config, name, old)


def no_grad():
    """``with no_grad():`` computes without remembering how, which saves memory."""
    return using_config("enable_backprop", False)


class Variable:
    """A box for an array, with room for its gradient."""

    __array_priority__ = 200  # in ``array + variable`` it is the Variable that adds ...
    __array_ufunc__ = None  # ... and ``np.sin(variable)`` is an error, not an array of objects

    def __init__(self, data, name=None):
        if data is not None and not isinstance(data, np.ndarray):
            got = type(data).__name__
            raise TypeError(f"Variable needs a NumPy array, got {got}. Wrap it: Variable(np.array({data!r})).")
        self.data = data
        self.name = name
        self.grad = None
        self.creator = None
        self.generation = 0
        self.from_no_grad = False

    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    size = property(lambda self: self.data.size)
    dtype = property(lambda self: self.data.dtype)

    def __len__(self):
        return len(self.data)

    def __repr__(self):
        return "variable(" + str(self.data).replace("\n", "\n" + " " * 9) + ")"

    def set_creator(self, func):
        self.creator = func
        self.generation = func.generation + 1

    def cleargrad(self):
        """Forgets the gradient. Without this the next ``backward`` adds to it."""
        self.grad = None

    def backward(self, retain_grad=False):
        if self.from_no_grad:
            raise RuntimeError("backward: this Variable was computed under no_grad(), so it has no graph.")
        start = np.ones_like(self.data) if self.grad is None else self.grad
        self.grad = None
        grads = {self: start}  # those of this walk; what an older one left does not count
        for f in _functions_behind(self):
            ys = [ref() for ref in f.outputs]  # None for one that nobody kept
            gys = [grads.pop(y, zeros) for y, zeros in zip(ys, f.zeros)]
            for y, gy in zip(ys, gys):
                if y is not None:
                    y.grad = gy.copy() if retain_grad else None
            for x, gx in zip(f.inputs, f.checked_backward(*gys)):
                if gx is not None:
                    grads[x] = as_array(grads[x] + gx) if x in grads else gx  # every use of x adds
        for x, gx in grads.items():  # only leaves are left; a + b gives both the same array, so copy
            x.grad = gx.copy() if x.grad is None else as_array(x.grad + gx)


def _functions_behind(y):
    """The Functions that led to ``y``, each once, and each after all that used its outputs."""
    found = {}  # a set that keeps its order
    variables = [y]
    while variables:
        f = variables.pop().creator
        if f is not None and f not in found:
            found[f] = None
            variables.extend(f.inputs)
    return sorted(found, key=lambda f: f.generation, reverse=True)


class Function:
    """What makes new Variables. A subclass says how."""

    generation = 0
    inputs = ()
    outputs = ()  # weak: they hold this Function, and a circle is freed late
    zeros = ()  # the gradient of an output that nobody uses

    def __call__(self, *inputs):
        f = copy(self) if self.outputs else self  # a second call must not overwrite what the first remembers
        variables = [as_variable(x) for x in inputs]
        ys = f.forward(*[x.data for x in variables])
        outputs = [Variable(as_array(y)) for y in (ys if isinstance(ys, tuple) else (ys,))]
        if Config.enable_backprop:
            f.generation = max((x.generation for x in variables), default=0)
            f.inputs = variables
            f.outputs = [weakref.ref(y) for y in outputs]
            f.zeros = [np.broadcast_to(y.dtype.type(0), y.shape) for y in outputs]  # one number each
        for y in outputs:
            y.from_no_grad = not Config.enable_backprop
            if Config.enable_backprop:
                y.set_creator(f)
        return outputs if len(outputs) > 1 else outputs[0]

    def checked_backward(self, *gys):
        """``backward``, as a list of gradients that fit the inputs."""
        gxs = self.backward(*gys)
        gxs = gxs if isinstance(gxs, tuple) else (gxs,)
        who = f"{type(self).__name__}.backward"
        if len(gxs) != len(self.inputs):
            raise RuntimeError(f"{who} returned {len(gxs)} gradients for {len(self.inputs)} inputs.")
        for i, (x, gx) in enumerate(zip(self.inputs, gxs)):
            if isinstance(gx, Variable):
                raise TypeError(f"{who}: gradient {i} is a Variable. Use arrays: self.inputs[{i}].data.")
            if gx is not None and np.shape(gx) != x.shape:
                raise RuntimeError(f"{who}: gradient {i} has shape {np.shape(gx)}, but input {i} {x.shape}.")
        return [gx if gx is None else _of_dtype(x.dtype, gx) for x, gx in zip(self.inputs, gxs)]

    def forward(self, *xs):
        raise NotImplementedError(f"{type(self).__name__} has no forward(self, *xs).")

    def backward(self, *gys):
        raise NotImplementedError(f"{type(self).__name__} has no backward(self, *gys).")


def as_array(x):
    """``x`` as an array. ``np.array(2.0) * 3`` is a NumPy scalar, which is none."""
    return np.asarray(x)


def _of_dtype(dtype, gx):
    """``gx`` as an array; that of a float32 input is float32, whatever it met on the way."""
    return np.asarray(gx, dtype=dtype if dtype.kind == "f" else None)


def as_variable(obj):
    """``obj`` as a Variable; a Variable stays as it is."""
    return obj if isinstance(obj, Variable) else Variable(obj)


_NUMBER = (int, float, np.generic, np.ndarray)  # a 0-d array is one


def _operand(x, other):
    """``x`` as a Variable to compute with ``other``; a number takes the shape and dtype of ``other``."""
    if isinstance(x, _NUMBER) and np.ndim(x) == 0 and isinstance(other, (Variable, np.ndarray)):
        x = np.full(other.shape, x, dtype=np.result_type(other.dtype, x))
    return as_variable(x)


def _apply(f, x0, x1):
    x0, x1 = _operand(x0, x1), _operand(x1, x0)
    if x0.shape != x1.shape:
        who = type(f).__name__
        raise ValueError(f"{who}: shapes {x0.shape} and {x1.shape} differ; only dezero.Variable broadcasts.")
    return f(x0, x1)


class Square(Function):
    """y = x^2;  dy/dx = 2x."""

    def forward(self, x):
        return x**2

    def backward(self, gy):
        x = self.inputs[0].data
        return 2 * x * gy


class Exp(Function):
    """y = e^x;  dy/dx = e^x."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        x = self.inputs[0].data
        return np.exp(x) * gy


class Add(Function):
    """y = x0 + x1;  dy/dx0 = dy/dx1 = 1."""

    def forward(self, x0, x1):
        return x0 + x1

    def backward(self, gy):
        return gy, gy


class Mul(Function):
    """y = x0 x1;  dy/dx0 = x1, dy/dx1 = x0."""

    def forward(self, x0, x1):
        return x0 * x1

    def backward(self, gy):
        x0, x1 = self.inputs
        return gy * x1.data, gy * x0.data


def square(x):
    return Square()(x)


def exp(x):
    return Exp()(x)


def add(x0, x1):
    return _apply(Add(), x0, x1)


def mul(x0, x1):
    return _apply(Mul(), x0, x1)


def setup_variable():
    """Gives Variable its operators. The r-versions serve ``2 * x``, where the left side is no Variable."""
    Variable.__add__ = add
    Variable.__mul__ = mul
    Variable.__radd__ = add
    Variable.__rmul__ = mul


setup_variable()


def main():
    x = Variable(np.array(2.0))
    y = 3.0 * x + 1
    y.backward()
    print(f"y = {y}, dy/dx = {x.grad}")

    total = np.array([1.0, 2.0]) + Variable(np.array([3.0, 4.0]))
    print(f"array + Variable is a {type(total).__name__}: {total}")

    single = Variable(np.ones(2, dtype=np.float32))
    result = 3.0 * single + 1
    result.backward()
    print(f"float32 beside numbers: y is {result.dtype}, the gradient {single.grad.dtype}")

    refused = 0
    for name, calculate in {
        "shapes": lambda: Variable(np.ones((2, 3))) + np.ones(3),
        "np.sin": lambda: np.sin(x),
    }.items():
        try:
            calculate()
        except (ValueError, TypeError) as error:
            refused += 1
            print(f"{name}: {error}")
    return {
        "y": float(y.data),
        "dx": float(x.grad),
        "array_on_the_left": isinstance(total, Variable),
        "stays_float32": sum(dtype == np.float32 for dtype in (result.dtype, single.grad.dtype)),
        "refused": refused,
    }


if __name__ == "__main__":
    main()
