"""Nested tuples, lists and dicts as trees with leaves, the shape in which functions take and give tensors.

>>> from chainrule import trees
>>> tree = {"a": (1, [2, 3]), "b": 4}
>>> trees.leaves(tree)
[1, 2, 3, 4]
>>> trees.mapped(lambda x: 10 * x, tree)
{'a': (10, [20, 30]), 'b': 40}
"""

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from typing import Any


def leaves(tree: Any) -> list[Any]:
    """What stands at the ends of a tree, in order; None is a tree without leaves."""
    if isinstance(tree, (tuple, list, dict)):
        return [leaf for part in (tree.values() if isinstance(tree, dict) else tree) for leaf in leaves(part)]
    return [] if tree is None else [tree]


def filled(tree: Any, values: Iterable[Any]) -> Any:
    """A tree of the same form with other leaves."""
    return _filled(tree, iter(values))


def _filled(tree: Any, values: Iterator[Any]) -> Any:
    if isinstance(tree, dict):
        new = copy(tree)  # which a defaultdict survives
        new.update({key: _filled(part, values) for key, part in tree.items()})
        return new
    if isinstance(tree, (tuple, list)):
        parts = [_filled(part, values) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return None if tree is None else next(values)


def mapped(function: Callable[..., Any], tree: Any) -> Any:
    """The tree with ``function`` applied to each leaf."""
    return filled(tree, map(function, leaves(tree)))


def spread(prefix: Any, tree: Any) -> list[Any]:
    """For each leaf of ``tree`` what stands above it in ``prefix``, a tree that may end earlier. Raises ValueError."""
    if not isinstance(prefix, (tuple, list, dict)):
        return [prefix] * len(leaves(tree))
    below, above = _children(tree), _children(prefix)
    if below is None or above is None or below.keys() != above.keys():
        raise ValueError(f"the structure {prefix!r} does not fit the arguments: expected it to be a prefix of theirs")
    return [value for key, part in below.items() for value in spread(above[key], part)]


def _children(tree: Any) -> dict[Any, Any] | None:
    return tree if isinstance(tree, dict) else dict(enumerate(tree)) if isinstance(tree, (tuple, list)) else None
