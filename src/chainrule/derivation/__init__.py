"""Derivatives as formulas: the ops' own rules run on symbols, simplified over the reals, checked with numbers."""

import ast
from typing import Any

from chainrule.derivation import algebra
from chainrule.derivation.check import checked
from chainrule.derivation.derivation import WORDS, Derivation
from chainrule.derivation.jacobian import matrix_of
from chainrule.derivation.normal import as_matrix, normal
from chainrule.derivation.notation import Code
from chainrule.derivation.pullback import pulled
from chainrule.derivation.rewrites import simplest
from chainrule.derivation.sizes import Declared, inferred
from chainrule.derivation.terms import Leaf, Poly
from chainrule.errors import FormulaError
from chainrule.formula import Formula, Part
from chainrule.ir import Builder, Value
from chainrule.spec import Spec, float64
from chainrule.symbol import Symbol

LAYOUTS = ("denominator", "numerator")
ARRIVED = "ḡ"


def derive(expression: str, wrt: str, *, layout: str = "denominator", lang: str = "en", **shapes: Any) -> Derivation:
    """The derivative of ``expression`` by the variable ``wrt`` as a formula, checked at random points and sizes.

    The expression has ``+ - * / **``, ``@``, ``.T``, ``sum``, ``mean`` and ``norm`` of scalars, vectors (columns;
    NumPy's ``a @ x`` is aᵀx) and matrices. By convention ``x`` is a vector, ``A`` a matrix, ``λ`` or ``lambda_`` a
    scalar; ``shapes`` declares otherwise: ``c="scalar"``, ``S="symmetric"``, ``A=("m", "n")``. Other sizes are
    inferred. A scalar's derivative has the shape of ``wrt`` in denominator layout; a vector's derivative is the
    matrix whose entry (i, j) is ∂fⱼ/∂xᵢ there and ∂fᵢ/∂xⱼ in numerator layout.

    The ops' own rules, those that backward() runs, are run on symbols; the result is simplified over the reals.
    Raises FormulaError for what cannot be read, does not fit, is not derived yet, or fails the check.

    >>> from chainrule.derivation import derive
    >>> derive("x.T @ A @ x", "x").equation
    '∇ₓ(xᵀAx) = (A + Aᵀ)x'
    >>> derive("norm(A @ x - b)**2", "x").code
    '2 * A.T @ (A @ x - b)'
    """
    for given, known, what in ((layout, LAYOUTS, "layout"), (lang, tuple(WORDS), "language")):
        if given not in known:
            raise FormulaError(f"derive: there is no {what} {given!r}; choose one of {', '.join(known)}")
    formula = Formula(expression)
    variables = inferred(formula, wrt, shapes)
    builder = Builder()
    symbols = {name: Symbol(builder, builder.input(name, Spec(each.shape, float64.numpy)))
               for name, each in variables.items()}  # fmt: skip
    leaves = {name: leaf(name, place, variables[name]) for place, name in enumerate(formula.names)}
    marks: dict[Value, str] = {}

    def mark(part: Part, made: Symbol) -> None:
        marks[made.value] = formula.marked(part)

    out = formula.evaluate(symbols, mark)
    value = normal(out.value, leaves, marks)
    jacobian = out.ndim == 1
    if out.ndim == 2 or (jacobian and len(variables[wrt].shape) == 2):
        by = f" and {wrt} is a matrix" if jacobian else ""
        raise FormulaError(f"derive: the value of {formula.text} is {value.rows} × {value.cols}{by}; derived are "
                           "scalars by anything, and vectors by vectors and scalars. Derive a scalar made of it, such "
                           "as its sum or norm(...)**2")  # fmt: skip
    g = Leaf(value.rows, 1, ARRIVED)
    if jacobian:
        arrives = Symbol(builder, builder.input(ARRIVED, Spec(out.shape, float64.numpy)))
    else:
        arrives = out.new_full((), 1)
    back = pulled(out, symbols[wrt], arrives)
    rows, cols = leaves[wrt].rows, leaves[wrt].cols
    sent_back = Poly(rows, cols) if back is None else normal(back.value, {**leaves, ARRIVED: g}, marks)
    derivative, laws = simplest(matrix_of(sent_back, g) if jacobian else sent_back, cost)
    if layout == "numerator":
        derivative = algebra.transposed(derivative)
    check = checked(formula, wrt, variables, Code(variables)(derivative), jacobian, layout == "numerator")
    return Derivation(formula.text, wrt, layout, variables, value, sent_back, derivative, laws, check, lang)


def leaf(name: str, place: int, declared: Declared) -> Leaf:
    rows, cols = as_matrix(declared.shape)
    return Leaf(rows, cols, name, place, symmetric=declared.symmetric)


def cost(p: Poly) -> int:
    """How long an expression is: the names, numbers and operations in its code."""
    counted = (ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.Call, ast.Attribute)
    return sum(isinstance(node, counted) for node in ast.walk(ast.parse(Code()(p))))


__all__ = ["Derivation", "derive"]
