"""What the loop IR means: a slow and obvious interpreter over NumPy scalars."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.compiler import calls
from chainrule.compiler.calls import Call
from chainrule.compiler.index import Axis
from chainrule.compiler.loops import Matrix, Nest, Product, Program, Sort, fold_operation, neutral
from chainrule.compiler.scalar import OPERATIONS, Buffer, Scalar

Memory = dict[Buffer, np.ndarray[Any, Any]]


def interpret(program: Program, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    """Run the program on C-contiguous arrays; an output that is an input in place is given as that array."""
    memory: Memory = {b: np.empty(b.size, b.dtype) for b in program.arena}
    for buffer, array in zip((*program.inputs, *program.outputs), (*inputs, *outputs), strict=True):
        memory[buffer] = array.reshape(-1)
    with np.errstate(all="ignore"):
        for step in program.steps:
            if isinstance(step, Nest):
                _run_nest(step, memory)
            elif isinstance(step, Sort):
                _run_sort(step, memory)
            elif isinstance(step, Call):
                calls.run(step, memory)
            else:
                _run_product(step, memory)


def points(axes: Sequence[Axis]) -> Iterator[dict[Axis, int]]:
    """Every combination of loop variables."""
    for values in itertools.product(*(range(axis.size) for axis in axes)):
        yield dict(zip(axes, values, strict=True))


def _run_nest(nest: Nest, memory: Memory) -> None:
    for store in nest.stores:
        if store.fold and store.by is None:
            for place in points(nest.axes):
                memory[store.buffer][store.offset.at(place)] = neutral(store.fold, store.buffer.dtype)
    for place in points(nest.axes):
        value: dict[Scalar, Any] = {}
        for node in nest.nodes:
            value[node] = _element(node, value, memory, place)
        for store in nest.stores:
            target, at = memory[store.buffer], store.offset.at(place)
            at += 0 if store.by is None else int(value[store.by])
            fold = OPERATIONS[fold_operation(store)][0] if store.fold else None
            target[at] = value[store.value] if fold is None else fold(target[at], value[store.value])


def _element(node: Scalar, value: dict[Scalar, Any], memory: Memory, place: dict[Axis, int]) -> Any:
    if node.op == "const":
        return node.detail
    if node.op in ("load", "pick"):
        buffer, offset = node.detail
        return memory[buffer][offset.at(place) + sum(int(value[a]) for a in node.args)]
    if node.op == "position":
        return node.dtype.type(node.detail.at(place))
    result = OPERATIONS[node.op][0](*[value[a] for a in node.args])
    return np.asarray(result).astype(node.dtype)[()]


def _run_sort(step: Sort, memory: Memory) -> None:
    for row in range(step.rows):
        part = slice(row * step.size, (row + 1) * step.size)
        keys = memory[step.keys][part]
        order = sorted(range(step.size), key=lambda k: (keys[k] != keys[k], keys[k]), reverse=step.descending)
        memory[step.out][part] = order


def _run_product(step: Product, memory: Memory) -> None:
    for place in points(step.axes):
        left = _matrix(step.left, step.m, step.k, memory, place)
        right = _matrix(step.right, step.k, step.n, memory, place)
        _matrix(step.out, step.m, step.n, memory, place)[...] = left @ right


def _matrix(matrix: Matrix, rows: int, columns: int, memory: Memory, place: dict[Axis, int]) -> Any:
    """The matrix as a view of its buffer."""
    row = memory[matrix.buffer][matrix.offset.at(place) :]
    strides = (matrix.row * row.itemsize, matrix.column * row.itemsize)
    return np.ndarray((rows, columns), row.dtype, row, 0, strides)
