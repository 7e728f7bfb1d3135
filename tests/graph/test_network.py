"""The look of a network: boxes of layers, folded and open, gradients beside them, all drawn by the real ``dot``."""

from __future__ import annotations

import re
import shutil
import subprocess
import warnings
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import dezero.functions as F
import dezero.layers as L
from dezero import Model, Parameter, Variable, core_simple
from dezero.graph import Picture, draw_graph, get_dot_graph, plot_dot_graph, plot_model, record_layers
from dezero.models import MLP, Sequential

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is not installed")
X = np.ones((2, 3), np.float32)


class Block(L.Layer):
    """y = relu(x W + b) + x."""

    def __init__(self):
        super().__init__()
        self.fc = L.Linear(3, in_size=3)

    def forward(self, x):
        return F.relu(self.fc(x)) + x


def tower(n):
    return Sequential(*[Block() for _ in range(n)], L.Linear(2, in_size=3))


class Drawn:
    """What is in a picture that ``dot`` made of DOT text."""

    def __init__(self, text):
        svg = subprocess.run(["dot", "-Tsvg"], input=text.encode(), capture_output=True, check=True)
        assert svg.stderr == b"", svg.stderr
        space = "{http://www.w3.org/2000/svg}"
        self.root = ET.fromstring(svg.stdout)
        groups = [g for g in self.root.iter(f"{space}g") if any(True for _ in g.iter(f"{space}text"))]
        self.nodes = [self.words(g) for g in groups if g.get("class") == "node"]
        self.boxes = [self.words(g) for g in groups if g.get("class") == "cluster"]
        self.arrows = [g for g in self.root.iter(f"{space}g") if g.get("class") == "edge"]
        self.text = "\n".join("".join(t.itertext()) for t in self.root.iter(f"{space}text"))

    @staticmethod
    def words(group):
        return [t.text for t in group.iter("{http://www.w3.org/2000/svg}text")]

    def titles(self):
        return sorted(words[0] for words in self.nodes)


def text_of(model, *inputs, **options):
    return plot_model(model, *inputs, to_file=None, **options).dot


# ---- boxes


@needs_dot
def test_an_open_model_shows_every_function_in_its_box_with_its_parameters():
    drawn = Drawn(text_of(MLP((4, 1)), X, layers=True))
    assert drawn.titles() == sorted(
        "x: (2, 3) float32|Linear|Sigmoid|Linear|output: (2, 1) float32|W (3, 4)|b (4,)|W (4, 1)|b (1,)".split("|")
    )
    assert sorted(drawn.boxes) == [
        ["MLP", "(2, 1)", "21 parameters"],
        ["l0: Linear", "(2, 4)", "16 parameters"],
        ["l1: Linear", "(2, 1)", "5 parameters"],
    ]


@needs_dot
def test_depth_1_folds_each_part_to_one_node():
    drawn = Drawn(text_of(MLP((4, 1)), X, depth=1))
    assert drawn.nodes[2:] != [] and ["l0: Linear", "(2, 4)", "16 parameters"] in drawn.nodes
    assert drawn.titles() == ["Sigmoid", "l0: Linear", "l1: Linear", "output: (2, 1) float32", "x: (2, 3) float32"]
    assert drawn.boxes == [["MLP", "(2, 1)", "21 parameters"]]
    assert drawn.text.count("(2, 4)") == 3  # two arrows say so, and the layer whose result it is


@needs_dot
def test_depth_0_is_one_node():
    drawn = Drawn(text_of(MLP((4, 1)), X, depth=0))
    assert drawn.titles() == ["MLP", "output: (2, 1) float32", "x: (2, 3) float32"]
    assert drawn.boxes == [] and len(drawn.arrows) == 2


def test_verbose_false_leaves_shapes_out():
    text = text_of(MLP((4, 1)), X, depth=1, verbose=False)
    assert "(2, 4)" not in text and "float32" not in text and "16 parameters" in text


def test_an_arrow_names_a_dtype_that_is_not_the_usual_one():
    model = Sequential(L.Linear(3, in_size=3), F.relu, lambda x: x.astype(np.float64), F.exp)
    text = text_of(model, X, layers=True)
    assert "(2, 3) float64" in text and text.count("(2, 3) float32") == 1  # the latter where it comes in


def test_parameters_may_be_left_out():
    assert "W (3, 4)" not in text_of(MLP((4, 1)), X, parameters=False)


def test_a_parameter_that_two_boxes_use_is_shown_in_both():
    class Tied(Model):
        def __init__(self):
            super().__init__()
            self.l = L.Linear(3, in_size=3)

        def forward(self, x):
            return F.linear(self.l(x), F.transpose(self.l.W))

    assert text_of(Tied(), X, layers=True).count("W (3, 3)") == 2


# ---- repeats


@needs_dot
def test_layers_that_look_the_same_are_drawn_once_with_their_number():
    drawn = Drawn(text_of(tower(12), X, depth=1))
    assert ["12 × Block", "l0 … l11", "(2, 3)", "12 × 12 parameters"] in drawn.nodes
    assert len(drawn.nodes) == 4 and len(drawn.arrows) - drawn_invisible(drawn) == 3
    open_ = Drawn(text_of(tower(12), X, depth=2))
    assert [b[0] for b in open_.boxes] == ["Sequential", "12 × Block"] and open_.titles().count("fc: Linear") == 1


def drawn_invisible(drawn):
    space = "{http://www.w3.org/2000/svg}"
    return sum(1 for g in drawn.arrows if next(g.iter(f"{space}path"), None) is None)


def test_repeats_may_be_drawn_one_by_one():
    text = text_of(tower(5), X, depth=1, repeats=False)
    assert text.count(": Block</b>") == 5 and "×" not in text


def test_layers_that_differ_are_not_folded_together():
    class Other(Block):
        def forward(self, x):
            return F.tanh(self.fc(x)) + x

    text = text_of(Sequential(Block(), Other(), Block(), Block()), X, depth=1)
    assert re.findall(r"<b>(.*?)</b>", text) == ["Sequential", "l0: Block", "l1: Other", "2 × Block"]


def test_a_layer_whose_result_is_used_elsewhere_is_not_folded_away():
    class Skips(Model):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = Block(), Block(), Block()

        def forward(self, x):
            a = self.a(x)
            return self.c(self.b(a)) + a

    assert sorted(re.findall(r"<b>(.*?)</b>", text_of(Skips(), X, depth=1))) == ["2 × Block", "Skips", "a: Block"]


@needs_dot
def test_steps_that_take_new_inputs_are_not_folded_and_say_which_call_they_are():
    class Reader(Model):
        def __init__(self):
            super().__init__()
            self.rnn = L.RNN(4)

        def forward(self, x1, x2, x3):
            return [self.rnn(x) for x in (x1, x2, x3)][-1]

    drawn = Drawn(text_of(Reader(), *[np.ones((1, 2), np.float32)] * 3, depth=1))
    assert {n[1] for n in drawn.nodes if n[0] == "rnn: RNN"} == {"call 1 of 3", "call 2 of 3", "call 3 of 3"}


# ---- gradients


@needs_dot
def test_each_order_of_gradients_has_a_colour_that_the_caption_names():
    x = Variable(np.array(1.0), "x")
    y = F.tanh(x)
    text = get_dot_graph(y, verbose=False, gradients=3)
    drawn = Drawn(text)
    assert {"x", "gx", "ggx", "gggx"} <= {n[0] for n in drawn.nodes}
    fills = re.findall(r"label=\"\w+\", color=(\S+), style=filled, shape=box", text)
    assert len(set(fills)) == 4 and fills.count("lightblue") == 1
    for words in ("result", "1st gradient", "2nd gradient", "3rd gradient"):
        assert words in drawn.text
    assert x.grad is None


def test_gradients_that_were_computed_before_can_be_given():
    x = Variable(np.array(1.0), "x")
    y = F.tanh(x)
    y.backward(create_graph=True)
    gx = x.grad
    for given in (gx, [gx], [[gx]]):
        assert "1st gradient" in get_dot_graph(y, gradients=given)


@needs_dot
def test_a_training_step_shows_both_ways_side_by_side():
    model = tower(4)
    with record_layers(model) as calls:
        loss = F.softmax_cross_entropy(model(X), np.array([0, 1]))
    drawn = Drawn(get_dot_graph(loss, layers=calls, depth=1, gradients=1, parameters=False))
    titles = drawn.titles()
    assert "4 × Block" in titles and any(t.startswith("gradient of") and "Block" in t for t in titles)
    assert "gradient of l4: Linear" in titles and ["gradient of Sequential"] in drawn.boxes
    assert "SoftmaxCrossEntropy" in titles
    assert "Copy" not in titles  # what the walk does with gradients is in the box of their layer


@pytest.mark.parametrize("n", [-1, -5])
def test_a_negative_order_is_refused(n):
    with pytest.raises(ValueError, match="get_dot_graph: gradients must be 0 or more orders"):
        get_dot_graph(Variable(np.array(1.0)), gradients=n)


def test_what_is_no_gradient_is_refused():
    with pytest.raises(TypeError, match="get_dot_graph: gradients must hold Variables, got int"):
        get_dot_graph(Variable(np.array(1.0)), gradients=[[3]])


def test_gradients_are_of_the_engine_alone():
    with pytest.raises(TypeError, match="gradients=1 differentiates Variables of dezero alone"):
        get_dot_graph(core_simple.Variable(np.array(1.0)), gradients=1)


# ---- numbers


def test_values_are_written_out_and_of_large_arrays_min_mean_and_max():
    x = Variable(np.arange(3.0), "x")
    assert "x: (3,) float64\\n0 1 2" in get_dot_graph(x, values=True)
    assert "min 0  mean 49.5  max 99" in get_dot_graph(Variable(np.arange(100.0)), values=True)
    assert "min" not in get_dot_graph(Variable(np.arange(100.0)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_red(bad):
    data = np.zeros(100)
    data[3] = bad
    text = get_dot_graph(Variable(data), values=True)
    assert "1 of 100 NaN or infinite" in text and 'color="#d62728"' in text
    assert "#d62728" in get_dot_graph(Variable(np.array([bad])), values=True)
    model = Sequential(L.Linear(3, in_size=3), F.relu)
    model.l0.W.data[...] = bad
    assert "penwidth=2" in text_of(model, np.zeros((40, 3), np.float32) + 1, values=True)


@pytest.mark.parametrize("data", [np.array([True, False] * 8), np.arange(9), np.zeros(0), np.zeros(0, np.int8), None])
def test_values_of_every_kind_of_array_can_be_asked_for(data):
    assert get_dot_graph(Variable(data, "x"), values=True).startswith("digraph")


# ---- size


def chain(n):
    y = Variable(np.array(1.0), "x")
    for _ in range(n):
        y = -y
    return y


@needs_dot
def test_a_picture_of_too_many_nodes_folds_and_says_so(tmp_path):
    with pytest.warns(UserWarning, match=r"plot_dot_graph: 20,001 nodes: folded to 40 boxes, as the limit is 1,000"):
        plot_dot_graph(chain(10_000), to_file=tmp_path / "chain.svg")
    picture = (tmp_path / "chain.svg").read_text(encoding="utf-8")
    assert picture.count('class="node"') == 42 and "20,001 nodes: folded to 40 boxes" in picture
    assert "250 × Neg" in picture


def test_text_of_many_nodes_is_whole_unless_a_limit_is_given():
    y = chain(10_000)
    assert get_dot_graph(y).count("shape=box") == 10_000
    assert get_dot_graph(y, limit=100).count("shape=box") == 40


def test_text_of_a_wide_graph_in_the_look_of_a_network_grows_with_its_nodes():
    def lines(n):
        x = Variable(np.array(1.0), "x")
        return get_dot_graph([F.sin(x) for _ in range(n)], compact=True).count("\n")

    assert lines(5000) <= 10 * lines(500)


@needs_dot
def test_a_model_too_large_folds_by_its_layers(tmp_path):
    model = Sequential(*[Sequential(Block(), L.Linear(3), F.tanh) for _ in range(30)])
    with pytest.warns(UserWarning, match=r"folded to depth 1, as the limit is 60"):
        model.plot(X, to_file=tmp_path / "model.svg", limit=60, repeats=False)
    assert (tmp_path / "model.svg").read_text(encoding="utf-8").count('class="node"') < 60


@needs_dot
def test_a_plain_plot_of_a_large_model_uses_its_layers_too(tmp_path):
    model = Sequential(*[Sequential(Block(), F.tanh, F.relu) for _ in range(150)])
    with pytest.warns(UserWarning, match="Model.plot: 1,802 nodes: drawn as a network, as the limit is 1,000"):
        model.plot(X, to_file=tmp_path / "model.svg")
    assert "150 × Sequential" in (tmp_path / "model.svg").read_text(encoding="utf-8")


@needs_dot
def test_ten_thousand_results_do_not_stop_a_picture(tmp_path):
    x = Variable(np.array(1.0), "x")
    with pytest.warns(UserWarning, match="9,900 inputs and results are left out"):
        plot_dot_graph([F.sin(x) for _ in range(10_000)], to_file=tmp_path / "wide.svg")
    picture = (tmp_path / "wide.svg").read_text(encoding="utf-8")
    assert picture.count('class="node"') == 141 and "9,900 inputs and results are left out" in picture


def test_eight_orders_of_tanh_fold_to_one_box_each():
    x = Variable(np.array(1.0), "x")
    text = get_dot_graph(F.tanh(x), gradients=8, limit=1000)
    assert text.count("shape=box") == 9 and "<b>8th gradient</b>" in text


# ---- names


WILD = [
    'say "hi"',
    "<b>bold</b>",
    "a & b &amp;",
    "back\\slash\\N\\G\\E\\T\\\\n\\l",
    "ends in \\",
    "変数 変量",
    "😀",
    "</script>",
    "]]> -->",
    "{x|y}",
]


@needs_dot
@pytest.mark.parametrize("name", WILD)
def test_names_are_shown_as_they_are_on_every_part_of_a_picture(name):
    p, x = Parameter(np.ones((2,)), name), Variable(np.ones((1, 2)), name)
    mid = x * p
    mid.name = name
    assert Drawn(get_dot_graph(F.exp(mid), compact=True, verbose=False)).text.count(name) == 3
    model = type(name.replace("\0", ""), (Sequential,), {})(F.exp, L.Linear(1))
    assert name in Drawn(text_of(model, np.ones((1, 2), np.float32), layers=True)).text


@needs_dot
@pytest.mark.parametrize(("c", "shown"), [("\0", "\\x00"), ("\x1b", "\\x1b"), ("\ud83d", "\\ud83d")])
def test_what_no_picture_can_hold_is_spelt_out_in_marked_up_labels_too(c, shown):
    assert f"a{shown}b" in Drawn(get_dot_graph(Variable(np.array(1.0), f"a{c}b"), compact=True, verbose=False)).text


@needs_dot
def test_a_newline_in_a_name_starts_a_line():
    drawn = Drawn(get_dot_graph(Variable(np.array(1.0), "one\ntwo"), compact=True, verbose=False))
    assert drawn.nodes == [["one", "two"]]


# ---- the doors


def test_an_unknown_option_is_named():
    with pytest.raises(TypeError, match="plot_dot_graph has no option 'deep'; there are: layers, depth, compact"):
        plot_dot_graph(Variable(np.array(1.0)), to_file="x.dot", deep=1)
    with pytest.raises(TypeError, match="Model.plot has no option 'deep'"):
        MLP((1,)).plot(X, to_file="x.dot", deep=1)


@pytest.mark.parametrize("depth", [-1, 1.5, True, "2"])
def test_a_depth_that_is_no_depth_is_refused(depth):
    with pytest.raises(ValueError, match="get_dot_graph: depth must be an integer of 0 or more"):
        get_dot_graph(Variable(np.array(1.0)), depth=depth)


def test_a_depth_needs_layers():
    with pytest.raises(ValueError, match="depth folds layers. Give layers=calls too"):
        get_dot_graph(Variable(np.array(1.0)), depth=1)


def test_layers_are_what_record_layers_gives():
    with pytest.raises(TypeError, match="layers must be what record_layers gives, got MLP"):
        get_dot_graph(Variable(np.array(1.0)), layers=MLP((1,)))


def test_a_model_that_returns_no_variable_cannot_be_drawn():
    class Numbers(Model):
        def forward(self, x):
            return 3

    with pytest.raises(TypeError, match="Model.plot draws a Variable, or a list of them, got int"):
        Numbers().plot(X, to_file=None)


def test_a_model_may_return_several_and_nested():
    class Several(Model):
        def forward(self, x):
            return {"a": F.exp(x), "b": (F.sin(x), [F.cos(x)])}

    text = text_of(Several(), X, layers=True)
    assert all(f">{name}<" in text.replace("=<", "=>") or name in text for name in ("Exp", "Sin", "Cos"))
    assert text.count("output") == 3


def test_the_plain_plot_is_the_books(tmp_path):
    model = MLP((4, 1))
    model.plot(X, to_file=tmp_path / "a.dot")
    assert (tmp_path / "a.dot").read_text() == get_dot_graph(model(X)) + "\n"
    model.plot(X, to_file=tmp_path / "b.dot", layers=False)
    assert (tmp_path / "a.dot").read_text() == (tmp_path / "b.dot").read_text()


def test_plot_changes_neither_the_weights_nor_their_gradients(tmp_path):
    model = MLP((4, 1))
    model(X)
    before = model.state_dict()
    model.plot(X, to_file=tmp_path / "a.dot", depth=1, gradients=1)
    assert all(np.array_equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.params())


@needs_dot
def test_a_notebook_shows_a_picture_inline_without_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = draw_graph(chain(2))
    assert isinstance(picture, Picture) and "<svg" in picture._repr_svg_()
    assert "<svg" in MLP((1,)).plot(X, to_file=None, depth=1)._repr_svg_()
    assert repr(picture).startswith("Picture(")
    assert list(tmp_path.iterdir()) == []
    picture.save(tmp_path / "a b.pdf")
    assert (tmp_path / "a b.pdf").read_bytes().startswith(b"%PDF")


@needs_dot
def test_a_png_of_a_network_opens_and_is_not_blank(tmp_path):
    Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    tower(3).plot(X, to_file=tmp_path / "a.png", depth=2)
    with Image.open(tmp_path / "a.png") as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
        assert min(image.size) > 150
    for color in [(255, 165, 0), (173, 216, 230), (0xC5, 0xDD, 0xF4)]:
        assert np.mean(np.all(pixels == color, axis=1)) > 0.01


@needs_dot
def test_small_pictures_warn_of_nothing(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tower(3).plot(X, to_file=tmp_path / "a.svg", depth=1)
    assert (tmp_path / "a.svg").exists()
