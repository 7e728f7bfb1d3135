"""Compiled convolutions against the reference: every kernel, stride, padding and dilation, in both precisions."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dezero.kernels import conv
from dezero.kernels.compiled import numba_version

pytestmark = pytest.mark.skipif(numba_version() is None, reason="Numba is not installed.")


@st.composite
def cases(draw):
    N, C, OC = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 5, 16, 19])), draw(st.sampled_from([1, 2, 16, 21]))
    kernel = draw(st.sampled_from([(1, 2), (2, 1), (3, 3), (5, 5), (2, 4)]))
    stride = draw(st.sampled_from([(1, 1), (1, 1), (2, 2), (1, 2), (3, 1)]))
    pad = draw(st.sampled_from([(0, 0), (1, 1), (2, 1), (0, 3)]))
    dilation = draw(st.sampled_from([(1, 1), (1, 1), (2, 2), (3, 1), (1, 2)]))
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    H, W = (max(1, r - 2 * p) + draw(st.sampled_from([0, 1, 5, 21])) for r, p in zip(reach, pad))
    OH, OW = ((n + 2 * p - r) // s + 1 for n, p, r, s in zip((H, W), pad, reach, stride))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    x, gy = (rng.standard_normal((N, *s)).astype(dtype) for s in ((H, W, C), (OH, OW, OC)))
    Wt, b = rng.standard_normal((OC, C, *kernel)).astype(dtype), rng.standard_normal(OC).astype(dtype)
    steps = draw(st.sampled_from([0.9, 0.4, 0.03, 1e9])) * OH * OW * Wt.size  # all of an image, some rows, part of one
    x, gy = x.transpose(0, 3, 1, 2), gy.transpose(0, 3, 1, 2)
    return x, Wt, b if draw(st.booleans()) else None, gy, (stride, pad, dilation), int(steps)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(cases())
def test_the_loops_equal_the_reference(case):
    x, W, b, gy, how, steps = case
    stride, pad, dilation = how
    size, kernel = x.shape[2:], W.shape[2:]
    before = [a.copy() for a in (x, W, gy)]
    with (
        mock.patch.object(conv, "_steps_alone", lambda: steps),
        mock.patch.object(conv, "_LEAST_WINDOWS", 1),
        mock.patch.object(conv, "_WORTH_A_THREAD", 1),
        mock.patch.object(conv.direct, "pays", return_value=False),
        mock.patch.object(conv.direct, "pays_to_weigh", return_value=False),
    ):
        fits = steps >= W.size
        loops = conv._Loops.that_serve(x, b, W.shape, gy.shape[2:], *how)
        assert (loops is not None) == fits
        y = conv.conv2d(x, W, b, *how)
        gW = conv.conv2d_weight(x, gy, kernel, *how)
        gx = conv.deconv2d(gy, W, None, stride, pad, size, dilation)
    tolerance = {"rtol": 1e-4, "atol": 2e-4} if x.dtype == np.float32 else {"rtol": 1e-9, "atol": 1e-11}
    np.testing.assert_allclose(y, conv.conv2d_reference(x, W, b, *how), **tolerance)
    np.testing.assert_allclose(gW, conv.conv2d_weight_reference(x, gy, kernel, *how), **tolerance)
    wanted = conv.deconv2d_reference(gy, W, None, stride, pad, size, dilation)
    np.testing.assert_allclose(gx, wanted, **tolerance)
    assert y.dtype == gW.dtype == gx.dtype == x.dtype
    assert all(np.array_equal(a, b) for a, b in zip(before, (x, W, gy)))


def test_what_the_loops_do_not_serve_is_left_to_numpy():
    x = np.ones((2, 3, 8, 8), np.float32)
    how = (8, 8), (1, 1), (1, 1), (1, 1)
    fixed = np.ones(4, np.float32)
    fixed.flags.writeable = False
    assert conv._Loops.that_serve(x, None, (4, 3, 3, 3), *how) is not None
    assert conv._Loops.that_serve(x.astype(int), None, (4, 3, 3, 3), *how) is None
    assert conv._Loops.that_serve(x, fixed, (4, 3, 3, 3), *how) is None
    assert conv._Loops.that_serve(x, None, (4, 3, 1, 1), *how) is None
    assert conv._Loops.that_serve(x, None, (40_000, 3, 3, 3), *how) is None


def test_two_threads_give_the_same_gradient_every_time():
    rng = np.random.default_rng(0)
    x, gy = (rng.standard_normal((32, c, 12, 12)).astype(np.float32) for c in (16, 32))
    first = conv.conv2d_weight(x, gy, (5, 5), (1, 1), (2, 2))
    assert all(np.array_equal(conv.conv2d_weight(x, gy, (5, 5), (1, 1), (2, 2)), first) for _ in range(5))
