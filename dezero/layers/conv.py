"""Knows the layers of two-dimensional convolution, and of its transpose."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import pair
from ..core import Variable
from ..functions.conv import conv2d, deconv2d
from .weights import WeightedLayer, array_module_of, positive_integer


class _Convolution(WeightedLayer):
    """What both have in common: the sizes, and that W waits for the channels of the first input."""

    input_size_name = "in_channels"

    in_channels: int | None

    def __init__(
        self,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        pad: int | tuple[int, int] = 0,
        nobias: bool = False,
        dtype: Any = np.float32,
        in_channels: int | None = None,
    ):
        who = type(self).__name__
        self.out_channels = positive_integer(out_channels, "out_channels", who)
        KH, KW = pair(kernel_size)
        SH, SW = pair(stride)
        self.stride = positive_integer(SH, "stride", who), positive_integer(SW, "stride", who)
        self.pad = pair(pad)
        if min(self.pad) < 0:
            raise ValueError(f"{who}: pad must not be negative, got {pad!r}.")
        self.kernel_size = positive_integer(KH, "kernel_size", who), positive_integer(KW, "kernel_size", who)
        super().__init__(self.out_channels, nobias, dtype, in_channels)

    def _wait_no_longer(self, x: Any) -> None:
        if self.W.data is None:
            xp = array_module_of(x, type(self).__name__)
            if x.ndim != 4:
                raise ValueError(f"{type(self).__name__}: x (N, C, H, W) is wanted, got {tuple(x.shape)}.")
            self.initialize(x.shape[1], xp)


class Conv2d(_Convolution):
    """Slides ``out_channels`` filters over images: y[n, o] = sum over c of x[n, c] correlated with W[o, c], plus b[o].

    ``W`` is (OC, C, KH, KW), drawn from N(0, 1 / (C KH KW)); ``b`` is (OC,), zero at first.

    Args:
        out_channels: Number of filters OC.
        kernel_size: Height and width of a filter in pixels, one integer for both.
        stride: Pixels from one place to the next, down and across.
        pad: Rows and columns of zeros around the image.
        nobias: Leave ``b`` out.
        dtype: Floating point type of ``W`` and ``b``.
        in_channels: Number of channels C. Left out, it is that of the first input.

    Example:
        >>> layer = Conv2d(8, 3, pad=1)
        >>> layer(np.ones((1, 3, 16, 16), np.float32)).shape, layer.W.shape
        ((1, 8, 16, 16), (8, 3, 3, 3))
    """

    def W_shape(self, in_size: int | None) -> tuple[int | None, ...]:
        return self.out_channels, in_size, *self.kernel_size

    def forward(self, x: Any) -> Variable:
        """Convolves a batch of images.

        Args:
            x: Variable or array (N, C, H, W).

        Returns:
            Variable (N, OC, OH, OW) with OH = (H + 2 PH - KH) // SH + 1, and OW likewise.

        Raises:
            ValueError: ``x`` has other axes or channels, or is smaller than the kernel.
        """
        self._wait_no_longer(x)
        return conv2d(x, self.W, self.b, self.stride, self.pad)


class Deconv2d(_Convolution):
    """The transpose of a convolution: spreads every pixel over a kernel, so that images grow.

    ``W`` is (C, OC, KH, KW), drawn from N(0, 1 / (C KH KW)); ``b`` is (OC,), zero at first.

    Args:
        out_channels: Channels OC of the result.
        kernel_size: Height and width of a kernel in pixels, one integer for both.
        stride: Pixels of the result from one kernel to the next, down and across.
        pad: Rows and columns cut off around the result.
        nobias: Leave ``b`` out.
        dtype: Floating point type of ``W`` and ``b``.
        in_channels: Number of channels C. Left out, it is that of the first input.

    Example:
        >>> layer = Deconv2d(2, 4, stride=2, pad=1)
        >>> layer(np.ones((1, 8, 5, 5), np.float32)).shape, layer.W.shape
        ((1, 2, 10, 10), (8, 2, 4, 4))
    """

    def W_shape(self, in_size: int | None) -> tuple[int | None, ...]:
        return in_size, self.out_channels, *self.kernel_size

    def forward(self, x: Any) -> Variable:
        """Spreads a batch of images.

        Args:
            x: Variable or array (N, C, H, W).

        Returns:
            Variable (N, OC, OH, OW) with OH = SH (H - 1) + KH - 2 PH, and OW likewise.

        Raises:
            ValueError: ``x`` has other axes or channels.
        """
        self._wait_no_longer(x)
        return deconv2d(x, self.W, self.b, self.stride, self.pad)
