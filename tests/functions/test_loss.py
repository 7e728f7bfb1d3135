from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable
from dezero import functions as F
from dezero.cuda import as_numpy
from ops import Op, check_derivatives, check_dtype, check_gradients_on_device, check_value, each

rng = np.random.default_rng(0)
x, y = rng.standard_normal((3, 4)), rng.standard_normal((3, 4))
x3 = rng.standard_normal((2, 4, 3))
t, t3 = np.array([0, 3, 1]), rng.integers(0, 4, (2, 3))
p, binary = 1 / (1 + np.exp(-x)), (y > 0).astype(int)


def cross_entropy(x, t):
    """Rows of scores, one label each."""
    return float(np.mean([np.log(np.exp(row).sum()) - row[label] for row, label in zip(x, t)]))


def binary_cross_entropy(p, t):
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).sum() / len(p)


def labels(x, t):
    """Labels on the device of ``x``."""
    from dezero.cuda import get_array_module

    return get_array_module(x.data).asarray(t)


OPS = [
    Op("mean_squared_error", F.mean_squared_error, (x, y), lambda x, y: ((x - y) ** 2).sum() / 3),
    Op("mean_squared_error_simple", F.mean_squared_error_simple, (x, y), lambda x, y: ((x - y) ** 2).sum() / 3),
    Op("mean_squared_error of 0-d", F.mean_squared_error, (np.array(1.0), np.array(3.0)), lambda x, y: (x - y) ** 2),
    Op(
        "softmax_cross_entropy",
        lambda x: F.softmax_cross_entropy(x, labels(x, t)),
        (x,),
        lambda x: cross_entropy(x, t),
        3,
    ),
    Op(
        "softmax_cross_entropy with a column of labels",
        lambda x: F.softmax_cross_entropy(x, labels(x, t[:, None].astype(np.uint8))),
        (x,),
        lambda x: cross_entropy(x, t),
    ),
    Op(
        "softmax_cross_entropy of images",
        lambda x: F.softmax_cross_entropy(x, labels(x, t3)),
        (x3,),
        lambda x: cross_entropy(x.transpose(0, 2, 1).reshape(-1, 4), t3.ravel()),
    ),
    Op(
        "softmax_cross_entropy ignoring 3",
        lambda x: F.softmax_cross_entropy(x, labels(x, t), ignore_index=3),
        (x,),
        lambda x: cross_entropy(x[[0, 2]], t[[0, 2]]),
    ),
    Op(
        "softmax_cross_entropy ignoring everything",
        lambda x: F.softmax_cross_entropy(x, labels(x, t * 0 - 1), ignore_index=-1),
        (x,),
        lambda x: 0.0,
    ),
    Op(
        "sigmoid_cross_entropy",
        F.sigmoid_cross_entropy,
        (x, p),
        lambda x, t: binary_cross_entropy(1 / (1 + np.exp(-x)), t),
    ),
    Op(
        "sigmoid_cross_entropy of integers",
        lambda x: F.sigmoid_cross_entropy(x, labels(x, binary)),
        (x,),
        lambda x: binary_cross_entropy(1 / (1 + np.exp(-x)), binary),
        3,
    ),
    Op(
        "binary_cross_entropy",
        lambda p: F.binary_cross_entropy(p, labels(p, binary)),
        (p,),
        lambda p: binary_cross_entropy(p, binary),
    ),
]
SIMPLE = Op(
    "softmax_cross_entropy_simple", lambda x: F.softmax_cross_entropy_simple(x, t), (x,), lambda x: cross_entropy(x, t)
)


@each(OPS)
def test_value_is_that_of_numpy(op, xp):
    check_value(op, xp)


@each([*OPS, SIMPLE])
def test_derivatives_match_finite_differences(op):
    check_derivatives(op)


@each(OPS)
def test_gradients_stay_on_the_device(op, xp):
    check_gradients_on_device(op, xp)


@each(OPS)
def test_float32_stays_float32(op, xp):
    check_dtype(op, xp)


def test_the_simple_cross_entropy_has_the_value_of_the_fused_one():
    check_value(SIMPLE, np)
    check_dtype(SIMPLE, np)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.uint64])
def test_labels_may_have_any_integer_type(dtype, xp):
    loss = F.softmax_cross_entropy(xp.asarray(x), xp.asarray(t.astype(dtype)))
    np.testing.assert_allclose(as_numpy(loss), cross_entropy(x, t))


def test_labels_may_be_a_variable_and_get_no_gradient():
    labels = Variable(t)
    F.softmax_cross_entropy(Variable(x), labels).backward()
    assert labels.grad is None


@pytest.mark.parametrize("bad", [4, -1])
def test_a_label_out_of_range_is_an_error(bad, xp):
    with pytest.raises(ValueError, match=r"labels must lie between 0 and 3 \(x has 4 classes\), got"):
        F.softmax_cross_entropy(xp.asarray(x), xp.asarray(np.array([0, bad, 1])))


def test_labels_must_be_integers_and_fit():
    with pytest.raises(TypeError, match="softmax_cross_entropy: labels must be integers, got float64"):
        F.softmax_cross_entropy(x, np.array([0.0, 1.0, 2.0]))
    with pytest.raises(ValueError, match=r"scores \(3, 4\) want labels \(3,\), got \(4,\)"):
        F.softmax_cross_entropy(x, np.array([0, 1, 2, 3]))
    with pytest.raises(ValueError, match=r"x must be \(N, C, ...\), got \(4,\)"):
        F.softmax_cross_entropy(x[0], np.array(1))


def test_softmax_cross_entropy_stays_finite_for_large_scores():
    x = Variable(np.array([[1e4, -1e4], [-1e4, 1e4]], np.float32))
    loss = F.softmax_cross_entropy(x, np.array([1, 1]))
    loss.backward()
    assert float(loss) == 1e4 and np.isfinite(x.grad.data).all()
    assert x.grad.data[0].tolist() == [0.5, -0.5]


def test_sigmoid_cross_entropy_is_finite_at_ten_thousand_with_the_right_gradient():
    x = Variable(np.array([[1e4], [-1e4]]))
    loss = F.sigmoid_cross_entropy(x, np.array([0, 1]))
    loss.backward()
    assert float(loss) == 1e4
    assert x.grad.data.tolist() == [[0.5], [-0.5]]


def test_binary_cross_entropy_keeps_a_gradient_where_the_model_is_most_wrong():
    p = Variable(np.array([0.0, 1.0], np.float32))
    loss = F.binary_cross_entropy(p, np.array([1, 0]))
    loss.backward()
    assert np.isfinite(float(loss)) and loss.dtype == np.float32
    assert p.grad.data[0] < -1e6 and p.grad.data[1] > 1e6


def test_binary_cross_entropy_wants_probabilities():
    with pytest.raises(ValueError, match="binary_cross_entropy: p must hold probabilities from 0 to 1"):
        F.binary_cross_entropy(np.array([1.5]), np.array([1]))


def test_a_row_of_targets_for_a_column_of_scores():
    column = rng.standard_normal((3, 1))
    loss = F.sigmoid_cross_entropy(column, np.array([0, 1, 1]))
    np.testing.assert_allclose(
        loss.data, binary_cross_entropy(1 / (1 + np.exp(-column)), np.array([[0], [1], [1]])), rtol=1e-12
    )
    with pytest.raises(ValueError, match="one target for each score"):
        F.sigmoid_cross_entropy(column, np.array([0, 1]))


def test_mean_squared_error_of_a_column_against_a_row_raises_instead_of_broadcasting():
    with pytest.raises(ValueError, match=r"mean_squared_error: x0 \(3, 1\) and x1 \(3,\) must have the same shape"):
        F.mean_squared_error(np.ones((3, 1)), np.ones(3))


def test_mean_squared_error_takes_a_sample_without_its_batch_axis():
    y, t = Variable(np.array([[1.0]])), Variable(np.array([3.0]))
    F.mean_squared_error(y, t).backward()
    assert y.grad.data.tolist() == [[-4.0]] and t.grad.data.tolist() == [4.0]


def test_an_integer_target_leaves_float32_alone():
    prediction = Variable(np.ones((2, 1), np.float32))
    assert F.mean_squared_error(prediction, np.array([[1], [2]])).dtype == np.float32


def test_gradients_equal_those_of_pytorch():
    torch = pytest.importorskip("torch")
    for ours, theirs in [
        (lambda x: F.softmax_cross_entropy(x, t), lambda x: torch.nn.functional.cross_entropy(x, torch.tensor(t))),
        (
            lambda x: F.softmax_cross_entropy(x, t, ignore_index=3),
            lambda x: torch.nn.functional.cross_entropy(x, torch.tensor(t), ignore_index=3),
        ),
        (
            lambda x: F.sigmoid_cross_entropy(x, binary),
            lambda x: (
                torch.nn.functional.binary_cross_entropy_with_logits(x, torch.tensor(binary * 1.0), reduction="sum") / 3
            ),
        ),
    ]:
        v, tensor = Variable(x), torch.tensor(x, requires_grad=True)
        a, b = ours(v), theirs(tensor)
        a.backward()
        b.backward()
        np.testing.assert_allclose(a.data, b.item(), rtol=1e-12)
        np.testing.assert_allclose(v.grad.data, tensor.grad.numpy(), rtol=1e-10, atol=1e-14)
