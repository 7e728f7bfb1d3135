"""The small core: the book's step 22, and the traps that even so small a core can avoid."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest

from dezero import core_simple
from dezero.core_simple import (
    Config,
    Function,
    Variable,
    add,
    as_array,
    as_variable,
    div,
    mul,
    neg,
    no_grad,
    pow,
    rdiv,
    rsub,
    setup_variable,
    sub,
    using_config,
)


class Square(Function):
    def forward(self, x):
        return x**2

    def backward(self, gy):
        return 2 * self.inputs[0].data * gy


class Exp(Function):
    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        return gy * self.outputs[0]().data


class Halves(Function):
    def forward(self, x):
        n = len(x) // 2
        return x[:n], x[n:]

    def backward(self, ga, gb):
        return np.concatenate([ga, gb])


def square(x):
    return Square()(x)


def var(value, dtype=np.float64):
    return Variable(np.array(value, dtype=dtype))


# ---- the package


def test_the_file_stands_on_its_own():
    code = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('alone', {core_simple.__file__!r})\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "sys.modules['alone'] = module\n"
        "spec.loader.exec_module(module)\n"
        "import numpy as np\n"
        "x = module.Variable(np.array(2.0))\n"
        "(x * x).backward()\n"
        "assert x.grad == 4.0\n"
        "assert not [name for name in sys.modules if name.startswith('dezero')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(core_simple.__file__).anchor)


def test_setup_variable_may_be_called_again():
    setup_variable()
    assert (var(1.0) + 2).data == 3.0


# ---- the box


@pytest.mark.parametrize(("data", "kind"), [(1.0, "float"), ([1, 2], "list"), (np.float64(1.0), "float64")])
def test_a_variable_refuses_what_is_no_array(data, kind):
    with pytest.raises(TypeError, match=rf"needs a NumPy array, got {kind}\. Wrap it: Variable\(np\.array\("):
        Variable(data)


def test_a_variable_may_wait_for_its_data():
    assert repr(Variable(None)) == "variable(None)"


def test_a_variable_shows_the_facts_of_its_array():
    x = Variable(np.zeros((2, 3), dtype=np.float32), "x")
    assert (x.name, x.shape, x.ndim, x.size, x.dtype, len(x)) == ("x", (2, 3), 2, 6, np.float32, 2)


def test_repr_puts_continuation_lines_under_the_first():
    assert repr(Variable(np.array([[1, 2], [3, 4]]))) == "variable([[1 2]\n          [3 4]])"


def test_as_variable_and_as_array_leave_what_already_fits():
    x = var(1.0)
    assert as_variable(x) is x
    assert as_array(x.data) is x.data
    assert isinstance(as_array(np.float64(1.0)), np.ndarray)


def test_set_creator_puts_a_variable_one_generation_later():
    f, x = Square(), var(1.0)
    f.generation = 3
    x.set_creator(f)
    assert (x.creator, x.generation) == (f, 4)


# ---- operators


@pytest.mark.parametrize(
    ("op", "value"),
    [
        (lambda x: x + 3, 5.0),
        (lambda x: 3 + x, 5.0),
        (lambda x: x - 3, -1.0),
        (lambda x: 3 - x, 1.0),
        (lambda x: x * 3, 6.0),
        (lambda x: 3 * x, 6.0),
        (lambda x: x / 4, 0.5),
        (lambda x: 4 / x, 2.0),
        (lambda x: x**3, 8.0),
        (lambda x: x**-2, 0.25),
        (lambda x: -x, -2.0),
        (lambda x: np.array(3.0) - x, 1.0),
        (lambda x: x - np.array(3.0), -1.0),
        (lambda x: np.float64(3) - x, 1.0),
        (lambda x: x - np.float64(3), -1.0),
        (lambda x: x * x + x / x, 5.0),
    ],
)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_operators_give_the_value_and_the_slope(op, value, shape):
    x = Variable(np.full(shape, 2.0))
    y = op(x)
    y.backward()
    h = 1e-5
    slope = (op(var(2.0 + h)).data - op(var(2.0 - h)).data) / (2 * h)
    np.testing.assert_array_equal(y.data, np.full(shape, value))
    np.testing.assert_allclose(x.grad, np.full(shape, slope), rtol=1e-8)


def test_the_functions_behind_the_operators_can_be_called():
    x0, x1 = var(6.0), var(3.0)
    results = (
        add(x0, x1),
        sub(x0, x1),
        rsub(x0, x1),
        mul(x0, x1),
        div(x0, x1),
        rdiv(x0, x1),
        neg(x0),
        pow(x0, 2),
    )
    assert [float(y.data) for y in results] == [9.0, 3.0, -3.0, 18.0, 2.0, 0.5, -6.0, 36.0]


@pytest.mark.parametrize("op", [lambda a, x: a + x, lambda a, x: a * x, lambda a, x: a - x, lambda a, x: a / x])
def test_an_array_on_the_left_lets_the_variable_compute(op):
    assert isinstance(op(np.ones(2), Variable(np.ones(2))), Variable)


def test_a_sum_may_start_from_zero():
    loss = 0
    for value in (1.0, 2.0, 3.0):
        loss += var(value)
    assert loss.data == 6.0


@pytest.mark.parametrize("compute", [np.sin, np.sum, lambda v: np.add(np.ones(1), v), lambda v: 2**v, float])
def test_what_does_not_work_on_a_variable_raises(compute):
    with pytest.raises(TypeError):
        compute(var([1.0]))


@pytest.mark.parametrize("c", [None, "2", [2], var(2.0)])
def test_pow_wants_a_number(c):
    with pytest.raises(TypeError, match="pow: the exponent must be a number here, got"):
        pow(var(1.0), c)


def test_shapes_do_not_broadcast_and_the_error_says_so():
    with pytest.raises(ValueError, match=r"Add: shapes \(2, 3\) and \(3,\) differ; only dezero.Variable broadcasts"):
        Variable(np.ones((2, 3))) + Variable(np.ones(3))


# ---- what type the results have


def test_results_and_gradients_of_0d_arrays_stay_arrays():
    x = var(2.0)
    y = (x * 3 + 1) ** 2 / x - x
    y.backward()
    assert type(y.data) is np.ndarray
    assert type(x.grad) is np.ndarray
    y.backward()
    assert type(x.grad) is np.ndarray


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (3,)])
def test_python_numbers_leave_the_dtype_alone(dtype, shape):
    x = Variable(np.full(shape, 2, dtype=dtype))
    y = (2.0 * x - 1) / 3.0 + (1 - x) * 0.5 + 1 / x + x**2 + x**0.5
    y.backward()
    assert (y.dtype, x.grad.dtype) == (dtype, dtype)


def test_a_float_beside_an_integer_array_is_not_cut_down():
    x = Variable(np.array(3))
    y = x * 0.5
    y.backward()
    assert (y.data, x.grad) == (1.5, 0.5)


# ---- the walk


def test_known_gradients_of_the_books_functions():
    def goldstein(x, y):
        a = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
        b = 30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
        return a * b

    x, y = var(1.0), var(1.0)
    goldstein(x, y).backward()
    assert (float(x.grad), float(y.grad)) == (-5376.0, 8064.0)


def test_user_functions_chain():
    x = var(0.5)
    y = square(Exp()(square(x)))
    y.backward()
    np.testing.assert_allclose(x.grad, 4 * 0.5 * np.exp(2 * 0.5**2), rtol=1e-15)


def test_the_same_variable_used_twice_gets_both_gradients():
    x = var(3.0)
    (x + x).backward()
    assert x.grad == 2.0


def test_each_backward_adds_until_cleargrad():
    x = var(3.0)
    (x + x).backward()
    (x + x + x).backward()
    assert x.grad == 5.0
    x.cleargrad()
    assert x.grad is None


def test_generations_bring_branches_together_before_going_on():
    x = var(2.0)
    a = square(x)
    y = square(a) + square(a)
    y.backward()
    assert (y.data, x.grad) == (32.0, 64.0)


def test_branches_of_different_length_come_in_the_right_order():
    x = var(2.0)
    a = x * x
    long = a
    for _ in range(5):
        long = long * 1.0
    (a * long).backward()  # x^4
    assert x.grad == 32.0


def test_backward_starts_from_a_gradient_that_is_there():
    x = var(3.0)
    y = x * x
    y.grad = np.array(10.0)
    y.backward()
    assert x.grad == 60.0


def test_backward_on_a_leaf_sets_its_own_gradient():
    x = Variable(np.zeros((2, 2)))
    x.backward()
    x.backward()
    assert x.grad.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_gradients_on_the_way_are_dropped_unless_asked_for():
    x0, x1 = var(1.0), var(1.0)
    t = x0 + x1
    y = x0 + t
    y.backward()
    assert (y.grad, t.grad) == (None, None)
    assert (x0.grad, x1.grad) == (2.0, 1.0)
    y.backward(retain_grad=True)
    assert (y.grad, t.grad) == (1.0, 1.0)


def test_retaining_gradients_twice_does_not_count_them_twice():
    x = var(2.0)
    a = square(x)
    y = square(a)
    y.backward(retain_grad=True)
    y.backward(retain_grad=True)
    assert (a.grad, x.grad) == (8.0, 64.0)


def test_gradients_never_share_memory_and_can_be_written():
    a, b = Variable(np.ones(3)), Variable(np.ones(3))
    y = a + b
    y.backward(retain_grad=True)
    for g, h in [(a.grad, b.grad), (a.grad, y.grad), (b.grad, y.grad), (a.grad, a.data)]:
        assert not np.shares_memory(g, h)
    a.grad += 1
    assert b.grad.tolist() == [1.0, 1.0, 1.0]


def test_pow_has_no_nan_where_the_exponent_is_zero():
    x = Variable(np.array([0.0, 2.0]))
    y = x**0
    y.backward()
    assert (y.data.tolist(), x.grad.tolist()) == ([1.0, 1.0], [0.0, 0.0])


def test_a_very_deep_graph_meets_no_recursion_limit():
    x = var(1.0)
    y = x
    for _ in range(20_000):
        y = y + x
    y.backward()
    assert x.grad == 20_001.0
    del y


# ---- Functions


def test_a_function_with_two_outputs_returns_both():
    x = Variable(np.arange(4.0))
    a, b = Halves()(x)
    (a * b).backward()
    assert x.grad.tolist() == [2.0, 3.0, 0.0, 1.0]


def test_an_output_that_nobody_used_counts_as_zero():
    x = Variable(np.arange(4.0))
    a, b = Halves()(x)
    (a * a).backward()
    assert b.data.tolist() == [2.0, 3.0]
    assert x.grad.tolist() == [0.0, 2.0, 0.0, 0.0]


def test_an_output_that_was_thrown_away_counts_as_zero():
    x = Variable(np.arange(4.0))
    a = Halves()(x)[0]
    (a * a).backward()
    assert x.grad.tolist() == [0.0, 2.0, 0.0, 0.0]


def test_one_instance_called_twice_loses_no_gradient():
    f, x0, x1 = Square(), var(2.0), var(3.0)
    (f(x0) * f(x1)).backward()
    assert (x0.grad, x1.grad) == (36.0, 24.0)


def test_a_function_knows_its_inputs_and_outputs():
    f, x = Square(), var(2.0)
    y = f(x)
    assert (f.inputs[0], f.outputs[0](), y.creator) == (x, y, f)


def test_an_input_without_a_gradient_may_say_none():
    class Pick(Function):
        def forward(self, x, i):
            return x * i

        def backward(self, gy):
            return gy * self.inputs[1].data, None

    x, i = var(2.0), var(3.0)
    Pick()(x, i).backward()
    assert (x.grad, i.grad) == (3.0, None)


def returning(gradients):
    class Careless(Function):
        def forward(self, x0, x1):
            return x0 * x1

        def backward(self, gy):
            return gradients(self, gy)

    return Careless()


@pytest.mark.parametrize(
    ("gradients", "kind", "words"),
    [
        (lambda f, gy: gy, RuntimeError, "Careless.backward returned 1 gradients for 2 inputs"),
        (lambda f, gy: (gy, gy, gy), RuntimeError, "Careless.backward returned 3 gradients for 2 inputs"),
        (
            lambda f, gy: (gy, gy.sum()),
            RuntimeError,
            r"Careless.backward: gradient 1 has shape \(\), but input 1 \(3,\)",
        ),
        (
            lambda f, gy: (f.inputs[1], gy),
            TypeError,
            r"Careless.backward: gradient 0 is a Variable. Use arrays: self.inputs\[0\].data",
        ),
    ],
)
def test_wrong_gradients_are_named(gradients, kind, words):
    with pytest.raises(kind, match=words):
        returning(gradients)(Variable(np.ones(3)), Variable(np.ones(3))).backward()


@pytest.mark.parametrize("method", ["forward", "backward"])
def test_a_function_without_its_methods_says_which(method):
    with pytest.raises(NotImplementedError, match=f"Function has no {method}"):
        getattr(Function(), method)(np.ones(1))


# ---- memory and switches


def test_a_graph_is_freed_by_reference_counting_alone():
    gc.disable()
    try:
        x = var(2.0)
        a = square(x)
        y = square(a) + a
        y.backward(retain_grad=True)
        dead = [weakref.ref(a), weakref.ref(y), weakref.ref(y.creator)]
        del a, y
        assert [ref() for ref in dead] == [None, None, None]
    finally:
        gc.enable()


def test_no_grad_remembers_nothing():
    with no_grad():
        y = square(var(2.0))
    assert (y.data, y.creator, y.generation) == (4.0, None, 0)


def test_backward_on_a_result_of_no_grad_says_so():
    with no_grad():
        y = square(var(2.0))
    with pytest.raises(RuntimeError, match=r"computed under no_grad\(\), so it has no graph"):
        y.backward()


def test_the_switch_comes_back_after_an_error():
    with pytest.raises(KeyError), using_config("enable_backprop", False):
        raise KeyError
    assert Config.enable_backprop is True


def test_no_grad_nests_and_decorates():
    @no_grad()
    def inside():
        return Config.enable_backprop

    with no_grad(), no_grad():
        assert not inside()
    assert (inside(), Config.enable_backprop) == (False, True)


def test_an_unknown_switch_is_an_error():
    with pytest.raises(AttributeError, match="enable_backrpop"), using_config("enable_backrpop", False):
        pass


def test_each_thread_has_its_own_switches():
    seen = []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append(Config.enable_backprop))
        thread.start()
        thread.join()
    assert seen == [True]
