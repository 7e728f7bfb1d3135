import json
import re
import subprocess
import sys
import warnings

import pytest

from dezero import doctor, using_config
from dezero.doctor import advise, as_text, examine


@pytest.fixture(scope="module")
def report():
    return examine()


def changed(report, chapter, **findings):
    return report | {chapter: report[chapter] | findings}


@pytest.fixture
def well(report):
    """A machine that lacks nothing."""
    report = changed(report, "Processor", **{"cores to use": 2, "threads of dezero": 2, "OMP_NUM_THREADS": None}) | {
        "Compiled loops": {"Numba": "0.68", "in use": True},
        "GPU": {"NVIDIA driver": None, "CuPy": None},
        "Pictures": {"graphviz": "0.21", "dot": "dot 2.43", "matplotlib": "3.10", "Pillow": "12"},
    }
    return report | {"Matrix products": {"library": "OpenBLAS", "kernel": "SkylakeX", "threads": 2, "patience": 18}}


def test_every_chapter_is_there(report):
    assert list(report) == ["Python", "Processor", "Matrix products", "Compiled loops", "GPU", "Pictures", "Files"]
    assert report["Matrix products"]["GFLOP/s in float32"] > 0
    assert report["Processor"]["GB/s of a sum"] > 0


def test_it_says_whether_compiled_loops_are_in_use(monkeypatch):
    pytest.importorskip("numba")
    assert doctor._loops()["in use"]
    with using_config("numba", False):
        assert not doctor._loops()["in use"]

    def refuse():
        warnings.warn("NumPy is too new", RuntimeWarning, stacklevel=2)

    monkeypatch.setattr(doctor, "numba_version", refuse)
    assert doctor._loops()["trouble"] == "NumPy is too new"


def test_nothing_to_do_where_nothing_is_missing(well):
    assert advise(well) == []
    assert as_text(well, []).endswith("What would help\n  Nothing to do.")


@pytest.mark.parametrize(
    ("chapter", "findings", "wanted"),
    [
        ("Matrix products", {"threads": 1}, "Matrix products use 1 of 2 cores"),
        ("Processor", {"threads of dezero": 1}, "dezero itself uses 1 of 2 cores"),
        ("Matrix products", {"library": "none", "kernel": None, "threads": None}, "without a fast BLAS"),
        ("Matrix products", {"patience": 0}, "set OPENBLAS_THREAD_TIMEOUT=18"),
        ("Compiled loops", {"Numba": None, "in use": False}, r"install dezero\[fast\]"),
        ("Compiled loops", {"in use": False}, "unset DEZERO_NUMBA"),
        ("Compiled loops", {"in use": False, "trouble": "NumPy is too new."}, "cannot be used: NumPy is too new."),
        ("GPU", {"NVIDIA driver": "555.42"}, "There is an NVIDIA GPU, but no CuPy"),
        ("GPU", {"CuPy": "14.0", "devices": [], "trouble": "no driver"}, "CuPy 14.0 finds no GPU: no driver"),
        ("Pictures", {"graphviz": None}, r"pip install 'dezero\[graph\]'"),
        ("Pictures", {"dot": None}, "apt-get install graphviz"),
    ],
)
def test_what_is_missing_gets_one_piece_of_advice(well, chapter, findings, wanted):
    advice = advise(changed(well, chapter, **findings))
    assert len(advice) == 1
    assert re.search(wanted, advice[0])


def test_old_kernels_on_a_wide_processor(well):
    slow = changed(changed(well, "Matrix products", kernel="Haswell"), "Processor", **{"AVX-512": True})
    (advice,) = advise(slow)
    assert "OPENBLAS_CORETYPE=SkylakeX" in advice
    assert advise(changed(slow, "Processor", **{"AVX-512": False})) == []


def test_the_limit_is_named(well):
    slow = changed(changed(well, "Matrix products", threads=1), "Processor", **{"OPENBLAS_NUM_THREADS": "1"})
    assert "because of OPENBLAS_NUM_THREADS" in advise(slow)[0]


def test_values_in_words():
    text = as_text({"A": {"none": None, "yes": True, "no": False, "empty": [], "two": ["a", "b"], "n": 3}}, ["Do it."])
    assert [line.split()[-1] for line in text.splitlines()[1:7]] == ["-", "yes", "no", "-", "b", "3"]
    assert text.endswith("  - Do it.")


def test_programs_that_fail_are_not_there(tmp_path):
    assert doctor._answer("surely-no-such-program") is None
    assert doctor._answer(sys.executable, "-c", "raise SystemExit(1)") is None
    assert doctor._answer(sys.executable, "-c", "print('1.2')") == "1.2"
    assert doctor._version("surely-no-such-package") is None


def test_the_command(report):
    done = subprocess.run([sys.executable, "-m", "dezero.doctor"], capture_output=True, text=True, check=True)
    assert "Matrix products" in done.stdout
    assert "What would help" in done.stdout
    done = subprocess.run([sys.executable, "-m", "dezero.doctor", "--json"], capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert answer["report"].keys() == report.keys()
    assert isinstance(answer["advice"], list)
