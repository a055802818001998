"""Every op × sample × reading; the record and the vocabulary agree; a broken rule is noticed."""

import ast
import dataclasses
import operator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import chainrule
from chainrule import testing
from chainrule.compiler.scalar import OPERATIONS
from chainrule.ir import Builder
from chainrule.op import (
    FACETS,
    Discrete,
    Elementwise,
    General,
    Linear,
    Piecewise,
    Refusal,
    Rule,
    Sample,
    discrete,
    elementwise,
    general,
    linear,
    piecewise,
)
from chainrule.ops import ALL
from chainrule.ops.sampling import array, binary, unary
from chainrule.ops.shape import slice_
from chainrule.spec import Spec
from chainrule.symbol import Symbol
from chainrule.testing import READINGS, check_op, check_record, check_refusal, complaints, described

OPS = list(ALL.values())
CASES = [(op, sample) for op in OPS for sample in op.samples()]
REFUSALS = [(op, refusal) for op in OPS for refusal in op.refuses()]
ids = "{0.name}{1}".format


@pytest.mark.parametrize("reading", READINGS.values(), ids=READINGS)
@pytest.mark.parametrize(("op", "sample"), CASES, ids=[ids(op, described(s)) for op, s in CASES])
def test_reading(op, sample, reading):
    reading(op, sample)


@pytest.mark.parametrize(("op", "refusal"), REFUSALS, ids=[ids(op, described(r)) for op, r in REFUSALS])
def test_refusal(op, refusal):
    check_refusal(op, refusal)


@pytest.mark.parametrize("op", OPS, ids=ALL)
def test_record(op):
    check_record(op)


@pytest.mark.parametrize("op", OPS, ids=ALL)
def test_no_record_has_two_derivative_facets(op):
    """Looked at from outside check_record: by the fields of the class and by what the instance holds."""
    facets = {"d", "pieces", "transpose", "vjp"}
    assert set(FACETS.values()) == facets
    assert type(op) in (*FACETS, Discrete)
    held = facets & {*vars(op), *(f.name for f in dataclasses.fields(op))}
    assert held == ({FACETS[type(op)]} if type(op) in FACETS else set())


def test_each_record_is_listed_under_its_name_once():
    assert all(op.name == name for name, op in ALL.items())
    assert len({id(op) for op in OPS}) == len(ALL) >= 20


# -- the vocabulary --------------------------------------------------------------------------------------------------


class Recorder(Symbol):
    """A carrier that notes which ops its words apply."""

    __slots__ = ()
    applied: ClassVar[list] = []

    def _apply(self, op, inputs, **params):
        before = len(self.applied)
        out = super()._apply(op, inputs, **params)
        self.applied[before:] = [op]  # a composite counts as one
        return out


def applied_by_words():
    """Word -> the sequences of ops that it applies, for all the arguments out of a few that it takes."""
    made = Builder()
    f64 = np.dtype("float64")
    matrix, vector, square, pair = (
        Recorder(made, made.input("x", Spec(s, f64))) for s in ((2, 3), (3,), (2, 2), (2,)))
    mask = matrix > 0
    ints, pairs = (Recorder(made, made.input("i", Spec(s, np.dtype("int64")))) for s in ((2,), (2, 3)))
    part = ((slice_, (("key", (0,)),)),)
    trials = [(), (matrix,), (2.0,), (0,), (0, 1), (0, 0), (0, 0, 1), ((3, 2),), ((1, 0),), ((2, 2, 3),), (part,),
              (square,), (np.dtype("float32"),), (mask, 0.0), (vector, part), ((2, 3, 1), (2,), False),
              (square, vector), (matrix, pair), (0, pairs), (0, pairs, 1.0), (0, ints, matrix), ((ints,), (0,)),
              (0.0, (ints,), (0,)), ((ints,), matrix),
              ((0,), (2,), (1,), (1,)), ((4,), (0,), (1,), (1,))]
    found = {}
    for kind in type(matrix).__mro__:
        if kind.__module__.startswith("chainrule.vocabulary"):
            for word, value in vars(kind).items():
                if word in dir(object) and not isinstance(getattr(operator, word, None), type(len)):
                    continue
                for subject in (matrix, vector, square, mask):
                    for trial in [()] if isinstance(value, property) else trials:
                        Recorder.applied = []
                        try:
                            got = getattr(subject, word)
                            _ = got if isinstance(value, property) else got(*trial)
                        except (RuntimeError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError):
                            continue
                        found.setdefault(word, set()).add(tuple(Recorder.applied))
    return found


@pytest.mark.filterwarnings("ignore:var. degrees of freedom")
def test_record_and_vocabulary_agree():
    words = applied_by_words()
    reached = {op for sequences in words.values() for sequence in sequences for op in sequence}
    assert reached <= set(OPS), "a word applies an op that is not in ops.ALL"
    alone = {op: {word for word, sequences in words.items() if (op,) in sequences} for op in OPS}
    assert [op.name for op in OPS if not alone[op]] == [], "records that no word of the vocabulary applies"
    for name, op in ALL.items():
        if name in words:
            assert name in alone[op], f"the word {name} does not apply the op {name}, but {words[name]}"


def test_every_word_works_as_method_and_where_pytorch_has_it_as_function():
    for name, op in ALL.items():
        method = getattr(chainrule.Tensor, name, None) or chainrule.Tensor.__getitem__
        assert callable(method), name
        if op.scalar is not None and not isinstance(op, Discrete) and name not in ("cast", "where"):
            assert callable(getattr(chainrule, name)), f"torch.{name} is missing"
            assert callable(getattr(chainrule.Tensor, name + "_")), f"Tensor.{name}_ is missing"


SOURCE = Path(chainrule.__file__).parent
# Languages of their own, whose words happen to be spelled like ops.
OTHER_LANGUAGES = {"expr.py": "LaTeX's commands", "nn/functional/__init__.py": "what PyTorch has there",
                   "linalg/__init__.py": "what PyTorch has there"}


def name_lists(tree):
    """(line, names) for everything in a program that lists strings."""
    for node in ast.walk(tree):
        match node:
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                lists = [parts]
            case ast.Dict(keys=keys, values=values):
                lists = [keys, values]
            case ast.Match(cases=cases):
                lists = [[pattern for case in cases for pattern in ast.walk(case.pattern)]]
            case ast.Compare(comparators=parts) if all(isinstance(p, ast.Constant) for p in parts):
                continue
            case ast.Constant(value=str(text)):
                words = text.split()
                if sum(word in ALL for word in words) > len(words) / 2:  # a sentence may speak of a sum
                    yield node.lineno, set(words)
                continue
            case _:
                continue
        for parts in lists:
            values = [p.value if isinstance(p, ast.MatchValue) else p for p in parts]
            yield node.lineno, {v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str)}


def second_lists(source):
    for path in sorted(source.rglob("*.py")):
        inside = path.relative_to(source)
        if inside.parts[0] == "ops" or str(inside) in OTHER_LANGUAGES:
            continue
        for line, names in name_lists(ast.parse(path.read_text(encoding="utf-8"))):
            hits = names & set(ALL)
            if inside.parts[0] == "compiler":  # the instructions of its loop IR, which has one list of them
                hits -= set(OPERATIONS)
            if len(hits) >= 4:
                yield f"{inside}:{line}: {', '.join(sorted(hits))}"


def test_there_is_no_second_list_of_op_names():
    assert list(second_lists(SOURCE)) == []


@pytest.mark.parametrize(
    "text",
    ["X = ['sin', 'cos', 'exp', 'log']", "X = {'sin': 1, 'cos': 2, 'exp': 3, 'log': 4}",
     "X = 'sin cos exp log'.split()", "X = {1: 'sin', 2: 'cos', 3: 'exp', 4: 'log'}",
     "match x:\n case 'sin': pass\n case 'cos': pass\n case 'exp' | 'log': pass"],
)  # fmt: skip
def test_a_second_list_is_found(tmp_path, text):
    (tmp_path / "see.py").write_text(text, encoding="utf-8")
    (found,) = second_lists(tmp_path)
    assert found == "see.py:1: cos, exp, log, sin"


# -- the tests of the tests ------------------------------------------------------------------------------------------


def scaled(rule):
    """A rule, or a constant, 0.1 % too large."""
    if not isinstance(rule, Rule):
        return rule * 1.001
    wrong = Rule.__new__(Rule)
    wrong.names = rule.names
    wrong.function = lambda *known: rule.function(*known) * 1.001
    return wrong


def broken(op, i):
    """``op`` with the derivative for input ``i`` 0.1 % wrong, or None where there is nothing to scale."""
    facet = FACETS.get(type(op))
    if facet is None:
        return None
    rules = list(getattr(op, facet))
    before = rules[i]
    if isinstance(op, Piecewise):
        rules[i] = [(mask, scaled(value)) for mask, value in before]
    elif before is not None and (isinstance(before, Rule) or before != 0):
        rules[i] = scaled(before)
    return dataclasses.replace(op, **{facet: tuple(rules)}) if rules[i] != before else None


BREAKS = [(op, i) for op in OPS for i in range(len(op.inputs)) if broken(op, i) is not None]


@pytest.mark.parametrize(("op", "i"), BREAKS, ids=[f"{op.name}-{op.input_name(i)}" for op, i in BREAKS])
def test_a_rule_that_is_one_per_mille_wrong_is_noticed(op, i):
    wrong = broken(op, i)
    with pytest.raises(AssertionError, match="the central difference gives"):
        check_op(wrong)
    assert any(f", reverse: d {op.input_name(i)} " in complaint for complaint in complaints(wrong))


def test_what_cannot_be_broken_has_no_derivative():
    whole = set(OPS) - {op for op, _ in BREAKS}
    flat = {op for op in OPS if isinstance(op, Elementwise) and set(op.d) == {0}}
    assert whole == {op for op in OPS if isinstance(op, Discrete)} | flat
    assert {"sign", "round", "floor_divide"} <= {op.name for op in flat}


sin, DOUBLE = ALL["sin"], np.dtype("float64")
WRONG = {
    "no samples": (dataclasses.replace(sin, samples=list), "record: there are no samples"),
    "spec": (dataclasses.replace(sin, spec=lambda x: Spec((*x.shape, 1), x.dtype)), "spec: spec says"),
    "spec's dtype": (dataclasses.replace(sin, spec=lambda x: Spec(x.shape, np.dtype("float64"))), "spec: spec says"),
    "undefined at a sample": (dataclasses.replace(ALL["log"], samples=unary), "finite: the forward gives"),
    "writes to its input": (
        elementwise("halve", lambda x: np.multiply(x, 0.5, out=x) * 1, (0.5,), samples=unary),
        "finite: the forward changed its input",
    ),
    "a view that says it is none": (dataclasses.replace(ALL["reshape"], view=False), "memory: not declared a view"),
    "no view that says it is one": (dataclasses.replace(ALL["cast"], view=True), "memory: declared a view"),
    "index": (dataclasses.replace(ALL["permute"], index=lambda i, x, dims: i[:1] * len(dims)), "index: "),
    "derivative of a function that has one": (
        general("third", lambda x: x**3, (None,), spec=sin.spec, promotes="float", samples=unary), "reverse: d x"),
    "a linear op that is not": (
        linear("shift", lambda x: x + 1, lambda g: g, spec=sin.spec, samples=unary), "forward: a linear op"),
    "a mask upside down": (
        piecewise("relu", lambda x: np.maximum(x, 0), ([(lambda x: x < 0, 1)],), samples=unary), "reverse: d x"),
    "a value that is no rule of the input": (
        elementwise("cube", lambda x: x**3, (lambda x: (x * x * 3).detach(),), samples=unary), "second: "),
    "NumPy in a rule": (
        elementwise("sine", np.sin, (lambda x: np.cos(x),), samples=unary), "record: the rule for x uses NumPy (np)"),
    "a name that is not there": (
        elementwise("sine", np.sin, (lambda z: z.cos(),), samples=unary), "the rule for x asks for ['z']"),
    "too few rules": (
        elementwise("plus", operator.add, (1,), inputs=("x", "y"), samples=binary), "one entry per input ('x', 'y')"),
    "double precision in a rule": (
        general("twice", lambda x: 2 * x, (lambda g: g.cast(DOUBLE) * 2,), spec=sin.spec, promotes="float",
                samples=unary), "is float64"),
    "accepts what it should refuse": (
        dataclasses.replace(sin, refuses=lambda: [Refusal((array(3),), RuntimeError, "no")]), "should raise RuntimeEr"),
    "refuses in other words": (
        dataclasses.replace(ALL["add"], refuses=lambda: [Refusal((array(3), array(4)), RuntimeError, "Katze")]),
        "does not say 'Katze'"),
    "refuses with another exception": (
        dataclasses.replace(ALL["add"], refuses=lambda: [Refusal((array(3), array(4)), TypeError, "fit")]),
        "refusal 0 (3, 4): raises ShapeError"),
    "a shape rule that accepts": (
        discrete("less", operator.lt, 2, spec=lambda x, y: Spec((3,), np.dtype(bool)), samples=binary,
                 refuses=lambda: [Refusal((array(3), array(4)), RuntimeError, "less")]), "a compiled step would"),
}  # fmt: skip


@pytest.mark.parametrize(("op", "says"), WRONG.values(), ids=WRONG)
def test_check_op_says_what_is_wrong(op, says):
    with pytest.raises(AssertionError) as caught:
        check_op(op)
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"check_op({op.name}): ")


def test_two_derivative_facets_are_noticed():
    class Both(Elementwise):
        vjp = ()

    both = Both(name="both", forward=np.sin, samples=unary, spec=sin.spec, d=sin.d)
    assert "derivative facets ['d', 'vjp']" in next(complaints(both))


def test_an_op_of_ones_own_passes():
    softplus = elementwise("softplus", lambda x: np.log1p(np.exp(x)), (lambda x: x.sigmoid(),), samples=unary,
                           scalar=None)  # fmt: skip
    check_op(softplus)
    check_op(general("outer", np.outer, (lambda g, y: g @ y, lambda g, x: x @ g), inputs=("x", "y"),
                     spec=lambda x, y: Spec((*x.shape, *y.shape), x.dtype),
                     samples=lambda: [Sample((array(1), array(1, seed=1)))]))  # fmt: skip


def test_kinks_follow_pytorch():
    """Where left and right differ no central difference can tell: this is the convention, by hand."""
    def slope(word, *at):
        xs = [chainrule.tensor(x, requires_grad=True) for x in at]
        return [g.item() for g in chainrule.autograd.grad(getattr(xs[0], word)(*xs[1:]), xs)]

    assert slope("relu", 0.0) == slope("abs", 0.0) == slope("sign", 0.0) == [0]
    assert slope("maximum", 1.0, 1.0) == slope("minimum", 1.0, 1.0) == [0.5, 0.5]
    assert slope("clamp", 1.0, 2.0)[0] == 0
    assert slope("pow", 0.0, 0.0) == [0, 0]
    assert slope("pow", 0.0, 2.0) == [0, 0]


def test_public_names_of_testing():
    assert testing.gradcheck is chainrule.autograd.gradcheck
    assert testing.gradgradcheck is chainrule.autograd.gradgradcheck
    assert {type(op) for op in OPS} == {Elementwise, Piecewise, Linear, General, Discrete}
