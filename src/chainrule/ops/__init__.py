"""The op records, by family. ``ALL`` maps each name to its record; it is read from the modules, never written."""

from chainrule.op import Op
from chainrule.ops import (
    arithmetic,
    comparison,
    decompositions,
    elementary,
    indexing,
    linear_algebra,
    moves,
    ordering,
    reduction,
    shape,
    special,
)

ALL: dict[str, Op] = {
    record.name: record
    for family in (arithmetic, elementary, comparison, reduction, ordering, shape, moves, indexing, linear_algebra,
                   decompositions, special)
    for record in vars(family).values()
    if isinstance(record, Op)
}
