"""The engine: what every other test stands on, and each of its known traps."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import dezero
from dezero import Config, Function, Parameter, Variable, as_variable, grad, no_grad, using_config
from dezero import functions as F
from dezero.core import Buffer
from dezero.cuda import as_numpy
from dezero.testing import array_equal


class Square(Function):
    def forward(self, x):
        return x**2

    def backward(self, gy):
        (x,) = self.inputs
        return gy * x * 2


class Split(Function):
    """(x + 1, 2 x): an op with two outputs."""

    def forward(self, x):
        return x + 1, x * 2

    def backward(self, gy0, gy1):
        return gy0 + gy1 * 2


def leaf(*values):
    return Variable(np.array(*values))


# ---- Variable


@pytest.mark.parametrize("data", [1.0, [1, 2], np.float64(1.0), "x"])
def test_a_variable_refuses_what_is_no_array(data):
    with pytest.raises(
        TypeError, match=f"Variable needs a NumPy or CuPy array, got {type(data).__name__}. Wrap it first"
    ):
        Variable(data)


def test_a_variable_may_have_no_data_yet():
    assert repr(Variable(None)) == "variable(None)"


@pytest.mark.parametrize(
    ("op", "message"),
    [
        (lambda v: v * 2, "Mul: the Variable h has no data yet"),
        (lambda v: 1 - v, "Sub: the Variable h has no data yet"),
        (lambda v: v + np.ones(3), "Add: the Variable h has no data yet"),
        (lambda v: leaf([1.0]) / v, "div: the Variable h has no data yet"),
        (lambda v: F.exp(v), "Exp: the Variable h has no data yet"),
        (lambda v: v.sum(), "sum: the Variable h has no data yet"),
        (lambda v: v @ np.ones((2, 2)), "matmul: the Variable h has no data yet. Give it some, as in v.data ="),
    ],
)
def test_computing_with_a_variable_without_data_says_so(op, message):
    with pytest.raises(TypeError, match=message):
        op(Variable(None, "h"))


def test_repr_indents_continuation_lines_to_column_nine():
    assert repr(leaf([[1, 2], [3, 4]])) == "variable([[1 2]\n          [3 4]])"


def test_a_variable_shows_what_its_array_is(xp):
    v = Variable(xp.asarray(np.zeros((2, 3), np.float32)), name="x")
    assert (v.shape, v.ndim, v.size, v.dtype, len(v), v.name) == ((2, 3), 2, 6, np.float32, 2, "x")


def test_float_int_bool_and_item_give_python_numbers(xp):
    v = Variable(xp.asarray(np.array(2.5)))
    assert (float(v), int(v), bool(v), v.item()) == (2.5, 2, True, 2.5)


def test_comparisons_give_arrays_of_booleans():
    v = leaf([1.0, 2.0, 3.0])
    for result, expected in [
        (v > 2, [False, False, True]),
        (v >= v, [True] * 3),
        (v < np.array([2.0, 2.0, 2.0]), [True, False, False]),
        (v == 2, [False, True, False]),
        (v != 2, [True, False, True]),
        (np.array([2.0, 2.0, 2.0]) > v, [True, False, False]),
        (np.array([2.0, 2.0, 2.0]) == v, [False, True, False]),
    ]:
        assert type(result) is np.ndarray
        assert result.tolist() == expected


def test_variables_are_told_apart_by_identity_in_sets_and_dicts():
    a, b = leaf(1.0), leaf(1.0)
    assert len({a, b, a}) == 2


@pytest.mark.parametrize("name", ["sin", "cos", "tanh", "exp", "sqrt", "negative", "absolute", "sum", "mean", "max"])
def test_a_numpy_function_on_a_variable_keeps_the_gradient(name):
    x = leaf([0.5, 1.5])
    y = getattr(np, name)(x)
    assert isinstance(y, Variable)
    np.testing.assert_array_equal(y.data, getattr(np, name)(x.data))
    y.backward()
    assert x.grad.shape == (2,)


@pytest.mark.parametrize(
    "call", [lambda v: np.arctan2(v, v), lambda v: np.vstack([v, v]), lambda v: np.add(v, 1, dtype=float)]
)
def test_a_numpy_function_without_a_counterpart_raises_instead_of_making_an_object_array(call):
    with pytest.raises(TypeError, match="called so, does not work on a Variable"):
        call(leaf([1.0, 2.0]))


def test_an_array_may_be_changed_in_place_by_a_variable_as_in_the_books_descent():
    x = Variable(np.array([2.0, 3.0]))
    before = x.data
    (x**2).backward()
    x.data -= 0.5 * x.grad
    assert x.data is before and x.data.tolist() == [0.0, 0.0]
    with pytest.raises(TypeError, match="np.subtract, called so, does not work on a Variable"):
        np.subtract(x.data, x.grad, out=Variable(np.zeros(2)))


def test_asarray_of_a_variable_is_its_plain_array():
    array = np.asarray(leaf([1.0, 2.0]))
    assert array.dtype == np.float64 and array.tolist() == [1.0, 2.0]


def test_iterating_over_a_0d_variable_raises():
    with pytest.raises(TypeError, match="0-d Variable"):
        iter(leaf(1.0))
    assert [v.item() for v in leaf([1.0, 2.0])] == [1.0, 2.0]


def test_as_variable_keeps_a_variable_and_wraps_an_array():
    v = leaf(1.0)
    assert as_variable(v) is v
    assert as_variable(np.array(1.0)).requires_grad


def test_an_operator_with_an_array_on_the_left_gives_a_variable():
    y = np.array([1.0]) + Variable(np.array([2.0]))
    assert isinstance(y, Variable) and y.data.tolist() == [3.0]


def test_python_scalars_work_on_either_side():
    v = leaf(4.0)
    values = [1 - v, 2 / v, v + 1, 2 * v, v**2, 2**v, -v, v / 8, v - 1]
    assert [float(y) for y in values] == [-3.0, 0.5, 5.0, 8.0, 16.0, 16.0, -4.0, 0.5, 3.0]


def test_a_loss_may_start_from_the_number_zero():
    loss = 0
    loss += leaf(2.0)
    loss += leaf(3.0)
    assert float(loss) == 5.0


def test_results_of_0d_arrays_stay_arrays(xp):
    x = Variable(xp.asarray(np.array(2.0)))
    for y in (x * x, x.sum(), F.sin(x), x**2, Square()(x)):
        assert dezero.cuda.is_array(y.data) and y.shape == ()


# ---- backward


def test_backward_adds_up_over_every_path(xp):
    x = Variable(xp.asarray(np.array(2.0)))
    a = Square()(x)
    y = Square()(a) + Square()(a)
    y.backward()
    assert float(x.grad) == 64.0


def test_backward_through_the_same_leaf_twice_accumulates():
    x = leaf(3.0)
    (x + x).backward()
    (x + x + x).backward()
    assert float(x.grad) == 5.0
    x.cleargrad()
    y = x * x
    y.backward()
    y.backward()
    assert float(x.grad) == 12.0


def test_backward_starts_from_a_gradient_that_was_set():
    x = leaf([1.0, 2.0])
    y = x * 3
    y.grad = Variable(np.array([1.0, 10.0]))
    y.backward()
    assert x.grad.data.tolist() == [3.0, 30.0]


def test_intermediate_gradients_are_dropped_unless_retained():
    x = leaf(2.0)
    a = x * x
    y = a * 3
    y.backward()
    assert (y.grad, a.grad) == (None, None) and float(x.grad) == 12.0
    x.cleargrad()
    y.backward(retain_grad=True)
    assert (float(y.grad), float(a.grad), float(x.grad)) == (1.0, 3.0, 12.0)


def test_retain_grad_twice_is_right():
    x = leaf(2.0)
    a = x * x
    y = a * a
    y.backward(retain_grad=True)
    y.backward(retain_grad=True)
    assert float(a.grad) == 8.0
    assert float(x.grad) == 2 * 32.0


def test_stale_gradients_of_intermediates_never_leak_into_a_second_differentiation():
    x = leaf(2.0)
    a = x * x
    y = a * a
    y.backward(retain_grad=True, create_graph=True)
    gx = x.grad
    x.cleargrad()
    gx.backward()
    assert float(gx) == 32.0 and float(x.grad) == 48.0


def test_backward_on_a_leaf_sets_its_own_gradient():
    x = leaf([2.0, 3.0])
    x.backward()
    assert x.grad.data.tolist() == [1.0, 1.0]


def test_backward_on_a_result_made_under_no_grad_says_so():
    x = leaf(2.0)
    with no_grad():
        y = x * x
    assert y.creator is None and not y.requires_grad
    with pytest.raises(RuntimeError, match=r"no graph behind it. It was computed under no_grad\(\)"):
        y.backward()


def test_backward_on_a_gradient_without_create_graph_says_so():
    x = leaf(2.0)
    (x * x).backward()
    with pytest.raises(RuntimeError, match="without create_graph=True"):
        x.grad.backward()


def test_a_constant_gradient_of_a_recorded_walk_has_derivative_zero_not_an_error():
    x = leaf(2.0)
    (x * 3).backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    gx.backward()
    assert x.grad is None


def test_third_derivative_of_the_square_at_zero_is_zero():
    x = leaf(0.0)
    y = x**2
    for expected in (0.0, 2.0, 0.0):
        x.cleargrad()
        y.backward(create_graph=True)
        y = x.grad
        assert float(y) == expected


def test_gradients_differentiate_to_any_order():
    x = leaf(1.0)
    y = F.sin(x)
    for n in range(1, 6):
        x.cleargrad()
        y.backward(create_graph=True)
        y = x.grad
        np.testing.assert_allclose(y.data, np.sin(1.0 + n * np.pi / 2))


def test_a_gradient_inside_a_loss_is_differentiated_too():
    x = leaf(2.0)
    y = x**2
    y.backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    z = gx**3 + y
    z.backward()
    assert float(x.grad) == 100.0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_gradients_of_0d_arrays_are_0d_arrays_of_their_dtype(xp, dtype):
    x = Variable(xp.asarray(3.0, dtype))
    y = x * x
    z = (y - 1) / 2 + y * y**2 - (-y)
    z.backward(retain_grad=True)
    for v in (x, y):
        assert type(v.grad.data) is type(v.data)
        assert (v.grad.shape, v.grad.dtype) == ((), dtype)
    assert float(y.grad) == 0.5 + 3 * 81 + 1
    assert float(x.grad) == 6 * float(y.grad)
    (gx,) = grad(z, [x])
    assert type(gx.data) is type(x.data)


def test_a_function_that_works_on_arrays_gets_arrays_also_without_axes():
    seen = []

    class Look(Function):
        def forward(self, x):
            seen.append(type(x))
            return x.copy()

        def backward(self, gy):
            seen.append(type(gy.data))
            return gy

        def array_backward(self, gy):
            seen.append(type(gy))
            return gy

    x = Variable(np.array(2.0))
    y = Look()(x * x) * 3  # the walk comes to Look with what a product gave
    y.backward()
    y.backward(create_graph=True)
    assert seen == [np.ndarray] * 3


# ---- what a Function's backward may and may not return


def test_an_output_that_was_dropped_or_never_used_counts_as_zero(xp):
    for keep in (0, 1):
        x = Variable(xp.asarray(np.array([3.0])))
        y = Split()(x)[keep]
        y.backward()
        assert float(x.grad.data[0]) == (1.0, 2.0)[keep]
    x = Variable(xp.asarray(np.array([3.0])))
    a, _b = Split()(x)
    a.backward(create_graph=True)
    assert float(x.grad.data[0]) == 1.0


def test_both_outputs_of_a_function_send_gradients():
    x = leaf(3.0)
    a, b = Split()(x)
    (a * b).backward()
    assert float(x.grad) == 6.0 + 2 * 4.0


def function_with_backward(result):
    class Odd(Function):
        def forward(self, x0, x1):
            return x0 + x1

        def backward(self, gy):
            return result(gy)

    return Odd()


def test_none_from_backward_means_no_gradient():
    x0, x1 = leaf([1.0]), leaf([2.0])
    function_with_backward(lambda gy: (gy, None))(x0, x1).backward()
    assert x0.grad.data.tolist() == [1.0] and x1.grad is None


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("n", [1, 3])
def test_too_few_or_too_many_gradients_are_an_error(n, create_graph):
    y = function_with_backward(lambda gy: (gy,) * n)(leaf([1.0]), leaf([2.0]))
    with pytest.raises(RuntimeError, match=f"Odd.backward returned {n} gradients, but Odd has 2 inputs"):
        y.backward(create_graph=create_graph)


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_gradient_of_the_wrong_shape_names_function_input_and_both_shapes(create_graph):
    x = leaf([[1.0], [2.0]])
    y = function_with_backward(lambda gy: (gy, gy))(leaf([[1.0, 2.0, 3.0]] * 2), x)
    message = r"Odd.backward: gradient 1 has shape \(2, 3\), but input 1 has shape \(2, 1\). Undo broadcasting"
    with pytest.raises(RuntimeError, match=message):
        y.backward(create_graph=create_graph)
    assert x.grad is None


def test_a_backward_in_plain_arrays_cannot_be_differentiated_again_and_says_so():
    y = function_with_backward(lambda gy: (gy.data, gy.data))(leaf([1.0]), leaf([2.0]))
    with pytest.raises(RuntimeError, match="no Variable. Compute it with Variables"):
        y.backward(create_graph=True)


@pytest.mark.parametrize("result", [None, [1.0], "text"])
def test_a_forward_that_returns_no_array_is_an_error(result):
    class Empty(Function):
        def forward(self, x):
            return result

    with pytest.raises(TypeError, match=f"Empty.forward returned {type(result).__name__}; an array"):
        Empty()(leaf(1.0))


def test_a_function_without_its_two_methods_says_so():
    class Half(Function):
        def forward(self, x):
            return x * 1

    with pytest.raises(NotImplementedError, match="Half has no backward"):
        Half()(leaf(1.0)).backward()
    with pytest.raises(NotImplementedError, match="Function has no forward"):
        Function()(leaf(1.0))


def test_a_function_refuses_operands_that_are_no_arrays():
    with pytest.raises(TypeError, match="Sin works on Variables, arrays and numbers, got str"):
        F.sin("one")


def test_using_one_function_object_twice_keeps_both_gradients():
    f = Square()
    a, b = leaf(2.0), leaf(5.0)
    (f(a) + f(b)).backward()
    assert (float(a.grad), float(b.grad)) == (4.0, 10.0)


def test_a_subclass_of_a_built_in_op_may_replace_its_backward():
    class OneWayMul(F.Mul):
        def backward(self, gy):
            return gy * 7, None

    x0, x1 = leaf(2.0), leaf(3.0)
    OneWayMul()(x0, x1).backward()
    assert float(x0.grad) == 7.0 and x1.grad is None


def test_inputs_are_variables_and_outputs_weak_references():
    x = leaf(2.0)
    y = Square()(x)
    assert y.creator.inputs == [x] and y.creator.outputs[0]() is y
    assert (x.generation, y.creator.generation, y.generation) == (0, 0, 1)


# ---- whose memory


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(
    "formula",
    [
        lambda a, b: a + b,
        lambda a, b: a - b + a,
        lambda a, b: (a + b).sum(),
        lambda a, b: a.reshape(2, 1) + b.reshape(2, 1),
    ],
)
def test_gradients_of_two_inputs_never_share_memory_and_are_writable(formula, create_graph):
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    formula(a, b).backward(create_graph=create_graph)
    assert not np.shares_memory(a.grad.data, b.grad.data)
    expected = b.grad.data.copy()
    a.grad.data += 1
    assert (b.grad.data == expected).all()


def test_a_gradient_is_never_the_data_of_another_variable():
    class Swap(Function):
        def forward(self, x0, x1):
            return x0 * x1

        def backward(self, gy):
            return self.inputs[1], self.inputs[0]

    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    y = Swap()(a, b)
    y.backward()
    assert not any(np.shares_memory(g.grad.data, v.data) for g in (a, b) for v in (a, b, y))
    a.grad.data *= 0
    assert b.data.tolist() == [3.0, 4.0]


def test_the_seed_stays_as_it_was():
    x = leaf([1.0, 2.0])
    y = x + 0
    seed = Variable(np.array([1.0, 1.0]))
    y.grad = seed
    y.backward()
    x.grad.data += 5
    assert seed.data.tolist() == [1.0, 1.0]


def test_accumulating_leaves_a_gradient_that_somebody_kept_alone():
    x = leaf([1.0])
    (x * 2).backward()
    kept = x.grad
    (x * 3).backward()
    assert kept.data.tolist() == [2.0] and x.grad.data.tolist() == [5.0]


# ---- no gradient for what nobody asked


def test_constants_get_no_gradient_and_cost_none():
    seen = []

    class Watched(Function):
        def forward(self, x0, x1):
            return x0 * x1

        def backward(self, gy):
            seen.append(tuple(self.needs_grad))
            return gy * self.inputs[1], gy * self.inputs[0]

    x = leaf([1.0, 2.0])
    y = Watched()(x, np.array([3.0, 4.0]))
    y.backward()
    assert seen == [(True, False)]
    assert y.creator.inputs[1].grad is None


def test_a_result_of_constants_alone_keeps_no_graph():
    y = F.sin(np.array([1.0]))
    assert y.creator is None and not y.requires_grad


def test_frozen_parameters_and_detached_results_get_no_gradient():
    W, x = Parameter(np.ones(2)), leaf([1.0, 2.0])
    W.requires_grad = False
    y = W * x
    (y.detach() * 5 + y).backward(retain_grad=False, create_graph=False) if y.ndim == 0 else (y * 1).sum().backward()
    assert W.grad is None and x.grad.data.tolist() == [1.0, 1.0]
    assert y.detach().data is y.data and y.detach().creator is None


def test_a_buffer_is_a_constant():
    b, x = Buffer(np.ones(2)), leaf([1.0, 2.0])
    (b * x).sum().backward()
    assert b.grad is None and x.grad is not None


def test_grad_returns_gradients_and_touches_no_grad():
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    h = x * w
    y = (h * h).sum()
    gx, gh = grad(y, [x, h])
    assert gx.data.tolist() == [18.0, 64.0] and gh.data.tolist() == [6.0, 16.0]
    assert all(v.grad is None for v in (x, w, h, y))


def test_grad_computes_just_what_lies_between():
    calls = []

    class Costly(Function):
        def forward(self, w):
            return w * 1

        def backward(self, gy):
            calls.append(1)
            return gy

    x, w = leaf([1.0]), leaf([2.0])
    y = x * Costly()(w)
    grad(y, x)
    assert not calls
    grad(y, w)
    assert calls


def test_grad_of_grad_and_weights():
    x = leaf([1.0, 2.0])
    gx = grad(x**3, x, create_graph=True)
    ggx = grad(gx, x, grad_outputs=np.array([1.0, 10.0]))
    assert ggx.data.tolist() == [6.0, 120.0]


def test_grad_of_something_by_itself_is_one_of_its_own():
    x = leaf([1.0, 2.0])
    gx = grad(x, x)
    assert gx.data.tolist() == [1.0, 1.0] and not np.shares_memory(gx.data, x.data)


def test_grad_by_what_nothing_depends_on_raises_or_gives_none():
    x, other = leaf([1.0]), leaf([1.0])
    with pytest.raises(ValueError, match="no output depends on input 1"):
        grad(x * 2, [x, other])
    assert grad(x * 2, [x, other], allow_unused=True)[1] is None


# ---- memory


def test_a_graph_is_freed_by_reference_counting_alone():
    gc.disable()
    try:
        x = leaf(np.ones(3))
        y = F.sin(x) * x + F.exp(x)
        y.backward(retain_grad=True, create_graph=True)
        refs = [weakref.ref(v) for v in (y, y.creator, y.creator.inputs[0], x.grad)]
        x.cleargrad()
        del y
        assert all(ref() is None for ref in refs)
    finally:
        gc.enable()


def test_memory_stays_flat_over_many_iterations_with_the_collector_off():
    x = leaf(np.ones(1000))

    def step():
        x.cleargrad()
        y = (F.sin(x) * x).sum()
        y.backward(create_graph=True)
        gx = x.grad
        x.cleargrad()
        (gx * gx).sum().backward()

    gc.disable()
    tracemalloc.start()
    try:
        for _ in range(10):
            step()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(100):
            step()
        assert tracemalloc.get_traced_memory()[0] - before < 20_000
    finally:
        tracemalloc.stop()
        gc.enable()


def test_the_walk_lets_go_of_saved_arrays_as_it_passes():
    x = leaf(np.ones(10))
    alive_when_first_function_ran = []

    class First(Function):
        def forward(self, x):
            return x * 1

        def backward(self, gy):
            alive_when_first_function_ran.append([ref() is not None for ref in refs])
            return gy

    a = First()(x)
    b = F.exp(a)
    c = F.exp(b * 0.1)
    y = c.sum()
    refs = [weakref.ref(v.data) for v in (b, c)]
    del a, b, c
    y.backward(retain_graph=False)
    assert alive_when_first_function_ran == [[False, False]]
    assert x.grad is not None


def test_a_released_graph_says_so_when_it_is_walked_again():
    x = leaf(2.0)
    y = x * x
    y.backward(retain_graph=False)
    with pytest.raises(RuntimeError, match="behind Mul was released"):
        y.backward()


def test_a_million_functions_deep_runs_backward_and_is_freed():
    x = leaf(1.0)
    y = x
    for _ in range(1_000_000):
        y = F.neg(y)
    y.backward()
    assert float(x.grad) == 1.0
    ref = weakref.ref(y.creator)
    del y
    assert ref() is None


def test_a_hundred_thousand_branches_wide_runs_backward_and_is_freed():
    x = leaf(1.0)
    y = F.concat([x.reshape(1) * 2 for _ in range(100_000)]).sum()
    y.backward()
    assert float(x.grad) == 200_000.0


def test_the_number_of_calls_grows_linearly_with_the_graph():
    def calls(n):
        count = 0

        def profiler(frame, event, arg):
            nonlocal count
            count += event in ("call", "c_call")

        x = leaf(1.0)
        y = x
        for i in range(n):
            y = y * 0.5 + x if i % 3 else F.sin(y)
        sys.setprofile(profiler)
        try:
            y.backward()
        finally:
            sys.setprofile(None)
        return count

    assert calls(3000) < 10.5 * calls(300)


def test_unchain_cuts_one_link_and_unchain_backward_all():
    x = leaf(2.0)
    a = x * x
    b = a * a
    a.unchain()
    b.backward()
    assert x.grad is None and float(a.grad) == 8.0
    c = x * 3
    d = c * 2
    e = d * 2
    e.unchain_backward()
    assert c.creator is None and d.creator is None and e.creator is not None


def test_unchain_backward_cuts_what_else_the_functions_on_the_way_returned():
    class Both(dezero.Function):
        def forward(self, x):
            return x * 2, x * 3

        def backward(self, gy0, gy1):
            return gy0 * 2 + gy1 * 3

    x = leaf(2.0)
    a, b = Both()(x * 1)
    c = a * a
    c.unchain_backward()
    assert a.creator is b.creator is None
    b.backward()
    assert x.grad is None and float(b.grad) == 1.0


# ---- in-place changes


def test_detect_inplace_finds_a_changed_input_and_output():
    x = leaf([1.0, 2.0])
    with dezero.detect_inplace():
        y = (x * x).sum()
    x.data += 1
    with pytest.raises(RuntimeError, match="Mul.backward: input 0 was changed in place after the forward pass"):
        y.backward()
    x = leaf([1.0, 2.0])
    with dezero.detect_inplace():
        e = F.exp(x)
        y = e.sum()
    y.backward()
    e.data[0] = 0
    with pytest.raises(RuntimeError, match=r"Sum.backward: input 0|Exp.backward: output 0"):
        y.backward()


# ---- switches


def test_switches_come_back_after_an_exception():
    with pytest.raises(ValueError, match="stop"), no_grad(), dezero.test_mode():
        assert not Config.enable_backprop and not Config.train
        raise ValueError("stop")
    assert Config.enable_backprop and Config.train


def test_switches_work_as_decorators_and_nest():
    @no_grad()
    def f(n):
        return Config.enable_backprop if n == 0 else f(n - 1)

    assert f(3) is False
    context = no_grad()
    with context, context:
        pass
    assert Config.enable_backprop


def test_every_thread_has_its_own_switches():
    seen = {}

    def other():
        seen["start"] = Config.train
        Config.train = True
        with no_grad():
            ready.set()
            done.wait()

    ready, done = threading.Event(), threading.Event()
    with using_config("train", False):
        thread = threading.Thread(target=other)
        thread.start()
        ready.wait()
        assert Config.enable_backprop and not Config.train
        done.set()
        thread.join()
    assert seen["start"] is True


def test_an_unknown_switch_is_an_error_that_lists_the_known_ones():
    with pytest.raises(
        AttributeError, match="no switch 'trian'. There are: enable_backprop, train, detect_inplace, numba"
    ):
        using_config("trian", False)


def test_config_can_be_assigned_directly():
    Config.train = False
    try:
        assert array_equal(F.dropout(np.ones(3)), np.ones(3))
    finally:
        Config.train = True


# ---- dtypes


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_python_scalars_keep_the_dtype(xp, dtype):
    for shape in [(), (2,)]:
        x = Variable(xp.asarray(np.full(shape, 2.0, dtype)))
        for y in (x * 2.0, 1 / x, x**2, 2**x, x - np.float64(1.0), -x, x + True):
            assert y.dtype == dtype
            x.cleargrad()
            y.backward()
            assert x.grad.dtype == dtype and x.grad.shape == shape


def test_integers_meet_a_float_scalar_as_floats():
    x = leaf([1, 2])
    assert (x * 2).dtype.kind == "i" and (x * 0.5).data.tolist() == [0.5, 1.0]
    assert (x**-1).data.tolist() == [1.0, 0.5]


@pytest.mark.parametrize("op", [F.add, F.mul, F.sub, F.div, F.pow, F.matmul])
def test_float16_and_float32_do_not_meet_silently(op):
    with pytest.raises(TypeError, match="float16 and float32 do not meet silently"):
        op(Variable(np.ones((2, 2), np.float16)), Variable(np.ones((2, 2), np.float32)))


def test_gradients_have_the_dtype_of_their_variable_where_float32_meets_float64():
    W, x = Parameter(np.ones((2, 2), np.float32)), np.ones((3, 2))
    y = F.matmul(x, W)
    assert y.dtype == np.float64
    y.sum().backward()
    assert W.grad.dtype == np.float32


# ---- copies


def test_variables_pickle_and_copy_as_leaves(xp):
    x = Variable(xp.asarray(np.array([1.0, 2.0])))
    y = x * x
    y.name = "y"
    for twin in (pickle.loads(pickle.dumps(y)), copy.deepcopy(y)):
        assert twin.creator is None and twin.name == "y"
        assert as_numpy(twin).tolist() == [1.0, 4.0]
        assert twin.data is not y.data


def test_to_gpu_and_to_cpu_move_data_and_gradient(gpu):
    x = leaf([1.0, 2.0])
    (x * x).sum().backward()
    x.to_gpu()
    assert type(x.data) is gpu.ndarray and type(x.grad.data) is gpu.ndarray
    x.to_cpu()
    assert type(x.data) is np.ndarray and x.grad.data.tolist() == [2.0, 4.0]


def test_a_recorded_walk_overlooks_what_stands_for_an_input_that_needs_no_gradient():
    class Scale(Function):
        def forward(self, c, x):
            return c * x

        def backward(self, gy):
            return 0, gy * self.inputs[0]

    c, x = Variable(np.array(2.0), requires_grad=False), leaf(3.0)
    Scale()(c, x).backward(create_graph=True)
    assert float(x.grad) == 2.0
    assert c.grad is None
