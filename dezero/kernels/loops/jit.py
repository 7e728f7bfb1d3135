"""Knows how a loop becomes machine code: the decorator of all loops, and the matrix product inside of one.

Without Numba a loop is plain Python: slow, but it runs, and can be stepped through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...blas import OpenBLAS


def _import_numba() -> Any:
    try:
        import numba
    except ImportError:
        return None
    return numba


numba = _import_numba()

# What may be rounded differently, so that the compiler can add up several numbers of a sum at once. NaN and infinity
# keep their meaning.
_FREEDOM = {"reassoc", "contract", "arcp", "nsz"}


def loop(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles ``function`` at its first call with arrays of a dtype, and keeps the result on disk for the next time.

    It lets go of the interpreter, so that several threads can run it. An index out of bounds is not noticed.
    """
    if numba is None:
        return function
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": _FREEDOM}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder that we may write to
        return numba.njit(**options)(function)


def inline(function: Callable[..., Any]) -> Callable[..., Any]:
    """For what one element needs: written into the loop that calls it, so that several elements are taken at once."""
    if numba is None:
        return function
    return numba.njit(inline="always", error_model="numpy", fastmath=_FREEDOM)(function)


def formula(function: Callable[..., Any]) -> Callable[..., Any]:
    """For a function of numbers that loops are made of: it stays one of Python, and is compiled where a loop calls it.

    A loop that is made for it in a closure is found on disk again, which with a compiled one it would not be.
    """
    if numba is None:
        return function
    from numba.extending import register_jitable

    return register_jitable(forceinline=True, error_model="numpy", fastmath=_FREEDOM)(function)


def exact(function: Callable[..., Any]) -> Callable[..., Any]:
    """As ``inline``, but sums keep their order: for a step that counts on what rounding does."""
    if numba is None:
        return function
    return numba.njit(forceinline=True, error_model="numpy", fastmath={"contract"})(function)


def product(a: Any, b: Any, out: Any) -> None:
    """``np.matmul(a, b, out=out)`` of matrices of one dtype, float32 or float64.

    Of ``a`` and ``b`` either the rows or the columns are contiguous, of ``out`` the rows. In a loop it is NumPy's own
    OpenBLAS that is called, which then computes on one thread or on several.
    """
    np.matmul(a, b, out=out)


def add_product(a: Any, b: Any, out: Any, factor: Any, keep: Any) -> None:
    """out = keep out + factor a b, likewise. With ``keep`` 0 it does not matter what ``out`` was."""
    out[:] = factor * (a @ b) + (keep * out if keep else 0)


def has_product() -> bool:
    """Whether loops can call ``product`` and ``add_product``: only where NumPy runs on an OpenBLAS that was found."""
    return numba is None or bool(_blas)


def _register_products() -> dict[Any, Any]:
    """Makes the products of NumPy's OpenBLAS known to the compiler; by dtype, empty where there are none."""
    import llvmlite.binding as llvm
    from numba import types

    blas, found = OpenBLAS.loaded(), {}
    if blas is None:
        return {}
    size = types.int64 if blas.integer_bits == 64 else types.int32
    for letter, dtype in ("s", types.float32), ("d", types.float64):
        address = blas.address(f"cblas_{letter}gemm")
        if address is None:
            return {}
        name = f"dezero_{letter}gemm_{size}"  # a name instead of the address: code kept on disk finds it next time
        llvm.add_symbol(name, address)
        matrix = (types.uintp, size)
        arguments = (*[types.int32] * 3, *[size] * 3, dtype, *matrix, *matrix, dtype, *matrix)
        found[dtype] = types.ExternalFunction(name, types.void(*arguments))
    return found


_blas: dict[Any, Any] = _register_products() if numba else {}
_ROWS, _AS_IT_IS, _TRANSPOSED = 101, 111, 112  # CBLAS's words for the order of elements, and how to read a matrix

if _blas:
    from numba import types
    from numba.extending import overload

    @inline
    def _reading(a):
        """How BLAS shall read ``a``, and how many elements lie between its rows, or between its columns."""
        (rows, columns), size = a.shape, a.itemsize
        if a.strides[1] == size:
            return _AS_IT_IS, max(a.strides[0] // size, columns)
        return _TRANSPOSED, max(a.strides[1] // size, rows)

    @overload(add_product)
    def _add_product(a, b, out, factor, keep):
        gemm = _blas[a.dtype]

        def add_product(a, b, out, factor, keep):
            (M, K), N = a.shape, b.shape[1]
            (read_a, lda), (read_b, ldb) = _reading(a), _reading(b)
            ldc = max(out.strides[0] // out.itemsize, N)
            at_a, at_b, at_out = a.ctypes.data, b.ctypes.data, out.ctypes.data
            gemm(_ROWS, read_a, read_b, M, N, K, factor, at_a, lda, at_b, ldb, keep, at_out, ldc)

        return add_product

    @overload(product)
    def _product(a, b, out):
        one, zero = (np.float32(1), np.float32(0)) if a.dtype == types.float32 else (1.0, 0.0)

        def product(a, b, out):
            add_product(a, b, out, one, zero)

        return product
