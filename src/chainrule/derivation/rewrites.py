"""Rewrites of whole expressions, valid over the reals, and the search for the shortest form.

Each gives an expression equal to the one it gets, perhaps itself. None is better by itself: multiplied out,
AᵀAx − Aᵀb is longer than Aᵀ(Ax − b), but 2(x − s) − 2x is longer than −2s. So all are tried, and counted.
"""

from collections.abc import Callable, Iterable
from functools import reduce

from chainrule.derivation import algebra
from chainrule.derivation.terms import Chain, Factor, Inner, Poly, Scalars, Sum, Term

Cost = Callable[[Poly], int]
ROUNDS = 3


def multiplied_out(p: Poly) -> Poly:
    """A(B + C) = AB + AC, everywhere."""
    return algebra.added(map(_multiplied_out, p.terms), p.rows, p.cols)


def _multiplied_out(term: Term) -> Poly:
    parts = [algebra.number(term.coef)]
    for atom, exponent in term.scalars:
        if isinstance(atom, (Sum, Inner)) and exponent in (1, 2):
            whole = multiplied_out(atom.poly) if isinstance(atom, Sum) else _chain(atom.chain)
            parts += [whole] * int(exponent)
        else:
            parts.append(algebra.power(algebra.of_atom(atom), exponent))
    if term.chain:
        parts.append(_chain(term.chain))
    return reduce(distributed, parts)


def _chain(chain: Chain) -> Poly:
    return reduce(distributed, map(_factor, chain))


def _factor(factor: Factor) -> Poly:
    atom = factor.atom
    plain = multiplied_out(atom.poly) if isinstance(atom, Sum) else algebra.of_atom(atom)
    return algebra.transposed(plain) if factor.flipped else plain


def distributed(p: Poly, q: Poly) -> Poly:
    """(A + B)(C + D) = AC + AD + BC + BD."""
    rows, cols = (q if p.is_scalar else p).rows, (p if q.is_scalar else q).cols
    pairs = ((Poly(p.rows, p.cols, (s,)), Poly(q.rows, q.cols, (t,))) for s in p.terms for t in q.terms)
    return algebra.added((algebra.product(a, b) for a, b in pairs), rows, cols)


def factor_on_the_right(p: Poly) -> Poly:
    """AC + BC = (A + B)C."""
    return collected(p, right=True)


def factor_on_the_left(p: Poly) -> Poly:
    """CA + CB = C(A + B)."""
    return collected(p, right=False)


def collected(p: Poly, right: bool) -> Poly:
    p = algebra.added((_entered(term, right) for term in p.terms), p.rows, p.cols)
    groups: dict[tuple[Scalars, Chain, bool], list[Term]] = {}
    for term in p.terms:
        edge = term.chain[-1:] if right else term.chain[:1]
        groups.setdefault((term.scalars, edge, len(term.chain) > 1), []).append(term)
    found = []
    for (scalars, edge, _), terms in groups.items():
        if len(terms) == 1:
            found.append(Poly(p.rows, p.cols, (terms[0],)))
            continue
        rests = [Term(t.coef, (), t.chain[:-1] if right else t.chain[1:]) for t in terms]
        rows, cols = (p.rows, edge[0].rows) if right else (edge[0].cols, p.cols)
        inside = collected(algebra.added((Poly(rows, cols, (r,)) for r in rests), rows, cols), right)
        outside = Poly(edge[0].rows, edge[0].cols, (Term(algebra.ONE, (), edge),))
        whole = algebra.product(inside, outside) if right else algebra.product(outside, inside)
        found.append(algebra.product(Poly(1, 1, (Term(algebra.ONE, scalars),)), whole))
    return algebra.added(found, p.rows, p.cols)


def _entered(term: Term, right: bool) -> Poly:
    """The term with the sums among its factors collected."""
    parts = [Poly(1, 1, (Term(term.coef, term.scalars),))]
    for factor in term.chain:
        atom = factor.atom
        plain = collected(atom.poly, right) if isinstance(atom, Sum) else algebra.of_atom(atom)
        parts.append(algebra.transposed(plain) if factor.flipped else plain)
    return reduce(algebra.product, parts)


def number_in_front(p: Poly) -> Poly:
    """2a + 2b = 2(a + b)."""
    plain = all(not t.scalars and len(t.chain) == 1 and not isinstance(t.chain[0].atom, Sum) for t in p.terms)
    numbers = {abs(t.coef) for t in p.terms}
    return Poly(p.rows, p.cols, (algebra.as_term(p),)) if plain and len(numbers) == 1 and numbers != {1} else p


REAL: tuple[Callable[[Poly], Poly], ...] = (
    factor_on_the_right, factor_on_the_left, multiplied_out, number_in_front,
)  # fmt: skip


def simplest(p: Poly, cost: Cost) -> tuple[Poly, tuple[str, ...]]:
    """The cheapest of the forms that some rewrites lead to, and their laws; the first of equals."""
    found: dict[Poly, tuple[str, ...]] = {p: ()}
    fresh: Iterable[Poly] = [p]
    for _ in range(ROUNDS):
        reached: dict[Poly, tuple[str, ...]] = {}
        for form in fresh:
            for rewrite in REAL:
                new = rewrite(form)
                if new not in found and new not in reached:
                    reached[new] = (*found[form], str(rewrite.__doc__).rstrip("."))
        found.update(reached)
        fresh = reached
    best = min(found, key=cost)
    return best, found[best]


