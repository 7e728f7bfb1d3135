"""Step 16: Complex graphs, code (複雑な計算グラフ 実装編).

New here: ``generation``, and ``_functions_behind``, which lists the functions in a right order.
A Variable that we made has generation 0. A function has the generation of its youngest input,

    generation(f) = max of its inputs' generations,    generation(output) = generation(f) + 1,

so whatever uses an output is younger than what made it. ``backward`` collects the functions, each once, and goes
through them from the youngest to the oldest: one sort, and the same whatever the graph looks like.

Run it:   python steps/step16.py
Expect:   64 where step 14 had 96; 100 random graphs agree with the numerical derivative; a ladder of 30 steps, which
          has 2^30 ways from top to bottom, takes no time.
Promise:  gradient == 64; generation == 3; worst_random < 1e-6; ladder == 1073741824; ladder_seconds < 1
Replaces: Variable.__init__, Variable.set_creator, Variable.backward, Function.__call__, backward_in_order
Missing:  output -> creator -> output is a circle, and Python frees circles late; step 17 cuts it.
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
            gys = [y.grad for y in f.outputs]
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
    outputs = ()

    def __call__(self, *inputs):
        f = copy(self) if self.outputs else self  # a second call must not overwrite what the first remembers
        ys = f.forward(*[x.data for x in inputs])
        outputs = [Variable(as_array(y)) for y in (ys if isinstance(ys, tuple) else (ys,))]
        f.generation = max((x.generation for x in inputs), default=0)
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


def main(graphs=100, seed=0):
    import time

    x = Variable(np.array(2.0))
    a = square(x)
    y = add(square(a), square(a))
    y.backward()
    gradient = float(x.grad)
    generation = y.generation
    print(f"2 x^4 at 2: dy/dx = {gradient}; y has generation {generation}")

    def random_graph(x, rng):
        variables = [x]
        for _ in range(8):
            i, j = rng.integers(len(variables), size=2)
            variables.append(add(variables[i], variables[j]) if rng.random() < 0.7 else square(variables[i]))
        return variables[-1]

    worst, h = 0.0, 1e-5
    for number in range(graphs):
        x, left, right = (Variable(np.array(0.5 + shift)) for shift in (0.0, -h, h))
        y, y0, y1 = (random_graph(v, np.random.default_rng([seed, number])) for v in (x, left, right))
        y.backward()
        numerical = float(y1.data - y0.data) / (2 * h)
        worst = max(worst, abs(float(x.grad) - numerical) / max(1.0, abs(numerical)))
    print(f"{graphs} random graphs differ from the numerical derivative by {worst:.0e} at most")

    x = y = Variable(np.array(1.0))
    for _ in range(30):
        y = add(y, y)
    start = time.perf_counter()
    y.backward()
    seconds = time.perf_counter() - start
    print(f"a ladder of 30 steps: dy/dx = {x.grad:.0f} = 2^30, in {1000 * seconds:.1f} ms")
    return {
        "gradient": gradient,
        "generation": generation,
        "worst_random": worst,
        "ladder": float(x.grad),
        "ladder_seconds": seconds,
    }


if __name__ == "__main__":
    main()
