"""Knows the moving average of a model's parameters, which often does better than the parameters of the last step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..core import Parameter
from ..cuda import as_numpy, get_array_module
from ..kernels.updates import compiled_as, in_one_pass
from ..layers import Layer
from .base import check_range, differing_names, number, on_device


class ExponentialMovingAverage:
    """Keeps a <- decay a + (1 - decay) p for every parameter p of a model; a starts as p, at the first update.

    Buffers, such as the running statistics of ``BatchNorm``, are averages already: they are not averaged again, and
    the model keeps its own while the averages are applied.

    Args:
        model: Layer or Model. It may still wait for its first input.
        decay: How much of the average stays at each update, from 0 to below 1.

    Attributes:
        updates: How many there were.

    Raises:
        TypeError: ``model`` has no parameters to average.
        ValueError: ``decay`` is out of range.

    Example:
        >>> model = L.Linear(1, nobias=True, in_size=1)
        >>> ema = ExponentialMovingAverage(model, decay=0.75)
        >>> for value in (0.0, 4.0):
        ...     model.W.data[...] = value  # an optimizer's work
        ...     ema.update()
        >>> with ema.applied():
        ...     print(model.W)
        variable([[1.]])
        >>> model.W
        variable([[4.]])

    Source: Polyak and Juditsky, 1992, of averages; Tarvainen and Valpola, 2017, of exponential ones.
    """

    def __init__(self, model: Layer, decay: float = 0.999):
        if not isinstance(model, Layer):
            raise TypeError(f"ExponentialMovingAverage takes a Layer or a Model, got {type(model).__name__}.")
        self.model = model
        self.decay = decay
        self.updates = 0
        check_range(self, "decay", 0, below=1)
        self._averages: dict[Parameter, Any] = {}
        self._applied = False

    def update(self) -> None:
        """Takes the parameters as they are now into the averages. To be called after each ``optimizer.update()``.

        Raises:
            RuntimeError: The averages are in the model at the moment.
        """
        if self._applied:
            raise RuntimeError("ExponentialMovingAverage.update: the averages are applied. Leave applied() first.")
        self.updates += 1
        for param in self.model.params():
            p = param.data
            if p is None:
                continue
            a = self._average(param)
            if a is None:
                self._averages[param] = p.copy()
            else:
                in_one_pass((self.decay,), self.rule, a, p)

    @compiled_as("average")
    def rule(self, a: Any, p: Any) -> None:
        keep = float(self.decay)
        a *= keep
        a += p * (1 - keep)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model with the averages as its parameters, as long as the block lasts, however it ends.

        Parameters that were never averaged stay as they are. To train in the block makes no sense: what changes
        is the averages.

        Raises:
            RuntimeError: The averages are in the model already.
        """
        if self._applied:
            raise RuntimeError("ExponentialMovingAverage.applied: the averages are applied already.")
        self._swap()
        self._applied = True
        try:
            yield
        finally:
            self._swap()
            self._applied = False

    def _swap(self) -> None:
        """Exchanges the arrays of the parameters and of the averages."""
        for param in self._averages:
            a = self._average(param)
            if param.data is not None:
                param.data, self._averages[param] = a, param.data

    def _average(self, param: Parameter) -> Any:
        """The average of ``param``, on its device, or None."""
        a = self._averages.get(param)
        if a is not None and param.data is not None:
            a = self._averages[param] = on_device(a, get_array_module(param.data))
        return a

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on later.

        Returns:
            Flat dict, which ``serialization.save_npz`` writes: ``decay``, ``updates``, and copies on the host of the
            averages by the names of the parameters.

        Raises:
            RuntimeError: The averages are in the model at the moment.
        """
        if self._applied:
            raise RuntimeError("ExponentialMovingAverage.state_dict: the averages are applied. Leave applied() first.")
        found: dict[str, Any] = {"decay": self.decay, "updates": self.updates}
        for path, param in self.model.named_params():
            if param in self._averages:
                found[f"average/{path}"] = np.array(as_numpy(self._averages[param]))
        return found

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes what ``state_dict()`` gave, for a model of the same structure. Nothing changes unless all fits.

        Args:
            state: The dict, as it was or read back by ``serialization.load_npz``.

        Raises:
            RuntimeError: The averages are in the model at the moment.
            ValueError: Names, shapes or dtypes differ: lists every difference.
        """
        if self._applied:
            raise RuntimeError("ExponentialMovingAverage.load_state_dict: the averages are applied.")
        params = {f"average/{path}": param for path, param in self.model.named_params()}
        numbers = {name: number(value) for name, value in state.items() if not name.startswith("average/")}
        arrays = {name: np.array(as_numpy(state[name])) for name in state if name.startswith("average/")}
        differences = differing_names(numbers, {"decay": 0, "updates": 0}, "")
        differences += [f"the model has no parameter {name[8:]}" for name in arrays if name not in params]
        for name in arrays.keys() & params.keys():
            data, array = params[name].data, arrays[name]
            if data is not None and (array.shape, array.dtype) != (data.shape, data.dtype):
                wanted = f"{data.dtype} {tuple(data.shape)}"
                differences.append(f"{name} is {array.dtype} {array.shape}, wanted {wanted}")
        if differences:
            raise ValueError("ExponentialMovingAverage.load_state_dict does not fit:\n  " + "\n  ".join(differences))
        vars(self).update(numbers)
        self._averages = {params[name]: array for name, array in arrays.items()}
