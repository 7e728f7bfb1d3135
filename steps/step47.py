"""Step 47: Softmax and cross entropy (ソフトマックス関数と交差エントロピー誤差).

New here: a loss for classes, and how to compute it without overflow.
A network gives one score per class. Softmax makes probabilities of them, and the cross entropy asks how little
probability the right class t got:

    p_k = e^(x_k) / sum_j e^(x_j)        L = -mean log p_t        dL/dx = (p - one_hot(t)) / N

As they stand these formulas fail: e^1000 is infinite, and log 0 too. The largest score m can be taken off first,
for it changes no p_k:  log p_k = x_k - m - log sum_j e^(x_j - m).

Run it:   python steps/step47.py
Expect:   picking items and its gradient; the naive formula giving nan, the stable one the right answer; both agree
          where both work; the gradient is as the formula says.
Promise:  naive_is_finite == 0; stable_is_finite == 1; difference < 1e-9; gradient_error < 1e-9; checked == 1
Missing:  a network to train with it: step 48.
"""

import numpy as np

import dezero.functions as F
from dezero import Variable
from dezero.utils import gradient_check


def show_get_item():
    """x[...] is a function like any other: the gradient goes back to where the items came from, once per use."""
    x = Variable(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    y = x[np.array([0, 1, 1]), np.array([0, 2, 2])]
    F.sum(y).backward()
    print("items:", y.data, " their gradient:", x.grad.data.tolist())


def softmax_naive(x):
    y = F.exp(x)
    return y / F.sum(y, axis=1, keepdims=True)  # (N, C)


def cross_entropy_naive(x, t):
    p = softmax_naive(x)
    return -F.average(F.log(p[np.arange(len(t)), t]))


def cross_entropy_stable(x, t):
    shifted = x - x.data.max(axis=1, keepdims=True)  # a constant: it has no part in the gradient
    log_p = shifted - F.log(F.sum(F.exp(shifted), axis=1, keepdims=True))  # (N, C)
    return -F.average(log_p[np.arange(len(t)), t])


def main(seed=0):
    show_get_item()

    scores = Variable(np.array([[0.2, -0.4, 1.1]]))
    p = F.softmax(scores).data
    print("scores", scores.data[0], "-> probabilities", p[0].round(3), "with sum", p.sum().round(12))

    large, t = Variable(np.array([[1000.0, 0.0], [0.0, 1000.0]])), np.array([0, 0])
    with np.errstate(all="ignore"):  # NumPy would warn about what we came to see
        naive = cross_entropy_naive(large, t)
    stable = cross_entropy_stable(large, t)
    print(f"scores of 1000: naive {naive.data}, stable {stable.data} (right for one row, wrong by 1000 for the other)")

    rng = np.random.default_rng(seed)
    x, t = Variable(rng.normal(size=(5, 4))), rng.integers(4, size=5)
    losses = [f(x, t) for f in (cross_entropy_naive, cross_entropy_stable, F.softmax_cross_entropy)]
    print("small scores:", *[f"{loss.data:.10f}" for loss in losses], "(naive, stable, dezero)")
    losses[1].backward()
    formula = (F.softmax(x).data - np.eye(4)[t]) / len(t)
    gradient_error = float(np.abs(x.grad.data - formula).max())
    print(f"the gradient is (p - one_hot(t)) / N, up to {gradient_error:.0e}")
    checked = gradient_check(F.softmax_cross_entropy, x, t)
    print("dezero's gradient agrees with the numerical one:", checked)
    return {
        "naive_is_finite": bool(np.isfinite(naive.data)),
        "stable_is_finite": bool(np.isfinite(stable.data)) and float(stable.data) == 500.0,
        "difference": max(abs(float(loss.data - losses[2].data)) for loss in losses),
        "gradient_error": gradient_error,
        "checked": checked,
    }


if __name__ == "__main__":
    main()
