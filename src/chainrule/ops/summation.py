"""Sums in the order in which PyTorch adds on the CPU, so that short sums agree with it to the bit.

Floating-point addition is not associative: a sum is a number *and* an order. PyTorch's order, observed on 2.13: a
row is read as vectors of 32 bytes (``LANES`` numbers), four vectors side by side are accumulated in blocks of 16,
the rest joins the first of the four, then the four, then the lanes one after another, after the numbers at the end
that fill no vector. Columns are added the same way, all that fill four vectors without the four. Longer sums than
``LONGEST`` are left to NumPy, whose pairwise order is as accurate and faster there.
"""

from functools import lru_cache
from typing import Any

import numpy as np

LANES = {np.dtype("float32"): 8, np.dtype("float64"): 4}
LONGEST = 8192
BLOCK = 16
reduce, accumulate, concatenate = np.add.reduce, np.add.accumulate, np.concatenate


def total(x: Any) -> Any:
    """The sum of a contiguous vector of at most ``LONGEST`` numbers."""
    lanes = LANES[x.dtype]
    if lanes <= x.size < 8 * lanes:  # one read in the right order: this is where time matters
        places, whole = order(x.size, lanes)
        sums = reduce(x.take(places), 0)
        return accumulate(concatenate((x[whole:], sums)) if whole < x.size else sums)[-1]
    vectors, rest = divmod(x.size, lanes)
    if not vectors:
        return in_turn(in_fours(x.reshape(-1, 1)))
    sums = in_fours(x[: x.size - rest].reshape(vectors, lanes))
    return in_turn(concatenate((x[x.size - rest :], sums)) if rest else sums)


@lru_cache(maxsize=256)
def order(size: int, lanes: int) -> tuple[Any, int]:
    """Where the rows of lanes lie that are to be added, in their order, and where the rest begins."""
    vectors = size // lanes
    rows = ORDERS.get(vectors, np.arange(vectors))
    return rows[:, None] * lanes + np.arange(lanes), vectors * lanes


def in_turn(x: Any) -> Any:
    """The sum of a vector, one number after another."""
    return accumulate(x)[-1]


def in_fours(v: Any) -> Any:
    """The sum of the rows of ``v``: four running sums, the rows left over joining the first, then the four in turn."""
    count = len(v)
    if count < 4:
        return reduce(v, 0)
    if count < 8:
        return reduce(v.take(ORDERS[count], 0), 0)
    fours = count - count % 4
    sums = in_blocks(v[:fours].reshape(fours // 4, -1)).reshape(4, -1)
    return reduce(concatenate((sums[:1], v[fours:], sums[1:])), 0)


ORDERS = {n: np.array([0, *range(4, n), 1, 2, 3]) for n in range(4, 8)}


def in_blocks(v: Any) -> Any:
    """The sum of the rows of ``v`` by blocks of 16: the rest, plus the sum of block sums, and so on upward."""
    count = len(v)
    if count < BLOCK:
        return reduce(v, 0)
    whole = count - count % BLOCK
    blocks = reduce(v[:whole].reshape(whole // BLOCK, BLOCK, -1), 1)
    rest = reduce(v[whole:], 0)
    while len(blocks) >= BLOCK:
        whole = len(blocks) - len(blocks) % BLOCK
        rest = rest + reduce(blocks[whole:], 0)
        blocks = reduce(blocks[:whole].reshape(whole // BLOCK, BLOCK, -1), 1)
    return rest + reduce(blocks, 0)


def down(x: Any) -> Any:
    """The sums of the columns of a contiguous matrix."""
    lanes = LANES[x.dtype]
    wide = x.shape[1] - x.shape[1] % (4 * lanes if x.shape[1] >= lanes else 4)
    if not wide:
        return in_fours(x)
    left = in_blocks(x[:, :wide])
    return left if wide == x.shape[1] else concatenate((left, in_fours(x[:, wide:])))


def across(x: Any) -> Any:
    """The sums of the rows of a contiguous matrix."""
    return np.array([total(row) for row in x], x.dtype)


@lru_cache(maxsize=1024)
def layout(shape: tuple[int, ...], dim: tuple[int, ...]) -> tuple[Any, tuple[int, ...]]:
    """How a reduction over ``dim`` reads a contiguous array: as one row, as rows, as columns, or (None) neither."""
    rows, columns = shape[: len(shape) - len(dim)], shape[len(shape) - len(dim) :]
    if all(size == 1 or axis in dim for axis, size in enumerate(shape)):
        return total, (-1,)
    if dim == tuple(range(len(shape) - len(dim), len(shape))):
        return across, (int(np.prod(rows)), int(np.prod(columns)))
    if dim == tuple(range(len(dim))):
        return down, (int(np.prod(shape[: len(dim)])), int(np.prod(shape[len(dim) :])))
    return None, ()


def ordered(x: Any, dim: tuple[int, ...]) -> Any:
    """The sum of ``x`` over ``dim`` in PyTorch's order, or None where that is not known or not worth it."""
    if x.dtype not in LANES or not 0 < x.size <= LONGEST or not x.flags.c_contiguous or not dim:
        return None
    if len(x.shape) == 1:
        return total(x)
    add, view = layout(x.shape, dim)
    if add is None:
        return None
    found = add(x.reshape(view))
    left = [size for axis, size in enumerate(x.shape) if axis not in dim]
    return found.reshape(left) if left else found
