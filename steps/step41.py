"""Step 41: Matrix product (行列の積).

New here: y = x W, in which each number of y is a sum of products along a row of x and a column of W:

    y[n, h] = sum over d of  x[n, d] W[d, h]          (N, D) (D, H) -> (N, H)

x[n, d] goes into every y[n, h] of its row, with the factor W[d, h]. Add up what comes back, and likewise for W:

    gx = gy W^T   (N, H) (H, D) -> (N, D)             gW = x^T gy   (D, N) (N, H) -> (D, H)

Nobody has to remember this. Of all products of gy, W and their transposes just one has the shape of x, if N, D and H
differ; we try them all.

Run it:   python steps/step41.py
Expect:   of eight candidates for gx one fits, and of eight for gW one, and both are what backward finds; where N, D
          and H are equal all fit, and only the central differences tell which is right.
Promise:  fitting_gx == 1; fitting_gW == 1; candidates == 8; fitting_square == 8; right_square == 1;
          forward_error < 1e-12; checked == 2; same_as_library == 1; refused == 1
Missing:  all that a linear model needs is there; step 42 trains one.
"""

import numpy as np

import dezero.functions as F
from dezero import Function, Variable
from dezero.utils import array_allclose, gradient_check, numerical_grad


class MatMul(Function):
    """y = x W;  gx = gy W^T, gW = x^T gy."""

    def forward(self, x, W):
        return x @ W

    def backward(self, gy):
        x, W = self.inputs
        return matmul(gy, W.T), matmul(x.T, gy)


def matmul(x, W):
    return MatMul()(x, W)


def matmul_by_loops(x, W):
    """The definition, number by number."""
    (N, D), H = x.shape, W.shape[1]
    y = np.zeros((N, H))
    for n in range(N):
        for h in range(H):
            for d in range(D):
                y[n, h] += x[n, d] * W[d, h]
    return y


def gradients(f, x, W):
    x, W = Variable(x), Variable(W)
    f(x, W).backward()
    return x.grad.data, W.grad.data


def products(name_a, a, name_b, b):
    """All products of a and b, in both orders, each as it is or transposed: name -> (shapes, product or None)."""
    pairs = []
    for left, right in (((name_a, a), (name_b, b)), ((name_b, b), (name_a, a))):
        for p_name, p in ((left[0], left[1]), (left[0] + "^T", left[1].T)):
            for q_name, q in ((right[0], right[1]), (right[0] + "^T", right[1].T)):
                product = p @ q if p.shape[1] == q.shape[0] else None
                pairs.append((f"{p_name} {q_name}", f"{p.shape} {q.shape}", product))
    return pairs


def fitting(candidates, shape):
    return [(name, product) for name, _, product in candidates if product is not None and product.shape == shape]


def print_candidates(what, shape, candidates):
    print(f"{what} has to be {shape}:")
    for name, shapes, product in candidates:
        found = "no product" if product is None else f"-> {product.shape}"
        print(f"    {name:9} {shapes:14} {found}{'   <-- fits' if fitting([(name, shapes, product)], shape) else ''}")


def main(N=2, D=3, H=4, seed=0):
    rng = np.random.default_rng(seed)
    x, W = rng.standard_normal((N, D)), rng.standard_normal((D, H))
    forward_error = np.abs(matmul(x, W).data - matmul_by_loops(x, W)).max()
    print(
        f"x {x.shape} W {W.shape} -> y {matmul(x, W).shape}; three loops over n, h and d agree to {forward_error:.0e}\n"
    )

    gy = np.ones((N, H))  # what backward starts from
    for_gx, for_gW = products("gy", gy, "W", W), products("x", x, "gy", gy)
    print_candidates("gx", x.shape, for_gx)
    print_candidates("gW", W.shape, for_gW)
    fits_gx, fits_gW = fitting(for_gx, x.shape), fitting(for_gW, W.shape)

    gx, gW = gradients(matmul, x, W)
    same = array_allclose(gx, fits_gx[0][1]) and array_allclose(gW, fits_gW[0][1])
    same = same and all(array_allclose(a, b) for a, b in zip((gx, gW), gradients(F.matmul, x, W)))
    checked = gradient_check(matmul, x, W) + gradient_check(lambda W, x: matmul(x, W), W, x)
    print(f"\nbackward and F.matmul give the same: {same}; right by central differences: {checked} of 2")

    x, W, weights = (rng.standard_normal((3, 3)) for _ in range(3))
    square = fitting(products("gy", weights, "W", W), x.shape)
    truth = numerical_grad(lambda x: matmul(x, W) * weights, x)
    right = [name for name, product in square if array_allclose(product, truth)]
    print(f"with N = D = H = 3, {len(square)} of 8 fit, and {' and '.join(right)} is right")

    refused = 0
    try:
        F.matmul(np.ones((2, 3)), np.ones((4, 5)))
    except ValueError as error:
        refused = 1
        print(f"what does not fit: ValueError: {error}")
    return {
        "forward_error": float(forward_error),
        "candidates": len(for_gx),
        "fitting_gx": len(fits_gx),
        "fitting_gW": len(fits_gW),
        "fitting_square": len(square),
        "right_square": len(right),
        "same_as_library": int(same),
        "checked": int(checked),
        "refused": refused,
    }


if __name__ == "__main__":
    main()
