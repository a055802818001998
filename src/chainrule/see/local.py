"""Local derivatives: the op's own rule, evaluated for the number and traced with names for the text."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.expr import spelled, text
from chainrule.ir import INPUT, Builder, Graph, Value, rebuild, run, walk
from chainrule.messages import say
from chainrule.op import Elementwise, Op, Piecewise
from chainrule.ops import arithmetic, comparison
from chainrule.rewrite import rewritten
from chainrule.see.names import symbol
from chainrule.see.quantities import F64, Quantity, is_literal
from chainrule.see.record import show
from chainrule.spec import Spec
from chainrule.symbol import Symbol, emit

Operand = tuple[str, tuple[int, ...], Any]
"""A name ("" for a number), a shape, and the value, an array or a number; None where it is not known."""
NESTED = 40  # ops that are written out in one line
BOOL, WHOLE = np.dtype(bool), np.dtype("int64")


class Written:
    """One application of an op, in names: what it computes, and its derivatives by its inputs."""

    def __init__(self, op: Op, params: Mapping[str, Any], operands: Sequence[Operand], out: Operand):
        self.op, self.params = op, params
        self.builder = Builder()
        self.symbols: dict[Any, Symbol] = {}
        self.values: dict[Value, Any] = {}
        self.inputs = [self._symbol(o, kind_of(op, k)) if o[0] else o[2] for k, o in enumerate(operands)]
        self.out = self._symbol(out, F64)

    def _symbol(self, operand: Operand, dtype: np.dtype[Any]) -> Symbol:
        name, shape, value = operand
        if (name, shape) not in self.symbols:
            made = Symbol(self.builder, self.builder.input(symbol(name), Spec(shape, dtype)))
            self.symbols[name, shape] = made
            self.values[made.value] = value
        return self.symbols[name, shape]

    def forward(self) -> str:
        """What is computed: ``b * c``."""
        inputs = [x.value if isinstance(x, Symbol) else x for x in self.inputs]
        return text(applied(self.builder, self.op, inputs, self.params))

    def derivative(self, i: int) -> str:
        """The derivative by input ``i`` of an op that works element by element."""
        known = self.op.known(self.inputs, self.params, self.out)
        if isinstance(self.op, Piecewise):
            written = ""
            for mask, value in self.op.pieces[i]:
                if mask is None:
                    return written + self._text(value, known)
                written += f"{self._text(value, known)} if {self._text(mask, known)} else "
            return written + "0"
        assert isinstance(self.op, Elementwise)
        return self._text(self.op.local(i, known), known)

    def pulled(self, i: int, lang: str) -> str:
        """The cotangent of input ``i`` as a formula in ``g``, or in words where values only move."""
        inputs = [x.value.spec if isinstance(x, Symbol) and not self.op.by_value(k) else x
                  for k, x in enumerate(self.inputs)]
        g = Symbol(self.builder, self.builder.input("g", self.out.value.spec))
        inner = part = readable(self.op.reverse(i, g, self.op.known(inputs, self.params, self.out)).value, {})
        while isinstance(inner.op, Op) and inner.op.index is not None:
            inner = inner.args[0]
        if spelled(inner) > NESTED:
            return say("long", lang, n=spelled(inner))
        if inner is part:
            return text(part)
        moves = say("repeated" if math.prod(part.shape) > math.prod(inner.shape) else "rearranged", lang)
        return moves if inner.op == INPUT else f"{text(inner)}, {moves}"

    def _text(self, part: Any, known: Mapping[str, Any]) -> str:
        """A rule, or what a rule gave, or a number."""
        given = part(known) if callable(part) else part
        return text(readable(given.value, self.values)) if isinstance(given, Symbol) else show(given)


def applied(builder: Builder, op: Op, inputs: Sequence[Any], params: Mapping[str, Any]) -> Value:
    """An op of values and numbers; a composite as the one op that it is."""
    if op.composite is not None:
        return builder.apply(op, inputs, params)
    return emit(builder, op, inputs, dict(params))


def readable(value: Value, at: Mapping[Value, Any]) -> Value:
    """The same value for a reader.

    ``x * x`` is a square, ``-1 * x`` is ``-x``, and a selection whose condition is known at ``at`` is decided.
    """

    def change(builder: Builder, v: Value, args: tuple[Value, ...]) -> Value:
        assert isinstance(v.op, Op)
        if v.op is comparison.where and (chosen := decided(args[0], at)) is not None:
            return args[1] if chosen else args[2]
        if v.op is arithmetic.mul and args[0] is args[1]:
            return builder.apply(arithmetic.pow, (args[0], builder.const(2, v.dtype)), {})
        if v.op is arithmetic.mul and args[0].const == -1:
            return builder.apply(arithmetic.neg, args[1:], {})
        return builder.apply(v.op, args, v.params)

    inputs = tuple(v for v in walk([value]) if v.op == INPUT)
    return rewritten(rebuild(Graph(inputs, (value,)), change)).outputs[0]


def decided(condition: Value, at: Mapping[Value, Any]) -> bool | None:
    """A condition's truth at the values of its inputs; None where one is not known."""
    inputs = tuple(v for v in walk([condition]) if v.op == INPUT)
    if any(at.get(v) is None for v in inputs):
        return None
    return bool(np.all(run(Graph(inputs, (condition,)), [np.asarray(at[v]) for v in inputs])[0]))


def kind_of(op: Op, k: int) -> np.dtype[Any]:
    """What input ``k`` is read as: a condition, positions, or numbers."""
    return BOOL if k < op.first else F64 if op.promotes or op.differentiable(k) else WHOLE


def operand(q: Quantity) -> Operand:
    """A quantity as an operand."""
    if q.number or (q.invented and is_literal(q)):
        return "", (), q.given if q.number else np.reshape(q.value, ()).item()
    return q.name, q.shape, q.value


def summed_axes(shape: Sequence[int], grown: Sequence[int]) -> tuple[int, ...]:
    """The axes over which broadcasting from ``shape`` to ``grown`` is summed up again."""
    extra = len(grown) - len(shape)
    return tuple(a for a, size in enumerate(grown) if a < extra or (shape[a - extra] == 1 and size != 1))
