"""Each initialiser has the spread that its source says, draws from the global generator, and is found by name."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from dezero import initializers as I
from dezero.layers import Linear

DTYPES = [np.float16, np.float32, np.float64]
SHAPE, FANS = (300, 500), (300, 500)

# what to call, its variance at fan-in 300 and fan-out 500, and whether it is uniform
SCALED = {
    "lecun_normal": (I.lecun_normal(), 1 / 300, False),
    "lecun_uniform": (I.lecun_uniform(), 1 / 300, True),
    "glorot_normal": (I.glorot_normal(), 2 / 800, False),
    "glorot_uniform": (I.glorot_uniform(), 2 / 800, True),
    "glorot_uniform gain": (I.glorot_uniform(5 / 3), 25 / 9 * 2 / 800, True),
    "sigmoid_uniform": (I.sigmoid_uniform(), 16 * 2 / 800, True),
    "he_normal": (I.he_normal(), 2 / 300, False),
    "he_normal of a leaky relu": (I.he_normal(slope=0.5), 2 / 1.25 / 300, False),
    "he_normal fan out": (I.he_normal(fan="out"), 2 / 500, False),
    "he_uniform": (I.he_uniform(), 2 / 300, True),
    "he_uniform fan out": (I.he_uniform(slope=1.0, fan="out"), 1 / 500, True),
    "normal": (I.normal(0.3), 0.09, False),
    "uniform": (I.uniform(0.3), 0.03, True),
}


@pytest.mark.parametrize(("init", "variance", "is_uniform"), SCALED.values(), ids=SCALED.keys())
def test_the_mean_is_zero_and_the_variance_and_the_tails_are_those_of_the_source(init, variance, is_uniform):
    np.random.seed(0)
    W = init(SHAPE, np.float64) / math.sqrt(variance)
    n = W.size
    assert abs(W.mean()) < 4 / math.sqrt(n)
    assert abs(W.var() - 1) < 4 * math.sqrt((0.8 if is_uniform else 2) / n)  # four standard errors
    kurtosis = (W**4).mean()
    assert abs(kurtosis - (1.8 if is_uniform else 3)) < 0.1
    if is_uniform:
        assert 1.999 / math.sqrt(4 / 3) < abs(W).max() <= math.sqrt(3)


BOUNDS = {
    "glorot_uniform": ("xavier_uniform_", {}, I.glorot_uniform()),
    "glorot_uniform gain": ("xavier_uniform_", {"gain": 2.0}, I.glorot_uniform(2.0)),
    "sigmoid_uniform": ("xavier_uniform_", {"gain": 4.0}, I.sigmoid_uniform()),
    "he_uniform": ("kaiming_uniform_", {"nonlinearity": "relu"}, I.he_uniform()),
    "he_uniform leaky": ("kaiming_uniform_", {"a": 0.2}, I.he_uniform(slope=0.2)),
    "he_uniform out": ("kaiming_uniform_", {"mode": "fan_out", "nonlinearity": "relu"}, I.he_uniform(fan="out")),
    "glorot_normal": ("xavier_normal_", {}, I.glorot_normal()),
    "he_normal": ("kaiming_normal_", {"nonlinearity": "relu"}, I.he_normal()),
    "lecun_normal": ("kaiming_normal_", {"nonlinearity": "linear"}, I.lecun_normal()),
    "lecun_uniform": ("kaiming_uniform_", {"nonlinearity": "linear"}, I.lecun_uniform()),
}


@pytest.mark.parametrize("shape", [(400, 700), (64, 48, 5, 5)])
@pytest.mark.parametrize(("theirs", "options", "ours"), BOUNDS.values(), ids=BOUNDS.keys())
def test_the_spread_is_that_of_pytorch(theirs, options, ours, shape):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    np.random.seed(0)
    # theirs of an affine map is (O, I)
    reference = torch.empty(shape if len(shape) == 4 else shape[::-1], dtype=torch.float64)
    getattr(torch.nn.init, theirs)(reference, **options)
    W = ours(shape, np.float64)
    assert W.std() == pytest.approx(float(reference.std()), rel=0.015)
    if "uniform" in theirs:
        assert abs(W).max() == pytest.approx(float(reference.abs().max()), rel=1e-3)


@pytest.mark.parametrize("gain", [1.0, 2.5])
@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (6, 2, 3, 3), (30, 2, 3, 3)])
def test_orthogonal_has_orthonormal_rows_or_columns(shape, gain):
    W = I.orthogonal(gain)(shape, np.float64).reshape(shape[0], -1) / gain
    gram = W @ W.T if W.shape[0] <= W.shape[1] else W.T @ W
    assert np.allclose(gram, np.eye(len(gram)), atol=1e-12)


def test_orthogonal_prefers_no_rotation():
    np.random.seed(0)
    diagonals = np.array([np.diag(I.orthogonal()((2, 2), np.float64)) for _ in range(2000)])
    assert abs((diagonals > 0).mean() - 0.5) < 0.05, "QR alone has one sign there"
    assert abs(diagonals.mean()) < 0.05


def test_orthogonal_needs_two_axes():
    with pytest.raises(ValueError, match=r"orthogonal: a shape of two axes or more is wanted, got \(3,\)"):
        I.orthogonal()((3,))


def test_constants_are_what_they_say():
    assert I.zeros()((2, 3)).tolist() == [[0.0] * 3] * 2
    assert I.ones()((2,)).tolist() == [1.0, 1.0]
    assert I.constant(-0.5)(()).tolist() == -0.5


EACH = [name for name in I.__all__ if name[0].islower() and name not in ("draw", "fans", "get_initializer")]
ARGUMENTS = {"constant": (0.5,), "normal": (0.5,), "uniform": (0.5,)}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", EACH)
def test_shape_and_dtype_are_those_asked_for(name, dtype):
    W = getattr(I, name)(*ARGUMENTS.get(name, ()))((4, 3, 2), dtype)
    assert type(W) is np.ndarray and W.shape == (4, 3, 2) and W.dtype == dtype


@pytest.mark.parametrize("name", EACH)
def test_a_seed_makes_draws_equal_and_an_initialiser_pickles(name):
    init = getattr(I, name)(*ARGUMENTS.get(name, ()))
    np.random.seed(3)
    first = init((4, 3))
    np.random.seed(3)
    assert np.array_equal(pickle.loads(pickle.dumps(init))((4, 3)), first)


@pytest.mark.parametrize("name", [name for name in EACH if name not in ARGUMENTS])
def test_an_initialiser_is_found_by_its_name(name):
    assert repr(I.get_initializer(name, "Linear")) == repr(getattr(I, name)())


def test_fans_without_a_layer_are_read_from_the_shape():
    assert I.fans((3, 5)) == (3, 5)
    assert I.fans((8, 4, 3, 2)) == (24, 48)
    assert I.fans((8, 4, 3)) == (12, 24)
    assert I.fans((7,)) == (1, 7) and I.fans(()) == (1, 1)


def test_an_unknown_name_lists_the_names():
    with pytest.raises(ValueError) as caught:
        Linear(2, W_init="he")
    assert str(caught.value) == (
        "Linear: W_init: there is no initialiser 'he'. There are: glorot_normal, glorot_uniform, he_normal,"
        " he_uniform, lecun_normal, lecun_uniform, ones, orthogonal, sigmoid_uniform, zeros; and"
        " initializers.constant(c), normal(std), uniform(a), or a callable of your own."
    )


def test_what_is_no_initialiser_is_refused():
    with pytest.raises(TypeError, match="Linear: b_init must be the name of an initialiser or a callable, got float"):
        Linear(2, b_init=0.5)
    with pytest.raises(TypeError, match=r"Linear: W_init: .* must give an array of numbers, got object. Was it to be"):
        Linear(2, in_size=3, W_init=I.orthogonal)  # not called
    with pytest.raises(ValueError, match=r"Linear: W_init: .* gave an array \(2, 3\), but \(3, 2\) is wanted"):
        Linear(2, in_size=3, W_init=lambda shape: np.ones(shape[::-1]))
    with pytest.raises(ValueError, match="initializers: fan must be 'in', 'out' or 'mean', got 'both'"):
        I.he_normal(fan="both")


def test_a_subclass_without_draw_says_so():
    with pytest.raises(NotImplementedError, match="Own has no draw"):
        type("Own", (I.Initializer,), {})()((2,))


@pytest.mark.parametrize("init", [I.he_normal(), I.glorot_uniform(), I.normal(0.5), I.uniform(0.5)])
def test_drawing_some_at_a_time_changes_no_number(monkeypatch, init):
    np.random.seed(3)
    at_once = init((7, 5))
    monkeypatch.setattr(I, "_AT_A_TIME", 8)
    np.random.seed(3)
    assert np.array_equal(init((7, 5)), at_once)
