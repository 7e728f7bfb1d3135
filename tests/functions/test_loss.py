from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable
from dezero import functions as F
from dezero.cuda import as_numpy

rng = np.random.default_rng(0)
x, y = rng.standard_normal((3, 4)), rng.standard_normal((3, 4))
PAIRED = [F.mean_squared_error, F.l1_loss, F.huber_loss]


@pytest.mark.parametrize("loss", PAIRED)
def test_a_column_against_a_row_raises_instead_of_broadcasting(loss):
    with pytest.raises(ValueError, match=rf"{loss.__name__}: x0 \(3, 1\) and x1 \(3,\) must have the same shape"):
        loss(np.ones((3, 1)), np.ones(3))
    for a, b in (((3,), (3, 1)), ((2, 3), (3,)), ((3,), (2, 3)), ((0, 3), (3,)), ((2, 2), (4,))):
        with pytest.raises(ValueError, match="must have the same shape"):
            loss(np.ones(a), np.ones(b))


@pytest.mark.parametrize("loss", [F.kl_divergence, F.cosine_similarity])
def test_so_does_it_for_distributions_and_vectors(loss):
    with pytest.raises(ValueError, match=rf"{loss.__name__}: .*\(3, 1\) and .*\(3,\) must have"):
        loss(np.ones((3, 1)), np.ones(3))
    with pytest.raises(ValueError, match=rf"{loss.__name__}: .*\(3, 1\) and .*\(3, 1, 1\) must have"):
        loss(np.ones((3, 1)), np.ones((3, 1, 1)))


def test_cosine_similarity_broadcasts_no_vector():
    with pytest.raises(ValueError, match=r"the same length along axis 1. Axes of length 1 broadcast"):
        F.cosine_similarity(np.ones((3, 4)), np.ones((3, 1)))
    with pytest.raises(ValueError, match=r"the same length along axis 1. Axes of length 1 broadcast"):
        F.cosine_similarity(np.ones((3, 1)), np.ones((3, 4)))
    with pytest.raises(ValueError, match=r"x0 \(3, 4\) and x1 \(2, 4\) must have as many axes"):
        F.cosine_similarity(np.ones((3, 4)), np.ones((2, 4)))
    with pytest.raises(ValueError, match=r"x0 \(2, 4\) and x1 \(3, 4\) must have as many axes"):
        F.cosine_similarity(np.ones((2, 4)), np.ones((3, 4)))
    with pytest.raises(ValueError, match="cosine_similarity: axis 2 does not fit"):
        F.cosine_similarity(np.ones((3, 4)), np.ones((3, 4)), axis=2)


def test_mean_squared_error_divides_by_the_batch_size_not_by_the_number_of_elements():
    assert F.mean_squared_error(np.full((2, 3), 2.0), np.zeros((2, 3))).item() == 12.0


def test_mean_squared_error_takes_a_sample_without_its_batch_axis():
    y, t = Variable(np.array([[1.0]])), Variable(np.array([3.0]))
    F.mean_squared_error(y, t).backward()
    assert y.grad.data.tolist() == [[-4.0]] and t.grad.data.tolist() == [4.0]


def test_mean_squared_error_counts_the_samples_of_its_first_argument():
    y, t = Variable(np.array([1.0, 2.0])), np.array([[0.0, 0.0]])
    loss = F.mean_squared_error(y, t)
    loss.backward()
    assert loss.item() == 2.5 and y.grad.data.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("loss", PAIRED)
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_an_integer_target_leaves_the_dtype_alone(loss, dtype, xp):
    prediction = Variable(xp.asarray(np.ones((2, 1), dtype)))
    assert loss(prediction, xp.asarray(np.array([[1], [2]]))).dtype == dtype


@pytest.mark.parametrize("loss", [*PAIRED, F.kl_divergence, F.cosine_similarity])
def test_float16_and_float32_do_not_meet_silently(loss):
    with pytest.raises(TypeError, match=f"{loss.__name__}: float16 and float32 do not meet silently"):
        loss(np.ones((2, 2), np.float16), np.ones((2, 2), np.float32))


@pytest.mark.parametrize("loss", [F.l1_loss, F.huber_loss, F.kl_divergence])
def test_a_wrong_reduction_raises_with_the_choices(loss):
    with pytest.raises(
        ValueError, match=rf"{loss.__name__}: reduction must be one of .*'mean', 'sum', 'none', got 'avg'"
    ):
        loss(x, y, reduction="avg")


def test_batchmean_is_for_kl_divergence_alone():
    with pytest.raises(ValueError, match="l1_loss: reduction must be one of 'mean', 'sum', 'none', got 'batchmean'"):
        F.l1_loss(x, y, reduction="batchmean")


def test_l1_loss_has_no_gradient_where_the_prediction_is_right():
    v = Variable(np.array([1.0, 2.0]))
    F.l1_loss(v, np.array([1.0, 0.0]), reduction="sum").backward()
    assert v.grad.data.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("delta", [0, -1.0])
def test_delta_of_huber_loss_must_be_above_0(delta):
    with pytest.raises(ValueError, match=f"huber_loss: delta must be above 0, got {delta}"):
        F.huber_loss(x, y, delta=delta)


def test_the_pull_of_an_outlier_is_bounded(xp):
    v = Variable(xp.asarray(np.array([1e30, -1e30, 0.25], np.float32)))
    F.huber_loss(v, xp.asarray(np.zeros(3, np.float32)), delta=2.0, reduction="sum").backward()
    assert as_numpy(v.grad).tolist() == [2.0, -2.0, 0.25]


def test_kl_divergence_of_a_distribution_from_itself_is_0_also_where_it_is_sure():
    p = np.array([[1.0, 0.0], [0.5, 0.5]])
    log_p = np.log(p, where=p > 0, out=np.full_like(p, -1e3))
    assert F.kl_divergence(log_p, p).item() == 0.0


def test_cosine_similarity_of_zero_is_0_with_a_finite_gradient(xp):
    for dtype in (np.float16, np.float32, np.float64):
        v = Variable(xp.asarray(np.zeros((1, 2), dtype)))
        similarity = F.cosine_similarity(v, xp.asarray(np.ones((1, 2), dtype)))
        similarity.backward()
        assert as_numpy(similarity).tolist() == [0.0] and np.isfinite(as_numpy(v.grad)).all()
        assert similarity.dtype == dtype


def test_hinge_in_its_own_words():
    scores = np.array([[2.0, 0.5, -3.0]])
    assert F.hinge(scores, np.array([0])).item() == 1.5  # 0 for the label, 1 + 0.5, 0 for -3
    assert F.hinge(scores, np.array([0]), norm="L2").item() == 2.25
    assert F.hinge(np.array([0.5, -2.0]), np.array([1, 1])).item() == (0.5 + 3.0) / 2


def test_labels_of_hinge_get_no_gradient():
    t = Variable(np.array([0, 1]))
    F.hinge(Variable(x[:2]), t).backward()
    assert t.grad is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: F.hinge(x, np.array([0, 1, 4])),
            r"hinge: labels must lie between 0 and 3 \(x has 4 classes\), got 0 to 4",
        ),
        (lambda: F.hinge(x, np.array([0, 1])), r"hinge: scores \(3, 4\) want labels \(3,\), got \(2,\)"),
        (lambda: F.hinge(x, np.zeros((3, 4))), r"hinge: t of the shape of x, \(3, 4\), must hold -1 and 1"),
        (lambda: F.hinge(x, np.array([0, -1, 3])), "hinge: labels must lie between 0 and 3 .*, got -1 to 3"),
        (lambda: F.hinge(x, np.array([0, 1, 2, 3])), r"hinge: scores \(3, 4\) want labels \(3,\), got \(4,\)"),
        (lambda: F.hinge(x[:, :, None], np.array([0, 1, 2])), r"labels want scores \(N, C\), got x \(3, 4, 1\)"),
        (lambda: F.hinge(x[0], np.array([0])), r"hinge: labels want scores \(N, C\), got x \(4,\) and t \(1,\)"),
        (lambda: F.hinge(x, np.array([0, 1, 2]), norm="l2"), "hinge: norm must be one of 'L1', 'L2', got 'l2'"),
        (
            lambda: F.hinge(x, np.array([0, 1, 2]), reduction="no"),
            "hinge: reduction must be one of 'mean', 'sum', 'none'",
        ),
    ],
)
def test_what_hinge_cannot_take_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_labels_of_hinge_must_be_integers():
    with pytest.raises(TypeError, match="hinge: labels must be integers, got float64"):
        F.hinge(x, np.array([0.0, 1.0, 2.0]))
