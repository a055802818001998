"""Elementwise words with names of their own: gamma's, the error function's, angles, signs, and what avoids NaN."""

import math
from typing import Any, Self

import numpy as np

from chainrule.errors import DtypeError
from chainrule.ops import special
from chainrule.vocabulary.carrier import Carrier

DOUBLE = np.dtype("float64")


class Special(Carrier):
    """Elementwise words that are not needed every day."""

    __slots__ = ()

    def erfc(self) -> Self: return self._unary(special.erfc)
    def erfinv(self) -> Self: return self._unary(special.erfinv)
    def lgamma(self) -> Self: return self._unary(special.lgamma)
    def polygamma(self, n: int) -> Self: return self._unary(special.polygamma, n=n)
    def digamma(self) -> Self: return self._unary(special.polygamma, n=0)
    def logaddexp(self, other: Any) -> Self: return self._word(special.logaddexp, other)
    def hypot(self, other: Any) -> Self: return self._word(special.hypot, other)
    def copysign(self, other: Any) -> Self: return self._word(special.copysign, other)
    def xlogy(self, other: Any) -> Self: return self._word(special.xlogy, other)
    def signbit(self) -> Self: return self._unary(special.signbit)
    def gcd(self, other: Any) -> Self: return self._word(special.gcd, other)
    def lcm(self, other: Any) -> Self: return self._word(special.lcm, other)

    def logaddexp2(self, other: Any) -> Self:
        """log₂(2^self + 2^other)."""
        x: Any = self
        return (x * math.log(2)).logaddexp(other * math.log(2)) / math.log(2)  # type: ignore[no-any-return]

    def sinc(self) -> Self:
        """sin(π x) / (π x), 1 at 0."""
        x: Any = self
        turn = x * math.pi
        origin = turn == 0
        turn = turn.masked_fill(origin, 1)
        return (turn.sin() / turn).masked_fill(origin, 1)  # type: ignore[no-any-return]

    def logit(self, eps: float | None = None) -> Self:
        """log(x / (1 − x)), the inverse of sigmoid; ``eps`` holds x within [eps, 1 − eps].

        >>> import chainrule as torch
        >>> torch.tensor([0.5, 0.75]).logit()
        tensor([0.0000, 1.0986])
        """
        held: Any = self if eps is None else self.clamp(eps, 1 - eps)  # type: ignore[attr-defined]
        return held._unary(special.logit)  # type: ignore[no-any-return]

    def deg2rad(self) -> Self:
        """Degrees as radians."""
        x: Any = self
        return x * (math.pi / 180)  # type: ignore[no-any-return]

    def rad2deg(self) -> Self:
        """Radians as degrees."""
        x: Any = self
        return x * (180 / math.pi)  # type: ignore[no-any-return]

    def sgn(self) -> Self:
        """The sign."""
        x: Any = self
        return x.sign()  # type: ignore[no-any-return]

    def fmax(self, other: Any) -> Self:
        """The larger of the two, the other one where one is NaN."""
        x: Any = self
        return x.where((x >= other) | (other != other), other)  # type: ignore[no-any-return]

    def fmin(self, other: Any) -> Self:
        """The smaller of the two, the other one where one is NaN."""
        x: Any = self
        return x.where((x <= other) | (other != other), other)  # type: ignore[no-any-return]

    def heaviside(self, values: Any) -> Self:
        """0 below 0, 1 above, ``values`` at 0; it has no gradient."""
        x: Any = self.detach()
        if x.np_dtype != values.np_dtype:
            raise DtypeError(f"heaviside: not yet implemented for tensors with different dtypes: {x.np_dtype} and "
                             f"{values.np_dtype}; convert one of the two")
        return values.detach().where(x == 0, (x > 0).cast(x.np_dtype))  # type: ignore[no-any-return]

    def nan_to_num(self, nan: float | None = None, posinf: float | None = None, neginf: float | None = None) -> Self:
        """self with NaN as 0 and infinities as the largest numbers, or as given; from there no gradient comes.

        >>> import chainrule as torch
        >>> torch.tensor([float("nan"), 1.0]).nan_to_num()
        tensor([0., 1.])
        """
        x: Any = self
        if x.np_dtype.kind != "f":
            return x.clone()  # type: ignore[no-any-return]
        largest = float(np.finfo(x.np_dtype).max)
        x = x.masked_fill(x != x, nan or 0).masked_fill(x == math.inf, largest if posinf is None else posinf)
        return x.masked_fill(x == -math.inf, -largest if neginf is None else neginf)  # type: ignore[no-any-return]

    def isreal(self) -> Self:
        """Is the imaginary part 0? Of real numbers it is."""
        x: Any = self
        return (x == x) | (x != x)  # type: ignore[no-any-return]

    def float_power(self, exponent: Any) -> Self:
        """self ** exponent in double precision."""
        x: Any = self
        y: Any = exponent
        return x.cast(DOUBLE) ** (y.cast(DOUBLE) if hasattr(y, "cast") else y)  # type: ignore[no-any-return]

    def ldexp(self, other: Any) -> Self:
        """self · 2^other."""
        x: Any = self
        return x * 2.0**other  # type: ignore[no-any-return]
