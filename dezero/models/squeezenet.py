"""Knows SqueezeNet: as good as early networks fifty times its size, for it squeezes channels before it convolves."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Variable
from ..functions.activation import relu
from ..functions.dropout import dropout
from ..functions.joining import concat
from ..functions.pooling import global_average_pooling, pooling
from ..layers import Conv2d, Layer
from .base import Model
from .pretrained import first_weights, load_pretrained, prepare


class Fire(Layer):
    """y = relu of 1x1 and 3x3 convolutions, side by side, of s;  s = relu of a 1x1 convolution of x to few channels.

    Args:
        C: Channels of the input.
        squeezed: Channels of s.
        expanded: Channels of each half of y.
        W_init: How the weights start.
    """

    def __init__(self, C: int, squeezed: int, expanded: int, W_init: Any = "he_normal"):
        super().__init__()
        self.squeeze1x1 = Conv2d(squeezed, 1, in_channels=C, W_init=W_init)
        self.expand1x1 = Conv2d(expanded, 1, in_channels=squeezed, W_init=W_init)
        self.expand3x3 = Conv2d(expanded, 3, pad=1, in_channels=squeezed, W_init=W_init)

    def forward(self, x: Any) -> Variable:
        """Squeezes and expands.

        Args:
            x: Variable or array (N, C, H, W).

        Returns:
            Variable (N, 2 expanded, H, W).
        """
        s = relu(self.squeeze1x1(x))  # (N, squeezed, H, W)
        return concat([relu(self.expand1x1(s)), relu(self.expand3x3(s))], axis=1)


class SqueezeNet(Model):
    """Pictures to scores of the 1,000 classes of ImageNet: version 1.1, with 1,235,496 parameters.

    The layers are ``conv1 fire2 … fire9 conv10``, each ``fireN`` with ``squeeze1x1 expand1x1 expand3x3``, and so are
    the names in weight files. As in Caffe, the pooling rounds its size up.

    Args:
        pretrained: The path of a weight file. True takes ``squeezenet/squeezenet_v1.1.npz`` below ``DEZERO_DATA_DIR``
            or the cache folder and checks its sha256; no server has it in this form, so nothing is downloaded. False
            draws the weights anew (He et al., 2015).

    Raises:
        FileNotFoundError: The file is not there. The text says where it is wanted.
        ValueError: It does not fit.

    Example:
        >>> model = models.SqueezeNet()
        >>> sum(p.size for p in model.params())
        1235496

    Source: Iandola et al., 2016; version 1.1 of their repository.
    """

    def __init__(self, pretrained: Any = False):
        super().__init__()
        W_init = first_weights(pretrained)
        self.conv1 = Conv2d(64, 3, 2, in_channels=3, W_init=W_init)
        self.fire2 = Fire(64, 16, 64, W_init)
        self.fire3 = Fire(128, 16, 64, W_init)
        self.fire4 = Fire(128, 32, 128, W_init)
        self.fire5 = Fire(256, 32, 128, W_init)
        self.fire6 = Fire(256, 48, 192, W_init)
        self.fire7 = Fire(384, 48, 192, W_init)
        self.fire8 = Fire(384, 64, 256, W_init)
        self.fire9 = Fire(512, 64, 256, W_init)
        self.conv10 = Conv2d(1000, 1, in_channels=512, W_init=W_init)
        load_pretrained(self, pretrained, "squeezenet")

    def forward(self, x: Any) -> Variable:
        """Scores a batch of pictures.

        Args:
            x: Variable or array (N, 3, H, W), as ``preprocess`` makes them; 227 x 227 pixels are usual.

        Returns:
            Variable (N, 1000): scores, at least 0. ``F.softmax`` makes them probabilities.
        """
        x = pooling(relu(self.conv1(x)), 3, 2, ceil_mode=True)  # (N, 64, H/4, W/4)
        x = self.fire3(self.fire2(x))
        x = pooling(x, 3, 2, ceil_mode=True)  # (N, 128, H/8, W/8)
        x = self.fire5(self.fire4(x))
        x = pooling(x, 3, 2, ceil_mode=True)  # (N, 256, H/16, W/16)
        x = self.fire9(self.fire8(self.fire7(self.fire6(x))))  # (N, 512, H/16, W/16)
        x = relu(self.conv10(dropout(x)))  # (N, 1000, H/16, W/16)
        return global_average_pooling(x)  # (N, 1000)

    @staticmethod
    def preprocess(image: Any, size: Any = (227, 227), dtype: Any = np.float32) -> np.ndarray:
        """A picture as the published weights want it: blue, green, red, less their means over ImageNet.

        Args:
            image: PIL image.
            size: Width and height in pixels that it is stretched to; None to leave them.
            dtype: Of the result.

        Returns:
            Array (3, H, W).

        Raises:
            TypeError: ``image`` is no PIL image.
        """
        return prepare(image, size, dtype, (104.0, 117.0, 123.0))
