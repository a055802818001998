"""The loop IR: loop nests that load, compute and store single elements, sorting, and calls of libraries.

A :class:`Nest` runs its stores for every point of its axes. In one iteration all loads come before all stores, and
iterations may run in any order: nothing that one iteration stores is loaded by another, save along ``ordered``
axes, whose rounds follow each other. A store with a ``fold`` reduces: its target is first set to the fold's neutral
element, then every iteration folds its value in.

The text form (``str``) is complete; :func:`check` holds the rules; ``interpret`` says what it means.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chainrule.compiler.calls import Call
from chainrule.compiler.index import Axis, Index
from chainrule.compiler.scalar import OF_BOOLS, OPERATIONS, WHOLE, Buffer, Scalar, walk

FOLDS: dict[str, float] = {"add": -0.0, "mul": 1.0, "maximum": -np.inf, "minimum": np.inf}
"""Fold -> its neutral element. −0 is neutral for every float, 0 is not: −0 + 0 = 0."""


def neutral(fold: str, dtype: np.dtype[Any]) -> Any:
    """The neutral element in a dtype; of maximum and minimum for integers and bools, the end of the range."""
    value = FOLDS[fold]
    if dtype.kind == "b":
        return dtype.type(value > 0)
    if np.isinf(value) and dtype.kind in "iu":
        value = np.iinfo(dtype).min if value < 0 else np.iinfo(dtype).max
    return dtype.type(value)


@dataclass(frozen=True, eq=False)
class Store:
    """``buffer[offset] = value``, or with a fold ``buffer[offset] = fold(buffer[offset], value)``.

    With ``by`` the place is that much past ``offset``. Several iterations may store to one place then, one after the
    other, and a fold starts from what the buffer holds.
    """

    buffer: Buffer
    offset: Index
    value: Scalar
    fold: str = ""
    by: Scalar | None = None

    @property
    def roots(self) -> tuple[Scalar, ...]:
        """What it computes."""
        return (self.value,) if self.by is None else (self.value, self.by)


@dataclass(frozen=True, eq=False)
class Nest:
    """Loops over ``axes``, outermost first; ``vector`` is the axis along which to compute several at a time.

    A round of the ``ordered`` axes, which are the outermost, may load what an earlier one stored.
    """

    axes: tuple[Axis, ...]
    stores: tuple[Store, ...]
    vector: Axis | None = None
    ordered: tuple[Axis, ...] = ()
    nodes: list[Scalar] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", walk(root for s in self.stores for root in s.roots))

    def loads(self) -> Iterator[tuple[Buffer, Index]]:
        return (node.detail for node in self.nodes if node.op == "load")

    def picks(self) -> Iterator[tuple[Buffer, Index]]:
        return (node.detail for node in self.nodes if node.op == "pick")

    def reads(self) -> set[Buffer]:
        return {buffer for details in (self.loads(), self.picks()) for buffer, _ in details}

    def writes(self) -> set[Buffer]:
        return {s.buffer for s in self.stores}

    def __str__(self) -> str:
        names = {n: str(n) if n.op in ("const", "load", "position") else f"%{k}" for k, n in enumerate(self.nodes)}
        said = [" vector" if a is self.vector else " in order" if a in self.ordered else "" for a in self.axes]
        loops = ["  " * k + f"for {axis} in {axis.size}{said[k]}:" for k, axis in enumerate(self.axes)]
        pad = "  " * len(self.axes)
        body = [f"{names[n]} = {n}({', '.join(names[a] for a in n.args)})" for n in self.nodes if n.args]
        places = [f"{s.offset}{'' if s.by is None else f' + {names[s.by]}'}" for s in self.stores]
        stores = [f"{s.buffer.name}[{at}] {s.fold}= {names[s.value]}" for s, at in zip(self.stores, places)]
        return "\n".join([*loops, *(pad + line for line in body + stores)])


@dataclass(frozen=True)
class Matrix:
    """Where a matrix lies: element (i, j) at ``offset`` + i · ``row`` + j · ``column``, and one of the two is 1."""

    buffer: Buffer
    offset: Index
    row: int
    column: int

    def __str__(self) -> str:
        return f"{self.buffer.name}[{self.offset} + {self.row}*i + {self.column}*j]"


@dataclass(frozen=True, eq=False)
class Product:
    """``out = left @ right`` by BLAS, for every point of the batch ``axes``; left is m × k, right k × n."""

    axes: tuple[Axis, ...]
    m: int
    n: int
    k: int
    out: Matrix
    left: Matrix
    right: Matrix

    def reads(self) -> set[Buffer]:
        return {self.left.buffer, self.right.buffer}

    def writes(self) -> set[Buffer]:
        return {self.out.buffer}

    def renamed(self, old: Buffer, new: Buffer) -> "Product":
        """The same on another buffer."""
        out, left, right = (replace(m, buffer=new) if m.buffer is old else m for m in (self.out, self.left, self.right))
        return replace(self, out=out, left=left, right=right)

    def __str__(self) -> str:
        loops = ["  " * k + f"for {axis} in {axis.size}:" for k, axis in enumerate(self.axes)]
        call = f"{self.out} = {self.left} @ {self.right}  ({self.m} x {self.k} @ {self.k} x {self.n})"
        return "\n".join([*loops, "  " * len(self.axes) + call])


@dataclass(frozen=True, eq=False)
class Sort:
    """For each row of ``size`` keys the places of the keys in their order; equal ones stay as they were.

    NaN is the largest key. ``spare`` is memory to work in, of ``room`` elements.
    """

    rows: int
    size: int
    descending: bool
    out: Buffer
    keys: Buffer
    spare: Buffer

    @staticmethod
    def room(size: int, dtype: np.dtype[Any]) -> int:
        """For two rows of keys with their places, and one more each."""
        return 2 * (size + 1) * (2 if dtype.itemsize == 8 else 1)

    def reads(self) -> set[Buffer]:
        return {self.keys}

    def writes(self) -> set[Buffer]:
        return {self.out, self.spare}

    def renamed(self, old: Buffer, new: Buffer) -> "Sort":
        """The same on another buffer."""
        out, keys = (new if b is old else b for b in (self.out, self.keys))
        return replace(self, out=out, keys=keys)

    def __str__(self) -> str:
        how = "descending" if self.descending else "ascending"
        return f"{self.out.name} = places of {self.keys.name}, {how}, in {self.rows} rows of {self.size}"


Step = Nest | Product | Sort | Call


@dataclass(frozen=True, eq=False)
class Program:
    """Steps to run in order. An output that is also an input is written in place."""

    inputs: tuple[Buffer, ...]
    outputs: tuple[Buffer, ...]
    steps: tuple[Step, ...]
    arena: dict[Buffer, int] = field(default_factory=dict)
    """Temporary -> its place in the arena, in bytes."""
    arena_size: int = 0

    def __str__(self) -> str:
        lines = [f"input {b}" for b in self.inputs]
        lines += [f"output {b}{' in place' if b in self.inputs else ''}" for b in self.outputs]
        lines += [f"temporary {b} at {at}" for b, at in self.arena.items()]
        return "\n".join([*lines, *map(str, self.steps)])


def check(program: Program) -> Program:
    """The program itself, if it keeps the rules of the loop IR; else ValueError."""
    ready = set(program.inputs)
    known = ready | set(program.outputs) | set(program.arena)
    for step in program.steps:
        if missing := [b.name for b in step.reads() if b not in ready]:
            raise ValueError(f"check: {', '.join(missing)} is read before it is written, in\n{step}")
        if strange := [b.name for b in step.writes() if b not in known]:
            raise ValueError(f"check: {', '.join(strange)} is nowhere declared, in\n{step}")
        if isinstance(step, Nest):
            _check_nest(step)
        elif isinstance(step, Sort):
            _check_sort(step)
        elif isinstance(step, Call) and (far := [str(p) for p in step.operands if p.reach(step.count) > p.buffer.size]):
            raise ValueError(f"check: {', '.join(far)} reaches out of its buffer, in\n{step}")
        ready |= step.writes()
    if unwritten := [b.name for b in program.outputs if b not in ready and b.size]:
        raise ValueError(f"check: the outputs {', '.join(unwritten)} are never written")
    return program


def _check_nest(nest: Nest) -> None:
    places = [*nest.loads(), *nest.picks(), *((s.buffer, s.offset) for s in nest.stores)]
    for buffer, offset in places:
        if not offset.within(buffer.size):
            raise ValueError(f"check: {buffer.name}[{offset}] reaches {offset.lo} to {offset.hi} of {buffer}")
        if not set(offset.axes()) <= set(nest.axes):
            raise ValueError(f"check: {buffer.name}[{offset}] uses an axis that has no loop, in\n{nest}")
    if nest.axes[: len(nest.ordered)] != nest.ordered or nest.vector in nest.ordered:
        raise ValueError(f"check: the ordered axes must be the outermost, and no vector, in\n{nest}")
    for node in nest.nodes:
        if node.op not in OPERATIONS and node.op not in ("const", "load", "pick", "position"):
            raise ValueError(f"check: {node.op} is no operation of the loop IR")
    for store in nest.stores:
        if store.value.dtype != store.buffer.dtype:
            raise ValueError(f"check: {store.buffer} cannot hold {store.value.dtype}, in\n{nest}")
        if store.fold and store.fold not in FOLDS:
            raise ValueError(f"check: {store.fold} is no fold")
        if not store.fold and store.by is None and set(nest.axes) - set(store.offset.axes()):
            raise ValueError(f"check: {store.buffer.name}[{store.offset}] is stored to more than once, in\n{nest}")
        loaded = [o for b, o in nest.loads() if b is store.buffer and not _earlier(nest, store, o)]
        picked = any(b is store.buffer for b, _ in nest.picks())
        if picked or (loaded and store.by is not None) or any(store.fold or o != store.offset for o in loaded):
            raise ValueError(f"check: {store.buffer.name} is loaded where another iteration stores, in\n{nest}")


def _earlier(nest: Nest, store: Store, offset: Index) -> bool:
    """Whether an element was stored by the same iteration of an earlier round of an ordered axis."""
    behind = store.offset + offset * -1
    steps = [store.offset.coefficient(axis) for axis in nest.ordered if store.offset.affine_in(axis)]
    return not behind.terms and any(step and behind.const % step == 0 and behind.const // step > 0 for step in steps)


def _check_sort(sort: Sort) -> None:
    count = sort.rows * sort.size
    if sort.keys.size != count or sort.out.size != count or sort.spare.size < sort.room(sort.size, sort.keys.dtype):
        raise ValueError(f"check: {sort.keys}, {sort.out} and {sort.spare} do not fit, in\n{sort}")
    if not sort.out.dtype == sort.spare.dtype == WHOLE:
        raise ValueError(f"check: places are {WHOLE}, not {sort.out.dtype} and {sort.spare.dtype}, in\n{sort}")


def fold_operation(store: Store) -> str:
    """The operation that a store folds with."""
    return OF_BOOLS.get(store.fold, store.fold) if store.buffer.dtype == bool else store.fold


def reduced(store: Store, axes: Sequence[Axis]) -> list[Axis]:
    """The axes that a fold sums over: those that its target does not depend on."""
    if store.by is not None:
        return []
    kept = set(store.offset.axes())
    return [axis for axis in axes if axis not in kept]
