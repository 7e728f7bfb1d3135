"""Step 20: Operators (演算子のオーバーロード (1)).

New here: ``Mul``, and the operators + and * between Variables.
For a + b Python calls the method ``__add__`` of a, and a method is a function that lies in the class. So it takes one
line to write a * b + c for add(mul(a, b), c); nothing of the engine changes. A product has

    y = x0 x1:    dy/dx0 = x1,    dy/dx1 = x0.

One new mistake becomes possible: a ``backward`` that forgets ``.data`` now gives a Variable where an array is due.
``checked_backward`` tells.

Run it:   python steps/step20.py
Expect:   y = 3 * 2 + 1 = 7, dy/da = 2, dy/db = 3, dy/dc = 1; x * x + x at 3 has the derivative 7.
Promise:  y == 7; da == 2; db == 3; dc == 1; dx == 7; forgot_data == 1; number_works == 0
Replaces: Function.checked_backward
Missing:  x * 2.0 fails, for 2.0 is no Variable; step 21 lets numbers and arrays in.
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
        ys = f.forward(*[x.data for x in inputs])
        outputs = [Variable(as_array(y)) for y in (ys if isinstance(ys, tuple) else (ys,))]
        if Config.enable_backprop:
            f.generation = max((x.generation for x in inputs), default=0)
            f.inputs = inputs
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
        return [gx if gx is None else as_array(gx) for gx in gxs]

    def forward(self, *xs):
        raise NotImplementedError(f"{type(self).__name__} has no forward(self, *xs).")

    def backward(self, *gys):
        raise NotImplementedError(f"{type(self).__name__} has no backward(self, *gys).")


def as_array(x):
    """``x`` as an array. ``np.array(2.0) * 3`` is a NumPy scalar, which is none."""
    return np.asarray(x)


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
    return Add()(x0, x1)


def mul(x0, x1):
    return Mul()(x0, x1)


def setup_variable():
    """Gives Variable its operators."""
    Variable.__add__ = add
    Variable.__mul__ = mul


setup_variable()


def main():
    a, b, c = Variable(np.array(3.0)), Variable(np.array(2.0)), Variable(np.array(1.0))
    y = a * b + c
    y.backward()
    print(f"y = {y}, dy/da = {a.grad}, dy/db = {b.grad}, dy/dc = {c.grad}")

    x = Variable(np.array(3.0))
    (x * x + x).backward()
    print(f"d(x * x + x)/dx = {x.grad} at x = 3")

    class Careless(Function):
        def forward(self, x):
            return x**2

        def backward(self, gy):
            return self.inputs[0] + self.inputs[0]

    forgot_data, number_works = False, True
    try:
        Careless()(a).backward()
    except TypeError as error:
        forgot_data = True
        print(error)
    try:
        a * 2.0
    except AttributeError as error:
        number_works = False
        print("not yet, a * 2.0:", error)
    return {
        "y": float(y.data),
        "da": float(a.grad),
        "db": float(b.grad),
        "dc": float(c.grad),
        "dx": float(x.grad),
        "forgot_data": forgot_data,
        "number_works": number_works,
    }


if __name__ == "__main__":
    main()
