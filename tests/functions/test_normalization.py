"""What the normalizations do beside their formulas: running statistics, precision, errors."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import dezero
from dezero import Variable, grad
from dezero import functions as F
from dezero.cuda import as_numpy
from dezero.testing import check_grads

rng = np.random.default_rng(0)
gamma, beta = rng.standard_normal(4), rng.standard_normal(4)
running_mean, running_var = rng.standard_normal(4), rng.random(4) + 0.5
INPUTS = {"2-D": (5, 4), "3-D": (3, 4, 3), "4-D": (2, 4, 3, 2)}
NORMS = {
    "batch_norm": lambda x, gamma, beta: in_train_mode(x, gamma, beta),
    "layer_norm": lambda x, gamma, beta: F.layer_norm(x, gamma, beta),
    "rms_norm": lambda x, gamma, beta: F.rms_norm(x, gamma) + beta,
    "group_norm": lambda x, gamma, beta: F.group_norm(x, 2, gamma, beta),
    "instance_norm": lambda x, gamma, beta: F.instance_norm(x[:, :, None], gamma, beta)[:, :, 0],
}
each_norm = pytest.mark.parametrize("norm", NORMS.values(), ids=NORMS.keys())


def in_train_mode(x, gamma, beta):
    mean, var = np.zeros(4, x.dtype), np.ones(4, x.dtype)
    return F.batch_norm(x, gamma, beta, mean, var)


@pytest.mark.parametrize("shape", INPUTS.values(), ids=INPUTS.keys())
def test_batch_norm_has_a_second_derivative_through_x_on_which_mean_and_variance_depend(shape):
    check_grads(in_train_mode, rng.standard_normal(shape), gamma, beta, order=2)
    x = Variable(rng.standard_normal(shape))
    (gx,) = grad([in_train_mode(x, gamma, beta) ** 3], [x], create_graph=True)
    assert (grad((gx * gx).sum(), x).data != 0).all()  # all but the constant part of x counts


@pytest.mark.parametrize("shape", INPUTS.values(), ids=INPUTS.keys())
def test_batch_norm_goes_backward_in_test_mode(shape):
    x, one = Variable(rng.standard_normal(shape)), np.ones(4)
    with dezero.test_mode():
        F.batch_norm(x, one * 3, one, one, one * 4, eps=0.0 + 1e-12).sum().backward()
    np.testing.assert_allclose(x.grad.data, np.full(shape, 3 / 2))


@pytest.mark.parametrize("shape", INPUTS.values(), ids=INPUTS.keys())
def test_batch_norm_in_test_mode_has_every_derivative_of_its_formula(shape):
    with dezero.test_mode():
        check_grads(
            lambda x, gamma, beta: F.batch_norm(x, gamma, beta, running_mean, running_var),
            rng.standard_normal(shape),
            gamma,
            beta,
            order=2,
        )


def test_in_test_mode_a_gradient_belongs_to_the_statistics_that_were_used():
    x, mean, var = Variable(rng.standard_normal((5, 4))), running_mean.copy(), running_var.copy()
    scale = Variable(gamma)
    with dezero.test_mode():
        y = F.batch_norm(x, scale, beta, mean, var, eps=1e-12)
    mean += 100
    var *= 100
    y.backward()
    std = running_var**0.5
    np.testing.assert_allclose(x.grad.data, np.tile(gamma / std, (5, 1)))
    np.testing.assert_allclose(scale.grad.data, ((x.data - running_mean) / std).sum(axis=0))


def test_batch_norm_in_test_mode_is_one_node():
    with dezero.test_mode():
        y = F.batch_norm(Variable(rng.standard_normal((5, 4))), gamma, beta, running_mean, running_var)
    assert [x.creator for x in y.creator.inputs] == [None] * 3


@pytest.mark.parametrize("norm", ["layer_norm", "rms_norm", "group_norm", "instance_norm"])
def test_no_array_like_x_is_kept_beside_x(norm):
    x = Variable(rng.standard_normal((8, 4, 40, 40)))
    calls = {"group_norm": lambda: F.group_norm(x, 2), "instance_norm": lambda: F.instance_norm(x)}
    y = calls.get(norm, lambda: getattr(F, norm)(x))()
    assert all(v.size < x.size for v in vars(y.creator).values() if isinstance(v, np.ndarray))


@pytest.mark.parametrize("N", [2, 3, 6])
def test_train_mode_moves_the_running_statistics_in_place_with_the_unbiased_variance(N, xp):
    x = rng.standard_normal((N, 4))
    mean, var = xp.asarray(running_mean.copy()), Variable(xp.asarray(running_var.copy()))
    F.batch_norm(xp.asarray(x), xp.asarray(gamma), xp.asarray(beta), mean, var, decay=0.75)
    np.testing.assert_allclose(as_numpy(mean), 0.75 * running_mean + 0.25 * x.mean(axis=0))
    np.testing.assert_allclose(as_numpy(var), 0.75 * running_var + 0.25 * x.var(axis=0, ddof=1))


def test_test_mode_leaves_the_running_statistics_alone():
    mean, var = running_mean.copy(), running_var.copy()
    with dezero.test_mode():
        F.batch_norm(rng.standard_normal((6, 4)), gamma, beta, mean, var)
    assert (mean == running_mean).all() and (var == running_var).all()


@each_norm
def test_the_inputs_and_the_gradient_stay_as_they_were(norm):
    arrays = [rng.standard_normal((6, 4)), gamma.copy(), beta.copy()]
    before, gy = [a.copy() for a in arrays], Variable(rng.standard_normal((6, 4)))
    gy_before = gy.data.copy()
    y = norm(*map(Variable, arrays))
    y.grad = gy
    y.backward()
    assert all((a == b).all() for a, b in zip(arrays, before))
    assert (gy.data == gy_before).all()


@each_norm
def test_only_the_gradients_that_are_asked_for_are_computed(norm):
    x, scale = rng.standard_normal((6, 4)), Variable(gamma)
    found = grad(norm(x, scale, beta), scale, create_graph=True)
    everything = [Variable(v) for v in (x, gamma, beta)]
    assert np.array_equal(found.data, grad(norm(*everything), everything)[1].data)


@each_norm
def test_the_graph_is_freed_without_the_garbage_collector(norm):
    gc.collect()
    gc.disable()
    try:
        xs = [Variable(v) for v in (rng.standard_normal((6, 4)), gamma, beta)]
        y = norm(*xs)
        gx = grad(y, xs[0], create_graph=True)
        (gx * gx).sum().backward()
        del y, gx, xs
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.parametrize("name", [n for n in NORMS if n != "instance_norm"])
def test_float16_is_averaged_in_float32(name):
    x = (rng.standard_normal((6, 4)) * 300 + 2000).astype(np.float16)  # whose squares are beyond float16
    half = [Variable(v.astype(np.float16)) for v in (x, gamma, beta)]
    full = [Variable(v.data.astype(np.float64)) for v in half]
    y, expected = NORMS[name](*half), NORMS[name](*full)
    assert y.dtype == np.float16
    np.testing.assert_allclose(y.data, expected.data, rtol=5e-3, atol=5e-3)
    for gx, e in zip(grad(y * y, half), grad(expected * expected, full)):
        assert gx.dtype == np.float16 and np.isfinite(gx.data).all()
        np.testing.assert_allclose(gx.data, e.data, rtol=2e-2, atol=2e-2 * np.abs(e.data).max() + 1e-4)


def test_running_statistics_of_a_wider_type_serve_a_narrower_input():
    x = rng.standard_normal((6, 4)).astype(np.float16)
    mean, var = np.zeros(4, np.float32), np.ones(4, np.float32)
    one, zero = np.ones(4, np.float16), np.zeros(4, np.float16)
    F.batch_norm(x, one, zero, mean, var)
    np.testing.assert_allclose(mean, 0.1 * x.astype(np.float64).mean(axis=0), rtol=1e-4, atol=1e-6)
    with dezero.test_mode():
        assert F.batch_norm(x, one, zero, mean, var).dtype == np.float16


def test_a_far_mean_costs_no_accuracy():
    x = rng.standard_normal((3, 64)) + 1e6
    expected = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    np.testing.assert_allclose(F.layer_norm(x, eps=1e-12).data, expected, rtol=1e-6, atol=1e-9)


def test_short_vectors_are_divided_by_eps():
    x = Variable(np.array([[3e-13, 4e-13], [0.0, 0.0]]))
    y = F.l2_normalize(x)
    np.testing.assert_allclose(y.data, [[0.3, 0.4], [0.0, 0.0]])
    np.testing.assert_allclose(grad(y, x).data, 1e12)


def test_a_vector_just_as_long_as_eps_has_the_gradient_of_a_short_one():
    x = Variable(np.array([[3.0, 4.0]]))
    assert grad(F.l2_normalize(x, eps=5.0), x).data.tolist() == [[0.2, 0.2]]


@pytest.mark.parametrize("norm", [F.layer_norm, F.rms_norm])
def test_rows_without_elements_stay_as_they_are(norm):
    x = Variable(np.ones((3, 0)))
    y = norm(x)
    y.backward()
    assert y.shape == x.grad.shape == (3, 0)


def test_the_books_spelling_is_an_alias():
    assert F.batch_nrom is F.batch_norm


ONE = np.ones(4)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.batch_norm(ONE, ONE, ONE, ONE, ONE), ValueError, r"x must be \(N, C\) or \(N, C, ...\), got \(4,\)"),
        (
            lambda: F.batch_norm(np.ones((2, 4)), ONE, np.ones(3), ONE, ONE),
            ValueError,
            r"batch_norm: beta must have shape \(4,\) for x \(2, 4\), got \(3,\)",
        ),
        (lambda: F.batch_norm(np.ones((0, 4)), ONE, ONE, ONE, ONE), ValueError, "an empty batch has no mean"),
        (
            lambda: F.batch_norm(np.ones((2, 4), int), ONE, ONE, ONE, ONE),
            TypeError,
            "floating point is wanted, got int",
        ),
        (lambda: F.layer_norm(np.ones((2, 4), np.float16), ONE), TypeError, "float16 and float64 do not meet silently"),
        (
            lambda: F.layer_norm(np.ones((2, 3)), ONE),
            ValueError,
            r"layer_norm: gamma must have the shape of the last 1 axes of x \(2, 3\), got \(4,\)",
        ),
        (lambda: F.layer_norm(np.ones((2, 4)), ONE, np.ones((2, 4))), ValueError, "gamma must have the shape of the"),
        (lambda: F.layer_norm(np.array(1.0)), ValueError, r"layer_norm: x \(\) has no 1 last axes to average over"),
        (
            lambda: F.layer_norm(np.ones((2, 4)), beta=np.ones(5)),
            ValueError,
            r"layer_norm: beta must have the shape of the last 1 axes of x \(2, 4\), got \(5,\)",
        ),
        (lambda: F.layer_norm(np.ones((2, 4)), axes=0), ValueError, r"x \(2, 4\) has no 0 last axes"),
        (lambda: F.layer_norm(np.ones((2, 4)), axes=-1), ValueError, r"x \(2, 4\) has no -1 last axes"),
        *(
            (
                lambda name=name, n=n: F.batch_norm(
                    np.ones((2, 4)), **(dict.fromkeys(("gamma", "beta", "mean", "var"), ONE) | {name: np.ones(n)})
                ),
                ValueError,
                rf"batch_norm: {name} must have shape \(4,\) for x \(2, 4\), got \({n},\)",
            )
            for name in ("gamma", "beta", "mean", "var")
            for n in (3, 5)
        ),
        (lambda: F.group_norm(np.ones((2, 4)), -2), ValueError, "groups must divide the 4 channels .*, got -2"),
        (lambda: F.group_norm(np.ones((2, 4)), 2.0), ValueError, "groups must divide the 4 channels .*, got 2.0"),
        (lambda: F.group_norm(np.ones((2, 4)), 2, beta=np.ones(5)), ValueError, r"beta must have shape \(4,\)"),
        (lambda: F.l2_normalize(np.ones(3), axis=2), ValueError, "l2_normalize: axis 2 does not fit"),
        (lambda: F.l2_normalize(np.ones(3), axis=-2), ValueError, "l2_normalize: axis -2 does not fit"),
        (lambda: F.l2_normalize(np.array(1.0)), ValueError, "l2_normalize: axis 1 does not fit"),
        (lambda: F.l2_normalize(np.ones((2, 3)), eps=-1.0), ValueError, "l2_normalize: eps must be above 0, got -1.0"),
        (lambda: F.layer_norm(np.ones((2, 4)), axes=3), ValueError, r"x \(2, 4\) has no 3 last axes"),
        (lambda: F.layer_norm(np.ones((2, 4)), ONE, axes=2), ValueError, "the shape of the last 2 axes"),
        (lambda: F.rms_norm(np.ones((2, 3)), ONE), ValueError, "rms_norm: gamma must have the shape of the last 1"),
        (lambda: F.rms_norm(np.array(1.0)), ValueError, r"rms_norm: x \(\) has no 1 last axes"),
        (lambda: F.group_norm(ONE, 2), ValueError, r"group_norm: x must be \(N, C, ...\), got \(4,\)"),
        (
            lambda: F.group_norm(np.ones((2, 4)), 3),
            ValueError,
            r"group_norm: groups must divide the 4 channels of x \(2, 4\), got 3",
        ),
        (lambda: F.group_norm(np.ones((2, 4)), 0), ValueError, "groups must divide the 4 channels"),
        (lambda: F.group_norm(np.ones((2, 4)), 2, np.ones(3)), ValueError, r"group_norm: gamma must have shape \(4,\)"),
        (lambda: F.instance_norm(np.ones((2, 4))), ValueError, "instance_norm: x must be .* with an axis behind C"),
        (
            lambda: F.instance_norm(np.ones((2, 4, 3)), beta=np.ones(3)),
            ValueError,
            r"instance_norm: beta must have shape \(4,\)",
        ),
        (lambda: F.l2_normalize(np.ones((2, 3)), axis=2), ValueError, "l2_normalize: axis 2 does not fit"),
        (lambda: F.l2_normalize(np.ones((2, 3)), eps=0), ValueError, "l2_normalize: eps must be above 0, got 0"),
    ],
)
def test_what_does_not_fit_is_an_error(call, error, message):
    with pytest.raises(error, match=message):
        call()
