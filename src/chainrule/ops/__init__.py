"""The op records, by family. ``ALL`` maps each name to its record; it is read from the modules, never written."""

from chainrule.op import Op
from chainrule.ops import arithmetic, comparison, reduction, shape

ALL: dict[str, Op] = {
    record.name: record
    for family in (arithmetic, comparison, reduction, shape)
    for record in vars(family).values()
    if isinstance(record, Op)
}
