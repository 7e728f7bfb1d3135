"""Step 30: Higher derivatives, preparation (高階微分 準備編).

New here: no code for the framework; a look at what it remembers, and why a second derivative is out of its reach.
After y = f(x) a Variable y knows its creator, and that one its inputs: from y there is a way back to x. Then

    y.backward()   leaves in x.grad an array: a number, and not how it was computed

The forward pass made Variables and left a graph. The backward pass computed with arrays and left none. So there is
no way back from x.grad to x, and nothing for a second walk to follow. We try three ways round it.

Run it:   python steps/step30.py
Expect:   (1) an array has no backward; (2) in a Variable the walk starts, and ends at once, without reaching x;
          (3) differences of gradients come near to f''(2) = 44, to 10 of 16 digits if h is chosen well, 5 if not.
Promise:  gradient == 24; gradient_is_array == 1; new_functions == 0; array_failed == 1; reached_x == 0;
          best_difference < 1e-9; worst_difference > 1e-7
Missing:  a backward pass that leaves a graph; step 31 finds that it can be had for nothing.
"""

from contextlib import contextmanager

import numpy as np

from dezero.core_simple import Function, Variable


def f(x):
    return x**4 - 2 * x**2


def gradient_at(value):
    x = Variable(np.array(value))
    f(x).backward()
    return x.grad


@contextmanager
def listed_calls():
    """Inside the ``with`` block each Function that is called goes into the list."""
    calls, original = [], Function.__call__

    def call(self, *inputs):
        calls.append(type(self).__name__)
        return original(self, *inputs)

    Function.__call__ = call
    try:
        yield calls
    finally:
        Function.__call__ = original


def what_is_remembered(at):
    """Runs forward and backward, and looks which Functions are called in each."""
    x = Variable(np.array(at))
    with listed_calls() as forward:
        y = f(x)
    with listed_calls() as backward:
        y.backward()
    print(f"forward:   {', '.join(forward)} called; y.creator is {type(y.creator).__name__}, and leads to x")
    print(f"backward:  {', '.join(backward) or 'no Function'} called; x.grad is {x.grad}, of {type(x.grad)}")
    return x, len(backward)


def main(at=2.0, steps=(1e-2, 1e-4, 1e-6, 1e-8, 1e-10)):
    x, new_functions = what_is_remembered(at)
    array_failed = 0
    try:
        x.grad.backward()
    except AttributeError as error:
        array_failed = 1
        print(f"\n(1) x.grad.backward():            AttributeError: {error}")

    gx = Variable(x.grad)
    x.cleargrad()
    gx.backward()
    print(f"(2) Variable(x.grad).backward():  its creator is {gx.creator}, so x.grad stays {x.grad},")
    print(f"                                  and d(gx)/d(gx) = {gx.grad} is all that comes out")

    exact = 12 * at**2 - 4
    print(f"(3) (f'(x + h) - f'(x - h)) / 2h: for f''({at:g}) = {exact:g}")
    errors = []
    for h in steps:
        difference = float(gradient_at(at + h) - gradient_at(at - h)) / (2 * h)
        errors.append(abs(difference - exact) / exact)
        print(f"    h = {h:.0e}: {difference:.12f}, a relative error of {errors[-1]:.0e}")
    return {
        "gradient": float(gradient_at(at)),
        "gradient_is_array": int(type(gradient_at(at)) is np.ndarray),
        "new_functions": new_functions,
        "array_failed": array_failed,
        "reached_x": int(x.grad is not None),
        "best_difference": min(errors),
        "worst_difference": max(errors),
    }


if __name__ == "__main__":
    main()
