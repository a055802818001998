"""Arrays made of parts: what is written in different places of one array, by slices or a gradient of slices."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from chainrule.ir import Builder, Value
from chainrule.op import Op
from chainrule.ops import arithmetic, shape

Chain = tuple[Any, ...]
Parts = list[tuple[Value, Chain]]
"""Each value with the view of the whole that it is written into."""


def sum_of_parts(builder: Builder, op: Op, args: tuple[Value, ...], params: dict[str, Any]) -> Value | None:
    """x + y, of zeros that are written in different places, is zeros with what is written in either."""
    if op is not arithmetic.add or args[0].spec != args[1].spec:
        return None
    (zeros, left), (more, right) = map(parts, args)
    if not (left and right and _zero(zeros) and _zero(more)):
        return None
    if memberships(zeros, (chain for _, chain in (*left, *right))).max(initial=0) > 1:
        return None
    for part, chain in (*left, *right):
        zeros = builder.apply(shape.assign, (zeros, _plus_zero(builder, part)), {"chain": chain})
    return zeros


def parts(value: Value, inner: Iterable[Value] | None = None) -> tuple[Value, Parts]:
    """What parts are written over, and the parts, in order; of those in ``inner`` alone if it is given."""
    found: Parts = []
    while value.op is shape.assign and (inner is None or not found or value in inner):
        found.append((value.args[1], value.params["chain"]))
        value = value.args[0]
    return value, found[::-1]


def memberships(whole: Value, chains: Iterable[Chain]) -> Any:
    """For each element of the whole, to how many of these views of it it belongs."""
    counts = np.zeros(whole.shape, np.uint32)
    for chain in chains:
        part = counts
        for op, params in chain:
            part = op.forward(part, **dict(params))
        part += 1
    return counts


def _zero(value: Value) -> bool:
    while value.op is shape.expand:
        value = value.args[0]
    return bool(value.const == 0)


def _plus_zero(builder: Builder, value: Value) -> Value:
    """The value as it is after a sum with 0, which makes −0 a 0."""
    if value.op is arithmetic.add and _zero(value.args[1]):
        return value
    return builder.apply(arithmetic.add, (value, builder.const(0, value.dtype)), {})
