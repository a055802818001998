"""Uniform random numbers as native code: MT19937 (Matsumoto and Nishimura, 1998) with a ``Generator``'s state.

One entry point fills any buffers: ``void step(ptr table, i64 times)``. The table holds the address of the state (624
words and the position, 32 bits each), the number of draws, and for each draw :class:`Draw`'s five entries.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from chainrule.compiler.code import Code, kind, literal, suffix, vector
from chainrule.compiler.native import Entry, Native, native

F32, F64, I32, I64 = (np.dtype(name) for name in ("float32", "float64", "int32", "int64"))
WORDS, MIDDLE = 624, 397
CHUNK = 256  # elements at a time: their words stay in the first cache
LANES = 8

Body = Callable[[str, int], None]


class Draw(NamedTuple):
    """``size`` values at ``address``, and of run t at ``address + t * stride``."""

    what: int
    """0: uniform float32; 1: uniform float64; 2 and 3: 1 where 53 random bits are below ``limit``, else 0, as these."""
    address: int
    size: int
    stride: int
    limit: int


@cache
def filler() -> tuple[Entry, Native]:
    """The entry point, and what keeps it. It lets no other thread run, which might draw from the same generator."""
    code = native(f"{_twist()}\n{_words()}\n{_fill()}\n{_step()}")
    place = ctypes.cast(code.run, ctypes.c_void_p).value or 0  # type: ignore[arg-type]
    return ctypes.PYFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(place), code


def _function(name: str, parameters: str, code: Code) -> str:
    lines = [f"define {'void' if name == 'step' else 'internal void'} @{name}({parameters}) nounwind {{", "entry:"]
    return "\n".join([*code.needs.values(), *lines, *code.lines, "  ret void", "}"])


def _loop(code: Code, start: str, stop: str, lanes: int, body: Body) -> str:
    """``body(i, lanes)`` for every block of lanes; the first i that is left over."""
    head, inside, latch, end = (code.name(stem) for stem in ("head", "inside", "latch", "end"))
    i, before = f"%{code.name('i')}", code.block
    code.jump(head)
    code.begin(head)
    code.do(f"{i} = phi i64 [ {start}, %{before} ], [ %{i[1:]}.next, %{latch} ]")
    code.do(f"%{i[1:]}.next = add i64 {i}, {lanes}")
    code.branch(code.let(f"icmp ule i64 %{i[1:]}.next, {stop}"), inside, end)
    code.begin(inside)
    body(i, lanes)
    code.jump(latch)
    code.begin(latch)
    code.jump(head)
    code.begin(end)
    return i


def _blocks(code: Code, start: str, stop: str, body: Body) -> None:
    _loop(code, _loop(code, start, stop, LANES, body), stop, 1, body)


def _at(code: Code, pointer: str, i: str, dtype: np.dtype[np.generic]) -> str:
    return code.let(f"getelementptr {kind(dtype)}, ptr {pointer}, i64 {i}")


def _load(code: Code, pointer: str, i: str, lanes: int) -> str:
    return code.let(f"load {kind(I32, lanes)}, ptr {_at(code, pointer, i, I32)}, align 4")


def _twist() -> str:
    """The next 624 words of the state."""
    code = Code()

    def body(shift: int) -> Body:
        def block(i: str, lanes: int) -> None:
            t = kind(I32, lanes)
            following = "0" if i == str(WORDS - 1) else code.plus(i, "1")
            high, low = _load(code, "%state", i, lanes), _load(code, "%state", following, lanes)
            far = _load(code, "%state", code.plus(i, str(shift)), lanes)
            high = code.let(f"and {t} {high}, {literal(1 << 31, I32, lanes)}")
            mixed = code.let(f"or {t} {high}, {code.let(f'and {t} {low}, {literal((1 << 31) - 1, I32, lanes)}')}")
            odd = code.let(f"sub {t} {literal(0, I32, lanes)}, {code.let(f'and {t} {low}, {literal(1, I32, lanes)}')}")
            matrix = code.let(f"and {t} {odd}, {literal(0x9908B0DF, I32, lanes)}")
            new = code.let(f"xor {t} {far}, {code.let(f'lshr {t} {mixed}, {literal(1, I32, lanes)}')}")
            new = code.let(f"xor {t} {new}, {matrix}")
            code.do(f"store {t} {new}, ptr {_at(code, '%state', i, I32)}, align 4")

        return block

    _blocks(code, "0", str(WORDS - MIDDLE), body(MIDDLE))
    _blocks(code, str(WORDS - MIDDLE), str(WORDS - 1), body(MIDDLE - WORDS))
    body(MIDDLE - WORDS)(str(WORDS - 1), 1)
    return _function("twist", "ptr noalias %state", code)


def _words() -> str:
    """So many tempered words to ``out``, as far as one state reaches, then from the next."""
    code = Code()
    place = _at(code, "%state", str(WORDS), I32)
    code.jump("more")
    code.begin("more")
    code.do("%done = phi i64 [ 0, %entry ], [ %after, %used ]")
    code.branch(code.let("icmp ult i64 %done, %n"), "look", "over")
    code.begin("look")
    code.do(f"%at = load i32, ptr {place}, align 4")
    code.branch(code.let(f"icmp uge i32 %at, {WORDS}"), "empty", "ready")
    code.begin("empty")
    code.do("call void @twist(ptr %state)")
    code.jump("ready")
    code.begin("ready")
    code.do("%from = phi i32 [ %at, %look ], [ 0, %empty ]")
    begin = code.let("zext i32 %from to i64")
    wanted, left = code.let("sub i64 %n, %done"), code.let(f"sub i64 {WORDS}, {begin}")
    count = code.let(f"select i1 {code.let(f'icmp ult i64 {wanted}, {left}')}, i64 {wanted}, i64 {left}")
    source, target = _at(code, "%state", begin, I32), _at(code, "%out", "%done", I32)

    def temper(i: str, lanes: int) -> None:
        t, y = kind(I32, lanes), _load(code, source, i, lanes)
        for shift, by, mask in (("lshr", 11, 0xFFFFFFFF), ("shl", 7, 0x9D2C5680), ("shl", 15, 0xEFC60000),
                                ("lshr", 18, 0xFFFFFFFF)):  # fmt: skip
            moved = code.let(f"{shift} {t} {y}, {literal(by, I32, lanes)}")
            y = code.let(f"xor {t} {y}, {code.let(f'and {t} {moved}, {literal(mask, I32, lanes)}')}")
        code.do(f"store {t} {y}, ptr {_at(code, target, i, I32)}, align 4")

    _blocks(code, "0", count, temper)
    reached = code.let(f"trunc i64 {code.let(f'add i64 {begin}, {count}')} to i32")
    code.do(f"store i32 {reached}, ptr {place}, align 4")
    code.jump("used")
    code.begin("used")
    code.do(f"%after = add i64 %done, {count}")
    code.jump("more")
    code.begin("over")
    return _function("words", "ptr noalias %state, ptr noalias %out, i64 %n", code)


def _fill() -> str:
    """One buffer, in chunks: words, then what they are turned into."""
    code = Code()
    code.do(f"%words = alloca [{2 * CHUNK} x i32], align 64")
    code.jump("more")
    code.begin("more")
    code.do("%done = phi i64 [ 0, %entry ], [ %after, %used ]")
    code.branch(code.let("icmp ult i64 %done, %n"), "draw", "over")
    code.begin("draw")
    left = code.let("sub i64 %n, %done")
    count = code.let(f"select i1 {code.let(f'icmp ult i64 {left}, {CHUNK}')}, i64 {left}, i64 {CHUNK}")
    twice = code.let("icmp ne i64 %what, 0")
    need = code.let(f"select i1 {twice}, i64 {code.let(f'shl i64 {count}, 1')}, i64 {count}")
    code.do(f"call void @words(ptr %state, ptr %words, i64 {need})")
    code.do("switch i64 %what, label %w0 [ i64 1, label %w1 i64 2, label %w2 i64 3, label %w3 ]")
    for what, dtype in enumerate((F32, F64, F32, F64)):
        code.begin(f"w{what}")
        target = _at(code, "%out", "%done", dtype)

        def convert(i: str, lanes: int, what: int = what, dtype: np.dtype[np.generic] = dtype,
                    target: str = target) -> None:  # fmt: skip
            t = kind(dtype, lanes)
            if what == 0:
                bits = code.let(f"and {kind(I32, lanes)} {_load(code, '%words', i, lanes)}, "
                                f"{literal((1 << 24) - 1, I32, lanes)}")  # fmt: skip
                value = code.let(f"uitofp {kind(I32, lanes)} {bits} to {t}")
            else:
                wide = kind(I64, lanes)
                pairs = code.let(f"load {wide}, ptr {_at(code, '%words', i, I64)}, align 4")
                half = literal(32, I64, lanes)  # the high word came first
                bits = code.call(wide, f"llvm.fshl.{suffix(I64, lanes)}", *((wide, x) for x in (pairs, pairs, half)))
                bits = code.let(f"and {wide} {bits}, {literal((1 << 53) - 1, I64, lanes)}")
                if what > 1:
                    bits = code.let(f"icmp ult {wide} {bits}, {_spread(code, '%limit', lanes)}")
                    wide = vector("i1", lanes)
                value = code.let(f"uitofp {wide} {bits} to {t}")
            if what < 2:
                value = code.let(f"fmul {t} {value}, {literal(2.0 ** (-53 if what else -24), dtype, lanes)}")
            code.do(f"store {t} {value}, ptr {_at(code, target, i, dtype)}, align {dtype.itemsize}")

        _blocks(code, "0", count, convert)
        code.jump("used")
    code.begin("used")
    code.do(f"%after = add i64 %done, {count}")
    code.jump("more")
    code.begin("over")
    return _function("fill", "ptr noalias %state, i64 %what, ptr noalias %out, i64 %n, i64 %limit", code)


def _spread(code: Code, one: str, lanes: int) -> str:
    if lanes == 1:
        return one
    many = kind(I64, lanes)
    first = code.let(f"insertelement {many} poison, i64 {one}, i32 0")
    return code.let(f"shufflevector {many} {first}, {many} poison, <{lanes} x i32> zeroinitializer")


def _step() -> str:
    code = Code()

    def entry(i: str, kind: str = "i64") -> str:
        return code.let(f"load {kind}, ptr {_at(code, '%table', i, I64)}")

    state, draws = entry("0", "ptr"), entry("1")

    def run(t: str, _: int) -> None:
        def draw(d: str, _: int) -> None:
            first = code.plus(code.times(d, 5), "2")
            what, count, stride, limit = (entry(code.plus(first, str(k))) for k in (0, 2, 3, 4))
            out = entry(code.plus(first, "1"), "ptr")
            out = code.let(f"getelementptr i8, ptr {out}, i64 {code.let(f'mul i64 {t}, {stride}')}")
            code.do(f"call void @fill(ptr {state}, i64 {what}, ptr {out}, i64 {count}, i64 {limit})")

        _loop(code, "0", draws, 1, draw)

    _loop(code, "0", "%times", 1, run)
    return _function("step", "ptr %table, i64 %times", code)
