from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable
from dezero import functions as F
from dezero.core import grad
from dezero.cuda import as_numpy
from dezero.functions.pooling import AveragePooling, Pooling

rng = np.random.default_rng(0)
x = rng.permutation(2 * 3 * 6 * 7).reshape(2, 3, 6, 7) / 50 - 2  # no two alike, so that a small step changes no winner


every_max = pytest.mark.parametrize(
    "pool",
    [
        F.pooling,
        F.pooling_simple,
        lambda x, kernel, *how: F.pooling(x, kernel, *how, ceil_mode=True),
        lambda x, kernel, *how: F.adaptive_max_pooling(x, [n // kernel for n in x.shape[2:]]),
    ],
    ids=["pooling", "pooling_simple", "ceil_mode", "adaptive"],
)
both_variants = pytest.mark.parametrize("pool", [F.pooling, F.pooling_simple])


@both_variants
def test_padding_is_minus_infinity_never_zero(pool, xp):
    v = Variable(xp.asarray(np.full((1, 1, 3, 3), -5.0)))
    y = pool(v, 2, 1, 1)
    assert (as_numpy(y) == -5).all()
    y.backward()
    assert as_numpy(v.grad).sum() == 16  # all of it stayed on the image


@every_max
def test_ties_go_to_the_first_of_the_window_row_by_row(pool, xp):
    v = Variable(xp.asarray(np.array([[[[0.0, 1.0, 2.0, 2.0], [1.0, 0.0, 2.0, 2.0]]]])))
    pool(v, 2, 2).backward()
    assert as_numpy(v.grad)[0, 0].tolist() == [[0, 1, 1, 0], [0, 0, 0, 0]]


def test_ties_go_to_the_first_also_where_windows_are_uneven_or_the_whole_image(xp):
    v = Variable(xp.asarray(np.ones((1, 1, 3, 5))))
    F.adaptive_max_pooling(v, 2).backward()
    assert as_numpy(v.grad)[0, 0].tolist() == [[1, 0, 1, 0, 0], [1, 0, 1, 0, 0], [0, 0, 0, 0, 0]]
    v.cleargrad()
    F.global_max_pooling(v).backward()
    assert as_numpy(v.grad)[0, 0].tolist() == [[1, 0, 0, 0, 0], [0] * 5, [0] * 5]


def test_what_lies_beyond_the_padding_is_minus_infinity_too(xp):
    v = Variable(xp.asarray(np.full((1, 1, 3, 3), -5.0)))
    y = F.pooling(v, 2, 2, ceil_mode=True)
    assert (as_numpy(y) == -5).all()
    assert y.shape == (1, 1, 2, 2)
    y.backward()
    assert as_numpy(v.grad)[0, 0].tolist() == [[1, 0, 1], [0, 0, 0], [1, 0, 1]]


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


def test_average_pooling_does_not_swap_height_and_width():
    image = np.zeros((1, 1, 4, 6))
    image[0, 0, 0, 0] = 6
    y = F.average_pooling(image, (2, 3), (2, 3))
    assert y.data[0, 0].tolist() == [[1, 0], [0, 0]]
    v = Variable(image)
    F.average_pooling(v, (1, 3), (1, 3))[0, 0, 1, 1].backward()
    np.testing.assert_allclose(v.grad.data[0, 0, 1], [0, 0, 0, 1 / 3, 1 / 3, 1 / 3])
    assert np.count_nonzero(v.grad.data) == 3


def test_what_average_pooling_divides_by_where_windows_are_rounded_up():
    ones = np.ones((1, 1, 1, 4))
    how = {"kernel_size": (1, 3), "stride": (1, 3), "pad": (0, 1), "ceil_mode": True}
    y = F.average_pooling(ones, **how)  # zero one one | one one zero, no more
    np.testing.assert_allclose(y.data[0, 0, 0], [2 / 3, 2 / 3])
    y = F.average_pooling(ones, (1, 4), (1, 3), (0, 1), ceil_mode=True)  # zero one one one | one one zero and beyond
    np.testing.assert_allclose(y.data[0, 0, 0], [3 / 4, 2 / 3])
    assert F.average_pooling(ones, **how, count_include_pad=False).data.tolist() == [[[[1, 1]]]]


def test_average_pooling_of_small_integers_and_of_booleans_is_in_floats():
    image = np.full((1, 1, 2, 2), 200, np.uint8)
    for y in (F.average_pooling(image, 2), F.adaptive_average_pooling(image, 1)):
        assert y.data.tolist() == [[[[200.0]]]]
    ticks = np.eye(2, dtype=bool)[None, None]
    for y in (F.average_pooling(ticks, 2), F.adaptive_average_pooling(ticks, 1)):
        assert y.data.tolist() == [[[[0.5]]]]


def test_windows_of_one_size_are_plain_max_pooling():
    assert type(F.adaptive_max_pooling(Variable(x), (3, 7)).creator) is Pooling
    assert type(F.adaptive_max_pooling(Variable(x), (3, 4)).creator) is not Pooling


def test_an_op_by_itself_has_the_defaults_of_its_function():
    args = (2, 2), (1, 2), (1, 1)
    assert np.array_equal(Pooling(*args)(x).data, F.pooling(x, *args).data)
    assert np.array_equal(AveragePooling(*args)(x).data, F.average_pooling(x, *args).data)


@pytest.mark.parametrize("last", [False, True])
def test_results_keep_the_memory_order_of_the_image(last):
    image = x if not last else np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    v = Variable(image)
    for f in (F.pooling, F.average_pooling, lambda x, *sizes: F.adaptive_average_pooling(x, 4)):
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
        (lambda: F.pooling(x, (2, 3), 1, (2, 0)), r"pooling: pad \(2, 0\) must be smaller than kernel \(2, 3\)"),
        (lambda: F.pooling(x, (2, 3), 1, (3, 0)), r"pooling: pad \(3, 0\) must be smaller than kernel \(2, 3\)"),
        (lambda: F.pooling(x, (3, 2), 1, (0, 2)), r"pooling: pad \(0, 2\) must be smaller than kernel \(3, 2\)"),
        (lambda: F.pooling(x, (3, 2), 1, (0, 3)), r"pooling: pad \(0, 3\) must be smaller than kernel \(3, 2\)"),
        (lambda: F.pooling_simple(x, (7, 1), 3), r"pooling_simple: kernel \(7, 1\) is larger than the padded image"),
        (lambda: F.pooling(x, (1, 8)), r"pooling: kernel \(1, 8\) is larger than the padded image \(6, 7\)"),
        (lambda: F.pooling_simple(x, 2, 1, 2), r"pooling_simple: pad \(2, 2\) must be smaller than kernel \(2, 2\)"),
        (
            lambda: F.pooling(x, (6, 10), 2, ceil_mode=True),
            r"pooling: kernel \(6, 10\) is larger than the padded image",
        ),
        (
            lambda: F.average_pooling(x, 2, 1, 2, count_include_pad=False),
            r"average_pooling: pad \(2, 2\) must be smaller than kernel \(2, 2\), or windows see nothing but padding",
        ),
        (lambda: F.pooling1d(x, 2), r"pooling1d: x \(N, C, L\) is wanted, got shape \(2, 3, 6, 7\)"),
        (lambda: F.pooling1d(x[0], (1, 2)), r"pooling1d: kernel_size must be an integer from 1 on, got \(1, 2\)"),
        (lambda: F.pooling1d(x[0], 2, 0), "pooling1d: stride must be an integer from 1 on, got 0"),
        (lambda: F.average_pooling1d(x, 2), r"average_pooling1d: x \(N, C, L\) is wanted"),
        (lambda: F.average_pooling1d(x[0], 2, 1, -1), "average_pooling1d: pad must be an integer from 0 on, got -1"),
        (
            lambda: F.global_max_pooling(x[0, 0]),
            r"global_max_pooling: x \(N, C, H, W\) or \(N, C, L\) with pixels is wanted, got shape \(6, 7\)",
        ),
        (lambda: F.global_average_pooling(x[:, :, :0]), r"global_average_pooling: .* got shape \(2, 3, 0, 7\)"),
        (lambda: F.adaptive_max_pooling(x[0], 2), r"adaptive_max_pooling: x \(N, C, H, W\) is wanted"),
        (lambda: F.adaptive_max_pooling(x, 0), "adaptive_max_pooling: outsize must be an integer from 1 on.* got 0"),
        (
            lambda: F.adaptive_average_pooling(x[..., :0], 2),
            r"adaptive_average_pooling: x \(N, C, H, W\) has no pixels, its shape is \(2, 3, 6, 0\)",
        ),
        (lambda: F.average_pooling(x, (7, 1)), r"average_pooling: kernel \(7, 1\) is larger than the padded image"),
    ],
)
def test_errors_say_what_was_given_and_what_is_wanted(call, message):
    with pytest.raises(ValueError, match=message):
        call()
