"""A group of parameters has hyperparameters of its own, and a rule need not know of it."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import dezero.functions as F
import dezero.layers as L
from dezero.core import Parameter, Variable
from dezero.layers import Layer, Linear
from dezero.models import MLP, Sequential
from dezero.optimizers import (
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    Lion,
    MomentumSGD,
    Nesterov,
    Optimizer,
    RMSprop,
    WeightDecay,
)
from dezero.serialization import load_npz, save_npz


def net(n=3, value=1.0):
    """A layer of parameters p0, p1, … with gradients of one."""
    layer = Layer()
    for i in range(n):
        p = Parameter(np.full(2, value), name=f"p{i}")
        p.grad = Variable(np.ones(2))
        setattr(layer, f"p{i}", p)
    return layer


def values(layer):
    return [float(p.data[0]) for p in layer.params()]


def test_a_group_has_its_own_rate_and_the_rest_of_the_model_that_of_the_optimizer():
    layer = net()
    optimizer = SGD(0.5).setup(layer)
    group = optimizer.add_param_group(layer.p1, lr=0.25)
    assert optimizer.groups == [group]
    optimizer.update()
    assert values(layer) == [0.5, 0.75, 0.5]
    group.overrides["lr"] = 0.125
    optimizer.lr = 1.0
    optimizer.update()
    assert values(layer) == [-0.5, 0.625, -0.5]


def test_a_group_takes_layers_parameters_and_several_of_them():
    model = MLP((3, 2, 1))
    optimizer = SGD().setup(model)
    one, two = optimizer.add_param_group(model.l0, lr=1), optimizer.add_param_group([model.l1, model.l2.b], lr=2)
    assert list(one.params()) == [model.l0.W, model.l0.b]
    assert list(two.params()) == [model.l1.W, model.l1.b, model.l2.b]
    optimizer.add_param_group((p for p in [model.l2.W]), lr=3)
    assert list(optimizer.groups[2].params()) == [model.l2.W]
    assert list(optimizer.groups[2].params()) == [model.l2.W], "also the second time"


def test_biases_and_norms_go_without_weight_decay():
    model = Sequential(Linear(3, in_size=2), L.BatchNorm(), F.relu, Linear(1))
    x = np.random.default_rng(0).standard_normal((4, 2)).astype(np.float32)
    F.sum(model(x)).backward()
    for p in model.params():
        p.data[...] = 1
        p.grad = Variable(np.zeros_like(p.data))
    optimizer = AdamW(lr=0.5, weight_decay=0.5).setup(model)
    optimizer.add_param_group([p for name, p in model.named_params() if not name.endswith("/W")], weight_decay=0.0)
    optimizer.update()
    moved = {name: float(p.data.flat[0]) for name, p in model.named_params()}
    assert moved == {"l0/W": 0.75, "l0/b": 1, "l1/gamma": 1, "l1/beta": 1, "l3/W": 0.75, "l3/b": 1}


@pytest.mark.parametrize("rule", [SGD, MomentumSGD, Nesterov, AdaGrad, AdaDelta, RMSprop, Adam, AdamW, Lion])
def test_two_groups_are_two_optimizers(rule):
    name = {Adam: "alpha", AdaDelta: "rho"}.get(rule, "lr")
    both, first, second = net(2), net(1), net(1)
    together = rule(**{name: 0.1}).setup(both)
    together.add_param_group(both.p1, **{name: 0.3})
    apart = [rule(**{name: 0.1}).setup(first), rule(**{name: 0.3}).setup(second)]
    for _ in range(3):
        together.update()
        for optimizer in apart:
            optimizer.update()
    assert values(both) == values(first) + values(second)
    assert vars(together)[name] == 0.1


def test_betas_and_rates_match_pytorchs_groups():
    torch = pytest.importorskip("torch")
    layer = net(2)
    ours = AdamW(0.1).setup(layer)
    ours.add_param_group(layer.p1, lr=0.2, beta1=0.5, beta2=0.6, weight_decay=0.3)
    theirs = [torch.nn.Parameter(torch.ones(2, dtype=torch.float64)) for _ in range(2)]
    reference = torch.optim.AdamW(
        [{"params": theirs[:1]}, {"params": theirs[1:], "lr": 0.2, "betas": (0.5, 0.6), "weight_decay": 0.3}], lr=0.1
    )
    rng = np.random.default_rng(0)
    for _ in range(50):
        for p, q in zip(layer.params(), theirs):
            g = rng.standard_normal(2)
            p.grad, q.grad = Variable(g), torch.tensor(g)
        ours.update()
        reference.step()
    for p, q in zip(layer.params(), theirs):
        assert np.allclose(p.data, q.detach().numpy(), rtol=0, atol=1e-12)


def test_a_users_rule_that_reads_its_attributes_works_in_groups_unchanged():
    class BooksSGD(Optimizer):
        def __init__(self, lr=0.01):
            super().__init__()
            self.lr = lr

        def update_one(self, param):
            param.data -= self.lr * param.grad.data

    layer = net(2)
    optimizer = BooksSGD(0.5).setup(layer)
    optimizer.add_param_group(layer.p0, lr=0.25)
    optimizer.update()
    assert values(layer) == [0.75, 0.5]


def test_the_attributes_come_back_also_when_an_update_fails():
    class Failing(SGD):
        def update_one(self, param):
            raise ArithmeticError(self.lr)

    layer = net(1)
    optimizer = Failing(0.5).setup(layer)
    optimizer.add_param_group(layer.p0, lr=0.25)
    with pytest.raises(ArithmeticError, match="0.25"):
        optimizer.update()
    assert optimizer.lr == 0.5


def test_hooks_see_all_parameters_whatever_their_group():
    layer = net(2)
    optimizer = SGD(1.0).setup(layer)
    optimizer.add_param_group(layer.p1, lr=0.5)
    optimizer.add_hook(WeightDecay(1.0))
    optimizer.update()
    assert values(layer) == [-1.0, 0.0]


def test_what_comes_into_a_layer_later_is_in_its_group():
    model = Layer()
    model.part = net(1)
    optimizer = SGD(1.0).setup(model)
    optimizer.add_param_group(model.part, lr=0.5)
    model.part.late = Parameter(np.ones(2))
    model.part.late.grad = Variable(np.ones(2))
    optimizer.update()
    assert values(model) == [0.5, 0.5]


def test_adams_counter_is_no_hyperparameter_but_its_alpha_is():
    layer = net()
    optimizer = Adam().setup(layer)
    with pytest.raises(ValueError, match=r"Adam.add_param_group: lr is unknown. Known are: alpha, beta1, beta2, eps\."):
        optimizer.add_param_group(layer.p0, lr=0.1)
    with pytest.raises(ValueError, match="t is unknown"):
        optimizer.add_param_group(layer.p0, t=5)
    optimizer.add_param_group(layer.p0, alpha=0.1)


def test_what_cannot_be_a_group_is_refused_and_changes_nothing():
    layer = net()
    with pytest.raises(RuntimeError, match=r"SGD.add_param_group: there is no model yet. Call setup\(model\) first"):
        SGD().add_param_group(layer.p0, lr=1)
    optimizer = MomentumSGD(0.5).setup(layer)
    with pytest.raises(ValueError, match="MomentumSGD: lr must be at least 0, got -1"):
        optimizer.add_param_group(layer.p0, lr=-1)
    with pytest.raises(ValueError, match="momentum must be at least 0 and below 1, got 1"):
        optimizer.add_param_group(layer.p0, momentum=1)
    with pytest.raises(ValueError, match="MomentumSGD.add_param_group: beta, rate is unknown. Known are: lr, momentum"):
        optimizer.add_param_group(layer.p0, beta=1, rate=3)
    with pytest.raises(TypeError, match="add_param_group takes Layers and Parameters, got str"):
        optimizer.add_param_group(["p0"], lr=1)
    with pytest.raises(ValueError, match="a parameter W is none of the model's. Add it there first"):
        optimizer.add_param_group(Linear(1), lr=1)
    optimizer.add_param_group(layer.p0, lr=0.1)
    with pytest.raises(ValueError, match="p0 is in a group already. Take it out of one of the two"):
        optimizer.add_param_group([layer.p1, layer.p0], momentum=0)
    assert len(optimizer.groups) == 1 and (optimizer.lr, optimizer.momentum) == (0.5, 0.9)


@pytest.mark.parametrize("through_a_file", [False, True])
def test_groups_are_saved_by_the_names_of_their_parameters_and_loaded_into_the_same_groups(through_a_file, tmp_path):
    def make():
        layer = net()
        optimizer = MomentumSGD(0.5, 0.5).setup(layer)
        optimizer.add_param_group([layer.p0, layer.p2], lr=0.25)
        return layer, optimizer

    layer, optimizer = make()
    optimizer.update()
    optimizer.groups[0].overrides["lr"] = 0.125  # as a schedule does
    state = optimizer.state_dict()
    assert list(state) == ["lr", "momentum", "p0:lr", "p0/v", "p1/v", "p2:lr", "p2/v"]
    assert state["p0:lr"] == state["p2:lr"] == 0.125
    if through_a_file:
        save_npz(tmp_path / "state.npz", state)
        state = load_npz(tmp_path / "state.npz")
    fresh, resumed = make()
    for p, q in zip(fresh.params(), layer.params()):
        p.data[...] = q.data
    resumed.load_state_dict(state)
    assert resumed.groups[0].overrides == {"lr": 0.125} and type(resumed.groups[0].overrides["lr"]) is float
    optimizer.update()
    resumed.update()
    assert values(fresh) == values(layer)


def test_loading_into_other_groups_reports_every_difference_and_changes_nothing():
    layer = net()
    optimizer = SGD(0.5).setup(layer)
    optimizer.add_param_group(layer.p0, lr=0.25)
    optimizer.add_param_group(layer.p1, lr=0.125)
    state = optimizer.state_dict() | {"p9:lr": 1.0}
    other = SGD(1.0).setup(layer)
    other.add_param_group([layer.p0, layer.p1, layer.p2], lr=2.0)
    with pytest.raises(ValueError) as caught:
        other.load_state_dict(state)
    assert sorted(str(caught.value).split("\n  ")) == sorted(
        [
            "SGD.load_state_dict does not fit:",
            "p1 has {'lr': 0.125}, but others of its group have {'lr': 0.25}",
            "p2 has {}, but others of its group have {'lr': 0.25}",
            "p2:lr is missing",
            "the model has no parameter p9",
        ]
    )
    assert (other.lr, other.groups[0].overrides) == (1.0, {"lr": 2.0})
    with pytest.raises(ValueError, match="p0:lr is unknown"):
        SGD().setup(layer).load_state_dict(optimizer.state_dict())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_groups_copy_together_with_the_model(copied):
    layer = net()
    optimizer = SGD(0.5).setup(layer)
    optimizer.add_param_group(layer.p0, lr=0.25)
    twin, twin_optimizer = copied((layer, optimizer))
    twin_optimizer.update()
    assert values(twin) == [0.75, 0.5, 0.5] and values(layer) == [1, 1, 1]
