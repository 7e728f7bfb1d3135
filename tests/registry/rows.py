"""Knows what a row of the registry is, and what is proven of it: value, derivatives, dtypes, devices."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dezero import Variable, grad, using_config
from dezero import functions as F
from dezero.cuda import as_numpy
from dezero.testing import check_grads

FLOATS = (np.float16, np.float32, np.float64)
TOLERANCE = {np.float16: 2e-2, np.float32: 1e-4, np.float64: 1e-10}  # relative to the largest element


class Lazy:
    """A module that is imported when one of its functions is called: ``T = Lazy("torch.nn.functional")``."""

    def __init__(self, module: str, path: str = ""):
        self._module, self._path = module, path

    def __getattr__(self, name: str) -> Lazy:
        return Lazy(self._module, f"{self._path}.{name}" if self._path else name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.get()(*args, **kwargs)

    def get(self) -> Any:
        """What the name stands for."""
        found = importlib.import_module(self._module)
        for name in self._path.split(".") if self._path else ():
            found = getattr(found, name)
        return found


@dataclass(frozen=True)
class Case:
    """One way to call an op. Made by ``case``.

    Attributes:
        xs: Float64 arrays, the differentiable inputs; the op is smooth there.
        kwargs: Further arguments of the op, of its reference and of PyTorch's. An array moves to the device with the
            inputs and, if it holds floats, takes their dtype.
        name: What is special about it.
        order: The highest derivative that is checked; the row's where None, and 0 where the value is all there is.
        no_torch: Why PyTorch is not asked here.
        train: Whether it runs in train mode.
    """

    xs: tuple[np.ndarray, ...]
    kwargs: dict[str, Any]
    name: str
    order: int | None
    no_torch: str
    train: bool


def case(*xs: Any, name: str = "", order: int | None = None, no_torch: str = "", train: bool = True, **kwargs: Any):
    """A Case; its name comes from shapes and arguments where none is given."""
    arrays = tuple(np.asarray(x, dtype=np.float64) for x in xs)
    if not name:
        words = [str(x.shape).replace(" ", "") for x in arrays]
        words += [f"{k}={_short(v)}" for k, v in kwargs.items()]
        name = " ".join(words if train else [*words, "test mode"])
    return Case(arrays, kwargs, name, order, no_torch, train)


def edge(*xs: Any, **options: Any) -> Case:
    """A Case where no finite difference can be taken, such as a tie or an extreme value: its value is checked, and
    that its gradient is finite."""
    return case(*xs, order=0, **options)


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.ndim:
        return f"{value.dtype}{value.shape}".replace(" ", "")
    return getattr(value, "__name__", str(value)).replace(" ", "")


@dataclass
class Row:
    """What is proven of one public function.

    Attributes:
        op: Its name in ``dezero.functions``.
        reference: The same in plain NumPy on arrays, independent of dezero; takes ``xs`` and ``kwargs`` of a case.
        torch: The same in PyTorch on tensors, or a sentence that says why there is none.
        cases: The ways to call it.
        order: The highest derivative that is checked: 3 for elementwise ops, 2 for others.
        why: Why it is below 2, if it is.
        dtypes: Those it keeps.
        call: Calls it with the Variables of a case; the function itself where None.
        rtol: How close the value is to the reference, relative to its largest element.
        note: Something to know, for the table.
    """

    op: str
    reference: Callable[..., Any]
    torch: Callable[..., Any] | str
    cases: list[Case]
    order: int = 2
    why: str = ""
    dtypes: tuple[Any, ...] = FLOATS
    call: Callable[..., Any] | None = None
    rtol: float = 1e-10
    note: str = ""
    names: set[str] = field(default_factory=set, repr=False)

    def __post_init__(self) -> None:
        for c in self.cases:
            if c.name in self.names:
                raise ValueError(f"{self.op}: two cases are called {c.name!r}. Name one.")
            self.names.add(c.name)

    def order_of(self, c: Case) -> int:
        """The highest derivative that is checked in a case."""
        return self.order if c.order is None else c.order

    @property
    def proven(self) -> int:
        """The highest derivative that is checked in any case."""
        return max(self.order_of(c) for c in self.cases)


def run(row: Row, c: Case, xs: Any, xp: Any = np, dtype: Any = np.float64) -> list[Variable]:
    """The results of the op, one or several, in a list."""
    kwargs = {name: _on_device(value, xp, dtype) for name, value in c.kwargs.items()}
    with using_config("train", c.train):
        ys = (row.call or getattr(F, row.op))(*xs, **kwargs)
    return list(ys) if isinstance(ys, (tuple, list)) else [ys]


def _on_device(value: Any, xp: Any, dtype: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    return xp.asarray(value.astype(dtype if value.dtype.kind == "f" else value.dtype))


def _differentiable(ys: list[Variable]) -> list[Variable]:
    return [y for y in ys if y.dtype.kind == "f" and y.requires_grad]


def _as_list(result: Any) -> list[np.ndarray]:
    return [np.asarray(r) for r in result] if isinstance(result, (tuple, list)) else [np.asarray(result)]


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "C order": lambda x: np.array(x, order="C"),
    "Fortran order": lambda x: np.array(x, order="F"),
    "every other element, backwards": lambda x: np.repeat(x, 2, axis=-1)[..., ::-2] if x.ndim else x.copy(),
}


def check_value(row: Row, c: Case, xp: Any) -> None:
    """The value is that of the reference on each array module, whatever the memory order; the inputs stay."""
    expected = _as_list(row.reference(*[x.copy() for x in c.xs], **c.kwargs))
    for name, layout in LAYOUTS.items():
        xs = [x[..., ::-1] if x.ndim and name.startswith("every") else x for x in c.xs]  # which it reverses again
        arrays = [xp.asarray(layout(x)) for x in xs]
        ys = run(row, c, [Variable(a) for a in arrays], xp)
        assert len(ys) == len(expected)
        for y, e in zip(ys, expected):
            assert type(y.data) is xp.ndarray
            assert y.shape == e.shape
            assert_close(as_numpy(y), e, row.rtol)
        for a, x in zip(arrays, c.xs):
            np.testing.assert_array_equal(as_numpy(a), x, err_msg="the op changed its input")


def assert_close(found: np.ndarray, expected: np.ndarray, rtol: float) -> None:
    """Equal within ``rtol`` of each element, or of the largest finite one where terms of that size were summed."""
    finite = np.abs(expected[np.isfinite(expected)]) if expected.size else expected
    atol = rtol * float(finite.max() if finite.size else 0.0)
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol + 1e-300)


def check_derivatives(row: Row, c: Case) -> None:
    """The derivatives by every input are those of finite differences, up to the order that the row promises."""

    def f(*xs: Variable) -> Variable:
        ys = _differentiable(run(row, c, xs))
        return ys[0] if len(ys) == 1 else F.concat([F.reshape(y, (-1,)) for y in ys])

    check_grads(f, *c.xs, order=row.order_of(c))


def check_edge(row: Row, c: Case) -> None:
    """Where no finite difference can be taken, the gradient is finite at least."""
    xs = [Variable(x.copy()) for x in c.xs]
    for y in _differentiable(run(row, c, xs)):
        for gx in grad(y, xs, allow_unused=True):
            assert gx is None or np.isfinite(gx.data).all()


def check_device(row: Row, c: Case, xp: Any) -> None:
    """First and second gradients are computed on the device of the inputs, and equal NumPy's."""
    for found, expected in zip(_two_gradients(row, c, xp), _two_gradients(row, c, np)):
        assert type(found) is (xp.ndarray if found is not None else type(None))
        if found is not None:
            assert_close(as_numpy(found), expected, 1e-9)


def _two_gradients(row: Row, c: Case, xp: Any) -> list[Any]:
    xs = [Variable(xp.asarray(x)) for x in c.xs]
    ys = _differentiable(run(row, c, xs, xp))
    if not ys:
        return []
    first = grad(ys, xs, create_graph=True, allow_unused=True)
    squares = [(g * g).sum() for g in first if g is not None]
    second = grad(squares, xs, allow_unused=True) if squares else []
    return [None if g is None else g.data for g in (*first, *second)]


def check_dtype(row: Row, c: Case, xp: Any) -> None:
    """What goes in as float32 comes out as float32, as do its gradients, and is as close as float32 can be."""
    expected = _as_list(row.reference(*[x.copy() for x in c.xs], **c.kwargs))
    for dtype in row.dtypes:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            xs = [Variable(xp.asarray(x.astype(dtype))) for x in c.xs]
            ys = run(row, c, xs, xp, dtype)
            gxs = grad(ys, xs, create_graph=True, allow_unused=True) if _differentiable(ys) == ys and ys else []
        for y, e in zip(ys, expected):
            if e.dtype.kind == "f":
                assert y.dtype == dtype
                if row.order_of(c):  # at the edges the rounded input may lie on the other side
                    assert_close(as_numpy(y).astype(np.float64), e, max(TOLERANCE[dtype], row.rtol))
        for x, gx in zip(xs, gxs):
            assert gx is None or (gx.dtype == dtype and gx.shape == x.shape)


def check_torch(row: Row, c: Case) -> None:
    """Value and gradients are PyTorch's."""
    torch: Any = Lazy("torch").get()
    tensors = [torch.tensor(x, requires_grad=True) for x in c.xs]
    kwargs = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in c.kwargs.items()}
    assert callable(row.torch)
    result = row.torch(*tensors, **kwargs)
    expected = list(result) if isinstance(result, (tuple, list)) else [result]
    xs = [Variable(x.copy()) for x in c.xs]
    ys = run(row, c, xs)
    assert len(ys) == len(expected)
    for y, e in zip(ys, expected):
        assert y.shape == tuple(e.shape)
        assert_close(as_numpy(y), e.detach().numpy(), max(row.rtol, 1e-9))
    if row.order_of(c):
        _check_torch_gradients(torch, xs, ys, tensors, expected)


def _check_torch_gradients(torch: Any, xs: Any, ys: Any, tensors: Any, expected: Any) -> None:
    rng = np.random.default_rng(1)
    places = [i for i, e in enumerate(expected) if e.requires_grad]
    gys = [rng.standard_normal(ys[i].shape) for i in places]
    total = sum((expected[i] * torch.tensor(gy)).sum() for i, gy in zip(places, gys))
    theirs = torch.autograd.grad(total, tensors, allow_unused=True)
    ours = grad([ys[i] for i in places], xs, [Variable(gy) for gy in gys], allow_unused=True)
    for gx, e in zip(ours, theirs):
        zero = np.zeros(())
        found = zero if gx is None else gx.data
        wanted = zero if e is None else e.numpy()
        assert_close(*np.broadcast_arrays(found, wanted), 1e-8)
