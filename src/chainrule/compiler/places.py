"""Elements at places that are data: read by a pick or, of few, by a choice; written where one goes to each line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from chainrule.compiler.index import ORIGIN, Axis, Index, Point, Sizes, broadcast_point
from chainrule.compiler.scalar import WHOLE, Buffer, Pool, Scalar
from chainrule.ir import Value
from chainrule.op import Op

FEW = 16
"""Along so many elements a fold may be written out, and what stands at a place that is data be chosen."""


@dataclass(frozen=True)
class Place:
    """Where an op reads or writes: ``by`` past ``offset``; ``there`` says whether that is a place of the tensor."""

    offset: Index
    by: Scalar | None = None
    there: Scalar | None = None

    def inside(self, element: Scalar) -> Scalar:
        """The element; NaN where eager mode would have raised IndexError, 0 for integers."""
        return element if self.there is None else element.where(self.there, np.nan if element.dtype.kind == "f" else 0)


class Places:
    """What :class:`Elements` knows of places that are data."""

    pool: Pool
    buffers: dict[Value, Buffer]

    def at(self, value: Value, point: Point) -> Scalar:
        raise NotImplementedError

    def is_map(self, value: Value) -> bool:
        raise NotImplementedError

    def _read(self, op: Op, value: Value, point: Point) -> Scalar:
        """An element at a place that is data: loaded from there; of few that lie nowhere, chosen."""
        arg, *_ = value.args
        place, buffer = self.place(op, point, value.args, value.params), self.buffers.get(arg)
        if buffer is not None and place.by is not None:
            return place.inside(self.pool.pick(buffer, place.offset, place.by))
        axis = self.axis(op, value.args, value.params, value.shape)
        if axis is None or place.by is None:
            return self.at(arg, point[: arg.ndim])
        first, *others = (self.at(arg, _with(point, axis, Index({}, k))) for k in range(arg.shape[axis]))
        for k, x in enumerate(others, 1):
            first = x.where(place.by == k * prod(arg.shape[axis + 1 :]), first)
        return place.inside(first)

    def _put(self, reader: Op, fold: str, value: Value, point: Point) -> Scalar:
        """The base's element, unless it is the one along the axis that a part goes to."""
        base, part, *positions = value.args
        axis, old = self.one_along(value), self.at(base, point)
        assert axis is not None
        line = _with(point, axis, ORIGIN)
        place = self.place(reader, line, (base, *positions), value.params)
        assert place.by is not None
        new = place.inside(self.at(part, broadcast_point(line, part.shape)).cast(old.dtype))
        here = place.by == self.pool.position(point[axis] * prod(base.shape[axis + 1 :]))
        return (old._of(fold, new) if fold else new).where(here, old)

    def choices(self, value: Value) -> int:
        """Among how many elements, which need not lie in memory, a read at places that are data chooses; or 0."""
        op = value.op
        if isinstance(op, str) or not op.places or value.args[0] in self.buffers or not self.is_map(value.args[0]):
            return 0
        axis = self.axis(op, value.args, value.params, value.shape)
        size = 0 if axis is None else int(value.args[0].shape[axis])
        return size if size <= FEW else 0

    def axis(self, op: Op, args: Sequence[Value], params: Mapping[str, Any], shape: Sizes) -> int | None:
        """The only axis along which an op reads at places that are data, all others being those of its result."""
        point = tuple(Index({Axis(k, 2): 1}) for k in range(len(shape)))
        entries = op.places(point, lambda k, at: None, *(a.spec for a in args), **params)  # type: ignore[misc]
        found = [k for k, entry in enumerate(entries) if entry is None]
        if len(found) != 1 or len(entries) != len(point):
            return None
        return found[0] if all(e is None or e == i for e, i in zip(entries, point)) else None

    def one_along(self, value: Value) -> int | None:
        """The axis along which a write at places that are data changes one element, if that is what it does."""
        op, (base, _, *positions) = value.op, value.args
        assert isinstance(op, Op)
        assert op.puts
        reader, _ = op.puts
        shape = reader.spec(base.spec, *(p.spec for p in positions), **value.params).shape
        axis = self.axis(reader, (base, *positions), value.params, shape)
        return axis if axis is not None and shape == (*base.shape[:axis], 1, *base.shape[axis + 1 :]) else None

    def place(self, op: Op, point: Point, args: Sequence[Value], params: Mapping[str, Any]) -> Place:
        """Where an op that reads at positions looks in its first argument. Outside, it is led back to the edge."""
        below: dict[Scalar, int] = {}

        def read(k: int, at: Point) -> Scalar:
            number = self.at(args[k], broadcast_point(at, args[k].shape)).cast(WHOLE)
            below[number] = _below(args[k])
            return number

        shape, stride = args[0].shape, 1
        found = Place(ORIGIN)
        entries = op.places(point, read, *(a.spec for a in args), **params)  # type: ignore[misc]
        for entry, size in zip(reversed(entries), reversed(shape)):
            if not isinstance(entry, Scalar):
                found = Place(found.offset + entry * stride, found.by, found.there)
            else:
                far, there = entry, found.there
                if not 0 < below.get(entry, 0) <= size:
                    far = far.where(far >= 0, far + size)
                    inside = (far >= 0) & (far < size)
                    far, there = far.maximum(0).minimum(size - 1), inside if there is None else there & inside
                far = far if stride == 1 else far * stride
                found = Place(found.offset, far if found.by is None else found.by + far, there)
            stride *= size
        return found


def _below(value: Value) -> int:
    """What the elements are below, if they are the places of others along an axis; else 0."""
    while isinstance(value.op, Op) and value.op.index:
        value = value.args[0]
    if isinstance(value.op, str) or not (value.op.finds or value.op.sorts):
        return 0
    return max([value.args[0].shape[d] for d in value.params["dim"]], default=1)


def _with(point: Point, axis: int, index: Index) -> Point:
    """The point with another index along an axis."""
    return (*point[:axis], index, *point[axis + 1 :])
