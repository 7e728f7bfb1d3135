"""Pooling layers are their functions, with windows side by side unless told otherwise."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import dezero.functions as F
from dezero.cuda import as_numpy
from dezero.layers import (
    AdaptiveAveragePooling,
    AdaptiveMaxPooling,
    AveragePooling,
    GlobalAveragePooling,
    GlobalMaxPooling,
    MaxPooling,
    Upsample,
)

# a layer, its function, its text, PyTorch's
LAYERS = [
    (MaxPooling(2), lambda x: F.pooling(x, 2, 2), "MaxPooling(2x2, stride 2)", "MaxPool2d(2)"),
    (
        MaxPooling((3, 2), 2, (1, 0)),
        lambda x: F.pooling(x, (3, 2), 2, (1, 0)),
        "MaxPooling(3x2, stride 2, pad 1x0)",
        "MaxPool2d((3, 2), 2, (1, 0))",
    ),
    (
        MaxPooling(3, ceil_mode=True),
        lambda x: F.pooling(x, 3, 3, ceil_mode=True),
        "MaxPooling(3x3, stride 3, ceil_mode)",
        "MaxPool2d(3, ceil_mode=True)",
    ),
    (AveragePooling(2), lambda x: F.average_pooling(x, 2, 2), "AveragePooling(2x2, stride 2)", "AvgPool2d(2)"),
    (
        AveragePooling(3, 2, 1, count_include_pad=False),
        lambda x: F.average_pooling(x, 3, 2, 1, count_include_pad=False),
        "AveragePooling(3x3, stride 2, pad 1, count_include_pad=False)",
        "AvgPool2d(3, 2, 1, count_include_pad=False)",
    ),
    (
        AveragePooling(2, ceil_mode=True),
        lambda x: F.average_pooling(x, 2, 2, ceil_mode=True),
        "AveragePooling(2x2, stride 2, ceil_mode)",
        "AvgPool2d(2, ceil_mode=True)",
    ),
    (GlobalAveragePooling(), F.global_average_pooling, "GlobalAveragePooling()", "AdaptiveAvgPool2d(1)"),
    (GlobalMaxPooling(), F.global_max_pooling, "GlobalMaxPooling()", "AdaptiveMaxPool2d(1)"),
    (
        AdaptiveAveragePooling((2, 3)),
        lambda x: F.adaptive_average_pooling(x, (2, 3)),
        "AdaptiveAveragePooling(2x3)",
        "AdaptiveAvgPool2d((2, 3))",
    ),
    (
        AdaptiveMaxPooling(2),
        lambda x: F.adaptive_max_pooling(x, 2),
        "AdaptiveMaxPooling(2x2)",
        "AdaptiveMaxPool2d(2)",
    ),
    (
        Upsample(scale_factor=2),
        lambda x: F.interpolate(x, scale_factor=2),
        "Upsample(scale_factor=2)",
        "Upsample(scale_factor=2)",
    ),
    (
        Upsample((9, 4), mode="bilinear", align_corners=True),
        lambda x: F.interpolate(x, (9, 4), mode="bilinear", align_corners=True),
        "Upsample(size=(9, 4), mode='bilinear', align_corners=True)",
        "Upsample((9, 4), mode='bilinear', align_corners=True)",
    ),
]
IDS = [text for _, _, text, _ in LAYERS]
x = np.random.default_rng(0).standard_normal((2, 3, 7, 8)).astype(np.float32)


@pytest.mark.parametrize(("layer", "function", "text", "theirs"), LAYERS, ids=IDS)
def test_a_pooling_layer_is_its_function_and_says_what_it_is(xp, layer, function, text, theirs):
    y = layer(xp.asarray(x))
    assert y.dtype == np.float32 and np.array_equal(as_numpy(y), as_numpy(function(xp.asarray(x))))
    assert repr(layer) == text
    assert np.array_equal(as_numpy(pickle.loads(pickle.dumps(layer))(xp.asarray(x))), as_numpy(y))


@pytest.mark.parametrize(("layer", "function", "text", "theirs"), LAYERS, ids=IDS)
def test_a_pooling_layer_is_that_of_pytorch(layer, function, text, theirs):
    torch = pytest.importorskip("torch")
    expected = eval(f"nn.{theirs}", {"nn": torch.nn})(torch.tensor(x)).numpy()
    y = layer(x).data
    assert np.allclose(y, expected.reshape(y.shape), atol=1e-6)


def test_a_window_that_does_not_fit_says_so():
    with pytest.raises(ValueError, match="pooling: "):
        MaxPooling(9)(x)
