"""Why a gradient is this number: products along paths, and sums over cuts, read off a record of scalars.

The number of paths doubles with every diamond, so they are counted by dynamic programming and listed only when few.
A cut is exact at any size: split the nodes, in the order in which they were computed, into a left and a right part;
every path crosses the split once, so the gradient is the sum over the crossing edges of (derivative of the edge's
source by the leaf) · (derivative of the edge) · (derivative of the output by its target).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chainrule.errors import GraphError
from chainrule.see.record import CONSTANT, Edge, Node, Record

LISTED = 64  # paths up to which they are listed
Way = tuple[Edge, Any]
"""The last edge of a way, and the way before it or None."""


@dataclass(frozen=True, slots=True)
class Path:
    """One way from a leaf to the output: its edges in that order, and the product of their derivatives."""

    edges: tuple[Edge, ...]
    product: float

    def nodes(self, record: Record) -> list[Node]:
        """The nodes on the way, ends included."""
        node = {n.id: n for n in record.nodes}
        return [*(node[edge.source] for edge in self.edges), node[record.output]]


@dataclass(frozen=True, slots=True)
class Sum:
    """The paths from a leaf: their exact ``count``; all of them, or none when there are too many to list.

    ``total`` is the sum of their products, known either way.
    """

    count: int
    paths: tuple[Path, ...]
    total: float


@dataclass(frozen=True, slots=True)
class Term:
    """A crossing edge: tangent · derivative · adjoint."""

    edge: Edge
    tangent: float
    adjoint: float
    product: float


@dataclass(frozen=True, slots=True)
class Cut:
    """The edges that cross the vertical line right of node ``after``, and the sum of their terms: the gradient."""

    after: int
    terms: tuple[Term, ...]
    total: float


def paths(record: Record, leaf: int) -> Sum:
    """The paths from ``leaf`` to the output.

    >>> from chainrule.see.record import Edge, Node, Record
    >>> nodes = [Node(i, n, n, "", 5.0, 10.0, (), i == 0) for i, n in enumerate("xy")]
    >>> record = Record("y = x*x", tuple(nodes), (Edge(0, 1, 0, 5.0, "x"), Edge(0, 1, 1, 5.0, "x")), (0,), 1)
    >>> found = paths(record, 0)
    >>> found.count, [path.product for path in found.paths], found.total
    (2, [5.0, 5.0], 10.0)
    """
    ways, tangent = _forward(record, leaf)
    count = ways.get(record.output, 0)
    listed = tuple(_listed(record, leaf)) if count <= LISTED else ()
    return Sum(count, listed, sum(p.product for p in listed) if listed else tangent.get(record.output, 0.0))


def cut(record: Record, leaf: int, after: int | None = None) -> Cut:
    """The gradient by ``leaf`` as a sum over the edges that cross the line right of node ``after``.

    Left out, it is the line that the fewest cross, but two at least if there is such a line; of those the middle one.
    """
    ways, tangent = _forward(record, leaf)
    useful = _useful(record)
    place = {node.id: i for i, node in enumerate(record.nodes)}
    adjoint = {node.id: _number(node.grad) for node in record.nodes if node.grad is not None}
    lines = [e for e in record.edges if e.source in ways and e.target in useful]
    if after is None:
        after = _narrowest(record, lines, place)
    terms = []
    for e in (e for e in lines if place[e.source] <= place[after] < place[e.target]):
        left, right = tangent[e.source], adjoint[e.target]
        terms.append(Term(e, left, right, left * _number(e.derivative) * right))
    return Cut(after, tuple(terms), sum(t.product for t in terms))


def _narrowest(record: Record, lines: list[Edge], place: dict[int, int]) -> int:
    change = [0] * (len(record.nodes) + 1)
    for e in lines:
        change[place[e.source]] += 1
        change[place[e.target]] -= 1
    crossing, widths = 0, []
    for i in range(len(record.nodes)):
        crossing += change[i]
        widths.append(crossing)
    inner = [i for i, node in enumerate(record.nodes) if widths[i] and not node.leaf]
    if not inner:
        return record.output
    best = min([widths[i] for i in inner if widths[i] > 1], default=1)  # a single term would say the gradient again
    narrow = [i for i in inner if widths[i] == best]
    return record.nodes[narrow[len(narrow) // 2]].id


def _forward(record: Record, leaf: int) -> tuple[dict[int, int], dict[int, float]]:
    """For each node that ``leaf`` leads to: the number of ways there, and its derivative by the leaf."""
    into = _by_target(record)
    ways, tangent = {leaf: 1}, {leaf: 1.0}
    for node in record.nodes:
        for e in into.get(node.id, ()):
            if e.source in ways:
                ways[node.id] = ways.get(node.id, 0) + ways[e.source]
                tangent[node.id] = tangent.get(node.id, 0.0) + tangent[e.source] * _number(e.derivative)
    return ways, tangent


def _useful(record: Record) -> set[int]:
    """The nodes that lead to the output."""
    into, useful = _by_target(record), {record.output}
    for node in reversed(record.nodes):
        if node.id in useful:
            useful.update(edge.source for edge in into.get(node.id, ()))
    return useful


def _by_target(record: Record) -> dict[int, list[Edge]]:
    into: dict[int, list[Edge]] = {}
    for edge in record.edges:
        into.setdefault(edge.target, []).append(edge)
    return into


def _listed(record: Record, leaf: int) -> Iterator[Path]:
    """Every path from ``leaf`` to the output, depth first, in argument order."""
    useful = _useful(record)
    out: dict[int, list[Edge]] = {}
    for edge in record.edges:
        if edge.target in useful:
            out.setdefault(edge.source, []).append(edge)
    stack: list[tuple[int, Way | None]] = [(leaf, None)]
    while stack:
        node, way = stack.pop()
        if node == record.output:
            edges = []
            while way is not None:
                edges.append(way[0])
                way = way[1]
            yield Path(tuple(reversed(edges)), math.prod(_number(edge.derivative) for edge in edges))
        else:
            stack += [(edge.target, (edge, way)) for edge in reversed(out.get(node, []))]


def _number(value: object) -> float:
    if isinstance(value, int | float):
        return value
    raise GraphError("paths: a path is a product of numbers, and this graph has tensors on its edges; ask for one "
                     "element: explain(L, wrt=W, at=(0, 0))")


def leaf_id(record: Record, name: str | None = None) -> int:
    """The id of the leaf called ``name``; left out, of the only one. Raises KeyError."""
    leaves = {node.name: node.id for node in record.nodes if node.id in record.leaves and node.op != CONSTANT}
    if name is None and len(leaves) == 1:
        return next(iter(leaves.values()))
    if name not in leaves:
        raise KeyError(f"paths: there is no leaf {name!r} here; there is {', '.join(leaves)}")
    return leaves[name]
