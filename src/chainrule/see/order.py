"""In which order the items of a layered drawing stand in their columns: few crossings, by medians and exchanges."""

from __future__ import annotations

from dataclasses import dataclass

SMALL = 600  # items up to which the dearer methods are affordable


@dataclass(slots=True)
class Items:
    """Everything that takes room in a column: nodes first, then chips and slots, each joined to items one rank away."""

    size: list[tuple[float, float]]
    gap: list[float]
    rank: list[int]
    left: list[list[int]]
    right: list[list[int]]
    way: list[list[int]]  # per edge, from source or chip to target


def order(items: Items, n: int) -> tuple[list[list[int]], int]:
    """The columns, top to bottom, and their crossings."""
    columns = _first_order(items, n)
    place = [0] * len(items.size)
    for column in columns:
        _number(column, place)
    best, fewest = columns, _crossings(columns, items, place)
    small = len(items.size) <= SMALL
    stale = 0
    for sweep in range(24 if small else 4):
        if fewest == 0 or stale == 6:
            break
        columns = [list(column) for column in columns]
        rightwards = sweep % 2 == 0
        near = items.left if rightwards else items.right
        for column in columns if rightwards else columns[::-1]:
            _by_median(column, near, place)
        if small:
            _exchange(columns, items, place)
        crossings = _crossings(columns, items, place)
        stale += 1
        if crossings < fewest:
            best, fewest, stale = columns, crossings, 0
    return best, fewest


def _first_order(items: Items, n: int) -> list[list[int]]:
    """Depth first from the sinks, arguments in order: a tree comes out without a crossing."""
    columns: list[list[int]] = [[] for _ in range(max(items.rank, default=-1) + 1)]
    seen = [False] * len(items.size)
    stack = [v for v in range(n - 1, -1, -1) if not items.right[v]]
    while stack:
        v = stack.pop()
        if not seen[v]:
            seen[v] = True
            columns[items.rank[v]].append(v)
            stack.extend(reversed(items.left[v]))
    return columns


def _number(column: list[int], place: list[int]) -> None:
    for i, v in enumerate(column):
        place[v] = i


def _by_median(column: list[int], near: list[list[int]], place: list[int]) -> None:
    """Sort a column by the median place of each item's neighbours; items without neighbours keep their place."""
    key = {v: _middle([place[u] for u in near[v]]) for v in column if near[v]}
    moved = iter(sorted(key, key=key.__getitem__))
    column[:] = [next(moved) if near[v] else v for v in column]
    _number(column, place)


def _middle(values: list[int]) -> float:
    if len(values) == 1:
        return values[0]
    values.sort()
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def _exchange(columns: list[list[int]], items: Items, place: list[int]) -> None:
    """Swap neighbours as long as that removes crossings."""
    better = True
    while better:
        better = False
        for column in columns:
            for i in range(len(column) - 1):
                u, v = column[i], column[i + 1]
                gain = 0
                for near in (items.left, items.right):
                    for a in near[u]:
                        for b in near[v]:
                            gain += (place[a] > place[b]) - (place[a] < place[b])
                if gain > 0:
                    column[i], column[i + 1] = v, u
                    place[u], place[v] = i + 1, i
                    better = True


def _crossings(columns: list[list[int]], items: Items, place: list[int]) -> int:
    """Pairs of segments that cross: per gap, the inversions of the right ends when the left ends are in order."""
    total = 0
    for column in columns:
        ends: list[int] = []
        for u in column:
            ends.extend(sorted([place[v] for v in items.right[u]]))
        if len(ends) > 1:
            total += _inversions(ends)
    return total


def _inversions(values: list[int]) -> int:
    """Pairs out of order, by counts in a binary indexed tree (Fenwick, 1994)."""
    tree = [0] * (max(values) + 2)
    total = 0
    for seen, value in enumerate(values):
        i, not_greater = value + 1, 0
        while i > 0:
            not_greater += tree[i]
            i -= i & -i
        total += seen - not_greater
        i = value + 1
        while i < len(tree):
            tree[i] += 1
            i += i & -i
    return total
