from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable
from dezero import functions as F
from dezero.cuda import as_numpy

rng = np.random.default_rng(0)


def normal(*shape):
    return rng.standard_normal(shape)


@pytest.mark.parametrize(
    ("x_shape", "W_shape"),
    [
        ((4,), (4,)),
        ((4,), (4, 2)),
        ((3, 4), (4,)),
        ((2, 3, 4), (4,)),
        ((4,), (2, 4, 3)),
        ((2, 3, 4), (4, 5)),
        ((2, 1, 3, 4), (5, 4, 2)),
        ((1, 3, 4), (6, 4, 2)),
    ],
)
def test_matmul_follows_numpy_and_each_gradient_has_its_operands_shape(x_shape, W_shape, xp):
    x, W = Variable(xp.asarray(normal(*x_shape))), Variable(xp.asarray(normal(*W_shape)))
    y = F.matmul(x, W)
    np.testing.assert_allclose(as_numpy(y), np.matmul(as_numpy(x), as_numpy(W)))
    y.backward()
    assert x.grad.shape == x_shape and W.grad.shape == W_shape


@pytest.mark.parametrize(
    "product",
    [
        lambda x, W: x @ W,
        lambda x, W: x.data @ W,
        lambda x, W: x @ W.data,
        lambda x, W: x.dot(W),
        lambda x, W: x.matmul(W),
        np.matmul,
        np.dot,
    ],
    ids=["@", "array @ variable", "variable @ array", "dot", "matmul", "np.matmul", "np.dot"],
)
def test_every_way_to_write_a_product_gives_a_variable(product):
    x, W = Variable(normal(3, 4)), Variable(normal(4, 2))
    y = product(x, W)
    assert isinstance(y, Variable)
    np.testing.assert_array_equal(y.data, x.data @ W.data)


def test_numpys_products_of_variables_are_ours():
    x, W = normal(2, 3), normal(3, 2)
    v, V = Variable(x), Variable(W)
    for ours, theirs in [
        (np.outer(v, V), np.outer(x, W)),
        (np.tensordot(v, V, axes=1), np.tensordot(x, W, axes=1)),
        (np.tensordot(v, V.T), np.tensordot(x, W.T)),
    ]:
        assert isinstance(ours, Variable)
        np.testing.assert_allclose(ours.data, theirs)


def test_linear_takes_any_leading_axes(xp):
    x, W, b = (xp.asarray(normal(*shape)) for shape in ((2, 5, 3), (3, 4), (4,)))
    y = F.linear(x, W, b)
    np.testing.assert_allclose(as_numpy(y), as_numpy(x) @ as_numpy(W) + as_numpy(b))


def test_linear_gives_no_gradient_to_data():
    x, W, b = normal(3, 4), Variable(normal(4, 2)), Variable(normal(2))
    y = F.linear(x, W, b)
    y.backward()
    assert y.creator.inputs[0].grad is None and W.grad.shape == (4, 2) and b.grad.shape == (2,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: F.matmul(normal(2, 3), normal(4, 5)),
            r"matmul: x has 3 columns but W has 4 rows \(x \(2, 3\), W \(4, 5\)\)",
        ),
        (
            lambda: F.matmul(np.array(1.0), normal(4, 5)),
            r"matmul: both operands need an axis, got x \(\) and W \(4, 5\)",
        ),
        (lambda: F.matmul(normal(2, 3, 4), normal(3, 4, 5)), "matmul: the leading axes do not broadcast"),
        (
            lambda: F.linear(normal(2, 3), normal(4, 5)),
            r"linear: x \(..., I\) and W \(I, O\) are wanted, got x \(2, 3\)",
        ),
        (
            lambda: F.linear(normal(2, 4), normal(4, 5), normal(4)),
            r"linear: b has shape \(4,\), but W \(4, 5\) gives 5",
        ),
        (
            lambda: F.tensordot(normal(2, 3), normal(4, 3), axes=1),
            r"tensordot: axes 1 do not pair equal lengths \(x0 \(2, 3\), x1 \(4, 3\)\)",
        ),
        (
            lambda: F.tensordot(normal(2, 3), normal(3, 2), axes=([0, 1], [1])),
            r"tensordot: axes \(\[0, 1\], \[1\]\) do not pair equal lengths",
        ),
        (lambda: F.tensordot(normal(2, 3), normal(3), axes=2), "tensordot: 2 axes cannot be summed over"),
        (lambda: F.tensordot(normal(2), normal(2), axes=-1), "tensordot: -1 axes cannot be summed over"),
        (
            lambda: F.tensordot(normal(2, 3), normal(3, 2), axes=([1], [0, 1])),
            r"tensordot: axes \(\[1\], \[0, 1\]\) do not pair equal lengths",
        ),
        (lambda: F.tensordot(normal(4, 3), normal(2, 3), axes=1), "tensordot: axes 1 do not pair equal lengths"),
        (lambda: F.tensordot(normal(3), normal(2, 3), axes=2), "tensordot: 2 axes cannot be summed over"),
        (lambda: F.tensordot(normal(2), normal(2), axes=(0, 0, 0)), "tensordot: axes must be a number, or those of"),
        (lambda: F.matmul(normal(2, 4), normal(3, 5)), "matmul: x has 4 columns but W has 3 rows"),
        (lambda: F.matmul(normal(4, 5), np.array(1.0)), "matmul: both operands need an axis"),
        (lambda: F.matmul(normal(3), normal(4)), "matmul: x has 3 columns but W has 4 rows"),
        (lambda: F.matmul(normal(3, 3, 4), normal(2, 4, 5)), "matmul: the leading axes do not broadcast"),
        (lambda: F.linear(normal(2, 5), normal(4, 5)), r"linear: .* got x \(2, 5\) and W \(4, 5\)"),
        (lambda: F.linear(np.array(1.0), normal(4, 5)), r"linear: .* got x \(\) and W \(4, 5\)"),
        (lambda: F.linear(normal(2, 4), normal(4)), r"linear: .* got x \(2, 4\) and W \(4,\)"),
        (lambda: F.linear(normal(2, 4), normal(4, 5, 1)), r"linear: .* got x \(2, 4\) and W \(4, 5, 1\)"),
        (lambda: F.linear(normal(2, 4), normal(4, 5), normal(6)), r"linear: b has shape \(6,\)"),
        *(
            (lambda x0=x0, x1=x1, W=W: F.bilinear(normal(*x0), normal(*x1), normal(*W)), "bilinear: x0 .* are wanted")
            for x0, x1, W in (
                ((3, 5), (3, 2), (5, 4, 2)),
                ((3, 3), (3, 2), (5, 4, 2)),
                ((3, 4), (3, 3), (5, 4, 2)),
                ((3, 4), (3, 1), (5, 4, 2)),
                ((1, 4), (3, 2), (5, 4, 2)),
                ((4,), (3, 2), (5, 4, 2)),
                ((), (3, 2), (5, 2)),
                ((3, 4), (), (5, 4)),
                ((3, 4), (3, 2), (4, 2)),
                ((3, 4), (3, 2), (5, 4, 2, 1)),
            )
        ),
        (lambda: F.bilinear(normal(3, 4), normal(3, 2), normal(5, 4, 2), normal(6)), r"bilinear: b has shape \(6,\)"),
        (lambda: F.tensordot(normal(2), normal(2), axes=[0]), "tensordot: axes must be a number, or those of x0 and"),
        (lambda: F.tensordot(normal(2), normal(2), axes=(0, 1)), "tensordot: axis 1 does not fit an array with 1 dim"),
        (
            lambda: F.bilinear(normal(3, 4), normal(3, 2), normal(5, 2, 4)),
            r"bilinear: x0 \(..., I\), x1 \(..., J\) and W \(O, I, J\) are wanted, got x0 \(3, 4\), x1 \(3, 2\)",
        ),
        (lambda: F.bilinear(normal(3, 4), normal(1, 2), normal(5, 4, 2)), r"bilinear: .* got x0 \(3, 4\), x1 \(1, 2\)"),
        (
            lambda: F.bilinear(normal(3, 4), normal(3, 2), normal(5, 4, 2), normal(4)),
            r"bilinear: b has shape \(4,\), but W \(5, 4, 2\) gives 5 outputs",
        ),
    ],
)
def test_what_does_not_fit_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("product", [F.matmul, F.outer, F.tensordot])
def test_float16_and_float32_do_not_meet_silently(product):
    with pytest.raises(TypeError, match="float16 and float32 do not meet silently"):
        product(np.ones((2, 2), np.float16), np.ones((2, 2), np.float32))


def test_a_wider_bias_widens_the_result_of_linear():
    x, W, b = np.ones((2, 3), np.float32), np.ones((3, 4), np.float32), np.full(4, 1e-12)
    y = F.linear(x, W, b)
    assert y.dtype == np.float64 and (y.data == 3 + 1e-12).all()


@pytest.mark.parametrize("op", ["matmul", "linear"])
@pytest.mark.parametrize("shape", [(3, 5, 4), (2, 3, 5, 4), (0, 5, 4), (1, 1, 4)], ids=str)
def test_a_stack_times_a_matrix_is_one_product_of_its_rows(op, shape):
    rng = np.random.default_rng(0)
    x, W = Variable(rng.standard_normal(shape)), Variable(rng.standard_normal((4, 6)))
    weights = rng.standard_normal((*shape[:-1], 6))
    y = getattr(F, op)(x, W)
    assert np.allclose(y.data, np.matmul(x.data, W.data), rtol=1e-12)
    F.sum(y * weights).backward()
    assert np.allclose(x.grad.data, np.matmul(weights, W.data.T), rtol=1e-12)
    assert np.allclose(W.grad.data, x.data.reshape(-1, 4).T @ weights.reshape(-1, 6), rtol=1e-12)


def test_the_gradient_of_a_bias_that_many_rows_share():
    x, W, b = (Variable(np.ones(shape, np.float32)) for shape in ((3000, 2), (2, 5), (5,)))
    F.sum(F.linear(x, W, b)).backward()
    assert b.grad.data.tolist() == [3000.0] * 5
    assert b.grad.dtype == np.float32


@pytest.mark.parametrize("op", ["matmul", "linear"])
@pytest.mark.parametrize(
    ("x_shape", "outputs"), [((5, 1), 7), ((5, 7), 1), ((1, 4), 3), ((1, 1), 1), ((0, 1), 3), ((2, 3, 1), 4)]
)
def test_a_column_times_a_row_is_their_product(op, x_shape, outputs, xp):
    x, W = normal(*x_shape).astype(np.float32), normal(x_shape[-1], outputs).astype(np.float32)
    gy = normal(*x_shape[:-1], outputs).astype(np.float32)
    vx, vW = Variable(xp.asarray(x)), Variable(xp.asarray(W))
    y = getattr(F, op)(vx, vW)
    y.grad = Variable(xp.asarray(gy))
    y.backward()
    rows = x.reshape(-1, x_shape[-1])
    for found, expected in ((y, x @ W), (vx.grad, gy @ W.T), (vW.grad, rows.T @ gy.reshape(-1, outputs))):
        np.testing.assert_allclose(as_numpy(found), expected, rtol=1e-5, atol=1e-6)
        assert found.data.flags.c_contiguous
