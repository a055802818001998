"""What one element of a value is, as a scalar expression: read from the facets of the op records.

``scalar`` gives the expression, ``index`` moves the point at which the input is asked, ``reduces`` folds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import prod
from typing import Any

from chainrule.compiler.index import ORIGIN, Index, Point, Sizes, broadcast_point, flat, space
from chainrule.compiler.loops import FOLDS
from chainrule.compiler.places import FEW, Places
from chainrule.compiler.scalar import CHEAP, HEAVY, OPERATIONS, SLOW, WHOLE, Buffer, Pool, Scalar, walk
from chainrule.errors import TraceError
from chainrule.ir import CONST, Value
from chainrule.op import Op
from chainrule.ops import reduction

SHORT, WRITTEN_OUT_COST = 4, 64


@dataclass(frozen=True)
class Fold:
    """A value whose element at ``target(point)`` is the fold of ``body(point)`` over the points of ``shape``."""

    name: str
    shape: Sizes
    body: Callable[[Point], Scalar]
    target: Callable[[Point], Point]


class Elements(Places):
    """Expressions for elements of values; a value that has a buffer is loaded, any other is computed in place."""

    def __init__(self) -> None:
        self.pool = Pool()
        self.buffers: dict[Value, Buffer] = {}
        self.made: dict[tuple[Value, Point], Scalar] = {}
        self.written_out: set[Value] = set()
        """Folds of few elements and writes of one element to a line, which need no loop of their own."""

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
            return self._read(op, value, point)
        if op.puts:
            return self._put(*op.puts, value, point)
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

    def write_out(self, value: Value, cost: int) -> None:
        """Do without a loop where that is as good: ``cost`` is that of an element of the arguments."""
        op, fold = value.op, self.fold(value)
        assert isinstance(op, Op)
        if op.puts and value.args[0] not in self.buffers and self.one_along(value) is not None:
            self.written_out.add(value)
        if fold is None or op is reduction.matmul or not prod(fold.shape):
            return
        _, everywhere = space(fold.shape)
        kept = set(fold.target(everywhere))
        sizes = [axis.size for i in everywhere if i not in kept for axis in i.axes()]
        lies = sizes and sizes[-1] > SHORT and not op.finds  # a row is folded as it lies, several elements at a time
        if sizes and not lies and prod(sizes) <= FEW and cost * prod(sizes) <= WRITTEN_OUT_COST:
            self.written_out.add(value)

    def evaluations(self, value: Value) -> int:
        """For how many points the arguments of a value are asked."""
        op, fold = value.op, self.fold(value)
        twice = isinstance(op, Op) and op.finds and not self.is_map(value)  # for the extremum, and for its place
        return int(prod(fold.shape if fold else value.shape)) * (2 if twice else max(1, self.choices(value)))

    def is_map(self, value: Value) -> bool:
        """Whether an element needs a fixed number of elements of the arguments."""
        op = value.op
        if isinstance(op, str) or op.scalar or op.index or op.places or op.keeps:
            return True
        fold = self.fold(value)
        return value in self.written_out or (fold is not None and prod(fold.shape) in (0, prod(value.shape)))

    def cost(self, value: Value) -> int:
        """About how many additions an element costs, given the arguments' elements."""
        op = value.op
        if isinstance(op, str) or not op.scalar:
            return _cost_of_moving(op) if isinstance(op, Op) else 0
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


def _places(fold: Fold, point: Point) -> list[Point]:
    """Where a fold finds the elements that go to ``point``, in order."""
    _, everywhere = space(fold.shape)
    known = {i: (at,) for i, at in zip(fold.target(everywhere), point, strict=True) if i != ORIGIN}
    each = [known.get(i) or tuple(Index({}, k) for k in range(size)) for i, size in zip(everywhere, fold.shape)]
    return list(product(*each))


def _cost_of_moving(op: Op) -> int:
    """About how many additions it costs to find an element, or to fold one more in."""
    return HEAVY if op.places or op.puts else SLOW if op.finds else CHEAP if op.reduces else 0


def _index(whole: Any) -> Index:
    return whole if isinstance(whole, Index) else Index({}, whole)
