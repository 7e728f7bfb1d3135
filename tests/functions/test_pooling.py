from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable
from dezero import functions as F
from dezero.core import grad
from dezero.cuda import as_numpy
from ops import Op, check_derivatives, check_dtype, check_gradients_on_device, check_value, each

rng = np.random.default_rng(0)
x = rng.permutation(2 * 3 * 6 * 7).reshape(2, 3, 6, 7) / 50 - 2  # no two alike, so that a small step changes no winner


def naive_pool(x, kernel, stride=1, pad=0, reduce=np.max, margin=-np.inf):
    """One window at a time."""
    (KH, KW), (SH, SW), (PH, PW) = (v if isinstance(v, tuple) else (v, v) for v in (kernel, stride, pad))
    N, C, H, W = x.shape
    around = np.full((N, C, H + 2 * PH, W + 2 * PW), float(margin))
    around[:, :, PH : PH + H, PW : PW + W] = x
    y = np.zeros((N, C, (H + 2 * PH - KH) // SH + 1, (W + 2 * PW - KW) // SW + 1))
    for n, c, i, j in np.ndindex(*y.shape):
        y[n, c, i, j] = reduce(around[n, c, i * SH : i * SH + KH, j * SW : j * SW + KW])
    return y


WAYS = {
    "2x2": (2, 2),
    "2x2 with a rest": (2, 2, 1),
    "overlapping windows": (3, 2),
    "overlapping windows and pad": (3, 1, 1),
    "two sizes": ((3, 2), (2, 3), (1, 0)),
    "stride larger than the kernel": ((1, 2), (3, 4)),
    "1x1": (1,),
    "the whole image": ((6, 7),),
    "stride left out": (2,),
}
OPS = [
    *(
        Op(f"{f.__name__} {name}", lambda x, f=f, how=how: f(x, *how), (x,), lambda x, how=how: naive_pool(x, *how), 3)
        for f in (F.pooling, F.pooling_simple)
        for name, how in WAYS.items()
    ),
    *(
        Op(
            f"average_pooling {name}",
            lambda x, how=how: F.average_pooling(x, *how),
            (x,),
            lambda x, how=how: (
                naive_pool(x, *how, reduce=np.mean, margin=0) if len(how) == 3 else naive_pool(x, *how, reduce=np.mean)
            ),
        )
        for name, how in {**WAYS, "pad larger than the kernel": (2, 1, (2, 3))}.items()
    ),
]


@each(OPS)
def test_value_is_that_of_plain_loops(op, xp):
    check_value(op, xp)


@each(OPS)
def test_derivatives_match_finite_differences(op):
    check_derivatives(op)


@each(OPS)
def test_gradients_stay_on_the_device(op, xp):
    check_gradients_on_device(op, xp)


@each(OPS)
def test_float32_stays_float32(op, xp):
    check_dtype(op, xp, (np.float16, np.float32, np.float64))


both_variants = pytest.mark.parametrize("pool", [F.pooling, F.pooling_simple])


@both_variants
def test_padding_is_minus_infinity_never_zero(pool, xp):
    v = Variable(xp.asarray(np.full((1, 1, 3, 3), -5.0)))
    y = pool(v, 2, 1, 1)
    assert (as_numpy(y) == -5).all()
    y.backward()
    assert as_numpy(v.grad).sum() == 16  # all of it stayed on the image


@both_variants
def test_ties_go_to_the_first_of_the_window_row_by_row(pool, xp):
    v = Variable(xp.asarray(np.array([[[[0.0, 1.0, 2.0, 2.0], [1.0, 0.0, 2.0, 2.0]]]])))
    pool(v, 2, 2).backward()
    assert as_numpy(v.grad)[0, 0].tolist() == [[0, 1, 1, 0], [0, 0, 0, 0]]


@both_variants
def test_a_winner_of_several_windows_gets_all_their_gradients(pool, xp):
    image = np.zeros((1, 1, 3, 3))
    image[0, 0, 1, 1] = 9
    v = Variable(xp.asarray(image))
    pool(v, 2).backward()
    assert as_numpy(v.grad)[0, 0].tolist() == [[0, 0, 0], [0, 4, 0], [0, 0, 0]]


def test_second_derivative_of_max_pooling_follows_the_winners():
    v = Variable(x)
    y = F.pooling(v, 2, 2) ** 3
    gx = grad(y, v, create_graph=True)
    won = as_numpy(gx) != 0
    ggx = grad(gx.sum(), v)
    np.testing.assert_allclose(ggx.data, np.where(won, 6 * x, 0), rtol=1e-10, atol=1e-12)


def test_average_pooling_counts_the_padding_as_zeros():
    y = F.average_pooling(np.full((1, 1, 2, 2), 8.0), (2, 4), 2, (0, 1))
    assert y.data.tolist() == [[[[4.0]]]]


@pytest.mark.parametrize("last", [False, True])
def test_results_keep_the_memory_order_of_the_image(last):
    image = x if not last else np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    v = Variable(image)
    for f in (F.pooling, F.average_pooling):
        assert np.argsort(f(v, 2, 2).data.strides).tolist() == np.argsort(image.strides).tolist()


def test_a_recorded_walk_gives_the_same_gradients():
    for f in (F.pooling, F.average_pooling):
        v = Variable(x)
        y = f(v, 3, 2, 1)
        gy = Variable(rng.standard_normal(y.shape))
        assert np.array_equal(grad(y, v, gy).data, grad(y, v, gy, create_graph=True).data)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: F.pooling(x[0], 2), r"pooling: x \(N, C, H, W\) is wanted, got shape \(3, 6, 7\)"),
        (lambda: F.pooling(x, 8), r"pooling: kernel \(8, 8\) is larger than the padded image \(6, 7\)"),
        (lambda: F.pooling(x, 0), "pooling: kernel_size must be an integer from 1 on, or two of them, got 0"),
        (
            lambda: F.pooling(x, 2, (1, 0)),
            r"pooling: stride must be an integer from 1 on, or two of them, got \(1, 0\)",
        ),
        (lambda: F.pooling(x, 2, 1, -1), "pooling: pad must be an integer from 0 on"),
        (lambda: F.pooling(x, (3, 2), 1, 2), r"pooling: pad \(2, 2\) must be smaller than kernel \(3, 2\)"),
        (lambda: F.pooling_simple(x, 2, 1, 2), r"pooling_simple: pad \(2, 2\) must be smaller than kernel \(2, 2\)"),
        (lambda: F.average_pooling(x, (7, 1)), r"average_pooling: kernel \(7, 1\) is larger than the padded image"),
    ],
)
def test_errors_say_what_was_given_and_what_is_wanted(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("how", [(2, 2, 0), (3, 2, 1), ((3, 2), (2, 1), (1, 0))])
def test_values_and_gradients_are_those_of_pytorch(how):
    torch = pytest.importorskip("torch")
    for f, g in [(F.pooling, torch.nn.functional.max_pool2d), (F.average_pooling, torch.nn.functional.avg_pool2d)]:
        v, t = Variable(x), torch.tensor(x, requires_grad=True)
        y, s = f(v, *how) ** 2, g(t, *how) ** 2
        np.testing.assert_allclose(y.data, s.detach().numpy(), rtol=1e-12)
        np.testing.assert_allclose(grad(y, v).data, torch.autograd.grad(s.sum(), t)[0].numpy(), rtol=1e-12)
