"""Knows how a GPU's array module refuses: CuPy's names and limits, with NumPy doing the work.

Code that runs here keeps every array on its device. A ``DeviceArray`` is no ``ndarray`` and never turns into
one unasked; ``xp`` has the names and arguments that CuPy has (``cupy_names.txt``) and no others. Where CuPy
is lenient (NumPy functions on its arrays, lists as indices, ``np.float64`` scalars that make float64 of
float32) this is strict. Importing this module makes ``DeviceArray`` known to dezero.

    with counting() as seen:        # seen.uploads, seen.syncs, seen.launches
        loss = model(xp.asarray(x))
    with no_sync():                 # float(loss), .get(), boolean masks raise SyncError here
        optimizer.update()
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

import cupy_names
from dezero import cuda

_NAMES = cupy_names.read()
_NUMPY_1 = np.lib.NumpyVersion(np.__version__) < "2.0.0"
_PYTHON_SCALARS = (bool, int, float, complex)
_SCALARS = (*_PYTHON_SCALARS, np.generic)
_PLAIN = (*_SCALARS, str, slice, range, type, np.dtype, type(None), type(Ellipsis))
_DTYPES = "?bBhHiIlLqQefdFD"


class TransferError(TypeError):
    """An array would have to move between host and device, and nobody asked for that copy."""


class PromotionError(TypeError):
    """A NumPy scalar would change the dtype of the arrays it meets."""


class SyncError(RuntimeError):
    """The host would wait for the device where ``no_sync`` forbids it."""


class Counts:
    """What happened: copies to the device, waits of the host for the device, kernels started."""

    def __init__(self) -> None:
        self.uploads = self.syncs = self.launches = 0

    def __repr__(self) -> str:
        return f"Counts(uploads={self.uploads}, syncs={self.syncs}, launches={self.launches})"


class _State:
    counts = Counts()
    sync_allowed = True


@contextmanager
def counting() -> Iterator[Counts]:
    """Gives the counts of what happens inside the block."""
    outer, _State.counts = _State.counts, Counts()
    try:
        yield _State.counts
    finally:
        inner, _State.counts = _State.counts, outer
        for name, number in vars(inner).items():
            setattr(outer, name, getattr(outer, name) + number)


@contextmanager
def no_sync() -> Iterator[None]:
    """Raises ``SyncError`` where the block would make the host wait for the device."""
    before, _State.sync_allowed = _State.sync_allowed, False
    try:
        yield
    finally:
        _State.sync_allowed = before


def _sync(what: str) -> None:
    _State.counts.syncs += 1
    if not _State.sync_allowed:
        raise SyncError(f"{what} makes the host wait for the device, inside no_sync().")


# --- from the device's values to NumPy's, and back --------------------------------------------------------


def _host(value: Any, who: str, found: list[DeviceArray]) -> Any:
    """``value`` for NumPy's eyes. Device arrays in it go to the list ``found``; host arrays are refused."""
    if type(value) is DeviceArray:
        found.append(value)
        return value._host
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, np.ndarray):
        raise TransferError(f"{who}: got a host array {value.shape}. Copy it to the device first: xp.asarray(x).")
    if isinstance(value, (list, tuple)):
        return type(value)([_host(v, who, found) for v in value])
    if callable(value):
        return value
    raise TypeError(f"{who}: a {type(value).__name__} is no array of this device.")


def _device(result: Any, found: list[DeviceArray]) -> Any:
    """NumPy's ``result`` as the device would give it. Shapes and other Python values stay as they are."""
    if isinstance(result, (np.ndarray, np.generic)):
        return _array(np.asarray(result), found)
    if isinstance(result, (tuple, list)):
        parts = [_device(r, found) for r in result]
        return parts if isinstance(result, list) else tuple(parts)
    return result


def _array(host: np.ndarray, found: list[DeviceArray]) -> DeviceArray:
    """``host`` as a device array: one of ``found`` if it is that one, a view if it shares its memory."""
    if host.dtype.char not in _DTYPES:
        raise TypeError(f"a GPU has no arrays of dtype {host.dtype}.")
    new = object.__new__(DeviceArray)
    new._host, new._base = host, None
    for source in found:
        if source._host is host:
            return source
        if host.base is not None and np.may_share_memory(host, source._host):
            new._base = source if source._base is None else source._base
    return new


@contextmanager
def _device_arithmetic() -> Iterator[None]:
    """No floating-point warnings, as on a GPU, and promotion by dtype alone under NumPy 1 too, as in CuPy."""
    with np.errstate(all="ignore"):
        if not _NUMPY_1:
            yield
            return
        before = np._get_promotion_state()
        np._set_promotion_state("weak")
        try:
            yield
        finally:
            np._set_promotion_state(before)


def _run(who: str, function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Calls ``function`` of NumPy with device arguments and gives device results."""
    found: list[DeviceArray] = []
    args = [_host(a, who, found) for a in args]
    kwargs = {k: _host(v, who, found) for k, v in kwargs.items()}
    with _device_arithmetic():
        result = function(*args, **kwargs)
    result = _device(result, found)
    _State.counts.launches += "out" in kwargs or _is_new(result, found)
    return result


def _is_new(result: Any, found: list[DeviceArray]) -> bool:
    """Whether a kernel wrote ``result``: views, the arguments themselves and Python values took none."""
    if isinstance(result, (tuple, list)):
        return any(_is_new(r, found) for r in result)
    if type(result) is DeviceArray:
        return result._base is None and not any(result is f for f in found)
    return result is None  # a function that wrote into its argument


def _run_ufunc(who: str, ufunc: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Calls an elementwise function: arrays and numbers only, none of which changes the dtype of the arrays."""
    for value in args:
        if isinstance(value, (list, tuple)):
            raise TransferError(f"{who}: a {type(value).__name__} is a hidden copy to the device. Use xp.asarray(x).")
    _refuse_promotion(who, args)
    return _run(who, ufunc, args, kwargs)


def _refuse_promotion(who: str, values: Any) -> None:
    """Raises where a NumPy scalar among ``values`` is wider than the arrays, and so would change their dtype."""
    scalars = [v for v in values if isinstance(v, np.generic)]
    if not scalars:
        return
    dtypes = [v.dtype for v in values if type(v) is DeviceArray]
    for scalar in scalars:
        common = np.result_type(*dtypes) if dtypes else scalar.dtype
        if common.kind in "fc" and np.result_type(common, scalar.dtype) != common:
            kind = type(scalar).__name__
            raise PromotionError(f"{who}: a np.{kind} scalar makes {common} arrays {kind}. Use a Python number.")


# --- the array --------------------------------------------------------------------------------------------


class _Flags:
    """The memory layout of an array. There is no ``writeable``: all device memory is."""

    def __init__(self, array: DeviceArray):
        self.c_contiguous = array._host.flags.c_contiguous
        self.f_contiguous = array._host.flags.f_contiguous
        self.owndata = array._base is None


class _MemoryPointer:
    """Where an array lies in device memory: an address, not a buffer to read from."""

    def __init__(self, address: int):
        self.ptr = address


class DeviceArray:
    """An array on the strict fake device. ``DeviceArray(shape, dtype)`` is uninitialised, as in CuPy."""

    __slots__ = ("__weakref__", "_base", "_host")
    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, shape: Any, dtype: Any = float, *, order: str = "C"):
        self._host, self._base = _poison(np.empty(shape, dtype, order)), None

    shape = property(lambda self: self._host.shape)
    dtype = property(lambda self: self._host.dtype)
    ndim = property(lambda self: self._host.ndim)
    size = property(lambda self: self._host.size)
    itemsize = property(lambda self: self._host.itemsize)
    nbytes = property(lambda self: self._host.nbytes)
    strides = property(lambda self: self._host.strides)
    base = property(lambda self: self._base)
    flags = property(_Flags)
    data = property(lambda self: _MemoryPointer(self._host.__array_interface__["data"][0]))
    T = property(lambda self: self.transpose())
    mT = property(lambda self: self.swapaxes(-1, -2))

    # what NumPy would like to do with it

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TransferError("a device array was to become a NumPy array unasked. Copy it: as_numpy(x), x.get().")

    def __array_function__(self, function: Any, *rest: Any) -> Any:
        raise TransferError(f"np.{function.__name__} was called on a device array. Use that of its own module, xp.")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any(isinstance(i, np.ndarray) for i in inputs):
            raise TransferError(
                f"np.{ufunc.__name__}: a host array and a device array. Copy the host one: xp.asarray(x)."
            )
        if method == "__call__" and isinstance(inputs[0], np.generic) and not kwargs:
            return _run_ufunc(ufunc.__name__, ufunc, inputs, {})  # an operator with a NumPy scalar on its left
        raise TransferError(f"np.{ufunc.__name__} was called on a device array. Use that of its own module, xp.")

    # reads by the host

    def get(self, stream: Any = None, order: str = "C", out: Any = None, blocking: bool = True) -> np.ndarray:
        _sync("get()")
        if out is None:
            return self._host.copy(order)
        out[...] = self._host
        return out

    def item(self) -> Any:
        _sync("item()")
        return self._host.item()

    def tolist(self) -> Any:
        _sync("tolist()")
        return self._host.tolist()

    def tobytes(self, order: str = "C") -> bytes:
        _sync("tobytes()")
        return self._host.tobytes(order)

    def __bool__(self) -> bool:
        _sync("bool()")
        return bool(self._host)

    def __int__(self) -> int:
        _sync("int()")
        return int(self._host)

    def __float__(self) -> float:
        _sync("float()")
        return float(self._host)

    def __complex__(self) -> complex:
        _sync("complex()")
        return complex(self._host)

    def __repr__(self) -> str:
        return repr(self.get())

    def __str__(self) -> str:
        return str(self.get())

    def __format__(self, spec: str) -> str:
        return format(self.item() if self.ndim == 0 else self.get(), spec)

    # copies

    def __copy__(self) -> DeviceArray:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> DeviceArray:
        return self.copy()

    def __reduce__(self) -> Any:
        return array, (self.get(),)

    def set(self, arr: np.ndarray, stream: Any = None) -> None:
        if not isinstance(arr, np.ndarray):
            raise TypeError(f"set: a host array is wanted, got {type(arr).__name__}.")
        if (arr.shape, arr.dtype) != (self.shape, self.dtype):
            raise ValueError(f"set: {self.dtype} {self.shape} is wanted, got {arr.dtype} {arr.shape}.")
        _State.counts.uploads += 1
        self._host[...] = arr

    def fill(self, value: Any) -> None:
        self[...] = value

    # indexing

    def __len__(self) -> int:
        return len(self._host)

    def __iter__(self) -> Iterator[DeviceArray]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> DeviceArray:
        _count_mask(key)
        found = [self]
        key = _host_key(key)
        item = self._host[key]
        if isinstance(item, np.generic):
            item = self._host[(*key, ...) if isinstance(key, tuple) else (key, ...)]  # a 0-d view, no scalar
        new = _array(item, found)
        _State.counts.launches += new._base is None
        return new

    def __setitem__(self, key: Any, value: Any) -> None:
        if not isinstance(value, (DeviceArray, *_SCALARS)):
            raise TransferError(
                f"x[...] = {type(value).__name__}: a device array or a number is wanted. Copy: xp.asarray(x)."
            )
        _count_mask(key)
        _State.counts.launches += 1
        with _device_arithmetic():
            self._host[_host_key(key)] = value._host if type(value) is DeviceArray else value


def _host_key(key: Any) -> Any:
    """An index for NumPy. Lists and host arrays are refused: CuPy would copy them to the device unasked."""
    if isinstance(key, tuple):
        return tuple(_host_key(k) for k in key)
    if type(key) is DeviceArray:
        return key._host
    if isinstance(key, (list, np.ndarray)):
        raise TransferError(
            f"a host {type(key).__name__} as an index is a hidden copy to the device. Use xp.asarray(index)."
        )
    return key


def _count_mask(key: Any) -> None:
    """A boolean mask makes the host wait: only the device knows how many elements it picks."""
    for part in key if isinstance(key, tuple) else (key,):
        if type(part) is DeviceArray and part.dtype == bool:
            _sync("a boolean mask as an index (xp.where needs no wait)")


def _poison(host: np.ndarray) -> np.ndarray:
    """Fills uninitialised memory with what shows: NaN, or the largest integer."""
    host.fill(np.nan if host.dtype.kind in "fc" else True if host.dtype.kind == "b" else np.iinfo(host.dtype).max)
    return host


def _binary(name: str, ufunc: np.ufunc, swapped: bool) -> Callable[..., Any]:
    def method(self: DeviceArray, other: Any) -> Any:
        if not isinstance(other, (DeviceArray, np.ndarray, *_SCALARS)):
            return NotImplemented
        return _run_ufunc(name, ufunc, (other, self) if swapped else (self, other), {})

    return method


def _inplace(name: str, ufunc: np.ufunc) -> Callable[..., Any]:
    def method(self: DeviceArray, other: Any) -> Any:
        if not isinstance(other, (DeviceArray, np.ndarray, *_SCALARS)):
            return NotImplemented
        return _run_ufunc(name, ufunc, (self, other), {"out": self})

    return method


_OPERATORS = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.true_divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "divmod": np.divmod,
    "pow": np.power,
    "matmul": np.matmul,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "lshift": np.left_shift,
    "rshift": np.right_shift,
}
_COMPARISONS = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
_UNARY = {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}
_METHODS = (
    "all any argmax argmin argsort astype clip copy cumprod cumsum diagonal dot flatten max mean min prod "
    "ravel repeat reshape round sort squeeze std sum swapaxes take trace transpose var view"
).split()


def _furnish() -> None:
    """Gives ``DeviceArray`` its operators and methods."""
    for name, ufunc in (_OPERATORS | _COMPARISONS).items():
        setattr(DeviceArray, f"__{name}__", _binary(name, ufunc, swapped=False))
    for name, ufunc in _OPERATORS.items():
        setattr(DeviceArray, f"__r{name}__", _binary(name, ufunc, swapped=True))
        if f"ndarray.__i{name}__" in _NAMES:
            setattr(DeviceArray, f"__i{name}__", _inplace(name, ufunc))
    for name, ufunc in _UNARY.items():
        setattr(DeviceArray, f"__{name}__", lambda self, ufunc=ufunc: _run(ufunc.__name__, ufunc, (self,), {}))
    for name in _METHODS:
        who = f"ndarray.{name}"
        setattr(DeviceArray, name, _function(who, getattr(np.ndarray, name), _NAMES[who]))


# --- the module -------------------------------------------------------------------------------------------

# what a parameter takes, by its name
_ARRAYS = frozenset("a array arr ary x x1 x2 m v b A indices weights condition".split())  # no lists
_SEQUENCES = frozenset(("tup", "arrays"))  # nothing but arrays inside
_HOST_NUMBERS = frozenset("axis axes shape newshape reps repeats pad_width size k".split())  # no arrays

# functions with ways of their own
_READS_SHAPE = frozenset(("ndim", "shape", "size"))  # of anything, without a copy
_MIXES_DTYPES = frozenset(("where", "clip", "dot", "inner", "outer", "select"))
_GIVES_ARRAY = frozenset(("allclose", "array_equal", "array_equiv", "count_nonzero"))  # NumPy: a Python value
_WAITS = frozenset(
    "argwhere array_repr array_str bincount compress delete extract flatnonzero intersect1d nonzero setdiff1d"
    " setxor1d trim_zeros union1d unique unique_all unique_counts unique_inverse unique_values".split()
)
_AT = {"add": "efdilqILQ", "subtract": "iI", "maximum": "fdilqILQ", "minimum": "fdilqILQ"}  # dtypes, by ufunc


def _check_arguments(who: str, entry: cupy_names.Name, args: Any, kwargs: dict[str, Any]) -> None:
    """Raises where CuPy has no such argument, or takes no list, number or array there."""
    entry.refuse_unknown_arguments(who, len(args), kwargs)
    named = [*zip(_positions(entry.params, len(args)), args), *kwargs.items()]
    for i, (name, value) in enumerate(named):
        kind = type(value).__name__
        if name in _ARRAYS and who not in _READS_SHAPE:
            needs_array = i == 0 and not who.startswith(("ndarray.", "random."))
            if isinstance(value, (list, tuple)) or (needs_array and isinstance(value, _SCALARS)):
                raise TransferError(f"{who}: {name} must be a device array, got {kind}. Use xp.asarray(x).")
        elif name in _SEQUENCES and isinstance(value, (list, tuple)):
            if not all(isinstance(v, (DeviceArray, np.ndarray)) for v in value):
                raise TransferError(f"{who}: {name} must hold device arrays only.")
        elif name in _HOST_NUMBERS and _holds_array(value):
            raise TransferError(f"{who}: {name} is for the host, but a device array was given.")


def _positions(params: tuple[str, ...], count: int) -> list[str]:
    """The parameter that each of ``count`` positional arguments goes to."""
    starred = [p for p in params if p.startswith("*") and not p.startswith("**") and p != "*"]
    plain = [p for p in params if not p.startswith("*")]
    names = plain[: params.index(starred[0])] if starred else plain
    return (names + [starred[0].lstrip("*") if starred else ""] * count)[:count]


def _holds_array(value: Any) -> bool:
    return type(value) is DeviceArray or (isinstance(value, (list, tuple)) and any(map(_holds_array, value)))


def _holds_arrays_only(value: Any) -> bool:
    return type(value) is DeviceArray or (isinstance(value, (list, tuple)) and all(map(_holds_arrays_only, value)))


class _Ufunc:
    """An elementwise function, with ``at`` for the types that CuPy's kernel knows."""

    def __init__(self, name: str, function: np.ufunc, entry: cupy_names.Name):
        self.name, self._function = name, function
        self._keywords = entry.params or ("*args", "out", "dtype", "casting")
        self.nin, self.nout, self.nargs = function.nin, function.nout, function.nargs

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        cupy_names.Name("ufunc", self._keywords).refuse_unknown_arguments(self.name, len(args), kwargs)
        return _run_ufunc(self.name, self._function, args, kwargs)

    def at(self, a: DeviceArray, indices: Any, b: Any = None) -> None:
        who = f"{self.name}.at"
        if type(a) is not DeviceArray or a.dtype.char not in _AT.get(self.name, ""):
            raise TypeError(f"{who}: CuPy has no kernel for {getattr(a, 'dtype', type(a).__name__)}.")
        _count_mask(indices)
        _refuse_promotion(who, (a, b))
        key, value = _host_key(indices), _host(b, who, [])
        with _device_arithmetic():
            self._function.at(a._host, key, value)
        _State.counts.launches += 1

    def outer(self, a: Any, b: Any, **kwargs: Any) -> DeviceArray:
        return _run_ufunc(f"{self.name}.outer", self._function.outer, (a, b), kwargs)

    def reduce(
        self, array: DeviceArray, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: Any = False
    ) -> Any:
        if self.name not in ("add", "multiply"):
            raise NotImplementedError(f"{self.name}.reduce: CuPy has add.reduce and multiply.reduce only.")
        method = array.sum if self.name == "add" else array.prod
        return method(axis=axis, dtype=dtype, out=out, keepdims=keepdims)


def _function(name: str, function: Callable[..., Any], entry: cupy_names.Name) -> Callable[..., Any]:
    """A function, or a method of the array, that takes what CuPy's does."""
    short = name.rpartition(".")[2]
    function = _where if name == "where" else function
    run = (lambda *args, **kwargs: np.asarray(function(*args, **kwargs))) if name in _GIVES_ARRAY else function

    def call(*args: Any, **kwargs: Any) -> Any:
        given = args[1:] if name.startswith("ndarray.") else args
        _check_arguments(name, entry, given, kwargs)
        if name in _WAITS or (name == "where" and len(args) == 1):
            _sync(name)
        if short in _MIXES_DTYPES:
            _refuse_promotion(name, (*args, *kwargs.values()))
        return _run(name, run, args, kwargs)

    call.__name__ = short
    return call


def _where(condition: np.ndarray, *choices: Any) -> Any:
    """``np.where``, but Python numbers take the dtype of the array beside them under NumPy 1 too."""
    dtype = np.result_type(*choices) if choices else None
    return np.where(condition, *[np.asarray(c, dtype) for c in choices])


def _random_function(name: str, function: Callable[..., Any], entry: cupy_names.Name) -> Callable[..., Any]:
    """A random function. It draws arrays always, of any ``dtype``, also where NumPy's does not."""
    has_dtype = name.rpartition(".")[2] in ("randint", "integers")

    def call(*args: Any, **kwargs: Any) -> Any:
        _check_arguments(name, entry, args, kwargs)
        dtype = None if has_dtype else kwargs.pop("dtype", None)
        found: list[DeviceArray] = []
        drawn = function(
            *[_host(a, name, found) for a in args], **{k: _host(v, name, found) for k, v in kwargs.items()}
        )
        _State.counts.launches += 1
        return None if drawn is None else _array(np.asarray(drawn, dtype), found)

    call.__name__ = name
    return call


class _Namespace(ModuleType):
    """A module, or a random generator, with the names of CuPy's and the work done by ``source``, NumPy's."""

    def __init__(self, name: str, source: Any):
        super().__init__(name or "strict_device.xp")
        self._prefix, self._source = name and name + ".", source

    def __getattr__(self, name: str) -> Any:
        full = self._prefix + name
        if full not in _NAMES:
            raise AttributeError(f"CuPy has no {full!r}.")
        value = self._make(full, _NAMES[full], getattr(self._source, name))
        setattr(self, name, value)
        return value

    def _make(self, full: str, entry: cupy_names.Name, value: Any) -> Any:
        if full in _MODULES:
            return _Namespace(full, value)
        if isinstance(value, np.ufunc):
            return _Ufunc(full, value, entry)
        if isinstance(value, type) and (issubclass(value, (np.generic, bool)) or value in _TYPES):
            return value
        if entry.kind == "value" and (value is None or isinstance(value, float)):
            return value
        if entry.kind == "function" and callable(value):
            return (_random_function if full.startswith("random.") else _function)(full, value, entry)
        if entry.kind == "ufunc":  # a ufunc in CuPy, a function in NumPy
            return _function(full, value, cupy_names.Name("function", ("*args", "out")))
        raise AttributeError(f"the strict device has no model of {full!r}.")


_MODULES = frozenset(cupy_names.SUBMODULES)
_TYPES = (np.dtype, np.finfo, np.iinfo)


def array(
    obj: Any,
    dtype: Any = None,
    copy: bool | None = True,
    order: str = "K",
    subok: bool = False,
    ndmin: int = 0,
    *,
    blocking: bool = False,
) -> DeviceArray:
    """``obj`` on the device. From the host that is an upload; a list of device arrays is stacked."""
    if type(obj) is DeviceArray and not copy and obj.dtype == (dtype or obj.dtype) and obj.ndim >= ndmin:
        return obj
    found: list[DeviceArray] = []
    host = obj
    if _holds_array(obj):
        if not _holds_arrays_only(obj):
            raise TransferError("array: device arrays and host values in one list.")
        host = _host(obj, "array", found)
    if copy is False:
        raise ValueError("array: copy=False, but this cannot be done without a copy.")
    if found:
        _State.counts.launches += 1
    else:
        _State.counts.uploads += 1
    return _array(np.array(host, dtype=dtype, order=order, ndmin=ndmin), [])


def asarray(
    a: Any, dtype: Any = None, order: str | None = None, *, copy: bool | None = None, blocking: bool = False
) -> DeviceArray:
    """``a`` on the device; a device array of that dtype comes back as it is."""
    return array(a, dtype, copy, order or "K")


def asnumpy(a: Any, stream: Any = None, order: str = "C", out: Any = None, *, blocking: bool = True) -> np.ndarray:
    """``a`` as a new array on the host."""
    return a.get(order=order, out=out) if type(a) is DeviceArray else np.asarray(a)


def empty(shape: Any, dtype: Any = float, order: str = "C") -> DeviceArray:
    """Uninitialised memory, full of NaN."""
    return DeviceArray(shape, dtype, order=order)


def empty_like(
    prototype: Any, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None
) -> DeviceArray:
    """Uninitialised memory, full of NaN, in the shape of ``prototype``."""
    if type(prototype) is not DeviceArray:
        raise TransferError(f"empty_like: prototype must be a device array, got {type(prototype).__name__}.")
    return _array(_poison(np.empty_like(prototype._host, dtype, order, shape=shape)), [])


def get_array_module(*args: Any) -> Any:
    """This module where there is a device array among ``args``, else NumPy."""
    return xp if any(type(a) is DeviceArray for a in args) else np


def _default_rng(seed: Any = None) -> Any:
    return _Namespace("random.Generator", np.random.default_rng(seed))


def _random_state(seed: Any = None) -> Any:
    return _Namespace("random.RandomState", np.random.RandomState(seed))


_furnish()
xp = _Namespace("", np)
xp.ndarray = DeviceArray
xp.array = array
xp.asarray = xp.asanyarray = asarray
xp.asnumpy, xp.get_array_module = asnumpy, get_array_module
xp.empty, xp.empty_like = empty, empty_like
xp.random.default_rng, xp.random.RandomState = _default_rng, _random_state

cuda.register_array_module(DeviceArray, xp)
