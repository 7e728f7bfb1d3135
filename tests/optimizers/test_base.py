"""An Optimizer finds its parameters, calls its hooks, and keeps, saves and loads what it remembers."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import dezero.functions as F
from dezero.core import Parameter, Variable
from dezero.cuda import as_numpy
from dezero.layers import Layer, Linear
from dezero.models import MLP
from dezero.optimizers import SGD, AdaDelta, AdaGrad, Adam, AdamW, Lion, MomentumSGD, Nesterov, Optimizer, RMSprop
from dezero.serialization import load_npz, save_npz

EVERY_RULE = pytest.mark.parametrize(
    "rule", [SGD, MomentumSGD, Nesterov, AdaGrad, AdaDelta, RMSprop, Adam, AdamW, Lion], ids=lambda rule: rule.__name__
)
X = np.random.default_rng(0).standard_normal((8, 2)).astype(np.float32)


def step(model, optimizer, xp=np):
    loss = F.mean_squared_error(model(xp.asarray(X)), xp.asarray(X[:, :1] ** 2))
    model.cleargrads()
    loss.backward()
    optimizer.update()


def trained(rule, steps=3):
    np.random.seed(0)
    model = MLP((3, 1))
    optimizer = rule().setup(model)
    for _ in range(steps):
        step(model, optimizer)
    return model, optimizer


def weights(model):
    return [as_numpy(p).copy() for p in model.params()]


def equal(ours, theirs):
    return len(ours) == len(theirs) and all(np.array_equal(a, b) for a, b in zip(ours, theirs))


class Recorder(Optimizer):
    """Notes what it is asked to update."""

    def __init__(self):
        super().__init__()
        self.updated = []

    def update_one(self, param):
        self.updated.append(param)


def layer_of(*params):
    layer = Layer()
    layer.ps = list(params)
    return layer


def param(value=1.0, grad=1.0, name=None):
    p = Parameter(np.array([value]), name)
    p.grad = None if grad is None else Variable(np.array([grad]))
    return p


# ---- update


def test_setup_returns_the_optimizer():
    optimizer = SGD()
    assert optimizer.setup(MLP((1,))) is optimizer


def test_parameters_without_a_gradient_are_left_alone():
    a, b = param(), param(grad=None)
    optimizer = Recorder().setup(layer_of(a, b))
    optimizer.update()
    assert optimizer.updated == [a]


def test_parameters_that_need_no_gradient_are_left_alone():
    a, b = param(), param()
    b.requires_grad = False
    optimizer = Recorder().setup(layer_of(a, b))
    optimizer.update()
    assert optimizer.updated == [a]


def test_a_shared_parameter_is_updated_once():
    a = param(value=1.0, grad=1.0)
    layer = layer_of(a, a)
    layer.again = a
    SGD(0.5).setup(layer).update()
    assert a.data.tolist() == [0.5]


def test_hooks_are_called_in_order_with_the_parameters_that_have_gradients():
    a, b, c = param(), param(), param(grad=None)
    calls = []

    def first(params):
        calls.append(("first", list(params)))
        a.cleargrad()

    optimizer = Recorder().setup(layer_of(a, b, c))
    optimizer.add_hook(first)
    optimizer.add_hook(lambda params: calls.append(("second", list(params))))
    optimizer.update()
    assert calls == [("first", [a, b]), ("second", [b])]
    assert optimizer.updated == [b], "filtered again after the hooks"


def test_parameters_that_come_later_are_found():
    model = MLP((3, 1))
    optimizer = SGD(0.1).setup(model)
    step(model, optimizer)
    model.layers.append(Linear(1))
    before = weights(model)[:4]
    step(model, optimizer)
    assert not equal(before, weights(model)[:4])
    assert model.l2.W.data is not None


def test_a_users_rule_with_a_dict_of_its_own_works_as_in_the_book():
    class BooksMomentum(Optimizer):
        def __init__(self, lr=0.01, momentum=0.9):
            super().__init__()
            self.lr, self.momentum, self.vs = lr, momentum, {}

        def update_one(self, param):
            key = id(param)
            if key not in self.vs:
                self.vs[key] = np.zeros_like(param.data)
            v = self.vs[key]
            v *= self.momentum
            v -= self.lr * param.grad.data
            param.data += v

    model, _ = trained(MomentumSGD)
    own, _ = trained(BooksMomentum)
    assert all(np.allclose(a, b, atol=1e-7) for a, b in zip(weights(model), weights(own)))


def test_a_users_rule_that_counts_t_itself_as_in_the_book_counts_once():
    class BooksAdam(Optimizer):
        def __init__(self):
            super().__init__()
            self.t = 0

        def update(self, *args, **kwargs):
            self.t += 1
            super().update(*args, **kwargs)

        def update_one(self, param):
            pass

    _, optimizer = trained(BooksAdam, steps=3)
    assert optimizer.t == 3


def test_update_without_setup_says_so():
    for optimizer in (SGD(), Adam()):
        name = type(optimizer).__name__
        with pytest.raises(RuntimeError, match=rf"{name}.update: there is no model yet. Call setup\(model\) first"):
            optimizer.update()
        with pytest.raises(RuntimeError, match=f"{name}.state_dict: there is no model yet"):
            optimizer.state_dict()
    assert optimizer.t == 0


def test_wrong_arguments_and_a_missing_rule_are_named():
    with pytest.raises(TypeError, match=r"SGD\.setup takes a Layer or a Model, got list"):
        SGD().setup([param()])
    with pytest.raises(TypeError, match=r"SGD\.add_hook takes a function of a list, got float"):
        SGD().add_hook(0.1)
    with pytest.raises(NotImplementedError, match="Optimizer has no update_one"):
        Optimizer().setup(layer_of(param())).update()


# ---- state


def test_state_belongs_to_the_parameter_and_not_to_its_id():
    layer = layer_of(param())
    optimizer = MomentumSGD(1.0, 0.9).setup(layer)
    optimizer.update()
    seen = set()
    for _ in range(50):  # parameters that come and go, some of them where an old one was in memory
        layer.ps = []
        layer.ps.append(param(value=0.0, grad=1.0))
        seen.add(id(layer.ps[0]))
        optimizer.update()
        assert layer.ps[0].data.tolist() == [-1.0], "no speed from a parameter before it"


@pytest.mark.parametrize("rule", [Adam, AdamW])
def test_state_goes_with_its_parameter_to_the_gpu_and_back(gpu, rule):
    model, optimizer = trained(rule)
    other, other_optimizer = trained(rule)
    model.to_gpu()
    step(model, optimizer, gpu)
    assert all(type(optimizer.state(p)[name]) is gpu.ndarray for p in model.params() for name in "mv")
    model.to_cpu()
    step(model, optimizer)
    for _ in range(2):
        step(other, other_optimizer)
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(weights(model), weights(other)))


@EVERY_RULE
@pytest.mark.parametrize("through_a_file", [False, True])
def test_training_goes_on_to_the_bit_after_saving_and_loading(rule, through_a_file, tmp_path):
    model, optimizer = trained(rule, steps=5)
    first, first_optimizer = trained(rule, steps=3)
    first.save_weights(tmp_path / "weights.npz")
    state = first_optimizer.state_dict()
    if through_a_file:
        save_npz(tmp_path / "state.npz", state)
        state = load_npz(tmp_path / "state.npz")
    resumed = MLP((3, 1))
    resumed.load_weights(tmp_path / "weights.npz")
    resumed_optimizer = rule().setup(resumed)
    resumed_optimizer.load_state_dict(state)
    for _ in range(2):
        step(resumed, resumed_optimizer)
    assert equal(weights(resumed), weights(model))
    assert vars(resumed_optimizer).keys() == vars(optimizer).keys()


def test_the_state_dict_is_flat_and_named_by_parameter():
    _, optimizer = trained(Adam)
    state = optimizer.state_dict()
    paths = [f"{path}/{name}" for path in ("l0/W", "l0/b", "l1/W", "l1/b") for name in "mv"]
    assert list(state) == ["t", "alpha", "beta1", "beta2", "eps", *paths]
    assert state["t"] == 3
    assert all(type(state[path]) is np.ndarray for path in paths)


def test_the_state_dict_holds_copies_and_loading_takes_copies():
    model, optimizer = trained(MomentumSGD)
    state = optimizer.state_dict()
    before = state["l0/W/v"].copy()
    step(model, optimizer)
    assert np.array_equal(state["l0/W/v"], before)
    optimizer.load_state_dict(state)
    step(model, optimizer)
    assert np.array_equal(state["l0/W/v"], before)


def test_the_state_dict_of_a_model_on_a_gpu_is_on_the_host_and_goes_back_to_the_gpu(gpu):
    np.random.seed(0)
    model = MLP((3, 1))
    model.to_gpu()
    optimizer = MomentumSGD().setup(model)
    step(model, optimizer, gpu)
    state = optimizer.state_dict()
    assert type(state["l0/W/v"]) is np.ndarray
    optimizer.load_state_dict(state)
    step(model, optimizer, gpu)
    assert type(optimizer.state(model.l0.W)["v"]) is gpu.ndarray


def test_hyperparameters_come_back_with_the_type_they_had():
    model, optimizer = trained(Adam)
    optimizer.alpha, optimizer.beta1 = 1, 0
    state = {name: np.asarray(value) for name, value in optimizer.state_dict().items()}
    fresh = Adam().setup(model)
    fresh.load_state_dict(state)
    assert (fresh.alpha, fresh.beta1, fresh.t) == (1, 0, 3)
    assert type(fresh.t) is int and type(fresh.beta2) is float


def test_counters_of_single_parameters_come_back_as_integers_and_nothing_else_does():
    model, optimizer = trained(AdamW, steps=3)
    state = optimizer.state_dict()
    assert list(state)[5:8] == ["l0/W/t", "l0/W/m", "l0/W/v"]
    optimizer.load_state_dict({name: np.asarray(value) for name, value in state.items()})
    assert type(optimizer.state(model.l0.W)["t"]) is int and optimizer.state(model.l0.W)["t"] == 3
    state["l0/W/t"], state["l0/b/m"] = np.zeros(3), 7
    with pytest.raises(ValueError) as caught:
        optimizer.load_state_dict(state)
    assert "l0/W/t is float64 (3,), wanted an integer" in str(caught.value)
    assert "l0/b/m is an integer, wanted float32 (3,)" in str(caught.value)


def test_hyperparameters_are_loaded_before_the_state_is_judged():
    model, optimizer = trained(lambda: RMSprop(momentum=0.5, centered=True))
    fresh = RMSprop().setup(model)
    fresh.load_state_dict(optimizer.state_dict())
    assert sorted(fresh.state(model.l0.W)) == ["a", "b", "v"]


def test_a_parameter_that_never_had_a_gradient_has_no_state_and_needs_none():
    a, b = param(), param(grad=None)
    optimizer = MomentumSGD().setup(layer_of(a, b))
    optimizer.update()
    state = optimizer.state_dict()
    assert list(state) == ["lr", "momentum", "ps/0/v"]
    optimizer.load_state_dict(state)


def test_loading_a_state_that_does_not_fit_reports_every_difference_and_changes_nothing():
    _, optimizer = trained(Adam)
    state = optimizer.state_dict()
    del state["beta2"], state["l0/b/v"]
    state |= {"lr": 1.0, "l0/W/m": np.zeros((9, 9)), "l1/W/h": state["l1/W/m"], "l7/W/m": np.zeros(1)}
    before = optimizer.state_dict()
    with pytest.raises(ValueError) as caught:
        optimizer.load_state_dict(state)
    assert sorted(str(caught.value).split("\n  ")) == sorted(
        [
            "Adam.load_state_dict does not fit:",
            "beta2 is missing",
            "lr is unknown",
            "l0/b/v is missing",
            "l1/W/h is unknown",
            "l0/W/m is float64 (9, 9), wanted float32 (2, 3)",
            "the model has no parameter l7/W",
        ]
    )
    after = optimizer.state_dict()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_loading_a_state_before_the_weights_says_so():
    _, optimizer = trained(MomentumSGD)
    with pytest.raises(ValueError, match="l0/W has no value yet; load the weights first"):
        MomentumSGD().setup(MLP((3, 1))).load_state_dict(optimizer.state_dict())


def test_a_users_rule_is_saved_with_its_numbers_and_state():
    class Averaged(Optimizer):
        def __init__(self, rate=0.5):
            super().__init__()
            self.rate = rate

        def new_state(self, param):
            return {"mean": np.zeros_like(param.data)}

        def update_one(self, param):
            mean = self.state(param)["mean"]
            mean += self.rate * (param.grad.data - mean)
            param.data -= mean

    model, optimizer = trained(Averaged)
    state = optimizer.state_dict()
    assert list(state)[:2] == ["rate", "l0/W/mean"]
    fresh = Averaged(0.1).setup(model)
    fresh.load_state_dict(state)
    assert fresh.rate == 0.5
    assert np.array_equal(fresh.state(model.l0.W)["mean"], state["l0/W/mean"])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_an_optimizer_copies_together_with_its_model(copied):
    model, optimizer = trained(Adam)
    twin, twin_optimizer = copied((model, optimizer))
    assert twin_optimizer.target is twin
    step(model, optimizer)
    step(twin, twin_optimizer)
    assert equal(weights(model), weights(twin))
