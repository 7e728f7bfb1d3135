from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dezero import using_config
from dezero.kernels import conv, depthwise, grouped
from dezero.kernels.compiled import numba_version


@st.composite
def cases(draw):
    """Groups of any number of channels and filters, one of each too; the workspace from one row to all images."""
    few, several, many = (1, 1), [(1, 1), (1, 2), (2, 1), (3, 1), (1, 5), (2, 3), (4, 4), (5, 18)], (8, 9, 20)
    ins, outs = draw(st.sampled_from([few, *several]))
    groups = draw(st.sampled_from([2, 3, 4, *(many if min(ins, outs) == 1 else ())]))
    kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 5)))
    stride = draw(st.sampled_from([(1, 1), (1, 1), (2, 2), (1, 3), (3, 2)]))
    pad = draw(st.sampled_from([(0, 0), (1, 1), (2, 0), (0, 3)]))
    dilation = draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (2, 3), (1, 2)]))
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    H, W = (max(1, r - 2 * p) + draw(st.integers(0, 9)) for r, p in zip(reach, pad))
    OH, OW = ((n + 2 * p - r) // s + 1 for n, p, r, s in zip((H, W), pad, reach, stride))
    N, rng = draw(st.integers(1, 3)), np.random.default_rng(draw(st.integers(0, 99)))
    x, gy = rng.standard_normal((N, groups * ins, H, W)), rng.standard_normal((N, groups * outs, OH, OW))
    if draw(st.booleans()):
        x, gy = (np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) for a in (x, gy))
    filters, b = rng.standard_normal((groups * outs, ins, *kernel)), rng.standard_normal(groups * outs)
    workspace = draw(st.sampled_from([1, 500, 256 << 10]))
    return x, filters, b, gy, stride, pad, dilation, groups, workspace


def calls(x, W, b, gy, stride, pad, dilation, groups):
    """Each of the three maps with its arguments."""
    yield "conv2d", (x, W, b, stride, pad, dilation, groups)
    yield "deconv2d", (gy, W, None, stride, pad, x.shape[2:], dilation, groups)
    yield "conv2d_weight", (x, gy, W.shape[2:], stride, pad, dilation, groups)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(cases())
def test_the_fast_ways_equal_the_reference_and_leave_their_inputs(case):
    with using_config("numba", False):
        check(*case)


@pytest.mark.skipif(not numba_version(), reason="Numba is not installed.")
@settings(deadline=None, derandomize=True, max_examples=300)
@given(cases())
def test_the_compiled_loops_equal_the_reference_and_leave_their_inputs(case):
    check(*case)


def check(*case):
    *args, workspace = case
    arrays = args[:4]
    before = [a.copy() for a in arrays]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(depthwise, "_WORKSPACE", workspace)
        for module in (depthwise, grouped):  # parts to share among threads, and to add up in double precision
            patch.setattr(module, "_WORTH_A_THREAD", workspace * 10)
            patch.setattr(module, "_ROWS", 1 + workspace // 100)
        for name, given_args in calls(*args):
            found = getattr(grouped, name)(*given_args)
            expected = getattr(grouped, f"{name}_reference")(*given_args)
            assert found.shape == expected.shape
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)
    for then, now in zip(before, arrays):
        assert np.array_equal(then, now)


def test_the_reference_is_that_of_one_group_in_each():
    rng = np.random.default_rng(0)
    x, W, b = rng.standard_normal((2, 6, 5, 4)), rng.standard_normal((9, 2, 3, 2)), rng.standard_normal(9)
    how = (1, 2), (1, 0), (2, 1)
    y = grouped.conv2d_reference(x, W, b, *how, 3)
    for g in range(3):
        ins, outs = slice(2 * g, 2 * g + 2), slice(3 * g, 3 * g + 3)
        np.testing.assert_allclose(y[:, outs], conv.conv2d_reference(x[:, ins], W[outs], b[outs], *how), rtol=1e-10)


def test_one_group_is_the_plain_convolution(monkeypatch):
    """No way around: with one group the plain kernels are called at once."""
    seen = []
    for name in ("conv2d", "deconv2d", "conv2d_weight"):
        monkeypatch.setattr(conv, name, lambda *args, name=name: seen.append(name))
    x = np.ones((1, 2, 3, 3))
    for name, args in calls(x, np.ones((2, 2, 2, 2)), None, np.ones((1, 2, 2, 2)), (1, 1), (0, 0), (1, 1), 1):
        getattr(grouped, name)(*args)
    assert seen == ["conv2d", "deconv2d", "conv2d_weight"]


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("groups, ins, outs", [(8, 1, 1), (16, 1, 1), (2, 4, 3), (4, 1, 2), (2, 4, 4)])
def test_results_have_the_channels_last_in_memory(stride, groups, ins, outs, way):
    x, W = np.ones((2, groups * ins, 8, 8)), np.ones((groups * outs, ins, 3, 3))
    y = grouped.conv2d(x, W, None, (stride, stride), (1, 1), (1, 1), groups)
    gx = grouped.deconv2d(y, W, None, (stride, stride), (1, 1), (8, 8), (1, 1), groups)
    assert y.strides[1] == gx.strides[1] == x.itemsize


@pytest.mark.parametrize("groups, ins, outs", [(8, 1, 1), (16, 1, 1), (2, 4, 3), (2, 4, 4)])
def test_half_precision_is_summed_in_single(groups, ins, outs, way):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, groups * ins, 9, 9)).astype(np.float16)
    W = rng.standard_normal((groups * outs, ins, 5, 5)).astype(np.float16)
    how = (1, 1), (0, 0), (1, 1), groups
    y = grouped.conv2d(x, W, None, *how)
    exact = grouped.conv2d(x.astype(float), W.astype(float), None, *how)
    assert y.dtype == np.float16
    np.testing.assert_allclose(y, exact, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("groups, ins, outs", [(4, 1, 1), (16, 1, 1), (2, 3, 2), (2, 4, 4)])
def test_a_batch_of_none_gives_none(groups, ins, outs, way):
    x, W, gy = np.ones((0, groups * ins, 5, 5)), np.ones((groups * outs, ins, 3, 3)), np.ones((0, groups * outs, 3, 3))
    how = (1, 1), (0, 0), (1, 1), groups
    assert grouped.conv2d(x, W, np.ones(groups * outs), *how).shape == gy.shape
    assert grouped.deconv2d(gy, W, None, (1, 1), (0, 0), (5, 5), (1, 1), groups).shape == x.shape
    assert not grouped.conv2d_weight(x, gy, (3, 3), *how).any()


@pytest.mark.parametrize("groups, ins, outs", [(20, 1, 1), (3, 5, 6)])
def test_single_precision_and_fixed_arrays_are_taken_both_ways(groups, ins, outs, way):
    """Broadcast gradients and arrays that may not be written to are what a user may have."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, groups * ins, 11, 13)).astype(np.float32)
    W, gy = rng.standard_normal((groups * outs, ins, 3, 3)).astype(np.float32), np.float32(0.5)
    x.flags.writeable = False
    for name, args in calls(x, W, None, np.broadcast_to(gy, (2, groups * outs, 6, 7)), (2, 2), (1, 1), (1, 1), groups):
        found, expected = getattr(grouped, name)(*args), getattr(grouped, f"{name}_reference")(*args)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_number_that_is_none_stays_where_its_windows_are(way):
    x, W = np.ones((1, 16, 9, 9), np.float32), np.ones((16, 1, 3, 3), np.float32)
    x[0, 3, 4, 4], x[0, 5, 8, 8] = np.nan, np.inf
    y = grouped.conv2d(x, W, None, (1, 1), (1, 1), (1, 1), 16)
    assert np.isnan(y[0, 3, 3:6, 3:6]).all() and np.isnan(y).sum() == 9
    assert np.isinf(y[0, 5, 7:, 7:]).all() and np.isinf(y).sum() == 4
