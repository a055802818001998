"""Ops that are others to the compiler: what their ``expands`` facet says, written out in the graph."""

from chainrule.ir import Builder, Graph, Value, rebuild
from chainrule.op import Op
from chainrule.symbol import Symbol


def expanded(graph: Graph) -> Graph:
    """The graph without ops that expand."""
    if any(isinstance(v.op, Op) and v.op.expands for v in graph.values):
        return expanded(rebuild(graph, _expand))
    return graph


def _expand(builder: Builder, value: Value, args: tuple[Value, ...]) -> Value:
    assert isinstance(value.op, Op)
    if value.op.expands is None:
        return builder.apply(value.op, args, value.params)
    found: Value = value.op.expands(*(Symbol(builder, a) for a in args), **value.params).value
    return found
