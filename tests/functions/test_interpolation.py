from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable
from dezero import functions as F
from dezero.core import grad

rng = np.random.default_rng(0)
x = rng.standard_normal((2, 3, 4, 5))


def test_nearest_repeats_every_pixel():
    y = F.interpolate(np.array([[[[1.0, 2.0], [3.0, 4.0]]]]), scale_factor=2)
    assert y.data[0, 0].tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]


def test_nearest_takes_whole_numbers_where_a_fraction_would_be_rounded():
    """Pixel 49 of 98 lies at 1 exactly, whatever 2 / 98 is in single precision; pixel 9 of 18 at 7 of 14 likewise."""
    y = F.interpolate(np.array([[[0.0, 1.0]]]), size=98)
    assert y.data[0, 0].tolist() == [0.0] * 49 + [1.0] * 49
    assert F.interpolate(np.arange(14.0).reshape(1, 1, 14), size=18).data[0, 0, 9] == 7


def test_nearest_keeps_integers():
    labels = np.arange(4, dtype=np.uint8).reshape(1, 1, 2, 2)
    y = F.interpolate(labels, size=3)
    assert y.dtype == np.uint8
    assert y.data[0, 0].tolist() == [[0, 0, 1], [0, 0, 1], [2, 2, 3]]


def test_bilinear_makes_floats_of_integers():
    y = F.interpolate(np.array([[[[0, 255]]]], np.uint8), size=(1, 4), mode="bilinear")
    assert y.data[0, 0].tolist() == [[0, 63.75, 191.25, 255]]
    y = F.interpolate(np.array([[[[False, True]]]]), size=(1, 4), mode="bilinear")
    assert y.data[0, 0].tolist() == [[0, 0.25, 0.75, 1]]


def test_corners_stay_where_they_are_if_they_are_aligned():
    y = F.interpolate(x, size=(7, 9), mode="bilinear", align_corners=True)
    np.testing.assert_allclose(y.data[:, :, ::6, ::8], x[:, :, ::3, ::4], rtol=1e-12)


def test_a_plane_stays_a_plane():
    """Straight lines between pixels are exact where the image is straight, but for the margin."""
    i, j = np.indices((6, 8))
    y = F.interpolate((2.0 * i - 3 * j)[None, None], scale_factor=2, mode="bilinear")
    i, j = np.indices((12, 16))
    expected = 2 * ((i + 0.5) / 2 - 0.5) - 3 * ((j + 0.5) / 2 - 0.5)
    np.testing.assert_allclose(y.data[0, 0, 1:-1, 1:-1], expected[1:-1, 1:-1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("how", [{}, {"mode": "bilinear"}, {"mode": "bilinear", "align_corners": True}])
def test_the_gradient_is_the_transpose(how):
    v = Variable(x)
    y = F.interpolate(v, size=(7, 3), **how)
    gy = rng.standard_normal(y.shape)
    gx = grad(y, v, Variable(gy))
    other = rng.standard_normal(x.shape)
    np.testing.assert_allclose((gx.data * other).sum(), (gy * F.interpolate(other, size=(7, 3), **how).data).sum())


def test_the_same_size_is_an_array_of_its_own():
    v = Variable(x.copy())
    y = F.interpolate(v, size=(4, 5))
    y.data += 1
    assert np.array_equal(v.data, x)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: F.interpolate(x), "interpolate: give size or scale_factor, one of them; got None and None"),
        (lambda: F.interpolate(x, 3, 2), "interpolate: give size or scale_factor, one of them; got 3 and 2"),
        (
            lambda: F.interpolate(x, 3, mode="bicubic"),
            'interpolate: mode must be "nearest" or "bilinear", got \'bicubic\'',
        ),
        (
            lambda: F.interpolate(x, 3, align_corners=True),
            'interpolate: align_corners is for "bilinear"; "nearest" has no corners to align',
        ),
        (
            lambda: F.interpolate(x[0, 0], 3),
            r"interpolate: x \(N, C, H, W\) is wanted or \(N, C, L\), got shape \(4, 5\)",
        ),
        (
            lambda: F.interpolate(x[0], 3, mode="bilinear"),
            r"interpolate: x \(N, C, H, W\) is wanted for 'bilinear', got shape \(3, 4, 5\)",
        ),
        (lambda: F.interpolate(x[:, :, :0], 3), r"interpolate: x has no pixels, its shape is \(2, 3, 0, 5\)"),
        (lambda: F.interpolate(x, 2.5), "interpolate: size must be an integer above 0, or 2 in a tuple, got 2.5"),
        (lambda: F.interpolate(x, (3, 0)), r"interpolate: size must be an integer above 0, or 2 .* got \(3, 0\)"),
        (lambda: F.interpolate(x, (3,)), r"interpolate: size must be .* got \(3,\)"),
        (lambda: F.interpolate(x, 0), "interpolate: size must be an integer above 0, or 2 in a tuple, got 0"),
        (lambda: F.interpolate(x, scale_factor="2"), "interpolate: scale_factor must be a number above 0.* got '2'"),
        (lambda: F.interpolate(x, (3, 3, 3)), r"interpolate: size must be .* got \(3, 3, 3\)"),
        (
            lambda: F.interpolate(x, scale_factor=-1),
            "interpolate: scale_factor must be a number above 0, or 2 in a tuple, got -1",
        ),
        (
            lambda: F.interpolate(x, scale_factor=0.1),
            r"interpolate: scale_factor 0.1 leaves nothing of an image \(4, 5\)",
        ),
    ],
)
def test_errors_say_what_was_given_and_what_is_wanted(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_list_is_no_image():
    with pytest.raises(TypeError, match="interpolate works on Variables, arrays and numbers, got list"):
        F.interpolate([[1.0]], 2)
