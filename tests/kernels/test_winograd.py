from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dezero import using_config
from dezero.kernels import conv, winograd
from dezero.kernels.compiled import numba_version


def plain(call, *args):
    """What ``call`` of ``conv`` gives without ``winograd``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "pays", lambda *_: False)
        return call(*args)


def laid_out(x: np.ndarray, order: str) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) if order == "channels last" else x


@st.composite
def cases(draw):
    """x, W, b, gy, pad; small enough that tiles hang over, and a workspace from one row of tiles to all."""
    channels = st.sampled_from([1, 2, 5, 9, 16, 19, 33])  # loops take 16 at a time
    N, C, OC = draw(st.integers(1, 3)), draw(channels), draw(channels)
    pad = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    H, W = (max(1, 3 - 2 * p) + draw(st.integers(0, 13)) for p in pad)
    rng, order = np.random.default_rng(draw(st.integers(0, 99))), draw(st.sampled_from(["channels last", "first"]))
    x, filters = rng.standard_normal((N, C, H, W)), rng.standard_normal((OC, C, 3, 3))
    gy = rng.standard_normal((N, OC, H + 2 * pad[0] - 2, W + 2 * pad[1] - 2))
    b = rng.standard_normal(OC) if draw(st.booleans()) else None
    return laid_out(x, order), filters, b, laid_out(gy, order), pad, draw(st.sampled_from([1, 20_000, 8 << 20]))


def check_against_reference(x, W, b, gy, pad):
    one, kernel = (1, 1), (3, 3)
    for found, expected in [
        (winograd.conv2d(x, W, b, pad), conv.conv2d_reference(x, W, b, one, pad)),
        (winograd.deconv2d(gy, W, pad), conv.deconv2d_reference(gy, W, None, one, pad, x.shape[2:])),
        (winograd.conv2d_weight(x, gy, pad), conv.conv2d_weight_reference(x, gy, kernel, one, pad)),
    ]:
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)


def test_a_tile_is_convolved_as_the_formula_says():
    rng = np.random.default_rng(0)
    d, w = rng.standard_normal((6, 6)), rng.standard_normal((3, 3))
    expected = [[(d[i : i + 3, j : j + 3] * w).sum() for j in range(4)] for i in range(4)]
    np.testing.assert_allclose(winograd.tile_reference(d, w), expected, rtol=1e-12)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(cases())
def test_the_three_maps_equal_the_reference(case):
    *arrays, workspace = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "_WORKSPACE", workspace)
        patch.setattr(winograd, "_CACHE", workspace // 4)
        patch.setattr(winograd, "_WORTH_A_THREAD", 1)
        for compiled in (True, False):
            with using_config("numba", compiled):
                check_against_reference(*arrays)


@pytest.mark.skipif(numba_version() is None, reason="Numba is not installed.")
def test_loops_take_images_of_enough_channels():
    from dezero.kernels.loops import winograd as loops

    few, enough = (np.zeros((2, 5, 5, c), np.float32) for c in (winograd._LANES - 1, winograd._LANES))
    assert loops.V == winograd._LANES
    assert winograd._loops(few, None) is None
    assert winograd._loops(enough, None) is loops
    with using_config("numba", False):
        assert winograd._loops(enough, None) is None


@pytest.mark.parametrize("filters_at_a_time", [1, 3])
def test_filters_can_be_transformed_some_at_a_time(monkeypatch, filters_at_a_time):
    rng = np.random.default_rng(0)
    monkeypatch.setattr(winograd, "_FILTERS", filters_at_a_time * 36 * 5 * 8)
    x, W, gy = rng.standard_normal((2, 5, 9, 6)), rng.standard_normal((7, 5, 3, 3)), rng.standard_normal((2, 7, 9, 6))
    check_against_reference(x, W, np.arange(7.0), gy, (1, 1))


def test_inputs_stay_as_they_were():
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in [(2, 5, 9, 6), (7, 5, 3, 3), (7,), (2, 7, 9, 6)]]
    before = [a.copy() for a in arrays]
    check_against_reference(*arrays, (1, 1))
    assert all(np.array_equal(then, now) for then, now in zip(before, arrays))


def images(N, C, size, dtype=np.float32):
    x = np.random.default_rng(size).standard_normal((N, size, size, C)).astype(dtype)
    return x.transpose(0, 3, 1, 2)


@pytest.mark.parametrize("C, OC, size", [(96, 96, 32), (128, 256, 16)])
def test_the_rounding_error_is_a_few_times_that_of_the_plain_sum(C, OC, size):
    one = (1, 1)
    x, W, gy = images(8, C, size), images(OC, C, 3) / np.float32(3 * C**0.5), images(8, OC, size)
    for call, args in [
        (conv.conv2d, (x, W, None, one, one)),
        (conv.deconv2d, (gy, W, None, one, one, (size, size))),
        (conv.conv2d_weight, (x, gy, (3, 3), one, one)),
    ]:
        exact = plain(call, *[a.astype(float) if isinstance(a, np.ndarray) else a for a in args])
        fast, slow = call(*args), plain(call, *args)
        assert not np.array_equal(fast, slow)  # it did go this way
        scale = np.sqrt(np.mean(exact**2))
        assert np.sqrt(np.mean((fast - exact) ** 2)) < 6 * np.sqrt(np.mean((slow - exact) ** 2))
        assert np.sqrt(np.mean((fast - exact) ** 2)) < 3e-6 * scale
        assert np.abs(fast - exact).max() < 5e-5 * scale


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_dtype_and_the_memory_order_stay(dtype):
    one = (1, 1)
    x, W, gy = images(8, 32, 32, dtype), images(48, 32, 3, dtype), images(8, 48, 32, dtype)
    y = conv.conv2d(x, W, np.ones(48, dtype), one, one)
    gx, gW = conv.deconv2d(gy, W, None, one, one, (32, 32)), conv.conv2d_weight(x, gy, (3, 3), one, one)
    assert y.dtype == gx.dtype == gW.dtype == dtype
    assert y.strides[1] == gx.strides[1] == x.itemsize
    assert gW.flags.c_contiguous


def test_it_pays_for_many_channels_and_tiles_alone():
    assert winograd.pays(32, 64, 64, (32, 32))
    assert winograd.pays(1, 512, 512, (28, 28))
    assert not winograd.pays(32, 3, 64, (32, 32))
    assert not winograd.pays(32, 64, 3, (32, 32))
    assert not winograd.pays(1, 512, 512, (7, 7))
    assert not winograd.pays(0, 64, 64, (32, 32))


@pytest.mark.parametrize(
    "kernel, stride, pad, dilation",
    [((3, 3), (2, 2), (1, 1), (1, 1)), ((3, 3), (1, 1), (2, 2), (2, 2)), ((1, 3), (1, 1), (0, 1), (1, 1))],
)
def test_other_convolutions_go_the_plain_way(kernel, stride, pad, dilation):
    rng = np.random.default_rng(0)
    x, W = images(8, 64, 32), rng.standard_normal((64, 64, *kernel), dtype=np.float32)
    found = conv.conv2d(x, W, None, stride, pad, dilation)
    assert np.array_equal(found, plain(conv.conv2d, x, W, None, stride, pad, dilation))


def test_integers_stay_exact():
    x, W = (3 * images(4, 32, 16)).astype(int), (3 * images(32, 32, 3)).astype(int)
    expected = conv.conv2d_reference(x, W, None, (1, 1), (1, 1))
    assert np.array_equal(conv.conv2d(x, W, None, (1, 1), (1, 1)), expected)
