from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dezero.cuda import as_numpy
from dezero.kernels.im2col import col2im_array, cropped, im2col_array, outsize, padded, tap_slices

small = st.integers(1, 3)
pairs = st.tuples(small, small)


@st.composite
def images(draw):
    """An image and a kernel, stride and padding that fit it."""
    kernel, stride, pad = draw(pairs), draw(pairs), draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    dilation = draw(pairs)
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    H, W = (max(1, r - 2 * p) + draw(st.integers(0, 5)) for r, p in zip(reach, pad))
    shape = draw(small), draw(small), H, W
    x = np.random.default_rng(draw(st.integers(0, 99))).standard_normal(shape)
    return x, kernel, stride, pad, dilation


@settings(deadline=None, derandomize=True, max_examples=60)
@given(images())
def test_every_window_is_where_it_belongs(case):
    x, (KH, KW), (SH, SW), (PH, PW), (DH, DW) = case
    col = im2col_array(x, (KH, KW), (SH, SW), (PH, PW), False, (DH, DW))
    around = np.pad(x, ((0, 0), (0, 0), (PH, PH), (PW, PW)))
    RH, RW = DH * (KH - 1) + 1, DW * (KW - 1) + 1
    OH, OW = (x.shape[2] + 2 * PH - RH) // SH + 1, (x.shape[3] + 2 * PW - RW) // SW + 1
    assert col.shape[4:] == (OH, OW)
    for i in range(OH):
        for j in range(OW):
            window = around[:, :, i * SH : i * SH + RH : DH, j * SW : j * SW + RW : DW]
            assert np.array_equal(col[..., i, j], window)
    rows = im2col_array(x, (KH, KW), (SH, SW), (PH, PW), True, (DH, DW))
    assert np.array_equal(rows, col.transpose(0, 4, 5, 1, 2, 3).reshape(len(x) * OH * OW, -1))


@settings(deadline=None, derandomize=True, max_examples=60)
@given(images(), st.booleans())
def test_col2im_is_the_transpose_of_im2col(case, to_matrix):
    x, kernel, stride, pad, dilation = case
    how = kernel, stride, pad, to_matrix, dilation
    col = im2col_array(x, *how)
    other = np.random.default_rng(0).standard_normal(col.shape)
    back = col2im_array(other, x.shape, *how)
    assert back.shape == x.shape
    np.testing.assert_allclose((col * other).sum(), (x * back).sum(), rtol=1e-9, atol=1e-9)


def test_the_windows_are_a_new_array():
    x = np.zeros((1, 1, 3, 3))
    im2col_array(x, 1, 1, 0, to_matrix=False)[...] = 1
    assert not x.any()


@pytest.mark.parametrize("last", [False, True])
def test_padding_keeps_the_memory_order(last):
    x = np.ones((2, 3, 4, 5)) if not last else np.ones((2, 4, 5, 3)).transpose(0, 3, 1, 2)
    y = padded(x, (1, 2), 7)
    assert y.shape == (2, 3, 6, 9)
    assert np.argsort(y.strides).tolist() == np.argsort(x.strides).tolist()
    assert (cropped(y, (1, 2)) == 1).all()
    assert y.sum() == x.sum() + 7 * (y.size - x.size)


def test_padding_may_be_more_below_and_to_the_right():
    x = np.ones((1, 1, 2, 2))
    y = padded(x, (1, 0), 0, (2, 3))
    assert y[0, 0].tolist() == [[0] * 5, [1, 1, 0, 0, 0], [1, 1, 0, 0, 0], *[[0] * 5] * 3]
    assert np.array_equal(cropped(y, (1, 0), (2, 3)), x)


def test_no_padding_is_no_copy():
    x = np.ones((1, 1, 2, 2))
    assert padded(x, (0, 0)) is x


def test_tap_slices_go_through_the_kernel_row_by_row(xp):
    x = xp.asarray(np.arange(12.0).reshape(1, 1, 3, 4))
    size = outsize((3, 4), (2, 2), (1, 2), (0, 0))
    taps = [as_numpy(t)[0, 0].tolist() for t in tap_slices(x, (2, 2), (1, 2), size)]
    assert taps == [[[0, 2], [4, 6]], [[1, 3], [5, 7]], [[4, 6], [8, 10]], [[5, 7], [9, 11]]]
