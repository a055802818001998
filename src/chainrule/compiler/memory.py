"""How the code of a nest reads and writes memory: neighbours as a vector, elements here and there lane by lane."""

from collections import ChainMap
from dataclasses import dataclass
from typing import Any

from chainrule.compiler.code import Code, kind, memory_kind
from chainrule.compiler.index import Divided, Index, variable
from chainrule.compiler.loops import Nest, Store, fold_operation
from chainrule.compiler.operations import operation, splat
from chainrule.compiler.scalar import WHOLE, Buffer, Scalar

NOWHERE = Index({})


@dataclass(frozen=True)
class Piece:
    """Part of the vector axis: from ``start`` to ``stop`` in blocks of ``lanes``."""

    start: int
    stop: int
    lanes: int


class Memory:
    """What :class:`NestCode` knows of memory."""

    nest: Nest
    code: Code
    buffers: dict[Buffer, str]
    piece: Piece
    scope: ChainMap[Any, str]
    varies: set[Scalar]

    def _operand(self, node: Scalar, lanes: int = 0) -> str:
        raise NotImplementedError

    def _lanes(self, offset: Index) -> int:
        return self.piece.lanes if self.nest.vector in set(offset.axes()) else 1

    def _address(self, buffer: Buffer, offset: Index) -> str:
        at = self.scope.get(offset) or self._whole(offset)
        if at == "0":
            return self.buffers[buffer]
        one = memory_kind(buffer.dtype)
        return self.code.let(f"getelementptr inbounds {one}, ptr {self.buffers[buffer]}, i64 {at}")

    def _whole(self, index: Index) -> str:
        """An index computed here, in full."""
        total = str(index.const)
        for atom, c in index.terms:
            if isinstance(atom, Divided):
                how = "udiv" if atom.sign == "//" else "urem"
                value = self.code.let(f"{how} i64 {self._whole(atom.index)}, {atom.by}")
            else:
                value = self.scope[atom]
            total = self.code.plus(total, self.code.times(value, c))
        return total

    def _places(self, buffer: Buffer, offset: Index) -> tuple[str, list[str]]:
        """Where the lanes of a vector lie: one address for neighbours, else an address for each lane."""
        lanes, axis = self._lanes(offset), self.nest.vector
        if lanes == 1 or axis is None or (offset.affine_in(axis) and offset.coefficient(axis) == 1):
            return self._address(buffer, offset), []
        if not offset.affine_in(axis):
            return "", [self._address(buffer, offset.replace({axis: variable(axis) + k})) for k in range(lanes)]
        first, step = self._address(buffer, offset), offset.coefficient(axis)
        one = memory_kind(buffer.dtype)
        return "", [self.code.let(f"getelementptr inbounds {one}, ptr {first}, i64 {k * step}") for k in range(lanes)]

    def _lane(self, index: Index, lane: int) -> Index:
        """The index in one lane."""
        axis = self.nest.vector
        return index if axis is None or not lane else index.replace({axis: variable(axis) + lane})

    def _one_of(self, node: Scalar, lane: int) -> str:
        """The number that a node is in one lane."""
        name = self._operand(node, self.piece.lanes if node in self.varies else 1)
        if node not in self.varies or self.piece.lanes == 1:
            return name
        return self.code.let(f"extractelement {kind(node.dtype, self.piece.lanes)} {name}, i32 {lane}")

    def _past(self, buffer: Buffer, offset: Index, by: Scalar, lane: int) -> str:
        """The address ``by`` past an offset."""
        first, far = self._address(buffer, self._lane(offset, lane)), self._one_of(by, lane)
        return self.code.let(f"getelementptr inbounds {memory_kind(buffer.dtype)}, ptr {first}, i64 {far}")

    def _with(self, value: str, many: str, one: str, element: str, lane: int) -> str:
        """A vector with another element in one lane."""
        return self.code.let(f"insertelement {many} {value}, {one} {element}, i32 {lane}")

    def _pick(self, node: Scalar, lanes: int) -> str:
        """Elements from computed places, lane by lane."""
        (buffer, offset), (by,) = node.detail, node.args
        one, many = memory_kind(buffer.dtype), memory_kind(buffer.dtype, lanes)
        value = "poison"
        for lane in range(lanes):
            place = self._past(buffer, offset, by, lane)
            element = self.code.let(f"load {one}, ptr {place}, align {buffer.dtype.itemsize}")
            value = element if lanes == 1 else self._with(value, many, one, element, lane)
        return self._as_bits(value, buffer, lanes)

    def _position(self, index: Index, lanes: int) -> str:
        """An index as a number, in every lane."""
        axis, many = self.nest.vector, kind(WHOLE, lanes)
        if lanes > 1 and axis is not None and index.affine_in(axis):
            steps = ", ".join(f"i64 {k * index.coefficient(axis)}" for k in range(lanes))
            return self.code.let(f"add {many} {splat(self.code, self._whole(index), WHOLE, lanes)}, <{steps}>")
        value = "poison"
        for lane in range(lanes):
            element = self._whole(self._lane(index, lane))
            value = element if lanes == 1 else self._with(value, many, "i64", element, lane)
        return value

    def _scatter(self, store: Store, by: Scalar) -> None:
        """To computed places, lane by lane: they may be the same."""
        code, buffer = self.code, store.buffer
        one = memory_kind(buffer.dtype)
        for lane in range(self.piece.lanes):
            value, place = self._one_of(store.value, lane), self._past(buffer, store.offset, by, lane)
            if store.fold:
                before = self._as_bits(code.let(f"load {one}, ptr {place}, align {buffer.dtype.itemsize}"), buffer, 1)
                value = operation(code, fold_operation(store), buffer.dtype, 1, [before, value], buffer.dtype)
            if buffer.dtype.kind == "b":
                value = code.let(f"zext i1 {value} to i8")
            code.do(f"store {one} {value}, ptr {place}, align {buffer.dtype.itemsize}")

    def _as_bits(self, value: str, buffer: Buffer, lanes: int) -> str:
        """What was loaded, as it is computed with: a bool is one bit."""
        if buffer.dtype.kind != "b":
            return value
        return self.code.let(f"icmp ne {memory_kind(buffer.dtype, lanes)} {value}, "
                             f"{'0' if lanes == 1 else 'zeroinitializer'}")

    def _read(self, buffer: Buffer, offset: Index) -> str:
        code, lanes, dtype = self.code, self._lanes(offset), buffer.dtype
        one, many = memory_kind(dtype), memory_kind(dtype, lanes)
        address, scattered = self._places(buffer, offset)
        value = "poison"
        for lane, place in enumerate(scattered):
            element = code.let(f"load {one}, ptr {place}, align {dtype.itemsize}")
            value = code.let(f"insertelement {many} {value}, {one} {element}, i32 {lane}")
        if not scattered:
            value = code.let(f"load {many}, ptr {address}, align {dtype.itemsize}")
        return self._as_bits(value, buffer, lanes)

    def _write(self, buffer: Buffer, offset: Index, value: str) -> None:
        code, lanes, dtype = self.code, self._lanes(offset), buffer.dtype
        one, many = memory_kind(dtype), memory_kind(dtype, lanes)
        if dtype.kind == "b":
            value = code.let(f"zext {kind(dtype, lanes)} {value} to {many}")
        address, scattered = self._places(buffer, offset)
        for lane, place in enumerate(scattered):
            element = code.let(f"extractelement {many} {value}, i32 {lane}")
            code.do(f"store {one} {element}, ptr {place}, align {dtype.itemsize}")
        if not scattered:
            code.do(f"store {many} {value}, ptr {address}, align {dtype.itemsize}")


def index_of(node: Scalar) -> Index:
    """The index by which a node depends on the axes itself, not by its arguments."""
    if node.op in ("load", "pick"):
        return node.detail[1]  # type: ignore[no-any-return]
    return node.detail if node.op == "position" else NOWHERE
