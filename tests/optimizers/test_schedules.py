"""Each schedule equals PyTorch's step by step, moves every group, and goes on after saving and loading."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dezero.core import Parameter, Variable
from dezero.layers import Layer
from dezero.optimizers import (
    SGD,
    AdaDelta,
    Adam,
    AdamW,
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    MomentumSGD,
    OneCycleLR,
    Optimizer,
    ReduceLROnPlateau,
    RMSprop,
    SequentialLR,
    StepLR,
    WarmupCosineLR,
)
from dezero.serialization import load_npz, save_npz

STEPS = 100


def two_groups(rule=SGD, **options):
    """An optimizer with a group whose rate is a fifth of the others'."""
    layer = Layer()
    layer.p, layer.q = Parameter(np.ones(2)), Parameter(np.ones(2))
    optimizer = rule(**options).setup(layer)
    optimizer.add_param_group(layer.q, **{"alpha" if rule is Adam else "lr": 0.1})
    return optimizer


def rates(schedule, steps=STEPS):
    """The rates of all groups at each step, the first before any."""
    found = [schedule.get_last_lr()]
    for _ in range(steps):
        schedule.step()
        found.append(schedule.get_last_lr())
    return np.array(found)


def warmup_then_cosine(module, optimizer, warmup, down, eta_min=0.0):
    first = module.LinearLR(optimizer, start_factor=0.1, total_iters=warmup)
    return module.SequentialLR(
        optimizer, [first, module.CosineAnnealingLR(optimizer, down, eta_min)], milestones=[warmup]
    )


class Ours:
    LinearLR, CosineAnnealingLR, SequentialLR, StepLR = LinearLR, CosineAnnealingLR, SequentialLR, StepLR
    OneCycleLR = OneCycleLR


SCHEDULES = {
    "step": lambda m, o: m.StepLR(o, 30),
    "step-gamma": lambda m, o: m.StepLR(o, 7, gamma=0.5),
    "linear": lambda m, o: m.LinearLR(o),
    "linear-warmup": lambda m, o: m.LinearLR(o, start_factor=0.01, total_iters=40),
    "linear-down": lambda m, o: m.LinearLR(o, start_factor=1.0, end_factor=0.1, total_iters=60),
    "cosine": lambda m, o: m.CosineAnnealingLR(o, 100),
    "cosine-eta": lambda m, o: m.CosineAnnealingLR(o, 100, eta_min=0.05),
    "cosine-up-again": lambda m, o: m.CosineAnnealingLR(o, 30, eta_min=0.01),
    "warmup-cosine": lambda m, o: warmup_then_cosine(m, o, 20, 80),
    "three-in-a-row": lambda m, o: m.SequentialLR(
        o, [m.LinearLR(o, 0.5, total_iters=10), m.StepLR(o, 20), m.CosineAnnealingLR(o, 50)], milestones=[10, 60]
    ),
}


@pytest.mark.parametrize("make", SCHEDULES.values(), ids=SCHEDULES.keys())
@pytest.mark.filterwarnings("ignore")  # PyTorch wants optimizer.step() before scheduler.step()
def test_the_schedule_equals_pytorchs_at_each_of_100_steps(make):
    torch = pytest.importorskip("torch")
    a, b = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    reference = torch.optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.1}], lr=0.5)
    expected = rates(make(torch.optim.lr_scheduler, reference))
    assert np.allclose(rates(make(Ours, two_groups(lr=0.5))), expected, rtol=0, atol=1e-12)


ONE_CYCLES = [
    {"max_lr": 0.5, "total_steps": 101},
    {"max_lr": 2.0, "total_steps": 150, "pct_start": 0.45, "div_factor": 10.0, "final_div_factor": 5.0},
    {"max_lr": 0.5, "total_steps": 101, "anneal_strategy": "linear", "base_momentum": 0.5, "max_momentum": 0.99},
    {"max_lr": 0.5, "total_steps": 101, "pct_start": 0.0},
    {"max_lr": 0.5, "total_steps": 101, "cycle_momentum": False},
]


@pytest.mark.parametrize("options", ONE_CYCLES)
@pytest.mark.parametrize(
    ("rule", "theirs", "get"),
    [
        (MomentumSGD, "SGD", lambda o, t: (o.momentum, t["momentum"])),
        (AdamW, "AdamW", lambda o, t: (o.beta1, t["betas"][0])),
        (RMSprop, "RMSprop", lambda o, t: (o.momentum, t["momentum"])),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_one_cycle_and_its_momentum_equal_pytorchs(rule, theirs, get, options):
    torch = pytest.importorskip("torch")
    start = {"momentum": 0.9} if rule is not AdamW else {}
    parameter = torch.nn.Parameter(torch.ones(2))
    reference = getattr(torch.optim, theirs)([parameter], lr=0.1, **start)
    ours = rule(lr=0.1, **start)
    schedule = OneCycleLR(ours, **options)
    expected = torch.optim.lr_scheduler.OneCycleLR(reference, **options)
    for _ in range(STEPS + 1):
        group = reference.param_groups[0]
        assert ours.lr == pytest.approx(group["lr"], abs=1e-12)
        mine, other = get(ours, group)
        assert mine == pytest.approx(other, abs=1e-12)
        schedule.step()
        expected.step() if schedule.t <= options["total_steps"] - 1 else None


def test_one_cycle_gives_groups_their_share_and_stays_at_the_end():
    optimizer = two_groups(lr=0.5)  # the group has a fifth of it
    schedule = OneCycleLR(optimizer, max_lr=1.0, total_steps=20)
    found = rates(schedule, 30)
    assert np.allclose(found[:, 1], found[:, 0] / 5, rtol=1e-12)
    assert found[5].tolist() == [1.0, 0.2], "the top"
    assert np.allclose(found[19:, 0], 1.0 / 25 / 1e4, rtol=1e-12)


def test_one_cycle_goes_without_momentum_where_there_is_none_and_leaves_a_groups_own_alone():
    schedule = OneCycleLR(SGD(0.1), 1.0, 10)
    schedule.step()
    layer = Layer()
    layer.p = Parameter(np.ones(1))
    optimizer = MomentumSGD(0.1).setup(layer)
    group = optimizer.add_param_group(layer.p, momentum=0.5)
    OneCycleLR(optimizer, 1.0, 10).step()
    assert group.overrides == {"momentum": 0.5} and optimizer.momentum < 0.95


@pytest.mark.parametrize("warmup", [0, 1, 20])
@pytest.mark.filterwarnings("ignore")
def test_warmup_cosine_is_a_ramp_then_half_a_wave_and_stays_down(warmup):
    torch = pytest.importorskip("torch")
    a, b = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    reference = torch.optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.1}], lr=0.5)
    m = torch.optim.lr_scheduler
    ramp = [m.LinearLR(reference, start_factor=1 / (warmup + 1), total_iters=warmup)] if warmup else []
    wave = m.CosineAnnealingLR(reference, 100 - warmup, 0.01)
    theirs = m.SequentialLR(reference, [*ramp, wave], milestones=[warmup] if warmup else [])
    ours = WarmupCosineLR(two_groups(lr=0.5), warmup, 100, eta_min=0.01)
    assert np.allclose(rates(ours), rates(theirs), rtol=0, atol=1e-12)
    assert np.allclose(rates(ours, 50)[1:], 0.01, rtol=0, atol=1e-15), "after the end"


def test_adam_is_scheduled_by_its_alpha_and_rmsprop_by_its_lr():
    adam = two_groups(Adam, alpha=0.5)
    StepLR(adam, 1, gamma=0.5).step()
    assert adam.alpha == 0.25 and adam.groups[0].overrides == {"alpha": 0.05}
    rms = RMSprop(lr=0.5, alpha=0.9)
    StepLR(rms, 1, gamma=0.5).step()
    assert (rms.lr, rms.alpha) == (0.25, 0.9)


def test_a_schedule_moves_the_parameters_by_the_scheduled_rate():
    optimizer = two_groups(lr=1.0)
    schedule = StepLR(optimizer, 1, gamma=0.5)
    p, q = optimizer.target.params()
    for _ in range(2):
        p.grad = q.grad = Variable(np.ones(2))
        optimizer.update()
        schedule.step()
    assert p.data.tolist() == [-0.5, -0.5]
    assert np.allclose(q.data, 0.85)


def test_a_users_optimizer_and_a_users_schedule_work():
    class Own(Optimizer):
        def __init__(self):
            super().__init__()
            self.lr = np.float32(0.5)

    class Root(LRScheduler):
        def rate(self, base, t):
            return base / math.sqrt(1 + t)

    optimizer = Own()
    schedule = Root(optimizer)
    for _ in range(3):
        schedule.step()
    assert optimizer.lr == 0.25 and type(optimizer.lr) is float


def test_a_group_that_comes_later_is_scheduled_too():
    optimizer = two_groups(lr=0.5)
    schedule = StepLR(optimizer, 1, gamma=0.5)
    schedule.step()
    optimizer.groups[0].parts = []
    optimizer.add_param_group(optimizer.target.q, lr=0.8)
    schedule.step()
    assert schedule.get_last_lr() == [0.125, 0.025, 0.2]


def test_groups_without_a_rate_follow_the_optimizer():
    layer = Layer()
    layer.p = Parameter(np.zeros(1))
    optimizer = MomentumSGD(1.0, 0.9).setup(layer)
    optimizer.add_param_group(layer.p, momentum=0.0)
    schedule = StepLR(optimizer, 1, gamma=0.5)
    schedule.step()
    assert schedule.get_last_lr() == [0.5]
    layer.p.grad = Variable(np.ones(1))
    optimizer.update()
    assert layer.p.data.tolist() == [-0.5]


def test_schedules_made_before_being_put_in_a_row_count_from_the_first_rate():
    optimizer = SGD(1.0)
    ramp = LinearLR(optimizer, 0.5, total_iters=2)
    wave = CosineAnnealingLR(optimizer, 4)
    assert wave.base == [0.5], "made when the ramp was at half"
    schedule = SequentialLR(optimizer, [ramp, wave], [2])
    assert np.allclose(rates(schedule, 6)[:, 0], [0.5, 0.75, 1, 1 - 0.5 * (1 - math.sqrt(0.5)), 0.5, 0.14644661, 0])


def test_one_cycle_in_a_row_moves_its_momentum_too():
    optimizer = MomentumSGD(0.5)
    first = LinearLR(optimizer, 1.0, total_iters=1)
    schedule = SequentialLR(optimizer, [first, OneCycleLR(optimizer, 2.0, 10)], [3])
    found = [(r[0], optimizer.momentum) for r in rates(schedule, 5)]
    assert found[0][0] == 0.5
    alone = MomentumSGD(0.5)
    expected = rates(OneCycleLR(alone, 2.0, 10), 2)
    schedule.load_state_dict(schedule.state_dict() | {"t": 5})
    assert schedule.get_last_lr() == expected[2].tolist() and optimizer.momentum == alone.momentum


# ---- saving


@pytest.mark.parametrize("make", SCHEDULES.values(), ids=SCHEDULES.keys())
@pytest.mark.parametrize("optimizer_first", [True, False])
def test_a_schedule_goes_on_after_saving_and_loading_in_either_order(make, optimizer_first, tmp_path):
    expected = rates(make(Ours, two_groups(lr=0.5)))
    optimizer = two_groups(lr=0.5)
    schedule = make(Ours, optimizer)
    rates(schedule, 25)
    save_npz(tmp_path / "o.npz", optimizer.state_dict())
    save_npz(tmp_path / "s.npz", schedule.state_dict())
    fresh = two_groups(lr=0.5)
    if optimizer_first:
        fresh.load_state_dict(load_npz(tmp_path / "o.npz"))
        resumed = make(Ours, fresh)
    else:
        resumed = make(Ours, fresh)
        fresh.load_state_dict(load_npz(tmp_path / "o.npz"))
    resumed.load_state_dict(load_npz(tmp_path / "s.npz"))
    assert np.array_equal(rates(resumed, 75), expected[25:])
    assert type(resumed.t) is int


def test_a_state_that_does_not_fit_says_so():
    state = StepLR(two_groups(lr=0.5), 30).state_dict()
    assert state == {"t": 0, "base/0": 0.5, "base/1": 0.1}
    with pytest.raises(ValueError, match=r"StepLR.load_state_dict does not fit:\n  base/1 is unknown"):
        StepLR(SGD(), 30).load_state_dict(state)
    with pytest.raises(ValueError, match="best is missing"):
        ReduceLROnPlateau(SGD()).load_state_dict({"factor": 0.1})


# ---- plateau


PLATEAUS = [
    {},
    {"patience": 2, "factor": 0.5},
    {"patience": 1, "cooldown": 4, "threshold": 0.05, "min_lr": 0.02},
    {"mode": "max", "patience": 3},
    {"mode": "max", "patience": 1, "threshold_mode": "abs", "threshold": 0.2, "factor": 0.7},
    {"patience": 1, "threshold_mode": "abs", "threshold": 0.2, "eps": 1e-3},
    {"patience": 0, "factor": 0.9},
]


@pytest.mark.parametrize("options", PLATEAUS, ids=str)
@pytest.mark.filterwarnings("ignore")
def test_the_plateau_schedule_equals_pytorchs(options):
    torch = pytest.importorskip("torch")
    a, b = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    reference = torch.optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.1}], lr=0.5)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(reference, **options)
    ours = ReduceLROnPlateau(two_groups(lr=0.5), **options)
    rng = np.random.default_rng(0)
    for t in range(STEPS):
        metric = 2 * math.exp(-t / 20) + 0.3 * rng.standard_normal() if t != 50 else float("nan")
        theirs.step(metric)
        ours.step(metric)
        assert ours.get_last_lr() == pytest.approx([g["lr"] for g in reference.param_groups], abs=1e-12)
    assert ours.get_last_lr()[0] < 0.5


def test_the_plateau_schedule_takes_variables_and_goes_on_after_saving(tmp_path):
    optimizer, fresh = SGD(1.0), SGD(1.0)
    schedule = ReduceLROnPlateau(optimizer, patience=2)
    losses = [Variable(np.array(x, np.float32)) for x in (1, 0.5, 0.6, 0.7)]
    for loss in losses:
        schedule.step(loss)
    save_npz(tmp_path / "s.npz", schedule.state_dict())
    resumed = ReduceLROnPlateau(fresh)
    resumed.load_state_dict(load_npz(tmp_path / "s.npz"))
    assert resumed.best == 0.5 and resumed.patience == 2
    resumed.step(0.6)
    assert fresh.lr == 0.1


# ---- errors


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda o: StepLR(o, 0), "StepLR: step_size must be an integer above 0, got 0"),
        (lambda o: LinearLR(o, start_factor=0), "LinearLR: start_factor must be above 0 and at most 1, got 0"),
        (lambda o: LinearLR(o, end_factor=2), "LinearLR: end_factor must be from 0 to 1, got 2"),
        (lambda o: LinearLR(o, total_iters=-1), "LinearLR: total_iters must be an integer above 0, got -1"),
        (lambda o: CosineAnnealingLR(o, 1.5), "CosineAnnealingLR: T_max must be an integer above 0, got 1.5"),
        (lambda o: WarmupCosineLR(o, 5, 5), "WarmupCosineLR: warmup must be from 0 to below 5 total_steps, got 5"),
        (lambda o: WarmupCosineLR(o, 5, 0), "WarmupCosineLR: total_steps must be an integer above 0, got 0"),
        (lambda o: OneCycleLR(o, 1, 0), "OneCycleLR: total_steps must be an integer above 0, got 0"),
        (lambda o: OneCycleLR(o, 1, 9, pct_start=2), "OneCycleLR: pct_start must be from 0 to 1, got 2"),
        (lambda o: OneCycleLR(o, 1, 9, anneal_strategy="x"), "anneal_strategy must be 'cos' or 'linear', got 'x'"),
        (lambda o: OneCycleLR(two_groups(lr=0), 1, 9), "groups go by the optimizer's lr, which must not be 0"),
        (lambda o: SequentialLR(o, [StepLR(SGD(), 3)], []), "the StepLR was made with another optimizer"),
        (lambda o: SequentialLR(o, [StepLR(o, 3)], [1]), "1 schedules want one milestone less, rising, got "),
        (lambda o: SequentialLR(o, [StepLR(o, 3)] * 3, [5, 4]), "3 schedules want one milestone less, rising, got "),
        (lambda o: ReduceLROnPlateau(o, mode="low"), "ReduceLROnPlateau: mode must be 'min' or 'max', got 'low'"),
        (lambda o: ReduceLROnPlateau(o, threshold_mode="x"), "threshold_mode must be 'rel' or 'abs', got 'x'"),
        (lambda o: ReduceLROnPlateau(o, factor=1), "ReduceLROnPlateau: factor must be below 1, got 1"),
        (lambda o: StepLR(AdaDelta(), 3), "StepLR: AdaDelta has neither lr nor alpha to set"),
        (lambda o: ReduceLROnPlateau(AdaDelta()), "ReduceLROnPlateau: AdaDelta has neither lr nor alpha to set"),
    ],
)
def test_arguments_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make(SGD())


def test_wrong_types_and_a_missing_rate_are_named():
    with pytest.raises(TypeError, match="StepLR takes an Optimizer, got float"):
        StepLR(0.1, 3)
    with pytest.raises(TypeError, match="OneCycleLR takes an Optimizer, got float"):
        OneCycleLR(0.1, 1.0, 10)
    optimizer = SGD()
    with pytest.raises(TypeError, match="SequentialLR takes schedules that count steps, got ReduceLROnPlateau"):
        SequentialLR(optimizer, [ReduceLROnPlateau(optimizer)], [])
    with pytest.raises(NotImplementedError, match=r"LRScheduler has no rate. Define rate\(self, base, t\)"):
        LRScheduler(optimizer)
