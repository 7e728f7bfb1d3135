"""Knows how a learning rate changes while a model is trained.

A schedule sets ``lr`` (or ``alpha``) of an optimizer and of those of its groups that have one of their own, each in
proportion to what it was when the schedule was made. Made, it sets the first value; every ``step()`` the next.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from ..layers.weights import positive_integer
from .base import Optimizer, differing_names, number


class _Scheduled:
    """An optimizer with the name of its learning rate, and what a schedule saves: its numbers."""

    def __init__(self, optimizer: Optimizer):
        who = type(self).__name__
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{who} takes an Optimizer, got {type(optimizer).__name__}.")
        names = [name for name in ("lr", "alpha") if name in vars(optimizer)]
        if not names:
            raise ValueError(f"{who}: {type(optimizer).__name__} has neither lr nor alpha to set.")
        self.optimizer = optimizer
        self.rate_name = names[0]

    def _holders(self) -> list[dict[str, Any]]:
        """Where the rates are: the optimizer's attributes, and the values of groups that have a rate."""
        groups = [group.overrides for group in self.optimizer.groups if self.rate_name in group.overrides]
        return [vars(self.optimizer), *groups]

    def get_last_lr(self) -> list[float]:
        """The learning rates as they are: the optimizer's, and those of the groups that have one of their own."""
        return [float(holder[self.rate_name]) for holder in self._holders()]

    def _set(self, rates: Sequence[float]) -> None:
        for holder, rate in zip(self._holders(), rates):
            holder[self.rate_name] = rate

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on later, as numbers by name, which ``serialization.save_npz`` writes."""
        return {name: value for name, value in vars(self).items() if isinstance(value, (int, float))}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes what ``state_dict()`` gave, of a schedule of the same kind.

        Args:
            state: The dict, as it was or read back by ``serialization.load_npz``.

        Raises:
            ValueError: The names differ.
        """
        differences = differing_names(state, self.state_dict(), "")
        if differences:
            raise ValueError(f"{type(self).__name__}.load_state_dict does not fit:\n  " + "\n  ".join(differences))
        vars(self).update({name: number(value) for name, value in state.items() if name in vars(self)})


class LRScheduler(_Scheduled):
    """A learning rate that depends on the number of steps alone. A new one is a subclass with ``rate(base, t)``.

    Whoever sets ``lr`` by hand in between is overruled by the next step. One optimizer has one such schedule;
    ``SequentialLR`` makes one of several.

    Args:
        optimizer: Any that has ``lr`` or ``alpha``. Its groups are added before.

    Attributes:
        t: Number of steps so far.
        base: What the rates were when the schedule was made.

    Raises:
        TypeError: ``optimizer`` is none.
        ValueError: It has neither ``lr`` nor ``alpha``.

    Example:
        >>> class Halving(optimizers.LRScheduler):
        ...     def rate(self, base, t):
        ...         return base / 2**t
        >>> optimizer = optimizers.SGD(lr=0.8)
        >>> schedule = Halving(optimizer)
        >>> schedule.step()
        >>> optimizer.lr
        0.4
    """

    def __init__(self, optimizer: Optimizer):
        super().__init__(optimizer)
        self.t = 0
        self.base = self.get_last_lr()
        self._apply()

    def rate(self, base: float, t: int) -> float:
        """The learning rate after ``t`` steps. To be overridden.

        Args:
            base: What it was when the schedule was made.
            t: Number of steps so far, 0 for the first update.
        """
        raise NotImplementedError(f"{type(self).__name__} has no rate. Define rate(self, base, t).")

    def step(self) -> None:
        """Sets the next learning rate. To be called after each update, or each epoch, as the schedule counts."""
        self.t += 1
        self._apply()

    def _apply(self) -> None:
        now = self.get_last_lr()
        self.base += now[len(self.base) :]  # of groups that came later
        self._set([self.rate(base, self.t) for base in self.base])

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on later, as numbers by name, which ``serialization.save_npz`` writes.

        Example:
            >>> optimizers.StepLR(optimizers.SGD(0.1), 30).state_dict()
            {'t': 0, 'base/0': 0.1}
        """
        return {"t": self.t, **{f"base/{i}": base for i, base in enumerate(self.base)}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes what ``state_dict()`` gave, and sets the learning rates of that time.

        Args:
            state: The dict, as it was or read back by ``serialization.load_npz``.

        Raises:
            ValueError: The names differ, say as the optimizer has other groups.
        """
        super().load_state_dict(state)
        self.base[:] = [float(number(state[f"base/{i}"])) for i in range(len(self.base))]
        self._apply()


class StepLR(LRScheduler):
    """A stair: lr = base gamma^floor(t / step_size).

    Args:
        optimizer: Any that has ``lr`` or ``alpha``.
        step_size: Steps from one stair to the next, above 0.
        gamma: Factor at each.

    Raises:
        ValueError: ``step_size`` is no integer above 0.

    Example:
        >>> optimizer = optimizers.SGD(lr=1.0)
        >>> schedule = StepLR(optimizer, step_size=2, gamma=0.1)
        >>> rates = []
        >>> for _ in range(5):
        ...     rates.append(round(optimizer.lr, 4))
        ...     schedule.step()
        >>> rates
        [1.0, 1.0, 0.1, 0.1, 0.01]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1):
        self.step_size = positive_integer(step_size, "step_size", "StepLR")
        self.gamma = gamma
        super().__init__(optimizer)

    def rate(self, base: float, t: int) -> float:
        return base * self.gamma ** (t // self.step_size)


class LinearLR(LRScheduler):
    """A ramp: lr = base f, where f goes from start_factor to end_factor in total_iters steps and stays.

    With the defaults of PyTorch it is a short warm-up.

    Args:
        optimizer: Any that has ``lr`` or ``alpha``.
        start_factor: f at first, above 0 and up to 1.
        end_factor: f at last, from 0 to 1.
        total_iters: Steps from one to the other, above 0.

    Raises:
        ValueError: One of them is out of range.

    Example:
        >>> optimizer = optimizers.SGD(lr=1.0)
        >>> schedule = LinearLR(optimizer, start_factor=0.25, total_iters=3)
        >>> rates = []
        >>> for _ in range(4):
        ...     rates.append(round(optimizer.lr, 4))
        ...     schedule.step()
        >>> rates
        [0.25, 0.5, 0.75, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
    ):
        if not 0 < start_factor <= 1:
            raise ValueError(f"LinearLR: start_factor must be above 0 and at most 1, got {start_factor!r}.")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: end_factor must be from 0 to 1, got {end_factor!r}.")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = positive_integer(total_iters, "total_iters", "LinearLR")
        super().__init__(optimizer)

    def rate(self, base: float, t: int) -> float:
        return base * _line(self.start_factor, self.end_factor, min(t / self.total_iters, 1.0))


class CosineAnnealingLR(LRScheduler):
    """Half a wave: lr = eta_min + (base - eta_min) (1 + cos(pi t / T_max)) / 2.

    After T_max steps it rises again, as PyTorch's does; ``WarmupCosineLR`` stays down.

    Args:
        optimizer: Any that has ``lr`` or ``alpha``.
        T_max: Steps down to ``eta_min``, above 0.
        eta_min: The lowest learning rate, for all groups.

    Raises:
        ValueError: ``T_max`` is no integer above 0.

    Example:
        >>> optimizer = optimizers.SGD(lr=1.0)
        >>> schedule = CosineAnnealingLR(optimizer, T_max=4)
        >>> rates = []
        >>> for _ in range(5):
        ...     rates.append(round(optimizer.lr, 4))
        ...     schedule.step()
        >>> rates
        [1.0, 0.8536, 0.5, 0.1464, 0.0]

    Source: Loshchilov and Hutter, SGDR, 2017.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0):
        self.T_max = positive_integer(T_max, "T_max", "CosineAnnealingLR")
        self.eta_min = eta_min
        super().__init__(optimizer)

    def rate(self, base: float, t: int) -> float:
        return _wave(base, self.eta_min, t / self.T_max)


class WarmupCosineLR(LRScheduler):
    """What transformers are trained with: a ramp up to base, then half a wave down, and there it stays.

    ::

        lr = base (t + 1) / (warmup + 1)                                           for t < warmup
        lr = eta_min + (base - eta_min) (1 + cos(pi s)) / 2,
             s = (t - warmup) / (total_steps - warmup), at most 1                  from then on

    So the first update moves already, and update number ``warmup`` (from 0) is the first with the full rate.

    Args:
        optimizer: Any that has ``lr`` or ``alpha``.
        warmup: Steps of the ramp, from 0.
        total_steps: Steps of both, above ``warmup``.
        eta_min: The lowest learning rate at the end, for all groups.

    Raises:
        ValueError: The steps are out of range.

    Example:
        >>> optimizer = optimizers.AdamW(lr=1.0)
        >>> schedule = optimizers.WarmupCosineLR(optimizer, warmup=2, total_steps=6)
        >>> for _ in range(7):
        ...     print(round(optimizer.lr, 2), end=" ")
        ...     schedule.step()
        0.33 0.67 1.0 0.85 0.5 0.15 0.0

    Source: Vaswani et al., 2017, for the ramp; Loshchilov and Hutter, SGDR, 2017, for the wave.
    """

    def __init__(self, optimizer: Optimizer, warmup: int, total_steps: int, eta_min: float = 0.0):
        self.total_steps = positive_integer(total_steps, "total_steps", "WarmupCosineLR")
        if not 0 <= warmup < total_steps:
            raise ValueError(f"WarmupCosineLR: warmup must be from 0 to below {total_steps} total_steps, got {warmup}.")
        self.warmup = warmup
        self.eta_min = eta_min
        super().__init__(optimizer)

    def rate(self, base: float, t: int) -> float:
        if t < self.warmup:
            return base * (t + 1) / (self.warmup + 1)
        return _wave(base, self.eta_min, min((t - self.warmup) / (self.total_steps - self.warmup), 1.0))


class OneCycleLR(LRScheduler):
    """Up to a high learning rate, then far down: a wave each, while the momentum goes the other way.

    The rate starts at max_lr / div_factor, is max_lr at step pct_start total_steps - 1, and ends (and stays) at
    max_lr / (div_factor final_div_factor) at step total_steps - 1. A group with a rate of its own has its
    ``max_lr`` in proportion to it. A momentum (``momentum``, or ``beta1``) goes from max_momentum to base_momentum
    and back; an optimizer or a group that has none, or one of its own, goes without.

    Args:
        optimizer: Any that has ``lr`` or ``alpha``, above 0.
        max_lr: The highest learning rate.
        total_steps: Steps of the whole cycle, above 0.
        pct_start: Share of the steps that go up, from 0 to 1.
        anneal_strategy: The way between the values, ``"cos"`` or ``"linear"``.
        cycle_momentum: Whether the momentum moves too.
        base_momentum: The lowest momentum.
        max_momentum: The highest, where the cycle begins and ends.
        div_factor: What ``max_lr`` is divided by for the start.
        final_div_factor: What the start is divided by for the end.

    Raises:
        ValueError: One of them is out of range.

    Example:
        >>> optimizer = optimizers.SGD(lr=1.0)
        >>> schedule = OneCycleLR(optimizer, max_lr=1.0, total_steps=5)
        >>> rates = []
        >>> for _ in range(5):
        ...     rates.append(round(optimizer.lr, 4))
        ...     schedule.step()
        >>> rates
        [0.04, 0.9505, 0.6113, 0.1883, 0.0]

    Source: Smith and Topin, 2018.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float,
        total_steps: int,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ):
        self.total_steps = positive_integer(total_steps, "total_steps", "OneCycleLR")
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: pct_start must be from 0 to 1, got {pct_start!r}.")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"OneCycleLR: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}.")
        self.max_lr = max_lr
        self.pct_start = pct_start
        self.way = _wave if anneal_strategy == "cos" else _line
        self.base_momentum = base_momentum
        self.max_momentum = max_momentum
        self.div_factor = div_factor
        self.final_div_factor = final_div_factor
        self.cycle_momentum = cycle_momentum
        super().__init__(optimizer)

    def rate(self, base: float, t: int) -> float:
        high = self.max_lr
        if base != self.base[0]:
            high *= base / self._own_rate()
        low = high / self.div_factor
        return self._between(t, low, high, low / self.final_div_factor)

    def _own_rate(self) -> float:
        if not self.base[0] > 0:
            raise ValueError(f"OneCycleLR: groups go by the optimizer's {self.rate_name}, which must not be 0.")
        return self.base[0]

    def _between(self, t: int, first: float, middle: float, last: float) -> float:
        """The value of step ``t`` on the way from ``first`` over ``middle`` to ``last``."""
        turn, end = self.pct_start * self.total_steps - 1, self.total_steps - 1
        if t <= turn:
            return self.way(first, middle, t / turn if turn else 1.0)
        return self.way(middle, last, min((t - turn) / (end - turn), 1.0) if end > turn else 1.0)

    def _apply(self) -> None:
        super()._apply()
        names = [name for name in ("momentum", "beta1") if name in vars(self.optimizer)]
        if self.cycle_momentum and names:
            high, low = self.max_momentum, self.base_momentum
            setattr(self.optimizer, names[0], self._between(self.t, high, low, high))


class SequentialLR(LRScheduler):
    """One schedule after the other, each counting its own steps.

    Args:
        optimizer: The one that the schedules were made with.
        schedulers: The schedules, made in this order. What the rates were when the first was made counts for all.
        milestones: At which step each but the first begins, rising.

    Raises:
        TypeError: A schedule does not depend on the number of steps alone (``ReduceLROnPlateau``).
        ValueError: They belong to another optimizer, or the milestones do not fit.

    Example:
        >>> optimizer = optimizers.SGD(lr=1.0)
        >>> ramp = optimizers.LinearLR(optimizer, start_factor=0.1, total_iters=100)
        >>> wave = optimizers.CosineAnnealingLR(optimizer, T_max=900)
        >>> schedule = optimizers.SequentialLR(optimizer, [ramp, wave], milestones=[100])
        >>> optimizer.lr
        0.1
    """

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]):
        self.schedulers = list(schedulers)
        self.milestones = [int(m) for m in milestones]
        for schedule in self.schedulers:
            if not isinstance(schedule, LRScheduler):
                raise TypeError(f"SequentialLR takes schedules that count steps, got {type(schedule).__name__}.")
            if schedule.optimizer is not optimizer:
                raise ValueError(f"SequentialLR: the {type(schedule).__name__} was made with another optimizer.")
        if len(self.milestones) != len(self.schedulers) - 1 or self.milestones != sorted(set(self.milestones)):
            raise ValueError(
                f"SequentialLR: {len(self.schedulers)} schedules want one milestone less, rising, got {milestones!r}."
            )
        first = self.schedulers[0]
        first._set(first.base)  # as if none of them had been made yet
        super().__init__(optimizer)
        for schedule in self.schedulers:
            schedule.base = self.base

    def _current(self, t: int) -> tuple[LRScheduler, int]:
        """The schedule that counts at step ``t``, and its own number of steps."""
        i = bisect_right(self.milestones, t)
        return self.schedulers[i], t - (self.milestones[i - 1] if i else 0)

    def rate(self, base: float, t: int) -> float:
        schedule, own_t = self._current(t)
        return schedule.rate(base, own_t)

    def _apply(self) -> None:
        schedule, t = self._current(self.t)
        schedule.t = t
        schedule.base = self.base
        schedule._apply()


class ReduceLROnPlateau(_Scheduled):
    """Cuts the learning rate when a measure no longer gets better.

    Args:
        optimizer: Any that has ``lr`` or ``alpha``.
        mode: ``"min"`` where less is better, ``"max"`` where more is.
        factor: What the rates are multiplied by, below 1.
        patience: How many steps without anything better are put up with.
        threshold: How much better counts.
        threshold_mode: ``"rel"``: ``threshold`` is a share of the best so far; ``"abs"``: it is in the measure's units.
        cooldown: Steps after a cut that do not count.
        min_lr: The lowest learning rate, for all groups.
        eps: A cut by this or less is not made.

    Attributes:
        best: The best measure so far.

    Raises:
        TypeError: ``optimizer`` is none.
        ValueError: It has neither ``lr`` nor ``alpha``, or one of the others is out of range.

    Example:
        >>> optimizer = optimizers.SGD(lr=1.0)
        >>> schedule = ReduceLROnPlateau(optimizer, patience=1)
        >>> for loss in (0.9, 0.5, 0.6, 0.5):
        ...     schedule.step(loss)
        >>> optimizer.lr
        0.1
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ):
        super().__init__(optimizer)
        if mode not in ("min", "max"):
            raise ValueError(f"ReduceLROnPlateau: mode must be 'min' or 'max', got {mode!r}.")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"ReduceLROnPlateau: threshold_mode must be 'rel' or 'abs', got {threshold_mode!r}.")
        if not factor < 1:
            raise ValueError(f"ReduceLROnPlateau: factor must be below 1, got {factor!r}.")
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.eps = eps
        self.best = math.inf if mode == "min" else -math.inf
        self.bad_steps = 0
        self.cooling = 0

    def step(self, metric: Any) -> None:
        """Takes a new measurement, and cuts the rates if it is time.

        Args:
            metric: Number, or Variable of one element. NaN is never better.
        """
        value = float(metric)
        if self._is_better(value):
            self.best = value
            self.bad_steps = 0
        else:
            self.bad_steps += 1
        if self.cooling > 0:
            self.cooling -= 1
            self.bad_steps = 0
        if self.bad_steps > self.patience:
            rates = self.get_last_lr()
            cut = [max(rate * self.factor, self.min_lr) for rate in rates]
            self._set([new if old - new > self.eps else old for old, new in zip(rates, cut)])
            self.cooling = self.cooldown
            self.bad_steps = 0

    def _is_better(self, value: float) -> bool:
        sign = 1 if self.mode == "min" else -1
        if self.threshold_mode == "abs":
            return sign * value < sign * self.best - self.threshold
        return sign * value < sign * self.best * (1 - sign * self.threshold)


def _line(start: float, end: float, share: float) -> float:
    """The value on the straight way from ``start`` to ``end``."""
    return start + (end - start) * share


def _wave(start: float, end: float, share: float) -> float:
    """The value on the way from ``start`` to ``end`` along half a cosine wave."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
