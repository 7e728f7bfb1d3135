from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable, grad
from dezero import functions as F
from dezero.cuda import as_numpy
from dezero.testing import check_grads

rng = np.random.default_rng(0)
x, x3 = rng.standard_normal((3, 4)), rng.standard_normal((2, 3, 4))


def test_reshape_takes_a_tuple_a_list_or_numbers():
    x = Variable(np.arange(6.0))
    assert x.reshape((2, 3)).shape == x.reshape([2, 3]).shape == x.reshape(2, 3).shape == (2, 3)
    assert x.reshape(-1, 2).shape == (3, 2)
    assert F.reshape(x.reshape(2, 3), 6).shape == x.reshape(2, 3).reshape(np.int64(6)).shape == (6,)


def test_transpose_takes_a_tuple_numbers_or_nothing():
    x = Variable(np.ones((2, 3, 4)))
    assert x.transpose((1, 0, 2)).shape == x.transpose(1, 0, 2).shape == (3, 2, 4)
    assert x.transpose().shape == x.transpose(None).shape == x.T.shape == (4, 3, 2)


@pytest.mark.parametrize("f", [lambda x: x.reshape(-1, 2) ** 2, lambda x: x.transpose(0, 2, 1) ** 2, lambda x: x.T**2])
def test_methods_differentiate_twice(f):
    check_grads(f, x3)


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda v: np.squeeze(v[:, :1]), x3[:, 0]),
        (lambda v: v[:, :1].squeeze(1), x3[:, 0]),
        (lambda v: np.swapaxes(v, axis1=0, axis2=-1), x3.transpose(2, 1, 0)),
        (lambda v: v.swapaxes(0, 1), x3.swapaxes(0, 1)),
        (lambda v: np.moveaxis(v, 0, -1), np.moveaxis(x3, 0, -1)),
        (lambda v: np.flip(v, axis=1), x3[:, ::-1]),
        (lambda v: np.roll(v, 1, axis=2), np.roll(x3, 1, axis=2)),
        (lambda v: np.pad(v, 1, mode="edge"), np.pad(x3, 1, mode="edge")),
        (lambda v: np.pad(v, 1, constant_values=2), np.pad(x3, 1, constant_values=2)),
        (lambda v: np.expand_dims(v, 1), x3[:, None]),
        (lambda v: np.reshape(v, (4, 6)), x3.reshape(4, 6)),
        (lambda v: np.transpose(v), x3.T),
    ],
)
def test_numpys_functions_and_methods_of_a_variable_keep_the_gradient(f, expected, xp):
    v = Variable(xp.asarray(x3))
    y = f(v)
    np.testing.assert_array_equal(as_numpy(y), expected)
    y.backward()
    assert v.grad.shape == x3.shape


def test_expand_dims_minus_one_puts_the_axis_last():
    assert F.expand_dims(x, -1).shape == np.expand_dims(x, -1).shape == (3, 4, 1)
    assert F.expand_dims(x, -3).shape == (1, 3, 4)
    assert F.expand_dims(x, 2).shape == (3, 4, 1)


def test_an_empty_axis_is_not_squeezed():
    assert F.squeeze(np.ones((0, 1, 3))).shape == F.squeeze(np.ones((0, 1, 3)), 1).shape == (0, 3)


def test_axes_of_transpose_count_from_the_end_too():
    np.testing.assert_array_equal(F.transpose(x3, (-1, -3, 1)).data, x3.transpose(2, 0, 1))


def test_cast_changes_the_dtype_and_casts_the_gradient_back(xp):
    x = Variable(xp.asarray(np.ones(2, np.float32)))
    y = x.astype(np.float64)
    (y * 2).sum().backward()
    assert (y.dtype, x.grad.dtype) == (np.float64, np.float32)
    assert F.cast(x, "float32") is x


def test_cast_rounds_as_numpy_does(xp):
    y = F.cast(xp.asarray(x), np.float16)
    np.testing.assert_array_equal(as_numpy(y), x.astype(np.float16))
    assert as_numpy(F.cast(xp.asarray(x), int)).tolist() == x.astype(int).tolist()


@pytest.mark.parametrize("mode", ["reflect", "edge"])
def test_the_margin_gives_its_gradient_to_where_it_was_taken_from(mode, xp):
    v = Variable(xp.asarray(np.zeros(3)))
    F.pad(v, (2, 1), mode=mode).backward(create_graph=True)
    assert as_numpy(v.grad).tolist() == ([1.0, 3.0, 2.0] if mode == "reflect" else [3.0, 1.0, 2.0])


def test_reflection_goes_on_where_the_margin_is_wider_than_the_array():
    assert F.pad(np.arange(3.0), (5, 4), mode="reflect").data.tolist() == [1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]
    assert F.pad(np.ones(1), 2, mode="reflect").data.tolist() == [1.0] * 5


def test_moved_axes_get_their_gradient_back_in_place():
    v = Variable(x3)
    weights = rng.standard_normal((4, 2, 3))
    (g,) = grad([(F.moveaxis(v, 2, 0) * weights).sum()], [v])
    np.testing.assert_array_equal(g.data, np.moveaxis(weights, 0, 2))


def test_a_plain_array_is_a_constant():
    for y in (F.reshape(x, (3, 4)), F.expand_dims(x, 0), F.flip(x), F.pad(x, 1), F.squeeze(x), F.cast(x, np.float64)):
        assert not y.requires_grad


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.reshape(x, (5, 2)), r"reshape: \(3, 4\) has 12 elements and cannot become \(5, 2\)"),
        (lambda: F.reshape(x, (-1, -1)), r"cannot become \(-1, -1\)"),
        (lambda: F.reshape(x, (5, -1)), r"reshape: \(3, 4\) has 12 elements and cannot become \(5, -1\)"),
        (lambda: F.reshape(x, (0, -1)), r"reshape: \(3, 4\) has 12 elements and cannot become \(0, -1\)"),
        (lambda: F.reshape(x[:0], (0, -1)), r"reshape: \(0, 4\) has 0 elements and cannot become \(0, -1\)"),
        (lambda: F.transpose(x, (0, 0)), r"transpose: axes \(0, 0\) are no order of the 2 axes of x"),
        (lambda: F.transpose(x, (0, 2)), r"transpose: axes \(0, 2\) are no order of the 2 axes of x"),
        (lambda: F.transpose(x, (0, -3)), r"transpose: axes \(0, -3\) are no order of the 2 axes of x, \(3, 4\)"),
        (lambda: F.transpose(x, (0,)), r"transpose: axes \(0,\) are no order of the 2 axes of x"),
        (lambda: F.expand_dims(x, 3), "expand_dims: axis 3 does not fit a result with 3 dimensions"),
        (lambda: F.transpose(x, (0, 3)), r"transpose: axes \(0, 3\) are no order of the 2 axes of x"),
        (lambda: F.transpose(x, (0, -5)), r"transpose: axes \(0, -5\) are no order of the 2 axes of x"),
        (lambda: F.expand_dims(x, 5), "expand_dims: axis 5 does not fit a result with 3 dimensions"),
        (lambda: F.expand_dims(x, -6), "expand_dims: axis -6 does not fit a result with 3 dimensions"),
        (lambda: F.squeeze(x[:0], 0), r"squeeze: only an axis of length 1 can go, but axis 0 of \(0, 4\) has"),
        (
            lambda: F.roll(x, (1,), (0, 1)),
            r"roll: one shift for each axis is wanted, got shift \(1,\) for axis \(0, 1\)",
        ),
        (lambda: F.expand_dims(x, -4), "expand_dims: axis -4 does not fit a result with 3 dimensions"),
        (lambda: F.flatten(np.array(1.0)), "flatten: x needs a first axis to keep, got a 0-d array"),
        (lambda: F.squeeze(x, 0), r"squeeze: only an axis of length 1 can go, but axis 0 of \(3, 4\) has more"),
        (lambda: F.squeeze(x, 2), "squeeze: axis 2 does not fit an array with 2 dimensions"),
        (lambda: F.swapaxes(x, 0, 2), "swapaxes: axis 2 does not fit an array with 2 dimensions"),
        (lambda: F.moveaxis(x, (0, 1), 0), r"moveaxis: as many destinations as sources are wanted, got \(0, 1\) and 0"),
        (lambda: F.moveaxis(x, 0, (0, 1)), r"moveaxis: as many destinations as sources are wanted, got 0 and \(0, 1\)"),
        (lambda: F.moveaxis(x, (0, 0), (0, 1)), r"moveaxis: axis \(0, 0\) does not fit"),
        (lambda: F.flip(x, 2), "flip: axis 2 does not fit an array with 2 dimensions"),
        (lambda: F.roll(x, 1, 2), "roll: axis 2 does not fit an array with 2 dimensions"),
        (lambda: F.roll(x, (1, 2), 0), r"roll: one shift for each axis is wanted, got shift \(1, 2\) for axis 0"),
        (lambda: F.pad(x, ((1, 1),) * 3), r"pad: pad_width .* does not fit an array with 2 dimensions"),
        (lambda: F.pad(x, -1), "pad: pad_width must be integers, none negative, got -1"),
        (lambda: F.pad(x, 0.5), "pad: pad_width must be integers, none negative, got 0.5"),
        (lambda: F.pad(x, 1, mode="wrap"), 'pad: mode must be "constant", "edge" or "reflect", got \'wrap\''),
        (
            lambda: F.pad(np.ones((0, 2)), 1, mode="edge"),
            r'pad: axis 0 of x \(0, 2\) is empty, so mode "edge" has nothing to repeat',
        ),
    ],
)
def test_what_does_not_fit_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()
