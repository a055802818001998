"""Reverse accumulation over a graph of nodes: backpropagation itself, in one loop.

The engine knows nodes and cotangents by a small protocol and no tensor. A node is made after the nodes that it
comes from, so taking nodes by falling serial number visits each after all its consumers. The loop keeps a heap
of the nodes that something has arrived at; nothing recurses, so a chain of 100,000 nodes is walked like any other.
"""

import operator
from collections.abc import Callable, Collection, Sequence
from heapq import heappop, heappush
from typing import Any, Protocol

from chainrule.modes import quietly


class Node(Protocol):
    """One application of an op, or a leaf, whose ``serial`` is 0 and which keeps what it is sent."""

    serial: int
    """Grows with every node made."""

    edges: Sequence[Any]
    """Per input the node it came from, or None where no gradient goes."""

    hooks: Sequence[Callable[[Any], Any]] | None
    """Called with what has arrived, before it is sent on; may replace it."""

    def send(self, g: Any) -> Sequence[Any]:
        """The cotangents of the inputs, from the cotangent ``g`` of the output; None where nothing goes."""

    def run(self, g: Any, release: bool) -> tuple[Sequence[Any], Sequence[Any]]:
        """Send on as far as one likes through nodes that nothing else feeds: (edges, what arrives there)."""
        return self.edges, self.send(g)

    saved: Any
    out: Any
    """What ``send`` needs; None once released."""


def leading_to(roots: Sequence[Node], targets: Collection[Any]) -> set[Any]:
    """The nodes between ``roots`` and ``targets``, both included, from which some target can be reached."""
    seen: set[Any] = set(roots)
    stack: list[Any] = list(roots)
    while stack:
        fresh = [e for e in stack.pop().edges if e is not None and e not in seen]
        seen.update(fresh)
        stack.extend(fresh)
    leading = seen.intersection(targets)
    for node in sorted(seen, key=lambda n: n.serial):
        if any(edge in leading for edge in node.edges):
            leading.add(node)
    return leading


def pull(
    roots: Sequence[Node], cotangents: Sequence[Any], wanted: Collection[Any] | None = None, release: bool = True
) -> dict[Any, Any]:
    """Send ``cotangents`` back from ``roots``.

    Without ``wanted``, every leaf keeps the sum of what arrives at it. With ``wanted``, only the nodes that lead
    to those are visited, no leaf keeps anything, and what arrived at each wanted node is returned.
    """
    only = None if wanted is None else leading_to(roots, wanted)
    arrived: dict[Any, Any] = {}
    heap: list[tuple[int, Any]] = []
    found: dict[Any, Any] = {}
    edges, parts = roots, cotangents
    while True:
        alone = None
        for edge, g in zip(edges, parts):
            if edge is None or g is None or (only is not None and edge not in only):
                continue
            if edge in arrived:
                try:
                    arrived[edge] = arrived[edge] + g
                except RuntimeWarning:  # where the user turns NumPy's warnings into errors
                    arrived[edge] = quietly(operator.add, arrived[edge], g)
                continue
            arrived[edge] = g
            if edge.serial:
                if alone is None and not heap:
                    alone = edge  # most graphs are mostly chains: the next node, unless another joins it
                    continue
                if alone is not None:
                    heappush(heap, (-alone.serial, alone))
                    alone = None
                heappush(heap, (-edge.serial, edge))
        if alone is None:
            if not heap:
                break
            alone = heappop(heap)[1]
        g = arrived.pop(alone)
        if only is None and alone.hooks is None and not heap:
            edges, parts = alone.run(g, release)  # nothing waits: as far as there is one way
            continue
        came, g = g, hooked(alone, g)
        edges = alone.edges
        onward = only is None or any(edge in only for edge in edges)
        if wanted is not None and alone in wanted:
            found[alone] = came if onward else g  # where the walk goes on, what came before hooks, as in PyTorch
        if not onward:
            edges = ()
            continue
        parts = alone.send(g)
        if release:
            alone.saved = alone.out = None
    for leaf, g in arrived.items():
        if leaf.hooks is not None:
            g = hooked(leaf, g)
        if wanted is None:
            leaf.send(g)
        elif leaf in wanted:
            found[leaf] = g
    return found


def hooked(node: Node, g: Any) -> Any:
    """What the hooks of a node make of what has arrived at it."""
    for hook in list(node.hooks or ()):
        changed = hook(g)
        g = g if changed is None else changed
    return g
