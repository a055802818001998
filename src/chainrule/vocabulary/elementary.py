"""Elementary functions."""

from typing import Any, Self

from chainrule.ops import elementary
from chainrule.vocabulary.carrier import Carrier


class Elementary(Carrier):
    """Elementwise words named after functions."""

    __slots__ = ()

    def exp(self) -> Self: return self._unary(elementary.exp)
    def exp2(self) -> Self: return self._unary(elementary.exp2)
    def expm1(self) -> Self: return self._unary(elementary.expm1)
    def log(self) -> Self: return self._unary(elementary.log)
    def log1p(self) -> Self: return self._unary(elementary.log1p)
    def log2(self) -> Self: return self._unary(elementary.log2)
    def log10(self) -> Self: return self._unary(elementary.log10)
    def sqrt(self) -> Self: return self._unary(elementary.sqrt)
    def sin(self) -> Self: return self._unary(elementary.sin)
    def cos(self) -> Self: return self._unary(elementary.cos)
    def tan(self) -> Self: return self._unary(elementary.tan)
    def asin(self) -> Self: return self._unary(elementary.asin)
    def acos(self) -> Self: return self._unary(elementary.acos)
    def atan(self) -> Self: return self._unary(elementary.atan)
    def atan2(self, other: Any) -> Self: return self._binary(elementary.atan2, other)
    def sinh(self) -> Self: return self._unary(elementary.sinh)
    def cosh(self) -> Self: return self._unary(elementary.cosh)
    def tanh(self) -> Self: return self._unary(elementary.tanh)
    def asinh(self) -> Self: return self._unary(elementary.asinh)
    def acosh(self) -> Self: return self._unary(elementary.acosh)
    def atanh(self) -> Self: return self._unary(elementary.atanh)
    def sigmoid(self) -> Self: return self._unary(elementary.sigmoid)
    def erf(self) -> Self: return self._unary(elementary.erf)

    arcsin, arccos, arctan, arctan2, arcsinh, arccosh, arctanh = asin, acos, atan, atan2, asinh, acosh, atanh

    def rsqrt(self) -> Self:
        """1 / √self."""
        return self.sqrt().reciprocal()  # type: ignore[attr-defined,no-any-return]
