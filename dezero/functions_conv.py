"""The book's ``dezero.functions_conv``: the convolution family under the name that its readers know."""

from .arrays import get_conv_outsize, get_deconv_outsize, pair
from .functions.conv import (
    Col2im,
    Conv2d,
    Conv2dGradW,
    Deconv2d,
    Im2col,
    col2im,
    col2im_array,
    conv2d,
    conv2d_simple,
    deconv2d,
    im2col,
    im2col_array,
)
from .functions.linalg import linear
from .functions.pooling import AveragePooling, Pooling, average_pooling, pooling, pooling_simple
from .functions.reduction import broadcast_to

__all__ = [
    "AveragePooling",
    "Col2im",
    "Conv2d",
    "Conv2dGradW",
    "Deconv2d",
    "Im2col",
    "Pooling",
    "average_pooling",
    "broadcast_to",
    "col2im",
    "col2im_array",
    "conv2d",
    "conv2d_simple",
    "deconv2d",
    "get_conv_outsize",
    "get_deconv_outsize",
    "im2col",
    "im2col_array",
    "linear",
    "pair",
    "pooling",
    "pooling_simple",
]
