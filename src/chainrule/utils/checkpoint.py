"""Checkpointing: what a part of the forward pass saved is dropped, and computed again when backward comes by.

The part runs as always; then its nodes forget what they saved. The first of them that backward asks for its gradients
runs the part again, and every node takes over what its counterpart in the second run has saved. Source: T. Chen et al.,
"Training Deep Nets with Sublinear Memory Cost" (2016).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from chainrule import trees
from chainrule.modes import Switch, current
from chainrule.random import get_rng_state, set_rng_state
from chainrule.tape import next_serial
from chainrule.tensors import Tensor, wrap

__all__ = ["checkpoint", "checkpoint_sequential"]


def checkpoint(
    function: Callable[..., Any], *args: Any, use_reentrant: bool | None = None, preserve_rng_state: bool = True,
    determinism_check: str = "default", **kwargs: Any,
) -> Any:
    """``function(*args, **kwargs)``, holding less memory until backward, which computes it a second time.

    Random numbers are the same both times unless ``preserve_rng_state=False``. ``use_reentrant`` chooses between two
    ways of PyTorch's; here there is one, without the limits of either. Raises RuntimeError where the second run records
    other ops than the first.

    >>> import chainrule as torch
    >>> from chainrule.utils.checkpoint import checkpoint
    >>> x = torch.tensor(0.5, requires_grad=True)
    >>> checkpoint(lambda x: x.exp().sin(), x, use_reentrant=False).backward()
    >>> x.grad
    tensor(-0.1283)
    """
    mode = current.get()
    if not mode.grad or mode.trace is not None:
        return function(*args, **kwargs)
    random = get_rng_state() if preserve_rng_state else None
    first = next_serial()
    result = function(*args, **kwargs)
    nodes = recorded_since(first, result)
    if not nodes:
        return result
    again = _Again(function, (args, kwargs), nodes, random)
    for node in nodes:
        node.saved = node.out = None
        vars(node)["send"] = again.send(node)
        node.hooks = node.hooks or []  # as hooks.watch
    return result


def recorded_since(serial: int, result: Any) -> list[Any]:
    """The nodes behind ``result`` that were made after ``serial`` was, in order."""
    stack = [x._edge() for x in trees.leaves(result) if isinstance(x, Tensor)]
    found: set[Any] = set()
    while stack:
        node = stack.pop()
        if node is not None and node.serial > serial and node not in found:
            found.add(node)
            stack.extend(node.edges)
    return sorted(found, key=lambda node: int(node.serial))


class _Again:
    """The second run of a part, shared by its nodes."""

    def __init__(self, function: Callable[..., Any], given: Any, nodes: Sequence[Any], random: Any):
        self.function, self.given, self.nodes, self.random = function, given, nodes, random

    def send(self, node: Any) -> Callable[[Any], Sequence[Any]]:
        """What stands in for the node's own ``send``."""
        own = vars(node).get("send", node.send)

        def send(g: Any) -> Sequence[Any]:
            if node.saved is None:
                self.run()
            return own(g)  # type: ignore[no-any-return]

        return send

    def run(self) -> None:
        """Run the part on copies of its inputs that are leaves, and hand over what it saves."""
        original: dict[int, Tensor] = {}

        def leaf(x: Any) -> Any:
            if not isinstance(x, Tensor) or x._node is None:
                return x
            copy = x.detach().requires_grad_()
            original[id(copy)] = x
            return copy

        args, kwargs = trees.mapped(leaf, self.given)
        now = get_rng_state()
        try:
            if self.random is not None:
                set_rng_state(self.random)
            first = next_serial()
            with Switch(grad=True):
                again = recorded_since(first, self.function(*args, **kwargs))
        finally:
            if self.random is not None:
                set_rng_state(now)
        if [node.name() for node in again] != [node.name() for node in self.nodes]:
            raise RuntimeError(f"checkpoint: the function recorded {len(self.nodes)} ops the first time and other "
                               f"ones, {len(again)}, the second time; it must do the same both times")
        counterpart = dict(zip(again, self.nodes))

        def on_the_tape(x: Tensor) -> Tensor:
            if id(x) in original:
                return original[id(x)]
            return wrap(x._data, counterpart[x._node]) if x._node in counterpart else x

        for node, other in zip(self.nodes, again):
            node.take_over(other, on_the_tape)


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """A chain of functions in ``segments`` parts, all but the last of them checkpointed."""
    chain = list(functions)
    size = len(chain) // segments
    for k in range(segments - 1):
        part = chain[k * size : (k + 1) * size]
        input = checkpoint(_chained(part), input, use_reentrant=use_reentrant, **kwargs)
    return _chained(chain[(segments - 1) * size :])(input)


def _chained(functions: Iterable[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def run(x: Any) -> Any:
        for function in functions:
            x = function(x)
        return x

    return run
