"""Plans: the rules of a node, or of a run of nodes, written out as one function over NumPy arrays.

A node's *key* is (op, what stands behind each input, shapes, dtypes, numbers, parameters). For each key the rules,
un-broadcasting included, are traced once with symbols, rewritten exactly, written as Python source and kept. A *run*
is a chain of nodes in which each is fed by the one before alone, as most of a backward pass is; what repeats it is
planned as a whole. A key must be met twice: a shape that never comes again is not worth a plan.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.ir import INPUT, Builder, Graph, Value
from chainrule.numpy_source import compiled
from chainrule.op import LEAF, Op
from chainrule.ops.shape import expand
from chainrule.rewrite import rewritten
from chainrule.spec import Spec
from chainrule.symbol import Symbol

PLANS_KEPT = 4096
LONGEST_RUN = 24
LARGEST_RUN = 1 << 15
"""Numbers that the nodes of a run may have saved together: a run frees them at its end, and gains little when large."""

plans: dict[Any, Any] = {}
met: dict[Any, bool] = {}
"""Keys met, and whether they may get a plan."""


def planned(key: Any, nodes: Sequence[Any], arrays: Sequence[Any]) -> Any:
    """The plan for a key, if it has been met before and is worth one; else None, and it counts as met."""
    if len(plans) >= PLANS_KEPT or len(met) >= 4 * PLANS_KEPT:
        plans.clear()
        met.clear()
    if key not in met:
        small = len(nodes) == 1 or sum(t._data.size for n in nodes for t in n.saved or ()) <= LARGEST_RUN
        met[key] = small
        return None
    if not met[key]:
        return None
    plan = plans[key] = write(nodes, arrays[0])
    return plan


def write(nodes: Sequence[Any], g: Any) -> Callable[..., tuple[Any, ...]]:
    """The rules of a run as one function ``(g, *what each node saved and its output)`` over arrays.

    ``function.places`` says for each result which edge it goes to: (number of the node, number of its input).
    """
    builder = Builder()
    inputs = [symbol(builder, "g", g)]
    arriving = inputs[0]
    parts: list[Symbol | None] = []
    places: list[tuple[int, int]] = []
    for number, node in enumerate(nodes):
        saved = [symbol(builder, "x", t._data) for t in node.saved or ()]
        out = [] if node.out is None else [symbol(builder, "out", node.out)]
        inputs += saved + out
        onward = node.onward if number < len(nodes) - 1 else None
        sent = node.reverse(arriving, node.known(saved, out[0] if out else None))
        for k, part in enumerate(sent):
            if k == onward:
                arriving = part
            elif part is not None or len(nodes) == 1:  # one node answers for all its inputs
                parts.append(part)
                places.append((number, k))
    graph = rewritten(Graph(tuple(s.value for s in inputs), tuple(p.value for p in parts if p is not None)))
    outputs = iter(graph.outputs)
    returned = [None if p is None else next(outputs) for p in parts]
    copied = [k for k, v in enumerate(returned) if v is not None and nodes[places[k][0]].mask[places[k][1]] == LEAF
              and (aliases(v) or v in returned[:k])]  # fmt: skip
    plan: Any = compiled(graph, "_".join([n.op.name for n in nodes[:4]]), returned, copied)
    plan.places = places
    return plan  # type: ignore[no-any-return]


def symbol(builder: Builder, name: str, array: Any) -> Symbol:
    return Symbol(builder, builder.input(name, Spec(np.shape(array), array.dtype)))


def aliases(value: Value) -> bool:
    """May this value share memory with an input, or be one element spread out? A leaf's gradient must be its own."""
    while isinstance(value.op, Op) and value.op.view:
        if value.op is expand:
            return True
        value = value.args[0]
    return value.op == INPUT
