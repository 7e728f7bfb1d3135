from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dezero import using_config
from dezero.cuda import as_numpy
from dezero.kernels import conv


class Case(NamedTuple):
    x: np.ndarray
    W: np.ndarray
    b: np.ndarray | None
    gy: np.ndarray
    stride: tuple[int, int]
    pad: tuple[int, int]
    workspace: int
    dilation: tuple[int, int] = (1, 1)


def in_memory_order(x: np.ndarray, order: str) -> np.ndarray:
    """``x`` (N, C, H, W) with the same values, but otherwise in memory."""
    if order == "channels last":
        return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    if order == "part of a larger image":
        N, C, H, W = x.shape
        larger = np.full((N, H + 2, W + 3, C), 9.0).transpose(0, 3, 1, 2)
        larger[:, :, 1:-1, 1:-2] = x
        return larger[:, :, 1:-1, 1:-2]
    return np.array(x, order="F" if order == "reversed" else "C")


orders = st.sampled_from(["channels first", "channels last", "part of a larger image", "reversed"])


@st.composite
def cases(draw):
    """Everything that fits together; the workspace from one window to many images."""
    N, C, OC = draw(st.integers(1, 4)), draw(st.sampled_from([1, 2, 3, 8, 17])), draw(st.sampled_from([1, 2, 7, 9, 33]))
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    stride = draw(st.sampled_from([(1, 1), (1, 1), (2, 2), (1, 2), (3, 1)]))
    pad = draw(st.sampled_from([(0, 0), (0, 0), (1, 1), (2, 1), (0, 3)]))
    dilation = draw(st.sampled_from([(1, 1), (1, 1), (2, 2), (3, 1), (1, 2)]))
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    H, W = (max(1, r - 2 * p) + draw(st.integers(0, 6)) for r, p in zip(reach, pad))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    OH, OW = ((n + 2 * p - r) // s + 1 for n, p, r, s in zip((H, W), pad, reach, stride))
    return Case(
        x=in_memory_order(rng.standard_normal((N, C, H, W)), draw(orders)),
        W=rng.standard_normal((OC, C, *kernel)),
        b=rng.standard_normal(OC) if draw(st.booleans()) else None,
        gy=in_memory_order(rng.standard_normal((N, OC, OH, OW)), draw(orders)),
        stride=stride,
        pad=pad,
        workspace=draw(st.sampled_from([1, 300, 5000, 4 << 20])),
        dilation=dilation,
    )


def check_against_reference(case: Case) -> None:
    x, W, b, gy, stride, pad, _, dilation = case
    size, kernel = x.shape[2:], W.shape[2:]
    calls = [
        (conv.conv2d, conv.conv2d_reference, (x, W, b, stride, pad, dilation)),
        (conv.deconv2d, conv.deconv2d_reference, (gy, W, None, stride, pad, size, dilation)),
        (conv.conv2d_weight, conv.conv2d_weight_reference, (x, gy, kernel, stride, pad, dilation)),
    ]
    for fast, reference, args in calls:
        expected = reference(*args)
        for compiled in (True, False):
            with using_config("numba", compiled):
                found = fast(*args)
            assert found.shape == expected.shape
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(cases())
def test_the_fast_way_equals_the_reference(case):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conv, "_WORKSPACE", case.workspace)
        patch.setattr(conv, "_CACHE", case.workspace)
        patch.setattr(conv, "_LEAST_WINDOWS", 1 + case.workspace % 3)
        patch.setattr(conv, "_WORTH_A_THREAD", case.workspace)
        check_against_reference(case)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(cases())
def test_the_three_maps_are_adjoint(case):
    """<gy, conv(x, W)> = <deconv(gy, W), x> = <weight(x, gy), W>: each is the gradient of the others."""
    x, W, _, gy, stride, pad, _, dilation = case
    value = (gy * conv.conv2d(x, W, None, stride, pad, dilation)).sum()
    by_x = (x * conv.deconv2d(gy, W, None, stride, pad, x.shape[2:], dilation)).sum()
    by_W = (W * conv.conv2d_weight(x, gy, W.shape[2:], stride, pad, dilation)).sum()
    np.testing.assert_allclose([by_x, by_W], value, rtol=1e-9, atol=1e-9)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(cases())
def test_inputs_stay_as_they_were(case):
    x, W, b, gy, *_ = case
    before = [None if a is None else a.copy() for a in (x, W, b, gy)]
    check_against_reference(case)
    for then, now in zip(before, (x, W, b, gy)):
        assert np.array_equal(then, now)


@pytest.mark.parametrize(
    "C, OC, size, kernel, stride, pad",
    [
        pytest.param(1, 16, 28, 5, 1, 0, id="first layer of LeNet"),
        pytest.param(16, 32, 12, 5, 1, 0, id="second layer of LeNet"),
        pytest.param(3, 64, 32, 3, 1, 1, id="first layer of VGG"),
        pytest.param(64, 64, 16, 3, 1, 1, id="VGG"),
        pytest.param(1, 40, 14, 4, 1, 0, id="from one channel to many"),
        pytest.param(32, 8, 14, 1, 1, 0, id="1x1"),
        pytest.param(32, 16, 14, 1, 2, 0, id="1x1 with stride"),
        pytest.param(3, 16, 40, 7, 2, 3, id="first layer of ResNet"),
        pytest.param(3, 32, 32, 4, 2, 1, id="last layer of a generator"),
        pytest.param(8, 8, 9, 2, 2, 0, id="side by side, with a rest"),
    ],
)
def test_shapes_of_known_networks(C, OC, size, kernel, stride, pad):
    rng = np.random.default_rng(0)
    x, W, b = rng.standard_normal((3, C, size, size)), rng.standard_normal((OC, C, kernel, kernel)), np.arange(OC) * 1.0
    OH = (size + 2 * pad - kernel) // stride + 1
    gy = rng.standard_normal((3, OC, OH, OH))
    for order in ("channels first", "channels last"):
        x, gy = in_memory_order(x, order), in_memory_order(gy, order)
        check_against_reference(Case(x, W, b, gy, (stride, stride), (pad, pad), 0))


@pytest.mark.parametrize("stride", [1, 2])
def test_results_have_the_channels_last_in_memory(stride):
    x, W, gy = np.ones((2, 16, 8, 8)), np.ones((9, 16, 3, 3)), np.ones((2, 9, 8 // stride, 8 // stride))
    y = conv.conv2d(x, W, None, (stride, stride), (1, 1))
    gx = conv.deconv2d(gy, W, None, (stride, stride), (1, 1), (8, 8))
    assert y.shape == gy.shape
    assert gx.shape == x.shape
    assert y.strides[1] == gx.strides[1] == x.itemsize


def test_a_weight_gradient_is_an_array_of_its_own():
    gW = conv.conv2d_weight(np.ones((2, 3, 8, 8)), np.ones((2, 4, 8, 8)), (3, 3), (1, 1), (1, 1))
    assert gW.base is None
    assert gW.flags.c_contiguous


def test_a_batch_of_none_gives_none():
    x, W, gy = np.ones((0, 3, 5, 5)), np.ones((4, 3, 3, 3)), np.ones((0, 4, 5, 5))
    assert conv.conv2d(x, W, np.ones(4), (1, 1), (1, 1)).shape == (0, 4, 5, 5)
    assert conv.deconv2d(gy, W, None, (1, 1), (1, 1), (5, 5)).shape == (0, 3, 5, 5)
    assert not conv.conv2d_weight(x, gy, (3, 3), (1, 1), (1, 1)).any()


def test_half_precision_is_summed_in_single():
    rng = np.random.default_rng(0)
    x, W = rng.standard_normal((2, 64, 9, 9)).astype(np.float16), rng.standard_normal((8, 64, 3, 3)).astype(np.float16)
    y = conv.conv2d(x, W, None, (1, 1), (0, 0))
    exact = conv.conv2d(x.astype(float), W.astype(float), None, (1, 1), (0, 0))
    assert y.dtype == np.float16
    np.testing.assert_array_equal(y, exact.astype(np.float32).astype(np.float16))


@pytest.mark.parametrize("order", ["channels first", "channels last"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_channel_sum_keeps_the_dtype(xp, dtype, order):
    x = np.arange(24).reshape(2, 3, 2, 2).astype(dtype)
    y = conv.channel_sum(xp.asarray(in_memory_order(x, order).astype(dtype)))
    assert y.dtype == dtype
    assert as_numpy(y).tolist() == [60, 92, 124]


@pytest.mark.parametrize("order", ["channels first", "channels last"])
@pytest.mark.parametrize("dtype, rtol", [(np.float16, 1e-3), (np.float32, 1e-5)])
def test_channel_sum_of_many_pixels_is_exact_enough(dtype, rtol, order):
    x: Any = np.random.default_rng(0).random((20, 16, 24, 24)).astype(dtype)
    found = conv.channel_sum(in_memory_order(x, order))
    np.testing.assert_allclose(found, x.sum(axis=(0, 2, 3), dtype=float), rtol=rtol)
