"""Printed expressions evaluate to the number they stand for, and look like the field's."""

import random

import numpy as np
import pytest

from chainrule.expr import latex, latex_name, text
from chainrule.formula import Formula
from chainrule.ir import Builder
from chainrule.modes import quietly
from chainrule.ops import ALL
from chainrule.spec import Dim, Spec, float64
from chainrule.symbol import Symbol, emit, symbols
from chainrule.tensors import wrap

F64 = float64.numpy
UNWRITTEN = {"assign", "index_add", "index_put"}  # written as x.at[1:3].set(y), which a formula cannot say
SAMPLES = [(op, sample) for op in ALL.values() if op.name not in UNWRITTEN for sample in op.samples()]


def scalars(names):
    return symbols(**{name: Spec((), F64) for name in names})


@pytest.mark.parametrize(("op", "sample"), SAMPLES, ids=[f"{op.name}-{k}" for k, (op, _) in enumerate(SAMPLES)])
def test_the_text_of_every_op_evaluates_to_what_the_op_computes(op, sample):
    builder, values, args = Builder(), {}, []
    for name, given in zip("abc", sample.inputs, strict=False):
        if isinstance(given, np.ndarray):
            values[name] = wrap(given)
            args.append(builder.input(name, Spec(given.shape, given.dtype)))
        else:
            args.append(given)
    value = emit(builder, op, args, sample.params)
    found = Formula(text(value)).evaluate(values)
    expected = quietly(op.forward, *sample.inputs, **sample.params)
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_random_expressions_keep_their_parentheses():
    rng = random.Random(0)
    builder = Builder()
    names = {name: Symbol(builder, builder.input(name, Spec((), F64))) for name in "abc"}
    numbers = {"a": 1.7, "b": 0.6, "c": 2.3}

    def grown(depth):
        if not depth:
            return rng.choice([*names.values(), rng.choice([2, 0.5, -3])])
        left, right = grown(depth - 1), grown(rng.randrange(depth))
        if not isinstance(left, Symbol):
            left = names["a"]
        shape = rng.randrange(7)
        if shape == 0:
            return -left
        if shape == 1:
            return left**2 if rng.random() < 0.5 else 2 ** left.sin()
        return [lambda: left + right, lambda: left - right, lambda: right - left, lambda: left * right,
                lambda: left / (right + 10)][shape - 2]()  # fmt: skip

    for _ in range(200):
        root = grown(4)
        if not isinstance(root, Symbol):
            continue
        tensors = {name: wrap(np.float64(number)) for name, number in numbers.items()}
        direct = evaluated(root.value, tensors)
        assert Formula(text(root.value)).evaluate(tensors).item() == direct, text(root.value)


def evaluated(value, tensors):
    if value.const is not None:
        return value.const
    if value.op == "input":
        return tensors[value.params["name"]].item()
    return np.float64(value.op.forward(*(evaluated(a, tensors) for a in value.args)))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda a, b, c: 3 * (a + b * c), "3 * (a + b * c)"),
        (lambda a, b, c: -(a.sin()), "-sin(a)"),
        (lambda a, b, c: (-a) ** 2, "(-a) ** 2"),
        (lambda a, b, c: -(a**2), "-a ** 2"),
        (lambda a, b, c: -(a + b), "-(a + b)"),
        (lambda a, b, c: (a**b) ** c, "(a ** b) ** c"),
        (lambda a, b, c: a ** (b**c), "a ** b ** c"),
        (lambda a, b, c: a ** (-b), "a ** -b"),
        (lambda a, b, c: a - (b - c), "a - (b - c)"),
        (lambda a, b, c: a - b - c, "a - b - c"),
        (lambda a, b, c: a / (b * c), "a / (b * c)"),
        (lambda a, b, c: a * -2, "a * -2"),
        (lambda a, b, c: 1 - a.tanh() ** 2, "1 - tanh(a) ** 2"),
        (lambda a, b, c: 2.0 * a + 0.1, "2 * a + 0.1"),
        (lambda a, b, c: (a > b) == (b > c), "(a > b) == (b > c)"),
        (lambda a, b, c: a.where(a > 0, b), "where(a > 0, a, b)"),
        (lambda a, b, c: a.maximum(b), "maximum(a, b)"),
    ],
)
def test_scalar_expressions_read_as_written(make, expected):
    assert text(make(*scalars("abc")).value) == expected


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda A, x, y: A @ x, "A @ x"),
        (lambda A, x, y: y @ A @ x, "y @ A @ x"),
        (lambda A, x, y: y @ (A @ x), "y @ (A @ x)"),
        (lambda A, x, y: A.T @ y, "A.T @ y"),
        (lambda A, x, y: A.mT, "A.T"),
        (lambda A, x, y: (A + 1).T, "(A + 1).T"),
        (lambda A, x, y: A.unsqueeze(0) @ x, "reshape(A, 1, m, n) @ x"),
        (lambda A, x, y: x.sum(), "sum(x)"),
        (lambda A, x, y: A.sum(0), "sum(A, dim=0)"),
        (lambda A, x, y: A.sum((0, 1), keepdim=True), "sum(A, dim=(0, 1), keepdim=True)"),
        (lambda A, x, y: A.mean(), "sum(A) / (m * n)"),
        (lambda A, x, y: x.sum().expand(Dim("n")), "expand(sum(x), n)"),
        (lambda A, x, y: x.norm(), "sqrt(sum(x * x))"),
    ],
)
def test_matrix_expressions_with_symbolic_sizes_hide_the_reshapes_of_vectors(make, expected):
    n, m = Dim("n"), Dim("m")
    assert text(make(*symbols(A=Spec((m, n), F64), x=Spec((n,), F64), y=Spec((m,), F64))).value) == expected


def test_moves_have_signs_of_their_own():
    x, y = symbols(x=Spec((4, 3), F64), y=Spec((2,), F64))
    assert text(x[1:3, 0].value) == "x[1:3, 0]"
    assert text((x + 1)[None, 2].value) == "(x + 1)[None, 2, :3]"
    part = x[1:3, 0].value
    assert text(x.assign(y, ((part.op, tuple(part.params.items())),)).value) == "x.at[1:3, 0].set(y)"


def test_casts_that_promotion_makes_are_hidden_and_others_shown():
    x, k = symbols(x=Spec((2,), np.dtype("float32")), k=Spec((2,), np.dtype("int64")))
    assert text((x * k).value) == "x * k"
    assert text(x.cast(F64).value) == "x"
    assert text(x.cast(F64).cast(np.dtype("float32")).value) == "cast(x, float32)"


def test_constants_are_the_shortest_that_read_the_same():
    (x,) = symbols(x=Spec((), np.dtype("float32")))
    assert text((x * float(np.float32(0.1))).value) == "x * 0.1"
    assert text((x + float("inf")).value) == "x + inf"
    assert text((x * 1e20).value) == "x * 1e+20"


def test_names_override_inputs_and_inner_values():
    a, b = scalars("ab")
    inner = a * b
    assert text((inner + a).value, {inner.value: "v", a.value: "alpha"}) == "v + alpha"


def test_a_chain_of_many_ops_is_written_without_recursion():
    (x,) = scalars("x")
    y = x
    for _ in range(3000):
        y = -y
    assert text(y.value).count("-") == 3000


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda a, b, c: a * b / (a + c), r"\frac{a b}{a + c}"),
        (lambda a, b, c: (a / b) ** 2, r"\left(\frac{a}{b}\right)^{2}"),
        (lambda a, b, c: a * a * 2, r"a^{2} \cdot 2"),
        (lambda a, b, c: a - (b - c), r"a - \left(b - c\right)"),
        (lambda a, b, c: (a + b).sqrt(), r"\sqrt{a + b}"),
        (lambda a, b, c: a.abs().exp(), r"\exp\left(\left|a\right|\right)"),
        (lambda a, b, c: a.sigmoid(), r"\operatorname{sigmoid}\left(a\right)"),
        (lambda a, b, c: a >= b, r"a \ge b"),
        (lambda a, b, c: -(a + b), r"-\left(a + b\right)"),
    ],
)
def test_latex(make, expected):
    assert latex(make(*scalars("abc")).value) == expected


def test_latex_of_a_transpose():
    A, x = symbols(A=Spec((2, 3), F64), x=Spec((2,), F64))
    assert latex((A.T @ x).value) == r"A^{\top} x"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("x", "x"), ("w1", "w_{1}"), ("alpha", r"\alpha"), ("Σ", r"\Sigma"), ("λ", r"\lambda"), ("theta_0", r"\theta_{0}"),
     ("loss", r"\mathrm{loss}"), ("x_out", r"x_{\mathrm{out}}"), ("my_own_name", r"\mathrm{my}_{\mathrm{own\_name}}")],
)  # fmt: skip
def test_latex_names(name, expected):
    assert latex_name(name) == expected
