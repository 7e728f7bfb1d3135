"""Step 14: The same variable twice (同じ変数を繰り返し使う).

New here: gradients add up, and ``cleargrad`` sets them back.
A Variable that is used twice acts on the result in two ways, and its derivative is the sum of both:
y = x + x has dy/dx = 1 + 1. So the walk adds to a gradient that is there. It makes a new array for the sum, never
``+=``: Add hands the same array to both of its inputs, and one would change the other's. The price of adding is that
a second calculation adds too, unless ``cleargrad`` comes before it. A *Function* used twice has the same trouble, its
first inputs overwritten by the second; there the second call works on a copy.

Run it:   python steps/step14.py
Expect:   x + x gives 2; then x + x + x without cleargrad 5, with it 3; one Square called twice: d(x^4)/dx = 32 at 2.
Promise:  twice == 2; not_cleared == 5; cleared == 3; function_twice == 32; shared_memory == 0
Replaces: Variable.backward, Function.__call__
Missing:  with branches the walk comes too early to some Variables, and twice; step 15 shows it.
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


def main():
    x = Variable(np.array(3.0))
    add(x, x).backward()
    twice = float(x.grad)
    print(f"x + x:                        dy/dx = {twice}")

    add(add(x, x), x).backward()
    not_cleared = float(x.grad)
    print(f"x + x + x, without cleargrad: dy/dx = {not_cleared}, which is 2 + 3")

    x.cleargrad()
    add(add(x, x), x).backward()
    print(f"x + x + x, after cleargrad:   dy/dx = {x.grad}")

    w, f = Variable(np.array(2.0)), Square()
    f(f(w)).backward()
    print(f"f(f(w)) with one f = Square(): dy/dw = {w.grad}")

    a, b = Variable(np.ones(3)), Variable(np.ones(3))
    add(a, b).backward()
    shared = np.shares_memory(a.grad, b.grad)
    print(f"the gradients of a and b in a + b share memory: {shared}")
    return {
        "twice": twice,
        "not_cleared": not_cleared,
        "cleared": float(x.grad),
        "function_twice": float(w.grad),
        "shared_memory": shared,
    }


if __name__ == "__main__":
    main()
