from __future__ import annotations

import operator

import numpy as np
import pytest

from dezero import Variable
from dezero.cuda import as_numpy

rng = np.random.default_rng(0)
x, z = rng.standard_normal((2, 3)), rng.standard_normal((2, 3))


def test_a_variable_gives_its_rows_one_by_one(xp):
    v = Variable(xp.asarray(x))
    rows = list(v)
    assert [as_numpy(row).tolist() for row in rows] == x.tolist()
    (rows[1] * 2).backward()
    assert as_numpy(v.grad).tolist() == [[0.0] * 3, [2.0] * 3]
    assert list(Variable(xp.asarray(x[:0]))) == []


def test_a_number_has_no_elements_to_iterate_over():
    with pytest.raises(TypeError, match=r"A 0-d Variable has no elements to iterate over.* with v.item\(\)"):
        iter(Variable(np.array(1.0)))


def test_a_shape_comes_as_numbers_as_a_tuple_or_as_a_list():
    v = Variable(x)
    assert v.reshape(6).shape == v.reshape((6,)).shape == v.reshape([6]).shape == (6,)
    assert v.reshape(3, 2).shape == v.reshape((3, 2)).shape == v.reshape([3, -1]).shape == (3, 2)
    assert v[:1, :1].reshape(()).shape == v[:1, :1].reshape().shape == ()


def test_axes_come_as_numbers_as_a_tuple_or_not_at_all():
    v = Variable(x[None])
    assert v.transpose().shape == v.transpose(None).shape == v.T.shape == (3, 2, 1)
    assert v.transpose(1, 0, 2).shape == v.transpose((1, 0, 2)).shape == v.transpose([1, 0, 2]).shape == (2, 1, 3)
    assert Variable(x[0]).transpose(0).shape == Variable(x[0]).transpose((0,)).shape == (3,)


@pytest.mark.parametrize("f", [operator.sub, operator.truediv, operator.pow, operator.lt, operator.ge])
def test_a_number_or_an_array_may_stand_on_either_side(f):
    a, b = abs(x) + 0.5, abs(z) + 0.5
    for left, right in ((Variable(a), b), (a, Variable(b)), (Variable(a), Variable(b))):
        np.testing.assert_allclose(as_numpy(f(left, right)), f(a, b), rtol=1e-12)
    np.testing.assert_allclose(as_numpy(f(2.0, Variable(b))), f(2.0, b), rtol=1e-12)


def test_a_matrix_may_stand_on_either_side():
    for left, right in ((Variable(x), z.T), (x, Variable(z.T))):
        np.testing.assert_allclose((left @ right).data, x @ z.T, rtol=1e-12)


@pytest.mark.parametrize("name", ["less", "less_equal", "greater", "greater_equal", "equal", "not_equal"])
def test_numpys_comparisons_take_a_variable_on_either_side(name):
    f, b = getattr(np, name), np.where(z > 0, x, z)
    for left, right in ((Variable(x), b), (x, Variable(b)), (Variable(x), Variable(b))):
        assert as_numpy(f(left, right)).tolist() == f(x, b).tolist()
