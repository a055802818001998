"""The trace record: one gradient as plain data, read by every view.

The terminal, the SVG, the lab page and the doctor read a `Record` and nothing else, so they cannot disagree. It holds
no tensor and no array, only numbers and text; `Record.to_dict` is its JSON form, "chainrule-trace/1".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

FORMAT = "chainrule-trace/1"
FULL = 64  # a tensor of up to so many elements is stored whole, a larger one as a Summary
CONSTANT = "constant"  # `Node.op` of a number written in the formula: a leaf that never has a gradient

ABSENT = "—"

_INLINE = 4  # `show` writes out so many elements


@dataclass(frozen=True, slots=True)
class Summary:
    """What is kept of a tensor of more than `FULL` elements; min, max and mean are over those that are not nan."""

    shape: tuple[int, ...]
    min: float
    max: float
    mean: float
    n_nan: int


Value: TypeAlias = float | list["Value"] | tuple["Value", ...] | Summary
Source: TypeAlias = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the computation.

    `name` is the user's variable, or "". `text` is the formula in the user's names, "b*c"; a leaf's is its name or
    number, that of a tensor without gradient its value. `value` is None where the tape did not keep it. `grad` is the
    derivative of the record's output by this node; None says that it has not been computed, which is not 0.
    `difference` is the central difference that it must be close to. `source` is (file, line, first column, end column),
    columns from 0. `module` is the path of the layer, "net.0", or "".
    """

    id: int
    name: str
    text: str
    op: str
    value: Value | None
    grad: Value | None
    shape: tuple[int, ...]
    leaf: bool
    source: Source | None = None
    module: str = ""
    difference: Value | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """Node `source` is argument number `arg` of node `target`; the edge carries the target's derivative by it.

    `rule` is that derivative as text, the right-hand side of dv/db = c. `derivative` is its number here; of an op that
    works element by element on tensors, the number for each element. It is None where the rule alone says it, as of
    `g @ W.T`, and from a constant, by which nobody derives.
    """

    source: int
    target: int
    arg: int
    derivative: Value | None
    rule: str


@dataclass(frozen=True, slots=True)
class Record:
    """A graph of nodes and edges, arguments in order; in x*x two edges join the same two nodes.

    `leaves` and `output` are node ids.

    >>> x = Node(0, "x", "x", "", 5.0, 10.0, (), True)
    >>> y = Node(1, "y", "x*x", "mul", 25.0, 1.0, (), False, ("demo.py", 2, 4, 7))
    >>> record = Record("y = x*x", (x, y), (Edge(0, 1, 0, 5.0, "x"), Edge(0, 1, 1, 5.0, "x")), (0,), 1)
    >>> record.to_dict()["edges"][0]
    {'source': 0, 'target': 1, 'arg': 0, 'derivative': 5.0, 'rule': 'x'}
    """

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    leaves: tuple[int, ...]
    output: int

    def to_dict(self) -> dict[str, Any]:
        """The record as dicts, lists, strings and finite numbers; nan and inf become the strings that `show` gives."""
        plain: dict[str, Any] = _plain(self)
        return {"format": FORMAT} | plain


def show(value: Value | None) -> str:
    """The short text of a value: a number to 6 significant digits, a small tensor whole, a larger one by its range.

    A value that is not known is a dash: not a number, above all not 0.

    >>> [show(x) for x in (33.0, -0.143360001, 1234567.0, 2e-7, float("nan"))]
    ['33', '-0.14336', '1.23457e6', '2e-7', 'nan']
    >>> show([1.0, 2.5]), show([[0.0] * 3, [1.5] * 3])
    ('[1, 2.5]', '2x3 [0..1.5]')
    """
    if value is None:
        return ABSENT
    if isinstance(value, int | float):
        text = f"{value + 0.0:.6g}"  # + 0.0 makes -0 a plain 0
        digits, e, exponent = text.partition("e")
        return f"{digits}e{int(exponent)}" if e else text
    if not isinstance(value, Summary):
        flat = list(_flat(value))
        if 0 < len(flat) <= _INLINE:
            return f"[{', '.join(map(show, value))}]"
        value = _summary(_shape(value), flat)
    size = "x".join(map(str, value.shape))
    if math.isnan(value.min):
        return f"{size} all nan" if value.n_nan else f"{size} empty"
    return f"{size} [{show(value.min)}..{show(value.max)}]" + (f" {value.n_nan} nan" if value.n_nan else "")


def _summary(shape: tuple[int, ...], flat: list[float]) -> Summary:
    known = [x for x in flat if not math.isnan(x)]
    n_nan = len(flat) - len(known)
    if not known:
        return Summary(shape, math.nan, math.nan, math.nan, n_nan)
    return Summary(shape, min(known), max(known), sum(known) / len(known), n_nan)


def _flat(value: Value) -> Iterator[float]:
    if isinstance(value, int | float):
        yield value
    elif not isinstance(value, Summary):
        for item in value:
            yield from _flat(item)


def _shape(value: Value) -> tuple[int, ...]:
    if isinstance(value, int | float | Summary):
        return ()
    return (len(value), *(_shape(value[0]) if len(value) else ()))


def _plain(item: Any) -> Any:
    if isinstance(item, Record | Node | Edge | Summary):
        return {field.name: _plain(getattr(item, field.name)) for field in fields(item)}
    if isinstance(item, float) and not math.isfinite(item):
        return show(item)
    return [_plain(part) for part in item] if isinstance(item, list | tuple) else item
