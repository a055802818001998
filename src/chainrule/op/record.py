"""The op record itself, and what goes with it: rules, samples, what a node must keep."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from chainrule.spec import Spec

Forward = Callable[..., Any]


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


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
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
