"""Step 37: Tensors (テンソルを扱う).

New here: nothing in the framework; a look at why tables of numbers work already.
sin and + treat each element by itself. A function of 6 elements has 36 derivatives, each output by each input, a
table called the Jacobian; here only its diagonal is not zero. So the walk never needs the table:

    y = f(x) element by element:   gx_i = gy_i f'(x_i),   and gx has the shape of x

A walk starts from a y of many elements with ones. What it finds is the gradient of their sum, one number, for which
"the gradient" makes sense. Steps 38 to 41 bring functions that do mix elements.

Run it:   python steps/step37.py
Expect:   a gradient of the shape (2, 3), equal to the diagonal of the Jacobian; 30 of its 36 derivatives are zero.
Promise:  same_shape == 1; zeros == 30; diagonal_error < 1e-7; sum_error < 1e-12; checked == 1; weighted_error < 1e-12
Missing:  functions that move the elements to other places; step 38 does reshape and transpose.
"""

import numpy as np

import dezero.functions as F
from dezero import Variable
from dezero.utils import gradient_check


def f(x, c):
    """A function of one element and its neighbour in another table."""
    return F.sin(x) + x * c


def gradient(x, c, gy=None):
    """The walk from y = f(x, c), from ones or from the given gy."""
    x = Variable(x)
    y = f(x, c)
    if gy is not None:
        y.grad = Variable(gy)
    y.backward()
    return x.grad.data


def jacobian(x, c, h=1e-5):
    """Every output by every input, by central differences: row i for output i."""
    columns = []
    for j in range(x.size):
        shift = np.zeros(x.size)
        shift[j] = h
        shift = shift.reshape(x.shape)
        columns.append((f(x + shift, c).data - f(x - shift, c).data).ravel() / (2 * h))
    return np.stack(columns, axis=1)  # (outputs, inputs)


def main():
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    c = np.array([[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]])
    gx = gradient(x, c)
    print(f"x is {x.shape}, y = sin(x) + x c is {f(x, c).shape}, gx is {gx.shape}:\n{gx.round(4)}\n")

    J = jacobian(x, c)
    print(f"The Jacobian, {J.shape}:\n{J.round(4) + 0.0}")  # + 0.0 makes 0 of -0
    diagonal_error = np.abs(np.diag(J) - gx.ravel()).max()
    print(f"{np.count_nonzero(J == 0)} zeros; its diagonal is gx, to {diagonal_error:.0e}\n")

    v = Variable(x)
    f(v, c).sum().backward()  # one number, so that nobody has to say where the walk starts
    sum_error = np.abs(v.grad.data - gx).max()
    print(f"The gradient of y.sum() differs from it by {sum_error:g}: starting from ones is summing.")

    gy = np.arange(6.0).reshape(2, 3)
    weighted_error = np.abs(gradient(x, c, gy) - gy * gx).max()
    print(f"From gy = {gy.tolist()}: gy times the one above, to {weighted_error:.0e}.")
    checked = gradient_check(f, x, c)
    print(f"dezero.utils.gradient_check, which compares with central differences for us: {checked}")
    return {
        "same_shape": int(gx.shape == x.shape),
        "zeros": int(np.count_nonzero(J == 0)),
        "diagonal_error": float(diagonal_error),
        "sum_error": float(sum_error),
        "weighted_error": float(weighted_error),
        "checked": int(checked),
    }


if __name__ == "__main__":
    main()
