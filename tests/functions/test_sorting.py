from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable
from dezero import functions as F
from dezero.cuda import as_numpy
from strict_device import no_sync
from strict_device import xp as strict

rng = np.random.default_rng(0)
x = rng.standard_normal((3, 4))


@pytest.mark.parametrize("descending", [False, True])
def test_equal_elements_keep_their_order(descending, xp):
    values, indices = F.sort(xp.asarray(np.array([1.0, 2.0, 1.0, 2.0, 1.0])), descending=descending)
    assert as_numpy(values).tolist() == sorted([1.0, 2.0, 1.0, 2.0, 1.0], reverse=descending)
    assert as_numpy(indices).tolist() == ([1, 3, 0, 2, 4] if descending else [0, 2, 4, 1, 3])


@pytest.mark.parametrize("largest", [False, True])
def test_of_equal_elements_topk_takes_the_first(largest, xp):
    values, indices = F.topk(xp.asarray(np.zeros(5)), 3, largest=largest)
    assert as_numpy(indices).tolist() == [0, 1, 2]


def test_topk_takes_none_or_all(xp):
    values, indices = F.topk(xp.asarray(x), 0)
    assert values.shape == indices.shape == (3, 0)
    np.testing.assert_array_equal(as_numpy(F.topk(xp.asarray(x), 3, 0)[0]), np.sort(x, axis=0)[::-1])


def test_gradients_go_back_to_where_the_values_came_from(xp):
    v = Variable(xp.asarray(np.array([3.0, 1.0, 4.0, 1.5])))
    values, _ = F.topk(v, 2)
    (values * xp.asarray(np.array([10.0, 20.0]))).sum().backward()
    assert as_numpy(v.grad).tolist() == [20.0, 0.0, 10.0, 0.0]


def test_indices_are_constant_integers(xp):
    v = Variable(xp.asarray(x))
    for indices in (F.sort(v)[1], F.topk(v, 2)[1], F.argmax(v), F.argmin(v, 1, keepdims=True)):
        assert isinstance(indices, Variable)
        assert indices.dtype == np.int64 and not indices.requires_grad and indices.creator is None


@pytest.mark.parametrize("axis", [0, 1])
def test_indices_are_those_that_take_along_axis_takes(axis):
    for values, indices in (F.sort(x, axis), F.sort(x, axis, descending=True), F.topk(x, 2, axis)):
        np.testing.assert_array_equal(F.take_along_axis(x, indices, axis).data, values.data)


def test_integers_sort_too_unsigned_ones_as_well():
    assert F.sort(np.array([3, 0, 255], np.uint8), descending=True)[0].data.tolist() == [255, 3, 0]
    assert F.topk(np.array([3, 0, 255], np.uint8), 2, largest=False)[1].data.tolist() == [1, 0]


def test_nan_counts_as_the_largest(xp):
    v = xp.asarray(np.array([np.nan, 1.0, np.inf]))
    assert as_numpy(F.sort(v)[1]).tolist() == [1, 2, 0]
    assert as_numpy(F.topk(v, 2)[1]).tolist() == [0, 2]


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_the_place_of_an_extreme_is_a_method_and_a_function_of_numpy_too(name, xp):
    v = Variable(xp.asarray(x))
    for y in (getattr(v, name)(axis=1), getattr(np, name)(v, axis=1), getattr(F, name)(v, -1)):
        assert as_numpy(y).tolist() == getattr(x, name)(axis=1).tolist()
    assert getattr(v, name)(keepdims=True).shape == (1, 1)


def test_a_gpu_is_not_kept_waiting():
    v = Variable(strict.asarray(x))
    with no_sync():
        (F.sort(v, 0, descending=True)[0] * F.topk(v, 1, axis=1)[0]).backward()
        F.argmax(v, 1)
    assert v.grad.shape == v.shape


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.sort(x, 2), "sort: axis 2 does not fit an array with 2 dimensions"),
        (lambda: F.sort(np.array(1.0)), "sort: axis -1 does not fit an array with 0 dimensions"),
        (lambda: F.topk(x, 1, 2), "topk: axis 2 does not fit an array with 2 dimensions"),
        (lambda: F.topk(x, 5), r"topk: k must be from 0 to 4, the length of axis 1 of x \(3, 4\), got 5"),
        (lambda: F.topk(x, -1, 0), "topk: k must be from 0 to 3, the length of axis 0"),
        (lambda: F.argmax(x, 2), "argmax: axis 2 does not fit an array with 2 dimensions"),
        (lambda: F.argmax(x, -3), "argmax: axis -3 does not fit an array with 2 dimensions"),
        (lambda: F.argmin(x, [1]), r"argmin: one axis or None is wanted, got \[1\]"),
        (lambda: F.argmin(x, (0, 1)), r"argmin: one axis or None is wanted, got \(0, 1\)"),
        (lambda: F.argmax(np.ones((0, 2)), 0), r"argmax: x \(0, 2\) has no elements along axis 0; at least one"),
        (lambda: F.argmin(np.ones(0)), r"argmin: x \(0,\) has no elements; at least one is wanted"),
    ],
)
def test_what_does_not_fit_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()
