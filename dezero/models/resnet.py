"""Knows residual networks of 50, 101 and 152 layers: blocks of convolutions that each add to what went in."""

from __future__ import annotations

import os
import zipfile
from contextlib import suppress
from typing import Any

import numpy as np

from ..core import Parameter, Variable
from ..functions.activation import relu
from ..functions.pooling import global_average_pooling, pooling
from ..layers import Conv2d, Layer, Linear
from .base import Model
from .pretrained import batch_norm, first_weights, load_pretrained, prepare

BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}  # layers -> blocks in res2 to res5


class Bottleneck(Layer):
    """y = relu(f(x) + x), f three convolutions: 1x1 to fewer channels, 3x3, 1x1 to more.

    Where x has another shape than f(x), a convolution of 1x1 brings it there: y = relu(f(x) + bn4(conv4(x))).

    Args:
        C: Channels of the input.
        mid: Channels between.
        OC: Channels of the result.
        stride: Of the first convolution, and of ``conv4``.
        projects: Whether there are ``conv4`` and ``bn4``.
        W_init: How the weights start.
    """

    def __init__(self, C: int, mid: int, OC: int, stride: int = 1, projects: bool = False, W_init: Any = "he_normal"):
        super().__init__()
        self.conv1 = Conv2d(mid, 1, stride, nobias=True, in_channels=C, W_init=W_init)
        self.bn1 = batch_norm(mid)
        self.conv2 = Conv2d(mid, 3, pad=1, nobias=True, in_channels=mid, W_init=W_init)
        self.bn2 = batch_norm(mid)
        self.conv3 = Conv2d(OC, 1, nobias=True, in_channels=mid, W_init=W_init)
        self.bn3 = batch_norm(OC)
        self.projects = projects
        if projects:
            self.conv4 = Conv2d(OC, 1, stride, nobias=True, in_channels=C, W_init=W_init)
            self.bn4 = batch_norm(OC)

    def forward(self, x: Any) -> Variable:
        """Adds to ``x``.

        Args:
            x: Variable or array (N, C, H, W).

        Returns:
            Variable (N, OC, OH, OW), OH and OW smaller by ``stride``.
        """
        y = relu(self.bn1(self.conv1(x)))  # (N, mid, OH, OW)
        y = relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))  # (N, OC, OH, OW)
        return relu(y + (self.bn4(self.conv4(x)) if self.projects else x))


class Stage(Layer):
    """One block that projects, ``a``, and others that do not, ``b1``, ``b2`` …

    Args:
        count: Number of blocks.
        C: Channels of the input.
        mid: Channels between.
        OC: Channels of the result.
        stride: Of the first block.
        W_init: How the weights start.
    """

    def __init__(self, count: int, C: int, mid: int, OC: int, stride: int, W_init: Any = "he_normal"):
        super().__init__()
        self.names = ("a", *(f"b{i}" for i in range(1, count)))
        self.a = Bottleneck(C, mid, OC, stride, projects=True, W_init=W_init)
        for name in self.names[1:]:
            setattr(self, name, Bottleneck(OC, mid, OC, W_init=W_init))

    def forward(self, x: Any) -> Variable:
        """Sends ``x`` through all blocks.

        Args:
            x: Variable or array (N, C, H, W).

        Returns:
            Variable (N, OC, OH, OW).
        """
        for name in self.names:
            x = getattr(self, name)(x)
        return x


class ResNet(Model):
    """Pictures to scores of the 1,000 classes of ImageNet.

    25,557,032 parameters with 50 layers, 44,549,160 with 101, 60,192,808 with 152. The layers are
    ``conv1 bn1 res2 res3 res4 res5 fc6``, each ``resN`` a ``Stage`` of blocks ``a``, ``b1``, ``b2`` …, and so are
    the names in weight files.

    As in the authors' own, the stride is that of a block's first convolution, and the pooling after the first one
    rounds its size up. The book's files, which came out of Caffe, also have a bias ``conv1/b`` (64 numbers that the
    batch normalization after it makes needless): a model that loads such a file gets one.

    Args:
        n_layers: 50, 101 or 152.
        pretrained: True for the weights of the authors, in the book's file (from the cache or downloaded). Its
            checksum is not known to us: it is checked to be whole and of the right names, shapes and dtypes.
            Or the path of a weight file. False draws them anew (He et al., 2015).

    Raises:
        OSError: The weights are not to be had.
        ValueError: They do not fit, or ``n_layers`` is another number.

    Example:
        >>> model = ResNet(50)
        >>> sum(p.size for p in model.params())
        25557032
        >>> with dezero.no_grad(), dezero.test_mode():
        ...     model(np.zeros((1, 3, 64, 64), np.float32)).shape
        (1, 1000)

    Source: He et al., Deep Residual Learning for Image Recognition, 2015.
    """

    def __init__(self, n_layers: int = 152, pretrained: Any = False):
        super().__init__()
        if n_layers not in BLOCKS:
            raise ValueError(f"ResNet: n_layers must be 50, 101 or 152, got {n_layers!r}.")
        n2, n3, n4, n5 = BLOCKS[n_layers]
        W_init = first_weights(pretrained)
        self.n_layers = n_layers
        self.conv1 = Conv2d(64, 7, 2, 3, nobias=True, in_channels=3, W_init=W_init)
        self.bn1 = batch_norm(64)
        self.res2 = Stage(n2, 64, 64, 256, 1, W_init)
        self.res3 = Stage(n3, 256, 128, 512, 2, W_init)
        self.res4 = Stage(n4, 512, 256, 1024, 2, W_init)
        self.res5 = Stage(n5, 1024, 512, 2048, 2, W_init)
        self.fc6 = Linear(1000, in_size=2048, W_init=W_init)
        load_pretrained(self, pretrained, f"resnet{n_layers}")

    def forward(self, x: Any) -> Variable:
        """Scores a batch of pictures.

        Args:
            x: Variable or array (N, 3, H, W), as ``preprocess`` makes them; 224 x 224 pixels are usual.

        Returns:
            Variable (N, 1000): scores. ``F.softmax`` makes them probabilities.
        """
        x = relu(self.bn1(self.conv1(x)))  # (N, 64, H/2, W/2)
        x = pooling(x, 3, 2, ceil_mode=True)  # (N, 64, H/4, W/4)
        x = self.res2(x)  # (N, 256, H/4, W/4)
        x = self.res3(x)  # (N, 512, H/8, W/8)
        x = self.res4(x)  # (N, 1024, H/16, W/16)
        x = self.res5(x)  # (N, 2048, H/32, W/32)
        return self.fc6(global_average_pooling(x))  # (N, 1000)

    def load_weights(self, path: Any) -> None:
        """Reads all parameters and buffers from an .npz file, as ``Layer.load_weights`` does.

        With a file that has a bias ``conv1/b`` the model gets one, with another it loses it.

        Args:
            path: Path of the file.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is damaged, or names, shapes or dtypes differ: lists every difference.
        """
        before = self.conv1.b
        has_bias = "conv1/b.npy" in _members(path)
        if has_bias != (before is not None):
            self.conv1.b = Parameter(np.zeros(64, np.float32), name="b") if has_bias else None
        try:
            super().load_weights(path)
        except BaseException:
            self.conv1.b = before
            raise

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
        return prepare(image, size, dtype, (103.063, 115.903, 123.152))


def _members(path: Any) -> list[str]:
    """The names in an archive; none where it cannot be read, which whoever loads it is going to say."""
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(os.fsdecode(path)) as archive:
        return archive.namelist()
    return []


class ResNet50(ResNet):
    """``ResNet`` with 50 layers.

    Args:
        pretrained: As there.

    Example:
        >>> ResNet50().n_layers
        50
    """

    def __init__(self, pretrained: Any = False):
        super().__init__(50, pretrained)


class ResNet101(ResNet):
    """``ResNet`` with 101 layers.

    Args:
        pretrained: As there.

    Example:
        >>> ResNet101().n_layers
        101
    """

    def __init__(self, pretrained: Any = False):
        super().__init__(101, pretrained)


class ResNet152(ResNet):
    """``ResNet`` with 152 layers.

    Args:
        pretrained: As there.

    Example:
        >>> ResNet152().n_layers  # 60 million numbers: this takes a second
        152
    """

    def __init__(self, pretrained: Any = False):
        super().__init__(152, pretrained)
