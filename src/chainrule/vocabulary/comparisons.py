"""Comparisons, logic and bits."""

from math import inf
from typing import Any, Self

import numpy as np

from chainrule.errors import DtypeError
from chainrule.ops import comparison
from chainrule.vocabulary.carrier import Carrier

DOUBLE = np.dtype("float64")


class Comparisons(Carrier):
    """Words whose answers have no gradient."""

    __slots__ = ()

    def __gt__(self, other: Any) -> Self: return self._binary(comparison.gt, other)
    def __ge__(self, other: Any) -> Self: return self._binary(comparison.ge, other)
    def __lt__(self, other: Any) -> Self: return self._binary(comparison.lt, other)
    def __le__(self, other: Any) -> Self: return self._binary(comparison.le, other)
    def __eq__(self, other: Any) -> Self: return self._binary(comparison.eq, other)  # type: ignore[override]
    def __ne__(self, other: Any) -> Self: return self._binary(comparison.ne, other)  # type: ignore[override]
    def __invert__(self) -> Self: return self._unary(comparison.bitwise_not)
    def __and__(self, other: Any) -> Self: return self._binary(comparison.bitwise_and, other)
    def __or__(self, other: Any) -> Self: return self._binary(comparison.bitwise_or, other)
    def __xor__(self, other: Any) -> Self: return self._binary(comparison.bitwise_xor, other)
    def __lshift__(self, other: Any) -> Self: return self._binary(comparison.bitwise_left_shift, other)
    def __rshift__(self, other: Any) -> Self: return self._binary(comparison.bitwise_right_shift, other)
    def __rand__(self, other: Any) -> Self: return self._reflected(comparison.bitwise_and, other)
    def __ror__(self, other: Any) -> Self: return self._reflected(comparison.bitwise_or, other)
    def __rxor__(self, other: Any) -> Self: return self._reflected(comparison.bitwise_xor, other)
    def __rlshift__(self, other: Any) -> Self: return self._reflected(comparison.bitwise_left_shift, other)
    def __rrshift__(self, other: Any) -> Self: return self._reflected(comparison.bitwise_right_shift, other)

    __hash__ = object.__hash__

    def gt(self, other: Any) -> Self: return self._word(comparison.gt, other)
    def ge(self, other: Any) -> Self: return self._word(comparison.ge, other)
    def lt(self, other: Any) -> Self: return self._word(comparison.lt, other)
    def le(self, other: Any) -> Self: return self._word(comparison.le, other)
    def eq(self, other: Any) -> Self: return self._word(comparison.eq, other)
    def ne(self, other: Any) -> Self: return self._word(comparison.ne, other)
    def bitwise_not(self) -> Self: return self._unary(comparison.bitwise_not)
    def bitwise_and(self, other: Any) -> Self: return self._word(comparison.bitwise_and, other)
    def bitwise_or(self, other: Any) -> Self: return self._word(comparison.bitwise_or, other)
    def bitwise_xor(self, other: Any) -> Self: return self._word(comparison.bitwise_xor, other)
    def bitwise_left_shift(self, other: Any) -> Self: return self._word(comparison.bitwise_left_shift, other)
    def bitwise_right_shift(self, other: Any) -> Self: return self._word(comparison.bitwise_right_shift, other)

    greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne

    def logical_not(self) -> Self:
        """Is self 0?"""
        return self.eq(0)

    def logical_and(self, other: Any) -> Self:
        """Are both other than 0?"""
        return self.ne(0).bitwise_and(other.ne(0))

    def logical_or(self, other: Any) -> Self:
        """Is one of the two other than 0?"""
        return self.ne(0).bitwise_or(other.ne(0))

    def logical_xor(self, other: Any) -> Self:
        """Is just one of the two other than 0?"""
        return self.ne(0).bitwise_xor(other.ne(0))

    def isnan(self) -> Self:
        """Is self not a number?"""
        return self != self

    def isinf(self) -> Self:
        """Is self ∞ or −∞?"""
        return self.eq(inf) | self.eq(-inf)

    def isfinite(self) -> Self:
        """Is self neither infinite nor NaN?"""
        return (self < inf) & (self > -inf)

    def isposinf(self) -> Self:
        """Is self ∞?"""
        return self.eq(inf)

    def isneginf(self) -> Self:
        """Is self −∞?"""
        return self.eq(-inf)

    def isclose(self, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Self:
        """|self − other| ≤ atol + rtol · |other|; infinities only if they are equal.

        >>> import chainrule as torch
        >>> torch.tensor([1.0, 2.0]).isclose(torch.tensor([1.0 + 1e-7, 2.1]))
        tensor([ True, False])
        """
        if self.np_dtype != other.np_dtype:
            raise DtypeError(f"isclose: {self.np_dtype} did not match {other.np_dtype}; convert one of the two")
        if rtol < 0 or atol < 0:
            raise RuntimeError(f"isclose: rtol and atol must be greater than or equal to zero, got {rtol} and {atol}")
        x: Any = self.detach()
        y: Any = other.detach()
        if x.np_dtype.kind != "f":
            x, y = x.cast(DOUBLE), y.cast(DOUBLE)
        near = ((x - y).abs() <= atol + (rtol * y).abs()) & x.isfinite() & y.isfinite()
        close: Self = self.eq(other) | near
        return close | (self.isnan() & other.isnan()) if equal_nan else close
