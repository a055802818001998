"""Matrix expressions written: as text, (A + Aᵀ)x; as LaTeX; and as code over NumPy, where vectors have one axis."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from fractions import Fraction

from chainrule.derivation.algebra import flipped, is_square
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
    Sum,
    Term,
)
from chainrule.expr import greek_name, latex_name
from chainrule.spec import Size

SUM, ENTRY, PRODUCT, ATOM = 1, 2, 3, 4  # how tightly an expression holds together; ENTRY: products of elements
Piece = tuple[str, int]
SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class Text:
    """Mathematics in Unicode, for a formula of the given ``names``. ``norms``: write ‖x‖² for xᵀx, as its user did."""

    minus = "−"

    def __init__(self, names: Collection[str] = (), norms: bool = False):
        self.names = names
        self.norms = norms

    def __call__(self, p: Poly) -> str:
        return self.poly(p)[0]

    # -- sums, products, chains ----------------------------------------------------------------------------------

    def poly(self, p: Poly) -> Piece:
        if not p.terms:
            return self.zero(p), ATOM
        terms = sorted(p.terms, key=lambda t: t.coef < 0)
        if p.terms[0].coef > 0:
            terms = list(p.terms)
        shown, binds = self.term(terms[0])
        if terms[0].coef < 0:
            shown, binds = self.minus + shown, min(binds, PRODUCT)
        for t in terms[1:]:
            shown, binds = f"{shown} {self.minus if t.coef < 0 else '+'} {self.term(t)[0]}", SUM
        return shown, binds

    def term(self, t: Term) -> Piece:
        """A term without its sign."""
        coef = abs(t.coef)
        decimal = as_decimal(coef)
        above, below = ([self.power(atom, abs(e)) for atom, e in t.scalars if e * sign > 0] for sign in (1, -1))
        if t.chain:
            above.append(self.chain(t.chain))
        above, below = ([*((self.hold(p, ATOM), ATOM) for p in side[:-1]), *side[-1:]] for side in (above, below))
        if not t.chain and len(above) > 1:
            above[-1] = self.hold(above[-1], ATOM), ATOM
        if decimal != "1" and (decimal or coef.numerator != 1):
            above.insert(0, (decimal or str(coef.numerator), ATOM))
        if not decimal:
            below.insert(0, (str(coef.denominator), ATOM))
        whole = self.product(above) if above else ("1", ATOM)
        return self.fraction(whole, self.product(below)) if below else whole

    def power(self, atom: Atom, exponent: Fraction) -> Piece:
        """A scalar with a positive exponent."""
        if is_square(atom) and (self.norms or exponent.denominator == 2 or isinstance(atom, Frobenius)):
            if isinstance(atom, Inner):
                return self.raised(self.norm(self.chain(atom.shown[len(atom.shown) // 2 :])[0]), 2 * exponent)
            assert isinstance(atom, Frobenius)
            return self.raised(self.norm(self.poly(atom.left)[0]), 2 * exponent)
        return self.raised(self.scalar(atom), exponent)

    def scalar(self, atom: Atom) -> Piece:
        if isinstance(atom, Frobenius):
            return self.total(self.entries((atom.left, atom.right)))
        if not isinstance(atom, Inner):
            return self.factor(Factor(atom))
        first, last = (isinstance(atom.shown[k].atom, Ones) for k in (0, -1))
        if not first and not last:
            return self.chain(atom.shown)
        rest = atom.shown[first : len(atom.shown) - last]
        return self.total(self.chain(flipped(rest) if rest[0].rows == 1 else rest)[0])

    def chain(self, chain: Chain) -> Piece:
        return self.product([self.factor(f) for f in chain])

    def factor(self, factor: Factor) -> Piece:
        match factor.atom:
            case Leaf(name=name):
                plain: Piece = self.name(name), ATOM
            case Ones(rows=rows):
                plain = self.ones(rows), ATOM
            case Eye(rows=rows):
                plain = self.eye(rows), ATOM
            case Diagonal(poly=poly):
                plain = self.diagonal(self.poly(poly)[0]), ATOM
            case Hadamard(shown=parts):
                plain = self.entries(parts), ENTRY
            case Sum(poly=poly):
                plain = self.poly(poly)
            case other:
                raise AssertionError(other)
        return self.transposed(plain, factor.atom) if factor.flipped else plain

    # -- how things are spelled ----------------------------------------------------------------------------------

    def hold(self, piece: Piece, binds: int) -> str:
        return piece[0] if piece[1] >= binds else f"({piece[0]})"

    def name(self, name: str) -> str:
        base, digits = re.fullmatch(r"(.*?)_?(\d*)", name).groups()  # type: ignore[union-attr]
        return (greek_letter(base) or base) + digits.translate(SUBSCRIPT)

    def entries(self, parts: Sequence[Poly]) -> str:
        return " ⊙ ".join(self.hold(self.poly(part), PRODUCT) for part in parts)

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
        return self.hold(piece, ATOM) + "ᵀ", ATOM

    def raised(self, base: Piece, exponent: Fraction) -> Piece:
        if exponent == 1:
            return base
        if exponent == Fraction(1, 2):
            return f"√({base[0]})", ATOM
        shown = str(exponent).translate(SUPERSCRIPT) if exponent.denominator == 1 else f"^({exponent})"
        return self.hold(base, ATOM) + shown, ATOM

    def product(self, pieces: Sequence[Piece]) -> Piece:
        """Side by side; with a dot between where names have several letters."""
        if len(pieces) == 1:
            return pieces[0]
        long = any(len(self.name(name).rstrip("₀₁₂₃₄₅₆₇₈₉")) > 1 for name in self.names)
        shown = ""
        for piece in pieces:
            right = self.hold(piece, PRODUCT)
            shown += "·" * bool(shown and (long or right[0] in "0123456789")) + right
        return shown, PRODUCT

    def fraction(self, above: Piece, below: Piece) -> Piece:
        return f"{self.hold(above, PRODUCT)}/{self.hold(below, ATOM)}", PRODUCT


class Latex(Text):
    """Mathematics in LaTeX."""

    minus = "-"

    def hold(self, piece: Piece, binds: int) -> str:
        return piece[0] if piece[1] >= binds else rf"\left({piece[0]}\right)"

    def name(self, name: str) -> str:
        return latex_name(name)

    def entries(self, parts: Sequence[Poly]) -> str:
        return r" \odot ".join(self.hold(self.poly(part), PRODUCT) for part in parts)

    def ones(self, rows: Size) -> str:
        return r"\mathbf{1}"

    def eye(self, rows: Size) -> str:
        return r"\mathbf{I}" if "I" in self.names else "I"

    def diagonal(self, shown: str) -> str:
        return rf"\operatorname{{diag}}\left({shown}\right)"

    def total(self, shown: str) -> Piece:
        return rf"\operatorname{{sum}}\left({shown}\right)", ATOM

    def norm(self, shown: str) -> Piece:
        return rf"\left\lVert {shown}\right\rVert", ATOM

    def transposed(self, piece: Piece, atom: Atom) -> Piece:
        return self.hold(piece, ATOM) + r"^{\top}", ATOM

    def raised(self, base: Piece, exponent: Fraction) -> Piece:
        if exponent == Fraction(1, 2):
            return rf"\sqrt{{{base[0]}}}", ATOM
        return base if exponent == 1 else (f"{self.hold(base, ATOM)}^{{{exponent}}}", ATOM)

    def product(self, pieces: Sequence[Piece]) -> Piece:
        if len(pieces) == 1:
            return pieces[0]
        shown = [self.hold(piece, PRODUCT) for piece in pieces]
        return shown[0] + "".join((r" \cdot " if s[0].isdigit() else " ") + s for s in shown[1:]), PRODUCT

    def fraction(self, above: Piece, below: Piece) -> Piece:
        return rf"\frac{{{above[0]}}}{{{below[0]}}}", PRODUCT


class Code(Text):
    """Python over NumPy: ``np``, the variables and the sizes are in scope, a vector is an array of one axis."""

    minus = "-"

    def name(self, name: str) -> str:
        return name

    def entries(self, parts: Sequence[Poly]) -> str:
        return " * ".join(self.hold(self.poly(part), ATOM) for part in parts)  # @ binds no tighter than *

    def ones(self, rows: Size) -> str:
        return f"np.ones({rows})"

    def eye(self, rows: Size) -> str:
        return f"np.eye({rows})"

    def zero(self, p: Poly) -> str:
        sizes = [str(s) for s in (p.rows, p.cols) if s != 1]
        return f"np.zeros({sizes[0] if len(sizes) == 1 else '(' + ', '.join(sizes) + ')'})" if sizes else "0.0"

    def diagonal(self, shown: str) -> str:
        return f"np.diag({shown})"

    def total(self, shown: str) -> Piece:
        return f"np.sum({shown})", ATOM

    def norm(self, shown: str) -> Piece:
        return f"np.linalg.norm({shown})", ATOM

    def transposed(self, piece: Piece, atom: Atom) -> Piece:
        return piece if 1 in (atom.rows, atom.cols) else (self.hold(piece, ATOM) + ".T", ATOM)

    def raised(self, base: Piece, exponent: Fraction) -> Piece:
        if exponent == Fraction(1, 2):
            return f"np.sqrt({base[0]})", ATOM
        shown = str(exponent) if exponent.denominator == 1 else f"({exponent})"
        return base if exponent == 1 else (f"{self.hold(base, ATOM)}**{shown}", ATOM)

    def chain(self, chain: Chain) -> Piece:
        """A column times a row is an outer product."""
        narrow = next((k for k in range(1, len(chain)) if chain[k].rows == 1), None)
        if narrow is None:
            pieces = [self.factor(f) for f in chain]
            if len(pieces) == 1:
                return pieces[0]
            return " @ ".join([self.hold(pieces[0], PRODUCT), *(self.hold(p, ATOM) for p in pieces[1:])]), PRODUCT
        left, right = chain[:narrow], chain[narrow:]
        if len(chain) == 2 and all(isinstance(f.atom, Ones) for f in chain):
            return f"np.ones(({left[0].rows}, {right[0].cols}))", ATOM
        return f"np.outer({self.chain(left)[0]}, {self.chain(right)[0]})", ATOM

    def product(self, pieces: Sequence[Piece]) -> Piece:
        if len(pieces) == 1:
            return pieces[0]
        return " * ".join(self.hold(p, ENTRY) for p in pieces), PRODUCT


def greek_letter(name: str) -> str:
    """``α`` for ``alpha``; "" for a name that is not Greek."""
    greek = greek_name(name)
    if not greek:
        return ""
    size = "CAPITAL" if greek[0].isupper() else "SMALL"
    return unicodedata.lookup(f"GREEK {size} LETTER {greek.upper().replace('LAMBDA', 'LAMDA')}")


def as_decimal(number: Fraction) -> str:
    """The number in at most six digits, or "" where it is only a fraction."""
    shown = str(number) if number.denominator == 1 else f"{float(number):g}"
    return shown if Fraction(shown) == number else ""
