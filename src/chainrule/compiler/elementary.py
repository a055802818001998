"""exp, expm1, log, sin, cos and tanh as straight-line LLVM IR, on one number or on a vector of them.

Each reduces its argument to a short interval and sums a series there; coefficients are the series' own (1/n!,
2/(2n+1)). Errors stay within 4 ulp (about 1 in most places). Methods: Cody & Waite, *Software Manual for the
Elementary Functions* (1980), for splitting ln 2 and π/2 into parts that multiply exactly; the form of the logarithm
is the one of W. Kahan and K. C. Ng's fdlibm. sin and cos of arguments beyond ``FAR`` go to the C library.
"""

from collections.abc import Callable, Sequence
from math import factorial, sqrt

import numpy as np

from chainrule.compiler.code import Code, DType, kind, literal, suffix, vector

F64 = np.dtype("float64")
I64 = np.dtype("int64")

FAR = 1e6
LOG2E = 1.4426950408889634
LN2 = {32: (0.693359375, -2.12194440054690583e-4), 64: (6.93147180369123816490e-1, 1.90821492927058770002e-10)}
"""ln 2 as a short number, whose product with an exponent is exact, and the rest."""
HALF_PI = (1.57079632673412561417, 6.07710050630396597660e-11, 2.02226624871116645580e-21, 8.47842766036889956997e-32)
"""π/2 as three numbers of 33 bits and the rest."""


class Float:
    """Writes arithmetic on a float type; operands and results are names or literals of that type."""

    def __init__(self, code: Code, dtype: DType, lanes: int):
        self.code = code
        self.dtype = dtype
        self.lanes = lanes
        self.bits = dtype.itemsize * 8
        self.fraction, self.bias = (23, 127) if self.bits == 32 else (52, 1023)
        self.type = kind(dtype, lanes)
        self.whole = vector(f"i{self.bits}", lanes)
        self.suffix = suffix(dtype, lanes)
        self.magic = 1.5 * 2.0**self.fraction
        """Added to a small number it leaves the number's whole part in the lowest bits."""
        self.magic_bits = int(np.asarray(self.magic, dtype).view(f"i{dtype.itemsize}"))

    def num(self, value: float) -> str:
        return literal(value, self.dtype, self.lanes)

    def int(self, value: int) -> str:
        return str(value) if self.lanes == 1 else f"splat (i{self.bits} {value})"

    def op(self, name: str, a: str, b: str) -> str:
        """``fadd``, ``fmul``, ... of floats."""
        return self.code.let(f"{name} {self.type} {a}, {b}")

    def iop(self, name: str, a: str, b: str) -> str:
        """``add``, ``shl``, ... of integers as wide as the float."""
        return self.code.let(f"{name} {self.whole} {a}, {b}")

    def fma(self, a: str, b: str, c: str) -> str:
        """a · b + c, rounded once where the machine can."""
        return self.intrinsic("fmuladd", a, b, c)

    def intrinsic(self, name: str, *args: str) -> str:
        return self.code.call(self.type, f"llvm.{name}.{self.suffix}", *((self.type, a) for a in args))

    def compare(self, how: str, a: str, b: str) -> str:
        return self.code.let(f"fcmp {how} {self.type} {a}, {b}")

    def select(self, condition: str, a: str, b: str) -> str:
        return self.code.let(f"select {vector('i1', self.lanes)} {condition}, {self.type} {a}, {self.type} {b}")

    def bits_of(self, a: str) -> str:
        return self.code.let(f"bitcast {self.type} {a} to {self.whole}")

    def of_bits(self, a: str) -> str:
        return self.code.let(f"bitcast {self.whole} {a} to {self.type}")

    def series(self, x: str, coefficients: Sequence[float]) -> str:
        """c₀ + x·(c₁ + x·(c₂ + ...))."""
        *rest, last = coefficients
        total = self.num(last)
        for c in reversed(rest):
            total = self.fma(total, x, self.num(c))
        return total

    def round(self, x: str) -> tuple[str, str]:
        """x, below 2²¹ in size, rounded to a whole number: as a float and as an integer."""
        shifted = self.op("fadd", x, self.num(self.magic))
        whole = self.iop("sub", self.bits_of(shifted), self.int(self.magic_bits))
        return self.op("fsub", shifted, self.num(self.magic)), whole

    def of_int(self, k: str) -> str:
        """A small integer as a float."""
        return self.op("fsub", self.of_bits(self.iop("add", k, self.int(self.magic_bits))), self.num(self.magic))

    def power_of_2(self, k: str) -> str:
        return self.of_bits(self.iop("shl", self.iop("add", k, self.int(self.bias)), self.int(self.fraction)))

    def clamp(self, x: str, low: float, high: float) -> str:
        """x held between two numbers; NaN passes."""
        x = self.select(self.compare("ogt", x, self.num(high)), self.num(high), x)
        return self.select(self.compare("olt", x, self.num(low)), self.num(low), x)


def _reduce_exp(f: Float, x: str) -> tuple[str, str]:
    """x = k · ln 2 + r with |r| at most ln 2 / 2: k and r."""
    n, k = f.round(f.op("fmul", x, f.num(LOG2E)))
    high, low = LN2[f.bits]
    return k, f.fma(n, f.num(-low), f.fma(n, f.num(-high), x))


def exp(f: Float, x: str) -> str:
    """2ᵏ · eʳ; 2ᵏ in two factors, since k reaches beyond the exponents of normal numbers."""
    k, r = _reduce_exp(f, f.clamp(x, *((-104.0, 89.0) if f.bits == 32 else (-746.0, 710.0))))
    y = f.series(r, [1 / factorial(n) for n in range(8 if f.bits == 32 else 14)])
    half, rest = _halves(f, k)
    return f.op("fmul", f.op("fmul", y, f.power_of_2(half)), f.power_of_2(rest))


def expm1(f: Float, x: str) -> str:
    """2ᵏ · ((eʳ − 1) + (1 − 2⁻ᵏ)), free of cancellation near 0."""
    k, r = _reduce_exp(f, f.clamp(x, -50.0, 89.0 if f.bits == 32 else 710.0))
    half, rest = _halves(f, k)
    back = [f.power_of_2(f.iop("sub", f.int(0), part)) for part in (half, rest)]
    y = f.op("fadd", _less_one(f, r), f.op("fsub", f.num(1.0), f.op("fmul", *back)))
    y = f.op("fmul", f.op("fmul", y, f.power_of_2(half)), f.power_of_2(rest))
    return f.intrinsic("copysign", y, x)


def _halves(f: Float, k: str) -> tuple[str, str]:
    """Two integers that add up to k."""
    half = f.iop("sub", f.iop("lshr", f.iop("add", k, f.int(2048)), f.int(1)), f.int(1024))
    return half, f.iop("sub", k, half)


def _less_one(f: Float, r: str) -> str:
    """eʳ − 1 for |r| at most ln 2 / 2."""
    tail = f.series(r, [1 / factorial(n) for n in range(2, 9 if f.bits == 32 else 15)])
    return f.fma(f.op("fmul", r, r), tail, r)


def tanh(f: Float, x: str) -> str:
    """(e²ˣ − 1) / (e²ˣ + 1) on |x|, with e²ˣ − 1 = 2ᵏ(eʳ − 1) + (2ᵏ − 1) free of cancellation near 0."""
    size = f.clamp(f.intrinsic("fabs", x), 0.0, 10.0 if f.bits == 32 else 22.0)
    k, r = _reduce_exp(f, f.op("fadd", size, size))
    scale = f.power_of_2(k)
    less = f.fma(_less_one(f, r), scale, f.op("fsub", scale, f.num(1.0)))
    return f.intrinsic("copysign", f.op("fdiv", less, f.op("fadd", less, f.num(2.0))), x)


def log(f: Float, x: str) -> str:
    """e · ln 2 + log(1 + t) where x = 2ᵉ(1 + t) and 1 + t lies between √½ and √2."""
    shift = f.fraction + 2
    tiny = f.compare("olt", x, f.num(2.0 ** (1 - f.bias)))
    bits = f.bits_of(f.select(tiny, f.op("fmul", x, f.num(2.0**shift)), x))
    middle = int(np.asarray(sqrt(0.5), f.dtype).view(f"i{f.dtype.itemsize}"))
    above = f.iop("add", bits, f.int((f.bias << f.fraction) - middle))
    e = f.iop("sub", f.iop("lshr", above, f.int(f.fraction)), f.int(f.bias))
    t = f.op("fsub", f.of_bits(f.iop("sub", bits, f.iop("shl", e, f.int(f.fraction)))), f.num(1.0))
    n = f.op("fsub", f.of_int(e), f.select(tiny, f.num(shift), f.num(0.0)))
    s = f.op("fdiv", t, f.op("fadd", t, f.num(2.0)))
    z = f.op("fmul", s, s)
    terms = f.op("fmul", z, f.series(z, [2 / (2 * k + 3) for k in range(4 if f.bits == 32 else 10)]))
    half = f.op("fmul", f.op("fmul", t, t), f.num(0.5))
    high, low = LN2[f.bits]
    small = f.fma(s, f.op("fadd", half, terms), f.op("fmul", n, f.num(low)))
    y = f.fma(n, f.num(high), f.op("fsub", t, f.op("fsub", half, small)))
    y = f.select(f.compare("ult", x, f.num(0.0)), f.num(np.nan), y)
    y = f.select(f.compare("oeq", x, f.num(0.0)), f.num(-np.inf), y)
    return f.select(f.compare("oeq", x, f.num(np.inf)), f.num(np.inf), y)


def sin(f: Float, x: str) -> str:
    return _circular(f, x, "sin", 0)


def cos(f: Float, x: str) -> str:
    return _circular(f, x, "cos", 1)


def _circular(f: Float, x: str, name: str, quarter: int) -> str:
    """sin(x + quarter · π/2): on the remainder of x by π/2, with sign and series chosen by the quotient."""
    code = f.code
    size = f.intrinsic("fabs", x)
    far = f.compare("ogt", size, f.num(FAR))
    if f.lanes > 1:
        far = code.call("i1", f"llvm.vector.reduce.or.v{f.lanes}i1", (vector("i1", f.lanes), far))
    near_block, far_block, done = (code.name(stem) for stem in ("near", "far", "done"))
    code.branch(far, far_block, near_block)
    code.begin(far_block)
    by_library = code.by_lanes(kind(f.dtype), name + ("f" if f.bits == 32 else ""), f.lanes, x)
    code.jump(done)
    code.begin(near_block)
    k, r = _reduce_circular(f, size)
    k = f.iop("add", k, f.int(quarter)) if quarter else k
    z = f.op("fmul", r, r)
    n = 5 if f.bits == 32 else 9
    odd = f.series(z, [(-1) ** i / factorial(2 * i + 1) for i in range(1, n)])
    even = f.series(z, [(-1) ** i / factorial(2 * i) for i in range(1, n + 1)])
    sine = f.fma(f.op("fmul", r, z), odd, r)
    cosine = f.fma(z, even, f.num(1.0))
    swap = code.let(f"trunc {f.whole} {k} to {vector('i1', f.lanes)}")
    y = f.bits_of(f.select(swap, cosine, sine))
    y = f.iop("xor", y, f.iop("shl", f.iop("and", k, f.int(2)), f.int(f.bits - 2)))
    if not quarter:
        y = f.iop("xor", y, f.iop("and", f.bits_of(x), f.int(-(1 << (f.bits - 1)))))
    near = f.of_bits(y)
    code.jump(done)
    code.begin(done)
    return code.let(f"phi {f.type} [ {near}, %{near_block} ], [ {by_library}, %{far_block} ]")


def _reduce_circular(f: Float, x: str) -> tuple[str, str]:
    """x = k · π/2 + r with |r| at most π/4: k and r; for single precision computed in double."""
    d = Float(f.code, F64, f.lanes)
    wide = f.code.let(f"fpext {f.type} {x} to {d.type}") if f.bits == 32 else x
    n, k = d.round(d.op("fmul", wide, d.num(2 / np.pi)))
    for part in HALF_PI[: 2 if f.bits == 32 else 4]:
        wide = d.fma(n, d.num(-part), wide)
    if f.bits == 64:
        return k, wide
    return (f.code.let(f"trunc {d.whole} {k} to {f.whole}"), f.code.let(f"fptrunc {d.type} {wide} to {f.type}"))


FUNCTIONS: dict[str, Callable[[Float, str], str]] = {
    "exp": exp, "expm1": expm1, "log": log, "sin": sin, "cos": cos, "tanh": tanh}  # fmt: skip
