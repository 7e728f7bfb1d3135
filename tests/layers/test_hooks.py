"""Hooks see and change what goes into a layer, what comes out of it, and the gradients on their way back."""

from __future__ import annotations

import copy
import pickle
from collections import namedtuple

import numpy as np
import pytest

import dezero.functions as F
from dezero.config import no_grad
from dezero.core import Variable, grad
from dezero.cuda import as_numpy
from dezero.layers import EmbedID, Layer, Linear
from dezero.models import Sequential


class Product(Layer):
    """Two inputs, two outputs: x y and x + y."""

    def forward(self, x, y, flip=False):
        return (x + y, x * y) if flip else (x * y, x + y)


def var(*values: float, **options) -> Variable:
    return Variable(np.array(values), **options)


# ---- on the way forward


def test_a_pre_hook_sees_the_arguments_and_may_change_them():
    layer, seen = Product(), []
    layer.register_forward_pre_hook(lambda layer, inputs: seen.append((layer, inputs)))
    x, y = var(2.0), var(3.0)
    layer(x, y)
    assert seen == [(layer, (x, y))]
    layer.register_forward_pre_hook(lambda layer, inputs: (inputs[0] * 10, inputs[1]))
    assert layer(x, y)[0].data.tolist() == [60.0]


def test_a_pre_hook_of_one_argument_need_not_return_a_tuple():
    layer = Sequential(F.exp)
    layer.register_forward_pre_hook(lambda layer, inputs: inputs[0] * 0)
    assert layer(var(5.0)).data.tolist() == [1.0]


def test_a_forward_hook_sees_the_result_and_may_change_it():
    layer, seen = Product(), []
    layer.register_forward_hook(lambda layer, inputs, output: seen.append((inputs, output)))
    x, y = var(2.0), var(3.0)
    outputs = layer(x, y)
    assert seen[0][0] == (x, y) and seen[0][1] is outputs
    layer.register_forward_hook(lambda layer, inputs, output: "something else")
    assert layer(x, y) == "something else"


def test_hooks_with_kwargs_get_the_keyword_arguments_too():
    layer, seen = Product(), []
    with layer.register_forward_hook(lambda *args: seen.append(args[2]), with_kwargs=True):
        layer(var(2.0), y=var(3.0), flip=True)
    assert set(seen[0]) == {"y", "flip"}
    layer.register_forward_pre_hook(lambda layer, args, kwargs: (args, kwargs | {"flip": True}), with_kwargs=True)
    assert layer(var(2.0), var(3.0))[0].data.tolist() == [5.0]


def test_hooks_are_called_in_the_order_in_which_they_came_each_with_what_the_last_one_left():
    layer = Sequential(F.exp)
    layer.register_forward_hook(lambda layer, inputs, y: [y])
    layer.register_forward_hook(lambda layer, inputs, y: (*y, "second"))
    y, word = layer(Variable(np.array(0.0)))
    assert float(y) == 1.0 and word == "second"


def test_a_hook_may_take_itself_out_while_it_is_called():
    layer, calls = Linear(1, in_size=1), []
    handles = [layer.register_forward_hook(lambda *args: (calls.append(1), handles[0].remove())[2:] or None)]
    layer.register_forward_hook(lambda *args: calls.append(2))
    x = np.ones((1, 1), np.float32)
    layer(x)
    layer(x)
    assert calls == [1, 2, 2]


def test_a_removed_hook_is_called_no_more_and_the_layer_is_as_fast_as_before():
    layer, calls = Linear(1, in_size=1), []
    x = np.ones((1, 1), np.float32)
    assert layer._is_plain
    with layer.register_forward_hook(lambda *args: calls.append(1)) as handle:
        assert not layer._is_plain
        layer(x)
    assert layer._is_plain
    layer(x)
    handle.remove()
    assert calls == [1]


def test_hooks_of_a_layer_in_a_model_are_called_too():
    model, seen = Sequential(Linear(3), F.relu, Linear(1)), []
    model[0].register_forward_hook(lambda layer, inputs, y: seen.append(y.shape))
    model(np.ones((5, 2), np.float32))
    assert seen == [(5, 3)]


def test_a_layer_that_overrides_call_calls_no_hooks():
    class Own(Layer):
        def __call__(self, x):
            return x

    layer = Own()
    layer.register_forward_hook(lambda *args: 1 / 0)
    assert layer(3) == 3


def test_copies_leave_the_hooks_behind():
    layer = Linear(1, in_size=1)
    layer.register_forward_hook(lambda *args: "changed")
    x = np.ones((1, 1), np.float32)
    for twin in (copy.copy(layer), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert twin(x).shape == (1, 1)
        assert twin._is_plain
    assert layer(x) == "changed"


# ---- on the way back


def test_a_backward_hook_sees_the_gradients_of_inputs_and_outputs(xp):
    layer, seen = Product(), []
    layer.register_full_backward_hook(lambda *args: seen.append(args))
    x, y = Variable(xp.asarray([2.0])), Variable(xp.asarray([3.0]))
    product, total = layer(x, y)
    (product * 10 + total).backward()
    ((which, grad_input, grad_output),) = seen
    assert which is layer
    assert [as_numpy(g).tolist() for g in grad_input] == [[31.0], [21.0]]
    assert [as_numpy(g).tolist() for g in grad_output] == [[10.0], [1.0]]
    assert as_numpy(x.grad).tolist() == [31.0] and as_numpy(y.grad).tolist() == [21.0]


def test_a_backward_hook_may_change_the_gradients_of_the_inputs():
    layer = Product()
    layer.register_full_backward_hook(lambda layer, gxs, gys: (gxs[0] * 2, gxs[1]))
    layer.register_full_backward_hook(lambda layer, gxs, gys: (gxs[0] + 1, None))
    x, y = var(2.0), var(3.0)
    layer(x, y)[0].backward()
    assert x.grad.data.tolist() == [7.0]
    assert y.grad is None


def test_parameters_keep_their_gradients_whatever_a_backward_hook_does():
    layer, x = Linear(2, in_size=3, dtype=np.float64), Variable(np.arange(3.0)[None])
    layer.register_full_backward_hook(lambda layer, gxs, gys: gxs[0] * 0)
    layer(x).backward()
    assert layer.W.grad.data.tolist() == [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]
    assert not x.grad.data.any()


def test_an_output_that_nobody_used_has_a_gradient_of_zeros():
    layer, seen = Product(), []
    layer.register_full_backward_hook(lambda layer, gxs, gys: seen.append([g.data.tolist() for g in gys]))
    layer(var(2.0), var(3.0))[0].backward()
    assert seen == [[[1.0], [0.0]]]


def test_inputs_that_take_no_gradient_have_none():
    layer, seen = Product(), []
    layer.register_full_backward_hook(lambda layer, gxs, gys: seen.append(gxs))
    x = var(2.0)
    layer(x, np.array([3.0]))[0].backward()
    layer(x, var(3.0, requires_grad=False))[0].backward()
    layer(x, 3.0)[0].backward()
    assert [(gxs[0].data.tolist(), gxs[1]) for gxs in seen] == [([3.0], None)] * 3


def test_a_layer_of_data_alone_calls_its_backward_hook_with_the_gradients_of_the_outputs():
    layers = [Linear(2, in_size=2), EmbedID(3, 2)]
    for layer, x in zip(layers, [np.ones((1, 2), np.float32), Variable(np.array([0, 2]))]):
        seen = []
        layer.register_full_backward_hook(lambda layer, gxs, gys, seen=seen: seen.append((gxs, gys[0].shape)))
        y = layer(x)
        y.backward()
        assert seen == [((None,), y.shape)]
        assert layer.W.grad is not None


def test_a_backward_hook_works_in_a_recorded_walk_and_what_it_does_is_differentiated():
    layer = Sequential(lambda x: x**3)
    layer.register_full_backward_hook(lambda layer, gxs, gys: gxs[0] * gxs[0])
    x = var(2.0)
    gx = grad(layer(x), x, create_graph=True)  # (3 x^2)^2 = 9 x^4
    assert gx.data.tolist() == [144.0]
    gx.backward()
    assert x.grad.data.tolist() == [36.0 * 2.0**3]


def test_a_second_derivative_goes_through_a_layer_with_a_backward_hook():
    layer, calls = Sequential(F.sin), []
    layer.register_full_backward_hook(lambda *args: calls.append(1))
    x = var(0.5)
    gx = grad(layer(x), x, create_graph=True)
    gx2 = grad(gx, x, create_graph=True)
    gx3 = grad(gx2, x)
    assert gx2.data == pytest.approx(-np.sin(0.5)) and gx3.data == pytest.approx(-np.cos(0.5))
    assert calls == [1], "only the walk that comes by the outputs is a backward pass of the layer"


def test_two_calls_of_one_layer_have_a_backward_pass_each():
    layer, seen = Sequential(lambda x: x * x), []
    layer.register_full_backward_hook(lambda layer, gxs, gys: seen.append((float(gxs[0]), float(gys[0]))))
    layer(layer(Variable(np.array(3.0)))).backward()
    assert seen == [(18.0, 1.0), (108.0, 18.0)]


Pair = namedtuple("Pair", "first second")


@pytest.mark.parametrize(
    ("wrap", "first"),
    [
        (lambda y: [y, "text"], lambda out: out[0]),
        (lambda y: {"y": y, "n": 3}, lambda out: out["y"]),
        (lambda y: Pair(y, None), lambda out: out.first),
    ],
)
def test_backward_hooks_find_the_outputs_in_a_list_a_dict_and_a_named_tuple(wrap, first):
    layer, seen = Sequential(lambda x: wrap(x * 2)), []
    layer.register_full_backward_hook(lambda layer, gxs, gys: seen.append(gys))
    out = layer(var(1.0))
    assert type(out) is type(wrap(1))
    first(out).backward()
    assert seen[0][0].data.tolist() == [1.0] and seen[0][1] is None


def test_a_removed_backward_hook_is_not_called_for_earlier_calls_either():
    layer = Product()
    handle = layer.register_full_backward_hook(lambda *args: 1 / 0)
    x = var(2.0)
    y = layer(x, var(3.0))[0]
    handle.remove()
    y.backward()
    assert x.grad.data.tolist() == [3.0]


def test_nothing_is_recorded_for_backward_hooks_under_no_grad():
    layer = Product()
    layer.register_full_backward_hook(lambda *args: 1 / 0)
    with no_grad():
        y = layer(var(2.0), var(3.0))[0]
    assert y.creator is None


def test_a_backward_hook_that_returns_too_few_gradients_is_told_so():
    layer = Product()
    layer.register_full_backward_hook(lambda layer, gxs, gys: gxs[0])
    with pytest.raises(RuntimeError, match=r"Product: a backward hook returned 1 gradients, but .* with 2 inputs"):
        layer(var(2.0), var(3.0))[0].backward()


def test_gradients_beside_a_backward_hook_are_those_without_it_and_share_no_memory():
    rng = np.random.default_rng(0)
    x = Variable(rng.standard_normal((4, 3)))
    layer, kept = Linear(2, in_size=3, dtype=np.float64), []
    plain = grad(F.sum(layer(x) ** 2), [x, layer.W, layer.b])
    with layer.register_full_backward_hook(lambda layer, gxs, gys: kept.extend(gxs)):
        F.sum(layer(x) ** 2).backward()
    for g, v in zip(plain, [x, layer.W, layer.b]):
        assert np.array_equal(g.data, v.grad.data)
    assert not np.shares_memory(kept[0].data, x.grad.data)


def test_hooks_mean_what_they_mean_in_pytorch():
    torch = pytest.importorskip("torch")

    class Theirs(torch.nn.Module):
        def forward(self, x, y):
            return x * y, x + y

    def trace(layer, x, y):
        seen = []
        layer.register_forward_pre_hook(lambda layer, xs: (xs[0] * 2, xs[1]))
        layer.register_forward_hook(lambda layer, xs, ys: (seen.append([x.item() for x in xs]), (ys[0] + 1, ys[1]))[1])
        layer.register_full_backward_hook(
            lambda layer, gxs, gys: (
                seen.append([None if g is None else g.item() for g in (*gxs, *gys)]),
                (gxs[0] * 3, gxs[1]),
            )[1]
        )
        a, b = layer(x, y)
        (a * 5 + b).backward()
        return seen, x.grad.item(), None if y.grad is None else y.grad.item()

    ours = trace(Product(), Variable(np.array(2.0)), Variable(np.array(3.0)))
    theirs = trace(Theirs(), torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True))
    assert ours == theirs
