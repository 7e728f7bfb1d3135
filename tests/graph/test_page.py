"""The page of a graph: one file that a browser lays out by itself, without a network and without ``dot``."""

from __future__ import annotations

import base64
import gc
import gzip
import hashlib
import importlib
import json
import re
import shutil
import sys
import tempfile
import time
import weakref
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import dezero
import dezero.functions as F
import dezero.layers as L
from dezero import Model, Variable, models
from dezero.graph import Picture, draw_graph, plot_dot_graph, plot_model, record_layers
from dezero.graph.look import PAGE
from dezero.graph.page import statistics

render = importlib.import_module("dezero.graph.render")
FOLDER = Path(importlib.import_module("dezero.graph.page").__file__).parent

HOSTILE = [
    "</script><script>document.title = 'harmed'</script>",
    "<!-- <script>",
    "<img src=x onerror=\"document.title = 'harmed'\">",
    '\' " ` \\ \\N \\" {a|b} ${x} &amp; &lt; %s',
    "@@data@@ @@script@@",
    "new\nline",
    "重み ウェイト 한국어 权重",
    "😀 é ﷽ ü",
    "\u202eturned \u2028 \x00 \x1b ]]>",
    "",
]


class LeNet(Model):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = L.Conv2d(6, 5, pad=2), L.Conv2d(16, 5)
        self.fc1, self.fc2, self.fc3 = L.Linear(120), L.Linear(84), L.Linear(10)

    def forward(self, x):
        x = F.pooling(F.relu(self.conv1(x)), 2, 2)
        x = F.pooling(F.relu(self.conv2(x)), 2, 2)
        x = F.reshape(x, (x.shape[0], -1))
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


class Tower(Model):
    """Three layers that look the same."""

    def __init__(self):
        super().__init__()
        for i in range(3):
            setattr(self, f"f{i}", L.Linear(4, in_size=4))

    def forward(self, x):
        return self.f2(self.f1(self.f0(x)))


def digit():
    return np.random.default_rng(0).standard_normal((1, 1, 28, 28)).astype(np.float32)


def chain(n):
    y = Variable(np.array(1.0), "x")
    for _ in range(n):
        y = -y
    return y


class _Parts(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self.metas, self._inside = [], [], {}, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if "http-equiv" in attributes:
            self.metas[attributes["http-equiv"]] = attributes["content"]
        self._inside = attributes if tag in ("script", "style") else None
        if self._inside is not None:
            self.scripts.append([tag, attributes, ""])

    def handle_data(self, text):
        if self._inside is not None:
            self.scripts[-1][2] += text

    def handle_endtag(self, tag):
        self._inside = None


def parts(path):
    return _Parts(Path(path).read_text(encoding="utf-8"))


def data_of(path):
    (data,) = [text for _, attributes, text in parts(path).scripts if attributes.get("id") == "data"]
    return json.loads(data)


def plot(tmp_path, output, **options):
    plot_dot_graph(output, to_file=tmp_path / "graph.html", **options)
    return tmp_path / "graph.html"


def plot_lenet(tmp_path, **options):
    plot_model(LeNet(), digit(), to_file=tmp_path / "lenet.html", **options)
    return tmp_path / "lenet.html"


# ---- the file


def test_it_needs_neither_the_package_graphviz_nor_the_program_dot(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "graphviz", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    plot_dot_graph(chain(2), to_file=tmp_path / "グラフ $(x) 😀.html")
    assert [path.name for path in tmp_path.iterdir()] == ["グラフ $(x) 😀.html"]
    assert next(tmp_path.iterdir()).read_bytes().startswith(b"<!doctype html>")


@pytest.mark.parametrize("what", ["package", "program"])
def test_where_dot_is_missing_the_error_names_both_ways_out(tmp_path, monkeypatch, what):
    pytest.importorskip("graphviz", reason="the Python package graphviz is not installed")
    if what == "package":
        monkeypatch.setitem(sys.modules, "graphviz", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises((ImportError, RuntimeError), match=r"Install it with: .*Or let to_file end in \.html: .*\.dot"):
        plot_dot_graph(chain(1), to_file=tmp_path / "graph.png")
    assert list(tmp_path.iterdir()) == []


def test_it_is_whole_in_itself(tmp_path):
    tags = parts(plot_lenet(tmp_path)).tags
    assert not [tag for tag, _ in tags if tag in ("link", "iframe", "object", "embed", "img", "a", "base", "form")]
    assert not [
        name for _, attributes in tags for name in attributes if name in ("src", "href") or name.startswith("on")
    ]


def test_its_policy_allows_its_own_script_and_style_alone(tmp_path):
    page = parts(plot_lenet(tmp_path))
    policy = dict(part.strip().partition(" ")[::2] for part in page.metas["Content-Security-Policy"].split(";"))
    (script,) = [text for tag, attributes, text in page.scripts if tag == "script" and not attributes]
    (style,) = [text for tag, _, text in page.scripts if tag == "style"]

    def own(text):
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert policy == {
        "default-src": "'none'",
        "script-src": f"{own(script)} 'wasm-unsafe-eval'",
        "style-src": own(style),
        "worker-src": "blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_its_size_is_stated_truly(tmp_path):
    size = plot(tmp_path, chain(1)).stat().st_size
    assert 650e3 < size < 760e3
    assert size - 700e3 < plot_lenet(tmp_path).stat().st_size < size + 20e3


@pytest.mark.parametrize("name", HOSTILE)
def test_names_stay_data(tmp_path, name):
    y = Variable(np.array(2.0), name) * Variable(np.array(3.0), name)
    y.name = name
    path = plot(tmp_path, y)
    plain = parts(plot(tmp_path, chain(1)))
    plot(tmp_path, y)
    assert [tag for tag, _ in parts(path).tags] == [tag for tag, _ in plain.tags]
    nodes = data_of(path)["nodes"]
    assert [node.get("name", "") for node in nodes] == [name, "Mul", name, name]


def test_a_lone_surrogate_in_a_name_can_be_written(tmp_path):
    y = Variable(np.array(2.0), "\ud800x")
    y = -y
    y.name = "\udfff"
    assert data_of(plot(tmp_path, y))["nodes"][2]["name"] == "\ud800x"


def test_a_page_of_twenty_thousand_nodes_is_folded_and_says_so(tmp_path):
    data = data_of(plot(tmp_path, chain(10_000)))
    assert len(data["nodes"]) == 20_001
    assert data["notice"] == f"20,001 nodes: folded to 40 boxes, as the limit is {PAGE:,}."
    assert data["depth"] == 0 and sum(group.get("band", False) for group in data["groups"]) == 40


def test_a_picture_becomes_a_page_without_keeping_its_arrays(tmp_path):
    x = Variable(np.ones(9), "x")
    picture, data = draw_graph(F.exp(x), values=True), weakref.ref(x.data)
    del x
    gc.collect()
    assert data() is None
    picture.save(tmp_path / "later.html")
    nodes = data_of(tmp_path / "later.html")["nodes"]
    assert nodes[2] == {
        "name": "x",
        "shape": "(9,)",
        "dtype": "float64",
        "role": "input",
        "values": {"min": "1", "mean": "1", "max": "1", "std": "0"},
    }


def test_a_picture_of_dot_text_alone_becomes_a_page_too(tmp_path):
    Picture("digraph { a -> b }").save(tmp_path / "text.html")
    assert data_of(tmp_path / "text.html") == {"title": "Graph", "dot": "digraph { a -> b }"}


def test_the_command_writes_pages(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command = importlib.import_module("dezero.graph.__main__")
    assert command.main(["dezero.models:SqueezeNet", "--input", "1,3,224,224", "--depth", "1", "-o", "net.html"]) == 0
    data = data_of(tmp_path / "net.html")
    assert data["title"] == "SqueezeNet" and data["depth"] == 1
    assert "net.html" in capsys.readouterr().out


@pytest.mark.parametrize(("values", "told"), [(None, True), (True, True), (False, False)])
def test_numbers_are_told_unless_they_are_not_wanted(tmp_path, values, told):
    data = data_of(plot(tmp_path, F.exp(Variable(np.ones(9))), values=values))
    assert any("values" in node for node in data["nodes"]) is told
    assert data["show"]["values"] is bool(values)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.array([1, 2, 3]), {"values": "1 2 3"}),
        (np.array([True, False]), {"values": "True False"}),
        (np.array([1.0, np.inf, np.nan]), {"values": "1 inf nan", "bad": "2 of 3"}),
        (np.arange(8, dtype=np.float16), {"min": "0", "mean": "3.5", "max": "7", "std": "2.291"}),
        (np.array([np.nan, np.inf] + [2.0] * 6), {"min": "2", "mean": "2", "max": "2", "std": "0", "bad": "2 of 8"}),
        (np.full(7, np.nan), {"bad": "7 of 7"}),
        (np.array([True, True, True, False] * 2), {"values": "75% true"}),
        (np.full(9, 2**62), {"min": "4.612e+18", "mean": "4.612e+18", "max": "4.612e+18", "std": "0"}),
        (np.zeros((0, 3)), {}),
        (np.array(["text"]), {}),
        (None, {}),
    ],
)
def test_statistics(array, said):
    assert statistics(array) == said


def test_float16_statistics_do_not_overflow():
    assert statistics(np.full(1000, 6e4, np.float16))["mean"] == "6e+04"


def test_what_a_page_carries_is_what_is_written_about_it():
    text = (FOLDER / "graphviz.txt").read_text(encoding="utf-8")
    packed = (FOLDER / "graphviz.js.gz").read_bytes()
    assert hashlib.sha256(packed).hexdigest() in text
    assert hashlib.sha256(gzip.decompress(packed)).hexdigest() in text
    assert len(packed) < 600_000
    for licence in ("Eclipse Public License - v 2.0", "Copyright (c) Michael Daines", "Expat maintainers"):
        assert licence in text
    version = re.search(r"Viz\.js (\S+),", text)[1]
    assert f"Viz.js {version}\n" in gzip.decompress(packed)[:40].decode()


def test_the_licences_are_in_the_page(tmp_path):
    assert "Eclipse Public License - v 2.0" in plot(tmp_path, chain(1)).read_text(encoding="utf-8")


# ---- in a browser


def _missing():
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        return "chromium or chromedriver is not installed (apt-get install chromium chromium-driver)"
    if importlib.util.find_spec("selenium") is None:
        return "the Python package selenium is not installed"
    return None


class Browser:
    """Chromium with the network off, and what a reader does with a page."""

    def __init__(self, folder):
        from selenium import webdriver

        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for flag in (
            "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking "
            "disable-component-update disable-sync"
        ).split():
            options.add_argument(f"--{flag}")
        options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND")
        options.add_argument(f"--user-data-dir={folder}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        self.driver = webdriver.Chrome(options=options, service=service)
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd(
            "Network.emulateNetworkConditions",
            {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
        )

    def open(self, path, width=1200, height=800, dark=False):
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.get(Path(path).as_uri())
        self.wait()
        return self

    def run(self, code, *arguments):
        return self.driver.execute_script(code, *arguments)

    def wait(self, wanted="ready"):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            state = self.run("return document.body.dataset.state")
            if state in ("ready", "failed"):
                assert state == wanted, self.notice
                return
            time.sleep(0.02)
        raise AssertionError(f"the page is still {state}")

    def find(self, selector, text=None):
        from selenium.webdriver.common.by import By

        found = self.driver.find_elements(By.CSS_SELECTOR, selector)
        if text is None or not found:
            return found
        texts = self.run("return arguments[0].map((e) => (e.querySelector('text') ?? e).textContent)", found)
        return [each for each, own in zip(found, texts) if own.startswith(text)]

    def one(self, selector, text=None):
        found = self.find(selector, text)
        assert found, (selector, text)
        return found[0]

    @property
    def boxes(self):
        """The titles of what is drawn as a box."""
        code = (
            "return [...document.querySelectorAll('.item.function text:first-of-type, .item.layer text:first-of-type')]"
        )
        return sorted(self.run(f"{code}.map((text) => text.textContent)"))

    @property
    def notice(self):
        return self.run("return $('notice').hidden ? '' : $('notice').firstElementChild.textContent")

    @property
    def card(self):
        """What the card says, by name."""
        return dict(
            self.run(
                "return card.hidden ? [] : [['title', card.querySelector('h2').textContent], "
                "['kind', card.querySelector('p').textContent], ...[...card.querySelectorAll('dt')]"
                ".map((dt) => [dt.textContent, dt.nextElementSibling.textContent])]"
            )
        )

    def act(self):
        from selenium.webdriver.common.action_chains import ActionChains

        return ActionChains(self.driver, duration=0)

    def hover(self, element):
        self.act().move_to_element(element).perform()

    def press(self, *keys):
        for key in keys:
            self.act().send_keys(key).perform()
            self.wait()

    def click(self, element):
        element.click()
        self.wait()

    def search(self, text):
        from selenium.webdriver.common.keys import Keys

        box = self.one("#query")
        box.clear()
        box.send_keys(text)
        return lambda: (box.send_keys(Keys.ENTER), time.sleep(0.05), self.wait())

    def marked(self, name):
        """Names of the nodes that are marked as on a way, parameters too."""
        code = "return [...document.querySelectorAll('.item.' + arguments[0] + ' .title, .item.' + arguments[0])]"
        code = f"{code}.filter((e) => e.matches('.item')).map((e) => e.querySelector('text').textContent)"
        return sorted(self.run(code, name))

    def errors(self):
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def picture(self, path):
        self.driver.save_screenshot(str(path))
        return path


@pytest.fixture(scope="module")
def chromium():
    if reason := _missing():
        pytest.skip(reason)
    folder = tempfile.mkdtemp()
    browser = Browser(folder)
    yield browser
    browser.driver.quit()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def browser(chromium):
    chromium.driver.get_log("browser")
    yield chromium
    assert chromium.errors() == []


@pytest.fixture
def keys(chromium):
    from selenium.webdriver.common.keys import Keys

    return Keys


def test_a_browser_lays_it_out_and_asks_for_nothing(browser, tmp_path):
    browser.open(plot_lenet(tmp_path))
    assert browser.boxes.count("Conv2d") == 2 and "Reshape" in browser.boxes
    assert len(browser.find(".box")) == 6  # the model and its layers
    assert browser.run("return performance.getEntriesByType('resource').map((e) => e.name)") == []
    assert browser.driver.title == "LeNet"


def test_a_page_cannot_reach_a_network(chromium, tmp_path):
    chromium.open(plot(tmp_path, chain(1)))
    code = (
        "const [done] = arguments; const tried = []; "
        "document.addEventListener('securitypolicyviolation', (e) => tried.push(e.effectiveDirective)); "
        "const image = new Image(); image.src = 'https://example.org/x.png'; "
        "const script = document.createElement('script'); script.textContent = 'document.title = 1'; "
        "document.body.append(script); "
        "fetch('https://example.org').catch(() => setTimeout(() => done(tried.sort()), 100));"
    )
    assert chromium.driver.execute_async_script(code) == ["connect-src", "img-src", "script-src-elem"]
    chromium.errors()


@pytest.mark.parametrize("way", ["sign", "double click", "key"])
def test_a_layer_folds_and_unfolds(browser, tmp_path, keys, way):
    browser.open(plot_lenet(tmp_path, depth=1))

    def toggle(selector, text):
        if way == "sign":
            browser.click(
                browser.one(f"{selector} .sign", None)
                if text is None
                else browser.one(selector, text).find_element("css selector", ".sign")
            )
        elif way == "double click":
            browser.act().double_click(
                browser.one(f"{selector}", text).find_element("css selector", ".title")
            ).perform()
            browser.wait()
        else:
            browser.run("choose(arguments[0])", browser.one(selector, text).get_attribute("data-id"))
            browser.run("stage.focus()")
            browser.press(keys.ENTER)

    assert "conv1: Conv2d" in browser.boxes and "Conv2d" not in browser.boxes
    place = browser.one(".item.layer", "conv1").rect
    toggle(".item.layer", "conv1")
    assert "conv1: Conv2d" not in browser.boxes and "Conv2d" in browser.boxes
    heading = browser.one(".heading", "conv1").rect
    assert abs(heading["y"] - place["y"]) < 40  # it stayed where it was
    toggle(".heading", "conv1")
    assert "conv1: Conv2d" in browser.boxes and "Conv2d" not in browser.boxes


def test_buttons_fold_all_and_unfold_to_a_depth(browser, tmp_path):
    browser.open(plot_lenet(tmp_path))
    browser.click(browser.one("#fold"))
    assert browser.boxes == ["LeNet"]
    browser.click(browser.one("#depth option[value='1']"))
    assert browser.boxes[-1] == "fc3: Linear" and "Conv2d" not in browser.boxes
    browser.click(browser.one("#unfold"))
    assert "Conv2d" in browser.boxes and "LeNet" not in browser.boxes


def test_layers_that_repeat_are_drawn_once_until_they_are_wanted(browser, tmp_path):
    plot_model(Tower(), np.ones((2, 4), np.float32), to_file=tmp_path / "tower.html", depth=1)
    browser.open(tmp_path / "tower.html")
    assert browser.boxes == ["3 × Linear"]
    browser.one("#options summary").click()
    browser.click(browser.one("#repeats"))
    assert browser.boxes == ["f0: Linear", "f1: Linear", "f2: Linear"]


def test_the_search_finds_a_node_and_unfolds_what_hides_it(browser, tmp_path):
    browser.open(plot_lenet(tmp_path, depth=0))
    assert browser.boxes == ["LeNet"]
    step = browser.search("(1, 16, 5, 5)")
    assert browser.one("#found").text == "1"  # a Variable, drawn as an arrow
    step()
    assert browser.card["shape"] == "(1, 16, 5, 5)"
    step = browser.search("conv2d")
    assert browser.one("#found").text == "4"
    step()
    assert (browser.one("#found").text, browser.card["title"]) == ("1 of 4", "conv1: Conv2d")
    for _ in range(3):
        step()
    assert (browser.one("#found").text, browser.card["layer"]) == ("4 of 4", "conv2")
    x, y, width, height = (browser.one(".chosen").rect[name] for name in ("x", "y", "width", "height"))
    assert 0 < x < x + width < 1200 and 0 < y < y + height < 800  # it is in sight
    browser.click(browser.one("#previous"))
    assert browser.one("#found").text == "3 of 4"
    browser.search("nothing of that name")
    assert browser.one("#found").text == "0" and not browser.one("#next").is_enabled()


def test_a_search_finds_parameters_by_name(browser, tmp_path):
    browser.open(plot_lenet(tmp_path, depth=0, parameters=False))
    browser.search("(400, 120)")()
    assert browser.card["kind"] == "Parameter" and browser.card["title"] == "W"


def test_pointing_at_a_node_shows_what_is_known_of_it(browser, tmp_path):
    browser.open(plot_lenet(tmp_path, depth=1), height=1500)
    browser.hover(browser.one(".item.layer", "fc1"))
    numbers = [browser.card[name] for name in ("min", "mean", "max", "std")]
    assert all(re.fullmatch(r"-?[\d.e-]+", number) for number in numbers)
    assert {name: text for name, text in browser.card.items() if name not in ("min", "mean", "max", "std")} == {
        "title": "fc1: Linear",
        "kind": "Layer",
        "class": "Linear",
        "layer": "fc1",
        "output shape": "(1, 120)",
        "parameters": "48,120",
        "functions": "1",
    }
    browser.hover(browser.one(".item.function", "Reshape"))
    assert (browser.card["takes"], browser.card["gives"], browser.card["dtype"]) == (
        "(1, 16, 5, 5)",
        "(1, 400)",
        "float32",
    )
    x = digit()
    browser.hover(browser.one(".item.variable", "x"))
    said = {name: browser.card[name] for name in ("shape", "dtype", "min", "mean", "max", "std")}
    numbers = {"min": x.min(), "mean": x.mean(dtype=float), "max": x.max(), "std": x.std(dtype=float)}
    assert said == {"shape": "(1, 1, 28, 28)", "dtype": "float32"} | {n: f"{v:.4g}" for n, v in numbers.items()}
    browser.hover(browser.one("h1"))
    assert browser.card == {}


def test_a_click_follows_the_gradient_back_to_a_node(browser, tmp_path):
    a, b, c = (Variable(np.array(2.0), name) for name in "abc")
    left, right = F.sin(a), F.cos(b)
    y = F.exp(left * right) + F.tanh(c)
    y.name = "y"
    browser.open(plot(tmp_path, y, compact=True))
    browser.click(browser.one(".item", "Mul"))
    assert browser.marked("to") == ["Add", "Exp", "Mul", "y: () float64"]
    assert browser.marked("onward") == ["Cos", "Mul", "Sin", "a: () float64", "b: () float64"]
    assert "the gradient comes back to Mul along these" in browser.one("#legend").text
    dimmed = float(browser.one(".item", "Tanh").value_of_css_property("opacity"))
    assert dimmed < 0.5 < float(browser.one(".item", "Exp").value_of_css_property("opacity"))


def test_no_gradient_flows_to_what_wants_none(browser, tmp_path, keys):
    x = Variable(np.array(2.0), "x", requires_grad=False)
    browser.open(plot(tmp_path, Variable(np.array(2.0), "y") * x, compact=True))
    browser.click(browser.one(".item", "x"))
    assert browser.marked("to") == browser.marked("onward") == []
    assert "No gradient flows to it" in browser.one("#legend").text
    browser.press(keys.ESCAPE)
    assert "No gradient" not in browser.one("#legend").text and not browser.find(".following")


def test_a_click_on_a_node_shows_what_computes_its_gradient(browser, tmp_path):
    x = Variable(np.array(2.0), "x")
    browser.open(plot(tmp_path, F.sin(x), compact=True, gradients=1))
    browser.click(browser.one(".item", "Sin"))
    assert browser.marked("gradient") == ["Cos", "Mul"]


def test_gradients_stand_on_the_right_each_order_in_its_colour(browser, tmp_path):
    browser.open(plot_lenet(tmp_path, depth=1, gradients=1))
    middle = {
        order: np.mean([each.rect["x"] for each in browser.find(f".item.function.order-{order}")]) for order in (0, 1)
    }
    assert middle[0] < middle[1]
    fills = [browser.one(f".function.order-{n} rect").value_of_css_property("fill") for n in (0, 1)]
    assert fills == ["rgb(173, 216, 230)", "rgb(163, 217, 119)"]
    browser.one("#options summary").click()
    browser.click(browser.one("#order option[value='0']"))
    assert not browser.find(".order-1.item") and browser.find(".order-0.item")


def test_without_options_every_variable_is_a_node(browser, tmp_path):
    x = Variable(np.array([1.0, 2.0]), "x")
    browser.open(plot(tmp_path, F.sin(x) * 3.0))
    assert len(browser.find(".item.variable")) == 4 and len(browser.find(".item.function")) == 2
    browser.one("#options summary").click()
    browser.click(browser.one("#variables"))
    assert len(browser.find(".item.variable")) == 2 and len(browser.find(".item.aside")) == 1
    browser.click(browser.one("#parameters"))
    assert not browser.find(".item.aside")


def test_values_are_shown_on_request_and_nan_is_red(browser, tmp_path):
    x = Variable(np.array([1.0, -1.0]), "x")
    with np.errstate(invalid="ignore"):
        y = F.log(x)
    browser.open(plot(tmp_path, y * 1.0, compact=True))
    assert [each.value_of_css_property("stroke") for each in browser.find(".arrow.bad .line")] == [
        "rgb(214, 39, 40)"
    ] * 2
    assert not [each for each in browser.find(".label") if "nan" in each.text]
    browser.one("#options summary").click()
    browser.click(browser.one("#values"))
    assert [each.text for each in browser.find(".label")] == ["(2,)\n0 nan"]
    browser.hover(browser.one(".item.variable", "output"))
    assert browser.card["NaN or infinite"] == "1 of 2"


def test_too_much_folds_by_itself_and_says_so(browser, tmp_path):
    model, x = models.MLP((4,) * 30), np.ones((2, 4), np.float32)
    plot_model(model, x, to_file=tmp_path / "mlp.html", limit=70, repeats=False)
    browser.open(tmp_path / "mlp.html", height=4000)
    assert browser.notice.endswith("folded to depth 1, as the limit is 70.")
    browser.click(browser.one("#unfold"))
    assert browser.notice == "That would be more than 70 boxes, so it is unfolded to depth 1."
    for i in range(5):
        browser.click(browser.one(".item.layer", f"l{i}:").find_element("css selector", ".sign"))
    assert "there would be" in browser.notice and "70 is the limit" in browser.notice


def test_twenty_thousand_nodes_can_be_opened_part_by_part(browser, tmp_path):
    browser.open(plot(tmp_path, chain(10_000)))
    assert len(browser.boxes) == 40 and "folded to 40 boxes" in browser.notice
    browser.click(browser.one(".item.layer .sign"))
    assert browser.boxes.count("Neg") == 250
    browser.click(browser.one("#unfold"))
    assert "unfolded to depth 0" in browser.notice and len(browser.boxes) == 40


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_is_shown_as_it_is(browser, tmp_path, name):
    x = Variable(np.array(2.0), name)
    y = -x
    y.name = name
    browser.open(plot(tmp_path, y, verbose=False))
    assert not browser.driver.title.startswith("harmed")
    said = browser.run("return shown(arguments[0])", name)
    drawn = browser.run("return [...document.querySelectorAll('.item.variable text')].map((t) => t.textContent)")
    for got, line in zip(drawn, said.split("\n") * 2):
        assert got == line or got.endswith("…") or not name
    browser.run("choose('n0'); showCard('n0')")
    assert browser.card["title"] == (said or "variable")
    if name.isprintable():
        assert said == name


FITS = """
const outside = [];
for (const item of document.querySelectorAll(".item")) {
  const box = item.querySelector("rect").getBBox();
  for (const text of item.querySelectorAll("text")) {
    const own = text.getBBox();
    if (own.x < box.x - 0.5 || own.x + own.width > box.x + box.width + 0.5 || own.y < box.y - 1
        || own.y + own.height > box.y + box.height + 3) outside.push(text.textContent);
  }
}
return outside;
"""


@pytest.mark.parametrize("name", ["x" * 300, "重み" * 30, "😀" * 30, "WWWWWWWWWW", "iiiii", "한국어 이름"])
def test_every_label_fits_into_its_box(browser, tmp_path, name):
    x = Variable(np.arange(9.0), name)
    browser.open(plot(tmp_path, F.exp(x) * 2.0, values=True))
    assert browser.run(FITS) == []


def test_every_label_of_a_network_fits_into_its_box(browser, tmp_path):
    browser.open(plot_lenet(tmp_path, gradients=1, values=True))
    assert browser.run(FITS) == []
    browser.click(browser.one("#fold"))
    assert browser.run(FITS) == []


def test_one_moves_and_zooms(browser, tmp_path, keys):
    browser.open(plot_lenet(tmp_path))

    def view():
        return browser.run("return {...view}")

    start = view()
    browser.act().move_to_element_with_offset(browser.one("#stage"), -300, 0).click_and_hold().move_by_offset(
        60, 40
    ).release().perform()
    assert (view()["x"] - start["x"], view()["y"] - start["y"]) == pytest.approx((60, 40))
    browser.click(browser.one("#larger"))
    assert view()["zoom"] == pytest.approx(start["zoom"] * 1.25)
    browser.act().scroll_from_origin(_origin(browser), 0, 100).perform()
    assert view()["zoom"] < start["zoom"] * 1.25
    browser.click(browser.one("#whole"))
    for each in browser.find(".box"):
        assert each.rect["y"] >= 0 and each.rect["y"] + each.rect["height"] < 800
    browser.run("stage.focus()")
    whole = view()["zoom"]
    browser.press("+")
    assert view()["zoom"] == pytest.approx(whole * 1.25)
    browser.press("0")
    assert view()["zoom"] == pytest.approx(whole)


def _origin(browser):
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

    return ScrollOrigin.from_element(browser.one("#stage"))


def test_keys_walk_along_the_arrows(browser, tmp_path, keys):
    x = Variable(np.array(2.0), "x")
    browser.open(plot(tmp_path, F.exp(F.sin(x)), compact=True))
    browser.run("stage.focus()")
    titles = []
    for _ in range(4):
        browser.press(keys.ARROW_DOWN)
        titles.append(browser.card["title"])
    assert titles == ["x", "Sin", "Exp", "variable"]
    browser.press(keys.ARROW_UP)
    assert browser.card["title"] == "Exp"
    assert browser.one("#spoken").get_attribute("textContent").startswith("Exp, Function.")
    browser.press("/")
    assert browser.run("return document.activeElement.id") == "query"


def test_time_is_shown_where_it_was_measured(browser, tmp_path):
    class Marks:
        def __init__(self, graph, folds):
            pass

        def seconds(self, node):
            return {"Sin": (1e-3, 2e-3), "Exp": (6e-3, 0.0)}.get(node.name, (0.0, 0.0))

    y = F.exp(F.sin(Variable(np.array(2.0), "x")))
    picture = render.make_picture(y, True, {"compact": True}, "test", marks=Marks, kind="html")
    picture.save(tmp_path / "time.html")
    browser.open(tmp_path / "time.html")
    browser.hover(browser.one(".item", "Sin"))
    assert [browser.card[name] for name in ("forward", "backward", "share")] == ["1.00 ms", "2.00 ms", "33.3%"]
    assert browser.one(".item", "Exp").text == "Exp\n6.00 ms 66.7%"
    assert (
        browser.one(".item.function rect").get_attribute("style").startswith("fill: color-mix(in srgb, var(--hot) 50%")
    )


def test_a_profile_becomes_a_page_with_times(browser, tmp_path):
    model = models.MLP((3, 2))
    with dezero.profile(layers=model) as profile:
        y = model(np.ones((4, 2), np.float32))
    profile.plot(y, to_file=tmp_path / "profile.html", depth=1)
    browser.open(tmp_path / "profile.html")
    browser.hover(browser.one(".item.layer", "l0"))
    assert browser.card["forward"].endswith(" ms") and browser.card["share"].endswith("%")


def test_a_failed_layout_is_made_again_in_a_hurry(browser, tmp_path):
    browser.open(plot_lenet(tmp_path))
    browser.run(
        "const run = graphviz.run;graphviz.run = () => { graphviz.run = run; throw new Error('no luck'); };update()"
    )
    browser.wait()
    assert "in a hurry" in browser.notice and "Conv2d" in browser.boxes
    browser.click(browser.one("#notice button"))
    assert browser.notice == "" and "Conv2d" in browser.boxes


def test_a_layout_can_be_cancelled(browser, tmp_path):
    browser.open(plot_lenet(tmp_path))
    browser.run("update(); setTimeout(() => graphviz.stop())")
    browser.wait("failed")
    assert browser.notice.startswith("Cancelled")
    browser.click(browser.one("#fold"))
    assert browser.boxes == ["LeNet"]


def test_dot_text_alone_is_drawn_searched_and_followed(browser, tmp_path):
    nodes = 'n0 [label="重み <x>", href="https://example.org"]; n1 [label="Exp\\n0.1 ms", shape=box];'
    text = f"digraph {{ {nodes} n0 -> n1 -> n2 }}"
    Picture(text).save(tmp_path / "text.html")
    browser.open(tmp_path / "text.html")
    assert len(browser.find("g.node")) == 3 and not browser.find("a[*|href]")
    browser.search("exp")()
    assert browser.card["title"] == "Exp"
    ways = browser.run("return ['to', 'onward'].map((way) => document.querySelectorAll('g.node.' + way).length)")
    assert ways == [2, 2]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [400, 800, 1000, 1400])
def test_it_has_room_on_any_screen_by_day_and_by_night(browser, tmp_path, width, dark):
    Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    browser.open(plot_lenet(tmp_path, depth=1, gradients=1), width=width, dark=dark)
    assert browser.run("return document.documentElement.scrollWidth") <= width
    for summary in browser.find(".menu > summary"):
        summary.click()
        sheet = browser.run("return document.querySelector('.menu[open] .sheet').getBoundingClientRect().toJSON()")
        assert sheet["left"] >= 0 and sheet["right"] <= width
        summary.click()
    with Image.open(browser.picture(tmp_path / "page.png")) as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    paper = (21, 24, 29) if dark else (255, 255, 255)
    assert 0.1 < np.mean(np.all(pixels == paper, axis=1)) < 0.98
    for color in [(255, 165, 0), (173, 216, 230)]:
        assert np.mean(np.all(pixels == color, axis=1)) > 5e-4


def test_layers_given_to_plot_dot_graph_can_be_folded(browser, tmp_path):
    model, x = models.MLP((3, 2)), np.ones((4, 2), np.float32)
    with record_layers(model) as calls:
        loss = F.softmax_cross_entropy(model(x), np.array([0, 1, 1, 0]))
    browser.open(plot(tmp_path, loss, layers=calls, depth=0))
    assert browser.boxes == ["MLP", "SoftmaxCrossEntropy"]
