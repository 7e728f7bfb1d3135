"""Convolution layers: around F.conv2d and its kin, with channels that may be left out."""

from __future__ import annotations

import numpy as np
import pytest

import dezero.functions as F
from dezero.cuda import as_numpy
from dezero.layers import Conv1d, Conv2d, Deconv1d, Deconv2d
from dezero.testing import check_grads
from registry.conv import conv, deconv


def conv_by_hand(x, W, b, stride, pad):
    """Convolution as its definition has it, one output pixel at a time."""
    (N, _, H, width), (OC, _, KH, KW) = x.shape, W.shape
    (SH, SW), (PH, PW) = stride, pad
    x = np.pad(x, ((0, 0), (0, 0), (PH, PH), (PW, PW)))
    OH, OW = (H + 2 * PH - KH) // SH + 1, (width + 2 * PW - KW) // SW + 1
    y = np.zeros((N, OC, OH, OW))
    for i in range(OH):
        for j in range(OW):
            window = x[:, :, i * SH : i * SH + KH, j * SW : j * SW + KW]
            y[:, :, i, j] = np.tensordot(window, W, axes=((1, 2, 3), (1, 2, 3))) + b
    return y


def deconv_by_hand(x, W, b, stride, pad):
    """Spreads each pixel over a kernel, then cuts the margin off."""
    (N, _, H, width), (_, OC, KH, KW) = x.shape, W.shape
    (SH, SW), (PH, PW) = stride, pad
    y = np.zeros((N, OC, SH * (H - 1) + KH, SW * (width - 1) + KW))
    for i in range(H):
        for j in range(width):
            y[:, :, i * SH : i * SH + KH, j * SW : j * SW + KW] += np.tensordot(x[:, :, i, j], W, axes=(1, 0))
    return y[:, :, PH : y.shape[2] - PH, PW : y.shape[3] - PW] + b.reshape(1, -1, 1, 1)


LAYERS = [pytest.param(Conv2d, conv_by_hand, id="Conv2d"), pytest.param(Deconv2d, deconv_by_hand, id="Deconv2d")]


@pytest.mark.parametrize(("layer_type", "by_hand"), LAYERS)
@pytest.mark.parametrize(
    ("kernel", "stride", "pad"),
    [(3, 1, 0), ((3, 2), (2, 1), (1, 0)), (2, 2, 1)],
    ids=["plain", "not square", "strided"],
)
def test_the_layer_computes_what_the_definition_says(xp, layer_type, by_hand, kernel, stride, pad):
    x = np.random.default_rng(0).standard_normal((2, 3, 6, 5)).astype(np.float32)
    layer = layer_type(4, kernel, stride, pad)
    assert layer.W.data is None and layer.in_channels is None
    layer(xp.asarray(x))
    layer.b.data += 0.5
    y = layer(xp.asarray(x))
    W, b = as_numpy(layer.W).astype(np.float64), as_numpy(layer.b).astype(np.float64)
    assert np.allclose(as_numpy(y), by_hand(x.astype(np.float64), W, b, layer.stride, layer.pad), atol=1e-5)
    assert layer.in_channels == 3


@pytest.mark.parametrize(("layer_type", "by_hand"), LAYERS)
def test_gradients_match_finite_differences(layer_type, by_hand):
    rng = np.random.default_rng(0)
    layer = layer_type(2, (2, 3), stride=(2, 1), pad=(0, 1), in_channels=3, dtype=np.float64)

    def f(x, W, b):
        layer.W, layer.b = W, b
        return layer(x) * layer(x)

    W = rng.standard_normal(layer.W.shape)
    check_grads(f, rng.standard_normal((2, 3, 4, 4)), W, rng.standard_normal(2))


@pytest.mark.parametrize(("layer_type", "by_hand"), LAYERS)
def test_float32_stays_float32(xp, layer_type, by_hand):
    layer = layer_type(2, 3)
    y = layer(xp.asarray(np.ones((1, 3, 5, 5), np.float32)))
    F.sum(y).backward()
    assert {v.dtype for v in (y, layer.W, layer.b, layer.W.grad, layer.b.grad)} == {np.dtype(np.float32)}


def test_weights_have_the_shapes_of_the_book_and_variance_one_over_fan_in():
    np.random.seed(0)
    conv, deconv = Conv2d(64, (3, 5), in_channels=32), Deconv2d(64, (3, 5), in_channels=32)
    assert (conv.W.shape, conv.b.shape) == ((64, 32, 3, 5), (64,))
    assert (deconv.W.shape, deconv.b.shape) == ((32, 64, 3, 5), (64,))
    for layer in (conv, deconv):
        assert abs(layer.W.data.std() * np.sqrt(32 * 3 * 5) - 1) < 0.02
        assert not layer.b.data.any()
    assert Conv2d(1, 3, nobias=True).b is None


@pytest.mark.parametrize("layer_type", [Conv2d, Deconv2d])
def test_bad_arguments_are_named(layer_type):
    name = layer_type.__name__
    with pytest.raises(ValueError, match=f"{name}: out_channels must be an integer above 0, got 0"):
        layer_type(0, 3)
    with pytest.raises(ValueError, match=f"{name}: kernel_size must be an integer above 0, got 0"):
        layer_type(1, (3, 0))
    with pytest.raises(ValueError, match=f"{name}: stride must be an integer above 0, got 0"):
        layer_type(1, 3, stride=0)
    with pytest.raises(ValueError, match=f"{name}: pad must not be negative, got -1"):
        layer_type(1, 3, pad=-1)


@pytest.mark.parametrize("layer_type", [Conv2d, Deconv2d])
def test_an_image_without_a_batch_axis_makes_no_weights(layer_type):
    layer = layer_type(1, 3)
    with pytest.raises(ValueError, match=rf"{layer_type.__name__}: x \(N, C, H, W\) is wanted, got \(3, 8, 8\)"):
        layer(np.ones((3, 8, 8), np.float32))
    assert layer.W.data is None


EVERY_OPTION = [
    pytest.param(
        Conv2d, conv, (2, 4, 7, 6), {"dilation": (2, 1), "groups": 2, "stride": (1, 2), "pad": 1}, id="Conv2d"
    ),
    pytest.param(Conv2d, conv, (2, 4, 7, 6), {"groups": 4, "pad": "same", "stride": 2}, id="Conv2d, depthwise, same"),
    pytest.param(Conv2d, conv, (2, 4, 7, 6), {"pad": "valid"}, id="Conv2d, valid"),
    pytest.param(Conv1d, conv, (2, 4, 9), {"dilation": 2, "groups": 2, "stride": 2, "pad": 1}, id="Conv1d"),
    pytest.param(Conv1d, conv, (2, 4, 9), {"pad": "same", "stride": 2}, id="Conv1d, same"),
    pytest.param(
        Deconv2d,
        deconv,
        (2, 4, 5, 3),
        {"dilation": (2, 1), "groups": 2, "stride": (3, 2), "pad": 1, "output_pad": (2, 1)},
        id="Deconv2d",
    ),
    pytest.param(
        Deconv1d,
        deconv,
        (2, 4, 5),
        {"dilation": 2, "groups": 4, "stride": 3, "pad": 1, "output_pad": 2},
        id="Deconv1d",
    ),
]


@pytest.mark.parametrize(("layer_type", "by_hand", "shape", "how"), EVERY_OPTION)
def test_every_option_reaches_the_function(xp, layer_type, by_hand, shape, how):
    x = np.random.default_rng(0).standard_normal(shape)
    layer = layer_type(8, 3, dtype=np.float64, b_init="ones", **how)
    y = layer(xp.asarray(x))
    assert layer.W.shape[0 if by_hand is deconv else 1] == 4 // (1 if by_hand is deconv else how.get("groups", 1))
    np.testing.assert_allclose(
        as_numpy(y), by_hand(x, as_numpy(layer.W), as_numpy(layer.b), **how), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("layer_type", [Conv2d, Deconv2d])
def test_fan_in_is_that_of_a_group(layer_type):
    np.random.seed(0)
    layer = layer_type(64, 3, in_channels=64, groups=4)
    assert abs(layer.W.data.std() * np.sqrt(64 / 4 * 9) - 1) < 0.02


def test_shapes_wait_for_the_channels():
    assert "W (8, ?, 3)" in repr(Conv1d(8, 3, groups=2))
    assert repr(Conv2d(8, 3, pad="same", dilation=2, groups=2)).startswith(
        "Conv2d(? -> 8, 3x3, stride 1, pad same, dilation 2, groups 2)"
    )
    assert repr(Conv1d(8, 5, stride=2, in_channels=4)).startswith("Conv1d(4 -> 8, 5, stride 2)  W (8, 4, 5)")


def test_weights_from_a_file_tell_the_channels(tmp_path):
    Conv2d(8, 3, in_channels=4, groups=2).save_weights(tmp_path / "w.npz")
    layer = Conv2d(8, 3, groups=2)
    layer.load_weights(tmp_path / "w.npz")
    assert repr(layer).startswith("Conv2d(4 -> 8, 3x3")
    assert layer(np.ones((1, 4, 5, 5), np.float32)).shape == (1, 8, 3, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conv2d(4, 3, groups=3), "Conv2d: groups 3 does not divide out_channels 4"),
        (lambda: Conv2d(4, 3, in_channels=3, groups=2), "Conv2d: groups 2 does not divide in_channels 3"),
        (lambda: Deconv2d(4, 3, in_channels=3, groups=2), "Deconv2d: groups 2 does not divide in_channels 3"),
        (lambda: Conv2d(4, 3, groups=0), "Conv2d: groups must be an integer above 0, got 0"),
        (lambda: Conv2d(4, 3, dilation=(1, 0)), "Conv2d: dilation must be an integer above 0, got 0"),
        (lambda: Conv2d(4, 3, pad="full"), "Conv2d: pad must be one of 0, 1, 2 ..., 'same', 'valid', got 'full'"),
        (lambda: Deconv2d(4, 3, pad="same"), "Deconv2d: pad must be one of 0, 1, 2 ..., got 'same'"),
        (lambda: Deconv2d(4, 3, output_pad=1), r"Deconv2d: output_pad must be below the stride \(1, 1\), got 1"),
        (lambda: Deconv2d(4, 3, output_pad=-1), "Deconv2d: output_pad must not be negative, got -1"),
        (lambda: Conv1d(4, (3,)), r"Conv1d: kernel_size must be an integer, got \(3,\)"),
        (lambda: Conv1d(4, 3, pad=-1), "Conv1d: pad must not be negative, got -1"),
        (lambda: Deconv1d(4, 3, stride=0), "Deconv1d: stride must be an integer above 0, got 0"),
        (lambda: Conv1d(4, 3)(np.ones((1, 1, 8, 8))), r"Conv1d: x \(N, C, L\) is wanted, got \(1, 1, 8, 8\)"),
        (lambda: Deconv1d(4, 3)(np.ones((8, 8))), r"Deconv1d: x \(N, C, L\) is wanted, got \(8, 8\)"),
    ],
)
def test_what_does_not_fit_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
