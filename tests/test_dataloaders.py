from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from dezero import cuda
from dezero.dataloaders import DataLoader, SeqDataLoader
from dezero.datasets import Dataset
from dezero.transforms import Compose, Normalize, RandomHorizontalFlip, ToFloat


class Numbers(Dataset):
    """0 to 9 as rows of two, labelled with their squares."""

    def prepare(self):
        self.data = np.arange(10).repeat(2).reshape(10, 2)
        self.label = np.arange(10) ** 2


class Pictures(Dataset):
    def prepare(self):
        rng = np.random.default_rng(0)
        self.data = rng.integers(0, 256, (23, 3, 4, 5), dtype=np.uint8)
        self.label = rng.integers(0, 10, 23)


def order(loader):
    """The numbers that an epoch of ``loader`` visits, batch by batch."""
    return [x[:, 0].tolist() for x, t in loader]


def flat(batches):
    return [i for batch in batches for i in batch]


@pytest.fixture
def seeded():
    """np.random in a known state, put back afterwards."""
    state = np.random.get_state()
    np.random.seed(7)
    yield
    np.random.set_state(state)


def test_batches_are_pairs_of_arrays_and_the_last_has_what_is_left():
    batches = list(DataLoader(Numbers(), 4, shuffle=False))
    assert [x.shape for x, t in batches] == [(4, 2), (4, 2), (2, 2)]
    assert [t.tolist() for x, t in batches] == [[0, 1, 4, 9], [16, 25, 36, 49], [64, 81]]


def test_an_epoch_visits_every_sample_once(seeded):
    loader = DataLoader(Numbers(), 3)
    for _ in range(3):
        assert sorted(flat(order(loader))) == list(range(10))


def test_drop_last_leaves_the_rest_out(seeded):
    loader = DataLoader(Numbers(), 4, drop_last=True)
    assert [len(batch) for batch in order(loader)] == [4, 4] and len(loader) == loader.max_iter == 2
    assert list(DataLoader(Numbers(), 11, drop_last=True)) == []


@pytest.mark.parametrize(("size", "batches"), [(1, 10), (3, 4), (5, 2), (10, 1), (100, 1), (np.int64(4), 3)])
def test_the_sizes_of_an_epoch_are_known(size, batches):
    loader = DataLoader(Numbers(), size)
    assert len(loader) == loader.max_iter == batches == len(list(loader)) and loader.data_size == 10


@pytest.mark.parametrize("size", [0, -1, 2.0, None, "3"])
def test_a_batch_size_that_is_no_positive_integer_is_an_error(size):
    with pytest.raises(ValueError, match="DataLoader: batch_size must be an integer above 0, got"):
        DataLoader(Numbers(), size)


def test_a_for_starts_anew_after_break(seeded):
    loader = DataLoader(Numbers(), 3, shuffle=False)
    for _x, _t in loader:
        break
    assert order(loader) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]


def test_nested_loops_are_independent():
    loader = DataLoader(Numbers(), 5, shuffle=False)
    seen = [(x[0, 0], inner[0, 0]) for x, _ in loader for inner, _ in loader]
    assert seen == [(0, 0), (0, 5), (5, 0), (5, 5)]


def test_next_walks_through_an_epoch_of_its_own():
    loader = DataLoader(Numbers(), 4, shuffle=False)
    assert next(loader)[1].tolist() == [0, 1, 4, 9]
    assert len(order(loader)) == 3  # a loop between two calls does not disturb them
    assert loader.next()[1].tolist() == [16, 25, 36, 49]
    assert len(loader.next()[1]) == 2
    with pytest.raises(StopIteration):
        loader.next()
    assert loader.next()[1].tolist() == [0, 1, 4, 9]  # it reset itself at the end


def test_reset_lets_next_begin_again():
    loader = DataLoader(Numbers(), 4, shuffle=False)
    loader.next()
    assert loader.iteration == 1
    loader.reset()
    assert loader.iteration == 0 and loader.next()[1].tolist() == [0, 1, 4, 9]


def test_iteration_counts_the_batches_of_an_epoch():
    loader = DataLoader(Numbers(), 4)
    assert [loader.iteration for _ in loader] == [1, 2, 3] and loader.iteration == 0


def test_the_order_is_new_in_each_epoch_and_reproducible_with_a_seed():
    one, two = DataLoader(Numbers(), 3, seed=5), DataLoader(Numbers(), 3, seed=5)
    epochs = [order(one) for _ in range(4)]
    assert epochs == [order(two) for _ in range(4)]
    assert len({tuple(flat(epoch)) for epoch in epochs}) == 4
    assert order(DataLoader(Numbers(), 3, seed=6)) != epochs[0]


def test_an_epoch_that_was_left_early_does_not_change_the_next(seeded):
    one, two = DataLoader(Numbers(), 3, seed=5), DataLoader(Numbers(), 3, seed=5)
    next(iter(one))
    order(two)
    assert order(one) == order(two)


def test_without_a_seed_np_random_decides(seeded):
    first = order(DataLoader(Numbers(), 3))
    np.random.seed(7)
    assert order(DataLoader(Numbers(), 3)) == first


def test_a_seeded_loader_leaves_np_random_alone(seeded):
    before = np.random.get_state()
    order(DataLoader(Numbers(), 3, seed=5))
    order(DataLoader(Numbers(), 3, shuffle=False))
    after = np.random.get_state()
    assert (before[1] == after[1]).all() and before[2] == after[2]


def test_building_and_walking_never_reseeds(seeded):
    draws = []
    for _ in range(2):
        order(DataLoader(Numbers(), 3))
        draws.append(np.random.random())
    assert draws[0] != draws[1]


PIPELINES = {
    "scaled": lambda: Compose([ToFloat(), Normalize([1, 2, 3], 255)]),
    "flipped": lambda: Compose([RandomHorizontalFlip(seed=3), ToFloat()]),
    "flipped by np.random": lambda: Compose([RandomHorizontalFlip(), RandomHorizontalFlip(seed=1), ToFloat()]),
    "two random ones": lambda: Compose([RandomHorizontalFlip(), RandomHorizontalFlip(), ToFloat()]),
    "none": lambda: None,
}


@pytest.mark.parametrize("make", PIPELINES.values(), ids=PIPELINES.keys())
def test_a_batch_gathered_at_once_has_the_bits_of_its_samples_one_by_one(make, seeded):
    def epoch(dataset):
        np.random.seed(7)
        return list(DataLoader(dataset, 4, seed=0))

    class OneByOne:
        def __init__(self, dataset):
            self.dataset = dataset

        def __len__(self):
            return len(self.dataset)

        def __getitem__(self, index):
            return self.dataset[index]

    together, apart = epoch(Pictures(transform=make())), epoch(OneByOne(Pictures(transform=make())))
    for (x, t), (x1, t1) in zip(together, apart, strict=True):
        assert (x.dtype, t.dtype) == (x1.dtype, t1.dtype)
        np.testing.assert_array_equal(x, x1)
        np.testing.assert_array_equal(t, t1)


def test_a_batch_does_not_share_memory_with_the_data_set():
    dataset = Numbers()
    for x, _ in DataLoader(dataset, 10, shuffle=False):
        x[...] = -1
    assert dataset.data[3, 0] == 3


def test_unlabelled_data_have_none_for_a_label():
    class Unlabelled(Dataset):
        def prepare(self):
            self.data = np.arange(4)

    for dataset in (Unlabelled(), Unlabelled(transform=lambda x: x), [(i, None) for i in range(4)]):
        assert [(x.tolist(), t) for x, t in DataLoader(dataset, 3, shuffle=False)] == [([0, 1, 2], None), ([3], None)]


class Pair(NamedTuple):
    left: np.ndarray
    right: float


def test_samples_may_be_dicts_tuples_of_any_length_or_single_things():
    first = next(iter(DataLoader([{"x": np.ones(2), "t": i} for i in range(3)], 2, shuffle=False)))
    assert first["x"].shape == (2, 2) and first["t"].tolist() == [0, 1]
    a, b, c = next(iter(DataLoader([(i, np.zeros(3), "name") for i in range(3)], 3, shuffle=False)))
    assert a.tolist() == [0, 1, 2] and b.shape == (3, 3) and c.tolist() == ["name"] * 3
    (x0, x1), t = next(iter(DataLoader([((np.ones(2), np.ones(3)), i) for i in range(2)], 2)))
    assert x0.shape == (2, 2) and x1.shape == (2, 3) and t.shape == (2,)
    named = next(iter(DataLoader([Pair(np.ones(2), 0.5)] * 2, 2)))
    assert named.left.shape == (2, 2) and named.right.tolist() == [0.5, 0.5]
    assert next(iter(DataLoader(np.arange(6.0), 4, shuffle=False))).tolist() == [0, 1, 2, 3]


def test_a_collate_function_takes_the_samples_as_they_are():
    lengths = DataLoader([[1], [1, 2], [1, 2, 3]], 2, shuffle=False, collate=lambda samples: [len(s) for s in samples])
    assert list(lengths) == [[1, 2], [3]]
    dataset = Numbers()
    assert len(next(iter(DataLoader(dataset, 3, collate=lambda samples: samples)))) == 3


def test_a_data_set_that_overrides_getitem_is_asked_sample_by_sample():
    class BigData(Dataset):
        def __init__(self):
            pass

        def __getitem__(self, index):
            assert type(index) is int
            return np.full(2, index), 10 * index

        def __len__(self):
            return 5

    assert [t.tolist() for x, t in DataLoader(BigData(), 3, shuffle=False)] == [[0, 10, 20], [30, 40]]

    class Negative(Numbers):
        def __getitem__(self, index):
            x, t = super().__getitem__(index)
            return -x, t

    assert order(DataLoader(Negative(), 4, shuffle=False))[0] == [0, -1, -2, -3]


def test_a_data_set_that_grows_is_seen_whole_by_the_next_epoch():
    samples = [1, 2, 3]
    loader = DataLoader(samples, 2, shuffle=False)
    assert len(list(loader)) == 2
    samples += [4, 5]
    assert [batch.tolist() for batch in loader] == [[1, 2], [3, 4], [5]]


def test_batches_go_to_the_gpu_and_back(gpu):
    loader = DataLoader(Numbers(), 4, shuffle=False, gpu=True)
    x, t = next(loader)
    assert cuda.get_array_module(x) is gpu and cuda.get_array_module(t) is gpu
    loader.to_cpu()  # in the middle of an epoch
    x, t = next(loader)
    assert type(x) is type(t) is np.ndarray
    loader.to_gpu()
    x, t = next(loader)
    assert cuda.as_numpy(t).tolist() == [64, 81]


def test_everything_in_a_batch_that_is_made_of_numbers_goes_to_the_gpu(gpu):
    samples = [{"x": (np.ones(2), 1.0), "name": "a", "none": None}] * 2
    batch = next(iter(DataLoader(samples, 2, gpu=True)))
    assert cuda.get_array_module(batch["x"][0]) is gpu and cuda.get_array_module(batch["x"][1]) is gpu
    assert batch["name"].tolist() == ["a", "a"] and batch["none"] is None
    (x,) = next(iter(DataLoader([1, 2], 2, gpu=True, collate=lambda samples: [np.array(samples)])))
    assert cuda.get_array_module(x) is gpu


def test_samples_that_are_on_the_gpu_stay_there(gpu):
    x = next(iter(DataLoader([gpu.asarray(np.ones(2))] * 3, 3)))
    assert cuda.get_array_module(x) is gpu and x.shape == (3, 2)
    dataset = Pictures(transform=Compose([ToFloat(), Normalize(0.0, 255.0)]))
    dataset.data, dataset.label = gpu.asarray(dataset.data), gpu.asarray(dataset.label)
    x, t = next(iter(DataLoader(dataset, 4)))
    assert cuda.get_array_module(x) is cuda.get_array_module(t) is gpu
    assert x.shape == (4, 3, 4, 5) and x.dtype == np.float32


def test_a_loader_for_a_gpu_that_is_not_there_says_so(monkeypatch):
    monkeypatch.setattr(cuda, "cupy", None, raising=False)
    with pytest.raises(RuntimeError, match="CuPy is not installed"):
        next(iter(DataLoader(Numbers(), 4, gpu=True)))


@pytest.mark.parametrize(("length", "size"), [(12, 3), (13, 3), (14, 3), (5, 5), (7, 1)])
def test_rows_of_a_sequence_loader_read_from_evenly_spaced_offsets(length, size):
    loader = SeqDataLoader(list(range(length)), size)
    jump = length // size
    rows = np.stack(list(loader), axis=1)  # (size, steps)
    assert rows.tolist() == [list(range(i * jump, (i + 1) * jump)) for i in range(size)]
    assert len(loader) == loader.max_iter == jump


def test_a_sequence_loader_is_a_loader():
    loader = SeqDataLoader(Numbers(), batch_size=3, gpu=False)
    assert isinstance(loader, DataLoader) and not loader.shuffle
    assert order(loader) == order(loader) == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]
    assert loader.next()[1].tolist() == [0, 9, 36]


def test_a_sequence_too_short_for_its_rows_is_an_error():
    with pytest.raises(ValueError, match="SeqDataLoader: 10 samples are too few for batch_size 11"):
        SeqDataLoader(Numbers(), 11)
