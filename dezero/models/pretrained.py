"""Knows where published weights come from, how they get into a model, and how pictures are prepared for them."""

from __future__ import annotations

import hashlib
import os
from typing import Any, NamedTuple

import numpy as np

from ..arrays import pair
from ..download import cache_path, get_file
from ..layers import BatchNorm, Layer

BILINEAR = 2  # PIL.Image.BILINEAR, known here without importing PIL

_BOOK = "https://github.com/koki0702/dezero-models/releases/download/v0.1/"


class Published(NamedTuple):
    """A file of weights that somebody published.

    Attributes:
        urls: Where it can be downloaded, each the same file. None: it has to be put in place by hand.
        file_name: Its place below the cache folder, and below ``DEZERO_DATA_DIR``.
        sha256: Of its content. None where it is not known to us: then all that is checked is that the archive is
            whole (each member of an .npz has a CRC of its own) and has the names, shapes and dtypes of the model.
    """

    urls: tuple[str, ...]
    file_name: str
    sha256: str | None


PUBLISHED = {
    # The book's files lie where the book's own package puts them, which finds them too. Their checksums are missing
    # because nobody here has had the files yet: fill them in once they are.
    "vgg16": Published((f"{_BOOK}vgg16.npz",), "vgg16.npz", None),
    "resnet50": Published((f"{_BOOK}resnet50.npz",), "resnet50.npz", None),
    "resnet101": Published((f"{_BOOK}resnet101.npz",), "resnet101.npz", None),
    "resnet152": Published((f"{_BOOK}resnet152.npz",), "resnet152.npz", None),
    # v1.1 of Iandola et al., converted from their Caffe file; not on a server as .npz
    "squeezenet": Published(
        (),
        "squeezenet/squeezenet_v1.1.npz",
        "d7d956eb57525fb14faa2c5af0cc8cd01adbdd0600aebefd4e07c24308f82ad4",
    ),
}


def find_weights(name: str) -> str:
    """The path of a file of published weights: in ``DEZERO_DATA_DIR``, else in the cache, else downloaded to it.

    Args:
        name: One of ``PUBLISHED``.

    Raises:
        FileNotFoundError: There is none of that name, or it is in neither place and on no server.
        OSError: It could not be downloaded. The text says where the file may be put by hand.
        ValueError: The file there has another checksum.
    """
    if name not in PUBLISHED:
        raise FileNotFoundError(
            f"pretrained: no weights of {name} are published as .npz. Give the path of a file: pretrained='file.npz'."
        )
    urls, file_name, sha256 = PUBLISHED[name]
    top = os.environ.get("DEZERO_DATA_DIR")
    places = [os.path.join(os.path.expanduser(top), *file_name.split("/"))] if top else []
    places += [] if urls else [cache_path("", file_name)]
    path = next((path for path in places if os.path.isfile(path)), None)
    if path is not None:
        return _checked(path, sha256)
    if urls:
        return get_file(urls, file_name, sha256)
    raise FileNotFoundError(
        f"pretrained: the weights of {name} are on no server as .npz. Put the file with the sha256 {sha256} at"
        f" {places[-1]}, or give its path: pretrained='path/to/file.npz'."
    )


def _checked(path: str, sha256: str | None) -> str:
    if sha256 is not None:
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
        if digest.hexdigest() != sha256:
            raise ValueError(f"pretrained: {path} has the sha256 {digest.hexdigest()}, wanted {sha256}. Replace it.")
    return path


def load_pretrained(model: Layer, pretrained: Any, name: str) -> None:
    """Does what the argument ``pretrained`` of a model asks for.

    Args:
        model: Takes the weights.
        pretrained: False for none, True for the published ones, else the path of a file.
        name: Of the published ones.

    Raises:
        TypeError: ``pretrained`` is none of these.
        OSError: As ``find_weights``.
        ValueError: The file does not fit the model (``Layer.load_weights``).
    """
    if pretrained is False:
        return
    if pretrained is not True and not isinstance(pretrained, (str, bytes, os.PathLike)):
        raise TypeError(f"{name}: pretrained must be True, False or the path of a file, got {pretrained!r}.")
    model.load_weights(find_weights(name) if pretrained is True else pretrained)


def first_weights(pretrained: Any) -> Any:
    """How weights start: as suits layers with relu (He et al., 2015), or as anything where others take their place."""
    return "he_normal" if pretrained is False else unwritten


def unwritten(shape: tuple[int, ...]) -> np.ndarray:
    """Memory for weights that are about to be loaded. To draw the 138 million of VGG16 takes seconds."""
    return np.empty(shape, np.float32)


def batch_norm(channels: int) -> BatchNorm:
    """A BatchNorm that does not wait for its first input to know how large it is."""
    layer = BatchNorm()
    for v in (layer.avg_mean, layer.beta):
        v.data = np.zeros(channels, np.float32)
    for v in (layer.avg_var, layer.gamma):
        v.data = np.ones(channels, np.float32)
    return layer


def prepare(image: Any, size: Any, dtype: Any, mean: tuple[float, float, float]) -> np.ndarray:
    """A picture as networks want it that came out of Caffe: blue, green, red, each from 0 to 255 less its mean.

    Args:
        image: PIL image.
        size: Width and height in pixels, one number for both; None to leave them.
        dtype: Of the result.
        mean: What to subtract from blue, green and red.

    Returns:
        Array (3, H, W).

    Raises:
        TypeError: ``image`` is no PIL image.
    """
    if not hasattr(image, "convert"):
        raise TypeError(f"preprocess needs a PIL image, got {type(image).__name__}. Open it: PIL.Image.open(path).")
    image = image.convert("RGB")
    if size is not None:
        image = image.resize(pair(size), BILINEAR)
    x = np.asarray(image, dtype=dtype)[:, :, ::-1] - np.array(mean, dtype)  # (H, W, 3)
    return np.ascontiguousarray(x.transpose(2, 0, 1))  # (3, H, W)
