"""Knows VGG16: thirteen convolutions of 3x3, with pooling between them, and three linear layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Variable
from ..functions.activation import relu
from ..functions.dropout import dropout
from ..functions.pooling import pooling
from ..functions.shape import flatten
from ..layers import Conv2d, Linear
from .base import Model
from .pretrained import first_weights, load_pretrained, prepare

BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))  # convolutions before a pooling, and their channels


class VGG16(Model):
    """Pictures of 224 x 224 pixels to scores of the 1,000 classes of ImageNet. 138,357,544 parameters.

    The layers are ``conv1_1 conv1_2 conv2_1 … conv5_3 fc6 fc7 fc8``, so are the names in weight files.

    Args:
        pretrained: True for the weights of the authors, in the book's file (553 MB, from the cache or downloaded).
            Its checksum is not known to us: it is checked to be whole and of the right names, shapes and dtypes.
            Or the path of a weight file. False draws them anew (He et al., 2015), which takes seconds.

    Raises:
        OSError: The weights are not to be had.
        ValueError: They do not fit.

    Example:
        >>> model = models.VGG16(pretrained=True)  # doctest: +SKIP
        >>> x = models.VGG16.preprocess(PIL.Image.open("zebra.jpg"))  # doctest: +SKIP
        >>> with dezero.test_mode():  # doctest: +SKIP
        ...     datasets.ImageNet.labels()[int(model(x[None]).data.argmax())]
        'zebra'

    Source: Simonyan and Zisserman, 2014, configuration D.
    """

    def __init__(self, pretrained: Any = False):
        super().__init__()
        W_init = first_weights(pretrained)
        C = 3
        for i, (count, OC) in enumerate(BLOCKS, start=1):
            for j in range(1, count + 1):
                setattr(self, f"conv{i}_{j}", Conv2d(OC, 3, pad=1, in_channels=C, W_init=W_init))
                C = OC
        self.fc6 = Linear(4096, in_size=C * 7 * 7, W_init=W_init)
        self.fc7 = Linear(4096, in_size=4096, W_init=W_init)
        self.fc8 = Linear(1000, in_size=4096, W_init=W_init)
        load_pretrained(self, pretrained, "vgg16")

    def forward(self, x: Any) -> Variable:
        """Scores a batch of pictures.

        Args:
            x: Variable or array (N, 3, 224, 224), as ``preprocess`` makes them.

        Returns:
            Variable (N, 1000): scores. ``F.softmax`` makes them probabilities.
        """
        for i, (count, _) in enumerate(BLOCKS, start=1):
            for j in range(1, count + 1):
                x = relu(getattr(self, f"conv{i}_{j}")(x))
            x = pooling(x, 2, 2)
        x = flatten(x)  # (N, 512 * 7 * 7)
        x = dropout(relu(self.fc6(x)))
        x = dropout(relu(self.fc7(x)))
        return self.fc8(x)  # (N, 1000)

    @staticmethod
    def preprocess(image: Any, size: Any = (224, 224), dtype: Any = np.float32) -> np.ndarray:
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
        return prepare(image, size, dtype, (103.939, 116.779, 123.68))
