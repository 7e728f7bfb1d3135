"""Knows how one sample is prepared for a network: pictures to arrays, cut, flipped, scaled and flattened.

A transform is any callable that takes a sample and returns one. Those here that treat every sample alike also
have ``batch``, which does the same to a stack of samples at once and gives the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .arrays import as_array, pair
from .cuda import as_numpy, get_array_module, is_array

BILINEAR = 2  # PIL.Image.BILINEAR, known here without importing PIL


def batch_versions(transforms: Iterable[Callable]) -> list[Callable] | None:
    """For each transform the function that does to a stack of samples what it does to one.

    Returns:
        The functions, or None where a transform has none. None also where two of them draw random numbers:
        sample by sample their draws alternate, which a batch at a time cannot repeat.
    """
    transforms = list(transforms)
    versions = [_batch_version(t) for t in transforms]
    if None in versions or sum(getattr(t, "random", False) for t in transforms) > 1:
        return None
    return versions


def _batch_version(transform: Callable) -> Any:
    """``transform.batch``, unless a subclass gave the transform a new meaning without a new ``batch``."""
    batch, call = (
        next((c for c in type(transform).__mro__ if name in vars(c)), object) for name in ("batch", "__call__")
    )
    return getattr(transform, "batch", None) if issubclass(batch, call) else None


class Compose:
    """Applies transforms one after the other. With none it is the identity.

    Args:
        transforms: Callables, first to last.

    Example:
        >>> prepare = Compose([Flatten(), ToFloat(), Normalize(0.0, 255.0)])
        >>> prepare(np.full((1, 2, 2), 51, np.uint8)).tolist() == [np.float32(0.2)] * 4
        True
    """

    def __init__(self, transforms: Sequence[Callable] = ()):
        self.transforms = transforms

    def __call__(self, x: Any) -> Any:
        for transform in self.transforms:
            x = transform(x)
        return x

    @property
    def random(self) -> bool:
        return any(getattr(t, "random", False) for t in self.transforms)

    @property
    def batch(self) -> Callable | None:
        versions = batch_versions(self.transforms)
        return None if versions is None else Compose(versions)


class Convert:
    """A PIL image in another colour mode.

    Args:
        mode: A mode of PIL (``"RGB"``, ``"L"`` for grey …) or ``"BGR"``: RGB with red and blue swapped.

    Example:
        >>> from PIL import Image
        >>> Convert("BGR")(Image.new("RGB", (1, 1), "red")).getpixel((0, 0))
        (0, 0, 255)
    """

    def __init__(self, mode: str = "RGB"):
        self.mode = mode

    def __call__(self, image: Any) -> Any:
        if self.mode != "BGR":
            return image.convert(self.mode)
        from PIL import Image

        return Image.merge("RGB", image.convert("RGB").split()[::-1])


class Resize:
    """A PIL image in another size, stretched if need be.

    Args:
        size: Width and height in pixels; one number for both.
        mode: How PIL computes the new pixels, ``BILINEAR`` or another of its resampling filters.

    Example:
        >>> from PIL import Image
        >>> Resize((8, 6))(Image.new("RGB", (100, 50))).size
        (8, 6)
    """

    def __init__(self, size: int | tuple[int, int], mode: int = BILINEAR):
        self.size = pair(size)
        self.mode = mode

    def __call__(self, image: Any) -> Any:
        return image.resize(self.size, self.mode)


class CenterCrop:
    """The middle of a PIL image or of an array ``(…, H, W)``.

    Args:
        size: Width and height in pixels; one number for both.

    Raises:
        ValueError: At the call: the image is smaller than that.

    Example:
        >>> CenterCrop(2)(np.arange(16).reshape(1, 4, 4)).tolist()
        [[[5, 6], [9, 10]]]
    """

    def __init__(self, size: int | tuple[int, int]):
        self.size = pair(size)

    def __call__(self, image: Any) -> Any:
        OW, OH = self.size
        W, H = image.shape[:-3:-1] if is_array(image) else image.size
        if OW > W or OH > H:
            raise ValueError(f"CenterCrop: the image is {W} x {H} (w x h), too small for {OW} x {OH}. Resize it first.")
        left, top = (W - OW) // 2, (H - OH) // 2
        if is_array(image):
            return image[..., top : top + OH, left : left + OW]
        return image.crop((left, top, left + OW, top + OH))

    batch = __call__


class ToArray:
    """A PIL image as an array ``(C, H, W)``, values as in the image (0 to 255); grey images have C = 1.

    An array stays one: ``(H, W)`` is taken as grey, ``(C, H, W)`` as it is.

    Args:
        dtype: Of the result.

    Raises:
        TypeError: At the call: neither image nor array.

    Example:
        >>> from PIL import Image
        >>> ToArray()(Image.new("RGB", (8, 6))).shape
        (3, 6, 8)
    """

    def __init__(self, dtype: Any = np.float32):
        self.dtype = dtype

    def __call__(self, image: Any) -> Any:
        if is_array(image):
            x = image
        elif hasattr(image, "getbands"):  # a PIL image, without importing PIL to ask
            image = image.convert("RGB") if image.mode == "P" else image  # the numbers of a palette mean nothing
            x = np.asarray(image)
            x = x.transpose(2, 0, 1) if x.ndim == 3 else x  # (C, H, W)
        else:
            raise TypeError(f"ToArray needs a PIL image or an array, got {type(image).__name__}.")
        return (x[None] if x.ndim == 2 else x).astype(self.dtype)


class ToPIL:
    """An array ``(C, H, W)`` or ``(H, W)`` with values 0 to 255 as a PIL image; floats are rounded.

    Raises:
        ValueError: At the call: a shape that is no image (C is 1 for grey, 3 for RGB, 4 with transparency).
    """

    def __call__(self, x: Any) -> Any:
        from PIL import Image

        x = as_numpy(x)
        image = x[None] if x.ndim == 2 else x
        if image.ndim != 3 or len(image) not in (1, 3, 4):
            raise ValueError(f"ToPIL: (C, H, W) with C 1, 3 or 4 or (H, W) is wanted, got shape {x.shape}.")
        if image.dtype != np.uint8:
            image = np.clip(np.rint(image), 0, 255).astype(np.uint8)
        image = image[0] if len(image) == 1 else image.transpose(1, 2, 0)  # (H, W) or (H, W, C)
        return Image.fromarray(np.ascontiguousarray(image))


class RandomHorizontalFlip:
    """A PIL image or an array ``(…, W)``, left and right swapped in some of the calls.

    Args:
        p: Probability of the swap.
        seed: For a sequence of draws of its own; left out, the draws come from ``np.random``.

    Raises:
        ValueError: ``p`` is no probability.

    Example:
        >>> RandomHorizontalFlip(p=1)(np.array([[1, 2, 3]]))
        array([[3, 2, 1]])
    """

    random = True

    def __init__(self, p: float = 0.5, seed: Any = None):
        if not 0 <= p <= 1:
            raise ValueError(f"RandomHorizontalFlip: p must be from 0 to 1, got {p!r}.")
        self.p = p
        self._rng = None if seed is None else np.random.default_rng(seed)

    def _draw(self, size: int | None = None) -> Any:
        return (np.random if self._rng is None else self._rng).random(size) < self.p

    def __call__(self, image: Any) -> Any:
        if not self._draw():
            return image
        if is_array(image):
            return image[..., ::-1]
        from PIL import ImageOps

        return ImageOps.mirror(image)

    def batch(self, images: Any) -> Any:
        xp = get_array_module(images)
        flip = xp.asarray(self._draw(len(images)).reshape((-1,) + (1,) * (images.ndim - 1)))
        return xp.where(flip, images[..., ::-1], images)


class Normalize:
    """(x - mean) / std. Integers become float32; floats keep their dtype.

    Args:
        mean: A number, or one per channel of ``(C, …)``.
        std: As ``mean``, not 0.

    Raises:
        ValueError: ``std`` is 0; at the call: the channels are of another number.

    Example:
        >>> Normalize(0.0, 255.0)(np.array([0, 51, 255], np.uint8)).dtype.name
        'float32'
    """

    def __init__(self, mean: float | Sequence[float] = 0, std: float | Sequence[float] = 1):
        self.mean = np.asarray(mean, dtype=np.float64)
        self.std = np.asarray(std, dtype=np.float64)
        if self.mean.ndim > 1 or self.std.ndim > 1:
            raise ValueError(f"Normalize: numbers or one per channel are wanted, got mean {mean!r} and std {std!r}.")
        if not self.std.all():
            raise ValueError(f"Normalize: std must not be 0, got {std!r}.")

    def __call__(self, x: Any) -> Any:
        return self._apply(x, x.ndim)

    def batch(self, x: Any) -> Any:
        return self._apply(x, x.ndim - 1)

    def _apply(self, x: Any, ndim: int) -> Any:
        """Normalizes ``x``, whose last ``ndim`` axes are a sample."""
        dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float32)
        xp = get_array_module(x)
        y = x.astype(dtype, copy=False) - self._spread(xp, self.mean, x, ndim, dtype)
        y /= self._spread(xp, self.std, x, ndim, dtype)
        return y

    def _spread(self, xp: Any, values: np.ndarray, x: Any, ndim: int, dtype: np.dtype) -> Any:
        """``values`` in a shape that broadcasts over the samples of ``x``: ``()`` or ``(C, 1, …)``."""
        if values.ndim and (ndim == 0 or len(values) not in (1, x.shape[x.ndim - ndim])):
            shape = tuple(x.shape[x.ndim - ndim :])
            raise ValueError(f"Normalize: {len(values)} values per channel do not fit a sample of shape {shape}.")
        return xp.asarray(values.reshape(values.shape + (1,) * (ndim - 1) * values.ndim), dtype=dtype)


class Flatten:
    """An array as a vector."""

    def __call__(self, x: Any) -> Any:
        return x.reshape(-1)

    def batch(self, x: Any) -> Any:
        return x.reshape(len(x), math.prod(x.shape[1:]))


class AsType:
    """An array or a number as an array of another dtype.

    Args:
        dtype: Of the result.

    Example:
        >>> AsType()(np.array([1, 2])).dtype
        dtype('float32')
    """

    def __init__(self, dtype: Any = np.float32):
        self.dtype = dtype

    def __call__(self, x: Any) -> Any:
        return as_array(x).astype(self.dtype)

    batch = __call__


ToFloat = AsType


class ToInt(AsType):
    """An array or a number as an array of integers.

    Args:
        dtype: Of the result.

    Example:
        >>> ToInt()(np.array([1.5]))
        array([1])
    """

    def __init__(self, dtype: Any = int):
        super().__init__(dtype)
