"""One element of a computation: the carrier that an op's ``scalar`` facet is called on.

A :class:`Scalar` is a node of a hash-consed expression: a constant, an element loaded from a buffer, or an
operation of :data:`OPERATIONS` on scalars. Two more read what a loop knows: a *pick* loads an element whose place
is computed, a *position* is an index as a number. What an operation means is the NumPy function beside its name.
"""

import itertools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from chainrule.compiler.index import Axis, Index, Whole
from chainrule.ops.special import lgamma_of

DType = np.dtype[Any]
BOOL, HALF, SINGLE, DOUBLE, WHOLE = map(np.dtype, ("bool", "float16", "float32", "float64", "int64"))
NOTHING: Mapping[Any, Any] = {}
CHEAP, SLOW, HEAVY = 1, 4, 10

OPERATIONS: dict[str, tuple[Callable[..., Any], int]] = {
    "add": (operator.add, CHEAP),
    "sub": (operator.sub, CHEAP),
    "mul": (operator.mul, CHEAP),
    "div": (operator.truediv, SLOW),
    "pow": (np.power, 2 * HEAVY),
    "neg": (operator.neg, CHEAP),
    "abs": (np.abs, CHEAP),
    "sqrt": (np.sqrt, SLOW),
    "exp": (np.exp, HEAVY),
    "log": (np.log, HEAVY),
    "sin": (np.sin, HEAVY),
    "cos": (np.cos, HEAVY),
    "tanh": (np.tanh, HEAVY),
    "expm1": (np.expm1, HEAVY),
    "log2": (np.log2, 2 * HEAVY),
    "log10": (np.log10, 2 * HEAVY),
    "tan": (np.tan, 2 * HEAVY),
    "asin": (np.arcsin, 2 * HEAVY),
    "acos": (np.arccos, 2 * HEAVY),
    "atan": (np.arctan, 2 * HEAVY),
    "sinh": (np.sinh, 2 * HEAVY),
    "cosh": (np.cosh, 2 * HEAVY),
    "asinh": (np.arcsinh, 2 * HEAVY),
    "acosh": (np.arccosh, 2 * HEAVY),
    "atanh": (np.arctanh, 2 * HEAVY),
    "atan2": (np.arctan2, 2 * HEAVY),
    "hypot": (np.hypot, 2 * HEAVY),
    "lgamma": (lambda x: lgamma_of(np.array([x]))[0], 2 * HEAVY),
    "gcd": (np.gcd, 2 * HEAVY),
    "floor": (np.floor, CHEAP),
    "ceil": (np.ceil, CHEAP),
    "trunc": (np.trunc, CHEAP),
    "round": (np.rint, CHEAP),
    "fmod": (np.fmod, SLOW),
    "quotient": (np.floor_divide, SLOW),
    "maximum": (np.maximum, CHEAP),
    "minimum": (np.minimum, CHEAP),
    "eq": (operator.eq, CHEAP),
    "ne": (operator.ne, CHEAP),
    "lt": (operator.lt, CHEAP),
    "le": (operator.le, CHEAP),
    "gt": (operator.gt, CHEAP),
    "ge": (operator.ge, CHEAP),
    "and": (operator.and_, CHEAP),
    "or": (operator.or_, CHEAP),
    "xor": (operator.xor, CHEAP),
    "not": (np.invert, CHEAP),
    "lshift": (np.left_shift, CHEAP),
    "rshift": (np.right_shift, CHEAP),
    "where": (lambda c, x, y: x if c else y, CHEAP),
    "cast": (lambda x: x, CHEAP),
}
"""Operation -> what it means on NumPy scalars of one dtype, and about how many additions it costs."""

OF_BOOLS = {"add": "or", "maximum": "or", "mul": "and", "minimum": "and"}
"""What arithmetic on bools is, as in NumPy."""


@dataclass(frozen=True, eq=False)
class Buffer:
    """A C-contiguous array, seen by the loops as ``size`` elements in a row."""

    name: str
    size: int
    dtype: DType

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype}[{self.size}]"

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize


class Scalar:
    """A node. ``detail`` is a constant's value, a load's or pick's (buffer, offset), or a position's index."""

    __slots__ = ("args", "detail", "dtype", "op", "pool", "serial")
    _serials = itertools.count()

    def __init__(self, pool: "Pool", op: str, args: tuple["Scalar", ...], dtype: DType, detail: Any):
        self.pool = pool
        self.op = op
        self.args = args
        self.dtype = dtype
        self.detail = detail
        self.serial = next(Scalar._serials)

    def _of(self, op: str, *others: Any, dtype: DType | None = None) -> "Scalar":
        """``op`` of self and others; a number is read in this dtype."""
        args = [x if isinstance(x, Scalar) else self.pool.const(x, self.dtype) for x in (self, *others)]
        if self.dtype == BOOL:
            op = OF_BOOLS.get(op, op)
        return self.pool.node(op, tuple(args), dtype or self.dtype)

    def _reflected(self, op: str, other: Any) -> "Scalar":
        left: Scalar = self.pool.const(other, self.dtype)
        return left._of(op, self)

    def __add__(self, other: Any) -> "Scalar": return self._of("add", other)
    def __sub__(self, other: Any) -> "Scalar": return self._of("sub", other)
    def __mul__(self, other: Any) -> "Scalar": return self._of("mul", other)
    def __truediv__(self, other: Any) -> "Scalar": return self._of("div", other)
    def __radd__(self, other: Any) -> "Scalar": return self._reflected("add", other)
    def __rsub__(self, other: Any) -> "Scalar": return self._reflected("sub", other)
    def __rmul__(self, other: Any) -> "Scalar": return self._reflected("mul", other)
    def __rtruediv__(self, other: Any) -> "Scalar": return self._reflected("div", other)
    def __rpow__(self, other: Any) -> "Scalar": return self._reflected("pow", other)
    def __neg__(self) -> "Scalar": return self._of("neg")
    def __eq__(self, other: Any) -> "Scalar": return self._of("eq", other, dtype=BOOL)  # type: ignore[override]
    def __ne__(self, other: Any) -> "Scalar": return self._of("ne", other, dtype=BOOL)  # type: ignore[override]
    def __lt__(self, other: Any) -> "Scalar": return self._of("lt", other, dtype=BOOL)
    def __le__(self, other: Any) -> "Scalar": return self._of("le", other, dtype=BOOL)
    def __gt__(self, other: Any) -> "Scalar": return self._of("gt", other, dtype=BOOL)
    def __ge__(self, other: Any) -> "Scalar": return self._of("ge", other, dtype=BOOL)
    def __and__(self, other: Any) -> "Scalar": return self._of("and", other)
    def __or__(self, other: Any) -> "Scalar": return self._of("or", other)
    def __xor__(self, other: Any) -> "Scalar": return self._of("xor", other)
    def __lshift__(self, other: Any) -> "Scalar": return self._of("lshift", other)
    def __rshift__(self, other: Any) -> "Scalar": return self._of("rshift", other)
    def __invert__(self) -> "Scalar": return self._of("not")

    __hash__ = object.__hash__

    def __pow__(self, other: Any) -> "Scalar":
        """Constant powers that are everywhere as NumPy computes them, by √ and ·."""
        exponent = other.detail if isinstance(other, Scalar) and other.op == "const" else other
        if not isinstance(exponent, Scalar):
            if exponent in (0.5, -0.5) and self.dtype.kind == "f":
                return self.sqrt() if exponent > 0 else 1 / self.sqrt()
            if exponent in (1, 2, 3):
                return reduce(operator.mul, [self] * int(exponent))
        return self._elementary("pow", other)

    def _elementary(self, op: str, *others: Any) -> "Scalar":
        """Half precision is computed in single and rounded, as NumPy does."""
        args = [x.cast(SINGLE) if isinstance(x, Scalar) and x.dtype == HALF else x for x in (self, *others)]
        return args[0]._of(op, *args[1:]).cast(self.dtype)

    def widened(self, function: Callable[["Scalar"], "Scalar"]) -> "Scalar":
        """``function`` of self, computed at least in single precision."""
        return function(self.cast(SINGLE)).cast(HALF) if self.dtype == HALF else function(self)

    def in_double(self, function: Callable[["Scalar"], "Scalar"]) -> "Scalar":
        """``function`` of self, computed in double precision."""
        return function(self.cast(DOUBLE)).cast(self.dtype)

    def exp(self) -> "Scalar": return self._elementary("exp")
    def expm1(self) -> "Scalar": return self._elementary("expm1")
    def log(self) -> "Scalar": return self._elementary("log")
    def log1p(self) -> "Scalar": return self.widened(_log1p)
    def log2(self) -> "Scalar": return self._elementary("log2")
    def log10(self) -> "Scalar": return self._elementary("log10")
    def sin(self) -> "Scalar": return self._elementary("sin")
    def cos(self) -> "Scalar": return self._elementary("cos")
    def tan(self) -> "Scalar": return self._elementary("tan")
    def asin(self) -> "Scalar": return self._elementary("asin")
    def acos(self) -> "Scalar": return self._elementary("acos")
    def atan(self) -> "Scalar": return self._elementary("atan")
    def atan2(self, other: Any) -> "Scalar": return self._elementary("atan2", other)
    def hypot(self, other: Any) -> "Scalar": return self._elementary("hypot", other)
    def lgamma(self) -> "Scalar": return self._elementary("lgamma")
    def sinh(self) -> "Scalar": return self._elementary("sinh")
    def cosh(self) -> "Scalar": return self._elementary("cosh")
    def tanh(self) -> "Scalar": return self._elementary("tanh")
    def asinh(self) -> "Scalar": return self._elementary("asinh")
    def acosh(self) -> "Scalar": return self._elementary("acosh")
    def atanh(self) -> "Scalar": return self._elementary("atanh")
    def sqrt(self) -> "Scalar": return self._elementary("sqrt")
    def floor(self) -> "Scalar": return self._whole("floor")
    def ceil(self) -> "Scalar": return self._whole("ceil")
    def trunc(self) -> "Scalar": return self._whole("trunc")
    def round(self) -> "Scalar": return self._whole("round")

    def _whole(self, op: str) -> "Scalar":
        return self._elementary(op) if self.dtype.kind == "f" else self

    def fmod(self, other: Any) -> "Scalar":
        """What is left of self / other rounded toward 0."""
        return self._elementary("fmod", other)

    def remainder(self, other: Any) -> "Scalar":
        """What is left of self / other rounded down: it has the sign of ``other``."""
        y = other if isinstance(other, Scalar) else self.pool.const(other, self.dtype)
        left = self.fmod(y)
        zero = self.pool.const(-0.0, self.dtype).where(y < 0, 0.0)
        return (left + y).where(left._against(y), zero.where(left == 0, left))

    def floor_divide(self, other: Any) -> "Scalar":
        """self / other rounded down; exact, where the quotient itself may be rounded up to a whole number."""
        y = other if isinstance(other, Scalar) else self.pool.const(other, self.dtype)
        left, one = self.fmod(y), self.pool.const(1, self.dtype)
        if self.dtype.kind != "f":
            whole = (self - left)._of("quotient", y)
            return (whole - one).where(left._against(y), whole)
        quotient = self / y
        whole = ((self - left) / y).round()
        whole = (whole - one).where(left._against(y), whole)
        return quotient.where(y == 0, (quotient * 0).where(whole == 0, whole))

    def _against(self, other: "Scalar") -> "Scalar":
        """Is it other than 0 and of the other sign?"""
        return (self != 0) & ((self < 0) ^ (other < 0))

    def abs(self) -> "Scalar":
        return self if self.dtype.kind in "bu" else self._of("abs")

    def gcd(self, other: "Scalar") -> "Scalar":
        """The greatest common divisor of whole numbers, not negative."""
        return self.abs()._of("gcd", other.abs())

    def maximum(self, other: Any) -> "Scalar":
        """The larger; NaN if either is."""
        return self._of("maximum", other)

    def minimum(self, other: Any) -> "Scalar":
        """The smaller; NaN if either is."""
        return self._of("minimum", other)

    def where(self, condition: "Scalar", other: Any) -> "Scalar":
        """self where ``condition`` holds, else ``other``."""
        y = other if isinstance(other, Scalar) else self.pool.const(other, self.dtype)
        return self.pool.node("where", (condition.cast(BOOL), self, y), self.dtype)

    def cast(self, dtype: DType) -> "Scalar":
        return self if self.dtype == dtype else self.pool.node("cast", (self,), dtype)

    def relu(self) -> "Scalar":
        return self.maximum(0)

    def sign(self) -> "Scalar":
        """−1, 0 or 1; 0 of NaN."""
        one, minus, zero = (self.pool.const(n, self.dtype) for n in (1, -1 if self.dtype.kind != "u" else 0, 0))
        return one.where(self > 0, minus.where(self < 0, zero))

    def __str__(self) -> str:
        if self.op == "const":
            return str(self.detail)
        if self.op == "load":
            return f"{self.detail[0].name}[{self.detail[1]}]"
        if self.op == "pick":
            return f"pick {self.detail[0].name}[{self.detail[1]} + ...]"
        if self.op == "position":
            return f"position {self.detail}"
        return f"{self.op} {self.dtype}"

    __repr__ = __str__


def _log1p(x: Scalar) -> Scalar:
    """log(1 + x), with what 1 + x has lost of x made good by the derivative of log."""
    more = 1 + x
    lost = x - (more - 1)
    near = more.log()
    return x.where(more == 1, (near + lost / more).where(lost.abs() > 0, near))


class Pool:
    """Makes scalars; the same operation on the same scalars is made once."""

    def __init__(self) -> None:
        self.made: dict[Any, Scalar] = {}

    def node(self, op: str, args: tuple[Scalar, ...], dtype: DType, detail: Any = None, key: Any = None) -> Scalar:
        key = (op, tuple(map(id, args)), dtype, key)
        found = self.made.get(key)
        if found is None:
            found = self.made[key] = Scalar(self, op, args, dtype, detail)
        return found

    def const(self, value: Any, dtype: DType) -> Scalar:
        number = np.asarray(value).astype(dtype)[()]
        return self.node("const", (), dtype, number, number.tobytes())

    def load(self, buffer: Buffer, offset: Index) -> Scalar:
        return self.node("load", (), buffer.dtype, (buffer, offset), (id(buffer), offset))

    def pick(self, buffer: Buffer, offset: Index, by: Scalar) -> Scalar:
        """The element ``by`` past ``offset``, wherever that is."""
        return self.node("pick", (by,), buffer.dtype, (buffer, offset), (id(buffer), offset))

    def position(self, index: Index) -> Scalar:
        """An index as a number."""
        return self.node("position", (), WHOLE, index, index) if index.terms else self.const(index.const, WHOLE)

    def rebuild(self, roots: Sequence[Scalar], axes: Mapping[Axis, Whole] = NOTHING,
                buffers: Mapping[Buffer, Buffer] = NOTHING, known: Mapping[Buffer, Scalar] = NOTHING,
                starts: Mapping[Buffer, int] = NOTHING) -> list[Scalar]:  # fmt: skip
        """The roots again, over other axes, on other buffers, with what is known for loads of some buffers.

        Of a buffer in ``starts`` the elements are counted from there.
        """
        new: dict[Scalar, Scalar] = {}
        for node in walk(roots):
            args = tuple(new[a] for a in node.args)
            if node.op in ("load", "pick"):
                buffer, offset = node.detail
                offset = (offset.replace(axes) if axes else offset) + -starts.get(buffer, 0)
                buffer = buffers.get(buffer, buffer)
                if node.op == "pick":
                    new[node] = self.pick(buffer, offset, *args)
                else:
                    new[node] = known[buffer] if buffer in known else self.load(buffer, offset)
            elif node.op == "position":
                new[node] = self.position(node.detail.replace(axes))
            elif args:
                new[node] = node if all(map(operator.is_, args, node.args)) else self.node(node.op, args, node.dtype)
            else:
                new[node] = node
        return [new[r] for r in roots]


def walk(roots: Iterable[Scalar]) -> list[Scalar]:
    """The roots and all that they are made of, each after its arguments."""
    seen = set(roots)
    stack = list(seen)
    while stack:
        for arg in stack.pop().args:
            if arg not in seen:
                seen.add(arg)
                stack.append(arg)
    return sorted(seen, key=operator.attrgetter("serial"))
