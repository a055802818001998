"""Integer index expressions over loop axes: affine, with ``//`` and ``%`` only where a reshape needs them.

An op's ``index`` facet is called on these; composing the facets of a chain of views composes the expressions.
Every expression knows its range, so that ``(3*i0 + i1) // 3`` is ``i0`` when ``i1`` is below 3.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Union


@dataclass(frozen=True, slots=True)
class Axis:
    """A loop variable that counts from 0 to ``size`` - 1."""

    number: int
    size: int

    @property
    def lo(self) -> int:
        return 0

    @property
    def hi(self) -> int:
        return self.size - 1

    def __str__(self) -> str:
        return f"i{self.number}"


@dataclass(frozen=True, slots=True)
class Divided:
    """The floor quotient (``//``) or the remainder (``%``) of an index by a positive number."""

    sign: str
    index: "Index"
    by: int

    @property
    def lo(self) -> int:
        return self.index.lo // self.by if self.sign == "//" else 0

    @property
    def hi(self) -> int:
        return self.index.hi // self.by if self.sign == "//" else self.by - 1

    def __str__(self) -> str:
        return f"(({self.index}) {self.sign} {self.by})"


Atom = Axis | Divided
Whole = Union[int, "Index"]
Point = tuple[Any, ...]
Sizes = tuple[Any, ...]


class Index:
    """``const`` + Σ coefficient · atom, in one normal form: equal indices compare equal."""

    __slots__ = ("const", "hi", "key", "lo", "terms")

    def __init__(self, terms: Mapping[Atom, int], const: int = 0):
        kept = [(atom, c) for atom, c in terms.items() if c]
        self.terms = tuple(sorted(kept, key=_order)) if len(kept) > 1 else tuple(kept)
        self.const = const
        self.lo = const + sum(c * (a.lo if c > 0 else a.hi) for a, c in self.terms)
        self.hi = const + sum(c * (a.hi if c > 0 else a.lo) for a, c in self.terms)
        self.key = (self.terms, const)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Index) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __add__(self, other: Whole) -> "Index":
        if isinstance(other, int):
            return Index(dict(self.terms), self.const + other)
        terms = dict(self.terms)
        for atom, c in other.terms:
            terms[atom] = terms.get(atom, 0) + c
        return Index(terms, self.const + other.const)

    __radd__ = __add__

    def __mul__(self, by: int) -> "Index":
        return Index({atom: c * by for atom, c in self.terms}, self.const * by)

    __rmul__ = __mul__

    def __floordiv__(self, by: int) -> "Index":
        whole = Index({atom: c // by for atom, c in self.terms if c % by == 0}, self.const // by)
        rest = Index({atom: c for atom, c in self.terms if c % by}, self.const % by)
        return whole if rest.within(by) else whole + Index({Divided("//", rest, by): 1})

    def __mod__(self, by: int) -> "Index":
        rest = Index({atom: c for atom, c in self.terms if c % by}, self.const % by)
        return rest if rest.within(by) else Index({Divided("%", rest, by): 1})

    def __str__(self) -> str:
        parts = [str(atom) if c == 1 else f"{c}*{atom}" for atom, c in self.terms]
        return " + ".join([*parts, str(self.const)] if self.const or not parts else parts)

    __repr__ = __str__

    def within(self, size: int) -> bool:
        """Whether it never leaves 0 to ``size`` - 1."""
        return self.lo >= 0 and self.hi < size

    def coefficient(self, axis: Axis) -> int:
        return next((c for atom, c in self.terms if atom == axis), 0)

    def axes(self) -> Iterator[Axis]:
        """The axes that it depends on, repeated where they occur more than once."""
        for atom, _ in self.terms:
            yield from (atom,) if isinstance(atom, Axis) else atom.index.axes()

    def divided(self) -> Iterator[Divided]:
        return (atom for atom, _ in self.terms if isinstance(atom, Divided))

    def affine_in(self, axis: Axis) -> bool:
        return all(axis not in atom.index.axes() for atom in self.divided())

    def replace(self, axes: Mapping[Axis, Whole]) -> "Index":
        """With other indices in place of axes."""
        out = Index({}, self.const)
        for atom, c in self.terms:
            new: Whole
            if isinstance(atom, Axis):
                new = axes.get(atom, Index({atom: 1}))
            else:
                inner = atom.index.replace(axes)
                new = inner // atom.by if atom.sign == "//" else inner % atom.by
            out = out + new * c
        return out

    def at(self, place: Mapping[Axis, int]) -> int:
        """Its value where the axes have these values."""
        total = self.const
        for atom, c in self.terms:
            if isinstance(atom, Axis):
                total += c * place[atom]
            else:
                inner = atom.index.at(place)
                total += c * (inner // atom.by if atom.sign == "//" else inner % atom.by)
        return total


def _order(term: tuple[Atom, int]) -> tuple[int, int, str]:
    atom = term[0]
    return (0, atom.number, "") if isinstance(atom, Axis) else (1, 0, str(atom))


ORIGIN = Index({})


def variable(axis: Axis) -> Index:
    """The axis itself; 0 where it has no room to move."""
    return Index({axis: 1} if axis.size > 1 else {})


def flat(index: Iterable[Whole], shape: Iterable[int]) -> Index:
    """The position in a C-contiguous array of this shape."""
    position = Index({})
    for k, size in zip(index, shape, strict=True):
        position = position * size + k
    return position


def space(shape: Sizes) -> tuple[tuple[Axis, ...], Point]:
    """An axis for each size but 1, and the point that they make in an array of this shape."""
    axes = tuple(Axis(k, size) for k, size in enumerate(s for s in shape if s != 1))
    rest = iter(axes)
    return axes, tuple(ORIGIN if size == 1 else variable(next(rest)) for size in shape)


def broadcast_point(point: Any, shape: Sizes) -> Point:
    """The point of an operand of this shape that broadcasts to the given point."""
    known = (*(ORIGIN,) * (len(shape) - len(point)), *point)
    return tuple(ORIGIN if size == 1 else i for i, size in zip(known[len(known) - len(shape) :], shape, strict=True))


def splits(index: Index) -> Iterator[tuple[Axis, int]]:
    """(axis, m) pairs: with the axis split into size/m × m, a division inside the index may resolve."""
    for atom in index.divided():
        yield from splits(atom.index)
        for axis, c in atom.index.terms:
            if isinstance(axis, Axis) and atom.by % c == 0:
                m = atom.by // c
                if 1 < m < axis.size and axis.size % m == 0:
                    yield axis, m
