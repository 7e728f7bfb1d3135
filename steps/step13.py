"""Step 13: Variable-length arguments, backward (可変長の引数 逆伝播編).

New here: ``backward`` gets a gradient for each output and returns one for each input.
For y = x0 + x1 both derivatives are 1, so ``Add.backward`` returns gy twice. The walk hands each input its own. A
gradient always has the shape of what it belongs to; ``checked_backward`` counts and measures them, so that a mistake
is named where it is made, not three functions later. (None stands for an input that has no derivative, as an index.)

Run it:   python steps/step13.py
Expect:   z = x^2 + y^2 at (2, 3): 13, dz/dx = 4, dz/dy = 6; one gradient too few and one of a wrong shape are refused.
Promise:  z == 13; dx == 4; dy == 6; refused == 2
Replaces: Variable.backward, Function.__call__, Function.backward, Add
Missing:  add(x, x) gives 1, not 2: the second gradient overwrites the first; step 14 mends it.
"""

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
                        x.grad = gx
                variables.extend(f.inputs)


class Function:
    """What makes new Variables. A subclass says how."""

    def __call__(self, *inputs):
        ys = self.forward(*[x.data for x in inputs])
        outputs = [Variable(as_array(y)) for y in (ys if isinstance(ys, tuple) else (ys,))]
        self.inputs = inputs  # their data are needed on the way back
        self.outputs = outputs  # and their gradients
        for y in outputs:
            y.set_creator(self)
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
    x, y = Variable(np.array(2.0)), Variable(np.array(3.0))
    z = add(square(x), square(y))
    z.backward()
    print(f"z = {z.data}, dz/dx = {x.grad}, dz/dy = {y.grad}")

    class Product(Function):
        def forward(self, x0, x1):
            return x0 * x1

        def backward(self, gy):
            return gy * self.inputs[1].data  # and the gradient of x1?

    refused = 0
    three, one = Variable(np.ones(3)), Variable(np.ones(1))
    for result in (Product()(x, y), add(three, one)):  # NumPy stretches the one to three
        try:
            result.backward()
        except RuntimeError as error:
            refused += 1
            print(error)

    w = Variable(np.array(2.0))
    add(w, w).backward()
    print(f"not yet right: d(w + w)/dw = {w.grad}")
    return {"z": float(z.data), "dx": float(x.grad), "dy": float(y.grad), "refused": refused}


if __name__ == "__main__":
    main()
