"""A graph as data: nodes, arrows, the layers they belong to, and where gradients come from."""

from __future__ import annotations

import numpy as np
import pytest

import dezero
import dezero.functions as F
import dezero.layers as L
from dezero import Model, Parameter, Variable, core_simple
from dezero.graph import build_graph, record_layers
from dezero.graph.gradients import trace_gradients
from dezero.models import MLP, Sequential


class Nested(Model):
    """Calls one layer twice, and a model in a model."""

    def __init__(self):
        super().__init__()
        self.twice = L.Linear(3, in_size=3)
        self.inner = MLP((4, 3))

    def forward(self, x):
        return F.relu(self.inner(self.twice(self.twice(x))))


def recorded(model, *inputs):
    with record_layers(model) as calls:
        y = model(*inputs)
    return build_graph([y], calls), calls


def names(groups):
    return [(g.name, g.kind, g.call, g.calls) for g in groups]


def test_nodes_know_what_they_are_and_what_leads_where():
    x, W = Variable(np.ones((2, 3), np.float32), "x"), Parameter(np.ones((3, 1), np.float32), "W")
    graph = build_graph([F.matmul(x, W)])
    y, f, *leaves = graph.nodes
    assert (y.is_variable, y.shape, y.dtype, y.is_leaf) == (True, (2, 1), "float32", False)
    assert (f.is_variable, f.name, f.shape, f.dtype) == (False, "MatMul", None, None)
    assert [(n.name, n.is_parameter, n.is_leaf, n.is_aside) for n in leaves] == [
        ("x", False, True, False),
        ("W", True, True, True),
    ]
    assert (f.inputs, f.outputs, y.inputs) == ([2, 3], [0], [1])
    assert graph.edges == [(1, 0), (2, 1), (3, 1)]
    assert graph.place(W) == 3 and graph.place(Variable(np.ones(1))) is None


def test_functions_come_after_those_whose_results_they_take():
    x = Variable(np.array(2.0))
    a = x * x
    places = [node.place for node in build_graph([F.sin(a) + a]).functions()]
    graph = build_graph([F.sin(a) + a])
    assert [graph.nodes[p].name for p in places] == ["Mul", "Sin", "Add"]


def test_functions_are_in_the_boxes_of_the_layers_that_called_them():
    graph, _ = recorded(Nested(), np.ones((2, 3), np.float32))
    (model,) = graph.root.groups
    assert names(model.groups) == [("twice", "Linear", 1, 2), ("twice", "Linear", 2, 2), ("inner", "MLP", 1, 1)]
    inner = model.groups[2]
    assert names(inner.groups) == [("inner/l0", "Linear", 1, 1), ("inner/l1", "Linear", 1, 1)]
    assert [graph.nodes[p].name for p in inner.functions] == ["Sigmoid"]
    assert [graph.nodes[p].name for p in model.functions] == ["ReLU"]
    assert (inner.output_shape, inner.params, inner.level, model.level) == ((2, 3), 31, 1, 0)
    assert [g.name for g in inner.groups[0].ancestors()] == ["inner/l0", "inner", "", ""]


def test_what_was_computed_before_and_after_the_model_is_in_no_layer():
    model, x = MLP((3, 1)), Variable(np.ones((2, 2)))
    with record_layers(model) as calls:
        loss = F.sum(model(F.exp(x).astype(np.float32)))
    graph = build_graph([loss], calls)
    assert sorted(graph.nodes[p].name for p in graph.root.functions) == ["Cast", "Exp", "Sum"]


def test_a_layer_is_plain_again_after_it_was_followed():
    model = MLP((3, 1))
    with record_layers(model):
        model(np.ones((2, 2), np.float32))
    assert all(layer._is_plain for _, layer in model.named_layers())


def test_hooks_are_taken_out_after_an_error_too():
    model = Sequential(L.Linear(2), lambda x: 1 / 0)
    with pytest.raises(ZeroDivisionError), record_layers(model):
        model(np.ones((1, 2), np.float32))
    assert all(layer._is_plain for _, layer in model.named_layers())


def test_a_model_that_overrides_call_is_followed_by_plot(tmp_path):
    class Odd(Model):
        def __init__(self):
            super().__init__()
            self.l = L.Linear(2)

        def __call__(self, x):
            return F.relu(self.l(x))

    Odd().plot(np.ones((1, 2), np.float32), to_file=tmp_path / "odd.dot", layers=True)
    text = (tmp_path / "odd.dot").read_text()
    assert text.count("subgraph") == 2 and "<b>Odd</b>" in text and "<b>l: Linear</b>" in text


def test_arguments_and_parameters_have_their_names():
    graph, _ = recorded(MLP((1,)), np.ones((2, 2), np.float32))
    assert sorted(n.name for n in graph.nodes if n.is_leaf) == ["W", "b", "x"]
    assert [n.is_aside for n in graph.nodes if n.name == "x"] == [False]


@pytest.mark.parametrize("what", [F.relu, None, 3])
def test_only_layers_are_followed(what):
    with pytest.raises(TypeError, match="record_layers: a Layer or a Model is wanted, got"):
        record_layers(what)


def test_each_order_of_gradients_is_known():
    x = Variable(np.array(0.5), "x")
    pairs, sources = trace_gradients([F.tanh(x)], 3)
    assert [(len(p), p[0][0].name, p[0][1] is x) for p in pairs] == [(1, "g" * n + "x", True) for n in (1, 2, 3)]
    t = np.tanh(0.5)
    expected = [1 - t**2, -2 * t * (1 - t**2), (1 - t**2) * (6 * t**2 - 2)]
    assert np.allclose([p[0][0].data for p in pairs], expected)
    graph = build_graph([F.tanh(x)], gradients=pairs, sources=sources)
    assert {node.order for node in graph.nodes} == {0, 1, 2, 3}
    assert x.grad is None


def test_gradients_stop_where_nothing_depends_on_the_leaves():
    x = Variable(np.array(2.0), "x")
    pairs, _ = trace_gradients([x + x], 5)
    assert len(pairs) < 5


def test_watching_leaves_no_trace_on_the_functions():
    x = Variable(np.array(2.0))
    y = F.sin(x * x)
    trace_gradients([y], 2)
    graph = build_graph([y])
    assert all("backward" not in vars(node.subject) for node in graph.nodes if not node.is_variable)


def test_gradients_are_in_the_boxes_of_what_they_are_the_gradients_of():
    model, x = Nested(), Variable(np.ones((2, 3), np.float32), "x")
    with record_layers(model) as calls:
        loss = F.sum(model(x))
    pairs, sources = trace_gradients([loss], 1)
    root = build_graph([loss], calls, pairs, sources).root
    forward, backward = sorted(root.groups, key=lambda g: g.order)
    assert (forward.order, backward.order) == (0, 1)
    assert {g.name for g in backward.groups} == {"twice", "inner"}
    assert len(backward.groups) == 3


def test_a_deep_graph_needs_no_recursion_and_linear_work():
    def edges(n):
        y = core_simple.Variable(np.array(1.0))
        for _ in range(n):
            y = -y
        return len(build_graph([y]).edges)

    assert edges(20_000) == 10 * edges(2_000) == 40_000


def test_the_order_of_a_repeated_output_is_kept():
    x = dezero.Variable(np.array(1.0))
    y = x * x
    assert build_graph([y, x, y]).outputs == [0, 1]
