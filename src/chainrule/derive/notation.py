"""Matrix expressions written: as text, (A + Aᵀ)x; as LaTeX; and as code over NumPy, where vectors have one axis."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from fractions import Fraction

from chainrule.derive.algebra import (
    Atom, Chain, Diagonal, Eye, Factor, Frobenius, Hadamard, Inner, Leaf, Ones, Poly, Sum, Term, flipped, is_square,
)  # fmt: skip
from chainrule.expr import greek_name, latex_name
from chainrule.spec import Size

SUM, PRODUCT, ATOM = 1, 2, 3
Piece = tuple[str, int]
"""An expression, and how tightly it holds together."""
SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class Text:
    """Mathematics in Unicode. ``norms``: write ‖x‖² for xᵀx, as the user did."""

    minus, times, dot = "−", "", " ⊙ "

    def __init__(self, names: Collection[str] = (), norms: bool = False):
        self.names = names
        self.norms = norms

    def __call__(self, p: Poly) -> str:
        return self.poly(p)[0]

    # -- sums, products, chains ----------------------------------------------------------------------------------

    def poly(self, p: Poly) -> Piece:
        if not p.terms:
            return self.zero(p), ATOM
        terms = sorted(p.terms, key=lambda t: t.coef < 0) if p.terms[0].coef < 0 else p.terms
        shown, binds = self.term(terms[0], p)
        shown = self.minus * (terms[0].coef < 0) + shown
        for t in terms[1:]:
            shown += f" {self.minus if t.coef < 0 else '+'} {self.term(t, p)[0]}"
        return shown, SUM if len(terms) > 1 else min(binds, PRODUCT) if terms[0].coef < 0 else binds

    def term(self, t: Term, p: Poly) -> Piece:
        """A term without its sign."""
        decimal = as_decimal(abs(t.coef))
        above = [] if decimal == "1" else [(self.number(decimal or str(abs(t.coef.numerator))), ATOM)]
        below = [] if decimal else [(self.number(str(t.coef.denominator)), ATOM)]
        above += [self.power(atom, e) for atom, e in t.scalars if e > 0]
        below += [self.power(atom, -e) for atom, e in t.scalars if e < 0]
        if t.chain:
            above.append(self.chain(t.chain))
        elif not p.is_scalar:
            raise AssertionError(p)
        whole = self.product(above) if above else ("1", ATOM)
        return self.fraction(whole, self.product(below)) if below else whole

    def power(self, atom: Atom, exponent: Fraction) -> Piece:
        """A scalar with a positive exponent."""
        if is_square(atom) and (self.norms or exponent.denominator == 2 or isinstance(atom, Frobenius)):
            of = atom.left if isinstance(atom, Frobenius) else None
            inside = self.poly(of) if of else self.chain(atom.chain[len(atom.chain) // 2 :])  # type: ignore[attr-defined]
            return self.raised(self.norm(inside[0]), 2 * exponent)
        if isinstance(atom, Frobenius):
            base = self.total(self.dot.join(hold(self.poly(side), ATOM) for side in (atom.left, atom.right)))
        elif isinstance(atom, Inner):
            base = self.inner(atom.chain)
        else:
            base = self.factor(Factor(atom))
        return self.raised(base, exponent)

    def inner(self, chain: Chain) -> Piece:
        """aᵀx; or what is summed, where a chain begins or ends with ones."""
        first, last = isinstance(chain[0].atom, Ones), isinstance(chain[-1].atom, Ones)
        if not first and not last:
            return self.joined(chain)
        rest = chain[first : len(chain) - last]
        return self.total(self.chain(flipped(rest) if rest[0].rows == 1 else rest)[0])

    def chain(self, chain: Chain) -> Piece:
        return self.joined(chain) if len(chain) > 1 else self.factor(chain[0])

    def joined(self, chain: Chain) -> Piece:
        return self.product([self.factor(f) for f in chain])

    def factor(self, factor: Factor) -> Piece:
        atom = factor.atom
        match atom:
            case Leaf(name=name):
                plain: Piece = self.name(name), ATOM
            case Ones(rows=rows):
                plain = self.ones(rows), ATOM
            case Eye(rows=rows):
                plain = self.eye(rows), ATOM
            case Diagonal(poly=poly):
                plain = self.diagonal(self.poly(poly)[0]), ATOM
            case Hadamard(parts=parts):
                plain = self.dot.join(hold(self.poly(part), PRODUCT + (self.times == "")) for part in parts), SUM
            case Sum(poly=poly):
                plain = self.poly(poly)
            case _:
                raise AssertionError(atom)
        return self.transposed(plain, atom) if factor.flipped else plain

    # -- how things are spelled ----------------------------------------------------------------------------------

    def number(self, shown: str) -> str:
        return shown

    def name(self, name: str) -> str:
        base, digits = re.fullmatch(r"(.*?)_?(\d*)", name, re.DOTALL).groups()  # type: ignore[union-attr]
        greek = greek_name(base)
        if len(base) > 1 and greek:
            size = "CAPITAL" if base[0].isupper() else "SMALL"
            base = unicodedata.lookup(f"GREEK {size} LETTER {greek.upper().replace('LAMBDA', 'LAMDA')}")
        return base + digits.translate(SUBSCRIPT)

    def ones(self, rows: Size) -> str:
        return "𝟏"

    def eye(self, rows: Size) -> str:
        return "𝐈" if "I" in self.names else "I"

    def zero(self, p: Poly) -> str:
        return "0"

    def diagonal(self, shown: str) -> str:
        return f"diag({shown})"

    def total(self, shown: str) -> Piece:
        return f"sum({shown})", ATOM

    def norm(self, shown: str) -> Piece:
        return f"‖{shown}‖", ATOM

    def transposed(self, piece: Piece, atom: Atom) -> Piece:
        return hold(piece, ATOM) + "ᵀ", ATOM

    def raised(self, base: Piece, exponent: Fraction) -> Piece:
        if exponent == 1:
            return base
        if exponent == Fraction(1, 2):
            return f"√{hold(base, ATOM) if base[1] == ATOM else f'({base[0]})'}", ATOM
        shown = str(exponent).translate(SUPERSCRIPT) if exponent.denominator == 1 else f"^({exponent})"
        return hold(base, ATOM) + shown, ATOM

    def product(self, pieces: Sequence[Piece]) -> Piece:
        if len(pieces) == 1:
            return pieces[0]
        shown = hold(pieces[0], PRODUCT)
        if pieces[0][1] < ATOM or (pieces[0][1] == PRODUCT):
            shown = f"({pieces[0][0]})"
        for piece in pieces[1:]:
            nxt = hold(piece, ATOM)
            shown += ("·" if needs_dot(shown, nxt) else "") + nxt
        return shown, PRODUCT

    def fraction(self, above: Piece, below: Piece) -> Piece:
        return f"{hold(above, PRODUCT)}/{hold(below, ATOM)}", PRODUCT


def needs_dot(left: str, right: str) -> bool:
    """Would two factors side by side read as one name or number?"""
    word = re.compile(r"[^\W\d_]+[₀-₉]*", re.UNICODE)
    ends, begins = re.search(r"[^\W_]+[₀-₉]*$", left), word.match(right)
    if right[:1].isdigit():
        return True
    if not ends or not begins:
        return False
    return len(begins.group().rstrip("₀₁₂₃₄₅₆₇₈₉")) > 1


def hold(piece: Piece, binds: int) -> str:
    return piece[0] if piece[1] >= binds else f"({piece[0]})"


def as_decimal(number: Fraction) -> str:
    """The number in at most six digits, or "" where it is only a fraction."""
    shown = f"{float(number):g}"
    return shown if Fraction(shown) == number else ""
