"""Arithmetic, rounding, bounds and selection: the operators, and the words for them."""

from typing import Any, Self

import numpy as np

from chainrule.errors import ShapeError
from chainrule.ops import arithmetic, comparison, shape
from chainrule.spec import shown
from chainrule.vocabulary.carrier import Carrier

Number = int | float | bool


class Arithmetic(Carrier):
    """Elementwise words; all but comparisons and what is named after a function."""

    __slots__ = ()

    def __add__(self, other: Any) -> Self: return self._binary(arithmetic.add, other)
    def __sub__(self, other: Any) -> Self: return self._binary(arithmetic.sub, other)
    def __mul__(self, other: Any) -> Self: return self._binary(arithmetic.mul, other)
    def __truediv__(self, other: Any) -> Self: return self._binary(arithmetic.div, other)
    def __pow__(self, other: Any) -> Self: return self._binary(arithmetic.pow, other)
    def __mod__(self, other: Any) -> Self: return self._binary(arithmetic.remainder, other)
    def __floordiv__(self, other: Any) -> Self: return self.floor_divide(other)
    def __radd__(self, other: Any) -> Self: return self._reflected(arithmetic.add, other)
    def __rsub__(self, other: Any) -> Self: return self._reflected(arithmetic.sub, other)
    def __rmul__(self, other: Any) -> Self: return self._reflected(arithmetic.mul, other)
    def __rtruediv__(self, other: Any) -> Self: return self._reflected(arithmetic.div, other)
    def __rpow__(self, other: Any) -> Self: return self._reflected(arithmetic.pow, other)
    def __rmod__(self, other: Any) -> Self: return self._reflected(arithmetic.remainder, other)
    def __rfloordiv__(self, other: Any) -> Self: return self.detach()._reflected(arithmetic.floor_divide, other)
    def __neg__(self) -> Self: return self._unary(arithmetic.neg)
    def __pos__(self) -> Self: return self
    def __abs__(self) -> Self: return self._unary(arithmetic.abs)

    __rdiv__ = __rtruediv__

    def add(self, other: Any, *, alpha: Number = 1) -> Self:
        """self + alpha · other."""
        return self._word(arithmetic.add, other if alpha == 1 else other * alpha)

    def sub(self, other: Any, *, alpha: Number = 1) -> Self:
        """self − alpha · other."""
        return self._word(arithmetic.sub, other if alpha == 1 else other * alpha)

    def rsub(self, other: Any, *, alpha: Number = 1) -> Self:
        """other − alpha · self."""
        return (self if alpha == 1 else self * alpha)._reflected(arithmetic.sub, other)

    def mul(self, other: Any) -> Self: return self._word(arithmetic.mul, other)

    def div(self, other: Any, *, rounding_mode: str | None = None) -> Self:
        """self / other; rounded down (``"floor"``) or toward zero (``"trunc"``) it has the gradient 0.

        >>> import chainrule as torch
        >>> torch.tensor([7.0, -7.0]).div(2, rounding_mode="floor")
        tensor([ 3., -4.])
        """
        if rounding_mode is None:
            return self._word(arithmetic.div, other)
        if rounding_mode == "floor":
            return self._word(arithmetic.floor_divide, other)
        if rounding_mode != "trunc":
            raise RuntimeError(f"div: expected rounding_mode to be one of None, 'trunc' or 'floor' but found "
                               f"{rounding_mode!r}")
        if (self.detach() * other).np_dtype.kind in "iu":
            return (self - self.fmod(other))._word(arithmetic.floor_divide, other)
        return self._word(arithmetic.div, other).trunc()

    def true_divide(self, other: Any) -> Self: return self._word(arithmetic.div, other)

    def floor_divide(self, other: Any) -> Self:
        """The largest whole number not above self / other; it has no gradient."""
        return self.detach()._binary(arithmetic.floor_divide, other.detach() if isinstance(other, Carrier) else other)

    def remainder(self, other: Any) -> Self: return self._word(arithmetic.remainder, other)
    def fmod(self, other: Any) -> Self: return self._word(arithmetic.fmod, other)
    def pow(self, exponent: Any) -> Self: return self._word(arithmetic.pow, exponent)
    def neg(self) -> Self: return self._unary(arithmetic.neg)
    def reciprocal(self) -> Self: return self._unary(arithmetic.reciprocal)
    def abs(self) -> Self: return self._unary(arithmetic.abs)
    def sign(self) -> Self: return self._unary(arithmetic.sign)
    def relu(self) -> Self: return self._unary(arithmetic.relu)
    def maximum(self, other: Any) -> Self: return self._binary(arithmetic.maximum, other)
    def minimum(self, other: Any) -> Self: return self._binary(arithmetic.minimum, other)
    def clamp_min(self, min: Any) -> Self: return self._binary(arithmetic.clamp_min, min)
    def clamp_max(self, max: Any) -> Self: return self._binary(arithmetic.clamp_max, max)
    def floor(self) -> Self: return self._unary(arithmetic.floor)
    def ceil(self) -> Self: return self._unary(arithmetic.ceil)
    def trunc(self) -> Self: return self._unary(arithmetic.trunc)

    def round(self, *, decimals: int = 0) -> Self:
        """The nearest whole number, of two the even one; or the nearest with so many decimals."""
        if not decimals:
            return self._unary(arithmetic.round)
        scale = 10.0 ** abs(decimals)
        return (self * scale).round() / scale if decimals > 0 else (self / scale).round() * scale

    def frac(self) -> Self:
        """What is left of self without its whole part, with its sign."""
        if self.np_dtype.kind in "iu":
            raise NotImplementedError(f"frac: not implemented for {self.np_dtype}, of which nothing is left; use x * 0")
        return self - self.trunc()

    def positive(self) -> Self:
        """self."""
        return self

    multiply, divide, subtract, negative, absolute, fix = mul, div, sub, neg, abs, trunc

    def square(self) -> Self:
        """self².

        >>> import chainrule as torch
        >>> torch.tensor([1.0, -3.0]).square()
        tensor([1., 9.])
        """
        return self**2

    def clamp(self, min: Any = None, max: Any = None) -> Self:
        """self, not below ``min`` and not above ``max``; where it is held, no gradient passes.

        >>> import chainrule as torch
        >>> torch.tensor([-1.5, 0.5, 3.0]).clamp(0, 1)
        tensor([0.0000, 0.5000, 1.0000])
        """
        if min is None and max is None:
            raise RuntimeError("clamp: at least one of 'min' or 'max' must not be None; give a bound")
        low = self if min is None else self.clamp_min(min)
        return low if max is None else low.clamp_max(max)

    clip = clamp

    def lerp(self, end: Any, weight: Any) -> Self:
        """The point between self (``weight`` 0) and ``end`` (``weight`` 1)."""
        return self + weight * (end - self)  # type: ignore[no-any-return]

    def addcmul(self, tensor1: Any, tensor2: Any, *, value: Number = 1) -> Self:
        """self + value · tensor1 · tensor2."""
        product = tensor1 * tensor2
        return self + (product if value == 1 else value * product)  # type: ignore[no-any-return]

    def addcdiv(self, tensor1: Any, tensor2: Any, *, value: Number = 1) -> Self:
        """self + value · tensor1 / tensor2."""
        quotient = tensor1 / tensor2
        return self + (quotient if value == 1 else value * quotient)  # type: ignore[no-any-return]

    def where(self, condition: Any, other: Any) -> Self:
        """self where ``condition`` holds, else ``other``."""
        return self._apply(comparison.where, (condition, self, other))

    def masked_fill(self, mask: Any, value: Any) -> Self:
        """``value`` where ``mask`` holds, else self. A Python bool stands for a mask of one value."""
        if isinstance(mask, bool):
            return self._full(self.shape, value) if mask else self
        if getattr(value, "ndim", 0):
            raise ShapeError(f"masked_fill: only supports a 0-dimensional value tensor, but got {shown(value.shape)}")
        return self._apply(comparison.where, (mask, value, self))

    def cast(self, dtype: np.dtype[Any]) -> Self:
        """self in another dtype; itself when it has that dtype."""
        return self if self.np_dtype == dtype else self._apply(shape.cast, (self,), dtype=dtype)

    def clone(self) -> Self:
        """A copy that gradients pass through."""
        return self._apply(shape.cast, (self,), dtype=self.np_dtype)
