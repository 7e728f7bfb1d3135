"""Knows what an Optimizer is: a rule that moves parameters by their gradients, with what it remembers of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from ..core import Parameter
from ..cuda import as_numpy, get_array_module
from ..layers import Layer

Self = TypeVar("Self", bound="Optimizer")
Hook = Callable[[list[Parameter]], Any]


def check_range(who: str, name: str, value: Any, low: float, below: float = float("inf")) -> None:
    """Raises where a hyperparameter is not from ``low`` to just under ``below``."""
    if not low <= value < below:
        wanted = f"at least {low}" if below == float("inf") else f"at least {low} and below {below}"
        raise ValueError(f"{who}: {name} must be {wanted}, got {value!r}.")


class Optimizer:
    """Moves the parameters of a model by their gradients. A new one is a subclass with ``update_one(param)``.

    A rule that remembers something of each parameter says in ``new_state`` what it starts with, and finds it in
    ``self.state(param)``. That state belongs to the parameter itself, goes with it to another device, and is in
    ``state_dict()``, as are all attributes that are numbers.

    Attributes:
        target: The model.
        hooks: What is called before each update, in order.

    Example:
        >>> class SignSGD(Optimizer):
        ...     def __init__(self, lr=0.01):
        ...         super().__init__()
        ...         self.lr = lr
        ...
        ...     def update_one(self, param):
        ...         param.data -= self.lr * cuda.get_array_module(param).sign(param.grad.data)
        >>> model = models.MLP((10, 1))
        >>> optimizer = SignSGD(0.1).setup(model)
        >>> F.sum(model(np.ones((5, 3), np.float32))).backward()
        >>> optimizer.update()
    """

    def __init__(self) -> None:
        self.target: Layer | None = None
        self.hooks: list[Hook] = []
        self._states: dict[Parameter, dict[str, Any]] = {}

    def setup(self: Self, target: Layer) -> Self:
        """Takes the model whose parameters are to be moved.

        Args:
            target: Layer or Model. Its parameters are looked up anew at each update.

        Returns:
            The optimizer itself.

        Raises:
            TypeError: ``target`` has no ``params()``.
        """
        if not callable(getattr(target, "params", None)):
            raise TypeError(f"{type(self).__name__}.setup takes a Layer or a Model, got {type(target).__name__}.")
        self.target = target
        return self

    def add_hook(self, f: Hook) -> None:
        """Adds something to be called with the list of parameters before each update.

        Args:
            f: Takes the list of those parameters that have a gradient, and may change their ``grad``. One that it
                sets to None is left alone by what follows.

        Raises:
            TypeError: ``f`` cannot be called.
        """
        if not callable(f):
            raise TypeError(f"{type(self).__name__}.add_hook takes a function of a list, got {type(f).__name__}.")
        self.hooks.append(f)

    def update(self) -> None:
        """Calls the hooks, then moves each parameter that has a gradient.

        Parameters without one, and those with ``requires_grad`` False, stay as they are.

        Raises:
            RuntimeError: There is no model yet.
        """
        params = _with_gradients(self._target("update").params())
        for hook in self.hooks:
            hook(params)
            params = _with_gradients(params)
        for param in params:
            self.update_one(param)

    def update_one(self, param: Parameter) -> None:
        """Moves one parameter, in place. To be overridden."""
        raise NotImplementedError(f"{type(self).__name__} has no update_one. Define update_one(self, param).")

    # ---- what it remembers

    def new_state(self, param: Parameter) -> dict[str, Any]:
        """What the rule remembers of a parameter before its first update: name -> array. To be overridden.

        Args:
            param: The parameter.
        """
        return {}

    def state(self, param: Parameter) -> dict[str, Any]:
        """What the rule remembers of ``param``, on its device: the dict that ``new_state`` began.

        Args:
            param: A parameter with data.
        """
        state = self._states.get(param)
        if state is None:
            state = self._states[param] = self.new_state(param)
        xp = get_array_module(param.data)
        for name, array in state.items():
            if get_array_module(array) is not xp:
                state[name] = xp.asarray(as_numpy(array))
        return state

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on later: every number, and what the rule remembers of each parameter.

        Returns:
            Flat dict, which ``serialization.save_npz`` writes: numbers by their name (``lr``), copies on the host of
            the arrays by the name of the parameter and their own (``l0/W/v``).

        Raises:
            RuntimeError: There is no model yet.

        Example:
            >>> model = models.MLP((1,))
            >>> optimizer = optimizers.MomentumSGD(lr=0.5).setup(model)
            >>> F.sum(model(np.ones((5, 3), np.float32))).backward()
            >>> optimizer.update()
            >>> list(optimizer.state_dict())
            ['lr', 'momentum', 'l0/W/v', 'l0/b/v']
        """
        found: dict[str, Any] = self._numbers()
        for path, param in self._target("state_dict").named_params():
            for name, array in self._states.get(param, {}).items():
                found[f"{path}/{name}"] = np.array(as_numpy(array))
        return found

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes what ``state_dict()`` gave, of an optimizer of the same kind with a model of the same structure.

        Nothing is changed unless everything fits.

        Args:
            state: The dict, as it was or read back by ``serialization.load_npz``.

        Raises:
            RuntimeError: There is no model yet.
            ValueError: Names, shapes or dtypes differ: lists every difference. Or a parameter has no value yet.
        """
        params = dict(self._target("load_state_dict").named_params())
        numbers, arrays = _by_parameter(state)
        differences = _differing_names(numbers, self._numbers(), "")
        for path, given in arrays.items():
            if path in params:
                differences += self._differences(path, params[path], given)
            else:
                differences.append(f"the model has no parameter {path}")
        if differences:
            raise ValueError(f"{type(self).__name__}.load_state_dict does not fit:\n  " + "\n  ".join(differences))
        vars(self).update(numbers)
        self._states = {
            params[path]: {name: np.array(as_numpy(array)) for name, array in given.items()}
            for path, given in arrays.items()
        }

    def _differences(self, path: str, param: Parameter, given: dict[str, Any]) -> list[str]:
        if param.data is None:
            return [f"{path} has no value yet; load the weights first"]
        wanted = self.new_state(param)
        found = _differing_names(given, wanted, path + "/")
        for name in given.keys() & wanted.keys():
            array, like = np.asarray(as_numpy(given[name])), wanted[name]
            if (array.shape, array.dtype) != (tuple(like.shape), like.dtype):
                found.append(f"{path}/{name} is {array.dtype} {array.shape}, wanted {like.dtype} {tuple(like.shape)}")
        return found

    def _numbers(self) -> dict[str, Any]:
        """The attributes that are numbers: hyperparameters and counters."""
        return {k: v for k, v in vars(self).items() if isinstance(v, (int, float, np.number)) and k[:1] != "_"}

    def _target(self, who: str) -> Layer:
        if self.target is None:
            raise RuntimeError(f"{type(self).__name__}.{who}: there is no model yet. Call setup(model) first.")
        return self.target


def _with_gradients(params: Any) -> list[Parameter]:
    return [p for p in params if p.grad is not None and p.requires_grad]


def _differing_names(given: Mapping[str, Any], wanted: Mapping[str, Any], prefix: str) -> list[str]:
    missing = [f"{prefix}{name} is missing" for name in wanted if name not in given]
    return missing + [f"{prefix}{name} is unknown" for name in given if name not in wanted]


def _by_parameter(state: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """A state dict in two: the numbers, and for the path of each parameter its arrays by name."""
    numbers: dict[str, Any] = {}
    arrays: dict[str, dict[str, Any]] = {}
    for key, value in state.items():
        path, slash, name = key.rpartition("/")
        if slash:
            arrays.setdefault(path, {})[name] = value
        else:
            numbers[key] = value.item() if hasattr(value, "item") else value
    return numbers, arrays
