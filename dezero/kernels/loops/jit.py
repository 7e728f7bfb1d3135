"""Knows how a loop becomes machine code: the decorator of all loops, and the matrix product inside of one.

Without Numba a loop is plain Python: slow, but it runs, and can be stepped through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...blas import OpenBLAS

numba: Any
try:
    import numba
except ImportError:
    numba = None

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


def exact(function: Callable[..., Any]) -> Callable[..., Any]:
    """As ``inline``, but sums keep their order: for a step that counts on what rounding does."""
    if numba is None:
        return function
    return numba.njit(forceinline=True, error_model="numpy", fastmath={"contract"})(function)


def product(a: Any, b: Any, out: Any) -> None:
    """``np.matmul(a, b, out=out)`` of matrices of one dtype, float32 or float64, whose rows are contiguous.

    In a loop it is NumPy's own OpenBLAS that is called, which then computes on one thread or on several.
    """
    np.matmul(a, b, out=out)


def has_product() -> bool:
    """Whether loops can call ``product``: only where NumPy runs on an OpenBLAS that was found."""
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
_ROWS, _AS_IT_IS = 101, 111  # CBLAS's words for the order of the elements, and for a matrix that is not transposed

if _blas:
    from numba import types
    from numba.extending import overload

    _sgemm, _dgemm = _blas[types.float32], _blas[types.float64]

    @overload(product)
    def _product(a, b, out):
        if a.dtype == types.float32:

            def in_float32(a, b, out):
                (M, K), N = a.shape, b.shape[1]
                one, zero = np.float32(1), np.float32(0)
                lda, ldb, ldc = a.strides[0] // 4, b.strides[0] // 4, out.strides[0] // 4
                at_a, at_b, at_out = a.ctypes.data, b.ctypes.data, out.ctypes.data
                _sgemm(_ROWS, _AS_IT_IS, _AS_IT_IS, M, N, K, one, at_a, lda, at_b, ldb, zero, at_out, ldc)

            return in_float32

        def in_float64(a, b, out):
            (M, K), N = a.shape, b.shape[1]
            lda, ldb, ldc = a.strides[0] // 8, b.strides[0] // 8, out.strides[0] // 8
            at_a, at_b, at_out = a.ctypes.data, b.ctypes.data, out.ctypes.data
            _dgemm(_ROWS, _AS_IT_IS, _AS_IT_IS, M, N, K, 1.0, at_a, lda, at_b, ldb, 0.0, at_out, ldc)

        return in_float64
