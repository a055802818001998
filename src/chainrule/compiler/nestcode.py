"""A loop nest as an LLVM function: explicit vectors, accumulators in registers, invariants outside their loops.

The vector axis is walked in pieces: blocks of as many lanes as pay, then what is left in one narrower block. Every
computation stands at the outermost loop on whose variable it depends. No optimisation pass is needed behind this.
"""

from collections import ChainMap
from typing import Any

from chainrule.compiler.code import Code, kind, literal, suffix
from chainrule.compiler.index import Axis, Index
from chainrule.compiler.loops import Nest, Store, fold_operation, neutral, reduced
from chainrule.compiler.memory import Memory, Piece, index_of
from chainrule.compiler.operations import fold_lanes, operation, pad, splat
from chainrule.compiler.scalar import Buffer, Scalar

WIDE = 2  # registers side by side, for instructions in flight at the same time

Key = tuple[Store, Piece]
Sums = dict[Key, str]


def pieces(nest: Nest, register: int) -> list[Piece]:
    """How the vector axis is cut; ``register`` is the size of a vector register in bytes."""
    if nest.vector is None:
        return [Piece(0, 1, 1)]
    widest = max(node.dtype.itemsize for node in nest.nodes)
    return cut(nest.vector.size, max(1, register // widest) * WIDE)


def cut(size: int, lanes: int) -> list[Piece]:
    """Blocks of so many lanes, and what is left in one block."""
    lanes = min(size, lanes)
    whole = size - size % lanes
    return [piece for piece in (Piece(0, whole, lanes), Piece(whole, size, size - whole)) if piece.lanes]


def by_memory(nest: Nest, store: Store) -> bool:
    """Whether a fold adds to memory: a loop that it folds over lies outside a loop that its target depends on."""
    kept = [nest.axes.index(axis) for axis in store.offset.axes()]
    return bool(store.fold and kept) and any(nest.axes.index(axis) < max(kept) for axis in reduced(store, nest.axes))


class NestCode(Memory):
    """Writes the function of one nest; its parameters are pointers to ``buffers``, in that order."""

    def __init__(self, nest: Nest, register: int):
        self.nest = nest
        self.code = Code()
        self.buffers: dict[Buffer, str] = {}
        for buffer in (*(b for b, _ in (*nest.loads(), *nest.picks())), *(s.buffer for s in nest.stores)):
            self.buffers.setdefault(buffer, f"%p{len(self.buffers)}")
        self.pieces = pieces(nest, register)
        self.piece = self.pieces[0]
        self.inside = nest.vector is None
        """Whether the code being written is inside the loop over the vector axis."""
        self.vector_depth = nest.axes.index(nest.vector) if nest.vector else 0
        self.depth = {axis: k + 1 for k, axis in enumerate(nest.axes)}
        self.sums = [s for s in nest.stores if s.fold and s.by is None]
        self.start = {s: max((self.depth[a] for a in s.offset.axes()), default=0) for s in self.sums}
        """Fold -> the number of loops that its accumulator lives inside of."""
        self.scope: ChainMap[Any, str] = ChainMap()
        """What has a name where code is being written: axes, nodes, splat nodes, partial offsets."""
        self.varies: set[Scalar] = set()
        """Nodes that depend on the vector axis."""
        self.spread: set[Scalar] = set()
        """Other nodes, whose value is needed in every lane."""
        self.fused: set[Scalar] = set()
        """Products that are only added up: each is one multiplication and addition with its sum."""
        self.nodes_at: list[list[Scalar]] = [[] for _ in range(len(nest.axes) + 1)]
        self.offsets_at: list[dict[Index, None]] = [{} for _ in range(len(nest.axes) + 1)]
        self._analyse()

    def _analyse(self) -> None:
        """Which nodes depend on the vector axis, and inside how many loops each stands."""
        level: dict[Scalar, int] = {}
        users: dict[Scalar, int] = {}
        for node in self.nest.nodes:
            axes = set(index_of(node).axes())
            level[node] = max([self.depth[a] for a in axes] + [level[a] for a in node.args], default=0)
            if self.nest.vector in axes or any(a in self.varies for a in node.args):
                self.varies.add(node)
            if node.op != "const":
                self.nodes_at[level[node]].append(node)
            for arg in node.args:
                users[arg] = users.get(arg, 0) + 1
        for root in (root for store in self.nest.stores for root in store.roots):
            users[root] = users.get(root, 0) + 1
        self.fused = {
            s.value
            for s in self.sums
            if s.fold == "add" and s.value.op == "mul" and s.value.dtype.kind == "f"
            if users[s.value] == 1 and self.start[s] < len(self.nest.axes)
        }
        wide = {a for node in self.varies | self.fused for a in node.args} | {s.value for s in self.nest.stores}
        self.spread = {node for node in wide - self.varies - self.fused if node.op != "const"}
        loaded = [offset for _, offset in (*self.nest.loads(), *self.nest.picks())]
        for offset in (*loaded, *(s.offset for s in self.nest.stores)):
            if not any(offset.divided()):
                for axis in offset.axes():
                    self.offsets_at[self.depth[axis]][offset] = None

    def function(self) -> tuple[str, dict[str, str]]:
        """The function's text, with @NAME for its name, and the declarations that it needs."""
        self._loops(0, {})
        parameters = ", ".join(f"ptr noalias {p}" for p in self.buffers.values())
        lines = [f"define internal void @NAME({parameters}) #0 {{", "entry:", *self.code.lines, "  ret void", "}"]
        return "\n".join(lines), self.code.needs

    # loops

    def _loops(self, depth: int, sums: Sums) -> Sums:
        """Everything inside the first ``depth`` loops. ``sums`` are the accumulators' values; their new ones return."""
        self._level(depth)
        starting = [s for s in self.sums if self.start[s] == depth]
        if depth == len(self.nest.axes):
            return self._body(sums, starting)
        pieces = [self.piece] if self.inside else self.pieces
        fresh = {(s, p): self._neutral(s, p) for s in starting for p in pieces}
        sums = self._loop(depth, {**sums, **fresh})
        for store in starting:
            self._finish(store, {p: sums.pop((store, p)) for p in pieces})
        return sums

    def _loop(self, depth: int, sums: Sums) -> Sums:
        """The loop over the axis at this depth, in pieces if it is the vector axis."""
        axis = self.nest.axes[depth]
        if axis is not self.nest.vector:
            return self._counted(axis, Piece(0, axis.size, 1), sums)
        self.inside = True
        outer = self.scope
        for piece in self.pieces:
            self.piece = piece
            self.scope = outer.new_child()
            for node in (n for level in self.nodes_at[: depth + 1] for n in level):
                self._spread(node)
            sums = self._counted(axis, piece, sums)
        self.scope = outer
        self.inside = False
        return sums

    def _counted(self, axis: Axis, piece: Piece, sums: Sums) -> Sums:
        """A loop that carries the accumulators; no loop where there is one round."""
        outer, depth = self.scope, self.depth[axis]
        self.scope = outer.new_child()
        if piece.stop - piece.start == piece.lanes:
            self.scope[axis] = str(piece.start)
            sums = self._loops(depth, sums)
            self.scope = outer
            return sums
        code = self.code
        loop, end = code.name("loop"), code.name("end")
        before = code.block
        code.jump(loop)
        code.begin(loop)
        at = len(code.lines)
        self.scope[axis] = i = f"%{code.name('i')}"
        carried = {key: f"%{code.name('sum')}" for key in sums if not self.inside or key[1] is self.piece}
        after = self._loops(depth, {**sums, **carried})
        following = code.let(f"add nuw nsw i64 {i}, {piece.lanes}")
        code.branch(code.let(f"icmp ult i64 {following}, {piece.stop}"), loop, end)
        phis = [f"  {i} = phi i64 [ {piece.start}, %{before} ], [ {following}, %{code.block} ]"]
        for key, name in carried.items():
            t = kind(key[0].buffer.dtype, key[1].lanes)
            phis.append(f"  {name} = phi {t} [ {sums[key]}, %{before} ], [ {after[key]}, %{code.block} ]")
        code.lines[at:at] = phis
        code.begin(end)
        self.scope = outer
        return after

    def _body(self, sums: Sums, starting: list[Store]) -> Sums:
        """The innermost block: accumulate, then store."""
        sums = dict(sums)
        for store, piece in sums:
            if piece is self.piece:
                sums[store, piece] = self._accumulate(store, sums[store, piece])
        for store in starting:
            self._finish(store, {self.piece: self._operand(store.value)})
        for store in self.nest.stores:
            if store.by is not None:
                self._scatter(store, store.by)
            elif not store.fold:
                self._write(store.buffer, store.offset, self._operand(store.value))
        return sums

    # accumulators

    def _neutral(self, store: Store, piece: Piece) -> str:
        return literal(neutral(store.fold, store.buffer.dtype), store.buffer.dtype, piece.lanes)

    def _accumulate(self, store: Store, total: str) -> str:
        dtype, lanes = store.buffer.dtype, self.piece.lanes
        if store.value in self.fused:
            t = kind(dtype, lanes)
            factors = [(t, self._operand(a)) for a in store.value.args]
            return self.code.call(t, f"llvm.fmuladd.{suffix(dtype, lanes)}", *factors, (t, total))
        return operation(self.code, fold_operation(store), dtype, lanes, [total, self._operand(store.value)], dtype)

    def _finish(self, store: Store, totals: dict[Piece, str]) -> None:
        """The accumulated value goes to memory, its lanes folded together if the vector axis is folded over."""
        dtype, op = store.buffer.dtype, fold_operation(store)
        (first, total), *rest = totals.items()
        if self.nest.vector in reduced(store, self.nest.axes):
            wanted = 1 << (first.lanes - 1).bit_length()
            filler = neutral(store.fold, dtype)
            total = pad(self.code, total, dtype, first.lanes, wanted, filler)
            for piece, more in rest:
                more = pad(self.code, more, dtype, piece.lanes, wanted, filler)
                total = operation(self.code, op, dtype, wanted, [total, more], dtype)
            total = fold_lanes(self.code, op, total, dtype, wanted)
        if by_memory(self.nest, store):
            before = self._read(store.buffer, store.offset)
            total = operation(self.code, op, dtype, self._lanes(store.offset), [before, total], dtype)
        self._write(store.buffer, store.offset, total)

    # nodes

    def _level(self, depth: int) -> None:
        """What can be computed as soon as the first ``depth`` loop variables are known."""
        for offset in self.offsets_at[depth]:
            axis = self.nest.axes[depth - 1]
            step = self.code.times(self.scope[axis], offset.coefficient(axis))
            self.scope[offset] = self.code.plus(self.scope.get(offset, str(offset.const)), step)
        for node in self.nodes_at[depth]:
            if node not in self.fused:
                self.scope[node] = self._node(node)
                if self.inside:
                    self._spread(node)

    def _node(self, node: Scalar) -> str:
        if node.op == "load":
            return self._read(*node.detail)
        lanes = self.piece.lanes if node in self.varies else 1
        if node.op == "pick":
            return self._pick(node, lanes)
        if node.op == "position":
            return self._position(node.detail, lanes)
        args = [self._operand(a, lanes) for a in node.args]
        return operation(self.code, node.op, node.dtype, lanes, args, node.args[-1].dtype)

    def _spread(self, node: Scalar) -> None:
        if node in self.spread:
            name = self.scope[node]
            many = splat(self.code, name, node.dtype, self.piece.lanes) if self.piece.lanes > 1 else name
            self.scope["spread", node] = many

    def _operand(self, node: Scalar, lanes: int = 0) -> str:
        lanes = lanes or self.piece.lanes
        if node.op == "const":
            return literal(node.detail, node.dtype, lanes)
        return self.scope[node] if node in self.varies or lanes == 1 else self.scope["spread", node]
