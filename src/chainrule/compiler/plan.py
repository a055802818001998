"""Where the buffers of a program lie: outputs in place of inputs, temporaries in one arena."""

from collections.abc import Mapping
from dataclasses import replace

from chainrule.compiler.index import Axis, variable
from chainrule.compiler.loops import Nest, Program, Step, Store, check
from chainrule.compiler.nests import rename
from chainrule.compiler.scalar import Buffer, Pool

ALIGN = 64


def plan(program: Program, writes: Mapping[int, int]) -> Program:
    """The program with output j in the place of input ``writes[j]``, and every temporary at a place in the arena."""
    return check(arena(in_place(program, writes)))


def in_place(program: Program, writes: Mapping[int, int]) -> Program:
    """Outputs in the place of inputs: directly where nothing still needs the old value, else by a copy at the end."""
    pool = Pool()
    steps = list(program.steps)
    outputs = list(program.outputs)
    copies: list[Nest] = []
    for j, i in writes.items():
        out, old = outputs[j], program.inputs[i]
        if safe(steps, out, old):
            steps = [new for step in steps if (new := _renamed(pool, step, out, old))]
        else:
            copies.append(_copy(pool, out, old))
        outputs[j] = old
    return replace(program, outputs=tuple(outputs), steps=(*steps, *copies))


def safe(steps: list[Step], out: Buffer, old: Buffer) -> bool:
    """Whether nothing needs the old value once ``out`` is written over it."""
    written = False
    for step in steps:
        if written and old in step.reads():
            return False
        if isinstance(step, Nest):
            stores = [s for s in step.stores if s.buffer is out and not _is_copy(s, old)]
            places = [at for buffer, at in step.loads() if buffer is old]
            if any(s.fold or s.by is not None or at != s.offset for s in stores for at in places):
                return False
            if stores and any(buffer is old for buffer, _ in step.picks()):
                return False
            written = written or bool(stores)
        elif out in step.writes():
            written = True
            if old in step.reads():
                return False
    return True


def _is_copy(store: Store, source: Buffer) -> bool:
    """Whether the store only brings an element of the source to the same place."""
    return store.by is None and store.value.op == "load" and store.value.detail == (source, store.offset)


def _renamed(pool: Pool, step: Step, out: Buffer, old: Buffer) -> Step | None:
    """The step on ``old`` in place of ``out``; None where nothing is left to do."""
    if not isinstance(step, Nest):
        return step.renamed(out, old)
    if out not in step.reads() | step.writes():
        return step
    nest = rename(pool, step, {out: old})
    stores = tuple(s for s in nest.stores if not _is_copy(s, s.buffer))
    return replace(nest, stores=stores) if stores else None


def _copy(pool: Pool, source: Buffer, target: Buffer) -> Nest:
    axis = Axis(0, target.size)
    at = variable(axis)
    axes = (axis,) if target.size > 1 else ()
    return Nest(axes, (Store(target, at, pool.load(source, at)),), axis if axes else None)


def arena(program: Program) -> Program:
    """A place for each temporary; two share memory only if no step needs both."""
    ends: dict[Buffer, int] = {}
    starts: dict[Buffer, int] = {}
    for k, step in enumerate(program.steps):
        for buffer in sorted(step.reads() | step.writes(), key=lambda b: b.name):
            starts.setdefault(buffer, k)
            ends[buffer] = k
    places: dict[Buffer, int] = {}
    live: list[Buffer] = []
    for buffer, start in starts.items():
        if buffer in program.inputs or buffer in program.outputs:
            continue
        live = sorted((b for b in live if ends[b] >= start), key=places.__getitem__)
        at = 0
        for other in live:
            if at + buffer.nbytes <= places[other]:
                break
            at = max(at, _aligned(places[other] + other.nbytes))
        places[buffer] = at
        live.append(buffer)
    return replace(program, arena=places, arena_size=max((at + b.nbytes for b, at in places.items()), default=0))


def _aligned(size: int) -> int:
    return -(-size // ALIGN) * ALIGN
