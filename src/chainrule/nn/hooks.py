"""Hooks of modules: handles that remove them, and the gradients at a module's inputs and outputs."""

import itertools
from typing import Any, Self

from chainrule.tensors import Tensor

next_number = itertools.count().__next__


class RemovableHandle:
    """A registered hook; ``remove()`` takes it away, as leaving ``with handle:`` does."""

    def __init__(self, kinds: dict[str, dict[int, Any]], kind: str, number: int):
        self.kinds, self.kind, self.id = kinds, kind, number

    @classmethod
    def of(cls, kinds: dict[str, dict[int, Any]], kind: str, hook: Any, first: bool = False) -> "RemovableHandle":
        """Register ``hook`` among those of its kind, as the last or the first."""
        number, have = next_number(), kinds.get(kind, {})
        kinds[kind] = {number: hook, **have} if first else {**have, number: hook}
        return cls(kinds, kind, number)

    def remove(self) -> None:
        """Take the hook away; a second time is no error."""
        have = self.kinds.get(self.kind, {})
        have.pop(self.id, None)
        if not have:
            self.kinds.pop(self.kind, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class BackwardHooks:
    """One call of a module whose backward hooks want the gradients of its inputs and outputs.

    A gradient is caught on a copy of the tensor made for this call, so that other uses of it do not count.
    """

    def __init__(self, module: Any, hooks: dict[str, dict[int, Any]]):
        self.module = module
        self.before = list(hooks.get("backward_pre", {}).values())
        self.after = list(hooks.get("backward", {}).values())
        self.grad_input: list[Any] = []
        self.grad_output: list[Any] = []
        self.waiting: set[int] = set()

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, those that need a gradient as copies that report it."""
        self.grad_input = [None] * len(args)
        return tuple(self._caught(arg, k, self._input_grad) for k, arg in enumerate(args))

    def outputs(self, out: Any) -> Any:
        """The outputs, as copies that report their gradients."""
        outs = out if isinstance(out, tuple) else (out,)
        self.grad_output = [None] * len(outs)
        caught = tuple(self._caught(each, k, self._output_grad) for k, each in enumerate(outs))
        return caught if isinstance(out, tuple) else caught[0]

    def _caught(self, value: Any, k: int, report: Any) -> Any:
        if not isinstance(value, Tensor) or not value.requires_grad:
            return value
        if report == self._input_grad:
            self.waiting.add(k)
        copy = value.clone()
        copy.register_hook(lambda g: report(k, g))
        return copy

    def _output_grad(self, k: int, g: Any) -> Any:
        self.grad_output[k] = g
        for hook in self.before:
            changed = hook(self.module, tuple(self.grad_output))
            if changed is not None:
                self.grad_output = list(changed) if isinstance(changed, tuple) else [changed]
        if not self.waiting:
            self._call_after()
        return self.grad_output[k]

    def _input_grad(self, k: int, g: Any) -> Any:
        self.grad_input[k] = g
        self.waiting.discard(k)
        if not self.waiting:
            self._call_after()
        return self.grad_input[k]

    def _call_after(self) -> None:
        for hook in self.after:
            changed = hook(self.module, tuple(self.grad_input), tuple(self.grad_output))
            if changed is not None:
                self.grad_input = list(changed) if isinstance(changed, tuple) else [changed]
