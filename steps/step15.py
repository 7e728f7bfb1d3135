"""Step 15: Complex graphs, theory (複雑な計算グラフ 理論編).

New here: ``backward_in_order``, a walk whose order we choose, to see what the order does.
The graph parts and meets again:   a = x^2,  b = a^2,  c = a^2,  y = b + c,   so y = 2 x^4 and dy/dx = 8 x^3.

              .-> b -.
    x -> a --<        >-> y
              '-> c -'

The gradient of a is complete only when b and c have both sent their part. Step 14's walk goes y, c, a (too early,
with half of the gradient), b, and a again (with the part of c counted twice). Each function once is not enough
either: it must come after all functions that use its output. Numbers do it: the generation of a function is the
length of the longest way from the start to it, and the higher generation goes first.

Run it:   python steps/step15.py
Expect:   at x = 2 the right answer is 64; step 14's walk gives 96, each once but too early 32, by generation 64.
Promise:  stack == 96; once_too_early == 32; by_generation == 64; exact == 64
Replaces: main
Missing:  our ``backward`` is still wrong; step 16 gives it the generations.
"""

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

    def set_creator(self, func):
        self.creator = func

    def cleargrad(self):
        """Forgets the gradient. Without this the next ``backward`` adds to it."""
        self.grad = None

    def backward(self):
        if self.grad is None:
            self.grad = np.ones_like(self.data)
        variables = [self]  # those still to be looked at
        while variables:
            f = variables.pop().creator
            if f is not None:  # a Variable that we made ourselves has none: here the walk ends
                gys = [y.grad for y in f.outputs]
                for x, gx in zip(f.inputs, f.checked_backward(*gys)):
                    if gx is not None:
                        # every use of x adds; a + b gives both the same array, so copy
                        x.grad = gx.copy() if x.grad is None else as_array(x.grad + gx)
                variables.extend(f.inputs)


class Function:
    """What makes new Variables. A subclass says how."""

    inputs = ()
    outputs = ()

    def __call__(self, *inputs):
        f = copy(self) if self.outputs else self  # a second call must not overwrite what the first remembers
        ys = f.forward(*[x.data for x in inputs])
        outputs = [Variable(as_array(y)) for y in (ys if isinstance(ys, tuple) else (ys,))]
        f.inputs = inputs  # their data are needed on the way back
        f.outputs = outputs  # and their gradients
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


def backward_in_order(y, functions):
    """Goes back from ``y`` through ``functions`` in just this order."""
    for f in functions:
        for x in f.inputs:
            x.cleargrad()
    y.grad = np.ones_like(y.data)
    for f in functions:
        for x, gx in zip(f.inputs, f.checked_backward(f.outputs[0].grad)):
            x.grad = gx if x.grad is None else x.grad + gx


def main(point=2.0):
    x = Variable(np.array(point))
    a = square(x)
    b, c = square(a), square(a)
    y = add(b, c)
    names = {y.creator: "y", b.creator: "b", c.creator: "c", a.creator: "a"}

    def generation(f):
        return max((generation(v.creator) + 1 for v in f.inputs if v.creator is not None), default=0)

    orders = {
        "once_too_early": [y.creator, c.creator, a.creator, b.creator],
        "by_generation": sorted(names, key=generation, reverse=True),
    }
    exact = 8 * point**3
    print(f"dy/dx = 8 x^3 = {exact}")
    y.backward()
    gradients = {"stack": float(x.grad)}
    print(f"step 14's walk      y c a b a  gives {gradients['stack']}")
    for name, functions in orders.items():
        backward_in_order(y, functions)
        gradients[name] = float(x.grad)
        walk = " ".join(names[f] for f in functions)
        print(f"{name.replace('_', ' '):19} {walk:10} gives {gradients[name]}")
    for f in orders["by_generation"]:
        print(f"the function that made {names[f]} has generation {generation(f)}")
    return {**gradients, "exact": exact}


if __name__ == "__main__":
    main()
