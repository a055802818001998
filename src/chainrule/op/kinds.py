"""The kinds of op, each with the derivative facet of its own, and the functions that make records of them."""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from chainrule.op.record import Forward, Op, Rule
from chainrule.spec import Spec, bool_, broadcast

INFIX = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "**": operator.pow,
         ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "==": operator.eq,
         "!=": operator.ne}


class Kind(Op):
    """An op that has a derivative, said by the one facet that its kind adds."""

    facet: ClassVar[str]

    def __init__(self, **facets: Any):  # once: what dataclass would write for each kind costs every start a millisecond
        object.__setattr__(self, self.facet, facets.pop(self.facet))
        super().__init__(**facets)


@dataclass(init=False, frozen=True, eq=False, kw_only=True, repr=False)
class Elementwise(Kind):
    """out[k] = f(x[k], y[k], ...): one local derivative per input, a rule or a constant.

    A rule that names ``g`` gives the product with it: ``g / y`` rounds once, ``g * (1 / y)`` twice. Being linear
    in ``g`` element by element, it serves forward mode with the tangent in place of ``g``, and gives ∂ at 1.
    """

    d: tuple[Any, ...]
    kind: ClassVar[str] = "elementwise"
    facet: ClassVar[str] = "d"

    def rules(self, i: int) -> Sequence[Rule]:
        return [self.d[i]] if isinstance(self.d[i], Rule) else []

    def local(self, i: int, known: Mapping[str, Any]) -> Any:
        """∂out/∂xᵢ, element by element."""
        return self.d[i]({"g": 1, **known}) if isinstance(self.d[i], Rule) else self.d[i]

    def reverse(self, i: int, g: Any, known: Mapping[str, Any]) -> Any:
        rule = self.d[i]
        if isinstance(rule, Rule) and "g" in rule.names:
            return rule({**known, "g": g})
        return times(g, self.local(i, known))


@dataclass(init=False, frozen=True, eq=False, kw_only=True, repr=False)
class Piecewise(Kind):
    """Elementwise, with a derivative that is a number or an expression where a mask holds, the first that does.

    Elsewhere it is 0, or the value that goes with the mask None. What NaN is to get decides which is written: a
    comparison with it never holds.
    """

    pieces: tuple[Sequence[tuple[Rule | None, Any]], ...]
    kind: ClassVar[str] = "piecewise"
    facet: ClassVar[str] = "pieces"

    def rules(self, i: int) -> Sequence[Rule]:
        return [rule for pair in self.pieces[i] for rule in pair if isinstance(rule, Rule)]

    def differentiable(self, i: int) -> bool:
        return bool(self.pieces[i])

    def reverse(self, i: int, g: Any, known: Mapping[str, Any]) -> Any:
        result: Any = 0
        for mask, value in reversed(self.pieces[i]):
            if value == 0:
                result = result.masked_fill(mask(known), 0)
            else:
                chosen = times(g, value(known) if isinstance(value, Rule) else value)
                result = chosen if mask is None else chosen.where(mask(known), result)
        return result


@dataclass(init=False, frozen=True, eq=False, kw_only=True, repr=False)
class Linear(Kind):
    """Linear in all inputs that have a rule, together; ``transpose`` is its adjoint, one rule per input or None."""

    transpose: tuple[Rule | None, ...]
    kind: ClassVar[str] = "linear"
    facet: ClassVar[str] = "transpose"

    def rules(self, i: int) -> Sequence[Rule]:
        rule = self.transpose[min(i, len(self.transpose) - 1)]
        return [rule] if rule is not None else []

    def differentiable(self, i: int) -> bool:
        return bool(self.rules(i))

    def by_value(self, i: int) -> bool:
        return not self.rules(i)

    def reverse(self, i: int, g: Any, known: Mapping[str, Any]) -> Any:
        return self.rules(i)[0]({**known, "g": g, "i": i})


@dataclass(init=False, frozen=True, eq=False, kw_only=True, repr=False)
class General(Kind):
    """Any other differentiable op: one reverse rule per input, or None where there is no derivative."""

    vjp: tuple[Rule | None, ...]
    kind: ClassVar[str] = "general"
    facet: ClassVar[str] = "vjp"

    def rules(self, i: int) -> Sequence[Rule]:
        rule = self.vjp[i]
        return [rule] if rule is not None else []

    def differentiable(self, i: int) -> bool:
        return self.vjp[i] is not None

    def reverse(self, i: int, g: Any, known: Mapping[str, Any]) -> Any:
        rule = self.vjp[i]
        return rule({**known, "g": g}) if rule is not None else None


class Discrete(Op):
    """An op whose output cannot carry a derivative."""

    kind: ClassVar[str] = "discrete"

    def rules(self, i: int) -> Sequence[Rule]:
        return []

    def differentiable(self, i: int) -> bool:
        return False


FACETS: dict[type[Op], str] = {kind: kind.facet for kind in (Elementwise, Piecewise, Linear, General)}


def times(g: Any, factor: Any) -> Any:
    """g · factor, where a factor 1, −1 or 0 is no multiplication."""
    if isinstance(factor, (int, float)):
        if factor == 1:
            return g
        if factor == -1:
            return -g
        if factor == 0:
            return g.new_zeros(g.shape)
    return g * factor


def elementwise(name: str, forward: Forward, d: tuple[Any, ...], **facets: Any) -> Elementwise:
    rules = tuple(Rule(f) if callable(f) else f for f in d)
    return Elementwise(name=name, forward=forward, d=rules, **_mapped(name, len(d), facets))


def piecewise(name: str, forward: Forward, pieces: tuple[Any, ...], **facets: Any) -> Piecewise:
    made = tuple([(m and Rule(m), Rule(v) if callable(v) else v) for m, v in pairs] for pairs in pieces)
    return Piecewise(name=name, forward=forward, pieces=made, **_mapped(name, len(pieces), facets))


def discrete(name: str, forward: Forward, arity: int = 1, **facets: Any) -> Discrete:
    return Discrete(name=name, forward=forward, **_mapped(name, arity, {"spec": bool_spec, **facets}))


def linear(name: str, forward: Forward, transpose: Any, **facets: Any) -> Linear:
    rules = tuple(f and Rule(f) for f in (transpose if isinstance(transpose, tuple) else (transpose,)))
    return Linear(name=name, forward=forward, transpose=rules, **facets)


def general(name: str, forward: Forward, vjp: tuple[Any, ...], **facets: Any) -> General:
    return General(name=name, forward=forward, vjp=tuple(f and Rule(f) for f in vjp), **facets)


def _mapped(name: str, arity: int, facets: dict[str, Any]) -> dict[str, Any]:
    """The facets that all elementwise kinds default: input names, shape rule, promotion, the scalar op."""
    infix = facets.get("infix", "")
    scalar = INFIX[infix] if infix in INFIX else operator.methodcaller(name) if arity == 1 else None
    return {"inputs": ("x", "y", "z")[:arity], "spec": same_spec, "promotes": "float", "scalar": scalar, **facets}


def same_spec(*inputs: Any, **params: Any) -> Spec:
    """Broadcast shape, common dtype."""
    specs = [x for x in inputs if hasattr(x, "dtype")]
    return Spec(broadcast(*[x.shape for x in specs]), specs[-1].dtype)


def bool_spec(*inputs: Any, **params: Any) -> Spec:
    return Spec(same_spec(*inputs).shape, bool_.numpy)


def spec_of(array: Any) -> Spec:
    return Spec(np.shape(array), np.asarray(array).dtype)
