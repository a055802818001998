"""What one element of a value is, as a scalar expression: read from the facets of the op records.

``scalar`` gives the expression, ``index`` moves the point at which the input is asked, ``reduces`` folds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import prod
from typing import Any

import numpy as np

from chainrule.compiler.index import Axis, Index, flat, variable
from chainrule.compiler.loops import FOLDS
from chainrule.compiler.scalar import HEAVY, OPERATIONS, WHOLE, Buffer, Pool, Scalar, walk
from chainrule.errors import TraceError
from chainrule.ir import CONST, Value
from chainrule.op import Op
from chainrule.ops import reduction

Point = tuple[Any, ...]
Sizes = tuple[Any, ...]
ORIGIN = Index({})


@dataclass(frozen=True)
class Fold:
    """A value whose element at ``target(point)`` is the fold of ``body(point)`` over the points of ``shape``."""

    name: str
    shape: Sizes
    body: Callable[[Point], Scalar]
    target: Callable[[Point], Point]


@dataclass(frozen=True)
class Place:
    """Where an op reads or writes: ``by`` past ``offset``; ``there`` says whether that is a place of the tensor."""

    offset: Index
    by: Scalar | None = None
    there: Scalar | None = None

    def inside(self, element: Scalar) -> Scalar:
        """The element; NaN where eager mode would have raised IndexError, 0 for integers."""
        return element if self.there is None else element.where(self.there, np.nan if element.dtype.kind == "f" else 0)


class Elements:
    """Expressions for elements of values; a value that has a buffer is loaded, any other is computed in place."""

    def __init__(self) -> None:
        self.pool = Pool()
        self.buffers: dict[Value, Buffer] = {}
        self.made: dict[tuple[Value, Point], Scalar] = {}
        self.unrolled: set[Value] = set()
        """Folds of so few elements that they are written out."""

    def at(self, value: Value, point: Point) -> Scalar:
        """The element of a value at a point."""
        if value in self.buffers:
            return self.pool.load(self.buffers[value], flat(point, value.shape))
        key = (value, point)
        if key not in self.made:
            self.made[key] = self.define(value, point)
        return self.made[key]

    def define(self, value: Value, point: Point) -> Scalar:
        """The element computed from the value's arguments; no fold over more than one element."""
        op = value.op
        if isinstance(op, str):
            return self.pool.const(value.const, value.dtype)
        if op.scalar:
            args = [self.at(a, broadcast_point(point, a.shape)) for a in value.args]
            result: Scalar = op.scalar(*args, **value.params)
            return result.cast(value.dtype)
        if op.index:
            arg = value.args[0]
            return self.at(arg, tuple(map(_index, op.index(point, arg.spec, **value.params))))
        if op.places:
            place = self.place(op, point, value.args, value.params)
            buffer = self.buffers.get(value.args[0])
            if place.by is None or buffer is None:
                return self.at(value.args[0], point[: value.args[0].ndim])
            return place.inside(self.pool.pick(buffer, place.offset, place.by))
        if op.keeps:
            kept = self.pool.position(_index(op.keeps(point, value.args[0].spec, **value.params))) >= 0
            return self.at(value.args[0], point).where(kept, 0)
        fold = self.fold(value)
        if fold is None:
            raise TraceError(f"compile: the op {op.name} has no lowering to loops; call it outside the compiled step")
        if prod(fold.shape) == 0:
            return self.pool.const(FOLDS[fold.name] + 0.0, value.dtype)
        found = [fold.body(place) for place in _places(fold, point)]
        if op.finds:
            return self._place_of(op.finds, found)
        return reduce(lambda x, y: x._of(fold.name, y), found).cast(value.dtype)

    def _place_of(self, extreme: str, found: Sequence[Scalar]) -> Scalar:
        """Which of the elements is the extremum: of equals the first, of NaN before any number."""
        best, at = found[0], self.pool.const(0, WHOLE)
        for k, x in enumerate(found[1:], 1):
            better = (x > best if extreme == "maximum" else x < best) | (x != x) & (best == best)
            best, at = x.where(better, best), self.pool.const(k, WHOLE).where(better, at)
        return at

    def place(self, op: Op, point: Point, args: Sequence[Value], params: Mapping[str, Any]) -> Place:
        """Where an op that reads at positions looks in its first argument. Outside, it is led back to the edge."""

        def read(k: int, at: Point) -> Scalar:
            return self.at(args[k], broadcast_point(at, args[k].shape)).cast(WHOLE)

        shape, stride = args[0].shape, 1
        found = Place(ORIGIN)
        entries = op.places(point, read, *(a.spec for a in args), **params)  # type: ignore[misc]
        for entry, size in zip(reversed(entries), reversed(shape)):
            if isinstance(entry, Scalar):
                entry = entry.where(entry >= 0, entry + size)
                there = (entry >= 0) & (entry < size)
                far = entry.maximum(0).minimum(size - 1) * stride
                found = Place(found.offset, far if found.by is None else found.by + far,
                              there if found.there is None else found.there & there)  # fmt: skip
            else:
                found = Place(found.offset + entry * stride, found.by, found.there)
            stride *= size
        return found

    def is_map(self, value: Value) -> bool:
        """Whether an element needs a fixed number of elements of the arguments."""
        op = value.op
        if isinstance(op, str) or op.scalar or op.index or op.places or op.keeps:
            return True
        fold = self.fold(value)
        return fold is not None and (value in self.unrolled or prod(fold.shape) in (0, prod(value.shape)))

    def cost(self, value: Value) -> int:
        """About how many additions an element costs, given the arguments' elements."""
        op = value.op
        if isinstance(op, str) or not op.scalar:
            return HEAVY if isinstance(op, Op) and op.places else 0
        args = [self.pool.const(a.const, a.dtype) if a.op == CONST else self.pool.load(Buffer("", 1, a.dtype), ORIGIN)
                for a in value.args]  # fmt: skip
        return sum(OPERATIONS[n.op][1] for n in walk([op.scalar(*args, **value.params)]) if n.args)

    def fold(self, value: Value) -> Fold | None:
        """How a value folds over elements, if it does."""
        op = value.op
        if op is reduction.matmul:
            return self._product(value)
        if isinstance(op, str) or not (op.reduces or op.finds):
            return None
        (arg,) = value.args
        dtype = arg.dtype if op.finds else value.dtype
        dim, keepdim = value.params["dim"], value.params["keepdim"]

        def target(point: Point) -> Point:
            return tuple(ORIGIN if k in dim else i for k, i in enumerate(point) if keepdim or k not in dim)

        return Fold(op.reduces or op.finds, arg.shape, lambda point: self.at(arg, point).cast(dtype), target)

    def _product(self, value: Value) -> Fold:
        """Σₖ left[..., m, k] · right[..., k, n]."""
        left, right = value.args

        def body(point: Point) -> Scalar:
            *batch, m, n, k = point
            return (self.at(left, (*broadcast_point(batch, left.shape[:-2]), m, k))
                    * self.at(right, (*broadcast_point(batch, right.shape[:-2]), k, n)))  # fmt: skip

        return Fold("add", (*value.shape, left.shape[-1]), body, lambda point: point[:-1])


def space(shape: Sizes) -> tuple[tuple[Axis, ...], Point]:
    """An axis for each size but 1, and the point that they make in an array of this shape."""
    axes = tuple(Axis(k, size) for k, size in enumerate(s for s in shape if s != 1))
    rest = iter(axes)
    return axes, tuple(ORIGIN if size == 1 else variable(next(rest)) for size in shape)


def broadcast_point(point: Any, shape: Sizes) -> Point:
    """The point of an operand of this shape that broadcasts to the given point."""
    known = (*(ORIGIN,) * (len(shape) - len(point)), *point)
    return tuple(ORIGIN if size == 1 else i for i, size in zip(known[len(known) - len(shape) :], shape, strict=True))


def _places(fold: Fold, point: Point) -> list[Point]:
    """Where a fold finds the elements that go to ``point``, in order."""
    _, everywhere = space(fold.shape)
    known = {i: (at,) for i, at in zip(fold.target(everywhere), point, strict=True) if i != ORIGIN}
    each = [known.get(i) or tuple(Index({}, k) for k in range(size)) for i, size in zip(everywhere, fold.shape)]
    return list(product(*each))


def _index(whole: Any) -> Index:
    return whole if isinstance(whole, Index) else Index({}, whole)
