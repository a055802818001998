"""What kind each name of a formula is, and the sizes of its vectors and matrices, inferred by unification.

By convention a lower-case name is a vector, an upper-case one a matrix, a small Greek letter a scalar; the user may
declare otherwise. Each size is unknown at first; ``A @ x`` makes two of them one. A declared size stays as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Any, Self

import numpy as np

from chainrule.errors import FormulaError, ShapeError
from chainrule.expr import greek_name
from chainrule.formula import Formula, Part
from chainrule.op import Op
from chainrule.ops import reduction
from chainrule.spec import Dim, Size, Spec, float64, numel
from chainrule.vocabulary import Vocabulary
from chainrule.vocabulary.shapes import sizes_of

KINDS = {"scalar": 0, "vector": 1, "matrix": 2, "symmetric": 2}
AXES = ((), ("len",), ("rows", "columns"))
LETTERS = ("n", "m", "k", "p", "q", "r", "s", "t")


@dataclass(frozen=True)
class Declared:
    """A name of the formula: the sizes of its axes (one for a vector), and whether it equals its transpose."""

    shape: tuple[Dim, ...]
    symmetric: bool = False


class Sizes:
    """Sizes that are known to be equal, by union and find."""

    def __init__(self, fixed: Sequence[Dim]):
        self.fixed = frozenset(fixed)
        self.same: dict[Dim, Dim] = {}

    def find(self, size: Size) -> Size:
        if isinstance(size, Dim):
            if "*" in size:
                return numel(self.find(Dim(factor)) for factor in size.split("*"))
            while size in self.same:
                size = self.same[size]
        return size

    def unify(self, a: Size, b: Size) -> bool:
        """Let two sizes be one, if that may be."""
        a, b = self.find(a), self.find(b)
        if a != b and isinstance(a, Dim) and isinstance(b, Dim) and "*" not in a + b:
            if a not in self.fixed:
                self.same[a] = b
            elif b not in self.fixed:
                self.same[b] = a
        return self.find(a) == self.find(b)


class Sized(Vocabulary):
    """A carrier of nothing but sizes; ops on it unify them."""

    __slots__ = ("given", "label", "sizes")

    def __init__(self, sizes: Sizes, shape: tuple[Size, ...], label: str = ""):
        self.sizes = sizes
        self.given = shape
        self.label = label

    @property
    def shape(self) -> tuple[Size, ...]:
        return tuple(self.sizes.find(s) for s in self.given)

    @property
    def np_dtype(self) -> np.dtype[Any]:
        return float64.numpy

    def _full(self, shape: tuple[Size, ...], number: Any) -> Self:
        return type(self)(self.sizes, shape, str(number))

    def reshape(self, *sizes: Any, shape: Any = ()) -> Self:
        if -1 in sizes_of(sizes or (shape,)):
            raise ShapeError("reshape: sizes are symbols here, and -1 cannot be reckoned from them; name the sizes")
        return super().reshape(*sizes, shape=shape)

    def __getitem__(self, key: Any) -> Self:
        raise ShapeError(f"index: the sizes of {self.label} are symbols here; take parts with a product, such as e @ x")

    def matmul(self, other: Any) -> Self:
        vectors = isinstance(other, Sized) and self.ndim == other.ndim == 1
        if vectors and other.label.endswith(".T") and not self.label.endswith(".T"):
            raise ShapeError(f"matmul: {self.label} @ {other.label} of vectors is a matrix where vectors are columns, "
                             "and the inner product in NumPy; for the inner product write x.T @ y or x @ y")
        return super().matmul(other)

    def _apply(self, op: Op, inputs: Sequence[Any], **params: Any) -> Self:
        carriers = [x for x in inputs if isinstance(x, Sized)]
        first, last = carriers[0], carriers[-1]
        if op is reduction.matmul:
            first._fit(op, -1, last, -2)
        elif op.promotes:
            for axis in range(-min(first.ndim, last.ndim), 0):
                if 1 not in (first.shape[axis], last.shape[axis]):
                    first._fit(op, axis, last, axis)
        specs = [Spec(x.shape, self.np_dtype) if isinstance(x, Sized) else x for x in inputs]
        return type(self)(self.sizes, op.spec(*specs, **params).shape, first.label)

    def _fit(self, op: Op, axis: int, other: "Sized", other_axis: int) -> None:
        if not self.sizes.unify(self.shape[axis], other.shape[other_axis]):
            where = "the first's columns, the second's rows" if op is reduction.matmul else "element by element"
            raise ShapeError(f"{op.name}: {self.described()} and {other.described()} do not fit: {self.shape[axis]} "
                             f"must equal {other.shape[other_axis]} ({where}). Transpose one (.T), check the order, "
                             "or declare other sizes")  # fmt: skip

    def described(self) -> str:
        """``x of length n``, ``A of shape m × n``."""
        sizes = [s for s in self.shape if s != 1] or [1]
        return f"{self.label} of length {sizes[0]}" if len(sizes) == 1 else f"{self.label} of shape {times(sizes)}"


def times(sizes: Sequence[Size]) -> str:
    return " × ".join(map(str, sizes))


def by_convention(name: str) -> str:
    """What a name is unless it is declared."""
    if name[0].isupper():
        return "matrix"
    return "scalar" if greek_name(name.rstrip("0123456789_")) else "vector"


def inferred(formula: Formula, wrt: str, declared: Mapping[str, Any]) -> dict[str, Declared]:
    """The kind and sizes of each name. Raises FormulaError for sizes that do not fit and bad declarations."""
    if "np" in formula.names:
        raise FormulaError("derive: np is NumPy in the code that is derived; give the variable another name")
    for name in (*declared, wrt):
        if name not in formula.names:
            raise FormulaError(f"derive: there is no {name} in {formula.text}; its variables are "
                               f"{', '.join(formula.names) or 'none'}")  # fmt: skip
    shapes: dict[str, tuple[Dim, ...]] = {}
    for name in formula.names:
        given = declared.get(name, by_convention(name))
        if isinstance(given, str):
            if given not in KINDS:
                raise FormulaError(f"derive: {name}={given!r} is no kind; declare one of {', '.join(KINDS)}, or sizes "
                                   f"such as {name}=('m', 'n')")  # fmt: skip
            shapes[name] = tuple(Dim(f"{axis}({name})") for axis in AXES[KINDS[given]])
        else:
            shapes[name] = tuple(fixed_size(name, size, formula.names) for size in given)
    fixed = sorted({size for shape in shapes.values() for size in shape if size.isidentifier()})
    sizes = Sizes(fixed)
    for name, given in declared.items():
        if given == "symmetric":
            sizes.unify(*shapes[name])

    def label(part: Part, value: Sized) -> None:
        value.label = part.text

    formula.evaluate({name: Sized(sizes, shape, name) for name, shape in shapes.items()}, label)
    taken = {*fixed, *formula.names}
    letters = (letter for letter in chain(LETTERS, (f"n{k}" for k in count())) if letter not in taken)
    for name in (wrt, *formula.names):
        for size in reversed(shapes[name]):
            if not str(sizes.find(size)).isidentifier():
                sizes.unify(size, Dim(next(letters)))
    return {name: Declared(tuple(Dim(sizes.find(s)) for s in shape), declared.get(name) == "symmetric")
            for name, shape in shapes.items()}  # fmt: skip


def fixed_size(name: str, size: Any, names: Sequence[str]) -> Dim:
    if not isinstance(size, str) or not size.isidentifier():
        raise FormulaError(f"derive: {name} is declared with the size {size!r}; sizes are names such as 'n', since the "
                           "formula holds for every size")  # fmt: skip
    if size in names:
        raise FormulaError(f"derive: {size!r} is a size of {name} and also a variable; give the size another name")
    return Dim(size)
