"""The gallery: each picture is drawn, not blank, fits a page and says what is so; those of the README can be read."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import dezero.functions as F
from dezero import Variable
from dezero.graph import plot_dot_graph

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
SPACE = "{http://www.w3.org/2000/svg}"

pytest.importorskip("graphviz", reason="the Python package graphviz is not installed")
pytestmark = pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is not installed")


@pytest.fixture
def gallery(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import gallery

    return gallery


def words(path):
    """The lines of text in each node, and in each box."""
    root = ET.parse(path).getroot()
    found = {"node": [], "cluster": []}
    for g in root.iter(f"{SPACE}g"):
        if g.get("class") in found:
            found[g.get("class")].append([t.text for t in g.iter(f"{SPACE}text")])
    return found["node"], found["cluster"]


def test_every_picture_is_drawn_and_fits_a_page(gallery, tmp_path):
    for path in gallery.main(str(tmp_path)):
        assert path.stat().st_size < 200_000, path.name
        width, height = (float(n) for n in re.search(r'width="(\d+)pt" height="(\d+)pt"', path.read_text()).groups())
        # at 12 points a letter, shrunk to a page of 8 by 11 inches, it must still be 5 points large
        assert width < 1400 and height < 2000, (path.name, width, height)
    assert len(list(tmp_path.iterdir())) == len(gallery.PICTURES)


def test_pngs_are_not_blank(gallery, tmp_path):
    Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    for path in gallery.main(str(tmp_path), kind="png", only=["lenet", "tanh3", "goldstein"]):
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
        assert np.mean(np.all(pixels == (255, 165, 0), axis=1)) > 0.002
        assert len(np.unique(pixels, axis=0)) > 20


def test_a_lenet_is_folded_and_open(gallery, tmp_path):
    folded, open_ = gallery.main(str(tmp_path), only=["lenet", "lenet_open"])
    nodes, boxes = words(folded)
    assert [n[0] for n in nodes if ":" in n[0]].count("conv1: Conv2d") == 1
    assert ["fc3: Linear", "(1, 120)", "48,120 parameters"] in nodes and len(boxes) == 1
    nodes, boxes = words(open_)
    assert ["conv2: Conv2d", "(1, 16, 10, 10)", "2,416 parameters"] in boxes and len(boxes) == 6
    assert ["W (400, 120)"] in nodes


def test_a_resnet_is_drawn_to_depth_1_and_2(gallery, tmp_path):
    one, two = gallery.main(str(tmp_path), only=["resnet50_stages", "resnet50_blocks"])
    nodes, boxes = words(one)
    assert [b[-1] for b in boxes] == ["25,557,032 parameters"]
    assert ["res4: Stage", "(1, 1024, 14, 14)", "7,098,368 parameters"] in nodes
    nodes, boxes = words(two)
    assert ["5 × Bottleneck", "res4/b1 … res4/b5", "(1, 1024, 14, 14)", "5 × 1,117,184 parameters"] in nodes
    assert [b[0] for b in boxes][1:] == [f"res{n}: Stage" for n in (2, 3, 4, 5)]


def test_an_lstm_takes_three_steps_and_a_gpt_has_twelve_blocks(gallery, tmp_path):
    folded, open_, gpt = gallery.main(str(tmp_path), only=["lstm", "lstm_open", "gpt"])
    assert sorted(n[1] for n in words(folded)[0] if n[0] == "lstm: LSTM") == [f"call {n} of 3" for n in (1, 2, 3)]
    assert [b[1] for b in words(open_)[1] if b[0] == "lstm: LSTM"] == [f"call {n} of 3" for n in (1, 2, 3)]
    assert "12 × TransformerBlock" in [b[0] for b in words(gpt)[1]]


def test_the_third_derivative_of_tanh_has_its_orders(gallery, tmp_path):
    (path,) = gallery.main(str(tmp_path), only=["tanh3"])
    assert {"x", "y", "gx", "ggx", "gggx"} <= {n[0] for n in words(path)[0] if n}


def middle(group):
    """Where the middle of a node is."""
    for shape in group.iter():
        if shape.tag == f"{SPACE}ellipse":
            return float(shape.get("cx"))
        if shape.tag in (f"{SPACE}path", f"{SPACE}polygon"):
            xs = [float(x) for x in re.findall(r"(-?[\d.]+),", shape.get("d") or shape.get("points"))]
            return (min(xs) + max(xs)) / 2
    return None


def test_the_eighth_derivative_of_tanh_is_a_column_of_orders_with_what_comes_out_beside_it(gallery, tmp_path):
    (path,) = gallery.main(str(tmp_path), only=["tanh8"])
    places = {}
    for g in ET.parse(path).getroot().iter(f"{SPACE}g"):
        if g.get("class") == "node":
            text = g.find(f"{SPACE}text")
            places[text.text] = middle(g), float(text.get("y"))
    orders = ["result", *(f"{n} gradient" for n in "1st 2nd 3rd 4th 5th 6th 7th 8th".split())]
    assert max(places[n][0] for n in orders) - min(places[n][0] for n in orders) < 1
    assert sorted(orders, key=lambda n: places[n][1]) == orders
    for n, order in enumerate(orders[1:], start=1):
        x, y = places["g" * n + "x"]
        assert x > places[order][0] and abs(y - places[order][1]) < 12


def test_the_profile_of_a_lenet_is_coloured_and_has_a_legend(gallery, tmp_path):
    (path,) = gallery.main(str(tmp_path), only=["lenet_profile"])
    nodes, boxes = words(path)
    (conv,) = [n for n in nodes if n[0] == "conv1: Conv2d"]
    assert re.fullmatch(r"[\d.,]+ ms +[\d.]+%", conv[1].replace("\xa0", " ")) and conv[2].startswith("forward ")
    assert "#f46a4a" in path.read_text() and "time of a box in ms:" in path.read_text()


def test_lines_of_text_are_centred_in_their_node_whatever_fonts_the_viewer_has(gallery, tmp_path):
    (path,) = gallery.main(str(tmp_path), only=["resnet50_blocks"])
    seen = 0
    for g in ET.parse(path).getroot().iter(f"{SPACE}g"):
        if g.get("class") == "node":
            for text in g.iter(f"{SPACE}text"):
                assert text.get("text-anchor") == "middle" and abs(float(text.get("x")) - middle(g)) < 0.1
                seen += 1
    assert seen > 40


def test_a_picture_names_fonts_for_the_names_in_it(tmp_path):
    x, y = Variable(np.ones(2), "入力 输入 입력 🐱"), Variable(np.ones(2), "x")
    for options in ({}, {"compact": True}):
        plot_dot_graph(F.exp(x * y), to_file=tmp_path / "names.svg", **options)
        root = ET.parse(tmp_path / "names.svg").getroot()
        assert any("入力 输入 입력 🐱" in text.text for text in root.iter(f"{SPACE}text") if text.text)
        graph = next(root.iter(f"{SPACE}g"))
        fonts = graph.get("font-family").split(",")
        assert {"Noto Sans CJK JP", "Hiragino Sans", "Yu Gothic", "Microsoft YaHei", "Malgun Gothic"} <= set(fonts)
        assert fonts[-1] == "sans-serif"
        assert not any(text.get("font-family") for text in root.iter(f"{SPACE}text"))


# ---- those of the README


README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = re.findall(r'<img src="([^"]+)" width="(\d+)" alt="([^"]+)">', README)


def test_the_readme_shows_the_pictures_that_are_there_and_all_of_them(gallery):
    assert len(SHOWN) == README.count("<img ") > 10
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs" / "images").iterdir()}
    assert {source for source, _, _ in SHOWN} == files
    drawn = {draw.__name__ for draw in gallery.PICTURES} - gallery.NOT_IN_README
    assert {Path(source).stem for source in files} == drawn | {"lenet_page"}  # this one is a photograph of a browser


VECTORS = [picture for picture in SHOWN if picture[0].endswith(".svg")]


@pytest.mark.parametrize(("source", "width", "alt"), VECTORS, ids=[Path(source).stem for source, _, _ in VECTORS])
def test_a_picture_of_the_readme_is_small_and_can_be_read_in_its_column(source, width, alt):
    text = (ROOT / source).read_text(encoding="utf-8")
    assert len(text) < 200_000
    points = float(re.search(r'width="(\d+)pt"', text).group(1))
    scale = int(width) / (points * 4 / 3)
    smallest = min(float(size) for size in re.findall(r'font-size="([\d.]+)"', text))
    assert int(width) <= 830 and 0.55 < scale <= 1.02, scale
    assert smallest * 4 / 3 * scale > 10.5, (smallest, scale)  # pixels high


def test_all_pictures_of_the_readme_are_small_together():
    assert sum((ROOT / source).stat().st_size for source, _, _ in SHOWN) < 1_200_000
