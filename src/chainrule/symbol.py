"""The symbolic carrier: the vocabulary over IR values. A rule called with symbols is traced by that."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from chainrule.ir import Builder, Graph, Value
from chainrule.op import Op
from chainrule.ops import shape as shape_ops
from chainrule.spec import Spec, default, promote
from chainrule.vocabulary import Vocabulary


def emit(builder: Builder, op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> Value:
    """The value of ``op`` on values and numbers, with promotion written out as casts."""
    if op.composite is not None:
        op.spec(*[x.spec if isinstance(x, Value) else x for x in inputs], **params)
        carriers = [Symbol(builder, x) if isinstance(x, Value) else x for x in inputs]
        return op.composite(*carriers, **params).value  # type: ignore[no-any-return]
    args = list(inputs)
    if op.promotes and op.promotes != "checked":
        common = promote(args[op.first :])
        if op.promotes == "float" and common.kind not in "fc":
            common = default.dtype
        for k in range(op.first, len(args)):
            if isinstance(args[k], Value) and args[k].dtype != common:
                args[k] = builder.apply(shape_ops.cast, (args[k],), {"dtype": common})
    else:
        common = next(a.dtype for a in args if isinstance(a, Value))
    return builder.apply(op, [a if isinstance(a, Value) else builder.const(a, common) for a in args], params)


class Symbol(Vocabulary):
    """A value that answers to the vocabulary.

    >>> from chainrule.spec import Spec, float32
    >>> from chainrule.symbol import symbols
    >>> (x,) = symbols(x=Spec((3,), float32.numpy))
    >>> (x * 2).value
    <mul float32[3]>
    """

    __slots__ = ("builder", "value")

    def __init__(self, builder: Builder, value: Value):
        self.builder = builder
        self.value = value

    @property
    def shape(self) -> tuple[Any, ...]:
        return self.value.spec.shape

    @property
    def np_dtype(self) -> np.dtype[Any]:
        return self.value.spec.dtype

    dtype = np_dtype

    def _apply(self, op: Op, inputs: Sequence[Any], **params: Any) -> Self:
        if op.composite is not None:
            op.spec(*[x.value.spec if isinstance(x, Symbol) else x for x in inputs], **params)
            return op.composite(*inputs, **params)  # type: ignore[no-any-return]
        values = [x.value if isinstance(x, Symbol) else x for x in inputs]
        return type(self)(self.builder, emit(self.builder, op, values, params))

    def detach(self) -> Self:
        return self

    def _full(self, shape: tuple[Any, ...], number: Any) -> Self:
        return type(self)(self.builder, self.builder.const(number, self.np_dtype)).expand(shape)

    def __repr__(self) -> str:
        return f"Symbol({self.value!r})"


def symbols(builder: Builder | None = None, **specs: Spec) -> list[Symbol]:
    """A symbol per name, all of one builder."""
    builder = builder or Builder()
    return [Symbol(builder, builder.input(name, spec)) for name, spec in specs.items()]


def graph_of(inputs: Sequence[Symbol], outputs: Sequence[Symbol]) -> Graph:
    """The graph from symbols to symbols."""
    return Graph(tuple(s.value for s in inputs), tuple(s.value for s in outputs))
