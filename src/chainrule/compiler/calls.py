"""Calls of NumPy's own loops over matrices, which are LAPACK's routines with strides, for a whole batch at a time.

An op's ``library`` facet is called on arrays of one matrix each, and says which loops fill the output, and from
which parts to which. Only where these parts lie is read off. A loop that fails leaves NaN.
"""

import ctypes
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from chainrule.compiler.code import Code
from chainrule.compiler.index import Index
from chainrule.compiler.scalar import Buffer
from chainrule.errors import TraceError
from chainrule.ir import Value
from chainrule.op import Op
from chainrule.spec import numel


class UFunc(ctypes.Structure):
    """The head of PyUFuncObject, as numpy/ufuncobject.h has it."""

    _fields_ = [("object", ctypes.c_char * object.__basicsize__), ("inputs", ctypes.c_int), ("outputs", ctypes.c_int),
                ("operands", ctypes.c_int), ("identity", ctypes.c_int),
                ("loops", ctypes.POINTER(ctypes.c_void_p))]  # fmt: skip


@cache
def ufunc(name: str) -> Any:
    """NumPy's loops of this name for all dtypes; None where this NumPy has or shows none."""
    found = getattr(getattr(np.linalg, "_umath_linalg", None), name, None)
    return found if isinstance(found, np.ufunc) else None


@cache
def address(name: str, dtype: np.dtype[Any]) -> int:
    """Where the machine code of a loop is; 0 where there is none for this dtype."""
    found = ufunc(name)
    head = None if found is None else UFunc.from_address(id(found))
    if head is None or (head.inputs, head.outputs, head.operands) != (found.nin, found.nout, found.nargs):
        return 0
    return next((head.loops[k] or 0 for k, kinds in enumerate(found.types) if kinds[0] == dtype.char), 0)


@dataclass(frozen=True, eq=False)
class Part:
    """A part of every matrix of a batch in a buffer: ``shape`` at ``offset``, the next matrix ``step`` further."""

    buffer: Buffer
    offset: int
    step: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def at(self, point: Sequence[Index]) -> Index:
        """Where an element lies: of which matrix, and where in the part."""
        steps = zip(point, (self.step, *self.strides), strict=True)
        return sum((i * step for i, step in steps), Index({}, self.offset))

    def reach(self, count: int) -> int:
        """Past the last element that it has in a batch of so many."""
        sizes = zip((count, *self.shape), (self.step, *self.strides), strict=True)
        return self.offset + 1 + sum((size - 1) * step for size, step in sizes) if numel(self.shape) else 0

    def __str__(self) -> str:
        inside = "".join(f" + {stride}*{'ijk'[k]}" for k, stride in enumerate(self.strides))
        return f"{self.buffer.name}[{self.offset}{inside}]"


@dataclass(frozen=True, eq=False)
class Call:
    """NumPy's loop ``name`` on ``count`` matrices; the last ``outputs`` of its operands are written.

    ``inside`` are those inputs that it overwrites.
    """

    name: str
    dtype: np.dtype[Any]
    count: int
    operands: tuple[Part, ...]
    outputs: int
    inside: tuple[Part, ...] = ()

    def reads(self) -> set[Buffer]:
        return {part.buffer for part in self.operands[: -self.outputs] if numel(part.shape)}

    def writes(self) -> set[Buffer]:
        return {part.buffer for part in (*self.operands[-self.outputs :], *self.inside)}

    def buffers(self) -> list[Buffer]:
        """All that it touches, each once."""
        return list(dict.fromkeys(part.buffer for part in self.operands))

    def renamed(self, old: Buffer, new: Buffer) -> "Call":
        """The same on another buffer."""
        def moved(parts: Sequence[Part]) -> tuple[Part, ...]:
            return tuple(replace(p, buffer=new) if p.buffer is old else p for p in parts)

        return replace(self, operands=moved(self.operands), inside=moved(self.inside))

    def sizes(self) -> list[int]:
        """The sizes that the loop is told: one for each letter of its signature."""
        letters = re.findall(r"\(([^)]*)\)", ufunc(self.name).signature)
        found: dict[str, int] = {}
        for names, part in zip(letters, self.operands, strict=True):
            found.update(zip((n for n in re.split(r"[,\s]+", names) if n), part.shape, strict=True))
        return list(found.values())

    def __str__(self) -> str:
        inputs, outputs = self.operands[: -self.outputs], self.operands[-self.outputs :]
        return f"{', '.join(map(str, outputs))} = {self.name}({', '.join(map(str, inputs))})  ({self.count} matrices)"


@dataclass(frozen=True, eq=False)
class Copy:
    """A part brought to another place; with ``upper`` zeros below the diagonal."""

    source: Part
    target: Part
    count: int
    upper: bool = False


class Script:
    """What a ``library`` facet writes: calls and copies, in order."""

    def __init__(self, op: Op, count: int):
        self.op, self.count = op, count
        self.steps: list[Call | Copy] = []
        self.held: list[tuple[Any, Buffer]] = []

    def __call__(self, name: str, *views: Any, inside: Sequence[Any] = ()) -> None:
        """NumPy's loop ``name`` on these views, inputs first; those ``inside`` are overwritten."""
        dtype = views[0].dtype
        if ufunc(name) is None:  # NumPy 2.0 has two, by which size is the lesser
            lesser = "m" if views[0].shape[0] < views[0].shape[-1] else "n"
            name = re.sub("^(svd|qr_r_raw)", rf"\1_{lesser}", name)
        if not address(name, dtype):
            raise TraceError(f"compile: the op {self.op.name} calls the loop {name!r} of numpy.linalg for {dtype}, "
                             f"which NumPy {np.__version__} here does not have; call it outside the compiled step")
        parts = tuple(map(self.part, views))
        self.steps.append(Call(name, dtype, self.count, parts, ufunc(name).nout, tuple(map(self.part, inside))))

    def copy(self, source: Any, target: Any, upper: bool = False) -> None:
        """``source`` to ``target``, of which with ``upper`` what is below the diagonal becomes 0."""
        if target.size:
            self.steps.append(Copy(self.part(source), self.part(target), self.count, upper))

    def scratch(self, *shape: int, dtype: Any) -> Any:
        """Memory for the time being, one such array for each matrix."""
        array = np.empty(shape, dtype)
        name = f"{self.held[0][1].name}s{len(self.held)}"
        self.held.append((array, Buffer(name, array.size * self.count, array.dtype)))
        return array

    def part(self, view: Any) -> Part:
        whole, buffer = next((a, b) for a, b in self.held if view is a or view.base is a)
        size = whole.itemsize
        if not numel(view.shape):  # it is not read; what is never written would have no place
            buffer = self.held[0][1]
        return Part(buffer, (view.ctypes.data - whole.ctypes.data) // size, whole.size, view.shape,
                    tuple(s // size for s in view.strides))


def script(value: Value, out: Buffer, inputs: Sequence[Buffer]) -> Script:
    """What fills ``out`` with a value, whose arguments lie in ``inputs``."""
    op = value.op
    assert isinstance(op, Op)
    assert op.library is not None
    batch = value.args[0].ndim - 2
    made = Script(op, numel(value.args[0].shape[:batch]))  # type: ignore[arg-type]
    arrays = [np.empty(v.shape[batch:], v.dtype) for v in (value, *value.args)]
    made.held += zip(arrays, (out, *inputs), strict=True)
    op.library(made, *arrays, **value.params)
    return made


def loops(steps: Sequence[Any]) -> list[tuple[str, np.dtype[Any]]]:
    """The loops that steps call, each once: in this order the entry point's table holds their addresses."""
    return list(dict.fromkeys((s.name, s.dtype) for s in steps if isinstance(s, Call)))


def run(step: Call, memory: dict[Buffer, Any]) -> None:
    """What a call means."""
    views = [np.ndarray((step.count, *p.shape), p.buffer.dtype, memory[p.buffer][p.offset :],
                        strides=[p.buffer.dtype.itemsize * s for s in (p.step, *p.strides)]) if numel(p.shape)
             else np.empty((step.count, *p.shape), p.buffer.dtype) for p in step.operands]  # fmt: skip
    given = [v.copy() for v in views[: -step.outputs]]
    made = ufunc(step.name)(*given)
    for view, value in zip(views[-step.outputs :], made if isinstance(made, tuple) else (made,), strict=True):
        view[...] = value
    for part, view, value in zip(step.operands, views, given):
        if any(part.buffer is p.buffer for p in step.inside):
            view[...] = value


def code(step: Call) -> tuple[str, dict[Buffer, int]]:
    """The call as a function of the buffers it touches and of the loop: arrays of addresses, sizes and strides."""
    code, buffers = Code(), step.buffers()
    names = {buffer: f"%p{k}" for k, buffer in enumerate(buffers)}
    places, strides = [], []
    for part in step.operands:
        size = part.buffer.dtype.itemsize
        places.append(code.let(f"getelementptr i8, ptr {names[part.buffer]}, i64 {part.offset * size}"))
        strides.append(f"{part.step * size}")
    strides += [f"{stride * p.buffer.dtype.itemsize}" for p in step.operands for stride in p.strides]
    arrays = [_array(code, "ptr", places), _array(code, "i64", [str(step.count), *map(str, step.sizes())]),
              _array(code, "i64", strides)]  # fmt: skip
    code.do(f"call void %loop({', '.join(f'ptr {a}' for a in arrays)}, ptr null)")
    parameters = ", ".join(f"ptr {p}" for p in (*names.values(), "%loop"))
    lines = [f"define internal void @NAME({parameters}) #0 {{", "entry:", *code.lines, "  ret void", "}"]
    return "\n".join(lines), dict.fromkeys(buffers, 0)


def _array(code: Code, kind: str, values: Sequence[str]) -> str:
    """An array on the stack."""
    start = code.let(f"alloca [{len(values)} x {kind}]")
    for k, value in enumerate(values):
        code.do(f"store {kind} {value}, ptr {code.let(f'getelementptr {kind}, ptr {start}, i64 {k}')}")
    return start
