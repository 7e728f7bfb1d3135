"""The first job, end to end: what a newcomer runs must reach what it promises."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from dezero import DataLoader, no_grad, optimizers, test_mode
from dezero import functions as F
from dezero.datasets import MNIST
from dezero.models import MLP
from dezero.transforms import Compose, Normalize, ToFloat

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def digits(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import digits

    return digits


def test_the_digits_are_read_at_98_percent_and_the_weights_come_back(digits, tmp_path, capsys):
    result = digits.main(out=str(tmp_path))
    assert result["accuracy"] >= 0.98
    assert result["reloaded"] == result["accuracy"]
    printed = capsys.readouterr().out
    assert "epoch  1: loss" in printed and f"Test accuracy {result['accuracy']:.4%}" in printed
    assert printed.count(f"{result['accuracy']:.4%}") == 2
    with np.load(tmp_path / "weights.npz") as weights:
        assert {"conv1/W", "conv1/b", "fc2/W"} <= set(weights.files)


def test_the_pictures_are_drawn(digits, tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("graphviz")
    Image = pytest.importorskip("PIL.Image")
    digits.main(epochs=1, out=str(tmp_path))
    for name in ("graph.png", "training.png"):
        if name == "graph.png" and not (tmp_path / name).exists():
            pytest.skip("the program dot is not installed")
        with Image.open(tmp_path / name) as picture:
            assert min(picture.size) > 400 and len(picture.convert("RGB").getcolors(1 << 24)) > 10
    drawn = "".join(ET.parse(tmp_path / "graph.svg").getroot().itertext())
    assert drawn.count("Conv2d") == 2 and "SoftmaxCrossEntropy" in drawn and "(8, 32, 8, 8)" in drawn


def test_without_dot_it_finishes_and_says_what_was_left_out(digits, tmp_path, monkeypatch, capsys):
    pytest.importorskip("graphviz")
    monkeypatch.setenv("PATH", str(tmp_path))
    digits.main(epochs=1, out=str(tmp_path / "run"))
    printed = capsys.readouterr().out
    assert "Left out: " in printed and "graph.svg" in printed and "apt-get install graphviz" in printed
    assert (tmp_path / "run" / "weights.npz").exists()


def test_without_matplotlib_it_finishes_and_says_what_was_left_out(digits, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    digits.main(epochs=1, out=str(tmp_path))
    assert "training.png, because" in capsys.readouterr().out


def test_the_same_seed_gives_the_same_result_to_the_bit(tmp_path):
    """In two processes, as a user would run it twice."""
    for run in ("a", "b"):
        command = [sys.executable, str(EXAMPLES / "digits.py"), "--epochs", "2", "--seed", "7", "--out", run]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    weights = [(tmp_path / run / "weights.npz").read_bytes() for run in ("a", "b")]
    assert weights[0] == weights[1]


def test_the_job_runs_on_a_device_and_gives_what_the_host_gives(digits, gpu):
    """Forward, backward and update; no array may leave the device."""

    def losses(on_gpu):
        np.random.seed(0)
        model, loader = digits.build("digits"), DataLoader(digits.Digits(), 64, shuffle=False, gpu=on_gpu)
        if on_gpu:
            model.to_gpu()
        optimizer = optimizers.Adam().setup(model)
        found = []
        for (x, t), _ in zip(loader, range(5)):
            with test_mode():  # the random numbers of dropout differ from device to device
                loss = F.softmax_cross_entropy(model(x), t)
            model.cleargrads()
            loss.backward(retain_graph=False)
            optimizer.update()
            assert all(type(p.data) is type(x) and type(p.grad.data) is type(x) for p in model.params())
            found.append(float(loss))
        return found

    np.testing.assert_allclose(losses(True), losses(False), rtol=1e-4)


MEMORY = """
import gc, os, sys
import numpy as np
import digits
from dezero import DataLoader, optimizers

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

# CPython makes its table of interned strings anew now and then, a megabyte at a time. A large one has room for long.
names = [sys.intern(f"name {i}") for i in range(100_000)]
gc.disable()
np.random.seed(0)
model = digits.build("digits")
optimizer = optimizers.Adam().setup(model)
loader, test_loader = DataLoader(digits.Digits(), 32), DataLoader(digits.Digits(train=False), 500, shuffle=False)
for epoch in range(1, 201):
    digits.train_epoch(model, optimizer, loader)
    digits.predict(model, test_loader)
    if epoch == 10:
        before = resident()
print(resident() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the memory in use from /proc")
def test_memory_is_flat_over_200_epochs_with_the_collector_off():
    done = subprocess.run([sys.executable, "-c", MEMORY], cwd=EXAMPLES, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 2 * 1024 * 1024


@pytest.fixture
def mnist(data_dir):
    root = data_dir / "mnist"
    if not root.is_dir():
        pytest.skip(f"no real data files: {root} is no folder.")
    return root


def median_of_three_seeds(build, train, test):
    """One epoch is short: a single run may end one percent lower."""
    return np.median([accuracy_after_one_epoch(build(), train, test, seed) for seed in range(3)])


def accuracy_after_one_epoch(model, train, test, seed):
    np.random.seed(seed)
    optimizer = optimizers.Adam().setup(model)
    for x, t in DataLoader(train, 100):
        loss = F.softmax_cross_entropy(model(x), t)
        model.cleargrads()
        loss.backward(retain_graph=False)
        optimizer.update()
    with no_grad(), test_mode():
        hits = [float(F.accuracy(model(x), t)) * len(t) for x, t in DataLoader(test, 1000, shuffle=False)]
    return sum(hits) / len(test)


def test_lenet_reads_mnist_at_98_percent_after_one_epoch(digits, mnist):
    pictures = Compose([ToFloat(), Normalize(0.0, 255.0)])
    train, test = (MNIST(train=part, transform=pictures, root=mnist) for part in (True, False))
    assert median_of_three_seeds(lambda: digits.ConvNet(dropout_ratio=0), train, test) >= 0.98


def test_an_mlp_reads_mnist_at_96_and_a_half_percent_after_one_epoch(mnist):
    train, test = (MNIST(train=part, root=mnist) for part in (True, False))
    assert median_of_three_seeds(lambda: MLP((1000, 1000, 10), F.relu), train, test) >= 0.965
