"""Lowering: a graph becomes loop nests, as few as its data flow allows.

Each value is either *stored* in a buffer or *inlined*: recomputed where it is used. Stored are outputs, folds,
products and what is costly and used more than once (:meth:`Lowering.choose`). Each stored value gives roots: one
store over an iteration space. Roots over the same space share a nest where the data flow allows it, and a value that
one root stores is used by the next without a load.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod

from chainrule.compiler.elements import ORIGIN, Elements, Point, Sizes, broadcast_point, space
from chainrule.compiler.index import Axis, Index, flat
from chainrule.compiler.loops import Nest, Product, Program, Step, Store
from chainrule.compiler.nests import arrange
from chainrule.compiler.products import by_library, fits, product
from chainrule.compiler.scalar import OPERATIONS, Buffer, Scalar, walk
from chainrule.errors import TraceError
from chainrule.ir import Graph, Value
from chainrule.op import Op
from chainrule.ops import reduction, shape
from chainrule.spec import Spec, numel

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
    loads: frozenset[tuple[Buffer, Index]]
    nodes: int
    whole: bool


@dataclass(eq=False)
class Group:
    """Roots that share a nest, or one product."""

    roots: dict[Buffer, Root] = field(default_factory=dict)
    product: Product | None = None
    nodes: int = 0

    def reads(self) -> set[Buffer]:
        return self.product.reads() if self.product else {b for r in self.roots.values() for b, _ in r.loads}


def lower(graph: Graph, writes: Mapping[int, int], blas: bool) -> Program:
    """The program of a graph; output j is to take the place of input ``writes[j]``."""
    return Lowering(graph, writes, blas).program()


class Lowering:
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
        self.groups: list[Group] = []
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
        cost: dict[Value, int] = defaultdict(int)
        depth: dict[Value, int] = defaultdict(int)
        for value in self.graph.values:
            if isinstance(value.op, str) or not _size(value):
                continue
            is_map = self.elements.is_map(value)
            for arg in value.args:
                repeats = self.evaluations(value) // max(1, _size(arg)) - 1
                if cost[arg] > INLINE_COST or (_size(arg) > 1 and cost[arg] * repeats > INLINE_COST):
                    if repeats > 0 or uses[arg] > 1:
                        self.store(_source(arg, self.elements.buffers))
            inlined = [a for a in value.args if a not in self.elements.buffers]
            cost[value] = self.elements.cost(value) + sum(cost[a] for a in inlined)
            depth[value] = 1 + max((depth[a] for a in inlined), default=0)
            if not is_map or value in self.place_of or depth[value] >= INLINE_DEPTH:
                self.store(value)

    def evaluations(self, value: Value) -> int:
        """For how many points the arguments of a value are asked."""
        fold = self.elements.fold(value)
        return prod(fold.shape) if fold else _size(value)

    def store(self, value: Value) -> None:
        """Give the value a buffer."""
        if isinstance(value.op, Op) and value not in self.elements.buffers:
            new = self.place_of.get(value) or Buffer(f"t{len(self.elements.buffers)}", _size(value), value.dtype)
            self.elements.buffers[value] = new
