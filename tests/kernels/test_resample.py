from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dezero.cuda import as_numpy
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
    x = np.random.default_rng(0).standard_normal((2, 3, rows.length, columns.length))
    x = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) if last else x
    y = resample(x, rows, columns)
    np.testing.assert_allclose(y, as_matrix(rows) @ x @ as_matrix(columns).T, rtol=1e-10, atol=1e-12)
    assert y.flags.owndata or y.base is not x


@pytest.mark.parametrize("last", [False, True])
def test_results_keep_the_memory_order(xp, last):
    x = np.ones((2, 4, 6, 3)).transpose(0, 3, 1, 2) if last else np.ones((2, 3, 4, 6))
    half = Taps(np.array([[0, 2], [1, 3]]), np.full((2, 2), 0.5), 4)
    every_other = Taps(np.array([[0, 2, 4]]), None, 6)
    y = resample(xp.asarray(x), half, every_other)
    assert np.argsort(y.strides).tolist() == np.argsort(x.strides).tolist()


def test_half_precision_is_summed_in_single(xp):
    x = xp.asarray(np.full((1, 1, 4096, 1), 1.0, np.float16))
    mean = Taps(np.arange(4096)[:, None], np.full((4096, 1), 1 / 4096), 4096)
    y = resample(x, mean, Taps(np.array([[0]]), None, 1))
    assert y.dtype == np.float16
    assert as_numpy(y).item() == 1.0
