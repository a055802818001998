"""Traced values as matrix expressions: what each op means for columns, rows and matrices.

An array of one axis is a column. What is met here is what an expression can be built of and what the ops' rules
make of it; an op that is not known raises FormulaError.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from chainrule.derivation import algebra
from chainrule.derivation.terms import Leaf, Poly
from chainrule.errors import FormulaError
from chainrule.ir import CONST, INPUT, Value, walk
from chainrule.ops import arithmetic, elementary, reduction, shape
from chainrule.spec import Dim, Size


def normal(value: Value, leaves: Mapping[str, Leaf], marks: Mapping[Value, str]) -> Poly:
    """The value as an expression over ``leaves``, its inputs by name.

    Raises FormulaError, with the mark of the value that cannot be one: its place in the formula.
    """
    done: dict[Value, Poly] = {}
    for each in walk([value]):
        if each.op == INPUT:
            done[each] = algebra.of_atom(leaves[each.params["name"]])
        elif each.op == CONST:
            number = each.const
            done[each] = algebra.size(number) if isinstance(number, Dim) else algebra.number(exactly(number))
        else:
            try:
                done[each] = MEANING.get(each.op, unknown)(each, *[done[a] for a in each.args])
            except FormulaError as error:
                raise FormulaError("\n".join(filter(None, (str(error), marks.get(each))))) from None
    return done[value]


def exactly(number: Any) -> Fraction:
    """The number as it is written: 0.1 is one tenth."""
    return Fraction(str(number))


def as_matrix(of: tuple[Size, ...]) -> tuple[Size, Size]:
    """Rows and columns: an array of one axis is a column."""
    if len(of) > 2:
        raise FormulaError(f"derive: a value has {len(of)} axes, {list(of)}; there are scalars, vectors and matrices")
    return of if len(of) == 2 else (*of, 1) if of else (1, 1)  # type: ignore[return-value]


def unknown(value: Value, *args: Poly) -> Poly:
    signs = " ".join(op.infix for op in MEANING if op.infix)
    raise FormulaError(f"{value.name}: derivatives through it are not written as formulas yet; there are {signs} .T "
                       "sum mean norm sqrt. explain() and backward() give its gradient at a point")  # fmt: skip


def spread(p: Poly, rows: Size, cols: Size) -> Poly:
    """An expression broadcast to a shape: 1 s 1ᵀ."""
    left = algebra.ones(rows) if p.rows != rows else algebra.number(1)
    right = algebra.transposed(algebra.ones(cols)) if p.cols != cols else algebra.number(1)
    return algebra.product(algebra.product(left, p), right)


def broadcast(value: Value, args: tuple[Poly, ...]) -> list[Poly]:
    """Both operands of an elementwise op in the shape of its value. Only a scalar broadcasts in matrix notation."""
    rows, cols = as_matrix(value.shape)
    for p in args:
        if not p.is_scalar and (p.rows, p.cols) != (rows, cols):
            raise FormulaError(f"{value.name}: a vector next to a matrix, {p.rows} × {p.cols} and {rows} × {cols}, "
                               "repeats it for each row, which has no matrix notation; write the product with @")
    return [spread(p, rows, cols) for p in args]


def sums(value: Value, p: Poly, q: Poly) -> Poly:
    p, q = broadcast(value, (p, q))
    return algebra.added([p, algebra.scaled(q, -1) if value.op is arithmetic.sub else q], p.rows, p.cols)


def times(value: Value, p: Poly, q: Poly) -> Poly:
    if p.is_scalar or q.is_scalar:
        return algebra.product(p, q)
    p, q = broadcast(value, (p, q))
    return algebra.hadamard(p, q)


def over(value: Value, p: Poly, q: Poly) -> Poly:
    if not q.is_scalar:
        raise FormulaError(f"div: division by {q.rows} × {q.cols} values, element by element, is not derived yet; "
                           "divide by a scalar")  # fmt: skip
    return algebra.product(p, algebra.power(q, Fraction(-1)))


def powers(value: Value, p: Poly, q: Poly) -> Poly:
    number = value.args[1].const
    if number is None or isinstance(number, Dim) or exactly(number).denominator > 2:
        raise FormulaError("pow: the exponent must be a number such as 2, -1 or 0.5; for others use explain()")
    exponent = exactly(number)
    if p.is_scalar:
        return algebra.power(p, exponent)
    if exponent.denominator != 1 or exponent < 0:
        raise FormulaError(f"pow: x ** {number} of {p.rows} × {p.cols} values, element by element, is not derived yet")
    result = algebra.ones(p.rows, p.cols)
    for _ in range(int(exponent)):
        result = algebra.hadamard(result, p)
    return result


def root(value: Value, p: Poly) -> Poly:
    return algebra.power(p, Fraction(1, 2)) if p.is_scalar else unknown(value)


def product(value: Value, p: Poly, q: Poly) -> Poly:
    return algebra.product(p, q)


def folded(value: Value, p: Poly) -> Poly:
    dims, source = value.params["dim"], as_matrix(value.args[0].shape)
    if len(dims) == value.args[0].ndim:
        return algebra.total(p)
    if not dims:
        return p
    row = algebra.transposed(algebra.ones(source[0]))
    folded = algebra.product(row, p) if dims == (0,) else algebra.product(p, algebra.ones(source[1]))
    return reshaped(value, folded)


def reshaped(value: Value, p: Poly) -> Poly:
    rows, cols = as_matrix(value.shape)
    if (p.rows, p.cols) == (rows, cols):
        return p
    if (p.cols, p.rows) == (rows, cols) and 1 in (rows, cols):
        return algebra.transposed(p)
    raise FormulaError(f"reshape: from {p.rows} × {p.cols} to {rows} × {cols} has no matrix notation")


def permuted(value: Value, p: Poly) -> Poly:
    return algebra.transposed(p) if value.params["dims"] == (1, 0) else p


def expanded(value: Value, p: Poly) -> Poly:
    source = value.args[0]
    if source.ndim == 1 and value.ndim == 2:
        p = algebra.transposed(p)
    return spread(p, *as_matrix(value.shape))


MEANING: dict[Any, Callable[..., Poly]] = {
    arithmetic.add: sums, arithmetic.sub: sums, arithmetic.mul: times, arithmetic.div: over, arithmetic.pow: powers,
    arithmetic.neg: lambda value, p: algebra.scaled(p, -1), elementary.sqrt: root, reduction.matmul: product,
    reduction.sum: folded, shape.reshape: reshaped, shape.permute: permuted, shape.expand: expanded,
    shape.cast: lambda value, p: p,
}  # fmt: skip
