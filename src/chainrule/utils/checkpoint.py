"""Checkpointing: what a part of the forward pass saved is dropped, and computed again when backward comes by.

The part runs as always; then its nodes forget what they saved. The first of them that backward asks for its gradients
runs the part again, and every node takes over what its counterpart in the second run has saved. Source: T. Chen et al.,
"Training Deep Nets with Sublinear Memory Cost" (2016).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from chainrule import trees
from chainrule.modes import Switch, current
from chainrule.random import default_generator, get_rng_state, set_rng_state
from chainrule.tape import next_serial
from chainrule.tensors import Tensor

__all__ = ["checkpoint", "checkpoint_sequential"]


def checkpoint(
    function: Callable[..., Any], *args: Any, use_reentrant: bool | None = None, preserve_rng_state: bool = True,
    determinism_check: str = "default", **kwargs: Any,
) -> Any:
    """``function(*args, **kwargs)``, holding less memory until backward, which computes it a second time.

    Random numbers are the same both times unless ``preserve_rng_state=False``. ``use_reentrant`` chooses between two ways
    of PyTorch's; here there is one, without the limits of either. Raises RuntimeError where the second run records
    other ops than the first.

    >>> import chainrule as torch
    >>> from chainrule.utils.checkpoint import checkpoint
    >>> x = torch.tensor(0.5, requires_grad=True)
    >>> checkpoint(lambda x: x.exp().sin(), x, use_reentrant=False).backward()
    >>> x.grad
    tensor(-0.1282)
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
    inputs = {id(x): x.detach() for x in trees.leaves((args, kwargs)) if isinstance(x, Tensor) and x._node is not None}
    again = _Again(function, (args, kwargs), nodes, random, inputs)
    for node in nodes:
        node.saved = node.out = None
        vars(node)["send"] = again.send(node)
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

    def __init__(self, function: Callable[..., Any], given: Any, nodes: Sequence[Any], random: Any, inputs: dict[int, Any]):
        self.function, self.given, self.nodes, self.random, self.inputs = function, given, nodes, random, inputs

    def send(self, node: Any) -> Callable[[Any], Sequence[Any]]:
        """What stands in for the node's own ``send``."""
        own = vars(node).get("send", node.send)

        def send(g: Any) -> Sequence[Any]:
            if node.saved is None:
                self.run()
            return own(g)  # type: ignore[no-any-return]

        return send
