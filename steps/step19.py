"""Step 19: Easier variables (変数を使いやすく).

New here: a Variable has a ``name``, passes on ``shape``, ``ndim``, ``size`` and ``dtype``, and knows len() and print().
A box that looks like its content is easier to work with. The properties ask the array each time, so they are never
out of date. ``__len__`` and ``__repr__`` are what Python calls for len(x) and print(x): a class that has them can be
used like anything built in.

Run it:   python steps/step19.py
Expect:   print(x) shows variable([[1 2 3] [4 5 6]]) on two lines, the second indented to stand under the first.
Promise:  axes == 2; length == 2; size == 6; aligned == 1; named == 1; empty == 1
Replaces: Variable.__init__, Function.__call__, Function.checked_backward
Missing:  add(square(x), y) where we would write x * x + y; step 20 teaches Python to.
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


def square(x):
    return Square()(x)


def exp(x):
    return Exp()(x)


def add(x0, x1):
    return Add()(x0, x1)


def main():
    x = Variable(np.array([[1, 2, 3], [4, 5, 6]]), name="x")
    print(x)
    print(f"{x.name}: shape {x.shape}, {x.ndim} axes, {x.size} numbers of {x.dtype}, length {len(x)}")

    first, second = repr(x).splitlines()
    aligned = first.index("[1") == second.index("[4")
    nothing = repr(Variable(None))
    print("a box without content:", nothing)
    return {
        "axes": x.ndim,
        "length": len(x),
        "size": x.size,
        "aligned": aligned,
        "named": x.name == "x",
        "empty": nothing == "variable(None)",
    }


if __name__ == "__main__":
    main()
