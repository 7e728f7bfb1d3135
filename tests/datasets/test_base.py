from __future__ import annotations

import numpy as np
import pytest

from dezero.datasets import Dataset, ImageDataset, collate, load_cache_npz, save_cache_npz
from dezero.transforms import ToFloat


class Squares(Dataset):
    def prepare(self):
        self.data = np.arange(5)
        self.label = self.data**2


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DEZERO_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_subclass_needs_only_data_and_label():
    squares = Squares()
    assert len(squares) == 5 and squares[3] == (3, 9) and squares[-1] == (4, 16)
    assert squares.train and not Squares(train=False).train


def test_a_data_set_can_be_walked_through_and_ends():
    assert [t for x, t in Squares()] == [0, 1, 4, 9, 16]
    with pytest.raises(IndexError):
        Squares()[5]


def test_transforms_apply_to_data_and_labels():
    squares = Squares(transform=lambda x: x / 2, target_transform=lambda t: -t)
    assert squares[3] == (1.5, -9)
    x, t = squares.get_batch([1, 3])
    assert x.tolist() == [0.5, 1.5] and t.tolist() == [-1, -9]


def test_without_a_transform_self_transform_can_still_be_called():
    assert Squares().transform(7) == 7 and Squares().target_transform(7) == 7


def test_unlabelled_samples_have_the_label_none():
    class Unlabelled(Dataset):
        def prepare(self):
            self.data = np.arange(4)

    assert Unlabelled()[2] == (2, None)
    x, t = Unlabelled().get_batch([2, 0])
    assert x.tolist() == [2, 0] and t is None


def test_data_may_be_a_list():
    class Listed(Dataset):
        def prepare(self):
            self.data, self.label = [[1, 2], [3, 4]], ["a", "b"]

    x, t = Listed().get_batch([1, 0])
    assert x.tolist() == [[3, 4], [1, 2]] and t.tolist() == ["b", "a"]


def test_an_index_that_is_no_integer_is_an_error():
    for index in (slice(0, 2), [0, 1], 1.0, np.array([0, 1])):
        with pytest.raises(TypeError, match=r"Squares: an index is an integer, got .*get_batch"):
            Squares()[index]
    assert Squares()[np.int64(2)] == Squares()[np.uint8(2)] == (2, 4)


def test_a_data_set_without_data_says_what_to_do():
    for use in (len, lambda d: d[0], list):
        with pytest.raises(TypeError, match=r"Dataset has no data. Set self.data in prepare\(\)"):
            use(Dataset())


def test_get_batch_is_the_collation_of_its_samples():
    squares = Squares(transform=ToFloat())
    for indices in ([3, 1, 1, -1], np.array([0, 4]), (2,)):
        x, t = squares.get_batch(indices)
        x1, t1 = collate([squares[i] for i in indices])
        assert (x.dtype, t.dtype) == (x1.dtype, t1.dtype) == (np.float32, squares.label.dtype)
        assert x.tolist() == x1.tolist() and t.tolist() == t1.tolist()
    with pytest.raises(ValueError, match="at least one sample"):
        squares.get_batch([])


def test_collate_keeps_dtypes(xp):
    assert collate([xp.zeros(2, np.float16)] * 2).dtype == np.float16
    assert collate([np.uint8(3)] * 2).dtype == np.uint8
    assert collate([1, 2]).dtype.kind == "i" and collate([True, False]).dtype == bool
    assert collate([1, 2.5]).tolist() == [1.0, 2.5]


def test_collate_takes_a_list_for_a_tuple_but_a_list_inside_for_numbers():
    x, t = collate([[np.zeros(2), 0], [np.ones(2), 1]])
    assert x.shape == (2, 2) and t.tolist() == [0, 1]
    tokens, t = collate([([1, 2, 3], 0), ([4, 5, 6], 1)])
    assert tokens.tolist() == [[1, 2, 3], [4, 5, 6]] and t.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("samples", "error", "text"),
    [
        ([np.zeros(2), np.zeros(3)], ValueError, r"have one shape, got \(2,\) and \(3,\)"),
        ([([1, 2], 0), ([1], 0)], ValueError, r"have one shape, got \(1,\) and \(2,\)"),
        ([np.zeros(2), 3], ValueError, "have one shape, got"),
        ([(1, 2), (1, 2, 3)], ValueError, r"as many parts as each other, got \[2, 3\]"),
        ([{"a": 1}, {"b": 1}], ValueError, r"the same keys, got \[\"\['a'\]\", \"\['b'\]\"\]"),
        ([(1, None), (1, 2)], ValueError, "are alike, got NoneType and int"),
        ([(1, 2), 3], ValueError, "are alike, got int and tuple"),
        ([object()], TypeError, "cannot make an array of samples that are object"),
        ([1, object()], TypeError, "cannot make an array of samples that are int and object"),
        ([1, np.zeros(2)], TypeError, "cannot make an array of samples that are int and ndarray"),
        ([], ValueError, "at least one sample, got none"),
    ],
)
def test_collate_says_which_samples_do_not_fit_together(samples, error, text):
    with pytest.raises(error, match=text):
        collate(samples)


def test_the_cache_gives_back_what_was_kept_for_each_part(cache):
    assert load_cache_npz("things", train=True) == (None, None)
    path = save_cache_npz(np.arange(3), np.ones(2), "things", train=True)
    save_cache_npz(np.arange(4), np.zeros(2), "things")
    data, label = load_cache_npz("things", train=True)
    assert data.tolist() == [0, 1, 2] and label.tolist() == [1, 1] and path == str(cache / "things.train.npz")
    assert load_cache_npz("things")[0].tolist() == [0, 1, 2, 3]
    assert sorted(p.name for p in cache.iterdir()) == ["things.test.npz", "things.train.npz"]


def test_urls_with_the_same_file_name_are_cached_apart(cache):
    for i in range(2):
        save_cache_npz(np.array(i), np.array(i), f"https://example.org/{i}/data.tar.gz")
    assert [int(load_cache_npz(f"https://example.org/{i}/data.tar.gz")[0]) for i in range(2)] == [0, 1]


def test_the_cache_is_never_unpickled(cache):
    path = save_cache_npz(np.arange(3), np.arange(3), "things")
    np.savez(path, data=np.array([object()]), label=np.arange(3))
    with pytest.raises(ValueError, match="is no file of save_cache_npz"):
        load_cache_npz("things")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04"])
def test_a_damaged_cache_file_says_where_it_is(content, cache):
    path = save_cache_npz(np.arange(3), np.arange(3), "things")
    with open(path, "wb") as file:
        file.write(content)
    with pytest.raises(ValueError, match="is no file of save_cache_npz") as caught:
        load_cache_npz("things")
    assert path in str(caught.value)


@pytest.mark.parametrize("channels", [1, 3])
def test_show_draws_the_first_pictures_in_a_grid(channels, tmp_path):
    pytest.importorskip("matplotlib")

    class Pictures(ImageDataset):
        def prepare(self):
            self.data = np.arange(5 * channels * 6, dtype=np.uint8).reshape(5, channels, 2, 3)

    pictures = Pictures()
    figure = pictures.show(row=2, col=3)
    (image,) = figure.axes[0].get_images()
    shown = np.asarray(image.get_array()).reshape(4, 9, channels)
    np.testing.assert_array_equal(shown[:2, 6:9], pictures.data[2].transpose(1, 2, 0))
    np.testing.assert_array_equal(shown[2:, 3:6], pictures.data[4].transpose(1, 2, 0))
    assert not shown[2:, 6:].any()  # there are five pictures for six places
    figure.savefig(tmp_path / "grid.png")
    assert (tmp_path / "grid.png").stat().st_size > 500


def test_show_opens_a_window_where_there_can_be_one(monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    shown = []
    monkeypatch.setattr(pyplot, "show", lambda: shown.append(pyplot.gcf()))
    monkeypatch.setattr(pyplot.figure().canvas.__class__, "required_interactive_framework", "a window system")
    pyplot.close("all")

    class Pictures(ImageDataset):
        def prepare(self):
            self.data = np.zeros((1, 1, 2, 2))

    assert shown == [] and [Pictures().show()] == shown
    pyplot.close("all")
