"""LLVM IR as text: types, constants, and a writer of numbered instructions."""

import struct
from functools import cache
from typing import Any

import numpy as np

DType = np.dtype[Any]


@cache
def kind(dtype: DType, lanes: int = 1) -> str:
    """The type of a value in registers: ``float``, ``<8 x float>``; a bool is one bit."""
    bits = dtype.itemsize * 8
    if dtype.kind == "f":
        one = {16: "half", 32: "float", 64: "double"}[bits]
    else:
        one = "i1" if dtype.kind == "b" else f"i{bits}"
    return vector(one, lanes)


def vector(one: str, lanes: int) -> str:
    return one if lanes == 1 else f"<{lanes} x {one}>"


@cache
def memory_kind(dtype: DType, lanes: int = 1) -> str:
    """The type of a value in memory: a bool is one byte."""
    return vector("i8", lanes) if dtype.kind == "b" else kind(dtype, lanes)


@cache
def suffix(dtype: DType, lanes: int) -> str:
    """How intrinsics name a type: ``f32``, ``v8f32``."""
    one = f"{'f' if dtype.kind == 'f' else 'i'}{dtype.itemsize * 8 if dtype.kind != 'b' else 1}"
    return one if lanes == 1 else f"v{lanes}{one}"


def literal(value: Any, dtype: DType, lanes: int = 1) -> str:
    """A constant as an operand; the hexadecimal form of a float is exact."""
    if dtype.kind == "b":
        text = "true" if value else "false"
    elif dtype.kind != "f":
        text = str(int(value))
    elif dtype.itemsize == 2:
        text = f"0xH{np.asarray(value, dtype).view('u2'):04X}"
    else:
        wide = float(np.asarray(value, dtype))
        text = f"0x{struct.unpack('<Q', struct.pack('<d', wide))[0]:016X}"
    return text if lanes == 1 else f"splat ({kind(dtype)} {text})"


class Code:
    """The body of one function as it is written; ``needs`` are the declarations that its module must hold."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.block = "entry"
        self.needs: dict[str, str] = {}
        self._count = 0

    def name(self, stem: str = "v") -> str:
        self._count += 1
        return f"{stem}{self._count}"

    def let(self, text: str) -> str:
        """A new value with this definition."""
        name = f"%{self.name()}"
        self.lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def begin(self, block: str) -> None:
        """A new basic block."""
        self.lines.append(f"{block}:")
        self.block = block

    def jump(self, block: str) -> None:
        self.lines.append(f"  br label %{block}")

    def branch(self, condition: str, yes: str, no: str) -> None:
        self.lines.append(f"  br i1 {condition}, label %{yes}, label %{no}")

    def call(self, result: str, function: str, *args: tuple[str, str]) -> str:
        """A call of an intrinsic or a library function; ``args`` are pairs of type and operand."""
        self.needs.setdefault(function, f"declare {result} @{function}({', '.join(t for t, _ in args)})")
        return self.let(f"call {result} @{function}({', '.join(f'{t} {a}' for t, a in args)})")

    def plus(self, a: str, b: str) -> str:
        """a + b as 64-bit integers, names or decimal numbers."""
        if "0" in (a, b):
            return b if a == "0" else a
        if a[0] != "%" and b[0] != "%":
            return str(int(a) + int(b))
        return self.let(f"add i64 {a}, {b}")

    def times(self, a: str, by: int) -> str:
        """a · by as 64-bit integers."""
        if a[0] != "%":
            return str(int(a) * by)
        return a if by == 1 else self.let(f"mul i64 {a}, {by}")

    def by_lanes(self, one: str, function: str, lanes: int, *args: str) -> str:
        """A scalar library function on every lane of vectors of ``one``; out of line, for what is rare or slow."""
        if lanes == 1:
            return self.call(one, function, *((one, a) for a in args))
        many, name = vector(one, lanes), f"{function}.by{lanes}"
        if name not in self.needs:
            self.needs.setdefault(function, f"declare {one} @{function}({', '.join([one] * len(args))})")
            self.needs[name] = _lane_by_lane(name, one, many, function, lanes, len(args))
        return self.call(many, name, *((many, a) for a in args))


def _lane_by_lane(name: str, one: str, many: str, function: str, lanes: int, arity: int) -> str:
    lines = [f"define internal {many} @{name}({', '.join(f'{many} %x{k}' for k in range(arity))}) noinline {{"]
    before = "poison"
    for lane in range(lanes):
        lines += [f"  %a{lane}.{k} = extractelement {many} %x{k}, i32 {lane}" for k in range(arity)]
        args = ", ".join(f"{one} %a{lane}.{k}" for k in range(arity))
        lines.append(f"  %y{lane} = call {one} @{function}({args})")
        lines.append(f"  %z{lane} = insertelement {many} {before}, {one} %y{lane}, i32 {lane}")
        before = f"%z{lane}"
    return "\n".join([*lines, f"  ret {many} {before}", "}"])
