"""Knows which kernels NumPy's matrix products run on, and how OpenBLAS comes to take those for AVX-512.

OpenBLAS picks its kernels when NumPy is imported, by the processors it knows. An AMD processor that is newer than it
gets those for AVX2, at half the speed, where the ones made for Intel's Skylake-X run as well. So this module, the
first that ``import dezero`` reads, asks for these; once NumPy is there, ``use_avx512`` can still change them.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

AVX512 = "SkylakeX"  # OpenBLAS's name for the kernels
AVX512_KERNELS = (AVX512, "Cooperlake", "SapphireRapids", "Zen4", "Zen5")  # all that compute with it
_FLAGS = {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"}  # what these kernels need
_CHOICE = "OPENBLAS_CORETYPE"  # where OpenBLAS looks for the name of the kernels that a user wants


def import_numpy() -> None:
    """Imports NumPy with the AVX-512 kernels, where that changes something and nobody chose otherwise.

    That is: NumPy is not imported yet, the processor is AMD's and has AVX-512, ``OPENBLAS_CORETYPE`` is not set, and
    ``DEZERO_BLAS`` is not ``keep``. The environment is afterwards as it was.
    """
    wished = _CHOICE in os.environ or os.environ.get("DEZERO_BLAS") == "keep"
    if "numpy" in sys.modules or wished or not (is_amd() and has_avx512()):
        return
    with _asking_for(AVX512):
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

    def choose(self, kernel: str) -> None:
        """Goes over to other kernels. Nothing may be under way meanwhile.

        Raises:
            RuntimeError: This OpenBLAS was built for one processor.
        """
        if not hasattr(self._library, "gotoblas_dynamic_init"):
            raise RuntimeError(f"OpenBLAS: {self.path} was built for one processor, its kernels cannot be changed.")
        held = ctypes.PyDLL(self.path)  # keeps the interpreter, so that no thread begins a product in between
        with _asking_for(kernel):
            held.gotoblas_dynamic_quit()
            held.gotoblas_dynamic_init()

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
def _asking_for(kernel: str) -> Iterator[None]:
    """``OPENBLAS_CORETYPE`` for the length of a ``with`` block; no child process shall inherit it."""
    before = os.environ.get(_CHOICE)
    os.environ[_CHOICE] = kernel
    try:
        yield
    finally:
        if before is None:
            del os.environ[_CHOICE]
        else:
            os.environ[_CHOICE] = before


def _loaded_libraries() -> Iterator[str]:
    """Files of this process that may be an OpenBLAS: those in memory, or those that lie beside NumPy."""
    maps = Path("/proc/self/maps")
    if maps.exists():
        paths = [line.split(maxsplit=5)[5] for line in maps.read_text().splitlines() if "/" in line]
        yield from dict.fromkeys(p for p in paths if "blas" in os.path.basename(p).lower())
        return
    package = Path(sys.modules["numpy"].__file__ or "").parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):
        yield from map(str, sorted(folder.glob("*openblas*")))


import_numpy()
