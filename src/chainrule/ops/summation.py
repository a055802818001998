"""Sums in the order in which PyTorch adds on the CPU, so that short sums agree with it to the bit.

Floating-point addition is not associative: a sum is a number *and* an order. PyTorch's order, observed on 2.13: a
row is read as vectors of 32 bytes (``LANES`` numbers), four vectors side by side are accumulated in blocks of 16,
the rest joins the first of the four, then the four, then the lanes one after another, after the numbers at the end
that fill no vector. Columns are added the same way, all that fill four vectors without the four. Longer sums than
``LONGEST`` are left to NumPy, whose pairwise order is as accurate and faster there.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from chainrule.spec import int64

HALF, SINGLE = np.dtype("float16"), np.dtype("float32")
LANES = {SINGLE: 8, np.dtype("float64"): 4}
LONGEST = 8192
BLOCK = 16
reduce: Any = np.add.reduce
reduceat, accumulate, concatenate = np.add.reduceat, np.add.accumulate, np.concatenate


Adder = Callable[[Any], Any]


@lru_cache(maxsize=1024)
def adder(shape: tuple[int, ...], dtype: Any, dim: tuple[int, ...], keepdim: bool) -> Adder:
    """The sum of arrays of this kind over ``dim``."""
    return ordered(shape, dtype, dim, keepdim) or numpy_sum(dtype, dim, keepdim)


@lru_cache(maxsize=1024)
def averager(shape: tuple[int, ...], dtype: Any, dim: tuple[int, ...], keepdim: bool) -> Adder:
    """The mean of arrays of this kind over ``dim``; in half precision computed in single and rounded."""
    if dtype == HALF:
        single = averager(shape, SINGLE, dim, keepdim)
        return lambda x: single(x.astype(SINGLE)).astype(HALF)
    add, count = adder(shape, dtype, dim, keepdim), math.prod([shape[axis] for axis in dim])
    count = dtype.type(count) if dtype in LANES else count
    return lambda x: add(x) / count


def numpy_sum(dtype: Any, dim: tuple[int, ...], keepdim: bool) -> Adder:
    """NumPy's own; of whole numbers as int64."""
    wide: Any = None if dtype.kind in "fc" else int64.numpy
    return lambda x: reduce(x, axis=dim, keepdims=keepdim, dtype=wide)


def ordered(shape: tuple[int, ...], dtype: Any, dim: tuple[int, ...], keepdim: bool) -> Adder | None:
    """The sum in PyTorch's order; None where that is not known or not worth it."""
    size = math.prod(shape)
    if dtype not in LANES or not 0 < size <= LONGEST or not dim:
        return None
    lanes = LANES[dtype]
    ndim, folded = len(shape), len(dim)
    left = tuple(1 if axis in dim else n for axis, n in enumerate(shape) if keepdim or axis not in dim)
    if all(n == 1 or axis in dim for axis, n in enumerate(shape)):
        if ndim == 1:
            return row_adder(size, lanes, slice(-1, None) if keepdim else -1)
        add = row_adder(size, lanes, slice(-1, None) if left else -1)
        return (lambda x: add(x.reshape(size)).reshape(left)) if left else lambda x: add(x.reshape(size))
    if dim == tuple(range(ndim - folded, ndim)):
        columns = math.prod(shape[ndim - folded :])
        return lambda x: along_rows(np.ascontiguousarray(x.reshape(-1, columns).T), lanes).reshape(left)
    if dim == tuple(range(folded)):
        rows = math.prod(shape[:folded])
        return lambda x: down(x.reshape(rows, -1), lanes).reshape(left)
    return None


def row_adder(size: int, lanes: int, last: Any) -> Adder:
    """The sum of a vector of ``size`` numbers: of its running sums the ``last``.

    Where time matters, one read in the right order and two calls: ``reduceat`` leaves the numbers at the end alone and
    adds up each lane. It adds a segment's first number to the sum of the others, so the last to come stands first.
    """
    vectors, rest = divmod(size, lanes)
    whole = size - rest
    if not vectors:
        order = ORDERS.get(size, np.arange(size))
        return lambda x: accumulate(x.take(order))[last]
    if vectors < 8:
        chain = np.roll(ORDERS.get(vectors, np.arange(vectors)), 1)
        order = np.concatenate((np.arange(whole, size), (np.arange(lanes)[:, None] + chain * lanes).ravel()))
        starts = np.concatenate((np.arange(rest), rest + np.arange(lanes) * vectors))
        return lambda x: accumulate(reduceat(x.take(order), starts))[last]
    return lambda x: accumulate(concatenate((x[whole:], in_fours(x[:whole].reshape(vectors, lanes)))))[last]


def along_rows(x: Any, lanes: int) -> Any:
    """The sums of the columns of ``x``, each in the order of :func:`row_adder`: many short rows, standing upright."""
    whole = len(x) - len(x) % lanes
    if not whole:
        return in_fours(x)
    sums = in_fours(x[:whole].reshape(whole // lanes, -1)).reshape(lanes, -1)
    return reduce(concatenate((x[whole:], sums)), 0)


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


def down(x: Any, lanes: int) -> Any:
    """The sums of the columns of a matrix."""
    wide = x.shape[1] - x.shape[1] % (4 * lanes if x.shape[1] >= lanes else 4)
    if not wide:
        return in_fours(x)
    left = in_blocks(x[:, :wide])
    return left if wide == x.shape[1] else concatenate((left, in_fours(x[:, wide:])))
