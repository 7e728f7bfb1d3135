import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from dezero import blas
from dezero.blas import AVX512_KERNELS, OpenBLAS, use_avx512

needs_openblas = pytest.mark.skipif(OpenBLAS.loaded() is None, reason="NumPy runs on no OpenBLAS here")
needs_avx512 = pytest.mark.skipif(not blas.has_avx512(), reason="this processor has no AVX-512")


def run(code, **environment):
    """What ``code`` prints in a process of its own."""
    env = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "DEZERO_BLAS")} | environment
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    ).stdout.strip()


KERNEL = "import dezero.blas; print(dezero.blas.OpenBLAS.loaded().kernel)"


@needs_openblas
def test_the_library_says_what_it_is():
    library = OpenBLAS.loaded()
    assert library.kernel.isalnum()
    assert library.version[0].isdigit()
    assert 1 <= library.threads <= 1024


@needs_openblas
@needs_avx512
def test_an_import_before_numpy_gets_the_avx512_kernels():
    assert run(KERNEL) in AVX512_KERNELS


@needs_openblas
def test_the_users_choice_stays():
    assert run(KERNEL, OPENBLAS_CORETYPE="Haswell") == "Haswell"


def test_the_import_leaves_the_environment_alone():
    assert run("import dezero, os; print(os.environ.get('OPENBLAS_CORETYPE'))") == "None"
    assert run("import dezero, os; print(os.environ['OPENBLAS_CORETYPE'])", OPENBLAS_CORETYPE="Haswell") == "Haswell"


ASKED = """
import os, sys
import dezero.blas as blas
del sys.modules["numpy"]
blas.is_amd = blas.has_avx512 = lambda: True
asked = []
class Numpy:
    def find_spec(self, name, path, target=None):
        if name == "numpy":
            asked.append(os.environ.get("OPENBLAS_CORETYPE"))
            sys.modules["numpy"] = object()
            raise ImportError
sys.meta_path.insert(0, Numpy())
try:
    blas.import_numpy()
except ImportError:
    pass
print(asked, os.environ.get("OPENBLAS_CORETYPE"))
"""


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, "['SkylakeX'] None"),
        ({"DEZERO_BLAS": "keep"}, "[] None"),
        ({"OPENBLAS_CORETYPE": "Haswell"}, "[] Haswell"),
    ],
)
def test_numpy_is_imported_with_the_choice_unless_someone_chose(environment, wanted):
    assert run(ASKED, **environment) == wanted


@pytest.mark.parametrize(("amd", "wide"), [(False, True), (True, False)])
def test_other_processors_are_left_alone(monkeypatch, amd, wide):
    monkeypatch.setattr(blas, "is_amd", lambda: amd)
    monkeypatch.setattr(blas, "has_avx512", lambda: wide)
    monkeypatch.delitem(sys.modules, "numpy")
    blas.import_numpy()
    assert "numpy" not in sys.modules


@pytest.mark.parametrize(
    "text", ["", "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: sse avx2\n\nprocessor : 1"]
)
def test_processors_that_say_little(monkeypatch, tmp_path, text):
    file = tmp_path / "cpuinfo"
    file.write_text(text)
    monkeypatch.setattr("builtins.open", lambda path, *args, _open=open, **kwargs: _open(file, *args, **kwargs))
    assert not blas.has_avx512()
    assert not blas.is_amd()


CHANGED = """
import numpy as np, dezero.blas as blas, os
rng = np.random.default_rng(0)
pairs = [(rng.standard_normal((m, k)).astype(t), rng.standard_normal((k, n)).astype(t))
         for t in ("f4", "f8", "c8") for m, k, n in ((2, 3, 4), (200, 300, 100), (777, 555, 333))]
before = [a @ b for a, b in pairs]
first = blas.OpenBLAS.loaded().kernel
for _ in range(20):
    blas.OpenBLAS.loaded().choose("Haswell")
    now = blas.use_avx512()
    after = [a @ b for a, b in pairs]
    assert all(np.allclose(x, y, rtol=1e-3, atol=1e-3) for x, y in zip(before, after))
print(first, now, os.environ["OPENBLAS_CORETYPE"])
"""


@needs_openblas
@needs_avx512
def test_the_loaded_library_changes_its_kernels_and_products_stay():
    assert run(CHANGED, OPENBLAS_CORETYPE="Haswell") == "Haswell SkylakeX Haswell"


WRONG = """
import dezero.blas as blas
blas._agree = lambda found, wanted: False
try:
    blas.use_avx512()
except RuntimeError as error:
    print(error, blas.OpenBLAS.loaded().kernel)
"""


@needs_openblas
@needs_avx512
def test_kernels_that_compute_otherwise_are_given_up():
    said = run(WRONG, OPENBLAS_CORETYPE="Haswell")
    assert said == "use_avx512: with SkylakeX products came out wrong; Haswell is in use again. Haswell"


class Library:
    kernel = "Haswell"


def test_refusals_say_why(monkeypatch):
    monkeypatch.setattr(OpenBLAS, "loaded", lambda: None)
    with pytest.raises(RuntimeError, match="runs on no OpenBLAS here"):
        use_avx512()
    monkeypatch.setattr(OpenBLAS, "loaded", lambda: Library())
    monkeypatch.setattr(blas, "has_avx512", lambda: False)
    with pytest.raises(RuntimeError, match="this processor has no AVX-512"):
        use_avx512()
    monkeypatch.setattr(blas, "has_avx512", lambda: True)
    go_on = threading.Event()
    other = threading.Thread(target=go_on.wait, name="busy one")
    other.start()
    try:
        with pytest.raises(RuntimeError, match="other threads are alive.*busy one"):
            use_avx512()
    finally:
        go_on.set()
        other.join()


def test_a_library_that_is_no_openblas(tmp_path):
    import _ctypes

    with pytest.raises(OSError, match="has no openblas_get_corename"):
        OpenBLAS(_ctypes.__file__)
    with pytest.raises(OSError):
        OpenBLAS(str(tmp_path / "libopenblas.so"))


def test_products_are_compared():
    products = blas._products()
    assert blas._agree(products, blas._products())
    wrong = [p.copy() for p in products]
    wrong[1][0, 0] += np.float32(0.1)
    assert not blas._agree(wrong, products)
