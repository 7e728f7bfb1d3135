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
    env = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_") and k != "DEZERO_BLAS"} | environment
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
            asked.append([os.environ.get(x) for x in ("OPENBLAS_CORETYPE", "OPENBLAS_THREAD_TIMEOUT")])
            sys.modules["numpy"] = object()
            raise ImportError
sys.meta_path.insert(0, Numpy())
try:
    blas.set_up()
except ImportError:
    pass
print(*asked, os.environ.get("OPENBLAS_CORETYPE"), os.environ.get("OPENBLAS_THREAD_TIMEOUT"))
"""


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, "['SkylakeX', '18'] None None"),
        ({"DEZERO_BLAS": "keep"}, "None None"),
        ({"OPENBLAS_CORETYPE": "Haswell"}, "['Haswell', '18'] Haswell None"),
        ({"OPENBLAS_THREAD_TIMEOUT": "20"}, "['SkylakeX', '20'] None 20"),
    ],
)
def test_numpy_is_imported_with_our_wishes_where_nobody_else_has_any(environment, wanted):
    assert run(ASKED, **environment) == wanted


@pytest.mark.parametrize(("amd", "wide"), [("True", "False"), ("False", "True")])
def test_other_processors_choose_for_themselves(amd, wide):
    code = ASKED.replace("blas.is_amd = blas.has_avx512 = lambda: True", f"blas.is_amd = lambda: {amd}")
    code = code.replace("asked = []", f"asked = []; blas.has_avx512 = lambda: {wide}")
    assert run(code) == "[None, '18'] None None"


PATIENCE = "print(__import__('dezero').blas.OpenBLAS.loaded().patience)"


@needs_openblas
@pytest.mark.skipif(blas.sys.platform != "linux", reason="OpenBLAS has other threads on this system")
@pytest.mark.parametrize("first", ["", "import numpy as np; a = np.ones((500, 500)); assert (a @ a)[0, 0] == 500;"])
@pytest.mark.parametrize(("asked", "wanted"), [({}, "18"), ({"OPENBLAS_THREAD_TIMEOUT": "20"}, "20")])
def test_threads_go_to_sleep_soon_whatever_was_imported_first(first, asked, wanted):
    assert run(first + PATIENCE, **asked) == wanted
    assert run(first + PATIENCE, DEZERO_BLAS="keep", **asked) in (asked.get("OPENBLAS_THREAD_TIMEOUT", "0"), wanted)


RESTARTED = """
import numpy as np
from dezero.blas import OpenBLAS
a = np.random.default_rng(0).standard_normal((700, 700))
wanted, library = a @ a, OpenBLAS.loaded()
for _ in range(50):
    library.restart_threads({})
    assert np.array_equal(a @ a, wanted)
print(library.threads)
"""


@needs_openblas
def test_products_go_on_after_a_restart_of_the_threads():
    assert run(RESTARTED) == str(OpenBLAS.loaded().threads)


BESIDE = """
import threading, numpy
go_on = threading.Event()
other = threading.Thread(target=go_on.wait)
other.start()
import dezero.blas
go_on.set()
print(dezero.blas.OpenBLAS.loaded().patience)
"""


@needs_openblas
def test_threads_stay_where_another_thread_may_be_at_a_product():
    assert run(BESIDE) in ("0", "None")


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
