"""Knows what an Optimizer is: a rule that moves parameters by their gradients, with what it remembers of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from ..core import Parameter
from ..cuda import as_numpy, get_array_module
from ..layers import Layer

Self = TypeVar("Self", bound="Optimizer")
Hook = Callable[[list[Parameter]], Any]


def check_range(owner: Any, name: str, low: float, below: float = float("inf")) -> None:
    """Raises where the hyperparameter ``name`` of an optimizer or hook is not from ``low`` to just under ``below``."""
    value = getattr(owner, name)
    if not low <= value < below:
        wanted = f"at least {low}" if below == float("inf") else f"at least {low} and below {below}"
        raise ValueError(f"{type(owner).__name__}: {name} must be {wanted}, got {value!r}.")


class ParamGroup:
    """Some parameters of a model, and the hyperparameters that are other for them.

    Attributes:
        parts: The Layers and Parameters. What is in a Layer is looked up anew at each update; what then is in two
            groups belongs to the later one.
        overrides: Hyperparameter -> its value for this group; may be changed at any time.
    """

    def __init__(self, parts: Layer | Parameter | Iterable[Layer | Parameter], overrides: dict[str, Any]):
        self.parts = [parts] if isinstance(parts, (Layer, Parameter)) else list(parts)
        self.overrides = overrides
        for part in self.parts:
            if not isinstance(part, (Layer, Parameter)):
                raise TypeError(f"add_param_group takes Layers and Parameters, got {type(part).__name__}.")

    def params(self) -> Iterator[Parameter]:
        """Every parameter of the group, each once."""
        found: dict[Parameter, None] = {}
        for part in self.parts:
            found.update(dict.fromkeys(part.params() if isinstance(part, Layer) else (part,)))
        return iter(found)


class Optimizer:
    """Moves the parameters of a model by their gradients. A new one is a subclass with ``update_one(param)``.

    A rule that remembers something of each parameter says in ``new_state`` what it starts with, and finds it in
    ``self.state(param)``. That state belongs to the parameter itself, goes with it to another device, and is in
    ``state_dict()``, as are all attributes that are numbers.

    Attributes:
        target: The model.
        hooks: What is called before each update, in order.
        groups: The ParamGroups, those parameters for which some hyperparameters are other.

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

    counters: tuple[str, ...] = ("t",)  # attributes that are numbers, but no hyperparameters

    def __init__(self) -> None:
        self.target: Layer | None = None
        self.hooks: list[Hook] = []
        self.groups: list[ParamGroup] = []
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

    def add_param_group(
        self, layers_or_params: Layer | Parameter | Iterable[Layer | Parameter], **overrides: Any
    ) -> ParamGroup:
        """Gives some parameters hyperparameters of their own; the others they share with the rest of the model.

        While a parameter of the group is updated, the group's values stand in for the optimizer's attributes. So
        a rule need not know of groups. Hooks see all parameters alike.

        Args:
            layers_or_params: A Layer, with all that is in it, a Parameter, or several of them. They belong to the
                model, and to no other group.
            **overrides: Hyperparameters by name: ``lr`` (``alpha`` for Adam), ``weight_decay``, ``beta1`` …

        Returns:
            The group. Its ``overrides`` may be changed later.

        Raises:
            RuntimeError: There is no model yet.
            TypeError: Something is neither a Layer nor a Parameter.
            ValueError: A parameter is not the model's or is in a group already; a hyperparameter is unknown or out
                of range.

        Example:
            >>> model = models.Sequential(L.Linear(10), L.BatchNorm(), F.relu, L.Linear(1))
            >>> optimizer = optimizers.AdamW(lr=1e-3, weight_decay=0.1).setup(model)
            >>> no_decay = [p for name, p in model.named_params() if not name.endswith("/W")]
            >>> optimizer.add_param_group(no_decay, weight_decay=0.0).overrides
            {'weight_decay': 0.0}
        """
        who = f"{type(self).__name__}.add_param_group"
        paths = {param: path for path, param in self._target("add_param_group").named_params()}
        known = [name for name in self._numbers() if name not in self.counters]
        unknown = [name for name in overrides if name not in known]
        if unknown:
            raise ValueError(f"{who}: {', '.join(unknown)} is unknown. Known are: {', '.join(known)}.")
        group, taken = ParamGroup(layers_or_params, overrides), self._group_of_each()
        for param in group.params():
            if param not in paths:
                raise ValueError(f"{who}: a parameter {param.name or ''} is none of the model's. Add it there first.")
            if param in taken:
                raise ValueError(f"{who}: {paths[param]} is in a group already. Take it out of one of the two.")
        with self._standing_in(overrides):
            self.check()
        self.groups.append(group)
        return group

    def check(self) -> None:
        """Raises ValueError where a hyperparameter is out of range. To be overridden; asked about groups as well."""

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
        if not self.groups:
            for param in params:
                self.update_one(param)
            return
        for group, members in self._by_group(params):
            with self._standing_in({} if group is None else group.overrides):
                for param in members:
                    self.update_one(param)

    def update_one(self, param: Parameter) -> None:
        """Moves one parameter, in place. To be overridden."""
        raise NotImplementedError(f"{type(self).__name__} has no update_one. Define update_one(self, param).")

    # ---- groups

    def _by_group(self, params: list[Parameter]) -> list[tuple[ParamGroup | None, list[Parameter]]]:
        """``params`` in groups; None stands for those that are in none."""
        group_of = self._group_of_each()
        found: dict[ParamGroup | None, list[Parameter]] = {}
        for param in params:
            found.setdefault(group_of.get(param), []).append(param)
        return list(found.items())

    def _group_of_each(self) -> dict[Parameter, ParamGroup]:
        return {param: group for group in self.groups for param in group.params()}

    @contextmanager
    def _standing_in(self, values: Mapping[str, Any]) -> Iterator[None]:
        """Lets ``values`` be those of the optimizer's attributes for a while."""
        mine = vars(self)
        own = {name: mine[name] for name in values}
        mine.update(values)
        try:
            yield
        finally:
            mine.update(own)

    # ---- what it remembers

    def new_state(self, param: Parameter) -> dict[str, Any]:
        """What the rule remembers of a parameter before its first update: name -> array or int. To be overridden.

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
            if get_array_module(array) is not xp and not isinstance(array, int):
                state[name] = on_device(array, xp)
        return state

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on later: every number, and what the rule remembers of each parameter.

        Returns:
            Flat dict, which ``serialization.save_npz`` writes: numbers by their name (``lr``), copies on the host of
            the arrays by the name of the parameter and their own (``l0/W/v``), the hyperparameters of groups by
            the name of each parameter in it (``l0/W:lr``).

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
        group_of = self._group_of_each()
        for path, param in self._target("state_dict").named_params():
            if param in group_of:
                found |= {f"{path}:{name}": value for name, value in group_of[param].overrides.items()}
            for name, array in self._states.get(param, {}).items():
                found[f"{path}/{name}"] = np.array(as_numpy(array))
        return found

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes what ``state_dict()`` gave, of an optimizer of the same kind with a model of the same structure.

        Groups are not made: add the same ones first, and they get their values back. Nothing is changed unless
        everything fits.

        Args:
            state: The dict, as it was or read back by ``serialization.load_npz``.

        Raises:
            RuntimeError: There is no model yet.
            ValueError: Names, shapes or dtypes differ: lists every difference. Or a parameter has no value yet.
        """
        params = dict(self._target("load_state_dict").named_params())
        numbers, overrides, arrays = _sorted_out(state)
        differences = differing_names(numbers, self._numbers(), "")
        differences += [f"the model has no parameter {path}" for path in {**arrays, **overrides} if path not in params]
        values: dict[ParamGroup, dict[str, Any]] = {}
        group_of = self._group_of_each()
        for path, param in params.items():
            group, given = group_of.get(param), overrides.get(path, {})
            differences += differing_names(given, {} if group is None else group.overrides, path + ":")
            if group is not None and values.setdefault(group, given) != given:
                differences.append(f"{path} has {given}, but others of its group have {values[group]}")
            if path in arrays:
                with self._standing_in({k: v for k, v in {**numbers, **given}.items() if k in self._numbers()}):
                    differences += self._differences(path, param, arrays[path])
        if differences:
            raise ValueError(f"{type(self).__name__}.load_state_dict does not fit:\n  " + "\n  ".join(differences))
        vars(self).update(numbers)
        for group, given in values.items():
            group.overrides.update(given)
        self._states = {
            params[path]: {name: _remembered(value) for name, value in given.items()} for path, given in arrays.items()
        }

    def _differences(self, path: str, param: Parameter, given: dict[str, Any]) -> list[str]:
        if param.data is None:
            return [f"{path} has no value yet; load the weights first"]
        wanted = self.new_state(param)
        found = differing_names(given, wanted, path + "/")
        for name in given.keys() & wanted.keys():
            ours, theirs = _kind(wanted[name]), _kind(_remembered(given[name]))
            if ours != theirs:
                found.append(f"{path}/{name} is {theirs}, wanted {ours}")
        return found

    def _numbers(self) -> dict[str, Any]:
        """The attributes that are numbers: hyperparameters and ``counters``."""
        return {k: v for k, v in vars(self).items() if isinstance(v, (int, float, np.number)) and k[:1] != "_"}

    def _target(self, who: str) -> Layer:
        if self.target is None:
            raise RuntimeError(f"{type(self).__name__}.{who}: there is no model yet. Call setup(model) first.")
        return self.target


def _with_gradients(params: Any) -> list[Parameter]:
    return [p for p in params if p.grad is not None and p.requires_grad]


def on_device(array: Any, xp: Any) -> Any:
    """``array`` as one of the array module ``xp``; as it is where it is one."""
    return array if get_array_module(array) is xp else xp.asarray(as_numpy(array))


def differing_names(given: Mapping[str, Any], wanted: Mapping[str, Any], prefix: str) -> list[str]:
    """A sentence for each name that only one of the two has."""
    missing = [f"{prefix}{name} is missing" for name in wanted if name not in given]
    return missing + [f"{prefix}{name} is unknown" for name in given if name not in wanted]


def number(value: Any) -> Any:
    """A number as Python's, also where it comes as an array, from a file."""
    return value.item() if hasattr(value, "item") else value


def _remembered(value: Any) -> Any:
    """What was saved of a state: a copy of the array, or the integer."""
    array = np.array(as_numpy(value))
    return int(array) if array.ndim == 0 and array.dtype.kind == "i" else array


def _kind(value: Any) -> str:
    return "an integer" if isinstance(value, int) else f"{value.dtype} {tuple(value.shape)}"


def _sorted_out(
    state: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """A state dict in three: the numbers; by parameter the values of its group, and what is remembered of it."""
    numbers: dict[str, Any] = {}
    overrides: dict[str, dict[str, Any]] = {}
    arrays: dict[str, dict[str, Any]] = {}
    for key, value in state.items():
        path, colon, name = key.rpartition(":")
        if colon and name.isidentifier():
            overrides.setdefault(path, {})[name] = number(value)
            continue
        path, slash, name = key.rpartition("/")
        if slash:
            arrays.setdefault(path, {})[name] = value
        else:
            numbers[key] = number(value)
    return numbers, overrides, arrays
