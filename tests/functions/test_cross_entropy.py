from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable
from dezero import functions as F
from dezero.cuda import as_numpy

rng = np.random.default_rng(0)
x = rng.standard_normal((3, 4))
t = np.array([0, 3, 1])
OF_LABELS = [F.softmax_cross_entropy, F.nll_loss]


def cross_entropy(x, t):
    """Rows of scores, one label each."""
    return float(np.mean([np.log(np.exp(row).sum()) - row[label] for row, label in zip(x, t)]))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.uint64])
def test_labels_may_have_any_integer_type(dtype, xp):
    loss = F.softmax_cross_entropy(xp.asarray(x), xp.asarray(t.astype(dtype)))
    np.testing.assert_allclose(as_numpy(loss), cross_entropy(x, t))


@pytest.mark.parametrize("loss", OF_LABELS)
def test_labels_may_be_a_variable_and_get_no_gradient(loss):
    labels = Variable(t)
    loss(Variable(x), labels).backward()
    assert labels.grad is None


@pytest.mark.parametrize("loss", OF_LABELS)
@pytest.mark.parametrize("bad", [4, -1])
def test_a_label_out_of_range_is_an_error(loss, bad, xp):
    with pytest.raises(ValueError, match=rf"{loss.__name__}: labels must lie between 0 and 3 \(x has 4 classes\), got"):
        loss(xp.asarray(x), xp.asarray(np.array([0, bad, 1])))


@pytest.mark.parametrize("loss", OF_LABELS)
def test_labels_must_be_integers_and_fit(loss):
    with pytest.raises(TypeError, match=f"{loss.__name__}: labels must be integers, got float64"):
        loss(x, np.array([0.0, 1.0, 2.0]))
    with pytest.raises(ValueError, match=r"scores \(3, 4\) want labels \(3,\), got \(4,\)"):
        loss(x, np.array([0, 1, 2, 3]))
    with pytest.raises(ValueError, match=r"scores \(3, 4\) want labels \(3,\), got \(2,\)"):
        loss(x, np.array([0, 1]))
    for scores, label in ((x[0], np.array(1)), (x[0], np.arange(4)), (x[0, 0], np.array(0))):
        with pytest.raises(ValueError, match=rf"x must be \(N, C, ...\), got \({'4,' if scores.ndim else ''}\)"):
            loss(scores, label)
    with pytest.raises(TypeError, match=f"{loss.__name__}: labels must be integers, got float64"):
        loss(x[0], np.full(4, 0.25))


@pytest.mark.parametrize("loss", [*OF_LABELS, F.bce_with_logits])
def test_a_wrong_reduction_raises_with_the_choices(loss):
    with pytest.raises(ValueError, match=f"{loss.__name__}: reduction must be one of 'mean', 'sum', 'none', got 'avg'"):
        loss(x, t, reduction="avg")


@pytest.mark.parametrize("loss", OF_LABELS)
@pytest.mark.parametrize("n", [3, 5])
def test_there_is_one_weight_for_each_class(loss, n):
    with pytest.raises(
        ValueError, match=rf"{loss.__name__}: class_weight must have shape \(4,\) for x \(3, 4\), got \({n},\)"
    ):
        loss(x, t, class_weight=np.ones(n))


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_label_smoothing_is_a_share(share):
    with pytest.raises(ValueError, match=f"label_smoothing must lie between 0 and 1, got {share}"):
        F.softmax_cross_entropy(x, t, label_smoothing=share)


def test_probabilities_leave_nothing_to_ignore():
    with pytest.raises(ValueError, match=r"ignore_index is for labels, but t holds probabilities \(3, 4\)"):
        F.softmax_cross_entropy(x, np.full((3, 4), 0.25), ignore_index=0)


def test_probabilities_in_float16_and_scores_in_float32_do_not_meet_silently():
    with pytest.raises(TypeError, match="softmax_cross_entropy: float32 and float16 do not meet silently"):
        F.softmax_cross_entropy(x.astype(np.float32), np.full((3, 4), 0.25, np.float16))


@pytest.mark.parametrize("loss", OF_LABELS)
@pytest.mark.parametrize("options", [{}, {"class_weight": np.ones(4)}])
def test_a_batch_that_is_ignored_costs_0_and_moves_nothing(loss, options, xp):
    v = Variable(xp.asarray(x))
    options = {name: xp.asarray(value) for name, value in options.items()}
    y = loss(v, xp.asarray(t * 0 - 100), ignore_index=-100, **options)
    y.backward()
    assert float(y.data) == 0.0 and not as_numpy(v.grad).any()


@pytest.mark.parametrize("loss", OF_LABELS)
def test_an_ignored_sample_may_hold_infinity(loss):
    v = Variable(np.array([[-np.inf, 0.0], [1.0, 2.0]]))
    y = loss(v, np.array([-1, 1]), ignore_index=-1)
    y.backward()
    assert np.isfinite(y.data) and np.isfinite(v.grad.data).all()


@pytest.mark.parametrize("options", [{}, {"ignore_index": 3}, {"class_weight": [1, 2, 3, 4]}, {"label_smoothing": 0.1}])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_options_leave_the_dtype_alone(options, dtype, xp):
    v = Variable(xp.asarray(x.astype(dtype)))
    for reduction in ("mean", "sum", "none"):
        y = F.softmax_cross_entropy(v, xp.asarray(t), reduction=reduction, **options)
        y.backward()
        assert y.dtype == v.grad.dtype == dtype


def test_labels_without_smoothing_are_one_op_forward_and_one_back():
    v = Variable(x)
    for options in ({}, {"ignore_index": 3}, {"class_weight": np.ones(4)}):
        loss = F.softmax_cross_entropy(v, t, **options)
        assert type(loss.creator) is F.SoftmaxCrossEntropy and loss.creator.inputs[0] is v


def test_softmax_cross_entropy_is_nll_loss_of_log_softmax():
    options = {"class_weight": np.array([1.0, 2.0, 0.5, 3.0]), "ignore_index": 1}
    ours = F.softmax_cross_entropy(x, t, **options)
    np.testing.assert_allclose(ours.data, F.nll_loss(F.log_softmax(x), t, **options).data, rtol=1e-12)


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


@pytest.mark.parametrize("pos_weight", [None, 3.0])
def test_bce_with_logits_is_finite_at_ten_thousand_with_the_right_gradient(pos_weight, xp):
    x = Variable(xp.asarray(np.array([1e4, -1e4, 1e4, -1e4], np.float32)))
    p = pos_weight or 1.0
    loss = F.bce_with_logits(x, xp.asarray(np.array([0, 1, 1, 0])), pos_weight=pos_weight, reduction="none")
    loss.backward()
    assert as_numpy(loss).tolist() == [1e4, p * 1e4, 0.0, 0.0]
    assert as_numpy(x.grad).tolist() == [1.0, -p, 0.0, 0.0]


def test_bce_with_logits_keeps_every_digit_of_a_small_loss():
    loss = F.bce_with_logits(np.array([-30.0, 30.0]), np.array([0, 1]), pos_weight=2.0, reduction="none")
    np.testing.assert_allclose(loss.data, np.log1p(np.exp(-30.0)) * np.array([1.0, 2.0]), rtol=1e-14)


def test_weights_of_bce_with_logits_may_be_numbers_and_must_broadcast_to_the_scores():
    scores = Variable(np.zeros((2, 3), np.float32))
    assert F.bce_with_logits(scores, np.ones((2, 3), int), weight=2, pos_weight=0.5).dtype == np.float32
    for name in ("weight", "pos_weight"):
        with pytest.raises(ValueError, match=rf"bce_with_logits: {name} \(2,\) does not broadcast to x \(2, 3\)"):
            F.bce_with_logits(scores, np.ones((2, 3)), **{name: np.ones(2)})
        with pytest.raises(ValueError, match=rf"bce_with_logits: {name} \(1, 2, 3\) does not broadcast"):
            F.bce_with_logits(scores, np.ones((2, 3)), **{name: np.ones((1, 2, 3))})


def test_binary_cross_entropy_keeps_a_gradient_where_the_model_is_most_wrong():
    p = Variable(np.array([0.0, 1.0], np.float32))
    loss = F.binary_cross_entropy(p, np.array([1, 0]))
    loss.backward()
    assert np.isfinite(float(loss)) and loss.dtype == np.float32
    assert p.grad.data[0] < -1e6 and p.grad.data[1] > 1e6


def test_binary_cross_entropy_wants_probabilities():
    with pytest.raises(ValueError, match="binary_cross_entropy: p must hold probabilities from 0 to 1"):
        F.binary_cross_entropy(np.array([1.5]), np.array([1]))
    with pytest.raises(ValueError, match="binary_cross_entropy: p must hold probabilities from 0 to 1"):
        F.binary_cross_entropy(np.array([-0.5, 0.5]), np.array([1, 1]))
    with pytest.raises(ValueError, match="binary_cross_entropy: p must hold probabilities from 0 to 1"):
        F.binary_cross_entropy(np.array([0.5, np.nan]), np.array([1, 1]))
    assert F.binary_cross_entropy(np.zeros((0, 3)), np.zeros((0, 3))).item() == 0.0


def test_the_simple_softmax_cross_entropy_takes_no_logarithm_of_0():
    loss = F.softmax_cross_entropy_simple(np.array([[1e4, -1e4]]), np.array([1]))
    np.testing.assert_allclose(loss.data, -np.log(1e-15))


@pytest.mark.parametrize("loss", [F.sigmoid_cross_entropy, F.binary_cross_entropy, F.bce_with_logits])
def test_a_row_of_targets_for_a_column_of_scores_does_not_broadcast(loss):
    column, targets = np.array([[0.2], [0.7], [0.4]]), np.array([0, 1, 1])
    np.testing.assert_allclose(loss(column, targets).data, loss(column[:, 0], targets).data, rtol=1e-12)
    with pytest.raises(ValueError, match=rf"{loss.__name__}: one target for each score is wanted, got scores \(3, 1\)"):
        loss(column, np.array([0, 1]))
    with pytest.raises(ValueError, match=rf"{loss.__name__}: one target for each score is wanted, got scores \(3, 1\)"):
        loss(column, np.array([0, 1, 1, 1]))
    with pytest.raises(ValueError, match=r"got scores \(3, 1\) and targets \(1, 3\)"):
        loss(column, targets[None])
    np.testing.assert_allclose(loss(column[:, 0], targets[:, None]).data, loss(column[:, 0], targets).data, rtol=1e-12)
