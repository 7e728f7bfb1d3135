"""Knows the layers that make images smaller by pooling, or larger."""

from __future__ import annotations

from typing import Any

from ..core import Variable
from ..functions.interpolation import interpolate
from ..functions.pooling import (
    adaptive_average_pooling,
    adaptive_max_pooling,
    average_pooling,
    global_average_pooling,
    global_max_pooling,
    pooling,
)
from .base import Layer
from .description import by, window_text


class _Pooling(Layer):
    """What pooling layers have in common: windows, as far apart as they are large unless told otherwise."""

    def __init__(self, kernel_size: Any, stride: Any, pad: Any, ceil_mode: bool):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.pad = pad
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        """Its sizes: ``2x2, stride 2``."""
        return window_text(self.kernel_size, self.stride, self.pad) + (", ceil_mode" if self.ceil_mode else "")


class MaxPooling(_Pooling):
    """The largest pixel of each window.

    Args:
        kernel_size: Height and width of a window in pixels, one integer for both.
        stride: Pixels from one window to the next, down and across; None for the size of a window.
        pad: Rows and columns around the image; they never win.
        ceil_mode: Also take the windows that reach beyond the end.

    Example:
        >>> MaxPooling(2)(np.ones((1, 3, 8, 8))).shape
        (1, 3, 4, 4)
    """

    def __init__(self, kernel_size: Any, stride: Any = None, pad: Any = 0, ceil_mode: bool = False):
        super().__init__(kernel_size, stride, pad, ceil_mode)

    def forward(self, x: Any) -> Variable:
        """Pools a batch of images.

        Args:
            x: Variable or array (N, C, H, W).

        Returns:
            Variable (N, C, OH, OW) with OH = (H + 2 PH - KH) // SH + 1, and OW likewise.
        """
        return pooling(x, self.kernel_size, self.stride, self.pad, ceil_mode=self.ceil_mode)


class AveragePooling(_Pooling):
    """The mean of each window.

    Args:
        kernel_size: Height and width of a window in pixels, one integer for both.
        stride: Pixels from one window to the next, down and across; None for the size of a window.
        pad: Rows and columns of zeros around the image.
        ceil_mode: Also take the windows that reach beyond the end.
        count_include_pad: Whether the zeros count as pixels.

    Example:
        >>> AveragePooling(3, stride=2, pad=1)(np.ones((1, 3, 8, 8))).shape
        (1, 3, 4, 4)
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        pad: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ):
        super().__init__(kernel_size, stride, pad, ceil_mode)
        self.count_include_pad = count_include_pad

    def extra_repr(self) -> str:
        """Its sizes: ``2x2, stride 2``."""
        return super().extra_repr() + ("" if self.count_include_pad else ", count_include_pad=False")

    def forward(self, x: Any) -> Variable:
        """Pools a batch of images.

        Args:
            x: Variable or array (N, C, H, W).

        Returns:
            Variable (N, C, OH, OW) with OH = (H + 2 PH - KH) // SH + 1, and OW likewise.
        """
        return average_pooling(
            x,
            self.kernel_size,
            self.stride,
            self.pad,
            ceil_mode=self.ceil_mode,
            count_include_pad=self.count_include_pad,
        )


class GlobalAveragePooling(Layer):
    """The mean of each channel, whatever the size of the image: (N, C, H, W) becomes (N, C).

    Example:
        >>> GlobalAveragePooling()(np.ones((1, 3, 8, 7))).shape
        (1, 3)

    Source: Lin et al., Network In Network, 2014.
    """

    def forward(self, x: Any) -> Variable:
        """Pools a batch of images (N, C, H, W) or of sequences (N, C, L)."""
        return global_average_pooling(x)


class GlobalMaxPooling(Layer):
    """The largest pixel of each channel, whatever the size of the image: (N, C, H, W) becomes (N, C).

    Example:
        >>> GlobalMaxPooling()(np.ones((1, 3, 8, 7))).shape
        (1, 3)
    """

    def forward(self, x: Any) -> Variable:
        """Pools a batch of images (N, C, H, W) or of sequences (N, C, L)."""
        return global_max_pooling(x)


class _AdaptivePooling(Layer):
    def __init__(self, outsize: Any):
        super().__init__()
        self.outsize = outsize

    def extra_repr(self) -> str:
        """The size of the result: ``7x7``."""
        return by(self.outsize)


class AdaptiveAveragePooling(_AdaptivePooling):
    """The mean of windows that are laid so that the result has a given size.

    Args:
        outsize: Height and width of the result in pixels, one integer for both.

    Example:
        >>> AdaptiveAveragePooling((2, 3))(np.ones((1, 3, 8, 7))).shape
        (1, 3, 2, 3)
    """

    def forward(self, x: Any) -> Variable:
        """Pools a batch of images (N, C, H, W) to (N, C, OH, OW)."""
        return adaptive_average_pooling(x, self.outsize)


class AdaptiveMaxPooling(_AdaptivePooling):
    """The largest pixel of windows that are laid so that the result has a given size.

    Args:
        outsize: Height and width of the result in pixels, one integer for both.

    Example:
        >>> AdaptiveMaxPooling(2)(np.ones((1, 3, 8, 7))).shape
        (1, 3, 2, 2)
    """

    def forward(self, x: Any) -> Variable:
        """Pools a batch of images (N, C, H, W) to (N, C, OH, OW)."""
        return adaptive_max_pooling(x, self.outsize)


class Upsample(Layer):
    """Makes images larger, or smaller, by looking between their pixels (``F.interpolate``).

    Args:
        size: Height and width of the result in pixels, one integer for both; or
        scale_factor: How many times those of the image.
        mode: ``"nearest"`` or ``"bilinear"``.
        align_corners: Whether the centres of the corner pixels stay where they are.

    Example:
        >>> Upsample(scale_factor=2)(np.ones((1, 3, 4, 4))).shape
        (1, 3, 8, 8)
    """

    def __init__(self, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool = False):
        super().__init__()
        self.size = size
        self.scale_factor = scale_factor
        self.mode = mode
        self.align_corners = align_corners

    def forward(self, x: Any) -> Variable:
        """Resizes a batch of images.

        Args:
            x: Variable or array (N, C, H, W).

        Returns:
            Variable (N, C, OH, OW).
        """
        return interpolate(x, self.size, self.scale_factor, self.mode, self.align_corners)
