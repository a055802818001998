"""The intermediate representation: hash-consed values, and graphs of them.

A :class:`Value` is an op applied to values, a named input or a constant; equal values made by one
:class:`Builder` are one object. It has the ``shape`` and ``dtype`` of the array that it stands for. What can be
done with values (run, written as NumPy, printed, lowered to loops, simplified) is written over this one form.
"""

import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.errors import TraceError
from chainrule.op import Op
from chainrule.spec import Spec

INPUT, CONST = "input", "const"
ESCAPED = (
    "compile: this tensor was made while a step was traced, and has no value: it was kept by something outside the "
    "step (a list, a global, an attribute). Return it from the step instead"
)


class Value:
    """One value of a graph. ``op`` is an op record, ``"input"`` or ``"const"``."""

    __slots__ = ("args", "op", "params", "serial", "spec")
    _serials = itertools.count()

    def __init__(self, op: Op | str, args: tuple["Value", ...], params: dict[str, Any], spec: Spec):
        self.op = op
        self.args = args
        self.params = params
        self.spec = spec
        self.serial = next(Value._serials)

    @property
    def shape(self) -> tuple[Any, ...]:
        return self.spec.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.spec.dtype

    @property
    def ndim(self) -> int:
        return len(self.spec.shape)

    @property
    def name(self) -> str:
        """``sin`` of an op, ``input``, or ``const``."""
        return self.op if isinstance(self.op, str) else self.op.name

    @property
    def const(self) -> Any:
        """The number or symbolic size that a constant stands for, else None."""
        return self.params["value"] if self.op == CONST else None

    def __repr__(self) -> str:
        return f"<{self.name} {self.spec}>"

    def _escaped(self, *args: Any, **kwargs: Any) -> Any:
        raise TraceError(ESCAPED)

    __array_ufunc__ = __array__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _escaped
    __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __neg__ = __bool__ = __float__ = __int__ = _escaped
    item = tolist = astype = reshape = transpose = size = take = property(_escaped)


class Closed(dict[Hashable, Value]):
    """The table of a builder whose trace is over."""

    def __contains__(self, key: object) -> bool:
        raise TraceError(ESCAPED)


class Builder:
    """Makes values; the same op on the same values with the same parameters is made once."""

    def __init__(self) -> None:
        self.made: dict[Hashable, Value] = {}

    def input(self, name: str, spec: Spec) -> Value:
        """A new input: each call makes another one."""
        return Value(INPUT, (), {"name": name}, spec)

    def const(self, value: Any, dtype: np.dtype[Any]) -> Value:
        """A number or symbolic size, read in ``dtype``."""
        key = (CONST, type(value), value if value == value and value != 0 else repr(value), dtype)
        return self._once(key, CONST, (), {"value": value}, Spec((), dtype))

    def apply(self, op: Op, args: Sequence[Value], params: Mapping[str, Any]) -> Value:
        """``op`` of ``args``; raises what the op's shape rule raises."""
        key = (op, *args, *sorted(params.items()))
        if key in self.made:
            return self.made[key]
        return self._once(key, op, tuple(args), dict(params), op.spec(*[a.spec for a in args], **params))

    def close(self) -> None:
        """Let nothing more be made: the trace is over."""
        self.made = Closed()

    def _once(self, key: Hashable, op: Op | str, args: tuple[Value, ...], params: dict[str, Any], spec: Spec) -> Value:
        if key not in self.made:
            self.made[key] = Value(op, args, params, spec)
        return self.made[key]


def walk(outputs: Iterable[Value]) -> list[Value]:
    """All values that the outputs need, each after its arguments; in the order in which they were made."""
    seen = set(outputs)
    stack = list(seen)
    while stack:
        for arg in stack.pop().args:
            if arg not in seen:
                seen.add(arg)
                stack.append(arg)
    return sorted(seen, key=lambda v: v.serial)


@dataclass(frozen=True, eq=False)
class Graph:
    """Values to compute, and the inputs that they are computed from, in order."""

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    values: list[Value] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", walk((*self.inputs, *self.outputs)))

    def __str__(self) -> str:
        """One line per value: ``%2 = mul(%0, %1) : float32[3]``."""
        number = {v: f"%{k}" for k, v in enumerate(self.values)}

        def line(v: Value) -> str:
            inside = [*(number[a] for a in v.args), *(f"{k}={p}" for k, p in v.params.items())]
            return f"{number[v]} = {v.name}({', '.join(inside)}) : {v.spec}"

        returned = ", ".join(number[v] for v in self.outputs)
        return "\n".join([*map(line, self.values), f"return {returned}"])

    def __iter__(self) -> Iterator[Value]:
        return iter(self.values)


def check(graph: Graph) -> Graph:
    """The graph itself, if every value has the spec that its op gives and every input is listed; else ValueError."""
    for value in graph.values:
        if value.op == INPUT and value not in graph.inputs:
            raise ValueError(f"check: the input {value.params['name']!r} is used but not listed")
        if isinstance(value.op, Op):
            expected = value.op.spec(*[a.spec for a in value.args], **value.params)
            if expected != value.spec:
                raise ValueError(f"check: {value.name} gives {expected}, the graph says {value.spec}")
    return graph


def rebuild(graph: Graph, change: Callable[[Builder, Value, tuple[Value, ...]], Value]) -> Graph:
    """The graph made again, with ``change(builder, value, new_args)`` in place of each op value."""
    builder, new = Builder(), {v: v for v in graph.inputs}
    for value in graph.values:
        if value.op == CONST:
            new[value] = builder.const(value.const, value.dtype)
        elif value.op != INPUT:
            new[value] = change(builder, value, tuple(new[a] for a in value.args))
    return Graph(graph.inputs, tuple(new[v] for v in graph.outputs))


def run(graph: Graph, arrays: Sequence[Any], size: Mapping[str, int] | None = None) -> list[Any]:
    """Interpret the graph with NumPy, op by op: what a graph means."""
    found: dict[Value, Any] = dict(zip(graph.inputs, arrays, strict=True))
    for value in graph.values:
        if value.op == CONST:
            found[value] = np.asarray(value.const, value.dtype)
        elif isinstance(value.op, Op):
            found[value] = value.op.forward(*[found[a] for a in value.args], **value.params)
    return [found[v] for v in graph.outputs]
