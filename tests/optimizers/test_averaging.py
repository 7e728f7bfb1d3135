"""The moving average equals PyTorch's, comes into the model and leaves it however the block ends."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import dezero.functions as F
from dezero import test_mode as in_test_mode
from dezero.cuda import as_numpy
from dezero.layers import BatchNorm, Linear
from dezero.models import MLP, Sequential
from dezero.optimizers import SGD, ExponentialMovingAverage
from dezero.serialization import load_npz, save_npz

X = np.random.default_rng(0).standard_normal((8, 2)).astype(np.float32)


def trained(steps=5, decay=0.9, xp=np):
    """A model and its averages, and what the parameters were after each step."""
    np.random.seed(0)
    model = MLP((3, 1))
    ema = ExponentialMovingAverage(model, decay)  # before the model knows its input size
    optimizer = SGD(0.1).setup(model)
    history = []
    for _ in range(steps):
        loss = F.sum(F.sin(model(xp.asarray(X))))
        model.cleargrads()
        loss.backward()
        optimizer.update()
        ema.update()
        history.append([as_numpy(p).copy() for p in model.params()])
    return model, ema, history


def weights(model):
    return [as_numpy(p).copy() for p in model.params()]


def equal(ours, theirs):
    return all(np.array_equal(a, b) for a, b in zip(ours, theirs))


def test_the_average_equals_pytorchs_averaged_model(way):
    torch = pytest.importorskip("torch")
    from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn

    model, ema, history = trained(50, decay=0.9)
    theirs = torch.nn.ParameterList([torch.zeros(a.shape) for a in history[0]])
    averaged = AveragedModel(theirs, avg_fn=get_ema_avg_fn(0.9))
    for step in history:
        for p, a in zip(theirs, step):
            p.data[...] = torch.tensor(a)
        averaged.update_parameters(theirs)
    with ema.applied():
        for p, q in zip(model.params(), averaged.module.parameters()):
            assert np.allclose(p.data, q.detach().numpy(), rtol=1e-5, atol=1e-6)
            assert p.dtype == np.float32


def test_the_average_starts_as_the_parameters_of_the_first_update(xp):
    model, ema, history = trained(2, decay=0.75, xp=xp)
    with ema.applied():
        for p, first, second in zip(model.params(), *history):
            assert np.allclose(as_numpy(p), 0.75 * first + 0.25 * second, atol=1e-6)


def test_the_parameters_come_back_to_the_bit_and_in_their_own_memory():
    model, ema, _ = trained()
    arrays, before = [p.data for p in model.params()], weights(model)
    with ema.applied():
        assert not equal(weights(model), before)
    assert equal(weights(model), before)
    assert all(p.data is a for p, a in zip(model.params(), arrays))


def test_the_parameters_come_back_when_the_block_fails():
    model, ema, _ = trained()
    before = weights(model)
    with pytest.raises(ZeroDivisionError), ema.applied():
        1 / 0  # noqa: B018
    assert equal(weights(model), before)
    ema.update()


def test_running_statistics_stay_the_models_own():
    model = Sequential(BatchNorm(), Linear(1))
    ema = ExponentialMovingAverage(model)
    for _ in range(3):
        model(X)
        ema.update()
    mean = model.l0.avg_mean.data.copy()
    with ema.applied(), in_test_mode():
        model(X)
        assert np.array_equal(model.l0.avg_mean.data, mean)
    assert "average/l0/avg_mean" not in ema.state_dict()


def test_the_averages_are_saved_as_weights_from_inside_the_block(tmp_path):
    model, ema, _ = trained()
    with ema.applied():
        model.save_weights(tmp_path / "w.npz")
        expected = weights(model)
    fresh = MLP((3, 1))
    fresh.load_weights(tmp_path / "w.npz")
    assert equal(weights(fresh), expected)


def test_averages_go_on_after_saving_and_loading(tmp_path):
    model, ema, _ = trained()
    save_npz(tmp_path / "ema.npz", ema.state_dict())
    resumed = ExponentialMovingAverage(model, 0.5)
    resumed.load_state_dict(load_npz(tmp_path / "ema.npz"))
    assert (resumed.decay, resumed.updates) == (0.9, 5)
    for p in model.params():
        p.data += 1
    ema.update()
    resumed.update()
    ours, theirs = ema.state_dict(), resumed.state_dict()
    assert ours.keys() == theirs.keys() and all(np.array_equal(ours[k], theirs[k]) for k in ours)


def test_the_state_holds_copies():
    model, ema, _ = trained()
    state = ema.state_dict()
    before = copy.deepcopy(state)
    for p in model.params():
        p.data += 1
    ema.update()
    assert np.array_equal(state["average/l0/W"], before["average/l0/W"])


def test_averages_follow_the_model_to_the_gpu_and_back(gpu):
    model, ema, _ = trained()
    before = weights(model)
    model.to_gpu()
    with ema.applied():
        assert all(type(p.data) is gpu.ndarray for p in model.params())
    assert all(type(p.data) is gpu.ndarray for p in model.params()) and equal(weights(model), before)
    ema.update()
    assert type(ema.state_dict()["average/l0/W"]) is np.ndarray
    with ema.applied():
        model.to_cpu()
    assert all(type(p.data) is np.ndarray for p in model.params()) and equal(weights(model), before)


def test_an_average_copies_together_with_its_model():
    model, ema = copy.deepcopy(trained()[:2])
    assert ema.model is model
    before = weights(model)
    with ema.applied():
        assert not equal(weights(model), before)


def test_nothing_is_averaged_while_the_averages_are_applied():
    _, ema, _ = trained()
    with ema.applied():
        with pytest.raises(RuntimeError, match=r"update: the averages are applied. Leave applied\(\) first"):
            ema.update()
        with pytest.raises(RuntimeError, match="applied: the averages are applied already"), ema.applied():
            pass
        with pytest.raises(RuntimeError, match="state_dict: the averages are applied"):
            ema.state_dict()
        with pytest.raises(RuntimeError, match="load_state_dict: the averages are applied"):
            ema.load_state_dict({})


def test_a_state_that_does_not_fit_reports_every_difference_and_changes_nothing():
    _, ema, _ = trained()
    state = ema.state_dict()
    before = copy.deepcopy(state)
    del state["decay"]
    state |= {"rate": 1, "average/l7/W": np.zeros(1), "average/l0/W": np.zeros((9, 9))}
    with pytest.raises(ValueError) as caught:
        ema.load_state_dict(state)
    assert sorted(str(caught.value).split("\n  ")) == sorted(
        [
            "ExponentialMovingAverage.load_state_dict does not fit:",
            "decay is missing",
            "rate is unknown",
            "the model has no parameter l7/W",
            "average/l0/W is float64 (9, 9), wanted float32 (2, 3)",
        ]
    )
    after = ema.state_dict()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="ExponentialMovingAverage: decay must be at least 0 and below 1, got 1"):
        ExponentialMovingAverage(MLP((1,)), 1)
    with pytest.raises(TypeError, match="ExponentialMovingAverage takes a Layer or a Model, got list"):
        ExponentialMovingAverage([])


def test_a_large_parameter_is_averaged_alike(way):
    model = Linear(300, in_size=100)
    ema = ExponentialMovingAverage(model, 0.75)
    first = model.W.data.copy()
    ema.update()
    model.W.data[...] += 1
    ema.update()
    with ema.applied():
        np.testing.assert_allclose(model.W.data, 0.75 * first + 0.25 * (first + 1), rtol=1e-6, atol=1e-7)
