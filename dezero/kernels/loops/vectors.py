"""Knows registers of several numbers: for loops whose sums must stay in them, which the compiler does not find itself.

A register has V numbers of one dtype, V known when the loop is compiled; 64 bytes are what one of the processor has,
or several. Without Numba it is an array of V numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import numba


def load(a: Any, i: Any, V: int) -> Any:
    """The V numbers of the vector ``a`` from the ``i``-th on."""
    return a[i : i + V].copy()


def store(a: Any, i: Any, v: Any) -> None:
    """Writes the register ``v`` into the vector ``a`` from the ``i``-th on."""
    a[i : i + len(v)] = v


def filled(a: Any, i: Any, V: int) -> Any:
    """The ``i``-th number of the vector ``a``, V times."""
    return np.full(V, a[i])


def zeros(a: Any, V: int) -> Any:
    """0 of the dtype of ``a``, V times."""
    return np.zeros(V, a.dtype)


def multiply_add(v: Any, w: Any, s: Any) -> Any:
    """v * w + s."""
    return v * w + s


def add(v: Any, w: Any) -> Any:
    """v + w."""
    return v + w


def larger(v: Any, w: Any) -> Any:
    """The larger of v and w, number by number; NaN where one of them is."""
    return np.maximum(v, w)


def where_equal(x: Any, y: Any, v: Any) -> Any:
    """v where x == y, 0 elsewhere."""
    return np.where(x == y, v, v.dtype.type(0))


def where_unequal(x: Any, y: Any, v: Any) -> Any:
    """0 where x == y, v elsewhere."""
    return np.where(x == y, v.dtype.type(0), v)


if numba is not None:
    from numba import extending, types
    from numba.core import cgutils
    from numba.core.cgutils import ir  # llvmlite's, which comes with Numba
    from numba.extending import models, overload, register_model

    intrinsic: Any = extending.intrinsic  # to a type checker what it makes is a function of one more argument

    class Register(types.Type):
        """V numbers of one dtype."""

        def __init__(self, dtype, V):
            self.dtype, self.V = dtype, V
            super().__init__(f"Register({dtype}, {V})")

    @register_model(Register)
    class _Model(models.PrimitiveModel):
        def __init__(self, manager, of):
            number = ir.FloatType() if of.dtype == types.float32 else ir.DoubleType()
            super().__init__(manager, of, ir.VectorType(number, of.V))

    def _place(context, builder, array_type, array, i):
        data = cgutils.create_struct_proxy(array_type)(context, builder, array).data
        return builder.gep(data, [i])

    @intrinsic(prefer_literal=True)
    def _load(typing, a, i, V):
        register = Register(a.dtype, V.literal_value)

        def generate(context, builder, signature, args):
            place = _place(context, builder, signature.args[0], *args[:2])
            place = builder.bitcast(place, context.get_value_type(register).as_pointer())
            return builder.load(place, align=a.dtype.bitwidth // 8)

        return register(a, types.intp, V), generate

    @intrinsic
    def _store(typing, a, i, v):
        def generate(context, builder, signature, args):
            place = _place(context, builder, signature.args[0], *args[:2])
            place = builder.bitcast(place, context.get_value_type(v).as_pointer())
            builder.store(args[2], place, align=a.dtype.bitwidth // 8)
            return context.get_dummy_value()

        return types.void(a, types.intp, v), generate

    @intrinsic(prefer_literal=True)
    def _filled(typing, a, i, V):
        register = Register(a.dtype, V.literal_value)

        def generate(context, builder, signature, args):
            number = builder.load(_place(context, builder, signature.args[0], *args[:2]))
            none, first = ir.Constant(context.get_value_type(register), ir.Undefined), ir.Constant(ir.IntType(32), 0)
            each = ir.Constant(ir.VectorType(ir.IntType(32), register.V), [0] * register.V)
            return builder.shuffle_vector(builder.insert_element(none, number, first), none, each)

        return register(a, types.intp, V), generate

    @intrinsic(prefer_literal=True)
    def _zeros(typing, a, V):
        register = Register(a.dtype, V.literal_value)

        def generate(context, builder, signature, args):
            return ir.Constant(context.get_value_type(register), None)

        return register(a, V), generate

    @intrinsic
    def _add(typing, v, w):
        def generate(context, builder, signature, args):
            return builder.fadd(*args)

        return v(v, w), generate

    @intrinsic
    def _multiply_add(typing, v, w, s):
        def generate(context, builder, signature, args):
            v, w, s = args
            return builder.fadd(builder.fmul(v, w, flags=["contract"]), s, flags=["contract"])

        return v(v, w, s), generate

    @overload(load, inline="always", prefer_literal=True)
    def _load_at(a, i, V):
        return lambda a, i, V: _load(a, i, V)

    @overload(store, inline="always")
    def _store_at(a, i, v):
        return lambda a, i, v: _store(a, i, v)

    @overload(filled, inline="always", prefer_literal=True)
    def _fill_with(a, i, V):
        return lambda a, i, V: _filled(a, i, V)

    @overload(zeros, inline="always", prefer_literal=True)
    def _zeros_of(a, V):
        return lambda a, V: _zeros(a, V)

    @overload(add, inline="always")
    def _add_up(v, w):
        return lambda v, w: _add(v, w)

    @overload(multiply_add, inline="always")
    def _multiply_and_add(v, w, s):
        return lambda v, w, s: _multiply_add(v, w, s)

    @intrinsic
    def _larger(typing, v, w):
        def generate(context, builder, signature, args):
            v, w = args
            larger = builder.select(builder.fcmp_ordered(">", w, v), w, v)  # v, where that is NaN
            return builder.select(builder.fcmp_unordered("uno", w, w), w, larger)

        return v(v, w), generate

    def _choice(equal):
        def choose(typing, x, y, v):
            def generate(context, builder, signature, args):
                x, y, v = args
                zero = ir.Constant(v.type, None)
                return builder.select(builder.fcmp_ordered("==", x, y), *((v, zero) if equal else (zero, v)))

            return v(x, y, v), generate

        return intrinsic(choose)

    _where_equal, _where_unequal = _choice(True), _choice(False)

    @overload(larger, inline="always")
    def _larger_of(v, w):
        return lambda v, w: _larger(v, w)

    @overload(where_equal, inline="always")
    def _keep_equal(x, y, v):
        return lambda x, y, v: _where_equal(x, y, v)

    @overload(where_unequal, inline="always")
    def _keep_unequal(x, y, v):
        return lambda x, y, v: _where_unequal(x, y, v)
