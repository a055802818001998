"""A Jacobian read off the pulled map: what is sent back is linear in what arrived, g ↦ M g, and M is wanted."""

from chainrule.derivation import algebra
from chainrule.derivation.terms import Atom, Chain, Diagonal, Eye, Frobenius, Hadamard, Inner, Leaf, Poly, Sum, Term
from chainrule.errors import FormulaError


def matrix_of(p: Poly, g: Leaf) -> Poly:
    """M where the column ``p`` is M g. Raises FormulaError where there is no notation for M."""
    return algebra.added((_of_term(t, g) for t in p.terms), p.rows, g.rows)


def _of_term(term: Term, g: Leaf) -> Poly:
    if term.chain and holds(term.chain[-1].atom, g):
        before = Term(term.coef, term.scalars)
        return algebra.product(Poly(1, 1, (before,)), _of_chain(term.chain, g))
    for atom, exponent in term.scalars:  # (bᵀg) a = a bᵀ g
        if exponent == 1 and holds(atom, g):
            if isinstance(atom, Inner):
                row = _of_chain(atom.chain if holds(atom.chain[-1].atom, g) else algebra.flipped(atom.chain), g)
            elif isinstance(atom, Sum):
                row = matrix_of(atom.poly, g)
            else:
                break
            others = tuple(power for power in term.scalars if power[0] != atom)
            column = Term(term.coef, others, term.chain)
            rows, cols = (term.chain[0].rows, term.chain[-1].cols) if term.chain else (1, 1)
            return algebra.product(Poly(rows, cols, (column,)), row)
    raise FormulaError("derive: the derivative has no notation as a matrix yet; derive a scalar made of it")


def _of_chain(chain: Chain, g: Leaf) -> Poly:
    """A, B, g give AB; a sum or an elementwise product at the end is entered."""
    last = chain[-1]
    if last.atom == g:
        inner = algebra.of_atom(Eye(g.rows, g.rows))
    elif isinstance(last.atom, Sum):
        inner = matrix_of(algebra.transposed(last.atom.poly) if last.flipped else last.atom.poly, g)
    elif isinstance(last.atom, Hadamard) and not last.flipped:
        parts = list(last.atom.parts)
        mine = next(part for part in parts if held(part, g))
        parts.remove(mine)
        others = algebra.ones(last.rows)
        for part in parts:
            others = algebra.hadamard(others, part)
        inner = algebra.product(algebra.diagonal(others), matrix_of(mine, g))
    else:
        raise FormulaError("derive: the derivative has no notation as a matrix yet; derive a scalar made of it")
    if len(chain) == 1:
        return inner
    return algebra.product(Poly(chain[0].rows, last.rows, (Term(algebra.ONE, (), chain[:-1]),)), inner)


def holds(atom: Atom, g: Leaf) -> bool:
    """Does ``g`` occur in the atom?"""
    match atom:
        case Sum(poly=poly) | Diagonal(poly=poly):
            return held(poly, g)
        case Hadamard(parts=parts):
            return any(held(part, g) for part in parts)
        case Inner(chain=chain):
            return any(holds(f.atom, g) for f in chain)
        case Frobenius(left=left, right=right):
            return held(left, g) or held(right, g)
    return atom == g


def held(p: Poly, g: Leaf) -> bool:
    atoms = (atom for t in p.terms for atom in (*(f.atom for f in t.chain), *(a for a, _ in t.scalars)))
    return any(holds(atom, g) for atom in atoms)
