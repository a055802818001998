"""Each operation of the loop IR as LLVM IR, on one number or on a vector."""

from typing import Any

import numpy as np

from chainrule.compiler.code import Code, DType, kind, literal, suffix, vector
from chainrule.compiler.elementary import FUNCTIONS, Float

COMPARE = {"eq", "ne", "lt", "le", "gt", "ge"}
ARITHMETIC = {"add", "sub", "mul"}
BITS = {"and", "or", "xor"}
WHOLE = {"floor": "floor", "ceil": "ceil", "trunc": "trunc", "round": "rint"}
LIBRARY = {"tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "asinh", "acosh", "atanh", "log2", "log10",
           "hypot", "lgamma"}
"""Left to the C library."""
POWER = """define internal {t} @power.{t}({t} %x, {t} %y) noinline {{
entry:
  br label %loop
loop:
  %base = phi {t} [ %x, %entry ], [ %squared, %loop ]
  %left = phi {t} [ %y, %entry ], [ %halved, %loop ]
  %product = phi {t} [ 1, %entry ], [ %next, %loop ]
  %odd = trunc {t} %left to i1
  %more = mul {t} %product, %base
  %next = select i1 %odd, {t} %more, {t} %product
  %squared = mul {t} %base, %base
  %halved = lshr {t} %left, 1
  %done = icmp eq {t} %halved, 0
  br i1 %done, label %end, label %loop
end:
  ret {t} %next
}}"""
"""Whole powers by squaring."""
GCD = """define internal {t} @gcd.{t}({t} %x, {t} %y) noinline {{
entry:
  br label %loop
loop:
  %a = phi {t} [ %x, %entry ], [ %b, %next ]
  %b = phi {t} [ %y, %entry ], [ %rest, %next ]
  %done = icmp eq {t} %b, 0
  br i1 %done, label %end, label %next
next:
  %rest = urem {t} %a, %b
  br label %loop
end:
  ret {t} %a
}}"""
"""The greatest common divisor of numbers that are not negative, by Euclid's algorithm."""


def operation(code: Code, op: str, dtype: DType, lanes: int, args: list[str], of: DType) -> str:
    """The name of ``op`` of operands of dtype ``of``, giving ``dtype``."""
    floating, t = of.kind == "f", kind(of, lanes)
    if op in ARITHMETIC:
        return code.let(f"{'f' if floating else ''}{op} {t} {args[0]}, {args[1]}")
    if op in BITS:
        return code.let(f"{op} {t} {args[0]}, {args[1]}")
    if op in COMPARE:
        return compare(code, op, of, lanes, args)
    if op == "where":
        condition, x, y = args
        t = kind(dtype, lanes)
        return code.let(f"select {vector('i1', lanes)} {condition}, {t} {x}, {t} {y}")
    if op == "cast":
        return cast(code, of, dtype, lanes, args[0])
    if op in FUNCTIONS:
        return FUNCTIONS[op](Float(code, of, lanes), args[0])
    if op in LIBRARY:
        return code.by_lanes(kind(of), op + ("" if of.itemsize == 8 else "f"), lanes, *args)
    if op == "gcd":
        code.needs[f"gcd.{kind(of)}"] = GCD.format(t=kind(of))
        return code.by_lanes(kind(of), f"gcd.{kind(of)}", lanes, *args)
    if op in WHOLE:
        return code.call(t, f"llvm.{WHOLE[op]}.{suffix(of, lanes)}", (t, args[0]))
    if op in ("fmod", "quotient"):
        return code.let(f"frem {t} {args[0]}, {args[1]}") if floating else divided(code, op, of, lanes, args)
    if op in ("lshift", "rshift"):
        return shifted(code, op, of, lanes, args)
    if op in ("maximum", "minimum"):
        return extreme(code, "gt" if op == "maximum" else "lt", of, lanes, args)
    if op == "div":
        return code.let(f"fdiv {t} {args[0]}, {args[1]}")
    if op == "sqrt":
        return code.call(t, f"llvm.sqrt.{suffix(of, lanes)}", (t, args[0]))
    if op == "not":
        return code.let(f"xor {t} {args[0]}, {literal(True if of.kind == 'b' else -1, of, lanes)}")
    if op == "neg":
        return code.let(f"fneg {t} {args[0]}" if floating else f"sub {t} {literal(0, of, lanes)}, {args[0]}")
    if op == "abs":
        if floating:
            return code.call(t, f"llvm.fabs.{suffix(of, lanes)}", (t, args[0]))
        return extreme(code, "gt", of, lanes, [args[0], operation(code, "neg", of, lanes, args, of)])
    assert op == "pow", op
    return power(code, of, lanes, args)


def compare(code: Code, op: str, of: DType, lanes: int, args: list[str]) -> str:
    """Ordered comparisons, false of NaN; ``ne`` alone is true of it."""
    if of.kind == "f":
        how = f"fcmp {'u' if op == 'ne' else 'o'}{op}"
    else:
        how = f"icmp {op if op in ('eq', 'ne') else ('s' if of.kind == 'i' else 'u') + op}"
    return code.let(f"{how} {kind(of, lanes)} {args[0]}, {args[1]}")


def extreme(code: Code, better: str, of: DType, lanes: int, args: list[str]) -> str:
    """The larger or smaller; of floats NaN if either is: a comparison with NaN fails, which picks y."""
    x, y = args
    t, mask = kind(of, lanes), vector("i1", lanes)
    best = code.let(f"select {mask} {compare(code, better, of, lanes, args)}, {t} {x}, {t} {y}")
    if of.kind != "f":
        return best
    return code.let(f"select {mask} {code.let(f'fcmp uno {t} {x}, {x}')}, {t} {x}, {t} {best}")


def cast(code: Code, of: DType, to: DType, lanes: int, x: str) -> str:
    """As NumPy's astype; a float becomes a short integer by way of 32 bits."""
    source, target = kind(of, lanes), kind(to, lanes)
    if to.kind == "b":
        zero = literal(0, of, lanes)
        return code.let(f"fcmp une {source} {x}, {zero}" if of.kind == "f" else f"icmp ne {source} {x}, {zero}")
    if to.itemsize == 2 and of.kind == to.kind == "f" and of.itemsize == 8:
        return cast(code, np.dtype("float32"), to, lanes, to_odd(code, lanes, x))
    if to.kind == "f" and of.kind == "f":
        return code.let(f"{'fpext' if to.itemsize > of.itemsize else 'fptrunc'} {source} {x} to {target}")
    if to.kind == "f":
        return code.let(f"{'sitofp' if of.kind == 'i' else 'uitofp'} {source} {x} to {target}")
    if of.kind == "f":
        wide = vector("i64" if to.itemsize == 8 else "i32", lanes)
        whole = code.let(f"fptosi {source} {x} to {wide}")
        return whole if wide == target else code.let(f"trunc {wide} {whole} to {target}")
    if of.kind != "b" and to.itemsize == of.itemsize:
        return x
    how = "trunc" if to.itemsize < of.itemsize else "sext" if of.kind == "i" else "zext"
    return code.let(f"{how if of.kind != 'b' else 'zext'} {source} {x} to {target}")


def divided(code: Code, op: str, of: DType, lanes: int, args: list[str]) -> str:
    """Remainder and quotient of integers. What the machine traps at is defined: by 0 both are 0, as in NumPy."""
    x, y = args
    t, mask, sign = kind(of, lanes), vector("i1", lanes), "s" if of.kind == "i" else "u"
    zero, one = literal(0, of, lanes), literal(1, of, lanes)
    by_zero = code.let(f"icmp eq {t} {y}, {zero}")
    turned = code.let(f"icmp eq {t} {y}, {literal(-1, of, lanes)}") if sign == "s" else ""
    odd = code.let(f"or {mask} {by_zero}, {turned}") if turned else by_zero
    safe = code.let(f"select {mask} {odd}, {t} {one}, {t} {y}")
    if op == "fmod":
        return code.let(f"{sign}rem {t} {x}, {safe}")
    out = code.let(f"{sign}div {t} {x}, {safe}")
    if turned:
        out = code.let(f"select {mask} {turned}, {t} {code.let(f'sub {t} {zero}, {x}')}, {t} {out}")
    return code.let(f"select {mask} {by_zero}, {t} {zero}, {t} {out}")


def shifted(code: Code, op: str, of: DType, lanes: int, args: list[str]) -> str:
    """Shifts by as many bits as there are, or more, push all of them out."""
    x, y = args
    t, mask, bits = kind(of, lanes), vector("i1", lanes), of.itemsize * 8
    inside = code.let(f"icmp ult {t} {y}, {literal(bits, of, lanes)}")
    by = code.let(f"select {mask} {inside}, {t} {y}, {t} {literal(bits - 1, of, lanes)}")
    if op == "rshift" and of.kind == "i":
        return code.let(f"ashr {t} {x}, {by}")
    out = code.let(f"{'shl' if op == 'lshift' else 'lshr'} {t} {x}, {by}")
    return code.let(f"select {mask} {inside}, {t} {out}, {t} {literal(0, of, lanes)}")


def to_odd(code: Code, lanes: int, x: str) -> str:
    """A double in single precision, for rounding further: where inexact, the neighbour nearer 0 with its last bit set.

    Source: S. Boldo and G. Melquiond, "When double rounding is odd" (2005).
    """
    d, f = Float(code, np.dtype("float64"), lanes), Float(code, np.dtype("float32"), lanes)
    near = code.let(f"fptrunc {d.type} {x} to {f.type}")
    back = code.let(f"fpext {f.type} {near} to {d.type}")
    beyond = d.compare("ogt", d.intrinsic("fabs", back), d.intrinsic("fabs", x))
    one_less = code.let(f"zext {vector('i1', lanes)} {beyond} to {f.whole}")
    inexact = code.let(f"zext {vector('i1', lanes)} {d.compare('une', back, x)} to {f.whole}")
    return f.of_bits(f.iop("or", f.iop("sub", f.bits_of(near), one_less), inexact))


def power(code: Code, of: DType, lanes: int, args: list[str]) -> str:
    """By the C library for floats, by squaring for integers."""
    one = kind(of)
    if of.kind == "f":
        return code.by_lanes(one, "pow" if of.itemsize == 8 else "powf", lanes, *args)
    code.needs[f"power.{one}"] = POWER.format(t=one)
    return code.by_lanes(one, f"power.{one}", lanes, *args)


def splat(code: Code, value: str, dtype: DType, lanes: int) -> str:
    """One number in every lane."""
    one, many = kind(dtype), kind(dtype, lanes)
    first = code.let(f"insertelement {many} poison, {one} {value}, i32 0")
    return code.let(f"shufflevector {many} {first}, {many} poison, <{lanes} x i32> zeroinitializer")


def pad(code: Code, value: str, dtype: DType, lanes: int, wanted: int, filler: Any) -> str:
    """More lanes, the new ones with a constant in them."""
    if lanes == wanted:
        return value
    many = kind(dtype, wanted)
    if lanes == 1:
        return code.let(f"insertelement {many} {literal(filler, dtype, wanted)}, {kind(dtype)} {value}, i32 0")
    chosen = ", ".join(f"i32 {min(k, lanes)}" for k in range(wanted))
    narrow = kind(dtype, lanes)
    fill = literal(filler, dtype, lanes)
    return code.let(f"shufflevector {narrow} {value}, {narrow} {fill}, <{wanted} x i32> <{chosen}>")


def fold_lanes(code: Code, op: str, value: str, dtype: DType, lanes: int) -> str:
    """All lanes, a power of two, folded into one: halves onto each other."""
    while lanes > 1:
        lanes //= 2
        many = kind(dtype, 2 * lanes)
        halves = [
            code.let(f"shufflevector {many} {value}, {many} poison, <{lanes} x i32> <{', '.join(indices)}>")
            if lanes > 1
            else code.let(f"extractelement {many} {value}, {indices[0]}")
            for indices in ([f"i32 {k + at}" for k in range(lanes)] for at in (0, lanes))
        ]
        value = operation(code, op, dtype, lanes, halves, dtype)
    return value
