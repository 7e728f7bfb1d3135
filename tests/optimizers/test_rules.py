"""Each rule against loops of plain numbers, against PyTorch where it has the same formula, and on every device."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dezero.config import using_config
from dezero.core import Parameter, Variable
from dezero.cuda import as_numpy
from dezero.kernels.compiled import numba_version
from dezero.layers import Layer
from dezero.optimizers import SGD, AdaDelta, AdaGrad, Adam, AdamW, Lion, MomentumSGD, Nesterov, RMSprop
from strict_device import counting, no_sync
from strict_device import xp as device

STEPS = 50


def sgd(p, gs, lr):
    for g in gs:
        p = p - lr * g
    return p


def momentum_sgd(p, gs, lr, momentum):
    v = 0.0
    for g in gs:
        v = momentum * v - lr * g
        p = p + v
    return p


def nesterov(p, gs, lr, momentum):
    v = 0.0
    for g in gs:
        v = momentum * v + g
        p = p - lr * (g + momentum * v)
    return p


def adagrad(p, gs, lr, eps):
    h = 0.0
    for g in gs:
        h = h + g**2
        p = p - lr * g / (math.sqrt(h) + eps)
    return p


def adadelta(p, gs, rho, eps):
    a = u = 0.0
    for g in gs:
        a = rho * a + (1 - rho) * g**2
        d = math.sqrt((u + eps) / (a + eps)) * g
        u = rho * u + (1 - rho) * d**2
        p = p - d
    return p


def adam(p, gs, alpha, beta1, beta2, eps):
    m = v = 0.0
    for t, g in enumerate(gs, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        p = p - alpha * math.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (math.sqrt(v) + eps)
    return p


def adamw(p, gs, lr, beta1, beta2, eps, weight_decay):
    m = v = 0.0
    for t, g in enumerate(gs, start=1):
        p = p * (1 - lr * weight_decay)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        p = p - lr * (m / (1 - beta1**t)) / (math.sqrt(v / (1 - beta2**t)) + eps)
    return p


def rmsprop(p, gs, lr, alpha, eps, momentum=0.0, centered=False):
    v = a = b = 0.0
    for g in gs:
        v = alpha * v + (1 - alpha) * g**2
        a = alpha * a + (1 - alpha) * g if centered else 0.0
        b = momentum * b + g / (math.sqrt(v - a**2) + eps)
        p = p - lr * b
    return p


def lion(p, gs, lr, beta1, beta2, weight_decay):
    m = 0.0
    for g in gs:
        c = beta1 * m + (1 - beta1) * g
        p = p - lr * (math.copysign(1, c) + weight_decay * p)
        m = beta2 * m + (1 - beta2) * g
    return p


RULES = [
    pytest.param(SGD, sgd, {"lr": 0.1}, id="SGD"),
    pytest.param(MomentumSGD, momentum_sgd, {"lr": 0.1, "momentum": 0.8}, id="MomentumSGD"),
    pytest.param(AdaGrad, adagrad, {"lr": 0.1, "eps": 1e-4}, id="AdaGrad"),
    pytest.param(AdaDelta, adadelta, {"rho": 0.9, "eps": 1e-3}, id="AdaDelta"),
    pytest.param(Adam, adam, {"alpha": 0.1, "beta1": 0.8, "beta2": 0.95, "eps": 1e-3}, id="Adam"),
    pytest.param(Nesterov, nesterov, {"lr": 0.1, "momentum": 0.8}, id="Nesterov"),
    pytest.param(AdamW, adamw, {"lr": 0.1, "beta1": 0.8, "beta2": 0.95, "eps": 1e-3, "weight_decay": 0.2}, id="AdamW"),
    pytest.param(RMSprop, rmsprop, {"lr": 0.1, "alpha": 0.9, "eps": 1e-3}, id="RMSprop"),
    pytest.param(
        RMSprop,
        rmsprop,
        {"lr": 0.01, "alpha": 0.9, "eps": 1e-3, "momentum": 0.8, "centered": True},
        id="RMSprop-momentum-centered",
    ),
    pytest.param(Lion, lion, {"lr": 0.01, "beta1": 0.8, "beta2": 0.95, "weight_decay": 0.2}, id="Lion"),
]
EVERY_RULE = pytest.mark.parametrize(
    "rule", [SGD, MomentumSGD, Nesterov, AdaGrad, AdaDelta, RMSprop, Adam, AdamW, Lion], ids=lambda rule: rule.__name__
)


def model(xp, *arrays):
    layer = Layer()
    layer.ps = [Parameter(xp.asarray(a)) for a in arrays]
    return layer


def gradients(rng, shape, dtype):
    return [rng.standard_normal(shape).astype(dtype) for _ in range(STEPS)]


@pytest.mark.parametrize(("rule", "by_hand", "options"), RULES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(2, 3), ()], ids=str)
def test_the_rule_follows_its_formula_and_keeps_the_dtype(xp, way, rule, by_hand, options, dtype, shape):
    rng = np.random.default_rng(0)
    start, gs = rng.standard_normal(shape).astype(dtype), gradients(rng, shape, dtype)
    columns = np.reshape(gs, (STEPS, -1)).T.tolist()  # for each element its gradients
    expected = np.reshape([by_hand(x, g, **options) for x, g in zip(start.reshape(-1).tolist(), columns)], shape)
    layer = model(xp, start)
    (p,) = layer.params()
    array = p.data
    optimizer = rule(**options).setup(layer)
    for g in gs:
        p.grad = Variable(xp.asarray(g))
        optimizer.update()
    assert np.allclose(as_numpy(p), expected, rtol=0, atol=1e-12 if dtype == np.float64 else 1e-5)
    assert p.data.dtype == dtype and p.data.shape == shape
    assert p.data is array, "in place"
    assert {a.dtype for a in optimizer.state(p).values() if not isinstance(a, int)} <= {np.dtype(dtype)}


PYTORCH = [
    pytest.param(SGD, {"lr": 0.1}, "SGD", {"lr": 0.1}, id="SGD"),
    pytest.param(MomentumSGD, {"lr": 0.1}, "SGD", {"lr": 0.1, "momentum": 0.9}, id="MomentumSGD"),
    pytest.param(AdaGrad, {"lr": 0.1}, "Adagrad", {"lr": 0.1, "eps": 1e-8}, id="AdaGrad"),
    pytest.param(AdaDelta, {}, "Adadelta", {"lr": 1.0, "rho": 0.95, "eps": 1e-6}, id="AdaDelta"),
    # PyTorch's eps is another one (it is added after the correction of v), so that the two agree without
    pytest.param(Adam, {"eps": 0.0}, "Adam", {"lr": 0.001, "eps": 0.0}, id="Adam"),
    pytest.param(Nesterov, {"lr": 0.1}, "SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}, id="Nesterov"),
    pytest.param(AdamW, {}, "AdamW", {}, id="AdamW"),
    pytest.param(
        AdamW,
        {"lr": 0.1, "beta1": 0.8, "beta2": 0.9, "eps": 0.1, "weight_decay": 0.3},
        "AdamW",
        {"lr": 0.1, "betas": (0.8, 0.9), "eps": 0.1, "weight_decay": 0.3},
        id="AdamW-options",
    ),
    pytest.param(RMSprop, {}, "RMSprop", {}, id="RMSprop"),
    pytest.param(RMSprop, {"momentum": 0.9}, "RMSprop", {"momentum": 0.9}, id="RMSprop-momentum"),
    pytest.param(RMSprop, {"centered": True}, "RMSprop", {"centered": True}, id="RMSprop-centered"),
    pytest.param(
        RMSprop,
        {"lr": 0.1, "alpha": 0.8, "eps": 0.1, "momentum": 0.5, "centered": True},
        "RMSprop",
        {"lr": 0.1, "alpha": 0.8, "eps": 0.1, "momentum": 0.5, "centered": True},
        id="RMSprop-options",
    ),
]


@pytest.mark.parametrize(("rule", "options", "name", "their_options"), PYTORCH)
def test_the_rule_matches_pytorch(way, rule, options, name, their_options):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    start, gs = rng.standard_normal((4, 3)), gradients(rng, (4, 3), np.float64)
    layer = model(np, start.copy())
    (p,) = layer.params()
    q = torch.nn.Parameter(torch.tensor(start))
    ours, theirs = rule(**options).setup(layer), getattr(torch.optim, name)([q], **their_options)
    for g in gs:
        p.grad, q.grad = Variable(g), torch.tensor(g)
        ours.update()
        theirs.step()
    assert np.allclose(p.data, q.detach().numpy(), rtol=0, atol=1e-12)


def test_adamw_counts_the_updates_of_each_parameter_as_pytorch_does():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    layer = model(np, np.ones(3), np.ones(3))
    late = layer.ps[1]
    theirs = [torch.nn.Parameter(torch.ones(3, dtype=torch.float64)) for _ in range(2)]
    ours, reference = AdamW(0.1).setup(layer), torch.optim.AdamW(theirs, 0.1)
    for step in range(10):
        for p, q in zip(layer.ps, theirs):
            g = rng.standard_normal(3)
            if p is not late or step >= 6:  # one that was frozen at first
                p.grad, q.grad = Variable(g), torch.tensor(g)
        ours.update()
        reference.step()
    for p, q in zip(layer.ps, theirs):
        assert np.allclose(p.data, q.detach().numpy(), rtol=0, atol=1e-12)
    assert [ours.state(p)["t"] for p in layer.ps] == [10, 4]


def test_adamw_decays_what_has_no_gradient_to_speak_of():
    layer = model(np, np.full(2, 2.0))
    (p,) = layer.params()
    p.grad = Variable(np.zeros(2))
    AdamW(lr=0.1, weight_decay=0.5).setup(layer).update()
    assert p.data.tolist() == [1.9, 1.9]


def test_centered_rmsprop_stays_finite_where_all_gradients_are_equal(way):
    layer = model(np, np.zeros(1000, np.float32))
    (p,) = layer.params()
    g = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    optimizer = RMSprop(alpha=0.1, centered=True).setup(layer)
    for _ in range(50):
        p.grad = Variable(g)
        optimizer.update()
    assert np.isfinite(p.data).all()


def test_rmsprop_takes_a_momentum_that_comes_later(way):
    layer = model(np, np.zeros(1))
    (p,) = layer.params()
    p.grad = Variable(np.ones(1))
    optimizer = RMSprop(lr=1.0, alpha=0.0, eps=0.0).setup(layer)
    optimizer.update()
    optimizer.momentum = 0.5
    optimizer.update()
    optimizer.update()
    assert p.data.tolist() == [-3.5]


@EVERY_RULE
def test_an_update_neither_waits_for_the_device_nor_uploads(rule):
    layer = model(device, np.ones((3, 2), np.float32), np.ones(2, np.float32))
    optimizer = rule().setup(layer)
    for p in layer.params():
        p.grad = Variable(device.ones_like(p.data))
    optimizer.update()
    with no_sync(), counting() as seen:
        optimizer.update()
    assert seen.uploads == 0
    assert seen.launches <= 2 * 14, "few kernels for each parameter"


@EVERY_RULE
def test_hyperparameters_may_be_numpy_numbers(xp, way, rule):
    layer = model(xp, np.ones(2, np.float32))
    optimizer = rule(*[np.float64(0.5), np.float64(0.5)][: 1 if rule is SGD else 2]).setup(layer)
    (p,) = layer.params()
    p.grad = Variable(xp.ones_like(p.data))
    optimizer.update()
    assert p.dtype == np.float32
    assert as_numpy(p)[0] < 1


@EVERY_RULE
def test_gradients_stay_as_they_are(way, rule):
    layer = model(np, np.ones(3))
    (p,) = layer.params()
    p.grad = g = Variable(np.array([1.0, -2.0, 0.0]))
    optimizer = rule().setup(layer)
    optimizer.update()
    optimizer.update()
    assert p.grad is g and g.data.tolist() == [1.0, -2.0, 0.0]
    assert np.isfinite(p.data).all()


def test_adam_counts_updates_and_its_lr_is_the_bias_corrected_rate():
    layer = model(np, np.ones(2), np.ones(3))
    optimizer = Adam(alpha=0.01).setup(layer)
    assert optimizer.t == 0
    assert optimizer.lr == pytest.approx(0.01 * math.sqrt(1 - 0.999) / (1 - 0.9))
    for t in range(1, 4):
        for p in layer.params():
            p.grad = Variable(np.ones_like(p.data))
        optimizer.update()
        assert optimizer.t == t, "once for each update, not for each parameter"
        assert optimizer.lr == pytest.approx(0.01 * math.sqrt(1 - 0.999**t) / (1 - 0.9**t), rel=1e-12)


def test_a_changed_rate_counts_from_the_next_update():
    layer = model(np, np.zeros(1))
    (p,) = layer.params()
    p.grad = Variable(np.ones(1))
    optimizer = SGD(1.0).setup(layer)
    optimizer.update()
    optimizer.lr = 0.5
    optimizer.update()
    assert p.data.tolist() == [-1.5]


def test_defaults_are_those_of_the_contract():
    assert SGD().lr == 0.01
    assert (MomentumSGD().lr, MomentumSGD().momentum) == (0.01, 0.9)
    assert (AdaGrad().lr, AdaGrad().eps) == (0.001, 1e-8)
    assert (AdaDelta().rho, AdaDelta().eps) == (0.95, 1e-6)
    adam = Adam()
    assert (adam.alpha, adam.beta1, adam.beta2, adam.eps) == (0.001, 0.9, 0.999, 1e-8)


def test_defaults_of_the_others_are_those_of_pytorch_and_of_the_paper():
    adamw = AdamW()
    assert (adamw.lr, adamw.beta1, adamw.beta2, adamw.eps, adamw.weight_decay) == (0.001, 0.9, 0.999, 1e-8, 0.01)
    rms = RMSprop()
    assert (rms.lr, rms.alpha, rms.eps, rms.momentum, rms.centered) == (0.01, 0.99, 1e-8, 0.0, False)
    lion = Lion()
    assert (lion.lr, lion.beta1, lion.beta2, lion.weight_decay) == (1e-4, 0.9, 0.99, 0.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(-0.1), "SGD: lr must be at least 0, got -0.1"),
        (lambda: SGD(float("nan")), "SGD: lr must be at least 0, got nan"),
        (lambda: MomentumSGD(0.1, 1.0), "MomentumSGD: momentum must be at least 0 and below 1, got 1.0"),
        (lambda: AdaGrad(eps=-1), "AdaGrad: eps must be at least 0, got -1"),
        (lambda: AdaDelta(rho=2), "AdaDelta: rho must be at least 0 and below 1, got 2"),
        (lambda: AdaDelta(eps=0), "AdaDelta: eps must be above 0, got 0"),
        (lambda: Adam(beta1=1), "Adam: beta1 must be at least 0 and below 1, got 1"),
        (lambda: Adam(alpha=-1), "Adam: alpha must be at least 0, got -1"),
        (lambda: Nesterov(momentum=1), "Nesterov: momentum must be at least 0 and below 1, got 1"),
        (lambda: RMSprop(alpha=1), "RMSprop: alpha must be at least 0 and below 1, got 1"),
        (lambda: RMSprop(momentum=-1), "RMSprop: momentum must be at least 0 and below 1, got -1"),
        (lambda: AdamW(weight_decay=-1), "AdamW: weight_decay must be at least 0, got -1"),
        (lambda: AdamW(eps=-1), "AdamW: eps must be at least 0, got -1"),
        (lambda: Lion(beta2=1), "Lion: beta2 must be at least 0 and below 1, got 1"),
    ],
)
def test_hyperparameters_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_updating_one_parameter_without_a_gradient_says_so():
    with pytest.raises(RuntimeError, match=r"The parameter W \(2,\) has no gradient. Call backward\(\) first"):
        SGD().update_one(Parameter(np.zeros(2), name="W"))


@EVERY_RULE
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_large_parameter_moves_as_small_ones_do(way, rule, dtype):
    rng = np.random.default_rng(0)
    start, gs = rng.standard_normal((600, 1000)).astype(dtype), rng.standard_normal((3, 600, 1000)).astype(dtype)
    whole, rows = model(np, start.copy()), model(np, *np.split(start, 100))
    optimizers = [rule().setup(whole), rule().setup(rows)]
    for g in gs:
        for layer, parts in ((whole, [g]), (rows, np.split(g, 100))):
            for p, part in zip(layer.ps, parts):
                p.grad = Variable(part)
        for optimizer in optimizers:
            optimizer.update()
    parts = np.concatenate([p.data for p in rows.ps])
    if way == "compiled":  # which few elements are not always, and a loop rounds otherwise
        np.testing.assert_allclose(whole.ps[0].data, parts, rtol=1e-5, atol=1e-6)
    else:
        assert np.array_equal(whole.ps[0].data, parts)


@EVERY_RULE
def test_parameters_in_any_layout_move_alike(way, rule):
    rng = np.random.default_rng(0)
    start, g = rng.standard_normal((2, 1000, 800)).astype(np.float32)
    layer = model(np, start.copy(), start.T.copy().T, np.repeat(start, 2, axis=1)[:, ::2])
    optimizer = rule().setup(layer)
    for _ in range(2):
        for p in layer.ps:
            p.grad = Variable(g)
        optimizer.update()
    for other in layer.ps[1:]:  # those that a loop does not take round otherwise
        np.testing.assert_allclose(layer.ps[0].data, other.data, rtol=1e-5, atol=1e-6)
    assert not np.array_equal(layer.ps[0].data, start)


@pytest.mark.skipif(not numba_version(), reason="Numba is not installed.")
@pytest.mark.parametrize(("rule", "by_hand", "options"), RULES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-4), (np.float64, 1e-12)])
@pytest.mark.parametrize("size", [1, 7, 1001, 300_001])
def test_compiled_a_parameter_moves_as_in_numpy(rule, by_hand, options, dtype, tolerance, size):
    rng = np.random.default_rng(0)
    start, gs = rng.standard_normal(size).astype(dtype), rng.standard_normal((3, size)).astype(dtype)
    found = []
    for compiled in (False, True):
        layer = model(np, start.copy())
        (p,) = layer.params()
        optimizer = rule(**options).setup(layer)
        with using_config("numba", compiled):
            for g in gs:
                p.grad = Variable(g)
                optimizer.update()
        found.append([p.data, *optimizer.state(p).values()])
    for ours, theirs in zip(*found):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@EVERY_RULE
def test_what_is_not_finite_stays_in_its_place(way, rule):
    layer = model(np, np.zeros(100, np.float32))
    (p,) = layer.params()
    g = np.ones(100, np.float32)
    g[3], g[70] = np.nan, np.inf
    p.grad = Variable(g)
    with np.errstate(invalid="ignore"):
        rule().setup(layer).update()
    assert np.isnan(p.data[3]) and np.isfinite(np.delete(p.data, [3, 70])).all()
    assert p.data[70] == -np.inf or np.isnan(p.data[70]) or rule in (Lion, AdaGrad)


@EVERY_RULE
def test_a_gradient_of_one_row_counts_for_all_rows(way, rule):
    layer = model(np, np.ones((3, 1000)), np.ones(1000))
    g = np.random.default_rng(0).standard_normal(1000)
    for p in layer.ps:
        p.grad = Variable(g)
    rule().setup(layer).update()
    assert np.allclose(layer.ps[0].data, layer.ps[1].data)


def test_a_subclass_moves_by_its_own_rule(way):
    class Backwards(SGD):
        def rule(self, p, g):
            p += self.lr * g

    layer = Layer()
    layer.p = Parameter(np.zeros(20_000))
    layer.p.grad = Variable(np.ones(20_000))
    Backwards(0.5).setup(layer).update()
    assert (layer.p.data == 0.5).all()
