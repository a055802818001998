"""Lowering: a graph becomes loop nests, as few as its data flow allows.

Each value is either *stored* in a buffer or *inlined*: recomputed where it is used. Stored are outputs, folds,
products and what is costly and used more than once (:meth:`Lowering.choose`). Each stored value gives roots: one
store over an iteration space. Roots over the same space share a nest where the data flow allows it, and a value that
one root stores is used by the next without a load.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from math import prod

from chainrule.compiler.calls import Call, Copy, script
from chainrule.compiler.elements import Elements
from chainrule.compiler.index import Axis, Index, Point, Sizes, broadcast_point, flat, space
from chainrule.compiler.loops import Nest, Program, Step, Store
from chainrule.compiler.nests import arrange
from chainrule.compiler.ordering import Orders, target_of
from chainrule.compiler.parts import Chain, parts, shares
from chainrule.compiler.products import large, matrix, product
from chainrule.compiler.scalar import WHOLE, Buffer, DType, Scalar, walk
from chainrule.errors import TraceError
from chainrule.ir import Graph, Value
from chainrule.op import Op
from chainrule.ops import moves, reduction, shape
from chainrule.spec import numel

INLINE_COST = 8
"""Up to this many additions' worth, a value is computed again for each consumer rather than stored."""
INLINE_DEPTH = 32
NEST_NODES = 256
"""A nest that computes this much takes no further root."""


@dataclass(frozen=True, eq=False)
class Root:
    """One store over a space. A ``whole`` one stores one element of its value in each iteration, and so all of it."""

    axes: tuple[Axis, ...]
    store: Store
    loads: frozenset[tuple[Buffer, Index | None]]
    """What it loads, and where; None where the place is computed."""
    nodes: int
    whole: bool


@dataclass(eq=False)
class Group:
    """Roots that share a nest, or one step that stands alone."""

    roots: list[Root] = field(default_factory=list)
    alone: Step | None = None
    nodes: int = 0


def lower(graph: Graph, writes: Mapping[int, int], blas: bool) -> Program:
    """The program of a graph; output j is to take the place of input ``writes[j]``."""
    return Lowering(graph, writes, blas).program()


class Lowering(Orders):
    """The state of lowering one graph."""

    def __init__(self, graph: Graph, writes: Mapping[int, int], blas: bool):
        self.graph = graph
        self.blas = blas
        self.elements = Elements()
        self.inputs = tuple(Buffer(f"in{k}", _size(v), v.dtype) for k, v in enumerate(graph.inputs))
        self.outputs = tuple(Buffer(f"out{k}", _size(v), v.dtype) for k, v in enumerate(graph.outputs))
        self.elements.buffers.update(zip(graph.inputs, self.inputs))
        self.place_of = dict(zip(reversed(graph.outputs), reversed(self.outputs)))
        self.overwrites = {self.outputs[j]: self.inputs[i] for j, i in writes.items()}
        self.names = count()
        self.groups: list[Group] = []
        self.inner: set[Value] = set()
        """Bases of assignments that are themselves no more than that, and need no memory of their own."""
        self.spaces: dict[Sizes, list[int]] = defaultdict(list)
        self.written: dict[Buffer, int] = {}
        self.last_read: dict[Buffer, int] = {}

    def program(self) -> Program:
        for value in self.graph.values:
            if value.dtype.kind not in "fiub":
                raise TraceError(f"compile: {value} is {value.dtype}; a compiled step computes with real numbers only")
        self.choose()
        for value in self.graph.values:
            if isinstance(value.op, Op) and value in self.elements.buffers and _size(value):
                self.emit(value)
        for value, out in zip(self.graph.outputs, self.outputs):
            have = self.elements.buffers.get(value)
            if out.size and (have is None or have not in (out, self.overwrites.get(out))):
                self.place(self.root(value.shape, partial(self.elements.at, value), out))
        return Program(self.inputs, self.outputs, self.steps())

    def choose(self) -> None:
        """Decide what is stored.

        Stored are outputs, values that are no map of single elements, and what would cost more than
        ``INLINE_COST`` to compute again for a second consumer or for the elements that broadcasting repeats.
        """
        uses = Counter(a for v in self.graph.values for a in set(v.args))
        bases = {v.args[0] for v in self.graph.values if v.op is shape.assign}
        self.inner = {b for b in bases if b.op is shape.assign and uses[b] == 1 and b not in self.place_of}
        cost: dict[Value, int] = defaultdict(int)
        depth: dict[Value, int] = defaultdict(int)
        for value in self.graph.values:
            if isinstance(value.op, str) or not _size(value):
                continue
            if self.by_library(value):
                for arg in value.args:
                    self.store(_source(arg))
                    if matrix(self.elements, arg, value.shape[:-2]) is None:
                        self.store(arg)
            if value.op.places:
                self.store(_source(value.args[0]) if self.elements.choices(value) else value.args[0])
            if value.op.library:
                for arg in value.args:
                    self.store(arg)
            self.elements.write_out(value, sum(cost[a] for a in value.args))
            repeats = self.elements.evaluations(value)
            for arg in value.args:
                again = repeats // max(1, _size(arg)) - 1
                costly = cost[arg] > INLINE_COST and (again or uses[arg] > 1)
                if costly or (_size(arg) > 1 and cost[arg] * again > INLINE_COST):
                    self.store(_source(arg))
                    cost[arg] = 0
            inlined = [a for a in value.args if a not in self.elements.buffers]
            cost[value] = (self.elements.cost(value) + sum(cost[a] for a in inlined)) * (repeats // _size(value))
            depth[value] = 1 + max((depth[a] for a in inlined), default=0)
            if value in self.place_of or depth[value] >= INLINE_DEPTH or not self.elements.is_map(value):
                if value not in self.inner:
                    self.store(value)
                cost[value] = depth[value] = 0

    def by_library(self, value: Value) -> bool:
        return self.blas and value.op is reduction.matmul and large(value)

    def store(self, value: Value) -> None:
        """Give the value a buffer."""
        if isinstance(value.op, Op) and value not in self.elements.buffers:
            self.elements.buffers[value] = self.place_of.get(value) or self.temporary(_size(value), value.dtype)

    def temporary(self, size: int, dtype: DType) -> Buffer:
        """A new buffer."""
        return Buffer(f"t{next(self.names)}", size, dtype)

    def emit(self, value: Value) -> None:
        """Place what stores a value."""
        out, op = self.elements.buffers[value], value.op
        assert isinstance(op, Op)
        fold = None if self.elements.is_map(value) else self.elements.fold(value)
        if self.by_library(value):
            self.alone(product(self.elements, value))
        elif op.library:
            self.by_script(value, out)
        elif op is shape.assign:
            self.assign(value, out)
        elif op is moves.cat:
            self.cat(value, out)
        elif op is moves.overlap_add:
            self.overlap_add(value, out)
        elif op.puts and not self.elements.is_map(value):
            self.put(value, *op.puts, out)
        elif op.scans:
            self.scan(value, op.scans, out)
        elif op.sorts:
            self.sort(value, out)
        elif fold and op.finds:
            self.find(value, fold, out)
        elif fold:
            self.place(self.root(fold.shape, fold.body, out, partial(target_of, fold, value), fold.name))
        else:
            self.place(self.root(value.shape, partial(self.elements.define, value), out))

    def alone(self, step: Step) -> None:
        """A step after all that is placed so far."""
        self.groups.append(Group(alone=step))
        self.note(len(self.groups) - 1, step.writes(), step.reads())

    def by_script(self, value: Value, out: Buffer) -> None:
        """The calls of an op's library, and the copies between them."""
        for step in script(value, out, [self.elements.buffers[a] for a in value.args]).steps:
            if isinstance(step, Call):
                self.alone(step)
            else:
                self.copied(step)

    def copied(self, copy: Copy) -> None:
        """A part of each matrix at another place."""
        axes, point = space((copy.count, *copy.source.shape))
        source, target = (p.at(point) for p in (copy.source, copy.target))
        element = self.elements.pool.load(copy.source.buffer, source)
        if copy.upper:
            element = element.where(self.elements.pool.position(point[-1] + point[-2] * -1) >= 0, 0)
        self.place(self.stored(axes, Store(copy.target.buffer, target, element)))

    def assign(self, value: Value, out: Buffer) -> None:
        """A copy of the base, if any of it stays, and over it the parts; side by side where they are apart."""
        base, found = parts(value, self.inner)
        apart, covered = shares(base, [chain for _, chain in found])
        if not covered:
            self.place(self.root(base.shape, partial(self.elements.at, base), out, whole=False))
        after = self.written.get(out, -1) if apart else None
        for part, chain in found:
            self.part(base, part, chain, out, after)

    def part(self, base: Value, part: Value, chain: Chain, out: Buffer, after: int | None) -> None:
        """A value where a chain of views of the base leads to."""
        specs = [base.spec]
        for op, params in chain:
            specs.append(op.spec(specs[-1], **dict(params)))

        def target(point: Point) -> Index:
            for (op, params), spec in zip(reversed(chain), reversed(specs[:-1])):
                point = op.index(point, spec, **dict(params))
            return flat(point, base.shape)

        def element(point: Point) -> Scalar:
            return self.elements.at(part, broadcast_point(point, part.shape))

        if numel(specs[-1].shape):
            self.place(self.root(specs[-1].shape, element, out, target, whole=False), after)

    def cat(self, value: Value, out: Buffer) -> None:
        """Each part at its place."""
        dim, before = value.params["dim"], 0
        for part in value.args:
            def target(point: Point, before: int = before) -> Index:
                return flat((*point[:dim], point[dim] + before, *point[dim + 1 :]), value.shape)

            if _size(part):
                self.place(self.root(part.shape, partial(self.elements.at, part), out, target, whole=False))
            before += part.shape[dim]

    def overlap_add(self, value: Value, out: Buffer) -> None:
        """Zeros, and over them the first elements of all windows, then the next ones of all."""
        (part,) = value.args
        size = part.shape[value.ndim :]
        params = {**value.params, "size": size}
        del params["shape"]
        self.place(self.root(value.shape, lambda _: self.elements.pool.const(0, value.dtype), out, whole=False))
        axes, point = space((*size, *part.shape[: value.ndim]))
        point = (*point[len(size) :], *point[: len(size)])
        place = flat(moves.windows_index(point, value.spec, **params), value.shape)
        total = self.elements.pool.load(out, place) + self.elements.at(part, point)
        ordered = axes[: sum(n > 1 for n in size)]
        self.alone(arrange(self.elements.pool, Nest(axes, (Store(out, place, total),), ordered=ordered)))

    def put(self, value: Value, reader: Op, fold: str, out: Buffer) -> None:
        """A copy of the base, and the part at places that are data."""
        base, part, *positions = value.args
        self.place(self.root(base.shape, partial(self.elements.at, base), out, whole=False))
        shape_of_part = reader.spec(base.spec, *(p.spec for p in positions), **value.params).shape
        if numel(shape_of_part):
            axes, point = space(shape_of_part)
            place = self.elements.place(reader, point, (base, *positions), value.params)
            element = place.inside(self.elements.at(part, broadcast_point(point, part.shape)))
            by = self.elements.pool.const(0, WHOLE) if place.by is None else place.by
            self.place(self.stored(axes, Store(out, place.offset, element, fold, by)))

    def root(self, sizes: Sizes, body: Callable[[Point], Scalar], out: Buffer,
             target: Callable[[Point], Index] | None = None, fold: str = "", whole: bool = True) -> Root:  # fmt: skip
        """``out[target(point)] = body(point)`` at every point of a space of these sizes."""
        axes, point = space(sizes)
        return self.stored(axes, Store(out, target(point) if target else flat(point, sizes), body(point), fold), whole)

    def stored(self, axes: tuple[Axis, ...], store: Store, whole: bool = False) -> Root:
        """A store over a space; its value is cast to what the buffer holds."""
        store = replace(store, value=store.value.cast(store.buffer.dtype))
        nodes = walk(store.roots)
        loads = frozenset((n.detail[0], n.detail[1] if n.op == "load" else None)
                          for n in nodes if n.op in ("load", "pick"))
        return Root(axes, store, loads, len(nodes), whole and not store.fold)

    def place(self, root: Root, after: int | None = None) -> None:
        """Put the root into the first nest over its space that has all it needs, else into a new one.

        It comes after the group ``after``, and if that is not given after all that is stored in its buffer.
        """
        out = root.store.buffer
        sizes = tuple(axis.size for axis in root.axes)
        first = (self.written.get(out, -1) if after is None else after) + 1
        if out in self.overwrites:
            first = max(first, self.last_read.get(self.overwrites[out], 0))
        for buffer, offset in root.loads:
            if (at := self.written.get(buffer)) is not None:
                maker = next((r for r in self.groups[at].roots if r.store.buffer is buffer), None)
                shared = maker and maker.whole and maker.axes == root.axes and maker.store.offset == offset
                first = max(first, at if shared else at + 1)
        candidates = self.spaces[sizes]
        for at in candidates[bisect_left(candidates, first) :]:
            if self.groups[at].nodes < NEST_NODES:
                break
        else:
            at = len(self.groups)
            self.groups.append(Group())
            candidates.append(at)
        self.groups[at].roots.append(root)
        self.groups[at].nodes += root.nodes
        self.note(at, {out}, {b for b, _ in root.loads})

    def note(self, at: int, stored: Iterable[Buffer], loaded: Iterable[Buffer]) -> None:
        """Remember which group is the last to store and to load a buffer."""
        self.written.update({b: max(at, self.written.get(b, 0)) for b in stored})
        self.last_read.update({b: max(at, self.last_read.get(b, 0)) for b in loaded})

    def steps(self) -> tuple[Step, ...]:
        """The groups as nests, without stores that no later step loads."""
        needed = set(self.outputs)
        steps: list[Step] = []
        for group in reversed(self.groups):
            step = group.alone
            if step is None:
                axes = group.roots[0].axes
                kept = tuple(store for store in self.forward(group) if store.buffer in needed)
                step = arrange(self.elements.pool, Nest(axes, kept)) if kept else None
            if step and step.writes() & needed:
                steps.append(step)
                needed |= step.reads()
        return tuple(reversed(steps))

    def forward(self, group: Group) -> list[Store]:
        """The stores of a group, with what one stores used by the next without a load."""
        known: dict[Buffer, Scalar] = {}
        stores: list[Store] = []
        for root in group.roots:
            made = root.store
            value, *by = self.elements.pool.rebuild(made.roots, known=known)
            stores.append(Store(made.buffer, made.offset, value, made.fold, *by))
            if root.whole:
                known[made.buffer] = value
        return stores


def _size(value: Value) -> int:
    return prod(value.shape)


def _source(value: Value) -> Value:
    """What a view of a view is a view of."""
    while isinstance(value.op, Op) and value.op.index:
        value = value.args[0]
    return value
