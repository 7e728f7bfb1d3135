"""A Layer knows what belongs to it, in order; saves and loads it, moves it, and is called with anything."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest

import dezero.functions as F
from dezero.config import Config, test_mode
from dezero.core import Buffer, Parameter, Variable
from dezero.cuda import as_numpy
from dezero.layers import BatchNorm, Layer, Linear
from dezero.models import MLP
from strict_device import counting, no_sync


def names(layer: Layer) -> list[str]:
    return [name for name, _ in layer.named_params()]


def param(value: float = 0.0) -> Parameter:
    return Parameter(np.array([value]))


class Net(Layer):
    """Two Linear layers with a sigmoid between."""

    def __init__(self, dtype=np.float32):
        super().__init__()
        self.l1 = Linear(3, in_size=2, dtype=dtype)
        self.l2 = Linear(1, dtype=dtype)

    def forward(self, x):
        return self.l2(F.sigmoid(self.l1(x)))


# ---- what belongs to it


def test_parameters_buffers_and_layers_register_and_nothing_else():
    layer = Layer()
    layer.p1, layer.p2, layer.v, layer.text = param(), param(), Variable(np.zeros(1)), "text"
    layer.avg, layer.size, layer.inner = Buffer(np.zeros(1)), (3, 3), Linear(2, in_size=1)
    assert names(layer) == ["p1", "p2", "inner/W", "inner/b"]
    assert [name for name, _ in layer.named_buffers()] == ["avg"]
    assert [name for name, _ in layer.named_layers()] == ["", "inner"]
    assert list(layer._params) == ["p1", "p2", "avg", "inner"], "a reader of the book looks at it"


def test_parameter_order_is_creation_order():
    layer = Layer()
    for name in ("z", "a", "m", "b", "y"):
        setattr(layer, name, param())
    assert names(layer) == ["z", "a", "m", "b", "y"]


def test_parameter_order_is_the_same_in_every_process():
    code = (
        "from dezero.layers import LSTM, Layer, Linear\n"
        "net = Layer()\n"
        "net.lstm, net.blocks, net.by_name = LSTM(3), [Linear(1), Linear(2)], {'x': Linear(1), 'a': Linear(2)}\n"
        "print([name for name, _ in net.named_params()])"
    )
    root = str(Path(__file__).resolve().parents[2])
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": root},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1
    assert "'lstm/x2f/W', 'lstm/x2f/b', 'lstm/x2i/W'" in found.pop()


def test_a_parameter_used_twice_counts_once():
    layer = Layer()
    layer.a = param()
    layer.b = layer.a
    layer.inner = Layer()
    layer.inner.c = layer.a
    layer.items = [layer.a, {"x": layer.a}]
    assert names(layer) == ["a"]
    assert list(layer.params()) == [layer.a]


def test_a_layer_used_twice_counts_once():
    layer = Layer()
    layer.a = Linear(2, in_size=1)
    layer.b = layer.a
    assert names(layer) == ["a/W", "a/b"]


def test_lists_tuples_and_dicts_register_nested_too():
    layer = Layer()
    layer.layers = [Linear(1), F.relu, Linear(1, nobias=True)]
    layer.pair = (param(), "text")
    layer.by_name = {"enc": [Linear(1, nobias=True)], 5: param()}
    assert names(layer) == ["layers/0/W", "layers/0/b", "layers/2/W", "pair/0", "by_name/enc/0/W", "by_name/5"]


def test_what_is_added_to_a_list_or_dict_later_counts_too():
    layer = Layer()
    layer.layers, layer.by_name = [], {}
    layer.layers.append(Linear(1, nobias=True))
    layer.by_name["x"] = param()
    assert names(layer) == ["layers/0/W", "by_name/x"]
    layer.layers.pop()
    assert names(layer) == ["by_name/x"]


def test_an_item_that_is_an_attribute_too_goes_by_the_name_of_the_attribute():
    class BooksMLP(Layer):  # as readers of the book typed it; their weight files say l0/W
        def __init__(self, sizes):
            super().__init__()
            self.layers = []
            for i, size in enumerate(sizes):
                layer = Linear(size)
                setattr(self, "l" + str(i), layer)
                self.layers.append(layer)

    assert names(BooksMLP((3, 1))) == ["l0/W", "l0/b", "l1/W", "l1/b"]


def test_none_takes_a_parameter_out_and_a_parameter_brings_it_back():
    layer = Linear(2, in_size=1)
    layer.b = None
    assert names(layer) == ["W"]
    assert layer(np.ones((1, 1), np.float32)).shape == (1, 2)
    layer.b = Parameter(np.ones(2, np.float32))
    assert names(layer) == ["W", "b"]


def test_deleting_an_attribute_takes_it_out():
    layer = Net()
    del layer.l1, layer.l2.b
    assert names(layer) == ["l2/W"]
    with pytest.raises(AttributeError):
        del layer.l1


def test_replacing_an_attribute_keeps_its_place():
    layer = Layer()
    layer.a, layer.b = param(1), param(2)
    layer.a = new = param(3)
    assert next(layer.params()) is new
    assert names(layer) == ["a", "b"]


def test_layers_that_hold_each_other_are_walked_once():
    layer = Net()
    layer.l1.parent = layer
    layer.items = [layer]
    layer.items.append(layer.items)
    assert names(layer) == ["l1/W", "l1/b", "l2/W", "l2/b"]


@pytest.mark.parametrize("make", [param, lambda: Linear(1), lambda: Buffer(np.zeros(1)), lambda: [Linear(1)]])
def test_a_subclass_that_forgot_super_init_gets_told_so(make):
    class Forgetful(Layer):
        def __init__(self):
            self.part = make()

    with pytest.raises(AttributeError, match=r"Let Forgetful.__init__ begin with super\(\).__init__\(\)"):
        Forgetful()


def test_a_subclass_that_forgot_super_init_and_fills_a_list_later_gets_told_so_too():
    class Forgetful(Layer):
        def __init__(self):
            self.layers = []
            self.layers.append(Linear(1))

    with pytest.raises(AttributeError, match=r"super\(\).__init__\(\)"):
        Forgetful().params()


def test_plain_attributes_and_lists_may_come_before_super_init():
    class Early(Layer):
        def __init__(self):
            self.size, self.layers = 3, []
            super().__init__()
            self.layers.append(Linear(self.size, nobias=True))

    assert names(Early()) == ["layers/0/W"]


def test_a_set_of_layers_is_refused():
    with pytest.raises(TypeError, match="'parts' is a set of parameters or layers, which has no order"):
        Layer().parts = {Linear(1), Linear(2)}
    Layer().words = {"a", "b"}


def test_two_parts_with_one_name_are_refused():
    layer = Layer()
    layer.by_name = {"1": param(), 1: param()}
    with pytest.raises(ValueError, match="Layer: two parts go by the name by_name/1"):
        layer.named_params()


def test_a_long_list_of_layers_is_walked_whole():
    layer = Layer()
    layer.layers = [Linear(1, in_size=1) for _ in range(300)]
    assert len(list(layer.params())) == 600


def test_cleargrads_forgets_every_gradient():
    net = Net()
    F.sum(net(np.ones((4, 2), np.float32))).backward()
    assert all(p.grad is not None for p in net.params())
    net.cleargrads()
    assert all(p.grad is None for p in net.params())


# ---- calling it


def test_a_layer_takes_arguments_of_any_type_and_returns_anything():
    class Odd(Layer):
        def forward(self, x, scale, *, mode="a", extra=None):
            return {"x": x * scale, "mode": mode, "extra": extra}

    assert Odd()(2, scale=3, mode="b") == {"x": 6, "mode": "b", "extra": None}
    assert Odd()("ab", 2)["x"] == "abab"


def test_after_a_call_inputs_and_outputs_are_lists_of_weak_references():
    class Two(Layer):
        def forward(self, x, y, k=1):
            return x + y, x - y

    layer = Two()
    assert layer.inputs == layer.outputs == []
    x, y = Variable(np.ones(1)), np.ones(1)
    a, b = layer(x, y=y, k=3)
    assert layer.inputs[0]() is x and layer.inputs[1]() is y
    assert layer.outputs[0]() is a and layer.outputs[1]() is b
    assert all(isinstance(r, weakref.ref) for r in layer.inputs + layer.outputs)
    del x, a, b
    assert layer.inputs[0]() is None and layer.outputs[0]() is None


def test_a_layer_keeps_no_graph_alive():
    net, x = Net(), Variable(np.ones((1, 2), np.float32))
    gc.disable()
    try:
        reference = weakref.ref(net(x).creator)
        assert reference() is None
    finally:
        gc.enable()


def test_an_attribute_named_outputs_stays_what_it_is():
    class Head(Layer):
        def __init__(self):
            super().__init__()
            self.outputs = Linear(1)

        def forward(self, x):
            return self.outputs(x)

    layer = Head()
    layer(np.ones((1, 2), np.float32))
    assert names(layer) == ["outputs/W", "outputs/b"]


def test_a_subclass_may_override_call():
    class Own(Layer):
        def __init__(self):
            super().__init__()
            self.W = Parameter(np.ones((2, 1)))

        def __call__(self, x):
            return F.matmul(x, self.W)

    assert Own()(np.ones((1, 2))).data.tolist() == [[2.0]]


def test_a_layer_without_forward_says_so():
    with pytest.raises(NotImplementedError, match="Layer has no forward"):
        Layer()(1)


def test_data_given_to_a_layer_gets_no_gradient():
    layer, x = Linear(1, in_size=2), np.ones((1, 2), np.float32)
    y = layer(x)
    assert tuple(y.creator.needs_grad) == (False, True, True)


# ---- where it lives


def test_a_model_moves_to_the_gpu_and_back_with_gradients_and_buffers(gpu):
    net = Net()
    net.bn = BatchNorm()
    x = np.ones((3, 2), np.float32)
    before = net(x)
    net.bn(before)
    F.sum(before).backward()
    net.to_gpu()
    assert {type(v.data) for v in [*net.params(), net.bn.avg_mean]} == {gpu.ndarray}
    assert type(net.l1.W.grad.data) is gpu.ndarray
    assert np.allclose(as_numpy(net(gpu.asarray(x))), before.data, atol=1e-6)
    net.to_cpu()
    assert {type(v.data) for v in [*net.params(), net.bn.avg_mean, net.l1.W.grad]} == {np.ndarray}


def test_to_gpu_before_the_first_call_is_fine(gpu):
    net = Net()
    net.to_gpu()
    assert net.l2.W.data is None
    with no_sync():
        net(gpu.asarray(np.ones((3, 2), np.float32)))
    assert type(net.l2.W.data) is gpu.ndarray


def test_the_weights_are_the_same_on_every_device(xp):
    np.random.seed(0)
    host = MLP((4, 2))
    host(np.ones((1, 3), np.float32))
    np.random.seed(0)
    model = MLP((4, 2))
    model(xp.asarray(np.ones((1, 3), np.float32)))
    for p, q in zip(host.params(), model.params()):
        assert np.array_equal(p.data, as_numpy(q))
        assert p.dtype == q.dtype == np.float32


def test_to_gpu_without_one_says_so_before_anything_waits_for_it(monkeypatch):
    monkeypatch.setattr("dezero.cuda.cupy", None, raising=False)
    with pytest.raises(RuntimeError, match="CuPy is not installed"):
        Linear(1, nobias=True).to_gpu()


# ---- files


def test_saved_weights_load_into_a_fresh_model(tmp_path):
    x = np.random.default_rng(0).standard_normal((4, 2)).astype(np.float32)
    net, other = Net(), Net()
    y = net(x)
    net.save_weights(tmp_path / "net.npz")
    with np.load(tmp_path / "net.npz") as archive:
        assert archive.files == ["l1/W", "l1/b", "l2/W", "l2/b"]
    other.load_weights(str(tmp_path / "net.npz"))
    assert np.array_equal(other(x).data, y.data)
    assert other.l2.W is not net.l2.W


def test_running_statistics_are_saved_with_the_weights_but_are_no_parameters(tmp_path):
    bn = BatchNorm()
    bn(np.random.default_rng(0).standard_normal((8, 3)))
    bn.save_weights(tmp_path / "bn.npz")
    fresh = BatchNorm()
    fresh.load_weights(tmp_path / "bn.npz")
    assert np.array_equal(fresh.avg_mean.data, bn.avg_mean.data)
    assert np.array_equal(fresh.avg_var.data, bn.avg_var.data)
    assert names(bn) == ["gamma", "beta"]
    with np.load(tmp_path / "bn.npz") as archive:
        assert sorted(archive.files) == ["avg_mean", "avg_var", "beta", "gamma"]


def test_saving_leaves_the_model_on_its_gpu(gpu, tmp_path):
    net = Net()
    net.to_gpu()
    net(gpu.asarray(np.ones((3, 2), np.float32)))
    arrays = [p.data for p in net.params()]
    with counting() as seen:
        net.save_weights(tmp_path / "net.npz")
    assert seen.uploads == 0
    assert all(p.data is array for p, array in zip(net.params(), arrays))
    with np.load(tmp_path / "net.npz") as archive:
        assert np.array_equal(archive["l2/W"], as_numpy(net.l2.W))


def test_loading_puts_arrays_where_the_parameters_live(gpu, tmp_path):
    source = Net()
    source(np.ones((1, 2), np.float32))
    source.save_weights(tmp_path / "net.npz")
    net = Net()
    net.to_gpu()  # before the first call: l2/W waits, on the GPU
    net.load_weights(tmp_path / "net.npz")
    for p, q in zip(net.params(), source.params()):
        assert type(p.data) is gpu.ndarray
        assert np.array_equal(as_numpy(p), q.data)
    net.to_cpu()
    net.l2.W.data = None
    net.load_weights(tmp_path / "net.npz")
    assert type(net.l2.W.data) is np.ndarray


def test_loading_writes_into_the_memory_that_is_there(tmp_path):
    net = Linear(2, in_size=2)
    net.save_weights(tmp_path / "a.npz")
    array = net.W.data
    array += 1
    net.load_weights(tmp_path / "a.npz")
    assert net.W.data is array


def test_saving_what_has_no_value_yet_names_it(tmp_path):
    with pytest.raises(ValueError, match=r"Net.save_weights: no value yet for l2/W. Call the model once on a batch"):
        Net().save_weights(tmp_path / "net.npz")
    assert os.listdir(tmp_path) == []


def test_loading_reports_every_difference_and_changes_nothing(tmp_path):
    arrays = {"l1/W": np.ones((5, 3)), "l2/W": np.ones((4, 2), np.float32), "l2/b": np.ones(1, np.float32)}
    np.savez(tmp_path / "other.npz", **arrays, extra=np.ones(1))
    net = Net()
    before = net.l1.W.data.copy()
    with pytest.raises(ValueError) as caught:
        net.load_weights(tmp_path / "other.npz")
    assert str(caught.value).split("\n  ") == [
        f"Net.load_weights: {tmp_path / 'other.npz'} does not fit:",
        "l1/b is not in the file",
        "extra is in the file only",
        "l1/W has shape (5, 3) in the file, (2, 3) in the model",
        "l1/W is float64 in the file, float32 in the model",
        "l2/W has shape (4, 2) in the file, (any, 1) in the model",
    ]
    assert np.array_equal(net.l1.W.data, before)
    assert net.l2.W.data is None
    assert net.l2.b.data.tolist() == [0.0]


def test_an_interrupted_save_leaves_the_old_weights_whole(tmp_path, monkeypatch):
    net = Linear(2, in_size=2)
    net.save_weights(tmp_path / "a.npz")
    before = (tmp_path / "a.npz").read_bytes()
    net.W.data += 1

    def fail(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(KeyboardInterrupt):
        net.save_weights(tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_bytes() == before
    assert os.listdir(tmp_path) == ["a.npz"]


def test_a_weight_file_with_a_pickle_in_it_is_refused(tmp_path):
    np.savez(tmp_path / "w.npz", W=np.array([{}], dtype=object), b=np.zeros(1))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        Linear(1, in_size=1).load_weights(tmp_path / "w.npz")


# ---- copies


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("called", [False, True], ids=["fresh", "after a call"])
def test_models_pickle_and_deep_copy_after_a_forward_pass_too(copied, called):
    model, x = MLP((3, 1), activation=F.relu), np.ones((4, 2), np.float32)
    model.tied = model.l0
    if called:
        F.sum(model(Variable(x))).backward()
    twin = copied(model)
    assert names(twin) == names(model)
    assert twin.tied is twin.l0 is twin.layers[0] and twin.l0 is not model.l0
    assert twin.inputs == twin.outputs == []
    if called:
        twin.l0.W.data += 1
        assert np.array_equal(twin.l1.W.grad.data, model.l1.W.grad.data)
        assert not np.array_equal(twin.l0.W.data, model.l0.W.data)
    assert twin(x).shape == (4, 1)


def test_a_shallow_copy_has_a_list_of_parameters_of_its_own():
    layer = Linear(2, in_size=2)
    twin = copy.copy(layer)
    twin.b = None
    assert names(layer) == ["W", "b"]
    assert names(twin) == ["W"]
    assert twin.W is layer.W


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_keep_the_mode(copied):
    model = Dropping()
    model.inner.eval()
    twin = copied(model)
    assert twin.training and not twin.inner.training
    assert drops(twin) and not drops(twin.inner)


# ---- train mode and test mode


class Dropping(Layer):
    """Drops, and has an inner layer that drops."""

    def __init__(self, depth=1):
        super().__init__()
        if depth:
            self.inner = Dropping(depth - 1)
            self.items = [Dropping(0)]

    def forward(self, x):
        return F.dropout(x)


class DroppingCall(Layer):
    def __call__(self, x):
        return F.dropout(x)


def drops(layer) -> bool:
    return not as_numpy(layer(np.ones(200))).all()


def test_eval_marks_the_whole_tree_and_train_takes_it_back():
    model = Dropping()
    assert model.training and drops(model)
    assert model.eval() is model
    assert not any(layer.training or drops(layer) for _, layer in model.named_layers())
    assert model.train() is model
    assert all(layer.training and drops(layer) for _, layer in model.named_layers())
    assert not model.train(False).training
    assert Config.train


def test_one_layer_may_be_frozen_alone():
    model = Dropping()
    model.eval().train()
    model.inner.eval()
    assert drops(model) and not drops(model.inner) and drops(model.items[0])


def test_a_frozen_batch_norm_goes_by_its_running_statistics_and_leaves_them():
    bn, x = BatchNorm(), np.array([[1.0], [3.0]])
    bn(x)
    before = bn.avg_mean.data.copy()
    bn.eval()
    assert not np.allclose(bn(x).data, bn.train()(x).data)
    bn.avg_mean.data[...] = before
    bn.eval()(x)
    assert np.array_equal(bn.avg_mean.data, before)


def test_the_global_mode_comes_before_the_layers_own():
    model = Dropping().train()
    with test_mode():
        assert not model.training and not drops(model)
        assert not model.eval().training
    assert not model.training


def test_what_is_added_or_called_inside_a_marked_layer_obeys_too():
    class Outer(Layer):
        def forward(self, x):
            return self.late(x)

    model = Outer().eval()
    model.late = Dropping()
    assert model.late.training, "by itself it was not marked"
    assert not drops(model)


def test_a_layer_that_overrides_call_obeys_eval_too():
    layer = DroppingCall()
    assert drops(layer)
    assert not drops(layer.eval())
    assert drops(layer.train())


def test_an_error_in_a_marked_layer_leaves_the_mode_as_it_was():
    class Failing(Layer):
        def forward(self):
            assert not Config.train
            raise KeyError

    class FailingCall(Layer):
        __call__ = Failing.forward

    for layer in (Failing().eval(), FailingCall().eval()):
        with pytest.raises(KeyError):
            layer()
        assert Config.train


def test_a_marked_layer_leaves_other_threads_alone():
    inside, seen = threading.Barrier(2, timeout=10), []

    class Waiting(Layer):
        def forward(self):
            inside.wait()
            seen.append(Config.train)
            inside.wait()

    thread = threading.Thread(target=Waiting().eval())
    thread.start()
    inside.wait()
    assert Config.train
    inside.wait()
    thread.join()
    assert seen == [False]


def test_training_cannot_be_set():
    with pytest.raises(AttributeError, match=r"Dropping.training cannot be set. Call train\(\) or eval\(\)"):
        Dropping().training = False


def test_the_mode_is_not_in_weight_files(tmp_path):
    layer = Linear(2, in_size=2).eval()
    layer.save_weights(tmp_path / "w.npz")
    other = Linear(2, in_size=2)
    other.load_weights(tmp_path / "w.npz")
    assert other.training and not layer.training


def test_a_layer_that_is_nothing_special_is_called_without_detours():
    layer = Linear(1, in_size=1)
    assert layer._is_plain and "_is_plain" not in vars(layer)
    layer.eval()
    assert not layer._is_plain
    assert layer.train()._is_plain


# ---- states


def test_a_state_dict_holds_copies_on_the_host(xp):
    net = MLP((3, 1))
    net.bn = BatchNorm()
    net.bn(net(xp.asarray(np.ones((3, 2), np.float32))))
    state = net.state_dict()
    assert sorted(state) == ["bn/avg_mean", "bn/avg_var", "bn/beta", "bn/gamma", "l0/W", "l0/b", "l1/W", "l1/b"]
    assert all(type(array) is np.ndarray for array in state.values())
    before = state["l0/W"].copy()
    net.l0.W.data += 1
    assert np.array_equal(state["l0/W"], before)


def test_a_state_loads_into_a_fresh_model_and_stays_apart_from_it(gpu):
    source, net = Net(), Net()
    source(np.ones((1, 2), np.float32))
    state = source.state_dict()
    net.to_gpu()
    assert net.load_state_dict(state) == ([], [])
    assert all(type(p.data) is gpu.ndarray for p in net.params())
    other = Net()
    other.load_state_dict({name: Variable(gpu.asarray(array)) for name, array in state.items()})
    for p, q, r in zip(source.params(), net.params(), other.params()):
        assert np.array_equal(p.data, as_numpy(q)) and np.array_equal(p.data, r.data)
    state["l2/W"] += 1
    other.l2.W.data -= 1
    assert np.array_equal(as_numpy(net.l2.W), source.l2.W.data)
    assert np.array_equal(state["l2/W"], source.l2.W.data + 1)


def test_loading_a_state_reports_every_difference_and_changes_nothing():
    net = Net()
    before = net.l1.W.data.copy()
    state = {"l1/W": np.ones((5, 3)), "l1/b": np.ones(3, np.float32), "l2/W": np.ones((4, 2), np.float32), "x": 1}
    with pytest.raises(ValueError) as caught:
        net.load_state_dict(state)
    assert str(caught.value).split("\n  ") == [
        "Net.load_state_dict: the state does not fit:",
        "l2/b is not in the state",
        "x is in the state only",
        "l1/W has shape (5, 3) in the state, (2, 3) in the model",
        "l1/W is float64 in the state, float32 in the model",
        "l2/W has shape (4, 2) in the state, (any, 1) in the model",
    ]
    with pytest.raises(ValueError, match="l1/W has shape"):
        net.load_state_dict(state, strict=False)
    assert np.array_equal(net.l1.W.data, before) and not net.l1.b.data.any()


def test_loading_less_or_more_than_there_is_tells_what_was_left_out():
    net = Net()
    found = net.load_state_dict({"l1/b": np.ones(3, np.float32), "head/W": np.ones(1)}, strict=False)
    assert found.missing == ["l1/W", "l2/W", "l2/b"] and found.unexpected == ["head/W"]
    assert net.l1.b.data.tolist() == [1.0] * 3 and net.l2.W.data is None


def test_a_state_dict_of_what_has_no_value_yet_names_it():
    with pytest.raises(ValueError, match=r"Net.state_dict: no value yet for l2/W. Call the model once"):
        Net().state_dict()
