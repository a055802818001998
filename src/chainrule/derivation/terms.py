"""What matrix expressions are made of: atoms, chains of them, terms and sums; with keys to sort them by.

A :class:`Poly` is a sum of terms; a :class:`Term` is a number, times scalars with exponents, times a chain of
matrices. Vectors are columns. Sorting goes by each variable's place in the user's formula, so that terms keep the
user's order; where a law has two sides, what is ``shown`` is the side that the user wrote.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

from chainrule.spec import Size

LAST = 999  # the place of what is not in the formula


@dataclass(frozen=True)
class Atom:
    """What a chain is made of: ``rows`` × ``cols``."""

    rows: Size
    cols: Size
    symmetric: bool = field(default=False, kw_only=True)
    """Is it its own transpose?"""

    @property
    def key(self) -> str:
        """What atoms are sorted by."""
        raise NotImplementedError


@dataclass(frozen=True)
class Leaf(Atom):
    """A variable, or a size as a number; ``place`` is where in the formula it first stands."""

    name: str
    place: int = LAST

    @property
    def key(self) -> str:
        return f"{self.place:03}{self.name}"


@dataclass(frozen=True)
class Ones(Atom):
    """A column of ones."""

    @property
    def key(self) -> str:
        return f"~1{self.rows}"


@dataclass(frozen=True)
class Eye(Atom):
    """The identity."""

    symmetric: bool = field(default=True, kw_only=True)

    @property
    def key(self) -> str:
        return f"~I{self.rows}"


@dataclass(frozen=True)
class Sum(Atom):
    """A sum as one factor."""

    poly: "Poly"

    @cached_property
    def key(self) -> str:
        return f"({self.poly.key})"


@dataclass(frozen=True)
class Hadamard(Atom):
    """The elementwise product of two or more equal shapes."""

    parts: "tuple[Poly, ...]"
    shown: "tuple[Poly, ...]" = field(compare=False)
    """As the user wrote it; ``parts`` are sorted."""

    @cached_property
    def key(self) -> str:
        return " *".join(p.key for p in self.parts)


@dataclass(frozen=True)
class Diagonal(Atom):
    """The matrix with a vector on its diagonal."""

    poly: "Poly"
    symmetric: bool = field(default=True, kw_only=True)

    @cached_property
    def key(self) -> str:
        return f"{self.poly.key}d"


@dataclass(frozen=True)
class Inner(Atom):
    """A scalar: a chain that begins with a row and ends with a column."""

    chain: "tuple[Factor, ...]"
    shown: "tuple[Factor, ...]" = field(compare=False)
    """As the user wrote it, the chain or its transpose."""

    @cached_property
    def key(self) -> str:
        return chain_key(self.chain)


@dataclass(frozen=True)
class Frobenius(Atom):
    """A scalar: the inner product of two matrices, Σᵢⱼ PᵢⱼQᵢⱼ."""

    left: "Poly"
    right: "Poly"

    @cached_property
    def key(self) -> str:
        return f"<{self.left.key},{self.right.key}>"


@dataclass(frozen=True)
class Factor:
    """An atom in a chain, transposed or not."""

    atom: Atom
    flipped: bool = False

    @property
    def rows(self) -> Size:
        return self.atom.cols if self.flipped else self.atom.rows

    @property
    def cols(self) -> Size:
        return self.atom.rows if self.flipped else self.atom.cols

    @property
    def key(self) -> str:
        return self.atom.key + "t" * self.flipped

    @property
    def flip(self) -> "Factor":
        return self if self.atom.symmetric else Factor(self.atom, not self.flipped)


def chain_key(chain: "tuple[Factor, ...]") -> str:
    return "".join(f"{f.key} " for f in chain)


Scalars = tuple[tuple[Atom, Fraction], ...]
Chain = tuple[Factor, ...]


@dataclass(frozen=True)
class Term:
    """``coef`` · scalars · chain; without a chain it is a scalar."""

    coef: Fraction
    scalars: Scalars = ()
    chain: Chain = ()

    @cached_property
    def key(self) -> str:
        scalars = "".join(f"{atom.key} ^{-exponent}" for atom, exponent in self.scalars)
        return f"{chain_key(self.chain)}|{scalars}"


@dataclass(frozen=True)
class Poly:
    """A sum of terms, none like another, sorted."""

    rows: Size
    cols: Size
    terms: tuple[Term, ...] = ()

    @cached_property
    def key(self) -> str:
        return "+".join(f"{t.coef}{t.key}" if t.coef != 1 else t.key for t in self.terms)

    @property
    def is_scalar(self) -> bool:
        return self.rows == 1 and self.cols == 1
