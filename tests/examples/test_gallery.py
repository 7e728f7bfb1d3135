"""The gallery: every picture is drawn, none is blank, none needs more than a page, and what it says is so."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

pytest.importorskip("graphviz", reason="the Python package graphviz is not installed")
pytestmark = pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is not installed")


@pytest.fixture
def gallery(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import gallery

    return gallery


def words(path):
    """The lines of text in each node, and in each box."""
    space = "{http://www.w3.org/2000/svg}"
    root = ET.parse(path).getroot()
    found = {"node": [], "cluster": []}
    for g in root.iter(f"{space}g"):
        if g.get("class") in found:
            found[g.get("class")].append([t.text for t in g.iter(f"{space}text")])
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
    lstm, gpt = gallery.main(str(tmp_path), only=["lstm", "gpt"])
    assert [b[1] for b in words(lstm)[1] if b[0] == "lstm: LSTM"] == [f"call {n} of 3" for n in (1, 2, 3)]
    assert "12 × TransformerBlock" in [b[0] for b in words(gpt)[1]]


def test_the_third_derivative_of_tanh_has_its_orders(gallery, tmp_path):
    (path,) = gallery.main(str(tmp_path), only=["tanh3"])
    assert {"x", "y", "gx", "ggx", "gggx"} <= {n[0] for n in words(path)[0] if n}
