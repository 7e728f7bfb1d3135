from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable, grad
from dezero import functions as F
from dezero.cuda import as_numpy
from dezero.testing import check_grads
from strict_device import no_sync
from strict_device import xp as strict

rng = np.random.default_rng(0)
x, v = rng.standard_normal((3, 4)), rng.standard_normal(5)


def test_an_element_picked_twice_gets_both_gradients(xp):
    x = Variable(xp.asarray(np.zeros((2, 3))))
    x[xp.asarray(np.array([0, 0, 1]))].sum().backward()
    assert as_numpy(x.grad).tolist() == [[2.0] * 3, [1.0] * 3]


def test_a_variable_is_an_index():
    index = Variable(np.array([2, 2]))
    np.testing.assert_array_equal(Variable(x)[index].data, x[[2, 2]])
    check_grads(lambda x: x[index] ** 2, x)
    check_grads(lambda x: x[1:, index] ** 2, x)


def test_brackets_are_get_item():
    for slices in (1, slice(None, None, -2), (..., None, 1), [0, 0, 2], ([0, 2], [1, 1]), x > 0, (slice(1), [1, 1])):
        np.testing.assert_array_equal(Variable(x)[slices].data, x[slices])


def test_an_index_out_of_range_is_an_error():
    with pytest.raises(IndexError, match="out of bounds"):
        Variable(x)[7]


def test_scatter_add_adds_repeated_indices_up_and_leaves_x_as_it_is(xp):
    x, src = Variable(xp.asarray(np.ones(3))), Variable(xp.asarray(np.array([1.0, 2.0, 3.0, 4.0])))
    y = F.scatter_add(x, xp.asarray(np.array([2, 2, 0, 2])), src)
    (y * y).sum().backward()
    assert as_numpy(y).tolist() == [4.0, 1.0, 8.0]
    assert as_numpy(x).tolist() == [1.0] * 3
    assert as_numpy(x.grad).tolist() == [8.0, 2.0, 16.0]
    assert as_numpy(src.grad).tolist() == [16.0, 16.0, 8.0, 16.0]


def test_gather_gives_an_element_picked_twice_both_gradients(xp):
    v = Variable(xp.asarray(x))
    F.gather(v, xp.asarray(np.array([[1, 1, 1], [1, 0, 2]]))).backward()
    assert as_numpy(v.grad).tolist() == [[0.0, 1.0, 0.0, 0.0], [2.0, 1.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0]]


@pytest.mark.parametrize("f", [F.take_along_axis, F.gather])
def test_indices_are_a_variable_a_list_or_an_array_of_any_integers(f, xp):
    expected = np.take_along_axis(x, np.array([[2, 0, 1, 1]]), 0)
    given = np.array([[2, 0, 1, 1]])
    kinds = [Variable(xp.asarray(given)), [[2, 0, 1, 1]], *(xp.asarray(given.astype(t)) for t in (np.uint8, np.int16))]
    for indices in kinds:
        np.testing.assert_array_equal(as_numpy(f(Variable(xp.asarray(x)), indices, 0)), expected)


def test_the_first_and_the_last_element_are_in_reach_from_both_ends():
    assert F.gather(v, [0, -5, 4, -1]).data.tolist() == v[[0, 0, 4, 4]].tolist()


def test_no_indices_take_nothing_from_nothing(xp):
    assert F.gather(xp.asarray(x[:0]), xp.asarray(np.zeros((0, 4), int))).shape == (0, 4)
    assert F.take_along_axis(xp.asarray(x[:, :0]), np.zeros((3, 0), int), 1).shape == (3, 0)


def test_small_integers_reach_far_along_a_long_axis():
    long = np.arange(1000.0)
    assert F.gather(long, np.array([-1, 127], np.int8)).data.tolist() == [999.0, 127.0]


def test_numpys_take_along_axis_works_on_a_variable():
    indices = np.argsort(x, axis=1)
    y = np.take_along_axis(Variable(x), indices, axis=1)
    np.testing.assert_array_equal(y.data, np.sort(x, axis=1))
    np.testing.assert_array_equal(
        np.take_along_axis(Variable(x), np.array([11, 0]), axis=None).data, x.ravel()[[11, 0]]
    )


def test_a_memory_order_other_than_cs_is_counted_right(xp):
    indices = rng.integers(0, 3, (2, 4))
    expected = np.take_along_axis(x, indices, 0)
    for array in (np.asfortranarray(x), x[:, ::-1].copy()[:, ::-1]):
        np.testing.assert_array_equal(as_numpy(F.gather(xp.asarray(array), xp.asarray(indices))), expected)


def test_a_gpu_is_not_kept_waiting_for_indices():
    v, src = Variable(strict.asarray(x)), Variable(strict.asarray(x))
    indices = strict.asarray(rng.integers(-4, 4, (3, 4)))
    with no_sync():
        y = F.take_along_axis(v, indices, 1) + F.gather(v, indices, 1) + F.scatter_add(v, indices, src, 1)
        gx = grad(grad(y * y, v, create_graph=True), v)
    assert gx.shape == v.shape


def test_a_gpu_takes_indices_modulo_the_length_of_their_axis():
    y = F.gather(strict.asarray(x), strict.asarray(np.array([[4, 5, -5]] * 3)), 1)
    np.testing.assert_array_equal(as_numpy(y), x[:, [0, 1, 3]])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: F.take_along_axis(x, [[4]], 1),
            IndexError,
            r"take_along_axis: an index is out of range for axis 1 of x \(3, 4\), which has 4 elements",
        ),
        (lambda: F.gather(v, [-6]), IndexError, r"gather: an index is out of range for axis 0 of x \(5,\)"),
        (lambda: F.scatter_add(v, [5], [1.0]), TypeError, "scatter_add works on Variables, arrays and numbers"),
        (lambda: F.scatter_add(v, [5], v), IndexError, "scatter_add: an index is out of range for axis 0"),
        (lambda: F.gather(v[:0], [0]), IndexError, r"gather: .* axis 0 of x \(0,\), which has 0 elements"),
        (lambda: F.gather(v, [0.5]), TypeError, "gather: indices must be integers, got float64"),
        (lambda: F.take_along_axis(v, v > 0, 0), TypeError, "take_along_axis: indices must be integers, got bool"),
        (lambda: F.gather(x, [0]), ValueError, r"gather: indices \(1,\) need as many axes as x \(3, 4\)"),
        (lambda: F.gather(v, [[0]]), ValueError, r"gather: indices \(1, 1\) need as many axes as x \(5,\)"),
        (lambda: F.gather(v, [9]), IndexError, r"gather: an index is out of range for axis 0 of x \(5,\)"),
        (lambda: F.gather(v, [-9]), IndexError, r"gather: an index is out of range for axis 0 of x \(5,\)"),
        (lambda: F.gather(v, [5]), IndexError, r"gather: an index is out of range for axis 0 of x \(5,\)"),
        (lambda: F.scatter_add(v, [0], x), ValueError, r"scatter_add: src \(3, 4\) needs as many axes as x \(5,\)"),
        (
            lambda: F.scatter_add(v, [0, 0, 0], v[:2]),
            ValueError,
            r"scatter_add: indices \(3,\) must be nowhere longer than src \(2,\)\.",
        ),
        (lambda: F.gather(v, [0], 1), ValueError, "gather: axis 1 does not fit an array with 1 dimensions"),
        (
            lambda: F.gather(x, np.zeros((1, 5), int)),
            ValueError,
            r"gather: indices \(1, 5\) must be nowhere longer than x \(3, 4\) but along axis 0",
        ),
        (
            lambda: F.take_along_axis(x, np.zeros((1, 5), int), 0),
            ValueError,
            r"take_along_axis: indices \(1, 5\) do not broadcast with x \(3, 4\) beside axis 0",
        ),
        (lambda: F.scatter_add(x, [[0]], v), ValueError, r"scatter_add: src \(5,\) needs as many axes as x \(3, 4\)"),
        (
            lambda: F.scatter_add(x, np.zeros((2, 4), int), x[:1]),
            ValueError,
            r"scatter_add: indices \(2, 4\) must be nowhere longer than src \(1, 4\)\.",
        ),
        (
            lambda: F.scatter_add(x, np.zeros((1, 5), int), np.ones((1, 5))),
            ValueError,
            r"scatter_add: indices \(1, 5\) must be nowhere longer than x \(3, 4\) but along axis 0",
        ),
        (
            lambda: F.scatter_add(v.astype(np.float16), [0], v.astype(np.float32)),
            TypeError,
            "float16 and float32 do not meet silently",
        ),
    ],
)
def test_what_does_not_fit_is_an_error(call, error, message):
    with pytest.raises(error, match=message):
        call()
