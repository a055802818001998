"""The shape of a loop nest: split axes where that resolves a division, join those that run as one, choose an order."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod

from chainrule.compiler.index import Axis, Index, Whole, splits, variable
from chainrule.compiler.loops import Nest, Store, reduced
from chainrule.compiler.scalar import NOTHING, Buffer, Pool

LANES = 8
"""About how many elements are computed at a time."""


def arrange(pool: Pool, nest: Nest) -> Nest:
    """The same work with as few axes and divisions as possible, in an order that walks memory forwards."""
    nest = join(pool, split(pool, nest))
    vector = vector_axis(nest)
    return replace(nest, axes=order(nest, vector), vector=vector)


def offsets(nest: Nest) -> Iterator[Index]:
    yield from (offset for _, offset in (*nest.loads(), *nest.picks()))
    yield from (node.detail for node in nest.nodes if node.op == "position")
    yield from (s.offset for s in nest.stores)


def over(pool: Pool, nest: Nest, axes: tuple[Axis, ...], new: Mapping[Axis, Whole]) -> Nest:
    """The nest over other axes."""
    return replace(nest, axes=axes, stores=tuple(moved(pool, s, new, NOTHING) for s in nest.stores))


def rename(pool: Pool, nest: Nest, buffers: Mapping[Buffer, Buffer]) -> Nest:
    """The nest on other buffers."""
    return replace(nest, stores=tuple(moved(pool, s, NOTHING, buffers) for s in nest.stores))


def moved(pool: Pool, store: Store, axes: Mapping[Axis, Whole], buffers: Mapping[Buffer, Buffer]) -> Store:
    """The store over other axes, on other buffers."""
    value, *by = pool.rebuild(store.roots, axes, buffers)
    return Store(buffers.get(store.buffer, store.buffer), store.offset.replace(axes), value, store.fold, *by)


def from_start(pool: Pool, nest: Nest) -> tuple[Nest, dict[Buffer, int]]:
    """The nest with the elements of each buffer counted from the first constant place in it, and these places.

    Nests that do the same in different parts of their buffers become the same by that.
    """
    places = [*nest.loads(), *nest.picks(), *((s.buffer, s.offset) for s in nest.stores)]
    starts: dict[Buffer, int] = {}
    for buffer, offset in places:
        starts[buffer] = min(offset.const, starts.get(buffer, offset.const))
    if not any(starts.values()):
        return nest, starts
    stores = []
    for s in nest.stores:
        value, *by = pool.rebuild(s.roots, starts=starts)
        stores.append(Store(s.buffer, s.offset + -starts[s.buffer], value, s.fold, *by))
    return replace(nest, stores=tuple(stores)), starts


def split(pool: Pool, nest: Nest) -> Nest:
    """Axes in two where a reshape left a division: k in 6 becomes 3*i + j, and k // 3 is i."""
    while found := next((pair for offset in offsets(nest) for pair in splits(offset)), None):
        axis, inner = found
        free = max(a.number for a in nest.axes) + 1
        a, b = Axis(free, axis.size // inner), Axis(free + 1, inner)
        at = nest.axes.index(axis)
        axes = (*nest.axes[:at], a, b, *nest.axes[at + 1 :])
        nest = over(pool, nest, axes, {axis: variable(a) * inner + variable(b)})
    return nest


def join(pool: Pool, nest: Nest) -> Nest:
    """Neighbouring axes in one where every access steps through them as through one."""
    places = list(offsets(nest))
    runs: list[list[Axis]] = []
    for axis in nest.axes:
        last = runs[-1][-1] if runs else None
        if last and last not in nest.ordered and all(_runs_on(place, last, axis) for place in places):
            runs[-1].append(axis)
        else:
            runs.append([axis])
    new: dict[Axis, Whole] = {}
    axes = []
    free = max((a.number for a in nest.axes), default=0) + 1
    for run in runs:
        if len(run) == 1:
            axes += run
            continue
        wide = Axis(free, prod(axis.size for axis in run))
        free += 1
        axes.append(wide)
        new |= {**dict.fromkeys(run, 0), run[-1]: variable(wide)}
    return over(pool, nest, tuple(axes), new) if new else nest


def _runs_on(place: Index, outer: Axis, inner: Axis) -> bool:
    steps_on = place.coefficient(outer) == place.coefficient(inner) * inner.size
    return steps_on and place.affine_in(outer) and place.affine_in(inner)


def vector_axis(nest: Nest) -> Axis | None:
    """The axis along which an iteration costs least; of several the one with the shortest steps, then the longest."""
    places = [offset for _, offset in set(nest.loads())] + [s.offset for s in nest.stores]

    def cost(axis: Axis) -> tuple[float, int, int]:
        scattered = sum(_scattered(offset, axis) for offset in places)
        steps = sum(abs(offset.coefficient(axis)) for offset in places) if scattered else 0
        return len(nest.nodes) / min(axis.size, LANES) + scattered, steps, -axis.size

    return min((axis for axis in nest.axes if axis not in nest.ordered), key=cost, default=None)


def _scattered(offset: Index, axis: Axis) -> int:
    """How many instructions an access takes for each lane by itself."""
    if not offset.affine_in(axis):
        return 4
    return 2 * (offset.coefficient(axis) not in (0, 1))


def order(nest: Nest, vector: Axis | None) -> tuple[Axis, ...]:
    """Ordered axes first, the vector axis last; but inside it those that all stores fold over, in registers."""
    sums = {frozenset(reduced(s, nest.axes)) for s in nest.stores}
    inside = next(iter(sums)) if len(sums) == 1 else frozenset()
    return tuple(sorted(nest.axes, key=lambda axis: (axis not in nest.ordered, axis in inside, axis == vector)))
