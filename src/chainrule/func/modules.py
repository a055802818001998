"""Modules as functions of their parameters."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from chainrule.joining import stack

__all__ = ["functional_call", "stack_module_state"]


def functional_call(
    module: Any, parameter_and_buffer_dicts: Any, args: Any = None, kwargs: Mapping[str, Any] | None = None, *,
    tie_weights: bool = True, strict: bool = False,
) -> Any:
    """``module(*args, **kwargs)`` with the tensors of a dict, or of several, in place of those of the same names.

    A parameter that the module holds under two names is replaced under both, unless ``tie_weights=False``. With
    ``strict``, every parameter and buffer must be given, and nothing else. The module is left as it was.

    >>> import chainrule as torch
    >>> model = torch.nn.Linear(1, 1)
    >>> new = {"weight": torch.tensor([[2.0]]), "bias": torch.tensor([1.0])}
    >>> torch.func.functional_call(model, new, (torch.tensor([3.0]),))
    tensor([7.])
    """
    dicts = parameter_and_buffer_dicts
    given: dict[str, Any] = {}
    for each in [dicts] if isinstance(dicts, Mapping) else dicts:
        if again := given.keys() & each.keys():
            raise ValueError(f"functional_call: {sorted(again)} appeared in multiple dictionaries")
        given.update(each)
    named = dict(_named(module))
    if strict and (wrong := named.keys() ^ given.keys()):
        raise RuntimeError(f"functional_call: with strict=True the names must be the module's; these are missing or "
                           f"unexpected: {sorted(wrong)}")
    if tie_weights:
        for name, tensor in named.items():
            same = [given[other] for other, theirs in named.items() if theirs is tensor and other in given]
            if same and name not in given:
                given[name] = same[0]
    with _replaced(module, given):
        return module(*(args if isinstance(args, tuple) else () if args is None else (args,)), **(kwargs or {}))


def _named(module: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, tensor in (*module._parameters.items(), *module._buffers.items()):
        if tensor is not None:
            yield prefix + name, tensor
    for name, child in module._modules.items():
        if child is not None:
            yield from _named(child, f"{prefix}{name}.")


@contextmanager
def _replaced(module: Any, given: Mapping[str, Any]) -> Iterator[None]:
    """Inside, the module's dicts hold the given tensors."""
    before = []
    try:
        for path, tensor in given.items():
            *way, name = path.split(".")
            owner = module
            for part in way:
                owner = owner._modules[part] if part in owner._modules else getattr(owner, part)
            holder = next((d for d in (owner._parameters, owner._buffers) if name in d), None)
            if holder is None:
                continue  # as PyTorch, unless strict
            before.append((holder, name, holder[name]))
            holder[name] = tensor
        yield
    finally:
        for holder, name, tensor in reversed(before):
            holder[name] = tensor


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters and the buffers of several models of one kind, each stacked along a new first axis."""
    if not models:
        raise RuntimeError("stack_module_state: expected at least one model, got 0")
    parameters = [dict(model.named_parameters()) for model in models]
    buffers = [dict(model.named_buffers()) for model in models]
    stacked = {name: stack([p[name] for p in parameters]).detach().requires_grad_(tensor.requires_grad)
               for name, tensor in parameters[0].items()}  # fmt: skip
    return stacked, {name: stack([b[name] for b in buffers]) for name in buffers[0]}
