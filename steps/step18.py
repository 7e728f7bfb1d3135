"""Step 18: Saving memory (メモリ使用量を減らすモード).

New here: ``no_grad``, ``retain_grad``, and ``Config`` for the switch: two ways to keep less.
  1. The gradients of a walk live in the walk, and only those of the leaves (Variables without a creator) stay:
     they are what we wanted. ``backward(retain_grad=True)`` keeps the others too. An old gradient half-way can no
     longer be counted again by the next walk, either.
  2. ``with no_grad():`` computes without remembering how. No creator, no inputs: each array goes as soon as the next
     one is there. A trained network needs nothing more. ``using_config`` flips the switch and puts it back.

Run it:   python steps/step18.py
Expect:   20 functions on 0.8 MB: 16 MB with the graph, 0.8 MB under no_grad; the gradients 0.8 MB, retained 16.8 MB.
Promise:  graph_ratio > 15; gradient_ratio > 15; second_walk == 64; kept == 0; kept_if_asked == 2; refused == 1
Replaces: Variable.__init__, Variable.backward, Function.__call__
Missing:  print(x) shows nothing of use, and x.data.shape is long; step 19 dresses the Variable up.
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

    def __init__(self, data):
        if data is not None and not isinstance(data, np.ndarray):
            got = type(data).__name__
            raise TypeError(f"Variable needs a NumPy array, got {got}. Wrap it: Variable(np.array({data!r})).")
        self.data = data
        self.grad = None
        self.creator = None
        self.generation = 0
        self.from_no_grad = False

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
            f.zeros = [np.broadcast_to(y.data.dtype.type(0), y.data.shape) for y in outputs]  # one number each
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
            if gx is not None and np.shape(gx) != x.data.shape:
                raise RuntimeError(f"{who}: gradient {i} has shape {np.shape(gx)}, but input {i} {x.data.shape}.")
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


def main(functions=20, size=100_000):
    import tracemalloc

    def memory_of(make):
        tracemalloc.start()
        kept = make()
        megabytes = tracemalloc.get_traced_memory()[0] / 1e6
        tracemalloc.stop()
        return kept, megabytes

    x = Variable(np.ones(size))

    def forward():
        y = x
        for _ in range(functions):
            y = add(y, x)
        return y

    y, with_graph = memory_of(forward)
    with no_grad():
        result, without = memory_of(forward)
    print(f"after {functions} functions: {with_graph:.1f} MB with the graph, {without:.1f} MB under no_grad")

    _, leaves = memory_of(lambda: y.backward())
    x.cleargrad()
    _, retained = memory_of(lambda: y.backward(retain_grad=True))
    print(f"their gradients: {leaves:.1f} MB, retained {retained:.1f} MB")

    refused = False
    try:
        result.backward()
    except RuntimeError as error:
        refused = True
        print(error)

    w = Variable(np.array(2.0))
    a = square(w)
    z = add(square(a), square(a))
    z.backward()
    w.cleargrad()
    z.backward()
    second_walk = float(w.grad)
    kept = sum(v.grad is not None for v in (a, z))
    z.backward(retain_grad=True)
    kept_if_asked = sum(v.grad is not None for v in (a, z))
    print(f"2 w^4 at 2, walked a second time: {second_walk}; half-way gradients kept: {kept}, if asked {kept_if_asked}")
    return {
        "graph_ratio": with_graph / without,
        "gradient_ratio": retained / leaves,
        "second_walk": second_walk,
        "kept": kept,
        "kept_if_asked": kept_if_asked,
        "refused": refused,
    }


if __name__ == "__main__":
    main()
