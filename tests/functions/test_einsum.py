from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable
from dezero import functions as F
from dezero.cuda import as_numpy
from dezero.functions.einsum import _cheapest_pair
from strict_device import counting
from strict_device import xp as strict

rng = np.random.default_rng(0)


def normal(*shape):
    return rng.standard_normal(shape)


def test_numpys_einsum_of_variables_is_ours():
    x, W = Variable(normal(2, 3)), normal(3, 4)
    for y in (np.einsum("ij,jk->ik", x, W), np.einsum("ij,jk->ik", x, W, optimize=True)):
        assert isinstance(y, Variable)
        np.testing.assert_allclose(y.data, x.data @ W)


def test_the_gradient_of_an_operand_that_broadcast_has_its_shape(xp):
    xs = [Variable(xp.asarray(normal(*shape))) for shape in ((1, 3), (4, 2, 1), (1,))]
    F.einsum("...i,...i,i->...", *xs).backward()
    assert [x.grad.shape for x in xs] == [(1, 3), (4, 2, 1), (1,)]


def test_one_variable_may_be_two_operands():
    x = Variable(normal(3))
    F.einsum("i,i", x, x).backward()
    np.testing.assert_allclose(x.grad.data, 2 * x.data)


def test_the_gradient_of_a_trace_is_the_identity():
    x = Variable(normal(3, 3))
    F.einsum("ii", x).backward()
    np.testing.assert_array_equal(x.grad.data, np.eye(3))


def test_a_gradient_on_the_diagonal_keeps_infinity_to_itself():
    x = Variable(np.ones((2, 2)))
    with np.errstate(over="ignore"):
        (F.einsum("ii->i", x) * 1e300 * 1e300).backward()
    assert x.grad.data.tolist() == [[np.inf, 0.0], [0.0, np.inf]]


def test_gradients_share_no_memory_with_data_and_are_writable():
    x, y = Variable(normal(2, 3)), Variable(normal(2, 3))
    z = F.einsum("ij->", x) + F.einsum("ij->ij", y).sum()
    z.backward()
    assert x.grad.data.flags.writeable and y.grad.data.flags.writeable
    assert not np.shares_memory(x.grad.data, y.grad.data)


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,jk->ik", [(6, 4), (4, 5)]),
        ("ij,kj->ki", [(6, 4), (5, 4)]),
        ("bhqd,bhkd->bhqk", [(2, 3, 6, 4), (2, 3, 5, 4)]),
        ("bqhd,bkhd->bhqk", [(2, 6, 3, 4), (2, 5, 3, 4)]),
        ("bhqk,bkhd->bqhd", [(2, 3, 6, 5), (2, 5, 3, 4)]),
        ("...ij,jk->...ik", [(2, 3, 6, 4), (4, 5)]),
        ("abc,bcd->ad", [(2, 3, 4), (3, 4, 5)]),
    ],
)
def test_two_operands_are_one_matrix_product_without_a_copy(subscripts, shapes):
    xs = [strict.asarray(normal(*shape)) for shape in shapes]
    with counting() as seen:
        F.einsum(subscripts, *xs)
    assert seen.launches == 1


def test_of_three_operands_first_the_two_that_leave_the_least():
    n = 200_000  # the first two together have n^2 elements
    assert F.einsum("i,j,i->j", *[np.ones(n)] * 3).data[0] == n


def test_first_come_the_two_that_free_the_most_memory():
    sizes = {"a": 10, "b": 10, "c": 10, "d": 2}
    assert _cheapest_pair(["d", "d", "abc", "abc"], "", sizes) == (2, 3)
    assert _cheapest_pair(["abc", "d", "d", "abc"], "", sizes) == (0, 3)
    assert _cheapest_pair(["abc", "d", "d", "abc"], "abc", sizes) == (0, 3)
    assert _cheapest_pair(["ab", "cd", "cd"], "abd", sizes) == (1, 2)


def test_a_sum_over_axes_of_length_one_is_no_work():
    x = strict.asarray(normal(5, 1))
    with counting() as seen:
        y = F.einsum("ij->i", x)
    assert seen.launches == 0 and y.shape == (5,)


def test_without_an_arrow_an_index_that_occurs_three_times_is_summed_over():
    x = normal(3)
    np.testing.assert_allclose(F.einsum("i,i,i", x, x, x).data, (x**3).sum())


def test_float32_and_float64_meet_as_in_numpy(xp):
    y = F.einsum("i,i", xp.asarray(np.ones(3, np.float32)), xp.asarray(np.ones(3)))
    assert as_numpy(y).dtype == np.float64


def test_integers_keep_their_type():
    x = np.arange(6, dtype=np.int8).reshape(2, 3)
    for subscripts in ("ij->i", "ij,kj->ik", "ij,ij->ij"):
        xs = [x] * (subscripts.count(",") + 1)
        y, expected = F.einsum(subscripts, *xs).data, np.einsum(subscripts, *xs)
        assert y.dtype == expected.dtype
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize(
    ("subscripts", "shapes", "message"),
    [
        ("ij->k", [(2, 3)], r"einsum: index k of the result 'k' is in no operand \(ij\)"),
        ("ij->ii", [(2, 3)], "einsum: the result 'ii' names index i twice"),
        ("ij,jk", [(2, 3)], "einsum: 'ij,jk' names 2 operands, but 1 were given"),
        ("ijk", [(2, 3)], r"einsum: 'ijk' has 3 indices, but operand 0 has shape \(2, 3\)"),
        ("i,j", [(2,), (2, 3)], r"einsum: 'j' has 1 indices, but operand 1 has shape \(2, 3\)"),
        (
            "ij,jk",
            [(2, 3), (4, 5)],
            r"index j has length 4 in operand 1, but 3 elsewhere \(shapes \(2, 3\), \(4, 5\)\)",
        ),
        ("ii", [(2, 3)], "einsum: index i has length 3 in operand 0, but 2 elsewhere"),
        ("ii", [(1, 3)], "einsum: index i has length 3 in operand 0, but 1 elsewhere"),
        ("ii", [(3, 1)], "einsum: index i has length 1 in operand 0, but 3 elsewhere"),
        ("ii", [(3, 2)], "einsum: index i has length 2 in operand 0, but 3 elsewhere"),
        ("i,i", [(3,), (0,)], "einsum: index i has length 0 in operand 1, but 3 elsewhere"),
        ("i,i", [(0,), (3,)], "einsum: index i has length 3 in operand 1, but 0 elsewhere"),
        ("ij,jk", [(2, 3)] * 3, "einsum: 'ij,jk' names 2 operands, but 3 were given"),
        ("i", [(2, 3)], r"einsum: 'i' has 1 indices, but operand 0 has shape \(2, 3\)"),
        ("...ijk", [(2, 3)], r"einsum: '...ijk' has 3 indices, but operand 0 has shape \(2, 3\)"),
        ("...,...", [(2, 5), (3, 5)], "einsum: an axis of '...' has length 3 in operand 1, but 2 elsewhere"),
        ("...,...", [(2,), (3,)], "einsum: an axis of '...' has length 3 in operand 1, but 2 elsewhere"),
        ("...i->i", [(2, 3)], "einsum: the result 'i' leaves out the axes of '...'. Add '...' to it"),
        ("..i", [(2, 3)], "einsum: '..i' cannot be read"),
        ("...i...", [(2, 3)], "cannot be read"),
        ("i-j", [(2, 3)], "cannot be read"),
        ("i1", [(2, 3)], "cannot be read"),
        ("ij->i,j", [(2, 3)], "cannot be read"),
        ("ij->i->j", [(2, 3)], "cannot be read"),
    ],
)
def test_what_cannot_be_read_or_does_not_fit_is_an_error(subscripts, shapes, message):
    with pytest.raises(ValueError, match=message):
        F.einsum(subscripts, *[normal(*shape) for shape in shapes])


def test_subscripts_must_be_a_string():
    with pytest.raises(TypeError, match="einsum: subscripts must be a string such as 'ij,jk->ik', got ndarray"):
        F.einsum(normal(2, 3), [0, 1])


def test_float16_and_float32_do_not_meet_silently():
    with pytest.raises(TypeError, match="einsum: float16 and float32 do not meet silently"):
        F.einsum("i,i", np.ones(2, np.float16), np.ones(2, np.float32))
