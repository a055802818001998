"""The laws of the reals that keep matrix expressions in a normal form, which like terms share.

They are not laws of floating point:

- a transpose goes to the leaves: (AB)ᵀ = BᵀAᵀ, (Aᵀ)ᵀ = A, and a scalar is its own: aᵀx = xᵀa;
- scalars come to the front: x (aᵀx) = (aᵀx) x, and equal ones are multiplied: ‖x‖ ‖x‖ = xᵀx;
- like terms are added: x + x = 2x;
- I is dropped from a product, a sum of products is an inner product: Σᵢ aᵢxᵢ = aᵀx.

A sum within a product stays as it is, as one factor; whether to multiply it out is for rewrites.py to say.
"""

import math
from collections.abc import Iterable
from fractions import Fraction
from functools import reduce
from itertools import pairwise

from chainrule.derivation.terms import (
    Atom,
    Chain,
    Diagonal,
    Eye,
    Factor,
    Frobenius,
    Hadamard,
    Inner,
    Leaf,
    Ones,
    Poly,
    Scalars,
    Sum,
    Term,
    chain_key,
)
from chainrule.errors import FormulaError
from chainrule.spec import Size

ONE = Fraction(1)


def number(value: Fraction | int) -> Poly:
    """A number as an expression."""
    return Poly(1, 1, (Term(Fraction(value)),) if value else ())


def of_atom(atom: Atom) -> Poly:
    """An atom as an expression."""
    if atom.rows == 1 and atom.cols == 1:
        return Poly(1, 1, (Term(ONE, ((atom, ONE),)),))
    return Poly(atom.rows, atom.cols, (Term(ONE, (), (Factor(atom),)),))


def size(of: Size) -> Poly:
    """A size as a number: n, m·n, or 3."""
    if isinstance(of, int):
        return number(of)
    return reduce(product, (of_atom(Leaf(1, 1, factor)) for factor in of.split("*")))


def added(polys: Iterable[Poly], rows: Size, cols: Size) -> Poly:
    """The sum of expressions of one shape, like terms together."""
    terms = merged(t for p in polys for t in p.terms)
    flat = merged(each for t in terms for each in opened(t))
    return Poly(rows, cols, tuple(sorted(flat, key=lambda t: t.key)))


def merged(terms: Iterable[Term]) -> list[Term]:
    """x + 2x = 3x."""
    coefs: dict[tuple[Scalars, Chain], Fraction] = {}
    for t in terms:
        like = (t.scalars, t.chain)
        coefs[like] = coefs.get(like, Fraction(0)) + t.coef
    return [Term(coef, *like) for like, coef in coefs.items() if coef]


def opened(term: Term) -> tuple[Term, ...]:
    """A term that is but a sum, with its sign, as that sum's terms."""
    if abs(term.coef) != 1 or len(term.scalars) + len(term.chain) != 1:
        return (term,)
    atom, flipped = (term.chain[0].atom, term.chain[0].flipped) if term.chain else (term.scalars[0][0], False)
    if not isinstance(atom, Sum) or (term.scalars and term.scalars[0][1] != 1):
        return (term,)
    return scaled(transposed(atom.poly) if flipped else atom.poly, term.coef).terms


def scaled(p: Poly, by: Fraction | int) -> Poly:
    return Poly(p.rows, p.cols, tuple(Term(by * t.coef, t.scalars, t.chain) for t in p.terms) if by else ())


def transposed(p: Poly) -> Poly:
    """(AB)ᵀ = BᵀAᵀ, term by term."""
    terms = (Poly(p.cols, p.rows, (term(t.coef, t.scalars, flipped(t.chain)),)) for t in p.terms)
    return added(terms, p.cols, p.rows)


def flipped(chain: Chain) -> Chain:
    return tuple(f.flip for f in reversed(chain))


def as_term(p: Poly) -> Term:
    """An expression that is not 0 as one term: a sum becomes a factor, in one of its four guises (±, transposed)."""
    if len(p.terms) == 1:
        return p.terms[0]
    first = min(p.terms, key=lambda t: (t.key.replace("t", ""), t.key))
    content = Fraction(math.gcd(*(t.coef.numerator for t in p.terms)), math.lcm(*(t.coef.denominator for t in p.terms)))
    if first.coef < 0:
        content = -content
    plain = scaled(p, 1 / content)
    if p.is_scalar:
        return Term(content, ((Sum(1, 1, plain), ONE),))
    other = transposed(plain)
    turned = (other.key.count("t"), other.key) < (plain.key.count("t"), plain.key)
    base = other if turned else plain
    return Term(content, (), (Factor(Sum(base.rows, base.cols, base, symmetric=other == plain), turned),))


def product(p: Poly, q: Poly) -> Poly:
    """The matrix product, or a scalar times a matrix."""
    rows, cols = (q if p.is_scalar else p).rows, (p if q.is_scalar else q).cols
    if not p.terms or not q.terms:
        return Poly(rows, cols)
    a, b = as_term(p), as_term(q)
    return added([Poly(rows, cols, (term(a.coef * b.coef, a.scalars + b.scalars, a.chain + b.chain),))], rows, cols)


def term(coef: Fraction, scalars: Scalars, chain: Chain) -> Term:
    """A term in normal form: no I in a longer chain, scalars out of the chain, equal scalars together."""
    kept = tuple(f for f in chain if not isinstance(f.atom, Eye)) or chain[:1]
    edges: list[Size] = [*(f.rows for f in kept), *(f.cols for f in kept[-1:])]
    narrow = [k for k, edge in enumerate(edges) if edge == 1]
    found = list(scalars)
    for start, end in pairwise(narrow):
        inner = of_inner(kept[start:end])
        coef *= inner.coef
        found += inner.scalars
    if narrow:
        kept = kept[: narrow[0]] + kept[narrow[-1] :]
    exponents: dict[Atom, Fraction] = {}
    for atom, exponent in found:
        exponents[atom] = exponents.get(atom, Fraction(0)) + exponent
    powers = ((atom, e) for atom, e in exponents.items() if e)
    return Term(coef, tuple(sorted(powers, key=lambda power: (not isinstance(power[0], Leaf), power[0].key))), kept)


def of_inner(chain: Chain) -> Term:
    """The scalar that a chain from a row to a column is."""
    if len(chain) == 2 and chain[0].flip == chain[1] and isinstance(chain[1].atom, Ones):
        return size(chain[1].rows).terms[0]
    other = flipped(chain)
    shown = min(chain, other, key=lambda c: sum(f.flipped for f in c))
    return Term(ONE, ((Inner(1, 1, min(chain, other, key=chain_key), shown), ONE),))


def hadamard(p: Poly, q: Poly) -> Poly:
    """The elementwise product of two expressions of one shape."""
    if not p.terms or not q.terms:
        return Poly(p.rows, p.cols)
    coef, scalars, parts = ONE, (), []  # type: tuple[Fraction, Scalars, list[Poly]]
    for each in (as_term(p), as_term(q)):
        coef, scalars = coef * each.coef, scalars + each.scalars
        if len(each.chain) == 1 and isinstance(each.chain[0].atom, Hadamard) and not each.chain[0].flipped:
            parts += each.chain[0].atom.shown
        elif not all(isinstance(f.atom, Ones) for f in each.chain):
            whole = Poly(p.rows, p.cols, (Term(ONE, (), each.chain),))
            parts.append(added([whole], p.rows, p.cols))
    if not parts:
        chain = as_term(p).chain
    elif len(parts) == 1:
        return product(Poly(1, 1, (term(coef, scalars, ()),)), parts[0])
    else:
        ordered = tuple(sorted(parts, key=lambda part: part.key))
        chain = (Factor(Hadamard(p.rows, p.cols, ordered, tuple(parts))),)
    return Poly(p.rows, p.cols, (term(coef, scalars, chain),))


def diagonal(p: Poly) -> Poly:
    """diag(p) of a column, its scalars in front; diag(1) = I."""
    if not p.terms:
        return Poly(p.rows, p.rows)
    t = as_term(p)
    whole = added([Poly(p.rows, 1, (Term(ONE, (), t.chain),))], p.rows, 1)
    eye = len(t.chain) == 1 and isinstance(t.chain[0].atom, Ones)
    atom: Atom = Eye(p.rows, p.rows) if eye else Diagonal(p.rows, p.rows, whole)
    return Poly(p.rows, p.rows, (Term(t.coef, t.scalars, (Factor(atom),)),))


def ones(rows: Size, cols: Size = 1) -> Poly:
    """All ones: 1 1ᵀ."""
    left = number(1) if rows == 1 else of_atom(Ones(rows, 1))
    right = number(1) if cols == 1 else transposed(of_atom(Ones(cols, 1)))
    return product(left, right)


def total(p: Poly) -> Poly:
    """The sum of all elements, 1ᵀ P 1; of an elementwise product, the inner product."""

    def of_term(t: Term) -> Poly:
        front = Poly(1, 1, (Term(t.coef, t.scalars),))
        chain = t.chain
        if len(chain) == 1 and isinstance(chain[0].atom, Hadamard) and len(chain[0].atom.parts) == 2:
            left, right = chain[0].atom.parts
            if left.cols == 1:
                return product(front, product(transposed(left), right))
            if left.rows == 1:
                return product(front, product(left, transposed(right)))
            return product(front, of_atom(Frobenius(1, 1, left, right)))
        whole = Poly(p.rows, p.cols, (Term(ONE, (), chain),))
        return product(front, product(product(ones(1, p.rows), whole), ones(p.cols)))

    if p.is_scalar:
        return p
    return added(map(of_term, p.terms), 1, 1)


def power(p: Poly, exponent: Fraction) -> Poly:
    """A scalar's power. √(s²) is |s|, so a root is taken of what is a square, and else stays."""
    if not exponent:
        return number(1)
    if not p.terms:
        if exponent < 0:
            raise FormulaError("div: what is divided by is 0 everywhere; check the denominator")
        return p
    t = as_term(p)
    coef = root(t.coef, exponent)
    if coef is None or (exponent.denominator > 1 and not all(is_square(atom) for atom, _ in t.scalars)):
        return Poly(1, 1, (Term(ONE, ((Sum(1, 1, p), exponent),)),))
    return Poly(1, 1, (term(coef, tuple((atom, e * exponent) for atom, e in t.scalars), ()),))


def root(number: Fraction, exponent: Fraction) -> Fraction | None:
    """``number ** exponent`` if that is rational and its base not negative under a root."""
    if exponent.denominator == 1:
        return Fraction(number) ** exponent.numerator
    if exponent.denominator != 2 or number < 0:
        return None
    top, bottom = math.isqrt(number.numerator), math.isqrt(number.denominator)
    exact = top * top == number.numerator and bottom * bottom == number.denominator
    return Fraction(top, bottom) ** exponent.numerator if exact else None


def is_square(atom: Atom) -> bool:
    """Is this vᵀv or Σᵢⱼ Pᵢⱼ², so never negative?"""
    if isinstance(atom, Inner):
        half = len(atom.chain) // 2
        return len(atom.chain) % 2 == 0 and atom.chain[half:] == flipped(atom.chain[:half])
    return isinstance(atom, Frobenius) and atom.left == atom.right
