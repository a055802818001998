"""Draws of whole numbers."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.generator.normal import Normal
from chainrule.generator.rounding import DOUBLE, Array, Shape, floating, numel


class Whole(Normal):
    """Whole numbers in a range, in an order, and counts."""

    def randint(self, low: int, high: int, shape: Shape, dtype: npt.DTypeLike = np.int64) -> Array:
        """Return an array of `shape` of whole numbers from `low` to `high` − 1.

        Raises RuntimeError if there is no such number, or if `dtype` does not hold them all.

        >>> from chainrule.generator import Generator
        >>> Generator(42).randint(0, 100, (4,))
        array([42, 67, 76, 14])
        """
        n, kind = numel("randint", shape), np.dtype(dtype)
        if low >= high:
            raise RuntimeError(f"randint: low {low} must be less than high {high}; values are drawn from [low, high)")
        least, greatest = _whole_numbers(kind)
        if low < least or high - 1 > greatest:
            raise RuntimeError(
                f"randint: {low} to {high - 1} must be within {kind}'s {least} to {greatest}; choose a wider dtype"
            )
        width = high - low
        # Reducing one word modulo a wide range would be visibly uneven.
        words: Array = self.random32(n) if width < 2**28 else self.random64(n)
        return ((words % width).astype(np.int64) + low).astype(kind, copy=False).reshape(shape)

    def whole(self, shape: Shape, dtype: npt.DTypeLike = np.int64) -> Array:
        """Return an array of `shape` of whole numbers, from 0 to the last that `dtype` counts to without a gap.

        >>> from chainrule.generator import Generator
        >>> Generator(0).whole((2,))
        array([ 900450186894289455, 3969543146641149120])
        """
        n, kind = numel("random", shape), np.dtype(dtype)
        if kind == np.int64:
            return (self.random64(n) % 2**63).astype(np.int64).reshape(shape)
        if kind == np.float64:
            return (self.random64(n) % (2**53 + 1)).astype(kind).reshape(shape)
        greatest = _whole_numbers(kind)[1]
        return (self.random32(n) % np.uint64(greatest + 1)).astype(kind).reshape(shape)

    def randperm(self, n: int) -> npt.NDArray[np.int64]:
        """Return 0 … n − 1 in random order, by the forward Fisher-Yates shuffle.

        Raises RuntimeError if n is negative, or 2**32 // 20 or more, where PyTorch turns to another shuffle.

        >>> from chainrule.generator import Generator
        >>> Generator(0).randperm(6)
        array([2, 5, 3, 0, 1, 4])
        """
        if not 0 <= n < 2**32 // 20:
            raise RuntimeError(f"randperm: n must be from 0 to {2**32 // 20 - 1}, got {n}")
        places = np.arange(max(n - 1, 0))
        order = list(range(n))
        for i, j in enumerate((places + self.random32(len(places)) % (n - places)).tolist()):
            order[i], order[j] = order[j], order[i]
        return np.array(order, np.int64)

    def poisson(self, rates: Array) -> Array:
        """Return for each rate a Poisson count, in the dtype of `rates`. Raises RuntimeError for a negative rate.

        Small rates multiply uniform numbers until exp(−rate) is reached (Knuth, TAOCP vol. 2, 3.4.1); from 10 up it is
        W. Hörmann's transformed rejection ("The transformed rejection method for generating Poisson random variables",
        Insurance: Mathematics and Economics 12, 1993).
        """
        if not (rates >= 0).all():
            raise RuntimeError("poisson: invalid Poisson rate, expected rate to be non-negative")
        counts = [self._many(rate) if rate >= 10 else self._few(rate) for rate in rates.ravel().tolist()]
        return np.array(counts, rates.dtype).reshape(rates.shape)

    def _next(self) -> float:
        return float(self._unit(1, DOUBLE)[0])

    def _few(self, rate: float) -> int:
        least, product, count = math.exp(-rate), 1.0, 0
        while rate:
            product *= self._next()
            if product <= least:
                break
            count += 1
        return count

    def _many(self, rate: float) -> int:
        b = 0.931 + 2.53 * math.sqrt(rate)
        a = -0.059 + 0.02483 * b
        surely = 0.9277 - 3.6224 / (b - 2)
        scale = 1.1239 + 1.1328 / (b - 3.4)
        while True:
            u, v = self._next() - 0.5, self._next()
            edge = 0.5 - abs(u)
            k = math.floor((2 * a / edge + b) * u + rate + 0.43)
            if edge >= 0.07 and v <= surely:
                return k
            if k < 0 or (edge < 0.013 and v > edge):
                continue
            density = -rate + k * math.log(rate) - math.lgamma(k + 1)
            if math.log(v) + math.log(scale) - math.log(a / (edge * edge) + b) <= density:
                return k


def _whole_numbers(kind: np.dtype[Any]) -> tuple[int, int]:
    """Return the least and the greatest of the whole numbers that `kind` holds without a gap, and randint draws."""
    if kind == np.bool_:
        return 0, 1
    if kind.kind in "iu":
        return int(np.iinfo(kind).min), min(int(np.iinfo(kind).max), 2**63 - 2)  # `high` is an int64
    largest = 2 ** (np.finfo(floating("randint", kind)).nmant + 1)
    return -largest, largest
