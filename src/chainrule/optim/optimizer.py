"""What all optimizers share: groups of parameters, state per parameter, saving and loading."""

from collections import defaultdict
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np

from chainrule.modes import Switch, current
from chainrule.tensors import Tensor

State = dict[str, Any]
Group = dict[str, Any]
unrecorded = Switch(grad=False)


class Optimizer:
    """Updates parameters from their gradients. A subclass says how one parameter starts and how it moves.

    ``params`` are tensors, (name, tensor) pairs, or dictionaries with a key "params" that set options for a group.
    """

    def __init__(self, params: Any, defaults: Group):
        if isinstance(params, (Tensor, str, dict)):
            raise TypeError("params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                            f"{type(params).__name__}; for one tensor write [tensor]")
        self.defaults = defaults
        self.state: dict[Any, State] = defaultdict(dict)
        self.param_groups: list[Group] = []
        self._steps = 0
        self._hooks: dict[str, list[Callable[..., Any]]] = {"pre": [], "post": []}
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list; has the model parameters, and did its "
                             "__init__ run?")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    # -- what a subclass says ------------------------------------------------------------------------------------

    def begin(self, p: Tensor, group: Group) -> State:
        """The state of a parameter before its first update."""
        return {}

    def update(self, p: Tensor, g: Tensor, state: State, group: Group) -> None:
        """Move a parameter, in place."""
        raise NotImplementedError

    # -- stepping ------------------------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; ``closure`` recomputes the loss first, and it is returned."""
        for hook in self._hooks["pre"]:
            hook(self, (closure,), {})
        loss = None
        if closure is not None:
            with Switch(grad=True):
                loss = closure()
        trace = current.get().trace
        self._steps += 1
        with unrecorded:
            due = [(p, g, options)
                   for group, options in zip(self.param_groups, trace.options(self) if trace else self.param_groups)
                   for p in group["params"] if (g := p.grad) is not None]  # fmt: skip
            for p, g, group in due:
                if p not in self.state:
                    self._begin(p, group)
                self.update(p, -g if group.get("maximize") else g, self.state.get(p, {}), group)
        for hook in self._hooks["post"]:
            hook(self, (closure,), {})
        return loss

    def _begin(self, p: Tensor, group: Group) -> None:
        if state := self.begin(p, group):
            self.state[p] = state
            if (trace := current.get().trace) is not None:
                trace.later(lambda: self.state.pop(p, None))

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or fill them with 0."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                elif p.grad is not None:
                    p.grad.detach_()
                    p.grad.zero_()

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> None:
        """Call ``hook(optimizer, args, kwargs)`` before every step."""
        self._hooks["pre"].append(hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> None:
        """Call ``hook(optimizer, args, kwargs)`` after every step."""
        self._hooks["post"].append(hook)

    # -- groups --------------------------------------------------------------------------------------------------

    def add_param_group(self, param_group: Group) -> None:
        """Add parameters with options of their own; what the group does not say is the default."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group).__name__}")
        given = param_group["params"]
        if isinstance(given, set):
            raise TypeError("optimizer parameters need to be organized in ordered collections, but the ordering of "
                            "tensors in sets will change between runs. Please use a list instead.")
        entries = [given] if isinstance(given, Tensor) else list(given)
        params = [entry[1] if isinstance(entry, tuple) else entry for entry in entries]
        known = {id(p) for group in self.param_groups for p in group["params"]}
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}")
            if not p.is_leaf:
                raise ValueError("can't optimize a non-leaf Tensor: it was computed, and would be computed anew; "
                                 "optimize what it was computed from, or detach() it and require grad again")
            if id(p) in known:
                raise ValueError("some parameters appear in more than one parameter group")
        if len({id(p) for p in params}) < len(params):
            raise ValueError("optimizer contains a parameter group with duplicate parameters")
        group = {**self.defaults, **param_group, "params": params}
        if entries and isinstance(entries[0], tuple):
            group["param_names"] = [entry[0] for entry in entries]
        param_group.update(group)
        self.param_groups.append(param_group)

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for number, group in enumerate(self.param_groups):
            text += f"\nParameter Group {number}\n"
            text += "".join(f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params")
        return text + ")"

    # -- saving and loading --------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """State and options, with parameters as numbers in the order of the groups."""
        number = {p: k for k, p in enumerate(p for group in self.param_groups for p in group["params"])}
        groups = [{**{key: value for key, value in group.items() if key != "params"},
                   "params": [number[p] for p in group["params"]]} for group in self.param_groups]
        return {"state": {number[p]: state for p, state in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state of ``state_dict()``. Raises ValueError where the groups do not fit."""
        saved = deepcopy(state_dict)
        sizes = [[len(group["params"]) for group in groups] for groups in (self.param_groups, saved["param_groups"])]
        if len(sizes[0]) != len(sizes[1]):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if sizes[0] != sizes[1]:
            raise ValueError("loaded state dict contains a parameter group that doesn't match the size of "
                             "optimizer's group")
        parameter = {k: p for own, group in zip(self.param_groups, saved["param_groups"])
                     for p, k in zip(own["params"], group["params"])}
        self.state = defaultdict(dict, {parameter[k]: state for k, state in saved["state"].items()})
        self.param_groups = [{**group, "params": own["params"]}
                             for own, group in zip(self.param_groups, saved["param_groups"])]


def full_like(p: Tensor, value: float = 0.0) -> Tensor:
    """Where a running average starts. Under a trace it is memory from outside, which outlives the trace."""
    return Tensor._wrap(np.full(tuple(p.shape), value, p.np_dtype))


def count() -> Tensor:
    """A count of steps: PyTorch keeps it as a float32 tensor."""
    return Tensor._wrap(np.zeros((), np.float32))


def counted(step: Tensor) -> Any:
    """One step more; the count as a number, or while a step is traced as a float64 tensor."""
    step += 1
    return step.item() if current.get().trace is None else step.double()


def check(name: str, value: float, low: float, high: float = float("inf")) -> None:
    """Raise ValueError unless low ≤ value < high."""
    if not low <= value < high:
        raise ValueError(f"Invalid {name} value: {value}; it must be at least {low}"
                         + (f" and below {high}" if high < float("inf") else ""))
