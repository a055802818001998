"""Backpropagation over symbols: the engine's own loop and the ops' own rules, on values with symbolic sizes."""

from collections.abc import Callable, Sequence
from typing import Any

from chainrule import engine
from chainrule.engine import pull
from chainrule.ir import Value, walk
from chainrule.op import Op
from chainrule.symbol import Symbol


class Node(engine.Node):
    """A value of a traced expression as a node of the tape; see :class:`chainrule.engine.Node`."""

    hooks: Sequence[Callable[[Any], Any]] | None = None

    def __init__(self, value: Symbol, args: Sequence[Symbol], edges: Sequence["Node | None"]):
        self.serial = value.value.serial + 1 if edges else 0
        self.edges = edges
        self.saved: Any = args
        self.out: Any = value

    def send(self, g: Symbol) -> Sequence[Symbol | None]:
        op, params = self.out.value.op, self.out.value.params
        known = op.known([a if a.value.const is None else a.value.const for a in self.saved], params, self.out)
        parts: list[Symbol | None] = []
        for i, (arg, edge) in enumerate(zip(self.saved, self.edges, strict=True)):
            part = op.reverse(i, g, known) if edge is not None and op.differentiable(i) else None
            parts.append(part if part is None else part.sum_to_size(arg.shape))
        return parts


def pulled(out: Symbol, wrt: Symbol, g: Symbol) -> Symbol | None:
    """What arrives at ``wrt`` when ``g`` is sent back from ``out``; None if nothing does."""
    nodes: dict[Value, Node] = {}
    for value in walk([out.value]):
        args = [Symbol(out.builder, a) for a in value.args]
        edges = [nodes.get(a) for a in value.args]
        if value is wrt.value or any(edges):
            nodes[value] = Node(Symbol(out.builder, value), args, edges if isinstance(value.op, Op) else ())
    if out.value not in nodes or wrt.value not in nodes:
        return None
    leaf: Any = nodes[wrt.value]
    found: Symbol | None = pull([nodes[out.value]], [g], [leaf]).get(leaf)
    return found


