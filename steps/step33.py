"""Step 33: Newton's method, automatic (ニュートン法 (自動計算)).

New here: step 29's method with nothing worked out by hand. Two walks give both derivatives,

    y.backward(create_graph=True);  gx = x.grad;  x.cleargrad();  gx.backward()        x <- x - f'(x) / f''(x)

so ``newton`` takes any function. With two unknowns the second derivatives are a matrix H, the Hessian: row i is what
a walk from gradient i finds. Then the jump is what solves H d = -g, and step 28's valley, where gradient descent
walked 10000 steps and had not arrived, takes a handful.

Run it:   python steps/step33.py
Expect:   the same 7 jumps as with the hand-made 12 x^2 - 4; log 2 for e^x - 2x in 7; (1, 1) for Rosenbrock in 6.
Promise:  iterations == 7; difference_to_hand < 1e-12; error < 1e-12; exp_error < 1e-12; rosenbrock_iterations < 10;
          rosenbrock_error < 1e-9; maximum_error < 1e-9
Missing:  Newton's method looks for a zero of the slope, and a top has one too: from 0.1 it climbs to 0. And H has a
          row for each unknown, too much for a network of a million. Step 34 goes on to the third and fourth order.
"""

import math

import numpy as np

import dezero.functions as F
from dezero import Variable


def f(x):
    return x**4 - 2 * x**2


def newton(f, start, tolerance=1e-10, most=20):
    """x after each jump, until a jump is shorter than the tolerance."""
    x = Variable(np.array(start))
    xs, jump = [start], math.inf
    while abs(jump) > tolerance and len(xs) <= most:
        y = f(x)
        x.cleargrad()
        y.backward(create_graph=True)
        gx = x.grad
        x.cleargrad()  # or the second derivative is added to the first
        gx.backward()
        jump = -float(gx.data) / float(x.grad.data)
        x.data += jump
        xs.append(float(x.data))
    return xs


def newton_by_hand(start, iterations):
    """Step 29's way, for f only."""
    xs = [start]
    for _ in range(iterations):
        x = Variable(np.array(xs[-1]))
        f(x).backward()
        xs.append(xs[-1] - float(x.grad.data) / (12 * xs[-1] ** 2 - 4))
    return xs


def rosenbrock(x0, x1):
    return 100 * (x1 - x0**2) ** 2 + (x0 - 1) ** 2


def gradient_and_hessian(f, point):
    xs = [Variable(np.array(p)) for p in point]
    f(*xs).backward(create_graph=True)
    gxs = [x.grad for x in xs]
    rows = []
    for gx in gxs:
        for x in xs:
            x.cleargrad()
        gx.backward()
        rows.append([float(x.grad.data) for x in xs])
    return np.array([float(gx.data) for gx in gxs]), np.array(rows)


def newton_2d(f, start, tolerance=1e-10, most=20):
    """The point after each jump, until a jump is shorter than the tolerance."""
    points, jump = [np.array(start)], np.inf
    while np.abs(jump).max() > tolerance and len(points) <= most:
        g, H = gradient_and_hessian(f, points[-1])
        jump = np.linalg.solve(H, -g)
        points.append(points[-1] + jump)
    return points


def main(start=2.0, rosenbrock_start=(0.0, 2.0)):
    xs = newton(f, start)
    by_hand = newton_by_hand(start, len(xs) - 1)
    for i, (x, hand) in enumerate(zip(xs, by_hand)):
        print(f"x^4 - 2 x^2, jump {i}: x = {x:.15f}   by hand {hand:.15f}")
    iterations = sum(abs(x - 1) > 1e-12 for x in xs)  # the last jump only finds that it has arrived

    exp_xs = newton(lambda x: F.exp(x) - 2 * x, start)
    print(f"e^x - 2x: {exp_xs[-1]:.15f} after {len(exp_xs) - 1} jumps; log 2 = {math.log(2):.15f}")
    top_xs = newton(f, 0.1)
    print(f"x^4 - 2 x^2 from 0.1: {top_xs[-1]:.15f}, the top between the two valleys")

    points = newton_2d(rosenbrock, rosenbrock_start)
    for i, (x0, x1) in enumerate(points):
        print(f"Rosenbrock, jump {i}: ({x0:9.6f}, {x1:9.6f})   f = {rosenbrock(x0, x1):.3g}")
    return {
        "iterations": iterations,
        "difference_to_hand": max(abs(x - hand) for x, hand in zip(xs, by_hand)),
        "error": abs(xs[-1] - 1),
        "exp_error": abs(exp_xs[-1] - math.log(2)),
        "maximum_error": abs(top_xs[-1]),
        "rosenbrock_iterations": len(points) - 1,
        "rosenbrock_error": float(np.abs(points[-1] - 1).max()),
    }


if __name__ == "__main__":
    main()
