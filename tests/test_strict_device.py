"""The strict device refuses what a GPU cannot do, and what would hide a copy or a wait."""

from __future__ import annotations

import copy
import gc
import operator
import pickle
import weakref

import numpy as np
import pytest

import cupy_names
from dezero import cuda
from strict_device import DeviceArray, PromotionError, SyncError, TransferError, counting, no_sync, xp

HOST = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.fixture
def x():
    return xp.asarray(HOST)


def same(device, host):
    """Whether a device array has the values and the dtype of a host array."""
    host = np.asarray(host)
    got = device.get()
    return type(device) is DeviceArray and got.dtype == host.dtype and np.array_equal(got, host, equal_nan=True)


# --- refusals ---------------------------------------------------------------------------------------------

REFUSED = {
    "device + host": lambda x: x + HOST,
    "host + device": lambda x: HOST + x,
    "device == host": lambda x: x == HOST,
    "device @ host": lambda x: x.T @ HOST,
    "device += host": lambda x: operator.iadd(x, HOST),
    "host += device": lambda x: operator.iadd(HOST.copy(), x),
    "np.exp(device)": lambda x: np.exp(x),
    "np.add(device, device)": lambda x: np.add(x, x),
    "np.add(..., out=host)": lambda x: np.add(x, x, out=HOST.copy()),
    "np.sum(device)": lambda x: np.sum(x),
    "np.concatenate": lambda x: np.concatenate([x, x]),
    "np.asarray(device)": lambda x: np.asarray(x),
    "np.array([device])": lambda x: np.array([x, x]),
    "np.zeros_like(device)": lambda x: np.zeros_like(x),
    "xp.exp(host)": lambda x: xp.exp(HOST),
    "xp.exp(list)": lambda x: xp.exp([1.0, 2.0]),
    "xp.sum(host)": lambda x: xp.sum(HOST),
    "xp.sum(list)": lambda x: xp.sum([1.0, 2.0]),
    "xp.sum(number)": lambda x: xp.sum(1.0),
    "xp.add(device, host)": lambda x: xp.add(x, HOST),
    "xp.add(..., out=host)": lambda x: xp.add(x, x, out=HOST.copy()),
    "xp.where(..., host)": lambda x: xp.where(x > 0, x, HOST),
    "xp.concatenate mixed": lambda x: xp.concatenate([x, HOST]),
    "xp.stack of numbers": lambda x: xp.stack([1.0, 2.0]),
    "xp.asarray mixed": lambda x: xp.asarray([x, HOST]),
    "xp.asarray of 0-d and number": lambda x: xp.asarray([x.sum(), 1.0]),
    "xp.take(device, list)": lambda x: xp.take(x, [0, 1]),
    "device.take(host)": lambda x: x.take(np.array([0, 1])),
    "device[host]": lambda x: x[np.array([0, 1])],
    "device[list]": lambda x: x[[0, 1]],
    "device[:, list]": lambda x: x[:, [0, 1]],
    "device[0-d host]": lambda x: x[np.array(1)],
    "device[...] = host": lambda x: operator.setitem(x, ..., HOST),
    "device[0] = list": lambda x: operator.setitem(x, 0, [1.0, 2.0, 3.0]),
    "device[host] = number": lambda x: operator.setitem(x, np.array([0]), 1.0),
    "xp.add.at with host index": lambda x: xp.add.at(x, np.array([0]), 1.0),
    "xp.add.at with host values": lambda x: xp.add.at(x, 0, HOST[0]),
    "reshape to a device shape": lambda x: x.reshape(xp.asarray([12])),
    "sum over a device axis": lambda x: x.sum(axis=xp.asarray(0)),
    "xp.random.permutation(host)": lambda x: xp.random.permutation(HOST),
    "xp.empty_like(host)": lambda x: xp.empty_like(HOST),
}


@pytest.mark.parametrize("act", REFUSED.values(), ids=REFUSED.keys())
def test_host_and_device_do_not_meet_unasked(x, act):
    with pytest.raises(TransferError):
        act(x)


@pytest.mark.parametrize("scalar", [np.float64(2), np.int64(2), np.float64("nan")])
@pytest.mark.parametrize(
    "act",
    [
        lambda x, s: x * s,
        lambda x, s: s * x,
        lambda x, s: x < s,
        lambda x, s: operator.imul(x, s),
        lambda x, s: xp.maximum(x, s),
        lambda x, s: xp.where(x > 0, x, s),
        lambda x, s: xp.clip(x, s, None),
        lambda x, s: x.clip(s, None),
    ],
)
def test_numpy_scalars_that_widen_float32_are_refused(x, act, scalar):
    with pytest.raises(PromotionError):
        act(x, scalar)


def test_a_numpy_scalar_that_changes_no_dtype_is_a_number_as_any():
    assert (xp.ones(2, np.float64) * np.float64(2)).dtype == np.float64
    assert (xp.ones(2, np.float32) * np.float32(2)).dtype == np.float32


@pytest.mark.parametrize("name", ["errstate", "insert", "block", "nditer", "linalg.multi_dot", "random.default_rng.x"])
def test_names_that_cupy_lacks_are_missing(name):
    with pytest.raises(AttributeError):
        operator.attrgetter(name)(xp)


@pytest.mark.parametrize(
    "act",
    [
        lambda x: x.sum(where=True),
        lambda x: x.max(initial=0.0),
        lambda x: x.item(0),
        lambda x: xp.exp(x, where=x > 0),
        lambda x: xp.sum(x, where=x > 0),
        lambda x: xp.einsum("ij->i", x, casting="safe", out=None, order="C", nothing=1),
        lambda x: xp.lib.stride_tricks.as_strided(x, (2,), (4,), writeable=False),
        lambda x: xp.add(x, x, x, x),
        lambda x: x.astype("f", "K", None, None, False, 1),
    ],
)
def test_arguments_that_cupy_lacks_are_refused(x, act):
    with pytest.raises(TypeError):
        act(x)


@pytest.mark.parametrize("name", ["writeable", "aligned"])
def test_flags_know_the_layout_only(x, name):
    assert (x.flags.c_contiguous, x.flags.f_contiguous, x.flags.owndata) == (True, False, True)
    assert (x.T.flags.c_contiguous, x.T.flags.f_contiguous, x.T.flags.owndata) == (False, True, False)
    assert not hasattr(x.flags, name)


def test_an_array_is_no_buffer_and_takes_no_attributes(x):
    with pytest.raises(TypeError):
        memoryview(x)
    with pytest.raises(AttributeError):
        x.note = "mine"
    with pytest.raises(TypeError):
        hash(x)
    with pytest.raises(TypeError):
        range(xp.asarray(3))
    assert isinstance(x.data.ptr, int)
    assert not isinstance(x, np.ndarray)


def test_every_name_of_the_array_is_one_of_cupys():
    listed = {n.removeprefix("ndarray.") for n in cupy_names.read() if n.startswith("ndarray.")}

    class Plain:
        __slots__ = ("__weakref__", "_base", "_host")

    assert set(dir(DeviceArray)) - set(dir(Plain)) <= listed


@pytest.mark.parametrize("values", [np.array(["text"]), np.array([None]), np.array([1], dtype=np.longdouble)])
def test_dtypes_no_gpu_has_are_refused(values):
    with pytest.raises(TypeError, match="no arrays of dtype"):
        xp.asarray(values)


# --- what works -------------------------------------------------------------------------------------------

WORKS = {
    "x + x": lambda x, m: x + x,
    "1 - x": lambda x, m: 1 - x,
    "x / 2.0": lambda x, m: x / 2.0,
    "2 ** x": lambda x, m: 2**x,
    "-x": lambda x, m: -x,
    "abs": lambda x, m: abs(x - 5),
    "float32 scalar on the right": lambda x, m: x * np.float32(2),
    "float32 scalar on the left": lambda x, m: np.float32(2) * x,
    "x @ x.T": lambda x, m: x @ x.T,
    "comparison": lambda x, m: x >= 3,
    "sum": lambda x, m: x.sum(),
    "sum axis": lambda x, m: x.sum(axis=(0, 1), keepdims=True),
    "var": lambda x, m: x.var(axis=0),
    "argmax": lambda x, m: x.argmax(axis=1),
    "xp.mean": lambda x, m: m.mean(x, axis=-1),
    "reshape": lambda x, m: x.reshape(3, -1),
    "transpose": lambda x, m: x.transpose(1, 0),
    "T": lambda x, m: x.T,
    "newaxis": lambda x, m: x[:, m.newaxis],
    "slice": lambda x, m: x[1:, ::-1],
    "one element": lambda x, m: x[1, 2],
    "row": lambda x, m: x[-1],
    "NumPy integer index": lambda x, m: x[np.int64(2)],
    "device index": lambda x, m: x[m.asarray([3, 0, 0])],
    "device indices": lambda x, m: x[m.arange(2), m.asarray([0, 2])],
    "mask": lambda x, m: x[x > 4],
    "exp": lambda x, m: m.exp(x),
    "scalar only": lambda x, m: m.sqrt(m.float32(2.0)),
    "where": lambda x, m: m.where(x > 3, x, 0.0),
    "clip": lambda x, m: m.clip(x, 1, 4),
    "concatenate": lambda x, m: m.concatenate([x, x], axis=1),
    "stack": lambda x, m: m.stack((x, x)),
    "einsum": lambda x, m: m.einsum("ij,kj->ik", x, x),
    "tensordot": lambda x, m: m.tensordot(x, x, axes=((0,), (0,))),
    "pad": lambda x, m: m.pad(x, ((1, 1), (0, 2)), constant_values=-1),
    "take": lambda x, m: m.take(x, m.asarray([1, 1]), axis=0),
    "zeros_like": lambda x, m: m.zeros_like(x, dtype=m.int32),
    "full": lambda x, m: m.full((2,), m.inf),
    "eye": lambda x, m: m.eye(3, 4, 1, dtype=m.float32),
    "arange": lambda x, m: m.arange(2, 9, 3),
    "asarray of numbers": lambda x, m: m.asarray([[1, 2.5]], dtype="f"),
    "asarray of rows": lambda x, m: m.array([x[0], x[1]]),
    "broadcast_to": lambda x, m: m.broadcast_to(x[0], (2, 3)),
    "norm": lambda x, m: m.linalg.norm(x),
    "nan": lambda x, m: x * m.nan,
    "logaddexp": lambda x, m: m.logaddexp(x, 0),
    "as_strided": lambda x, m: m.lib.stride_tricks.as_strided(x, (3, 2), (12, 4)),
    "sliding_window_view": lambda x, m: m.lib.stride_tricks.sliding_window_view(x, (2, 2)),
    "add.outer": lambda x, m: m.add.outer(x[0], x[0]),
    "add.reduce": lambda x, m: m.add.reduce(x),
    "finfo": lambda x, m: x + m.finfo(m.float32).eps,
}


@pytest.mark.parametrize("compute", WORKS.values(), ids=WORKS.keys())
def test_the_device_computes_what_numpy_computes(x, compute):
    assert same(compute(x, xp), compute(HOST, np))


@pytest.mark.parametrize("compute", WORKS.values(), ids=WORKS.keys())
def test_float_arithmetic_keeps_float32(x, compute):
    assert compute(x, xp).dtype == compute(HOST, np).dtype


def test_several_results_are_arrays_each(x):
    assert [type(p) for p in xp.split(x, 2)] == [DeviceArray, DeviceArray]
    assert [same(a, b) for a, b in zip(xp.modf(x), np.modf(HOST))] == [True, True]
    assert [same(a, b) for a, b in zip(divmod(x, 2), divmod(HOST, 2))] == [True, True]


def test_comparisons_of_values_give_a_device_array_where_numpy_gives_a_bool(x):
    for result in (xp.allclose(x, x), xp.array_equal(x, x), xp.count_nonzero(x)):
        assert type(result) is DeviceArray
        assert result.shape == ()


def test_shapes_are_host_values(x):
    with no_sync():
        assert (xp.ndim(x), xp.shape(x), xp.size(x), len(x)) == (2, (4, 3), 12, 4)
        assert (x.ndim, x.shape, x.size, x.dtype, x.strides) == (2, (4, 3), 12, np.float32, (12, 4))
        assert xp.result_type(x, np.float16) == np.float32
        assert xp.float32 is np.float32


def test_views_share_memory_and_know_their_base(x):
    view = x.T[1:].reshape(2, 2, 2)
    assert view.base is x
    assert x.base is None
    assert x.copy().base is None
    view[...] = -1
    assert same(x[:, 1:], np.full((4, 2), -1, np.float32))
    assert xp.shares_memory(x, view)
    element = x[0, 0]
    element += 5
    assert x[0, 0].item() == 5


def test_out_gives_back_the_array_it_was_given(x):
    out = xp.empty_like(x)
    assert xp.multiply(x, 2, out=out) is out
    assert same(out, HOST * 2)
    product = xp.empty((4, 4), xp.float32)
    assert xp.matmul(x, x.T, out=product) is product
    assert x.sum(axis=0, out=out[0]).base is out
    x *= 2
    assert same(x, HOST * 2)


def test_astype_without_copy_gives_back_the_same_array(x):
    assert x.astype(np.float32, copy=False) is x
    assert x.astype(np.float32) is not x
    assert xp.asarray(x) is x
    assert xp.asarray(x, dtype=xp.float64) is not x
    assert xp.array(x) is not x


def test_uploads_are_copies():
    host = HOST.copy()
    x = xp.asarray(host)
    host[...] = -1
    assert same(x, HOST)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_empty_memory_is_full_of_nan(dtype):
    for new in (xp.empty((2, 3), dtype), xp.empty_like(xp.zeros(3, dtype)), xp.ndarray((2,), dtype)):
        assert new.dtype == dtype
        assert np.isnan(new.get()).all()


def test_empty_integers_are_full_of_the_largest():
    assert xp.empty(2, np.int32).tolist() == [np.iinfo(np.int32).max] * 2


@pytest.mark.parametrize("index", [[0, 0, 2], [[0, 2], [0, 0]]])
def test_add_at_adds_repeated_indices(x, index):
    host = HOST.copy()
    np.add.at(host, np.array(index), np.float32(1))
    xp.add.at(x, xp.asarray(index), 1.0)
    assert same(x, host)


def test_add_at_takes_tuples_of_indices_and_slices(x):
    host = HOST.copy()
    values = np.ones((2, 4), np.float32)
    np.add.at(host, (slice(None), np.array([2, 0])), values.T)
    xp.add.at(x, (slice(None), xp.asarray([2, 0])), xp.asarray(values).T)
    assert same(x, host)


def test_at_knows_only_the_types_of_cupys_kernel():
    with pytest.raises(TypeError, match=r"add\.at: CuPy has no kernel for uint8"):
        xp.add.at(xp.zeros(3, np.uint8), xp.asarray([0]), 1)
    with pytest.raises(TypeError, match=r"subtract\.at"):
        xp.subtract.at(xp.zeros(3, np.float32), xp.asarray([0]), 1)


def test_reduce_is_there_for_add_and_multiply_only(x):
    with pytest.raises(NotImplementedError):
        xp.maximum.reduce(x)


def test_overflow_and_division_by_zero_give_no_warning(x):
    assert same(xp.exp(x * 100)[1:], np.full((3, 3), np.inf, np.float32))
    assert np.isnan((x * 0 / 0).get()).all()


def test_promotion_looks_at_dtypes_and_not_at_values():
    x = xp.ones((), np.float32)
    assert (x * 2.0).dtype == np.float32
    assert (xp.ones(3, np.float32) * xp.ones((), np.float64)).dtype == np.float64
    assert (xp.ones(3, np.float16) + 1e-3).dtype == np.float16


class Box:
    """Stands for dezero's Variable: not an array, with reflected operators."""

    __array_priority__ = 200

    def __radd__(self, other):
        return "mine"

    __rmatmul__ = __rsub__ = __radd__


def test_other_objects_get_their_turn_in_operators(x):
    assert x + Box() == x @ Box() == x - Box() == "mine"
    assert (x == None) is False  # noqa: E711
    with pytest.raises(TypeError):
        x + "text"
    with pytest.raises(TypeError, match="Box is no array of this device"):
        xp.exp(Box())


# --- copies, waits and kernels are counted ----------------------------------------------------------------


@pytest.mark.parametrize(
    "read",
    [
        lambda x: float(x.sum()),
        lambda x: int(x.sum()),
        lambda x: complex(x.sum()),
        lambda x: bool(x.sum() > 0),
        lambda x: x.sum().item(),
        lambda x: x.get(),
        lambda x: x.tolist(),
        lambda x: x.tobytes(),
        lambda x: xp.asnumpy(x),
        lambda x: cuda.as_numpy(x),
        lambda x: repr(x),
        lambda x: f"{x.sum():.3f}",
        lambda x: x[x > 3],
        lambda x: xp.nonzero(x),
        lambda x: xp.where(x > 3),
        lambda x: xp.unique(x),
        lambda x: max(x[0, 0], x[0, 1]),
        lambda x: pickle.dumps(x),
    ],
)
def test_reads_by_the_host_are_counted_and_forbidden_under_no_sync(x, read):
    with counting() as seen:
        read(x)
    assert seen.syncs == 1
    with pytest.raises(SyncError), no_sync():
        read(x)


def test_a_training_step_on_the_device_waits_for_nothing(x):
    w = xp.zeros((3, 1), np.float32)
    with counting() as seen, no_sync():
        error = x @ w - 1
        w -= x.T @ error * 0.1
        loss = (error * error).mean()
    assert (seen.uploads, seen.syncs, seen.launches) == (0, 0, 7)
    assert loss.item() == 1.0


def test_uploads_are_counted(x):
    with counting() as seen:
        xp.asarray(HOST), xp.array([1.0]), xp.asarray(3.0), x.set(HOST)
    assert seen.uploads == 4
    with counting() as seen:
        xp.asarray(x), xp.array(x), xp.array([x, x]), xp.zeros(3), xp.full(3, 2.0), xp.random.rand(2)
    assert (seen.uploads, seen.syncs) == (0, 0)


def test_views_start_no_kernel(x):
    with counting() as seen:
        x.T, x.reshape(-1), x[0], x[:, 1:], x[0, 0], x.ravel(), x.squeeze(), xp.expand_dims(x, 0)
        xp.broadcast_to(x, (2, 4, 3)), x.swapaxes(0, 1), xp.moveaxis(x, 0, 1), x.astype("f", copy=False)
    assert seen.launches == 0


def test_counts_of_an_inner_block_are_in_the_outer_one_too(x):
    with counting() as outer:
        x + x
        with counting() as inner:
            x + x
    assert (outer.launches, inner.launches) == (2, 1)


def test_set_wants_the_same_shape_and_dtype(x):
    with pytest.raises(ValueError, match=r"float32 \(4, 3\) is wanted, got float64 \(4, 3\)"):
        x.set(HOST.astype(np.float64))
    with pytest.raises(TypeError):
        x.set(x)


def test_copies_and_pickles_as_cupy_does(x):
    with counting() as seen:
        for twin in (copy.copy(x), copy.deepcopy(x), copy.deepcopy({"w": x})["w"]):
            assert twin is not x
            assert not xp.shares_memory(twin, x)
    assert (seen.uploads, seen.syncs) == (0, 0)
    with counting() as seen:
        twin = pickle.loads(pickle.dumps(x))
    assert (seen.uploads, seen.syncs) == (1, 1)
    assert same(twin, HOST)


def test_memory_goes_when_the_last_reference_goes(x):
    gc.disable()
    try:
        y = x * 2
        view, alive = y[1:], weakref.ref(y)
        del y
        assert alive() is not None
        del view
        assert alive() is None
    finally:
        gc.enable()


# --- random numbers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "draw",
    [
        lambda r: r.rand(2, 3, dtype=np.float32),
        lambda r: r.randn(2, 3, dtype=np.float32),
        lambda r: r.random((2, 3), dtype=np.float32),
        lambda r: r.uniform(-1, 1, (2, 3), dtype=np.float32),
        lambda r: r.normal(0, 1, size=(2, 3), dtype=np.float32),
        lambda r: r.default_rng(0).random((2, 3), dtype=np.float32),
        lambda r: r.default_rng(0).standard_normal((2, 3), np.float32),
        lambda r: r.RandomState(0).rand(2, 3, dtype=np.float32),
    ],
)
def test_random_numbers_are_device_arrays_of_the_dtype_wished(draw):
    drawn = draw(xp.random)
    assert (type(drawn), drawn.shape, drawn.dtype) == (DeviceArray, (2, 3), np.float32)


def test_random_follows_its_seed():
    xp.random.seed(3)
    first = xp.random.rand(4)
    xp.random.seed(3)
    assert same(xp.random.rand(4), first.get())
    assert type(xp.random.random()) is type(xp.random.randint(9)) is DeviceArray
    rng = xp.random.default_rng(1)
    assert same(rng.random(3), np.random.default_rng(1).random(3))
    assert not hasattr(rng, "permutation")


def test_permutations_are_of_counts_or_of_device_arrays(x):
    assert sorted(xp.random.permutation(5).tolist()) == [0, 1, 2, 3, 4]
    assert xp.random.permutation(x).shape == x.shape
    xp.random.shuffle(x)
    assert sorted(x[:, 0].tolist()) == [0, 3, 6, 9]


# --- dezero knows it --------------------------------------------------------------------------------------


def test_dezero_finds_the_module_of_a_device_array(x):
    assert cuda.get_array_module(x) is xp
    assert cuda.is_array(x)
    assert same(x, cuda.as_numpy(x))
    assert xp.get_array_module(HOST, x) is xp
    assert xp.get_array_module(HOST) is np


def test_the_list_of_names_is_the_one_of_the_installed_cupy():
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed, so its names cannot be read again.")
    listed = cupy_names.PATH.read_text(encoding="utf-8").splitlines()
    if f"# CuPy {cupy.__version__}." not in listed[0]:
        pytest.skip(f"the list is of another version: {listed[0]}")
    assert cupy_names.lines_of(cupy) == listed
