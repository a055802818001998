"""Arithmetic, elementary functions, comparisons and selection."""

from typing import Any, Self

import numpy as np

from chainrule.ops import arithmetic, comparison, shape
from chainrule.vocabulary.carrier import Carrier

Number = int | float | bool


class Arithmetic(Carrier):
    """Elementwise words."""

    __slots__ = ()

    def __add__(self, other: Any) -> Self: return self._binary(arithmetic.add, other)
    def __sub__(self, other: Any) -> Self: return self._binary(arithmetic.sub, other)
    def __mul__(self, other: Any) -> Self: return self._binary(arithmetic.mul, other)
    def __truediv__(self, other: Any) -> Self: return self._binary(arithmetic.div, other)
    def __pow__(self, other: Any) -> Self: return self._binary(arithmetic.pow, other)
    def __radd__(self, other: Any) -> Self: return self._reflected(arithmetic.add, other)
    def __rsub__(self, other: Any) -> Self: return self._reflected(arithmetic.sub, other)
    def __rmul__(self, other: Any) -> Self: return self._reflected(arithmetic.mul, other)
    def __rtruediv__(self, other: Any) -> Self: return self._reflected(arithmetic.div, other)
    def __rpow__(self, other: Any) -> Self: return self._reflected(arithmetic.pow, other)
    def __neg__(self) -> Self: return self._unary(arithmetic.neg)
    def __pos__(self) -> Self: return self
    def __abs__(self) -> Self: return self._unary(arithmetic.abs)
    def __gt__(self, other: Any) -> Self: return self._binary(comparison.gt, other)
    def __ge__(self, other: Any) -> Self: return self._binary(comparison.ge, other)
    def __lt__(self, other: Any) -> Self: return self._binary(comparison.lt, other)
    def __le__(self, other: Any) -> Self: return self._binary(comparison.le, other)
    def __eq__(self, other: Any) -> Self: return self._binary(comparison.eq, other)  # type: ignore[override]
    def __ne__(self, other: Any) -> Self: return self._binary(comparison.ne, other)  # type: ignore[override]
    def __invert__(self) -> Self: return self._unary(comparison.logical_not)

    __hash__ = object.__hash__

    def add(self, other: Any, *, alpha: Number = 1) -> Self:
        """self + alpha · other."""
        return self._word(arithmetic.add, other if alpha == 1 else other * alpha)

    def sub(self, other: Any, *, alpha: Number = 1) -> Self:
        """self − alpha · other."""
        return self._word(arithmetic.sub, other if alpha == 1 else other * alpha)

    def mul(self, other: Any) -> Self: return self._word(arithmetic.mul, other)
    def div(self, other: Any) -> Self: return self._word(arithmetic.div, other)
    def true_divide(self, other: Any) -> Self: return self._word(arithmetic.div, other)
    def pow(self, exponent: Any) -> Self: return self._word(arithmetic.pow, exponent)
    def neg(self) -> Self: return self._unary(arithmetic.neg)
    def abs(self) -> Self: return self._unary(arithmetic.abs)
    def sign(self) -> Self: return self._unary(arithmetic.sign)
    def exp(self) -> Self: return self._unary(arithmetic.exp)
    def log(self) -> Self: return self._unary(arithmetic.log)
    def sqrt(self) -> Self: return self._unary(arithmetic.sqrt)
    def sin(self) -> Self: return self._unary(arithmetic.sin)
    def cos(self) -> Self: return self._unary(arithmetic.cos)
    def tanh(self) -> Self: return self._unary(arithmetic.tanh)
    def sigmoid(self) -> Self: return self._unary(arithmetic.sigmoid)
    def relu(self) -> Self: return self._unary(arithmetic.relu)
    def maximum(self, other: Any) -> Self: return self._binary(arithmetic.maximum, other)
    def minimum(self, other: Any) -> Self: return self._binary(arithmetic.minimum, other)
    def gt(self, other: Any) -> Self: return self._word(comparison.gt, other)
    def ge(self, other: Any) -> Self: return self._word(comparison.ge, other)
    def lt(self, other: Any) -> Self: return self._word(comparison.lt, other)
    def le(self, other: Any) -> Self: return self._word(comparison.le, other)
    def eq(self, other: Any) -> Self: return self._word(comparison.eq, other)
    def ne(self, other: Any) -> Self: return self._word(comparison.ne, other)
    def logical_not(self) -> Self: return self._unary(comparison.logical_not)

    multiply, divide, subtract, negative, absolute = mul, div, sub, neg, abs
    greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne

    def square(self) -> Self:
        """self².

        >>> import chainrule as torch
        >>> torch.tensor([1.0, -3.0]).square()
        tensor([1., 9.])
        """
        return self**2

    def reciprocal(self) -> Self:
        """1 / self."""
        return 1 / self

    def rsqrt(self) -> Self:
        """1 / √self."""
        return 1 / self.sqrt()

    def tan(self) -> Self:
        """sin / cos."""
        return self.sin() / self.cos()

    def clamp(self, min: Any = None, max: Any = None) -> Self:
        """self, not below ``min`` and not above ``max``; where it is held, no gradient passes."""
        low = self if min is None else self.masked_fill(self < min, min)
        return low if max is None else low.masked_fill(low > max, max)

    def where(self, condition: Any, other: Any) -> Self:
        """self where ``condition`` holds, else ``other``."""
        return self._apply(comparison.where, (condition, self, other))

    def masked_fill(self, mask: Any, value: Any) -> Self:
        """``value`` where ``mask`` holds, else self. A Python bool stands for a mask of one value."""
        if isinstance(mask, bool):
            return self._full(self.shape, value) if mask else self
        return self._apply(comparison.where, (mask, value, self))

    def cast(self, dtype: np.dtype[Any]) -> Self:
        """self in another dtype; itself when it has that dtype."""
        return self if self.np_dtype == dtype else self._apply(shape.cast, (self,), dtype=dtype)

    def clone(self) -> Self:
        """A copy that gradients pass through."""
        return self._apply(shape.cast, (self,), dtype=self.np_dtype)

