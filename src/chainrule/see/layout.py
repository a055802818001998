"""Where the boxes, arrows and labels of a graph go: a layered drawing, left to right.

The method is Sugiyama's (Sugiyama, Tagawa and Toda, 1981) with the medians of Gansner, Koutsofios, North and Vo (1993):

1. *Ranks.* A node stands as far right as its consumers allow, so leaves stand beside the op that reads them.
2. *Slots.* An edge is cut into segments between neighbouring columns. Every other column belongs to the labels: there
   an edge holds its label's box, or a thin slot that keeps others away. An edge too long to follow becomes a chip: a
   small box that repeats the source beside the target.
3. *Order.* Median sweeps, and for small graphs exchanges of neighbours, keep the order with the fewest crossings.
4. *Heights.* Each item wants the weighted median of its neighbours; a column comes as close to that in least squares as
   order and distances allow, by pooling adjacent violators.
5. *Columns.* Between columns all curves live in the gap, inside a column they run level in their own slot: so no curve
   touches a box that is not its own.

Nothing here recurses, hashes or draws lots: the same input gives the same picture, here and in the page's JavaScript.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from chainrule.see.order import SMALL, Items, order

Size = tuple[float, float]
Point = tuple[float, float]

MARGIN = 16.0
_LONGEST_LEAF_EDGE = 12  # ranks; a leaf is repeated rather than tied over a longer way
_SLOTS_PER_NODE = 4
_FREE_SLOTS = 400  # a small graph may spend so many, whatever its number of nodes
_NODE_GAP, _SLOT_GAP = 12.0, 5.0  # half the distance kept above and below
_NEARLY = 0.7  # a box of so much of its column's width is drawn as wide as the column
_GAP, _WIDEST_GAP, _STEEPNESS = 26.0, 96.0, 0.3  # columns stand further apart where edges climb more


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its top left corner, y downwards."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Layout:
    """A drawing of `width` x `height`.

    `nodes` has a box per node, `labels` a box per edge (None without a label), `edges` a list of points per edge, from
    its source (or its chip) to its target: level where the next point is at the same height, else a curve that leaves
    and arrives level. `chips` maps an edge to the box that repeats its source. `slots` counts the items that are not
    nodes, `crossings` the pairs of segments that cross.
    """

    width: float
    height: float
    nodes: list[Box]
    edges: list[list[Point]]
    labels: list[Box | None]
    chips: dict[int, Box]
    slots: int
    crossings: int


def layout(
    sizes: Sequence[Size], edges: Sequence[tuple[int, int]], labels: Sequence[Size], chips: Sequence[Size]
) -> Layout:
    """Lay out an acyclic graph: node sizes, edges as (source, target) indices in argument order, label sizes per edge
    ((0, 0) for none), chip sizes per node. Edges may repeat. Raises ValueError for a cycle.

    >>> drawing = layout([(40, 20)] * 3, [(0, 2), (1, 2)], [(10, 8)] * 2, [(20, 20)] * 3)
    >>> [(box.x, box.y) for box in drawing.nodes]
    [(16.0, 16.0), (16.0, 60.0), (124.6, 38.0)]
    """
    pitch = 2 if any(width for width, _ in labels) else 1
    rank = [pitch * r for r in _ranks(len(sizes), edges)]
    chipped = _chipped(rank, edges, pitch)
    items = _items(sizes, edges, labels, chips, rank, chipped, pitch)
    columns, crossings = order(items, len(sizes))
    y = _heights(items, columns)
    x, right_end = _columns(items, columns, y)
    boxes = [Box(x[v], y[v] - h / 2, w, h) for v, (w, h) in enumerate(items.size)]
    spans = _spans(boxes, items.rank, len(columns))
    return Layout(
        width=right_end + MARGIN,
        height=max((box.y + box.height for box in boxes), default=MARGIN) + MARGIN,
        nodes=boxes[: len(sizes)],
        edges=[_points(way, boxes, y, items.rank, spans) for way in items.way],
        labels=[boxes[way[-2]] if labels[e][0] else None for e, way in enumerate(items.way)],
        chips={e: boxes[items.way[e][0]] for e in range(len(edges)) if chipped[e]},
        slots=len(boxes) - len(sizes),
        crossings=crossings,
    )


def _ranks(n: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Each node's column, as far right as its consumers allow; the longest path starts in column 0."""
    sources: list[list[int]] = [[] for _ in range(n)]
    waiting = [0] * n
    for source, target in edges:
        sources[target].append(source)
        waiting[source] += 1
    ready = [v for v in range(n) if waiting[v] == 0]
    distance = [0] * n  # the longest path to a sink
    for v in ready:  # grows while it is walked
        for source in sources[v]:
            distance[source] = max(distance[source], distance[v] + 1)
            waiting[source] -= 1
            if waiting[source] == 0:
                ready.append(source)
    if len(ready) < n:
        raise ValueError(f"layout: {n - len(ready)} of {n} nodes lie on or before a cycle; a computation has none")
    last = max(distance, default=0)
    return [last - d for d in distance]


def _chipped(rank: list[int], edges: Sequence[tuple[int, int]], pitch: int) -> list[bool]:
    """Which edges become chips: long ones from leaves, then the longest until the budget of slots holds."""
    leaf = [True] * len(rank)
    for _, target in edges:
        leaf[target] = False
    length = [rank[target] - rank[source] for source, target in edges]
    chipped = [leaf[edges[e][0]] and length[e] > _LONGEST_LEAF_EDGE * pitch for e in range(len(edges))]
    # a chip costs as many slots as the shortest edge, and one more for itself
    slots = sum(pitch if chipped[e] else length[e] - 1 for e in range(len(edges)))
    budget = max(_SLOTS_PER_NODE * len(rank), pitch * len(edges), _FREE_SLOTS)
    for e in sorted(range(len(edges)), key=lambda e: -length[e]):
        if slots <= budget:
            break
        if not chipped[e] and length[e] - 1 > pitch:
            chipped[e] = True
            slots -= length[e] - 1 - pitch
    return chipped


def _items(
    sizes: Sequence[Size],
    edges: Sequence[tuple[int, int]],
    labels: Sequence[Size],
    chips: Sequence[Size],
    rank: list[int],
    chipped: list[bool],
    pitch: int,
) -> Items:
    size, at = list(sizes), list(rank)
    gap = [_NODE_GAP] * len(size)
    way: list[list[int]] = []
    for e, (source, target) in enumerate(edges):
        path = [source]
        if chipped[e]:
            path = [len(size)]
            size.append(chips[source])
            at.append(rank[target] - pitch)
            gap.append(_NODE_GAP)
        for r in range(at[path[0]] + 1, rank[target]):
            path.append(len(size))
            size.append(labels[e] if r == rank[target] - 1 else (0.0, 0.0))
            at.append(r)
            gap.append(_SLOT_GAP)
        way.append([*path, target])
    left: list[list[int]] = [[] for _ in size]
    right: list[list[int]] = [[] for _ in size]
    for path in way:
        for u, v in pairwise(path):
            right[u].append(v)
            left[v].append(u)
    return Items(size, gap, at, left, right, way)


def _heights(items: Items, columns: list[list[int]]) -> list[float]:
    """The height of every item's middle: straight main lines first, leaves around them."""
    # How much an item wants its edges level; a segment pulls by the product of its ends. What comes from a leaf pulls
    # so much less that it bends instead of the main line.
    pull = [1000.0 if near else 1.0 for near in items.left]
    for way in items.way:
        for v in way[1:-1]:
            pull[v] = 2000.0 if items.left[way[0]] else 1.0
    reach = [height / 2 + gap for (_, height), gap in zip(items.size, items.gap)]
    y = [0.0] * len(items.size)
    for column in columns:
        total = 0.0
        for v in column:
            y[v] = total + reach[v]
            total += 2 * reach[v]
        for v in column:
            y[v] -= total / 2
    final = _one_bend(items)
    rounds = 6 if len(items.size) <= SMALL else 1
    passes = [(items.left, True), (items.right, False)] * rounds
    passes += [(final, True), (final, False)] * rounds + [(final, True)]
    for near, rightwards in passes:
        for column in columns if rightwards else columns[::-1]:
            _settle(column, near, pull, reach, y)
    top = min((y[v] - items.size[v][1] / 2 for v in range(len(y))), default=0.0)
    return [height - top + MARGIN for height in y]


def _one_bend(items: Items) -> list[list[int]]:
    """Whom each item follows in the end: a slot only one neighbour, so that its edge bends once and is level elsewhere.

    A slot between two nodes follows the end that has fewer edges on this side.
    """
    near = [a + b for a, b in zip(items.left, items.right)]
    for way in items.way:
        first, last = way[0], way[-1]
        for before, v in pairwise(way[1:-1]):
            near[v] = [before]
        if len(way) == 3:
            near[way[1]] = [first] if len(items.right[first]) <= len(items.left[last]) else [last]
        elif len(way) > 3:
            near[way[1]] = [way[2]]
    return near


def _settle(column: list[int], near: list[list[int]], pull: list[float], reach: list[float], y: list[float]) -> None:
    """Bring a column as near to its neighbours' heights as order and distances allow (least squares).

    With the least distances subtracted, heights must not decrease down the column: isotonic regression, by pooling
    adjacent violators (Ayer et al., 1955).
    """
    offsets: list[float] = []
    pools: list[tuple[float, float, int]] = []  # weight, weighted sum, number of items
    offset = -reach[column[0]]
    for v in column:
        offset += reach[v]
        wanted, weight = _weighted_median(near[v], pull, y) if near[v] else (y[v], 0.1)
        weight *= pull[v]
        total, count = weight * (wanted - offset), 1
        while pools and pools[-1][1] * weight >= total * pools[-1][0]:
            more, upper, members = pools.pop()
            weight, total, count = weight + more, total + upper, count + members
        pools.append((weight, total, count))
        offsets.append(offset)
        offset += reach[v]
    i = 0
    for weight, total, count in pools:
        for j in range(i, i + count):
            y[column[j]] = total / weight + offsets[j]
        i += count


def _weighted_median(near: list[int], pull: list[float], y: list[float]) -> tuple[float, float]:
    """The height with as much pull above as below, and the whole pull."""
    if len(near) == 1:
        return y[near[0]], pull[near[0]]
    pulls = sorted([(y[u], pull[u]) for u in near])
    whole = 0.0
    for _, weight in pulls:
        whole += weight
    i, below = 0, pulls[0][1]
    while below < whole / 2:
        i += 1
        below += pulls[i][1]
    height = pulls[i][0]
    return (height + pulls[i + 1][0]) / 2 if below == whole / 2 else height, whole


def _columns(items: Items, columns: list[list[int]], y: list[float]) -> tuple[list[float], float]:
    """Each item's left side, centred in its column, and the right end of the last column.

    Boxes almost as wide as their column become as wide: their sides line up.
    """
    x = [0.0] * len(items.size)
    start, end = MARGIN, MARGIN
    for column in columns:
        climb = max((abs(y[u] - y[v]) for v in column for u in items.left[v]), default=0.0)
        if end > MARGIN:
            start = end + min(_GAP + _STEEPNESS * climb, _WIDEST_GAP)
        widest = max(items.size[v][0] for v in column)
        for v in column:
            width, height = items.size[v]
            if width >= _NEARLY * widest and items.gap[v] == _NODE_GAP:
                items.size[v] = (widest, height)
            x[v] = start + (widest - items.size[v][0]) / 2
        end = start + widest
    return x, end


def _spans(boxes: list[Box], rank: list[int], n: int) -> list[Point]:
    """The left and right end of every column."""
    spans = [(float("inf"), 0.0)] * n
    for box, r in zip(boxes, rank):
        spans[r] = (min(spans[r][0], box.x), max(spans[r][1], box.x + box.width))
    return spans


def _points(way: list[int], boxes: list[Box], y: list[float], rank: list[int], spans: list[Point]) -> list[Point]:
    """Level through every column it passes, so that it bends only in the gaps."""
    first, last = way[0], way[-1]
    points = [(boxes[first].x + boxes[first].width, y[first]), (spans[rank[first]][1], y[first])]
    for v in way[1:-1]:
        points += [(spans[rank[v]][0], y[v]), (spans[rank[v]][1], y[v])]
    return [*points, (spans[rank[last]][0], y[last]), (boxes[last].x, y[last])]
