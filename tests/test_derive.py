"""Derived formulas: in the textbook's form, right at every size, or refused."""

import random
import re

import numpy as np
import pytest

import chainrule
from chainrule import plans
from chainrule.derivation import algebra, check, derive, notation
from chainrule.errors import FormulaError
from chainrule.ops import reduction

SIZES = ({"n": 3, "m": 4, "k": 2, "p": 5}, {"n": 4, "m": 3, "k": 5, "p": 2}, {"n": 2, "m": 5, "k": 4, "p": 3})


@pytest.mark.parametrize(
    ("expression", "equation", "code"),
    [
        ("A @ x", "∇ₓ(Ax) = Aᵀ", "A.T"),
        ("x.T @ A", "∇ₓ(xᵀA) = A", "A"),
        ("x.T @ A @ x", "∇ₓ(xᵀAx) = (A + Aᵀ)x", "(A + A.T) @ x"),
        ("norm(x)**2", "∇ₓ‖x‖² = 2x", "2 * x"),
        ("x.T @ x", "∇ₓ(xᵀx) = 2x", "2 * x"),
    ],
)
def test_the_rules_of_the_chapter(expression, equation, code):
    found = derive(expression, "x")
    assert (found.equation, found.code) == (equation, code)


IDENTITIES = [  # written with the names A, B for matrices, x for the variable, b, c for vectors
    ("A @ x", "Aᵀ"),
    ("x.T @ A", "A"),
    ("x.T @ A @ x", "(A + Aᵀ)x"),
    ("norm(x)**2", "2x"),
    ("x.T @ x", "2x"),
    ("b.T @ x", "b"),
    ("x @ b", "b"),
    ("sum(x)", "𝟏"),
    ("3 * x.T @ A @ x", "3(A + Aᵀ)x"),
    ("-(x.T @ A @ x)", "−(A + Aᵀ)x"),
    ("A @ (B @ x)", "BᵀAᵀ"),
    ("x.T @ A @ B", "AB"),
    ("A @ x + B @ x", "Aᵀ + Bᵀ"),
    ("x.T @ A @ x + b.T @ x", "(A + Aᵀ)x + b"),
    ("x.T @ A @ x + x.T @ B @ x", "(A + Aᵀ + B + Bᵀ)x"),
    ("x.T @ (A + B) @ x", "(A + Aᵀ + B + Bᵀ)x"),
    ("x.T @ A.T @ x", "(A + Aᵀ)x"),
    ("x.T @ A @ x + norm(x)**2", "(A + Aᵀ)x + 2x"),
    ("x.T @ x + norm(x)**2", "4x"),
    ("norm(A @ x)**2", "2AᵀAx"),
    ("norm(A @ x - b)**2", "2Aᵀ(Ax − b)"),
    ("norm(x - b)**2", "2(x − b)"),
    ("norm(2*x)**2", "8x"),
    ("norm(A @ (B @ x))**2", "2BᵀAᵀABx"),
    ("(x - b).T @ A @ (x - b)", "(A + Aᵀ)(x − b)"),
    ("(A @ x - b).T @ (A @ x - b)", "2Aᵀ(Ax − b)"),
    ("(A @ x).T @ (B @ x)", "(AᵀB + BᵀA)x"),
    ("b.T @ A @ x + c.T @ x", "Aᵀb + c"),
    ("sum(A @ x)", "Aᵀ𝟏"),
    ("norm(A @ x - b)**2 + norm(x)**2", "2Aᵀ(Ax − b) + 2x"),
    ("x.T @ A @ x - 2 * b.T @ x + norm(c)**2", "(A + Aᵀ)x − 2b"),
    ("norm(x - b)**2 + norm(x - c)**2", "2(x − b) + 2(x − c)"),
]


def renamed(text, names):
    return re.sub(r"\b[ABxbc]\b", lambda m: names[m.group()], text)


@pytest.mark.parametrize(("expression", "expected"), IDENTITIES)
@pytest.mark.parametrize("seed", range(2))
def test_generated_identities_are_in_the_textbooks_form(expression, expected, seed):
    rng = random.Random(f"{expression}{seed}")
    names = dict(zip("AB", rng.sample("CDHMPQW", 2)), x=rng.choice("xyzuvw")) | dict(zip("bc", rng.sample("adefhq", 2)))
    found = derive(renamed(expression, names), names["x"])
    assert found.text == re.sub(r"[ABxbc]", lambda m: names[m.group()], expected)
    assert found.check.sizes == found.check.points == 3
    assert found.check.reverse < 1e-12
    assert found.check.central < 1e-8


WIDER = [
    ("y.T @ A @ x", "A", {}, "yxᵀ", "np.outer(y, x)"),
    ("norm(A @ x - b)**2", "A", {}, "2(Ax − b)xᵀ", "2 * np.outer(A @ x - b, x)"),
    ("norm(X)**2", "X", {}, "2X", "2 * X"),
    ("norm(X)", "X", {}, "X/‖X‖", "X/np.linalg.norm(X)"),
    ("norm(A @ X @ B - C)**2", "X", {}, "2Aᵀ(AXB − C)Bᵀ", "2 * A.T @ (A @ X @ B - C) @ B.T"),
    ("norm(M - U @ V.T)**2", "V", {}, "−2(M − UVᵀ)ᵀU", "-2 * (M - U @ V.T).T @ U"),
    ("(X @ b + d).T @ B @ (X @ b + d)", "X", {}, "(B + Bᵀ)(Xb + d)bᵀ", "np.outer((B + B.T) @ (X @ b + d), b)"),
    ("sum(X*X*A)", "X", {}, "2(A ⊙ X)", "2 * A * X"),
    ("sum(A)", "A", {}, "𝟏𝟏ᵀ", "np.ones((m, n))"),
    ("mean(X)", "X", {}, "𝟏𝟏ᵀ/(mn)", "np.ones((m, n))/(m * n)"),
    ("a @ x", "x", {}, "a", "a"),
    ("(a @ x)**3", "x", {}, "3(aᵀx)²a", "3 * (a @ x)**2 * a"),
    ("(a @ x) * (b @ x)", "x", {}, "(bᵀx)a + (aᵀx)b", "(b @ x) * a + (a @ x) * b"),
    ("norm(x)", "x", {}, "x/‖x‖", "x/np.linalg.norm(x)"),
    ("norm(x)**4", "x", {}, "4‖x‖²x", "4 * (x @ x) * x"),
    ("(a @ x)/norm(x)", "x", {}, "a/‖x‖ − (aᵀx)x/‖x‖³", "a/np.linalg.norm(x) - (a @ x) * x/np.linalg.norm(x)**3"),
    ("(x.T @ A @ x)/(x @ x)", "x", {}, "(A + Aᵀ)x/(xᵀx) − 2(xᵀAx)x/(xᵀx)²",
     "(A + A.T) @ x/(x @ x) - 2 * (x @ A @ x) * x/(x @ x)**2"),
    ("sum(a*x*x)", "x", {}, "2(a ⊙ x)", "2 * a * x"),
    ("((y - A @ x)**2).sum()", "x", {}, "−2Aᵀ(y − Ax)", "-2 * A.T @ (y - A @ x)"),
    ("mean((y - A @ x)**2)", "x", {}, "−2Aᵀ(y − Ax)/m", "-2 * A.T @ (y - A @ x)/m"),
    ("x.T @ S @ x", "x", {"S": "symmetric"}, "2Sx", "2 * S @ x"),
    ("(x - s).T @ W @ (x - s)", "x", {"W": "symmetric"}, "2W(x − s)", "2 * W @ (x - s)"),
    ("norm(A @ x - b)**2 + λ*norm(x)**2", "λ", {}, "‖x‖²", "x @ x"),
    ("x.T @ A @ x / 3", "x", {}, "(A + Aᵀ)x/3", "(A + A.T) @ x/3"),
    ("0.5 * norm(x)**2", "x", {}, "x", "x"),
    ("c * norm(x)**2", "x", {"c": "scalar"}, "2cx", "2 * c * x"),
    ("2*(x - s) @ (x - s) - 2*x @ x", "x", {}, "−4s", "-4 * s"),
    ("x @ y - y @ x", "x", {}, "0", "np.zeros(n)"),
    ("lam * x.T @ A @ x", "x", {"lam": "scalar"}, "lam·(A + Aᵀ)·x", "lam * (A + A.T) @ x"),
    ("(a @ x) * x", "x", {}, "axᵀ + (aᵀx)I", "np.outer(a, x) + (a @ x) * np.eye(n)"),
    ("A @ (x*x) + B @ x", "x", {}, "2diag(x)Aᵀ + Bᵀ", "2 * np.diag(x) @ A.T + B.T"),
    ("λ * x", "λ", {}, "xᵀ", "x"),
    ("sum(A, dim=0) @ x", "A", {}, "𝟏xᵀ", "np.outer(np.ones(m), x)"),
    ("(y * x) * (A @ y)", "x", {}, "diag(y ⊙ Ay)", "np.diag(y * (A @ y))"),
    ("W1 @ (W2 @ x1)", "x1", {}, "W₂ᵀW₁ᵀ", "W2.T @ W1.T"),
]


@pytest.mark.parametrize(("expression", "wrt", "shapes", "text", "code"), WIDER)
def test_other_derivatives(expression, wrt, shapes, text, code):
    found = derive(expression, wrt, **shapes)
    assert (found.text, found.code) == (text, code)


@pytest.mark.parametrize("size", SIZES)
def test_the_code_is_numpy_and_right(size):
    rng = np.random.default_rng(0)
    m, n = size["m"], size["n"]
    A, x, b = rng.standard_normal((m, n)), rng.standard_normal(n), rng.standard_normal(m)
    found = eval(derive("norm(A @ x - b)**2 + sum(x)", "x").code, {"np": np, "A": A, "x": x, "b": b, **size})
    step = 1e-6 * np.eye(n)
    by_definition = [(np.sum((A @ (x + e) - b) ** 2) - np.sum((A @ (x - e) - b) ** 2)) / 2e-6 + 1 for e in step]
    np.testing.assert_allclose(found, by_definition, rtol=1e-6)


def test_numerator_layout_is_the_transpose_and_the_report_says_so():
    jacobian = derive("A @ x", "x", layout="numerator")
    assert jacobian.equation == "∂(Ax)/∂xᵀ = A"
    assert "Numerator layout, m × n" in str(jacobian)
    gradient = derive("x.T @ A @ x", "x", layout="numerator")
    assert gradient.equation == "∂(xᵀAx)/∂xᵀ = xᵀ(A + Aᵀ)"
    assert derive("y.T @ A @ x", "A", layout="numerator").code == "np.outer(x, y)"


def test_the_report():
    lines = str(derive("x.T @ A @ x", "x")).splitlines()
    assert lines[:2] == ["x.T @ A @ x  with respect to x", "where x is a vector of length n, A is a matrix n × n"]
    assert re.split(r"\s{4,}", lines[3])[1:] == ["∇ₓ(xᵀAx) = Ax + Aᵀx", "by the ops' rules, from the result back to x"]
    assert lines[4].split("    ")[-1] == "AC + BC = (A + B)C"
    assert lines[6] == "Denominator layout: the gradient has the shape of x, n × 1."
    assert re.fullmatch(r"Checked at 3 sizes, 3 random points each: .* at most \de-\d+ \(relative\)\.", lines[7])


def test_the_report_of_a_jacobian_shows_the_map_that_it_is_read_off():
    shown = str(derive("A @ x", "x"))
    assert "ḡ ↦ Aᵀḡ" in shown
    assert "∇ₓ(Ax) = Aᵀ" in shown
    assert "Denominator layout, n × m" in shown


def test_the_report_in_chinese():
    shown = str(derive("x.T @ A @ x", "x", lang="zh"))
    assert "对 x 求导" in shown
    assert "∇ₓ(xᵀAx) = Ax + Aᵀx" in shown
    assert "分母布局" in shown
    assert "已验证" in shown


@pytest.mark.parametrize(
    ("expression", "wrt", "left", "right"),
    [
        ("x.T @ A @ x", "x", r"\nabla_{x}\left(x^{\top} A x\right)", r"\left(A + A^{\top}\right) x"),
        ("norm(x - b)", "x", r"\nabla_{x}\left(\left\lVert x - b\right\rVert\right)",
         r"\frac{x - b}{\left\lVert x - b\right\rVert}"),
        ("alpha * sum(w1)", "w1", r"\nabla_{w_{1}}\left(\alpha \operatorname{sum}\left(w_{1}\right)\right)",
         r"\alpha \mathbf{1}"),
        ("alpha * x @ x", "alpha", r"\frac{\partial}{\partial \alpha}\left(\alpha \left(x^{\top} x\right)\right)",
         r"x^{\top} x"),
        ("x * (a @ x)", "x", r"\nabla_{x}\left(\left(a^{\top} x\right) x\right)",
         r"a x^{\top} + \left(a^{\top} x\right) I"),
    ],
)  # fmt: skip
def test_latex(expression, wrt, left, right):
    found = derive(expression, wrt)
    assert (found.latex, found.latex_equation) == (right, f"{left} = {right}")


def test_the_rules_are_those_that_backward_runs(monkeypatch):
    """Let one rule of a record be wrong: the formula is wrong by it, the check sees it and withholds the formula."""
    wrong = reduction.matmul.vjp[1]
    monkeypatch.setattr(wrong, "function", lambda g, x: x.mT @ g * 1.001)
    plans.plans.clear()
    with pytest.raises(FormulaError, match="failed its check and is withheld"):
        derive("b.T @ A @ x", "x")
    plans.plans.clear()  # nothing that was planned with the wrong rule may outlive it
    plans.met.clear()


def test_a_wrong_rewrite_is_caught(monkeypatch):
    right = algebra.transposed
    monkeypatch.setattr(algebra, "transposed", lambda p: algebra.scaled(right(p), 2))
    with pytest.raises(FormulaError, match="withheld"):
        derive("A @ x", "x")


def test_wrong_code_is_caught(monkeypatch):
    monkeypatch.setattr(notation.Code, "transposed", lambda self, piece, atom: piece)
    with pytest.raises(FormulaError, match="withheld"):
        derive("x.T @ A @ x", "x")


def test_code_that_does_not_run_is_caught(monkeypatch):
    monkeypatch.setattr(notation.Code, "name", lambda self, name: f"{name}_")
    with pytest.raises(FormulaError, match="withheld"):
        derive("a @ x", "x")


def test_the_check_takes_three_points_at_three_sizes_that_all_differ(monkeypatch):
    seen = []
    real = check.reverse_mode
    monkeypatch.setattr(check, "reverse_mode", lambda f, w, values, j: seen.append(values) or real(f, w, values, j))
    derive("y.T @ A @ x", "x")
    assert len(seen) == 9
    assert len({values["A"].shape for values in seen}) == 3
    assert all(values["A"].shape[0] != values["A"].shape[1] for values in seen)


MISFITS = [
    ("A @ B", "A", {"A": ("m", "n"), "B": ("m", "k")}, "A of shape m × n and B of shape m × k do not fit: n must"),
    ("A*B", "A", {"A": ("m", "n"), "B": ("n", "m")}, "A of shape m × n and B of shape n × m do not fit"),
    ("x.T @ A @ x", "x", {"A": ("m", "n"), "x": ("n",)}, "x.T of length n and A of shape m × n do not fit"),
    ("norm(A @ x - b)**2", "x", {"A": ("m", "n"), "x": ("n",), "b": ("n",)}, "A @ x of length m and b of length n"),
    ("a @ z", "x", {}, "there is no x in a @ z; its variables are a, z"),
    ("a @ x", "x", {"q": "vector"}, "there is no q"),
    ("a @ x", "x", {"a": "tensor"}, "declare one of scalar, vector, matrix, symmetric"),
    ("a @ x", "x", {"a": (3,)}, "sizes are names"),
    ("a @ x", "x", {"a": ("x",)}, "also a variable"),
    ("a @ x", "x", {"layout": "row"}, "denominator, numerator"),
    ("a @ x", "x", {"lang": "fr"}, "en, zh"),
    ("np @ x", "x", {}, "another name"),
    ("sum(sin(x))", "x", {}, "sin: derivatives through it"),
    ("sum(x > 0)", "x", {}, "gt: derivatives through it"),
    ("gamma(X)", "X", {}, "no function 'gamma'"),
    ("det(X)", "X", {}, "square matrices, but they are rows(X) by columns(X)"),
    ("log(det(X))", "X", {"X": "symmetric"}, "det: derivatives through it"),
    ("x @ x.T", "x", {}, "for the inner product write x.T @ y"),
    ("A @ x", "A", {}, "Derive a scalar made of it"),
    ("A @ B", "A", {}, "Derive a scalar made of it"),
    ("A * x", "x", {}, "no matrix notation"),
    ("sum(x/y)", "x", {}, "divide by a scalar"),
    ("sum(x**y)", "x", {}, "exponent must be a number"),
    ("1/(x @ x - x @ x)", "x", {}, "0 everywhere"),
    ("sqrt(-1 - x @ x)", "x", {}, "not finite"),
    ("x[0] * 2", "x", {}, "take parts with a product"),
    ("reshape(A, -1) @ b", "A", {}, "name the sizes"),
    ("x @ 3", "x", {}, "for a number times a tensor write *"),
]


@pytest.mark.parametrize(("expression", "wrt", "given", "says"), MISFITS)
def test_refusals(expression, wrt, given, says):
    with pytest.raises(FormulaError) as caught:
        derive(expression, wrt, **given)
    assert says in str(caught.value)


def test_refusals_mark_the_place():
    with pytest.raises(FormulaError) as caught:
        derive("b @ x + sum(sin(x))", "x")
    assert str(caught.value).splitlines()[-2:] == ["    b @ x + sum(sin(x))", " " * 16 + "^" * 6]


def test_sizes_are_inferred_and_named_after_the_variable_first():
    variables = derive("norm(A @ x - B @ y)**2", "x").variables
    assert {name: each.shape for name, each in variables.items()} == {
        "A": ("m", "n"), "x": ("n",), "B": ("m", "k"), "y": ("k",)}  # fmt: skip


def test_sizes_keep_out_of_the_way_of_variables():
    found = derive("sum(n) + m @ n", "n")
    assert found.code == "m + np.ones(k)"


def test_the_package_can_be_called_by_its_name():
    assert chainrule.derive("x.T @ x", "x").text == "2x"
    assert repr(chainrule.derive("x.T @ x", "x")) == "<Derivation ∇ₓ(xᵀx) = 2x>"
