"""Quantities and scalars written down as a record."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.expr import spelled, text
from chainrule.ir import Builder
from chainrule.messages import say
from chainrule.modes import Switch
from chainrule.op import Elementwise, General, Piecewise
from chainrule.ops.shape import reshape
from chainrule.see.elements import WRITTEN, Paths, Scalar, element_name, factor, item
from chainrule.see.local import NESTED, Written, applied, operand, summed_axes
from chainrule.see.names import symbol
from chainrule.see.quantities import F64, Quantity, central, knowledge, pulled
from chainrule.see.record import ABSENT, CONSTANT, FULL, Edge, Node, Record, Source, Summary, Value, show
from chainrule.spec import Spec
from chainrule.tensors import wrap

WORK = 400_000  # ops run again for central differences, at most
ELEMENTS = 500  # that take as long as an op of few


def whole(quantities: Sequence[Quantity], lang: str) -> Record:
    """The graph of all quantities; where each is a single number, a graph of scalars."""
    scalar = all(q.size == 1 for q in quantities)
    shown = [q for q in quantities if q.head is None]
    number = {q: i for i, q in enumerate(shown)}
    leaves = {q for q in quantities if q.node is None and q.wanted}
    run = len(quantities) + sum(q.size for q in quantities) // ELEMENTS
    affordable = 2 * run * sum(q.size for q in leaves) <= WORK
    nodes, edges = [], []
    for q, i in number.items():
        written = _written(q) if q.node is not None else None
        difference = _difference(quantities, q) if affordable and q in leaves else None
        nodes.append(_node(q, i, written.forward() if written else q.name, difference))
        if q.node is None or written is None:
            continue
        passing, known = set(q.passes()), knowledge(q)
        for k, arg in enumerate(q.args):
            derivative, rule = None, ""
            if k in passing:
                derivative, rule = (_number if scalar else _tensor)(q, k, known, written, lang)
            edges.append(Edge(number[arg.head or arg], i, k, derivative, rule))
    last = quantities[-1].head or quantities[-1]
    title = f"{last.name} = {_formula(quantities) or nodes[-1].text}" if last.node is not None else last.name
    return Record(title, tuple(nodes), tuple(edges), tuple(number[q] for q in shown if q.node is None), number[last])


def element(quantities: Sequence[Quantity], found: Paths, lang: str) -> Record:
    """The graph of the scalars on the paths from one element."""
    number = {scalar: i for i, scalar in enumerate(found.scalars)}
    start, last = found.start, quantities[-1]
    nodes = []
    for scalar, i in number.items():
        q = scalar.of
        first = scalar is start
        difference = central(quantities, q, scalar.k) if first else None
        op = q.node.op.name if q.node is not None and not first else ""
        written = not first and (i < WRITTEN or i == len(number) - 1)
        nodes.append(Node(i, scalar.name, _element_text(found, scalar) if written else scalar.name, op,
                          _item(q.value, scalar.k), _item(q.grad, scalar.k), (), first, _source(q),
                          difference=difference))  # fmt: skip
    edges = [Edge(number[a.source], number[a.target], a.arg, a.derivative, a.rule) for a in found.lines]
    title = f"d{symbol(last.name)}/d{symbol(start.name)}"
    if not nodes:  # an element that is not used
        nodes = [Node(0, start.name, start.name, "", _item(start.of.value, start.k), 0.0, (), True),
                 Node(1, last.name, _written(last).forward(), "", _item(last.value, 0), 1.0, (), False)]  # fmt: skip
    return Record(title, tuple(nodes), tuple(edges), (0,), len(nodes) - 1)


def value_of(array: Any) -> Value:
    """An array as plain data: a number, nested lists, or a summary."""
    array = np.asarray(array, F64)
    if array.size == 1:
        return float(array.reshape(()))
    if array.size <= FULL:
        return array.tolist()  # type: ignore[no-any-return]
    known = array[~np.isnan(array)]
    low, high, mean = (known.min(), known.max(), known.mean()) if known.size else (np.nan, np.nan, np.nan)
    return Summary(array.shape, float(low), float(high), float(mean), int(array.size - known.size))


def _node(q: Quantity, i: int, formula: str, difference: Value | None) -> Node:
    shape = q.shape if q.seen is None else q.seen
    value, grad = (None if x is None else value_of(np.reshape(x, shape)) for x in (q.value, q.grad))
    if not q.wanted:
        return Node(i, operand(q)[0], ABSENT if value is None else show(value), CONSTANT, value, None, shape, True)
    op = q.node.op.name if q.node else ""
    return Node(i, q.name, formula, op, value, grad, shape, q.node is None, _source(q), difference=difference)


def _difference(quantities: Sequence[Quantity], q: Quantity) -> Value | None:
    """The central difference by each element; None where the output cannot be computed again."""
    slopes = [central(quantities, q, k) for k in range(q.size)]
    return None if None in slopes else value_of(np.reshape(np.array(slopes, F64), q.shape))


def _number(q: Quantity, i: int, known: Any, written: Written, lang: str) -> tuple[Value | None, str]:
    """The derivative between two numbers, and its text."""
    assert q.node is not None
    op = q.node.op
    with Switch(grad=False):
        derivative = float(pulled(q, i, wrap(np.ones(q.shape)), known)._data.reshape(()))
    if isinstance(op, Elementwise | Piecewise):
        return derivative, written.derivative(i)
    one = factor(q, i, 0, 0) if isinstance(op, General) else None
    return derivative, element_name(*one) if one else show(derivative)


def _tensor(q: Quantity, i: int, known: Any, written: Written, lang: str) -> tuple[Value | None, str]:
    """The derivative between two tensors: the rule as text; element by element, if the op works so, the numbers."""
    assert q.node is not None
    op, arg = q.node.op, q.args[i]
    if not isinstance(op, Elementwise | Piecewise):
        return None, written.pulled(i, lang)
    with Switch(grad=False):
        local = np.broadcast_to(op.reverse(i, wrap(np.ones(q.shape)), known)._data, q.shape)
    rule, axes = written.derivative(i), summed_axes(arg.shape, q.shape)
    same = local.size and (local == local.flat[0]).all() and show(float(local.flat[0])) == rule
    number = None if same else value_of(local)
    return number, say("over", lang, rule=rule, axis=", ".join(map(str, axes))) if axes else rule


def _written(q: Quantity) -> Written:
    assert q.node is not None
    return Written(q.node.op, q.node.params, [operand(arg) for arg in q.args], operand(q))


def _element_text(found: Paths, scalar: Scalar) -> str:
    q = scalar.of
    if q.node is not None and isinstance(q.node.op, Elementwise | Piecewise):
        return found.written(scalar).forward()
    formula = _written(q).forward()
    at = element_name(q, scalar.k)[len(symbol(q.name)) :]
    return f"({formula}){at}" if at else formula


def _formula(quantities: Sequence[Quantity]) -> str:
    """The output as one formula in the names of what is given; "" when that would be long."""
    if sum(q.node is not None for q in quantities) > NESTED:
        return ""
    builder, made = Builder(), dict[Quantity, Any]()
    for q in quantities:
        if q.node is None:
            own = F64 if q.value is None else np.asarray(q.value).dtype
            spec = Spec(q.shape, F64 if own.kind == "f" else own)  # conditions and positions stay what they are
            name, _, number = operand(q)
            made[q] = builder.input(symbol(name), spec) if name else number
            if q.seen is not None and q.seen != q.shape:
                seen = builder.input(symbol(q.name), Spec(q.seen, spec.dtype))
                made[q] = builder.apply(reshape, [seen], {"shape": q.shape})
        else:
            made[q] = applied(builder, q.node.op, [made[arg] for arg in q.args], q.node.params)
    formula = made[quantities[-1]]
    return text(formula) if spelled(formula) <= NESTED else ""


def _source(q: Quantity) -> Source | None:
    at = q.place
    return None if at is None else (at.file, at.line, at.column, at.end_column)


def _item(array: Any, k: int) -> float | None:
    return None if array is None else float(item(array, k))
