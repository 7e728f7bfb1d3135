"""DOT text of computation graphs: what is drawn, what it is called, and that every name survives."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import dezero
from dezero import core_simple
from dezero.graph import get_dot_graph

NODE = re.compile(r'^  (n\d+) \[label="(.*)", color=(orange|lightblue), style=filled(, shape=box)?\]$')
EDGE = re.compile(r"^  (n\d+) -> (n\d+)$")

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is not installed")


@pytest.fixture(params=[dezero, core_simple], ids=["core", "core_simple"])
def core(request):
    """The engine, and the book's small one: both can be drawn."""
    return request.param


def read(text):
    """What DOT text says: the label of each Variable and of each Function, and the edges between the ids."""
    first, fonts, *lines, last = text.split("\n")
    assert (first, fonts, last) == ("digraph g {", '  node [fontname="sans-serif"]', "}")
    variables, functions, edges = {}, {}, []
    for line in lines:
        if edge := EDGE.match(line):
            edges.append(edge.groups())
            continue
        name, label, color, box = NODE.match(line).groups()
        assert (color == "lightblue") == (box is not None)
        (functions if box else variables)[name] = label
    return variables, functions, edges


def drawn(text):
    """The label of every node as ``dot`` draws it, line by line."""
    svg = subprocess.run(["dot", "-Tsvg"], input=text.encode(), capture_output=True, check=True).stdout
    space = "{http://www.w3.org/2000/svg}"
    nodes = [g for g in ET.fromstring(svg).iter(f"{space}g") if g.get("class") == "node"]
    return {g.find(f"{space}title").text: [t.text for t in g.iter(f"{space}text")] for g in nodes}


def split(core, x):
    """A Function of two outputs, written for either core."""

    class Halves(core.Function):
        def forward(self, x):
            return x[:1], x[1:]

    return Halves()(x)


# ---- what is drawn


def test_a_sum_is_two_inputs_a_box_and_a_result(core):
    x0, x1 = core.Variable(np.ones((2, 3)), "x0"), core.Variable(np.ones((2, 3)), "x1")
    variables, functions, edges = read(get_dot_graph(x0 + x1))
    assert list(variables.values()) == ["(2, 3) float64", "x0: (2, 3) float64", "x1: (2, 3) float64"]
    assert list(functions.values()) == ["Add"]
    assert edges == [("n1", "n0"), ("n2", "n1"), ("n3", "n1")]


def test_a_leaf_is_one_node(core):
    text = get_dot_graph(core.Variable(np.array(1.0), "x"))
    assert read(text) == ({"n0": "x: () float64"}, {}, [])


def test_a_variable_used_twice_is_one_node_with_two_arrows(core):
    x = core.Variable(np.array(1.0), "x")
    variables, _, edges = read(get_dot_graph(x * x))
    assert (len(variables), edges.count(("n2", "n1"))) == (2, 2)


def test_a_diamond_shares_its_middle(core):
    x = core.Variable(np.array(2.0))
    a = x * x
    variables, functions, edges = read(get_dot_graph(a * a + a))
    assert (len(variables), len(functions), len(edges)) == (4, 3, 9)


def test_constants_are_drawn_as_variables(core):
    variables, _, _ = read(get_dot_graph(core.Variable(np.array(2.0), "x") + 1.0))
    assert len(variables) == 3


def test_every_living_output_of_a_function_is_drawn(core):
    x = core.Variable(np.ones(3), "x")
    a, b = split(core, x)
    a.name, b.name = "a", "b"
    variables, functions, edges = read(get_dot_graph(a, verbose=False))
    assert sorted(variables.values()) == ["a", "b", "x"]
    assert (list(functions.values()), len(edges)) == (["Halves"], 3)


def test_an_output_that_nobody_holds_is_left_out(core):
    a = split(core, core.Variable(np.ones(3)))[0]
    variables, functions, edges = read(get_dot_graph(a))
    assert (len(variables), len(functions), len(edges)) == (2, 1, 2)


def test_an_output_that_was_unchained_is_left_out():
    a, b = split(dezero, dezero.Variable(np.ones(3)))
    b.unchain()
    variables, _, edges = read(get_dot_graph(a))
    assert (len(variables), len(edges)) == (2, 2)


def test_a_function_whose_graph_was_released_stands_without_inputs():
    x = dezero.Variable(np.array(2.0), "x")
    y = x * x
    y.backward(retain_graph=False)
    variables, functions, edges = read(get_dot_graph(y))
    assert (list(variables.values()), list(functions.values())) == (["() float64"], ["Mul"])
    assert edges == [("n1", "n0")]


def test_several_outputs_share_one_picture(core):
    x = core.Variable(np.array(2.0), "x")
    y, z = x + x, x * x
    variables, functions, edges = read(get_dot_graph([y, z]))
    assert (len(variables), list(functions.values()), len(edges)) == (3, ["Add", "Mul"], 6)
    assert get_dot_graph((y, z, y)) == get_dot_graph([y, z])


def test_no_outputs_are_an_empty_graph():
    assert read(get_dot_graph([])) == ({}, {}, [])


def test_the_graph_of_a_gradient_can_be_drawn():
    x = dezero.Variable(np.array(2.0), "x")
    (x * x * x).backward(create_graph=True)
    variables, functions, _ = read(get_dot_graph(x.grad, verbose=False))
    assert "x" in variables.values()
    assert "Mul" in functions.values()


@pytest.mark.parametrize("what", [np.ones(1), 3, None, ["x"]])
def test_what_is_no_variable_is_refused(what):
    with pytest.raises(TypeError, match="get_dot_graph draws a Variable, or a list of them, got"):
        get_dot_graph(what)


# ---- labels


@pytest.mark.parametrize(
    ("name", "verbose", "label"),
    [("x", True, "x: (2,) float32"), ("x", False, "x"), (None, True, "(2,) float32"), (None, False, "")],
)
def test_a_label_says_the_name_and_on_request_the_facts(core, name, verbose, label):
    x = core.Variable(np.ones(2, dtype=np.float32), name)
    assert read(get_dot_graph(x, verbose))[0]["n0"] == label


@pytest.mark.parametrize(("name", "label"), [("W", "W: None"), (None, "None")])
def test_a_variable_without_data_says_none(core, name, label):
    assert read(get_dot_graph(core.Variable(None, name)))[0]["n0"] == label


NAMES = [
    'say "hi"',
    "back\\slash",
    "ends in \\",
    "\\N \\G \\l \\n",
    "<b>bold</b>",
    "<<table>",
    "a & b",
    "&amp; &lt; &#955;",
    "{rec|ord}",
    "変数 변수 变量",
    "😀 👨‍👩‍👧",
    "] ; n9 -> n8 //",
    "x: (2,) float32",
    "%s {0} $HOME `id`",
    "digraph",
]


@needs_dot
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_shown_as_it_is(core, name):
    assert drawn(get_dot_graph(core.Variable(np.array(1.0), name), verbose=False)) == {"n0": [name]}


@needs_dot
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_newline_in_a_name_starts_a_line(newline):
    x = dezero.Variable(np.array(1.0), f"one{newline}two")
    assert drawn(get_dot_graph(x, verbose=False)) == {"n0": ["one", "two"]}


@needs_dot
@pytest.mark.parametrize(
    ("c", "shown"), [("\0", "\\x00"), ("\x1b", "\\x1b"), ("\ud83d", "\\ud83d"), ("\uffff", "\\xffff")]
)
def test_what_no_picture_can_hold_is_spelt_out(c, shown):
    x = dezero.Variable(np.array(1.0), f"a{c}b")
    assert drawn(get_dot_graph(x, verbose=False)) == {"n0": [f"a{shown}b"]}


@needs_dot
def test_a_name_that_is_no_text_is_shown_as_text():
    x = dezero.Variable(np.array(1.0))
    x.name = 7
    assert drawn(get_dot_graph(x, verbose=False)) == {"n0": ["7"]}


@needs_dot
def test_a_class_with_a_wild_name_is_drawn():
    wild = type('A"\\<b>', (dezero.Function,), {"forward": lambda self, x: x})
    y = wild()(dezero.Variable(np.array(1.0)))
    assert drawn(get_dot_graph(y, verbose=False))["n1"] == ['A"\\<b>']


# ---- the text as a whole


def test_the_same_graph_gives_the_same_text(core):
    def build():
        x, y = core.Variable(np.array(1.0), "x"), core.Variable(np.array(2.0), "y")
        return (x + y) * (x - y) / y

    assert get_dot_graph(build()) == get_dot_graph(build())


def chain(n):
    x = y = core_simple.Variable(np.array(1.0))
    for _ in range(n):
        y = -y
    return x, y


def test_a_hundred_thousand_nodes_need_no_recursion():
    _, y = chain(50_000)
    variables, functions, edges = read(get_dot_graph(y))
    assert (len(variables), len(functions), len(edges)) == (50_001, 50_000, 100_000)


def test_the_time_grows_with_the_nodes_and_not_with_their_square():
    def visits(n):
        """Counts how often the walk reads a node, which no busy machine can change."""
        count = 0

        class Counting(core_simple.Variable):
            @property
            def creator(self):
                nonlocal count
                count += 1
                return self.made_by

            @creator.setter
            def creator(self, f):
                self.made_by = f

        x = Counting(np.array(1.0))
        outputs = []
        for _ in range(n):
            y = Counting(np.array(1.0))
            y.creator = type("Wide", (), {"inputs": [x], "outputs": [lambda y=y: y]})()
            outputs.append(y)
        count = 0
        get_dot_graph(outputs)
        return count

    assert visits(1000) <= 11 * visits(100)
