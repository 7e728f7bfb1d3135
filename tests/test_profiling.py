"""Profiles: what they record, by call, Function and layer; what they leave alone; and the picture coloured by them."""

from __future__ import annotations

import contextlib
import gc
import inspect
import shutil
import subprocess
import sys
import threading
import types
import weakref
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import dezero
import dezero.functions as F
import strict_device
from dezero import Function, Parameter, Variable, core, no_grad, profile
from dezero.layers import Layer, Linear
from dezero.models import MLP, Model, Sequential
from dezero.profiling.picture import brief
from dezero.profiling.table import _size
from dezero.profiling.watch import hooks

ORIGINALS = Function.__call__, core._Walk._through, core._Walk._gradients

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is not installed")


class Clock:
    """Stands still until it is told how much time went by."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def runs(self, seconds):
        self.now += seconds


@pytest.fixture(autouse=True)
def clock():
    yield Clock()
    assert (Function.__call__, core._Walk._through, core._Walk._gradients) == ORIGINALS
    assert hooks.users == 0


def slow(clock, ahead, back=0.0, inside=None):
    """A Function y = x that takes ``ahead`` seconds, and ``back`` in its backward; ``inside`` is called in both."""

    class Slow(Function):
        def forward(self, x):
            clock.runs(ahead)
            if inside is not None:
                inside(Variable(x))
            return x.copy()

        def backward(self, gy):
            clock.runs(back)
            return gy if inside is None else inside(gy)

    return Slow()


def facts(calls):
    return [(call.function, call.phase, call.shapes, call.nbytes) for call in calls]


def network(xp):
    """A small net of float32: (4, 3) times (3, 2), plus (2,), tanh and the sum."""
    x = Variable(xp.ones((4, 3), np.float32), "x", requires_grad=False)
    W = Parameter(xp.ones((3, 2), np.float32), "W")
    b = Parameter(xp.zeros(2, np.float32), "b")
    return lambda: F.sum(F.tanh(F.add(F.matmul(x, W), b)))


# ---- what is recorded


def test_each_call_is_recorded_with_its_phase_shapes_and_bytes(xp):
    net = network(xp)
    with profile() as p:
        net().backward()
    assert facts(p.calls) == [
        ("MatMul", "forward", ((4, 2),), 32),
        ("Add", "forward", ((4, 2),), 32),
        ("Tanh", "forward", ((4, 2),), 32),
        ("Sum", "forward", ((),), 4),
        ("Sum", "backward", ((4, 2),), 0),  # the one number, seen as (4, 2)
        ("Tanh", "backward", ((4, 2),), 32),
        ("Add", "backward", ((4, 2), (4, 2)), 0),  # gy, twice; b's share is summed up afterwards
        ("MatMul", "backward", (None, (3, 2)), 24),
    ]


def test_the_result_is_the_same_as_without(xp):
    def step():
        x = Variable(xp.arange(6, dtype=np.float32).reshape(2, 3) / 6)
        y = F.sum(F.tanh(x @ x.T))
        y.backward(create_graph=True)
        gx = x.grad
        return [dezero.cuda.as_numpy(v).tolist() for v in (y, gx, dezero.grad(F.sum(gx), x))]

    with profile():
        watched = step()
    assert watched == step()


def test_only_what_the_graph_recorded_counts_as_held():
    x = Variable(np.ones(8))
    with profile() as p:
        F.exp(x)
        with no_grad():
            F.exp(x)
    assert [(call.nbytes, call.recorded) for call in p.calls] == [(64, True), (64, False)]
    (row,) = p.table().rows
    assert (row.count, row.held) == (2, 64)


def test_views_take_no_memory():
    x = Variable(np.ones((2, 3)))
    with profile() as p:
        x.reshape(3, 2)
        x.transpose()
        F.broadcast_to(x, (4, 2, 3))
        x[0]
    assert [call.nbytes for call in p.calls] == [0, 0, 0, 0]


def test_an_array_given_twice_counts_once():
    class Twice(Function):
        def forward(self, x):
            y = x + 1
            return y, y

    with profile() as p:
        Twice()(np.ones(3))
    assert facts(p.calls) == [("Twice", "forward", ((3,), (3,)), 24)]


def test_a_function_used_again_is_recorded_once_per_call():
    x, double = Variable(np.ones(2)), F.Exp()
    with profile() as p:
        double(x)
        double(x)
    assert [call.function for call in p.calls] == ["Exp", "Exp"]


def test_a_profile_keeps_no_graph_and_no_array():
    with profile() as p:
        y = F.exp(F.exp(Variable(np.ones(3))))
        y.backward()
        first = weakref.ref(y.creator.inputs[0])
        function = weakref.ref(y.creator)
        gc.disable()
        try:
            del y
            assert first() is None and function() is None
        finally:
            gc.enable()
    assert len(p.calls) == 4


# ---- time


def test_times_of_both_phases_and_what_is_outside(clock):
    x = Variable(np.ones(2))
    with profile(clock) as p:
        clock.runs(1)
        y = slow(clock, ahead=2, back=3)(x)
        clock.runs(4)
        y.backward()
    clock.runs(100)
    (row,) = p.table().rows
    assert (row.function, row.count, row.backward_count) == ("Slow", 1, 1)
    assert (row.forward, row.backward, row.total, row.share) == (2, 3, 5, 0.5)
    assert (p.table().outside, p.table().wall) == (5, 10)


def test_a_function_called_by_a_forward_has_its_time_for_itself(clock):
    innermost = slow(clock, ahead=1)
    middle = slow(clock, ahead=2, inside=lambda x: (innermost(x), clock.runs(4), innermost(x)))
    with profile(clock) as p:
        slow(clock, ahead=8, inside=middle)(np.ones(1))
    assert [(call.seconds, call.inclusive) for call in p.calls] == [(1, 1), (1, 1), (6, 8), (8, 16)]
    assert [call.parent for call in p.calls] == [p.calls[2], p.calls[2], p.calls[3], None]
    assert p.table().totals.total == p.table().wall == 16


def test_a_plain_walk_counts_the_functions_that_a_backward_makes_use_of_as_part_of_it(clock):
    helper = slow(clock, ahead=5)
    with profile(clock) as p:
        y = slow(clock, ahead=0, back=2, inside=helper)(Variable(np.ones(1)))
        p.calls.clear()
        y.backward()
    assert [(call.phase, call.seconds) for call in p.calls] == [("backward", 7)]


def test_a_recorded_walk_makes_forward_calls_of_gradient_functions(clock):
    class Gradient(Function):
        def forward(self, gy):
            clock.runs(5)
            return gy * 2

        def backward(self, ggy):
            clock.runs(7)
            return ggy * 2

    class Double(Function):
        def forward(self, x):
            clock.runs(1)
            return x * 2

        def backward(self, gy):
            clock.runs(3)
            return Gradient()(gy)

    x = Variable(np.ones(2))
    with profile(clock) as p:
        weight = Variable(np.ones(2), requires_grad=True)
        gx = dezero.grad(Double()(x), x, weight, create_graph=True)
        dezero.grad(gx, weight)
    assert [(call.function, call.phase, call.seconds) for call in p.calls] == [
        ("Double", "forward", 1),
        ("Gradient", "forward", 5),
        ("Double", "backward", 3),
        ("Gradient", "backward", 7),
    ]


def test_adding_gradients_up_belongs_to_the_backward(clock, monkeypatch):
    x = Variable(np.ones((2, 3)))
    plus = F.add(x, np.ones((4, 2, 3)))
    fit = type(plus.creator).fit_gradient

    def slowly(*args):
        clock.runs(3)
        return fit(*args)

    monkeypatch.setattr(type(plus.creator), "fit_gradient", slowly)
    with profile(clock) as p:
        plus.backward()
    assert [(call.function, call.seconds) for call in p.calls] == [("Add", 3)]


def test_the_own_time_of_a_call_that_raised_is_its_callers(clock):
    def fails(x):
        with contextlib.suppress(ValueError):
            slow(clock, ahead=2, inside=lambda x: (slow(clock, ahead=4)(x), F.reshape(x, (9,))))(x)

    with profile(clock) as p:
        slow(clock, ahead=1, inside=fails)(np.ones(1))
    assert [(call.function, call.seconds) for call in p.calls] == [("Slow", 4), ("Slow", 3)]
    assert p.table().totals.total == 7


class FakeGPU:
    """A device that computes later: work asked of it takes its time when somebody waits."""

    def __init__(self, clock):
        self.clock, self.pending, self.waits = clock, 0.0, 0

    def Device(self):
        return self

    def synchronize(self):
        self.clock.runs(self.pending)
        self.pending = 0.0
        self.waits += 1


def test_on_a_gpu_a_call_is_charged_for_the_kernels_it_starts(clock, monkeypatch):
    gpu = FakeGPU(clock)
    monkeypatch.setitem(vars(strict_device.xp), "cuda", gpu)

    class Launch(Function):
        def forward(self, x):
            gpu.pending += 2
            return x + 1

        def backward(self, gy):
            gpu.pending += 3
            return gy

    x = Variable(strict_device.xp.ones(2))
    gpu.pending = 10.0  # asked for before, and waited for by the first call
    with profile(clock) as p:
        Launch()(x).backward()
        gpu.pending += 20  # what an optimizer does, say
    assert [(call.phase, call.seconds) for call in p.calls] == [("forward", 2), ("backward", 3)]
    assert (p.table().wall, p.table().outside) == (35, 30)
    assert gpu.waits == 5


def test_nobody_waits_for_a_gpu_that_is_not_used(clock, monkeypatch):
    gpu = FakeGPU(clock)
    monkeypatch.setitem(vars(strict_device.xp), "cuda", gpu)
    with profile(clock):
        F.exp(np.ones(2))
    assert gpu.waits == 0


def test_a_kernel_that_failed_shows_and_the_engine_is_put_back(clock, monkeypatch):
    class Broken(FakeGPU):
        def synchronize(self):
            self.waits += 1
            if self.waits > 1:
                raise RuntimeError("illegal address")

    monkeypatch.setitem(vars(strict_device.xp), "cuda", Broken(clock))
    with pytest.raises(RuntimeError, match="illegal address"), profile(clock) as p:
        F.exp(strict_device.xp.ones(2))
    assert p.calls == []


def test_a_profile_makes_the_strict_device_wait_for_nothing(device):
    net = network(device)
    if device is strict_device.xp:
        with strict_device.no_sync(), profile() as p:
            net().backward()
        assert len(p.calls) == 8


# ---- when it is on, and for whom


def test_the_engine_is_as_before_when_the_block_ends():
    with profile():
        assert Function.__call__ is not ORIGINALS[0]
    assert Function.__call__ is ORIGINALS[0]
    assert core._Walk._through is ORIGINALS[1] and core._Walk._gradients is ORIGINALS[2]


def test_the_engine_is_as_before_when_the_block_raises():
    with pytest.raises(ValueError, match="reshape"), profile() as p:
        F.exp(np.ones(2))
        F.reshape(np.ones(2), (3,))
    assert Function.__call__ is ORIGINALS[0]
    assert [call.function for call in p.calls] == ["Exp"]


def test_a_failing_backward_is_not_recorded():
    class Wrong(Function):
        def forward(self, x):
            return x * 2

        def backward(self, gy):
            raise ArithmeticError("wrong")

    y = Wrong()(Variable(np.ones(2)))
    with profile() as p:
        with pytest.raises(ArithmeticError):
            y.backward()
        F.exp(np.ones(2))
    assert [(call.function, call.parent) for call in p.calls] == [("Exp", None)]


def test_the_measuring_call_looks_like_the_one_it_stands_for():
    before = inspect.signature(Function.__call__)
    with profile():
        assert inspect.signature(Function.__call__) == before


def test_profiles_nest(clock):
    with profile(clock) as outer:
        slow(clock, ahead=1)(np.ones(1))
        with profile(clock) as inner:
            slow(clock, ahead=2)(np.ones(1))
        slow(clock, ahead=4)(np.ones(1))
        assert Function.__call__ is not ORIGINALS[0]
    assert [call.seconds for call in outer.calls] == [1, 2, 4]
    assert [call.seconds for call in inner.calls] == [2]


def test_a_profile_may_begin_and_end_inside_a_function(clock):
    inner = profile(clock)

    def inside(x):
        with inner:
            F.exp(x)
        return x

    with profile(clock) as outer:
        slow(clock, ahead=1, inside=inside)(np.ones(1))
    assert [call.function for call in inner.calls] == ["Exp"]
    assert [call.function for call in outer.calls] == ["Exp", "Slow"]


def test_a_call_that_outlives_its_profile_is_not_recorded(clock):
    p = profile(clock)
    p.__enter__()
    slow(clock, ahead=1, inside=lambda x: p.__exit__())(np.ones(1))
    assert p.calls == []
    assert p.table().wall == 1


def test_a_profile_entered_again_adds_up(clock):
    p = profile(clock)
    for _ in range(3):
        with p:
            slow(clock, ahead=2)(np.ones(1))
        clock.runs(50)
    table = p.table()
    assert (table.totals.count, table.totals.total, table.wall, len(p.calls)) == (3, 6, 6, 3)


def test_a_profile_that_runs_cannot_be_entered():
    with profile() as p, pytest.raises(RuntimeError, match="profile: this one runs already. Make another"):
        p.__enter__()


def test_a_table_can_be_had_while_the_block_runs(clock):
    with profile(clock) as p:
        slow(clock, ahead=1)(np.ones(1))
        clock.runs(3)
        assert (p.table().wall, p.table().outside) == (4, 3)


def test_calls_of_other_threads_are_not_recorded():
    def work():
        F.sum(F.exp(Variable(np.ones(2)))).backward()

    with profile() as p:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        F.tanh(np.ones(2))
    assert [call.function for call in p.calls] == ["Tanh"]


def test_profiles_of_two_threads_do_not_see_each_other_and_the_last_one_restores():
    entered, left = threading.Event(), threading.Event()
    found = []

    def work():
        with profile() as p:
            F.exp(np.ones(2))
            entered.set()
            assert left.wait(10)
            F.exp(np.ones(2))
        found.append(p)

    thread = threading.Thread(target=work)
    with profile() as mine:
        thread.start()
        assert entered.wait(10)
        F.tanh(np.ones(2))
    assert Function.__call__ is not ORIGINALS[0]  # the other one still needs it
    left.set()
    thread.join()
    assert [call.function for call in mine.calls] == ["Tanh"]
    assert [call.function for call in found[0].calls] == ["Exp", "Exp"]


# ---- the table


@pytest.fixture
def example(clock):
    """Two classes with known times: 10 ms and 30 ms forward, 40 ms and 10 ms backward, 10 ms outside."""

    class Light(Function):
        def forward(self, x):
            clock.runs(0.005)
            return x * 2

        def backward(self, gy):
            clock.runs(0.020)
            return gy * 2

    class Heavy(Function):
        def forward(self, x):
            clock.runs(0.030)
            return x[:128] * 3

        def backward(self, gy):
            clock.runs(0.010)
            return Variable(np.full(256, 3.0))

    x = Variable(np.ones(256))
    with profile(clock) as p:
        y = Heavy()(Light()(Light()(x)))
        y.backward()
        clock.runs(0.010)
    return types.SimpleNamespace(p=p, y=y)


def test_the_table_as_text(example):
    assert str(example.p.table()) == "\n".join(
        [
            "function       count  forward ms  backward ms  total ms   share     held",
            "------------------------------------------------------------------------",
            "Light              2      10.000       40.000    50.000   50.0%  4.0 KiB",
            "Heavy              1      30.000       10.000    40.000   40.0%  1.0 KiB",
            "------------------------------------------------------------------------",
            "all Functions      3      40.000       50.000    90.000   90.0%  5.0 KiB",
            "outside                                          10.000   10.0%",
            "wall time                                       100.000  100.0%",
        ]
    )
    assert repr(example.p.table()) == str(example.p.table())
    assert repr(example.p) == "Profile(6 calls, 100.000 ms)"


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("total", "Light"),
        ("forward", "Heavy"),
        ("backward", "Light"),
        ("count", "Light"),
        ("held", "Light"),
        ("function", "Heavy"),
    ],
)
def test_the_table_is_sorted_by_any_column(example, sort, first):
    assert example.p.table(sort).rows[0].function == first


def test_top_puts_the_others_in_one_row(example):
    table = example.p.table(top=1)
    assert [row.function for row in table.rows] == ["Light"]
    assert (table.rest.function, table.rest.count, table.rest.held) == ("(1 more)", 1, 1024)
    assert table.totals.count == 3
    assert "(1 more)           1      30.000       10.000    40.000   40.0%  1.0 KiB" in str(table)
    assert example.p.table(top=2).rest is None


def test_the_table_of_nothing_has_its_totals(clock):
    text = str(profile(clock).table())
    assert text.splitlines()[0].startswith("function")
    assert text.splitlines()[2:] == [
        "all Functions      0       0.000        0.000     0.000   0.0%   0 B",
        "outside                                           0.000   0.0%",
        "wall time                                         0.000   0.0%",
    ]


def test_the_table_refuses_what_it_does_not_know(example):
    with pytest.raises(ValueError, match="table: sort is 'time', but one of these is wanted: total, forward, backward"):
        example.p.table(sort="time")
    with pytest.raises(ValueError, match="table: top must be at least 1, got 0."):
        example.p.table(top=0)


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (3 << 20, "3.0 MiB"),
        (5 << 30, "5.0 GiB"),
        (1 << 42, "4096.0 GiB"),
    ],
)
def test_sizes_are_told_in_the_unit_that_fits(nbytes, text):
    assert _size(nbytes) == text


# ---- layers


class Timed(Layer):
    """y = x, in ``ahead`` seconds, and ``back`` in its backward."""

    def __init__(self, clock, ahead, back=0.0):
        super().__init__()
        self.clock, self.ahead, self.back = clock, ahead, back

    def forward(self, x):
        return slow(self.clock, self.ahead, self.back)(x)


class Pair(Layer):
    """Two of them, and a third part of its own."""

    def __init__(self, clock, first, second, own=0.0):
        super().__init__()
        self.clock, self.own = clock, own
        self.a, self.b = Timed(clock, first, 10 * first), Timed(clock, second, 10 * second)

    def forward(self, x):
        return slow(self.clock, self.own)(self.b(self.a(x)))


class Net(Model):
    def __init__(self, clock):
        super().__init__()
        self.stem = Timed(clock, 1, 10)
        self.pair = Pair(clock, 2, 4, own=8)

    def forward(self, x):
        return F.exp(self.pair(self.stem(x)))


def by_layer(table):
    return {row.title: (row.calls, row.count, row.forward, row.backward) for row in table.rows}


def test_a_call_says_which_layer_it_was_made_in_and_a_backward_that_of_its_forward(clock):
    model, x = Net(clock), Variable(np.zeros(2))
    with profile(clock, layers=model) as p:
        F.sum(model(F.neg(x))).backward()
    ahead = [None, "stem", "pair/a", "pair/b", "pair", "", None]
    assert [call.layer for call in p.calls] == ahead + ahead[::-1]
    with profile(clock) as p:
        model(x)
    assert {call.layer for call in p.calls} == {None}


def test_the_table_by_layer_sums_up_to_all(clock):
    model = Net(clock)
    with profile(clock, layers=model) as p:
        for _ in range(2):
            F.sum(model(Variable(np.zeros(2)))).backward()
    table = p.table(by="layer", sort="layer")
    assert by_layer(table) == {
        "stem: Timed": (2, 2, 2, 20),
        "pair/a: Timed": (2, 2, 4, 40),
        "pair/b: Timed": (2, 2, 8, 80),
        "pair: Pair": (2, 2, 16, 0),
        "Net": (2, 2, 0, 0),
        "(in no layer)": (None, 2, 0, 0),
    }
    assert sum(row.total for row in table.rows) == table.totals.total == 170
    assert sum(row.held for row in table.rows) == table.totals.held
    assert [row.name for row in p.table(by="layer", top=2).rows] == ["pair/b", "pair/a"]
    assert p.table(by="layer", top=2).rest.title == "(4 more)"


def test_the_table_by_layer_folds_to_a_depth(clock):
    model, x = Net(clock), Variable(np.zeros(2))
    with profile(clock, layers=model) as p:
        F.sum(model(x)).backward()
    assert by_layer(p.table(by="layer", depth=1)) == {
        "pair: Pair": (1, 3, 14, 60),
        "stem: Timed": (1, 1, 1, 10),
        "Net": (1, 1, 0, 0),
        "(in no layer)": (None, 1, 0, 0),
    }
    assert by_layer(p.table(by="layer", depth=0)) == {"Net": (1, 5, 15, 70), "(in no layer)": (None, 1, 0, 0)}
    assert by_layer(p.table(by="layer", depth=9)) == by_layer(p.table(by="layer"))


def test_the_table_by_layer_as_text(clock):
    model, x = Sequential(Timed(clock, 0.030, 0.060), F.exp), Variable(np.zeros(256))
    with profile(clock, layers=model) as p:
        model(x).backward()
        clock.runs(0.010)
    assert str(p.table(by="layer")).splitlines() == [
        "layer          calls  Functions  forward ms  backward ms  total ms   share     held",
        "-----------------------------------------------------------------------------------",
        "l0: Timed          1          1      30.000       60.000    90.000   90.0%  2.0 KiB",
        "Sequential         1          1       0.000        0.000     0.000    0.0%  2.0 KiB",
        "-----------------------------------------------------------------------------------",
        "all Functions                 2      30.000       60.000    90.000   90.0%  4.0 KiB",
        "outside                                                     10.000   10.0%",
        "wall time                                                  100.000  100.0%",
    ]


def test_a_layer_called_more_than_once_is_one_row(clock):
    cell = Timed(clock, 3)
    model = Sequential(cell, cell, cell)
    with profile(clock, layers=model) as p:
        model(np.zeros(1))
    assert by_layer(p.table(by="layer")) == {"l0: Timed": (3, 3, 9, 0)}


def test_what_a_recorded_backward_computes_belongs_to_the_layer_it_goes_back_through(clock):
    helper = slow(clock, ahead=5)

    class Twice(Layer):
        def forward(self, x):
            return slow(clock, ahead=1, back=2, inside=helper)(x)

    model, x = Sequential(Twice()), Variable(np.zeros(2))
    with profile(clock, layers=model) as p:
        dezero.grad(model(x), x, Variable(np.ones(2)), create_graph=True)
    assert {call.layer for call in p.calls} == {"l0"}


def test_a_derivative_taken_inside_a_layer_belongs_to_the_layers_that_it_is_of(clock):
    class Slope(Layer):
        def __init__(self):
            super().__init__()
            self.inner = Timed(clock, 1, 2)

        def forward(self, x):
            x = Variable(np.zeros(2))
            return F.exp(dezero.grad(F.sum(self.inner(x)), x))

    model = Sequential(Slope())
    with profile(clock, layers=model) as p:
        model(np.zeros(2))
    assert by_layer(p.table(by="layer")) == {"l0/inner: Timed": (1, 1, 1, 2), "l0: Slope": (1, 2, 0, 0)}


def test_a_layer_that_raised_does_not_stay(clock):
    class Fails(Layer):
        def forward(self, x):
            F.exp(x)
            raise ArithmeticError("no")

    class Careful(Layer):
        def __init__(self):
            super().__init__()
            self.inner = Fails()

        def forward(self, x):
            with contextlib.suppress(ArithmeticError):
                self.inner(x)
            return x

    model = Sequential(Careful(), F.exp)
    with profile(clock, layers=model) as p:
        model(np.zeros(1))
        with contextlib.suppress(ArithmeticError):
            model.l0.inner(np.zeros(1))
        model(np.zeros(1))
    assert [call.layer for call in p.calls] == ["l0/inner", "", "l0/inner", "l0/inner", ""]


def test_a_model_that_another_thread_calls_meanwhile_does_not_disturb(clock):
    model = Sequential(lambda x: between(x), F.exp)

    def between(x):
        if threading.current_thread() is threading.main_thread():
            thread = threading.Thread(target=model, args=(x,))
            thread.start()
            thread.join()
        return x

    with profile(clock, layers=model) as p:
        model(np.zeros(1))
    assert [(call.function, call.layer) for call in p.calls] == [("Exp", "")]


def test_a_profile_of_layers_keeps_no_graph_and_no_input_and_leaves_the_model_as_it_was():
    model, x = MLP((3, 1)), np.ones((2, 4), np.float32)
    with profile(layers=model) as p:
        assert not model._is_plain
        y = model(x)
        references = [weakref.ref(x), weakref.ref(y), weakref.ref(y.creator)]
        gc.disable()
        try:
            del x, y
            assert [ref() for ref in references] == [None, None, None]
        finally:
            gc.enable()
    assert model._is_plain and model.l0._is_plain
    assert len(p.calls) == 3
    with p:  # again
        model(np.ones((2, 4), np.float32))
    assert by_layer(p.table(by="layer", depth=0))["MLP"][:2] == (2, 6)


def test_layers_are_refused_where_there_are_none(clock, example):
    with pytest.raises(TypeError, match="profile: layers must be a Layer or a Model, got function"):
        profile(layers=F.exp)
    with pytest.raises(ValueError, match=r'table: by="layer" needs layers, but this profile follows none'):
        example.p.table(by="layer")
    with pytest.raises(ValueError, match="plot: depth=1 needs layers, but this profile follows none"):
        example.p.plot(example.y, to_file=None, depth=1)
    with pytest.raises(ValueError, match="table: by is 'class', but one of these is wanted: function, layer."):
        example.p.table(by="class")
    with pytest.raises(ValueError, match=r'table: depth goes with by="layer" and must be at least 0, got depth=1'):
        example.p.table(depth=1)
    p = profile(layers=Net(clock))
    with pytest.raises(ValueError, match="got depth=-1"):
        p.table(by="layer", depth=-1)
    with pytest.raises(ValueError, match="sort is 'function', but one of these is wanted: .* held, layer."):
        p.table(by="layer", sort="function")


# ---- the picture


def label_of(text, name):
    """The lines in the box of a picture whose name this is, and its colour."""
    for line in text.splitlines():
        if f"<b>{name}</b>" in line:
            label, _, attributes = line.partition("</b>")[2].partition(">, ")
            words = label.replace('<font point-size="10">', "").replace("</font>", "").split("<br/>")
            return [word for word in words if word], attributes.partition("fillcolor=")[2][1:8]
    raise AssertionError(f"no box of {name}")


def test_the_picture_says_the_times_and_is_redder_where_more_went(example):
    text = example.p.plot(example.y, to_file=None).dot
    assert "90.0 ms of 90.0 ms in Functions" in text and "time of a box in ms:" in text
    assert label_of(text, "Heavy") == (["40.0 ms  44.4%", "forward 30.0, backward 10.0"], "#f46a4a")
    assert label_of(text, "Light") == (["25.0 ms  27.8%", "forward 5.00, backward 20.0"], "#f8a28e")


def test_the_legend_shows_the_colours_and_what_they_stand_for(example):
    text = example.p.plot(example.y, to_file=None).dot
    cells = [cell.split("<")[0].split('">') for cell in text.split('bgcolor="')[1:]]
    assert [words for _, words in cells] == ["0", "10.0", "20.0", "30.0", "40.0"]
    assert cells[0][0] == "#ffffff" and cells[-1][0] == "#f46a4a"


@pytest.mark.parametrize("t", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_black_letters_can_be_read_on_every_colour(t):
    from dezero.profiling.picture import _color

    channels = [int(_color(t)[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert (luminance + 0.05) / 0.05 > 7  # WCAG level AAA


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0"), (2e-6, "0.002"), (0.00123, "1.23"), (0.0456, "45.6"), (0.789, "789"), (12.3456, "12,346")],
)
def test_times_in_boxes_have_three_digits(seconds, text):
    assert brief(seconds) == text


def test_calls_that_are_not_in_the_picture_count_for_the_function_that_made_them(clock):
    with profile(clock) as p:
        y = slow(clock, ahead=1, inside=slow(clock, ahead=2))(Variable(np.ones(1)))
    assert label_of(p.plot(y, to_file=None).dot, "Slow")[0] == ["3,000 ms  100.0%", "forward 3,000, backward 0"]


def test_the_gradients_graph_has_its_own_times(clock):
    x = Variable(np.ones(2))
    with profile(clock) as p:
        helper = slow(clock, ahead=4)
        y = slow(clock, ahead=1, back=2, inside=helper)(x)
        weight = Variable(np.ones(2))
        gx = dezero.grad(y, x, weight, create_graph=True)
    for text in (p.plot([y, gx], to_file=None).dot, p.plot(y, to_file=None, gradients=gx).dot):
        assert "forward 5,000, backward 2,000" in text
        assert "forward 4,000, backward 0" in text


def test_leaves_and_results_are_shown_by_name_and_the_rest_by_shape():
    x = Variable(np.ones((2, 3)), 'a "b" \\ & <x>\n数')
    with profile() as p:
        y = F.sum(F.exp(x))
    y.name = "loss"
    text = p.plot(y, to_file=None).dot
    assert "a &quot;b&quot; &#92;&#92; &amp; &lt;x&gt;<br/>数: (2, 3) float64" in text
    assert "[label=<loss: () float64>" in text
    assert "&#160;(2, 3)&#160;" in text
    assert "(2, 3)" not in p.plot(y, to_file=None, verbose=False).dot


def test_a_leaf_is_a_picture_of_one_node():
    with profile() as p:
        pass
    text = p.plot(Variable(np.ones(2), "x"), to_file=None).dot
    assert text.count("->") == 0 and "<x: (2,) float64>" in text


def test_a_large_picture_folds_and_says_so(clock):
    y = Variable(np.ones(1))
    with profile(clock) as p:
        for _ in range(800):
            y = slow(clock, ahead=1)(F.tanh(y))
    with pytest.warns(UserWarning, match="plot: 3,201 nodes: folded to 40 boxes, as the limit is 1,000"):
        text = p.plot(y, to_file=None).dot
    assert text.count("20,000 ms  2.5%") == 40  # 20 of each class


def test_layers_are_boxes_with_their_times(clock):
    model, x = Net(clock), Variable(np.zeros(2), "x")
    with profile(clock, layers=model) as p:
        y = model(x)
        y.backward()
    text = p.plot(y, to_file=None, depth=1).dot
    assert label_of(text, "pair: Pair") == (["74,000 ms  87.1%", "forward 14,000, backward 60,000"], "#f46a4a")
    assert label_of(text, "stem: Timed") == (["11,000 ms  12.9%", "forward 1,000, backward 10,000"], "#fde9e4")
    assert text.count("subgraph") == 1 and "85,000 ms  100.0%" in text  # the model's box is open
    everything = p.plot(y, to_file=None, repeats=False).dot
    assert everything.count("subgraph") == 5 and everything.count("74,000 ms  87.1%") == 1
    assert p.plot(y, to_file=None, layers=False).dot.count("subgraph") == 0


def test_layers_that_look_the_same_are_drawn_once_with_the_time_of_all(clock):
    model, x = Sequential(*[Timed(clock, 2) for _ in range(5)]), Variable(np.zeros(2), "x")
    with profile(clock, layers=model) as p:
        y = model(x)
    assert label_of(p.plot(y, to_file=None, depth=1).dot, "5 × Timed")[0][1] == "10,000 ms  100.0%"
    assert p.plot(y, to_file=None, depth=1, repeats=False).dot.count("2,000 ms  20.0%") == 5


def test_calls_are_numbered_among_those_in_the_picture(clock):
    cell = Timed(clock, 1)
    model = Sequential(cell, F.exp, cell)
    with profile(clock, layers=model) as p:
        for _ in range(3):
            y = model(Variable(np.zeros(2)))
    text = p.plot(y, to_file=None, depth=1).dot
    assert "call 1 of 2" in text and "call 2 of 2" in text and "call 3" not in text


def test_what_the_model_was_called_with_goes_by_its_name():
    model = Sequential(Linear(2, in_size=3))
    model.forward = lambda photo, *more: Sequential.forward(model, photo)
    photo = np.ones((1, 3), np.float32)
    with profile(layers=model) as p:
        y = model(photo, np.float32(1))
    assert "photo: (1, 3) float32" in p.plot(y, to_file=None, depth=1).dot
    assert "W (3, 2)" in p.plot(y, to_file=None).dot


@needs_dot
def test_a_png_opens_and_shows_what_took_the_most_in_red(example, tmp_path):
    pytest.importorskip("graphviz", reason="the Python package graphviz is not installed")
    Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    example.p.plot(example.y, to_file=tmp_path / "profile.png")
    with Image.open(tmp_path / "profile.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    assert min(pixels.shape[:2]) > 150
    assert np.mean(np.all(pixels == (0xF4, 0x6A, 0x4A), axis=2)) > 0.02


@needs_dot
def test_the_picture_has_every_node_and_arrow(tmp_path):
    pytest.importorskip("graphviz", reason="the Python package graphviz is not installed")
    with profile() as p:
        y = network(np)()
    p.plot(y, to_file=tmp_path / "profile.svg")
    groups = [g.get("class") for g in ET.parse(tmp_path / "profile.svg").getroot().iter() if g.get("class")]
    assert (groups.count("node"), groups.count("edge")) == (4 + 3 + 1, 3 + 3 + 1)  # Functions, leaves, the result


def test_a_page_has_the_times_of_each_node_and_the_models_name(clock, tmp_path):
    model = Net(clock)
    with profile(clock, layers=model) as p:
        y = model(Variable(np.zeros(2), "x"))
        y.backward()
    p.plot(y, to_file=tmp_path / "profile.html", depth=1)
    text = (tmp_path / "profile.html").read_text(encoding="utf-8")
    assert '"timed":true' in text.replace(": ", ":") and "<title>Net" in text
    assert "[4000.0,40000.0]" in text.replace(", ", ",")  # of pair/b, in ms


def test_what_cannot_be_drawn_is_refused(example, tmp_path):
    with pytest.raises(TypeError, match="plot draws a Variable, or a list of them, got float."):
        example.p.plot(1.0)
    with pytest.raises(ValueError, match=r"to_file 'profile.xyz' has the ending .xyz"):
        example.p.plot(example.y, to_file="profile.xyz")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        example.p.plot(example.y, to_file=tmp_path / "none" / "profile.dot")
    with pytest.raises(TypeError, match="plot has no option 'dept'"):
        example.p.plot(example.y, to_file=None, dept=1)


# ---- what it costs a program that does not use it


def test_importing_dezero_does_not_import_the_profile():
    code = (
        "import sys, dezero\n"
        "assert not [m for m in sys.modules if m.startswith('dezero.profiling')]\n"
        "from dezero import profile, profiling\n"
        "assert profiling.profile is profile is dezero.profile\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
