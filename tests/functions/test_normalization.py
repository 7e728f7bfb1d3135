from __future__ import annotations

import numpy as np
import pytest

import dezero
from dezero import Variable
from dezero import functions as F
from dezero.cuda import as_numpy, get_array_module
from ops import Op, check_derivatives, check_dtype, check_gradients_on_device, check_value, each

rng = np.random.default_rng(0)
gamma, beta = rng.standard_normal(4), rng.standard_normal(4)
running_mean, running_var = rng.standard_normal(4), rng.random(4) + 0.5
INPUTS = {"2-D": (5, 4), "3-D": (3, 4, 3), "4-D": (2, 4, 3, 2)}


def in_train_mode(x, gamma, beta):
    xp = get_array_module(x.data)
    dtype = x.dtype
    mean, var = xp.asarray(running_mean.astype(dtype)), xp.asarray(running_var.astype(dtype))
    return F.batch_norm(x, gamma, beta, mean, var)


def in_test_mode(x, gamma, beta):
    with dezero.test_mode():
        return in_train_mode(x, gamma, beta)


def normalized(x, mean, var, gamma, beta):
    columns = np.moveaxis(x, 1, -1)
    return np.moveaxis((columns - mean) / np.sqrt(var + 2e-5) * gamma + beta, -1, 1)


def train_reference(x, gamma, beta):
    columns = np.moveaxis(x, 1, -1).reshape(-1, 4)
    return normalized(x, columns.mean(axis=0), columns.var(axis=0), gamma, beta)


def running_reference(x, gamma, beta):
    return normalized(x, running_mean, running_var, gamma, beta)


OPS = [
    Op(f"{mode} {name}", f, (rng.standard_normal(shape), gamma, beta), reference, 3)
    for name, shape in INPUTS.items()
    for mode, f, reference in [("train", in_train_mode, train_reference), ("test", in_test_mode, running_reference)]
]


@each(OPS)
def test_value_is_that_of_numpy(op, xp):
    check_value(op, xp)


@each(OPS)
def test_derivatives_match_finite_differences(op):
    check_derivatives(op)


@each(OPS)
def test_gradients_stay_on_the_device(op, xp):
    check_gradients_on_device(op, xp)


@each(OPS)
def test_float32_stays_float32(op, xp):
    check_dtype(op, xp)


def test_train_mode_moves_the_running_statistics_in_place_with_the_unbiased_variance(xp):
    x = rng.standard_normal((6, 4))
    mean, var = xp.asarray(running_mean.copy()), Variable(xp.asarray(running_var.copy()))
    F.batch_norm(xp.asarray(x), xp.asarray(gamma), xp.asarray(beta), mean, var, decay=0.75)
    np.testing.assert_allclose(as_numpy(mean), 0.75 * running_mean + 0.25 * x.mean(axis=0))
    np.testing.assert_allclose(as_numpy(var), 0.75 * running_var + 0.25 * x.var(axis=0, ddof=1))


def test_test_mode_leaves_the_running_statistics_alone():
    mean, var = running_mean.copy(), running_var.copy()
    with dezero.test_mode():
        F.batch_norm(rng.standard_normal((6, 4)), gamma, beta, mean, var)
    assert (mean == running_mean).all() and (var == running_var).all()


def test_the_inputs_stay_as_they_were():
    x = rng.standard_normal((6, 4))
    before = x.copy()
    v = Variable(x)
    in_train_mode(v, Variable(gamma), Variable(beta)).sum().backward()
    assert (x == before).all()


def test_the_books_spelling_is_an_alias():
    assert F.batch_nrom is F.batch_norm


def test_gradients_equal_those_of_pytorch():
    torch = pytest.importorskip("torch")
    x, gy = rng.standard_normal((2, 4, 3, 2)), rng.standard_normal((2, 4, 3, 2))
    vs = [Variable(v) for v in (x, gamma, beta)]
    y = in_train_mode(*vs)
    y.grad = Variable(gy)
    y.backward()
    ts = [torch.tensor(v, requires_grad=True) for v in (x, gamma, beta)]
    torch.nn.functional.batch_norm(ts[0], None, None, ts[1], ts[2], training=True, eps=2e-5).backward(torch.tensor(gy))
    for v, tensor in zip(vs, ts):
        np.testing.assert_allclose(v.grad.data, tensor.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_what_does_not_fit_is_an_error():
    one = np.ones(4)
    with pytest.raises(ValueError, match=r"batch_norm: x must be \(N, C\) or \(N, C, ...\), got \(4,\)"):
        F.batch_norm(np.ones(4), one, one, one, one)
    with pytest.raises(ValueError, match=r"batch_norm: beta must have shape \(4,\) for x \(2, 4\), got \(3,\)"):
        F.batch_norm(np.ones((2, 4)), one, np.ones(3), one, one)
