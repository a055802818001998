"""The op record: what an op computes and, once, its derivative, in the form its kind asks for.

======================  ==========================================  ===================================
kind                    the derivative facet                        so that
======================  ==========================================  ===================================
:class:`Elementwise`    ``d``: the local derivative per input       reverse is g · dᵢ, forward Σ tᵢ · dᵢ
:class:`Piecewise`      ``pieces``: (mask, value) pairs, 0 else     reverse selects, never ``mask * g``
:class:`Linear`         ``transpose``: the adjoint map              forward mode is the op itself
:class:`General`        ``vjp``: one rule per input                 forward mode is derived from it
:class:`Discrete`       none: the output has no derivative          comparisons, rounding to integers
======================  ==========================================  ===================================

A rule is a function in ordinary tensor expressions. It *names* what it needs among ``g`` (what arrived),
``out``, the op's inputs and its parameters; what it does not name is not saved for it. What a linear op is
linear in is given as :class:`~chainrule.spec.Spec`, since its rule may need the shape and never the values;
inputs without a rule (the positions that ``index`` reads at) are given as they are.

``inputs=("x", "*indices")`` takes any number of inputs: ``indices`` is the tuple of all but the first. A rule of a
linear op may name ``i``, the number of the input that it is for.
"""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from chainrule.spec import Spec, bool_, broadcast

Forward = Callable[..., Any]
INFIX = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "**": operator.pow,
         ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "==": operator.eq,
         "!=": operator.ne}


class Rule:
    """A derivative rule, or a part of one, together with the names it asks for."""

    __slots__ = ("function", "names")

    def __init__(self, function: Callable[..., Any]):
        code = function.__code__
        self.function = function
        self.names: tuple[str, ...] = code.co_varnames[: code.co_argcount]

    def __call__(self, known: Mapping[str, Any]) -> Any:
        return self.function(*[known[name] for name in self.names])


@dataclass(frozen=True)
class Sample:
    """Good inputs of an op: arrays (or numbers) by position, parameters by name."""

    inputs: tuple[Any, ...]
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """Bad inputs of an op, the exception they must raise, and words that its message must hold."""

    inputs: tuple[Any, ...]
    error: type[Exception]
    says: str
    params: dict[str, Any] = field(default_factory=dict)


def no_samples() -> Iterable[Any]:
    return ()


# What stands behind an input: a number, a tensor that needs no gradient, a node, a leaf. Only the last two are true.
NUMBER, ABSENT, INNER, LEAF = None, 0, 1, 2
Mask = tuple[int | None, ...]


class Saves(dict[Mask, tuple[tuple[int, ...], bool, int | None] | None]):
    """For each mask, what stands behind the inputs, what a node must keep; None where it leads nowhere.

    That is: which inputs' values the rules need, whether the output's, and the input that leads on to another node,
    if exactly one does.
    """

    def __init__(self, op: "Op"):
        self.op = op

    def __missing__(self, mask: Mask) -> tuple[tuple[int, ...], bool, int | None] | None:
        op = self.op
        asked = [i for i, m in enumerate(mask) if m and op.differentiable(i)]
        named = {n for i in asked for rule in op.rules(i) for n in rule.names}
        values = tuple(i for i, m in enumerate(mask)
                       if m is not None and op.input_name(i) in named and op.by_value(i))
        inner = [i for i, m in enumerate(mask) if m == INNER]
        self[mask] = needs = (values, "out" in named, inner[0] if len(inner) == 1 else None) if asked else None
        return needs


@dataclass(frozen=True, eq=False, kw_only=True)
class Op:
    """What every kind has in common. ``forward`` takes arrays by position and parameters by name."""

    name: str
    forward: Forward
    samples: Callable[[], Iterable[Sample]]
    refuses: Callable[[], Iterable[Refusal]] = no_samples
    inputs: tuple[str, ...] = ("x",)
    spec: Callable[..., Spec]
    infix: str = ""
    promotes: str = ""
    """``"common"``: inputs meet in one dtype; ``"float"``: and that is a floating one; ``""``: as they are;
    ``"checked"``: as they are, if the shape rule accepts their dtypes."""
    refuses_kinds: str = ""
    """The kinds of dtype, by NumPy's letters, that no operand may have."""
    first: int = 0
    """The first input that promotion concerns: a condition stays bool."""
    prepared: Callable[..., Forward] | None = None
    """``forward`` made ready for an input of one spec and given parameters, where a plan can save looking them up."""
    view: bool = False
    """The output shares memory with the first input."""
    scalar: Callable[..., Any] | None = None
    """How one element is computed, in operators and methods of a scalar; for fused loops."""
    index: Callable[..., tuple[Any, ...]] | None = None
    """Which element of the input an output element is: ``index(i, x, **params)``; for fused loops."""
    places: Callable[..., tuple[Any, ...]] | None = None
    """The same where it is read from other inputs: ``places(i, read, x, *positions, **params)``, and ``read(k, j)`` is
    element j of input k."""
    puts: "tuple[Op, str] | None" = None
    """(reads, fold): the second input goes to where ``reads`` looks, over the first input or folded with it."""
    keeps: Callable[..., Any] | None = None
    """Which elements are those of the input, the others being 0: where ``keeps(i, x, **params)`` is at least 0."""
    reduces: str = ""
    """The scalar op that this op folds its input with, over ``params["dim"]``."""
    finds: str = ""
    """The same fold, where this op gives the place of its result: of equals the first, of NaN before any number."""
    scans: str = ""
    """The same along one axis, where every running value is a result; of floats in double precision."""
    sorts: bool = False
    """The result is the places of the elements in order along ``params["dim"]``, NaN last; equals stay in turn."""
    public: str = ""
    """What PyTorch calls the op's node, where that is not the word that was called."""
    library: Callable[..., None] | None = None
    """``library(call, out, *inputs, **params)`` fills ``out`` by ``call(name, *operands)``: NumPy's loop over matrices
    of that name, on views of the inputs and of ``out``; for compiled steps."""
    within: Callable[..., Any] | None = None
    """``within(x, **params)`` leads the first input to where the op is defined, if that is not everywhere: derivatives
    are taken along it."""
    expands: Callable[..., Any] | None = None
    """The op in terms of others, for compiled steps: a graph holds it for what it says to a reader."""
    composite: Callable[..., Any] | None = None
    """The op in terms of others: what it is in a graph, where one op for speed would only be one more to lower."""
    kind: ClassVar[str] = ""
    recorded: bool = field(init=False, repr=False)
    """Is there a derivative with respect to any input?"""
    saves: "Saves" = field(init=False, repr=False)

    def __repr__(self) -> str:
        return f"<{self.kind} op {self.name}>"

    def along(self, *inputs: Any, **params: Any) -> Any:
        """``forward`` where single elements are moved, for differences."""
        return self.forward(*self.led(inputs, params), **params)

    def led(self, inputs: Sequence[Any], params: Mapping[str, Any]) -> Sequence[Any]:
        """The inputs, the first one led to where the op is defined."""
        return (self.within(inputs[0], **params), *inputs[1:]) if self.within else inputs

    def rules(self, i: int) -> Sequence[Rule]:
        """The rules that the derivative with respect to input ``i`` is made of."""
        raise NotImplementedError

    def differentiable(self, i: int) -> bool:
        """Is there a derivative with respect to input ``i``? It may be 0 everywhere."""
        return True

    def reverse(self, i: int, g: Any, known: Mapping[str, Any]) -> Any:
        """The cotangent of input ``i`` from the cotangent ``g`` of the output, not yet un-broadcast."""
        raise NotImplementedError

    def __post_init__(self) -> None:
        recorded = any(map(self.differentiable, range(len(self.inputs))))
        for name, value in (("saves", Saves(self)), ("recorded", recorded)):
            object.__setattr__(self, name, value)

    def input_name(self, i: int) -> str:
        """What a rule calls input ``i``."""
        return self.inputs[min(i, len(self.inputs) - 1)].removeprefix("*")

    def by_value(self, i: int) -> bool:
        """Does a rule that names input ``i`` get its value, or only its spec?"""
        return True

    def known(self, inputs: Sequence[Any], params: Mapping[str, Any], out: Any = None) -> dict[str, Any]:
        """What a rule may name, apart from ``g``."""
        *first, last = self.inputs
        if last.startswith("*"):
            inputs = (*inputs[: len(first)], tuple(inputs[len(first) :]))
        return {**dict(zip((*first, last.removeprefix("*")), inputs, strict=False)), **params, "out": out}


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Elementwise(Op):
    """out[k] = f(x[k], y[k], ...): one local derivative per input, a rule or a constant.

    A rule that names ``g`` gives the product with it: ``g / y`` rounds once, ``g * (1 / y)`` twice. Being linear
    in ``g`` element by element, it serves forward mode with the tangent in place of ``g``, and gives ∂ at 1.
    """

    d: tuple[Any, ...]
    kind: ClassVar[str] = "elementwise"

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


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Piecewise(Op):
    """Elementwise, with a derivative that is a number or an expression where a mask holds, the first that does.

    Elsewhere it is 0, or the value that goes with the mask None. What NaN is to get decides which is written: a
    comparison with it never holds.
    """

    pieces: tuple[Sequence[tuple[Rule | None, Any]], ...]
    kind: ClassVar[str] = "piecewise"

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


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Linear(Op):
    """Linear in all inputs that have a rule, together; ``transpose`` is its adjoint, one rule per input or None."""

    transpose: tuple[Rule | None, ...]
    kind: ClassVar[str] = "linear"

    def rules(self, i: int) -> Sequence[Rule]:
        rule = self.transpose[min(i, len(self.transpose) - 1)]
        return [rule] if rule is not None else []

    def differentiable(self, i: int) -> bool:
        return bool(self.rules(i))

    def by_value(self, i: int) -> bool:
        return not self.rules(i)

    def reverse(self, i: int, g: Any, known: Mapping[str, Any]) -> Any:
        return self.rules(i)[0]({**known, "g": g, "i": i})


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class General(Op):
    """Any other differentiable op: one reverse rule per input, or None where there is no derivative."""

    vjp: tuple[Rule | None, ...]
    kind: ClassVar[str] = "general"

    def rules(self, i: int) -> Sequence[Rule]:
        rule = self.vjp[i]
        return [rule] if rule is not None else []

    def differentiable(self, i: int) -> bool:
        return self.vjp[i] is not None

    def reverse(self, i: int, g: Any, known: Mapping[str, Any]) -> Any:
        rule = self.vjp[i]
        return rule({**known, "g": g}) if rule is not None else None


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Discrete(Op):
    """An op whose output cannot carry a derivative."""

    kind: ClassVar[str] = "discrete"

    def rules(self, i: int) -> Sequence[Rule]:
        return []

    def differentiable(self, i: int) -> bool:
        return False


FACETS = {Elementwise: "d", Piecewise: "pieces", Linear: "transpose", General: "vjp"}


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
