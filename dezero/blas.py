"""Knows how NumPy's OpenBLAS is set up for us: which kernels it takes, and how long its threads wait for work.

OpenBLAS picks its kernels when NumPy is imported, by the processors it knows. An AMD processor that is newer than it
gets those for AVX2, where the ones made for Intel's Skylake-X run as well. So this module, the first that
``import dezero`` reads, asks for these; once NumPy is there, ``use_avx512`` can still change them.

After a product OpenBLAS's threads wait for the next one by looking for it again and again, for 2^26 ticks of the clock.
All that time they keep the cores from the threads that share our element-wise work. So we let them sleep much sooner.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

AVX512 = "SkylakeX"  # OpenBLAS's name for the kernels
AVX512_KERNELS = (AVX512, "Cooperlake", "SapphireRapids", "Zen4", "Zen5")  # all that compute with it
_FLAGS = {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"}  # what these kernels need
_KERNEL = "OPENBLAS_CORETYPE"  # where OpenBLAS looks for the name of the kernels that a user wants
_PATIENCE = "OPENBLAS_THREAD_TIMEOUT"  # ... and for how long its threads look out for work, as a power of two
_TICKS = "18"  # some 0.1 ms: what comes sooner finds them awake, and to wake one takes 0.04


def set_up() -> None:
    """Sets OpenBLAS up, in what nobody decided otherwise; imports NumPy, if that is still to be done.

    ``OPENBLAS_CORETYPE`` and ``OPENBLAS_THREAD_TIMEOUT`` go before, and ``DEZERO_BLAS=keep`` leaves everything as it
    is. The environment is afterwards as it was. In an OpenBLAS that is loaded already the kernels stay, and its threads
    end, to begin anew with the next product; they stay too where another thread of Python's may be at a product.
    """
    if os.environ.get("DEZERO_BLAS") == "keep":
        return
    wishes = {} if _PATIENCE in os.environ else {_PATIENCE: _TICKS}
    if "numpy" in sys.modules:
        library = OpenBLAS.loaded() if wishes and threading.active_count() == 1 else None
        if library is not None:
            library.restart_threads(wishes)
        return
    if _KERNEL not in os.environ and is_amd() and has_avx512():
        wishes[_KERNEL] = AVX512
    with _environment(wishes):
        import numpy  # noqa: F401


def use_avx512(beside_threads: bool = False) -> str:
    """Lets the OpenBLAS that NumPy has loaded go over to its AVX-512 kernels.

    ``import dezero`` before ``import numpy`` does the same with less risk. Call this while nothing is computed: a
    product that is under way in another thread would go wrong.

    Args:
        beside_threads: Do it although other Python threads are alive, as in a notebook. They must not compute.

    Returns:
        The name of the kernels that are in use now.

    Raises:
        RuntimeError: NumPy runs on no OpenBLAS, or on one that cannot change; the processor has no AVX-512; another
            thread is alive; or products came out differently afterwards, and the old kernels are back in use.

    Example:
        >>> use_avx512()  # doctest: +SKIP
        'SkylakeX'
    """
    blas = OpenBLAS.loaded()
    if blas is None:
        raise RuntimeError("use_avx512: NumPy runs on no OpenBLAS here. python -m dezero.doctor says what on.")
    if blas.kernel in AVX512_KERNELS:
        return blas.kernel
    if not has_avx512():
        raise RuntimeError("use_avx512: this processor has no AVX-512, or this system does not say so.")
    idle = (threading.current_thread().name, "dezero")  # our own threads compute for nobody but the caller
    others = [t.name for t in threading.enumerate() if t.name not in idle]
    if others and not beside_threads:
        raise RuntimeError(
            f"use_avx512: other threads are alive ({', '.join(others)}). A product under way in one of them would go"
            " wrong. Call it first thing, or with beside_threads=True if you know that they do not compute."
        )
    return _change_kernels(blas, AVX512)


def _change_kernels(blas: OpenBLAS, kernel: str) -> str:
    before, wanted = blas.kernel, _products()
    blas.choose(kernel)
    if not _agree(_products(), wanted):
        blas.choose(before)
        raise RuntimeError(f"use_avx512: with {kernel} products came out wrong; {blas.kernel} is in use again.")
    return blas.kernel


def _products() -> list[Any]:
    """Some products in each precision, of shapes that take OpenBLAS through its small, large and odd cases."""
    import numpy as np

    rng = np.random.default_rng(0)
    shapes = (3, 5, 7), (64, 64, 64), (129, 300, 257), (1, 500, 33)
    return [
        rng.standard_normal((m, k)).astype(dtype) @ rng.standard_normal((k, n)).astype(dtype)
        for dtype in ("f4", "f8")
        for m, k, n in shapes
    ]


def _agree(found: list[Any], wanted: list[Any]) -> bool:
    import numpy as np

    return all(np.allclose(a, b, rtol=1e-3, atol=1e-4) for a, b in zip(found, wanted))


class OpenBLAS:
    """The OpenBLAS library of this process.

    Attributes:
        path: Its file.
    """

    # Symbols have a prefix and a suffix in NumPy's own builds, and where integers have 64 bits.
    _STYLES = (("scipy_", "64_"), ("", "64_"), ("scipy_", ""), ("", ""))

    def __init__(self, path: str):
        self.path = path
        self._library = ctypes.CDLL(path)
        styles = [s for s in self._STYLES if hasattr(self._library, f"{s[0]}openblas_get_corename{s[1]}")]
        if not styles:
            raise OSError(f"OpenBLAS: {path} has no openblas_get_corename.")
        self._prefix, self._suffix = styles[0]

    @classmethod
    def loaded(cls) -> OpenBLAS | None:
        """The one that NumPy runs on, None where it is another library or cannot be found."""
        import numpy  # noqa: F401

        for path in _loaded_libraries():
            try:
                return cls(path)
            except OSError:
                continue
        return None

    @property
    def kernel(self) -> str:
        """What its kernels were written for: ``SkylakeX`` (AVX-512), ``Haswell`` or ``Zen`` (AVX2), ..."""
        return self._text("openblas_get_corename")

    @property
    def version(self) -> str:
        """Such as ``0.3.31``."""
        words = self._text("openblas_get_config").split()
        return words[1] if len(words) > 1 and words[0] == "OpenBLAS" else "unknown"

    @property
    def threads(self) -> int:
        """How many threads share a large product."""
        return int(getattr(self._library, f"{self._prefix}openblas_get_num_threads{self._suffix}")())

    @property
    def integer_bits(self) -> int:
        """How long the integers are by which sizes are passed: 64 or 32 bits."""
        return 64 if self._suffix else 32

    def address(self, name: str) -> int | None:
        """Where the function ``name`` lies in memory, such as ``cblas_sgemm``; None where there is no such function."""
        function = getattr(self._library, f"{self._prefix}{name}{self._suffix}", None)
        return function and ctypes.cast(function, ctypes.c_void_p).value

    def choose(self, kernel: str) -> None:
        """Goes over to other kernels. Nothing may be under way meanwhile.

        Raises:
            RuntimeError: This OpenBLAS was built for one processor.
        """
        if not hasattr(self._library, "gotoblas_dynamic_init"):
            raise RuntimeError(f"OpenBLAS: {self.path} was built for one processor, its kernels cannot be changed.")
        held = ctypes.PyDLL(self.path)  # keeps the interpreter, so that no thread begins a product in between
        with _environment({_KERNEL: kernel}):
            held.gotoblas_dynamic_quit()
            held.gotoblas_dynamic_init()

    def restart_threads(self, environment: Mapping[str, str]) -> None:
        """Lets the threads end; the next product begins them anew, with the settings of ``environment``.

        A product that is under way meanwhile may never end.
        """
        if not all(hasattr(self._library, name) for name in ("openblas_read_env", "blas_thread_shutdown_")):
            return  # a build without threads, or with those of OpenMP, which follow OMP_WAIT_POLICY
        with _environment(environment):
            self._library.openblas_read_env()
        self._library.blas_thread_shutdown_()

    @property
    def patience(self) -> int | None:
        """2 to the power of this is for how many ticks of the clock a thread looks out for work; None where unknown."""
        if not hasattr(self._library, "openblas_thread_timeout"):
            return None
        return int(self._library.openblas_thread_timeout())

    def _text(self, name: str) -> str:
        function = getattr(self._library, f"{self._prefix}{name}{self._suffix}")
        function.restype = ctypes.c_char_p
        return (function() or b"unknown").decode()


def has_avx512() -> bool:
    """Whether the processor computes with AVX-512, as far as the system says; only Linux does."""
    return set(_cpu_lines().get("flags", "").split()) >= _FLAGS


def is_amd() -> bool:
    """Whether AMD made the processor, as far as the system says."""
    return _cpu_lines().get("vendor_id") == "AuthenticAMD"


def _cpu_lines() -> dict[str, str]:
    """The first processor of /proc/cpuinfo; empty where there is no such file."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            text = file.read(1 << 13)  # a server lists hundreds
    except OSError:
        return {}
    lines = text.partition("\n\n")[0].splitlines()
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


@contextmanager
def _environment(wishes: Mapping[str, str]) -> Iterator[None]:
    """Variables of the environment for the length of a ``with`` block; no child process shall inherit them."""
    before = {name: os.environ.get(name) for name in wishes}
    os.environ.update(wishes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _loaded_libraries() -> Iterator[str]:
    """Files of this process that may be an OpenBLAS: those in memory, or those that lie beside NumPy."""
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:  # another system, or one that hides it
        maps = ""
    paths = [line.split(maxsplit=5)[5] for line in maps.splitlines() if "/" in line]
    found = dict.fromkeys(p for p in paths if "blas" in os.path.basename(p).lower())
    yield from sorted(found, key=lambda path: "numpy.libs" not in path)  # SciPy brings one of its own
    if found:
        return
    package = Path(sys.modules["numpy"].__file__ or "").parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):
        yield from map(str, sorted(folder.glob("*openblas*")))


set_up()
