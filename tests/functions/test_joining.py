from __future__ import annotations

import gc

import numpy as np
import pytest

from dezero import Variable, grad
from dezero import functions as F
from dezero.cuda import as_numpy
from dezero.testing import check_grads

rng = np.random.default_rng(0)
x, v = rng.standard_normal((3, 4)), rng.standard_normal(5)


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: np.concatenate([x, x], axis=1), np.concatenate([x, x], axis=1)),
        (lambda x: np.stack([x, x], axis=-1), np.stack([x, x], axis=-1)),
        (lambda x: np.split(x, 2, axis=1)[1], x[:, 2:]),
        (lambda x: np.split(x, [1])[1], x[1:]),
        (lambda x: np.repeat(x, 2, axis=0), np.repeat(x, 2, axis=0)),
        (lambda x: x.repeat([1, 0, 2], axis=0), np.repeat(x, [1, 0, 2], axis=0)),
        (lambda x: x.repeat(2), np.repeat(x, 2)),
        (lambda x: np.tile(x, (2, 1)), np.tile(x, (2, 1))),
    ],
)
def test_numpys_functions_and_methods_of_a_variable_keep_the_gradient(f, expected, xp):
    v = Variable(xp.asarray(x))
    y = f(v)
    np.testing.assert_array_equal(as_numpy(y), expected)
    y.backward()
    assert v.grad.shape == x.shape


@pytest.mark.parametrize("take_apart", [lambda v: F.split(v, 3), F.unstack])
def test_pieces_that_nobody_keeps_get_no_gradient(take_apart, xp):
    v = Variable(xp.asarray(x))
    piece = take_apart(v)[1]
    gc.collect()
    (piece * piece).sum().backward(create_graph=True)
    expected = np.zeros((3, 4))
    expected[1] = 2 * x[1]
    np.testing.assert_array_equal(as_numpy(v.grad), expected)
    assert as_numpy(grad((v.grad * v.grad).sum(), v))[0].tolist() == [0.0] * 4


def test_all_pieces_come_from_one_function():
    for pieces in (F.split(Variable(x), 3), F.unstack(Variable(x))):
        assert len({piece.creator for piece in pieces}) == 1


def test_one_piece_comes_in_a_list_too():
    assert [y.shape for y in F.split(x, 1)] == [(3, 4)]
    assert [y.shape for y in F.unstack(x[:1])] == [(4,)]
    assert F.unstack(x[:0]) == []


def test_one_array_joins_with_nothing():
    np.testing.assert_array_equal(F.concat([x], axis=1).data, x)
    np.testing.assert_array_equal(F.stack([x], axis=-3).data, x[None])
    np.testing.assert_array_equal(F.concat([x, x], axis=-2).data, np.concatenate([x, x]))


def test_an_empty_axis_may_have_a_repeat_for_each_of_its_elements():
    assert F.repeat(x[:0], [], axis=0).shape == (0, 4)
    assert F.repeat(x[:, :0], 2, axis=1).shape == (3, 0)


def test_split_undoes_concat_and_unstack_undoes_stack():
    parts = F.split(F.concat([x, v[:4].reshape(1, 4)]), [3])
    np.testing.assert_array_equal(parts[0].data, x)
    rows = F.unstack(F.stack([v, v * 2], axis=1), axis=1)
    np.testing.assert_array_equal(rows[1].data, v * 2)


def test_split_cuts_where_numpy_does(xp):
    for cut in (1, 5, [2], [0, 2, 2, 5, 9], [-3, -1], (), np.array([1, 3])):
        for found, expected in zip(F.split(xp.asarray(v), cut), np.split(v, cut), strict=True):
            np.testing.assert_array_equal(as_numpy(found), expected)


def test_joined_gradients_are_arrays_of_their_own():
    a, b = Variable(x), Variable(x * 2)
    (F.concat([a, b]).sum() + F.stack([a, b]).sum()).backward()
    a.grad.data[0] = 9.0
    assert b.grad.data.tolist() == [[2.0] * 4] * 3


def test_a_variable_joined_with_itself_gets_both_gradients():
    v = Variable(x)
    (F.stack([v, v]) * np.array([1.0, 2.0]).reshape(2, 1, 1)).backward()
    assert v.grad.data.tolist() == [[3.0] * 4] * 3


def test_float32_and_float64_join_in_float64_and_get_gradients_of_their_own():
    for f in (F.concat, F.stack):
        a, b = Variable(np.ones(2, np.float32)), Variable(np.ones(2))
        y = f([a, b])
        y.backward()
        assert (y.dtype, a.grad.dtype, b.grad.dtype) == (np.float64, np.float32, np.float64)


def test_repeats_of_elements_differentiate_where_some_are_zero():
    check_grads(lambda x: F.repeat(x, [2, 0, 1, 3], axis=1) ** 2, x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.concat([]), "concat: at least one array is wanted, got none"),
        (lambda: F.concat([x, x], 2), "concat: axis 2 does not fit arrays with 2 dimensions"),
        (lambda: F.concat([x, x], -3), "concat: axis -3 does not fit arrays with 2 dimensions"),
        (lambda: F.concat([v, x], 1), "concat: axis 1 does not fit arrays with 1 dimensions"),
        (lambda: F.concat([x, v], 1), r"concat: shapes must agree but for axis 1, got \(3, 4\), \(5,\)"),
        (lambda: F.concat([x, v]), r"concat: shapes must agree but for axis 0, got \(3, 4\), \(5,\)"),
        (lambda: F.concat([x, x.T], 1), r"concat: shapes must agree but for axis 1, got \(3, 4\), \(4, 3\)"),
        (lambda: F.stack([]), "stack: at least one array is wanted, got none"),
        (lambda: F.stack([x, x.T]), r"stack: shapes must agree, got \(3, 4\), \(4, 3\). concat joins unequal lengths"),
        (lambda: F.stack([x, x], 3), "stack: axis 3 does not fit a result with 3 dimensions"),
        (lambda: F.concat([x, x], 3), "concat: axis 3 does not fit arrays with 2 dimensions"),
        (lambda: F.concat([x, x], -5), "concat: axis -5 does not fit arrays with 2 dimensions"),
        (lambda: F.stack([x, x], 5), "stack: axis 5 does not fit a result with 3 dimensions"),
        (lambda: F.stack([x, x], -6), "stack: axis -6 does not fit a result with 3 dimensions"),
        (lambda: F.stack([x, x], -4), "stack: axis -4 does not fit a result with 3 dimensions"),
        (lambda: F.split(x, 2), "split: axis 0 with 3 elements has no 2 pieces of equal length"),
        (lambda: F.split(x, 0), "split: axis 0 with 3 elements has no 0 pieces"),
        (lambda: F.split(x, [2, 1]), r"split: indices must be in order for an axis with 3 elements, got \[2, 1\]"),
        (lambda: F.split(x, [3, 2]), r"split: indices must be in order for an axis with 3 elements, got \[3, 2\]"),
        (lambda: F.split(x, -1), "split: axis 0 with 3 elements has no -1 pieces"),
        (lambda: F.split(x, 1, 2), "split: axis 2 does not fit an array with 2 dimensions"),
        (lambda: F.unstack(x, 2), "unstack: axis 2 does not fit an array with 2 dimensions"),
        (lambda: F.unstack(np.array(1.0)), "unstack: axis 0 does not fit an array with 0 dimensions"),
        (lambda: F.repeat(x, -1), "repeat: an integer or 12 of them are wanted, none negative, got -1"),
        (lambda: F.repeat(x, [1, 2], 0), r"repeat: an integer or 3 of them are wanted, none negative, got \[1, 2\]"),
        (lambda: F.repeat(x, [[1, 2, 3]], 0), r"repeat: an integer or 3 of them are wanted, .* got \[\[1, 2, 3\]\]"),
        (lambda: F.repeat(x, [1, 0, -1], 0), r"repeat: .* none negative, got \[1, 0, -1\]"),
        (lambda: F.repeat(x, 2, 2), "repeat: axis 2 does not fit an array with 2 dimensions"),
        (lambda: F.tile(x, (2, -1)), r"tile: reps must not be negative, got \(2, -1\)"),
    ],
)
def test_what_does_not_fit_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_repeats_must_be_integers():
    with pytest.raises(TypeError, match="repeat: repeats must be integers, got float64"):
        F.repeat(x, 1.5)


@pytest.mark.parametrize("f", [F.concat, F.stack])
def test_half_and_single_precision_do_not_meet_silently(f):
    xs = [np.ones(2, np.float32), np.ones(2, np.float32), np.ones(2, np.float16)]
    with pytest.raises(TypeError, match=f"{f.__name__}: float16 and float32 do not meet silently"):
        f(xs)
    for other in (np.ones(2), np.ones(2, bool), np.ones(2, np.int8), np.ones(2, np.uint64)):
        widest = "float64" if other.dtype == np.float64 else "float32"
        with pytest.raises(TypeError, match=f"{f.__name__}: float16 and {widest} do not meet silently"):
            f([other, *xs])
