"""Arrays made of parts: what is written in different places of one array, by slices or a gradient of slices."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from chainrule.ir import Builder, Value
from chainrule.op import Op
from chainrule.ops import arithmetic, shape
from chainrule.spec import numel

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
    apart, _ = shares(zeros, [chain for _, chain in (*left, *right)])
    if not apart:
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


def shares(whole: Value, chains: Sequence[Chain]) -> tuple[bool, bool]:
    """Whether no element of the whole belongs to two of these views of it; and whether each belongs to one."""
    if len(chains) == 1:
        return True, _view(np.broadcast_to(np.uint8(0), whole.shape), chains[0]).size == numel(whole.shape)
    counts = np.zeros(whole.shape, np.uint8)
    for chain in chains:
        part = _view(counts, chain)
        part[...] = np.minimum(part + 1, 2)
    return bool(counts.max(initial=0) < 2), bool(counts.all())


def _view(array: Any, chain: Chain) -> Any:
    for op, params in chain:
        array = op.forward(array, **dict(params))
    return array


def _zero(value: Value) -> bool:
    while value.op is shape.expand:
        value = value.args[0]
    return bool(value.const == 0)


def _plus_zero(builder: Builder, value: Value) -> Value:
    """The value as it is after a sum with 0, which makes −0 a 0."""
    if value.op is arithmetic.add and _zero(value.args[1]):
        return value
    return builder.apply(arithmetic.add, (value, builder.const(0, value.dtype)), {})
