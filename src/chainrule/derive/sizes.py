"""What kind each name of a formula is, and the sizes of its vectors and matrices, inferred by unification.

By convention a lower-case name is a vector, an upper-case one a matrix, a small Greek letter a scalar; the user may
declare otherwise. Each size is unknown at first; ``A @ x`` makes two of them one. A declared size stays as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from chainrule.errors import FormulaError, ShapeError
from chainrule.expr import greek_name
from chainrule.formula import Formula, Part
from chainrule.op import Op
from chainrule.ops import reduction
from chainrule.spec import Dim, Size, Spec, float64
from chainrule.vocabulary import Vocabulary

KINDS = {"scalar": 0, "vector": 1, "matrix": 2, "symmetric": 2}
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
                factors = [self.find(Dim(f)) for f in size.split("*")]
                return factors[0] * factors[1] if len(factors) == 2 else Dim("*".join(sorted(map(str, factors))))
            while size in self.same:
                size = self.same[size]
        return size

    def unify(self, a: Size, b: Size) -> bool:
        """Let two sizes be one, if that may be."""
        a, b = self.find(a), self.find(b)
        if a != b and isinstance(a, Dim) and isinstance(b, Dim) and not "*" in a + b:
            if a not in self.fixed:
                self.same[a] = b
            elif b not in self.fixed:
                self.same[b] = a
        return self.find(a) == self.find(b)


class Sized(Vocabulary):
    """A carrier of nothing but sizes; ops on it unify them."""

    __slots__ = ("label", "sizes", "given")

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

    def _apply(self, op: Op, inputs: Sequence[Any], **params: Any) -> Self:
        carriers = [x for x in inputs if isinstance(x, Sized)]
        if op is reduction.matmul:
            self._fit(carriers[0], -1, carriers[1], -2)
        elif op.promotes:
            for axis in range(-min(map(len, (c.given for c in carriers))), 0):
                if 1 not in (carriers[0].shape[axis], carriers[-1].shape[axis]):
                    self._fit(carriers[0], axis, carriers[-1], axis, op.infix or op.name)
        specs = [Spec(x.shape, self.np_dtype) if isinstance(x, Sized) else x for x in inputs]
        return type(self)(self.sizes, op.spec(*specs, **params).shape, carriers[0].label)
