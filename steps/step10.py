"""Step 10: Testing (テストを行う).

New here: ``SquareTest``, which checks a value, a derivative, and the derivative against step 4's (gradient check).
A derivative found by hand is easily wrong, and nothing crashes when it is. The numerical one is slow and not quite
exact, but it comes from ``forward`` alone, so it cannot make the same mistake. A test is worth something only if it
can fail: we put a wrong derivative in, 3x for 2x, and see which tests notice.

Run it:   python steps/step10.py     or, as tests are usually run:   python -m unittest steps/step10.py
Expect:   3 tests pass; with the wrong derivative 2 of them fail, and only the forward test still passes.
Promise:  tests == 3; failures == 0; failures_when_wrong == 2
Replaces: main
Missing:  a function with two inputs, as x0 + x1; steps 11 to 13 bring it.
"""

import unittest

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
            y = variables.pop()
            f = y.creator
            if f is not None:  # a Variable that we made ourselves has none: here the walk ends
                x = f.input
                x.grad = f.backward(y.grad)
                variables.append(x)


class Function:
    """What makes new Variables. A subclass says how."""

    def __call__(self, input):
        output = Variable(as_array(self.forward(input.data)))
        output.set_creator(self)
        self.input = input  # its data are needed on the way back
        return output

    def forward(self, x):
        raise NotImplementedError(f"{type(self).__name__} has no forward(self, x).")

    def backward(self, gy):
        raise NotImplementedError(f"{type(self).__name__} has no backward(self, gy).")


def as_array(x):
    """``x`` as an array. ``np.array(2.0) * 3`` is a NumPy scalar, which is none."""
    return np.asarray(x)


class Square(Function):
    """y = x^2;  dy/dx = 2x."""

    def forward(self, x):
        return x**2

    def backward(self, gy):
        x = self.input.data
        return 2 * x * gy


class Exp(Function):
    """y = e^x;  dy/dx = e^x."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        x = self.input.data
        return np.exp(x) * gy


def square(x):
    return Square()(x)


def exp(x):
    return Exp()(x)


def numerical_diff(f, x, eps=1e-4):
    """dy/dx by the central difference: two calls of ``f``, one a little to the left, one a little to the right."""
    y0 = f(Variable(as_array(x.data - eps)))
    y1 = f(Variable(as_array(x.data + eps)))
    return (y1.data - y0.data) / (2 * eps)


class SquareTest(unittest.TestCase):
    def test_forward(self):
        y = square(Variable(np.array(2.0)))
        self.assertEqual(y.data, 4.0)

    def test_backward(self):
        x = Variable(np.array(3.0))
        square(x).backward()
        self.assertEqual(x.grad, 6.0)

    def test_gradient_check(self):
        x = Variable(np.random.default_rng(0).normal(size=5))
        square(x).backward()
        np.testing.assert_allclose(x.grad, numerical_diff(square, x), rtol=1e-6)


def main():
    import io
    from unittest import mock

    def run_tests():
        output = io.StringIO()
        tests = unittest.defaultTestLoader.loadTestsFromTestCase(SquareTest)
        return unittest.TextTestRunner(stream=output, verbosity=2).run(tests), output.getvalue()

    result, text = run_tests()
    print(text)

    def wrong(self, gy):
        return 3 * self.input.data * gy

    with mock.patch.object(Square, "backward", wrong):  # for this block only
        broken, _ = run_tests()
    print("with 3x in place of 2x:")
    for test, _ in broken.failures:
        print(f"  {test.id().split('.')[-1]} fails")
    return {
        "tests": result.testsRun,
        "failures": len(result.failures) + len(result.errors),
        "failures_when_wrong": len(broken.failures),
    }


if __name__ == "__main__":
    main()
