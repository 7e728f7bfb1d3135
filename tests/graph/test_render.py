"""Pictures of computation graphs: drawn by the real ``dot``, read back, and every way to fail."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import types
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from dezero import Variable
from dezero.graph import get_dot_graph, plot_dot_graph

render = importlib.import_module("dezero.graph.render")

graphviz = pytest.importorskip("graphviz", reason="the Python package graphviz is not installed")
needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is not installed")

BEGINNINGS = {
    "png": b"\x89PNG",
    "PNG": b"\x89PNG",
    "svg": b"<?xml",
    "pdf": b"%PDF",
    "jpg": b"\xff\xd8",
    "jpeg": b"\xff\xd8",
    "gif": b"GIF8",
    "ps": b"%!PS",
    "eps": b"%!PS",
    "dot": b"digraph",
    "gv": b"digraph",
}


def product():
    x, y = Variable(np.array(2.0), "x"), Variable(np.array(3.0), "y")
    return x * y + x


def shapes(svg):
    """How many nodes of each colour and how many arrows are in a picture."""
    space = "{http://www.w3.org/2000/svg}"
    root = ET.fromstring(svg)
    groups = [g for g in root.iter(f"{space}g") if g.get("class") == "node"]
    ellipses = [e for g in groups for e in g.iter(f"{space}ellipse") if e.get("fill") == "orange"]
    boxes = [p for g in groups for p in g.iter(f"{space}polygon") if p.get("fill") == "lightblue"]
    assert len(groups) == len(ellipses) + len(boxes)
    return len(ellipses), len(boxes), len([g for g in root.iter(f"{space}g") if g.get("class") == "edge"])


def shown(folder):
    return sorted(path.name for path in folder.iterdir())


# ---- pictures


@needs_dot
def test_the_picture_has_every_node_and_arrow_of_the_graph(tmp_path):
    plot_dot_graph(product(), to_file=tmp_path / "graph.svg")
    assert shapes((tmp_path / "graph.svg").read_bytes()) == (4, 2, 6)


@needs_dot
def test_a_png_opens_and_is_not_blank(tmp_path):
    Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    plot_dot_graph(product(), to_file=tmp_path / "graph.png")
    with Image.open(tmp_path / "graph.png") as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    for color in [(255, 165, 0), (173, 216, 230), (255, 255, 255)]:  # orange, light blue and the paper
        assert np.mean(np.all(pixels == color, axis=1)) > 0.02


@needs_dot
@pytest.mark.parametrize("ending", BEGINNINGS)
def test_the_ending_says_the_kind_of_file(tmp_path, ending):
    plot_dot_graph(product(), to_file=tmp_path / f"graph.{ending}")
    assert (tmp_path / f"graph.{ending}").read_bytes().startswith(BEGINNINGS[ending])
    assert shown(tmp_path) == [f"graph.{ending}"]


@needs_dot
def test_verbose_is_passed_on(tmp_path):
    for verbose in (True, False):
        plot_dot_graph(product(), verbose, tmp_path / "graph.svg")
        assert ("float64" in (tmp_path / "graph.svg").read_text()) is verbose


@needs_dot
def test_the_default_is_graph_png_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plot_dot_graph(product())
    assert shown(tmp_path) == ["graph.png"]


@pytest.mark.parametrize("ending", ["dot", "gv"])
def test_text_needs_neither_the_package_nor_the_program(tmp_path, monkeypatch, ending):
    monkeypatch.setitem(sys.modules, "graphviz", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    y = product()
    plot_dot_graph(y, to_file=tmp_path / f"変数.{ending}")
    assert (tmp_path / f"変数.{ending}").read_text(encoding="utf-8") == get_dot_graph(y) + "\n"


# ---- paths


@needs_dot
@pytest.mark.parametrize(
    "name",
    [
        "a b.svg",
        "it's.svg",
        'say "hi".svg',
        "$(touch harm).svg",
        "`touch harm`; touch harm & .svg",
        "-Tpng.svg",
        "グラフ 😀.svg",
        "back\\slash.svg",
        "new\nline.svg",
        "%s{0}*?.svg",
        "x.tar.svg",
        "n" * 251 + ".svg",
    ],
)
def test_any_path_is_used_as_it_is(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    plot_dot_graph(product(), to_file=name)
    assert shown(tmp_path) == [name]
    assert shapes((tmp_path / name).read_bytes()) == (4, 2, 6)


@pytest.mark.parametrize("kind", [str, Path, os.fsencode])
def test_a_path_may_be_text_bytes_or_a_path(tmp_path, kind):
    plot_dot_graph(product(), to_file=kind(tmp_path / "graph.dot"))
    assert shown(tmp_path) == ["graph.dot"]


def test_an_older_picture_is_replaced(tmp_path):
    (tmp_path / "graph.dot").write_text("older")
    plot_dot_graph(product(), to_file=tmp_path / "graph.dot")
    assert (tmp_path / "graph.dot").read_text().startswith("digraph")


def test_a_link_stays_a_link_to_the_picture(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "graph.dot").symlink_to(tmp_path / "there" / "real.dot")
    plot_dot_graph(product(), to_file=tmp_path / "graph.dot")
    assert (tmp_path / "graph.dot").is_symlink()
    assert (tmp_path / "there" / "real.dot").read_text().startswith("digraph")


def test_the_file_may_be_read_by_whom_the_umask_allows(tmp_path):
    before = os.umask(0o022)
    try:
        plot_dot_graph(product(), to_file=tmp_path / "graph.dot")
    finally:
        os.umask(before)
    assert (tmp_path / "graph.dot").stat().st_mode & 0o777 == 0o644


@needs_dot
def test_no_shell_is_started(tmp_path, monkeypatch):
    commands = []
    run = subprocess.Popen.__init__

    def watched(self, args, *rest, **options):
        commands.append((args, options.get("shell", False)))
        run(self, args, *rest, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", watched)
    plot_dot_graph(product(), to_file=tmp_path / "$(graph).svg")
    assert [(str(args[0]), shell) for args, shell in commands] == [("dot", False)]
    assert not any("graph)" in str(arg) for arg in commands[0][0])


# ---- at the same time


@needs_dot
def test_calls_at_the_same_time_do_not_meet(tmp_path):
    def draw(n):
        y = Variable(np.array(1.0), f"only in {n}")
        for _ in range(n):
            y = -y
        plot_dot_graph(y, to_file=tmp_path / f"{n}.svg")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(draw, range(1, 9)))
    assert shown(tmp_path) == [f"{n}.svg" for n in range(1, 9)]
    for n in range(1, 9):
        picture = (tmp_path / f"{n}.svg").read_bytes()
        assert shapes(picture) == (n + 1, n, 2 * n)
        assert f"only in {n}:".encode() in picture


@needs_dot
def test_calls_for_one_file_leave_one_whole_picture(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: plot_dot_graph(product(), to_file=tmp_path / "graph.svg"), range(8)))
    assert shown(tmp_path) == ["graph.svg"]
    assert shapes((tmp_path / "graph.svg").read_bytes()) == (4, 2, 6)


# ---- what goes wrong


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("graph", "has no ending; one of these is wanted: png, svg, "),
        (".png", "has no ending"),
        ("graph.", "has no ending"),
        ("graph.xyz", r"'graph.xyz' has the ending .xyz; one of these is wanted: png, svg, "),
        ("graph.x11", "has the ending .x11"),
    ],
)
def test_an_unknown_ending_is_an_error(name, words):
    with pytest.raises(ValueError, match=words):
        plot_dot_graph(product(), to_file=name)


def test_a_missing_folder_is_an_error_before_anything_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(render, "_picture", None)
    with pytest.raises(
        FileNotFoundError, match=r"there is no folder '.*not there' for to_file '.*graph\.png'. Make it"
    ):
        plot_dot_graph(product(), to_file=tmp_path / "not there" / "graph.png")


def test_a_folder_instead_of_a_file_is_an_error(tmp_path):
    (tmp_path / "graph.dot").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder; the path of a file is wanted"):
        plot_dot_graph(product(), to_file=tmp_path / "graph.dot")


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may write everywhere, and so does Windows")
def test_a_folder_that_forbids_writing_is_an_error(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match=r"cannot write to_file '.*graph\.dot': Permission denied"):
            plot_dot_graph(product(), to_file=tmp_path / "graph.dot")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize(("kind", "number"), [(PermissionError, 13), (OSError, 28)])
def test_a_failed_write_is_told_and_leaves_the_older_picture_alone(tmp_path, monkeypatch, kind, number):
    (tmp_path / "graph.dot").write_text("older")

    def fail(*paths):
        raise kind(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(kind, match=rf"cannot write to_file '.*graph\.dot': {os.strerror(number)}\."):
        plot_dot_graph(product(), to_file=tmp_path / "graph.dot")
    assert shown(tmp_path) == ["graph.dot"]
    assert (tmp_path / "graph.dot").read_text() == "older"


def test_a_missing_package_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "graphviz", None)
    with pytest.raises(ImportError, match=r"package graphviz is missing.*pip install 'dezero\[graph\]'.*ends in \.dot"):
        plot_dot_graph(product(), to_file=tmp_path / "graph.png")
    assert shown(tmp_path) == []


def test_a_missing_program_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="dot is missing.*apt-get install graphviz.*brew install graphviz"):
        plot_dot_graph(product(), to_file=tmp_path / "graph.png")
    assert shown(tmp_path) == []


def test_a_program_that_fails_is_quoted(tmp_path, monkeypatch, capsys):
    bin = tmp_path / "bin"
    bin.mkdir()
    (bin / "dot").write_text("#!/bin/sh\necho no luck today >&2\nexit 3\n")
    (bin / "dot").chmod(0o755)
    monkeypatch.setenv("PATH", str(bin))
    with pytest.raises(RuntimeError, match=r"dot could not draw a png \(exit status 3\): no luck today"):
        plot_dot_graph(product(), to_file=tmp_path / "graph.png")
    assert shown(tmp_path) == ["bin"]


# ---- notebooks


def test_a_script_gets_nothing_back_and_does_not_wait_for_ipython(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert plot_dot_graph(product(), to_file=tmp_path / "graph.dot") is None
    assert "IPython" not in sys.modules


@needs_dot
@pytest.mark.parametrize(("ending", "shows"), [("png", "Image"), ("jpg", "Image"), ("svg", "SVG"), ("pdf", None)])
def test_a_notebook_gets_the_picture_back(tmp_path, monkeypatch, ending, shows):
    display = types.ModuleType("IPython.display")
    display.Image = lambda data, format: ("Image", data, format)
    display.SVG = lambda data: ("SVG", data.encode(), "svg")
    ipython = types.ModuleType("IPython")
    ipython.display = display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    given = plot_dot_graph(product(), to_file=tmp_path / f"graph.{ending}")
    written = (tmp_path / f"graph.{ending}").read_bytes()
    assert given == (None if shows is None else (shows, written, ending))
