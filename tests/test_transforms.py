from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

from dezero.cuda import as_numpy
from dezero.transforms import (
    AsType,
    CenterCrop,
    Compose,
    Convert,
    Flatten,
    Normalize,
    RandomHorizontalFlip,
    Resize,
    ToArray,
    ToFloat,
    ToInt,
    ToPIL,
    batch_versions,
)

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 3, 6, 8), dtype=np.uint8)  # (N, C, H, W)


def picture(mode="RGB"):
    """A PIL image 8 x 6 (w x h)."""
    Image = pytest.importorskip("PIL.Image")
    return Image.fromarray(PIXELS[0].transpose(1, 2, 0).copy()).convert(mode)


def test_importing_transforms_does_not_import_pil():
    code = "import sys, dezero.transforms, dezero.datasets, dezero.dataloaders; print('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_compose_applies_in_order_and_is_the_identity_when_empty():
    assert Compose([lambda x: x + 1, lambda x: x * 10])(1) == 20
    x = object()
    assert Compose()(x) is x and Compose([])(x) is x


def test_normalize_on_uint8_gives_float32():
    y = Normalize(0.0, 255.0)(PIXELS)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, PIXELS.astype(np.float32) / np.float32(255))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_normalize_keeps_floats_and_leaves_its_input_alone(dtype, xp):
    x = xp.asarray(np.array([1.0, 2.0, 5.0], dtype))
    y = Normalize(1, 2)(x)
    assert y.dtype == dtype and as_numpy(y).tolist() == [0.0, 0.5, 2.0] and as_numpy(x).tolist() == [1.0, 2.0, 5.0]


def test_normalize_of_a_single_number_keeps_float32():
    assert Normalize(1, 2)(np.float32(5)).dtype == np.float32


def test_normalize_takes_one_value_per_channel():
    y = Normalize([1, 2, 3], (4, 5, 6))(PIXELS[0])
    for c in range(3):
        np.testing.assert_allclose(y[c], (PIXELS[0, c] - np.float32(c + 1)) / np.float32(c + 4), rtol=1e-6)


def test_normalize_says_when_the_channels_do_not_fit():
    with pytest.raises(ValueError, match=r"Normalize: 3 values per channel do not fit .* \(1, 6, 8\)"):
        Normalize([1, 2, 3], 1)(PIXELS[0, :1])
    with pytest.raises(ValueError, match="std must not be 0"):
        Normalize(0, [1, 0])
    with pytest.raises(ValueError, match="one per channel"):
        Normalize(np.zeros((2, 2)))


def test_flatten_and_types():
    assert Flatten()(PIXELS[0]).shape == (144,)
    assert ToFloat is AsType and ToFloat()(PIXELS).dtype == np.float32
    assert AsType(np.float64)(PIXELS).dtype == np.float64
    assert ToInt()(np.array([1.7])).tolist() == [1] and ToInt()(np.array([1.7])).dtype == np.dtype(int)
    assert ToInt()(3.2).tolist() == 3


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("L", 1), ("RGBA", 4), ("1", 1), ("P", 3)])
def test_to_array_gives_channels_first_for_every_kind_of_picture(mode, channels):
    x = ToArray()(picture(mode))
    assert x.shape == (channels, 6, 8) and x.dtype == np.float32


def test_to_array_has_the_values_of_the_picture():
    np.testing.assert_array_equal(ToArray(np.uint8)(picture()), PIXELS[0])


def test_to_array_takes_arrays_and_grey_ones_get_a_channel():
    assert ToArray()(PIXELS[0, 0]).shape == (1, 6, 8)
    np.testing.assert_array_equal(ToArray(np.uint8)(PIXELS[0]), PIXELS[0])
    with pytest.raises(TypeError, match="ToArray needs a PIL image or an array, got str"):
        ToArray()("cat.png")


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_to_pil_undoes_to_array(mode):
    image = picture(mode)
    back = ToPIL()(ToArray()(image))
    assert back.mode == mode and back.tobytes() == image.tobytes()


def test_to_pil_rounds_and_clips_floats_and_refuses_what_is_no_picture():
    pytest.importorskip("PIL")
    image = ToPIL()(np.array([[-3.0, 0.6, 300.0]]))
    assert image.mode == "L" and list(image.tobytes()) == [0, 1, 255]
    with pytest.raises(ValueError, match=r"got shape \(2, 6, 8\)"):
        ToPIL()(PIXELS[0, :2])


def test_convert_changes_the_mode_and_bgr_swaps_red_and_blue():
    assert Convert()(picture("L")).mode == "RGB"
    np.testing.assert_array_equal(ToArray(np.uint8)(Convert("BGR")(picture())), PIXELS[0, ::-1])


def test_resize_takes_width_and_height():
    assert Resize((4, 3))(picture()).size == (4, 3)
    assert Resize(5)(picture()).size == (5, 5)
    assert Resize(5, mode=0)(picture()).size == (5, 5)


def test_resize_is_bilinear_unless_told_otherwise():
    Image = pytest.importorskip("PIL.Image")
    assert Resize(5)(picture()).tobytes() == picture().resize((5, 5), Image.Resampling.BILINEAR).tobytes()


@pytest.mark.parametrize(
    ("size", "rows", "columns"), [((4, 2), (2, 4), (2, 6)), (3, (1, 4), (2, 5)), ((8, 6), (0, 6), (0, 8))]
)
def test_center_crop_takes_the_middle_of_pictures_and_arrays(size, rows, columns):
    wanted = PIXELS[0][:, slice(*rows), slice(*columns)]
    np.testing.assert_array_equal(CenterCrop(size)(PIXELS[0]), wanted)
    np.testing.assert_array_equal(ToArray(np.uint8)(CenterCrop(size)(picture())), wanted)


def test_center_crop_says_when_the_picture_is_too_small():
    for image in (PIXELS[0], picture()):
        with pytest.raises(ValueError, match=r"the image is 8 x 6 \(w x h\), too small for 9 x 6"):
            CenterCrop((9, 6))(image)


def test_random_flip_swaps_left_and_right_of_pictures_and_arrays():
    np.testing.assert_array_equal(RandomHorizontalFlip(p=1)(PIXELS[0]), PIXELS[0, :, :, ::-1])
    np.testing.assert_array_equal(ToArray(np.uint8)(RandomHorizontalFlip(p=1)(picture())), PIXELS[0, :, :, ::-1])
    assert RandomHorizontalFlip(p=0)(PIXELS) is PIXELS
    with pytest.raises(ValueError, match="p must be from 0 to 1, got 2"):
        RandomHorizontalFlip(p=2)


def test_random_flip_draws_from_numpy_or_from_a_seed_of_its_own():
    def flips(flip):
        return [bool((flip(PIXELS[0]) != PIXELS[0]).any()) for _ in range(50)]

    assert flips(RandomHorizontalFlip(seed=3)) == flips(RandomHorizontalFlip(seed=3))
    state = np.random.get_state()
    np.random.seed(0)
    first = flips(RandomHorizontalFlip())
    np.random.seed(0)
    assert flips(RandomHorizontalFlip()) == first and 10 < sum(first) < 40
    flips(RandomHorizontalFlip(seed=3))
    after_seeded = np.random.get_state()[2]
    np.random.seed(0)
    flips(RandomHorizontalFlip())
    assert np.random.get_state()[2] == after_seeded  # the seeded one drew nothing from np.random
    np.random.set_state(state)


BATCHED = {
    "flatten": lambda: Flatten(),
    "to float": lambda: ToFloat(),
    "to int": lambda: ToInt(),
    "normalize": lambda: Normalize(0.0, 255.0),
    "normalize channels": lambda: Normalize([1, 2, 3], [4, 5, 6]),
    "center crop": lambda: CenterCrop((3, 2)),
    "flip": lambda: RandomHorizontalFlip(seed=0),
    "nested": lambda: Compose([RandomHorizontalFlip(seed=0), Compose([ToFloat(), Normalize(127.5, 63.7)]), Flatten()]),
    "nothing": lambda: Compose(),
}


@pytest.mark.parametrize("make", BATCHED.values(), ids=BATCHED.keys())
def test_a_batch_has_the_bits_of_the_samples_one_by_one(make, xp):
    (batch,) = batch_versions([make()])
    one = make()
    together = as_numpy(batch(xp.asarray(PIXELS)))
    apart = np.stack([one(x) for x in PIXELS])
    assert together.dtype == apart.dtype
    np.testing.assert_array_equal(together, apart)


def test_transforms_that_cannot_work_on_a_batch_say_so():
    class Doubled(Normalize):
        def __call__(self, x):
            return super().__call__(x) * 2

    flip = RandomHorizontalFlip()
    for other in (lambda x: x, Doubled(), ToArray(), ToPIL(), Compose([Flatten(), len])):
        assert batch_versions([Flatten(), other]) is None
    assert batch_versions([flip]) and batch_versions([flip, Compose([flip])]) is None  # their draws alternate


def test_transforms_can_be_pickled():
    compose = Compose([RandomHorizontalFlip(seed=1), ToFloat(), Normalize([1, 2, 3], 4)])
    again = pickle.loads(pickle.dumps(compose))
    np.testing.assert_array_equal(compose(PIXELS[0]), again(PIXELS[0]))
