"""Formulas: what is read, what it is worth, and what is told about what cannot be read."""

import numpy as np
import pytest

import chainrule as torch
from chainrule.errors import FormulaError
from chainrule.formula import Formula
from chainrule.op import Discrete, Elementwise, Piecewise
from chainrule.ops import ALL
from chainrule.spec import Spec, float64
from chainrule.symbol import symbols

X, A = np.array([1.0, 2.0]), np.array([[1.0, 2.0], [3.0, 4.0]])


def value(text, **more):
    found = Formula(text).evaluate({"x": torch.from_numpy(X), "A": torch.from_numpy(A), **more})
    return found.numpy() if isinstance(found, torch.Tensor) else found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3*(1 + 2*4)", 27),
        ("-2**2", -4),
        ("2**-1", 0.5),
        ("2**3**2", 512),
        ("1/0", np.inf),
        ("9**9**9**9", np.inf),
        ("2 > 1", True),
        ("-x + 3", -X + 3),
        ("x/x**2", 1 / X),
        ("A @ x", A @ X),
        ("x @ A.T @ x", X @ A.T @ X),
        ("A.mT", A.T),
        ("sin(x) * exp(-x)", np.sin(X) * np.exp(-X)),
        ("norm(x)**2", 5),
        ("sum(A, dim=0)", A.sum(0)),
        ("A.sum(dim=(0, 1))", A.sum()),
        ("where(x > 1, x, 0)", [0, 2]),
        ("x.where(x > 1, 0)", [0, 2]),
        ("maximum(x, 1.5)", [1.5, 2]),
        ("clamp(x, min=1.5)", [1.5, 2]),
        ("~(x > 1)", [True, False]),
        ("A[0, 1:]", [2]),
        ("A[..., -1]", [2, 4]),
        ("x[None]", [X]),
        ("expand(1, 2, 3)", np.ones((2, 3))),
        ("pi * x", np.pi * X),
        ("sin(0.5)", np.sin(0.5)),
    ],
)
def test_value(text, expected):
    np.testing.assert_allclose(value(text), expected, rtol=1e-12)


ELEMENTWISE = [op for op in ALL.values() if isinstance(op, (Elementwise, Piecewise))
               or (isinstance(op, Discrete) and op.scalar is not None)]  # fmt: skip


@pytest.mark.parametrize("op", ELEMENTWISE)
def test_every_elementwise_op_is_a_function_of_its_inputs_in_the_records_order(op):
    for sample in op.samples():
        arrays = {name: a if isinstance(a, float) else torch.from_numpy(np.asarray(a))
                  for name, a in zip("abc", sample.inputs, strict=False)}  # fmt: skip
        found = Formula(f"{op.name}({', '.join(arrays)})").evaluate(arrays)
        np.testing.assert_allclose(found.numpy(), op.forward(*sample.inputs), rtol=1e-12)


def test_names_in_order_of_appearance_without_functions_and_constants():
    assert Formula("sum(b * a) + pi * a - c.sum(dim=d)").names == ("b", "a", "c", "d")


def test_symbols_are_traced():
    (x,) = symbols(x=Spec((3,), float64.numpy))
    assert Formula("sum(x * 2)").evaluate({"x": x}).shape == ()


def test_gradients_flow_through_a_formula():
    a = torch.tensor(5.0, requires_grad=True)
    Formula("3*(a + b*c)").evaluate({"a": a, "b": 3, "c": 2}).backward()
    assert a.grad.item() == 3


def test_each_operation_is_told_with_its_part_of_the_text_and_its_place():
    told = []
    names = {name: torch.tensor(float(k)) for k, name in enumerate("abc")}
    text = "  3*(a +  b*c) - sum( a.T )"
    formula = Formula(text)
    formula.evaluate(names, lambda part, made: told.append((part.text, made.item())))
    assert told == [("b*c", 2), ("a + b*c", 2), ("3*(a + b*c)", 6), ("a.T", 0), ("sum( a.T )", 0),
                    ("3*(a + b*c) - sum( a.T )", 6)]  # fmt: skip


def test_places_count_characters_not_bytes():
    told = []
    Formula("α*β + β").evaluate({"α": torch.tensor(1.0), "β": torch.tensor(2.0)}, lambda part, _: told.append(part))
    assert [(p.text, p.start, p.end) for p in told] == [("α*β", 0, 3), ("α*β + β", 0, 7)]


def test_an_operation_that_gives_back_its_operand_made_nothing():
    told = []
    x = torch.tensor([1.0])
    Formula("(+x).positive()").evaluate({"x": x}, lambda part, _: told.append(part.text))
    assert told == []


REFUSED = [
    ("", "empty", None),
    ("   ", "empty", None),
    ("x^2", "write **", "^"),
    ("x²", "write **2", "²"),
    ("Aᵀ @ x", "write .T", "ᵀ"),
    ("2×x", "write *", "×"),
    ("(x + 1", "never closed", "("),
    ("x + 1)", "unmatched ')'", ")"),
    ("x +", "ends too early", ""),
    ("x 2", "a product needs its *", "2"),
    ("2x", "cannot be read", "2"),
    ("x = 3", "cannot be read", "="),
    ("sine(x)", "did you mean 'sin'?", "sine"),
    ("qux(x)", "to multiply, write qux * (...)", "qux"),
    ("3(x + 1)", "to multiply, write *", "3(x + 1)"),
    ("x.foo", ".foo is not read", "x.foo"),
    ("x.__class__", "is not read", "x.__class__"),
    ("__import__('os')", "there is no function", "__import__"),
    ("x._apply(x)", "there is no function", "x._apply"),
    ("not x", "write ~", "not x"),
    ("x < 1 < 2", "one at a time", "x < 1 < 2"),
    ("x and x", "not part of a formula", "x and x"),
    ("lambda: x", "not part of a formula", "lambda: x"),
    ("[x, x]", "not part of a formula", "[x, x]"),
    ("sum(*x)", "not part of a formula", "*x"),
    ("sum(**x)", "write the arguments out", "sum(**x)"),
    ("x // 2", "operator", "x // 2"),
    ("x % 2", "operator", "x % 2"),
    ("'x'", "not a real number", "'x'"),
    ("2j * x", "not a real number", "2j"),
    ("x + z", "z has no value", "z"),
    ("sin(x, x)", "takes 1 argument", "sin(x, x)"),
    ("sum()", "needs an argument", "sum()"),
    ("x @ 3", "for a number times a tensor write *", "x @ 3"),
    ("A @ A[0:1]", "[2, 2] and [1, 2] do not fit", "A @ A[0:1]"),
    ("1 + x * A[:1, :1].reshape(3)", "reshape", "A[:1, :1].reshape(3)"),
    ("sum(x, dim=5)", "out of range", "sum(x, dim=5)"),
    ("x[7]", "out of bounds", "x[7]"),
    ("x[x]", "x", "x[x]"),
]


@pytest.mark.parametrize(("text", "says", "marked"), REFUSED)
def test_refusals_say_why_and_mark_the_place(text, says, marked):
    with pytest.raises(FormulaError) as caught:
        value(text)
    message = str(caught.value)
    assert says in message
    if marked is not None:
        shown, carets = message.splitlines()[-2:]
        assert shown.strip() == text
        assert shown[carets.index("^") : len(carets)] == marked


def test_a_formula_error_is_a_value_error():
    with pytest.raises(ValueError, match="unmatched"):
        Formula("x)")


@pytest.mark.parametrize("text", ["-" * 5000 + "x", "(" * 500 + "x" + ")" * 500, "+".join(["x"] * 20000)])
def test_what_is_nested_too_deeply_is_refused_briefly(text):
    with pytest.raises(FormulaError) as caught:
        Formula(text).evaluate({"x": 1})
    assert len(str(caught.value)) < 400


def test_values_must_be_numbers_or_tensors():
    with pytest.raises(FormulaError, match="the value of x is a list"):
        Formula("x + 1").evaluate({"x": [1, 2]})


def test_numbers_alone_have_no_tensor_words():
    with pytest.raises(FormulaError, match="sum: needs a tensor"):
        Formula("sum(3)").evaluate({})
