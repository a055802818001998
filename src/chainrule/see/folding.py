"""Which quantities are one for a reader: a tensor, and the same elements in the shape that an op wanted them in."""

from collections.abc import Iterator, Sequence

import numpy as np

from chainrule.see.quantities import Quantity

Users = dict[Quantity, list[tuple[Quantity, int]]]


def users_of(quantities: Sequence[Quantity]) -> Users:
    """What reads each quantity, as which argument."""
    users: Users = {q: [] for q in quantities}
    for q in quantities:
        for i, arg in enumerate(q.args):
            users[arg].append((q, i))
    return users


def readers(q: Quantity, users: Users) -> Iterator[tuple[Quantity, int]]:
    """What reads a quantity, as which argument, in whatever shape: the users of what is folded into it are its own."""
    for user, i in users[q]:
        yield from [(user, i)] if user.head is None else readers(user, users)


def fold(quantities: Sequence[Quantity], users: Users) -> None:
    """Set ``head``: a reshape that the user has not written, as in ``W @ x`` for a vector x, belongs to what it moves.

    ``seen`` is then the shape in which the user knows the elements.
    """
    for q in quantities:
        near = [*q.args, *(user for user, _ in users[q])]
        if unmoved(q) and any(same_place(q, other) for other in near):
            q.head = q.args[0].head or q.args[0]
            if same_place(q, q.head):
                q.head.seen = q.shape
    for q in quantities:
        if q.head is not None:
            q.seen = q.head.seen or q.head.shape


def unmoved(q: Quantity) -> bool:
    """Are these the elements of the argument in the same order?"""
    if q.node is None or q.node.op.index is None or q.size != q.args[0].size:
        return False
    places = np.arange(q.size)
    moved = q.node.op.forward(places.reshape(q.args[0].shape), **q.node.params)
    return bool(np.array_equal(np.reshape(moved, -1), places))


def same_place(a: Quantity, b: Quantity) -> bool:
    """Were both made by one and the same expression of the source?"""
    return (a.node is not None and b.node is not None and a.node.code is not None and a.node.code is b.node.code
            and a.node.instruction == b.node.instruction)  # fmt: skip
