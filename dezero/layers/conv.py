"""Knows the layers of convolution along one axis and two, and of its transpose."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import pair
from ..core import Variable
from ..functions.conv import conv1d, conv2d, deconv1d, deconv2d
from .description import by, window_text
from .weights import WeightedLayer, array_module_of, positive_integer


class _Convolution(WeightedLayer):
    """What all have in common: the sizes, and that W waits for the channels of the first input."""

    input_size_name = "in_channels"
    axes = "H, W"  # what a kernel moves along
    pads_by_name: tuple[str, ...] = ()

    in_channels: int | None
    pad: Any

    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        pad: Any = 0,
        nobias: bool = False,
        dtype: Any = np.float32,
        in_channels: int | None = None,
        dilation: Any = 1,
        groups: int = 1,
        *,
        W_init: Any = None,
        b_init: Any = None,
    ):
        who = type(self).__name__
        self.out_channels = positive_integer(out_channels, "out_channels", who)
        self.kernel_size = self._sizes("kernel_size", kernel_size)
        self.stride = self._sizes("stride", stride)
        self.pad = pad if isinstance(pad, str) else self._lengths("pad", pad)
        if isinstance(pad, str) and pad not in self.pads_by_name:
            names = "".join(f", {name!r}" for name in self.pads_by_name)
            raise ValueError(f"{who}: pad must be one of 0, 1, 2 ...{names}, got {pad!r}.")
        if not isinstance(self.pad, str) and min(self.pad) < 0:
            raise ValueError(f"{who}: pad must not be negative, got {pad!r}.")
        self.dilation = self._sizes("dilation", dilation)
        self.groups = positive_integer(groups, "groups", who)
        self._check_groups("out_channels", self.out_channels)
        super().__init__(self.out_channels, nobias, dtype, in_channels, W_init=W_init, b_init=b_init)

    def extra_repr(self) -> str:
        """Its sizes: ``3 -> 16, 5x5, stride 1, pad 2``."""
        pad = 0 if self.pad == (0,) else self.pad
        dilation = "" if set(self.dilation) == {1} else f", dilation {by(self.dilation, one=True)}"
        groups = "" if self.groups == 1 else f", groups {self.groups}"
        return f"{self._in_and_out()}, {window_text(self.kernel_size, self.stride, pad)}{dilation}{groups}"

    def _lengths(self, name: str, value: Any) -> tuple[int, ...]:
        """``value`` for each axis."""
        if self.axes == "H, W":
            return pair(value)
        if not isinstance(value, (int, np.integer)):
            raise ValueError(f"{type(self).__name__}: {name} must be an integer, got {value!r}.")
        return (int(value),)

    def _sizes(self, name: str, value: Any) -> tuple[int, ...]:
        return tuple(positive_integer(n, name, type(self).__name__) for n in self._lengths(name, value))

    def _check_groups(self, name: str, channels: int) -> None:
        if channels % self.groups:
            raise ValueError(f"{type(self).__name__}: groups {self.groups} does not divide {name} {channels}.")

    def _wait_no_longer(self, x: Any) -> None:
        if self.W.data is None:
            xp = array_module_of(x, type(self).__name__)
            if x.ndim != 2 + len(self.kernel_size):
                raise ValueError(f"{type(self).__name__}: x (N, C, {self.axes}) is wanted, got {tuple(x.shape)}.")
            self.initialize(x.shape[1], xp)


class _Conv(_Convolution):
    """W (OC, C / groups, ...): convolution."""

    pads_by_name = ("same", "valid")

    def W_shape(self, in_size: int | None) -> tuple[int | None, ...]:
        self._check_groups("in_channels", in_size or 0)
        return self.out_channels, in_size and in_size // self.groups, *self.kernel_size

    def _in_and_out(self) -> str:
        if self.in_channels is None and self.W.data is not None:  # W came from a file
            return f"{self.W.data.shape[1] * self.groups} -> {self.out_channels}"
        return super()._in_and_out()


class _Deconv(_Convolution):
    """W (C, OC / groups, ...): transposed convolution."""

    def __init__(self, *args: Any, output_pad: Any, **kwargs: Any):
        self.output_pad = self._lengths("output_pad", output_pad)
        if min(self.output_pad) < 0:
            raise ValueError(f"{type(self).__name__}: output_pad must not be negative, got {output_pad!r}.")
        super().__init__(*args, **kwargs)
        if any(more >= step for more, step in zip(self.output_pad, self.stride)):
            raise ValueError(
                f"{type(self).__name__}: output_pad must be below the stride {self.stride}, got {output_pad!r}."
            )

    def W_shape(self, in_size: int | None) -> tuple[int | None, ...]:
        self._check_groups("in_channels", in_size or 0)
        return in_size, self.out_channels // self.groups, *self.kernel_size


class Conv2d(_Conv):
    """Slides ``out_channels`` filters over images: y[n, o] = sum over c of x[n, c] correlated with W[o, c], plus b[o].

    ``W`` is (OC, C / groups, KH, KW), drawn from N(0, groups / (C KH KW)); ``b`` is (OC,), zero at first.

    Args:
        out_channels: Number of filters OC.
        kernel_size: Height and width of a filter in pixels, one integer for both.
        stride: Pixels from one place to the next, down and across.
        pad: Rows and columns of zeros around the image; "same" for as many places as there are strides, "valid"
            for none.
        nobias: Leave ``b`` out.
        dtype: Floating point type of ``W`` and ``b``.
        in_channels: Number of channels C. Left out, it is that of the first input.
        dilation: Pixels of the image from one of the filter to the next, down and across.
        groups: Into how many parts the channels fall, each with its own filters; as many as there are channels
            make it depthwise.
        W_init: How ``W`` starts: a name, a part of ``dezero.initializers``, or a callable that takes the shape.
        b_init: How ``b`` starts, likewise.

    Example:
        >>> layer = Conv2d(8, 3, pad=1)
        >>> layer(np.ones((1, 3, 16, 16), np.float32)).shape, layer.W.shape
        ((1, 8, 16, 16), (8, 3, 3, 3))
    """

    def forward(self, x: Any) -> Variable:
        """Convolves a batch of images.

        Args:
            x: Variable or array (N, C, H, W).

        Returns:
            Variable (N, OC, OH, OW) with OH = (H + 2 PH - DH (KH - 1) - 1) // SH + 1, and OW likewise.

        Raises:
            ValueError: ``x`` has other axes or channels, or is smaller than the kernel.
        """
        self._wait_no_longer(x)
        return conv2d(x, self.W, self.b, self.stride, self.pad, self.dilation, self.groups)


class Conv1d(_Conv):
    """Slides ``out_channels`` filters along sequences: ``Conv2d`` with one axis.

    ``W`` is (OC, C / groups, K), drawn from N(0, groups / (C K)); ``b`` is (OC,), zero at first.

    Args:
        out_channels: Number of filters OC.
        kernel_size: Length of a filter K.
        stride: Steps from one place to the next.
        pad: Zeros on each side; "same" for as many places as there are strides, "valid" for none.
        nobias: Leave ``b`` out.
        dtype: Floating point type of ``W`` and ``b``.
        in_channels: Number of channels C. Left out, it is that of the first input.
        dilation: Steps of the sequence from one of the filter to the next.
        groups: Into how many parts the channels fall, each with its own filters.
        W_init: How ``W`` starts: a name, a part of ``dezero.initializers``, or a callable that takes the shape.
        b_init: How ``b`` starts, likewise.

    Example:
        >>> layer = Conv1d(8, 3, pad="same")
        >>> layer(np.ones((1, 4, 20), np.float32)).shape, layer.W.shape
        ((1, 8, 20), (8, 4, 3))
    """

    axes = "L"

    def forward(self, x: Any) -> Variable:
        """Convolves a batch of sequences.

        Args:
            x: Variable or array (N, C, L).

        Returns:
            Variable (N, OC, OL) with OL = (L + 2 pad - dilation (K - 1) - 1) // stride + 1.

        Raises:
            ValueError: ``x`` has other axes or channels, or is shorter than the kernel.
        """
        self._wait_no_longer(x)
        pad = self.pad if isinstance(self.pad, str) else self.pad[0]
        return conv1d(x, self.W, self.b, self.stride[0], pad, self.dilation[0], self.groups)


class Deconv2d(_Deconv):
    """The transpose of a convolution: spreads every pixel over a kernel, so that images grow.

    ``W`` is (C, OC / groups, KH, KW), drawn from N(0, groups / (C KH KW)); ``b`` is (OC,), zero at first.

    Args:
        out_channels: Channels OC of the result.
        kernel_size: Height and width of a kernel in pixels, one integer for both.
        stride: Pixels of the result from one kernel to the next, down and across.
        pad: Rows and columns cut off around the result.
        nobias: Leave ``b`` out.
        dtype: Floating point type of ``W`` and ``b``.
        in_channels: Number of channels C. Left out, it is that of the first input.
        dilation: Pixels of the result from one of the kernel to the next, down and across.
        groups: Into how many parts the channels fall, each with its own kernels.
        output_pad: Rows below and columns to the right that the result has more, each below the stride.
        W_init: How ``W`` starts: a name, a part of ``dezero.initializers``, or a callable that takes the shape.
        b_init: How ``b`` starts, likewise.

    Example:
        >>> layer = Deconv2d(2, 4, stride=2, pad=1)
        >>> layer(np.ones((1, 8, 5, 5), np.float32)).shape, layer.W.shape
        ((1, 2, 10, 10), (8, 2, 4, 4))
    """

    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        pad: Any = 0,
        nobias: bool = False,
        dtype: Any = np.float32,
        in_channels: int | None = None,
        dilation: Any = 1,
        groups: int = 1,
        output_pad: Any = 0,
        *,
        W_init: Any = None,
        b_init: Any = None,
    ):
        sizes = out_channels, kernel_size, stride, pad, nobias, dtype, in_channels, dilation, groups
        super().__init__(*sizes, output_pad=output_pad, W_init=W_init, b_init=b_init)

    def forward(self, x: Any) -> Variable:
        """Spreads a batch of images.

        Args:
            x: Variable or array (N, C, H, W).

        Returns:
            Variable (N, OC, OH, OW) with OH = SH (H - 1) + DH (KH - 1) + 1 - 2 PH + ``output_pad``, and OW likewise.

        Raises:
            ValueError: ``x`` has other axes or channels.
        """
        self._wait_no_longer(x)
        more = self.output_pad
        return deconv2d(x, self.W, self.b, self.stride, self.pad, None, self.dilation, self.groups, more)


class Deconv1d(_Deconv):
    """The transpose of a convolution along one axis: ``Deconv2d`` for sequences.

    ``W`` is (C, OC / groups, K), drawn from N(0, groups / (C K)); ``b`` is (OC,), zero at first.

    Args:
        out_channels: Channels OC of the result.
        kernel_size: Length of a kernel K.
        stride: Steps of the result from one kernel to the next.
        pad: What is cut off on each side of the result.
        nobias: Leave ``b`` out.
        dtype: Floating point type of ``W`` and ``b``.
        in_channels: Number of channels C. Left out, it is that of the first input.
        dilation: Steps of the result from one of the kernel to the next.
        groups: Into how many parts the channels fall, each with its own kernels.
        output_pad: How much longer the result is, below the stride.
        W_init: How ``W`` starts: a name, a part of ``dezero.initializers``, or a callable that takes the shape.
        b_init: How ``b`` starts, likewise.

    Example:
        >>> layer = Deconv1d(2, 4, stride=2, pad=1)
        >>> layer(np.ones((1, 8, 5), np.float32)).shape, layer.W.shape
        ((1, 2, 10), (8, 2, 4))
    """

    axes = "L"

    def __init__(
        self,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        pad: int = 0,
        nobias: bool = False,
        dtype: Any = np.float32,
        in_channels: int | None = None,
        dilation: int = 1,
        groups: int = 1,
        output_pad: int = 0,
        *,
        W_init: Any = None,
        b_init: Any = None,
    ):
        sizes = out_channels, kernel_size, stride, pad, nobias, dtype, in_channels, dilation, groups
        super().__init__(*sizes, output_pad=output_pad, W_init=W_init, b_init=b_init)

    def forward(self, x: Any) -> Variable:
        """Spreads a batch of sequences.

        Args:
            x: Variable or array (N, C, L).

        Returns:
            Variable (N, OC, OL) with OL = stride (L - 1) + dilation (K - 1) + 1 - 2 pad + ``output_pad``.

        Raises:
            ValueError: ``x`` has other axes or channels.
        """
        self._wait_no_longer(x)
        (stride,), (pad,), (dilation,), (more,) = self.stride, self.pad, self.dilation, self.output_pad
        return deconv1d(x, self.W, self.b, stride, pad, None, dilation, self.groups, more)
