"""Step 17: Memory and cycles (メモリ管理と循環参照).

New here: a Function refers to its outputs weakly, and so a graph is freed as soon as nobody needs it.
Python counts the references to each object and frees it when none is left. Two objects that refer to each other never
come to zero; only the garbage collector finds them, some time later, and arrays are large. Up to step 16 we had such
a circle in every calculation:

    output --creator--> function --outputs--> output        now the second arrow is a ``weakref``, which does not count

An output may be gone when the walk comes back. Then nothing used it, and its gradient is zero.

Run it:   python steps/step17.py
Expect:   with the collector off, 50 forgotten graphs hold 40 MB where there is the circle, and nothing without it.
Promise:  alive == 0; mb < 1; circles_alive == 50; circles_mb > 35; after_collector == 0; used == 10; unused == 0
Replaces: Variable.backward, Function, Function.__call__
Missing:  the gradients in between stay for good, and a graph is kept even if nobody goes back; step 18 mends both.
"""

import weakref
from copy import copy

import numpy as np


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

    def set_creator(self, func):
        self.creator = func
        self.generation = func.generation + 1

    def cleargrad(self):
        """Forgets the gradient. Without this the next ``backward`` adds to it."""
        self.grad = None

    def backward(self):
        if self.grad is None:
            self.grad = np.ones_like(self.data)
        for f in _functions_behind(self):
            ys = [ref() for ref in f.outputs]  # None for one that nobody kept
            gys = [zeros if y is None or y.grad is None else y.grad for y, zeros in zip(ys, f.zeros)]
            for x, gx in zip(f.inputs, f.checked_backward(*gys)):
                if gx is not None:
                    # every use of x adds; a + b gives both the same array, so copy
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
        f.generation = max((x.generation for x in inputs), default=0)
        f.inputs = inputs  # their data are needed on the way back
        f.outputs = [weakref.ref(y) for y in outputs]
        f.zeros = [np.broadcast_to(y.data.dtype.type(0), y.data.shape) for y in outputs]  # one number each
        for y in outputs:
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


def main(graphs=50, size=50_000):
    import gc
    import tracemalloc

    x = Variable(np.ones(size))

    def calculate_and_forget(circle):
        y = square(square(x))
        if circle:
            y.creator.kept = y  # what every Function did up to step 16
        return weakref.ref(y)

    def measure(circle):
        gc.collect()
        gc.disable()
        tracemalloc.start()
        results = [calculate_and_forget(circle) for _ in range(graphs)]
        mb = tracemalloc.get_traced_memory()[0] / 1e6
        alive = sum(result() is not None for result in results)
        tracemalloc.stop()
        gc.enable()
        gc.collect()
        return alive, mb, sum(result() is not None for result in results)

    alive, mb, _ = measure(circle=False)
    print(f"without circles: {alive} of {graphs} forgotten results are alive, {mb:.1f} MB")
    circles_alive, circles_mb, after_collector = measure(circle=True)
    print(f"with circles:    {circles_alive} of {graphs} forgotten results are alive, {circles_mb:.1f} MB")
    print(f"after the collector has run: {after_collector}")

    class Halves(Function):
        def forward(self, x):
            return x[:2], x[2:]

        def backward(self, gy0, gy1):
            return np.concatenate([gy0, gy1])

    w = Variable(np.array([2.0, 3.0, 4.0, 5.0]))
    y = square(Halves()(w)[0])  # the second half is gone at once
    y.backward()
    print(f"an output that nobody kept counts as zero: {w.grad}")
    return {
        "alive": alive,
        "mb": mb,
        "circles_alive": circles_alive,
        "circles_mb": circles_mb,
        "after_collector": after_collector,
        "used": float(w.grad[:2].sum()),
        "unused": float(w.grad[2:].sum()),
    }


if __name__ == "__main__":
    main()
