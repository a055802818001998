"""Named rewrites of a graph, each a function of one value. All here are *exact*: safe for NaN, inf and −0.

A rewrite gets the builder, the value's op, its new arguments and parameters, and returns a value or None.
"""

from collections.abc import Callable
from typing import Any

from chainrule.ir import Builder, Graph, Value, check, rebuild
from chainrule.op import Op
from chainrule.ops import arithmetic, elementary, shape

Rewrite = Callable[[Builder, Op, tuple[Value, ...], dict[str, Any]], Value | None]


def plain_power(builder: Builder, op: Op, args: tuple[Value, ...], params: dict[str, Any]) -> Value | None:
    """x ** 1 is x, and x ** −½ is 1 / √x."""
    if op is not arithmetic.pow or args[1].const not in (1, -0.5):
        return None
    if args[1].const == 1:
        return args[0]
    root = builder.apply(elementary.sqrt, args[:1], {})
    return builder.apply(arithmetic.div, (builder.const(1, root.dtype), root), {})


def factor_one(builder: Builder, op: Op, args: tuple[Value, ...], params: dict[str, Any]) -> Value | None:
    """x * 1, 1 * x and x / 1 are x."""
    if op is arithmetic.mul and args[0].const == 1 and not args[0].shape:
        return args[1]
    if op in (arithmetic.mul, arithmetic.div) and args[1].const == 1 and not args[1].shape:
        return args[0]
    return None


def square(builder: Builder, op: Op, args: tuple[Value, ...], params: dict[str, Any]) -> Value | None:
    """x ** 2 is x * x, to the bit."""
    if op is arithmetic.pow and args[1].const == 2 and not args[1].shape:
        return builder.apply(arithmetic.mul, (args[0], args[0]), {})
    return None


def double_negation(builder: Builder, op: Op, args: tuple[Value, ...], params: dict[str, Any]) -> Value | None:
    """−(−x) is x."""
    return args[0].args[0] if op is arithmetic.neg and args[0].op is arithmetic.neg else None


def twice_permuted(builder: Builder, op: Op, args: tuple[Value, ...], params: dict[str, Any]) -> Value | None:
    """Two permutations are one, and one in order is none."""
    if op is not shape.permute:
        return None
    dims = params["dims"]
    if args[0].op is shape.permute:
        inner = args[0].params["dims"]
        return builder.apply(op, args[0].args, {"dims": tuple(inner[d] for d in dims)})
    return args[0] if dims == tuple(range(len(dims))) else None


def twice_reshaped(builder: Builder, op: Op, args: tuple[Value, ...], params: dict[str, Any]) -> Value | None:
    """Two reshapes are one, and one to the same shape is none."""
    if op is not shape.reshape:
        return None
    source = args[0].args[0] if args[0].op is shape.reshape else args[0]
    if source.shape == params["shape"]:
        return source
    return builder.apply(op, (source,), params) if source is not args[0] else None


def cast_to_own(builder: Builder, op: Op, args: tuple[Value, ...], params: dict[str, Any]) -> Value | None:
    """A cast to the dtype that a value has is the value."""
    return args[0] if op is shape.cast and args[0].dtype == params["dtype"] else None


def expanded_operand(builder: Builder, op: Op, args: tuple[Value, ...], params: dict[str, Any]) -> Value | None:
    """An elementwise op broadcasts by itself: expand(x) * y is x * y, if y has the shape of the result."""
    if op.scalar is None or len(args) < 2 or all(a.op is not shape.expand for a in args):
        return None
    return builder.apply(op, [a.args[0] if a.op is shape.expand else a for a in args], params)


EXACT: tuple[Rewrite, ...] = (plain_power, factor_one, double_negation, twice_permuted, twice_reshaped, cast_to_own,
                               expanded_operand)


def rewritten(graph: Graph, rewrites: tuple[Rewrite, ...] = EXACT) -> Graph:
    """The graph with each rewrite tried on each value once, arguments first; checked."""

    def change(builder: Builder, value: Value, args: tuple[Value, ...]) -> Value:
        assert isinstance(value.op, Op)
        for rewrite in rewrites:
            new = rewrite(builder, value.op, args, value.params)
            if new is not None and new.shape == value.shape:
                return new
        return builder.apply(value.op, args, value.params)

    return check(rebuild(graph, change))
