from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dezero import using_config
from dezero.cuda import as_numpy
from dezero.kernels import resample as kernels
from dezero.kernels.compiled import numba_version
from dezero.kernels.resample import Taps, resample, transposed


def as_matrix(taps):
    """The map as the matrix that it is."""
    M = np.zeros((taps.places.shape[1], taps.length))
    for t, o in np.ndindex(*taps.places.shape):
        M[o, taps.places[t, o]] += 1 if taps.weights is None else taps.weights[t, o]
    return M


@st.composite
def maps(draw):
    """Some elements may be used often and some never; weights may be zero."""
    length, T, O = draw(st.integers(1, 6)), draw(st.integers(1, 3)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    places = rng.integers(0, length, (T, O))
    if draw(st.booleans()):
        return Taps(places[:1], None, length)
    return Taps(places, rng.standard_normal((T, O)) * rng.integers(0, 2, (T, O)) + (np.arange(O) == 0), length)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(maps())
def test_the_transpose_is_that_of_the_matrix(taps):
    np.testing.assert_allclose(as_matrix(transposed(taps)), as_matrix(taps).T)
    np.testing.assert_allclose(as_matrix(transposed(transposed(taps))), as_matrix(taps))


@settings(deadline=None, derandomize=True, max_examples=60)
@given(maps(), maps(), st.booleans())
def test_rows_and_columns_are_multiplied_by_their_matrices(rows, columns, last):
    with using_config("numba", False):
        check(rows, columns, last, 3)


@pytest.mark.skipif(not numba_version(), reason="Numba is not installed.")
@settings(deadline=None, derandomize=True, max_examples=100)
@given(maps(), maps(), st.booleans(), st.sampled_from([1, 3, 19]))
def test_the_loop_multiplies_by_the_same_matrices(rows, columns, last, C):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "_WORTH_A_THREAD", 1)
        check(rows, columns, last, C)


@pytest.mark.parametrize("sizes", [((5, 5), (1, 1)), ((1, 1), (5, 6)), ((4, 4), (8, 8)), ((1, 3), (1, 1))])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("C", [1, 2, 17, 40])
def test_means_spread_and_repeated_rows_are_those_of_the_matrices(C, last, sizes, way):
    """What has a way of its own: one pixel from all, all from one, and rows that are the one before."""

    def means(length, size):
        if size > length:
            return transposed(means(size, length))
        places = np.arange(length).reshape(size, -1).T
        return Taps(places, np.full(places.shape, size / length), length)

    (H, W), (OH, OW) = sizes
    check(means(H, OH), means(W, OW), last, C)


def test_whole_numbers_of_one_pixel_stay_whole(way):
    one = Taps(np.zeros((1, 2), int), None, 1)
    for taps in (one, Taps(np.zeros((1, 1), int), None, 1)):
        assert resample(np.full((1, 2, 1, 1), 3), taps, taps).dtype.kind == "i"


def check(rows, columns, last, C):
    x = np.random.default_rng(0).standard_normal((2, C, rows.length, columns.length))
    x = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) if last else x
    y = resample(x, rows, columns)
    np.testing.assert_allclose(y, as_matrix(rows) @ x @ as_matrix(columns).T, rtol=1e-10, atol=1e-12)
    assert not np.may_share_memory(x, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("C", [2, 20])
def test_both_ways_keep_the_dtype_and_what_is_no_number(C, last, dtype, way):
    x = np.arange(2 * C * 20).reshape(2, 5, 4, C).transpose(0, 3, 1, 2).astype(dtype)
    x = x if last else np.ascontiguousarray(x)
    if x.dtype.kind == "f":
        x[0, 0, 0, 0], x[1, 1, 4, 3] = np.nan, np.inf
    x.flags.writeable = False
    rows, columns = Taps(np.array([[4, 0, 1]]), None, 5), Taps(np.array([[3, 0]]), None, 4)
    y = resample(x, rows, columns)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, x[:, :, [4, 0, 1]][:, :, :, [3, 0]])
    assert np.argsort(y.strides).tolist() == np.argsort(x.strides).tolist()


def test_a_batch_of_none_gives_none(way):
    one = Taps(np.array([[0, 0]]), None, 3)
    assert resample(np.ones((0, 2, 3, 3)), one, one).shape == (0, 2, 2, 2)


@pytest.mark.parametrize("last", [False, True])
def test_results_keep_the_memory_order(xp, last, way):
    x = np.ones((2, 4, 6, 3)).transpose(0, 3, 1, 2) if last else np.ones((2, 3, 4, 6))
    half = Taps(np.array([[0, 2], [1, 3]]), np.full((2, 2), 0.5), 4)
    every_other = Taps(np.array([[0, 2, 4]]), None, 6)
    y = resample(xp.asarray(x), half, every_other)
    assert np.argsort(y.strides).tolist() == np.argsort(x.strides).tolist()


def test_half_precision_is_summed_in_single(xp, way):
    x = xp.asarray(np.full((1, 1, 4096, 1), 1.0, np.float16))
    mean = Taps(np.arange(4096)[:, None], np.full((4096, 1), 1 / 4096), 4096)
    y = resample(x, mean, Taps(np.array([[0]]), None, 1))
    assert y.dtype == np.float16
    assert as_numpy(y).item() == 1.0
