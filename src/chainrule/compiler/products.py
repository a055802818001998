"""Matrix products big enough for BLAS: where their operands lie, read off the index expressions of views.

A transposed, sliced or broadcast view of something stored is passed to BLAS as it lies, without a copy.
"""

from math import prod

from chainrule.compiler.elements import Elements
from chainrule.compiler.index import Axis, Index, Sizes, broadcast_point, variable
from chainrule.compiler.loops import Matrix, Product
from chainrule.ir import Value

SMALL = 20**3
"""Up to this m · n · k a loop nest, which fuses with what surrounds it, is as quick as a call."""


def large(value: Value) -> bool:
    """Whether a product of this size is left to BLAS."""
    m, n, k = *value.shape[-2:], value.args[0].shape[-1]
    return value.dtype.kind == "f" and value.dtype.itemsize > 2 and prod((m, n, k)) > SMALL


def matrix(elements: Elements, value: Value, batch: Sizes) -> Matrix | None:
    """Where the last two axes of a value lie at each point of the batch; None if BLAS cannot take it as it lies."""
    rows, columns = value.shape[-2:]
    outer = tuple(Axis(k, size) for k, size in enumerate(batch))
    i, j = Axis(len(batch), rows), Axis(len(batch) + 1, columns)
    inner = broadcast_point(tuple(map(variable, outer)), value.shape[:-2])
    element = elements.at(value, (*inner, variable(i), variable(j)))
    if element.op != "load":
        return None
    buffer, offset = element.detail
    if not (offset.affine_in(i) and offset.affine_in(j)):
        return None
    row, column = offset.coefficient(i), offset.coefficient(j)
    found = Matrix(buffer, offset.replace({i: 0, j: 0}), row if rows > 1 else columns, column if columns > 1 else 1)
    if found.column == 1 and found.row >= columns:
        return found
    found = Matrix(buffer, found.offset, row if rows > 1 else 1, column if columns > 1 else rows)
    return found if found.row == 1 and found.column >= rows else None


def product(elements: Elements, value: Value) -> Product:
    """The call for a product whose operands BLAS can take."""
    left, right = value.args
    *batch, m, n = value.shape
    k = left.shape[-1]
    axes = tuple(Axis(number, size) for number, size in enumerate(batch) if size > 1)
    out = Matrix(elements.buffers[value], _strided(batch, m * n), n, 1)
    a, b = matrix(elements, left, tuple(batch)), matrix(elements, right, tuple(batch))
    assert a is not None
    assert b is not None
    # a batch of left matrices that follow each other, times one right matrix, is one taller product
    while axes and axes[-1] not in b.offset.axes() and a.column == 1 and (
        a.offset.coefficient(axes[-1]) == m * a.row and a.offset.affine_in(axes[-1])):  # fmt: skip
        m *= axes[-1].size
        still = {axes[-1]: 0}
        out = Matrix(out.buffer, out.offset.replace(still), out.row, out.column)
        a = Matrix(a.buffer, a.offset.replace(still), a.row, a.column)
        axes = axes[:-1]
    return Product(axes, m, n, k, out, a, b)


def _strided(batch: list[int], step: int) -> Index:
    """The start of each matrix in a contiguous batch of them."""
    offset = Index({})
    for number, size in reversed(list(enumerate(batch))):
        offset = offset + variable(Axis(number, size)) * step
        step *= size
    return offset
