from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable
from dezero import functions as F
from dezero.cuda import as_numpy

rng = np.random.default_rng(0)
A = rng.standard_normal((3, 3)) + 3 * np.eye(3)
SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])


def test_numpys_linalg_of_variables_is_ours():
    S, b = A @ A.T, np.ones(3)
    for ours, theirs in [
        (np.linalg.solve(Variable(S), b), np.linalg.solve(S, b)),
        (np.linalg.inv(Variable(S)), np.linalg.inv(S)),
        (np.linalg.det(Variable(S)), np.linalg.det(S)),
        (np.linalg.cholesky(Variable(S)), np.linalg.cholesky(S)),
    ]:
        assert isinstance(ours, Variable)
        np.testing.assert_allclose(ours.data, theirs)


def test_b_is_a_vector_only_if_it_has_one_axis(xp):
    stack, b = np.stack([A, 2 * A]), rng.standard_normal((2, 3))
    one = F.solve(xp.asarray(stack), xp.asarray(b[0]))
    np.testing.assert_allclose(as_numpy(one), [np.linalg.solve(each, b[0]) for each in stack])
    columns = F.solve(xp.asarray(stack), xp.asarray(b[..., None]))
    np.testing.assert_allclose(as_numpy(columns)[..., 0], [np.linalg.solve(M, v) for M, v in zip(stack, b)])
    with pytest.raises(ValueError, match=r"solve: .* got A \(2, 3, 3\), b \(2, 3\)"):
        F.solve(stack, b)


def test_the_gradient_of_one_matrix_for_many_right_hand_sides_has_its_shape(xp):
    M, b = Variable(xp.asarray(A)), Variable(xp.asarray(rng.standard_normal((4, 3, 2))))
    F.solve(M, b).backward()
    assert M.grad.shape == (3, 3) and b.grad.shape == (4, 3, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.solve(SINGULAR, np.ones(2)), "solve: A is singular, so A y = b has no or many solutions"),
        (lambda: F.inv(SINGULAR), "inv: A is singular and has no inverse"),
        (lambda: F.inv(np.stack([np.eye(2), SINGULAR])), "inv: A is singular"),
        (lambda: F.cholesky(-np.eye(2)), "cholesky: A is not positive definite"),
    ],
)
def test_a_matrix_that_will_not_do_is_an_error_in_words(call, message):
    with pytest.raises(np.linalg.LinAlgError, match=message):
        call()


@pytest.mark.parametrize("op", [F.inv, F.det, F.cholesky, lambda x: F.solve(x, np.ones(3))])
def test_a_matrix_must_be_square(op):
    with pytest.raises(ValueError, match=r": A must be \(..., N, N\), got \(2, 3\)"):
        op(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r": A must be \(..., N, N\), got \(3, 2\)"):
        op(np.ones((3, 2)))
    with pytest.raises(ValueError, match=r": A must be \(..., N, N\), got \(3,\)"):
        op(np.ones(3))


@pytest.mark.parametrize("b_shape", [(), (2,), (4,), (2, 3), (4, 3, 1), (2, 4, 1)])
def test_b_must_fit(b_shape):
    with pytest.raises(ValueError, match=r"solve: A \(..., N, N\) and b \(N,\) or \(..., N, M\) are wanted"):
        F.solve(np.ones((2, 3, 3)) + np.eye(3), np.ones(b_shape))


@pytest.mark.parametrize("op", [F.inv, F.det, F.cholesky, lambda x: F.solve(x, np.ones(2, np.float16))])
def test_there_is_no_solver_for_float16(op):
    with pytest.raises(TypeError, match="there is no solver for float16. Cast A to float32 with astype"):
        op(np.eye(2, dtype=np.float16))


def test_float16_and_float32_do_not_meet_silently():
    with pytest.raises(TypeError, match="solve: float32 and float16 do not meet silently"):
        F.solve(np.eye(2, dtype=np.float32), np.ones(2, np.float16))


def test_the_gradient_of_det_is_the_cofactors_for_a_singular_matrix_too(xp):
    x = Variable(xp.asarray(SINGULAR))
    F.det(x).backward()
    np.testing.assert_allclose(as_numpy(x.grad), [[4.0, -2.0], [-2.0, 1.0]], atol=1e-14)


def test_the_gradient_of_det_of_an_almost_singular_matrix_is_the_cofactors():
    x = Variable(np.arange(1.0, 10.0).reshape(3, 3))  # its computed determinant is not quite 0
    F.det(x).backward()
    np.testing.assert_allclose(x.grad.data, [[-3.0, 6.0, -3.0], [6.0, -12.0, 6.0], [-3.0, 6.0, -3.0]], rtol=1e-6)


def test_the_gradient_of_cholesky_is_symmetric_and_reads_no_upper_half():
    S = A @ A.T
    x, lower = Variable(S), Variable(np.tril(S))
    for v in (x, lower):
        F.cholesky(v).backward()
    np.testing.assert_allclose(x.grad.data, x.grad.data.T)
    np.testing.assert_allclose(lower.grad.data, x.grad.data)


@pytest.mark.parametrize("dtype", [np.int8, np.int64])
def test_integers_are_solved_in_float64(dtype):
    assert F.det(np.array([[1, 2], [3, 4]], dtype)).dtype == np.float64


@pytest.mark.parametrize("sign", [1, -1])
def test_the_cofactors_of_a_regular_matrix_take_no_singular_values(sign, monkeypatch):
    monkeypatch.setattr(np.linalg, "svd", None)
    x = Variable(np.diag([1.0, 2.0, sign * 4.0]))
    F.det(x).backward()
    np.testing.assert_allclose(x.grad.data, np.diag([sign * 8.0, sign * 4.0, 2.0]))


def test_the_determinant_of_no_rows_is_1():
    assert F.det(np.ones((0, 0))).item() == 1.0
